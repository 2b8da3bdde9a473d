/*
 * A stack and its two pools in memory of their own: what every simulated host begins with.
 */
#ifndef TESTS_SIM_CARVE_H
#define TESTS_SIM_CARVE_H

#include "net/net.h"

struct carve {
    struct pkt_pool *tx; /* to be made */
    struct pkt_pool *rx;
    uint32_t tx_packets;
    uint32_t rx_packets;
    pkt_bus_fn *bus; /* of both pools, or NULL */
    struct net **net;
    const struct net_config *config; /* its tx_pool is tx */
    uint64_t now_ns;
};

/* Grows to the most that was ever needed and is used again: asking the system for fresh pages would
 * cost more than all the rest of a short world. All zero: none yet. */
struct carve_memory {
    void *bytes;
    size_t size_bytes;
};

/*
 * Measures, fills so much of m with a pattern, for what reads memory that nobody wrote, and makes
 * all of it there. Returns how many bytes that takes; 0: it cannot be made.
 */
size_t carve_stack(const struct carve *c, struct carve_memory *m);

void carve_free(struct carve_memory *m);

#endif
