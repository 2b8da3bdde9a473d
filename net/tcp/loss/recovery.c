/*
 * Repairing loss: what an acknowledgement, a timeout or the reordering timer does to the state of
 * recovery and to cwnd while it lasts (RFC 6675, RFC 9937, RFC 5681 3.1). Which packets are lost is
 * found by scoreboard.c or rack.c with SACK, by newreno.c without; the root's
 * output.c sends them again. See docs/tcp.md, "Loss and recovery".
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/loss/int.h"

enum {
    BACKOFF_MAX = 16, /* doublings; far beyond TCP_RTO_MAX_MS */
};

void tcp_loss_init(struct tcp_cb *t)
{
    tcp_rtt_init(&t->rtt);
    tcp_inflight_init(t);
}

void tcp_loss_established(struct tcp_cb *t)
{
    t->loss.backoff = 0;
    t->loss.timeouts = 0;
    t->loss.dupacks = 0;
    t->loss.recover = t->snd_cold.iss; /* RFC 6582 3.2 step 1 */
    if (t->snd_cold.syn_resent) {
        t->rtt.rto_us = TCP_RTO_AFTER_SYN_MS * US_PER_MS;
    } else if (!t->snd_cold.syn_untimed) {
        tcp_rtt_sample(&t->rtt, t->net->now_ns - t->snd.sent_ns, 1);
    }
}

void tcp_loss_count_timeout(struct tcp_cb *t)
{
    NET_COUNT(t->net, tcp_timeouts);
    if (t->loss.timeouts < UINT8_MAX) {
        t->loss.timeouts++;
    }
    if (t->loss.backoff < BACKOFF_MAX) {
        t->loss.backoff++;
    }
}

/*
 * Proportional rate reduction (RFC 9937 6): how much may go for so many bytes delivered. While more
 * is out than ssthresh, ssthresh / recover_fs of them; below it, as much as was delivered, and one
 * segment more only while the repair gets on (safe). In no case more than was out at the beginning:
 * a peer may tell of bytes, drop them and tell of them again (RFC 2018 8), and each time they
 * count.
 */
static void reduce_rate(struct tcp_cb *t, uint32_t delivered, bool safe)
{
    const struct tcp_cc *cc = &t->cc;
    uint32_t pipe = tcp_pipe(t);
    uint32_t may = 0;
    t->loss_cold.prr_delivered += delivered;
    if (pipe > cc->ssthresh) {
        uint64_t share =
            (uint64_t)t->loss_cold.prr_delivered * cc->ssthresh + t->loss_cold.recover_fs - 1;
        uint64_t total = share / t->loss_cold.recover_fs;
        may = total > t->loss_cold.prr_out ? (uint32_t)(total - t->loss_cold.prr_out) : 0;
        may = min_u32(may, t->loss_cold.recover_fs > pipe ? t->loss_cold.recover_fs - pipe : 0);
    } else {
        uint32_t owed = t->loss_cold.prr_delivered > t->loss_cold.prr_out
                            ? t->loss_cold.prr_delivered - t->loss_cold.prr_out
                            : 0;
        may = max_u32(owed, delivered) + (safe ? t->snd.mss : 0);
        may = min_u32(may, cc->ssthresh - pipe);
    }
    tcp_cc_repair_window(t, max_u32(pipe + may, t->snd.mss));
}

/* RFC 6675 5 step 4; the first retransmission goes at once (4.3). */
static void enter(struct tcp_cb *t, uint32_t delivered)
{
    NET_COUNT(t->net, tcp_fast_retransmits);
    tcp_cc_on_loss(t);
    t->loss.recover = t->snd.nxt;
    tcp_cc_repair(t, TCP_RECOVERY_FAST);
    t->loss.rescued = false;
    t->loss.force_rtx = true;
    /* RFC 9937 6: what was out before this ACK. */
    t->loss_cold.recover_fs = max_u32(tcp_flight(t) - t->board.sacked_bytes + delivered, 1);
    t->loss_cold.prr_delivered = 0;
    t->loss_cold.prr_out = 0;
    tcp_undo_begin(t);
    reduce_rate(t, delivered, false);
}

/* All that was out when recovery began has arrived. What was sent since may be lost as well. */
static void leave(struct tcp_cb *t)
{
    if (t->cc.recovery == TCP_RECOVERY_FAST) {
        tcp_cc_repair_window(t, t->cc.ssthresh); /* RFC 9937 6 */
        tcp_cc_bound_burst(t, tcp_pipe(t));
    }
    tcp_cc_repair(t, TCP_RECOVERY_NONE);
    t->loss.frto = TCP_FRTO_OFF;
    t->loss.force_rtx = false;
    tcp_rack_recovered(t);
    tcp_cc_recovered(t);
}

static bool find_lost(struct tcp_cb *t)
{
    if (tcp_rack_on(t)) {
        return tcp_rack_overtaken(t) && tcp_rack_detect(t);
    }
    return t->board.sacked_packets > 0 && tcp_scoreboard_find_lost(t);
}

