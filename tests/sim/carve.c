/*
 * The same carving for measuring and for making (kernel/arena.h): see carve.h.
 */
#include "tests/sim/carve.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE_BYTES = 4096,
    MEMORY_FILL = 0xa5,
};

static bool carve(const struct carve *c, struct arena *a)
{
    return pkt_pool_init(c->tx, a, "tx", c->tx_packets, c->bus) == STATUS_OK &&
           pkt_pool_init(c->rx, a, "rx", c->rx_packets, c->bus) == STATUS_OK &&
           net_create(c->net, a, c->config, c->now_ns) == STATUS_OK;
}

size_t carve_stack(const struct carve *c, struct carve_memory *m)
{
    struct arena a;
    assert(c->config->tx_pool == c->tx);
    arena_init(&a, NULL, 0);
    if (!carve(c, &a)) {
        return 0;
    }
    size_t need_bytes = align_up(a.used_bytes, PAGE_BYTES);
    if (m->size_bytes < need_bytes) {
        free(m->bytes);
        m->bytes = aligned_alloc(PAGE_BYTES, need_bytes);
        m->size_bytes = need_bytes;
        assert(m->bytes != NULL);
    }
    memset(m->bytes, MEMORY_FILL, need_bytes);
    arena_init(&a, m->bytes, need_bytes);
    return carve(c, &a) && *c->net != NULL ? need_bytes : 0;
}

void carve_free(struct carve_memory *m)
{
    free(m->bytes);
    *m = (struct carve_memory){0};
}
