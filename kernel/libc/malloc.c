/*
 * The heap: boundary tags, and free lists by size class. For applications; the data path of kernel
 * and net lives in pools. Single core, not for irq context.
 *
 * The heap is a row of blocks without gaps. A block is a header of one unit and its payload; it
 * knows its own size and that of the block in front, so that free neighbours are merged in O(1). A
 * block in use that is one unit long ends the row. Every header carries a check word over its
 * fields and its address: a header that was written over, or a pointer that is none of ours, stops
 * the program at the next call that meets it instead of corrupting the heap. Sizes are counted in
 * units of 16 bytes by 32 bits: a heap has 64 GiB at most.
 */
#include "kernel/libc/stdlib.h"

#include "kernel/base.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/string.h"
#include "kernel/list.h"

enum {
    UNIT_BYTES = 16,
    MIN_UNITS = 2, /* a header, and a payload that holds the links of a free block */
    BIN_COUNT = 32,
};

#define BLOCK_USED UINT32_C(0x55534544)
#define BLOCK_FREE UINT32_C(0x46524545)

struct block {
    uint32_t units;      /* header and payload */
    uint32_t prev_units; /* of the block in front; 0: this is the first */
    uint32_t state;
    uint32_t check;
};
static_assert(sizeof(struct block) == UNIT_BYTES, "block pointers count in units");
static_assert(sizeof(struct list) <= UNIT_BYTES, "the links fit the smallest payload");

static struct {
    struct block *first;
    struct block *end;           /* the closing block */
    uint32_t occupied;           /* a bit a bin */
    struct list bins[BIN_COUNT]; /* bin n: free blocks of 2^n up to 2^(n+1) - 1 units */
    struct libc_heap_stats stats;
} heap;

static uint32_t check_of(const struct block *b)
{
    uint64_t mix = (uint64_t)(uintptr_t)b * UINT64_C(0x9e3779b97f4a7c15);
    mix ^= ((uint64_t)b->units << 32 | b->prev_units) * UINT64_C(0xc2b2ae3d27d4eb4f);
    mix ^= b->state * UINT64_C(0x165667b19e3779f9);
    return (uint32_t)(mix >> 32);
}

static void seal(struct block *b)
{
    b->check = check_of(b);
}

static void verify(const struct block *b)
{
    assert(b->state == BLOCK_USED || b->state == BLOCK_FREE);
    assert(b->check == check_of(b)); /* the header was written over */
}

/* A header that is no more: a pointer that still leads to it is caught. */
static void wipe(struct block *b)
{
    *b = (struct block){0};
}

static struct block *next_block(const struct block *b)
{
    assert(b != heap.end);
    struct block *next = (struct block *)(uintptr_t)b + b->units;
    assert(next <= heap.end);
    verify(next);
    return next;
}

static void *payload_of(struct block *b)
{
    return b + 1;
}

static size_t payload_bytes(const struct block *b)
{
    return ((size_t)b->units - 1) * UNIT_BYTES;
}

static struct list *links_of(struct block *b)
{
    return payload_of(b);
}

/* The block of a pointer that the application gave back. */
static struct block *block_of(void *p)
{
    struct block *b = (struct block *)p - 1;
    assert((uintptr_t)p % UNIT_BYTES == 0);
    assert(b >= heap.first && b < heap.end); /* not from this heap */
    verify(b);
    assert(b->state == BLOCK_USED); /* freed already */
    return b;
}

/* Writes b's size and tells the block behind it. */
static void resize(struct block *b, uint32_t units)
{
    b->units = units;
    seal(b);
    struct block *next = next_block(b);
    next->prev_units = units;
    seal(next);
}

static uint32_t bin_of(uint32_t units)
{
    assert(units > 0);
    return (uint32_t)(31 - __builtin_clz(units));
}

static void bin_insert(struct block *b)
{
    uint32_t bin = bin_of(b->units);
    b->state = BLOCK_FREE;
    seal(b);
    list_init(links_of(b));
    list_push_front(&heap.bins[bin], links_of(b));
    heap.occupied |= UINT32_C(1) << bin;
}

static void bin_remove(struct block *b)
{
    assert(b->state == BLOCK_FREE);
    uint32_t bin = bin_of(b->units);
    struct list *links = links_of(b);
    assert(links->next->prev == links && links->prev->next == links); /* written after free */
    list_remove(links);
    if (list_empty(&heap.bins[bin])) {
        heap.occupied &= ~(UINT32_C(1) << bin);
    }
    b->state = BLOCK_USED;
    seal(b);
}

static void count_used(size_t units)
{
    heap.stats.used_bytes += units * UNIT_BYTES;
    heap.stats.high_bytes = heap.stats.used_bytes > heap.stats.high_bytes ? heap.stats.used_bytes
                                                                          : heap.stats.high_bytes;
}

static void count_free(size_t units)
{
    assert(heap.stats.used_bytes >= units * UNIT_BYTES);
    heap.stats.used_bytes -= units * UNIT_BYTES;
}

void libc_heap_init(void *mem, size_t size)
{
    uintptr_t start = (uintptr_t)align_up((uintptr_t)mem, UNIT_BYTES);
    size_t lost = start - (uintptr_t)mem;
    assert(size >= lost + (MIN_UNITS + 1) * UNIT_BYTES);
    size_t units = (size_t)min_u64((size - lost) / UNIT_BYTES, UINT32_MAX);
    memset(&heap, 0, sizeof(heap));
    for (uint32_t bin = 0; bin < BIN_COUNT; bin++) {
        list_init(&heap.bins[bin]);
    }
    heap.first = (struct block *)start;
    heap.end = heap.first + units - 1;
    *heap.first = (struct block){.units = (uint32_t)units - 1, .state = BLOCK_USED};
    *heap.end = (struct block){.units = 1, .prev_units = (uint32_t)units - 1, .state = BLOCK_USED};
    seal(heap.end);
    bin_insert(heap.first);
    heap.stats.total_bytes = (units - 1) * UNIT_BYTES;
}

