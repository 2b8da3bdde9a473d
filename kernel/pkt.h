/*
 * The packet buffer: one frame, its bytes and its book-keeping.
 *
 *     head <= data <= tail <= end        end - head == PKT_BUF_BYTES
 *     |headroom| payload |tailroom|
 *
 * Duties. A packet is built with PKT_HEADROOM bytes of headroom when it is to be sent; each layer
 * on the way down pushes its header there. A received packet has its first byte at head: the layers
 * on the way up pull. Received bytes are untrusted.
 *
 * Ownership. Exactly one holder at a time, and a function that takes a packet says so. A packet is
 * freed when its last reference is put. A sender that must be able to send the bytes again (TCP)
 * takes a second reference (pkt_get) and hands the first one down. While two are out, the holder in
 * transit owns next, data and tail, and the retaining holder owns cb and nothing else; it may touch
 * the packet again when pkt_shared() is false.
 *
 * A packet may lie in more buffers than one: frag leads from the first to the next. The first has
 * the headers; pkt_len, push, pull and trim are of one buffer, pkt_total of all of them. Who puts
 * the first gives all of them back. The buffers behind it may be shared with a holder that retains
 * them; frag belongs to the holder in transit, as next does.
 *
 * The bus address is opaque outside drivers. Single core, no locking. Nothing here can sleep.
 */
#ifndef KERNEL_PKT_H
#define KERNEL_PKT_H

#include <string.h>

#include "kernel/arena.h"
#include "kernel/base.h"

enum {
    PKT_BUF_BYTES = 2048, /* holds the largest frame (1518) and what a NIC set to 2 KiB may write */
    PKT_HEADROOM = 96,    /* Ethernet 14 + IPv4 20 + TCP 60, rounded up */
    PKT_CB_WORDS = 6,
};
static_assert(PKT_HEADROOM >= 14 + 20 + 60, "headers fit the headroom");

struct pkt_pool;

/* What the device is asked to do to a packet that is sent: nothing, or what it has said it can
 * (drivers/nic.h). Offsets are from pkt.head. */
struct pkt_tx {
    uint16_t l3;      /* of the IPv4 header */
    uint16_t l4;      /* of the TCP or UDP header, whose checksum is to be filled in; 0: nothing */
    uint16_t mss;     /* > 0: the payload goes in segments of so many bytes (TSO) */
    uint8_t l4_bytes; /* of that header */
    uint8_t l4_csum;  /* of the checksum in it; there is the sum of the pseudo header */
};

struct pkt {
    struct pkt *next;      /* linkage of the queue that holds the packet in transit */
    struct pkt_pool *pool; /* [I] */
    uint8_t *head;         /* [I] */
    uint8_t *data;
    uint8_t *tail;
    struct pkt *frag; /* the packet goes on in this buffer; NULL: it ends here */
    uint64_t bus;     /* [I] bus address of head; for drivers */
    uint32_t refs;
    uint32_t rx_flags; /* enum pkt_rx_flag */
    struct pkt_tx tx;
    uint64_t cb[PKT_CB_WORDS]; /* the retaining (or only) holder's own notes */
};
static_assert(offsetof(struct pkt, tx) == 64, "the first cache line is what every layer needs");
static_assert(sizeof(struct pkt) <= 128, "two cache lines");

enum pkt_rx_flag {
    PKT_RX_L2_BROADCAST = 1u << 0, /* the frame came to ff:ff:ff:ff:ff:ff or a multicast address */
    PKT_RX_CSUM_GOOD = 1u << 1,    /* the device has found the TCP or UDP checksum good */
};

/* Translates an address inside the pool's memory to a bus address; once a buffer. */
typedef uint64_t pkt_bus_fn(const void *virt);

struct pkt_pool {
    const char *name; /* [I] for statistics */
    struct pkt *meta; /* [I] */
    uint8_t *bytes;   /* [I] the buffers, in the order of meta */
    pkt_bus_fn *bus;  /* [I] or NULL */
    uint32_t count;   /* [I] */
    uint32_t fresh;   /* packets from here on were never out and are not set up yet */
    uint32_t used;
    uint32_t high;
    uint64_t refused; /* allocations that found nothing */
    uint64_t fail_at; /* for tests: the allocation that fails, counted from 1; 0 = none */
    uint64_t get_count;
    struct pkt *free;
};

/*
 * Carves count buffers, each PKT_BUF_BYTES at a multiple of PKT_BUF_BYTES (so that none crosses a
 * page or a 64 KiB boundary), and their metadata. bus may be NULL (no device). On a measuring arena
 * only measures. STATUS_NO_MEMORY when the arena is too small.
 */
enum status pkt_pool_init(struct pkt_pool *pool, struct arena *a, const char *name, uint32_t count,
                          pkt_bus_fn *bus) must_check;

/* For pkt_alloc alone: the packet that was put back last, for it is in the cache; there is one. */
static inline struct pkt *pkt_take(struct pkt_pool *pool, size_t headroom)
{
    struct pkt *p = pool->free;
    assert(headroom <= PKT_BUF_BYTES);
    assert(p->refs == 0);
    pool->free = p->next;
    pool->get_count++;
    pool->used++;
    if (unlikely(pool->used > pool->high)) {
        pool->high = pool->used;
    }
    p->next = NULL;
    p->data = p->head + headroom;
    p->tail = p->data;
    p->refs = 1;
    p->rx_flags = 0;
    p->tx = (struct pkt_tx){0};
    memset(p->cb, 0, sizeof(p->cb));
    return p;
}

