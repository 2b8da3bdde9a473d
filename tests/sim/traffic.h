/*
 * Background traffic of a simulated world: datagrams between pairs of hosts. What arrives must be
 * what was sent, whole, from the sender it names; that it arrives nobody promises. Some go to a
 * port where nobody listens, which makes the receiver send ICMP errors.
 */
#ifndef TESTS_SIM_TRAFFIC_H
#define TESTS_SIM_TRAFFIC_H

#include "tests/sim/lan.h"

struct world;

enum {
    TRAFFIC_MAX = 2,
    TRAFFIC_PORT = 5000,        /* + number of the pair */
    TRAFFIC_CLOSED_PORT = 5100, /* nobody listens */
    TRAFFIC_HEADER_BYTES = 8,
    TRAFFIC_BYTES_MAX = 1472, /* of most pairs' datagrams */
    TRAFFIC_LARGE_BYTES_MAX = 65507,
    TRAFFIC_LARGE_COUNT_MAX = 40,
};

struct traffic_plan {
    int from, to; /* hosts */
    uint64_t every_ns;
    uint32_t count;
    uint32_t bytes_max;
    uint32_t closed_ppm; /* chance of the closed port */
};

struct traffic_pair {
    const struct traffic_plan *plan;
    int fd_from, fd_to; /* -1: that host is down */
    uint64_t next_ns;
    uint64_t sent;
    uint64_t received;
};

struct traffic {
    struct draw draw;
    uint32_t pair_count;
    struct traffic_pair pair[TRAFFIC_MAX];
};

void traffic_init(struct world *w);
void traffic_host_up(struct world *w, int host);
void traffic_host_down(struct world *w, int host);
/* From now on datagrams go, the first ones after a while. */
void traffic_begin(struct world *w);

/* Sends what is due, reads what came. */
void traffic_run(struct world *w);
uint64_t traffic_next_ns(const struct world *w);

/* No more: closes the sockets. */
void traffic_close(struct world *w);

#endif
