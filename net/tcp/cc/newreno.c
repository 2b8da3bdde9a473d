/*
 * NewReno's congestion window (RFC 5681 3.1), grown by bytes acknowledged and not by ACKs (RFC
 * 3465), so that a receiver that splits its ACKs gains nothing.
 */
#include "net/tcp/cc/int.h"

static void newreno_init(struct tcp_cb *t)
{
    assert(t->cc.ops == &tcp_cc_newreno);
    t->cc.acked = 0;
}

static void avoid_congestion(struct tcp_cb *t, uint32_t acked)
{
    t->cc.acked += acked;
    if (t->cc.acked >= t->cc.cwnd) {
        t->cc.acked -= t->cc.cwnd;
        t->cc.cwnd += t->snd.mss;
    }
}

static void newreno_on_ack(struct tcp_cb *t, const struct tcp_cc_ack *ack)
{
    if (!tcp_cc_slow_start(t, ack->bytes)) {
        avoid_congestion(t, ack->bytes);
    }
}

static uint32_t newreno_ssthresh(const struct tcp_cb *t)
{
    return tcp_cc_share_of_flight(t, 1, 2); /* RFC 5681 equation 4 */
}

static void newreno_restart(struct tcp_cb *t)
{
    t->cc.acked = 0; /* counts towards the growth of a window that is gone */
}

const struct tcp_cc_ops tcp_cc_newreno = {
    .name = "newreno",
    .init = newreno_init,
    .on_ack = newreno_on_ack,
    .ssthresh = newreno_ssthresh,
    .on_loss = newreno_restart,
    .on_recovery_exit = newreno_restart,
    .undo = newreno_restart,
    .unused = NULL, /* growth is by acknowledged bytes alone: a pause is no part of it */
};
