/*
 * Loss: what was delivered and what is lost, how it is repaired, and whether it was for nothing.
 */
#ifndef NET_TCP_LOSS_LOSS_H
#define NET_TCP_LOSS_LOSS_H

#include "net/tcp/block/block.h"
#include "net/tcp/cc/cc.h"
#include "net/tcp/loss/rtt.h"

/* What one acknowledgement tells: filled in on its way through ack.c. */
struct tcp_delivery {
    uint32_t acked;     /* payload bytes that SND.UNA passed */
    uint32_t largest;   /* payload of the largest segment that SND.UNA passed whole */
    uint32_t delivered; /* bytes of which we learn now that they arrived, by SND.UNA or a block */
    uint32_t flight;    /* what was out before */
    uint32_t fack;      /* tcp_rack.fack before */
    uint32_t ts_ecr;    /* the echo, when has_echo (RFC 7323 3.2) */
    uint64_t rtt_ns;    /* 0: no unambiguous measurement (Karn) */
    struct tcp_range duplicate_range; /* when dsack */
    bool has_echo;
    bool advanced;  /* SND.UNA moved */
    bool duplicate; /* as RFC 5681 2 defines it */
    bool blocks;    /* it had SACK blocks */
    bool dsack;     /* it told of a duplicate (RFC 2883) */
    bool reordered; /* it told of something overtaken */
    bool original;  /* what was out at the timeout and not sent again since has arrived */
};

/* RFC 6298 5.5: doubled for each timeout, up to the maximum. */
static inline uint64_t tcp_rto_ns(const struct tcp_cb *t, uint8_t doublings)
{
    uint64_t rto = (uint64_t)t->rtt.rto_us * NS_PER_US;
    uint8_t shift = doublings < 16 ? doublings : 16;
    return min_u64(rto << shift, tcp_ms(TCP_RTO_MAX_MS));
}

static inline uint64_t tcp_srtt_ns(const struct tcp_cb *t)
{
    return (uint64_t)t->rtt.srtt_us8 / 8 * NS_PER_US;
}

/* What the network is believed to hold (RFC 6675 4 SetPipe). */
static inline uint32_t tcp_pipe(const struct tcp_cb *t)
{
    const struct tcp_scoreboard *b = &t->board;
    uint32_t gone = b->lost_bytes + b->sacked_bytes + (b->fin_lost ? 1 : 0);
    assert(gone <= tcp_flight(t));
    return tcp_flight(t) - gone;
}

/*
 * Nothing was lost, sacked or sent as a probe of which anything is still to be heard, no reduction
 * may be undone, and nothing arrived that lies behind una, SND.UNA before an ACK: all that the ACK
 * can tell is what it acknowledges.
 */
static inline bool tcp_loss_undisturbed(const struct tcp_cb *t, uint32_t una)
{
    const struct tcp_scoreboard *b = &t->board;
    static_assert(TCP_RECOVERY_NONE == 0, "the first of them");
    uint32_t any = t->cc.recovery | t->loss.undo_open | t->loss.dupacks | t->rack.tlp_out;
    any |= b->hinted | b->lost_bytes | b->sacked_packets;
    return any == 0 && b->edge == NULL && (t->rack.xmit_ns == 0 || seq_le(t->rack.fack, una));
}

/* loss/inflight.c: in the network or lost. */
void tcp_inflight_sent(struct tcp_cb *t, struct pkt *p);                    /* p went again */
void tcp_inflight_split(struct tcp_cb *t, struct pkt *p, struct pkt *rest); /* rest was p's */
void tcp_inflight_trimmed(struct tcp_cb *t, const struct tcp_tx_note *note, uint32_t bytes);
void tcp_mark_lost(struct tcp_cb *t, struct pkt *p);
void tcp_mark_all_lost(struct tcp_cb *t);             /* the FIN too */
void tcp_mark_fin_lost(struct tcp_cb *t);             /* if it is out */
void tcp_resend_now(struct tcp_cb *t, struct pkt *p); /* lost, and whatever cwnd says */
struct pkt *tcp_next_lost(struct tcp_cb *t);

/* p went for the first time. */
static inline void tcp_inflight_new(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_tx_note *note = tx_note(p);
    assert(note->sent_count == 0 && !note->lost && !note->sacked);
    list_push_back(&t->board.in_flight, &note->order);
    note->sent_ns = t->net->now_ns;
    note->sent_count = 1;
}

/* Our FIN went, or was acknowledged. */
static inline void tcp_inflight_fin_done(struct tcp_cb *t)
{
    t->board.fin_lost = false;
}

