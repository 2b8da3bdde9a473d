/*
 * Packets that ask for something (drivers/nic.h), and the frames that have to come of them, each
 * built by itself from its place in the payload: what tests of devices and of their models compare.
 */
#ifndef TESTS_UNIT_TSO_PACKET_H
#define TESTS_UNIT_TSO_PACKET_H

#include "kernel/pkt.h"

enum {
    TSO_TCP_HEADERS = 14 + 20 + 32, /* with timestamps */
    TSO_UDP_HEADERS = 14 + 20 + 8,
    TSO_FRAME_MAX = 1514,
};

struct tso_plan {
    uint32_t number;      /* of the packet: sequence number, identification, payload follow */
    size_t bytes;         /* of payload */
    uint16_t mss;         /* 0: one frame */
    bool udp;             /* not TCP */
    bool plain;           /* asks for nothing: all checksums are in place */
    size_t first_bytes;   /* of payload beside the headers */
    size_t frag_bytes;    /* in each buffer behind */
    size_t frag_headroom; /* in front of them */
    uint8_t dest[6];
};

/* The packet; NULL when the pool has not enough. The caller owns it. */
struct pkt *tso_packet(struct pkt_pool *pool, const struct tso_plan *plan);

/* How many frames it makes. */
uint32_t tso_frames(const struct tso_plan *plan);

/* The n-th of them, padded to 60 bytes, into frame. Returns its length. */
size_t tso_frame(const struct tso_plan *plan, uint32_t n, uint8_t frame[TSO_FRAME_MAX]);

#endif
