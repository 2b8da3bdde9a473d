/*
 * The clock of the machine beyond kernel/platform.h and kernel/time.h: what the board asks of it.
 */
#ifndef ARCH_X86_64_TIME_CLOCK_H
#define ARCH_X86_64_TIME_CLOCK_H

#include "arch/x86_64/time/calc.h"
#include "arch/x86_64/time/ref.h"

/*
 * The very first step: time runs from here on, and is 0 where the TSC stood at entry_tsc. Its pace
 * is rough until clock_init(): stated by CPUID, or measured within a millisecond, or a guess.
 */
void clock_start(uint64_t entry_tsc);

/* From here on time is exact, and may be waited for. Start-up only, after apic_init. */
void clock_init(void);

/*
 * For the self-test: the TSC passes for twice as fast as it is, until its watch finds out, which
 * takes the loop half a second. False: nothing watches it.
 */
bool clock_spoil_tsc(void);

/* The narrowest of count readings (1 or more): its two TSCs say best when it was. */
struct clock_reading clock_read_narrow(const struct clock_ref *r, uint32_t count);

/* CPUID 8000_0007h: one pace in every state of power and performance. */
bool clock_tsc_is_invariant(void);

/*
 * watch.c: watches the TSC by r, a reference that clock_guard_suits, from the loop's turns.
 * line stays where it is. NULL: there is none, only the log hears of it: false. Start-up only.
 */
bool clock_watch_start(const struct clock_ref *r, const struct clock_line *line);

/*
 * clock.c: the latest time that platform_now_ns() has told; and from now on that is
 * clock_watch_now_ns(). Interrupts off.
 */
uint64_t clock_told_ns(void);
void clock_leave_tsc(void);
uint64_t clock_watch_now_ns(void);

/* Seconds since 1970 by the CMOS clock, 0 when there is none or it is not set. Needs the clock. */
uint64_t rtc_read_unix_s(void);

#endif
