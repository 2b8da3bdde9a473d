/*
 * Segments onto the wire: each kind of segment is put together here, and nowhere else. Whether and
 * when one goes is decided by output.c, rtx.c and the arrival of segments.
 */
#include "net/tcp/cc/ecn.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/int.h"

static enum status to_ip(struct net *n, struct pkt *p, const struct tcp_out *out, bool may_fragment)
{
    struct ipv4_tx tx = {.src = out->id.laddr,
                         .dst = out->id.raddr,
                         .protocol = IP_PROTO_TCP,
                         .ttl = out->ttl,
                         .tos = out->tos | out->ecn,
                         .may_fragment = may_fragment};
    NET_COUNT(n, tcp_tx_segments);
    enum status st = ipv4_output(n, p, &tx);
    if (st != STATUS_OK) {
        NET_COUNT(n, tcp_tx_failed); /* to TCP a segment that was lost on the way */
    }
    return st;
}

/* STATUS_NO_MEMORY: there is no buffer; else what IP says. */
static enum status emit_bare(struct net *n, const struct tcp_out *out)
{
    struct pkt *p = net_alloc_tx(n, true);
    if (p == NULL) {
        NET_COUNT(n, tcp_tx_no_buffer);
        return STATUS_NO_MEMORY;
    }
    assert(pkt_len(p) == 0);
    tcp_encode(p, out);
    return to_ip(n, p, out, false); /* no link is too narrow for headers alone (RFC 791 3.2) */
}

bool tcp_emit_bare(struct net *n, const struct tcp_out *out)
{
    return emit_bare(n, out) != STATUS_NO_MEMORY;
}

/* RFC 9293 3.9.2: what the owner chose for the IP header (MUST-48, MUST-49). */
static void choose_ip(const struct tcp_choices *o, struct tcp_out *out)
{
    out->tos = o->tos;
    out->ttl = o->ttl;
}

/* RFC 9293 3.10.7.1: the answer to a segment that belongs to nothing, or is no good answer to what
 * o's owner has sent (NULL: there is none). Never to a RST. */
void tcp_emit_rst_for(struct net *n, const struct tcp_segment *seg, const struct tcp_choices *o)
{
    if (seg->flags & TCP_RST) {
        return;
    }
    struct tcp_out out = {.id = seg->id};
    if (o != NULL) {
        choose_ip(o, &out);
    }
    if (seg->flags & TCP_ACK) {
        out.seq = seg->ack;
        out.flags = TCP_RST;
    } else {
        out.ack = seg->seq + tcp_segment_len(seg);
        out.flags = TCP_RST | TCP_ACK;
    }
    NET_COUNT(n, tcp_tx_rst);
    (void)tcp_emit_bare(n, &out);
}

void tcp_emit_rst(struct tcp_cb *t)
{
    struct tcp_out out = {
        .id = t->node.id, .seq = t->snd.nxt, .ack = t->rcv.nxt, .flags = TCP_RST | TCP_ACK};
    choose_ip(&t->opt, &out);
    tcp_ts_fill(t, &out.options); /* RFC 7323 3.2: SHOULD */
    NET_COUNT(t->net, tcp_tx_rst);
    (void)tcp_emit_bare(t->net, &out);
}

/* SND.NXT, unless the peer took window back: what lies behind its edge it would not look at. */
static uint32_t acceptable_seq(const struct tcp_cb *t)
{
    uint32_t edge = t->snd.una + t->snd.wnd;
    return seq_le(t->snd.nxt, edge) ? t->snd.nxt : edge;
}

/* len: of the payload. SACK blocks take the room it leaves (RFC 6691 2: options count against the
 * segment size). */
static struct tcp_out out_for(struct tcp_cb *t, uint32_t seq, uint8_t flags, uint32_t len)
{
    struct tcp_out out = {.id = t->node.id,
                          .seq = seq,
                          .ack = t->rcv.nxt,
                          .window = tcp_window_field(t),
                          .flags = flags,
                          .device_csum = (t->net->cfg.offload & NET_OFFLOAD_TX_CSUM) != 0};
    choose_ip(&t->opt, &out);
    if (t->ecn.echo) {
        out.flags |= TCP_ECE; /* RFC 3168 6.1.3 */
    }
    tcp_ts_fill(t, &out.options);
    uint32_t room = t->snd.mss > len ? t->snd.mss - len : 0;
    tcp_sack_fill(t, &out.options, len > 0 ? room : TCP_OPTIONS_MAX_BYTES);
    return out;
}

