/*
 * The other end of a measured connection, made of bytes: it builds whole frames with right
 * checksums and reads the answers. It offers what Linux does (MSS, SACK, timestamps, window scale)
 * and uses what the stack takes up. Nothing of it is counted. It uses kernel/base.h and
 * kernel/bytes.h alone, so that it can be built against an older stack.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include "kernel/base.h"

enum {
    PEER_FIN = 1,
    PEER_SYN = 2,
    PEER_RST = 4,
    PEER_PSH = 8,
    PEER_ACK = 16,
    PEER_FRAME_MAX_BYTES = 1514,
    PEER_ARP_BYTES = 60,
};
#define BENCH_OUR_ADDRESS  0x0a000001u /* 10.0.0.1/24 */
#define BENCH_PEER_ADDRESS 0x0a000002u /* and the gateway */

extern const uint8_t bench_our_mac[6];
extern const uint8_t bench_peer_mac[6];

struct peer {
    uint32_t address;
    uint16_t port;
    uint16_t to_port;          /* ours */
    bool plain;                /* its SYNs have no options */
    uint32_t snd_nxt, rcv_nxt; /* the peer's */
    bool timestamps;
    uint32_t ts_recent;
    uint8_t last_flags; /* of the last segment the stack sent */
};

/* Begins a connection from port: the SYN is what peer_segment is to make next. */
void peer_begin(struct peer *p, uint16_t port);

/* The peer's next segment with so many bytes of payload, into frame; returns the frame's length. */
size_t peer_segment(struct peer *p, uint8_t *frame, uint8_t flags, const void *payload, size_t len,
                    uint64_t now_ns);

/* A frame that the stack sent, which must be a segment for this peer. Returns its payload. */
size_t peer_read(struct peer *p, const uint8_t *frame, size_t len);

/* The peer asks who has our address, and so makes itself known. Returns the frame's length. */
size_t peer_arp(uint8_t *frame);

/* Ends the program with a message when ok is false. */
void bench_must(bool ok, const char *what);

#endif