/* loss/delivery.c: the first news that p arrived. */
void tcp_delivered(struct tcp_cb *t, struct pkt *p, struct tcp_delivery *d);

/* The same where all is undisturbed, for a packet that was sent once and that SND.UNA has passed:
 * it leaves the network. RACK is told of the last of those that one ACK passes alone: it went last
 * of them, so that what the others tell is in it (tcp_rack_passed). */
static inline void tcp_delivered_in_turn(struct tcp_tx_note *note)
{
    list_remove(&note->order);
}

/* loss/scoreboard.c: what the peer told of by SACK. */
void tcp_scoreboard_leave(struct tcp_cb *t, struct pkt *p);
void tcp_scoreboard_absorb(struct tcp_cb *t, struct pkt *p, struct pkt *gone);
void tcp_scoreboard_clear(struct tcp_cb *t);
void tcp_scoreboard_take(struct tcp_cb *t, const struct tcp_segment *seg, struct tcp_delivery *d);
void tcp_scoreboard_check_reneging(struct tcp_cb *t);
bool tcp_scoreboard_guess_lost(struct tcp_cb *t);

/* loss/rack.c: loss found by time (RFC 8985). */
bool tcp_rack_on(const struct tcp_cb *t);
void tcp_rack_look_again(struct tcp_cb *t);

/* loss/tlp.c: tail loss probes (RFC 8985 7). */
bool tcp_tlp_possible(const struct tcp_cb *t);
void tcp_tlp_consider(struct tcp_cb *t);               /* for tcp_tlp_schedule */
void tcp_tlp_begin(struct tcp_cb *t);                  /* new data may go as a probe */
bool tcp_tlp_again(struct tcp_cb *t, uint32_t before); /* none did: the last goes again */
void tcp_tlp_end(struct tcp_cb *t);

/* Something may have been sent or acknowledged: a probe in due time, unless the timeout comes
 * before. The timer is not moved by each segment: it looks again when it fires. */
static inline void tcp_tlp_schedule(struct tcp_cb *t)
{
    if (tcp_flight(t) > 0 && !tcp_timer_armed(t, TCP_TIMER_RACK)) {
        tcp_tlp_consider(t);
    }
}

/* A new segment went: it was the probe, if one was due. */
static inline void tcp_tlp_sent_new(struct tcp_cb *t)
{
    t->rack.tlp_now = false;
}

/* loss/recovery.c: what follows from loss (RFC 5681 3.2, 6582, 6675, 9937). */
void tcp_loss_init(struct tcp_cb *t);
void tcp_loss_established(struct tcp_cb *t); /* the handshake is over: what it tells of the path */
void tcp_loss_count_timeout(struct tcp_cb *t);
void tcp_recovery_ack(struct tcp_cb *t, const struct tcp_delivery *d);
void tcp_recovery_count_sent(struct tcp_cb *t, uint32_t bytes, bool again); /* for the next */
void tcp_recovery_timeout(struct tcp_cb *t);
enum tcp_due tcp_recovery_timer(struct tcp_cb *t) must_check; /* TCP_TIMER_RACK's */

/* bytes went; again: they had been sent before. Outside of a repair nobody counts. */
static inline void tcp_recovery_sent(struct tcp_cb *t, uint32_t bytes, bool again)
{
    if (unlikely(t->cc.recovery != TCP_RECOVERY_NONE)) {
        tcp_recovery_count_sent(t, bytes, again);
    }
}

/* SND.UNA has moved: the peer lives. */
static inline void tcp_loss_progress(struct tcp_cb *t)
{
    t->loss.timeouts = 0;
}

/* A round trip was measured; expected: how many are in one. RFC 6298 5.7, Karn: the doubled timeout
 * stays until then. */
static inline void tcp_loss_measured(struct tcp_cb *t, uint64_t rtt_ns, uint32_t expected)
{
    tcp_rtt_sample(&t->rtt, rtt_ns, expected);
    t->loss.backoff = 0;
}

/* The next of the lost goes whatever cwnd says. */
static inline void tcp_loss_force(struct tcp_cb *t)
{
    t->loss.force_rtx = true;
}

/* What was to go whatever cwnd says has gone, or could not. */
static inline void tcp_loss_forced_done(struct tcp_cb *t)
{
    t->loss.force_rtx = false;
}

/* ---- an ACK in an undisturbed exchange ---- */

