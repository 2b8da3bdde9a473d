/*
 * The sender: the queue of what is not acknowledged, segments onto the wire, their size, and what
 * the retransmission timer asks for. Its part of the control block, struct tcp_sender and struct
 * tcp_path, changes by the functions below alone.
 */
#ifndef NET_TCP_SEND_SEND_H
#define NET_TCP_SEND_SEND_H

#include "net/tcp/block/block.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/recv/recv.h"

/* send/queue.c */
size_t tcp_sendq_append(struct tcp_cb *t, const uint8_t *bytes, size_t len, bool *no_packet);
bool tcp_sendq_split(struct tcp_cb *t, struct pkt *p, uint16_t len); /* p keeps len bytes */
void tcp_sendq_refill(struct tcp_cb *t, struct pkt *p, uint32_t len);
void tcp_sendq_sent(struct tcp_cb *t, struct pkt *p);     /* p went again */
void tcp_sendq_sent_new(struct tcp_cb *t, struct pkt *p); /* for the first time: SND.NXT moves */
void tcp_sendq_ack(struct tcp_cb *t, struct tcp_delivery *d);
void tcp_sendq_drop(struct tcp_cb *t); /* all of it: nothing is out any more */

/* send/tune.c: a buffer that follows the congestion window. */
void tcp_tune_send(struct tcp_cb *t); /* SND.UNA or cwnd has moved */

/* send/emit.c: segments onto the wire. */
bool tcp_emit_bare(struct net *n, const struct tcp_out *out); /* without payload */
void tcp_emit_rst_for(struct net *n, const struct tcp_segment *seg, const struct tcp_choices *o);
void tcp_emit_rst(struct tcp_cb *t);
bool tcp_emit_ack(struct tcp_cb *t);
bool tcp_emit_syn(struct tcp_cb *t); /* SYN, or SYN-ACK in SYN-RECEIVED */
bool tcp_emit_packet(struct tcp_cb *t, struct pkt *p, bool fin);
bool tcp_emit_fin(struct tcp_cb *t);
void tcp_emit_keepalive(struct tcp_cb *t);

/* send/template.c: the header of those that need none of their own. */
void tcp_template_find(struct tcp_cb *t);

/*
 * send/run.c: packets of the queue that were never sent, one behind the other, which leave as one
 * that the device cuts into the segments they are. All but the last are of snd.mss bytes.
 */
struct tcp_run {
    struct pkt *first;
    struct pkt *last;
    uint32_t packets;
    uint32_t bytes;
};
bool tcp_run_serves(const struct tcp_cb *t); /* may there be one? */
uint32_t tcp_run_packets_max(const struct tcp_cb *t);
bool tcp_emit_run(struct tcp_cb *t, const struct tcp_run *r);

/* send/template.c: p, empty, gets the headers of r, which is chained behind it; taken. */
void tcp_template_send_run(struct tcp_cb *t, struct pkt *p, const struct tcp_run *r, uint8_t flags);

/* What the owner chose for the IP header, or who the peer is, is something else from now on. */
static inline void tcp_template_forget(struct tcp_cb *t)
{
    t->tmpl.way.neighbour = NULL;
}

/* send/mtu.c: the size of segments. */
uint16_t tcp_announced_mss(const struct tcp_cb *t, uint16_t mtu); /* t: it or its listener */
void tcp_pmtu_begin(struct tcp_cb *t, uint16_t peer_mss);
enum tcp_due tcp_pmtu_message(struct tcp_cb *t, uint16_t mtu, uint16_t quoted_bytes) must_check;
void tcp_pmtu_timeout(struct tcp_cb *t);
void tcp_pmtu_update_mss(struct tcp_cb *t);
void tcp_pmtu_try_larger(struct tcp_cb *t); /* for tcp_pmtu_refresh */

/* RFC 1191 6.3: ten minutes after the last lowering the larger size is tried again. */
static inline void tcp_pmtu_refresh(struct tcp_cb *t)
{
    if (unlikely(t->path.mtu != t->net->cfg.mtu)) {
        tcp_pmtu_try_larger(t);
    }
}

/* send/rtx.c: the retransmission and persist timer. */
enum tcp_due tcp_rtx_due(struct tcp_cb *t) must_check; /* TCP_TIMER_RTX is */
void tcp_syn_send(struct tcp_cb *t);
bool tcp_rtx_timer_update(struct tcp_cb *t); /* does it run? */

/* Packets that may be queued, unless some were cut. */
static inline uint32_t tcp_sendq_packets_max(const struct tcp_cb *t)
{
    return t->snd.buf_bytes / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA;
}

