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
void tcp_rtt_init(struct tcp_rtt *r);
void tcp_rtt_sample(struct tcp_rtt *r, uint64_t rtt_ns, uint32_t expected);
uint64_t tcp_rto_ns(const struct tcp_cb *t, uint8_t doublings);

/* loss/inflight.c: in the network or lost. */
void tcp_sendq_mark_lost(struct tcp_cb *t, struct pkt *p);
void tcp_sendq_mark_all_lost(struct tcp_cb *t);
void tcp_sendq_unmark_lost(struct tcp_cb *t);
struct pkt *tcp_sendq_next_lost(struct tcp_cb *t);
struct pkt *tcp_sendq_oldest(struct tcp_cb *t);
struct pkt *tcp_sendq_newest(struct tcp_cb *t);
void tcp_sendq_sent(struct tcp_cb *t, struct pkt *p);
void tcp_delivered(struct tcp_cb *t, struct pkt *p, struct tcp_delivery *d);

/* loss/scoreboard.c: what the peer told of by SACK. */
void tcp_scoreboard_leave(struct tcp_sendq *q, struct pkt *p);
void tcp_scoreboard_absorb(struct tcp_sendq *q, struct pkt *p, struct pkt *gone);
void tcp_scoreboard_clear(struct tcp_cb *t);
void tcp_scoreboard_take(struct tcp_cb *t, const struct tcp_segment *seg, struct tcp_delivery *d);
void tcp_scoreboard_check_reneging(struct tcp_cb *t);
bool tcp_scoreboard_find_lost(struct tcp_cb *t);
bool tcp_scoreboard_guess_lost(struct tcp_cb *t);

/* loss/recovery.c: what follows from loss (RFC 5681 3.2, 6582, 6675, 9937). */
uint32_t tcp_pipe(const struct tcp_cb *t);
void tcp_recovery_ack(struct tcp_cb *t, const struct tcp_delivery *d);
void tcp_recovery_sent(struct tcp_cb *t, uint32_t bytes, bool again);
void tcp_recovery_timeout(struct tcp_cb *t);
void tcp_recovery_found_late(struct tcp_cb *t);
void tcp_recovery_repaired(struct tcp_cb *t);
void tcp_recovery_bound_burst(struct tcp_cb *t);

/* loss/newreno.c: loss without SACK (RFC 5681 3.2, RFC 6582). */
void tcp_newreno_acked(struct tcp_cb *t, const struct tcp_delivery *d);
void tcp_newreno_dupack(struct tcp_cb *t);

/* loss/rack.c: loss found by time, and tail loss probes (RFC 8985). */
timer_fn tcp_rack_expired;
bool tcp_rack_on(const struct tcp_cb *t);
void tcp_rack_delivered(struct tcp_cb *t, const struct tcp_tx_note *note, struct tcp_delivery *d);
void tcp_rack_dsack(struct tcp_cb *t);
void tcp_rack_recovered(struct tcp_cb *t);
void tcp_rack_advanced(struct tcp_cb *t);
bool tcp_rack_detect(struct tcp_cb *t);
void tcp_rack_look_again(struct tcp_cb *t);
void tcp_rack_timeout(struct tcp_cb *t);
void tcp_tlp_schedule(struct tcp_cb *t);
bool tcp_tlp_instead(struct tcp_cb *t);
void tcp_tlp_ack(struct tcp_cb *t, const struct tcp_delivery *d);

/* loss/undo.c: was it for nothing? (RFC 5682, 3522, 3708) */
void tcp_undo_begin(struct tcp_cb *t);
void tcp_undo_resent(struct tcp_cb *t, uint32_t bytes);
void tcp_frto_begin(struct tcp_cb *t);
void tcp_undo_check(struct tcp_cb *t, const struct tcp_delivery *d);

#endif
