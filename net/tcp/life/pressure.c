/*
 * Memory pressure: which connection gives way when blocks, or packets to send, run short. The whole
 * policy, the records of half-open connections and TIME-WAIT too, is a table in docs/tcp.md, "Who
 * gives way"; its thresholds are a group of block/limits.h. How much one connection may take of a
 * pool that is short is said where it takes it, by the same measure (block/pressure.h).
 *
 * Senders that are stalled. What waits to be acknowledged lies in packets of the one pool that all
 * connections share, so a peer that takes nothing (a shut window, a window of one byte, a byte a
 * second) keeps what others need, and enough of them would keep it all (RFC 6429). While there is
 * plenty that harms nobody: MUST-37 of RFC 9293 lets a window stay shut for ever. When writers go
 * without, and the pool is all but exhausted, those connections end that have made no progress for
 * the longest. Progress is counted in full segments: a byte at a time is none. The list of senders
 * is in the order of the last progress, so finding the worst costs nothing.
 */
#include "net/tcp/block/pressure.h"
#include "net/tcp/life/life.h"
#include "net/tcp/send/send.h"

#include <errno.h>

static bool evict_orphan(struct net *n)
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

/* The oldest orphan makes room first: nobody waits for it but its peer. A block that has an owner
 * is never taken away. */
struct tcp_cb *tcp_pressure_new(struct net *n)
{
    struct tcp_cb *t = tcp_cb_new(n);
    if (t == NULL && evict_orphan(n)) {
        t = tcp_cb_new(n);
    }
    return t;
}

/*
 * An orphan whose peer keeps the window shut, or all but shut, holds its packets for nothing:
 * hardly any data is on its way that an orderly end would wait for. It goes as soon as somebody
 * else wants them (RFC 6429 4). False: there is none among those closed longest ago.
 */
bool tcp_pressure_reclaim(struct net *n)
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

/*
 * At most a part of the table may be orphans: those who have gone must not keep out those who come.
 * The oldest makes room. Those whose peers keep the window shut are fewer still (RFC 6429 4): each
 * costs a probe and its answer again and again, and a crowd of them the time of all others.
 */
void tcp_pressure_limit_orphans(struct net *n)
{
    uint32_t connections = n->cfg.limits.tcp_connections;
    if (n->tcp.orphan_count >
        max_u32(connections / TCP_SHUT_ORPHAN_FRACTION, TCP_SHUT_ORPHANS_MIN)) {
        (void)tcp_pressure_reclaim(n); /* one for each that comes is enough */
    }
    uint32_t limit = max_u32(connections / TCP_ORPHAN_FRACTION, 1);
    while (n->tcp.orphan_count > limit && evict_orphan(n)) {
        /* each turn ends one */
    }
}

/* At the end of the senders, as one that has just made progress. */
void tcp_pressure_to_back(struct tcp_cb *t)
{
    struct net *n = t->net;
    if (list_linked(&t->press.sending)) {
        list_remove(&t->press.sending);
    }
    t->press.progress_una = t->snd.una;
    t->press.progress_ns = n->now_ns;
    list_push_back(&n->tcp.senders, &t->press.sending);
}

void tcp_pressure_queued(struct tcp_cb *t)
{
    if (t->snd.queue.packets > 0 && !list_linked(&t->press.sending)) {
        tcp_pressure_to_back(t);
    }
}

/* A window too small for a segment is the peer's own doing; with an open one it may be the path. */
static bool stalled(const struct tcp_cb *t)
{
    uint64_t stalled_ns = t->net->now_ns - t->press.progress_ns;
    uint64_t limit_ms = t->snd.wnd < t->snd.mss ? TCP_STALLED_SHUT_MS : TCP_STALLED_OPEN_MS;
    return stalled_ns >= tcp_ms(limit_ms);
}

static void evict_stalled(struct net *n)
{
    struct list *it = list_first(&n->tcp.senders);
    for (uint32_t i = 0; i < TCP_STALLED_PER_TURN && it != NULL && tcp_tx_pool_exhausted(n); i++) {
        struct tcp_cb *t = list_entry(it, struct tcp_cb, press.sending);
        if (n->now_ns - t->press.progress_ns < tcp_ms(TCP_STALLED_SHUT_MS)) {
            return; /* and so are all behind it */
        }
        it = it->next != &n->tcp.senders ? it->next : NULL;
        if (stalled(t)) {
            NET_COUNT(n, tcp_stalled_evicted);
            tcp_abort(t, ETIMEDOUT);
        }
    }
}

/* What nobody waits for goes before what somebody does; but a pool that bulk senders keep empty is
 * no reason to cut off what was just closed in good order. */
static void evict_old_orphan(struct net *n)
{
    struct list *oldest = list_first(&n->tcp.orphans);
    if (oldest != NULL && n->now_ns - list_entry(oldest, struct tcp_cb, place)->orphan_ns >=
                              tcp_ms(TCP_ORPHAN_GRACE_MS)) {
        (void)evict_orphan(n);
    }
}

void tcp_pressure_wait(struct tcp_cb *t)
{
    struct net *n = t->net;
    if (list_linked(&t->press.waiting)) {
        return;
    }
    NET_COUNT(n, tcp_memory_waits);
    list_push_back(&n->tcp.waiting, &t->press.waiting);
    if (!timer_armed(&n->tcp.memory_timer)) {
        timer_arm(&n->wheel, &n->tcp.memory_timer, n->now_ns + tcp_ms(TCP_MEMORY_WAIT_MS));
    }
}

/* Some wait for memory: makes some, and tells as many as there are packets for; the rest keep their
 * turn. */
void tcp_pressure_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp *tcp = container_of(timer, struct tcp, memory_timer);
    struct net *n = container_of(tcp, struct net, tcp);
    struct pkt_pool *pool = n->cfg.tx_pool;
    if (tcp_tx_pool_exhausted(n)) {
        evict_stalled(n);
    }
    uint32_t left = pkt_pool_left(pool);
    uint32_t wake = left > n->cfg.tx_reserve ? left - n->cfg.tx_reserve : 0;
    if (wake == 0) {
        evict_old_orphan(n);
    }
    while (wake > 0 && !list_empty(&tcp->waiting)) {
        struct tcp_cb *t = list_entry(list_pop_front(&tcp->waiting), struct tcp_cb, press.waiting);
        wake--;
        /* One whose queue is full as well stays blocked: the ACK that makes room will tell. */
        if (tcp_sendq_room(t) > 0) {
            tcp_snd_unblock(t);
            tcp_notify(t, NET_READY_OUT);
        }
    }
    if (!list_empty(&tcp->waiting)) {
        timer_arm(&n->wheel, &tcp->memory_timer, now_ns + tcp_ms(TCP_MEMORY_WAIT_MS));
    }
}
