/*
 * The trail of a world: a number for each frame sent, with its time, and for each look at the state
 * of a stack. Of a world that is run once more in another way it tells where the two part.
 */
#ifndef TESTS_SIM_TRAIL_H
#define TESTS_SIM_TRAIL_H

#include "kernel/base.h"

struct trail {
    uint64_t *marks;
    size_t count;
    size_t room;
    size_t next;    /* comparing: the mark that is expected */
    bool comparing; /* a second run: nothing is added */
};

/* From bytes to a number, going on from another one. */
uint64_t trail_mix(uint64_t sum, const void *bytes, size_t len);

/* The next mark; false: the first run had another one there. */
bool trail_note(struct trail *t, uint64_t mark);

/* From now on the marks are compared. */
void trail_again(struct trail *t);

/* True when there was a mark for each of the first run's. */
bool trail_ended(const struct trail *t);

void trail_free(struct trail *t);

#endif
