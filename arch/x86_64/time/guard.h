/*
 * Whether the TSC keeps the pace it was measured at, judged by a reference counter read beside it
 * from time to time; and time by that counter alone, for when it does not. Pure; runs on the host
 * in tests. As Linux's clock source watchdog, which judges by an eighth where this takes less.
 */
#ifndef ARCH_X86_64_TIME_GUARD_H
#define ARCH_X86_64_TIME_GUARD_H

#include "arch/x86_64/time/calc.h"

struct clock_guard {
    uint64_t ref_hz;
    uint64_t mask;             /* the reference wraps at mask + 1 */
    struct clock_reading last; /* up to here the TSC was good */
    uint64_t tsc_ns, ref_ns;   /* out: how far each went, between the last two readings */
};

enum clock_finding {
    CLOCK_STEADY,
    CLOCK_UNSURE, /* the reading took too long, or the last one is too long ago: nothing is said */
    CLOCK_UNSTEADY,
};

/* Whether a reference is long enough until it wraps to be compared with every half second or so. */
bool clock_guard_suits(uint64_t ref_hz, uint64_t mask);

void clock_guard_start(struct clock_guard *g, uint64_t ref_hz, uint64_t mask,
                       const struct clock_reading *now);

/*
 * Compares what passed since the last reading by the line (the TSC) and by the reference. Bounded;
 * to be called at least twice before the reference wraps, else it is CLOCK_UNSURE for once.
 */
enum clock_finding clock_guard_check(struct clock_guard *g, const struct clock_line *line,
                                     const struct clock_reading *now);

/* Time by a reference counter. It must be read at least once before the counter wraps. */
struct clock_counter {
    uint64_t mask;
    uint64_t last;  /* its value at the last reading... */
    uint64_t ticks; /* ...and how far it had come since ns */
    uint64_t ns;
    struct clock_scale to_ns;
};

/*
 * Goes on from now: not behind told_ns, the latest time that anybody was told, and not behind what
 * the reference counted since the TSC was last good.
 */
void clock_counter_take_over(struct clock_counter *c, const struct clock_guard *g,
                             const struct clock_line *line, const struct clock_reading *now,
                             uint64_t told_ns);

uint64_t clock_counter_ns(struct clock_counter *c, uint64_t value);

#endif