/* Units for size bytes and the header, or 0 when no heap could have that many. */
static uint32_t units_for(size_t size)
{
    if (size > (size_t)(UINT32_MAX - 1) * UNIT_BYTES) {
        return 0;
    }
    return max_u32((uint32_t)((size + UNIT_BYTES - 1) / UNIT_BYTES) + 1, MIN_UNITS);
}

/* A free block of at least units: first fit in its own class, then any of a larger class. */
static struct block *find(uint32_t units)
{
    uint32_t bin = bin_of(units);
    struct list *node;
    list_for_each (node, &heap.bins[bin]) {
        struct block *b = (struct block *)(void *)node - 1;
        verify(b);
        if (b->units >= units) {
            return b;
        }
    }
    uint32_t larger = bin + 1 < BIN_COUNT ? heap.occupied >> (bin + 1) << (bin + 1) : 0;
    if (larger == 0) {
        return NULL;
    }
    struct block *b = (struct block *)(void *)list_first(&heap.bins[__builtin_ctz(larger)]) - 1;
    verify(b);
    assert(b->units >= units);
    return b;
}

/* Makes one block of a and the b right behind it; neither is in a bin. */
static void join(struct block *a, struct block *b)
{
    assert(a + a->units == b);
    uint32_t units = a->units + b->units;
    wipe(b);
    resize(a, units);
}

/* Puts b, which is in use and in no bin, among the free, merged with its free neighbours. */
static void release(struct block *b)
{
    assert(b->state == BLOCK_USED);
    struct block *next = next_block(b);
    if (next->state == BLOCK_FREE) {
        bin_remove(next);
        join(b, next);
    }
    if (b->prev_units != 0) {
        struct block *prev = b - b->prev_units;
        assert(prev >= heap.first);
        verify(prev);
        if (prev->state == BLOCK_FREE) {
            bin_remove(prev);
            join(prev, b);
            b = prev;
        }
    }
    bin_insert(b);
}

/* Cuts b, which is in use, down to units; returns the rest, in use too, or NULL if none is left. */
static struct block *cut(struct block *b, uint32_t units)
{
    assert(units >= MIN_UNITS && units <= b->units);
    uint32_t rest_units = b->units - units;
    if (rest_units < MIN_UNITS) {
        return NULL;
    }
    struct block *rest = b + units;
    *rest = (struct block){.prev_units = units, .state = BLOCK_USED};
    resize(rest, rest_units);
    b->units = units;
    seal(b);
    return rest;
}

static void release_rest(struct block *rest)
{
    if (rest != NULL) {
        release(rest);
    }
}

static struct block *take(uint32_t units)
{
    struct block *b = units > 0 && heap.first != NULL ? find(units) : NULL;
    if (b == NULL) {
        heap.stats.refused++;
        errno = ENOMEM;
        return NULL;
    }
    bin_remove(b);
    return b;
}

void *malloc(size_t size)
{
    uint32_t units = units_for(size);
    struct block *b = take(units);
    if (b == NULL) {
        return NULL;
    }
    release_rest(cut(b, units));
    count_used(b->units);
    return payload_of(b);
}

void free(void *p)
{
    if (p == NULL) {
        return;
    }
    struct block *b = block_of(p);
    count_free(b->units);
    release(b);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        heap.stats.refused++;
        errno = ENOMEM;
        return NULL;
    }
    void *p = malloc(bytes);
    if (p != NULL) {
        memset(p, 0, bytes);
    }
    return p;
}

/* Takes the free block behind b into b if that makes it units long. */
static bool grow_in_place(struct block *b, uint32_t units)
{
    if (b->units >= units) {
        return true;
    }
    struct block *next = next_block(b);
    if (next->state != BLOCK_FREE || b->units + next->units < units) {
        return false;
    }
    bin_remove(next);
    join(b, next);
    return true;
}

void *realloc(void *p, size_t size)
{
    if (p == NULL) {
        return malloc(size);
    }
    struct block *b = block_of(p);
    uint32_t units = units_for(size);
    uint32_t old_units = b->units;
    if (units != 0 && grow_in_place(b, units)) {
        release_rest(cut(b, units));
        count_free(old_units);
        count_used(b->units);
        return p;
    }
    void *moved = malloc(size);
    if (moved != NULL) {
        memcpy(moved, p, payload_bytes(b));
        free(p);
    }
    return moved;
}

void *aligned_alloc(size_t align, size_t size)
{
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    if (align <= UNIT_BYTES) {
        return malloc(size);
    }
    uint32_t units = units_for(size);
    uint32_t slack = units_for(align); /* room to shift the payload, and for a block in front */
    uint64_t most = (uint64_t)units + slack + MIN_UNITS;
    bool possible = units != 0 && slack != 0 && most <= UINT32_MAX;
    struct block *b = take(possible ? (uint32_t)most : 0);
    if (b == NULL) {
        return NULL;
    }
    uintptr_t payload = (uintptr_t)payload_of(b);
    if (payload % align != 0) {
        uintptr_t at = (uintptr_t)align_up(payload + MIN_UNITS * UNIT_BYTES, align);
        struct block *front = b;
        b = cut(front, (uint32_t)((at - payload) / UNIT_BYTES));
        assert(b != NULL);
        release(front);
    }
    release_rest(cut(b, units));
    count_used(b->units);
    assert((uintptr_t)payload_of(b) % align == 0);
    return payload_of(b);
}

const struct libc_heap_stats *libc_heap_stats(void)
{
    return &heap.stats;
}
