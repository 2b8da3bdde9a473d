/*
 * What an ACK that moves SND.UNA brings about, the same whether the segment goes the general way
 * (ack.c) or the short one (fast.c). Inline: nearly each segment passes it.
 */
#ifndef NET_TCP_ACK_H
#define NET_TCP_ACK_H

#include "net/tcp/life/life.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

/* How many measurements a round trip brings (RFC 7323 G): an ACK for every other segment. */
static inline uint32_t tcp_ack_samples(const struct tcp_cb *t, uint32_t flight)
{
    uint32_t each = TCP_DELACK_SEGMENTS * (uint32_t)t->snd.mss;
    return flight < each || !t->ts.on ? 1 : flight / each + 1;
}

/* SND.UNA moves; what lies below it is to leave the queue next. */
static hot_fn void tcp_ack_begin(struct tcp_cb *t, const struct tcp_segment *seg)
{
    tcp_snd_acked(t, seg->ack);
    tcp_loss_progress(t);
    tcp_set_soft_error(t, 0);
    if (t->snd.fin_sent && seg->ack == t->snd.nxt) {
        tcp_inflight_fin_done(t);
    }
    if (tcp_sendq_room(t) == 0) {
        tcp_snd_block(t); /* filled exactly, or shrunk: the writer may wait without a refusal */
    }
}

/* It has left it, as d says, to which is added that a round trip was measured. */
static hot_fn void tcp_ack_end(struct tcp_cb *t, const struct tcp_segment *seg,
                               struct tcp_delivery *d)
{
    tcp_snd_passed(t, d->acked);
    if (unlikely(t->board.sacked_packets > 0)) {
        tcp_scoreboard_check_reneging(t);
    }
    /* RFC 7323 4.1: the echo is good for segments sent twice too; RFC 6298 3 (Karn) without it. */
    uint64_t rtt_ns = d->rtt_ns != 0 ? d->rtt_ns : tcp_ts_rtt_ns(t, seg);
    if (rtt_ns != 0) {
        tcp_loss_measured(t, rtt_ns, tcp_ack_samples(t, d->flight));
    }
    tcp_pmtu_acked(t, d->largest);
    tcp_pressure_progress(t);
}

/* Tells the writer that was made to wait, once a part of the buffer is free that is worth a turn,
 * and not so large that the path runs dry meanwhile. */
static inline void tcp_ack_wake_writer(struct tcp_cb *t)
{
    if (likely(!t->snd.blocked)) {
        return;
    }
    tcp_tune_send(t);
    if (tcp_sendq_room(t) >= t->snd.buf_bytes / TCP_WAKE_FRACTION) {
        tcp_snd_unblock(t);
        tcp_notify(t, NET_READY_OUT);
    }
}

#endif
