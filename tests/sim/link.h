/*
 * The link between two simulated stacks: both directions with delay, jitter, a serialising rate
 * with a bounded queue, loss, outages, duplication, reordering and corruption, all drawn from a
 * seed. It keeps copies of bytes and knows nothing of stacks or pools.
 *
 * Corruption flips one to three bits of one 16-bit word of an IPv4 packet. The Internet checksum
 * misses a change of a single word only when it turns 0x0000 into 0xffff or back (RFC 1071), which
 * takes sixteen flips: so every corrupted packet can be told, and one that comes through is a bug
 * of the receiver. ARP has no checksum of its own, an Ethernet's FCS protects it: it is left alone.
 */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include "tests/sim/draw.h"

struct link_params { /* of one direction */
    uint64_t delay_ns;
    uint64_t jitter_ns; /* 0 .. this on top; order is kept */
    uint64_t rate_bps;  /* 0: no limit */
    uint64_t queue_ns;  /* what would wait longer for the line is dropped */
    uint32_t loss_ppm;
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;
    uint64_t reorder_ns; /* a reordered frame is late by up to this */
    uint32_t corrupt_ppm;
    uint64_t outage_every_ns; /* about so often, 0: never */
    uint64_t outage_ns;       /* everything is lost for up to so long */
};

enum link_fate {
    LINK_SENT,
    LINK_SENT_TWICE,
    LINK_SENT_LATE,
    LINK_SENT_CORRUPT,
    LINK_LOST,
    LINK_LOST_OUTAGE,
    LINK_LOST_QUEUE,
};

struct link_frame {
    uint64_t at_ns;
    uint64_t order; /* of sending: ties are delivered in it */
    int from;
    bool corrupted;
    size_t len;
    uint8_t bytes[];
};

struct link_way {
    struct link_params params;
    uint64_t line_free_ns; /* when the last frame has left */
    uint64_t last_ns;      /* the latest delivery in order */
    uint64_t outage_at_ns; /* when the next one begins */
    uint64_t outage_end_ns;
    bool spared; /* a precious frame was lost: the next is not */
};

struct link {
    struct draw draw;
    struct link_way way[2]; /* by sender */
    size_t ip_offset;       /* where IPv4 begins in a frame: 14 or 0 */
    struct link_frame **heap;
    size_t count;
    size_t room;
    uint64_t order;
    uint64_t frames_in;
    uint64_t frames_lost;
    uint64_t frames_corrupted;
};

void link_init(struct link *l, uint64_t seed, const struct link_params params[2], size_t ip_offset);
void link_free(struct link *l);

/*
 * Takes a copy of a frame. Of precious frames (ARP, and those with a SYN) no two in a row are lost:
 * a stack rightly gives up on a neighbour after three lost requests and on a connection after a
 * handful of lost SYNs, and that is not what is tested.
 */
enum link_fate link_send(struct link *l, int from, const uint8_t *bytes, size_t len,
                         uint64_t now_ns, bool precious);

/* The next frame that is due by now_ns, to be freed by the caller, or NULL. */
struct link_frame *link_take(struct link *l, uint64_t now_ns);

/* When the next frame arrives, or DEADLINE_NONE. */
uint64_t link_next_ns(const struct link *l);

#endif
