/*
 * Transmit, for packets in several buffers and those that the hardware is to do something to: fill
 * in a checksum, or make segments (drivers/nic.h). tx.c has the others.
 *
 * A packet is, in the ring, a context descriptor, unless the hardware has that context, then one
 * data descriptor a buffer. The hardware takes them in order, so a context may be followed by the
 * next at once; a reset forgets it. There is one context for all: the 82574 remembers no more
 * (7.2.6), the 8254x a second one for segmenting, the 82575 and later one more.
 *
 * No buffer crosses what some parts must not be given to cross, 64 KiB or 4 GiB: kernel/pkt.h
 * aligns each to its size. What else the parts want of segmenting (Linux and FreeBSD, from Intel's
 * errata):
 *
 *   8254x           the end of a packet may be reported before it was read when its last descriptor
 *                   is longer, and that of the next packet: the last four bytes have one of their
 *                   own. On PCI-X a packet must not begin with a descriptor above 2015 bytes
 *   8254x to PCH    of the FIFO's space it takes four segments a descriptor: NIC_TSO_MSS_MIN
 *   82571, 82573    a first descriptor with headers alone hangs the part: four bytes of the payload
 *                   are copied behind them. So it is done on all in front of the 82575
 */
#include <string.h>

#include "drivers/e1000/internal.h"
#include "kernel/bytes.h"

enum {
    SENTINEL_BYTES = 4,
    SENTINEL_OF_BYTES = 8, /* only descriptors above that are split */
    PAYLOAD_BYTES = 4,     /* with the headers */
    PIECE_MAX_8254X = 2015,
    PIECES_MAX = 2, /* of a buffer */
    TCP_CSUM = 16,  /* RFC 9293, 3.1: where it is in the header; UDP's is at 6 */
    IPV4_LENGTH = 2,
    IPV4_CSUM = 10,
};
static_assert(PIECES_MAX * PIECE_MAX_8254X >= PKT_BUF_BYTES, "it does in two");
static_assert(PIECES_MAX * NIC_TX_FRAGS_MAX + 2 < E1000_RING_COUNT / 2, "with the extra ones");
static_assert(sizeof(struct pkt_tx) == sizeof(uint64_t), "is compared as one word");

/* What is the same in all descriptors of a packet, and how it is cut. */
struct chain {
    uint64_t word;
    uint32_t piece_max;
    bool sentinel;
};

/* All that a packet could need: a context, a sentinel, and each buffer's. */
uint32_t e1000_tx_need(const struct e1000 *e, const struct pkt *p)
{
    uint32_t pieces = (e->family->tso & E1000_TSO_SENTINEL) != 0 ? PIECES_MAX : 1;
    uint32_t count = 2;
    for (; p != NULL; p = p->frag) {
        count += pieces;
    }
    return count;
}

static void put(struct e1000 *e, struct e1000_desc desc)
{
    struct e1000_tx *tx = &e->tx;
    uint32_t idx = tx->next % E1000_RING_COUNT;
    assert(tx->slots[idx] == NULL);
    tx->ring[idx] = desc;
    tx->next++;
    tx->unreported++;
}

/* --- the request -------------------------------------------------------------------------- */

static uint32_t start_of(const struct pkt *p)
{
    return (uint32_t)(p->data - p->head);
}

/* From the frame's first byte to the payload. */
static uint32_t header_bytes(const struct pkt *p)
{
    return p->tx.l4 + (uint32_t)p->tx.l4_bytes - start_of(p);
}

static bool is_zero(const struct pkt *p, uint32_t at)
{
    return p->head[p->tx.l3 + at] == 0 && p->head[p->tx.l3 + at + 1] == 0;
}

