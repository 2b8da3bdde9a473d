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

/* output.c: decides what goes. Sends data, FIN or an ACK that is due; keeps the timer. */
void tcp_output(struct tcp_cb *t);
void tcp_output_probe(struct tcp_cb *t); /* a tail loss probe (RFC 8985 7.3) */

/* timers.c */
timer_fn tcp_timer_expired;
timer_fn tcp_starved_expired;
enum tcp_verdict tcp_do_due(struct tcp_cb *t, enum tcp_due due); /* may end */
void tcp_starve(struct tcp_cb *t);
bool tcp_reclaim(struct net *n); /* frees packets that a closed connection can never send */

#endif
