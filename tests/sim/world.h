/*
 * A simulated world: a few stacks, the segment that joins them, applications on all, and one
 * virtual clock that jumps from event to event. Everything in it follows from its plan; two runs of
 * a plan are equal. What must hold is looked at after every step and at the end:
 *
 *   - every frame is well formed, within MTU, MSS and the peer's window; acknowledgements, window
 *     edges and timestamps never go back; SACK blocks make sense; a sequence number always carries
 *     the same byte (wire.h)
 *   - a RST is never answered with a RST, an ICMP error never with an ICMP error, a corrupted
 *     packet with nothing; what one frame, and what a silent time brings about is bounded
 *   - every packet buffer that is out is in one of its stack's queues
 *   - applications read exactly the bytes that were written, up to the end of the stream where both
 *     ends close in order, and an error where one of them does not; datagrams are whole
 *   - something happens: that nothing is read, written or acknowledged for STALL_S is a failure
 *   - in the end every descriptor, control block, record and packet is back in its pool
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "tests/sim/app.h"
#include "tests/sim/host.h"
#include "tests/sim/lan.h"
#include "tests/sim/router.h"
#include "tests/sim/traffic.h"
#include "tests/sim/trail.h"
#include "tests/sim/wire.h"

enum {
    WORLD_TEXT_BYTES = 256,
    RESTARTS_MAX = 2,
};

struct restart_plan {
    int host;
    uint64_t at_ns; /* after the world's begin */
    uint64_t down_ns;
};

struct world_plan {
    uint64_t seed;
    int host_count;
    struct host_plan host[HOSTS_MAX];
    bool ethernet;
    const struct host_device *device; /* of every host; NULL: none */
    bool edge_triggered;              /* the applications' epoll */
    uint32_t msl_ms;
    struct app_plan app;
    uint32_t traffic_count;
    struct traffic_plan traffic[TRAFFIC_MAX];
    uint64_t ping_every_ns; /* echoes asked for by the router, 0: none */
    uint32_t restart_count; /* of different hosts */
    struct restart_plan restart[RESTARTS_MAX];
    uint32_t partition_count;
    struct partition_plan partition[PARTITIONS_MAX]; /* times after the world's begin */
    struct trail *trail; /* notes what happens, or compares it; NULL: nobody asks */
    bool end_early;      /* destroyed when the applications are done, TIME-WAIT and all */
};

struct world_totals { /* added up over worlds */
    uint64_t worlds;
    uint64_t failures;
    uint64_t hosts;
    uint64_t virtual_ns;
    uint64_t steps;
    uint64_t segments;
    uint64_t stream_bytes;
    uint64_t datagrams;
    uint64_t echoes;
    uint64_t frames_lost;
    uint64_t frames_corrupted;
    uint64_t retransmissions;
    uint64_t runs;    /* that a device was to cut into segments */
    uint64_t in_runs; /* segments that went behind another one */
    uint64_t sack_blocks;
    uint64_t icmp_errors;
    uint64_t resets;       /* ends that were told so */
    uint64_t rst_segments; /* on the wire */
    uint64_t give_ups;     /* connections, handshakes, neighbours that a stack gave up on */
    uint64_t excused;      /* orderly connections that ended early because of one */
    uint64_t excused_late; /* of these, connections that had carried bytes */
};

struct world {
    const struct world_plan *plan;
    uint64_t now_ns;
    uint64_t steps;
    uint64_t progress_ns; /* when an application last got on */
    uint64_t acked_ns;    /* when it was last seen that acked_bytes had changed */
    uint64_t acked_bytes; /* of all connections, acknowledged by their peers */
    struct host host[HOSTS_MAX];
    struct lan lan;
    struct wire wire;
    struct router router;
    struct app app;
    struct traffic traffic;
    uint32_t restarts_done; /* bit i: plan->restart[i] is over */
    bool verbose;
    bool failed;
    uint64_t done_ns; /* when the applications were done */
    uint64_t retransmissions;
    uint64_t runs; /* that a device was to cut into segments */
    uint64_t in_runs;
    uint64_t give_ups;
    uint64_t excused, excused_late;
    uint64_t gave_up_before[HOSTS_MAX]; /* by stacks that are gone */
    uint64_t quiet_since_ns;            /* frames are counted from here for storms */
    uint64_t quiet_frames;
    char text[WORLD_TEXT_BYTES]; /* the first breach */
};

/* Runs a world to its end and adds to totals. False when something did not hold: said on stderr
 * with the seed. */
bool world_run(const struct world_plan *plan, bool verbose, struct world_totals *totals);

/* Notes a breach; the first one counts. */
void world_fail(struct world *w, const char *fmt, ...) printf_like(2, 3);

/* A line of the trace, when verbose. */
void world_trace(const struct world *w, const char *fmt, ...) printf_like(2, 3);
void world_trace_frame(const struct world *w, int from, const uint8_t *bytes, size_t len,
                       const char *how);
const char *world_fate(enum link_fate fate);

/* Something that must be the same in a second run of the plan: a breach when it is not. */
void world_mark(struct world *w, const char *what, uint64_t mark);

/* Every host that was to be restarted is back. */
bool world_restarts_over(const struct world *w);

/* The line "sim: ..." that sums up a program. */
void world_report(const char *what, const struct world_totals *t, double wall_s);

/* RINGSIDE_SIM_BOTH=1: each world is run with TCP's short way and without it, and compared. */
bool world_both(void);

/* Seeds to run: from *first, so many. RINGSIDE_SIM_SEED=n: that one, verbosely (true).
 * RINGSIDE_SIM_SEEDS=n: n of them, RINGSIDE_SIM_FIRST=n: from there. */
bool world_seeds(uint64_t *first, uint64_t *count);

/* Seconds of the real clock, for the summary alone. */
double world_wall_s(void);

#endif
