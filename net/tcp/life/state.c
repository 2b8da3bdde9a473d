/*
 * The turns in a connection's life: becoming established, sending a FIN, the owner's closing, and
 * what the peer's FIN and the ACK of ours bring (RFC 9293 3.6). Ending is end.c's.
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/life/life.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

/* What both SYNs said of segment sizes. Whether timestamps are on must be known. */
void tcp_set_mss(struct tcp_cb *t, const struct tcp_options *o, uint16_t our_mss)
{
    tcp_set_announced_mss(t, our_mss);
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
    tcp_set_state(t, TCP_ESTABLISHED);
    tcp_set_soft_error(t, 0);
    tcp_heard(t);
    tcp_timer_stop(t, TCP_TIMER_RTX);
    tcp_snd_established(t);
    tcp_loss_established(t);
    tcp_cc_start(t);
    tcp_tune_start(t, t->rtt.srtt_us8 / 8);
    if (t->snd.fin_queued) {
        tcp_set_state(t, TCP_FIN_WAIT_1); /* shut down before it was open: RFC 9293 3.10.4 */
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
        tcp_set_state(t, TCP_FIN_WAIT_1);
    } else if (t->state == TCP_CLOSE_WAIT) {
        tcp_set_state(t, TCP_LAST_ACK);
    }
}

void tcp_orphan(struct tcp_cb *t)
{
    struct net *n = t->net;
    assert(!t->orphan && !list_linked(&t->place));
    t->orphan = true;
    t->orphan_ns = n->now_ns;
    n->tcp.orphan_count++;
    list_push_back(&n->tcp.orphans, &t->place);
}

/* RFC 9293 3.10.7.4 eighth: RCV.NXT has passed the peer's FIN. */
enum tcp_verdict tcp_fin_received(struct tcp_cb *t)
{
    assert(t->rcv.fin_received);
    uint32_t bits = NET_READY_IN | NET_READY_RDHUP;
    switch ((enum tcp_state)t->state) {
    case TCP_ESTABLISHED:
        tcp_set_state(t, TCP_CLOSE_WAIT);
        tcp_notify(t, bits);
        return TCP_GO_ON;
    case TCP_FIN_WAIT_1: /* our FIN is not acknowledged, or the fifth step had moved the state */
        tcp_set_state(t, TCP_CLOSING);
        tcp_notify(t, bits | NET_READY_HUP);
        return TCP_GO_ON;
    default:
        assert(t->state == TCP_FIN_WAIT_2);
        /* At once: no output follows for a block that is gone. */
        (void)tcp_emit_ack(t);
        tcp_notify(t, bits | NET_READY_HUP);
        tcp_enter_time_wait(t);
        return TCP_GONE;
    }
}

/* RFC 9293 3.10.7.4 fifth: all that we sent is acknowledged, our FIN too. */
enum tcp_verdict tcp_fin_acknowledged(struct tcp_cb *t, bool fin_in_segment)
{
    assert(t->snd.fin_sent && t->snd.una == t->snd.nxt);
    switch ((enum tcp_state)t->state) {
    case TCP_FIN_WAIT_1:
        tcp_set_state(t, TCP_FIN_WAIT_2);
        tcp_idle_timer_start(t);
        return TCP_GO_ON;
    case TCP_CLOSING:
        if (fin_in_segment) {
            (void)tcp_emit_ack(t); /* the peer's FIN came again: it missed our ACK */
        }
        tcp_enter_time_wait(t);
        return TCP_GONE;
    case TCP_LAST_ACK:
        tcp_end(t, 0);
        return TCP_GONE;
    default:
        return TCP_GO_ON;
    }
}
