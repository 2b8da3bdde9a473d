/*
 * Receive: frames out of the ring, fresh buffers into it. Who owns a descriptor is told by its done
 * bit in memory; no register is read (RDH is not reliable, 13.4.28), and the tail is written once
 * for at least E1000_RX_REFILL_COUNT buffers.
 *
 * Each harvested slot gets a buffer at once, a fresh one or, when the frame is dropped or the pool
 * is dry, the old one: the ring never shrinks, so a shortage ends as soon as the pool has buffers.
 */
#include "drivers/e1000/internal.h"
#include "kernel/dma.h"

enum {
    RX_FRAME_MIN_BYTES = 14,   /* an Ethernet header */
    RX_FRAME_MAX_BYTES = 1518, /* 1514 and a VLAN tag; without CRC */
};
static_assert((size_t)RX_FRAME_MAX_BYTES <= PKT_BUF_BYTES, "what is accepted fits a buffer");
static_assert(PKT_BUF_BYTES == 2048, "RCTL.BSIZE is set to 2048");

/* The word of the descriptor at next, read once: a device may change it under our eyes. */
static uint64_t rx_word(const struct e1000_rx *rx)
{
    const volatile uint64_t *word = &rx->ring[rx->next % E1000_RING_COUNT].word;
    return *word;
}

static bool rx_done(const struct e1000 *e)
{
    /* next == tail is the slot that the hardware does not own: whatever stands in it is stale. */
    return e->rx.next != e->rx.tail && (rx_word(&e->rx) & e->format.rx_done) != 0;
}

/* Gives slot idx its first descriptor state around the packet that is in it. */
static void rx_arm(struct e1000_rx *rx, uint32_t idx)
{
    assert(idx < E1000_RING_COUNT && rx->slots[idx] != NULL);
    rx->ring[idx] = (struct e1000_desc){.addr = rx->slots[idx]->bus};
}

/* Gives every slot a buffer, for the first time. On failure none is kept. */
enum status e1000_rx_fill(struct e1000 *e)
{
    for (uint32_t idx = 0; idx < E1000_RING_COUNT; idx++) {
        e->rx.slots[idx] = pkt_alloc(e->pool, 0);
        if (e->rx.slots[idx] == NULL) {
            e1000_rx_release(&e->rx);
            return STATUS_NO_MEMORY;
        }
    }
    e1000_rx_rewind(&e->rx);
    return STATUS_OK;
}

/* The device is silent: frames that were received and not harvested are lost, no packet is. */
void e1000_rx_rewind(struct e1000_rx *rx)
{
    for (uint32_t idx = 0; idx < E1000_RING_COUNT; idx++) {
        rx_arm(rx, idx);
    }
    rx->next = 0;
    rx->tail = E1000_RING_COUNT - 1;
    rx->spanned = 0;
}

/* The device is silent: every packet goes back. */
void e1000_rx_release(struct e1000_rx *rx)
{
    for (uint32_t idx = 0; idx < E1000_RING_COUNT; idx++) {
        pkt_put(rx->slots[idx]);
        rx->slots[idx] = NULL;
    }
}

/* Whether a descriptor with this word holds a whole, good frame. */
static bool rx_good(const struct e1000 *e, uint64_t word)
{
    uint16_t length = e1000_rx_length(&e->format, word);
    return (word & e->format.rx_judged) == e->format.rx_end && length >= RX_FRAME_MIN_BYTES &&
           length <= RX_FRAME_MAX_BYTES && e->rx.spanned == 0;
}

/* Counts why not. */
static void rx_reject(struct e1000 *e, uint64_t word)
{
    if ((word & e->format.rx_end) == 0) {
        e->rx.spanned++; /* counted when it ends */
    } else if (e->rx.spanned > 0) {
        e->rx.spanned = 0;
        e->nic.stats.rx_oversize++;
    } else {
        e->nic.stats.rx_errors++;
    }
}

/* Takes the packet out of slot idx and puts a fresh one in. NULL, and counted, when none is left */
static struct pkt *rx_exchange(struct e1000 *e, uint32_t idx, uint64_t word)
{
    uint16_t length = e1000_rx_length(&e->format, word);
    struct pkt *fresh = pkt_alloc(e->pool, 0);
    if (fresh == NULL) {
        e->nic.stats.rx_no_buffer++;
        return NULL;
    }
    struct pkt *p = e->rx.slots[idx];
    e->rx.slots[idx] = fresh;
    assert(p->data == p->head && p->tail == p->head && !pkt_shared(p));
    (void)pkt_append(p, length);
    p->rx_flags = (p->data[0] & 1) != 0 ? PKT_RX_L2_BROADCAST : 0; /* the group address bit */
    if ((word & e->format.rx_csums) == e->format.rx_checked) {
        p->rx_flags |= PKT_RX_CSUM_GOOD;
        e->nic.stats.rx_csum++;
    }
    e->nic.stats.rx_packets++;
    e->nic.stats.rx_bytes += length;
    return p;
}

/* Handles the descriptor at next, which is done. NULL when its frame was dropped. */
static struct pkt *rx_take(struct e1000 *e, uint64_t word)
{
    struct e1000_rx *rx = &e->rx;
    uint32_t idx = rx->next % E1000_RING_COUNT;
    struct pkt *p = NULL;
    if (likely(rx_good(e, word))) {
        p = rx_exchange(e, idx, word);
    } else {
        rx_reject(e, word);
    }
    /* The write-back may have overwritten any of it: the whole descriptor is written anew. */
    rx_arm(rx, idx);
    rx->next++;
    return p;
}

/* Gives the armed slots to the hardware when there are at least so many. */
static void rx_publish(struct e1000 *e, uint32_t least)
{
    struct e1000_rx *rx = &e->rx;
    uint32_t tail = rx->next + E1000_RING_COUNT - 1;
    assert(tail - rx->tail < E1000_RING_COUNT);
    if (tail - rx->tail < least) {
        return;
    }
    rx->tail = tail;
    dma_write_barrier();
    e1000_write_tail(e, E1000_RDT, tail % E1000_RING_COUNT);
}

void e1000_rx_refill(struct e1000 *e)
{
    rx_publish(e, 1);
}

/* nic_ops.rx. Looks at no more than one ring of descriptors: the tail moves only at its end. */
size_t e1000_rx(struct nic *nic, struct pkt **batch, size_t max)
{
    struct e1000 *e = e1000_of(nic);
    size_t count = 0;
    if (e->state != E1000_RUNNING) {
        return 0;
    }
    while (count < max && e->rx.next != e->rx.tail) {
        uint64_t word = rx_word(&e->rx);
        if ((word & e->format.rx_done) == 0) {
            break;
        }
        dma_read_barrier(); /* the word first, then what it vouches for */
        struct pkt *p = rx_take(e, word);
        if (p != NULL) {
            batch[count++] = p;
        }
    }
    rx_publish(e, E1000_RX_REFILL_COUNT);
    assert(count <= max);
    return count;
}

bool e1000_rx_pending(struct nic *nic)
{
    const struct e1000 *e = e1000_of(nic);
    return e->state == E1000_RUNNING && rx_done(e);
}
