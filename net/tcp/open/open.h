/*
 * Passive and active opens. Writes listener of a block, but for the accept queue, and the half-open
 * records.
 */
#ifndef NET_TCP_OPEN_OPEN_H
#define NET_TCP_OPEN_OPEN_H

#include "net/tcp/block/block.h"

/* open/listen.c: listeners. */
struct tcp_cb *tcp_arrives_listen(struct tcp_cb *l, const struct tcp_segment *seg);
bool tcp_listen_syn(struct tcp_cb *l, const struct tcp_segment *seg, struct tcp_time_wait *old);
void tcp_listener_begin(struct tcp_cb *t); /* CLOSED before, LISTEN then; the backlog is next */
void tcp_listener_set_backlog(struct tcp_cb *l, uint32_t backlog);
void tcp_listener_close(struct tcp_cb *l);

/* open/half.c: a segment for a half-open record. */
struct tcp_cb *tcp_arrives_half(struct net *n, struct tcp_half *half,
                                const struct tcp_segment *seg); /* may end half */

/* open/record.c: half-open records. */
void tcp_half_free(struct net *n, struct tcp_half *half);

/* open/syn_sent.c: active opens. */
enum tcp_verdict tcp_arrives_syn_sent(struct tcp_cb *t, struct tcp_segment *seg);

#endif
