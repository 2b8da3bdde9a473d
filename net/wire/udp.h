/*
 * UDP headers as bytes (RFC 768). Pure functions.
 */
#ifndef NET_WIRE_UDP_H
#define NET_WIRE_UDP_H

#include "kernel/pkt.h"

enum {
    UDP_HEADER_BYTES = 8,
};

/* A datagram's addresses and ports, in host order. */
struct udp_ends {
    uint32_t src, dst;
    uint16_t sport, dport;
};

enum udp_bad {
    UDP_GOOD,
    UDP_BAD_LENGTH,
    UDP_BAD_CHECKSUM,
    UDP_BAD_PORT,
};

/* Checks the datagram in p, data at its header, which lies in the first buffer; its addresses are
 * in ends. Trims p to it and fills in the ports. The sum is not taken of what the device has found
 * good (PKT_RX_CSUM_GOOD). */
enum udp_bad udp_decode(struct udp_ends *ends, struct pkt *p);

/* Pushes the header, checksum done, onto a payload of one buffer or more
 * (UDP_HEADER_BYTES of headroom). */
void udp_encode(struct pkt *p, const struct udp_ends *ends);

#endif
