/*
 * The router beside the simulated switch: see router.h. Its packets are made byte by byte with a
 * checksum of its own: nothing of the stack under test is used.
 */
#include "tests/sim/router.h"

#include <string.h>

#include "kernel/bytes.h"
#include "tests/sim/wire.h"

enum {
    IP_BYTES = 20,
    ICMP_BYTES = 8,
    QUOTE_BYTES = IP_BYTES + 8, /* RFC 792: the header and 64 bits */
    ARP_BYTES = 28,
    PROTO_ICMP = 1,
    FRAG_MORE = 0x2000,
    FRAG_DONT = 0x4000,
    FRAG_OFFSET = 0x1fff,
    FRAME_MAX_BYTES = LAN_ETH_BYTES + 1500,
};

static void put_mac(uint8_t *at, uint8_t last)
{
    memset(at, 0, 6);
    at[0] = 2;
    at[5] = last;
}

static uint16_t checksum(const uint8_t *bytes, size_t len)
{
    return (uint16_t)~wire_ones_sum(0, bytes, len);
}

/* Ethernet (where there is one) and IPv4 in front of len bytes of payload. Where these belong. */
static uint8_t *put_headers(const struct lan *l, uint8_t *frame, int to, uint8_t protocol,
                            size_t len)
{
    uint8_t *ip = frame;
    if (l->ethernet) {
        put_mac(frame, (uint8_t)(to + 1));
        put_mac(frame + 6, ROUTER_MAC_LAST);
        store_be16(frame + 12, 0x0800);
        ip += LAN_ETH_BYTES;
    }
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)(IP_BYTES + len));
    ip[8] = 64;
    ip[9] = protocol;
    store_be32(ip + 12, LAN_ROUTER_ADDRESS);
    store_be32(ip + 16, LAN_ADDRESS + (uint32_t)to);
    store_be16(ip + 10, checksum(ip, IP_BYTES));
    return ip + IP_BYTES;
}

/* RFC 6864 4.2: what may be cut into fragments is told apart from what went before, or else the
 * tail of one is put to the head of another, which one time in 65,536 has the right checksum. */
static void put_ident(uint8_t *ip, uint16_t ident)
{
    store_be16(ip + 4, ident);
    store_be16(ip + 10, 0);
    store_be16(ip + 10, checksum(ip, IP_BYTES));
}

static size_t frame_bytes(const struct lan *l, size_t payload)
{
    return (l->ethernet ? LAN_ETH_BYTES : 0) + IP_BYTES + payload;
}

void router_init(struct router *r, struct lan *l, uint64_t seed, uint64_t every_ns)
{
    memset(r, 0, sizeof(*r));
    r->lan = l;
    r->draw.state = mix_u64(seed ^ 0x70176);
    r->key = mix_u64(seed ^ 0x9176);
    r->every_ns = every_ns;
    r->next_ns = DEADLINE_NONE;
    l->router = router_input;
    l->router_arg = r;
}

/* The length follows from the number, so that an answer can be held against it. */
static size_t ping_bytes(const struct router *r, uint16_t number)
{
    return mix_u64(r->key + number) % (ROUTER_PING_MAX_BYTES + 1);
}

void router_run(struct router *r, uint64_t now_ns)
{
    if (now_ns < r->next_ns) {
        return;
    }
    uint8_t frame[FRAME_MAX_BYTES];
    uint16_t number = ++r->sent;
    int to = (int)draw_below(&r->draw, (uint64_t)r->lan->host_count);
    size_t len = ping_bytes(r, number);
    uint8_t *m = put_headers(r->lan, frame, to, PROTO_ICMP, ICMP_BYTES + len);
    put_ident(m - IP_BYTES, number);
    memset(m, 0, ICMP_BYTES);
    m[0] = 8;
    store_be16(m + 4, (uint16_t)to);
    store_be16(m + 6, number);
    stream_fill(r->key, (uint64_t)number << 16, m + ICMP_BYTES, len);
    store_be16(m + 2, checksum(m, ICMP_BYTES + len));
    lan_send_down(r->lan, to, frame, frame_bytes(r->lan, ICMP_BYTES + len), now_ns);
    r->next_ns = now_ns + draw_between(&r->draw, 1, 2 * r->every_ns);
    if (r->next_ns > r->until_ns) {
        r->next_ns = DEADLINE_NONE;
    }
}

static void check_echo(struct router *r, const uint8_t *ip)
{
    const uint8_t *m = ip + IP_BYTES;
    size_t len = (size_t)load_be16(ip + 2) - IP_BYTES;
    if (ip[9] != PROTO_ICMP || m[0] != 0 || (load_be16(ip + 6) & (FRAG_MORE | FRAG_OFFSET)) != 0) {
        return; /* fragments of an answer: a way too narrow for it */
    }
    uint16_t number = load_be16(m + 6);
    int from = lan_host_of(r->lan, load_be32(ip + 12));
    if (number == 0 || number > r->sent || load_be16(m + 4) != from ||
        len != ICMP_BYTES + ping_bytes(r, number) ||
        stream_compare(r->key, (uint64_t)number << 16, m + ICMP_BYTES, len - ICMP_BYTES) !=
            len - ICMP_BYTES) {
        r->breach = "an echo reply that answers no echo of ours";
        return;
    }
    r->answered++;
}

