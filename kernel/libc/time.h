/*
 * The C library for the metal: clocks, and calendar time in UTC (C11 7.27, POSIX clock_gettime).
 */
#ifndef LIBC_TIME_H
#define LIBC_TIME_H

#include "kernel/libc/sys/types.h"
#include <stddef.h>

struct timespec {
    time_t tv_sec;
    long tv_nsec;
};

struct tm {
    int tm_sec;
    int tm_min;
    int tm_hour;
    int tm_mday;
    int tm_mon;  /* 0..11 */
    int tm_year; /* since 1900 */
    int tm_wday; /* 0 is Sunday */
    int tm_yday; /* 0..365 */
    int tm_isdst;
};

#define CLOCK_REALTIME  0
#define CLOCK_MONOTONIC 1

/* -1 and EINVAL for another clock. CLOCK_REALTIME counts from 1970 only if there is an RTC. */
int clock_gettime(clockid_t clock, struct timespec *out);
time_t time(time_t *out);

/* Parks the calling task (kernel/sleep.h). */
int nanosleep(const struct timespec *request, struct timespec *left) __asm__("rs_nanosleep");

/* The proleptic Gregorian calendar. NULL and EOVERFLOW when the year does not fit an int. */
struct tm *gmtime_r(const time_t *restrict t, struct tm *restrict out);

/*
 * %a %b %d %e %F %H %j %m %M %n %S %t %T %y %Y %z %Z %%, in English and UTC; another conversion is
 * copied as it stands. Returns the length, or 0 when it does not fit.
 */
size_t strftime(char *restrict buf, size_t size, const char *restrict fmt,
                const struct tm *restrict tm);

#endif
