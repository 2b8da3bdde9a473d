/*
 * Packet buffers: carving a pool, handing out, taking back. Buffers and their metadata lie apart,
 * so that a device writing past its buffer meets another frame, never a pointer of ours.
 */
#include "kernel/pkt.h"

#include <string.h>

enum {
    PKT_META_ALIGN_BYTES = 64, /* a cache line */
};

/* head <= data <= tail <= end: what every layer relies on. */
static bool in_order(const struct pkt *p)
{
    return p->head <= p->data && p->data <= p->tail && p->tail <= pkt_end(p);
}

static void free_push(struct pkt_pool *pool, struct pkt *p)
{
    p->next = pool->free;
    pool->free = p;
}

enum status pkt_pool_init(struct pkt_pool *pool, struct arena *a, const char *name, uint32_t count,
                          pkt_bus_fn *bus)
{
    memset(pool, 0, sizeof(*pool));
    pool->name = name;
    pool->meta = arena_alloc(a, sizeof(struct pkt) * (size_t)count, PKT_META_ALIGN_BYTES);
    pool->bytes = arena_alloc(a, (size_t)PKT_BUF_BYTES * count, PKT_BUF_BYTES);
    pool->bus = bus;
    if (!arena_measuring(a) && (pool->meta == NULL || pool->bytes == NULL)) {
        return STATUS_NO_MEMORY;
    }
    pool->count = count;
    return STATUS_OK;
}

/* Sets up the next packet that was never out. So a pool's size costs no time at start. */
static struct pkt *take_fresh(struct pkt_pool *pool)
{
    uint32_t idx = pool->fresh++;
    struct pkt *p = &pool->meta[idx];
    memset(p, 0, sizeof(*p));
    p->pool = pool;
    p->head = pool->bytes + (size_t)idx * PKT_BUF_BYTES;
    p->bus = pool->bus != NULL ? pool->bus(p->head) : 0;
    return p;
}

/* The packet that was put back last, for it is in the cache; else a fresh one; else NULL. */
static struct pkt *take(struct pkt_pool *pool)
{
    struct pkt *p = pool->free;
    if (p != NULL) {
        pool->free = p->next;
    } else if (pool->fresh < pool->count) {
        p = take_fresh(pool);
    }
    return p;
}

struct pkt *pkt_alloc(struct pkt_pool *pool, size_t headroom)
{
    assert(headroom <= PKT_BUF_BYTES);
    pool->get_count++;
    struct pkt *p = pool->get_count != pool->fail_at ? take(pool) : NULL;
    if (p == NULL) {
        pool->refused++;
        return NULL;
    }
    assert(p->refs == 0);
    assert(pool->used < pool->fresh);
    pool->used++;
    pool->high = max_u32(pool->high, pool->used);
    p->next = NULL;
    assert(p->frag == NULL);
    p->data = p->head + headroom;
    p->tail = p->data;
    p->refs = 1;
    p->rx_flags = 0;
    p->tx = (struct pkt_tx){0};
    memset(p->cb, 0, sizeof(p->cb));
    return p;
}

/* Its last reference is gone. */
static void give_back(struct pkt *p)
{
    struct pkt_pool *pool = p->pool;
    assert(p->frag == NULL);
    assert(pool->used > 0);
    assert(p >= pool->meta && p < pool->meta + pool->count);
    pool->used--;
    free_push(pool, p);
}

/* One reference to one buffer. A buffer that somebody retains is in no packet any more. */
static void put_buffer(struct pkt *p)
{
    assert(p->refs > 0); /* 0: put once too often */
    assert(in_order(p));
    p->refs--;
    if (p->refs == 0) {
        give_back(p);
    }
}

/* The buffers behind p, which is given back. */
static void put_frags(struct pkt *p)
{
    while (p->frag != NULL) {
        struct pkt *frag = p->frag;
        p->frag = frag->frag;
        frag->frag = NULL;
        put_buffer(frag);
    }
}

void pkt_put(struct pkt *p)
{
    if (p == NULL) {
        return;
    }
    if (unlikely(p->frag != NULL) && p->refs == 1) {
        put_frags(p);
    }
    put_buffer(p);
}

void pkt_queue_drain(struct pkt_queue *q)
{
    struct pkt *p;
    while ((p = pkt_queue_pop(q)) != NULL) {
        pkt_put(p);
    }
    assert(q->count == 0);
}
