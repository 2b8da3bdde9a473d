/*
 * Fifth step for a segment to a live connection (RFC 9293 3.10.7.4): its ACK. Checks it, moves
 * SND.UNA, takes over the window, and feeds round-trip time and congestion control. What the ACK of
 * our FIN brings is life/state.c's.
 */
#include "net/tcp/cc/ecn.h"
#include "net/tcp/life/life.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"

/* An ACK in SYN-RECEIVED: of our SYN or wrong. */
static enum tcp_verdict complete_open(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (seg->ack != t->snd.nxt) {
        NET_COUNT(t->net, tcp_rx_drop_half_ack);
        tcp_emit_rst_for(t->net, seg, &t->opt);
        return TCP_DROP;
    }
    tcp_snd_acked(t, seg->ack);
    tcp_snd_take_window(t, seg->wnd, seg->seq, seg->ack);
    tcp_established(t);
    return tcp_take_early(t);
}

/*
 * The window opened again. After probes, what was sent into the shut one is presumed refused and
 * goes again at once, without a word about congestion; and the silence was the peer's wish, which
 * R2 does not count. A window that shut and opened between two timeouts changes nothing: else a
 * peer that toggles it could have everything sent again and the timeout put off for ever.
 */
static void window_opened(struct tcp_cb *t)
{
    if (t->snd.probes == 0) {
        return;
    }
    tcp_snd_window_opened(t);
    tcp_timer_stop(t, TCP_TIMER_RTX);
    tcp_mark_all_lost(t);
}

/* RFC 9293 3.10.7.4: not from a segment older than the one the window was last taken from. One that
 * acknowledges more is newer, low as its sequence number may be when it is a retransmission: to
 * keep the old window with the new SND.UNA would let us send beyond the peer's edge. */
static void update_window(struct tcp_cb *t, const struct tcp_segment *seg, bool advanced)
{
    bool newer = advanced || seq_lt(t->snd.wl1, seg->seq) ||
                 (t->snd.wl1 == seg->seq && seq_le(t->snd.wl2, seg->ack));
    if (!newer || seq_lt(seg->ack, t->snd.una)) {
        return;
    }
    uint32_t before = t->snd.wnd;
    tcp_snd_take_window(t, seg->wnd, seg->seq, seg->ack);
    if (before == 0 && seg->wnd > 0) {
        window_opened(t);
    }
}

/* Tells the writer that was made to wait, once a part of the buffer is free that is worth a turn,
 * and not so large that the path runs dry meanwhile. */
static void wake_writer(struct tcp_cb *t)
{
    if (t->snd.blocked && tcp_sendq_room(t) >= t->snd.buf_bytes / TCP_WAKE_FRACTION) {
        tcp_snd_unblock(t);
        tcp_notify(t, NET_READY_OUT);
    }
}

/* How many measurements a round trip brings (RFC 7323 G): an ACK for every other segment. */
static uint32_t samples_expected(const struct tcp_cb *t, uint32_t flight)
{
    return t->ts.on ? flight / (TCP_DELACK_SEGMENTS * (uint32_t)t->snd.mss) + 1 : 1;
}

static void advance(struct tcp_cb *t, const struct tcp_segment *seg, struct tcp_delivery *d)
{
    assert(seq_gt(seg->ack, t->snd.una) && seq_le(seg->ack, t->snd.nxt));
    tcp_snd_acked(t, seg->ack);
    tcp_loss_progress(t);
    tcp_set_soft_error(t, 0);
    if (t->snd.fin_sent && seg->ack == t->snd.nxt) {
        tcp_inflight_fin_done(t);
    }
    if (tcp_sendq_room(t) == 0) {
        tcp_snd_block(t); /* filled exactly, or shrunk: the writer may wait without a refusal */
    }
    tcp_sendq_ack(t, d);
    if (t->sack_on) {
        tcp_scoreboard_check_reneging(t);
    }
    /* RFC 7323 4.1: the echo is good for segments sent twice too; RFC 6298 3 (Karn) without it. */
    uint64_t rtt_ns = d->rtt_ns != 0 ? d->rtt_ns : tcp_ts_rtt_ns(t, seg);
    if (rtt_ns != 0) {
        tcp_loss_measured(t, rtt_ns, samples_expected(t, d->flight));
    }
    tcp_pmtu_acked(t, d->largest);
    tcp_pressure_progress(t);
}

/* RFC 5681 2: nothing but the acknowledgement of what was acknowledged, while data is out. */
static bool is_duplicate(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    return seg->ack == t->snd.una && tcp_flight(t) > 0 && tcp_payload_len(seg) == 0 &&
           !(seg->flags & TCP_FIN) && seg->wnd == t->snd.wnd && seg->wnd > 0;
}

/* Takes in what an acceptable ACK tells: SND.UNA, blocks, then what follows from them for recovery
 * and congestion control, then the window. */
static void acknowledged(struct tcp_cb *t, const struct tcp_segment *seg)
{
    struct tcp_delivery d = {.flight = tcp_flight(t),
                             .advanced = seq_gt(seg->ack, t->snd.una),
                             .duplicate = is_duplicate(t, seg),
                             .blocks = seg->options.sack_count > 0,
                             .has_echo = t->ts.on && seg->options.has_timestamps,
                             .fack = t->rack.xmit_ns != 0 ? t->rack.fack : t->snd.una,
                             .ts_ecr = seg->options.ts_ecr};
    if (d.advanced) {
        advance(t, seg, &d);
    }
    if (t->sack_on && d.blocks) {
        tcp_scoreboard_take(t, seg, &d);
    }
    tcp_recovery_ack(t, &d);
    if (d.advanced) {
        tcp_tune_send(t);
        wake_writer(t);
    }
    update_window(t, seg, d.advanced);
}

/*
 * RFC 5961 5.2: an ACK for what was never sent, or older than any window we had, discards the
 * segment and is answered by an ACK.
 */
enum tcp_verdict tcp_check_ack(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (!(seg->flags & TCP_ACK)) {
        NET_COUNT(t->net, tcp_rx_drop_flags);
        return TCP_DROP;
    }
    if (t->state == TCP_SYN_RECEIVED) {
        enum tcp_verdict v = complete_open(t, seg);
        if (v != TCP_GO_ON) {
            return v;
        }
    }
    if (!seq_between(t->snd.una - t->snd.max_wnd, seg->ack, t->snd.nxt)) {
        NET_COUNT(t->net, tcp_rx_drop_ack_range);
        tcp_challenge_ack(t);
        return TCP_DROP;
    }
    /* Not before: a sender that cannot see the connection must not make a dead peer look alive. */
    tcp_heard(t);
    tcp_idle_heard(t);
    tcp_ecn_on_ack(t, seg);
    acknowledged(t, seg);
    if (t->snd.fin_sent && t->snd.una == t->snd.nxt) {
        return tcp_fin_acknowledged(t, (seg->flags & TCP_FIN) != 0);
    }
    return TCP_GO_ON;
}
