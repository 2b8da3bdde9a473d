/*
 * Packet scripts: packets to bytes and back. See packet.h.
 */
#include "tests/scripts/engine/packet.h"

#include <stdio.h>
#include <string.h>

#include "kernel/bytes.h"

enum {
    IP_BYTES = 20,
    TCP_BYTES = 20,
    ICMP_BYTES = 8,
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    IP_DF = 0x4000,
    OPTIONS_MAX = 40,
};

/* A checksum of its own: the stack's must not be what judges the stack. */
static uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) ? bytes[i] : (uint32_t)bytes[i] << 8;
    }
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static uint16_t tcp_sum(const uint8_t *ip, const uint8_t *segment, size_t len)
{
    uint32_t sum = sum_bytes(0, ip + 12, 8) + PROTO_TCP + (uint32_t)len;
    return fold(sum_bytes(sum, segment, len));
}

static uint32_t absolute(const struct ps_number *n, uint32_t base)
{
    return n->how == PS_ABSOLUTE ? (uint32_t)n->value : base + (uint32_t)n->value;
}

static size_t put_option(uint8_t *out, const struct ps_option *o, const struct ps_flow *f, bool ack)
{
    out[0] = (uint8_t)o->kind;
    switch (o->kind) {
    case PS_OPT_MSS:
        out[1] = 4;
        store_be16(out + 2, (uint16_t)o->value);
        return 4;
    case PS_OPT_WSCALE:
        out[1] = 3;
        out[2] = (uint8_t)o->value;
        return 3;
    case PS_OPT_SACKOK:
        out[1] = 2;
        return 2;
    case PS_OPT_TS:
        out[1] = 10;
        store_be32(out + 2, f->ts_peer + (uint32_t)o->value);
        /* Before the stack said one there is nothing to echo: as written. */
        store_be32(out + 6, (ack ? f->ts_ours : 0) + (uint32_t)o->ecr);
        return 10;
    case PS_OPT_SACK:
        out[1] = (uint8_t)(2 + 8 * o->sack_count);
        for (size_t i = 0; i < o->sack_count; i++) {
            store_be32(out + 2 + 8 * i, f->iss + (uint32_t)o->sacks[i].from);
            store_be32(out + 6 + 8 * i, f->iss + (uint32_t)o->sacks[i].to);
        }
        return out[1];
    case PS_OPT_RAW:
        memcpy(out, o->raw, o->raw_len);
        return o->raw_len;
    default:
        return 1;
    }
}

/* Padded with zeros to whole words; what does not fit 40 bytes is cut off. */
static size_t put_options(uint8_t *out, const struct ps_packet *p, const struct ps_flow *f)
{
    uint8_t bytes[PS_OPTIONS_MAX * (PS_RAW_MAX + 2)] = {0};
    size_t len = 0;
    for (size_t i = 0; i < p->option_count; i++) {
        len += put_option(bytes + len, &p->options[i], f, (p->flags & PS_ACK) != 0);
    }
    len = min_size((len + 3) & ~(size_t)3, OPTIONS_MAX);
    memcpy(out, bytes, len);
    return len;
}

static void put_payload(struct ps_bytes *b, const struct ps_packet *p, uint32_t seq)
{
    if (p->data != NULL) {
        memcpy(b->at + b->len, p->data, p->len);
    } else {
        for (size_t i = 0; i < p->len; i++) {
            b->at[b->len + i] = ps_pattern(seq + (uint32_t)i);
        }
    }
    b->len += p->len;
}

