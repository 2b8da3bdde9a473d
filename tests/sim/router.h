/*
 * What stands beside the simulated switch and is no host: a router that speaks for a narrow path
 * (fragments what may be, answers "fragmentation needed" for the rest), answers ARP for its own
 * address, and asks hosts for echoes, whose answers it checks.
 */
#ifndef TESTS_SIM_ROUTER_H
#define TESTS_SIM_ROUTER_H

#include "tests/sim/lan.h"

enum {
    ROUTER_MAC_LAST = 0xfe, /* 02:00:00:00:00:fe; a host's last byte is its index + 1 */
    ROUTER_PING_MAX_BYTES = 1400,
};

struct router {
    struct lan *lan;
    struct draw draw;
    uint64_t key;       /* of the bytes in pings */
    uint64_t every_ns;  /* 0: never */
    uint64_t next_ns;   /* the next ping, or DEADLINE_NONE */
    uint64_t until_ns;  /* no more pings behind this */
    uint16_t sent;      /* pings, and the last one's sequence number */
    uint64_t answered;  /* replies that were right */
    const char *breach; /* what was wrong with an answer */
};

void router_init(struct router *r, struct lan *l, uint64_t seed, uint64_t every_ns);

/* Sends a ping when one is due. */
void router_run(struct router *r, uint64_t now_ns);

/* A frame for the router or for everybody, borrowed: lan.router. */
void router_input(void *arg, const struct link_frame *f);

/* f, borrowed, is too large for the way to its host. */
void router_too_large(struct lan *l, const struct link_frame *f);

#endif
