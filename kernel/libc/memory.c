/*
 * memcpy, memmove, memset, memcmp and their kin for the metal. The compiler calls the first four
 * by itself, so this file must be compiled without turning loops into such calls
 * (-fno-tree-loop-distribute-patterns).
 *
 * Blocks go by 8-byte words that may overlap at the end, eight at a time; from rep_min_bytes on the
 * string instructions are worth their start-up. How many that are differs: to a processor of today
 * a few hundred, and an emulator never catches up. They count on DF = 0, as the System V ABI has
 * it.
 */
#include "kernel/libc/memory.h"

#include "kernel/base.h"
#include "kernel/libc/string.h"

enum {
    WORD_BYTES = 8,
    BLOCK_BYTES = 8 * WORD_BYTES,
    REP_MIN_LEAST = 128, /* what is tried: halves, from the most down to the least, ... */
    REP_MIN_MOST = 1024,
    REP_TRIES = 8, /* ... each so many times, for an interrupt may fall into one */
};

static size_t rep_min_bytes = REP_MIN_MOST;

/* Words at any address, over any type: what lies there is bytes. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word64;
typedef uint32_t __attribute__((may_alias, aligned(1))) word32;

static uint64_t load64(const uint8_t *p)
{
    return *(const word64 *)(const void *)p;
}

static void store64(uint8_t *p, uint64_t v)
{
    *(word64 *)(void *)p = v;
}

static uint32_t load32(const uint8_t *p)
{
    return *(const word32 *)(const void *)p;
}

static void store32(uint8_t *p, uint32_t v)
{
    *(word32 *)(void *)p = v;
}

static void rep_movsq(uint8_t *to, const uint8_t *from, size_t words)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

static void rep_stosq(uint8_t *to, uint64_t pattern, size_t words)
{
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
}

/* n < 8. Everything is loaded before anything is stored: the blocks may overlap. */
static void copy_tiny(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 4) {
        uint32_t first = load32(from);
        uint32_t last = load32(from + n - 4);
        store32(to, first);
        store32(to + n - 4, last);
    } else if (n > 0) {
        uint8_t first = from[0];
        uint8_t middle = from[n / 2];
        uint8_t last = from[n - 1];
        to[0] = first;
        to[n / 2] = middle;
        to[n - 1] = last;
    }
}

/* Each word is loaded and stored before the next, upwards, for the blocks may overlap. */
static void copy_words(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t at = 0;
    for (; at + BLOCK_BYTES <= n; at += BLOCK_BYTES) {
        store64(to + at, load64(from + at));
        store64(to + at + 8, load64(from + at + 8));
        store64(to + at + 16, load64(from + at + 16));
        store64(to + at + 24, load64(from + at + 24));
        store64(to + at + 32, load64(from + at + 32));
        store64(to + at + 40, load64(from + at + 40));
        store64(to + at + 48, load64(from + at + 48));
        store64(to + at + 56, load64(from + at + 56));
    }
    for (; at + WORD_BYTES <= n; at += WORD_BYTES) {
        store64(to + at, load64(from + at));
    }
}

/* Upwards. Right also for overlapping blocks when to lies below from: the last word goes last. */
static void copy_up(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n < WORD_BYTES) {
        copy_tiny(to, from, n);
        return;
    }
    uint64_t last = load64(from + n - WORD_BYTES);
    if (n >= rep_min_bytes) {
        rep_movsq(to, from, n / WORD_BYTES);
    } else {
        copy_words(to, from, n);
    }
    store64(to + n - WORD_BYTES, last);
}

/* Downwards, for overlapping blocks when to lies above from: the first word goes last. */
static void copy_down(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n < WORD_BYTES) {
        copy_tiny(to, from, n);
        return;
    }
    uint64_t first = load64(from);
    for (size_t at = n; at >= WORD_BYTES; at -= WORD_BYTES) {
        store64(to + at - WORD_BYTES, load64(from + at - WORD_BYTES));
    }
    store64(to, first);
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    copy_up(to, from, n);
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to - (uintptr_t)from >= n) {
        copy_up(to, from, n); /* to lies below from, or behind its end */
    } else {
        copy_down(to, from, n);
    }
    return to;
}

