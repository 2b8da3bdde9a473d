/*
 * The clock of the machine beyond kernel/platform.h and kernel/time.h: what the board asks of it.
 */
#ifndef ARCH_X86_64_CLOCK_H
#define ARCH_X86_64_CLOCK_H

#include "kernel/base.h"

/* Seconds since 1970 by the CMOS clock, 0 when there is none or it is not set. Needs the clock. */
uint64_t rtc_read_unix_s(void);

#endif