/* The sender's duties. */
static void check_request(const struct e1000 *e, const struct pkt *p, size_t bytes)
{
    const struct pkt_tx *tx = &p->tx;
    uint32_t header = header_bytes(p);
    assert(tx->l3 > start_of(p) && tx->l4 > tx->l3 && header <= pkt_len(p));
    assert((e->offers & NIC_FEATURE_TX_CSUM) != 0);
    if (tx->mss == 0) {
        return;
    }
    assert((e->offers & NIC_FEATURE_TSO) != 0 && tx->l4_csum == TCP_CSUM);
    assert(tx->mss >= NIC_TSO_MSS_MIN && header + tx->mss <= NIC_FRAME_MAX_BYTES);
    assert(bytes > header + tx->mss && bytes <= NIC_TSO_MAX_BYTES);
    assert(is_zero(p, IPV4_LENGTH) && is_zero(p, IPV4_CSUM));
}

/* Tells the hardware what the packet asks for, unless it is what it was told last. */
static void put_context(struct e1000 *e, const struct pkt *p, uint32_t payload_bytes)
{
    struct e1000_tx_context now = {
        .start = start_of(p),
        .payload_bytes = e->format.tx_context_bytes ? payload_bytes : 0,
    };
    const struct e1000_tx_context *last = &e->tx.context;
    struct pkt_tx request = p->tx;
    request.l4_bytes = request.mss > 0 ? request.l4_bytes : 0; /* it does not care */
    memcpy(&now.request, &request, sizeof(now.request));
    assert(now.request != 0);
    if (now.request == last->request && now.start == last->start &&
        now.payload_bytes == last->payload_bytes) {
        return;
    }
    const struct e1000_context context = {
        .l3 = (uint16_t)(p->tx.l3 - now.start),
        .l4 = (uint16_t)(p->tx.l4 - now.start),
        .l4_csum = p->tx.l4_csum,
        .payload = (uint16_t)header_bytes(p),
        .mss = p->tx.mss,
        .payload_bytes = now.payload_bytes,
        .tcp = p->tx.l4_csum == TCP_CSUM,
    };
    put(e, e->format.tx_context(&context));
    e->tx.context = now;
    e->nic.stats.tx_contexts++;
}

static void count_packet(struct e1000 *e, const struct pkt *p, size_t bytes)
{
    struct nic_stats *stats = &e->nic.stats;
    size_t segments = 1;
    if (p->tx.mss > 0) {
        size_t header = header_bytes(p);
        segments = (bytes - header + p->tx.mss - 1) / p->tx.mss;
        bytes += (segments - 1) * header;
        stats->tx_tso++;
    }
    stats->tx_csum += p->tx.l4 != 0;
    stats->tx_packets += segments;
    stats->tx_bytes += max_u64(bytes, NIC_FRAME_MIN_BYTES);
}

/* --- the buffers -------------------------------------------------------------------------- */

static uint64_t bus_of(const struct pkt *p)
{
    return p->bus + start_of(p);
}

/* Bytes of a buffer. last: the packet ends with them. */
static void put_bytes(struct e1000 *e, const struct chain *c, uint64_t bus, size_t bytes, bool last)
{
    while (bytes > 0) {
        size_t piece = min_size(bytes, c->piece_max);
        if (last && c->sentinel && piece == bytes && piece > SENTINEL_OF_BYTES) {
            piece -= SENTINEL_BYTES;
        }
        bytes -= piece;
        uint64_t end = last && bytes == 0 ? e->format.tx_end : 0;
        put(e, (struct e1000_desc){.addr = bus, .word = c->word | piece | end});
        bus += piece;
    }
}

/* RFC 1071, over what has the pseudo header's sum in it already; a UDP sum of 0 is all ones. */
static void fill_in(uint8_t *l4, size_t bytes, uint32_t at)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        sum += i % 2 == 0 ? (uint32_t)l4[i] << 8 : l4[i];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    uint16_t csum = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
    store_be16(l4 + at, csum != 0 ? csum : UINT16_MAX);
}

/*
 * A short frame is copied behind the first buffer's tail, where nobody's bytes are, padded with
 * zeros (tx.c) and its checksum filled in: QEMU's 82574 takes the padding for a part of the
 * segment. Returns the copy.
 */
