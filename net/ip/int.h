/*
 * IP's own calls, between its files.
 */
#ifndef NET_IP_INT_H
#define NET_IP_INT_H

#include "net/ip/icmp.h"
#include "net/ip/ipv4.h"
#include "net/ip/reass.h"

/* The protocol registered for the number, or NULL. */
const struct ip_protocol *ipv4_find_protocol(const struct net *n, uint8_t number);

/* Takes a fragment, data at its payload. When it completes its datagram that is the result, the
 * caller's then: data at its payload, the length exactly that, *h its first fragment's header,
 * which stands in front. It may lie in several buffers if its protocol takes such; the first has
 * REASS_PULL_UP_BYTES of it at least. Else NULL. */
struct pkt *reass_input(struct net *n, struct pkt *p, struct ipv4_header *h) must_check;

/* Takes p, larger than the MTU: a chain whose buffers can each become a fragment as they are, p
 * itself or a copy. NULL: there are too few buffers for one. */
struct pkt *ipv4_cut(struct net *n, struct pkt *p) must_check;

#endif
