/*
 * How connections begin and end, and who gives way when memory runs short.
 */
#ifndef NET_TCP_LIFE_LIFE_H
#define NET_TCP_LIFE_LIFE_H

#include "net/tcp/block/block.h"

/* life/state.c: becoming established and ending. */
void tcp_established(struct tcp_cb *t);
void tcp_set_mss(struct tcp_cb *t, const struct tcp_options *o, uint16_t our_mss);
void tcp_queue_fin(struct tcp_cb *t);
void tcp_detach(struct tcp_cb *t);
void tcp_end(struct tcp_cb *t, int error);   /* ends t: freed when nobody owns it */
void tcp_abort(struct tcp_cb *t, int error); /* the same after a RST */
bool tcp_evict_orphan(struct net *n);

/* life/state.c: t's state, its owner or the keepalive option changed. */
void tcp_idle_timer_start(struct tcp_cb *t);

/* The peer lives: keepalive's probes count from none. */
static inline void tcp_idle_heard(struct tcp_cb *t)
{
    t->idle.probes = 0;
}

static inline void tcp_idle_probe_sent(struct tcp_cb *t)
{
    t->idle.probes++;
}

/* life/time_wait.c */
void tcp_enter_time_wait(struct tcp_cb *t); /* ends t: freed when an orphan */
void tcp_arrives_time_wait(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg);
void tcp_time_wait_free(struct net *n, struct tcp_time_wait *w);
bool tcp_time_wait_yields(const struct net *n, const struct tcp_node *node);
uint32_t tcp_time_wait_succeed(struct net *n, struct tcp_time_wait *w);
timer_fn tcp_time_wait_expired;

/* life/pressure.c: who keeps packets to send and does not let them go. */
void tcp_holder_begin(struct tcp_cb *t);    /* something was queued */
void tcp_holder_progress(struct tcp_cb *t); /* SND.UNA has moved */
bool tcp_tx_short(const struct net *n);
void tcp_holders_evict(struct net *n); /* may end any connection */

#endif
