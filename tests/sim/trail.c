/*
 * The trail of a world: see trail.h.
 */
#include "tests/sim/trail.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/draw.h"

enum {
    ROOM_FIRST = 1024,
};

uint64_t trail_mix(uint64_t sum, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, at + i, min_size(len - i, sizeof(word)));
        sum = mix_u64(sum + word + 1);
    }
    return sum;
}

bool trail_note(struct trail *t, uint64_t mark)
{
    if (t->comparing) {
        return t->next < t->count && t->marks[t->next++] == mark;
    }
    if (t->count == t->room) {
        t->room = t->room == 0 ? ROOM_FIRST : 2 * t->room;
        t->marks = realloc(t->marks, t->room * sizeof(t->marks[0]));
        assert(t->marks != NULL);
    }
    t->marks[t->count++] = mark;
    return true;
}

void trail_again(struct trail *t)
{
    t->comparing = true;
    t->next = 0;
}

bool trail_ended(const struct trail *t)
{
    return !t->comparing || t->next == t->count;
}

void trail_free(struct trail *t)
{
    free(t->marks);
    *t = (struct trail){0};
}
