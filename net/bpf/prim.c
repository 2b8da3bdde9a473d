/*
 * What the primitives of pcap-filter(7) test. The offsets are those of an Ethernet II frame without
 * a tag (RFC 894), an IPv4 header (RFC 791) and an IPv6 header without extensions (RFC 8200) but,
 * as libpcap has it, for a protocol behind a fragment header.
 */
#include "kernel/bytes.h"
#include "net/bpf/int.h"

enum {
    TYPE_IP = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_RARP = 0x8035,
    TYPE_IP6 = 0x86dd,

    IP_AT_FRAGMENT = BPF_AT_L3 + 6,
    IP_AT_PROTOCOL = BPF_AT_L3 + 9,
    IP_AT_SRC = BPF_AT_L3 + 12,
    IP_AT_DST = BPF_AT_L3 + 16,
    IP_OFFSET_MASK = 0x1fff,
    ARP_AT_SENDER = BPF_AT_L3 + 14,
    ARP_AT_TARGET = BPF_AT_L3 + 24,
    IP6_AT_NEXT = BPF_AT_L3 + 6,
    IP6_AT_DST = BPF_AT_L3 + 24,
    IP6_AT_BEHIND = BPF_AT_L3 + 40,
    IP6_FRAGMENT = 44,
    IP6_MULTICAST = 0xff,
    IP_MULTICAST_MIN = 224, /* of the first byte */
};

uint32_t bpf_ip_number(enum bpf_proto p)
{
    static const uint8_t numbers[] = {
        [BPF_PROTO_TCP] = 6,  [BPF_PROTO_UDP] = 17, [BPF_PROTO_SCTP] = 132, [BPF_PROTO_ICMP] = 1,
        [BPF_PROTO_IGMP] = 2, [BPF_PROTO_ESP] = 50, [BPF_PROTO_AH] = 51,
    };
    return p < ARRAY_SIZE(numbers) ? numbers[p] : 0;
}

uint32_t bpf_ether_type(enum bpf_proto p)
{
    switch (p) {
    case BPF_PROTO_IP:
        return TYPE_IP;
    case BPF_PROTO_IP6:
        return TYPE_IP6;
    case BPF_PROTO_ARP:
        return TYPE_ARP;
    case BPF_PROTO_RARP:
        return TYPE_RARP;
    default:
        return 0;
    }
}

static struct bpf_cond load_and_test(struct bpf_compiler *c, uint32_t size, uint32_t at,
                                     uint32_t jump, uint32_t k)
{
    bpf_emit(c, BPF_LD | BPF_ABS | size, at);
    return bpf_test(c, jump, k);
}

static struct bpf_cond is_type(struct bpf_compiler *c, uint32_t type)
{
    return load_and_test(c, BPF_H, BPF_AT_TYPE, BPF_JEQ, type);
}

static struct bpf_cond ip_carries(struct bpf_compiler *c, uint32_t number)
{
    struct bpf_cond ip = is_type(c, TYPE_IP);
    bpf_and_then(c, &ip);
    return bpf_and(c, ip, load_and_test(c, BPF_B, IP_AT_PROTOCOL, BPF_JEQ, number));
}

static struct bpf_cond ip6_carries(struct bpf_compiler *c, uint32_t number)
{
    struct bpf_cond ip6 = is_type(c, TYPE_IP6);
    bpf_and_then(c, &ip6);
    struct bpf_cond next = load_and_test(c, BPF_B, IP6_AT_NEXT, BPF_JEQ, number);
    bpf_or_else(c, &next);
    struct bpf_cond cut = bpf_test(c, BPF_JEQ, IP6_FRAGMENT);
    bpf_and_then(c, &cut);
    cut = bpf_and(c, cut, load_and_test(c, BPF_B, IP6_AT_BEHIND, BPF_JEQ, number));
    return bpf_and(c, ip6, bpf_or(c, next, cut));
}

struct bpf_cond bpf_is_number(struct bpf_compiler *c, enum bpf_proto of, uint32_t number)
{
    if (of == BPF_PROTO_ETHER) {
        return is_type(c, number);
    }
    if (of == BPF_PROTO_IP) {
        return ip_carries(c, number);
    }
    if (of == BPF_PROTO_IP6) {
        return ip6_carries(c, number);
    }
    struct bpf_cond ip = ip_carries(c, number);
    bpf_or_else(c, &ip);
    return bpf_or(c, ip, ip6_carries(c, number));
}