static uint8_t *copy_short(struct pkt *p)
{
    uint8_t *copy = p->tail, *end = copy;
    assert(pkt_tailroom(p) >= NIC_FRAME_MIN_BYTES);
    for (const struct pkt *part = p; part != NULL; part = part->frag) {
        memcpy(end, part->data, pkt_len(part));
        end += pkt_len(part);
    }
    if (p->tx.l4 != 0) {
        uint8_t *l4 = copy + (p->tx.l4 - start_of(p));
        fill_in(l4, (size_t)(end - l4), p->tx.l4_csum);
    }
    memset(end, 0, NIC_FRAME_MIN_BYTES - (size_t)(end - copy));
    return copy;
}

/* Puts payload behind headers that are alone in their buffer; as much of the next one is done. */
static size_t pull_payload(const struct e1000 *e, struct pkt *p)
{
    bool wanted = p->tx.mss > 0 && (e->family->tso & E1000_TSO_PAYLOAD) != 0;
    if (!wanted || pkt_len(p) > header_bytes(p)) {
        return 0;
    }
    assert(p->frag != NULL && pkt_tailroom(p) >= PAYLOAD_BYTES);
    size_t bytes = min_size(pkt_len(p->frag), PAYLOAD_BYTES);
    memcpy(p->tail, p->frag->data, bytes);
    return bytes;
}

static void put_buffers(struct e1000 *e, const struct chain *c, struct pkt *p, size_t bytes)
{
    size_t pulled = pull_payload(e, p);
    size_t here = pkt_len(p) + pulled;
    put_bytes(e, c, bus_of(p), here, here == bytes);
    for (const struct pkt *frag = p->frag; frag != NULL; frag = frag->frag) {
        bytes -= here;
        here = pkt_len(frag) - pulled;
        put_bytes(e, c, bus_of(frag) + pulled, here, here == bytes);
        pulled = 0;
    }
    assert(here == bytes);
}

static void put_short(struct e1000 *e, struct chain *c, struct pkt *p)
{
    size_t at = (size_t)(copy_short(p) - p->head);
    c->word = NIC_FRAME_MIN_BYTES * e->format.tx_bytes | e->format.tx_frame;
    put_bytes(e, c, p->bus + at, NIC_FRAME_MIN_BYTES, true);
}

static void put_long(struct e1000 *e, struct chain *c, struct pkt *p, size_t bytes)
{
    const struct e1000_format *f = &e->format;
    size_t told = p->tx.mss > 0 ? bytes - header_bytes(p) : bytes;
    c->word = told * f->tx_bytes | f->tx_frame;
    if (p->tx.l4 != 0) {
        put_context(e, p, p->tx.mss > 0 ? (uint32_t)told : 0);
        c->word |= f->tx_asked | (p->tx.mss > 0 ? f->tx_segment : 0);
    }
    put_buffers(e, c, p, bytes);
}

/* Takes p; the caller has seen to it that there is room for e1000_tx_need. */
void e1000_tx_put_chain(struct e1000 *e, struct pkt *p)
{
    struct e1000_tx *tx = &e->tx;
    size_t bytes = pkt_total(p);
    bool tso = p->tx.mss > 0, sentinel = (e->family->tso & E1000_TSO_SENTINEL) != 0;
    assert(p->tx.l4 != 0 || !tso);
    assert(tso || bytes <= NIC_FRAME_MAX_BYTES);
    if (p->tx.l4 != 0) {
        check_request(e, p, bytes);
    }
    count_packet(e, p, bytes);
    struct chain c = {
        .piece_max = sentinel ? PIECE_MAX_8254X : PKT_BUF_BYTES,
        .sentinel = sentinel && (tso || tx->after_tso),
    };
    if (bytes < NIC_FRAME_MIN_BYTES) {
        put_short(e, &c, p);
    } else {
        put_long(e, &c, p, bytes);
    }
    tx->slots[(tx->next - 1) % E1000_RING_COUNT] = p;
    tx->after_tso = sentinel && tso;
}
