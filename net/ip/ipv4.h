/*
 * IPv4 (RFC 791, 1122): input, addresses and routes, output. Reassembly is reass.h's.
 */
#ifndef NET_IP_IPV4_H
#define NET_IP_IPV4_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/core/config.h"
#include "net/wire/ipv4.h"

struct net;

struct ipv4 {
    uint32_t address; /* 0: none in use */
    uint32_t netmask;
    uint32_t link_mask; /* who agrees with address under it is on the link; 0: everybody */
    uint32_t gateway;   /* 0: none */
    uint32_t broadcast; /* of the subnet; UINT32_MAX when it has none of its own */
    uint32_t network;   /* the subnet's own number, which no host has; 0 when there is none */
    enum net_address_origin origin;
    uint32_t id_counter;
    uint32_t route_count; /* of routes */
    struct net_route routes[NET_ROUTES_MAX];
};

/* Takes a packet whose data is at the IP header. */
void ipv4_input(struct net *n, struct pkt *p);

/* Puts a (reassembled or whole) datagram to its transport; p->data is at the transport header and
 * p's length is exactly the payload's. Takes p. */
void ipv4_deliver(struct net *n, struct pkt *p, const struct ipv4_header *h);

struct ipv4_tx {
    uint32_t src; /* 0: the address in use */
    uint32_t dst;
    uint8_t protocol;
    uint8_t ttl; /* 0: IPV4_TTL */
    uint8_t tos;
    bool may_fragment; /* DF is set when false; larger than the MTU, it leaves in fragments */
};

/*
 * Sends p, whose data is at the transport header, checksum done. Takes p. Needs 34 bytes of
 * headroom. What cannot go is dropped and counted; the result says so for callers that can tell a
 * user or try again: STATUS_NOT_FOUND no route or address, STATUS_BAD_INPUT larger than the MTU and
 * not to be fragmented, STATUS_TIMEOUT the neighbour is not there, STATUS_BUSY too many packets
 * wait for it already. Without a link, or lost on the way, it is STATUS_OK.
 */
enum status ipv4_output(struct net *n, struct pkt *p, const struct ipv4_tx *tx);

/* Sends p from 0.0.0.0 to 255.255.255.255: what a host without an address may do (RFC
 * 1122 3.2.1.3), for DHCP alone. Takes p, which fits the MTU. Ethernet only. */
void ipv4_output_unconfigured(struct net *n, struct pkt *p, uint8_t protocol);

/* The source address and MTU towards dst. STATUS_NOT_FOUND without an address or route. */
enum status ipv4_route(const struct net *n, uint32_t dst, uint32_t *src, uint16_t *mtu);

/* The next hop towards dst was asked for a moment ago, and nobody answered: what is sent to dst now
 * is refused (link/arp.h). */
bool ipv4_is_absent(struct net *n, uint32_t dst);

/* A transport doubts that what it sends to dst gets beyond the next hop (RFC 1122 3.3.1.4): the
 * neighbour is asked whether it still lives. */
void ipv4_suspect(struct net *n, uint32_t dst);

/* True when packets to addr go to addr itself: the subnet's hosts, routers wherever their addresses
 * are, link-local ones. False without an address in use. */
bool ipv4_is_on_link(const struct net *n, uint32_t addr);

bool ipv4_is_broadcast(const struct net *n, uint32_t addr);
/* May stand as the source of a packet that wants an answer (RFC 1122 3.2.1.3). */
bool ipv4_is_unicast_source(const struct net *n, uint32_t addr);

/* Sets or removes the address in use with its routes; tells the transports. Called by acd. */
void ipv4_set_address(struct net *n, const struct net_event *e);

#endif
