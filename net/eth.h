/*
 * Ethernet II framing (RFC 894): who a frame is for, what is in it, and the header of what goes
 * out. No VLAN tags, no 802.3 length frames: those are counted and dropped.
 */
#ifndef NET_ETH_H
#define NET_ETH_H

#include "kernel/base.h"
#include "kernel/pkt.h"

struct net;

enum {
    ETH_ADDR_BYTES = 6,
    ETH_HEADER_BYTES = 14,
    ETH_TYPE_MIN = 0x0600, /* below: an 802.3 length */
    ETH_TYPE_IPV4 = 0x0800,
    ETH_TYPE_ARP = 0x0806,
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
