/*
 * IPv4 (RFC 791, 1122): input and output. Reassembly is reass.h's.
 */
#ifndef NET_IP_IPV4_H
#define NET_IP_IPV4_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/core/config.h"
#include "net/wire/icmp.h"
#include "net/wire/ipv4.h"

struct net;

enum {
    IP_PROTOCOLS_MAX = 8,
};

/* A transport, by its number in the header's protocol field. */
struct ip_protocol {
    uint8_t number;
    bool hosts_only;   /* what was sent to a broadcast address is dropped */
    bool takes_chains; /* input does with datagrams in several buffers; else they are dropped */
    /* Takes a whole datagram, data at the transport's header; the IP header of h->header_bytes
     * stands in front. */
    void (*input)(struct net *n, struct pkt *p, const struct ipv4_header *h);
    /* An ICMP error quotes a packet in this host's name; true when it was told to somebody. NULL:
     * errors are nothing to it, and neither is the next. */
    bool (*error)(struct net *n, const struct icmp_error *e);
    /* The neighbour that a packet of ours waited for is not there, as if a router had said "host
     * unreachable"; known for certain, unlike what a message says. */
    void (*absent)(struct net *n, const struct icmp_error *e);
};

/* Of the last ordinary frame what need not be looked at again in one that has the same: the bytes
 * of its Ethernet header, in two words that overlap, and its addresses; as they were judged under
 * that generation of the interface. */
struct ipv4_judged {
    uint64_t eth[2];
    uint64_t addresses;
    uint32_t generation;
};

struct ipv4 {
    struct ipv4_judged judged;
    uint32_t id_counter;
    uint32_t protocol_count;
    struct ip_protocol protocols[IP_PROTOCOLS_MAX];
};

/* Datagrams with p's number go to p from now on (copies it); the table is searched in the order of
 * the calls. False when there are IP_PROTOCOLS_MAX, or the number is another one's. */
bool ipv4_add_protocol(struct net *n, const struct ip_protocol *p) must_check;

/* Registers with Ethernet. */
void ipv4_attach(struct net *n);

/* Takes a packet whose data is at the IP header. */
void ipv4_input(struct net *n, struct pkt *p);

/* Takes a received frame, in the place of eth_input(), to which go all but the ordinary ones: IPv4
 * without options or fragments, from another host and station to this one alone. Of those, which
 * nearly all are, one look finds out what Ethernet and IP look for one after the other. */
void ipv4_frame_input(struct net *n, struct pkt *p);

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
 * headroom. A chain of buffers goes in fragments, without a copy if it is cut for that. What cannot
 * go is dropped and counted; the result says so for callers that can tell a user or try again:
 * STATUS_NOT_FOUND no route or address, STATUS_BAD_INPUT larger than the MTU and not to be
 * fragmented, STATUS_TIMEOUT the neighbour is not there, STATUS_BUSY too many packets wait for it
 * already, STATUS_NO_MEMORY no buffers for the fragments. Without a link, or lost on the way, it is
 * STATUS_OK.
 */
enum status ipv4_output(struct net *n, struct pkt *p, const struct ipv4_tx *tx);

/* What the next fragment carries of left bytes: all of them, or as many as the MTU admits in units
 * of 8 (RFC 791 3.1). A chain cut so, with the headroom, leaves without a copy. */
size_t ipv4_fragment_bytes(const struct net *n, size_t left);

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

#endif
