/*
 * The functions of <math.h> that are exact by their nature, or one instruction. Written over the
 * bits of the number where arithmetic would round. Floats go by way of doubles, which hold every
 * float, and whose results here are floats again.
 */
#include "kernel/libc/math.h"
#include "kernel/libc/string.h"

#include "kernel/base.h"

enum {
    FRACTION_BITS = 52,
    EXPONENT_MASK = 0x7ff,
    EXPONENT_BIAS = 1023,
};

#define SIGN     (UINT64_C(1) << 63)
#define FRACTION ((UINT64_C(1) << FRACTION_BITS) - 1)
#define TWO_52   0x1p52 /* from here on every double is whole */

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static int exponent_of(uint64_t bits)
{
    return (int)(bits >> FRACTION_BITS & EXPONENT_MASK);
}

double fabs(double x)
{
    return of_bits(bits_of(x) & ~SIGN);
}

double copysign(double x, double y)
{
    return of_bits((bits_of(x) & ~SIGN) | (bits_of(y) & SIGN));
}

double sqrt(double x)
{
    __asm__("sqrtsd %0, %0" : "+x"(x));
    return x;
}

float sqrtf(float x)
{
    __asm__("sqrtss %0, %0" : "+x"(x));
    return x;
}

double trunc(double x)
{
    uint64_t bits = bits_of(x);
    int exponent = exponent_of(bits) - EXPONENT_BIAS;
    if (exponent >= FRACTION_BITS) {
        return x + 0.0; /* whole, or no number: a signalling one becomes quiet */
    }
    return of_bits(bits & (exponent < 0 ? SIGN : ~(FRACTION >> exponent)));
}

double floor(double x)
{
    double whole = trunc(x);
    return x < whole ? whole - 1.0 : whole;
}

double ceil(double x)
{
    double whole = trunc(x);
    return x > whole ? whole + 1.0 : whole;
}

double round(double x)
{
    double whole = trunc(x);
    return fabs(x - whole) >= 0.5 ? whole + copysign(1.0, x) : whole;
}

/* What is added pushes the fraction out of the number; the processor rounds. */
double rint(double x)
{
    if (!(fabs(x) < TWO_52)) {
        return x + 0.0;
    }
    double pushed = x + copysign(TWO_52, x);
    return copysign(pushed - copysign(TWO_52, x), x);
}

/* As rint, without the flag that says "inexact". */
double nearbyint(double x)
{
    uint32_t before;
    __asm__ volatile("stmxcsr %0" : "=m"(before));
    x = rint(x);
    __asm__ volatile("ldmxcsr %1" : "+x"(x) : "m"(before));
    return x;
}

long lrint(double x)
{
    long n;
    __asm__("cvtsd2si %1, %0" : "=r"(n) : "x"(x));
    return n;
}

long long llrint(double x)
{
    return lrint(x);
}

long lround(double x)
{
    return lrint(round(x));
}

long long llround(double x)
{
    return lround(x);
}

/* The mantissa with its implied bit, and the exponent of its lowest bit. x: finite, not 0. */
static uint64_t split(uint64_t bits, int *exponent)
{
    uint64_t m = bits & FRACTION;
    *exponent = exponent_of(bits);
    if (*exponent == 0) {
        int zeros = __builtin_clzll(m) - (63 - FRACTION_BITS);
        *exponent = 1 - zeros;
        return m << zeros;
    }
    return m | UINT64_C(1) << FRACTION_BITS;
}

/* The inverse; a negative exponent is a number too small for an implied bit, cut without loss. */
static double join(uint64_t m, int exponent)
{
    if (m == 0) {
        return 0.0;
    }
    int zeros = __builtin_clzll(m) - (63 - FRACTION_BITS);
    m <<= zeros;
    exponent -= zeros;
    if (exponent <= 0) {
        return of_bits(m >> (1 - exponent));
    }
    return of_bits((m & FRACTION) | (uint64_t)exponent << FRACTION_BITS);
}

/* Long division, a bit a step: 2046 of them at most. */
double fmod(double x, double y)
{
    if (isnan(x) || isnan(y) || isinf(x) || y == 0.0) {
        return (x * y) / (x * y);
    }
    if (fabs(x) < fabs(y) || isinf(y)) {
        return x;
    }
    int ex;
    int ey;
    uint64_t mx = split(bits_of(x), &ex);
    uint64_t my = split(bits_of(y), &ey);
    for (; ex > ey; ex--) {
        mx = (mx >= my ? mx - my : mx) << 1;
    }
    mx = mx >= my ? mx - my : mx;
    return copysign(join(mx, ey), x);
}

double fmin(double x, double y)
{
    if (isnan(x) || isnan(y)) {
        return isnan(x) ? y : x;
    }
    return x < y || (x == y && signbit(x)) ? x : y;
}

double fmax(double x, double y)
{
    if (isnan(x) || isnan(y)) {
        return isnan(x) ? y : x;
    }
    return x > y || (x == y && !signbit(x)) ? x : y;
}

double fdim(double x, double y)
{
    if (isnan(x) || isnan(y)) {
        return x + y;
    }
    return x > y ? x - y : 0.0;
}

double frexp(double x, int *exponent)
{
    *exponent = 0;
    if (x == 0.0 || !isfinite(x)) {
        return x;
    }
    int e;
    uint64_t m = split(bits_of(x), &e);
    *exponent = e - (EXPONENT_BIAS - 1);
    return copysign(join(m, EXPONENT_BIAS - 1), x);
}

/* In steps, of which the last alone may round: to go below the normal numbers, from far above. */
double scalbn(double x, int n)
{
    for (int i = 0; i < 3 && n > EXPONENT_BIAS; i++) {
        x *= 0x1p1023;
        n -= EXPONENT_BIAS;
    }
    for (int i = 0; i < 3 && n < 1 - EXPONENT_BIAS; i++) {
        x *= 0x1p-1022 * 0x1p53;
        n += EXPONENT_BIAS - 1 - 53;
    }
    n = n > EXPONENT_BIAS ? EXPONENT_BIAS : n < 1 - EXPONENT_BIAS ? 1 - EXPONENT_BIAS : n;
    return x * of_bits((uint64_t)(n + EXPONENT_BIAS) << FRACTION_BITS);
}

double ldexp(double x, int n)
{
    return scalbn(x, n);
}

double modf(double x, double *whole)
{
    *whole = trunc(x);
    return copysign(isinf(x) ? 0.0 : x - *whole, x);
}

float fabsf(float x)
{
    return (float)fabs(x);
}

float copysignf(float x, float y)
{
    return (float)copysign(x, y);
}

float floorf(float x)
{
    return (float)floor(x);
}

float ceilf(float x)
{
    return (float)ceil(x);
}

float truncf(float x)
{
    return (float)trunc(x);
}

float roundf(float x)
{
    return (float)round(x);
}

float rintf(float x)
{
    return (float)rint(x);
}

float fmodf(float x, float y)
{
    return (float)fmod(x, y);
}

float fminf(float x, float y)
{
    return (float)fmin(x, y);
}

float fmaxf(float x, float y)
{
    return (float)fmax(x, y);
}

float ldexpf(float x, int n)
{
    return (float)scalbn(x, n);
}
