/*
 * TCP segments as bytes and as a host-order struct (RFC 9293 3.1, 3.2): decoded once on the way in,
 * encoded once on the way out. Pure functions over bytes; knows nothing of connections.
 */
#ifndef NET_WIRE_TCP_H
#define NET_WIRE_TCP_H

#include "kernel/bytes.h"
#include "kernel/pkt.h"

enum {
    TCP_HEADER_BYTES = 20,
    TCP_OPTIONS_MAX_BYTES = 40,
    /* What nearly every segment of a connection with timestamps carries (RFC 7323 appendix A): two
     * NOPs and the option. */
    TCP_TIMESTAMPS_PADDED_BYTES = 12,
    TCP_TIMESTAMPS_HEAD = 0x0101080a, /* its first word */
    TCP_WSCALE_MAX = 14,              /* RFC 7323 2.3 */
    TCP_SACK_BLOCKS_MAX = 4,          /* RFC 2018 3: what 40 bytes hold; 3 beside timestamps */
};

enum tcp_flag {
    TCP_FIN = 1u << 0,
    TCP_SYN = 1u << 1,
    TCP_RST = 1u << 2,
    TCP_PSH = 1u << 3,
    TCP_ACK = 1u << 4,
    TCP_URG = 1u << 5,
    TCP_ECE = 1u << 6, /* RFC 3168 6.1 */
    TCP_CWR = 1u << 7,
};

/* A connection's names, in host order. */
struct tcp_tuple {
    uint32_t laddr;
    uint32_t raddr;
    uint16_t lport;
    uint16_t rport;
};

/* Sequence numbers from first up to, without it, end. */
struct tcp_range {
    uint32_t first;
    uint32_t end;
};

/* Options that were there and good. A malformed one counts as absent, like all behind it. */
struct tcp_options {
    bool has_mss;
    bool has_wscale;
    bool has_sack_permitted; /* RFC 2018 2 */
    bool has_timestamps;     /* RFC 7323 3.2 */
    uint8_t wscale;          /* at most TCP_WSCALE_MAX */
    uint8_t sack_count;      /* blocks in sack[], in the order of the wire */
    uint16_t mss;
    uint32_t ts_val;
    uint32_t ts_ecr;
    struct tcp_range sack[TCP_SACK_BLOCKS_MAX]; /* not checked against anything */
};

/* A received segment. Its payload is exactly pkt's bytes and shrinks as it is trimmed. */
struct tcp_segment {
    struct tcp_tuple id; /* l is us, r the sender */
    uint32_t seq;        /* of the first payload byte that is left (of the SYN, with one) */
    uint32_t ack;
    uint32_t len;    /* payload bytes that are left; 0 once somebody took them */
    uint32_t wnd;    /* scaled, once the connection is known */
    uint16_t window; /* the field */
    uint8_t flags;   /* enum tcp_flag */
    uint8_t ecn;     /* IP_ECN_* of the IP header (RFC 3168 5) */
    struct tcp_options options;
    struct pkt *pkt; /* NULL once somebody took it */
};

/* SEG.LEN: payload, SYN and FIN. */
static inline uint32_t tcp_segment_len(const struct tcp_segment *seg)
{
    return seg->len + ((seg->flags & TCP_SYN) ? 1 : 0) + ((seg->flags & TCP_FIN) ? 1 : 0);
}

static inline uint32_t tcp_payload_len(const struct tcp_segment *seg)
{
    return seg->len;
}

/* Cuts payload off at the front; the sequence number follows. */
static inline void tcp_segment_pull(struct tcp_segment *seg, uint32_t bytes)
{
    pkt_pull(seg->pkt, bytes);
    seg->seq += bytes;
    seg->len -= bytes;
}

/* Leaves so many bytes of the payload, the first ones. */
static inline void tcp_segment_trim(struct tcp_segment *seg, uint32_t bytes)
{
    pkt_trim(seg->pkt, bytes);
    seg->len = bytes;
}

/* Its packet, which is the caller's from now on. */
static inline struct pkt *tcp_segment_take(struct tcp_segment *seg)
{
    struct pkt *p = seg->pkt;
    seg->pkt = NULL;
    seg->len = 0;
    return p;
}

/*
 * Parses len bytes of options. False when they end malformed (what was good in front stands).
 * Looks at no byte outside and at each at most once.
 */
bool tcp_options_parse(struct tcp_options *o, const uint8_t *bytes, size_t len);

/*
 * Writes the options of a segment with those flags to out (TCP_OPTIONS_MAX_BYTES), padded to a
 * multiple of four, in the order Linux sends them. Returns the length.
 */
size_t tcp_options_write(uint8_t *out, const struct tcp_options *o);

enum tcp_bad {
    TCP_GOOD,
    TCP_BAD_SHORT,
    TCP_BAD_OFFSET,
};

