/*
 * Reading and writing integers in a stated byte order at any alignment. The only place where
 * byte order is dealt with: protocol code decodes into host-order structs once, with these.
 */
#ifndef KERNEL_BYTES_H
#define KERNEL_BYTES_H

#include <string.h>

#include "kernel/base.h"

/* From the machine's own order to big-endian, and back. */
static inline uint16_t bytes_be16(uint16_t v)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? v : __builtin_bswap16(v);
}

static inline uint32_t bytes_be32(uint32_t v)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? v : __builtin_bswap32(v);
}

static inline uint16_t load_be16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return bytes_be16(v);
}

static inline uint32_t load_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return bytes_be32(v);
}

static inline void store_be16(void *p, uint16_t v)
{
    v = bytes_be16(v);
    memcpy(p, &v, sizeof(v));
}

static inline void store_be32(void *p, uint32_t v)
{
    v = bytes_be32(v);
    memcpy(p, &v, sizeof(v));
}

static inline uint16_t load_le16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | (b[1] << 8));
}

static inline uint32_t load_le32(const void *p)
{
    const uint8_t *b = p;
    return b[0] | ((uint32_t)b[1] << 8) | ((uint32_t)b[2] << 16) | ((uint32_t)b[3] << 24);
}

static inline uint64_t load_le64(const void *p)
{
    const uint8_t *b = p;
    return load_le32(b) | ((uint64_t)load_le32(b + 4) << 32);
}

#endif
