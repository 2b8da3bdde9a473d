/*
 * Decoding and encoding of TCP headers and options (RFC 9293 3.1, 3.2; RFC 7323 2.2). What lies on
 * the wire is untrusted: every length is checked before it is used, and the urgent pointer (RFC
 * 6093) is not looked at: urgent data is delivered in line.
 */
#include "net/wire/tcp.h"

#include <string.h>

#include "kernel/bytes.h"
#include "net/wire/csum.h"
#include "net/wire/ipv4.h"

enum {
    CSUM_AT = 16, /* in the header */

    OPT_END = 0,
    OPT_NOP = 1,
    OPT_MSS = 2,
    OPT_MSS_BYTES = 4,
    OPT_WSCALE = 3,
    OPT_WSCALE_BYTES = 3,
    OPT_SACK_PERMITTED = 4,
    OPT_SACK_PERMITTED_BYTES = 2,
    OPT_SACK = 5,
    OPT_SACK_BLOCK_BYTES = 8,
    OPT_TIMESTAMPS = 8,
    OPT_TIMESTAMPS_BYTES = 10,
    OPT_HEAD_BYTES = 2, /* kind and length */
};

/* Of options as words; NOPs fill them up (RFC 7323 appendix A). */
enum {
    MSS_HEAD = OPT_MSS << 24 | OPT_MSS_BYTES << 16,
    WSCALE_HEAD = OPT_NOP << 24 | OPT_WSCALE << 16 | OPT_WSCALE_BYTES << 8,
    SACK_HEAD = OPT_NOP << 24 | OPT_NOP << 16 | OPT_SACK << 8 | OPT_HEAD_BYTES,
    SACK_PERMITTED_ALONE =
        OPT_NOP << 24 | OPT_NOP << 16 | OPT_SACK_PERMITTED << 8 | OPT_SACK_PERMITTED_BYTES,
    SACK_PERMITTED_TIMESTAMPS = OPT_SACK_PERMITTED << 24 | OPT_SACK_PERMITTED_BYTES << 16 |
                                OPT_TIMESTAMPS << 8 | OPT_TIMESTAMPS_BYTES,
};
static_assert(TCP_TIMESTAMPS_HEAD == ((uint32_t)OPT_NOP << 24 | OPT_NOP << 16 |
                                      OPT_TIMESTAMPS << 8 | OPT_TIMESTAMPS_BYTES),
              "two NOPs, kind and length");

/* RFC 2018 3: 2 + 8n bytes; what a peer says it has. */
static bool parse_sack(struct tcp_options *o, const uint8_t *opt, size_t len)
{
    size_t blocks = (len - OPT_HEAD_BYTES) / OPT_SACK_BLOCK_BYTES;
    if (blocks == 0 || len != OPT_HEAD_BYTES + blocks * OPT_SACK_BLOCK_BYTES) {
        return false;
    }
    assert(blocks <= TCP_SACK_BLOCKS_MAX); /* 40 bytes hold no more */
    for (size_t i = 0; i < blocks; i++) {
        const uint8_t *at = opt + OPT_HEAD_BYTES + i * OPT_SACK_BLOCK_BYTES;
        o->sack[i] = (struct tcp_range){.first = load_be32(at), .end = load_be32(at + 4)};
    }
    o->sack_count = (uint8_t)blocks;
    return true;
}

/* One option of len bytes, head included; false when its length does not fit its kind. */
static bool parse_option(struct tcp_options *o, const uint8_t *opt, size_t len)
{
    assert(len >= OPT_HEAD_BYTES && len <= TCP_OPTIONS_MAX_BYTES);
    switch (opt[0]) {
    case OPT_MSS:
        if (len != OPT_MSS_BYTES) {
            return false;
        }
        o->has_mss = true;
        o->mss = load_be16(opt + 2);
        return true;
    case OPT_WSCALE:
        if (len != OPT_WSCALE_BYTES) {
            return false;
        }
        o->has_wscale = true;
        /* RFC 7323 2.3: more than 14 is used as 14. */
        o->wscale = opt[2] > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : opt[2];
        return true;
    case OPT_SACK_PERMITTED:
        o->has_sack_permitted = len == OPT_SACK_PERMITTED_BYTES;
        return o->has_sack_permitted;
    case OPT_SACK:
        return parse_sack(o, opt, len);
    case OPT_TIMESTAMPS:
        if (len != OPT_TIMESTAMPS_BYTES) {
            return false;
        }
        o->has_timestamps = true;
        o->ts_val = load_be32(opt + 2);
        o->ts_ecr = load_be32(opt + 6);
        return true;
    default:
        return true; /* RFC 9293 3.2, MUST-6: unknown ones are skipped by their length */
    }
}

