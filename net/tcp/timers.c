/*
 * The smaller timers: delayed ACK, keepalive and FIN-WAIT-2 (which share one), and the one that
 * wakes writers who found the packet pool empty.
 */
#include "net/tcp/int.h"

#include <errno.h>

void tcp_delack_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp_cb *t = container_of(timer, struct tcp_cb, delack_timer);
    assert(tcp_synchronized(t) || t->state == TCP_SYN_RECEIVED);
    t->rcv.ack_now = true;
    tcp_output(t);
}

/*
 * RFC 5482: when the owner's own limit for data that is not acknowledged, or that a shut window
 * keeps from being sent, is up. DEADLINE_NONE while there is no such limit, or nothing waits for
 * the peer: not for data that has just not gone for reasons of ours.
 */
uint64_t tcp_patience_end_ns(const struct tcp_cb *t)
{
    bool waiting = tcp_flight(t) > 0 || t->snd.probes > 0;
    if (t->opt.user_timeout_ms == 0 || !waiting) {
        return DEADLINE_NONE;
    }
    return t->snd.progress_ns + tcp_ms(t->opt.user_timeout_ms);
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
        timer_arm(&n->wheel, &t->idle_timer, n->now_ns + fin_wait_2_ns(t));
    } else if (t->keepalive.on && tcp_synchronized(t)) {
        t->keepalive.probes = 0;
        timer_arm(&n->wheel, &t->idle_timer, t->rcv.heard_ns + t->keepalive.idle_s * NS_PER_S);
    } else {
        timer_cancel(&n->wheel, &t->idle_timer);
    }
}

/* So many probes without an answer; or, as on Linux, TCP_USER_TIMEOUT without one, whatever the
 * number, but never before the first. */
static bool keepalive_failed(const struct tcp_cb *t, uint64_t idle_ns)
{
    const struct tcp_keepalive *k = &t->keepalive;
    if (t->opt.user_timeout_ms != 0) {
        return k->probes > 0 && idle_ns >= tcp_ms(t->opt.user_timeout_ms);
    }
    return k->probes >= k->count;
}

/*
 * RFC 9293 3.8.4. The timer is not moved by each segment that comes: when it fires, it looks at how
 * long the peer has been silent. Probes are sent only while nothing of ours is out, for then the
 * retransmission timer asks the same question.
 */
static void keepalive(struct tcp_cb *t)
{
    struct net *n = t->net;
    struct tcp_keepalive *k = &t->keepalive;
    uint64_t idle_ns = n->now_ns - t->rcv.heard_ns;
    if (idle_ns < k->idle_s * NS_PER_S || tcp_flight(t) > 0 || t->snd.queue.unsent != NULL) {
        k->probes = 0;
        uint64_t base =
            tcp_flight(t) > 0 || t->snd.queue.unsent != NULL ? n->now_ns : t->rcv.heard_ns;
        timer_arm(&n->wheel, &t->idle_timer, base + k->idle_s * NS_PER_S);
        return;
    }
    uint64_t wait_ns = k->interval_s * NS_PER_S;
    if (keepalive_failed(t, idle_ns)) {
        NET_COUNT(n, tcp_give_ups);
        tcp_abort(t, ETIMEDOUT);
        return;
    }
    k->probes++;
    tcp_emit_keepalive(t);
    if (t->opt.user_timeout_ms != 0) {
        /* Not in the past: the silence is shorter than the limit, or no probe had gone before. */
        uint64_t end_ns = t->rcv.heard_ns + tcp_ms(t->opt.user_timeout_ms);
        wait_ns = end_ns > n->now_ns ? min_u64(wait_ns, end_ns - n->now_ns) : wait_ns;
    }
    timer_arm(&n->wheel, &t->idle_timer, n->now_ns + wait_ns);
}

void tcp_idle_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp_cb *t = container_of(timer, struct tcp_cb, idle_timer);
    assert(tcp_synchronized(t));
    if (t->state == TCP_FIN_WAIT_2 && t->orphan) {
        NET_COUNT(t->net, tcp_give_ups);
        tcp_end(t, 0); /* our side is all acknowledged: nothing is lost by forgetting it */
    } else if (t->keepalive.on) {
        keepalive(t);
    }
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
        /* One whose queue is full as well stays blocked: the ACK that makes room will tell him. */
        if (tcp_sendq_room(t) > 0) {
            t->snd.blocked = false;
            tcp_notify(t, NET_READY_OUT);
        }
    }
    if (!list_empty(&tcp->starved)) {
        timer_arm(&n->wheel, &tcp->starved_timer, now_ns + tcp_ms(TCP_STARVED_RETRY_MS));
    }
}
