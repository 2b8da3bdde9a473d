/*
 * One host of a simulated world: a stack in memory of its own, its pools, and what is looked at
 * whenever it is given a frame or sends one.
 */
#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include "net/net.h"
#include "tests/sim/lan.h"

struct world;

struct host;

/*
 * What stands between a stack and the wire where a world has it (station.h); else frames go from
 * one to the other by themselves.
 */
struct host_device {
    uint32_t rx_packets; /* that it takes from the receive pool for itself */
    pkt_bus_fn *bus;
    void (*start)(struct host *h);               /* pools and stack are made */
    void (*stop)(struct host *h);                /* the stack is gone: every packet comes back */
    void (*send)(struct host *h, struct pkt *p); /* takes p */
    void (*receive)(struct host *h, const struct link_frame *f); /* borrows f; h may be down */
    void (*run)(struct host *h);       /* before the stack's turn; gives host_input what came */
    uint64_t (*flush)(struct host *h); /* behind it; returns when it wants the next turn */
    uint32_t (*holds)(const struct host *h); /* packets that nobody has beside it */
};

struct host_plan {
    bool isn_fixed;
    uint32_t isn;
    uint16_t mtu;
    uint32_t rcvbuf_bytes;
    uint32_t sndbuf_bytes;
    uint32_t buf_max_bytes; /* how far both grow by themselves; 0: not at all */
    uint32_t packets;       /* in each pool */
    uint32_t tcp_off;       /* enum net_tcp_off */
    uint32_t offload;       /* enum net_offload; of a device what it has */
    uint32_t batch;         /* data segments that come to its stack at once, at most; 0 as 1 */
    uint64_t batch_ns;      /* so long the first one waits for the others */
    bool gro_off;
    bool ecn;
    bool ts_fixed;
    uint32_t ts_start;      /* ms */
    const char *congestion; /* NULL: the default */
    struct lan_params lan;
};

enum {
    HOST_BATCH_MAX = 32,
};

struct host {
    struct world *world;
    const struct host_plan *plan;
    int index;
    bool up;
    struct net *net;
    struct net_config cfg;
    struct pkt_pool tx;
    struct pkt_pool rx;
    void *memory; /* the pools' and the stack's */
    size_t memory_bytes;
    uint64_t deadline_ns;
    struct pkt *batch[HOST_BATCH_MAX]; /* data segments that wait to be handed over together */
    uint32_t batch_count;
    uint64_t batch_due_ns;
    /* What it has sent in answer to the frame, or frames, it is being given. */
    uint32_t given;        /* frames at once */
    uint32_t answers;      /* frames */
    uint32_t bare_answers; /* of these, without TCP payload */
    uint32_t waited;       /* packets that waited for ARP before it came */
};

/* Makes its stack; generation: how often it was down before. */
void host_start(struct host *h, uint64_t generation);

/* Ends it without a word. */
void host_stop(struct host *h);

/* Its turn: what is due in stack and device. Returns when it wants the next. */
uint64_t host_poll(struct host *h);

/* Takes a frame that has come through to the stack of a host that is up, at once, behind what waits
 * for a batch. */
void host_input(struct host *h, struct pkt *p, bool corrupted);

/* Gives it a frame, borrowed. */
void host_deliver(struct host *h, const struct link_frame *f);

/* What its stack gave up on: a connection without progress, a handshake that was never completed, a
 * neighbour that did not answer (once for each packet that waited for it), a closed connection that
 * stood in the way of others. */
uint64_t host_give_ups(const struct host *h);

/* Of these, connections that made room for others: that happens without any loss, too. */
uint64_t host_evictions(const struct host *h);

/* Objects out of its pools; *name gets one of them. */
uint32_t host_pools_used(const struct host *h, const char **name);

/* The stack's inside (tcp_check.h), and the buffers out of its pools against what its queues hold:
 * an assertion, or a breach of the world. */
void host_check_account(const struct host *h);

/* Marks the state of its stack in the world's trail. */
void host_mark(struct host *h);

/* After host_stop: what is free and what is out make up the pools. */
void host_check_pools(const struct host *h);

/* Its counters that are not 0, on stderr. */
void host_print(const struct host *h);

#endif
