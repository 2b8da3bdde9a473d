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

/* The n-th counter, from 0. False behind the last. From a task; never blocks. */
bool stats_get(size_t n, struct stats_entry *out);

#endif
