/*
 * Congestion control behind a table of functions: the algorithm decides how cwnd grows and what
 * ssthresh becomes. When there is loss, and what cwnd is while it is repaired, is decided by
 * loss/recovery.c, which says so through the functions at the end. Bytes throughout. See
 * docs/tcp.md, "Congestion control".
 */
#ifndef NET_TCP_CC_CC_H
#define NET_TCP_CC_CC_H

#include "net/tcp/block/block.h"
#include "net/tcp/cc/algorithms.h"

enum {
    TCP_CWND_MAX_BYTES = 1 << 30, /* the largest window there is (RFC 7323 2.2) */
    TCP_CC_NON_VALIDATED_S = 300, /* RFC 7661 4.4: so long a window that is not used is kept */
};

/* An acknowledgement, as an algorithm sees it; bytes > 0 then. */
struct tcp_cc_ack {
    uint32_t bytes;   /* newly acknowledged */
    uint32_t flight;  /* what was out before, bytes */
    uint32_t rtt_us;  /* a round trip measured by this ACK; 0: none */
    uint32_t srtt_us; /* the smoothed one; 0: never measured */
};

struct tcp_cc_ops {
    const char *name; /* as TCP_CONGESTION spells it */
    void (*init)(struct tcp_cb *t);
    /* New data was acknowledged outside fast recovery while the window was in use. */
    void (*on_ack)(struct tcp_cb *t, const struct tcp_cc_ack *ack);
    /* What ssthresh becomes when congestion is found now. */
    uint32_t (*ssthresh)(const struct tcp_cb *t);
    /* It was found; cwnd is still the window that was too large. */
    void (*on_loss)(struct tcp_cb *t);
    /* Recovery is over; cwnd is what the algorithm goes on from. */
    void (*on_recovery_exit)(struct tcp_cb *t);
    /* The last reduction had no reason; cwnd and ssthresh are restored already. */
    void (*undo)(struct tcp_cb *t);
    /* The window was not in use since the last of these calls or on_ack. Asked while
     * cc.ages is set alone, so NULL where it never is. */
    void (*unused)(struct tcp_cb *t);
};

#define TCP_CC_DECLARE(name) extern const struct tcp_cc_ops tcp_cc_##name;
TCP_CC_ALGORITHMS(TCP_CC_DECLARE)

/* The algorithm of that name (NULL: the default), or NULL when there is none. */
const struct tcp_cc_ops *tcp_cc_find(const char *name);

/* The algorithm that the stack's configuration names; before anything else here. */
void tcp_cc_init(struct tcp_cb *t);

/* Another algorithm for t; what cwnd and ssthresh are, stays. Any state. */
void tcp_cc_set(struct tcp_cb *t, const struct tcp_cc_ops *ops);

/* Sets cwnd and ssthresh at the beginning of a connection. */
void tcp_cc_start(struct tcp_cb *t);

/* The initial window in bytes (RFC 6928). */
uint32_t tcp_cc_initial_window(const struct tcp_cb *t);

/*
 * Congestion was found (fast recovery or the first timeout of a segment begins): notes cwnd and
 * ssthresh for tcp_cc_undo and sets ssthresh; in fast recovery, for a timeout, it lowers ssthresh
 * alone. Call it while t->cc.recovery and cwnd are still the old ones; cwnd is the caller's to set.
 */
void tcp_cc_on_loss(struct tcp_cb *t);

/* The peer echoes a mark (RFC 3168): cwnd and ssthresh become smaller at once, for good. */
void tcp_cc_on_ecn(struct tcp_cb *t);

/* The caller ended recovery and set cwnd. */
void tcp_cc_recovered(struct tcp_cb *t);

/* The last tcp_cc_on_loss was for nothing (RFC 5682, 3522, 4015): cwnd and ssthresh are again at
 * least what they were. Once for each; harmless when there is nothing to undo. */
void tcp_cc_undo(struct tcp_cb *t);

/* The window was reduced, for whatever reason. */
void tcp_cc_window_reduced(struct tcp_cb *t);

void tcp_cc_paused(struct tcp_cb *t, uint64_t idle_ns, uint64_t rto_ns); /* for tcp_cc_after_idle */

/* slow_start.c, for algorithms: grows cwnd by an ACK (RFC 5681 3.1, 3465, 9406); false when it is
 * not below ssthresh. */
bool tcp_cc_slow_start(struct tcp_cb *t, uint32_t acked_bytes);

/* slow_start.c, for algorithms: num / den of what was out, two segments at least, for ssthresh (RFC
 * 5681 equation 4, RFC 9438 4.6). */
uint32_t tcp_cc_share_of_flight(const struct tcp_cb *t, uint32_t num, uint32_t den);

/* ssthresh is still what it began with: nothing was learnt about the path. */
static inline bool tcp_cc_first_slow_start(const struct tcp_cb *t)
{
    return t->cc.ssthresh == TCP_CWND_MAX_BYTES;
}

/* Is this window of data one whose mark has reduced cwnd? Then a loss in it is no second reason
 * (RFC 3168 6.1.2). */
static inline bool tcp_cc_echo_covers(const struct tcp_cb *t)
{
    return t->ecn.by_echo && seq_lt(t->snd.una, t->ecn.end);
}

/*
 * New data was acknowledged outside fast recovery: tcp_cc_window_used says, once for each such ACK,
 * whether what was out is all that the window let; then cwnd may grow, else it does not.
 */
