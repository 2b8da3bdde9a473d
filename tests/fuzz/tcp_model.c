/*
 * The peer of the stateful TCP fuzz target: see tcp_model.h.
 */
#include "tests/fuzz/tcp_model.h"

#include <string.h>

#include "kernel/bytes.h"
#include "net/wire/csum.h"
#include "net/wire/ipv4.h"
#include "net/wire/seq.h"
#include "net/wire/tcp.h"

enum {
    OPT_MSS = 2,
    OPT_WSCALE = 3,
    OPT_SACK_PERMITTED = 4,
    OPT_SACK = 5,
    OPT_TIMESTAMPS = 8,
};

/*
 * A fifth of an input's time went here while each byte was checked for itself. The callers see to
 * it that the memory is good.
 */
__attribute__((no_sanitize("address", "undefined"))) static void fill(uint8_t *out, uint32_t seq,
                                                                      size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t at = seq + (uint32_t)i;
        out[i] = (uint8_t)(at * 31 + (at >> 8) * 17 + (at >> 16) * 7);
    }
}

void model_fill(uint8_t *out, uint32_t seq, size_t len)
{
    memset(out, 0, len); /* under the sanitizers' eyes */
    fill(out, seq, len);
}

bool model_matches(const uint8_t *bytes, uint32_t seq, size_t len)
{
    static uint8_t want[MODEL_BYTES_MAX];
    assert(len <= sizeof(want));
    fill(want, seq, len);
    return memcmp(bytes, want, len) == 0;
}

static uint32_t ts_now(const struct model *m)
{
    return m->ts_start + (uint32_t)(m->now_ns / NS_PER_MS);
}

void model_next(const struct model *m, const struct model_flow *f, struct model_segment *s)
{
    *s = (struct model_segment){.sport = f->rport,
                                .dport = f->lport,
                                .flags = TCP_ACK,
                                .seq = f->snd_nxt,
                                .ack = f->rcv_max,
                                .window = f->window};
    s->options.timestamps = f->timestamps;
    s->options.ts_val = ts_now(m);
    s->options.ts_ecr = f->ts_recent;
}

void model_syn(struct model *m, struct model_flow *f, struct model_segment *s, uint8_t offers)
{
    model_next(m, f, s);
    s->seq = f->iss;
    s->flags = f->answered ? TCP_SYN | TCP_ACK : TCP_SYN;
    s->ack = f->answered ? f->irs + 1 : 0;
    s->options = (struct model_option_set){.mss = offers & 1,
                                           .mss_value = f->mss,
                                           .wscale = offers & 2,
                                           .shift = offers >> 4,
                                           .sack_permitted = offers & 4,
                                           .timestamps = offers & 8,
                                           .ts_val = ts_now(m),
                                           .ts_ecr = f->ts_recent};
    f->timestamps = f->timestamps || (offers & 8);
    f->sack = f->sack || (offers & 4);
}

static uint8_t *put_option(uint8_t *at, uint8_t kind, uint8_t len)
{
    at[0] = kind;
    at[1] = len;
    return at + 2;
}

/* What there is room for, padded to whole words. */
static size_t put_options(const struct model_option_set *o, uint8_t *out)
{
    uint8_t *at = out;
    if (o->mss) {
        store_be16(put_option(at, OPT_MSS, 4), o->mss_value);
        at += 4;
    }
    if (o->wscale) {
        *put_option(at, OPT_WSCALE, 3) = o->shift;
        at += 3;
    }
    if (o->sack_permitted) {
        at = put_option(at, OPT_SACK_PERMITTED, 2);
    }
    if (o->timestamps) {
        store_be32(put_option(at, OPT_TIMESTAMPS, 10), o->ts_val);
        store_be32(at + 6, o->ts_ecr);
        at += 10;
    }
    size_t room = (size_t)(TCP_OPTIONS_MAX_BYTES - (at - out));
    size_t sacks = min_size(o->sacks, room < 10 ? 0 : (room - 2) / 8);
    if (sacks > 0) {
        at = put_option(at, OPT_SACK, (uint8_t)(2 + 8 * sacks));
    }
    for (size_t i = 0; i < sacks; i++, at += 8) {
        store_be32(at, o->sack[i][0]);
        store_be32(at + 4, o->sack[i][1]);
    }
    while ((at - out) % 4 != 0) {
        *at++ = 0;
    }
    return (size_t)(at - out);
}

static void put_ip(uint8_t *ip, size_t total)
{
    memset(ip, 0, IPV4_HEADER_BYTES);
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)total);
    store_be16(ip + 6, 0x4000);
    ip[8] = IPV4_TTL;
    ip[9] = IP_PROTO_TCP;
    store_be32(ip + 12, MODEL_PEER_ADDRESS);
    store_be32(ip + 16, MODEL_OUR_ADDRESS);
    store_be16(ip + 10, csum_finish(csum_add(0, ip, IPV4_HEADER_BYTES)));
}

