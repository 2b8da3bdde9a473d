/*
 * The observer on the simulated wire: looks at every frame a stack sends, with a decoder of its
 * own, and says what is wrong with it. Knows TCP as RFC 9293, 2018, 2883 and 7323 have it from
 * outside, and the streams that the applications send (draw.h), so that it can tell bytes that are
 * not theirs. It is told which frame a stack is being given, and so knows what an output answers.
 */
#ifndef TESTS_SIM_WIRE_H
#define TESTS_SIM_WIRE_H

#include "kernel/base.h"
#include "tests/sim/lan.h"

enum {
    WIRE_FLOWS_MAX = 96,
    WIRE_TEXT_BYTES = 160,
    WIRE_TSVALS_KEPT = 64, /* a power of two */
    WIRE_SACK_MAX = 4,
};

struct wire_sack {
    uint32_t left, right;
};

/* A frame's TCP segment, for decisions and traces. */
struct wire_segment {
    int to; /* host, or LAN_NOBODY */
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint16_t window;
    uint8_t flags; /* enum tcp_flag of net/wire/tcp.h has the same bits */
    const uint8_t *payload;
    size_t len;
    /* Options */
    bool bad_options;
    bool has_mss, has_scale, sack_permitted, has_ts;
    uint16_t mss;
    uint8_t shift;
    uint32_t tsval, tsecr;
    uint32_t sack_count;
    struct wire_sack sack[WIRE_SACK_MAX];
};

/* What one host has shown of a connection. */
struct wire_side {
    bool opened; /* its SYN was seen */
    bool scales; /* with the window scale option */
    bool sacks;  /* with SACK permitted */
    bool stamps; /* with timestamps */
    bool has_edge;
    bool finished;
    uint8_t shift;
    uint16_t mss;
    uint32_t isn;
    uint32_t end;  /* behind the last sequence number it has used */
    uint32_t ack;  /* the highest it acknowledged; valid with has_edge */
    uint32_t edge; /* the furthest right edge of its window */
    uint32_t fin;  /* sequence number of its FIN, when finished */
    uint32_t tsval_count;
    uint32_t tsvals[WIRE_TSVALS_KEPT]; /* the last different ones, the newest at count - 1 */
};

struct wire_flow {
    int host[2]; /* the lower number first */
    uint16_t port[2];
    bool reset;   /* a RST was seen */
    bool excused; /* its history proves nothing any more: a host was restarted, or an old SYN came
                     late and found a listener */
    struct wire_side side[2];
};

/* What a stack is being given at this moment. */
struct wire_input {
    int host; /* LAN_NOBODY: nothing, a timer or a call makes it send */
    bool corrupted;
    bool is_tcp;
    bool is_icmp_error;
    bool told; /* an answer with SACK blocks has gone */
    struct wire_segment seg;
};

struct wire {
    uint64_t seed;
    bool ethernet;
    int host_count;
    uint16_t mtu[HOSTS_MAX];
    struct wire_input input;
    struct wire_flow flows[WIRE_FLOWS_MAX];
    size_t flow_count;
    uint64_t segments;
    uint64_t resets;
    uint64_t payload_bytes;
    uint64_t sack_blocks;
    uint64_t icmp_errors;
    char text[WIRE_TEXT_BYTES]; /* the breach wire_check found */
};

enum {
    WIRE_FIN = 1,
    WIRE_SYN = 2,
    WIRE_RST = 4,
    WIRE_ACK = 16,
};

/* An end of a connection. */
struct wire_port {
    int host;
    uint16_t port;
};

void wire_init(struct wire *w, uint64_t seed, bool ethernet, int host_count, const uint16_t mtu[]);

/* The key of the stream that `from` sends to `to`. */
uint64_t wire_stream_key(uint64_t seed, struct wire_port from, struct wire_port to);

/* True when the frame carries TCP; no checksum is looked at. */
bool wire_decode(const struct wire *w, const uint8_t *bytes, size_t len, struct wire_segment *seg);

/* Judges a frame on its way out of host `from`. NULL, or what is wrong, valid until the next call.
 */
const char *wire_check(struct wire *w, int from, const uint8_t *bytes, size_t len);

/* The stack of a host is given this frame, until wire_given. */
void wire_give(struct wire *w, int host, const uint8_t *bytes, size_t len, bool corrupted);
void wire_give_data(struct wire *w, int host); /* several, good TCP segments with data */
void wire_given(struct wire *w);

/* From now on nothing is expected of a host's connections: it forgot them. */
void wire_excuse(struct wire *w, int host);

/* One line about a frame, relative to the connection's initial sequence numbers. */
void wire_describe(const struct wire *w, int from, const uint8_t *bytes, size_t len, char *out,
                   size_t out_bytes);

/* The Internet checksum's sum, byte by byte: not the one under test. */
uint16_t wire_ones_sum(uint32_t sum, const uint8_t *bytes, size_t len);

/* wire_tcp.c: judges a segment. wire.c: notes a breach, for its result. */
const char *wire_check_segment(struct wire *w, int from, const struct wire_segment *s);
const char *wire_breach(struct wire *w, const char *what, uint64_t have, uint64_t limit);
struct wire_flow *wire_find_flow(const struct wire *w, int from, const struct wire_segment *s);

#endif
