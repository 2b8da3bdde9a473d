/*
 * Pools of equal objects. Owns the free list threaded through the objects; knows nothing of what
 * the objects are. A free object carries a mark in its second word, so that an object put back
 * twice, or written to after it was put back, is noticed where it happens.
 */
#include "kernel/pool.h"

#include <string.h>

struct pool_free {
    struct pool_free *next;
    uint64_t mark;
};

enum {
    POOL_ALIGN_BYTES = 16,
    POOL_LINE_BYTES = 64, /* of the cache */
};
#define POOL_FREE_MARK UINT64_C(0x6672656570006f6c)
static_assert(sizeof(struct pool_free) <= POOL_ALIGN_BYTES, "every object has room for the link");

/* Differs from object to object, so that a copied free object does not pass for a free one. */
static uint64_t free_mark(const void *object)
{
    return POOL_FREE_MARK ^ (uint64_t)(uintptr_t)object;
}

enum status pool_init(struct pool *p, struct arena *a, const char *name, size_t size,
                      uint32_t count)
{
    assert(size > 0);
    assert(size <= UINT32_MAX);
    size_t size_bytes = (size_t)align_up(size, POOL_ALIGN_BYTES);
    memset(p, 0, sizeof(*p));
    p->name = name;
    p->size_bytes = size_bytes;
    p->count = count;
    /* What is whole lines long touches no line more than it must. */
    bool lines = size_bytes % POOL_LINE_BYTES == 0;
    p->mem = arena_alloc(a, size_bytes * count, lines ? POOL_LINE_BYTES : POOL_ALIGN_BYTES);
    if (arena_measuring(a)) {
        return STATUS_OK;
    }
    if (p->mem == NULL) {
        p->count = 0;
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

/*
 * The object that was put back last, for it is in the cache; else one that was never out. So a
 * pool touches no memory before it is needed, and starting up takes no time for its size.
 */
static struct pool_free *take(struct pool *p)
{
    struct pool_free *object = p->free;
    if (object != NULL) {
        assert(object->mark == free_mark(object)); /* written to after it was put back */
        p->free = object->next;
    } else if (p->fresh < p->count) {
        object = pool_at(p, p->fresh++);
    }
    return object;
}

void *pool_get_uncleared(struct pool *p)
{
    p->get_count++;
    struct pool_free *object = p->get_count != p->fail_at ? take(p) : NULL;
    if (object == NULL) {
        p->refused++;
        return NULL;
    }
    assert(p->used < p->fresh);
    p->used++;
    p->high = max_u32(p->high, p->used);
    return object;
}

void *pool_get(struct pool *p)
{
    void *object = pool_get_uncleared(p);
    if (object != NULL) {
        memset(object, 0, p->size_bytes);
    }
    return object;
}

/*
 * Whether object is in the free list. The mark answers for all but the object in use whose second
 * word happens to equal it: only then the list is walked.
 */
static bool is_free(const struct pool *p, const struct pool_free *object)
{
    if (likely(object->mark != free_mark(object))) {
        return false;
    }
    for (const struct pool_free *f = p->free; f != NULL; f = f->next) {
        if (f == object) {
            return true;
        }
    }
    return false;
}

void pool_put(struct pool *p, void *object)
{
    struct pool_free *f = object;
    assert(pool_index(p, object) < p->fresh); /* came from here, and was out before */
    assert(!is_free(p, f));
    assert(p->used > 0);
    f->next = p->free;
    f->mark = free_mark(f);
    p->free = f;
    p->used--;
}

uint32_t pool_index(const struct pool *p, const void *object)
{
    uintptr_t offset = (uintptr_t)object - (uintptr_t)p->mem;
    assert(offset < p->size_bytes * p->count);
    assert(offset % p->size_bytes == 0);
    return (uint32_t)(offset / p->size_bytes);
}

void *pool_at(const struct pool *p, uint32_t idx)
{
    assert(idx < p->count);
    return p->mem + (size_t)idx * p->size_bytes;
}