/* Those of a SYN as most hosts write them, each in words of its own, taken a word at a time.
 * Returns where the first lies that is not written so; what is in front is as parse_option takes
 * it. */
static size_t parse_words(struct tcp_options *o, const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (len - at >= 4) {
        uint32_t word = load_be32(bytes + at);
        bool timestamps = word == TCP_TIMESTAMPS_HEAD || word == SACK_PERMITTED_TIMESTAMPS;
        if (timestamps && len - at >= 2 + OPT_TIMESTAMPS_BYTES) {
            o->has_timestamps = true;
            o->has_sack_permitted |= word == SACK_PERMITTED_TIMESTAMPS;
            o->ts_val = load_be32(bytes + at + 4);
            o->ts_ecr = load_be32(bytes + at + 8);
            at += 2 + OPT_TIMESTAMPS_BYTES;
            continue;
        }
        if ((word & 0xffff0000) == MSS_HEAD) {
            o->has_mss = true;
            o->mss = (uint16_t)word;
        } else if ((word & 0xffffff00) == WSCALE_HEAD) {
            o->has_wscale = true;
            o->wscale = (uint8_t)min_u32(word & 0xff, TCP_WSCALE_MAX);
        } else if (word == SACK_PERMITTED_ALONE) {
            o->has_sack_permitted = true;
        } else {
            break;
        }
        at += 4;
    }
    return at;
}

bool tcp_options_parse(struct tcp_options *o, const uint8_t *bytes, size_t len)
{
    assert(len <= TCP_OPTIONS_MAX_BYTES);
    *o = (struct tcp_options){0};
    size_t at = parse_words(o, bytes, len);
    while (at < len) {
        if (bytes[at] == OPT_END) {
            return true; /* what follows is padding (RFC 9293 3.1) */
        }
        if (bytes[at] == OPT_NOP) {
            at++;
            continue;
        }
        /* MUST-7: an illegal length must not hurt. */
        if (len - at < OPT_HEAD_BYTES) {
            return false;
        }
        size_t opt_len = bytes[at + 1];
        if (opt_len < OPT_HEAD_BYTES || opt_len > len - at) {
            return false;
        }
        if (!parse_option(o, bytes + at, opt_len)) {
            return false;
        }
        at += opt_len;
    }
    return true;
}

enum tcp_bad tcp_decode_other(struct tcp_segment *seg, const uint8_t *bytes, size_t len,
                              size_t *header_bytes, bool *options_ok)
{
    if (len < TCP_HEADER_BYTES) {
        return TCP_BAD_SHORT;
    }
    /* RFC 9293 3.1: the reserved bits below the offset are ignored. */
    size_t offset = (size_t)(bytes[12] >> 4) * 4;
    if (offset < TCP_HEADER_BYTES || offset > len) {
        return TCP_BAD_OFFSET;
    }
    tcp_decode_fields(seg, bytes, len, offset);
    *header_bytes = offset;
    *options_ok =
        tcp_options_parse(&seg->options, bytes + TCP_HEADER_BYTES, offset - TCP_HEADER_BYTES);
    return TCP_GOOD;
}

/*
 * Options as words of four bytes, which each of those that are sent fills, with NOPs where need be;
 * the sum is taken on the way.
 */
struct words {
    uint8_t *at;
    uint64_t sum;
};

static inline void put_word(struct words *w, uint32_t word)
{
    store_be32(w->at, word);
    w->at += 4;
    w->sum += word;
}

/* As many of the blocks as there is room for: four, or three beside timestamps (RFC 2018 3). */
static uint32_t sack_blocks(const struct tcp_options *o, size_t bytes_in_front)
{
    size_t room = (TCP_OPTIONS_MAX_BYTES - bytes_in_front - 4) / OPT_SACK_BLOCK_BYTES;
    return (uint32_t)min_size(o->sack_count, room);
}

