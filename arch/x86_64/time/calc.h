/*
 * The arithmetic of clocks: conversion between counter ticks and ns, frequencies from two readings,
 * agreement, calendar to seconds. Pure; runs on the host in tests.
 */
#ifndef ARCH_X86_64_TIME_CALC_H
#define ARCH_X86_64_TIME_CALC_H

#include "kernel/base.h"

/*
 * A fraction as multiplier and shift: x * mult / 2^shift. mult has at least 62 significant bits (or
 * shift is 63), so that the error over a century of ns stays below a tick: no drift by rounding.
 */
struct clock_scale {
    uint64_t mult;
    uint32_t shift;
};

/* num / den, both 1 .. 2^62. Asserts that the whole part fits. */
struct clock_scale clock_scale_make(uint64_t num, uint64_t den);

/* x * scale, rounded down. The result must fit in 64 bits: 580 years of ns do. */
static inline uint64_t clock_scale_apply(struct clock_scale s, uint64_t x)
{
    return (uint64_t)(((unsigned __int128)x * s.mult) >> s.shift);
}

/* Time as a line over the TSC. A new pace bends it where it is: it neither jumps nor goes back. */
struct clock_line {
    uint64_t tsc; /* the line's begin... */
    uint64_t ns;  /* ...and the time there */
    struct clock_scale to_ns;
};

/* The line's time when the TSC stands at tsc; the begin's time for anything before it. */
static inline uint64_t clock_line_ns(const struct clock_line *line, uint64_t tsc)
{
    uint64_t ticks = tsc > line->tsc ? tsc - line->tsc : 0;
    return line->ns + clock_scale_apply(line->to_ns, ticks);
}

/* From tsc on, at or behind the line's begin, a second has tsc_hz ticks (1 .. 2^62). */
void clock_line_bend(struct clock_line *line, uint64_t tsc, uint64_t tsc_hz);

/* Two readings of a reference counter, each with the TSC just before and just after it. */
struct clock_reading {
    uint64_t before;
    uint64_t after;
    uint32_t ticks;
};

/*
 * A first idea of the TSC's frequency from two readings of a reference of ref_hz that wraps at
 * mask + 1. 0 when the reference stood still, or when what comes out is no processor's frequency:
 * so it is when it wrapped while something else had the processor.
 */
uint64_t clock_rough_hz(const struct clock_reading *from, const struct clock_reading *to,
                        uint64_t ref_hz, uint32_t mask);

/*
 * The frequency in Hz of a counter that moved by ticks while a reference of ref_hz moved by
 * ref_ticks; 0 when ref_ticks is 0 or the result does not fit.
 */
uint64_t clock_measure_hz(uint64_t ticks, uint64_t ref_ticks, uint64_t ref_hz);

/* How far a counter that wraps at mask + 1 (a power of two) moved. */
static inline uint64_t clock_ticks_between(uint64_t from, uint64_t to, uint64_t mask)
{
    return (to - from) & mask;
}

/* The difference of two frequencies in parts per million of the smaller, saturating. */
uint32_t clock_difference_ppm(uint64_t a_hz, uint64_t b_hz);

/* The middle one of count values (1 .. 15, an odd number); sorts them in place. */
uint64_t clock_median(uint64_t *values, size_t count);

struct clock_opinion { /* what one source says the frequency is */
    const char *name;
    uint64_t hz;        /* not 0 */
    uint64_t spread_hz; /* between its lowest and its highest sample */
};

struct clock_verdict {
    size_t chosen;
    size_t other; /* with which it was compared; chosen itself when it is alone */
    uint32_t difference_ppm;
    bool agree;
};

/*
 * Weighs count opinions (1 or more), the most exact first: the first that agrees with a later one
 * to within max_ppm is chosen; when no two agree, the steadiest.
 */
struct clock_verdict clock_judge(const struct clock_opinion *opinions, size_t count,
                                 uint32_t max_ppm);

struct clock_date { /* Gregorian, UTC */
    uint32_t year;  /* 1970 .. 2999 */
    uint8_t month;  /* 1 .. 12 */
    uint8_t day;    /* 1 .. 31 */
    uint8_t hour, minute, second;
};

/* Seconds since 1970-01-01, or 0 when a field is outside its range. Leap seconds count as 59. */
uint64_t clock_date_to_unix_s(const struct clock_date *d);

/* What the registers of a CMOS clock hold (Motorola MC146818A, tables 2 and 3). */
struct clock_rtc_raw {
    uint8_t second, minute, hour, day, month, year;
    uint8_t century;  /* as its register holds it; 0: there is none */
    uint8_t status_b; /* bit 2: binary, else BCD; bit 1: 24 hours, else 12 with bit 7 = p.m. */
};

/* Decodes them. Without a century, 70 .. 99 are the 1900s. Fields may still be out of range. */
struct clock_date clock_rtc_decode(const struct clock_rtc_raw *raw);

#endif