/* RFC 8985 6.2 step 1: the least of the last TCP_MIN_RTT_S, so that a path that became longer is
 * believed in the end. */
static inline void tcp_rack_take_min(struct tcp_rack *r, uint64_t rtt_ns, uint64_t now_ns)
{
    if (r->min_rtt_ns == 0 || rtt_ns <= r->min_rtt_ns ||
        now_ns - r->min_rtt_at_ns > TCP_MIN_RTT_S * NS_PER_S) {
        r->min_rtt_ns = rtt_ns;
        r->min_rtt_at_ns = now_ns;
    }
}

/* 6.2 step 2, RACK_sent_after: of those sent at the same moment the higher number went later. */
static inline bool tcp_rack_sent_after(uint64_t a_ns, uint32_t a_end, uint64_t b_ns, uint32_t b_end)
{
    return a_ns > b_ns || (a_ns == b_ns && seq_gt(a_end, b_end));
}

/* 6.2 steps 1 and 2: a packet that went at sent_ns has arrived. */
static inline void tcp_rack_take(struct tcp_cb *t, uint64_t sent_ns, uint32_t end)
{
    struct tcp_rack *r = &t->rack;
    uint64_t rtt = max_u64(t->net->now_ns - sent_ns, 1);
    tcp_rack_take_min(r, rtt, t->net->now_ns);
    if (r->xmit_ns == 0 || tcp_rack_sent_after(sent_ns, end, r->xmit_ns, r->end_seq)) {
        r->xmit_ns = max_u64(sent_ns, 1);
        r->end_seq = end;
        r->rtt_ns = rtt;
    }
}

/* What was sent once has arrived in the order of its numbers, up to end; the last of it went at
 * sent_ns. */
static inline void tcp_rack_passed(struct tcp_cb *t, uint64_t sent_ns, uint32_t end)
{
    t->rack.fack = end;
    tcp_rack_take(t, sent_ns, end);
}

/* SND.UNA moved: a round that is over is forgotten before its number could mean another one. */
static inline void tcp_rack_advanced(struct tcp_cb *t)
{
    t->rack.dsack_seen = t->rack.dsack_seen && seq_lt(t->snd.una, t->rack.dsack_round);
}

/* Is something out that went before what has arrived? Else there is nothing to judge. */
static inline bool tcp_rack_overtaken(const struct tcp_cb *t)
{
    const struct list *node = t->board.in_flight.next;
    if (node == &t->board.in_flight || t->rack.xmit_ns == 0) {
        return false;
    }
    const struct tcp_tx_note *note = list_entry(node, struct tcp_tx_note, order);
    return tcp_rack_sent_after(t->rack.xmit_ns, t->rack.end_seq, note->sent_ns,
                               note->seq + note->len);
}

/* The window may grow by bytes, of an ACK that told d. */
static inline void tcp_loss_grow(struct tcp_cb *t, uint32_t bytes, const struct tcp_delivery *d)
{
    assert(t->cc.recovery != TCP_RECOVERY_FAST);
    if (!tcp_cc_window_used(t, d->flight)) {
        tcp_cc_acked_unused(t, d->flight);
        return;
    }
    struct tcp_cc_ack ack = {
        .bytes = bytes,
        .flight = d->flight,
        .rtt_us = (uint32_t)min_u64((d->rtt_ns + NS_PER_US - 1) / NS_PER_US, UINT32_MAX),
        .srtt_us = t->rtt.srtt_us8 / 8,
    };
    tcp_cc_acked_used(t, &ack);
}

/* SND.UNA moved, and nothing is being repaired: keeps `recover` comparable for ever. */
static inline void tcp_loss_follow(struct tcp_cb *t)
{
    if (seq_gt(t->snd.una, t->loss.recover)) {
        t->loss.recover = t->snd.una - 1;
    }
}

/* What an acceptable ACK that moved SND.UNA tells of loss, when all was undisturbed before it and
 * it came without blocks: nothing, unless something was overtaken. */
static hot_fn void tcp_recovery_passed(struct tcp_cb *t, const struct tcp_delivery *d)
{
    if (unlikely(t->sack_on && tcp_rack_overtaken(t))) {
        struct tcp_delivery all = *d; /* so that the others are spared the whole of it */
        tcp_recovery_ack(t, &all);
        return;
    }
    tcp_loss_grow(t, d->acked, d);
    tcp_loss_follow(t);
    tcp_rack_advanced(t);
    tcp_timer_stop(t, TCP_TIMER_RTX); /* RFC 6298 5.3: tcp_output starts it anew */
}

#endif