/* How many bytes the owner may queue. */
static inline size_t tcp_sendq_room(const struct tcp_cb *t)
{
    const struct tcp_sendq *q = &t->snd.queue;
    if (q->bytes >= t->snd.buf_bytes || q->packets >= tcp_sendq_packets_max(t)) {
        return 0;
    }
    return t->snd.buf_bytes - q->bytes;
}

/*
 * The undisturbed way: drops as many whole packets as SND.UNA has passed that were sent once, while
 * nothing tells of loss, and says in d, of which nothing else is known yet, what that tells. False:
 * SND.UNA has passed more, which is tcp_sendq_ack's. The note of a packet that is put may not be
 * looked at any more.
 */
static hot_fn bool tcp_sendq_pass(struct tcp_cb *t, struct tcp_delivery *d)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct pkt *p = q->first;
    uint64_t sent_ns = 0;
    uint32_t acked = 0, end = 0;
    bool all = true;
    while (p != NULL && p != q->unsent) {
        struct tcp_tx_note *note = tx_note(p);
        if (note->sent_count != 1 || seq_gt(note->seq + note->len, t->snd.una)) {
            all = seq_le(t->snd.una, note->seq);
            break;
        }
        end = note->seq + note->len;
        sent_ns = note->sent_ns;
        if (acked == 0) {
            d->rtt_ns = max_u64(t->net->now_ns - sent_ns, 1);
        }
        acked += note->len;
        d->largest = max_u32(d->largest, note->len);
        tcp_delivered_in_turn(note);
        q->packets--;
        q->first = note->next;
        pkt_put(p);
        p = q->first;
    }
    if (acked > 0) {
        q->last = p != NULL ? q->last : NULL;
        q->bytes -= acked;
        d->acked = acked;
        d->delivered = acked;
        if (t->sack_on) {
            tcp_rack_passed(t, sent_ns, end);
        }
    }
    return all;
}

/* Segments with ACK went. They tell what was received: nothing is left to acknowledge, unless there
 * was no room to tell of what came out of order (untold): then an ACK of its own follows. */
static inline void tcp_went(struct tcp_cb *t, uint32_t segments, bool untold)
{
    tcp_ack_went(t, untold);
    t->snd.segs_out += segments;
    tcp_timer_stop(t, TCP_TIMER_DELACK);
}

/* Of data whose last packet is p, with our FIN behind it or not. */
static inline uint8_t tcp_data_flags(const struct tcp_cb *t, const struct pkt *p, bool fin)
{
    bool last = p == t->snd.queue.last;
    assert(!fin || (last && t->snd.fin_queued));
    /* RFC 9293 3.9.1: PSH when no more is queued behind it. */
    return (uint8_t)(TCP_ACK | (last ? TCP_PSH : 0) | (fin ? TCP_FIN : 0));
}

/* ---- the turns of a connection ---- */

/* A new block: what its owner has not said otherwise. */
static inline void tcp_snd_init(struct tcp_cb *t)
{
    t->snd.buf_bytes = t->net->cfg.limits.tcp_sndbuf_bytes;
    t->snd.mss = TCP_MSS_DEFAULT;
}

/* SO_SNDBUF, or a listener's. */
static inline void tcp_snd_set_buffer(struct tcp_cb *t, uint32_t bytes)
{
    t->snd.buf_bytes = bytes;
}

/* Our SYN has this number, and goes, or went, now. */
static inline void tcp_snd_begin(struct tcp_cb *t, uint32_t iss)
{
    t->snd_cold.iss = iss;
    tcp_template_forget(t);
    t->snd.una = iss;
    t->snd.nxt = iss + 1;
    t->snd.sent_ns = t->net->now_ns;
    t->snd.progress_ns = t->net->now_ns;
}

/* What a half-open record knows of our SYN-ACK: whether it was lost, whether anybody knows when the
 * one that was answered went, and when it did. */
static inline void tcp_snd_handshake(struct tcp_cb *t, bool resent, bool untimed, uint64_t sent_ns)
{
    t->snd_cold.syn_resent = resent;
    t->snd_cold.syn_untimed = untimed;
    t->snd.sent_ns = sent_ns;
}

/* Nobody will know which of our SYNs is answered. */
static inline void tcp_snd_syn_untimed(struct tcp_cb *t)
{
    t->snd_cold.syn_untimed = true;
}

