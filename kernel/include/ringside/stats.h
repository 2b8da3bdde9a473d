/*
 * The counters of the whole program, as a server sees them. Needs nothing of ours: it compiles for
 * plain Linux too, where a file of the server itself serves the same declaration.
 */
#ifndef RINGSIDE_STATS_H
#define RINGSIDE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats_entry {
    char name[64];
    const char *help; /* one line without a newline; valid for ever */
    uint64_t value;
};

/* A place among the counters. All zero is before the first. Holds nothing that must be given back.
 */
struct stats_iter {
    const void *source;
    size_t idx;
};

/*
 * The next counter with its value of now. False behind the last, and ever after. The order is the
 * same each time, so a walk that is interrupted goes on where it was; a whole one costs as much as
 * there are counters. From a task; never blocks.
 */
bool stats_next(struct stats_iter *it, struct stats_entry *out);

#endif