/* Takes p, with its payload, for the segment of note, or without one: the general way. */
static void send_anew(struct tcp_cb *t, struct pkt *p, const struct tcp_tx_note *note, uint32_t seq,
                      uint8_t flags)
{
    struct tcp_out out = out_for(t, seq, flags, (uint32_t)pkt_len(p));
    NET_COUNT(t->net, tcp_tx_anew);
    if (note != NULL) {
        tcp_ecn_mark_data(t, &out, note->sent_count == 0 && !t->snd.push_override);
    }
    tcp_encode(p, &out);
    /* No link is too narrow for headers alone (RFC 791 3.2). */
    (void)to_ip(t->net, p, &out, note != NULL && t->path.may_fragment);
    tcp_went(t, 1, t->rcv.ack_now && tcp_sack_due(t) && out.options.sack_count == 0);
    tcp_template_find(t);
}

/* A segment of a synchronized connection without payload. False when there is no buffer. */
static bool send_bare(struct tcp_cb *t, uint32_t seq, uint8_t flags)
{
    struct pkt *p = net_alloc_tx(t->net, true);
    if (p == NULL) {
        NET_COUNT(t->net, tcp_tx_no_buffer);
        return false;
    }
    if (likely(tcp_template_serves(t))) {
        tcp_template_send(t, p, seq, flags, 0);
        tcp_went(t, 1, false);
    } else {
        send_anew(t, p, NULL, seq, flags);
    }
    return true;
}

/* False when there is no buffer: tried again when the delayed-ACK timer comes. */
bool tcp_emit_ack(struct tcp_cb *t)
{
    if (!send_bare(t, acceptable_seq(t), TCP_ACK)) {
        tcp_timer_set(t, TCP_TIMER_DELACK, t->net->now_ns + tcp_ms(TCP_DELACK_MS));
        return false;
    }
    return true;
}

/* False when it did not get so far as to wait for its neighbour: there is no buffer, or no room. */
bool tcp_emit_syn(struct tcp_cb *t)
{
    assert(t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED);
    bool answer = t->state == TCP_SYN_RECEIVED;
    uint32_t off = t->net->cfg.tcp_off;
    struct tcp_out out = {
        .id = t->node.id, .seq = t->snd_cold.iss, .flags = TCP_SYN | tcp_ecn_syn_flags(t)};
    choose_ip(&t->opt, &out);
    out.window = tcp_syn_window(t->rcv.buf_bytes, t->rcv.wscale);
    out.options.has_mss = true;
    out.options.mss = t->rcv.mss;
    out.options.has_wscale = !(off & NET_TCP_OFF_WSCALE);
    out.options.wscale = t->rcv.wscale;
    out.options.has_sack_permitted = !(off & NET_TCP_OFF_SACK);
    out.options.has_timestamps = !(off & NET_TCP_OFF_TIMESTAMPS);
    out.options.ts_val = tcp_ts_now(t->net, t->ts.offset);
    if (answer) {
        out.flags |= TCP_ACK;
        out.ack = t->rcv.nxt;
        tcp_window_went(t, out.window);
        /* RFC 7323 2.2: only as an answer to one; when both shifts are 0 it says nothing. */
        out.options.has_wscale = t->snd.wscale != 0 || t->rcv.wscale != 0;
        out.options.has_sack_permitted = t->sack_on;
        tcp_ts_fill(t, &out.options);
    }
    enum status st = emit_bare(t->net, &out);
    return st != STATUS_NO_MEMORY && st != STATUS_BUSY;
}

/*
 * Sends p of the send queue, for the first time or again, with a FIN behind it when asked. The
 * packet stays ours: one reference goes down, one is kept. False when the one handed down last time
 * is still on its way: then its bytes must not be touched (pkt.h).
 */
bool tcp_emit_packet(struct tcp_cb *t, struct pkt *p, bool fin)
{
    struct tcp_tx_note *note = tx_note(p);
    if (pkt_shared(p)) {
        NET_COUNT(t->net, tcp_tx_busy);
        return false;
    }
    p->data = p->head + note->offset;
    p->tail = p->data + note->len;
    uint8_t flags = tcp_data_flags(t, p, fin);
    if (likely(tcp_template_serves(t) && !t->path.may_fragment)) {
        tcp_template_send(t, pkt_get(p), note->seq, flags, note->sum);
        tcp_went(t, 1, false);
    } else {
        send_anew(t, pkt_get(p), note, note->seq, flags);
    }
    t->snd.data_segs_out++;
    return true;
}

bool tcp_emit_fin(struct tcp_cb *t)
{
    assert(t->snd.fin_queued);
    uint32_t seq = t->snd.fin_sent ? t->snd.nxt - 1 : t->snd.nxt;
    return send_bare(t, seq, TCP_FIN | TCP_ACK);
}

/* RFC 9293 3.8.4: SEG.SEQ = SND.NXT-1 without data, which asks for an ACK and says nothing new. */
void tcp_emit_keepalive(struct tcp_cb *t)
{
    NET_COUNT(t->net, tcp_tx_keepalives);
    (void)send_bare(t, t->snd.nxt - 1, TCP_ACK);
}
