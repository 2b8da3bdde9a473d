/*
 * A simulated world: two stacks, the link between them, applications on both, and one virtual clock
 * that jumps from event to event. Everything in it follows from its plan; two runs of a plan are
 * equal. What must hold is looked at after every step and at the end:
 *
 *   - every frame is well formed, within MTU, MSS and the peer's window; acknowledgements and
 * window edges never go back; a sequence number always carries the same byte (wire.h)
 *   - a RST is never answered with a RST
 *   - applications read exactly the bytes that were written, up to the end of the stream where both
 *     ends close in order, and an error where one of them does not
 *   - something happens: a connection that makes no progress for STALL_NS is a failure
 *   - in the end every descriptor, control block, record and packet is back in its pool
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "net/net.h"
#include "tests/sim/app.h"
#include "tests/sim/link.h"
#include "tests/sim/wire.h"

enum {
    WORLD_TEXT_BYTES = 256,
};

struct world_plan {
    uint64_t seed;
    bool ethernet;
    bool edge_triggered; /* the applications' epoll */
    bool isn_fixed[2];
    uint32_t isn[2];
    uint16_t mtu[2];
    uint32_t msl_ms;
    uint32_t rcvbuf_bytes[2];
    uint32_t sndbuf_bytes[2];
    uint32_t buf_max_bytes[2]; /* how far both grow by themselves; 0: not at all */
    uint32_t packets[2];       /* in each pool of a host */
    struct link_params link[2];
    struct app_plan app;
    int restart_host; /* -1: none */
    uint64_t restart_ns;
    uint64_t restart_down_ns;
    bool end_early; /* destroyed when the applications are done, TIME-WAIT and all */
};

struct world_totals { /* added up over worlds */
    uint64_t worlds;
    uint64_t failures;
    uint64_t virtual_ns;
    uint64_t steps;
    uint64_t segments;
    uint64_t stream_bytes;
    uint64_t frames_lost;
    uint64_t frames_corrupted;
    uint64_t retransmissions;
    uint64_t resets;       /* ends that were told so */
    uint64_t rst_segments; /* on the wire */
    uint64_t give_ups;     /* connections that a stack gave up on */
};

struct host {
    struct world *world;
    int index;
    bool up;
    struct net *net;
    struct net_config cfg;
    struct pkt_pool tx;
    struct pkt_pool rx;
    uint64_t deadline_ns;
};

struct world {
    const struct world_plan *plan;
    uint64_t now_ns;
    uint64_t steps;
    uint64_t progress_ns; /* when an application last got on */
    struct host host[2];
    struct link link;
    struct wire wire;
    struct app app;
    bool input_is_rst; /* a RST is being delivered: an answer with RST is a breach */
    bool restarted;
    bool verbose;
    bool failed;
    uint64_t done_ns; /* when the applications were done */
    uint64_t retransmissions;
    uint64_t give_ups;
    char text[WORLD_TEXT_BYTES]; /* the first breach */
};

/* Runs a world to its end and adds to totals. False when something did not hold: said on stderr
 * with the seed. */
bool world_run(const struct world_plan *plan, bool verbose, struct world_totals *totals);

/* Notes a breach; the first one counts. */
void world_fail(struct world *w, const char *fmt, ...) printf_like(2, 3);

/* A line of the trace, when verbose. */
void world_trace(const struct world *w, const char *fmt, ...) printf_like(2, 3);

/* The line "sim: ..." that sums up a program. */
void world_report(const char *what, const struct world_totals *t, double wall_s);

/* Seeds to run: from *first, so many. RINGSIDE_SIM_SEED=n: that one, verbosely (true).
 * RINGSIDE_SIM_SEEDS=n: n of them, RINGSIDE_SIM_FIRST=n: from there. */
bool world_seeds(uint64_t *first, uint64_t *count);

/* Seconds of the real clock, for the summary alone. */
double world_wall_s(void);

#endif
