/*
 * May a connection keep what has come? The shorter the pool that the network device fills, the less
 * a connection may hold, so that the device's ring keeps getting buffers. What is dropped is not
 * acknowledged, and comes again.
 */
#include "net/tcp/recv/int.h"

static bool pool_denies(const struct tcp_cb *t, const struct pkt *p, bool in_order)
{
    uint32_t held = t->rcv.queue.in_order.count;
    if (t->parent != NULL && held >= TCP_UNACCEPTED_PACKETS) {
        return true;
    }
    if (tcp_pool_below(p->pool, 0, TCP_FLOOR_FRACTION)) {
        return true;
    }
    return tcp_pool_below(p->pool, 0, TCP_PRESSURE_FRACTION) &&
           (!in_order || held >= TCP_PRESSURE_PACKETS);
}

/* RFC 2018 8: what was told of as received may be dropped all the same; the sender keeps it. */
static bool evict_ooo(struct tcp_cb *t)
{
    if (!tcp_ooo_drop_farthest(t)) {
        return false;
    }
    NET_COUNT(t->net, tcp_rx_ooo_evicted);
    return true;
}

/* Data out of order goes first: under pressure it is not kept, and for data in order what waits out
 * of order is dropped, the farthest first. */
static bool weigh(struct tcp_cb *t, const struct pkt *p, bool in_order)
{
    struct tcp_recvq *q = &t->rcv.queue;
    while (pool_denies(t, p, in_order)) {
        if (!in_order || !evict_ooo(t)) {
            NET_COUNT(t->net, tcp_rx_drop_pressure);
            return false;
        }
    }
    while (q->in_order.count + q->ooo_packets >= tcp_recv_packets_max(t)) {
        if (!in_order || !evict_ooo(t)) {
            NET_COUNT(t->net, tcp_rx_drop_packets);
            return false;
        }
    }
    return true;
}

bool tcp_recv_admits(struct tcp_cb *t, const struct pkt *p, bool in_order)
{
    static_assert(TCP_UNACCEPTED_PACKETS <= TCP_PACKETS_EXTRA, "the lesser of the two bounds");
    if (unlikely(!tcp_recv_has_room(t, p->pool)) && !weigh(t, p, in_order)) {
        return false;
    }
    tcp_recv_note(t);
    return true;
}
