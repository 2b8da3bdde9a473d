/*
 * Seventh and eighth step for a segment to a live connection (RFC 9293 3.10.7.4): its data and its
 * FIN. Trims what was there already and what is outside the window, delivers what is in order,
 * keeps what is not, and decides when to acknowledge (RFC 5681 4.2, RFC 9293 3.8.6.3).
 */
#include "net/tcp/recv/int.h"

/* Has the peer's stream not ended yet, as far as the state tells? */
static bool receiving(const struct tcp_cb *t)
{
    return t->state == TCP_ESTABLISHED || t->state == TCP_FIN_WAIT_1 || t->state == TCP_FIN_WAIT_2;
}

/* Every second segment at once, others within TCP_DELACK_MS. */
static inline void acknowledge_later(struct tcp_cb *t)
{
    t->rcv.unacked_segments++;
    if (t->opt.quickack || t->rcv.unacked_segments >= TCP_DELACK_SEGMENTS) {
        tcp_ack_soon(t);
        return;
    }
    if (!tcp_timer_armed(t, TCP_TIMER_DELACK)) {
        tcp_timer_set(t, TCP_TIMER_DELACK, t->net->now_ns + tcp_ms(TCP_DELACK_MS));
    }
}

/* Cuts off what lies in front of RCV.NXT. */
static void trim_left(struct tcp_cb *t, struct tcp_segment *seg)
{
    uint32_t known = seq_ahead(seg->seq, t->rcv.nxt);
    uint32_t cut = min_u32(known, tcp_payload_len(seg));
    tcp_sack_duplicate(t, seg->seq, seg->seq + cut);
    if (cut > 0) {
        tcp_segment_pull(seg, cut);
        tcp_ack_soon(t); /* a duplicate: the peer may have missed our ACK */
    }
}

/* Cuts off what lies behind the window's right edge or the peer's own FIN. The FIN goes with it. */
static void trim_right(struct tcp_cb *t, struct tcp_segment *seg)
{
    uint32_t limit = t->rcv.fin_known && seq_lt(t->rcv_cold.fin_seq, t->rcv.adv)
                         ? t->rcv_cold.fin_seq
                         : t->rcv.adv;
    uint32_t end = seg->seq + tcp_payload_len(seg);
    uint32_t room = seq_ahead(seg->seq, limit);
    if (seq_gt(end, limit)) {
        tcp_segment_trim(seg, min_u32(room, tcp_payload_len(seg)));
        seg->flags &= (uint8_t)~TCP_FIN;
        tcp_ack_soon(t);
    }
    /* A FIN just behind a full window stays: it takes no memory, and else a peer that closed would
     * have to ask again. */
}

/* Remembers where the peer's stream ends. A FIN in front of data that is here already contradicts
 * it, and is not believed. */
static void note_fin(struct tcp_cb *t, const struct tcp_segment *seg)
{
    uint32_t end = seg->seq + tcp_payload_len(seg);
    if (!(seg->flags & TCP_FIN) || t->rcv.fin_known) {
        return;
    }
    tcp_ack_soon(t);
    if (seq_lt(end, t->rcv.nxt) || seq_lt(end, tcp_ooo_end(t))) {
        NET_COUNT(t->net, tcp_rx_drop_past_fin);
        return;
    }
    t->rcv.fin_known = true;
    t->rcv_cold.fin_seq = end;
}

/* The owner reads no more: the bytes are taken and forgotten. When it has closed altogether, the
 * peer must be told that nobody will ever read them (RFC 9293 3.10.4, RFC 1122 4.2.2.13). */
static enum tcp_verdict discard(struct tcp_cb *t, struct tcp_segment *seg)
{
    NET_COUNT(t->net, tcp_rx_drop_shut);
    if (t->orphan) {
        return TCP_NO_READER;
    }
    t->rcv.nxt += tcp_payload_len(seg);
    acknowledge_later(t);
    return TCP_GO_ON;
}

/* The packets of a run become ones of the queue; each was a segment. */
static void append_run(struct tcp_cb *t, struct pkt *p)
{
    while (p->frag != NULL) {
        struct pkt *next = p->frag;
        p->frag = NULL;
        tcp_recvq_append(t, p, (uint32_t)pkt_len(p));
        t->rcv.data_segs_in++;
        t->rcv.unacked_segments++;
        p = next;
    }
    tcp_recvq_append(t, p, (uint32_t)pkt_len(p));
}

/* What is the very next, and kept. */
static inline void append(struct tcp_cb *t, struct tcp_segment *seg)
{
    uint32_t len = seg->len;
    assert(seg->seq == t->rcv.nxt);
    t->rcv.nxt += len;
    t->net->counters.tcp_rx_bytes += len;
    struct pkt *p = tcp_segment_take(seg);
    if (unlikely(p->frag != NULL)) {
        append_run(t, p);
    } else {
        tcp_recvq_append(t, p, len);
    }
}

/* seg, a segment or a run of them, has data, all of it the very next and within the window, and
 * there is room for it; no more is known of the peer's stream, and nobody has shut it. */
