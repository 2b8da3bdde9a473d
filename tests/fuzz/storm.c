/*
 * See storm.h.
 */
#include "tests/fuzz/storm.h"

#include <string.h>

void storm_begin(struct storm *s, struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);
    s->kind = how % STORM_KINDS;
    s->left = 4u << (how >> 4);
    if (s->kind != STORM_BYTES) {
        (void)fuzz_take(in, &s->value, 4);
        s->random = s->value | UINT64_C(1) << 32;
    }
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

void storm_bytes(struct storm *s, struct fuzz_input *in, uint8_t *bytes, size_t len)
{
    uint64_t random = random_next(&s->random);
    switch (s->kind) {
    case STORM_BYTES:
        (void)fuzz_take(in, bytes, len);
        return;
    case STORM_STUCK:
        bytes[0] = 1; /* this register, no descriptor */
        if (len == sizeof(s->value)) {
            memcpy(bytes, &s->value, len);
        }
        return;
    case STORM_SELDOM:
        if (len == 1 && random >> 61 != 0) {
            return;
        }
        break;
    default:
        break;
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(random_next(&s->random) >> 32);
    }
}
