/*
 * The observer on the simulated wire: looks at every frame a stack sends, with a decoder of its
 * own, and says what is wrong with it. Knows TCP as RFC 9293 has it from outside, and the streams
 * that the applications send (draw.h), so that it can tell bytes that are not theirs.
 */
#ifndef TESTS_SIM_WIRE_H
#define TESTS_SIM_WIRE_H

#include "kernel/base.h"

enum {
    WIRE_FLOWS_MAX = 64,
    WIRE_TEXT_BYTES = 160,
};

/* What one host has shown of a connection. */
struct wire_side {
    bool opened; /* its SYN was seen */
    bool scales; /* with the window scale option */
    bool has_edge;
    bool finished;
    uint8_t shift;
    uint16_t mss;
    uint32_t isn;
    uint32_t end;  /* behind the last sequence number it has used */
    uint32_t ack;  /* the highest it acknowledged; valid with has_edge */
    uint32_t edge; /* the furthest right edge of its window */
    uint32_t fin;  /* sequence number of its FIN, when finished */
};

struct wire_flow {
    uint16_t port[2]; /* of host 0 and host 1 */
    bool reset;       /* a RST was seen */
    bool excused; /* its history proves nothing any more: a host was restarted, or an old SYN came
                     late and found a listener */
    struct wire_side side[2];
};

struct wire {
    uint64_t seed;
    bool ethernet;
    uint32_t address[2];
    uint16_t mtu[2];
    struct wire_flow flows[WIRE_FLOWS_MAX];
    size_t flow_count;
    uint64_t segments;
    uint64_t resets;
    uint64_t payload_bytes;
    char text[WIRE_TEXT_BYTES]; /* the breach wire_check found */
};

/* A frame's TCP segment, for decisions and traces. */
struct wire_segment {
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint16_t window;
    uint8_t flags; /* enum tcp_flag of net/tcp_wire.h has the same bits */
    const uint8_t *options;
    size_t options_len;
    const uint8_t *payload;
    size_t len;
};

enum {
    WIRE_FIN = 1,
    WIRE_SYN = 2,
    WIRE_RST = 4,
    WIRE_ACK = 16,
};

void wire_init(struct wire *w, uint64_t seed, bool ethernet, const uint16_t mtu[2]);

/* The key of the stream that a host sends over the connection of these ports (host 0's first). */
uint64_t wire_stream_key(uint64_t seed, uint16_t port0, uint16_t port1, int from);

/* True when the frame carries TCP; no checksum is looked at. */
bool wire_decode(const struct wire *w, const uint8_t *bytes, size_t len, struct wire_segment *seg);

/* Judges a frame on its way out of host `from`. NULL, or what is wrong, valid until the next call.
 */
const char *wire_check(struct wire *w, int from, const uint8_t *bytes, size_t len);

/* From now on nothing is expected of the connections there are: a host forgot them. */
void wire_excuse_all(struct wire *w);

/* One line about a frame, relative to the connection's initial sequence numbers. */
void wire_describe(const struct wire *w, int from, const uint8_t *bytes, size_t len, char *out,
                   size_t out_bytes);

#endif
