/*
 * NewReno's congestion window (RFC 5681 3.1), grown by bytes acknowledged and not by ACKs (RFC
 * 3465), so that a receiver who splits its ACKs gains nothing.
 */
#include "net/tcp_int.h"

enum {
    ABC_LIMIT_SEGMENTS = 2, /* RFC 3465 2.2: L */
    SSTHRESH_MIN_SEGMENTS = 2,
};

static void newreno_init(struct tcp_cb *t)
{
    assert(t->cc.ops == &tcp_cc_newreno);
    t->cc.acked = 0;
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

static void newreno_on_ack(struct tcp_cb *t, const struct tcp_cc_ack *ack)
{
    if (t->cc.cwnd < t->cc.ssthresh) {
        slow_start(t, ack->bytes);
    } else {
        avoid_congestion(t, ack->bytes);
    }
}

static uint32_t newreno_ssthresh(struct tcp_cb *t)
{
    /* RFC 5681 equation 4 */
    return max_u32(tcp_flight(t) / 2, SSTHRESH_MIN_SEGMENTS * (uint32_t)t->snd_mss);
}

static void newreno_restart(struct tcp_cb *t)
{
    t->cc.acked = 0; /* counts towards the growth of a window that is gone */
}

static void newreno_after_idle(struct tcp_cb *t, uint64_t idle_ns)
{
    assert(idle_ns > 0);
    t->cc.acked = 0;
}

const struct tcp_cc_ops tcp_cc_newreno = {
    .name = "newreno",
    .init = newreno_init,
    .on_ack = newreno_on_ack,
    .ssthresh = newreno_ssthresh,
    .on_recovery_exit = newreno_restart,
    .undo = newreno_restart,
    .after_idle = newreno_after_idle,
};
