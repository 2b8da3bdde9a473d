/*
 * Counters of known frequency, by which the TSC is calibrated: HPET, ACPI PM timer, PIT channel 2.
 */
#ifndef ARCH_X86_64_TIME_REF_H
#define ARCH_X86_64_TIME_REF_H

#include "arch/x86_64/time/calc.h"
#include "kernel/mmio.h"

enum {
    CLOCK_REF_MAX = 2, /* two that agree are enough */
};

struct clock_ref {
    const char *name;
    uint64_t hz;
    uint64_t mask; /* it wraps at mask + 1, a power of two */
    uint32_t (*read)(const struct clock_ref *r);
    struct mmio regs; /* HPET */
    uint16_t port;    /* PM timer */
};

/*
 * Finds up to CLOCK_REF_MAX counters that exist and move, the most exact first. Returns how many.
 * Start-up only; bounded.
 */
size_t clock_ref_find(struct clock_ref refs[CLOCK_REF_MAX]);

/* Starts the PIT's channel 2, whether there is one or not: before anything of the board is known.
 */
void clock_ref_start_pit(struct clock_ref *r);

/* The narrowest of count readings (1 or more): its two TSCs say best when it was. */
struct clock_reading clock_read_narrow(const struct clock_ref *r, uint32_t count);

#endif