static void put_ip(uint8_t *ip, const struct ps_packet *p, const struct ps_flow *f, size_t len)
{
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    ip[1] = p->tos >= 0 ? (uint8_t)p->tos : 0;
    store_be16(ip + 2, (uint16_t)len);
    store_be16(ip + 4, p->ip_id >= 0 ? (uint16_t)p->ip_id : 0);
    store_be16(ip + 6, p->df == 0 ? 0 : IP_DF);
    ip[8] = p->ttl >= 0 ? (uint8_t)p->ttl : 64;
    ip[9] = p->kind == PS_PACKET_TCP ? PROTO_TCP : PROTO_ICMP;
    store_be32(ip + 12, p->src >= 0 ? (uint32_t)p->src : f->peer);
    store_be32(ip + 16, p->dst >= 0 ? (uint32_t)p->dst : PS_OUR_ADDRESS);
    store_be16(ip + 10, fold(sum_bytes(0, ip, IP_BYTES)) ^ (p->bad_ip_checksum ? 1 : 0));
}

static void encode_tcp(const struct ps_packet *p, const struct ps_flow *f, struct ps_bytes *b)
{
    uint8_t *t = b->at + IP_BYTES;
    memset(t, 0, TCP_BYTES);
    store_be16(t, p->sport >= 0 ? (uint16_t)p->sport : f->rport);
    store_be16(t + 2, p->dport >= 0 ? (uint16_t)p->dport : f->lport);
    store_be32(t + 4, absolute(&p->seq, f->irs));
    store_be32(t + 8, (p->flags & PS_ACK) ? absolute(&p->ack, f->iss) : 0);
    size_t header = TCP_BYTES + put_options(t + TCP_BYTES, p, f);
    int64_t offset = p->offset >= 0 ? p->offset : (int64_t)header / 4;
    t[12] = (uint8_t)(offset << 4 | (p->reserved >= 0 ? p->reserved : 0));
    t[13] = p->flags;
    store_be16(t + 14, p->win >= 0 ? (uint16_t)p->win : UINT16_MAX);
    store_be16(t + 18, p->urgent >= 0 ? (uint16_t)p->urgent : 0);
    b->len = IP_BYTES + header;
    put_payload(b, p, (uint32_t)p->seq.value);
    put_ip(b->at, p, f, b->len);
    uint16_t sum = tcp_sum(b->at, t, b->len - IP_BYTES);
    store_be16(t + 16, sum ^ (p->bad_checksum ? 1 : 0));
}

/* The header of a segment of ours, as a router that drops it sends it back (RFC 792). */
static void put_quote(const struct ps_packet *p, const struct ps_flow *f, struct ps_bytes *b)
{
    struct ps_packet quoted = {.kind = PS_PACKET_TCP, .tos = -1, .ip_id = -1, .df = 1, .ttl = 60};
    struct ps_flow from = *f;
    uint8_t t[TCP_BYTES] = {0};
    quoted.src = PS_OUR_ADDRESS;
    quoted.dst = f->peer;
    put_ip(b->at + b->len, &quoted, &from, 1500);
    store_be16(t, p->sport >= 0 ? (uint16_t)p->sport : f->lport);
    store_be16(t + 2, p->dport >= 0 ? (uint16_t)p->dport : f->rport);
    store_be32(t + 4, absolute(&p->icmp.seq, f->iss));
    t[12] = 5 << 4;
    t[13] = PS_ACK;
    memcpy(b->at + b->len + IP_BYTES, t, (size_t)p->icmp.quote_len);
    b->len += IP_BYTES + (size_t)p->icmp.quote_len;
}

static void encode_icmp(const struct ps_packet *p, const struct ps_flow *f, struct ps_bytes *b)
{
    uint8_t *m = b->at + IP_BYTES;
    memset(m, 0, ICMP_BYTES);
    m[0] = p->icmp.type;
    m[1] = p->icmp.code;
    store_be32(m + 4, p->icmp.mtu >= 0 ? (uint32_t)p->icmp.mtu : 0);
    b->len = IP_BYTES + ICMP_BYTES;
    if (p->icmp.quotes) {
        put_quote(p, f, b);
    } else {
        put_payload(b, p, 0);
    }
    uint16_t sum = fold(sum_bytes(0, m, b->len - IP_BYTES));
    store_be16(m + 2, sum ^ (p->bad_checksum ? 1 : 0));
    struct ps_packet head = *p;
    if (p->icmp.quotes) {
        head.dst = PS_OUR_ADDRESS; /* `to` names the quoted segment's port */
    }
    put_ip(b->at, &head, f, b->len);
}

