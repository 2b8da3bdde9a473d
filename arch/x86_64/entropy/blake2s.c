/*
 * BLAKE2s-256 as RFC 7693 has it, sequential and unkeyed.
 */
#include "arch/x86_64/entropy/blake2s.h"

#include <string.h>

#include "kernel/bytes.h"

enum {
    ROUNDS = 10,
};

/* RFC 7693, 2.6: the first words of the fractional parts of square roots, as in SHA-256. */
static const uint32_t IV[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* RFC 7693, 2.7: the order in which each round takes the message words. */
static const uint8_t SIGMA[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

/* The columns, then the diagonals, that one round mixes (RFC 7693, 3.2). */
static const uint8_t LANES[8][4] = {
    {0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14}, {3, 7, 11, 15},
    {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13},  {3, 4, 9, 14},
};

static uint32_t rotate_right(uint32_t x, uint32_t n)
{
    return (x >> n) | (x << (32 - n));
}

/* The mixing function G, RFC 7693, 3.1. */
static void mix(uint32_t v[16], const uint8_t lane[4], uint32_t x, uint32_t y)
{
    uint32_t a = v[lane[0]];
    uint32_t b = v[lane[1]];
    uint32_t c = v[lane[2]];
    uint32_t d = v[lane[3]];
    a += b + x;
    d = rotate_right(d ^ a, 16);
    c += d;
    b = rotate_right(b ^ c, 12);
    a += b + y;
    d = rotate_right(d ^ a, 8);
    c += d;
    b = rotate_right(b ^ c, 7);
    v[lane[0]] = a;
    v[lane[1]] = b;
    v[lane[2]] = c;
    v[lane[3]] = d;
}

/* The compression function F, RFC 7693, 3.2, over s->block. */
static void compress(struct blake2s *s, bool last)
{
    uint32_t v[16];
    uint32_t m[16];
    for (size_t i = 0; i < 8; i++) {
        v[i] = s->h[i];
        v[i + 8] = IV[i];
    }
    for (size_t i = 0; i < 16; i++) {
        m[i] = load_le32(s->block + 4 * i);
    }
    v[12] ^= (uint32_t)s->total_bytes;
    v[13] ^= (uint32_t)(s->total_bytes >> 32);
    v[14] ^= last ? UINT32_MAX : 0;
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t i = 0; i < 8; i++) {
            mix(v, LANES[i], m[SIGMA[r][2 * i]], m[SIGMA[r][2 * i + 1]]);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        s->h[i] ^= v[i] ^ v[i + 8];
    }
}

void blake2s_init(struct blake2s *s)
{
    memset(s, 0, sizeof(*s));
    memcpy(s->h, IV, sizeof(IV));
    s->h[0] ^= 0x01010000 | BLAKE2S_HASH_BYTES; /* the parameter block, RFC 7693, 2.5 */
}

void blake2s_update(struct blake2s *s, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len != 0) {
        /* A full block waits for more input: the last one is compressed differently. */
        if (s->block_used == BLAKE2S_BLOCK_BYTES) {
            s->total_bytes += BLAKE2S_BLOCK_BYTES;
            compress(s, false);
            s->block_used = 0;
        }
        size_t n = min_size(len, BLAKE2S_BLOCK_BYTES - s->block_used);
        memcpy(s->block + s->block_used, p, n);
        s->block_used += n;
        p += n;
        len -= n;
    }
    assert(s->block_used <= BLAKE2S_BLOCK_BYTES);
}

void blake2s_final(struct blake2s *s, uint8_t hash[BLAKE2S_HASH_BYTES])
{
    assert(s->block_used <= BLAKE2S_BLOCK_BYTES);
    memset(s->block + s->block_used, 0, BLAKE2S_BLOCK_BYTES - s->block_used);
    s->total_bytes += s->block_used;
    compress(s, true);
    for (size_t i = 0; i < 8; i++) {
        hash[4 * i] = (uint8_t)s->h[i];
        hash[4 * i + 1] = (uint8_t)(s->h[i] >> 8);
        hash[4 * i + 2] = (uint8_t)(s->h[i] >> 16);
        hash[4 * i + 3] = (uint8_t)(s->h[i] >> 24);
    }
}
