/*
 * The Internet checksum (RFC 1071), eight bytes at a time.
 */
#include "net/wire/csum.h"

#include <string.h>

#include "kernel/bytes.h"

/* Ones' complement sums may be taken in any word size and folded later (RFC 1071 2 (C)): a word is
 * added to itself with its halves exchanged, and the carry comes out right in the upper half. */
static uint16_t fold(uint64_t sum)
{
    uint32_t low = (uint32_t)sum;
    uint32_t half = low + (uint32_t)(sum >> 32);
    half += half < low;
    return (uint16_t)((((half >> 16) | (half << 16)) + half) >> 16);
}

/* a + b with the carry put back at the bottom. */
static inline uint64_t add_carry(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

static inline uint64_t load_native64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* Adds the last len < 8 bytes. Only whether a piece begins at an even place matters (RFC 1071 2
 * (A)), and each does. */
static uint64_t add_tail(uint64_t acc, const uint8_t *at, size_t len)
{
    assert(len < 8);
    if (len & 4) {
        uint32_t word;
        memcpy(&word, at, sizeof(word));
        acc = add_carry(acc, word);
        at += sizeof(word);
    }
    if (len & 3) {
        uint8_t rest[4] = {at[0], len & 2 ? at[1] : 0, (len & 3) == 3 ? at[2] : 0, 0};
        uint32_t word;
        memcpy(&word, rest, sizeof(word));
        acc = add_carry(acc, word);
    }
    return acc;
}

/*
 * The sum is taken over words in the machine's own byte order and put right at the end: the
 * checksum is independent of byte order (RFC 1071 2 (B)), so loading the folded word as big-endian
 * is all there is to it. An odd last byte counts as if a zero followed: only the last piece of a
 * checksum may have an odd length.
 */
uint32_t csum_add(uint32_t sum, const void *data, size_t len)
{
    assert(data != NULL || len == 0);
    const uint8_t *at = data;
    uint64_t acc = 0;
    for (; len >= 32; len -= 32, at += 32) {
        acc = add_carry(acc, load_native64(at));
        acc = add_carry(acc, load_native64(at + 8));
        acc = add_carry(acc, load_native64(at + 16));
        acc = add_carry(acc, load_native64(at + 24));
    }
    for (; len >= 8; len -= 8, at += 8) {
        acc = add_carry(acc, load_native64(at));
    }
    if (len > 0) {
        acc = add_tail(acc, at, len);
    }
    uint16_t native = fold(acc);
    return sum + load_be16(&native); /* csum_finish folds: 2^15 pieces do not overflow */
}

uint32_t csum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint16_t len)
{
    return (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + protocol + len;
}
