/*
 * IPv4 (RFC 791, 1122): header checks, addresses and routes, output. Reassembly is reass.h's.
 */
#ifndef NET_IP_IPV4_H
#define NET_IP_IPV4_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/core/config.h"

struct net;

enum {
    IPV4_HEADER_BYTES = 20,
    IPV4_TTL = 64,
    IP_PROTO_ICMP = 1,
    IP_PROTO_TCP = 6,
    IP_PROTO_UDP = 17,

    /* The last two bits of the TOS field, RFC 3168 5. */
    IP_ECN_MASK = 3,
    IP_ECN_NOT_ECT = 0,
    IP_ECN_ECT_0 = 2,
    IP_ECN_CE = 3,
};

/* A received header, decoded once, in host order. */
struct ipv4_header {
    uint32_t src;
    uint32_t dst;
    uint16_t total_bytes;
    uint16_t id;
    uint16_t frag_offset; /* bytes */
    bool more_fragments;
    bool dont_fragment;
    uint8_t header_bytes;
    uint8_t protocol;
    uint8_t ttl;
    uint8_t tos;
    bool to_broadcast; /* destination (IP or link layer) was not one host alone: answer no error */
};

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

/*
 * Decodes and checks the header at the front of bytes; true when it may be believed. A pure
 * function: *why gets the counter's offset reason as an enum ipv4_bad.
 */
enum ipv4_bad {
    IPV4_GOOD,
    IPV4_BAD_SHORT,
    IPV4_BAD_VERSION,
    IPV4_BAD_HEADER_LEN,
    IPV4_BAD_TOTAL_LEN,
    IPV4_BAD_CHECKSUM,
    IPV4_BAD_SOURCE_ROUTE,
    IPV4_BAD_OPTION,
};
enum ipv4_bad ipv4_decode(struct ipv4_header *h, const uint8_t *bytes, size_t len);

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
bool ipv4_is_multicast(uint32_t addr);
/* May stand as the source of a packet that wants an answer (RFC 1122 3.2.1.3). */
bool ipv4_is_unicast_source(const struct net *n, uint32_t addr);

/* An address that a host can have anywhere: not in 0/8, not loopback, not class D or E. */
bool ipv4_is_host(uint32_t addr);

/* In 169.254/16, whose hosts are neighbours wherever they are (RFC 3927). */
static inline bool ipv4_is_link_local(uint32_t addr)
{
    return addr >> 16 == 0xa9fe;
}

/* The netmask of a prefix length, 0..32. */
uint32_t ipv4_mask(uint8_t prefix_bits);

/* Sets or removes the address in use with its routes; tells the transports. Called by acd. */
void ipv4_set_address(struct net *n, const struct net_event *e);

/* An ICMP error about a packet of ours, decoded; quoted fields are untrusted. */
struct icmp_error {
    uint8_t type;
    uint8_t code;
    uint16_t mtu;  /* type 3 code 4 (RFC 1191); 0 otherwise or from old routers */
    uint32_t from; /* who says so */
    uint32_t quoted_src;
    uint32_t quoted_dst;
    uint8_t quoted_protocol;
    uint16_t quoted_bytes; /* the quoted packet's total length */
    uint8_t quoted[8];     /* the first eight transport bytes */
};

/* Internet checksum (RFC 1071) of up to 2^15 pieces, each of an even length but the last. sum is in
 * host order and not folded: csum_finish does that. Start with 0. */
uint32_t csum_add(uint32_t sum, const void *data, size_t len);
static inline uint16_t csum_finish(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}
/* The pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 768). */
uint32_t csum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint16_t len);

#endif
