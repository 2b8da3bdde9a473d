/*
 * Reassembly of IPv4 fragments (RFC 791 3.2, RFC 1122 3.3.2): datagrams of up to 65,535 bytes.
 *
 * A datagram is the chain of the buffers its fragments came in (kernel/pkt.h), in the order of
 * their places: nothing is copied while it is incomplete. One that fits its first buffer is then
 * moved into that; of a larger one the first REASS_PULL_UP_BYTES are, which is more than any header
 * above IP. What goes to a protocol that takes one buffer alone is dropped, under a name of its
 * own.
 *
 * Fragments that overlap end their datagram, as RFC 5722 has it for IPv6; an exact duplicate is
 * ignored. Bounds: cfg.limits.reass_datagrams at once and cfg.limits.reass_packets fragments, each
 * of which holds a buffer, but never more than 1/REASS_POOL_SHARE of the receive buffers; a quarter
 * of each for one source, in one datagram or in several. A newcomer never is refused: beyond its
 * source's share it evicts the oldest datagram of that source, beyond the bound of all the oldest
 * of all; so it does when less than 1/REASS_POOL_KEPT of the receive buffers is left, whoever holds
 * them. Only when there is no other to evict the newcomer goes. A datagram not complete after
 * REASS_TIMEOUT_NS is dropped, with a Time Exceeded when its first fragment is there.
 */
#ifndef NET_IP_REASS_H
#define NET_IP_REASS_H

#include "kernel/arena.h"
#include "kernel/list.h"
#include "kernel/pkt.h"
#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/wire/ipv4.h"

struct net;

enum {
    REASS_SOURCE_SHARE = 4, /* one source may hold 1/4 of the datagrams and fragments, ... */
    /* ... but so many fragments in any case: the largest datagram in what an MTU of 1400 or more
     * leaves whole (45 fragments at 1500), or 576 bytes at the smallest legal MTU of 68. */
    REASS_SHARE_MIN = 48,
    REASS_POOL_SHARE = 8,
    REASS_POOL_KEPT = 16, /* half of what TCP and UDP leave (udp.c, tcp/recv/admit.c) */
    REASS_PULL_UP_BYTES = 128,
};
#define REASS_TIMEOUT_NS (20 * NS_PER_S)

struct reass_datagram {
    struct list node; /* in reass.active, oldest first */
    struct net *net;  /* [I] */
    struct timer timer;
    struct pkt *first; /* by frag, sorted, no two overlap; cb[0]: the place of its first byte */
    struct pkt *last;
    struct ipv4_header head; /* of the fragment at offset 0, or else of the first to come */
    uint16_t have_bytes;
    uint16_t total_bytes; /* 0: the last fragment has not come */
    uint16_t fragments;
    bool has_ce;      /* a piece came marked (RFC 3168 5.3) */
    bool has_not_ect; /* a piece came that could not be marked */
    bool have_first;  /* offset 0 is there, and its header in front of the payload */
};

struct reass {
    struct pool pool;
    struct list active;
    uint32_t fragments; /* accepted and not yet delivered, all together: one buffer each */
};

enum status reass_init(struct net *n, struct arena *a) must_check;
void reass_destroy(struct net *n);

#endif
