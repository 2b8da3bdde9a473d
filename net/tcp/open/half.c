/*
 * A segment for a half-open record, by the rules of RFC 9293 3.10.7.4 for SYN-RECEIVED, in its
 * order. What the record is, says and becomes is record.c's.
 */
#include "net/tcp/cc/ecn.h"
#include "net/tcp/life/life.h"
#include "net/tcp/open/int.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

/* The SYN again: our answer was lost, or is slower than the peer's timer. */
static void syn_again(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (seg->options.has_timestamps && seq_gt(seg->options.ts_val, half->ts_recent)) {
        half->ts_recent = seg->options.ts_val; /* RFC 7323 4.3: else the round trip looks long */
    }
    if (half->ecn && !tcp_ecn_asked(n, seg)) {
        /* RFC 3168 6.1.1: sent again without asking, it must not be agreed to. A cookie says
         * otherwise, so the number is none any more. */
        half->ecn = false;
        half->cookie = false;
    }
    tcp_half_send_syn_ack(n, half);
}

/*
 * First: as for a live connection an ACK at the window's right edge will do. A SYN has to lie in
 * the window itself: data behind an old one does not carry it there.
 */
static bool in_window(const struct tcp_half *half, const struct tcp_segment *seg)
{
    uint32_t at = seg->seq - (half->irs + 1); /* in the window, counted from RCV.NXT */
    if (seg->flags & TCP_SYN) {
        return at < half->rcv_wnd;
    }
    return at <= half->rcv_wnd || (seq_lt(at, 0) && seq_gt(at + tcp_segment_len(seg), 0));
}

/* RFC 7323 5.3 R1. What completes the record must get past the same test of the control block, or
 * nobody would ever finish that one. */
static bool old_duplicate(const struct tcp_half *half, const struct tcp_segment *seg)
{
    return half->node.timestamps && seg->options.has_timestamps &&
           seq_lt(seg->options.ts_val, half->ts_recent);
}

/* First. Not by a SYN-ACK: the peer may be in TIME-WAIT, where an old SYN of its own made this
 * record. It must answer every SYN, and the two of us would never end. */
static void answer_unacceptable(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (old_duplicate(half, seg)) {
        NET_COUNT(n, tcp_rx_drop_paws);
    } else {
        NET_COUNT(n, tcp_rx_drop_out_of_window);
    }
    tcp_half_send_ack(n, half);
}

/* Second. RFC 5961 3.2: exactly the next number ends it, any other one in the window gets a
 * challenge ACK. */
static void reset(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    uint32_t rcv_nxt = half->irs + 1;
    if (seg->seq == rcv_nxt) {
        NET_COUNT(n, tcp_half_open_reset);
        tcp_half_free(n, half);
        return;
    }
    NET_COUNT(n, tcp_rx_drop_rst_range);
    if (seq_gt(seg->seq, rcv_nxt) && seq_lt(seg->seq, rcv_nxt + half->rcv_wnd)) {
        tcp_half_send_ack(n, half);
    }
}

/* The SYN again, another one (fourth: in the window it sends a passive open back to LISTEN), or a
 * RST. */
static void control_arrives(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (seg->flags & TCP_RST) {
        reset(n, half, seg);
    } else if (!(seg->flags & TCP_ACK) && seg->seq == half->irs) {
        syn_again(n, half, seg);
    } else if (old_duplicate(half, seg) || !in_window(half, seg)) {
        answer_unacceptable(n, half, seg);
    } else {
        NET_COUNT(n, tcp_half_open_reset);
        tcp_half_free(n, half);
    }
}

/*
 * An ACK that is not of the record's SYN-ACK. The peer's first SYN may have been answered by a
 * cookie and only its second one, sent while that answer was on its way, by the record; it holds to
 * the answer that came first. True when it is so: then the record is now what the cookie said, as
 * if its own number had never been told.
 */
