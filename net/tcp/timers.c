/*
 * The expiry of a connection's timers: asks the rooms what is due, and does it. Keepalive and the
 * delayed ACK, which ask nobody, are here whole.
 */
#include "net/tcp/life/life.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"

#include <errno.h>

/* So many probes without an answer; or, as on Linux, TCP_USER_TIMEOUT without one, whatever the
 * number, but never before the first. */
static bool keepalive_failed(const struct tcp_cb *t, uint64_t idle_ns)
{
    const struct tcp_keepalive *k = &t->keepalive;
    if (t->opt.user_timeout_ms != 0) {
        return t->idle.probes > 0 && idle_ns >= tcp_ms(t->opt.user_timeout_ms);
    }
    return t->idle.probes >= k->count;
}

/*
 * RFC 9293 3.8.4. The timer is not moved by each segment that comes: when it fires, it looks at how
 * long the peer has been silent. Probes are sent only while nothing of ours is out, for then the
 * retransmission timer asks the same question.
 */
static enum tcp_verdict keepalive(struct tcp_cb *t)
{
    struct net *n = t->net;
    const struct tcp_keepalive *k = &t->keepalive;
    uint64_t idle_ns = n->now_ns - t->rcv.heard_ns;
    if (idle_ns < k->idle_s * NS_PER_S || tcp_flight(t) > 0 || t->snd.queue.unsent != NULL) {
        tcp_idle_heard(t);
        uint64_t base =
            tcp_flight(t) > 0 || t->snd.queue.unsent != NULL ? n->now_ns : t->rcv.heard_ns;
        tcp_timer_set(t, TCP_TIMER_IDLE, base + k->idle_s * NS_PER_S);
        return TCP_GO_ON;
    }
    uint64_t wait_ns = k->interval_s * NS_PER_S;
    if (keepalive_failed(t, idle_ns)) {
        NET_COUNT(n, tcp_give_ups);
        tcp_abort(t, ETIMEDOUT);
        return TCP_GONE;
    }
    tcp_idle_probe_sent(t);
    tcp_emit_keepalive(t);
    if (t->opt.user_timeout_ms != 0) {
        /* Not in the past: the silence is shorter than the limit, or no probe had gone before. */
        uint64_t end_ns = t->rcv.heard_ns + tcp_ms(t->opt.user_timeout_ms);
        wait_ns = end_ns > n->now_ns ? min_u64(wait_ns, end_ns - n->now_ns) : wait_ns;
    }
    tcp_timer_set(t, TCP_TIMER_IDLE, n->now_ns + wait_ns);
    return TCP_GO_ON;
}

static enum tcp_verdict idle_expired(struct tcp_cb *t)
{
    assert(tcp_synchronized(t));
    if (t->state == TCP_FIN_WAIT_2 && t->orphan) {
        NET_COUNT(t->net, tcp_give_ups);
        tcp_end(t, 0); /* our side is all acknowledged: nothing is lost by forgetting it */
        return TCP_GONE;
    }
    return t->keepalive.on ? keepalive(t) : TCP_GO_ON;
}

static enum tcp_verdict delack_expired(struct tcp_cb *t)
{
    assert(tcp_synchronized(t) || t->state == TCP_SYN_RECEIVED);
    tcp_ack_soon(t);
    tcp_output(t);
    return TCP_GO_ON;
}

enum tcp_verdict tcp_do_due(struct tcp_cb *t, enum tcp_due due)
{
    switch (due) {
    case TCP_DUE_NOTHING:
        break;
    case TCP_DUE_OUTPUT:
        tcp_output(t);
        break;
    case TCP_DUE_PROBE:
        tcp_output_probe(t);
        break;
    case TCP_DUE_GIVE_UP:
        NET_COUNT(t->net, tcp_give_ups);
        /* What ICMP reported meanwhile is the likelier reason (RFC 9293 3.9.2.2). */
        tcp_abort(t, t->soft_error != 0 ? t->soft_error : ETIMEDOUT);
        return TCP_GONE;
    case TCP_DUE_UNREACHABLE:
        tcp_end(t, EHOSTUNREACH);
        return TCP_GONE;
    }
    return TCP_GO_ON;
}

static enum tcp_verdict expired(struct tcp_cb *t, enum tcp_timer_kind kind)
{
    switch (kind) {
    case TCP_TIMER_RACK:
        return tcp_do_due(t, tcp_recovery_timer(t));
    case TCP_TIMER_RTX:
        return tcp_do_due(t, tcp_rtx_due(t));
    case TCP_TIMER_DELACK:
        return delack_expired(t);
    case TCP_TIMER_IDLE:
        return idle_expired(t);
    case TCP_TIMERS:
        break;
    }
    return TCP_GO_ON;
}

/* Each that is due has its turn before the next is asked: what one sends may make another needless,
 * as a probe does the timeout, and data the ACK that was put off. */
void tcp_timer_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp_cb *t = container_of(timer, struct tcp_cb, timer.wheel);
    (void)now_ns;
    tcp_timers_begin(t);
    for (enum tcp_timer_kind kind = 0; kind < TCP_TIMERS; kind++) {
        if (tcp_timer_take(t, kind) && expired(t, kind) == TCP_GONE) {
            return;
        }
    }
    tcp_timers_go_on(t);
}
