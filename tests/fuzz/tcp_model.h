/*
 * A peer for fuzzing TCP by its state: it knows of each connection what a real peer would (initial
 * numbers, what was sent and acknowledged either way, options agreed on, timestamps), learned from
 * the segments the stack sends, and so can build a segment that is right; the fuzz target bends it.
 * It also judges what the stack sends: checksums, lengths, the content of the stream.
 *
 * The byte with an absolute sequence number is always the same, in both directions: model_fill.
 */
#ifndef TESTS_FUZZ_TCP_MODEL_H
#define TESTS_FUZZ_TCP_MODEL_H

#include "kernel/base.h"

enum {
    MODEL_FLOWS = 6,
    MODEL_PACKET_BYTES = 1500,
    MODEL_BYTES_MAX = 20000, /* that model_matches looks at in one go */
    MODEL_SACKS_MAX = 4,
    MODEL_PEER_PORT = 4000, /* + slot, of connections the peer opens */
};
#define MODEL_OUR_ADDRESS  0x0a000001u /* the stack's */
#define MODEL_PEER_ADDRESS 0x0a000002u

struct model_flow {
    bool used;
    bool answered; /* a SYN of the stack's was seen: irs and all behind it count */
    uint16_t lport, rport;
    uint32_t iss, snd_nxt; /* the peer's sending side */
    uint32_t snd_una;      /* the stack's highest acknowledgement */
    uint32_t irs, rcv_max; /* the stack's SYN, and the end of all it has sent */
    uint32_t acked;        /* the highest acknowledgement the peer sent */
    uint16_t window;       /* the field the peer usually sends */
    uint16_t mss;          /* of the stack */
    bool timestamps, sack;
    uint32_t ts_recent;
};

struct model_option_set {
    bool mss, wscale, sack_permitted, timestamps;
    uint16_t mss_value;
    uint8_t shift;
    uint32_t ts_val, ts_ecr;
    uint8_t sacks;
    uint32_t sack[MODEL_SACKS_MAX][2];
};

struct model_segment {
    uint16_t sport, dport;
    uint8_t flags;
    uint32_t seq, ack;
    uint16_t window;
    uint16_t len; /* of payload */
    struct model_option_set options;
};

struct model {
    struct model_flow flows[MODEL_FLOWS];
    uint64_t now_ns;
    uint32_t ts_start;
    uint32_t sent;   /* packets the stack sent */
    uint32_t resets; /* of these, RSTs */
    uint8_t last[MODEL_PACKET_BYTES];
    size_t last_len; /* the stack's last packet, to be quoted by ICMP errors */
};

/* The bytes of the stream from seq on; and whether these are they. */
void model_fill(uint8_t *out, uint32_t seq, size_t len);
bool model_matches(const uint8_t *bytes, uint32_t seq, size_t len);

/* The peer's segment that follows on what the flow has seen: an ACK of all, at snd_nxt, with the
 * options agreed on. */
void model_next(const struct model *m, const struct model_flow *f, struct model_segment *s);

/* The SYN (or, for a flow the stack opened, SYN-ACK) of the peer; offers says which options: bit 0
 * MSS, 1 window scale, 2 SACK, 3 timestamps. */
void model_syn(struct model *m, struct model_flow *f, struct model_segment *s, uint8_t offers);

/* The segment as an IPv4 packet with right lengths and checksums. Returns its length. */
size_t model_write(const struct model_segment *s, uint8_t *out);

/* The peer has sent s: advances what it knows. */
void model_sent(struct model_flow *f, const struct model_segment *s);

/* Takes a packet the stack sent; asserts what must hold of it. */
void model_read(struct model *m, const uint8_t *ip, size_t len);

#endif
