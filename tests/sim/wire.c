/*
 * The observer on the simulated wire: frames, IPv4, UDP and ICMP, decoding and describing. See
 * wire.h; TCP is judged in wire_tcp.c.
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
    UDP_BYTES = 8,
    ICMP_BYTES = 8,
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    FRAGMENT = 0x3fff, /* more fragments, or an offset */
};

void wire_init(struct wire *w, uint64_t seed, bool ethernet, int host_count, const uint16_t mtu[])
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->ethernet = ethernet;
    w->host_count = host_count;
    w->input.host = LAN_NOBODY;
    for (int i = 0; i < host_count; i++) {
        w->mtu[i] = mtu[i];
    }
}

uint64_t wire_stream_key(uint64_t seed, struct wire_port from, struct wire_port to)
{
    uint64_t a = (uint64_t)from.host << 16 | from.port;
    uint64_t b = (uint64_t)to.host << 16 | to.port;
    return mix_u64(mix_u64(seed) + (a << 32 | b));
}

const char *wire_breach(struct wire *w, const char *what, uint64_t have, uint64_t limit)
{
    snprintf(w->text, sizeof(w->text), "%s (%llu, limit %llu)", what, (unsigned long long)have,
             (unsigned long long)limit);
    return w->text;
}

uint16_t wire_ones_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    }
    if ((len & 1) != 0) {
        sum += (uint32_t)bytes[len - 1] << 8;
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static int host_of(const struct wire *w, uint32_t address)
{
    uint32_t number = address - LAN_ADDRESS;
    return number < (uint32_t)w->host_count ? (int)number : LAN_NOBODY;
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

/* One option, its kind and length at o. */
static void decode_option(struct wire_segment *s, const uint8_t *o)
{
    uint8_t len = o[1];
    switch (o[0]) {
    case 2:
        s->bad_options = s->bad_options || len != 4;
        s->has_mss = true;
        s->mss = load_be16(o + 2);
        break;
    case 3:
        s->bad_options = s->bad_options || len != 3;
        s->has_scale = true;
        s->shift = o[2];
        break;
    case 4:
        s->bad_options = s->bad_options || len != 2;
        s->sack_permitted = true;
        break;
    case 5:
        s->bad_options = s->bad_options || len < 10 || (len - 2) % 8 != 0;
        for (int at = 2; at + 8 <= len && s->sack_count < WIRE_SACK_MAX; at += 8) {
            s->sack[s->sack_count++] =
                (struct wire_sack){.left = load_be32(o + at), .right = load_be32(o + at + 4)};
        }
        break;
    case 8:
        s->bad_options = s->bad_options || len != 10;
        s->has_ts = true;
        s->tsval = load_be32(o + 2);
        s->tsecr = load_be32(o + 6);
        break;
    default:
        break;
    }
}

static void decode_options(struct wire_segment *s, const uint8_t *o, size_t len)
{
    for (size_t i = 0; i < len && o[i] != 0;) {
        if (o[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= len || o[i + 1] < 2 || i + o[i + 1] > len) {
            s->bad_options = true;
            return;
        }
        decode_option(s, o + i);
        i += o[i + 1];
    }
}

bool wire_decode(const struct wire *w, const uint8_t *bytes, size_t len, struct wire_segment *seg)
{
    const uint8_t *ip = find_ip(w, bytes, &len);
    if (ip == NULL || len < IP_BYTES + TCP_BYTES || ip[0] != 0x45 || ip[9] != PROTO_TCP) {
        return false;
    }
    if ((load_be16(ip + 6) & FRAGMENT) != 0) {
        return false; /* on its way down from a router that cut it */
    }
    const uint8_t *tcp = ip + IP_BYTES;
    size_t total = load_be16(ip + 2);
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    if (total > len || header < TCP_BYTES || IP_BYTES + header > total) {
        return false;
    }
    *seg = (struct wire_segment){
        .to = host_of(w, load_be32(ip + 16)),
        .sport = load_be16(tcp),
        .dport = load_be16(tcp + 2),
        .seq = load_be32(tcp + 4),
        .ack = load_be32(tcp + 8),
        .window = load_be16(tcp + 14),
        .flags = tcp[13],
        .payload = tcp + header,
        .len = total - IP_BYTES - header,
    };
    decode_options(seg, tcp + TCP_BYTES, header - TCP_BYTES);
    return true;
}

static bool is_icmp_error(const uint8_t *ip)
{
    uint8_t type = ip[IP_BYTES];
    bool later = (load_be16(ip + 6) & 0x1fff) != 0;
    return ip[9] == PROTO_ICMP && !later && (type == 3 || type == 4 || type == 11 || type == 12);
}

/* RFC 1122 3.2.2: errors are about packets that were no errors, and quote what came. */
static const char *check_icmp(struct wire *w, const uint8_t *ip, size_t total)
{
    if (total < IP_BYTES + ICMP_BYTES ||
        wire_ones_sum(0, ip + IP_BYTES, total - IP_BYTES) != 0xffff) {
        return wire_breach(w, "a bad ICMP message", total, 0);
    }
    if (!is_icmp_error(ip)) {
        return NULL;
    }
    const uint8_t *quoted = ip + IP_BYTES + ICMP_BYTES;
    w->icmp_errors++;
    if (w->input.host != LAN_NOBODY && w->input.is_icmp_error) {
        return wire_breach(w, "an ICMP error answers an ICMP error", ip[IP_BYTES], 0);
    }
    if (total < IP_BYTES + ICMP_BYTES + IP_BYTES + 8 || is_icmp_error(quoted)) {
        return wire_breach(w, "an ICMP error about an ICMP error", quoted[IP_BYTES], 0);
    }
    return NULL;
}

static const char *check_transport(struct wire *w, const uint8_t *ip, size_t total)
{
    if ((load_be16(ip + 6) & FRAGMENT) != 0) {
        return ip[9] == PROTO_TCP ? wire_breach(w, "TCP in fragments", total, 0) : NULL;
    }
    if (ip[9] == PROTO_ICMP) {
        return check_icmp(w, ip, total);
    }
    uint32_t pseudo = wire_ones_sum(ip[9] + (uint32_t)(total - IP_BYTES), ip + 12, 8);
    bool right = wire_ones_sum(pseudo, ip + IP_BYTES, total - IP_BYTES) == 0xffff;
    if (ip[9] == PROTO_TCP && !right) {
        return wire_breach(w, "a wrong TCP checksum", total, 0);
    }
    if (ip[9] == PROTO_UDP && (total < IP_BYTES + UDP_BYTES || !right)) {
        return wire_breach(w, "a wrong UDP checksum", total, 0);
    }
    return NULL;
}

static const char *check_ip(struct wire *w, int from, const uint8_t *ip, size_t len)
{
    size_t total = load_be16(ip + 2);
    uint32_t to = load_be32(ip + 16);
    if (len < IP_BYTES || ip[0] != 0x45 || total > len || total < IP_BYTES) {
        return wire_breach(w, "a bad IPv4 header", len, total);
    }
    if (total > w->mtu[from]) {
        return wire_breach(w, "beyond the MTU", total, w->mtu[from]);
    }
    if (wire_ones_sum(0, ip, IP_BYTES) != 0xffff) {
        return wire_breach(w, "a wrong IPv4 checksum", wire_ones_sum(0, ip, IP_BYTES), 0xffff);
    }
    if (load_be32(ip + 12) != LAN_ADDRESS + (uint32_t)from ||
        (host_of(w, to) == LAN_NOBODY && to != LAN_ROUTER_ADDRESS) || host_of(w, to) == from) {
        return wire_breach(w, "foreign addresses", load_be32(ip + 12), to);
    }
    return check_transport(w, ip, total);
}

const char *wire_check(struct wire *w, int from, const uint8_t *bytes, size_t len)
{
    size_t header = w->ethernet ? ETH_BYTES : 0;
    if (len > max_u64(w->mtu[from] + header, w->ethernet ? ETH_MIN_BYTES : 0)) {
        return wire_breach(w, "a frame beyond the MTU", len, w->mtu[from] + header);
    }
    size_t ip_len = len;
    const uint8_t *ip = find_ip(w, bytes, &ip_len);
    if (ip == NULL) {
        return NULL; /* ARP: judged by the unit tests */
    }
    const char *wrong = check_ip(w, from, ip, ip_len);
    struct wire_segment seg;
    if (wrong == NULL && wire_decode(w, bytes, len, &seg)) {
        wrong = wire_check_segment(w, from, &seg);
    }
    return wrong;
}

void wire_give(struct wire *w, int host, const uint8_t *bytes, size_t len, bool corrupted)
{
    size_t ip_len = len;
    const uint8_t *ip = find_ip(w, bytes, &ip_len);
    w->input.host = host;
    w->input.corrupted = corrupted;
    w->input.told = false;
    w->input.is_tcp = wire_decode(w, bytes, len, &w->input.seg);
    w->input.is_icmp_error = ip != NULL && !corrupted && is_icmp_error(ip);
}

void wire_give_data(struct wire *w, int host)
{
    w->input = (struct wire_input){.host = host};
}

void wire_given(struct wire *w)
{
    w->input.host = LAN_NOBODY;
}

void wire_excuse(struct wire *w, int host)
{
    for (size_t i = 0; i < w->flow_count; i++) {
        struct wire_flow *f = &w->flows[i];
        f->excused = f->excused || f->host[0] == host || f->host[1] == host;
    }
}

static void describe_other(const struct wire *w, int from, const uint8_t *bytes, size_t len,
                           char *out, size_t out_bytes)
{
    size_t ip_len = len;
    const uint8_t *ip = find_ip(w, bytes, &ip_len);
    if (ip == NULL) {
        snprintf(out, out_bytes, "%d> ARP %u", from, load_be16(bytes + ETH_BYTES + 6));
    } else {
        snprintf(out, out_bytes, "%d>%d protocol %u, %zu bytes, fragment 0x%x, starts %02x %02x",
                 from, host_of(w, load_be32(ip + 16)), ip[9], ip_len, load_be16(ip + 6),
                 ip[IP_BYTES], ip[IP_BYTES + 1]);
    }
}

static void describe_options(const struct wire_segment *s, const uint32_t isn[2], char *out,
                             size_t out_bytes)
{
    int at = 0;
    out[0] = '\0';
    if (s->has_ts) {
        at += snprintf(out, out_bytes, " ts %u ecr %u", s->tsval, s->tsecr);
    }
    for (uint32_t i = 0; i < s->sack_count; i++) {
        at += snprintf(out + at, out_bytes - (size_t)at, " sack %u-%u", s->sack[i].left - isn[1],
                       s->sack[i].right - isn[1]);
    }
}

void wire_describe(const struct wire *w, int from, const uint8_t *bytes, size_t len, char *out,
                   size_t out_bytes)
{
    struct wire_segment s;
    char options[160];
    uint32_t isn[2] = {0, 0}; /* the sender's, the receiver's */
    if (!wire_decode(w, bytes, len, &s)) {
        describe_other(w, from, bytes, len, out, out_bytes);
        return;
    }
    const struct wire_flow *f = wire_find_flow(w, from, &s);
    if (f != NULL) {
        int side = f->host[0] == from ? 0 : 1;
        isn[0] = f->side[side].isn;
        isn[1] = f->side[1 - side].isn;
    }
    describe_options(&s, isn, options, sizeof(options));
    snprintf(out, out_bytes, "%d>%d %u>%u %s%s%s%s seq %u ack %u win %u len %zu%s", from, s.to,
             s.sport, s.dport, (s.flags & WIRE_SYN) ? "S" : "", (s.flags & WIRE_FIN) ? "F" : "",
             (s.flags & WIRE_RST) ? "R" : "", (s.flags & WIRE_ACK) ? "." : "", s.seq - isn[0],
             (s.flags & WIRE_ACK) ? s.ack - isn[1] : 0, s.window, s.len, options);
}
