/*
 * How connections begin and end, and who gives way when memory runs short. Writes state, error,
 * soft_error, orphan, place, parent, ready, owner, sack_on, idle and press of a block, and the
 * accept queue of a listener's.
 */
#ifndef NET_TCP_LIFE_LIFE_H
#define NET_TCP_LIFE_LIFE_H

#include "net/tcp/block/block.h"

/* life/block.c: memory. */
struct tcp_cb *tcp_cb_new(struct net *n) must_check;           /* CLOSED; NULL: the table is full */
void tcp_cb_free(struct tcp_cb *t);                            /* takes t, with all it holds */
void tcp_cb_inherit(struct tcp_cb *t, const struct tcp_cb *l); /* a listener's new connection */

/* To LISTEN and back to CLOSED: what only a listener has is there in between, and open/ makes its
 * own part of it (tcp_listener_begin, tcp_listener_close). */
void tcp_become_listener(struct tcp_cb *t);
void tcp_cease_to_listen(struct tcp_cb *t); /* its queues are empty */

/* The accept queue of l: t waits in it for its owner; and the oldest leaves it, NULL: none. */
void tcp_accept_push(struct tcp_cb *l, struct tcp_cb *t);
struct tcp_cb *tcp_accept_pop(struct tcp_cb *l);

/* life/state.c: the turns of a life. */
void tcp_established(struct tcp_cb *t);
void tcp_set_mss(struct tcp_cb *t, const struct tcp_options *o, uint16_t our_mss);
void tcp_queue_fin(struct tcp_cb *t);
void tcp_orphan(struct tcp_cb *t); /* its owner has closed */
void tcp_idle_timer_start(struct tcp_cb *t);
enum tcp_verdict tcp_fin_received(struct tcp_cb *t);                          /* may end */
enum tcp_verdict tcp_fin_acknowledged(struct tcp_cb *t, bool fin_in_segment); /* may end */

/* life/end.c: each way to end goes through tcp_detach, or tcp_cb_free, which does as much. */
void tcp_detach(struct tcp_cb *t);
void tcp_end(struct tcp_cb *t, int error);   /* ends t: freed when nobody owns it */
void tcp_abort(struct tcp_cb *t, int error); /* the same after a RST */
void tcp_reset_by_peer(struct tcp_cb *t);    /* ends t, whose peer sent a RST to be believed */

/* The peer lives: keepalive's probes count from none. */
static inline void tcp_idle_heard(struct tcp_cb *t)
{
    t->idle.probes = 0;
}

static inline void tcp_idle_probe_sent(struct tcp_cb *t)
{
    t->idle.probes++;
}

/* life/time_wait.c: the records. */
void tcp_enter_time_wait(struct tcp_cb *t); /* ends t: freed when an orphan */
bool tcp_time_wait_reopens(const struct net *n, const struct tcp_time_wait *w,
                           const struct tcp_segment *seg); /* by a listener, if there is one */
void tcp_arrives_time_wait(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg);
void tcp_time_wait_free(struct net *n, struct tcp_time_wait *w);
uint32_t tcp_time_wait_succeed(struct net *n, struct tcp_time_wait *w);
timer_fn tcp_time_wait_expired;

/*
 * life/pressure.c: who gives way. Each of these may end connections, but never one that is given to
 * it: those of another that stalls, or whose owner has closed.
 */
struct tcp_cb *tcp_pressure_new(struct net *n) must_check; /* a block, if need be an orphan's */
bool tcp_pressure_reclaim(struct net *n); /* frees packets that an orphan's peer will never take */
void tcp_pressure_limit_orphans(struct net *n); /* there is one more */
void tcp_pressure_wait(struct tcp_cb *t);       /* is told when there is a packet to send with */
void tcp_pressure_queued(struct tcp_cb *t);     /* has something to send */
void tcp_pressure_to_back(struct tcp_cb *t);    /* for it, and for tcp_pressure_progress */
timer_fn tcp_pressure_expired;

/* SND.UNA has moved. */
static inline void tcp_pressure_progress(struct tcp_cb *t)
{
    if (!list_linked(&t->press.sending)) {
        return; /* a FIN alone */
    }
    if (t->snd.queue.packets == 0) {
        list_remove(&t->press.sending);
    } else if (t->snd.una - t->press.progress_una >= t->snd.mss) {
        tcp_pressure_to_back(t);
    }
}

/* The same of records: which must go for a new one, NULL: none. The caller frees it. */
struct tcp_time_wait *tcp_pressure_time_wait(struct net *n);
/* False: a new record of l is not worth what would have to go. lossless: a cookie would do. */
bool tcp_pressure_half(const struct tcp_cb *l, bool lossless, struct tcp_half **victim);
bool tcp_pressure_half_near(const struct tcp_cb *l); /* one made now may soon have to go */

static inline void tcp_set_state(struct tcp_cb *t, enum tcp_state state)
{
    t->state = (uint8_t)state;
}

/* Whom to tell from now on; both NULL: nobody. */
static inline void tcp_give_owner(struct tcp_cb *t, net_ready_fn *ready, void *owner)
{
    t->ready = ready;
    t->owner = owner;
}

/* The pending error, positive or 0, which is told once. */
static inline int tcp_fetch_error(struct tcp_cb *t)
{
    int error = t->error;
    t->error = 0;
    return error;
}

/* RFC 9293 3.9.2.2: what becomes the error if the connection gives up; 0: all is well again. */
static inline void tcp_set_soft_error(struct tcp_cb *t, int error)
{
    t->soft_error = error;
}

/* RFC 2018 2: both SYNs permitted it, or not. */
static inline void tcp_agree_sack(struct tcp_cb *t, bool on)
{
    t->sack_on = on;
}

#endif
