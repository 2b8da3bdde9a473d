/*
 * See lull.h. What is learnt is an average that forgets by quarters; a look lasts twice that, for
 * lulls differ. One that is long, or ends in a crowd, ends the looking at once: to be wrong costs
 * one look then, and one interrupt the other way round.
 */
#include "kernel/lull.h"

enum {
    FORGET_SHARE = 4,
    LOOK_FACTOR = 2,
};

void lull_ended(struct lull *l, uint64_t gap_ns, uint64_t packets)
{
    if (gap_ns > LULL_LONG_US * NS_PER_US || packets >= LULL_CROWD) {
        l->gap_ns = 0;
        return;
    }
    gap_ns = max_u64(gap_ns, 1);
    if (l->gap_ns == 0) {
        l->gap_ns = gap_ns;
    } else if (gap_ns > l->gap_ns) {
        l->gap_ns += (gap_ns - l->gap_ns) / FORGET_SHARE;
    } else {
        l->gap_ns -= (l->gap_ns - gap_ns) / FORGET_SHARE;
    }
}

uint64_t lull_look_ns(const struct lull *l)
{
    if (l->gap_ns == 0) {
        return 0;
    }
    uint64_t ns = max_u64(LOOK_FACTOR * l->gap_ns, LULL_LOOK_MIN_US * NS_PER_US);
    return min_u64(ns, LULL_LOOK_MAX_US * NS_PER_US);
}
