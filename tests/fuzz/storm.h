/*
 * What a device says that lies: bytes for struct chip's hostile, as many as a storm has.
 */
#ifndef TESTS_FUZZ_STORM_H
#define TESTS_FUZZ_STORM_H

#include "kernel/base.h"
#include "tests/fuzz/fuzz_input.h"

enum storm_kind {
    STORM_BYTES,  /* of the input */
    STORM_RANDOM, /* from a seed in it */
    STORM_SELDOM, /* likewise, one access in eight */
    STORM_STUCK,  /* every register reads the same */
    STORM_KINDS,
};

struct storm {
    enum storm_kind kind;
    uint32_t left; /* bytes of decision */
    uint64_t random;
    uint32_t value;
};

/* One begins, as the input has it. */
void storm_begin(struct storm *s, struct fuzz_input *in);

/* The next bytes, which are 0 when it has nothing to say; left is the caller's to count. */
void storm_bytes(struct storm *s, struct fuzz_input *in, uint8_t *bytes, size_t len);

#endif
