/*
 * A way to a host: the headers of a packet that goes there as they were when it was found, to be
 * copied in front of the next ones. Found and followed by net/ip/way.h; who sends much to one host
 * keeps one. Data only.
 */
#ifndef NET_CORE_WAY_H
#define NET_CORE_WAY_H

#include "kernel/base.h"

struct arp_entry;

enum {
    NET_WAY_BYTES = 14 + 20, /* Ethernet, IPv4 */
};

struct net_way {
    struct arp_entry *neighbour; /* the next hop's; NULL: there is no way */
    uint32_t generation;         /* of the neighbour and of the routes, then */
    uint32_t sum;                /* of the IPv4 header but for its total length */
    uint8_t header[NET_WAY_BYTES];
    uint8_t skip; /* so many of them do not go out: Ethernet's, on a link of bare IP */
};

#endif
