/*
 * The receive queue: payload that came in order, in the very packets the network device filled,
 * until the owner reads it. A small payload is copied into the tail of the packet in front of it,
 * so that two packets in a row always hold more than one buffer's worth and tiny segments cannot
 * pin a buffer each.
 */
#include "net/tcp/int.h"

#include <string.h>

static uint32_t packets_max(const struct tcp_cb *t)
{
    return t->rcv.buf_bytes / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA;
}

static bool pool_short(const struct pkt *p)
{
    return pkt_pool_left(p->pool) < p->pool->count / TCP_PRESSURE_FRACTION;
}

static bool pool_denies(const struct tcp_cb *t, const struct pkt *p, bool in_order)
{
    uint32_t held = t->rcv.queue.in_order.count;
    if (t->parent != NULL && held >= TCP_UNACCEPTED_PACKETS) {
        return true;
    }
    if (pkt_pool_left(p->pool) < p->pool->count / TCP_FLOOR_FRACTION) {
        return true;
    }
    return pool_short(p) && (!in_order || held >= TCP_PRESSURE_PACKETS);
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

/*
 * May the connection keep p? Under pressure what comes out of order, and more for those who hold
 * much, is dropped, so that the device's ring keeps getting buffers: not acknowledged, it comes
 * again. In-order data goes before what waits out of order.
 */
bool tcp_recvq_admits(struct tcp_cb *t, const struct pkt *p, bool in_order)
{
    struct tcp_recvq *q = &t->rcv.queue;
    while (pool_denies(t, p, in_order)) {
        if (!in_order || !evict_ooo(t)) {
            NET_COUNT(t->net, tcp_rx_drop_pressure);
            return false;
        }
    }
    while (q->in_order.count + q->ooo_packets >= packets_max(t)) {
        if (!in_order || !evict_ooo(t)) {
            NET_COUNT(t->net, tcp_rx_drop_packets);
            return false;
        }
    }
    t->rcv.data_ns = t->net->now_ns;
    t->rcv.data_segs_in++;
    return true;
}

/* Copies from's payload behind into's when it fits. from stays the caller's. */
bool tcp_recvq_coalesce(struct pkt *into, const struct pkt *from)
{
    assert(into != from);
    size_t len = pkt_len(from);
    if (pkt_shared(into) || len > pkt_tailroom(into)) {
        return false;
    }
    memcpy(pkt_append(into, len), from->data, len);
    return true;
}

void tcp_recvq_append(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_recvq *q = &t->rcv.queue;
    assert(pkt_len(p) > 0);
    q->bytes += (uint32_t)pkt_len(p);
    t->rcv.bytes_received += pkt_len(p);
    if (q->in_order.last != NULL && tcp_recvq_coalesce(q->in_order.last, p)) {
        NET_COUNT(t->net, tcp_rx_coalesced);
        pkt_put(p);
        return;
    }
    pkt_queue_push(&q->in_order, p);
}

static size_t copy_out(const struct tcp_cb *t, uint8_t *out, size_t len)
{
    size_t done = 0;
    for (const struct pkt *p = t->rcv.queue.in_order.first; p != NULL && done < len; p = p->next) {
        size_t part = min_size(pkt_len(p), len - done);
        memcpy(out + done, p->data, part);
        done += part;
    }
    return done;
}

static void consume(struct tcp_cb *t, size_t len)
{
    struct tcp_recvq *q = &t->rcv.queue;
    assert(len <= q->bytes);
    q->bytes -= (uint32_t)len;
    while (len > 0) {
        struct pkt *p = q->in_order.first;
        size_t part = min_size(pkt_len(p), len);
        pkt_pull(p, part);
        len -= part;
        if (pkt_len(p) == 0) {
            pkt_put(pkt_queue_pop(&q->in_order));
        }
    }
}

size_t tcp_recvq_read(struct tcp_cb *t, uint8_t *out, size_t len, bool peek)
{
    size_t done = copy_out(t, out, min_size(len, t->rcv.queue.bytes));
    if (!peek && done > 0) {
        const struct pkt_pool *pool = t->rcv.queue.in_order.first->pool;
        consume(t, done);
        tcp_tune_read(t, done, pool);
    }
    return done;
}

void tcp_recvq_drop(struct tcp_cb *t)
{
    pkt_queue_drain(&t->rcv.queue.in_order);
    t->rcv.queue.bytes = 0;
    while (tcp_ooo_drop_farthest(t)) {
        /* bounded by packets_max */
    }
    assert(t->rcv.queue.ooo_packets == 0 && t->rcv.queue.ooo_bytes == 0);
}
