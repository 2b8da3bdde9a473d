/*
 * NewReno's congestion window (RFC 5681 3.1), grown by bytes acknowledged and not by ACKs (RFC
 * 3465), so that a receiver who splits its ACKs gains nothing. What is common to all algorithms
 * (initial and restart window) stands here as well.
 */
#include "net/tcp_cc.h"

#include "net/tcp_int.h"

enum {
    IW_BYTES = 14600,       /* RFC 6928 2 */
    ABC_LIMIT_SEGMENTS = 2, /* RFC 3465 2.2: L */
    SSTHRESH_MIN_SEGMENTS = 2,
    CWND_MAX_BYTES = 1 << 30, /* the largest window, RFC 7323 */
};

/* RFC 6928 2: min(10 MSS, max(2 MSS, 14600)); RFC 5681 3.1: one segment when the SYN was lost. */
uint32_t tcp_cc_initial_window(const struct tcp_cb *t)
{
    uint32_t mss = t->snd_mss;
    if (t->syn_resent) {
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
    t->cc.ssthresh = CWND_MAX_BYTES; /* RFC 5681 3.1: arbitrarily high */
    t->cc.acked = 0;
    t->cc.recovery = TCP_RECOVERY_NONE;
    t->cc.dupacks = 0;
    t->cc.ops->init(t);
    assert(t->cc.cwnd >= t->snd_mss);
}

/* RFC 5681 4.1: after more than an RTO without sending, begin again from the restart window. */
void tcp_cc_after_idle(struct tcp_cb *t)
{
    assert(tcp_flight(t) == 0);
    if (t->net->now_ns - t->sent_ns <= tcp_rto_ns(t, 0)) {
        return;
    }
    t->cc.cwnd = min_u32(t->cc.cwnd, max_u32(tcp_cc_initial_window(t), t->snd_mss));
    t->cc.acked = 0;
}

static void newreno_init(struct tcp_cb *t)
{
    assert(t->cc.ops == &tcp_cc_newreno);
}

static void slow_start(struct tcp_cb *t, uint32_t acked)
{
    /* RFC 3465 2.3: L is 1 while the losses of a timeout are being repaired. */
    uint32_t limit = t->cc.recovery == TCP_RECOVERY_LOSS ? 1 : ABC_LIMIT_SEGMENTS;
    t->cc.cwnd += min_u32(acked, limit * t->snd_mss);
}

static void avoid_congestion(struct tcp_cb *t, uint32_t acked)
{
    t->cc.acked += acked;
    if (t->cc.acked >= t->cc.cwnd) {
        t->cc.acked -= t->cc.cwnd;
        t->cc.cwnd += t->snd_mss;
    }
}

static void newreno_on_ack(struct tcp_cb *t, uint32_t acked, uint32_t flight)
{
    bool starting = t->cc.cwnd < t->cc.ssthresh;
    /* A window that was not used says nothing about the path (RFC 7661 4.1): it does not grow. */
    uint32_t used = starting ? 2 * flight : flight + t->snd_mss;
    if (used < t->cc.cwnd) {
        return;
    }
    if (starting) {
        slow_start(t, acked);
    } else {
        avoid_congestion(t, acked);
    }
    t->cc.cwnd = min_u32(t->cc.cwnd, CWND_MAX_BYTES);
}

static uint32_t newreno_ssthresh(struct tcp_cb *t)
{
    /* RFC 5681 equation 4 */
    return max_u32(tcp_flight(t) / 2, SSTHRESH_MIN_SEGMENTS * (uint32_t)t->snd_mss);
}

const struct tcp_cc_ops tcp_cc_newreno = {
    .name = "newreno",
    .init = newreno_init,
    .on_ack = newreno_on_ack,
    .ssthresh = newreno_ssthresh,
};