struct bpf_cond bpf_is_proto(struct bpf_compiler *c, enum bpf_proto p)
{
    uint32_t type = bpf_ether_type(p);
    if (type != 0) {
        return is_type(c, type);
    }
    bool of_ip_alone = p == BPF_PROTO_ICMP || p == BPF_PROTO_IGMP;
    return bpf_is_number(c, of_ip_alone ? BPF_PROTO_IP : BPF_PROTO_ANY, bpf_ip_number(p));
}

struct bpf_cond bpf_is_unfragmented(struct bpf_compiler *c)
{
    return bpf_not(load_and_test(c, BPF_H, IP_AT_FRAGMENT, BPF_JSET, IP_OFFSET_MASK));
}

/* ---- one of two places, or both ---- */

/* Tests one place; what is compared is in arg. */
typedef struct bpf_cond place_fn(struct bpf_compiler *c, uint32_t at, const void *arg);

static struct bpf_cond by_direction(struct bpf_compiler *c, enum bpf_dir dir, uint32_t src,
                                    uint32_t dst, place_fn *fn, const void *arg)
{
    if (dir == BPF_DIR_SRC || dir == BPF_DIR_DST) {
        return fn(c, dir == BPF_DIR_SRC ? src : dst, arg);
    }
    struct bpf_cond first = fn(c, src, arg);
    if (dir == BPF_DIR_AND) {
        bpf_and_then(c, &first);
        return bpf_and(c, first, fn(c, dst, arg));
    }
    bpf_or_else(c, &first);
    return bpf_or(c, first, fn(c, dst, arg));
}

/* ---- addresses ---- */

struct masked {
    uint32_t address;
    uint32_t mask;
};

static struct bpf_cond address_at(struct bpf_compiler *c, uint32_t at, const void *arg)
{
    const struct masked *m = arg;
    bpf_emit(c, BPF_LD | BPF_W | BPF_ABS, at);
    if (m->mask != UINT32_MAX) {
        bpf_emit(c, BPF_ALU | BPF_AND | BPF_K, m->mask);
    }
    return bpf_test(c, BPF_JEQ, m->address);
}

static struct bpf_cond host_of(struct bpf_compiler *c, enum bpf_proto p, enum bpf_dir dir,
                               const struct masked *m)
{
    bool ip = p == BPF_PROTO_IP;
    struct bpf_cond type = is_type(c, bpf_ether_type(p));
    bpf_and_then(c, &type);
    return bpf_and(c, type,
                   by_direction(c, dir, ip ? IP_AT_SRC : ARP_AT_SENDER,
                                ip ? IP_AT_DST : ARP_AT_TARGET, address_at, m));
}

struct bpf_cond bpf_is_host(struct bpf_compiler *c, const struct bpf_quals *q, uint32_t address,
                            uint32_t mask)
{
    static const uint8_t each[] = {BPF_PROTO_IP, BPF_PROTO_ARP, BPF_PROTO_RARP};
    const struct masked m = {.address = address, .mask = mask};
    if (q->proto != BPF_PROTO_ANY) {
        return host_of(c, q->proto, q->dir, &m);
    }
    struct bpf_cond all = host_of(c, each[0], q->dir, &m);
    for (size_t i = 1; i < ARRAY_SIZE(each); i++) {
        bpf_or_else(c, &all);
        all = bpf_or(c, all, host_of(c, each[i], q->dir, &m));
    }
    return all;
}

static struct bpf_cond station_at(struct bpf_compiler *c, uint32_t at, const void *arg)
{
    const uint8_t *mac = arg;
    struct bpf_cond back = load_and_test(c, BPF_W, at + 2, BPF_JEQ, load_be32(mac + 2));
    bpf_and_then(c, &back);
    return bpf_and(c, back, load_and_test(c, BPF_H, at, BPF_JEQ, load_be16(mac)));
}

struct bpf_cond bpf_is_station(struct bpf_compiler *c, enum bpf_dir dir, const uint8_t mac[6])
{
    return by_direction(c, dir, BPF_AT_SRC, BPF_AT_DST, station_at, mac);
}

/* ---- ports ---- */

struct port_range {
    uint32_t first;
    uint32_t last;
    uint32_t mode; /* how it is loaded: IPv4's header has a length, then in X */
};

