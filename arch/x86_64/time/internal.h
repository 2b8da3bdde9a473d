/*
 * What calibrate.c and watch.c tell clock.c, and each other. Nobody else includes this.
 */
#ifndef ARCH_X86_64_TIME_INTERNAL_H
#define ARCH_X86_64_TIME_INTERNAL_H

#include "arch/x86_64/time/calc.h"
#include "arch/x86_64/time/guard.h"
#include "arch/x86_64/time/ref.h"

/* clock.c: time begins, 0 at entry_tsc; a new pace from now on. Start-up only. */
void clock_begin(uint64_t entry_tsc, uint64_t hz);
void clock_set_pace(uint64_t hz);

/* The time by the TSC; stays where it is. */
const struct clock_line *clock_tsc_line(void);

/* The TSC may be left, or go back: from now on the latest time told is kept, and none is earlier.
 */
void clock_keep_told(void);

/* The latest time told. Then: time goes on by c, read from r; both are copied. Interrupts off. */
uint64_t clock_told_ns(void);
void clock_leave_tsc(const struct clock_ref *r, const struct clock_counter *c);

/* watch.c; CPUID 8000_0007h: one pace in every state of power and performance. */
bool clock_tsc_is_invariant(void);

/*
 * watch.c: watches the TSC by r, a reference that clock_guard_suits, from the loop's turns. NULL:
 * there is none, only the log hears of it: false. Start-up only.
 */
bool clock_watch_start(const struct clock_ref *r);

#endif
