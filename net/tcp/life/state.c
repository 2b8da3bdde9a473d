/*
 * The turns in a connection's life: becoming established, sending a FIN, ending. Each way to end
 * goes through tcp_detach, which takes the connection off the wire, so that nothing can be
 * forgotten.
 */
#include "net/tcp/int.h"

#include <errno.h>

/* What both SYNs said of segment sizes. Whether timestamps are on must be known. */
void tcp_set_mss(struct tcp_cb *t, const struct tcp_options *o, uint16_t our_mss)
{
    t->rcv.mss = our_mss;
    tcp_pmtu_begin(t, o->has_mss ? o->mss : TCP_MSS_DEFAULT);
}

/* TCP_LINGER2, or the default. */
static uint64_t fin_wait_2_ns(const struct tcp_cb *t)
{
    int32_t seconds = t->opt.linger2_s;
    if (seconds < 0) {
        return 0;
    }
    return seconds == 0 ? tcp_ms(TCP_FIN_WAIT_2_MS) : (uint64_t)seconds * NS_PER_S;
}

/* Starts what the state asks for: the FIN-WAIT-2 limit once the owner has gone, or keepalive. */
void tcp_idle_timer_start(struct tcp_cb *t)
{
    struct net *n = t->net;
    if (t->state == TCP_FIN_WAIT_2 && t->orphan) {
        tcp_timer_set(t, TCP_TIMER_IDLE, n->now_ns + fin_wait_2_ns(t));
    } else if (t->keepalive.on && tcp_synchronized(t)) {
        tcp_idle_heard(t);
        tcp_timer_set(t, TCP_TIMER_IDLE, t->rcv.heard_ns + t->keepalive.idle_s * NS_PER_S);
    } else {
        tcp_timer_stop(t, TCP_TIMER_IDLE);
    }
}

void tcp_established(struct tcp_cb *t)
{
    assert(t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED);
    struct net *n = t->net;
    t->state = TCP_ESTABLISHED;
    t->soft_error = 0;
    t->rcv.heard_ns = n->now_ns;
    tcp_timer_stop(t, TCP_TIMER_RTX);
    tcp_snd_established(t);
    tcp_loss_established(t);
    tcp_cc_start(t);
    tcp_tune_start(t);
    if (t->snd.fin_queued) {
        t->state = TCP_FIN_WAIT_1; /* shut down before it was open: RFC 9293 3.10.4 */
    }
    tcp_idle_timer_start(t);
    if (t->parent != NULL) {
        NET_COUNT(n, tcp_passive_opens);
        tcp_notify(t->parent, NET_READY_IN);
    } else {
        tcp_notify(t, NET_READY_OUT);
    }
}

/* The owner sends no more (RFC 9293 3.10.4). The FIN goes behind what is queued. */
void tcp_queue_fin(struct tcp_cb *t)
{
    if (t->snd.fin_queued) {
        return;
    }
    tcp_snd_queue_fin(t);
    if (t->state == TCP_ESTABLISHED) {
        t->state = TCP_FIN_WAIT_1;
    } else if (t->state == TCP_CLOSE_WAIT) {
        t->state = TCP_LAST_ACK;
    }
}

/* Off the wire: no segment reaches it, no timer fires, nothing waits to be sent. What the owner
 * has not read stays. */
void tcp_detach(struct tcp_cb *t)
{
    struct net *n = t->net;
    tcp_table_remove(n, &t->node);
    tcp_bound_remove(t);
    if (list_linked(&t->press.starved)) {
        list_remove(&t->press.starved);
    }
    if (list_linked(&t->press.holding)) {
        list_remove(&t->press.holding);
    }
    tcp_timers_cancel(t);
    tcp_sendq_drop(t);
    if (t->rcv.early != NULL) {
        pkt_put(t->rcv.early);
        t->rcv.early = NULL;
    }
    while (tcp_ooo_drop_farthest(t)) {
        /* bounded by the packets a connection may hold */
    }
    t->rcv.ack_now = false;
}

void tcp_end(struct tcp_cb *t, int error)
{
    assert(t->state != TCP_LISTEN);
    tcp_detach(t);
    t->state = TCP_CLOSED;
    if (t->orphan || t->parent != NULL) {
        tcp_cb_free(t); /* nobody knows it */
        return;
    }
    t->error = error;
    uint32_t bits = NET_READY_IN | NET_READY_OUT | NET_READY_HUP | NET_READY_RDHUP;
    tcp_notify(t, error != 0 ? bits | NET_READY_ERR : bits);
}

void tcp_abort(struct tcp_cb *t, int error)
{
    NET_COUNT(t->net, tcp_aborts);
    /* RFC 9293 3.10.5: the states in which the peer knows of us get a RST. */
    if (t->state == TCP_SYN_RECEIVED || tcp_synchronized(t)) {
        tcp_emit_rst(t);
    }
    tcp_end(t, error);
}

bool tcp_evict_orphan(struct net *n)
{
    struct list *node = list_first(&n->tcp.orphans);
    if (node == NULL) {
        return false;
    }
    NET_COUNT(n, tcp_orphans_evicted);
    struct tcp_cb *t = list_entry(node, struct tcp_cb, place);
    assert(t->orphan && t->ready == NULL);
    tcp_abort(t, ETIMEDOUT);
    return true;
}
