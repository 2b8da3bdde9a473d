/*
 * A region of memory that is carved up once, at start, and never given back. Whoever needs a table
 * or a pool takes it from the arena he was handed. An arena over no memory only measures: the same
 * carving code, run on it first, tells how many bytes the real one needs.
 */
#ifndef KERNEL_ARENA_H
#define KERNEL_ARENA_H

#include "kernel/base.h"

struct arena {
    uint8_t *base; /* NULL: measuring */
    size_t size_bytes;
    size_t used_bytes;
};

static inline void arena_init(struct arena *a, void *base, size_t size_bytes)
{
    a->base = base;
    a->size_bytes = size_bytes;
    a->used_bytes = 0;
}

static inline bool arena_measuring(const struct arena *a)
{
    return a->base == NULL;
}

static inline size_t arena_left(const struct arena *a)
{
    return a->size_bytes - a->used_bytes;
}

/*
 * Takes size bytes at a multiple of align (a power of two). The memory is not cleared. Returns NULL
 * when the arena is used up, and also, without that being a failure, while measuring: see
 * arena_measuring(). Measuring assumes a base aligned to 4096; give the real arena one.
 */
static inline void *arena_alloc(struct arena *a, size_t size, size_t align)
{
    assert(is_power_of_two(align));
    size_t at = (size_t)(align_up((uintptr_t)a->base + a->used_bytes, align) - (uintptr_t)a->base);
    if (arena_measuring(a)) {
        a->used_bytes = at + size;
        return NULL;
    }
    if (at > a->size_bytes || size > a->size_bytes - at) {
        return NULL;
    }
    a->used_bytes = at + size;
    return a->base + at;
}

#endif
