/*
 * How far apart interrupts are. Each look at the ring says what has come since the last; from that
 * follows whether the next frame should be told of at once, or wait for company. Pure.
 */
#ifndef DRIVERS_E1000_MODERATION_H
#define DRIVERS_E1000_MODERATION_H

#include "kernel/base.h"

enum e1000_pace_class {
    E1000_PACE_LOWEST, /* requests and answers */
    E1000_PACE_LOW,    /* some of each */
    E1000_PACE_BULK,   /* a stream, or a flood of small frames */
    E1000_PACE_COUNT,
};

struct e1000_pace {
    enum e1000_pace_class class;
    int8_t votes; /* looks in a row that wanted more of it (positive) or less */
};

/*
 * The pace after a look that found so many frames with so many bytes. The class moves by one, and
 * only when E1000_PACE_VOTES looks in a row want it; what makes it rise is more than what keeps it.
 */
struct e1000_pace e1000_pace_next(struct e1000_pace pace, uint64_t frames, uint64_t bytes);

/* The least distance of two interrupts in units of 256 ns, a multiple of 4. */
uint32_t e1000_pace_interval(enum e1000_pace_class class);

enum {
    E1000_PACE_VOTES = 4,
};

#endif