static void put_sack(struct words *w, const struct tcp_options *o, uint32_t blocks)
{
    put_word(w, SACK_HEAD + blocks * OPT_SACK_BLOCK_BYTES);
    for (uint32_t i = 0; i < blocks; i++) {
        put_word(w, o->sack[i].first);
        put_word(w, o->sack[i].end);
    }
}

/* SACK-permitted fills the two bytes in front of timestamps, or NOPs do (RFC 7323 appendix A). */
static uint32_t middle_word(const struct tcp_options *o)
{
    if (!o->has_timestamps) {
        return SACK_PERMITTED_ALONE;
    }
    return o->has_sack_permitted ? SACK_PERMITTED_TIMESTAMPS : TCP_TIMESTAMPS_HEAD;
}

static size_t options_bytes(const struct tcp_options *o)
{
    size_t bytes = (o->has_mss ? 4 : 0) + (o->has_timestamps || o->has_sack_permitted ? 4 : 0) +
                   (o->has_timestamps ? 8 : 0) + (o->has_wscale ? 4 : 0);
    if (unlikely(o->sack_count > 0)) {
        bytes += 4 + sack_blocks(o, bytes) * OPT_SACK_BLOCK_BYTES;
    }
    assert(bytes <= TCP_OPTIONS_MAX_BYTES);
    return bytes;
}

/* Writes them, options_bytes() of them, and returns their sum. */
static inline uint64_t put_options(uint8_t *out, const struct tcp_options *o)
{
    struct words w = {.at = out};
    if (o->has_mss) {
        put_word(&w, MSS_HEAD | o->mss);
    }
    if (o->has_timestamps || o->has_sack_permitted) {
        put_word(&w, middle_word(o));
    }
    if (o->has_timestamps) {
        put_word(&w, o->ts_val);
        put_word(&w, o->ts_ecr);
    }
    if (o->has_wscale) {
        assert(o->wscale <= TCP_WSCALE_MAX);
        put_word(&w, WSCALE_HEAD | o->wscale);
    }
    if (unlikely(o->sack_count > 0)) {
        put_sack(&w, o, sack_blocks(o, (size_t)(w.at - out)));
    }
    return w.sum;
}

size_t tcp_options_write(uint8_t *out, const struct tcp_options *o)
{
    (void)put_options(out, o);
    return options_bytes(o);
}

void tcp_ask_csum(struct pkt *p, const uint8_t *h, size_t header_bytes)
{
    size_t l4 = (size_t)(h - p->head);
    assert(l4 >= IPV4_HEADER_BYTES && header_bytes >= TCP_HEADER_BYTES);
    p->tx = (struct pkt_tx){.l3 = (uint16_t)(l4 - IPV4_HEADER_BYTES),
                            .l4 = (uint16_t)l4,
                            .l4_bytes = (uint8_t)header_bytes,
                            .l4_csum = CSUM_AT};
}

void tcp_encode(struct pkt *p, const struct tcp_out *out)
{
    size_t payload_len = pkt_len(p);
    size_t header_len = TCP_HEADER_BYTES + options_bytes(&out->options);
    size_t total = header_len + payload_len;
    uint8_t *h = pkt_push(p, header_len);
    assert(total <= UINT16_MAX);
    uint32_t ports = (uint32_t)out->id.lport << 16 | out->id.rport;
    uint32_t ack = (out->flags & TCP_ACK) ? out->ack : 0;
    uint32_t fourth = (uint32_t)(header_len / 4) << 28 | (uint32_t)out->flags << 16 | out->window;
    store_be32(h, ports);
    store_be32(h + 4, out->seq);
    store_be32(h + 8, ack);
    store_be32(h + 12, fourth);
    uint64_t sum = (uint64_t)ports + out->seq + ack + fourth;
    sum += put_options(h + TCP_HEADER_BYTES, &out->options);
    uint64_t pseudo = (uint64_t)out->id.laddr + out->id.raddr + IP_PROTO_TCP + total;
    if (out->device_csum) {
        tcp_ask_csum(p, h, header_len);
        tcp_encode_csum(h, (uint16_t)csum_reduce(pseudo));
        return;
    }
    if (payload_len > 0) {
        sum += csum_add(0, h + header_len, payload_len);
    }
    tcp_encode_csum(h, (uint16_t)~csum_reduce(sum + pseudo));
}
