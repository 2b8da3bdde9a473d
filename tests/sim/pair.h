/*
 * Two stacks joined by a perfect wire in memory, in virtual time: what the socket tests stand on.
 * Side 0 is 10.0.0.1, side 1 is 10.0.0.2. Bare IP packets, so no ARP. Packets move only in pair_run
 * and pair_advance.
 */
#ifndef TESTS_SIM_PAIR_H
#define TESTS_SIM_PAIR_H

#include "net/net.h"
#include "net/sock/sock.h"

enum {
    PAIR_POOL_PACKETS = 512,
    PAIR_HOST_0 = 0x0a000001,
    PAIR_HOST_1 = 0x0a000002,
};

struct pair {
    struct net *net[2];
    uint64_t now_ns;
    struct pair_side {
        struct pair *pair;
        struct pkt_pool tx;
        struct pkt_pool rx;
        struct pkt_queue wire; /* to this side; packets of its rx pool */
        void *memory;
    } side[2];
};

/* Limits of both stacks for a test: a default set, to be changed before pair_init. */
struct net_limits pair_limits(void);

void pair_init(struct pair *p, const struct net_limits *l);

/* Ends both stacks and checks that every packet came home. */
void pair_destroy(struct pair *p);

/* Delivers until both wires are empty; time stands still. True when anything moved. */
bool pair_run(struct pair *p);

/* The same, then goes from deadline to deadline until ns have passed. */
void pair_advance(struct pair *p, uint64_t ns);

/* The earliest deadline of both, after what is due now was done. */
uint64_t pair_deadline(struct pair *p);

/* A listener on side 1 and a connection to it from side 0: fd[0] and fd[1] its two ends. */
void pair_connect(struct pair *p, int fd[2], int *listener, uint16_t port);

#endif
