/*
 * The receiver: which segments are taken, where their payload waits, and what our ACKs tell. Writes
 * rcv and ts of a block. It sends nothing and ends nothing: that an ACK is due it notes in the
 * block, the rest it returns as a verdict.
 */
#ifndef NET_TCP_RECV_RECV_H
#define NET_TCP_RECV_RECV_H

#include "net/tcp/block/block.h"
#include "net/tcp/block/pressure.h"

/* recv/receiver.c: the receiver's beginning and end. */
void tcp_recv_init(struct tcp_cb *t);                /* of a new block */
void tcp_recv_offer(struct tcp_cb *t, uint16_t mss); /* what our SYN will say */
void tcp_recv_begin(struct tcp_cb *t, uint32_t irs, uint32_t window, uint8_t wscale);
void tcp_recv_shut(struct tcp_cb *t); /* the owner reads no more: what waits is forgotten */
void tcp_recv_stop(struct tcp_cb *t); /* off the wire; what the owner has not read stays */
void tcp_recv_drop(struct tcp_cb *t); /* in order or not */

/* recv/check.c: sequence number, RST and SYN of a segment to a live connection. */
enum tcp_verdict tcp_check_sequence(struct tcp_cb *t, const struct tcp_segment *seg);
enum tcp_verdict tcp_check_rst(struct tcp_cb *t, const struct tcp_segment *seg);
enum tcp_verdict tcp_check_syn(struct tcp_cb *t, struct tcp_segment *seg);
void tcp_challenge_ack(struct tcp_cb *t);

/* recv/data.c: payload and FIN. */
enum tcp_verdict tcp_take_data(struct tcp_cb *t, struct tcp_segment *seg);
void tcp_take_next(struct tcp_cb *t, struct tcp_segment *seg); /* for the short way (fast.c) */
bool tcp_take_fin(struct tcp_cb *t); /* true once: RCV.NXT has passed the peer's FIN */
void tcp_keep_early(struct tcp_cb *t, struct tcp_segment *seg);
enum tcp_verdict tcp_take_early(struct tcp_cb *t); /* just established */

/* recv/queue.c */
size_t tcp_recvq_read(struct tcp_cb *t, uint8_t *out, size_t len); /* something waits; len > 0 */
size_t tcp_recvq_peek(const struct tcp_cb *t, uint8_t *out, size_t len); /* it stays */

/* recv/window.c: the receive window, in one place. */
uint8_t tcp_pick_wscale(const struct tcp_cb *t); /* t: the connection or its listener */
uint16_t tcp_window_choose(struct tcp_cb *t);    /* for tcp_window_field */
uint16_t tcp_syn_window(uint32_t rcvbuf_bytes, uint8_t wscale);
bool tcp_window_update_due(const struct tcp_cb *t);

/* recv/tune.c: a buffer that follows its use. */
void tcp_tune_start(struct tcp_cb *t, uint32_t rtt_us);                 /* 0: not known */
void tcp_tune_arrived(struct tcp_cb *t, const struct tcp_segment *seg); /* seg brought data */

/* recv/timestamps.c: timestamps. */
uint32_t tcp_ts_offset(const struct net *n, uint32_t laddr, uint32_t raddr);
uint32_t tcp_ts_now(const struct net *n, uint32_t offset);
void tcp_ts_fill(const struct tcp_cb *t, struct tcp_options *o);
/* From the peer's SYN: RFC 7323 3.2, both sides or neither. offset: tcp_ts_offset of the two, which
 * a SYN of ours has told already. */
void tcp_ts_begin(struct tcp_cb *t, const struct tcp_options *o, uint32_t offset);
void tcp_ts_take(struct tcp_cb *t, const struct tcp_segment *seg);
uint64_t tcp_ts_rtt_ns(const struct tcp_cb *t, const struct tcp_segment *seg);

/* recv/sack.c: what our ACKs tell of data received out of order or twice. */
void tcp_sack_fill(struct tcp_cb *t, struct tcp_options *o, uint32_t room);

/* Has the next ACK blocks to tell? */
static inline bool tcp_sack_due(const struct tcp_cb *t)
{
    return t->sack_on && (t->rcv.dsack_due || t->rcv.queue.ranges != NULL);
}

