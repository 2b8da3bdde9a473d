/*
 * Transmit: packets into the ring with one tail write a burst, and back to their pool when sent.
 * A packet in the ring may be shared with a sender that will want to send it again: none of its
 * bytes is changed, nor its data and tail; padding goes behind its tail, where nobody's bytes are.
 *
 * The hardware is asked to report (RS) on the frame with every E1000_TX_REPORT_COUNT-th descriptor
 * of a burst and on its last: the last, so that a burst never stays unreported; not each, because
 * every report is a write to memory. Reports come in ring order (3.4), so one speaks for all in
 * front of it. The last descriptor of a frame has it, never one in its midst.
 */
#include "drivers/e1000/internal.h"
#include "kernel/dma.h"

enum {
    TX_FRAME_LOWEST_BYTES = 14, /* an Ethernet header */
};
static_assert(E1000_TX_REPORT_COUNT < E1000_RING_COUNT - 1, "a full ring holds a report");

/* TDH == TDT reads as empty (3.4): one descriptor always stays free. */
static bool tx_room(const struct e1000_tx *tx, uint32_t need)
{
    return tx->next - tx->clean + need <= tx->room;
}

/* Asks for a report on the newest frame, which the hardware does not know of yet. */
static void tx_report(struct e1000 *e)
{
    struct e1000_tx *tx = &e->tx;
    uint32_t newest = tx->next - 1;
    assert(tx->next != tx->flushed && tx->unreported > 0);
    assert(tx->report_end - tx->report_first < E1000_RING_COUNT);
    tx->ring[newest % E1000_RING_COUNT].word |= e->format.tx_report;
    tx->reports[tx->report_end % E1000_RING_COUNT] = newest;
    tx->report_end++;
    tx->unreported = 0;
}

/*
 * What the descriptor must say. A frame below 60 bytes is padded with zeros, so that no old bytes
 * of the buffer leave the machine; by us, because TCTL.PSP would pad with what is there, and QEMU
 * does not pad at all.
 */
static uint16_t tx_length(struct pkt *p)
{
    size_t len = pkt_len(p);
    assert(len >= TX_FRAME_LOWEST_BYTES && len <= NIC_FRAME_MAX_BYTES);
    if (len < NIC_FRAME_MIN_BYTES) {
        assert(NIC_FRAME_MIN_BYTES - len <= pkt_tailroom(p));
        for (uint8_t *pad = p->tail; len < NIC_FRAME_MIN_BYTES; len++) {
            *pad++ = 0;
        }
    }
    return (uint16_t)len;
}

static void tx_put(struct e1000 *e, struct pkt *p)
{
    struct e1000_tx *tx = &e->tx;
    uint32_t idx = tx->next % E1000_RING_COUNT;
    assert(tx->slots[idx] == NULL);
    uint16_t length = tx_length(p);
    tx->ring[idx] = (struct e1000_desc){
        .addr = p->bus + (uint64_t)(p->data - p->head),
        .word = (length + length * e->format.tx_bytes) | e->format.tx_frame | e->format.tx_end,
    };
    tx->slots[idx] = p;
    tx->next++;
    tx->unreported++;
    e->nic.stats.tx_packets++;
    e->nic.stats.tx_bytes += length;
}

/*
 * Nobody will send these: the link is down, or the device is not running. They must not wait in the
 * ring, where they would go out, long out of date, when the link comes back.
 */
static void tx_drop(struct e1000 *e, struct pkt **batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pkt_put(batch[i]);
    }
    e->nic.stats.tx_dropped += count;
}

static void tx_clean(struct e1000_tx *tx)
{
    uint32_t idx = tx->clean % E1000_RING_COUNT;
    pkt_put(tx->slots[idx]);
    tx->slots[idx] = NULL;
    tx->clean++;
}

/*
 * What is not flushed is not the hardware's, whatever its descriptor says: taken back now, it would
 * be given to the hardware all the same, with a buffer that has another owner by then.
 */
static void tx_reclaim(struct e1000 *e)
{
    struct e1000_tx *tx = &e->tx;
    while (tx->report_first != tx->report_end) {
        uint32_t sent = tx->reports[tx->report_first % E1000_RING_COUNT];
        const volatile uint64_t *word = &tx->ring[sent % E1000_RING_COUNT].word;
        if (sent - tx->clean >= tx->flushed - tx->clean || (*word & e->format.tx_done) == 0) {
            return;
        }
        while (tx->clean != sent + 1) {
            tx_clean(tx);
        }
        tx->report_first++;
    }
}

/* One buffer, sent as it is, and no workaround for it either. */
static bool tx_is_plain(const struct e1000_tx *tx, const struct pkt *p)
{
    return p->frag == NULL && p->tx.l4 == 0 && !tx->after_tso;
}

/* nic_ops.tx */
size_t e1000_tx(struct nic *nic, struct pkt **batch, size_t count)
{
    struct e1000 *e = e1000_of(nic);
    if (e->state == E1000_RESETTING && e->link.up) {
        return 0; /* for some milliseconds: they wait in front of it */
    }
    if (e->state != E1000_RUNNING || !e->link.up) {
        tx_drop(e, batch, count);
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        bool plain = tx_is_plain(&e->tx, batch[i]);
        uint32_t need = plain ? 1 : e1000_tx_need(e, batch[i]);
        if (!tx_room(&e->tx, need)) {
            tx_reclaim(e);
            if (!tx_room(&e->tx, need)) {
                nic->stats.tx_ring_full++;
                return i;
            }
        }
        if (likely(plain)) {
            tx_put(e, batch[i]);
        } else {
            e1000_tx_put_chain(e, batch[i]);
        }
        if (e->tx.unreported >= E1000_TX_REPORT_COUNT) {
            tx_report(e);
        }
    }
    return count;
}

/* nic_ops.tx_flush: the burst's one tail write. */
void e1000_tx_flush(struct nic *nic)
{
    struct e1000 *e = e1000_of(nic);
    struct e1000_tx *tx = &e->tx;
    if (tx->next == tx->flushed || e->state != E1000_RUNNING) {
        return;
    }
    if (tx->unreported > 0) {
        tx_report(e);
    }
    tx->flushed = tx->next;
    dma_write_barrier();
    e1000_write_tail(e, E1000_TDT, tx->next % E1000_RING_COUNT);
}

/* nic_ops.tx_reclaim. What a device that is not running holds does not come back by waiting. */
bool e1000_tx_reclaim(struct nic *nic)
{
    struct e1000 *e = e1000_of(nic);
    tx_reclaim(e);
    assert(e->tx.next - e->tx.clean < E1000_RING_COUNT);
    assert(e->tx.flushed - e->tx.clean <= e->tx.next - e->tx.clean);
    return e->state == E1000_RUNNING && e->tx.clean != e->tx.next;
}

/* The device is silent. */
void e1000_tx_release(struct e1000_tx *tx)
{
    while (tx->clean != tx->next) {
        tx_clean(tx);
    }
    tx->clean = tx->flushed = tx->next = 0;
    tx->report_first = tx->report_end = 0;
    tx->unreported = 0;
    tx->after_tso = false;
    tx->context = (struct e1000_tx_context){.request = 0};
}
