/*
 * TCP options as bytes, for tests that inject and expect them: written by hand here, so that a test
 * does not believe the encoder it tests.
 */
#ifndef TESTS_UNIT_TCP_OPTIONS_H
#define TESTS_UNIT_TCP_OPTIONS_H

#include "kernel/bytes.h"

struct opts {
    char bytes[40];
    size_t len;
};

static inline void opts_put(struct opts *o, const void *bytes, size_t len)
{
    memcpy(o->bytes + o->len, bytes, len);
    o->len += len;
}

static inline void opts_put_be32(struct opts *o, uint32_t v)
{
    uint8_t b[4];
    store_be32(b, v);
    opts_put(o, b, sizeof(b));
}

/* NOP NOP timestamps, as every segment after the SYN has them. */
static inline void opts_ts(struct opts *o, uint32_t val, uint32_t ecr)
{
    opts_put(o, "\1\1\10\12", 4);
    opts_put_be32(o, val);
    opts_put_be32(o, ecr);
}

/* NOP NOP SACK with room for so many blocks, which follow by opts_block. */
static inline void opts_sack(struct opts *o, uint8_t blocks)
{
    uint8_t head[4] = {1, 1, 5, (uint8_t)(2 + 8 * blocks)};
    opts_put(o, head, sizeof(head));
}

static inline void opts_block(struct opts *o, uint32_t first, uint32_t end)
{
    opts_put_be32(o, first);
    opts_put_be32(o, end);
}

/* What a SYN of today has: MSS 1460, SACK-permitted, timestamps, NOP, window scale. */
static inline void opts_syn(struct opts *o, uint32_t val, uint32_t ecr, uint8_t wscale)
{
    uint8_t tail[4] = {1, 3, 3, wscale};
    opts_put(o, "\2\4\5\264\4\2\10\12", 8);
    opts_put_be32(o, val);
    opts_put_be32(o, ecr);
    opts_put(o, tail, sizeof(tail));
}

#endif
