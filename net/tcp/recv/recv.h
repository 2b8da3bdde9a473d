/*
 * The receiver: which segments are taken, where their payload waits, and what our ACKs tell.
 */
#ifndef NET_TCP_RECV_RECV_H
#define NET_TCP_RECV_RECV_H

#include "net/tcp/block/block.h"

/* recv/check.c: sequence number, RST and SYN of a segment to a live connection. */
enum tcp_verdict tcp_check_sequence(struct tcp_cb *t, const struct tcp_segment *seg);
enum tcp_verdict tcp_check_rst(struct tcp_cb *t, const struct tcp_segment *seg); /* may end */
enum tcp_verdict tcp_check_syn(struct tcp_cb *t, struct tcp_segment *seg);
void tcp_challenge_ack(struct tcp_cb *t);

/* recv/data.c: payload and FIN. */
enum tcp_verdict tcp_take_text(struct tcp_cb *t, struct tcp_segment *seg); /* may end */
enum tcp_verdict tcp_take_fin(struct tcp_cb *t);                           /* may end */

/* recv/queue.c */
size_t tcp_recvq_read(struct tcp_cb *t, uint8_t *out, size_t len, bool peek);
void tcp_recvq_append(struct tcp_cb *t, struct pkt *p); /* takes p */
void tcp_recvq_drop(struct tcp_cb *t);
bool tcp_recvq_admits(struct tcp_cb *t, const struct pkt *p, bool in_order);
bool tcp_recvq_coalesce(struct pkt *into, const struct pkt *from);

/* recv/ooo.c */
void tcp_ooo_insert(struct tcp_cb *t, struct pkt *p, uint32_t seq); /* takes p */
void tcp_ooo_refused(struct tcp_cb *t, uint32_t seq, uint32_t len); /* no room for it */
void tcp_ooo_merge(struct tcp_cb *t); /* moves what RCV.NXT has reached to the queue */
bool tcp_ooo_drop_farthest(struct tcp_cb *t);
uint32_t tcp_ooo_end(const struct tcp_cb *t);

/* recv/window.c: the receive window, in one place. */
uint8_t tcp_pick_wscale(const struct tcp_cb *t); /* t: the connection or its listener */
uint16_t tcp_window_field(struct tcp_cb *t);
uint16_t tcp_syn_window(uint32_t rcvbuf_bytes, uint8_t wscale);
bool tcp_window_update_due(const struct tcp_cb *t);

/* recv/tune.c: a buffer that follows its use. */
uint32_t tcp_rcvbuf_most(const struct tcp_cb *t);
void tcp_tune_start(struct tcp_cb *t);
void tcp_tune_arrived(struct tcp_cb *t, const struct tcp_segment *seg); /* seg brought text */
void tcp_tune_read(struct tcp_cb *t, size_t len, const struct pkt_pool *pool);

/* recv/timestamps.c: timestamps. */
uint32_t tcp_ts_offset(const struct net *n, uint32_t laddr, uint32_t raddr);
uint32_t tcp_ts_now(const struct net *n, uint32_t offset);
void tcp_ts_fill(const struct tcp_cb *t, struct tcp_options *o);
void tcp_ts_begin(struct tcp_cb *t, const struct tcp_options *o);
bool tcp_paws_rejects(const struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ts_take(struct tcp_cb *t, const struct tcp_segment *seg);
uint64_t tcp_ts_rtt_ns(const struct tcp_cb *t, const struct tcp_segment *seg);

/* recv/sack.c: what our ACKs tell of data received out of order or twice. */
void tcp_sack_duplicate(struct tcp_cb *t, uint32_t first, uint32_t end);
bool tcp_sack_due(const struct tcp_cb *t);
void tcp_sack_fill(struct tcp_cb *t, struct tcp_options *o, uint32_t room);

#endif
