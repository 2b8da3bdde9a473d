/*
 * The observer on the simulated wire: see wire.h.
 */
#include "tests/sim/wire.h"

#include <stdio.h>
#include <string.h>

#include "kernel/bytes.h"
#include "tests/sim/draw.h"

enum {
    ETH_BYTES = 14,
    ETH_MIN_BYTES = 60,
    IP_BYTES = 20,
    TCP_BYTES = 20,
    PROTO_TCP = 6,
    MSS_DEFAULT = 536,
};

void wire_init(struct wire *w, uint64_t seed, bool ethernet, const uint16_t mtu[2])
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->ethernet = ethernet;
    for (int i = 0; i < 2; i++) {
        w->mtu[i] = mtu[i];
        w->address[i] = 0x0a000001u + (uint32_t)i;
    }
}

uint64_t wire_stream_key(uint64_t seed, uint16_t port0, uint16_t port1, int from)
{
    return mix_u64(mix_u64(seed) + ((uint64_t)port0 << 32 | (uint64_t)port1 << 8 | (uint64_t)from));
}

static const char *breach(struct wire *w, const char *what, uint64_t have, uint64_t limit)
{
    snprintf(w->text, sizeof(w->text), "%s (%llu, limit %llu)", what, (unsigned long long)have,
             (unsigned long long)limit);
    return w->text;
}

/* A checksum of its own, byte by byte: not the one under test. */
static uint16_t ones_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) != 0 ? bytes[i] : (uint32_t)bytes[i] << 8;
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

/* The IPv4 packet in a frame, or NULL when it is something else. */
static const uint8_t *find_ip(const struct wire *w, const uint8_t *bytes, size_t *len)
{
    if (!w->ethernet) {
        return bytes;
    }
    if (*len < ETH_BYTES + IP_BYTES || load_be16(bytes + 12) != 0x0800) {
        return NULL;
    }
    *len -= ETH_BYTES;
    return bytes + ETH_BYTES;
}

bool wire_decode(const struct wire *w, const uint8_t *bytes, size_t len, struct wire_segment *seg)
{
    const uint8_t *ip = find_ip(w, bytes, &len);
    if (ip == NULL || len < IP_BYTES + TCP_BYTES || ip[0] != 0x45 || ip[9] != PROTO_TCP) {
        return false;
    }
    const uint8_t *tcp = ip + IP_BYTES;
    size_t total = load_be16(ip + 2);
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    if (total > len || header < TCP_BYTES || IP_BYTES + header > total) {
        return false;
    }
    *seg = (struct wire_segment){
        .sport = load_be16(tcp),
        .dport = load_be16(tcp + 2),
        .seq = load_be32(tcp + 4),
        .ack = load_be32(tcp + 8),
        .window = load_be16(tcp + 14),
        .flags = tcp[13],
        .options = tcp + TCP_BYTES,
        .options_len = header - TCP_BYTES,
        .payload = tcp + header,
        .len = total - IP_BYTES - header,
    };
    return true;
}

static struct wire_flow *find_flow(struct wire *w, int from, const struct wire_segment *s)
{
    uint16_t port[2] = {from == 0 ? s->sport : s->dport, from == 0 ? s->dport : s->sport};
    for (size_t i = 0; i < w->flow_count; i++) {
        if (w->flows[i].port[0] == port[0] && w->flows[i].port[1] == port[1]) {
            return &w->flows[i];
        }
    }
    if (w->flow_count == WIRE_FLOWS_MAX) {
        return NULL;
    }
    struct wire_flow *f = &w->flows[w->flow_count++];
    memset(f, 0, sizeof(*f));
    f->port[0] = port[0];
    f->port[1] = port[1];
    return f;
}

static void learn_options(struct wire_side *me, const struct wire_segment *s)
{
    me->mss = MSS_DEFAULT;
    me->scales = false;
    for (size_t i = 0; i < s->options_len;) {
        uint8_t kind = s->options[i];
        if (kind == 0) {
            break;
        }
        if (kind == 1) {
            i++;
            continue;
        }
        if (kind == 2) {
            me->mss = load_be16(s->options + i + 2);
        } else if (kind == 3) {
            me->scales = true;
            me->shift = s->options[i + 2];
        }
        i += s->options[i + 1];
    }
}

