/*
 * What the rest of TCP calls, whatever the algorithm: the initial window, windows that were not
 * used, reductions and their undoing. The algorithm is reached through its table alone; what all of
 * them do alike is in slow_start.c, which algorithm a name means in table.c.
 */
#include "net/tcp/cc/int.h"

enum {
    IW_BYTES = 14600, /* RFC 6928 2 */
};

void tcp_cc_set(struct tcp_cb *t, const struct tcp_cc_ops *ops)
{
    assert(ops != NULL);
    t->cc.ops = ops;
    t->cc.ages = false;
    ops->init(t);
}

/* RFC 6928 2: min(10 MSS, max(2 MSS, 14600)); RFC 5681 3.1: one segment when the SYN was lost. */
uint32_t tcp_cc_initial_window(const struct tcp_cb *t)
{
    uint32_t mss = t->snd.mss;
    if (t->snd_cold.syn_resent) {
        return mss;
    }
    uint32_t segments = t->net->cfg.tcp_initial_window;
    if (segments != 0 && segments != TCP_CONFIG_INITIAL_WINDOW) {
        return segments * mss;
    }
    return min_u32(TCP_CONFIG_INITIAL_WINDOW * mss, max_u32(2 * mss, IW_BYTES));
}

void tcp_cc_start(struct tcp_cb *t)
{
    t->cc.cwnd = tcp_cc_initial_window(t);
    t->cc.ssthresh = TCP_CWND_MAX_BYTES; /* RFC 5681 3.1: arbitrarily high */
    t->cc.acked = 0;
    t->cc_cold.prior_cwnd = 0;
    t->cc.peak = 0;
    t->cc.validated_ns = t->net->now_ns;
    t->cc.recovery = TCP_RECOVERY_NONE;
    tcp_hystart_init(t);
    t->cc.ops->init(t);
    assert(t->cc.cwnd >= t->snd.mss);
}

/* RFC 7661 4.4.2, 4.4.3 and RFC 5681 4.1: less of a window that the path has not shown to bear of
 * late, but not below the restart window; ssthresh remembers it, so that slow start leads back. */
static void shrink_unvalidated(struct tcp_cb *t, uint32_t halvings)
{
    uint32_t cwnd = t->cc.cwnd;
    uint32_t restart = min_u32(cwnd, tcp_cc_initial_window(t));
    t->cc.ssthresh = max_u32(t->cc.ssthresh, cwnd / 4 * 3);
    t->cc.cwnd = max_u32(cwnd >> min_u32(halvings, 31), restart);
    t->cc.acked = 0;
    t->cc.validated_ns = t->net->now_ns;
}

/* RFC 7661 4.3: a window that was not used for so long is halved. */
void tcp_cc_window_aged(struct tcp_cb *t)
{
    shrink_unvalidated(t, 1);
}

void tcp_cc_acked_used(struct tcp_cb *t, const struct tcp_cc_ack *ack)
{
    if (tcp_cc_first_slow_start(t)) {
        tcp_hystart_on_ack(t, ack->rtt_us);
    }
    tcp_cc_validate(t, ack->flight);
    if (t->ecn.echoed) {
        return; /* RFC 3168 6.1.2: no growth by an ACK with ECE */
    }
    if (ack->bytes > 0) {
        t->cc.ops->on_ack(t, ack);
        t->cc.cwnd = min_u32(t->cc.cwnd, TCP_CWND_MAX_BYTES);
    } else {
        tcp_cc_unused(t);
    }
}

/* The peer is to know (RFC 3168 6.1.2), and echoes about what is out already are no news. */
void tcp_cc_window_reduced(struct tcp_cb *t)
{
    struct tcp_ecn *e = &t->ecn;
    if (e->on) {
        e->reduced = true;
        e->cwr_due = true;
        e->end = t->snd.nxt;
    }
}

void tcp_cc_on_loss(struct tcp_cb *t)
{
    uint32_t ssthresh = t->cc.ops->ssthresh(t);
    if (tcp_cc_echo_covers(t)) {
        return; /* RFC 3168 6.1.2: one reduction for a window of data */
    }
    tcp_cc_window_reduced(t);
    if (t->cc.recovery == TCP_RECOVERY_FAST) {
        /* RFC 5681 4.3: a retransmission was lost, which is congestion twice. */
        t->cc.ssthresh = min_u32(t->cc.ssthresh, ssthresh);
        return;
    }
    t->cc_cold.prior_cwnd = t->cc.cwnd;
    t->cc_cold.prior_ssthresh = t->cc.ssthresh;
    t->cc.ops->on_loss(t);
    t->cc.ssthresh = ssthresh;
    assert(t->cc.ssthresh >= t->snd.mss);
}

void tcp_cc_on_ecn(struct tcp_cb *t)
{
    assert(t->cc.recovery == TCP_RECOVERY_NONE);
    uint32_t ssthresh = t->cc.ops->ssthresh(t);
    t->cc_cold.prior_cwnd = 0; /* the network itself said it: there is nothing to undo */
    t->cc.ops->on_loss(t);
    t->cc.ssthresh = ssthresh;
    t->cc.cwnd = min_u32(t->cc.cwnd, ssthresh);
    t->cc.ops->on_recovery_exit(t);
}

void tcp_cc_recovered(struct tcp_cb *t)
{
    assert(t->cc.cwnd > 0);
    t->cc.ops->on_recovery_exit(t);
}

void tcp_cc_undo(struct tcp_cb *t)
{
    if (t->cc_cold.prior_cwnd == 0) {
        return;
    }
    t->cc.cwnd = max_u32(t->cc.cwnd, t->cc_cold.prior_cwnd);
    t->cc.ssthresh = max_u32(t->cc.ssthresh, t->cc_cold.prior_ssthresh);
    t->cc_cold.prior_cwnd = 0;
    NET_COUNT(t->net, tcp_cwnd_undone);
    t->cc.ops->undo(t);
}

/*
 * RFC 5681 4.1 would have a sender that paused for more than an RTO begin again; RFC 7661 lets it
 * keep its window for minutes and pace what it sends. Without pacing a whole window would go as one
 * burst: so it is halved for each RTO of the pause, as RFC 2861 3 had it, with 7661's memory.
 */
void tcp_cc_paused(struct tcp_cb *t, uint64_t idle_ns, uint64_t rto_ns)
{
    if (idle_ns > rto_ns) {
        shrink_unvalidated(t, (uint32_t)min_u64(idle_ns / rto_ns, UINT32_MAX));
    }
}
