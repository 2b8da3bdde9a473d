/*
 * See peer.h.
 */
#include "tests/bench/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"

enum {
    ETH_BYTES = 14,
    IP_BYTES = 20,
    TCP_AT = ETH_BYTES + IP_BYTES,
    PROTO_TCP = 6,
    OPT_MSS = 2,
    OPT_WSCALE = 3,
    OPT_SACK_PERMITTED = 4,
    OPT_TIMESTAMPS = 8,
};

const uint8_t bench_our_mac[6] = {2, 0, 0, 0, 0, 1};
const uint8_t bench_peer_mac[6] = {2, 0, 0, 0, 0, 2};

void bench_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s\n", what);
        exit(1);
    }
}

void peer_begin(struct peer *p, uint16_t port)
{
    p->port = port;
    p->timestamps = false;
    p->ts_recent = 0;
    p->snd_nxt += 100000;
}

static size_t put_timestamps(const struct peer *p, uint8_t *at, uint64_t now_ns)
{
    at[0] = at[1] = 1;
    at[2] = OPT_TIMESTAMPS;
    at[3] = 10;
    store_be32(at + 4, (uint32_t)(now_ns / NS_PER_MS));
    store_be32(at + 8, p->ts_recent);
    return 12;
}

static size_t put_options(const struct peer *p, uint8_t *at, uint8_t flags, uint64_t now_ns)
{
    static const uint8_t syn[8] = {OPT_MSS, 4, 5, 0xb4, 1, OPT_WSCALE, 3, 7};
    size_t len = 0;
    if (p->plain) {
        return 0;
    }
    if (flags & PEER_SYN) {
        memcpy(at, syn, sizeof(syn));
        at[8] = at[9] = 1;
        at[10] = OPT_SACK_PERMITTED;
        at[11] = 2;
        len = 12;
    }
    if ((flags & PEER_SYN) || p->timestamps) {
        len += put_timestamps(p, at + len, now_ns);
    }
    return len;
}

/* The Internet checksum (RFC 1071) the plain way, on top of a sum of 16-bit words. */
static uint16_t checksum(uint32_t sum, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) ? at[i] : (uint32_t)at[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void put_ip(uint8_t *ip, uint32_t source, size_t len)
{
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)len);
    store_be16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = PROTO_TCP;
    store_be32(ip + 12, source);
    store_be32(ip + 16, BENCH_OUR_ADDRESS);
    store_be16(ip + 10, checksum(0, ip, IP_BYTES));
}

size_t peer_segment(struct peer *p, uint8_t *frame, uint8_t flags, const void *payload, size_t len,
                    uint64_t now_ns)
{
    uint8_t *tcp = frame + TCP_AT;
    memcpy(frame, bench_our_mac, 6);
    memcpy(frame + 6, bench_peer_mac, 6);
    store_be16(frame + 12, 0x0800);
    size_t header = 20 + put_options(p, tcp + 20, flags, now_ns);
    size_t total = header + len;
    bench_must(TCP_AT + total <= PEER_FRAME_MAX_BYTES, "a segment too long for a frame");
    store_be16(tcp, p->port);
    store_be16(tcp + 2, p->to_port);
    store_be32(tcp + 4, p->snd_nxt);
    store_be32(tcp + 8, (flags & PEER_ACK) ? p->rcv_nxt : 0);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = flags;
    store_be16(tcp + 14, 0x8000);
    store_be32(tcp + 16, 0);
    if (len > 0) {
        memcpy(tcp + header, payload, len);
    }
    put_ip(frame + ETH_BYTES, p->address, IP_BYTES + total);
    uint32_t pseudo = (p->address >> 16) + (p->address & 0xffff) + (BENCH_OUR_ADDRESS >> 16) +
                      (BENCH_OUR_ADDRESS & 0xffff) + PROTO_TCP + (uint32_t)total;
    store_be16(tcp + 16, checksum(pseudo, tcp, total));
    p->snd_nxt += (uint32_t)len + ((flags & (PEER_SYN | PEER_FIN)) ? 1 : 0);
    return TCP_AT + total;
}

/* Does this SYN-ACK or segment carry timestamps? */
static void read_options(struct peer *p, const uint8_t *o, size_t len, bool syn)
{
    for (size_t i = 0; i < len && o[i] != 0;) {
        size_t step = o[i] == 1 ? 1 : o[i + 1];
        if (o[i] == OPT_TIMESTAMPS) {
            p->timestamps = syn || p->timestamps;
            p->ts_recent = load_be32(o + i + 2);
        }
        bench_must(step > 0, "an option of length 0");
        i += step;
    }
}

size_t peer_read(struct peer *p, const uint8_t *frame, size_t len)
{
    const uint8_t *tcp = frame + TCP_AT;
    bench_must(len >= TCP_AT + 20 && load_be16(frame + 12) == 0x0800, "not a segment");
    bench_must(load_be16(tcp + 2) == p->port, "a segment for somebody else");
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    size_t payload = load_be16(frame + ETH_BYTES + 2) - IP_BYTES - header;
    p->last_flags = tcp[13];
    read_options(p, tcp + 20, header - 20, (tcp[13] & PEER_SYN) != 0);
    uint32_t count = (uint32_t)payload + ((tcp[13] & (PEER_SYN | PEER_FIN)) ? 1 : 0);
    if (count > 0) {
        p->rcv_nxt = load_be32(tcp + 4) + count;
    }
    return payload;
}

size_t peer_arp(uint8_t *frame)
{
    static const uint8_t arp[28] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 2,
                                    10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
    memset(frame, 0, PEER_ARP_BYTES);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, bench_peer_mac, 6);
    store_be16(frame + 12, 0x0806);
    memcpy(frame + 14, arp, sizeof(arp));
    return PEER_ARP_BYTES;
}
