/*
 * Ethernet II (RFC 894): the header's fields, and addresses as bytes. Inline: each frame passes all
 * of it.
 */
#ifndef NET_WIRE_ETH_H
#define NET_WIRE_ETH_H

#include <string.h>

#include "kernel/base.h"
#include "kernel/bytes.h"

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

static inline bool eth_equal(const uint8_t *a, const uint8_t *b)
{
    uint32_t front[2];
    uint16_t back[2];
    memcpy(&front[0], a, sizeof(front[0]));
    memcpy(&front[1], b, sizeof(front[1]));
    memcpy(&back[0], a + sizeof(front[0]), sizeof(back[0]));
    memcpy(&back[1], b + sizeof(front[0]), sizeof(back[1]));
    return ((front[0] ^ front[1]) | (uint32_t)(back[0] ^ back[1])) == 0;
}

static inline bool eth_is_zero(const uint8_t *mac)
{
    static const uint8_t zero[ETH_ADDR_BYTES];
    return eth_equal(mac, zero);
}

/* Can src send to the station own? Our own address there is a loop in the network, or a forgery. */
static inline bool eth_source_good(const uint8_t *src, const uint8_t *own)
{
    return !eth_is_group(src) && !eth_is_zero(src) && !eth_equal(src, own);
}

/* Is the frame, of a header at least, from another station to own alone, as nearly all are? */
static inline bool eth_is_ordinary(const uint8_t *frame, const uint8_t *own)
{
    return eth_equal(frame, own) && eth_source_good(frame + ETH_ADDR_BYTES, own);
}

/* Writes the header: ETH_HEADER_BYTES. */
static inline void eth_encode(uint8_t *bytes, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
    assert(type >= ETH_TYPE_MIN);
    memcpy(bytes, dst, ETH_ADDR_BYTES);
    memcpy(bytes + ETH_ADDR_BYTES, src, ETH_ADDR_BYTES);
    store_be16(bytes + 2 * ETH_ADDR_BYTES, type);
}

#endif
