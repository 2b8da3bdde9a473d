/*
 * What every room of a stack needs: packets to send, and a word to the program around it. The time
 * of an entry is net_enter's, in net/stack.h.
 */
#ifndef NET_CORE_CORE_H
#define NET_CORE_CORE_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/core/config.h"

struct net;

/*
 * A packet to send with PKT_HEADROOM, or NULL. control packets (ACK, RST, ARP, ICMP) may use the
 * whole pool, data may not use the last cfg.tx_reserve ones.
 */
struct pkt *net_alloc_tx(struct net *n, bool control) must_check;

/* Tells the program around the stack; borrows e. */
void net_tell(const struct net *n, const struct net_event *e);

#endif
