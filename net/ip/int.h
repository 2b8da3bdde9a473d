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
 * caller's then: data at its payload, the length exactly that, *h its header without options, which
 * stands in front. Else NULL. */
struct pkt *reass_input(struct net *n, struct pkt *p, struct ipv4_header *h) must_check;

#endif
