/*
 * CUBIC (RFC 9438): in congestion avoidance the window follows a cubic function of the time since
 * the last reduction, flat around the size at which that happened (W_max), and never below what
 * Reno would have reached. In integers: windows in bytes, time in ms, the constants as fractions.
 * Slow start is every algorithm's (slow_start.c); the names of quantities are the RFC's (4.1).
 */
#include "net/tcp/cc/cubic.h"

#include "net/tcp/cc/int.h"

enum {
    BETA_NUM = 7, /* 4.6: beta_cubic 0.7 */
    BETA_DEN = 10,
    CONVERGE_NUM = 17, /* 4.7: (1 + beta_cubic) / 2 */
    CONVERGE_DEN = 20,
    ALPHA_NUM = 9, /* 4.3: alpha_cubic = 3 (1 - beta_cubic) / (1 + beta_cubic) = 9 / 17 */
    ALPHA_DEN = 17,
    /* Beyond this distance from K the curve has left every window there is; its cube fits. */
    DISTANCE_MAX_MS = 1 << 20,
};

static_assert(ALPHA_NUM * (BETA_DEN + BETA_NUM) == 3 * (BETA_DEN - BETA_NUM) * ALPHA_DEN, "4.3");
static_assert(2 * CONVERGE_NUM * BETA_DEN == (BETA_DEN + BETA_NUM) * CONVERGE_DEN, "4.7");

/* The largest integer whose cube is not above x: digit by digit in base 2, three bits of x for
 * each bit of the root, as a square root is taken on paper. */
static uint32_t cubic_root(uint64_t x)
{
    uint64_t root = 0;
    for (int shift = 63; shift >= 0; shift -= 3) {
        root *= 2;
        uint64_t step = 3 * root * (root + 1) + 1; /* (root + 1)^3 - root^3 */
        if (x >> shift >= step) {
            x -= step << shift;
            root++;
        }
    }
    return (uint32_t)root;
}

/* K of figure 2: when the curve is back at W_max. With C = 0.4 segments/s^3 and D bytes to go,
 * K^3 = D / (0.4 MSS) s^3 = D 2.5e9 / MSS ms^3; D is at most 2^30. */
static uint32_t k_ms(uint32_t distance_bytes, uint32_t mss)
{
    return cubic_root((uint64_t)distance_bytes * UINT64_C(2500000000) / mss);
}

/* Figure 1, W_cubic: W_max + C (t - K)^3, of which C d^3 = 0.4 MSS d^3 / 1e9 bytes for d in ms. */
static uint64_t w_cubic(const struct tcp_cubic_curve *c, uint16_t mss, uint64_t at_ms)
{
    bool past = at_ms >= c->k_ms;
    uint64_t d = min_u64(past ? at_ms - c->k_ms : c->k_ms - at_ms, DISTANCE_MAX_MS);
    uint64_t offset = d * d * d / 1000 * mss * 2 / 5000000;
    if (past) {
        return c->w_max + offset;
    }
    return c->w_max > offset ? c->w_max - offset : 0;
}

/* 0: the stage begins with the next ACK in congestion avoidance. */
static void set_epoch(struct tcp_cb *t, uint64_t epoch_ns)
{
    tcp_cubic(t)->curve.epoch_ns = epoch_ns;
    t->cc.ages = epoch_ns != 0;
}

/* The first ACK in congestion avoidance: a new stage. */
static void begin_epoch(struct tcp_cb *t)
{
    struct tcp_cubic *c = tcp_cubic(t);
    uint32_t cwnd = t->cc.cwnd;
    set_epoch(t, max_u64(t->net->now_ns, 1));
    c->used_ns = t->net->now_ns;
    /* 4.8: after a timeout; 4.10: after slow start without loss; and where cwnd is beyond W_max
     * already: the curve starts at its flat point. */
    if (c->timed_out || c->curve.w_max <= cwnd) {
        c->curve.w_max = cwnd;
        c->timed_out = false;
    }
    c->curve.k_ms = k_ms(c->curve.w_max - cwnd, t->snd.mss);
    c->curve.w_est = cwnd;
    c->curve.est_rest = 0;
    t->cc.acked = 0;
}

/* 4.3, figure 4: what Reno would have, with its own growth once it has regained what was lost. */
static void advance_w_est(struct tcp_cb *t, uint32_t acked)
{
    struct tcp_cubic_curve *c = &tcp_cubic(t)->curve;
    uint64_t alpha = c->w_est < tcp_cubic(t)->cwnd_prior ? ALPHA_NUM : ALPHA_DEN;
    uint64_t unit = (uint64_t)ALPHA_DEN * t->cc.cwnd;
    c->est_rest += alpha * t->snd.mss * acked;
    c->w_est += (uint32_t)(c->est_rest / unit);
    c->est_rest %= unit;
}