static void answer_arp(struct router *r, const struct link_frame *f)
{
    uint8_t frame[LAN_ETH_BYTES + ARP_BYTES];
    const uint8_t *ask = f->bytes + LAN_ETH_BYTES;
    if (load_be16(ask + 6) != 1 || load_be32(ask + 24) != LAN_ROUTER_ADDRESS) {
        return;
    }
    uint8_t *a = frame + LAN_ETH_BYTES;
    put_mac(frame, (uint8_t)(f->from + 1));
    put_mac(frame + 6, ROUTER_MAC_LAST);
    store_be16(frame + 12, 0x0806);
    memcpy(a, ask, 6);
    store_be16(a + 6, 2);
    put_mac(a + 8, ROUTER_MAC_LAST);
    store_be32(a + 14, LAN_ROUTER_ADDRESS);
    memcpy(a + 18, ask + 8, 10);
    lan_send_down(r->lan, f->from, frame, sizeof(frame), r->lan->now_ns);
}

void router_input(void *arg, const struct link_frame *f)
{
    struct router *r = arg;
    if (f->corrupted || f->from >= HOSTS_MAX) {
        return;
    }
    if (!r->lan->ethernet) {
        check_echo(r, f->bytes);
    } else if (load_be16(f->bytes + 12) == 0x0806) {
        answer_arp(r, f);
    } else if (f->to == LAN_ROUTER && load_be16(f->bytes + 12) == 0x0800) {
        check_echo(r, f->bytes + LAN_ETH_BYTES);
    }
}

/* RFC 1191 4: the MTU of the next hop stands where RFC 792 had nothing. */
static void say_too_large(struct lan *l, const struct link_frame *f, const uint8_t *ip)
{
    uint8_t frame[FRAME_MAX_BYTES];
    uint8_t *m = put_headers(l, frame, f->from, PROTO_ICMP, ICMP_BYTES + QUOTE_BYTES);
    memset(m, 0, ICMP_BYTES);
    m[0] = 3;
    m[1] = 4;
    store_be16(m + 6, l->params[f->to].down_mtu);
    memcpy(m + ICMP_BYTES, ip, QUOTE_BYTES);
    store_be16(m + 2, checksum(m, ICMP_BYTES + QUOTE_BYTES));
    lan_send_down(l, f->from, frame, frame_bytes(l, ICMP_BYTES + QUOTE_BYTES), l->now_ns);
}

/* RFC 791 3.2. A fragment may be cut again. */
static void send_fragments(struct lan *l, const struct link_frame *f, const uint8_t *ip)
{
    size_t room = (size_t)(l->params[f->to].down_mtu - IP_BYTES) / 8 * 8;
    size_t len = (size_t)load_be16(ip + 2) - IP_BYTES;
    uint16_t field = load_be16(ip + 6);
    for (size_t at = 0; at < len; at += room) {
        uint8_t frame[FRAME_MAX_BYTES];
        size_t part = min_size(room, len - at);
        size_t front = (size_t)(ip - f->bytes);
        memcpy(frame, f->bytes, front + IP_BYTES);
        memcpy(frame + front + IP_BYTES, ip + IP_BYTES + at, part);
        uint8_t *head = frame + front;
        uint16_t more = at + part < len ? FRAG_MORE : field & FRAG_MORE;
        store_be16(head + 2, (uint16_t)(IP_BYTES + part));
        store_be16(head + 6, (uint16_t)((field & FRAG_OFFSET) + at / 8) | more);
        store_be16(head + 10, 0);
        store_be16(head + 10, checksum(head, IP_BYTES));
        lan_send_down(l, f->to, frame, front + IP_BYTES + part, l->now_ns);
    }
}

void router_too_large(struct lan *l, const struct link_frame *f)
{
    const uint8_t *ip = f->bytes + (l->ethernet ? LAN_ETH_BYTES : 0);
    bool error = ip[9] == PROTO_ICMP && ip[IP_BYTES] != 0 && ip[IP_BYTES] != 8;
    bool dont = (load_be16(ip + 6) & FRAG_DONT) != 0;
    if (f->corrupted) {
        return; /* a router checks the header's sum; what lies behind it nobody knows */
    }
    if (!dont) {
        send_fragments(l, f, ip);
    } else if (!l->params[f->to].black_hole && !error && f->from < HOSTS_MAX) {
        say_too_large(l, f, ip); /* never about an ICMP error (RFC 1122 3.2.2) */
    }
}
