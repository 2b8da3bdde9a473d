/*
 * The short way of a segment to a live connection: what comes in the course of an undisturbed
 * exchange, data in order, an ACK that advances, or both at once, and news of the window. One
 * predicate says whether a segment is such a one; what it may not be looked at for here goes the
 * general way (input.c, arrives_otherwise), whose order and writers these are: the outcome is the
 * same, byte for byte and field for field (the simulator runs its worlds both ways and compares).
 *
 * PSH and the window are not compared, and data may come with an ACK that advances: a prediction
 * of either the one or the other would miss nearly every request of a keep-alive connection, which
 * also acknowledges the last response.
 */
#include "net/tcp/fast.h"
#include "net/tcp/ack.h"
#include "net/tcp/root.h"

apart_fn static void count_miss(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    static const uint16_t counter[] = {
        [TCP_FAST_STATE] = offsetof(struct net_counters, tcp_fast_miss_state),
        [TCP_FAST_FLAGS] = offsetof(struct net_counters, tcp_fast_miss_flags),
        [TCP_FAST_ECN] = offsetof(struct net_counters, tcp_fast_miss_ecn),
        [TCP_FAST_OPTIONS] = offsetof(struct net_counters, tcp_fast_miss_options),
        [TCP_FAST_SEQUENCE] = offsetof(struct net_counters, tcp_fast_miss_sequence),
        [TCP_FAST_TIMESTAMP] = offsetof(struct net_counters, tcp_fast_miss_timestamp),
        [TCP_FAST_ACK] = offsetof(struct net_counters, tcp_fast_miss_ack),
        [TCP_FAST_WINDOW] = offsetof(struct net_counters, tcp_fast_miss_window),
        [TCP_FAST_LOSS] = offsetof(struct net_counters, tcp_fast_miss_loss),
        [TCP_FAST_ORDER] = offsetof(struct net_counters, tcp_fast_miss_order),
        [TCP_FAST_ROOM] = offsetof(struct net_counters, tcp_fast_miss_room),
    };
    enum tcp_fast why = tcp_fast_judge(t, seg);
    assert(why != TCP_FAST_TAKES);
    if (why != TCP_FAST_OFF) {
        assert(why < ARRAY_SIZE(counter) && counter[why] != 0);
        uint8_t *at = (uint8_t *)&t->net->counters + counter[why];
        (*(uint64_t *)(void *)at)++;
    }
}

/* By value, so that of what an ACK may tell the little that most do stays in registers. */
static hot_fn void acknowledged(struct tcp_cb *t, const struct tcp_segment *seg,
                                struct tcp_delivery d)
{
    tcp_ack_end(t, seg, &d);
    tcp_recovery_passed(t, &d);
    tcp_ack_wake_writer(t);
}

/* SND.UNA is now within a packet, or behind one that was sent again. */
apart_fn static void acknowledged_partly(struct tcp_cb *t, const struct tcp_segment *seg,
                                         struct tcp_delivery d)
{
    tcp_sendq_ack(t, &d);
    acknowledged(t, seg, d);
}

static hot_fn void acknowledge(struct tcp_cb *t, const struct tcp_segment *seg)
{
    struct tcp_delivery d = {.flight = tcp_flight(t),
                             .advanced = true,
                             .has_echo = t->ts.on,
                             .fack = t->rack.xmit_ns != 0 ? t->rack.fack : t->snd.una,
                             .ts_ecr = seg->options.ts_ecr};
    tcp_ack_begin(t, seg);
    if (likely(tcp_sendq_pass(t, &d))) {
        acknowledged(t, seg, d);
    } else {
        acknowledged_partly(t, seg, d);
    }
}

/* Would tcp_output do anything? Something waits to go, an ACK is due, or a timer has to be set
 * because of what is still out; or the path's larger size may be due to be tried (RFC 1191 6.3). */
static inline bool output_due(const struct tcp_cb *t)
{
    return t->rcv.ack_now || t->snd.queue.unsent != NULL || tcp_flight(t) > 0 ||
           t->path.mtu != t->net->cfg.mtu;
}

bool tcp_fast_arrives(struct tcp_cb *t, struct tcp_segment *seg)
{
    if (unlikely(!tcp_fast_takes(t, seg))) {
        count_miss(t, seg);
        return false;
    }
    NET_COUNT(t->net, tcp_fast_hits);
    bool advanced = seg->ack != t->snd.una;
    tcp_heard(t);
    tcp_idle_heard(t);
    if (advanced) {
        acknowledge(t, seg);
    }
    if (tcp_snd_window_newer(t, seg->seq, seg->ack, advanced)) {
        tcp_snd_take_window(t, seg->wnd, seg->seq, seg->ack);
    }
    if (t->ts.on && seq_le(seg->seq, t->rcv.acked)) {
        tcp_ts_renew(t, seg->options.ts_val);
    }
    if (seg->len > 0) {
        tcp_take_next(t, seg);
    }
    if (output_due(t)) {
        tcp_output(t);
    }
    return true;
}
