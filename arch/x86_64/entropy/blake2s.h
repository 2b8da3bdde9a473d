/*
 * BLAKE2s-256 without a key, RFC 7693: the hash that distils entropy. Pure.
 */
#ifndef ARCH_X86_64_ENTROPY_BLAKE2S_H
#define ARCH_X86_64_ENTROPY_BLAKE2S_H

#include "kernel/base.h"

enum {
    BLAKE2S_HASH_BYTES = 32,
    BLAKE2S_BLOCK_BYTES = 64,
};

struct blake2s {
    uint32_t h[8];
    uint64_t total_bytes; /* compressed so far */
    uint8_t block[BLAKE2S_BLOCK_BYTES];
    size_t block_used;
};

void blake2s_init(struct blake2s *s);
void blake2s_update(struct blake2s *s, const void *data, size_t len);
/* s must be initialised again before its next use. */
void blake2s_final(struct blake2s *s, uint8_t hash[BLAKE2S_HASH_BYTES]);

#endif
