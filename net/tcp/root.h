/*
 * The files that join the rooms of TCP: arrival of segments, output, timers, the user's calls.
 */
#ifndef NET_TCP_ROOT_H
#define NET_TCP_ROOT_H

#include "net/tcp/block/block.h"

/* ack.c */
enum tcp_verdict tcp_check_ack(struct tcp_cb *t, const struct tcp_segment *seg); /* may end */

/* fast.c. False: seg is not for the short way (counted by reason), nothing was done. Never ends t.
 */
bool tcp_fast_arrives(struct tcp_cb *t, struct tcp_segment *seg);

/*
 * run.c: p is a run of segments of one flow, its checksums looked at, its data at the first one's
 * header. Either tcp_fast_arrives will take it as a whole, and those behind the first are counted;
 * or p is made the first segment alone again, and the others are left in net.run_rest.
 */
void tcp_run_cut(struct net *n, struct pkt *p, const struct ipv4_header *h);

/* output.c: decides what goes. Sends data, FIN or an ACK that is due; keeps the timer. */
void tcp_output(struct tcp_cb *t);
void tcp_output_probe(struct tcp_cb *t); /* a tail loss probe (RFC 8985 7.3) */

/* timers.c */
timer_fn tcp_timer_expired;
enum tcp_verdict tcp_do_due(struct tcp_cb *t, enum tcp_due due); /* may end */

#endif
