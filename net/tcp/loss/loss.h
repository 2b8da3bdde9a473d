/*
 * Loss: what was delivered and what is lost, how it is repaired, and whether it was for nothing.
 */
#ifndef NET_TCP_LOSS_LOSS_H
#define NET_TCP_LOSS_LOSS_H

#include "net/tcp/block/block.h"

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

/* loss/rtt.c */
void tcp_rtt_sample(struct tcp_rtt *r, uint64_t rtt_ns, uint32_t expected);

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
void tcp_tlp_schedule(struct tcp_cb *t);
void tcp_tlp_begin(struct tcp_cb *t);                  /* new data may go as a probe */
bool tcp_tlp_again(struct tcp_cb *t, uint32_t before); /* none did: the last goes again */
void tcp_tlp_end(struct tcp_cb *t);

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

#endif
