/*
 * What every file may use: fixed-width types, assertions, small arithmetic helpers.
 * Depends on the compiler's freestanding headers only.
 *
 * Assertions state what must hold inside the program and stay on in every build. Input from the
 * wire, the firmware or the user is never asserted: it is checked, counted and dropped.
 */
#ifndef KERNEL_BASE_H
#define KERNEL_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef static_assert
#define static_assert _Static_assert
#endif

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define must_check                      __attribute__((warn_unused_result))
#define noreturn_fn                     __attribute__((noreturn))
#define printf_like(f, a)               __attribute__((format(printf, f, a)))
/* Of what hardly ever runs: it stays out of its callers, and they are laid out without it. */
#define cold_fn __attribute__((cold, noinline))
/* Of what runs seldom beside its callers: it stays out of them, for it would cost them registers.
 */
#define apart_fn __attribute__((noinline))
/* Of what each segment passes, however large it is. */
#define hot_fn      inline __attribute__((always_inline))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Stops the program: metal panics with registers and a backtrace, a hosted program aborts. func may
 * be NULL: our own assertions leave the function to file and line, which saves 10 KB of names. */
noreturn_fn void assert_fail(const char *expr, const char *file, int line, const char *func);

#undef assert
#define assert(x) (likely(x) ? (void)0 : assert_fail(#x, __FILE__, __LINE__, NULL))

/* What a function that can fail for reasons other than a bug says. 0 is success. */
enum status {
    STATUS_OK = 0,
    STATUS_NO_MEMORY, /* a pool, table or arena is used up */
    STATUS_BAD_INPUT, /* malformed bytes from firmware, wire or user */
    STATUS_NOT_FOUND, /* no such device, table or entry */
    STATUS_TIMEOUT,   /* hardware did not answer within its named bound */
    STATUS_UNSUPPORTED,
    STATUS_BUSY,
    STATUS_IO, /* hardware answered with an error */
};

enum {
    NS_PER_US = 1000,
    NS_PER_MS = 1000 * 1000,
    US_PER_MS = 1000,
    MS_PER_S = 1000,
};
#define NS_PER_S      UINT64_C(1000000000)
#define DEADLINE_NONE UINT64_MAX /* a deadline that never comes, in ns */

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline bool is_power_of_two(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* align is a power of two. */
static inline uint64_t align_up(uint64_t x, uint64_t align)
{
    return (x + align - 1) & ~(align - 1);
}

#endif
