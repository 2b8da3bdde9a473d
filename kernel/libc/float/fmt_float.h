/*
 * The conversions of floating point for struct fmt_sink, and how numbers are rounded.
 */
#ifndef LIBC_FLOAT_FMT_FLOAT_H
#define LIBC_FLOAT_FMT_FLOAT_H

#include "kernel/libc/fmt.h"

/*
 * %f %F %e %E %g %G %a %A, of double and of long double. Every digit is right: the value is written
 * out as the decimal number that it is, then rounded in the program's direction. For the sink.
 */
bool fmt_float(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap);

enum {
    FIVES_STEP = 13,
    FIVES = 1220703125, /* 5^13, the greatest power that fits 32 bits */
};

/* The direction of rounding, as it stands in MXCSR (SDM volume 1, table 4-8). */
enum float_rounding {
    ROUND_NEAREST, /* and to even between two */
    ROUND_DOWN,
    ROUND_UP,
    ROUND_ZERO,
};

static inline enum float_rounding float_rounding(void)
{
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return (enum float_rounding)(mxcsr >> 13 & 3);
}

/*
 * Is the magnitude to be one unit greater? half: -1, 0, 1 as what is cut off is less than, equal to
 * or greater than half a unit; inexact: it is not 0; odd: the last digit that is kept.
 */
static inline bool float_rounds_up(enum float_rounding mode, bool negative, int half, bool inexact,
                                   bool odd)
{
    switch (mode) {
    case ROUND_DOWN:
        return inexact && negative;
    case ROUND_UP:
        return inexact && !negative;
    case ROUND_ZERO:
        return false;
    default:
        return half > 0 || (half == 0 && odd);
    }
}

#endif
