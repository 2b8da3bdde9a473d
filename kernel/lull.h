/*
 * A lull is the time between two bursts of packets in which there is nothing to do. Does it pay to
 * look for the next packet through it, instead of sleeping until the device interrupts? It does for
 * few clients that each wait for an answer and come back at once: the interrupt costs them more
 * than the answer, and a device that spaces its interrupts has them wait for it. It does not when
 * the next packets come in a crowd anyway, nor when nobody is likely to come soon. Pure.
 */
#ifndef KERNEL_LULL_H
#define KERNEL_LULL_H

#include "kernel/base.h"

enum {
    LULL_LOOK_MIN_US = 20,
    LULL_LOOK_MAX_US = 150,
    LULL_LONG_US = 250, /* one that lasted longer: the next is slept through. What spaces its
                         * interrupts by 128 us makes a short one look as long as that */
    LULL_CROWD = 8,     /* packets of a burst that are worth an interrupt */
};

struct lull {
    uint64_t gap_ns; /* how long lulls are of late; 0: not to be looked through */
};

/* One lasted gap_ns, and what ended it were so many packets until there was nothing to do again. */
void lull_ended(struct lull *l, uint64_t gap_ns, uint64_t packets);

/* How long to look when a lull begins; 0: to sleep at once. */
uint64_t lull_look_ns(const struct lull *l);

#endif
