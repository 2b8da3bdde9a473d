/*
 * The segment that joins simulated hosts: each has a way up to one switch and a way down from it
 * (link.h), and the switch forwards by destination. Its further faults: partitions, during which
 * two sets of hosts cannot talk, and a way down that takes smaller packets than the hosts believe,
 * with a router in front of it that says so (RFC 1191 4) or, as a black hole, says nothing.
 *
 * Of precious frames (ARP, and those with a SYN) a host does not lose two in a row: a stack rightly
 * gives up on a neighbour after three lost requests and on a connection after a handful of lost
 * SYNs, and that is not what is tested.
 */
#ifndef TESTS_SIM_LAN_H
#define TESTS_SIM_LAN_H

#include "tests/sim/link.h"

enum {
    HOSTS_MAX = 6,
    PARTITIONS_MAX = 3,
    LAN_ROUTER = HOSTS_MAX, /* as a frame's from or to */
    LAN_ALL,
    LAN_NOBODY,
    LAN_ADDRESS = 0x0a000001, /* of host 0; the others follow */
    LAN_ROUTER_ADDRESS = 0x0a0000fe,
    LAN_ETH_BYTES = 14,
};

struct lan_params { /* of one host's connection */
    struct link_params up;
    struct link_params down;
    uint16_t down_mtu; /* 0: whatever comes */
    bool black_hole;   /* larger packets vanish; else the router answers */
};

struct partition_plan {
    uint32_t side; /* bit h: host h is on that side */
    uint64_t at_ns;
    uint64_t lasts_ns;
};

struct lan {
    bool ethernet;
    int host_count;
    struct lan_params params[HOSTS_MAX];
    struct link_way up[HOSTS_MAX];
    struct link_way down[HOSTS_MAX];
    uint16_t spared[HOSTS_MAX]; /* bit to: a precious frame was lost there, the next is not */
    struct partition_plan partition[PARTITIONS_MAX];
    uint32_t partition_count;
    struct link_heap heap;
    /* What became of a frame behind the switch; may be NULL. */
    void (*trace)(void *arg, const struct link_frame *f, enum link_fate fate);
    void *trace_arg;
    /* A frame for the router, borrowed. */
    void (*router)(void *arg, const struct link_frame *f);
    void *router_arg;
    uint64_t now_ns;
    uint64_t frames_in;
    uint64_t frames_lost;
    uint64_t frames_corrupted;
    uint64_t too_large;
};

void lan_init(struct lan *l, uint64_t seed, bool ethernet, int host_count,
              const struct lan_params params[]);
void lan_free(struct lan *l);

/* Takes a copy of a frame from a host. */
enum link_fate lan_send(struct lan *l, int from, const uint8_t *bytes, size_t len, bool precious,
                        uint64_t now_ns);

/* Sends from the router (or another host that is none) down to a host; a copy. */
void lan_send_down(struct lan *l, int to, const uint8_t *bytes, size_t len, uint64_t now_ns);

/* The next frame that has reached its host by now_ns, to be freed by the caller, or NULL. */
struct link_frame *lan_take(struct lan *l, uint64_t now_ns);

/* When the next frame arrives somewhere, or DEADLINE_NONE. */
uint64_t lan_next_ns(const struct lan *l);

/* The host an address belongs to, LAN_ROUTER, or LAN_NOBODY. */
int lan_host_of(const struct lan *l, uint32_t address);

#endif
