/*
 * The test of what a network device does for a stack, in its loopback: packets go out in several
 * buffers, with a checksum to be filled in or to be cut into segments, and what comes back is
 * judged as a receiver would.
 */
#ifndef APPS_ROOT_OFFLOAD_TEST_H
#define APPS_ROOT_OFFLOAD_TEST_H

#include "drivers/nic.h"

struct offload_result {
    uint32_t csums, csums_good;       /* frames whose checksum was to be filled in */
    uint32_t segments, segments_good; /* that were to come of packets to be cut */
    uint32_t wrong;                   /* frames that came back otherwise */
    uint32_t uncut;  /* fragments of IPv4, or more than a frame holds: an emulator's loopback */
    uint32_t marked; /* of the good ones, those that the device said were */
};

/*
 * nic sends to itself as loopback_run has it; it asks for what nic.features has. Packets are taken
 * from pool and all given back, but for those that the device still has. Start-up only, spins: for
 * a tenth of a second where all comes back, 3 s where nothing does.
 */
void offload_test_run(struct nic *nic, struct pkt_pool *pool, struct offload_result *out);

static inline bool offload_test_passed(const struct offload_result *r)
{
    bool segmented = r->segments_good == r->segments || r->uncut > 0;
    return r->csums_good == r->csums && segmented && r->wrong == 0;
}

#endif
