/*
 * The registry of counters: code that keeps some registers a source; to show them is to walk all of
 * them by stats_next().
 */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

#include "kernel/base.h"
#include "kernel/include/ringside/stats.h" /* stats_next(): for servers */
#include "kernel/pkt.h"
#include "kernel/pool.h"

/* A source's idx-th counter, found without a search. False behind the last; out is then as it was.
 */
typedef bool stats_get_fn(const void *arg, size_t idx, struct stats_entry *out);

/* The caller's memory, and linked for ever once it is registered. */
struct stats_source {
    struct stats_source *next;
    const void *arg;
    stats_get_fn *get;
};

void stats_register(struct stats_source *s);

/* name is lower_case, unique with its prefix, shorter than out->name; help is one line without a
 * newline, and stays. */
void stats_entry_set(struct stats_entry *out, const char *name, const char *help, uint64_t value);

enum {
    STATS_POOL_COUNTERS = 4, /* of each pool: NAME_used, NAME_high, NAME_count, NAME_refused */
};

/* The idx-th of a pool, idx < STATS_POOL_COUNTERS. */
void stats_entry_pool(struct stats_entry *out, const struct pool *p, size_t idx);
void stats_entry_pkt_pool(struct stats_entry *out, const struct pkt_pool *p, size_t idx);

#endif