void ps_encode(const struct ps_packet *p, const struct ps_flow *f, struct ps_bytes *out)
{
    if (p->kind == PS_PACKET_RAW) {
        memcpy(out->at, p->data, p->len);
        out->len = p->len;
    } else if (p->kind == PS_PACKET_ICMP) {
        encode_icmp(p, f, out);
    } else {
        encode_tcp(p, f, out);
    }
}

static bool decode_ip(const struct ps_bytes *b, struct ps_packet *p, char why[PS_TEXT_MAX])
{
    const uint8_t *ip = b->at;
    if (b->len < IP_BYTES || ip[0] != 0x45 || load_be16(ip + 2) != b->len) {
        snprintf(why, PS_TEXT_MAX, "not an IPv4 packet without options of its own length");
        return false;
    }
    if (fold(sum_bytes(0, ip, IP_BYTES)) != 0) {
        snprintf(why, PS_TEXT_MAX, "the IP header's checksum is wrong");
        return false;
    }
    if ((load_be16(ip + 6) & 0x3fff) != 0) {
        snprintf(why, PS_TEXT_MAX, "a fragment");
        return false;
    }
    p->tos = ip[1];
    p->ip_id = load_be16(ip + 4);
    p->df = (load_be16(ip + 6) & IP_DF) != 0;
    p->ttl = ip[8];
    p->src = load_be32(ip + 12);
    p->dst = load_be32(ip + 16);
    return true;
}

static bool get_option(const uint8_t *at, size_t len, struct ps_option *o)
{
    o->kind = (enum ps_option_kind)at[0];
    if (o->kind == PS_OPT_MSS && len == 4) {
        o->value = load_be16(at + 2);
    } else if (o->kind == PS_OPT_WSCALE && len == 3) {
        o->value = at[2];
    } else if (o->kind == PS_OPT_TS && len == 10) {
        o->value = load_be32(at + 2);
        o->ecr = load_be32(at + 6);
    } else if (o->kind == PS_OPT_SACK && len >= 10 && len <= 34 && (len - 2) % 8 == 0) {
        o->sack_count = (len - 2) / 8;
        for (size_t i = 0; i < o->sack_count; i++) {
            o->sacks[i].from = load_be32(at + 2 + 8 * i);
            o->sacks[i].to = load_be32(at + 6 + 8 * i);
        }
    } else {
        return o->kind == PS_OPT_SACKOK && len == 2;
    }
    return true;
}

static bool decode_options(const uint8_t *at, size_t len, struct ps_packet *p)
{
    while (len > 0) {
        if (p->option_count == PS_OPTIONS_MAX) {
            return false;
        }
        struct ps_option *o = &p->options[p->option_count++];
        *o = (struct ps_option){.kind = (enum ps_option_kind)at[0]};
        size_t size = 1;
        if (at[0] != PS_OPT_EOL && at[0] != PS_OPT_NOP) {
            size = len >= 2 ? at[1] : 0;
            if (size < 2 || size > len || !get_option(at, size, o)) {
                return false;
            }
        }
        at += size;
        len -= size;
    }
    return true;
}

