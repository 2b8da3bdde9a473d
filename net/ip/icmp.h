/*
 * ICMP (RFC 792, RFC 1122 3.2.2): answers echo requests, reports what cannot be delivered, and
 * hands errors about this host's own packets to the transports. Redirects, source quench (RFC 6633)
 * and every other query are counted and ignored.
 */
#ifndef NET_IP_ICMP_H
#define NET_IP_ICMP_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/wire/icmp.h"
#include "net/wire/ipv4.h"

struct net;

enum {
    ICMP_ERRORS_PER_S = 100, /* RFC 1812 4.3.2.8: a token bucket over all errors sent */
    ICMP_ERRORS_BURST = 50,
    ICMP_QUOTE_MAX_BYTES = 548, /* RFC 1812 4.3.2.3: the error stays within 576 bytes */
};

struct icmp {
    uint64_t refill_ns; /* when the bucket was last brought up to date */
    uint32_t tokens;
};

/* Registers with IP and ARP; the bucket is full. */
void icmp_attach(struct net *n);

/*
 * Reports the received packet p (borrowed; data at the transport header, the IP header of
 * h->header_bytes in front of it) to its sender, unless RFC 1122 3.2.2 forbids an error about it
 * or the rate limit is used up.
 */
void icmp_send_error(struct net *n, const struct pkt *p, const struct ipv4_header *h, uint8_t type,
                     uint8_t code);

#endif
