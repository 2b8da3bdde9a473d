/*
 * Random draws for the simulator: a generator that is a value (splitmix64: Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", 2014), so that a world's seed is all there is
 * to it; and the bytes of a stream as a function of their offset, so that nothing sent need be
 * stored to be checked.
 */
#ifndef TESTS_SIM_DRAW_H
#define TESTS_SIM_DRAW_H

#include "kernel/base.h"

struct draw {
    uint64_t state;
};

static inline uint64_t mix_u64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t draw_u64(struct draw *d)
{
    d->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix_u64(d->state);
}

/* 0 .. count - 1. */
static inline uint64_t draw_below(struct draw *d, uint64_t count)
{
    assert(count > 0);
    return draw_u64(d) % count;
}

/* low .. high, both included. */
static inline uint64_t draw_between(struct draw *d, uint64_t low, uint64_t high)
{
    assert(low <= high);
    return low + draw_below(d, high - low + 1);
}

static inline bool draw_chance(struct draw *d, uint32_t per_million)
{
    return draw_below(d, 1000000) < per_million;
}

/* low .. high where each doubling is about as likely as the others; low > 0. */
static inline uint64_t draw_scaled(struct draw *d, uint64_t low, uint64_t high)
{
    assert(low > 0 && low <= high);
    uint32_t doublings = 0;
    while (high >> doublings > low) {
        doublings++;
    }
    uint64_t top = low << draw_between(d, 0, doublings);
    return min_u64(high, draw_between(d, top, top * 2 - 1));
}

static inline uint8_t stream_byte(uint64_t key, uint64_t offset)
{
    return (uint8_t)(mix_u64(key + (offset >> 3)) >> (8 * (offset & 7)));
}

static inline void stream_fill(uint64_t key, uint64_t offset, uint8_t *out, size_t len)
{
    uint64_t word = mix_u64(key + (offset >> 3));
    for (size_t i = 0; i < len; i++, offset++) {
        if ((offset & 7) == 0) {
            word = mix_u64(key + (offset >> 3));
        }
        out[i] = (uint8_t)(word >> (8 * (offset & 7)));
    }
}

/* The index of the first of len bytes that is not the stream's, or len. */
static inline size_t stream_compare(uint64_t key, uint64_t offset, const uint8_t *bytes, size_t len)
{
    uint64_t word = mix_u64(key + (offset >> 3));
    for (size_t i = 0; i < len; i++, offset++) {
        if ((offset & 7) == 0) {
            word = mix_u64(key + (offset >> 3));
        }
        if (bytes[i] != (uint8_t)(word >> (8 * (offset & 7)))) {
            return i;
        }
    }
    return len;
}

#endif
