/*
 * IPv4 headers as bytes and as a host-order struct (RFC 791 3.1), and what kinds of addresses there
 * are. Pure functions; inline what each packet sent passes.
 */
#ifndef NET_WIRE_IPV4_H
#define NET_WIRE_IPV4_H

#include "kernel/base.h"
#include "kernel/bytes.h"
#include "net/wire/csum.h"

enum {
    IPV4_HEADER_BYTES = 20,
    IPV4_VERSION_IHL = 0x45, /* version 4, five words: no options */
    IPV4_TTL = 64,
    IPV4_PAYLOAD_MAX_BYTES = 65535 - IPV4_HEADER_BYTES, /* RFC 791 3.1 */

    IPV4_FRAGMENT_UNIT_BYTES = 8, /* offsets count these, RFC 791 3.1 */
    IPV4_FLAG_DF = 0x4000,        /* of the fragment field */
    IPV4_FLAG_MF = 0x2000,
    IPV4_OFFSET_MASK = 0x1fff, /* in units of 8 bytes */

    IP_PROTO_ICMP = 1,
    IP_PROTO_TCP = 6,
    IP_PROTO_UDP = 17,

    /* The last two bits of the TOS field, RFC 3168 5. */
    IP_ECN_MASK = 3,
    IP_ECN_NOT_ECT = 0,
    IP_ECN_ECT_0 = 2,
    IP_ECN_CE = 3,
};

/* A received header, decoded once, in host order. */
struct ipv4_header {
    uint32_t src;
    uint32_t dst;
    uint16_t total_bytes;
    uint16_t id;
    uint16_t frag_offset; /* bytes */
    bool more_fragments;
    bool dont_fragment;
    uint8_t ttl; /* this and the next as they lie in the header: one load */
    uint8_t protocol;
    uint8_t tos;
    uint8_t header_bytes;
    bool to_broadcast; /* destination (IP or link layer) was not one host alone: answer no error */
};

/* Decodes and checks the header at the front of bytes: IPV4_GOOD when it may be believed. */
enum ipv4_bad {
    IPV4_GOOD,
    IPV4_BAD_SHORT,
    IPV4_BAD_VERSION,
    IPV4_BAD_HEADER_LEN,
    IPV4_BAD_TOTAL_LEN,
    IPV4_BAD_CHECKSUM,
    IPV4_BAD_SOURCE_ROUTE,
    IPV4_BAD_OPTION,
};
enum ipv4_bad ipv4_decode(struct ipv4_header *h, const uint8_t *bytes, size_t len);

/*
 * Is the checksum of a header of five words good, as almost every one is? Of so few the sum is
 * taken as a number, for a ones' complement sum is one modulo 2^16 - 1, and so is 2^64, in whatever
 * byte order (RFC 1071 2 (B)). It is not 0: the version is not.
 */
static inline bool ipv4_checksum_good(const uint8_t *bytes)
{
    uint64_t sum = csum_carry(csum_load64(bytes), csum_load64(bytes + 8));
    return csum_carry(sum, csum_load32(bytes + 16)) % UINT16_MAX == 0;
}

/* The fields of a header of five words that is believed, or will be. */
static inline void ipv4_decode_fields(struct ipv4_header *h, const uint8_t *bytes)
{
    uint16_t frag = load_be16(bytes + 6);
    *h = (struct ipv4_header){
        .src = load_be32(bytes + 12),
        .dst = load_be32(bytes + 16),
        .total_bytes = load_be16(bytes + 2),
        .id = load_be16(bytes + 4),
        .dont_fragment = (frag & IPV4_FLAG_DF) != 0,
        .header_bytes = IPV4_HEADER_BYTES,
        .protocol = bytes[9],
        .ttl = bytes[8],
        .tos = bytes[1],
    };
}

/* A header to send, without options. */
struct ipv4_out {
    uint32_t src;
    uint32_t dst;
    uint32_t fragment; /* identification << 16, flags and offset in units of 8 bytes */
    uint16_t total_bytes;
    uint8_t protocol;
    uint8_t ttl;
    uint8_t tos;
};

/* Writes IPV4_HEADER_BYTES with their checksum. */
static inline void ipv4_encode(uint8_t *bytes, const struct ipv4_out *out)
{
    uint32_t first = (uint32_t)IPV4_VERSION_IHL << 24 | (uint32_t)out->tos << 16 | out->total_bytes;
    uint32_t third = (uint32_t)out->ttl << 24 | (uint32_t)out->protocol << 16;
    uint64_t sum = (uint64_t)first + out->fragment + third + out->src + out->dst;
    store_be32(bytes, first);
    store_be32(bytes + 4, out->fragment);
    store_be32(bytes + 8, third | (uint16_t)~csum_reduce(sum));
    store_be32(bytes + 12, out->src);
    store_be32(bytes + 16, out->dst);
}

static inline bool ipv4_is_multicast(uint32_t addr)
{
    return addr >> 28 == 0xe;
}

/* An address that a host can have anywhere: not in 0/8, not loopback, not class D or E. */
static inline bool ipv4_is_host(uint32_t addr)
{
    uint32_t net = addr >> 24;
    return net != 0 && net != 127 && net < 224;
}

/* In 169.254/16, whose hosts are neighbours wherever they are (RFC 3927). */
static inline bool ipv4_is_link_local(uint32_t addr)
{
    return addr >> 16 == 0xa9fe;
}

/* The netmask of a prefix length, 0..32. */
static inline uint32_t ipv4_mask(uint8_t prefix_bits)
{
    assert(prefix_bits <= 32);
    return prefix_bits == 0 ? 0 : UINT32_MAX << (32 - prefix_bits);
}

#endif