void tcp_take_next(struct tcp_cb *t, struct tcp_segment *seg)
{
    assert(t->rcv.queue.ranges == NULL);
    if (!t->ts.on || pkt_len(seg->pkt) >= tcp_tune_least(t)) {
        tcp_tune_arrived(t, seg);
    }
    tcp_recv_note(t);
    append(t, seg);
    acknowledge_later(t);
    tcp_notify(t, NET_READY_IN);
}

/* seg's first byte is the very next one. */
static enum tcp_verdict take_in_order(struct tcp_cb *t, struct tcp_segment *seg)
{
    assert(seg->seq == t->rcv.nxt);
    if (t->rcv.shut) {
        return discard(t, seg);
    }
    if (!tcp_recv_admits(t, seg->pkt, true)) {
        tcp_ack_soon(t);
        tcp_ooo_refused(t, seg->seq, tcp_payload_len(seg));
        return TCP_DROP;
    }
    bool had_gap = t->rcv.queue.ranges != NULL;
    append(t, seg);
    if (had_gap) {
        tcp_ooo_merge(t);
        tcp_ack_soon(t); /* RFC 5681 4.2: a segment that fills a gap, at once */
    } else {
        acknowledge_later(t);
    }
    tcp_notify(t, NET_READY_IN);
    return TCP_GO_ON;
}

static void take_out_of_order(struct tcp_cb *t, struct tcp_segment *seg)
{
    tcp_ack_soon(t); /* RFC 5681 4.2: the duplicate ACK that tells of the gap */
    if (t->rcv.shut) {
        NET_COUNT(t->net, tcp_rx_drop_shut);
        return;
    }
    if (!tcp_recv_admits(t, seg->pkt, false)) {
        tcp_ooo_refused(t, seg->seq, tcp_payload_len(seg));
        return;
    }
    tcp_ooo_insert(t, tcp_segment_take(seg), seg->seq);
}

enum tcp_verdict tcp_take_data(struct tcp_cb *t, struct tcp_segment *seg)
{
    if (!receiving(t)) {
        /* The peer said FIN already: the same FIN again is acknowledged, data is ignored (seventh
         * and eighth step). */
        if ((seg->flags & TCP_FIN) && seg->seq + tcp_payload_len(seg) == t->rcv_cold.fin_seq) {
            tcp_ack_soon(t);
        }
        if (tcp_payload_len(seg) > 0) {
            NET_COUNT(t->net, tcp_rx_drop_past_fin);
        }
        return TCP_DROP;
    }
    if (tcp_payload_len(seg) == 0 && !(seg->flags & TCP_FIN)) {
        return TCP_GO_ON;
    }
    bool had_data = tcp_payload_len(seg) > 0;
    tcp_tune_arrived(t, seg);
    trim_left(t, seg);
    trim_right(t, seg);
    note_fin(t, seg);
    if (tcp_payload_len(seg) == 0) {
        if (had_data) {
            NET_COUNT(t->net, tcp_rx_drop_duplicate);
        }
        return TCP_GO_ON;
    }
    if (seg->seq == t->rcv.nxt) {
        return take_in_order(t, seg);
    }
    take_out_of_order(t, seg);
    return TCP_GO_ON;
}

/* Eighth: the FIN, once everything in front of it is here. What state follows is life/state.c's. */
bool tcp_take_fin(struct tcp_cb *t)
{
    if (!t->rcv.fin_known || t->rcv.fin_received || t->rcv.nxt != t->rcv_cold.fin_seq ||
        !receiving(t)) {
        return false;
    }
    t->rcv.fin_received = true;
    t->rcv.nxt++;
    tcp_window_went(t, 0);
    tcp_ack_soon(t);
    assert(t->rcv.queue.ranges == NULL);
    return true;
}

/* What came with a SYN that is not yet answered is queued until the connection is open (RFC 9293
 * 3.10.7.3). One packet, within the window that our SYN has told of; when there is no room the peer
 * sends it again. */
void tcp_keep_early(struct tcp_cb *t, struct tcp_segment *seg)
{
    bool fin = (seg->flags & TCP_FIN) != 0;
    if (tcp_payload_len(seg) == 0 && !fin) {
        return;
    }
    assert(t->rcv_cold.early == NULL);
    if (tcp_recv_admits(t, seg->pkt, false)) {
        t->rcv_cold.early = tcp_segment_take(seg);
        t->rcv_cold.early_fin = fin;
    }
}

enum tcp_verdict tcp_take_early(struct tcp_cb *t)
{
    assert(t->state == TCP_ESTABLISHED || t->state == TCP_FIN_WAIT_1);
    if (t->rcv_cold.early == NULL) {
        return TCP_GO_ON;
    }
    struct tcp_segment seg = {.pkt = t->rcv_cold.early,
                              .id = t->node.id,
                              .seq = t->rcv.irs + 1,
                              .len = (uint32_t)pkt_len(t->rcv_cold.early),
                              .flags = t->rcv_cold.early_fin ? TCP_FIN | TCP_ACK : TCP_ACK};
    t->rcv_cold.early = NULL;
    enum tcp_verdict v = tcp_take_data(t, &seg); /* the FIN is the parent's eighth step */
    pkt_put(seg.pkt);
    return v == TCP_NO_READER ? v : TCP_GO_ON;
}
