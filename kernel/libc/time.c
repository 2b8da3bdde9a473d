/*
 * Clocks and the calendar for the metal. UTC only: a server's Date header needs no other.
 */
#include "kernel/libc/time.h"

#include "kernel/base.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/stdio.h"
#include "kernel/libc/string.h"
#include "kernel/libc/sys/time.h"
#include "kernel/platform.h"

enum {
    S_PER_DAY = 86400,
    S_PER_HOUR = 3600,
    S_PER_MINUTE = 60,
    NS_PER_US_COUNT = 1000,
    DAYS_PER_YEAR = 365,
    DAYS_PER_4_YEARS = 4 * DAYS_PER_YEAR + 1,
    DAYS_PER_CENTURY = 25 * DAYS_PER_4_YEARS - 1, /* the hundredth year is not a leap year... */
    DAYS_PER_ERA = 4 * DAYS_PER_CENTURY + 1,      /* ...but the four hundredth is */
    YEARS_PER_ERA = 400,
    ERA_EPOCH_YEAR = 2000,
    ERA_EPOCH_DAYS = 11017, /* from 1970-01-01 to 2000-03-01 */
    TM_YEAR_BASE = 1900,
    EPOCH_WEEKDAY = 4, /* 1970-01-01 was a Thursday */
    CONVERSION_BYTES = 16,
};

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) {
        errno = EINVAL;
        return -1;
    }
    uint64_t now_ns = platform_now_ns();
    uint64_t start_s = clock == CLOCK_REALTIME ? platform_boot_unix_s() : 0;
    out->tv_sec = (time_t)(start_s + now_ns / NS_PER_S);
    out->tv_nsec = (long)(now_ns % NS_PER_S);
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / NS_PER_US_COUNT;
    return 0;
}

