/*
 * The DHCP client (RFC 2131, RFC 2132). It asks for ever, with growing pauses; while nobody answers
 * for DHCP_FALLBACK_NS a link-local address serves (RFC 3927), and the asking goes on.
 * The bytes of messages are wire/dhcp.h's, what is made of their options lease.h's.
 *
 * When the carrier returns, the lease held is confirmed as INIT-REBOOT has it (RFC 2131 4.3.2),
 * the address staying in use meanwhile.
 *
 * A lease that a boot loader was given (ip=boot) is taken over in the same way: used at once, and
 * confirmed.
 *
 * Not done: a lease kept over a restart by ourselves, INFORM, rapid commit (RFC 4039), the classful
 * routes of option 33, and the random wait before the first DISCOVER (RFC 2131 4.4.1): a server
 * shall be up at once.
 */
#ifndef NET_DHCP_DHCP_H
#define NET_DHCP_DHCP_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "kernel/timer.h"
#include "net/core/config.h"

struct net;

enum {
    DHCP_SERVER_PORT = 67,
    DHCP_CLIENT_PORT = 68,
    DHCP_REQUEST_TRIES = 4, /* RFC 2131 3.1 (5): then from the start */
};
#define DHCP_FALLBACK_NS      (10 * NS_PER_S) /* silence before a link-local address is taken */
#define DHCP_DECLINE_PAUSE_NS (10 * NS_PER_S) /* RFC 2131 3.1 (5) */
#define DHCP_NAK_PAUSE_NS     (1 * NS_PER_S)  /* so that two servers at odds make no storm */
#define DHCP_RENEW_MIN_NS     (60 * NS_PER_S) /* RFC 2131 4.4.5: between requests for extension */

enum dhcp_state {
    DHCP_OFF,
    DHCP_INIT, /* pausing before the first DISCOVER */
    DHCP_SELECTING,
    DHCP_REQUESTING,
    DHCP_BOUND,
    DHCP_RENEWING,
    DHCP_REBINDING,
    DHCP_REBOOTING, /* the carrier was away: is the lease still good? */
};

struct dhcp {
    struct net *net;       /* [I] */
    struct timer timer;    /* the next thing to do in this state */
    struct timer fallback; /* until a link-local address is taken */
    enum dhcp_state state;
    uint32_t xid;
    uint32_t tries;      /* messages of this kind sent */
    uint32_t attempts;   /* DISCOVERs without an answer, for the event */
    uint64_t started_ns; /* of this exchange: the secs field */
    uint64_t request_ns; /* of the last message: the lease's beginning (RFC 2131 4.4.5). The first
                          * may be longer ago than the lease is */
    uint32_t address;    /* offered, then bound */
    uint32_t server;     /* its identifier; 0: it told none */
    uint64_t renew_ns;   /* T1, T2 and the end of the lease; DEADLINE_NONE: never */
    uint64_t rebind_ns;
    uint64_t expire_ns;
    bool refusals_told[NET_DHCP_REFUSALS];
};

void dhcp_init(struct net *n);

/* The carrier is there: asks for an address, or for the one held to be confirmed. */
void dhcp_start(struct net *n);

#endif