/* The peer's SYN: the shift of the windows it sends. */
static inline void tcp_snd_scale(struct tcp_cb *t, uint8_t shift)
{
    t->snd.wscale = shift;
}

/* RFC 9293 3.10.7.4: is a segment not older than the one the window was last taken from? One that
 * acknowledges more is newer, low as its sequence number may be when it is a retransmission: to
 * keep the old window with the new SND.UNA would let us send beyond the peer's edge. */
static inline bool tcp_snd_window_newer(const struct tcp_cb *t, uint32_t seq, uint32_t ack,
                                        bool advanced)
{
    return advanced || seq_lt(t->snd.wl1, seq) || (t->snd.wl1 == seq && seq_le(t->snd.wl2, ack));
}

/* The window of a segment with these numbers holds from now on (RFC 9293 3.10.7.4 fifth). */
static inline void tcp_snd_take_window(struct tcp_cb *t, uint32_t wnd, uint32_t seq, uint32_t ack)
{
    t->snd.wnd = wnd;
    t->snd.wl1 = seq;
    t->snd.wl2 = ack;
    t->snd.max_wnd = max_u32(t->snd.max_wnd, wnd);
}

/* The peer acknowledges up to ack. */
static inline void tcp_snd_acked(struct tcp_cb *t, uint32_t ack)
{
    t->snd.una = ack;
    t->snd.progress_ns = t->net->now_ns;
}

static inline void tcp_snd_established(struct tcp_cb *t)
{
    t->snd.progress_ns = t->net->now_ns;
    t->snd.small_end = t->snd.una;
}

/* The silence was the peer's wish, which R2 does not count. */
static inline void tcp_snd_window_opened(struct tcp_cb *t)
{
    t->snd.probes = 0;
    t->snd.progress_ns = t->net->now_ns;
}

/* The owner promises that more follows, or that what there is may go. */
static inline void tcp_snd_more(struct tcp_cb *t, bool more)
{
    t->snd.more = more;
}

/* The owner sends no more: the FIN goes behind what is queued. */
static inline void tcp_snd_queue_fin(struct tcp_cb *t)
{
    t->snd.fin_queued = true;
    t->snd.more = false;
}

/* The writer found no room: to be told when there is some. */
static inline void tcp_snd_block(struct tcp_cb *t)
{
    t->snd.blocked = true;
}

/* The writer is about to be told. */
static inline void tcp_snd_unblock(struct tcp_cb *t)
{
    t->snd.blocked = false;
}

/* ---- what output.c sends ---- */

/* With nothing out: the silence counts from here on. */
static inline void tcp_snd_resume(struct tcp_cb *t)
{
    tcp_timer_stop(t, TCP_TIMER_RTX); /* the persist timer, if anything: a fresh timeout begins */
    t->snd.progress_ns = t->net->now_ns;
}

static inline void tcp_snd_fin_sent(struct tcp_cb *t)
{
    if (!t->snd.fin_sent) {
        t->snd.fin_sent = true;
        t->snd.nxt++;
        t->snd.sent_ns = t->net->now_ns;
    }
    tcp_inflight_fin_done(t);
}

/* Segments were acknowledged, the largest with so many bytes: did one of the full size pass? Small
 * ones prove nothing, however many there are. */
static inline void tcp_pmtu_acked(struct tcp_cb *t, uint32_t largest)
{
    if (largest >= t->snd.mss) {
        t->path.proven = true;
    }
}

/* So many bytes of the queue were acknowledged, in all; the numbers that Nagle compares stay
 * comparable for ever. */
static inline void tcp_snd_passed(struct tcp_cb *t, uint32_t bytes)
{
    t->snd.bytes_acked += bytes;
    if (seq_lt(t->snd.small_end, t->snd.una)) {
        t->snd.small_end = t->snd.una;
    }
}

/* New data went, len bytes. A probe is no reason for Nagle to wait. */
static inline void tcp_snd_new_sent(struct tcp_cb *t, uint32_t len)
{
    t->net->counters.tcp_tx_bytes += len;
    if (len < t->snd.mss && !t->snd.push_override) {
        t->snd.small_end = t->snd.nxt;
    }
}

static inline void tcp_snd_resent(struct tcp_cb *t, uint32_t len)
{
    t->snd_cold.retransmits++;
    t->snd_cold.bytes_resent += len;
    NET_COUNT(t->net, tcp_tx_retransmits);
}

/* All that may go has gone: what the persist timer asked for is over. */
static inline void tcp_snd_output_done(struct tcp_cb *t)
{
    t->snd.push_override = false;
}

#endif
