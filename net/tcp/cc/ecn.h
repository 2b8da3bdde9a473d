/*
 * Explicit congestion notification (RFC 3168).
 */
#ifndef NET_TCP_CC_ECN_H
#define NET_TCP_CC_ECN_H

#include "net/tcp/block/block.h"

/* cc/ecn.c: RFC 3168. */
bool tcp_ecn_asked(const struct net *n, const struct tcp_segment *syn);
uint8_t tcp_ecn_syn_flags(struct tcp_cb *t);
void tcp_ecn_syn_ack(struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ecn_accepted(struct tcp_cb *t);
void tcp_ecn_on_ack(struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ecn_on_data(struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ecn_mark_data(struct tcp_cb *t, struct tcp_out *out, bool fresh);

#endif
