/*
 * One packet is under way at a time. Everything in it follows from its number: addresses and ports
 * are constant, sequence number and payload rise from it.
 */
#include "apps/root/offload_test.h"

#include <string.h>

#include "kernel/bytes.h"
#include "kernel/time.h"
#include "net/wire/csum.h"

enum {
    ETHERNET_BYTES = 14,
    IPV4_BYTES = 20,
    TCP_BYTES = 20,
    HEADERS = ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES,
    L3 = ETHERNET_BYTES,
    L4 = ETHERNET_BYTES + IPV4_BYTES,
    TCP_CSUM = 16,
    PROTOCOL_TCP = 6,
    FLAGS_AT = L4 + 13,
    FLAG_FIN = 0x01,
    FLAG_PSH = 0x08,
    FLAG_ACK = 0x10,
    MORE_FRAGMENTS_OR_OFFSET = 0x3fff,
    MSS = 1460,
    BUFFER_BYTES = 1460,
    CSUM_PACKETS = 24,
    PORT = 9, /* discard */
    BATCH_COUNT = 16,
    LOOK_US = 5,
    WAIT_US = 100 * US_PER_MS, /* for all of a packet to come back */
};
#define ADDRESS UINT32_C(0xc0000201) /* 192.0.2.1, RFC 5737 */

struct offload_test {
    struct nic *nic;
    struct pkt_pool *pool;
    struct offload_result *result;
    /* The packet under way. */
    uint32_t number;
    size_t bytes;   /* of payload */
    uint16_t mss;   /* 0: one frame */
    size_t arrived; /* of it, in order */
    uint32_t frames;
};

static uint8_t pattern(uint32_t number, size_t i)
{
    return (uint8_t)((number * UINT32_C(2654435761) + (uint32_t)i * UINT32_C(40503)) >> 9);
}

static uint32_t sequence(uint32_t number)
{
    return UINT32_MAX - 20000 + number * 65536; /* wraps in the first */
}

/* --- out ---------------------------------------------------------------------------------- */

/* Of a run the stack asks no FIN (net/tcp/output.c), and can bear it that its PSH is lost. */
static uint8_t flags_of(const struct offload_test *t)
{
    return t->mss > 0 ? FLAG_ACK : FLAG_FIN | FLAG_PSH | FLAG_ACK;
}

static void put_headers(const struct offload_test *t, uint8_t *h)
{
    uint8_t *ip = h + L3, *tcp = h + L4;
    bool tso = t->mss > 0;
    uint16_t length = (uint16_t)(IPV4_BYTES + TCP_BYTES + t->bytes);
    memset(h, 0, HEADERS);
    memcpy(h, t->nic->mac, sizeof(t->nic->mac));
    memcpy(h + sizeof(t->nic->mac), t->nic->mac, sizeof(t->nic->mac));
    store_be16(h + 12, 0x0800);
    ip[0] = 0x45;
    store_be16(ip + 2, tso ? 0 : length);
    store_be16(ip + 4, (uint16_t)t->number);
    ip[8] = 64;
    ip[9] = PROTOCOL_TCP;
    store_be32(ip + 12, ADDRESS);
    store_be32(ip + 16, ADDRESS);
    store_be16(ip + 10, tso ? 0 : csum_finish(csum_add(0, ip, IPV4_BYTES)));
    store_be16(tcp, PORT);
    store_be16(tcp + 2, PORT);
    store_be32(tcp + 4, sequence(t->number));
    tcp[12] = TCP_BYTES / 4 << 4;
    tcp[13] = flags_of(t);
    uint16_t summed = tso ? 0 : (uint16_t)(length - IPV4_BYTES);
    uint32_t pseudo = csum_pseudo(ADDRESS, ADDRESS, PROTOCOL_TCP, summed);
    store_be16(tcp + TCP_CSUM, (uint16_t)~csum_finish(pseudo));
}

static void put_payload(const struct offload_test *t, struct pkt *p, size_t at, size_t bytes)
{
    uint8_t *to = pkt_append(p, bytes);
    for (size_t i = 0; i < bytes; i++) {
        to[i] = pattern(t->number, at + i);
    }
}

/* NULL when the pool has not enough. */
static struct pkt *build(const struct offload_test *t)
{
    struct pkt *first = pkt_alloc(t->pool, PKT_HEADROOM);
    if (first == NULL) {
        return NULL;
    }
    put_headers(t, pkt_append(first, HEADERS));
    first->tx = (struct pkt_tx){.l3 = PKT_HEADROOM + L3,
                                .l4 = PKT_HEADROOM + L4,
                                .mss = t->mss,
                                .l4_bytes = TCP_BYTES,
                                .l4_csum = TCP_CSUM};
    size_t at = 0;
    for (struct pkt *last = first; at < t->bytes; last = last->frag) {
        size_t bytes = min_size(t->mss > 0 ? BUFFER_BYTES : 1 + t->bytes / 3, t->bytes - at);
        last->frag = pkt_alloc(t->pool, 0);
        if (last->frag == NULL) {
            pkt_put(first);
            return NULL;
        }
        put_payload(t, last->frag, at, bytes);
        at += bytes;
    }
    return first;
}

