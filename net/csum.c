/*
 * The Internet checksum (RFC 1071), eight bytes at a time. Declared in ipv4.h.
 */
#include <string.h>

#include "kernel/bytes.h"
#include "net/ipv4.h"

/* Ones' complement sums may be taken in any word size and folded later (RFC 1071 2 (C)). */
static uint16_t fold(uint64_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
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
    for (; len >= 8; len -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        acc += (word & 0xffffffffu) + (word >> 32);
    }
    if (len > 0) {
        uint64_t word = 0;
        memcpy(&word, at, len);
        acc += (word & 0xffffffffu) + (word >> 32);
    }
    uint16_t native = fold(acc);
    return (uint32_t)fold((uint64_t)sum + load_be16(&native));
}

uint32_t csum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint16_t len)
{
    uint64_t sum = (uint64_t)(src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff);
    return fold(sum + protocol + len);
}