/* 4.4, 4.5: by (target - cwnd) in a window's worth of acknowledged bytes. What is less than a byte
 * is kept for the next ACK, so that ACKs for little give no less, and no more, than one for all. */
static void approach(struct tcp_cb *t, uint64_t target, uint32_t acked)
{
    uint32_t cwnd = t->cc.cwnd;
    /* 4.2: the target is never below cwnd, nor more than half of it above. */
    uint64_t bounded = min_u64(max_u64(target, cwnd), (uint64_t)cwnd + cwnd / 2);
    uint64_t growth = (bounded - cwnd) * acked + t->cc.acked;
    t->cc.cwnd += (uint32_t)(growth / cwnd);
    t->cc.acked = (uint32_t)(growth % cwnd);
}

static void avoid_congestion(struct tcp_cb *t, const struct tcp_cc_ack *ack)
{
    struct tcp_cubic *c = tcp_cubic(t);
    if (c->curve.epoch_ns == 0) {
        begin_epoch(t);
    }
    assert(c->curve.epoch_ns <= max_u64(t->net->now_ns, 1));
    c->used_ns = t->net->now_ns;
    uint64_t at_ms = (t->net->now_ns - min_u64(c->curve.epoch_ns, t->net->now_ns)) / NS_PER_MS;
    uint64_t rtt_ms = ack->srtt_us / US_PER_MS;
    advance_w_est(t, ack->bytes);
    if (w_cubic(&c->curve, t->snd.mss, at_ms) < c->curve.w_est) {
        t->cc.cwnd = max_u32(t->cc.cwnd, c->curve.w_est); /* 4.3: the Reno-friendly region */
    } else {
        approach(t, w_cubic(&c->curve, t->snd.mss, at_ms + rtt_ms), ack->bytes);
    }
}

static void cubic_init(struct tcp_cb *t)
{
    *tcp_cubic(t) = (struct tcp_cubic){.timed_out = false};
    set_epoch(t, 0);
    t->cc.acked = 0;
}

static void cubic_on_ack(struct tcp_cb *t, const struct tcp_cc_ack *ack)
{
    struct tcp_cubic *c = tcp_cubic(t);
    if (t->cc.recovery == TCP_RECOVERY_LOSS) {
        c->timed_out = true;
    }
    if (!tcp_cc_slow_start(t, ack->bytes)) {
        avoid_congestion(t, ack);
    }
}

/* 4.6: of what was out, for a window that was not filled has not been tried. */
static uint32_t cubic_ssthresh(const struct tcp_cb *t)
{
    return tcp_cc_share_of_flight(t, BETA_NUM, BETA_DEN);
}

static void cubic_on_loss(struct tcp_cb *t)
{
    struct tcp_cubic *c = tcp_cubic(t);
    uint32_t cwnd = t->cc.cwnd;
    c->prior = c->curve; /* 4.9 */
    /* 4.7, fast convergence: one that did not get back to its last W_max leaves room for others. */
    bool shrinking = cwnd < c->curve.w_max;
    c->curve.w_max = shrinking ? (uint32_t)((uint64_t)cwnd * CONVERGE_NUM / CONVERGE_DEN) : cwnd;
    set_epoch(t, 0);
    c->cwnd_prior = cwnd;
    c->timed_out = false;
}

static void cubic_on_recovery_exit(struct tcp_cb *t)
{
    set_epoch(t, 0);
    t->cc.acked = 0;
}

/* 4.9: as if nothing had been. */
static void cubic_undo(struct tcp_cb *t)
{
    struct tcp_cubic *c = tcp_cubic(t);
    c->curve = c->prior;
    set_epoch(t, c->prior.epoch_ns);
    c->timed_out = false;
    c->used_ns = t->net->now_ns;
    t->cc.acked = 0;
}

/* 5.8: t is time in which the window was used; what went by without that moves the epoch. */
static void cubic_unused(struct tcp_cb *t)
{
    struct tcp_cubic *c = tcp_cubic(t);
    uint64_t now = t->net->now_ns;
    assert(t->cc.ages && c->curve.epoch_ns != 0 && c->used_ns <= now);
    c->curve.epoch_ns += now - c->used_ns;
    c->used_ns = now;
}

const struct tcp_cc_ops tcp_cc_cubic = {
    .name = "cubic",
    .init = cubic_init,
    .on_ack = cubic_on_ack,
    .ssthresh = cubic_ssthresh,
    .on_loss = cubic_on_loss,
    .on_recovery_exit = cubic_on_recovery_exit,
    .undo = cubic_undo,
    .unused = cubic_unused,
};
