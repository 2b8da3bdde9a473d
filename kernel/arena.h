/*
 * Memory that is carved up once, at start, and never given back: one range, or several that lie
 * apart. What needs a table or a pool is handed an arena and takes it there. An arena over no
 * memory only measures: the same carving code, run on it first, tells how many bytes the real one
 * needs.
 */
#ifndef KERNEL_ARENA_H
#define KERNEL_ARENA_H

#include "kernel/base.h"

enum {
    ARENA_RANGES_MAX = 65, /* a boot loader's table of 64, one range of it cut in two */
};

struct arena_range {
    uint8_t *base;
    size_t size_bytes;
    size_t used_bytes;
};

struct arena {
    size_t size_bytes; /* of all ranges */
    size_t used_bytes; /* of all ranges, with what alignment lost */
    uint32_t count;    /* of ranges; 0: measuring */
    struct arena_range ranges[ARENA_RANGES_MAX];
};

/* Adds a range behind the others, which it does not touch. There must be room for it. */
static inline void arena_add(struct arena *a, void *base, size_t size_bytes)
{
    assert(base != NULL && a->count < ARENA_RANGES_MAX);
    a->ranges[a->count++] = (struct arena_range){.base = base, .size_bytes = size_bytes};
    a->size_bytes += size_bytes;
}

/* base NULL: over no memory. It measures until a range is added. */
static inline void arena_init(struct arena *a, void *base, size_t size_bytes)
{
    a->size_bytes = 0;
    a->used_bytes = 0;
    a->count = 0;
    if (base != NULL) {
        arena_add(a, base, size_bytes);
    }
}

static inline bool arena_measuring(const struct arena *a)
{
    return a->count == 0;
}

static inline size_t arena_left(const struct arena *a)
{
    return a->size_bytes - a->used_bytes;
}

/* What is left in one piece, alignment apart: no single call of arena_alloc can give more. */
static inline size_t arena_largest(const struct arena *a)
{
    size_t largest = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        size_t left = a->ranges[i].size_bytes - a->ranges[i].used_bytes;
        largest = left > largest ? left : largest;
    }
    return largest;
}

/* The part of arena_alloc that concerns one range. NULL: it does not fit. */
static inline void *arena_range_take(struct arena_range *r, size_t size, size_t align)
{
    size_t at = (size_t)(align_up((uintptr_t)r->base + r->used_bytes, align) - (uintptr_t)r->base);
    if (at > r->size_bytes || size > r->size_bytes - at) {
        return NULL;
    }
    r->used_bytes = at + size;
    return r->base + at;
}

/*
 * Takes size bytes at a multiple of align (a power of two), from the first range where they fit: in
 * an arena whose ranges were added by address, what is asked for first lies lowest, and the last
 * range is what stays whole for the longest. The memory is not cleared. Returns NULL when no range
 * has them, and also, without that being a failure, while measuring: see arena_measuring().
 * Measuring assumes one range, and a base aligned to 4096: give the real arena one.
 */
static inline void *arena_alloc(struct arena *a, size_t size, size_t align)
{
    assert(is_power_of_two(align));
    if (arena_measuring(a)) {
        a->used_bytes = (size_t)align_up(a->used_bytes, align) + size;
        return NULL;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        size_t before = a->ranges[i].used_bytes;
        void *mem = arena_range_take(&a->ranges[i], size, align);
        if (mem != NULL) {
            a->used_bytes += a->ranges[i].used_bytes - before;
            return mem;
        }
    }
    return NULL;
}

#endif