/* Packets of one connection that wait for its owner, in order or not. */
static inline uint32_t tcp_recv_packets_max(const struct tcp_cb *t)
{
    return t->rcv.buf_bytes / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA;
}

/* Is there plenty of room for data in so many packets of pool, so that nothing has to be weighed
 * (admit.c) and nothing to be dropped for it? */
static inline bool tcp_recv_has_room_for(const struct tcp_cb *t, const struct pkt_pool *pool,
                                         uint32_t packets)
{
    const struct tcp_recvq *q = &t->rcv.queue;
    uint32_t most = t->parent != NULL ? TCP_UNACCEPTED_PACKETS : tcp_recv_packets_max(t);
    return q->in_order.count + q->ooo_packets + packets <= most &&
           !tcp_pool_below(pool, 0, TCP_PRESSURE_FRACTION);
}

static inline bool tcp_recv_has_room(const struct tcp_cb *t, const struct pkt_pool *pool)
{
    return tcp_recv_has_room_for(t, pool, 1);
}

/* RFC 7323 4.3, 5.3 R3: TS.Recent is this. */
static inline void tcp_ts_renew(struct tcp_cb *t, uint32_t ts_val)
{
    t->ts.recent = ts_val;
    t->ts.recent_ns = t->net->now_ns;
}

/* An ACK leaves with this event, at its end. */
static inline void tcp_ack_soon(struct tcp_cb *t)
{
    t->rcv.ack_now = true;
}

/* One has left, and told of all that was received; untold: but for what came out of order, for
 * which it had no room: another one follows. */
static inline void tcp_ack_went(struct tcp_cb *t, bool untold)
{
    t->rcv.acked = t->rcv.nxt;
    t->rcv.unacked_segments = 0;
    t->rcv.ack_now = untold;
}

/* A segment has told the peer of a window of so many bytes. */
static inline void tcp_window_went(struct tcp_cb *t, uint32_t window)
{
    t->rcv.adv = seq_max(t->rcv.adv, t->rcv.nxt + window);
}

/*
 * The window field of the next segment, of which the peer is told. Mostly less than a worthwhile
 * step has become free and the right edge stays, which one comparison tells: what bounds the room
 * beside the buffer (window.c, free_bytes) makes it smaller yet. RFC 7323 2.4: whole units of the
 * scale, up; what was said before fits the field, so this does.
 */
static inline uint16_t tcp_window_field(struct tcp_cb *t)
{
    struct tcp_receiver *r = &t->rcv;
    uint32_t current = r->adv - r->nxt;
    uint32_t step = min_u32(r->buf_bytes / 2, r->mss);
    if (unlikely((int32_t)current < 0 || t->opt.window_clamp != 0 ||
                 r->buf_bytes >= r->queue.bytes + current + step)) {
        return tcp_window_choose(t);
    }
    uint32_t field = (current + (1u << r->wscale) - 1) >> r->wscale;
    r->adv = r->nxt + (field << r->wscale);
    return (uint16_t)field;
}

/* A segment is for t, acceptable or not. */
static inline void tcp_segment_came(struct tcp_cb *t)
{
    t->rcv.segs_in++;
}

/* So many more are, in a run behind it. */
static inline void tcp_run_came(struct tcp_cb *t, uint32_t others)
{
    t->rcv.segs_in += others;
}

/* Is the data of a run taken at once, with one ACK for all of it? Not as long as the ACKs that the
 * peer hears of may be what its window grows by: see TCP_RUN_WHOLE_BYTES. */
static inline bool tcp_run_goes_whole(const struct tcp_cb *t)
{
    return t->rcv.bytes_received >= TCP_RUN_WHOLE_BYTES && !t->opt.quickack;
}

/* The peer is alive, by a segment that nobody else could have sent. */
static inline void tcp_heard(struct tcp_cb *t)
{
    t->rcv.heard_ns = t->net->now_ns;
}

/* What our SYN says, as both sides' SYNs have settled it. */
static inline void tcp_set_announced_mss(struct tcp_cb *t, uint16_t mss)
{
    t->rcv.mss = mss;
}

/* The most that is to wait for the owner, as it was chosen. */
static inline void tcp_set_rcvbuf(struct tcp_cb *t, uint32_t bytes)
{
    t->rcv.buf_bytes = bytes;
}

#endif
