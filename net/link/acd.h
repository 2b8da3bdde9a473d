/*
 * Address conflict detection (RFC 5227) and link-local addresses (RFC 3927): between choosing an
 * address and having it.
 *
 * One address is claimed at a time. Static and DHCP addresses are in use at once, while one probe
 * and the announcements go out beside the traffic (a server is up in milliseconds; who was there
 * first still answers the probe); with cfg.ip.strict_acd the whole probing of RFC 5227 2.1.1 ends
 * first. Link-local addresses are always probed fully (RFC 3927 2.2.1).
 *
 * On a conflict: a static address is kept and defended at most every ACD_DEFEND_NS (strictly: not
 * taken into use, and probed again every ACD_RETRY_NS until it is free); a DHCP address
 * is declined while it is new, later defended once and declined when the other one insists within
 * ACD_DEFEND_NS (RFC 5227 2.4 (b)); a link-local one the same, and another is chosen, with a pause
 * of ACD_RATE_LIMIT_NS after ACD_CONFLICTS_MAX of them.
 */
#ifndef NET_LINK_ACD_H
#define NET_LINK_ACD_H

#include "kernel/base.h"
#include "kernel/timer.h"
#include "net/core/config.h"

struct net;

enum { /* RFC 5227 1.1 */
       ACD_PROBE_COUNT = 3,
       ACD_ANNOUNCE_COUNT = 2,
       ACD_CONFLICTS_MAX = 10,
       ACD_OPTIMISTIC_WAIT_MS = 250, /* between the one probe and the announcement */
};
#define ACD_PROBE_WAIT_NS    (1 * NS_PER_S) /* the first probe comes after 0..this */
#define ACD_PROBE_MIN_NS     (1 * NS_PER_S)
#define ACD_PROBE_MAX_NS     (2 * NS_PER_S)
#define ACD_ANNOUNCE_WAIT_NS (2 * NS_PER_S)
#define ACD_ANNOUNCE_GAP_NS  (2 * NS_PER_S)
#define ACD_DEFEND_NS        (10 * NS_PER_S)
#define ACD_RATE_LIMIT_NS    (60 * NS_PER_S)
#define ACD_RETRY_NS         (10 * NS_PER_S) /* strict and static: probing again after a conflict */

#define LINK_LOCAL_FIRST 0xa9fe0100u /* 169.254.1.0 .. 169.254.254.255, RFC 3927 2.1 */
#define LINK_LOCAL_COUNT 0xfe00u

enum acd_state {
    ACD_IDLE,
    ACD_WAITING, /* for a pause after conflicts to end */
    ACD_PROBING,
    ACD_ANNOUNCING,
    ACD_DONE, /* in use and watched */
};

typedef void acd_declined_fn(struct net *n);

struct acd {
    struct net *net; /* [I] */
    struct timer timer;
    enum acd_state state;
    struct net_event claim; /* what is told once the address is in use */
    bool in_use;            /* the claimed address is the stack's */
    bool defended;          /* defended_ns is valid */
    uint64_t defended_ns;
    uint32_t probes_left;
    uint32_t announcements_left;
    uint32_t conflicts; /* link-local: since the last address that held */
    acd_declined_fn *declined;
};

void acd_init(struct net *n);

/* Claims e->address for e->origin (STATIC or DHCP), in place of what was claimed before. */
void acd_claim(struct net *n, const struct net_event *e);

/* Claims a link-local address of its own choice. */
void acd_claim_link_local(struct net *n);

/* Gives up the claim; an address in use is lost, with its event. */
void acd_release(struct net *n);

/* fn hears that the address of a DHCP server was another host's, and is given up: one that does,
 * which had none before. */
void acd_on_decline(struct net *n, acd_declined_fn *fn);

/* The carrier came back: an address in use is announced again. */
void acd_link_up(struct net *n);

#endif
