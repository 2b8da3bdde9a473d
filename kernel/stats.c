/*
 * The registry of counters. Sources are walked in the order they registered.
 */
#include "kernel/stats.h"

#include <string.h>

static struct {
    struct stats_source *first;
    struct stats_source *last;
} registry;

void stats_register(struct stats_source *s)
{
    assert(s != NULL && s->get != NULL);
    assert(s != registry.last);
    s->next = NULL;
    if (registry.last != NULL) {
        registry.last->next = s;
    } else {
        registry.first = s;
    }
    registry.last = s;
}

bool stats_next(struct stats_iter *it, struct stats_entry *out)
{
    assert(it != NULL && out != NULL);
    const struct stats_source *s = it->source != NULL ? it->source : registry.first;
    while (s != NULL) {
        it->source = s;
        if (s->get(s->arg, it->idx, out)) {
            it->idx++;
            return true;
        }
        s = s->next;
        if (s != NULL) {
            it->idx = 0;
        }
    }
    return false;
}

void stats_entry_set(struct stats_entry *out, const char *name, const char *help, uint64_t value)
{
    size_t len = strlen(name);
    assert(len < sizeof(out->name));
    memcpy(out->name, name, len + 1);
    out->help = help;
    out->value = value;
}

/* What is said of every pool, whatever its type. */
static void entry_of_pool(struct stats_entry *out, const char *pool, size_t idx, uint64_t value)
{
    static const struct {
        const char *suffix;
        const char *help;
    } rows[STATS_POOL_COUNTERS] = {
        {"_used", "objects in use now"},
        {"_high", "the most objects ever in use"},
        {"_count", "objects there are"},
        {"_refused", "requests that found none left"},
    };
    size_t pool_len = strlen(pool);
    size_t suffix_len = strlen(rows[idx].suffix);
    assert(pool_len + suffix_len < sizeof(out->name));
    memcpy(out->name, pool, pool_len);
    memcpy(out->name + pool_len, rows[idx].suffix, suffix_len + 1);
    out->help = rows[idx].help;
    out->value = value;
}

void stats_entry_pool(struct stats_entry *out, const struct pool *p, size_t idx)
{
    const uint64_t values[STATS_POOL_COUNTERS] = {p->used, p->high, p->count, p->refused};
    assert(idx < STATS_POOL_COUNTERS);
    entry_of_pool(out, p->name, idx, values[idx]);
}

void stats_entry_pkt_pool(struct stats_entry *out, const struct pkt_pool *p, size_t idx)
{
    const uint64_t values[STATS_POOL_COUNTERS] = {p->used, p->high, p->count, p->refused};
    assert(idx < STATS_POOL_COUNTERS);
    entry_of_pool(out, p->name, idx, values[idx]);
}