static void learn_syn(struct wire_flow *f, int from, const struct wire_segment *s)
{
    struct wire_side *me = &f->side[from];
    bool over = f->reset || (me->finished && me->has_edge);
    if ((s->flags & WIRE_ACK) != 0 && me->opened && over) {
        f->excused = true; /* that connection was over here, and an old SYN came in late */
        return;
    }
    if (me->opened && me->isn == s->seq) {
        return;
    }
    if (me->opened && (s->flags & WIRE_ACK) == 0) {
        memset(f->side, 0, sizeof(f->side)); /* a new connection on the old ports */
    } else if (me->opened) {
        memset(me, 0, sizeof(*me));
    }
    me->opened = true;
    me->isn = s->seq;
    me->end = s->seq + 1;
    learn_options(me, s);
}

/* Payload: within the peer's MSS and window, and the same bytes for a sequence number for ever. */
static const char *check_payload(struct wire *w, struct wire_flow *f, int from,
                                 const struct wire_segment *s)
{
    struct wire_side *me = &f->side[from];
    const struct wire_side *peer = &f->side[1 - from];
    uint32_t fin = (s->flags & WIRE_FIN) != 0;
    uint32_t end = s->seq + (uint32_t)s->len + fin;
    uint64_t key = wire_stream_key(w->seed, f->port[0], f->port[1], from);
    uint32_t offset = s->seq - (me->isn + 1);
    if (s->len > peer->mss) {
        return breach(w, "payload beyond the peer's MSS", s->len, peer->mss);
    }
    if (stream_compare(key, offset, s->payload, s->len) != s->len) {
        return breach(w, "payload is not the stream's at that sequence number", offset, s->len);
    }
    /* One byte or a FIN may probe a closed window (RFC 9293 3.8.6.1). */
    if (peer->has_edge && (int32_t)(end - (peer->edge + 1)) > 0) {
        return breach(w, "sent beyond the peer's window", end - peer->isn, peer->edge - peer->isn);
    }
    if (me->finished && (int32_t)(s->seq + (uint32_t)s->len - me->fin) > 0) {
        return breach(w, "payload behind the FIN", s->seq - me->isn, me->fin - me->isn);
    }
    if (fin != 0 && me->finished && end - 1 != me->fin) {
        return breach(w, "the FIN moved", end - 1 - me->isn, me->fin - me->isn);
    }
    if (fin != 0) {
        me->finished = true;
        me->fin = end - 1;
    }
    if ((int32_t)(end - me->end) > 0) {
        me->end = end;
    }
    return NULL;
}

static const char *check_ack(struct wire *w, struct wire_flow *f, int from,
                             const struct wire_segment *s)
{
    struct wire_side *me = &f->side[from];
    const struct wire_side *peer = &f->side[1 - from];
    bool scaled = me->scales && peer->scales && (s->flags & WIRE_SYN) == 0;
    uint32_t edge = s->ack + ((uint32_t)s->window << (scaled ? me->shift : 0));
    if (!peer->opened || (int32_t)(s->ack - peer->end) > 0) {
        return breach(w, "acknowledges what was never sent", s->ack - peer->isn,
                      peer->end - peer->isn);
    }
    if (me->has_edge && (int32_t)(s->ack - me->ack) < 0) {
        return breach(w, "the acknowledgement went back", s->ack - peer->isn, me->ack - peer->isn);
    }
    if (me->has_edge && (int32_t)(edge - me->edge) < 0) {
        return breach(w, "the window's right edge went back", edge - peer->isn,
                      me->edge - peer->isn);
    }
    me->has_edge = true;
    me->ack = s->ack;
    me->edge = edge;
    return NULL;
}

