/*
 * Sequence arithmetic modulo 2^32 (RFC 9293 3.4). The only place where sequence numbers are
 * compared: a plain < between them is a bug that shows up after four gigabytes.
 *
 * Comparisons hold while the two numbers are less than 2^31 apart, which the largest window
 * (65535 << 14) keeps.
 */
#ifndef NET_WIRE_SEQ_H
#define NET_WIRE_SEQ_H

#include "kernel/base.h"

static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

/* low <= x <= high, read on the circle. */
static inline bool seq_between(uint32_t low, uint32_t x, uint32_t high)
{
    return x - low <= high - low;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_gt(a, b) ? a : b;
}

/* How far b is ahead of a; 0 when it is not. */
static inline uint32_t seq_ahead(uint32_t a, uint32_t b)
{
    return seq_gt(b, a) ? b - a : 0;
}

#endif
