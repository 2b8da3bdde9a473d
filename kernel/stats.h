/*
 * The registry of counters: whoever keeps some registers a source, whoever shows them walks all.
 */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

#include "kernel/base.h"
#include "kernel/include/ringside/stats.h" /* stats_get(): for servers */
#include "kernel/pkt.h"
#include "kernel/pool.h"

/* name is lower_case, unique with its prefix; help is one line without a newline. */
typedef void stats_emit_fn(void *ctx, const char *name, const char *help, uint64_t value);

struct stats_source {
    struct stats_source *next;
    void *arg;
    void (*walk)(void *arg, stats_emit_fn *emit, void *ctx);
};

void stats_register(struct stats_source *s);
void stats_walk(stats_emit_fn *emit, void *ctx);

/* The usual four of a pool: NAME_used, NAME_high, NAME_count, NAME_refused. */
void stats_emit_pool(const struct pool *p, stats_emit_fn *emit, void *ctx);
void stats_emit_pkt_pool(const struct pkt_pool *p, stats_emit_fn *emit, void *ctx);

#endif
