/*
 * What every algorithm does alike and calls for it: slow start, and what ssthresh is a part of.
 */
#include "net/tcp/cc/int.h"

enum {
    ABC_LIMIT_SEGMENTS = 2,   /* RFC 3465 2.2: L */
    FIRST_LIMIT_SEGMENTS = 8, /* RFC 9406 4.3: L of the first slow start, without pacing */
    CSS_GROWTH_DIVISOR = 4,   /* RFC 9406 4.3 */
    SSTHRESH_MIN_SEGMENTS = 2,
};

bool tcp_cc_slow_start(struct tcp_cb *t, uint32_t acked_bytes)
{
    if (t->cc.cwnd >= t->cc.ssthresh) {
        return false;
    }
    uint32_t limit = tcp_cc_first_slow_start(t) ? FIRST_LIMIT_SEGMENTS : ABC_LIMIT_SEGMENTS;
    if (t->cc.recovery == TCP_RECOVERY_LOSS) {
        limit = 1; /* RFC 3465 2.3: while the losses of a timeout are being repaired */
    }
    uint32_t growth = min_u32(acked_bytes, limit * t->snd.mss);
    if (t->cc_cold.hystart.phase != TCP_HYSTART_SLOW_START && tcp_cc_first_slow_start(t)) {
        growth /= CSS_GROWTH_DIVISOR; /* RFC 9406 4.2 */
    }
    t->cc.cwnd += growth;
    return true;
}

/*
 * FlightSize, as ssthresh is made of it (RFC 5681 3.1). What is out beyond the window went by
 * limited transmit, which does not count (3.2 step 2), or was lost before an earlier timeout and is
 * not in the network any more. In fast recovery cwnd is recovery's own; what it aims at has been
 * tried, and more has not.
 */
static uint32_t flight_tried(const struct tcp_cb *t)
{
    bool repairing = t->cc.recovery == TCP_RECOVERY_FAST;
    return min_u32(tcp_flight(t), repairing ? t->cc.ssthresh : t->cc.cwnd);
}

uint32_t tcp_cc_share_of_flight(const struct tcp_cb *t, uint32_t num, uint32_t den)
{
    uint64_t share = (uint64_t)flight_tried(t) * num / den;
    return max_u32((uint32_t)share, SSTHRESH_MIN_SEGMENTS * (uint32_t)t->snd.mss);
}
