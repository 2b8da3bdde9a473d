/*
 * A pool of equal objects with a fixed count: the only way to get an object on the data path. It
 * counts what is out, the most that ever was, and the requests it had to refuse.
 * Single core, no locking: every pool belongs to one loop (or one stack).
 */
#ifndef KERNEL_POOL_H
#define KERNEL_POOL_H

#include "kernel/arena.h"
#include "kernel/base.h"

struct pool_free; /* a free object's first word */

struct pool {
    const char *name; /* [I] for statistics: "tcp_cb" */
    uint8_t *mem;     /* [I] count objects of size_bytes */
    size_t size_bytes;
    uint32_t count;     /* [I] the limit */
    uint32_t used;      /* objects out now */
    uint32_t high;      /* the most that ever were out */
    uint64_t refused;   /* pool_get calls that found nothing */
    uint64_t fail_at;   /* for tests: the pool_get call that fails, counted from 1; 0 = none */
    uint64_t get_count; /* pool_get calls so far */
    uint32_t fresh;     /* objects from here on were never out and are in no list */
    struct pool_free *free;
};

/* Carves count objects of at least size bytes (16-aligned, 64 when size is a
 * multiple of that). On a measuring arena only measures. */
enum status pool_init(struct pool *p, struct arena *a, const char *name, size_t size,
                      uint32_t count) must_check;

/* An object, zeroed, or NULL when none is left (counted). The caller owns it. */
void *pool_get(struct pool *p) must_check;
/* The same, not zeroed: for what is about to be written whole. */
void *pool_get_uncleared(struct pool *p) must_check;

/* Gives an object back. It must have come from this pool and must not be in it: both asserted. */
void pool_put(struct pool *p, void *object);

/* The index of an object, 0 .. count-1, and back. */
uint32_t pool_index(const struct pool *p, const void *object);
void *pool_at(const struct pool *p, uint32_t idx);

#endif