static void ack_with_sack(struct tcp_cb *t, const struct tcp_delivery *d)
{
    uint8_t before = t->cc.recovery;
    bool lost = find_lost(t);
    if (before == TCP_RECOVERY_LOSS) {
        tcp_loss_grow(t, d->delivered, d); /* slow start, clocked by all that arrives */
    }
    if (before != TCP_RECOVERY_NONE && d->advanced && seq_ge(t->snd.una, t->loss.recover)) {
        leave(t);
        lost = t->board.lost_bytes > 0;
    }
    if (t->cc.recovery == TCP_RECOVERY_NONE && lost) {
        enter(t, d->delivered);
    } else if (t->cc.recovery == TCP_RECOVERY_FAST && d->delivered > 0) {
        reduce_rate(t, d->delivered, d->advanced && !lost);
    } else if (before != TCP_RECOVERY_LOSS && d->advanced && t->cc.recovery == TCP_RECOVERY_NONE) {
        tcp_loss_grow(t, d->acked, d);
        tcp_loss_follow(t);
    }
    if (d->advanced) {
        tcp_rack_advanced(t);
        tcp_timer_stop(t, TCP_TIMER_RTX); /* RFC 6298 5.3: tcp_output starts it anew */
    }
}

static void ack_without_sack(struct tcp_cb *t, const struct tcp_delivery *d)
{
    if (!d->advanced) {
        if (d->duplicate) {
            tcp_newreno_dupack(t);
        }
        return;
    }
    if (t->cc.recovery == TCP_RECOVERY_FAST) {
        tcp_newreno_acked(t, d);
        return;
    }
    t->loss.dupacks = 0;
    tcp_loss_grow(t, d->acked, d);
    if (t->cc.recovery == TCP_RECOVERY_LOSS && seq_ge(t->snd.una, t->loss.recover)) {
        leave(t);
    }
    if (t->cc.recovery == TCP_RECOVERY_NONE) {
        tcp_loss_follow(t);
    }
    tcp_timer_stop(t, TCP_TIMER_RTX); /* RFC 6298 5.3 */
}

/* A probe repaired a loss that nothing else told of: congestion all the same (RFC 8985 7.4.2). */
static void repaired(struct tcp_cb *t)
{
    if (t->cc.recovery != TCP_RECOVERY_NONE) {
        return;
    }
    NET_COUNT(t->net, tcp_tail_repairs);
    tcp_cc_on_loss(t);
    tcp_cc_repair_window(t, max_u32(min_u32(t->cc.cwnd, t->cc.ssthresh), t->snd.mss));
    t->loss.undo_open = false;
    tcp_cc_recovered(t);
}

/* An acceptable ACK was taken in: what it tells of loss. */
void tcp_recovery_ack(struct tcp_cb *t, const struct tcp_delivery *d)
{
    if (!d->advanced && !d->duplicate && !d->dsack && d->delivered == 0) {
        return;
    }
    if (t->rack.tlp_out && tcp_tlp_ack(t, d)) {
        repaired(t);
    }
    if (d->dsack) {
        tcp_rack_dsack(t);
    }
    if (t->loss.undo_open) {
        tcp_undo_check(t, d);
    }
    if (t->sack_on) {
        ack_with_sack(t, d);
    } else {
        ack_without_sack(t, d);
    }
}

void tcp_recovery_count_sent(struct tcp_cb *t, uint32_t bytes, bool again)
{
    if (t->cc.recovery == TCP_RECOVERY_FAST) {
        t->loss_cold.prr_out += bytes;
    }
    if (again) {
        tcp_undo_resent(t, bytes);
    }
}

/* The reordering timer found losses, without an ACK. */
static void found_late(struct tcp_cb *t)
{
    assert(t->sack_on && t->board.lost_bytes > 0);
    if (t->cc.recovery == TCP_RECOVERY_NONE) {
        enter(t, 0);
    } else if (t->cc.recovery == TCP_RECOVERY_FAST) {
        reduce_rate(t, 0, false);
    }
}

/* RACK's timer, or a probe's. */
enum tcp_due tcp_recovery_timer(struct tcp_cb *t)
{
    if (tcp_rack_on(t) && t->board.sacked_packets > 0 && tcp_rack_detect(t)) {
        found_late(t);
        return TCP_DUE_OUTPUT;
    }
    if (tcp_tlp_due(t)) {
        return TCP_DUE_PROBE;
    }
    tcp_tlp_schedule(t);
    return TCP_DUE_NOTHING;
}

/*
 * RFC 5681 3.1 and RFC 6298 5.4: one segment goes. What the peer told of by SACK is not lost,
 * unless that brought nothing for a whole timeout: it may have dropped it (RFC 2018 8). With RACK
 * what went only just now is not lost either (RFC 8985 6.3).
 */
void tcp_recovery_timeout(struct tcp_cb *t)
{
    assert(tcp_flight(t) > 0);
    bool first = t->loss.timeouts == 0;
    bool repairing = t->cc.recovery == TCP_RECOVERY_FAST && seq_lt(t->snd.una, t->loss.recover);
    if (first) {
        tcp_cc_on_loss(t); /* ssthresh is held for repeated timeouts of one segment */
    }
    if (repairing) {
        t->loss.undo_open = false; /* the reduction was made for a loss that SACK had told of */
    } else if (first) {
        tcp_undo_begin(t);
    }
    tcp_frto_begin(t);
    if (!first) {
        tcp_scoreboard_clear(t);
    }
    if (first && tcp_rack_on(t)) {
        tcp_rack_timeout(t);
        tcp_mark_fin_lost(t);
    } else {
        tcp_mark_all_lost(t);
    }
    tcp_cc_loss_window(t, tcp_pipe(t) + t->snd.mss); /* beside what is still on its way */
    t->loss.dupacks = 0;
    t->loss.recover = t->snd.nxt; /* RFC 6582 3.2 step 4 */
    tcp_cc_repair(t, TCP_RECOVERY_LOSS);
    t->loss.force_rtx = true;
}
