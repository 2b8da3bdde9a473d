/*
 * The clock of the machine beyond kernel/platform.h and kernel/time.h: its start-up.
 */
#ifndef ARCH_X86_64_TIME_CLOCK_H
#define ARCH_X86_64_TIME_CLOCK_H

#include "kernel/base.h"

/*
 * The very first step: time runs from here on, and is 0 where the TSC stood at entry_tsc. Its pace
 * is rough until clock_init(): stated by CPUID, or measured within a millisecond, or a guess.
 */
void clock_start(uint64_t entry_tsc);

/* From here on time is exact, and may be waited for. Start-up only, after apic_init. */
void clock_init(void);

/* Reads the CMOS clock, for platform_boot_unix_s(). Start-up only, after clock_init. */
void rtc_init(void);

/*
 * For the self-test: the TSC passes for twice as fast as it is, until its watch finds out, which
 * takes the loop half a second. False: nothing watches it.
 */
bool clock_spoil_tsc(void);

#endif
