/*
 * DHCP messages as bytes (RFC 2131 2, RFC 2132): what of them a client reads and writes. Pure
 * functions over bytes, no state.
 */
#ifndef NET_DHCP_WIRE_H
#define NET_DHCP_WIRE_H

#include "kernel/base.h"
#include "net/eth.h"

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

/* A server's message. What was not in it is 0. */
struct dhcp_reply {
    uint8_t type; /* DHCP_OFFER, DHCP_ACK or DHCP_NAK */
    uint32_t xid;
    uint8_t chaddr[ETH_ADDR_BYTES];
    uint32_t address; /* yiaddr */
    uint32_t server;  /* server identifier */
    uint32_t netmask;
    uint32_t router; /* the first one */
    uint32_t lease_s;
    uint32_t renew_s;
    uint32_t rebind_s;
    bool has_lease;
};

/* False when the message is not a server's, is cut short, has an option beyond its bounds or of a
 * length that it cannot have, or lacks the end mark or the type. */
bool dhcp_decode(struct dhcp_reply *r, const uint8_t *bytes, size_t len);

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