static bool decode_tcp(const struct ps_bytes *b, struct ps_packet *p, char why[PS_TEXT_MAX])
{
    const uint8_t *t = b->at + IP_BYTES;
    size_t len = b->len - IP_BYTES;
    size_t header = len >= TCP_BYTES ? (size_t)(t[12] >> 4) * 4 : 0;
    if (header < TCP_BYTES || header > len) {
        snprintf(why, PS_TEXT_MAX, "a TCP header that does not fit its packet");
        return false;
    }
    if (tcp_sum(b->at, t, len) != 0) {
        snprintf(why, PS_TEXT_MAX, "the TCP checksum is wrong");
        return false;
    }
    p->sport = load_be16(t);
    p->dport = load_be16(t + 2);
    p->seq = (struct ps_number){PS_ABSOLUTE, load_be32(t + 4)};
    p->ack = (struct ps_number){PS_ABSOLUTE, load_be32(t + 8)};
    p->raw_seq = load_be32(t + 4);
    p->raw_ack = load_be32(t + 8);
    p->reserved = t[12] & 15;
    p->flags = t[13];
    p->win = load_be16(t + 14);
    p->urgent = load_be16(t + 18);
    p->data = (uint8_t *)(uintptr_t)(t + header);
    p->len = len - header;
    if (!decode_options(t + TCP_BYTES, header - TCP_BYTES, p)) {
        snprintf(why, PS_TEXT_MAX, "TCP options that are malformed or unknown");
        return false;
    }
    return true;
}

bool ps_decode(const struct ps_bytes *b, struct ps_packet *p, char why[PS_TEXT_MAX])
{
    *p = (struct ps_packet){.conn = -1};
    if (!decode_ip(b, p, why)) {
        return false;
    }
    if (b->at[9] == PROTO_TCP) {
        return decode_tcp(b, p, why);
    }
    p->kind = PS_PACKET_ICMP;
    p->data = (uint8_t *)(uintptr_t)(b->at + IP_BYTES + ICMP_BYTES);
    if (b->at[9] != PROTO_ICMP || b->len < IP_BYTES + ICMP_BYTES) {
        snprintf(why, PS_TEXT_MAX, "neither TCP nor ICMP");
        return false;
    }
    if (fold(sum_bytes(0, b->at + IP_BYTES, b->len - IP_BYTES)) != 0) {
        snprintf(why, PS_TEXT_MAX, "the ICMP checksum is wrong");
        return false;
    }
    p->icmp.type = b->at[IP_BYTES];
    p->icmp.code = b->at[IP_BYTES + 1];
    p->icmp.mtu = load_be32(b->at + IP_BYTES + 4);
    p->len = b->len - IP_BYTES - ICMP_BYTES;
    return true;
}

int ps_flow_of(const struct ps_packet *p, struct ps_flow *flows, size_t count)
{
    for (size_t i = 0; i < count && p->kind == PS_PACKET_TCP; i++) {
        struct ps_flow *f = &flows[i];
        if (p->dst == f->peer && p->dport == f->rport &&
            (p->sport == f->lport || (f->lport == 0 && (p->flags & PS_SYN)))) {
            f->lport = (uint16_t)p->sport;
            return (int)i;
        }
    }
    return -1;
}

static int64_t relative(uint32_t value, uint32_t base)
{
    return (int32_t)(value - base);
}

void ps_make_relative(struct ps_packet *p, struct ps_flow *f)
{
    bool ack = (p->flags & PS_ACK) != 0;
    if ((p->flags & PS_SYN) && (!f->iss_known || p->fresh)) {
        f->iss = (uint32_t)p->seq.value;
        f->iss_known = true;
        f->ts_known = f->ts_known && !p->fresh;
    }
    p->seq = (struct ps_number){PS_RELATIVE, relative((uint32_t)p->seq.value, f->iss)};
    p->ack = (struct ps_number){PS_RELATIVE, ack ? relative((uint32_t)p->ack.value, f->irs) : 0};
    for (size_t i = 0; i < p->option_count; i++) {
        struct ps_option *o = &p->options[i];
        if (o->kind == PS_OPT_TS) {
            f->ts_ours = f->ts_known ? f->ts_ours : (uint32_t)o->value;
            f->ts_known = true;
            o->value = relative((uint32_t)o->value, f->ts_ours);
            o->ecr = ack ? relative((uint32_t)o->ecr, f->ts_peer) : o->ecr;
        }
        for (size_t j = 0; j < o->sack_count; j++) {
            o->sacks[j].from = relative((uint32_t)o->sacks[j].from, f->irs);
            o->sacks[j].to = relative((uint32_t)o->sacks[j].to, f->irs);
        }
    }
}