void tcp_cc_acked_used(struct tcp_cb *t, const struct tcp_cc_ack *ack);
void tcp_cc_window_aged(struct tcp_cb *t); /* for tcp_cc_validate: not used for too long */

/* RFC 7661 4.3: half of the window in use is a window validated. */
static inline void tcp_cc_validate(struct tcp_cb *t, uint32_t flight)
{
    uint64_t now = t->net->now_ns;
    if (flight >= t->cc.cwnd / 2) {
        t->cc.validated_ns = now;
    } else if (unlikely(now - t->cc.validated_ns > TCP_CC_NON_VALIDATED_S * NS_PER_S)) {
        tcp_cc_window_aged(t);
    }
}

/* The most that was out in this round trip: until the last byte of such a flight is acknowledged it
 * counts, though ACKs let it drain when the owner has no more to send (RFC 7661 4.2). */
static inline uint32_t tcp_cc_peak_flight(struct tcp_cb *t, uint32_t flight)
{
    if (flight >= t->cc.peak || seq_gt(t->snd.una, t->cc.peak_end)) {
        t->cc.peak = flight;
        t->cc.peak_end = t->snd.nxt;
    }
    return t->cc.peak;
}

/* A window that was not used says nothing about the path (RFC 7661 4.1): it does not grow. In slow
 * start it may become twice what was out, since it doubles in a round trip. */
static inline bool tcp_cc_window_used(struct tcp_cb *t, uint32_t flight)
{
    uint32_t peak = tcp_cc_peak_flight(t, flight);
    if (t->cc.cwnd < t->cc.ssthresh) {
        return peak > t->cc.cwnd / 2;
    }
    return flight + t->snd.mss >= t->cc.cwnd;
}

/* The window was not in use until now. */
static inline void tcp_cc_tell_unused(struct tcp_cb *t)
{
    if (unlikely(t->cc.ages)) {
        t->cc.ops->unused(t);
    }
}

/* Before data goes with nothing in flight: what a pause does to cwnd (RFC 7661 4.4.3). rto_ns: the
 * timeout, not doubled. */
static inline void tcp_cc_after_idle(struct tcp_cb *t, uint64_t rto_ns)
{
    assert(tcp_flight(t) == 0);
    uint64_t idle_ns = t->net->now_ns - t->snd.sent_ns;
    tcp_cc_tell_unused(t);
    if (unlikely(idle_ns > (uint64_t)TCP_RTO_MIN_MS * NS_PER_MS)) { /* no timeout is shorter */
        tcp_cc_paused(t, idle_ns, rto_ns);
    }
}

/* Such a round says nothing; its end stays comparable for ever. */
static inline void tcp_cc_unused(struct tcp_cb *t)
{
    tcp_cc_tell_unused(t);
    t->cc_cold.hystart.round_end = t->snd.una;
}

static inline void tcp_cc_acked_unused(struct tcp_cb *t, uint32_t flight)
{
    tcp_cc_validate(t, flight);
    if (!t->ecn.echoed) { /* RFC 3168 6.1.2 */
        tcp_cc_unused(t);
    }
}

/* ---- what others say of the window ---- */

/* A listener's connection goes by its algorithm. */
static inline void tcp_cc_inherit(struct tcp_cb *t, const struct tcp_cb *l)
{
    t->cc.ops = l->cc.ops;
}

/* loss/: a repair begins, or is over. */
static inline void tcp_cc_repair(struct tcp_cb *t, enum tcp_recovery phase)
{
    t->cc.recovery = (uint8_t)phase;
}

/* loss/: what may be out while the repair lasts, and what it leaves behind. */
static inline void tcp_cc_repair_window(struct tcp_cb *t, uint32_t bytes)
{
    t->cc.cwnd = bytes;
}

/* loss/: a timeout: the window is what goes now, and counts towards no growth. */
static inline void tcp_cc_loss_window(struct tcp_cb *t, uint32_t bytes)
{
    t->cc.cwnd = bytes;
    t->cc.acked = 0;
}

/* After a repair, or when there was nothing to repair, cwnd may lie far above what is out: no more
 * than an initial window goes at once (RFC 9937 4, RFC 4015 3); slow start brings the rest. */
static inline void tcp_cc_bound_burst(struct tcp_cb *t, uint32_t pipe)
{
    uint32_t burst = TCP_BURST_SEGMENTS * (uint32_t)t->snd.mss;
    t->cc.cwnd = max_u32(min_u32(t->cc.cwnd, pipe + burst), t->snd.mss);
}

/* send/: segments have another size. RFC 5681 2: a window of less than one of them would let
 * nothing go, ever. */
static inline void tcp_cc_segment_changed(struct tcp_cb *t)
{
    t->cc.cwnd = max_u32(t->cc.cwnd, t->snd.mss);
}

/* send/: no congestion, but too much to send at once: so much now, and slow start leads back; in a
 * repair both are the repair's. */
static inline void tcp_cc_step_back(struct tcp_cb *t, uint32_t bytes)
{
    uint32_t cwnd = t->cc.cwnd;
    t->cc.cwnd = bytes;
    if (t->cc.recovery == TCP_RECOVERY_NONE) {
        t->cc.ssthresh = max_u32(t->cc.ssthresh, cwnd);
    }
}

#endif
