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

bool tcp_options_parse(struct tcp_options *o, const uint8_t *bytes, size_t len)
{
    assert(len <= TCP_OPTIONS_MAX_BYTES);
    *o = (struct tcp_options){0};
    size_t at = 0;
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

static size_t write_nops(uint8_t *out, size_t at, size_t count)
{
    while (count-- > 0) {
        out[at++] = OPT_NOP;
    }
    return at;
}

/* RFC 7323 appendix A: SACK-permitted fills the two bytes in front, or NOPs do. */
static size_t write_timestamps(uint8_t *out, size_t at, const struct tcp_options *o)
{
    out[at++] = OPT_TIMESTAMPS;
    out[at++] = OPT_TIMESTAMPS_BYTES;
    store_be32(out + at, o->ts_val);
    store_be32(out + at + 4, o->ts_ecr);
    return at + 8;
}

/* As many of the blocks as there is room for: four, or three beside timestamps (RFC 2018 3). */
static size_t write_sack(uint8_t *out, size_t at, const struct tcp_options *o)
{
    size_t room = (TCP_OPTIONS_MAX_BYTES - at - 2 - OPT_HEAD_BYTES) / OPT_SACK_BLOCK_BYTES;
    size_t blocks = min_size(o->sack_count, room);
    at = write_nops(out, at, 2);
    out[at++] = OPT_SACK;
    out[at++] = (uint8_t)(OPT_HEAD_BYTES + blocks * OPT_SACK_BLOCK_BYTES);
    for (size_t i = 0; i < blocks; i++) {
        store_be32(out + at, o->sack[i].first);
        store_be32(out + at + 4, o->sack[i].end);
        at += OPT_SACK_BLOCK_BYTES;
    }
    return at;
}

size_t tcp_options_write(uint8_t *out, const struct tcp_options *o)
{
    size_t at = 0;
    bool of_syn = o->has_mss || o->has_wscale || o->has_sack_permitted;
    if (o->has_timestamps && !of_syn && o->sack_count == 0) {
        store_be32(out, TCP_TIMESTAMPS_HEAD);
        store_be32(out + 4, o->ts_val);
        store_be32(out + 8, o->ts_ecr);
        return 2 + OPT_TIMESTAMPS_BYTES;
    }
    if (o->has_mss) {
        out[at++] = OPT_MSS;
        out[at++] = OPT_MSS_BYTES;
        store_be16(out + at, o->mss);
        at += 2;
    }
    if (o->has_sack_permitted != o->has_timestamps) {
        at = write_nops(out, at, 2);
    }
    if (o->has_sack_permitted) {
        out[at++] = OPT_SACK_PERMITTED;
        out[at++] = OPT_SACK_PERMITTED_BYTES;
    }
    if (o->has_timestamps) {
        at = write_timestamps(out, at, o);
    }
    if (o->has_wscale) {
        assert(o->wscale <= TCP_WSCALE_MAX);
        out[at++] = OPT_NOP;
        out[at++] = OPT_WSCALE;
        out[at++] = OPT_WSCALE_BYTES;
        out[at++] = o->wscale;
    }
    if (o->sack_count > 0) {
        at = write_sack(out, at, o);
    }
    assert(at % 4 == 0 && at <= TCP_OPTIONS_MAX_BYTES);
    return at;
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
    uint8_t options[TCP_OPTIONS_MAX_BYTES];
    size_t options_len = tcp_options_write(options, &out->options);
    size_t header_len = TCP_HEADER_BYTES + options_len;
    uint8_t *h = pkt_push(p, header_len);
    size_t total = pkt_len(p);
    assert(total <= UINT16_MAX);
    store_be16(h, out->id.lport);
    store_be16(h + 2, out->id.rport);
    store_be32(h + 4, out->seq);
    store_be32(h + 8, (out->flags & TCP_ACK) ? out->ack : 0);
    h[12] = (uint8_t)((header_len / 4) << 4);
    h[13] = out->flags;
    store_be16(h + 14, out->window);
    store_be16(h + CSUM_AT, 0);                    /* checksum, below */
    store_be16(h + 18, 0);                         /* urgent pointer: never sent */
    if (options_len == 2 + OPT_TIMESTAMPS_BYTES) { /* nearly always, and known to the compiler */
        memcpy(h + TCP_HEADER_BYTES, options, 2 + OPT_TIMESTAMPS_BYTES);
    } else {
        memcpy(h + TCP_HEADER_BYTES, options, options_len);
    }
    uint32_t sum = csum_pseudo(out->id.laddr, out->id.raddr, IP_PROTO_TCP, (uint16_t)total);
    if (out->device_csum) {
        tcp_ask_csum(p, h, header_len);
        store_be16(h + CSUM_AT, (uint16_t)csum_reduce(sum));
    } else {
        store_be16(h + CSUM_AT, csum_finish(csum_add(sum, h, total)));
    }
}
