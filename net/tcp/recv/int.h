/*
 * For the files of this room alone: what the receiver's files use of each other.
 */
#ifndef NET_TCP_RECV_INT_H
#define NET_TCP_RECV_INT_H

#include "net/tcp/recv/recv.h"

/* recv/admit.c */
bool tcp_recv_admits(struct tcp_cb *t, const struct pkt *p, bool in_order);

/* recv/queue.c */
void tcp_recvq_append(struct tcp_cb *t, struct pkt *p); /* takes p */
bool tcp_recvq_coalesce(struct pkt *into, const struct pkt *from);

/* recv/ooo.c */
void tcp_ooo_insert(struct tcp_cb *t, struct pkt *p, uint32_t seq); /* takes p */
void tcp_ooo_refused(struct tcp_cb *t, uint32_t seq, uint32_t len); /* no room for it */
void tcp_ooo_merge(struct tcp_cb *t); /* moves what RCV.NXT has reached to the queue */
bool tcp_ooo_drop_farthest(struct tcp_cb *t);
void tcp_ooo_drop(struct tcp_cb *t);
uint32_t tcp_ooo_end(const struct tcp_cb *t);

/* recv/tune.c: a buffer that follows its use. */
uint32_t tcp_rcvbuf_most(const struct tcp_cb *t);
void tcp_tune_arrived(struct tcp_cb *t, const struct tcp_segment *seg); /* seg brought data */
void tcp_tune_read(struct tcp_cb *t, size_t len, const struct pkt_pool *pool);

/* recv/timestamps.c: timestamps. */
bool tcp_paws_rejects(const struct tcp_cb *t, const struct tcp_segment *seg);

/* recv/sack.c: what our ACKs tell of data received out of order or twice. */
void tcp_sack_duplicate(struct tcp_cb *t, uint32_t first, uint32_t end);

#endif
