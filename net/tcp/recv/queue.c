/*
 * The receive queue: payload that came in order, in the very packets the network device filled,
 * until the owner reads it. A small payload is copied into the tail of the packet in front of it,
 * so that two packets in a row always hold more than one buffer's worth and tiny segments cannot
 * pin a buffer each.
 */
#include "net/tcp/recv/int.h"

#include <string.h>

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

bool tcp_recvq_join(struct tcp_cb *t, struct pkt *p)
{
    if (!tcp_recvq_coalesce(t->rcv.queue.in_order.last, p)) {
        return false;
    }
    NET_COUNT(t->net, tcp_rx_coalesced);
    pkt_put(p);
    return true;
}

size_t tcp_recvq_peek(const struct tcp_cb *t, uint8_t *out, size_t len)
{
    size_t done = 0;
    for (const struct pkt *p = t->rcv.queue.in_order.first; p != NULL && done < len; p = p->next) {
        size_t part = min_size(pkt_len(p), len - done);
        memcpy(out + done, p->data, part);
        done += part;
    }
    return done;
}

size_t tcp_recvq_read(struct tcp_cb *t, uint8_t *out, size_t len)
{
    struct tcp_recvq *q = &t->rcv.queue;
    assert(q->bytes > 0 && len > 0);
    const struct pkt_pool *pool = q->in_order.first->pool;
    size_t want = min_size(len, q->bytes);
    size_t done = 0;
    while (done < want) {
        struct pkt *p = q->in_order.first;
        size_t part = min_size(pkt_len(p), want - done);
        memcpy(out + done, p->data, part);
        done += part;
        if (pkt_pull(p, part) == p->tail) {
            pkt_put(pkt_queue_pop(&q->in_order));
        }
    }
    q->bytes -= (uint32_t)done;
    tcp_tune_read(t, done, pool);
    return done;
}