static void set_words(uint8_t *p, uint64_t pattern, size_t n)
{
    size_t at = 0;
    for (; at + BLOCK_BYTES <= n; at += BLOCK_BYTES) {
        for (size_t word = 0; word < BLOCK_BYTES; word += WORD_BYTES) {
            store64(p + at + word, pattern);
        }
    }
    for (; at + WORD_BYTES <= n; at += WORD_BYTES) {
        store64(p + at, pattern);
    }
}

void *memset(void *to, int c, size_t n)
{
    uint8_t *p = to;
    uint64_t pattern = (uint8_t)c * UINT64_C(0x0101010101010101);
    if (n < WORD_BYTES) {
        if (n >= 4) {
            store32(p, (uint32_t)pattern);
            store32(p + n - 4, (uint32_t)pattern);
        } else if (n > 0) {
            p[0] = (uint8_t)c;
            p[n / 2] = (uint8_t)c;
            p[n - 1] = (uint8_t)c;
        }
        return to;
    }
    if (n >= rep_min_bytes) {
        rep_stosq(p, pattern, n / WORD_BYTES);
    } else {
        set_words(p, pattern, n);
    }
    store64(p + n - WORD_BYTES, pattern);
    return to;
}

/* The shortest that copying n bytes takes, in ticks. */
static uint64_t fastest(uint64_t (*ticks)(void), size_t n, size_t rep_min)
{
    static uint8_t from[REP_MIN_MOST];
    static uint8_t to[REP_MIN_MOST];
    uint64_t best = UINT64_MAX;
    rep_min_bytes = rep_min;
    for (uint32_t i = 0; i < REP_TRIES; i++) {
        uint64_t start = ticks();
        copy_up(to, from, n);
        best = min_u64(best, ticks() - start);
    }
    return best;
}

size_t memory_choose(uint64_t (*ticks)(void))
{
    size_t chosen = SIZE_MAX;
    for (size_t n = REP_MIN_MOST; n >= REP_MIN_LEAST; n /= 2) {
        if (fastest(ticks, n, 0) > fastest(ticks, n, SIZE_MAX)) {
            break;
        }
        chosen = n;
    }
    rep_min_bytes = chosen;
    return chosen;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    size_t at = 0;
    while (at + WORD_BYTES <= n && load64(x + at) == load64(y + at)) {
        at += WORD_BYTES;
    }
    while (at < n && x[at] == y[at]) {
        at++;
    }
    return at < n ? x[at] - y[at] : 0;
}

void *memchr(const void *s, int c, size_t n)
{
    const uint8_t *p = s;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == (uint8_t)c) {
            return (void *)(uintptr_t)(p + i);
        }
    }
    return NULL;
}

void *memrchr(const void *s, int c, size_t n)
{
    const uint8_t *p = s;
    for (size_t i = n; i > 0; i--) {
        if (p[i - 1] == (uint8_t)c) {
            return (void *)(uintptr_t)(p + i - 1);
        }
    }
    return NULL;
}

void *memmem(const void *hay, size_t hay_len, const void *needle, size_t needle_len)
{
    const uint8_t *at = hay;
    if (needle_len == 0) {
        return (void *)(uintptr_t)at;
    }
    const uint8_t *end = at + hay_len;
    while ((size_t)(end - at) >= needle_len) {
        at = memchr(at, *(const uint8_t *)needle, (size_t)(end - at) - needle_len + 1);
        if (at == NULL) {
            return NULL;
        }
        if (memcmp(at, needle, needle_len) == 0) {
            return (void *)(uintptr_t)at;
        }
        at++;
    }
    return NULL;
}
