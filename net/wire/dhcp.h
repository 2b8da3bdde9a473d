/*
 * DHCP messages as bytes (RFC 2131 2, RFC 2132): what of them a client reads and writes. Pure
 * functions over bytes, no state.
 */
#ifndef NET_WIRE_DHCP_H
#define NET_WIRE_DHCP_H

#include "kernel/base.h"
#include "net/wire/eth.h"

enum dhcp_type { /* RFC 2132 9.6 */
                 DHCP_DISCOVER = 1,
                 DHCP_OFFER = 2,
                 DHCP_REQUEST = 3,
                 DHCP_DECLINE = 4,
                 DHCP_ACK = 5,
                 DHCP_NAK = 6,
};

enum {
    DHCP_FIXED_BYTES = 240, /* up to and with the magic cookie */
    DHCP_MESSAGE_BYTES =
        300, /* what is sent: BOOTP's minimum (RFC 1542 2.1), which some relays want */
};

enum {
    DHCP_ROUTERS_MAX = 8, /* of a list; those behind are not looked at */
    DHCP_ROUTES_MAX = 32, /* the same */
};

/* A classless route (RFC 3442). */
struct dhcp_route {
    uint32_t network; /* no bits beyond prefix_bits */
    uint32_t router;  /* 0: the network is on the link */
    uint8_t prefix_bits;
};

/*
 * A server's message. What was not in it is 0, and so is what cannot be read: an option of a length
 * that it cannot have costs that option. Its parts are joined first (RFC 3396); of more values than
 * one where there is to be one, the first counts.
 */
struct dhcp_reply {
    uint8_t type; /* as sent; 0: none, a BOOTP server's (RFC 1534) */
    uint32_t xid;
    uint8_t chaddr[ETH_ADDR_BYTES];
    uint32_t address; /* yiaddr, or when that is 0 ciaddr */
    uint32_t server;  /* server identifier */
    uint32_t netmask;
    uint32_t lease_s;
    uint32_t renew_s;
    uint32_t rebind_s;
    bool has_lease;
    uint8_t router_count;
    uint8_t route_count;
    uint32_t routers[DHCP_ROUTERS_MAX]; /* the preferred one first */
    struct dhcp_route routes[DHCP_ROUTES_MAX];
};

enum dhcp_verdict {
    DHCP_GOOD,
    DHCP_MALFORMED,  /* cut short, no server's, or of no Ethernet address */
    DHCP_BAD_COOKIE, /* xid, chaddr and the addresses are good, the options are none */
};

/* Tolerant of what clients in use tolerate: hardware type, missing end mark, an option beyond the
 * message (which ends them), padding. */
enum dhcp_verdict dhcp_decode(struct dhcp_reply *r, const uint8_t *bytes, size_t len);

/* A client's message; zero fields are left out. */
struct dhcp_request {
    uint8_t type;
    uint32_t xid;
    uint16_t secs;
    uint32_t ciaddr;
    uint32_t requested; /* option 50 */
    uint32_t server;    /* option 54 */
    const uint8_t *mac;
};

/* Writes DHCP_MESSAGE_BYTES. */
void dhcp_encode(uint8_t *bytes, const struct dhcp_request *q);

#endif
