/*
 * pcapng (draft-ietf-opsawg-pcapng): a file of captured frames, block by block. Pure writers: each
 * puts one whole block at out and returns its bytes, 0 when it would be more than max. In the
 * machine's byte order, which the first block tells.
 */
#ifndef NET_TAP_PCAPNG_H
#define NET_TAP_PCAPNG_H

#include "kernel/base.h"

enum {
    PCAPNG_COMMENT_MAX = 160, /* characters; a longer one is cut */
    /* What a packet's block has beside its bytes. */
    PCAPNG_PACKET_MORE_BYTES = 128 + PCAPNG_COMMENT_MAX,
    PCAPNG_HEAD_MAX_BYTES = 2048, /* of section and interface together */
};

struct pcapng_interface {
    const char *name;
    const char *description; /* NULL: none, as the others */
    const char *filter;      /* of pcap-filter(7) */
    const char *os;
    uint32_t snaplen;
    uint32_t address; /* IPv4, host order; 0: none */
    uint8_t prefix_bits;
    uint8_t mac[6];
    uint64_t speed_bps; /* 0: not known */
};

struct pcapng_packet {
    uint64_t unix_ns;
    const uint8_t *bytes;
    uint32_t captured; /* of them */
    uint32_t original; /* bytes that the frame had */
    bool inbound;
    uint64_t lost;       /* frames that there was no room for, since the last packet */
    const char *comment; /* NULL: none */
};

struct pcapng_statistics {
    uint64_t unix_ns;
    uint64_t start_unix_ns;
    uint64_t end_unix_ns;
    uint64_t received; /* frames seen */
    uint64_t accepted; /* let through by the filter */
    uint64_t lost;     /* of these, those that there was no room for */
};

/* The section's beginning and its one interface, number 0, Ethernet. application: what wrote it. */
size_t pcapng_begin(uint8_t *out, size_t max, const char *application,
                    const struct pcapng_interface *i);
size_t pcapng_packet(uint8_t *out, size_t max, const struct pcapng_packet *p);
size_t pcapng_statistics(uint8_t *out, size_t max, const struct pcapng_statistics *s);

#endif
