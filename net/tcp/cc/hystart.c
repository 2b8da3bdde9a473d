/*
 * HyStart++ (RFC 9406): leaves the first slow start when the round trip grows, before the queue in
 * front of the bottleneck overflows. A growing round trip may be jitter: so first comes
 * Conservative Slow Start (CSS), a few rounds of slower growth, left again when the round trip
 * falls back.
 *
 * That sign is a round late: when the first ACKs of a round are delayed, the round before has
 * doubled the window already. So the older HyStart's other sign (Ha and Rhee, "Taming the
 * elephants", 2011) is heeded as well: a close train of ACKs as long as half a round trip means
 * that the data in flight keeps the bottleneck busy for as long. Alone it only slows growth, for as
 * many rounds as it is seen; followed by a longer round trip it ends slow start at once.
 *
 * Only for the first slow start (4.3): later ones have an ssthresh that was learnt.
 */
#include "net/tcp/cc/int.h"

enum { /* RFC 9406 4.3 */
       MIN_RTT_THRESH_US = 4 * US_PER_MS,
       MAX_RTT_THRESH_US = 16 * US_PER_MS,
       MIN_RTT_DIVISOR = 8,
       SAMPLES_MIN = 8, /* N_RTT_SAMPLE */
       CSS_ROUNDS = 5,
};

enum { /* ACK trains */
       TRAIN_DIVISOR = 2,
       TRAIN_GAP_DIVISOR = 16, /* of a round trip: a longer pause between two ACKs ends the train */
       TRAIN_GAP_MIN_US = 2 * US_PER_MS,
       TRAIN_SEGMENTS_MIN = 16, /* a smaller window is no train, and hurts no queue */
};

static void begin_round(struct tcp_cb *t)
{
    struct tcp_hystart *h = &t->cc_cold.hystart;
    h->round_end = t->snd.nxt;
    h->last_min_us = h->min_us;
    h->min_us = UINT32_MAX;
    h->samples = 0;
    h->train_begin_ns = t->net->now_ns;
    h->train_last_ns = t->net->now_ns;
    h->train_long = false;
}

void tcp_hystart_init(struct tcp_cb *t)
{
    struct tcp_hystart *h = &t->cc_cold.hystart;
    *h = (struct tcp_hystart){.min_us = UINT32_MAX, .path_min_us = UINT32_MAX};
    begin_round(t);
}

/* 4.2: the round's shortest round trip is longer than the last one's by more than jitter. */
static bool delay_grew(const struct tcp_hystart *h)
{
    if (h->samples < SAMPLES_MIN || h->last_min_us == UINT32_MAX) {
        return false;
    }
    uint32_t thresh = max_u32(h->last_min_us / MIN_RTT_DIVISOR, MIN_RTT_THRESH_US);
    return h->min_us >= h->last_min_us + min_u32(thresh, MAX_RTT_THRESH_US);
}

static void leave_slow_start(struct tcp_cb *t)
{
    NET_COUNT(t->net, tcp_hystart_exits);
    t->cc.ssthresh = t->cc.cwnd;
    t->cc_cold.hystart.phase = TCP_HYSTART_SLOW_START;
}

static void judge_delay(struct tcp_cb *t)
{
    struct tcp_hystart *h = &t->cc_cold.hystart;
    if (h->phase == TCP_HYSTART_CSS) {
        if (h->samples >= SAMPLES_MIN && h->min_us < h->css_baseline_us) {
            h->phase = TCP_HYSTART_SLOW_START; /* it was jitter */
        }
    } else if (delay_grew(h)) {
        if (h->phase == TCP_HYSTART_TRAIN) {
            leave_slow_start(t);
            return;
        }
        h->phase = TCP_HYSTART_CSS;
        h->css_baseline_us = h->min_us;
        h->css_rounds = 0;
    }
}

static void take_sample(struct tcp_cb *t, uint32_t rtt_us)
{
    struct tcp_hystart *h = &t->cc_cold.hystart;
    h->path_min_us = min_u32(h->path_min_us, rtt_us);
    h->min_us = min_u32(h->min_us, rtt_us);
    if (h->samples < SAMPLES_MIN) {
        h->samples++;
    }
    judge_delay(t);
}

/* One ACK more: does the train go on, and is it long by now? */
static void extend_train(struct tcp_cb *t)
{
    struct tcp_hystart *h = &t->cc_cold.hystart;
    uint64_t now = t->net->now_ns;
    uint64_t gap_us = max_u32(h->path_min_us / TRAIN_GAP_DIVISOR, TRAIN_GAP_MIN_US);
    if (now - h->train_last_ns > gap_us * NS_PER_US || h->path_min_us == UINT32_MAX ||
        t->cc.cwnd < TRAIN_SEGMENTS_MIN * (uint32_t)t->snd.mss) {
        return; /* train_last_ns stays: over for this round */
    }
    h->train_last_ns = now;
    uint64_t half_ns = (uint64_t)h->path_min_us * NS_PER_US / TRAIN_DIVISOR;
    if (now - h->train_begin_ns >= half_ns) {
        h->train_long = true;
        if (h->phase == TCP_HYSTART_SLOW_START) {
            h->phase = TCP_HYSTART_TRAIN;
        }
    }
}

static void end_round(struct tcp_cb *t)
{
    struct tcp_hystart *h = &t->cc_cold.hystart;
    if (h->phase == TCP_HYSTART_CSS && ++h->css_rounds >= CSS_ROUNDS) {
        leave_slow_start(t); /* 4.2: a round that CSS began in the middle of counts as one */
    } else if (h->phase == TCP_HYSTART_TRAIN && !h->train_long) {
        h->phase = TCP_HYSTART_SLOW_START;
    }
    begin_round(t);
}

void tcp_hystart_on_ack(struct tcp_cb *t, uint32_t rtt_us)
{
    /* The ACK of the round's last byte may be the last of a train; the first one beyond is the
     * first of the next. */
    if (seq_gt(t->snd.una, t->cc_cold.hystart.round_end)) {
        end_round(t);
    }
    if (rtt_us != 0) {
        take_sample(t, rtt_us);
    }
    extend_train(t);
}