static const char *check_segment(struct wire *w, int from, const struct wire_segment *s)
{
    w->segments++;
    w->resets += (s->flags & WIRE_RST) != 0;
    w->payload_bytes += s->len;
    struct wire_flow *f = find_flow(w, from, s);
    if (f == NULL || f->excused) {
        return NULL;
    }
    if ((s->flags & WIRE_RST) != 0) {
        f->reset = true;
        return s->len == 0 ? NULL : breach(w, "a RST with payload", s->len, 0);
    }
    if ((s->flags & WIRE_SYN) != 0) {
        learn_syn(f, from, s);
    }
    if (f->excused) {
        return NULL;
    }
    if (!f->side[from].opened) {
        return breach(w, "a segment before its SYN", s->seq, 0);
    }
    const char *wrong = (s->flags & WIRE_ACK) != 0 ? check_ack(w, f, from, s) : NULL;
    if (wrong == NULL && (s->len > 0 || (s->flags & WIRE_FIN) != 0)) {
        wrong = check_payload(w, f, from, s);
    }
    return wrong;
}

static const char *check_ip(struct wire *w, int from, const uint8_t *ip, size_t len)
{
    size_t total = load_be16(ip + 2);
    if (len < IP_BYTES || ip[0] != 0x45 || total > len || total < IP_BYTES) {
        return breach(w, "a bad IPv4 header", len, total);
    }
    if (total > w->mtu[from]) {
        return breach(w, "beyond the MTU", total, w->mtu[from]);
    }
    if (ones_sum(0, ip, IP_BYTES) != 0xffff) {
        return breach(w, "a wrong IPv4 checksum", ones_sum(0, ip, IP_BYTES), 0xffff);
    }
    if (load_be32(ip + 12) != w->address[from] || load_be32(ip + 16) != w->address[1 - from]) {
        return breach(w, "foreign addresses", load_be32(ip + 12), load_be32(ip + 16));
    }
    if (ip[9] == PROTO_TCP) {
        uint32_t pseudo = ones_sum(PROTO_TCP + (uint32_t)(total - IP_BYTES), ip + 12, 8);
        if (ones_sum(pseudo, ip + IP_BYTES, total - IP_BYTES) != 0xffff) {
            return breach(w, "a wrong TCP checksum", total, 0);
        }
    }
    return NULL;
}

const char *wire_check(struct wire *w, int from, const uint8_t *bytes, size_t len)
{
    size_t header = w->ethernet ? ETH_BYTES : 0;
    if (len > max_u64(w->mtu[from] + header, w->ethernet ? ETH_MIN_BYTES : 0)) {
        return breach(w, "a frame beyond the MTU", len, w->mtu[from] + header);
    }
    size_t ip_len = len;
    const uint8_t *ip = find_ip(w, bytes, &ip_len);
    if (ip == NULL) {
        return NULL; /* ARP: judged by the unit tests */
    }
    const char *wrong = check_ip(w, from, ip, ip_len);
    struct wire_segment seg;
    if (wrong == NULL && wire_decode(w, bytes, len, &seg)) {
        wrong = check_segment(w, from, &seg);
    }
    return wrong;
}

void wire_excuse_all(struct wire *w)
{
    for (size_t i = 0; i < w->flow_count; i++) {
        w->flows[i].excused = true;
    }
}

void wire_describe(const struct wire *w, int from, const uint8_t *bytes, size_t len, char *out,
                   size_t out_bytes)
{
    struct wire_segment s;
    if (!wire_decode(w, bytes, len, &s)) {
        snprintf(out, out_bytes, "%d>%d other, %zu bytes", from, 1 - from, len);
        return;
    }
    uint32_t isn[2] = {0, 0};
    for (size_t i = 0; i < w->flow_count; i++) {
        const struct wire_flow *f = &w->flows[i];
        if (f->port[from] == s.sport && f->port[1 - from] == s.dport) {
            isn[0] = f->side[0].isn;
            isn[1] = f->side[1].isn;
        }
    }
    snprintf(out, out_bytes, "%d>%d %u>%u %s%s%s%s seq %u ack %u win %u len %zu", from, 1 - from,
             s.sport, s.dport, (s.flags & WIRE_SYN) ? "S" : "", (s.flags & WIRE_FIN) ? "F" : "",
             (s.flags & WIRE_RST) ? "R" : "", (s.flags & WIRE_ACK) ? "." : "", s.seq - isn[from],
             (s.flags & WIRE_ACK) ? s.ack - isn[1 - from] : 0, s.window, s.len);
}
