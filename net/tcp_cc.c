/*
 * What all congestion control algorithms share: the initial window, windows that were not used,
 * which algorithm is meant by a name, and the undoing of a reduction. The algorithms have files of
 * their own (tcp_newreno.c).
 */
#include "net/tcp_cc.h"

#include "net/tcp_int.h"

enum {
    IW_BYTES = 14600,         /* RFC 6928 2 */
    CWND_MAX_BYTES = 1 << 30, /* the largest window, RFC 7323 */
};

static bool same_name(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != '\0' && a[i] == b[i]) {
        i++;
    }
    return a[i] == b[i];
}

const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
    static const struct tcp_cc_ops *const all[] = {&tcp_cc_newreno}; /* the default comes first */
    if (name == NULL) {
        return all[0];
    }
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (same_name(all[i]->name, name)) {
            return all[i];
        }
    }
    return NULL;
}

void tcp_cc_set(struct tcp_cb *t, const struct tcp_cc_ops *ops)
{
    assert(ops != NULL);
    t->cc.ops = ops;
    ops->init(t);
}

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
    t->cc.prior_cwnd = 0;
    t->cc.recovery = TCP_RECOVERY_NONE;
    t->cc.dupacks = 0;
    t->cc.ops->init(t);
    assert(t->cc.cwnd >= t->snd_mss);
}

/* A window that was not used says nothing about the path (RFC 7661 4.1): it does not grow. In slow
 * start half of it counts as used, since it doubles in a round trip. */
static bool window_used(const struct tcp_cb *t, uint32_t flight)
{
    bool starting = t->cc.cwnd < t->cc.ssthresh;
    return (starting ? 2 * flight : flight + t->snd_mss) >= t->cc.cwnd;
}

void tcp_cc_acked(struct tcp_cb *t, uint32_t acked_bytes, uint32_t flight_before)
{
    assert(t->cc.recovery != TCP_RECOVERY_FAST);
    struct tcp_cc_ack ack = {
        .bytes = acked_bytes, .flight = flight_before, .rtt_us = t->cc.ack_rtt_us};
    if (acked_bytes > 0 && window_used(t, flight_before)) {
        t->cc.ops->on_ack(t, &ack);
        t->cc.cwnd = min_u32(t->cc.cwnd, CWND_MAX_BYTES);
    }
}

void tcp_cc_on_loss(struct tcp_cb *t)
{
    t->cc.prior_cwnd = t->cc.cwnd;
    t->cc.prior_ssthresh = t->cc.ssthresh;
    t->cc.ssthresh = t->cc.ops->ssthresh(t);
    assert(t->cc.ssthresh >= t->snd_mss);
}

void tcp_cc_recovered(struct tcp_cb *t)
{
    assert(t->cc.cwnd > 0);
    t->cc.ops->on_recovery_exit(t);
}

void tcp_cc_undo(struct tcp_cb *t)
{
    if (t->cc.prior_cwnd == 0) {
        return;
    }
    t->cc.cwnd = max_u32(t->cc.cwnd, t->cc.prior_cwnd);
    t->cc.ssthresh = max_u32(t->cc.ssthresh, t->cc.prior_ssthresh);
    t->cc.prior_cwnd = 0;
    NET_COUNT(t->net, tcp_cwnd_undone);
    t->cc.ops->undo(t);
}

/* RFC 5681 4.1: after more than an RTO without sending, begin again from the restart window. */
void tcp_cc_after_idle(struct tcp_cb *t)
{
    assert(tcp_flight(t) == 0);
    uint64_t idle_ns = t->net->now_ns - t->sent_ns;
    if (idle_ns <= tcp_rto_ns(t, 0)) {
        return;
    }
    t->cc.cwnd = min_u32(t->cc.cwnd, max_u32(tcp_cc_initial_window(t), t->snd_mss));
    t->cc.ops->after_idle(t, idle_ns);
}
