/*
 * Path MTUs (RFC 1191): what routers on the way to a host, or the silence of a path, have taught us
 * to be less than our link's MTU. A small table that forgets; whether a message may be believed is
 * for the transport to say.
 */
#ifndef NET_IP_PMTU_H
#define NET_IP_PMTU_H

#include "kernel/base.h"

struct net;

enum {
    PMTU_ENTRIES = 64,      /* hosts remembered; the one that ends first makes room */
    PMTU_FLOOR_BYTES = 552, /* smaller claims are met by packets of this size without DF */
    PMTU_LIFE_S = 10 * 60,  /* RFC 1191 6.3: then the path is tried anew */
};

struct pmtu_entry {
    uint32_t address;  /* 0: free */
    uint16_t mtu;      /* IP packet, bytes */
    bool may_fragment; /* the path takes less than the floor: DF must not be set */
    uint64_t until_ns;
};

struct pmtu {
    struct pmtu_entry entries[PMTU_ENTRIES];
    uint64_t until_ns; /* when the last of them ends: from then on the table says nothing */
};

/* What is known of the path to dst: its MTU, at most the link's. *may_fragment: send without DF. */
uint16_t pmtu_get(const struct net *n, uint32_t dst, bool *may_fragment);

/* Remembers for PMTU_LIFE_S that the path to dst carries no more than mtu bytes. Returns what is
 * used: mtu, less when less is known, or the floor. */
uint16_t pmtu_lower(struct net *n, uint32_t dst, uint16_t mtu);

/* RFC 1191 5 and 7: the next size in the table of plateaus below `bytes`. */
uint16_t pmtu_plateau_below(uint16_t bytes);

#endif