/* --- and back ----------------------------------------------------------------------------- */

/* What the payload of the next frame must be long. */
static size_t expected_bytes(const struct offload_test *t)
{
    size_t left = t->bytes - t->arrived;
    return t->mss > 0 ? min_size(t->mss, left) : left;
}

static bool sums_are_right(const uint8_t *frame, size_t length)
{
    const uint8_t *ip = frame + L3;
    uint16_t segment = (uint16_t)(length - IPV4_BYTES);
    uint32_t sum = csum_pseudo(load_be32(ip + 12), load_be32(ip + 16), ip[9], segment);
    return csum_finish(csum_add(0, ip, IPV4_BYTES)) == 0 &&
           csum_finish(csum_add(sum, frame + L4, segment)) == 0;
}

static bool payload_is_right(const struct offload_test *t, const uint8_t *payload, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (payload[i] != pattern(t->number, t->arrived + i)) {
            return false;
        }
    }
    return true;
}

/* The next frame of the packet under way, with all that a device has to change in it. */
static bool is_next(const struct offload_test *t, const uint8_t *frame, size_t len)
{
    size_t bytes = expected_bytes(t), length = IPV4_BYTES + TCP_BYTES + bytes;
    return len >= HEADERS + bytes && load_be16(frame + L3 + 2) == length &&
           load_be16(frame + L3 + 4) == (uint16_t)(t->number + t->frames) &&
           load_be32(frame + L4 + 4) == sequence(t->number) + (uint32_t)t->arrived &&
           frame[FLAGS_AT] == flags_of(t) && sums_are_right(frame, length) &&
           payload_is_right(t, frame + HEADERS, bytes);
}

static bool is_ours(const struct offload_test *t, const uint8_t *frame, size_t len)
{
    return len >= HEADERS && memcmp(frame + sizeof(t->nic->mac), t->nic->mac, 6) == 0 &&
           load_be16(frame + 12) == 0x0800;
}

/* QEMU's 82540 sends one behind the last of a whole number of segments. */
static bool is_empty(const struct offload_test *t, const uint8_t *frame)
{
    return t->arrived == t->bytes && load_be16(frame + L3 + 2) == IPV4_BYTES + TCP_BYTES;
}

static void judge(struct offload_test *t, const struct pkt *p)
{
    struct offload_result *r = t->result;
    const uint8_t *frame = p->data;
    size_t len = pkt_len(p);
    if (!is_ours(t, frame, len) || is_empty(t, frame)) {
        return;
    }
    bool fragment = (load_be16(frame + L3 + 6) & MORE_FRAGMENTS_OR_OFFSET) != 0;
    if (fragment || len > NIC_FRAME_MAX_BYTES) {
        r->uncut++;
    } else if (t->arrived < t->bytes && is_next(t, frame, len)) {
        t->arrived += expected_bytes(t);
        t->frames++;
        r->csums_good += t->mss == 0;
        r->segments_good += t->mss > 0;
        r->marked += (p->rx_flags & PKT_RX_CSUM_GOOD) != 0;
    } else {
        r->wrong++;
    }
}

static bool receive(struct offload_test *t)
{
    struct pkt *batch[BATCH_COUNT];
    size_t count = t->nic->ops->rx(t->nic, batch, BATCH_COUNT);
    for (size_t i = 0; i < count; i++) {
        judge(t, batch[i]);
        pkt_put(batch[i]);
    }
    (void)t->nic->ops->tx_reclaim(t->nic);
    return count > 0;
}

static void exchange(struct offload_test *t, size_t bytes, uint16_t mss)
{
    struct offload_result *r = t->result;
    t->number++;
    t->bytes = bytes;
    t->mss = mss;
    t->arrived = t->frames = 0;
    struct pkt *p = build(t);
    if (p == NULL) {
        return; /* a machine with so little memory does without */
    }
    r->csums += mss == 0;
    r->segments += mss > 0 ? (uint32_t)((bytes + mss - 1) / mss) : 0;
    if (t->nic->ops->tx(t->nic, &p, 1) != 1) {
        pkt_put(p);
        return;
    }
    t->nic->ops->tx_flush(t->nic);
    uint64_t end_ns = time_now_ns() + WAIT_US * NS_PER_US;
    while (t->arrived < t->bytes && time_now_ns() < end_ns) {
        if (!receive(t)) {
            time_delay_us(LOOK_US);
        }
    }
    while (receive(t)) {
    }
}

void offload_test_run(struct nic *nic, struct pkt_pool *pool, struct offload_result *out)
{
    static const uint16_t sizes[] = {1461, 2000, 2920, 4381, 14600, 30001, 65495};
    struct offload_test t = {.nic = nic, .pool = pool, .result = out};
    *out = (struct offload_result){.csums = 0};
    if ((nic->features & NIC_FEATURE_TX_CSUM) == 0) {
        return;
    }
    for (uint32_t i = 0; i < CSUM_PACKETS; i++) {
        exchange(&t, 1 + i * 61, 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(sizes) && (nic->features & NIC_FEATURE_TSO) != 0; i++) {
        exchange(&t, sizes[i], MSS);
    }
}
