/*
 * The C library for the metal: C11 7.12. What is exact by its nature is here (float/math.c); the
 * others are declared, and come from a library that the server brings (docs/write-a-server.md).
 * errno is not set (math_errhandling): the processor's flags tell.
 */
#ifndef LIBC_MATH_H
#define LIBC_MATH_H

typedef float float_t;
typedef double double_t;

#define HUGE_VAL  __builtin_huge_val()
#define HUGE_VALF __builtin_huge_valf()
#define INFINITY  __builtin_inff()
#define NAN       __builtin_nanf("")

#define MATH_ERRNO       1
#define MATH_ERREXCEPT   2
#define math_errhandling MATH_ERREXCEPT

#define FP_NAN       0
#define FP_INFINITE  1
#define FP_ZERO      2
#define FP_SUBNORMAL 3
#define FP_NORMAL    4

#define fpclassify(x) __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, x)

#define isfinite(x) __builtin_isfinite(x)
#define isinf(x)    __builtin_isinf_sign(x)
#define isnan(x)    __builtin_isnan(x)
#define isnormal(x) __builtin_isnormal(x)
#define signbit(x)  __builtin_signbit(x)

#define isgreater(x, y)      __builtin_isgreater(x, y)
#define isgreaterequal(x, y) __builtin_isgreaterequal(x, y)
#define isless(x, y)         __builtin_isless(x, y)
#define islessequal(x, y)    __builtin_islessequal(x, y)
#define islessgreater(x, y)  __builtin_islessgreater(x, y)
#define isunordered(x, y)    __builtin_isunordered(x, y)

/* POSIX */
#define M_E       2.7182818284590452354
#define M_LOG2E   1.4426950408889634074
#define M_LOG10E  0.43429448190325182765
#define M_LN2     0.69314718055994530942
#define M_LN10    2.30258509299404568402
#define M_PI      3.14159265358979323846
#define M_PI_2    1.57079632679489661923
#define M_PI_4    0.78539816339744830962
#define M_1_PI    0.31830988618379067154
#define M_2_PI    0.63661977236758134308
#define M_SQRT2   1.41421356237309504880
#define M_SQRT1_2 0.70710678118654752440

/* Ours: exact, or rounded once. */
double fabs(double x);
double copysign(double x, double y);
double sqrt(double x);
double floor(double x);
double ceil(double x);
double trunc(double x);
double round(double x);
double rint(double x);
double nearbyint(double x);
long lrint(double x);
long long llrint(double x);
long lround(double x);
long long llround(double x);
double fmod(double x, double y);
double fmin(double x, double y);
double fmax(double x, double y);
double fdim(double x, double y);
double frexp(double x, int *exponent);
double ldexp(double x, int n);
double scalbn(double x, int n);
double modf(double x, double *whole);

float fabsf(float x);
float copysignf(float x, float y);
float sqrtf(float x);
float floorf(float x);
float ceilf(float x);
float truncf(float x);
float roundf(float x);
float rintf(float x);
float fmodf(float x, float y);
float fminf(float x, float y);
float fmaxf(float x, float y);
float ldexpf(float x, int n);

/* Not ours: a program that calls one of these links a library that has it. */
double acos(double x);
double asin(double x);
double atan(double x);
double atan2(double y, double x);
double cbrt(double x);
double cos(double x);
double cosh(double x);
double erf(double x);
double erfc(double x);
double exp(double x);
double exp2(double x);
double expm1(double x);
double hypot(double x, double y);
double lgamma(double x);
double log(double x);
double log10(double x);
double log1p(double x);
double log2(double x);
double pow(double x, double y);
double sin(double x);
double sinh(double x);
double tan(double x);
double tanh(double x);
double tgamma(double x);
float cosf(float x);
float expf(float x);
float logf(float x);
float powf(float x, float y);
float sinf(float x);
float tanf(float x);

#endif
