/*
 * Packet buffers: carving a pool, handing out, taking back. Buffers and their metadata lie apart,
 * so that a device writing past its buffer meets another frame, never a pointer of ours.
 */
#include "kernel/pkt.h"

#include <string.h>

enum {
    PKT_META_ALIGN_BYTES = 64, /* a cache line */
};

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

/* The allocations that are not inline: of a packet that was never out, and those that fail. */
struct pkt *pkt_alloc_rare(struct pkt_pool *pool, size_t headroom)
{
    bool fails = pool->get_count + 1 == pool->fail_at;
    if (fails || (pool->free == NULL && pool->fresh == pool->count)) {
        pool->get_count++;
        pool->refused++;
        return NULL;
    }
    if (pool->free == NULL) {
        free_push(pool, take_fresh(pool));
    }
    return pkt_take(pool, headroom);
}

/* The buffers behind p. */
static void put_frags(struct pkt *p)
{
    while (p->frag != NULL) {
        struct pkt *frag = p->frag;
        p->frag = frag->frag;
        frag->frag = NULL;
        /* One reference to one buffer: what somebody retains is in no packet any more. */
        pkt_put(frag);
    }
}

void pkt_put_rare(struct pkt *p)
{
    assert(p->refs > 0); /* 0: put once too often */
    if (p->refs > 1) {
        p->refs--;
        return;
    }
    put_frags(p);
    pkt_free(p);
}

size_t pkt_copy(const struct pkt *p, size_t offset, void *out, size_t len)
{
    size_t done = 0;
    for (; p != NULL && done < len; p = p->frag) {
        size_t have = pkt_len(p);
        if (offset >= have) {
            offset -= have;
            continue;
        }
        size_t n = min_size(have - offset, len - done);
        memcpy((uint8_t *)out + done, p->data + offset, n);
        done += n;
        offset = 0;
    }
    return done;
}

void pkt_trim_total(struct pkt *p, size_t len)
{
    while (len > pkt_len(p) && p->frag != NULL) {
        len -= pkt_len(p);
        p = p->frag;
    }
    pkt_trim(p, len);
    put_frags(p);
}

void pkt_pull_up(struct pkt *p, size_t len)
{
    assert(len <= pkt_total(p));
    while (pkt_len(p) < len) {
        struct pkt *from = p->frag;
        size_t n = min_size(len - pkt_len(p), pkt_len(from));
        memcpy(pkt_append(p, n), from->data, n);
        pkt_pull(from, n);
        if (pkt_len(from) == 0) {
            p->frag = from->frag;
            from->frag = NULL;
            pkt_put(from);
        }
    }
}

void pkt_queue_drain(struct pkt_queue *q)
{
    struct pkt *p;
    while ((p = pkt_queue_pop(q)) != NULL) {
        pkt_put(p);
    }
    assert(q->count == 0);
}
