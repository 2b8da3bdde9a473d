/*
 * What nearly all segments of a connection have alike: their headers up to the ports, and the sum
 * of those. Written by send/template.c. Data only.
 */
#ifndef NET_TCP_BLOCK_TEMPLATE_H
#define NET_TCP_BLOCK_TEMPLATE_H

#include "net/core/way.h"

struct tcp_template {
    struct net_way way;
    uint32_t ports;  /* ours, then the peer's */
    uint32_t pseudo; /* the sum of the pseudo-header without the length (RFC 9293 3.1) */
};
static_assert(sizeof(struct tcp_template) <= 64, "one line of the cache");

#endif