static struct bpf_cond port_at(struct bpf_compiler *c, uint32_t at, const void *arg)
{
    const struct port_range *r = arg;
    bpf_emit(c, BPF_LD | BPF_H | r->mode, at);
    if (r->first == r->last) {
        return bpf_test(c, BPF_JEQ, r->first);
    }
    struct bpf_cond from = bpf_test(c, BPF_JGE, r->first);
    bpf_and_then(c, &from);
    return bpf_and(c, from, bpf_not(bpf_test(c, BPF_JGT, r->last)));
}

/* The transport is one of those with ports, or that of q; the number is in A. */
static struct bpf_cond has_ports(struct bpf_compiler *c, enum bpf_proto p)
{
    if (p != BPF_PROTO_ANY) {
        return bpf_test(c, BPF_JEQ, bpf_ip_number(p));
    }
    static const uint8_t each[] = {BPF_PROTO_TCP, BPF_PROTO_UDP, BPF_PROTO_SCTP};
    struct bpf_cond all = bpf_test(c, BPF_JEQ, bpf_ip_number(each[0]));
    for (size_t i = 1; i < ARRAY_SIZE(each); i++) {
        bpf_or_else(c, &all);
        all = bpf_or(c, all, bpf_test(c, BPF_JEQ, bpf_ip_number(each[i])));
    }
    return all;
}

static struct bpf_cond ip_port(struct bpf_compiler *c, const struct bpf_quals *q,
                               const struct port_range *r)
{
    struct bpf_cond all = is_type(c, TYPE_IP);
    bpf_and_then(c, &all);
    bpf_emit(c, BPF_LD | BPF_B | BPF_ABS, IP_AT_PROTOCOL);
    all = bpf_and(c, all, has_ports(c, q->proto));
    bpf_and_then(c, &all);
    all = bpf_and(c, all, bpf_is_unfragmented(c));
    bpf_and_then(c, &all);
    bpf_emit(c, BPF_LDX | BPF_B | BPF_MSH, BPF_AT_L3);
    return bpf_and(c, all, by_direction(c, q->dir, BPF_AT_L3, BPF_AT_L3 + 2, port_at, r));
}

static struct bpf_cond ip6_port(struct bpf_compiler *c, const struct bpf_quals *q,
                                const struct port_range *r)
{
    struct bpf_cond all = is_type(c, TYPE_IP6);
    bpf_and_then(c, &all);
    bpf_emit(c, BPF_LD | BPF_B | BPF_ABS, IP6_AT_NEXT);
    all = bpf_and(c, all, has_ports(c, q->proto));
    bpf_and_then(c, &all);
    return bpf_and(c, all, by_direction(c, q->dir, IP6_AT_BEHIND, IP6_AT_BEHIND + 2, port_at, r));
}

struct bpf_cond bpf_is_port(struct bpf_compiler *c, const struct bpf_quals *q, uint32_t first,
                            uint32_t last)
{
    struct port_range r = {.first = first, .last = last, .mode = BPF_IND};
    struct bpf_cond ip = ip_port(c, q, &r);
    r.mode = BPF_ABS;
    bpf_or_else(c, &ip);
    return bpf_or(c, ip, ip6_port(c, q, &r));
}

/* ---- the rest ---- */

struct bpf_cond bpf_is_cast(struct bpf_compiler *c, enum bpf_proto of, bool broadcast)
{
    static const uint8_t all_ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (broadcast) {
        return station_at(c, BPF_AT_DST, all_ones);
    }
    if (of != BPF_PROTO_IP && of != BPF_PROTO_IP6) {
        return load_and_test(c, BPF_B, BPF_AT_DST, BPF_JSET, 1);
    }
    struct bpf_cond type = is_type(c, bpf_ether_type(of));
    bpf_and_then(c, &type);
    struct bpf_cond to = of == BPF_PROTO_IP
                             ? load_and_test(c, BPF_B, IP_AT_DST, BPF_JGE, IP_MULTICAST_MIN)
                             : load_and_test(c, BPF_B, IP6_AT_DST, BPF_JEQ, IP6_MULTICAST);
    return bpf_and(c, type, to);
}

struct bpf_cond bpf_is_len(struct bpf_compiler *c, bool greater, uint32_t len)
{
    bpf_emit(c, BPF_LD | BPF_LEN, 0);
    return greater ? bpf_test(c, BPF_JGE, len) : bpf_not(bpf_test(c, BPF_JGT, len));
}
