/*
 * Ethernet II framing (RFC 894): who a frame is for, what is in it, and the header of what goes
 * out. A tag that only tells a priority (VLAN 0) is passed over, as Linux does; frames of a VLAN
 * and 802.3 length frames are counted and dropped. What goes out has no tag.
 */
#ifndef NET_LINK_ETH_H
#define NET_LINK_ETH_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/wire/eth.h"

struct net;

enum {
    ETH_TYPES_MAX = 4,
};

/* Takes a frame of a registered type, data behind the headers. */
typedef void eth_input_fn(struct net *n, struct pkt *p);

/* Who takes which type of frames. (Who wants to see every frame is a tap: net/tap/tap.h.) */
struct eth {
    uint32_t type_count;
    struct eth_type {
        uint16_t type;
        eth_input_fn *input;
    } types[ETH_TYPES_MAX];
};

/* Frames of the type go to input from now on; the table is searched in the order of the calls.
 * False when there are ETH_TYPES_MAX, or the type is another one's. */
bool eth_add_type(struct net *n, uint16_t type, eth_input_fn *input) must_check;

/* Takes a received frame: checks, counts, and hands it to who registered for its type. */
void eth_input(struct net *n, struct pkt *p);

/* Takes p, whose data is at the network header, pushes the Ethernet header and sends the frame.
 * Needs ETH_HEADER_BYTES of headroom. */
void eth_output(struct net *n, struct pkt *p, const uint8_t *dst, uint16_t type);

#endif
