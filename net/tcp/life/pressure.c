/*
 * Those who hold packets to send. What waits to be acknowledged lies in packets of the one pool all
 * connections share, so a peer who takes nothing (a shut window, a window of one byte, a byte a
 * second) keeps what others need, and enough of them would keep it all (RFC 6429). While there is
 * plenty nobody minds: MUST-37 of RFC 9293 lets a window stay shut for ever. When writers go
 * without and the pool is short, those give way who have let nothing go for the longest.
 *
 * Progress is counted in full segments: a byte at a time is none. The list is in the order of the
 * last progress, so finding the worst costs nothing.
 */
#include "net/tcp/int.h"

#include <errno.h>

/* So little is left that those go without who hold next to nothing: the large ones were stopped
 * long before (send/queue.c). */
bool tcp_tx_short(const struct net *n)
{
    const struct pkt_pool *pool = n->cfg.tx_pool;
    return pkt_pool_left(pool) < n->cfg.tx_reserve + pool->count / TCP_FLOOR_FRACTION;
}

static void to_back(struct tcp_cb *t)
{
    struct net *n = t->net;
    if (list_linked(&t->press.holding)) {
        list_remove(&t->press.holding);
    }
    t->press.drained_una = t->snd.una;
    t->press.drained_ns = n->now_ns;
    list_push_back(&n->tcp.holders, &t->press.holding);
}

void tcp_holder_begin(struct tcp_cb *t)
{
    if (t->snd.queue.packets > 0 && !list_linked(&t->press.holding)) {
        to_back(t);
    }
}

void tcp_holder_progress(struct tcp_cb *t)
{
    if (!list_linked(&t->press.holding)) {
        return; /* a FIN alone */
    }
    if (t->snd.queue.packets == 0) {
        list_remove(&t->press.holding);
    } else if (t->snd.una - t->press.drained_una >= t->snd.mss) {
        to_back(t);
    }
}

/* A window too small for a segment is the peer's own doing; with an open one it may be the path. */
static bool gives_way(const struct tcp_cb *t)
{
    uint64_t stalled_ns = t->net->now_ns - t->press.drained_ns;
    uint64_t limit_ms = t->snd.wnd < t->snd.mss ? TCP_HOLDER_SHUT_MS : TCP_HOLDER_SILENT_MS;
    return stalled_ns >= tcp_ms(limit_ms);
}

void tcp_holders_evict(struct net *n)
{
    struct list *it = list_first(&n->tcp.holders);
    for (uint32_t i = 0; i < TCP_HOLDERS_PER_TURN && it != NULL && tcp_tx_short(n); i++) {
        struct tcp_cb *t = list_entry(it, struct tcp_cb, press.holding);
        if (n->now_ns - t->press.drained_ns < tcp_ms(TCP_HOLDER_SHUT_MS)) {
            return; /* and so are all behind it */
        }
        it = it->next != &n->tcp.holders ? it->next : NULL;
        if (gives_way(t)) {
            NET_COUNT(n, tcp_holders_evicted);
            tcp_abort(t, ETIMEDOUT);
        }
    }
}
