/*
 * Ethernet II framing (RFC 894): who a frame is for, what is in it, and the header of what goes
 * out. A tag that only tells a priority (VLAN 0) is passed over, as Linux does; frames of a VLAN
 * and 802.3 length frames are counted and dropped. What goes out has no tag.
 */
#ifndef NET_LINK_ETH_H
#define NET_LINK_ETH_H

#include "kernel/base.h"
#include "kernel/pkt.h"

struct net;

enum {
    ETH_ADDR_BYTES = 6,
    ETH_HEADER_BYTES = 14,
    ETH_TYPE_MIN = 0x0600, /* below: an 802.3 length */
    ETH_TYPE_IPV4 = 0x0800,
    ETH_TYPE_ARP = 0x0806,
    ETH_TYPE_VLAN = 0x8100,         /* IEEE 802.1Q-2018 table 9-1: a customer's tag */
    ETH_TYPE_SERVICE_VLAN = 0x88a8, /* and a provider's */
    ETH_TAG_BYTES = 4,              /* with the type that follows */
    ETH_TAG_VID_MASK = 0x0fff,      /* the rest is priority and drop eligibility */
    ETH_TAGS_MAX = 2,               /* a provider's around a customer's */
};

extern const uint8_t eth_broadcast[ETH_ADDR_BYTES];

static inline bool eth_is_group(const uint8_t *mac)
{
    return (mac[0] & 1) != 0;
}

bool eth_is_zero(const uint8_t *mac);
bool eth_equal(const uint8_t *a, const uint8_t *b);

/* Takes a received frame: checks, counts, and hands it to ARP or IPv4. */
void eth_input(struct net *n, struct pkt *p);

/* Takes p, whose data is at the network header, pushes the Ethernet header and sends the frame.
 * Needs ETH_HEADER_BYTES of headroom. */
void eth_output(struct net *n, struct pkt *p, const uint8_t *dst, uint16_t type);

#endif
