/*
 * The first steps for a segment to a live connection: is its sequence number acceptable (RFC 9293
 * 3.10.7.4 first), is its RST to be believed (second), what of a SYN (fourth). RFC 5961 makes each
 * of them hard to use for somebody who cannot see the connection.
 */
#include "net/tcp/recv/int.h"

/* True once in tcp_challenge_ms of the limits; *last is of this connection, so that probing one
 * tells nothing of another (RFC 5961 7, CVE-2016-5696). */
static bool rate_allows(struct tcp_cb *t, uint64_t *last)
{
    uint64_t now = t->net->now_ns;
    if (*last != 0 && now - *last < tcp_ms(t->net->cfg.limits.tcp_challenge_ms)) {
        NET_COUNT(t->net, tcp_tx_challenge_limited);
        return false;
    }
    *last = max_u64(now, 1);
    NET_COUNT(t->net, tcp_tx_challenge_ack);
    return true;
}

void tcp_challenge_ack(struct tcp_cb *t)
{
    if (rate_allows(t, &t->rcv_cold.challenge_ns)) {
        tcp_ack_soon(t);
    }
}

/*
 * Is it data from where an honest peer could send it: again, because an ACK was lost, or a probe of
 * a shut window? Such a one is answered at once.
 */
static bool honest_data(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    bool has_data = tcp_payload_len(seg) > 0 || (seg->flags & TCP_FIN);
    uint32_t span = t->rcv.buf_bytes;
    return has_data && !(seg->flags & TCP_SYN) && seq_ge(seg->seq, t->rcv.nxt - span) &&
           seq_le(seg->seq, t->rcv.adv + span);
}

/* An ACK says where we are. To others only so often: two ends that have lost each other would go on
 * for ever without data, and a sender that guesses numbers gets no answer for each (RFC 5961 7). */
static void acknowledge_unacceptable(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (honest_data(t, seg)) {
        uint32_t end = seg->seq + tcp_payload_len(seg);
        tcp_ack_soon(t);
        tcp_sack_duplicate(t, seg->seq, seq_lt(end, t->rcv.nxt) ? end : t->rcv.nxt);
    } else if (rate_allows(t, &t->rcv_cold.oow_ns)) {
        tcp_ack_soon(t);
    }
}

/*
 * First. A segment is worth looking at when it ends at or behind the last byte we acknowledged and
 * begins at or in front of the window's right edge. That is wider than the RFC's table by the two
 * edges: an ACK at the right edge comes from a peer that has filled our window, one a little old
 * was overtaken. Data outside the window is cut off later all the same.
 */
enum tcp_verdict tcp_check_sequence(struct tcp_cb *t, const struct tcp_segment *seg)
{
    struct net *n = t->net;
    if (!(seg->flags & (TCP_ACK | TCP_RST | TCP_SYN))) {
        NET_COUNT(n, tcp_rx_drop_flags); /* RFC 9293 3.10.7.4 fifth: dropped whatever it says */
        return TCP_DROP;
    }
    /* RFC 5961 4.2: a SYN gets its challenge ACK whatever else it says, so that a peer that began
     * anew, with another clock or without one, hears of the old connection. */
    if (unlikely(tcp_paws_rejects(t, seg)) &&
        (!(seg->flags & TCP_SYN) || t->state == TCP_SYN_RECEIVED)) {
        NET_COUNT(n, tcp_rx_drop_paws);
        acknowledge_unacceptable(t, seg);
        return TCP_DROP;
    }
    uint32_t len = tcp_segment_len(seg);
    if (seq_ge(seg->seq + len, t->rcv.acked) && seq_le(seg->seq, t->rcv.adv)) {
        return TCP_GO_ON;
    }
    NET_COUNT(n, tcp_rx_drop_out_of_window);
    if (seg->flags & TCP_RST) {
        return TCP_DROP;
    }
    acknowledge_unacceptable(t, seg);
    return TCP_DROP;
}

/* Second. RFC 5961 3.2: exactly the next number, nothing else, resets. */
enum tcp_verdict tcp_check_rst(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (!(seg->flags & TCP_RST)) {
        return TCP_GO_ON;
    }
    if (seg->seq == t->rcv.nxt) {
        return TCP_RESET_BY_PEER;
    }
    NET_COUNT(t->net, tcp_rx_drop_rst_range);
    if (seq_gt(seg->seq, t->rcv.nxt) && seq_lt(seg->seq, t->rcv.adv)) {
        tcp_challenge_ack(t);
    }
    return TCP_DROP;
}

/* Simultaneous open (RFC 9293 3.5 figure 8): the peer's SYN comes again, now with the ACK of ours,
 * or because it missed our SYN-ACK. */
static enum tcp_verdict syn_again(struct tcp_cb *t, struct tcp_segment *seg)
{
    assert(t->state == TCP_SYN_RECEIVED);
    if ((seg->flags & TCP_ACK) && seg->ack == t->snd.nxt) {
        seg->flags &= (uint8_t)~TCP_SYN;
        seg->seq++;
        tcp_ack_soon(t); /* the peer may be waiting for it just as we were */
        return TCP_GO_ON;
    }
    return TCP_ANSWER_SYN;
}

/* Fourth. RFC 5961 4.2: a SYN into a live connection gets a challenge ACK, wherever it is; a peer
 * that really began anew answers it with a RST that is believed. */
enum tcp_verdict tcp_check_syn(struct tcp_cb *t, struct tcp_segment *seg)
{
    if (!(seg->flags & TCP_SYN)) {
        return TCP_GO_ON;
    }
    if (t->state == TCP_SYN_RECEIVED && seg->seq == t->rcv.irs) {
        return syn_again(t, seg);
    }
    NET_COUNT(t->net, tcp_rx_drop_syn_synchronized);
    tcp_challenge_ack(t);
    return TCP_DROP;
}