/* Division that rounds down, also below zero: days before 1970 count backwards. */
static int64_t divide_down(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

/*
 * Year, month and day from days since 2000-03-01. A year that begins in March has its leap day at
 * the end, so that the lengths of the months before it are the same every year.
 */
static int64_t split_days(int64_t days, struct tm *out)
{
    static const uint16_t month_starts[] = {0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337};
    int64_t era = divide_down(days, DAYS_PER_ERA);
    int64_t day = days - era * DAYS_PER_ERA;
    int64_t century = day / DAYS_PER_CENTURY;
    century = century == 4 ? 3 : century; /* the leap day that ends the era */
    day -= century * DAYS_PER_CENTURY;
    int64_t leap = day / DAYS_PER_4_YEARS;
    day -= leap * DAYS_PER_4_YEARS;
    int64_t in_leap = day / DAYS_PER_YEAR;
    in_leap = in_leap == 4 ? 3 : in_leap; /* a leap day */
    day -= in_leap * DAYS_PER_YEAR;
    int month = 11;
    while (month_starts[month] > day) {
        month--;
    }
    out->tm_mday = (int)(day - month_starts[month]) + 1;
    out->tm_mon = (month + 2) % 12;
    int64_t year = ERA_EPOCH_YEAR + era * YEARS_PER_ERA + century * 100 + leap * 4 + in_leap;
    return month >= 10 ? year + 1 : year; /* January and February belong to the next year */
}

static bool is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int day_of_year(const struct tm *tm, int64_t year)
{
    static const uint16_t starts[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap_day = tm->tm_mon > 1 && is_leap_year(year) ? 1 : 0;
    return starts[tm->tm_mon] + tm->tm_mday - 1 + leap_day;
}

struct tm *gmtime_r(const time_t *restrict t, struct tm *restrict out)
{
    int64_t days = divide_down(*t, S_PER_DAY);
    int second = (int)(*t - days * S_PER_DAY);
    struct tm tm = {
        .tm_hour = second / S_PER_HOUR,
        .tm_min = second % S_PER_HOUR / S_PER_MINUTE,
        .tm_sec = second % S_PER_MINUTE,
    };
    int64_t year = split_days(days - ERA_EPOCH_DAYS, &tm);
    if (year - TM_YEAR_BASE > INT32_MAX || year - TM_YEAR_BASE < INT32_MIN) {
        errno = EOVERFLOW;
        return NULL;
    }
    tm.tm_year = (int)(year - TM_YEAR_BASE);
    tm.tm_yday = day_of_year(&tm, year);
    int64_t weekday = days + EPOCH_WEEKDAY;
    tm.tm_wday = (int)(weekday - divide_down(weekday, 7) * 7);
    *out = tm;
    return out;
}

static const char DAY_NAMES[] = "SunMonTueWedThuFriSat";
static const char MONTH_NAMES[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* The idx-th of names of three letters, "???" out of range: struct tm is the caller's. */
static int name_of(char *out, const char *names, int idx, int count)
{
    const char *name = idx >= 0 && idx < count ? names + 3 * idx : "???";
    return snprintf(out, CONVERSION_BYTES, "%.3s", name);
}

/* One conversion into out, CONVERSION_BYTES large; an unknown one comes out as it stands. */
static int convert(char *out, char conversion, const struct tm *tm)
{
    long long year = (long long)tm->tm_year + TM_YEAR_BASE;
    switch (conversion) {
    case 'a':
        return name_of(out, DAY_NAMES, tm->tm_wday, 7);
    case 'b':
        return name_of(out, MONTH_NAMES, tm->tm_mon, 12);
    case 'd':
        return snprintf(out, CONVERSION_BYTES, "%02d", tm->tm_mday);
    case 'e':
        return snprintf(out, CONVERSION_BYTES, "%2d", tm->tm_mday);
    case 'F':
        return snprintf(out, CONVERSION_BYTES, "%lld-%02d-%02d", year, tm->tm_mon + 1, tm->tm_mday);
    case 'H':
        return snprintf(out, CONVERSION_BYTES, "%02d", tm->tm_hour);
    case 'j':
        return snprintf(out, CONVERSION_BYTES, "%03d", tm->tm_yday + 1);
    case 'm':
        return snprintf(out, CONVERSION_BYTES, "%02d", tm->tm_mon + 1);
    case 'M':
        return snprintf(out, CONVERSION_BYTES, "%02d", tm->tm_min);
    case 'n':
        return snprintf(out, CONVERSION_BYTES, "\n");
    case 'S':
        return snprintf(out, CONVERSION_BYTES, "%02d", tm->tm_sec);
    case 't':
        return snprintf(out, CONVERSION_BYTES, "\t");
    case 'T':
        return snprintf(out, CONVERSION_BYTES, "%02d:%02d:%02d", tm->tm_hour, tm->tm_min,
                        tm->tm_sec);
    case 'y':
        return snprintf(out, CONVERSION_BYTES, "%02d", (int)(year - divide_down(year, 100) * 100));
    case 'Y':
        return snprintf(out, CONVERSION_BYTES, "%lld", year);
    case 'z':
        return snprintf(out, CONVERSION_BYTES, "+0000");
    case 'Z':
        return snprintf(out, CONVERSION_BYTES, "GMT");
    case '%':
        return snprintf(out, CONVERSION_BYTES, "%%");
    default:
        return snprintf(out, CONVERSION_BYTES, "%%%c", conversion);
    }
}

size_t strftime(char *restrict buf, size_t size, const char *restrict fmt,
                const struct tm *restrict tm)
{
    size_t used = 0;
    for (; *fmt != '\0'; fmt++) {
        char piece[CONVERSION_BYTES] = {*fmt};
        size_t len = 1;
        if (*fmt == '%' && fmt[1] != '\0') {
            fmt++;
            len = min_size((size_t)convert(piece, *fmt, tm), sizeof(piece) - 1);
        }
        if (len >= size - used) { /* the NUL needs room too */
            return 0;
        }
        memcpy(buf + used, piece, len);
        used += len;
    }
    if (used >= size) {
        return 0;
    }
    buf[used] = '\0';
    return used;
}
