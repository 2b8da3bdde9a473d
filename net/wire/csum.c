/*
 * The Internet checksum (RFC 1071), eight bytes at a time. The sums are taken over words in the
 * machine's own byte order and put right at the end (csum_fold).
 */
#include "net/wire/csum.h"

#include "kernel/pkt.h"

/* Adds the last len < 8 bytes. Only whether a piece begins at an even place matters (RFC 1071 2
 * (A)), and each does. An odd last byte counts as if a zero followed: only the last piece of a
 * checksum may have an odd length. */
static inline uint64_t add_tail(uint64_t acc, const uint8_t *at, size_t len)
{
    if (len & 4) {
        acc = csum_carry(acc, csum_load32(at));
        at += 4;
    }
    uint16_t word = 0;
    if (len & 2) {
        memcpy(&word, at, sizeof(word));
        acc = csum_carry(acc, word);
        at += sizeof(word);
    }
    if (len & 1) {
        word = 0;
        memcpy(&word, at, 1);
        acc = csum_carry(acc, word);
    }
    return acc;
}

uint32_t csum_add(uint32_t sum, const void *data, size_t len)
{
    assert(data != NULL || len == 0);
    const uint8_t *at = data;
    uint64_t acc = 0;
    for (; len >= 32; len -= 32, at += 32) {
        acc = csum_carry(acc, csum_load64(at));
        acc = csum_carry(acc, csum_load64(at + 8));
        acc = csum_carry(acc, csum_load64(at + 16));
        acc = csum_carry(acc, csum_load64(at + 24));
    }
    for (; len >= 8; len -= 8, at += 8) {
        acc = csum_carry(acc, csum_load64(at));
    }
    if (len > 0) {
        acc = add_tail(acc, at, len);
    }
    return sum + csum_fold(acc); /* csum_finish folds: 2^15 pieces do not overflow */
}

/* The bytes of a piece that begins at an odd place change places in their words, and so do those of
 * its sum (RFC 1071 2 (B)). */
uint32_t csum_add_pkt(uint32_t sum, const struct pkt *p)
{
    bool odd = false;
    for (; p != NULL; p = p->frag) {
        uint32_t part = csum_add(0, p->data, pkt_len(p));
        sum += odd ? csum_odd(part) : part;
        odd ^= (pkt_len(p) & 1) != 0;
    }
    return sum;
}

/* Copies eight bytes and adds them. */
static inline uint64_t copy64(uint64_t acc, uint8_t *to, const uint8_t *from)
{
    uint64_t word = csum_load64(from);
    memcpy(to, &word, sizeof(word));
    return csum_carry(acc, word);
}

uint32_t csum_copy(void *to, const void *from, size_t len)
{
    assert((to != NULL && from != NULL) || len == 0);
    const uint8_t *at = from;
    uint8_t *out = to;
    uint64_t acc = 0;
    for (; len >= 32; len -= 32, at += 32, out += 32) {
        acc = copy64(acc, out, at);
        acc = copy64(acc, out + 8, at + 8);
        acc = copy64(acc, out + 16, at + 16);
        acc = copy64(acc, out + 24, at + 24);
    }
    for (; len >= 8; len -= 8, at += 8, out += 8) {
        acc = copy64(acc, out, at);
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = at[i];
    }
    return csum_fold(add_tail(acc, at, len));
}
