/*
 * The expiry of a connection's timers: asks the rooms what is due, and does it. Keepalive and the
 * delayed ACK, which ask nobody, are here whole; and the timer that wakes writers that found the
 * packet pool empty.
 */
#include "net/tcp/life/life.h"
#include "net/tcp/loss/loss.h"
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
    t->rcv.ack_now = true;
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

/* Puts t among those who are told when there are packet buffers again. */
void tcp_starve(struct tcp_cb *t)
{
    struct net *n = t->net;
    if (list_linked(&t->press.starved)) {
        return;
    }
    NET_COUNT(n, tcp_sends_starved);
    list_push_back(&n->tcp.starved, &t->press.starved);
    if (!timer_armed(&n->tcp.starved_timer)) {
        timer_arm(&n->wheel, &n->tcp.starved_timer, n->now_ns + tcp_ms(TCP_STARVED_RETRY_MS));
    }
}

/* What nobody waits for goes before what somebody does; but a pool that bulk senders keep empty is
 * no reason to cut off what was just closed in good order. */
static void evict_old_orphan(struct net *n)
{
    struct list *oldest = list_first(&n->tcp.orphans);
    if (oldest != NULL && n->now_ns - list_entry(oldest, struct tcp_cb, place)->orphan_ns >=
                              tcp_ms(TCP_ORPHAN_GRACE_MS)) {
        (void)tcp_evict_orphan(n);
    }
}

/*
 * One whose owner has gone and whose peer keeps the window shut, or all but shut, holds its packets
 * for nothing: hardly any data is on its way that an orderly end would wait for. It goes as soon as
 * somebody else wants them (RFC 6429 4). False: there is none among those closed longest ago.
 */
bool tcp_reclaim(struct net *n)
{
    struct list *head = &n->tcp.orphans;
    struct list *node = head->next;
    for (int i = 0; node != head && i < TCP_RECLAIM_LOOKS; i++, node = node->next) {
        struct tcp_cb *t = list_entry(node, struct tcp_cb, place);
        if (t->snd.wnd < TCP_MSS_FLOOR && t->snd.queue.bytes > t->snd.wnd) {
            NET_COUNT(n, tcp_orphans_evicted);
            tcp_abort(t, ETIMEDOUT);
            return true;
        }
    }
    return false;
}

void tcp_starved_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp *tcp = container_of(timer, struct tcp, starved_timer);
    struct net *n = container_of(tcp, struct net, tcp);
    struct pkt_pool *pool = n->cfg.tx_pool;
    if (tcp_tx_short(n)) {
        tcp_holders_evict(n);
    }
    /* As many as there are buffers to give; the rest keep their turn. */
    uint32_t left = pkt_pool_left(pool);
    uint32_t wake = left > n->cfg.tx_reserve ? left - n->cfg.tx_reserve : 0;
    if (wake == 0) {
        evict_old_orphan(n);
    }
    while (wake > 0 && !list_empty(&tcp->starved)) {
        struct tcp_cb *t = list_entry(list_pop_front(&tcp->starved), struct tcp_cb, press.starved);
        wake--;
        /* With the queue full as well the writer stays blocked: the ACK that makes room will tell.
         */
        if (tcp_sendq_room(t) > 0) {
            tcp_snd_unblock(t);
            tcp_notify(t, NET_READY_OUT);
        }
    }
    if (!list_empty(&tcp->starved)) {
        timer_arm(&n->wheel, &tcp->starved_timer, now_ns + tcp_ms(TCP_STARVED_RETRY_MS));
    }
}
