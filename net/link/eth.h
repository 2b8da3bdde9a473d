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

/* Takes a received frame: checks, counts, and hands it to ARP or IPv4. */
void eth_input(struct net *n, struct pkt *p);

/* Takes p, whose data is at the network header, pushes the Ethernet header and sends the frame.
 * Needs ETH_HEADER_BYTES of headroom. */
void eth_output(struct net *n, struct pkt *p, const uint8_t *dst, uint16_t type);

#endif
