/*
 * The loopback test of a network device: numbered frames of every size go out and have to come
 * back, each once and byte for byte.
 */
#ifndef APPS_ROOT_LOOPBACK_H
#define APPS_ROOT_LOOPBACK_H

#include "drivers/nic.h"

enum {
    LOOPBACK_FRAMES = 10000,
    LOOPBACK_SETTLE_MS = 2000, /* for the first frame to come back */
    LOOPBACK_MAX_MS = 30000,   /* in all */
};

struct loopback_result {
    bool answered;     /* a first frame came back: the test was made */
    uint32_t sent;     /* LOOPBACK_FRAMES, or fewer when the time was over */
    uint32_t good;     /* came back as they were */
    uint32_t lost;     /* did not */
    uint32_t repeated; /* came back more than once */
    uint32_t corrupt;  /* came back with other bytes, or of another length */
    uint32_t foreign;  /* frames of another sender: not a fault */
    uint32_t took_us;
};

/*
 * nic sends to itself, to its own address, by rx, tx, tx_flush and tx_reclaim; packets are taken
 * from pool and all given back, but for those that the device still has. Start-up only, spins.
 */
void loopback_run(struct nic *nic, struct pkt_pool *pool, struct loopback_result *out);

static inline bool loopback_passed(const struct loopback_result *r)
{
    return r->answered && r->sent == LOOPBACK_FRAMES && r->good == r->sent && r->repeated == 0 &&
           r->corrupt == 0;
}

#endif
