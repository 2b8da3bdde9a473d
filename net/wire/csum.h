/*
 * The Internet checksum (RFC 1071). Sums are in host order and not folded: csum_finish does that.
 * Inline: what each header and each packet sent passes.
 */
#ifndef NET_WIRE_CSUM_H
#define NET_WIRE_CSUM_H

#include <string.h>

#include "kernel/base.h"
#include "kernel/bytes.h"

struct pkt;

/* Adds up to 2^15 pieces, each of an even length but the last. Start with 0. */
uint32_t csum_add(uint32_t sum, const void *data, size_t len);

/* Copies len bytes and sums them up on the way. At most 0xffff: it fits 16 bits. */
uint32_t csum_copy(void *to, const void *from, size_t len);

/* a + b with the carry put back at the bottom. */
static inline uint64_t csum_carry(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

static inline uint64_t csum_load64(const void *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint32_t csum_load32(const void *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/*
 * Of a sum over words in the machine's own byte order what it is in host order, in 16 bits. Ones'
 * complement sums may be taken in any word size and folded later (RFC 1071 2 (C)): a word is added
 * to itself with its halves exchanged, and the carry comes out right in the upper half. They do not
 * depend on byte order (2 (B)), so loading the folded word as big-endian is all there is to it.
 */
static inline uint32_t csum_fold(uint64_t sum)
{
    uint32_t low = (uint32_t)sum;
    uint32_t half = low + (uint32_t)(sum >> 32);
    half += half < low;
    uint16_t native = (uint16_t)((((half >> 16) | (half << 16)) + half) >> 16);
    return load_be16(&native);
}

/* What a sum of at most 16 bits is of a piece that does not begin at an even place (RFC 1071 2
 * (B)).
 */
static inline uint32_t csum_odd(uint32_t sum)
{
    return (sum & 0xff) << 8 | sum >> 8;
}

/* The same sum in 16 bits; it may have been of words of 32. */
static inline uint32_t csum_reduce(uint64_t sum)
{
    uint32_t low = (uint32_t)sum;
    uint32_t half = low + (uint32_t)(sum >> 32);
    half += half < low;
    uint32_t twice = (half & 0xffff) + (half >> 16);
    return (uint16_t)(twice + (twice >> 16)); /* twice is at most 0x1fffe */
}

static inline uint16_t csum_finish(uint32_t sum)
{
    return (uint16_t)~csum_reduce(sum);
}

/* Of a packet in however many buffers of whatever length; it is the last piece. */
uint32_t csum_add_pkt(uint32_t sum, const struct pkt *p);
/* The pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 768). */
static inline uint32_t csum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint16_t len)
{
    return (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + protocol + len;
}

#endif
