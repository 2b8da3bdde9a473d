/*
 * Two stacks and the wire between them, in virtual time, for tests that make every call themselves
 * (world.h has applications of its own, and judges what they do). Side 0 is 10.0.0.1, side 1 is
 * 10.0.0.2, on bare IP unless the configuration says Ethernet. The wire is perfect and takes no
 * time until pair_link() or a pair_wire_fn says otherwise. Time passes and frames arrive only in
 * the functions below.
 */
#ifndef TESTS_SIM_PAIR_H
#define TESTS_SIM_PAIR_H

#include "net/net.h"
#include "net/sock/sock.h"
#include "tests/sim/carve.h"
#include "tests/sim/link.h"

enum {
    PAIR_POOL_PACKETS = 512,
    PAIR_HOST_0 = 0x0a000001,
    PAIR_HOST_1 = 0x0a000002,
};

struct pair;

/* What becomes of a frame, borrowed, that side from sends: pair_send() and pair_carry() as often as
 * it shall arrive. */
typedef void pair_wire_fn(struct pair *p, int from, const uint8_t *bytes, size_t len);

struct pair {
    struct net *net[2];
    uint64_t now_ns;
    pair_wire_fn *wire;    /* NULL: pair_send() */
    void *arg;             /* the wire's, or the test's */
    struct link_heap heap; /* frames on their way */
    struct pair_side {
        struct pair *pair;
        struct pkt_pool tx;
        struct pkt_pool rx;
        struct net_config cfg;
        struct link_way way; /* from this side to the other */
        struct carve_memory memory;
    } side[2];
};

/* Both stacks with the defaults, at 1 s, their links up, and what they say then is over. */
void pair_init(struct pair *p, const struct net_limits *l);

/* Limits of both stacks for a test: a default set, to be changed before pair_init. */
struct net_limits pair_limits(void);

/* The same by hand: pair_begin(), then for both sides pair_config(), which may be changed, and
 * pair_start() with so many packets in each pool. */
void pair_begin(struct pair *p);
void pair_config(struct net_config *cfg, int side, const struct net_limits *l);
void pair_start(struct pair *p, int side, const struct net_config *cfg, uint32_t packets);

/* What the wire does to frames from here on, both ways. What befalls them follows from key. */
void pair_link(struct pair *p, const struct link_params *params, uint64_t key);

/* Ends both stacks and checks that every packet came home. */
void pair_destroy(struct pair *p);

/* Puts a copy of a frame on the wire from a side: it meets what pair_link() said. */
void pair_send(struct pair *p, int from, const uint8_t *bytes, size_t len);
/* Likewise; it arrives, after delay_ns. */
void pair_carry(struct pair *p, int from, const uint8_t *bytes, size_t len, uint64_t delay_ns);

/* When the next frame arrives, or DEADLINE_NONE. */
uint64_t pair_arrival_ns(const struct pair *p);

/* Gives the first frame that has arrived by now to its stack, which drops it when no packet of its
 * rx pool is left. Returns the side, or -1: none has arrived. */
int pair_deliver(struct pair *p);

/* Delivers until nothing that has arrived is left; time stands still. True when anything moved. */
bool pair_run(struct pair *p);

/* The same, then goes from deadline to deadline until ns have passed. */
void pair_advance(struct pair *p, uint64_t ns);

/* The earliest deadline of both stacks and of the wire, after what is due now was done. */
uint64_t pair_deadline(struct pair *p);

/* A listener on side 1 and a connection to it from side 0: fd[0] and fd[1] its two ends. */
void pair_connect(struct pair *p, int fd[2], int *listener, uint16_t port);

#endif
