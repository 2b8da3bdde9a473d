/*
 * ICMP messages (RFC 792): types, codes, and what an error quotes.
 */
#ifndef NET_WIRE_ICMP_H
#define NET_WIRE_ICMP_H

#include "kernel/base.h"

enum {
    ICMP_HEADER_BYTES = 8,
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_ECHO_REQUEST = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER = 12,

    ICMP_UNREACHABLE_NET = 0,
    ICMP_UNREACHABLE_HOST = 1,
    ICMP_UNREACHABLE_PROTOCOL = 2,
    ICMP_UNREACHABLE_PORT = 3,
    ICMP_UNREACHABLE_FRAG_NEEDED = 4,
    ICMP_EXCEEDED_REASSEMBLY = 1,
};

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

/* Decodes an error message (type 3, 11 or 12), len bytes from the ICMP header on. False when the
 * quoted header is cut short or makes no sense. A pure function; e->from is left alone. */
bool icmp_decode_error(struct icmp_error *e, const uint8_t *bytes, size_t len);

#endif
