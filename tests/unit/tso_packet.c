/*
 * See tso_packet.h. Sums are made here by 16-bit words one after the other, with nobody's help.
 */
#include "tests/unit/tso_packet.h"

#include <string.h>

#include "drivers/nic.h"
#include "kernel/bytes.h"

enum {
    L3 = 14,
    L4 = 34,
    TCP_BYTES = 32,
    UDP_BYTES = 8,
    TCP_CSUM = 16,
    UDP_CSUM = 6,
    FIN_PSH_ACK = 0x19,
    ACK = 0x10,
};

static size_t header_bytes(const struct tso_plan *p)
{
    return p->udp ? TSO_UDP_HEADERS : TSO_TCP_HEADERS;
}

static uint32_t seq_of(const struct tso_plan *p)
{
    return p->number * 65521u - 40000u; /* wraps in some */
}

static uint8_t payload_at(const struct tso_plan *p, size_t i)
{
    return (uint8_t)((p->number * 2654435761u + (uint32_t)i * 40503u) >> 7);
}

static uint16_t add(uint16_t sum, uint16_t word)
{
    uint32_t wide = (uint32_t)sum + word;
    return (uint16_t)(wide + (wide >> 16));
}

static uint16_t sum_of(uint16_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum = add(sum, load_be16(bytes + i));
    }
    return len % 2 != 0 ? add(sum, (uint16_t)(bytes[len - 1] << 8)) : sum;
}

static uint16_t pseudo(const uint8_t *ip, uint16_t len)
{
    return add(add(sum_of(0, ip + 12, 8), ip[9]), len);
}

/* Ethernet, IPv4, TCP or UDP; lengths and sums are 0. */
static void headers(const struct tso_plan *p, uint8_t *h)
{
    static const uint8_t from[6] = {0x02, 0, 0, 0, 0, 0x77};
    memset(h, 0, header_bytes(p));
    memcpy(h, p->dest, 6);
    memcpy(h + 6, from, 6);
    store_be16(h + 12, 0x0800);
    uint8_t *ip = h + L3, *l4 = h + L4;
    ip[0] = 0x45;
    store_be16(ip + 4, (uint16_t)(p->number * 251u));
    store_be16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = p->udp ? 17 : 6;
    store_be32(ip + 12, 0xc0000201);
    store_be32(ip + 16, 0xc633640a);
    store_be16(l4, 8080);
    store_be16(l4 + 2, 40000);
    if (!p->udp) {
        store_be32(l4 + 4, seq_of(p));
        store_be32(l4 + 8, 0x12345678);
        l4[12] = TCP_BYTES / 4 << 4;
        l4[13] = FIN_PSH_ACK;
        store_be16(l4 + 14, 0x7210);
        store_be32(l4 + 20, 0x0101080a);
        store_be32(l4 + 24, p->number);
    }
}

/* The lengths and the checksum of IPv4 for so much payload. */
static void fit_headers(const struct tso_plan *p, uint8_t *h, size_t bytes)
{
    size_t total = header_bytes(p) - L3 + bytes;
    store_be16(h + L3 + 2, (uint16_t)total);
    store_be16(h + L3 + 10, (uint16_t)~sum_of(0, h + L3, L4 - L3));
    if (p->udp) {
        store_be16(h + L4 + 4, (uint16_t)(total - (L4 - L3)));
    }
}

uint32_t tso_frames(const struct tso_plan *p)
{
    return p->mss == 0 ? 1 : (uint32_t)((p->bytes + p->mss - 1) / p->mss);
}

size_t tso_frame(const struct tso_plan *p, uint32_t n, uint8_t frame[TSO_FRAME_MAX])
{
    size_t header = header_bytes(p), from = n * (size_t)p->mss;
    size_t bytes = p->mss == 0 ? p->bytes : min_size(p->mss, p->bytes - from);
    headers(p, frame);
    store_be16(frame + L3 + 4, (uint16_t)(p->number * 251u + n));
    fit_headers(p, frame, bytes);
    if (!p->udp) {
        store_be32(frame + L4 + 4, seq_of(p) + (uint32_t)from);
        frame[L4 + 13] = n + 1 == tso_frames(p) ? FIN_PSH_ACK : ACK;
    }
    for (size_t i = 0; i < bytes; i++) {
        frame[header + i] = payload_at(p, from + i);
    }
    size_t l4_bytes = header - L4 + bytes, at = L4 + (p->udp ? UDP_CSUM : TCP_CSUM);
    uint16_t sum = sum_of(pseudo(frame + L3, (uint16_t)l4_bytes), frame + L4, l4_bytes);
    store_be16(frame + at, sum == 0xffff ? 0xffff : (uint16_t)~sum);
    size_t len = header + bytes;
    if (len < 60) {
        memset(frame + len, 0, 60 - len);
        len = 60;
    }
    return len;
}

/* Payload from offset at into a buffer. */
static void put_payload(const struct tso_plan *p, struct pkt *buffer, size_t at, size_t bytes)
{
    uint8_t *to = pkt_append(buffer, bytes);
    for (size_t i = 0; i < bytes; i++) {
        to[i] = payload_at(p, at + i);
    }
}

static void ask(const struct tso_plan *p, struct pkt *first)
{
    uint16_t start = (uint16_t)pkt_headroom(first);
    uint8_t *h = first->data, csum = p->udp ? UDP_CSUM : TCP_CSUM;
    size_t l4_bytes = p->mss == 0 ? header_bytes(p) - L4 + p->bytes : 0;
    if (p->mss == 0) {
        fit_headers(p, h, p->bytes);
    }
    store_be16(h + L4 + csum, pseudo(h + L3, (uint16_t)l4_bytes));
    first->tx = (struct pkt_tx){.l3 = (uint16_t)(start + L3),
                                .l4 = (uint16_t)(start + L4),
                                .mss = p->mss,
                                .l4_bytes = p->udp ? UDP_BYTES : TCP_BYTES,
                                .l4_csum = csum};
}

struct pkt *tso_packet(struct pkt_pool *pool, const struct tso_plan *p)
{
    struct pkt *first = pkt_alloc(pool, PKT_HEADROOM);
    if (first == NULL) {
        return NULL;
    }
    memset(first->head, 0xee, PKT_BUF_BYTES); /* old bytes that must not leave the machine */
    size_t at = min_size(p->first_bytes, p->bytes);
    headers(p, pkt_append(first, header_bytes(p)));
    if (p->plain) {
        uint8_t whole[TSO_FRAME_MAX];
        (void)tso_frame(p, 0, whole);
        memcpy(first->data, whole, header_bytes(p));
    } else {
        ask(p, first);
    }
    put_payload(p, first, 0, at);
    for (struct pkt *last = first; at < p->bytes; last = last->frag) {
        size_t bytes = min_size(p->frag_bytes, p->bytes - at);
        last->frag = pkt_alloc(pool, p->frag_headroom);
        if (last->frag == NULL) {
            pkt_put(first);
            return NULL;
        }
        put_payload(p, last->frag, at, bytes);
        at += bytes;
    }
    return first;
}
