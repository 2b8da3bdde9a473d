/*
 * The registry of counters. Sources are walked in the order they registered, so the n-th counter
 * is the same one as long as nobody registers.
 */
#include "kernel/stats.h"

#include <string.h>

static struct {
    struct stats_source *first;
    struct stats_source *last;
} registry;

void stats_register(struct stats_source *s)
{
    assert(s != NULL && s->walk != NULL);
    assert(s != registry.last);
    s->next = NULL;
    if (registry.last != NULL) {
        registry.last->next = s;
    } else {
        registry.first = s;
    }
    registry.last = s;
}

void stats_walk(stats_emit_fn *emit, void *ctx)
{
    for (struct stats_source *s = registry.first; s != NULL; s = s->next) {
        s->walk(s->arg, emit, ctx);
    }
}

/* What is said of every pool, whatever its type. */
struct pool_numbers {
    const char *name;
    uint64_t used;
    uint64_t high;
    uint64_t count;
    uint64_t refused;
};

/* By hand: the walk comes past all of these for each entry of a page, and formatting them took more
 * than all else a page costs. */
static void emit_one(const char *pool, const char *suffix, const char *help, uint64_t value,
                     stats_emit_fn *emit, void *ctx)
{
    char name[sizeof(((struct stats_entry *)NULL)->name)];
    size_t pool_len = strlen(pool);
    size_t suffix_len = strlen(suffix);
    assert(pool_len + 1 + suffix_len < sizeof(name));
    memcpy(name, pool, pool_len);
    name[pool_len] = '_';
    memcpy(name + pool_len + 1, suffix, suffix_len + 1);
    emit(ctx, name, help, value);
}

static void emit_numbers(const struct pool_numbers *n, stats_emit_fn *emit, void *ctx)
{
    emit_one(n->name, "used", "objects in use now", n->used, emit, ctx);
    emit_one(n->name, "high", "the most objects ever in use", n->high, emit, ctx);
    emit_one(n->name, "count", "objects there are", n->count, emit, ctx);
    emit_one(n->name, "refused", "requests that found none left", n->refused, emit, ctx);
}

void stats_emit_pool(const struct pool *p, stats_emit_fn *emit, void *ctx)
{
    const struct pool_numbers numbers = {p->name, p->used, p->high, p->count, p->refused};
    emit_numbers(&numbers, emit, ctx);
}

void stats_emit_pkt_pool(const struct pkt_pool *p, stats_emit_fn *emit, void *ctx)
{
    const struct pool_numbers numbers = {p->name, p->used, p->high, p->count, p->refused};
    emit_numbers(&numbers, emit, ctx);
}

/* Counts down to the entry that is looked for and copies it. */
struct search {
    size_t skip;
    bool found;
    struct stats_entry *out;
};

static void search_emit(void *ctx, const char *name, const char *help, uint64_t value)
{
    struct search *s = ctx;
    if (s->found) {
        return;
    }
    if (s->skip > 0) {
        s->skip--;
        return;
    }
    size_t len = strnlen(name, sizeof(s->out->name) - 1);
    memcpy(s->out->name, name, len);
    s->out->name[len] = '\0';
    s->out->help = help;
    s->out->value = value;
    s->found = true;
}

bool stats_get(size_t n, struct stats_entry *out)
{
    assert(out != NULL);
    struct search s = {.skip = n, .found = false, .out = out};
    stats_walk(search_emit, &s);
    return s.found;
}
