/*
 * For the files of this room alone: what the receiver's files use of each other.
 */
#ifndef NET_TCP_RECV_INT_H
#define NET_TCP_RECV_INT_H

#include "net/tcp/recv/recv.h"

/* recv/admit.c */
bool tcp_recv_admits(struct tcp_cb *t, const struct pkt *p, bool in_order);

/* Data has come that is kept. */
static inline void tcp_recv_note(struct tcp_cb *t)
{
    t->rcv.data_ns = t->net->now_ns;
    t->rcv.data_segs_in++;
}

/* recv/queue.c */
bool tcp_recvq_coalesce(struct pkt *into, const struct pkt *from);

bool tcp_recvq_join(struct tcp_cb *t, struct pkt *p); /* true: took p, into the last that waits */

/* Takes p, whose payload of len bytes is the next in order. */
static inline void tcp_recvq_append(struct tcp_cb *t, struct pkt *p, uint32_t len)
{
    struct tcp_recvq *q = &t->rcv.queue;
    assert(len > 0);
    q->bytes += len;
    t->rcv.bytes_received += len;
    if (q->in_order.last == NULL || !tcp_recvq_join(t, p)) {
        pkt_queue_push(&q->in_order, p);
    }
}

/* recv/ooo.c */
void tcp_ooo_insert(struct tcp_cb *t, struct pkt *p, uint32_t seq); /* takes p */
void tcp_ooo_refused(struct tcp_cb *t, uint32_t seq, uint32_t len); /* no room for it */
void tcp_ooo_merge(struct tcp_cb *t); /* moves what RCV.NXT has reached to the queue */
bool tcp_ooo_drop_farthest(struct tcp_cb *t);
void tcp_ooo_drop(struct tcp_cb *t);
uint32_t tcp_ooo_end(const struct tcp_cb *t);

/* recv/tune.c: a buffer that follows its use. */
uint32_t tcp_rcvbuf_most(const struct tcp_cb *t);
/* With timestamps, what less a segment brings is no measurement (measure_echo). */
static inline uint32_t tcp_tune_least(const struct tcp_cb *t)
{
    return t->rcv.mss / 2u;
}
void tcp_tune_read(struct tcp_cb *t, size_t len, const struct pkt_pool *pool);

/* recv/timestamps.c: timestamps. */
bool tcp_paws_rejects(const struct tcp_cb *t, const struct tcp_segment *seg);

/* recv/sack.c: what our ACKs tell of data received out of order or twice. */
void tcp_sack_duplicate(struct tcp_cb *t, uint32_t first, uint32_t end);

#endif
