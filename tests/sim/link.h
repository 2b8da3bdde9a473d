/*
 * One way over a simulated wire: delay, jitter, a serialising rate with a bounded drop-tail queue,
 * loss one by one and in bursts, outages, duplication, reordering and corruption, and the heap of
 * frames on their way. Knows nothing of stacks or hosts. What befalls the nth frame of a way does
 * not depend on the frames of others, nor on what befell those before: two stacks that behave
 * alike meet the same losses, which makes them comparable.
 *
 * Corruption flips one to three bits of one 16-bit word of an IPv4 packet. The Internet checksum
 * misses a change of a single word only when it turns 0x0000 into 0xffff or back (RFC 1071), which
 * takes sixteen flips: so every corrupted packet can be told, and one that comes through is a bug
 * of the receiver. ARP has no checksum of its own, an Ethernet's FCS protects it: it is left alone.
 */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include "tests/sim/draw.h"

struct link_params { /* of one direction; all zero: frames pass at once */
    uint64_t delay_ns;
    uint64_t jitter_ns; /* 0 .. this on top; order is kept */
    uint64_t rate_bps;  /* 0: no limit */
    uint64_t queue_ns;  /* what would wait longer for the line is dropped */
    uint64_t mark_ns;   /* 0: never; what waits longer is marked when it is ECT (RFC 3168 5) */
    uint32_t loss_ppm;
    uint32_t burst_enter_ppm; /* Gilbert-Elliott: chance a frame of turning bad, 0: never */
    uint32_t burst_leave_ppm; /* chance a frame of turning good again */
    uint32_t burst_loss_ppm;  /* loss while bad */
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;
    uint64_t reorder_ns; /* a reordered frame or a twin is late by up to this */
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
    LINK_LOST_BURST,
    LINK_LOST_OUTAGE,
    LINK_LOST_QUEUE,
    LINK_LOST_PARTITION,
    LINK_LOST_TOO_LARGE,
    LINK_FATES,
};

struct link_frame {
    uint64_t at_ns;
    uint64_t order; /* of sending: ties are delivered in it */
    int from;       /* host, or whatever the owner says */
    int to;
    bool at_switch; /* the first of its two ways is behind it */
    bool corrupted;
    bool precious; /* see lan.h */
    bool spare;    /* must not be lost */
    size_t len;
    uint8_t bytes[];
};

struct link_way {
    struct link_params params;
    uint64_t key;    /* what befalls a frame follows from this and the frame's number alone */
    uint64_t frames; /* sent so far */
    struct draw outages;
    uint64_t line_free_ns; /* when the last frame has left */
    uint64_t last_ns;      /* the latest delivery in order */
    uint64_t outage_at_ns; /* when the next one begins */
    uint64_t outage_end_ns;
    uint64_t sent_ns; /* when the last frame was sent */
    bool bursting;
};

struct link_heap {
    struct link_frame **frames;
    size_t count;
    size_t room;
    uint64_t order;
};

void link_way_init(struct link_way *w, const struct link_params *params, uint64_t key);

/*
 * Sends f over the way: its time of arrival is set and it, and perhaps a twin, go onto the heap.
 * When the fate is a loss the caller keeps f. ip_offset: where IPv4 begins in a frame.
 */
enum link_fate link_way_send(struct link_way *w, struct link_heap *h, struct link_frame *f,
                             size_t ip_offset, uint64_t now_ns);

/* A frame of its own with a copy of the bytes, to be freed. */
struct link_frame *link_frame_new(const uint8_t *bytes, size_t len);
struct link_frame *link_frame_copy(const struct link_frame *f);

static inline bool link_lost(enum link_fate fate)
{
    return fate >= LINK_LOST;
}

/* Takes f; at_ns is set. Frames of one instant come out in the order they were pushed. */
void link_heap_push(struct link_heap *h, struct link_frame *f);
/* The next frame, which there must be. */
struct link_frame *link_heap_pop(struct link_heap *h);
void link_heap_free(struct link_heap *h);

#endif