size_t model_write(const struct model_segment *s, uint8_t *out)
{
    uint8_t *tcp = out + IPV4_HEADER_BYTES;
    size_t header = TCP_HEADER_BYTES + put_options(&s->options, tcp + TCP_HEADER_BYTES);
    size_t len = min_size(s->len, MODEL_PACKET_BYTES - IPV4_HEADER_BYTES - header);
    uint32_t first = s->seq + ((s->flags & TCP_SYN) ? 1 : 0);
    store_be16(tcp, s->sport);
    store_be16(tcp + 2, s->dport);
    store_be32(tcp + 4, s->seq);
    store_be32(tcp + 8, s->ack);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = s->flags;
    store_be16(tcp + 14, s->window);
    store_be32(tcp + 16, 0);
    model_fill(tcp + header, first, len);
    uint16_t total = (uint16_t)(header + len);
    uint32_t sum = csum_pseudo(MODEL_PEER_ADDRESS, MODEL_OUR_ADDRESS, IP_PROTO_TCP, total);
    store_be16(tcp + 16, csum_finish(csum_add(sum, tcp, total)));
    put_ip(out, IPV4_HEADER_BYTES + total);
    return IPV4_HEADER_BYTES + total;
}

void model_sent(struct model_flow *f, const struct model_segment *s)
{
    uint32_t end =
        s->seq + s->len + ((s->flags & TCP_SYN) ? 1 : 0) + ((s->flags & TCP_FIN) ? 1 : 0);
    if (s->seq == f->snd_nxt || ((s->flags & TCP_SYN) && f->snd_nxt == f->iss)) {
        f->snd_nxt = end;
    }
    if ((s->flags & TCP_ACK) && seq_gt(s->ack, f->acked)) {
        f->acked = s->ack;
    }
}

/* The flow of a packet of the stack's; one that opens a connection gets a fresh one. */
static struct model_flow *flow_of(struct model *m, uint16_t lport, uint16_t rport, uint8_t flags)
{
    struct model_flow *spare = NULL;
    for (size_t i = 0; i < MODEL_FLOWS; i++) {
        struct model_flow *f = &m->flows[i];
        if (f->used && f->lport == lport && f->rport == rport) {
            return f;
        }
        spare = f->used ? spare : f;
    }
    if (spare != NULL && (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
        *spare = (struct model_flow){.used = true,
                                     .lport = lport,
                                     .rport = rport,
                                     .iss = rport * 65537u,
                                     .snd_nxt = rport * 65537u,
                                     .snd_una = rport * 65537u,
                                     .window = 0xffff,
                                     .mss = 1460};
        return spare;
    }
    return NULL;
}

static void learn_options(struct model_flow *f, const struct tcp_options *o, bool syn)
{
    if (syn) {
        f->timestamps = f->timestamps && o->has_timestamps;
        f->sack = f->sack && o->has_sack_permitted;
    }
    if (o->has_timestamps) {
        f->ts_recent = o->ts_val;
    }
}

static void learn(struct model_flow *f, const struct tcp_segment *seg, size_t payload)
{
    bool syn = (seg->flags & TCP_SYN) != 0;
    if (syn && (!f->answered || f->irs != seg->seq)) {
        f->answered = true;
        f->irs = seg->seq;
        f->rcv_max = f->acked = seg->seq;
    }
    if (syn && !(seg->flags & TCP_ACK)) {
        f->timestamps = f->sack = true; /* as far as the stack is concerned */
    }
    learn_options(f, &seg->options, syn);
    uint32_t end = seg->seq + (uint32_t)payload + (syn ? 1 : 0) + ((seg->flags & TCP_FIN) ? 1 : 0);
    if (f->answered && !(seg->flags & TCP_RST)) {
        f->rcv_max = seq_max(f->rcv_max, end);
    }
    if ((seg->flags & TCP_ACK) && !(seg->flags & TCP_RST)) {
        f->snd_una = seq_max(f->snd_una, seg->ack);
    }
}

void model_read(struct model *m, const uint8_t *ip, size_t len)
{
    assert(len >= IPV4_HEADER_BYTES && len <= MODEL_PACKET_BYTES);
    assert(ip[0] == 0x45 && load_be16(ip + 2) == len && csum_add(0, ip, 20) == 0xffff);
    memcpy(m->last, ip, len);
    m->last_len = len;
    m->sent++;
    if (ip[9] != IP_PROTO_TCP) {
        return;
    }
    const uint8_t *tcp = ip + IPV4_HEADER_BYTES;
    size_t total = len - IPV4_HEADER_BYTES;
    struct tcp_segment seg = {0};
    size_t header = 0;
    bool options_ok = false;
    enum tcp_bad bad = tcp_decode(&seg, tcp, total, &header, &options_ok);
    assert(bad == TCP_GOOD && options_ok);
    uint32_t sum =
        csum_pseudo(load_be32(ip + 12), load_be32(ip + 16), IP_PROTO_TCP, (uint16_t)total);
    assert(csum_add(sum, tcp, total) == 0xffff);
    assert(load_be16(tcp) != 0 && load_be16(tcp + 2) != 0);
    m->resets += (seg.flags & TCP_RST) != 0;
    uint32_t first = seg.seq + ((seg.flags & TCP_SYN) ? 1 : 0);
    assert(model_matches(tcp + header, first, total - header));
    struct model_flow *f = flow_of(m, load_be16(tcp), load_be16(tcp + 2), seg.flags);
    if (f != NULL) {
        learn(f, &seg, total - header);
    }
}