static bool cookie_replaces(struct tcp_half *half, const struct tcp_segment *seg)
{
    struct net *n = half->listener->net;
    struct tcp_half told;
    if (!tcp_cookie_expected(n)) {
        return false;
    }
    tcp_half_describe(&told, half->listener, seg);
    told.irs = half->irs;
    if (!tcp_cookie_recover(&told, seg)) {
        NET_COUNT(n, tcp_cookies_rejected);
        return false;
    }
    NET_COUNT(n, tcp_cookies_accepted);
    half->iss = told.iss;
    half->node.timestamps = told.node.timestamps;
    half->ts_offset = told.ts_offset;
    half->peer_mss = told.peer_mss;
    half->peer_wscale = told.peer_wscale;
    half->rcv_wscale = told.rcv_wscale;
    half->sack_permitted = told.sack_permitted;
    /* RFC 3168 6.1.1: only when both of its SYNs asked. If one did not, the number says otherwise,
     * and is no cookie of this record. */
    half->ecn = half->ecn && told.ecn;
    half->cookie = half->ecn == told.ecn;
    half->untimed = true;
    return true;
}

/*
 * An ACK that brings nothing is noted, and no more is said; what the record waits for is data, or a
 * FIN. When the time is up the timer asks with a SYN-ACK, and then an ACK alone will do, as it does
 * for a peer that waits for us to speak first.
 */
static bool defer(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (tcp_payload_len(seg) > 0 || (seg->flags & TCP_FIN) || !tcp_half_defers(half, n->now_ns)) {
        return false;
    }
    if (!half->deferred) {
        half->deferred = true;
        half->resent = half->retries > 0;
        half->rtt_us = (uint32_t)((n->now_ns - tcp_half_born_ns(half)) / NS_PER_US);
    }
    NET_COUNT(n, tcp_accepts_deferred);
    return true;
}

/*
 * The ACK alone, which nearly every handshake ends with. The record has checked its numbers and its
 * timestamp by the rules that the connection has, which has nothing to send yet: what is left of
 * the general way (input.c) is what it writes. The outcome is the same, field for field.
 */
static bool is_ack_alone(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    return (seg->flags & ~(uint32_t)TCP_PSH) == TCP_ACK && tcp_payload_len(seg) == 0 &&
           seg->options.sack_count == 0 && !t->ecn.on && !(t->net->cfg.tcp_off & NET_TCP_OFF_FAST);
}

static void open_by_ack_alone(struct tcp_cb *t, const struct tcp_segment *seg)
{
    assert(seg->ack == t->snd.nxt && t->snd.una + 1 == t->snd.nxt);
    tcp_segment_came(t);
    tcp_snd_acked(t, seg->ack);
    tcp_snd_take_window(t, (uint32_t)seg->window << t->snd.wscale, seg->seq, seg->ack);
    tcp_established(t);
    tcp_ts_take(t, seg);
}

static struct tcp_cb *complete(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    struct tcp_cb *t = tcp_half_complete(n, half);
    if (t != NULL && likely(is_ack_alone(t, seg))) {
        open_by_ack_alone(t, seg);
        return NULL;
    }
    return t;
}

/* The connection that the segment has completed, to which it goes next: the same ACK, and what
 * comes with it; or NULL: that was all. */
struct tcp_cb *tcp_arrives_half(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    assert(half->node.kind == TCP_NODE_HALF);
    if (seg->flags & (TCP_SYN | TCP_RST)) {
        control_arrives(n, half, seg);
        return NULL;
    }
    if (old_duplicate(half, seg) || !in_window(half, seg)) {
        answer_unacceptable(n, half, seg);
        return NULL;
    }
    if (!(seg->flags & TCP_ACK)) { /* fifth */
        NET_COUNT(n, tcp_rx_drop_flags);
        return NULL;
    }
    if (seg->ack != half->iss + 1 && !cookie_replaces(half, seg)) {
        NET_COUNT(n, tcp_rx_drop_half_ack);
        tcp_emit_rst_for(n, seg, &half->listener->opt);
        return NULL;
    }
    return defer(n, half, seg) ? NULL : complete(n, half, seg);
}
