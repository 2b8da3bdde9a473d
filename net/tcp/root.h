/*
 * The files that join the rooms of TCP: arrival of segments, output, timers, the user's calls.
 */
#ifndef NET_TCP_ROOT_H
#define NET_TCP_ROOT_H

#include "net/tcp/block/block.h"

/* input.c */
enum tcp_verdict tcp_arrives(struct tcp_cb *t, struct tcp_segment *seg); /* may end */

/* ack.c */
enum tcp_verdict tcp_check_ack(struct tcp_cb *t, const struct tcp_segment *seg); /* may end */

/* opt.c */
void tcp_opt_inherit(struct tcp_cb *t, const struct tcp_cb *l);
uint16_t tcp_opt_mss(const struct tcp_cb *t, uint16_t mtu); /* what we announce */

/* output.c: decides what goes. Sends data, FIN or an ACK that is due; keeps the timer. */
void tcp_output(struct tcp_cb *t);

/* timers.c: delayed ACK, keepalive, FIN-WAIT-2, starved writers. */
timer_fn tcp_delack_expired;
timer_fn tcp_idle_expired;
timer_fn tcp_starved_expired;
void tcp_idle_timer_start(struct tcp_cb *t);
uint64_t tcp_patience_end_ns(const struct tcp_cb *t); /* TCP_USER_TIMEOUT; never without it */
void tcp_starve(struct tcp_cb *t);
bool tcp_reclaim(struct net *n); /* frees packets that a closed connection can never send */

#endif