/* The fixed part of a header of offset bytes, of len bytes in all. */
static inline void tcp_decode_fields(struct tcp_segment *seg, const uint8_t *bytes, size_t len,
                                     size_t offset)
{
    seg->id.rport = load_be16(bytes);
    seg->id.lport = load_be16(bytes + 2);
    seg->seq = load_be32(bytes + 4);
    seg->ack = load_be32(bytes + 8);
    seg->flags = bytes[13];
    seg->window = load_be16(bytes + 14);
    seg->wnd = seg->window;
    seg->len = (uint32_t)(len - offset);
}

/* For tcp_decode: any other header. */
enum tcp_bad tcp_decode_other(struct tcp_segment *seg, const uint8_t *bytes, size_t len,
                              size_t *header_bytes, bool *options_ok);

/*
 * Decodes the header of len bytes into seg (id's addresses, ecn and pkt are the caller's).
 * *header_bytes gets the data offset; *options_ok tells of the options. Nearly always these are the
 * timestamps alone, padded in front: with the offset that says so that is one comparison. The
 * blocks of what brings none are not cleared.
 */
static inline enum tcp_bad tcp_decode(struct tcp_segment *seg, const uint8_t *bytes, size_t len,
                                      size_t *header_bytes, bool *options_ok)
{
    enum { PADDED_BYTES = TCP_HEADER_BYTES + TCP_TIMESTAMPS_PADDED_BYTES };
    const uint8_t *options = bytes + TCP_HEADER_BYTES;
    if (unlikely(len < PADDED_BYTES || bytes[12] >> 4 != PADDED_BYTES / 4 ||
                 load_be32(options) != TCP_TIMESTAMPS_HEAD)) {
        return tcp_decode_other(seg, bytes, len, header_bytes, options_ok);
    }
    tcp_decode_fields(seg, bytes, len, PADDED_BYTES);
    struct tcp_options *o = &seg->options;
    o->has_mss = o->has_wscale = o->has_sack_permitted = false;
    o->has_timestamps = true;
    o->wscale = o->sack_count = 0;
    o->mss = 0;
    o->ts_val = load_be32(options + 4);
    o->ts_ecr = load_be32(options + 8);
    *header_bytes = PADDED_BYTES;
    *options_ok = true;
    return TCP_GOOD;
}

/* A segment to send. */
struct tcp_out {
    struct tcp_tuple id;
    uint32_t seq;
    uint32_t ack;
    uint16_t window;
    uint8_t flags;
    uint8_t ecn;      /* IP_ECN_*, for the IP header */
    uint8_t tos;      /* for the same: the Differentiated Services field */
    uint8_t ttl;      /* 0: IPV4_TTL */
    bool device_csum; /* the device takes the checksum */
    struct tcp_options options;
};

/* Pushes header and options in front of p's payload and fills in the checksum, or asks the device
 * to. */
void tcp_encode(struct pkt *p, const struct tcp_out *out);

/* What a segment with timestamps or without options says beside its checksum, in host order. */
struct tcp_fields {
    uint32_t ports; /* ours, then the peer's */
    uint32_t seq;
    uint32_t ack;
    uint32_t ts_val; /* when timestamps */
    uint32_t ts_ecr; /* the same */
    uint16_t window;
    uint8_t flags;
    bool timestamps;
};

/* Writes the 20 or 32 bytes of such a header but for the checksum, and returns their sum. */
static inline uint64_t tcp_encode_fields(uint8_t *h, const struct tcp_fields *f)
{
    uint32_t words = f->timestamps ? 8 : 5;
    uint32_t third = words << 28 | (uint32_t)f->flags << 16 | f->window;
    uint64_t sum = (uint64_t)f->ports + f->seq + f->ack + third;
    store_be32(h, f->ports);
    store_be32(h + 4, f->seq);
    store_be32(h + 8, f->ack);
    store_be32(h + 12, third);
    if (f->timestamps) {
        store_be32(h + 20, TCP_TIMESTAMPS_HEAD);
        store_be32(h + 24, f->ts_val);
        store_be32(h + 28, f->ts_ecr);
        sum += (uint64_t)TCP_TIMESTAMPS_HEAD + f->ts_val + f->ts_ecr;
    }
    return sum;
}

/* The checksum field of the header at h, and the urgent pointer behind it, which is never sent. */
static inline void tcp_encode_csum(uint8_t *h, uint16_t csum)
{
    store_be32(h + 16, (uint32_t)csum << 16);
}

/* Asks the device for the checksum of p, whose TCP header is at h: the field has the sum of the
 * pseudo-header (kernel/pkt.h). An IPv4 header without options stands in front. */
void tcp_ask_csum(struct pkt *p, const uint8_t *h, size_t header_bytes);

#endif