struct pkt *pkt_alloc_rare(struct pkt_pool *pool, size_t headroom) must_check;

/*
 * A packet with headroom bytes before data, no payload, one reference, cb zeroed; NULL when the
 * pool is empty (counted). The caller owns it.
 */
static inline struct pkt *pkt_alloc(struct pkt_pool *pool, size_t headroom)
{
    if (unlikely(pool->free == NULL || pool->fail_at != 0)) {
        return pkt_alloc_rare(pool, headroom);
    }
    return pkt_take(pool, headroom);
}

void pkt_put_rare(struct pkt *p); /* for pkt_put alone: shared, or with buffers behind it */

/* For pkt_put alone: the last reference to a lone buffer. */
static inline void pkt_free(struct pkt *p)
{
    struct pkt_pool *pool = p->pool;
    size_t end = (size_t)(p->tail - p->head);
    /* head <= data <= tail <= end, what every layer relies on: a difference below 0 is huge. */
    assert(end <= PKT_BUF_BYTES && (size_t)(p->data - p->head) <= end);
    p->refs = 0;
    pool->used--; /* it was out, as its reference says */
    p->next = pool->free;
    pool->free = p;
}

/* Gives one reference back; frees at the last. NULL is allowed and does nothing. */
static inline void pkt_put(struct pkt *p)
{
    if (p == NULL) {
        return;
    }
    if (likely(p->refs == 1 && p->frag == NULL)) {
        pkt_free(p);
    } else {
        pkt_put_rare(p);
    }
}

static inline struct pkt *pkt_get(struct pkt *p)
{
    assert(p->refs > 0);
    p->refs++;
    return p;
}

static inline bool pkt_shared(const struct pkt *p)
{
    return p->refs > 1;
}

static inline uint32_t pkt_pool_left(const struct pkt_pool *pool)
{
    return pool->count - pool->used;
}

static inline uint8_t *pkt_end(const struct pkt *p)
{
    return p->head + PKT_BUF_BYTES;
}

static inline size_t pkt_len(const struct pkt *p)
{
    return (size_t)(p->tail - p->data);
}

static inline size_t pkt_headroom(const struct pkt *p)
{
    return (size_t)(p->data - p->head);
}

static inline size_t pkt_tailroom(const struct pkt *p)
{
    return (size_t)(pkt_end(p) - p->tail);
}

/* Grows at the front by n bytes and returns the new first byte. Headroom is a duty: asserted. */
static inline uint8_t *pkt_push(struct pkt *p, size_t n)
{
    assert(n <= pkt_headroom(p));
    p->data -= n;
    return p->data;
}

/* Drops n bytes at the front; the caller has checked that they are there. */
static inline uint8_t *pkt_pull(struct pkt *p, size_t n)
{
    assert(n <= pkt_len(p));
    p->data += n;
    return p->data;
}

/* Grows at the end by n bytes and returns the first of them. Tailroom is a duty: asserted. */
static inline uint8_t *pkt_append(struct pkt *p, size_t n)
{
    assert(n <= pkt_tailroom(p));
    uint8_t *at = p->tail;
    p->tail += n;
    return at;
}

/* Cuts the payload down to len bytes at the end; len is at most what is there. */
static inline void pkt_trim(struct pkt *p, size_t len)
{
    assert(len <= pkt_len(p));
    p->tail = p->data + len;
}

/* The bytes of a packet in all its buffers. */
static inline size_t pkt_total(const struct pkt *p)
{
    size_t bytes = pkt_len(p);
    while ((p = p->frag) != NULL) {
        bytes += pkt_len(p);
    }
    return bytes;
}

/* How many they are. */
static inline uint32_t pkt_buffers(const struct pkt *p)
{
    uint32_t count = 1;
    while ((p = p->frag) != NULL) {
        count++;
    }
    return count;
}

/* Copies up to len bytes of the packet, from the one at offset on, whatever buffers they lie in.
 * Returns how many there were. */
size_t pkt_copy(const struct pkt *p, size_t offset, void *out, size_t len);

/* Cuts the packet down to len bytes in all its buffers, and puts those that are empty then, but for
 * the first; len is at most what is there. */
void pkt_trim_total(struct pkt *p, size_t len);

/* Moves bytes from the buffers behind into the first, until that one has len of them. They are
 * there, and it has the room. */
void pkt_pull_up(struct pkt *p, size_t len);

/* A first-in first-out queue over pkt.next. */
struct pkt_queue {
    struct pkt *first;
    struct pkt *last;
    uint32_t count;
};

static inline void pkt_queue_push(struct pkt_queue *q, struct pkt *p)
{
    p->next = NULL;
    if (q->last != NULL) {
        q->last->next = p;
    } else {
        q->first = p;
    }
    q->last = p;
    q->count++;
}

static inline struct pkt *pkt_queue_pop(struct pkt_queue *q)
{
    struct pkt *p = q->first;
    if (p != NULL) {
        q->first = p->next;
        if (q->first == NULL) {
            q->last = NULL;
        }
        p->next = NULL;
        q->count--;
    }
    return p;
}

/* Puts every packet of the queue. */
void pkt_queue_drain(struct pkt_queue *q);

#endif
