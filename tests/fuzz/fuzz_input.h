/*
 * Reading a fuzz input as numbers and pieces: what is missing at its end reads as zeros.
 */
#ifndef TESTS_FUZZ_FUZZ_INPUT_H
#define TESTS_FUZZ_FUZZ_INPUT_H

#include <string.h>

#include "kernel/base.h"

struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

/* The next len bytes, or as many as there are, into out. Returns how many there were. */
static inline size_t fuzz_take(struct fuzz_input *in, void *out, size_t len)
{
    size_t n = min_size(len, in->size);
    memset(out, 0, len);
    if (n > 0) {
        memcpy(out, in->data, n);
    }
    in->data += n;
    in->size -= n;
    return n;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
    uint8_t v;
    (void)fuzz_take(in, &v, 1);
    return v;
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
    uint8_t v[2];
    (void)fuzz_take(in, v, 2);
    return (uint16_t)(v[0] << 8 | v[1]);
}

#endif
