/*
 * Fifth step for a segment to a live connection (RFC 9293 3.10.7.4): its ACK. Checks it, moves
 * SND.UNA, takes over the window, and feeds round-trip time and congestion control. What the ACK of
 * our FIN brings is life/state.c's.
 */
#include "net/tcp/ack.h"
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

static void update_window(struct tcp_cb *t, const struct tcp_segment *seg, bool advanced)
{
    if (!tcp_snd_window_newer(t, seg->seq, seg->ack, advanced) || seq_lt(seg->ack, t->snd.una)) {
        return;
    }
    uint32_t before = t->snd.wnd;
    tcp_snd_take_window(t, seg->wnd, seg->seq, seg->ack);
    if (before == 0 && seg->wnd > 0) {
        window_opened(t);
    }
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
        assert(seq_le(seg->ack, t->snd.nxt));
        bool undisturbed = tcp_loss_undisturbed(t, t->snd.una);
        tcp_ack_begin(t, seg);
        if (!undisturbed || !tcp_sendq_pass(t, &d)) {
            tcp_sendq_ack(t, &d);
        }
        tcp_ack_end(t, seg, &d);
    }
    if (t->sack_on && d.blocks) {
        tcp_scoreboard_take(t, seg, &d);
    }
    tcp_recovery_ack(t, &d);
    if (d.advanced) {
        tcp_ack_wake_writer(t);
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
