/*
 * A receive buffer that tunes itself between named bounds (net.h's limits). It follows the reader:
 * what the owner takes in one round-trip time is what the sender could send in the next, and twice
 * that must fit for slow start to double (dynamic right-sizing, Fisk and Feng 2001).
 *
 * It only grows, and only while the packet pool is far from short: what many hold at once is kept
 * within the pool by admit.c, this is about not promising what is not there. A buffer whose size
 * the owner chose is left alone. A window's edge is window.c's business. The send buffer is
 * send/'s.
 */
#include "net/tcp/block/pressure.h"
#include "net/tcp/recv/int.h"

enum {
    SLACK_SEGMENTS = 16, /* beside the doubling: what comes in a burst while the reader sleeps */
    GROWTH_MAX = 2, /* in a round that was so much better than the last, at most so much more */
};

static bool tuning_off(const struct tcp_cb *t)
{
    return (t->net->cfg.tcp_off & NET_TCP_OFF_TUNING) != 0;
}

/* What the receive buffer may become in the connection's life: what the window scale must span. */
uint32_t tcp_rcvbuf_most(const struct tcp_cb *t)
{
    if (tuning_off(t)) {
        return t->rcv.buf_bytes;
    }
    return max_u32(t->rcv.buf_bytes, t->net->cfg.limits.tcp_rcvbuf_max_bytes);
}

/* The connection is open; the handshake's round trip, when it was measured, is a first estimate. */
void tcp_tune_start(struct tcp_cb *t, uint32_t rtt_us)
{
    t->rcv.tune = (struct tcp_tuning){
        .round_ns = t->net->now_ns,
        .best_read = min_u32(t->rcv.buf_bytes, TCP_CONFIG_INITIAL_WINDOW * (uint32_t)t->rcv.mss),
        .rtt_us = rtt_us,
    };
}

/* Without timestamps: a whole window cannot come faster than in one round trip. So the least of
 * these is an upper bound that gets better with each faster window. */
static void measure_window(struct tcp_cb *t)
{
    struct tcp_tuning *u = &t->rcv.tune;
    uint64_t now = t->net->now_ns;
    if (u->rtt_ns != 0 && seq_lt(t->rcv.nxt, u->rtt_seq)) {
        return;
    }
    if (u->rtt_ns != 0) {
        uint64_t took_us = max_u64((now - u->rtt_ns) / NS_PER_US, 1);
        uint32_t sample = (uint32_t)min_u64(took_us, UINT32_MAX);
        u->rtt_us = u->rtt_us == 0 ? sample : min_u32(u->rtt_us, sample);
    }
    u->rtt_seq = seq_max(t->rcv.adv, t->rcv.nxt + 1);
    u->rtt_ns = max_u64(now, 1);
}

/* RFC 7323 4.1 for a receiver: from our ACK to the data it let go. A sender that had nothing to
 * send makes it longer: one sample an echo, and only from segments of some size. */
static void measure_echo(struct tcp_cb *t, const struct tcp_segment *seg)
{
    struct tcp_tuning *u = &t->rcv.tune;
    if (pkt_len(seg->pkt) < tcp_tune_least(t) || seg->options.ts_ecr == u->rtt_echo) {
        return;
    }
    uint32_t sample = (uint32_t)(tcp_ts_rtt_ns(t, seg) / NS_PER_US);
    if (sample == 0) {
        return;
    }
    u->rtt_echo = seg->options.ts_ecr;
    u->rtt_us = u->rtt_us == 0 ? sample : max_u32(u->rtt_us - u->rtt_us / 8 + sample / 8, 1);
}

void tcp_tune_arrived(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (t->ts.on && seg->options.has_timestamps) {
        measure_echo(t, seg);
    } else {
        measure_window(t);
    }
}

/* The buffer that lets the sender go on growing as it did in this round. */
static uint32_t wanted_bytes(const struct tcp_cb *t)
{
    const struct tcp_tuning *u = &t->rcv.tune;
    uint64_t window = 2 * (uint64_t)u->round_read;
    uint64_t best = max_u32(u->best_read, 1);
    uint64_t growth = window * (u->round_read - u->best_read) / best;
    window += min_u64(growth, GROWTH_MAX * window);
    window += SLACK_SEGMENTS * (uint64_t)t->rcv.mss;
    return (uint32_t)min_u64(window, TCP_BUF_MAX_BYTES);
}

/* Asked last: whoever may not is counted in vain, which costs less. */
static bool may_grow(const struct tcp_cb *t)
{
    return !tuning_off(t) && !t->opt.rcvbuf_fixed && tcp_synchronized(t);
}

static void grow_rcvbuf(struct tcp_cb *t, const struct pkt_pool *pool)
{
    uint32_t most = min_u32(t->net->cfg.limits.tcp_rcvbuf_max_bytes, tcp_pool_share_bytes(pool));
    uint32_t want = min_u32(wanted_bytes(t), most);
    if (want > t->rcv.buf_bytes) {
        if (tcp_pool_below(pool, 0, TCP_GROW_FRACTION)) {
            return; /* asked again by the next round as good */
        }
        t->rcv.buf_bytes = want;
    }
    t->rcv.tune.best_read = t->rcv.tune.round_read;
}

/* The owner has read len bytes, which lay in packets of pool. */
void tcp_tune_read(struct tcp_cb *t, size_t len, const struct pkt_pool *pool)
{
    struct tcp_tuning *u = &t->rcv.tune;
    uint64_t now = t->net->now_ns;
    u->round_read += (uint32_t)min_size(len, UINT32_MAX - u->round_read);
    if (u->rtt_us == 0 || now - u->round_ns < (uint64_t)u->rtt_us * NS_PER_US) {
        return;
    }
    if (unlikely(u->round_read > u->best_read) && may_grow(t)) {
        grow_rcvbuf(t, pool);
    }
    u->round_read = 0;
    u->round_ns = now;
}
