/*
 * TCP against a hostile peer and a busy owner: the input is a program of steps, each a segment made
 * from the connection's true numbers and then bent, a socket call, or a step in time. After each
 * step the connection's invariants hold; at the end every packet is home.
 */
// LINK: @net tests/unit/tcp_check.c kernel/pkt.c kernel/pool.c kernel/timer.c
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "net/wire/csum.h"
#include "tests/unit/tcp_check.h"
#include "tests/unit/tcp_see.h"

enum {
    MEMORY_BYTES = 2 * 1024 * 1024,
    POOL_COUNT = 160,
    PEER_PORT = 4000,
    OWNED_MAX = 4,
    HELD_MAX = 4,
};
#define OUR_ADDRESS  0x0a000001u
#define PEER_ADDRESS 0x0a000002u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct fuzz {
    struct net *net;
    struct pkt_pool pool;
    uint64_t now_ns;
    const uint8_t *at, *end;
    struct tcp_cb *listener;
    struct tcp_cb *owned[OWNED_MAX];
    struct pkt *held[HELD_MAX];
    uint32_t held_next;
    bool hold;
};

static uint8_t byte(struct fuzz *f)
{
    return f->at < f->end ? *f->at++ : 0;
}

static uint16_t half_word(struct fuzz *f)
{
    uint16_t high = byte(f);
    return (uint16_t)(high << 8 | byte(f));
}

/* A device that keeps some packets for a while, as a busy one does. */
static void output(void *arg, struct pkt *p)
{
    struct fuzz *f = arg;
    if (!f->hold) {
        pkt_put(p);
        return;
    }
    struct pkt **slot = &f->held[f->held_next++ % HELD_MAX];
    pkt_put(*slot);
    *slot = p;
}

static void ready(void *owner, uint32_t bits)
{
    (void)owner;
}

/* One of the connections, to take numbers from; the listener's oldest or one that is owned. */
static struct tcp_cb *model(struct fuzz *f, uint8_t which)
{
    struct tcp_cb *t = NULL;
    while ((t = next_connection(f->net, t)) != NULL) {
        if (state_of(t) != TCP_LISTEN && state_of(t) != TCP_CLOSED && which-- % 4 == 0) {
            return t;
        }
    }
    return NULL;
}

static uint32_t bend(struct fuzz *f, uint32_t right)
{
    uint8_t how = byte(f);
    switch (how & 7) {
    case 0:
    case 1:
    case 2:
    case 3:
        return right;
    case 4:
        return right + (how >> 3);
    case 5:
        return right - (how >> 3);
    case 6:
        return right + half_word(f);
    default:
        return right ^ ((uint32_t)half_word(f) << 16);
    }
}

static void send_segment(struct fuzz *f)
{
    uint8_t s[20 + TCP_OPTIONS_MAX_BYTES + 1600] = {0};
    struct tcp_cb *t = model(f, byte(f));
    uint8_t flags = byte(f);
    uint16_t peer_port = t != NULL ? peer_port_of(t) : (uint16_t)(PEER_PORT + flags % 3);
    uint16_t our_port = t != NULL ? local_port_of(t) : 80;
    uint32_t half_iss = f->net->cfg.tcp_isn;
    store_be16(s, peer_port);
    store_be16(s + 2, our_port);
    store_be32(s + 4, bend(f, t != NULL ? rcv_nxt(t) : 1));
    store_be32(s + 8, bend(f, t != NULL ? snd_nxt(t) : half_iss + 1));
    uint8_t shape = byte(f);
    size_t options = (size_t)(shape & 3) * 4;
    s[12] = (uint8_t)((5 + options / 4) << 4);
    s[13] = flags & 0x3f;
    store_be16(s + 14, (shape & 4) ? half_word(f) : 0xffff);
    for (size_t i = 0; i < options; i++) {
        s[20 + i] = byte(f);
    }
    size_t payload = (shape & 8) ? byte(f) : (shape & 16) ? half_word(f) % 1460 : 0;
    size_t total = 20 + options + payload;
    uint32_t sum =
        csum_add(csum_pseudo(PEER_ADDRESS, OUR_ADDRESS, IP_PROTO_TCP, (uint16_t)total), s, total);
    store_be16(s + 16, csum_finish(sum));
    struct pkt *p = pkt_alloc(&f->pool, 34);
    if (p == NULL) {
        return;
    }
    memcpy(pkt_append(p, total), s, total);
    struct ipv4_header h = {.src = PEER_ADDRESS, .dst = OUR_ADDRESS, .protocol = IP_PROTO_TCP};
    tcp_input(f->net, p, &h);
}

static struct tcp_cb **owned_slot(struct fuzz *f, bool full)
{
    size_t start = byte(f);
    for (size_t i = 0; i < OWNED_MAX; i++) {
        struct tcp_cb **slot = &f->owned[(start + i) % OWNED_MAX];
        if ((*slot != NULL) == full) {
            return slot;
        }
    }
    return NULL;
}

static void call_send_or_receive(struct fuzz *f, bool send)
{
    static uint8_t buf[65536];
    struct tcp_cb **slot = owned_slot(f, true);
    if (slot == NULL) {
        return;
    }
    uint8_t how = byte(f);
    size_t len = (how & 2) ? half_word(f) : byte(f);
    if (send) {
        (void)tcp_send(*slot, buf, len, how & TCP_SEND_MORE);
    } else {
        (void)tcp_recv(*slot, buf, len, how & TCP_RECV_PEEK);
    }
}

static void call_open(struct fuzz *f)
{
    struct tcp_cb **slot = owned_slot(f, false);
    if (slot == NULL) {
        return;
    }
    if (byte(f) % 4 != 0) {
        *slot = tcp_accept(f->listener, ready, f);
    } else {
        *slot = tcp_create(f->net, ready, f);
        if (*slot != NULL) {
            (void)tcp_connect(*slot, PEER_ADDRESS, PEER_PORT);
        }
    }
}

static void call_other(struct fuzz *f)
{
    struct tcp_cb **slot = owned_slot(f, true);
    if (slot == NULL) {
        return;
    }
    uint8_t what = byte(f);
    uint8_t value = byte(f);
    switch (what % 4) {
    case 0:
        (void)tcp_shutdown(*slot, value & 3);
        break;
    case 1:
        tcp_close(*slot);
        *slot = NULL;
        break;
    case 2:
        (void)tcp_set_opt(*slot, value % 9, (int)half_word(f) - 1);
        break;
    default:
        (void)tcp_ready(*slot);
        (void)tcp_take_error(*slot);
        break;
    }
}

static void step(struct fuzz *f)
{
    uint8_t what = byte(f);
    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        send_segment(f);
        break;
    case 3:
        call_open(f);
        break;
    case 4:
    case 5:
        call_send_or_receive(f, what % 8 == 4);
        break;
    case 6:
        call_other(f);
        break;
    default:
        f->hold = (what & 8) != 0;
        f->now_ns +=
            (what & 16) ? (uint64_t)half_word(f) * NS_PER_MS : (uint64_t)byte(f) * NS_PER_MS;
        (void)net_poll(f->net, f->now_ns);
        break;
    }
    tcp_check_invariants(f->net);
}

static void begin(struct fuzz *f, void *memory)
{
    struct arena a;
    struct net_config cfg = {
        .link = NET_LINK_IP,
        .mtu = 1500,
        .ip = {.address = OUR_ADDRESS, .prefix_bits = 24},
        .tx_reserve = 8,
        .output = output,
        .arg = f,
        .tcp_isn_fixed = true,
    };
    net_limits_default(&cfg.limits, 0);
    cfg.tcp_isn = 0u - half_word(f);
    cfg.limits.tcp_connections = 6;
    cfg.limits.tcp_half_open = 3;
    cfg.limits.tcp_time_wait = 2;
    cfg.limits.tcp_rcvbuf_bytes = 2048u << (byte(f) % 7);
    arena_init(&a, memory, MEMORY_BYTES);
    enum status st = pkt_pool_init(&f->pool, &a, "p", POOL_COUNT, NULL);
    assert(st == STATUS_OK);
    cfg.tx_pool = &f->pool;
    st = net_create(&f->net, &a, &cfg, f->now_ns);
    assert(st == STATUS_OK);
    net_set_link(f->net, true, f->now_ns);
    f->listener = tcp_create(f->net, ready, f);
    assert(f->listener != NULL);
    int err = tcp_bind(f->listener, 0, 80, false);
    assert(err == 0);
    err = tcp_listen(f->listener, 3);
    assert(err == 0);
}

/* Everything is closed and an hour passes: nothing but the listener's pool slot may be left. */
static void end(struct fuzz *f)
{
    f->hold = false;
    for (size_t i = 0; i < HELD_MAX; i++) {
        pkt_put(f->held[i]);
    }
    for (size_t i = 0; i < OWNED_MAX; i++) {
        if (f->owned[i] != NULL) {
            tcp_close(f->owned[i]);
        }
    }
    tcp_close(f->listener);
    for (unsigned i = 0; i < 3600; i++) {
        f->now_ns += NS_PER_S;
        (void)net_poll(f->net, f->now_ns);
        if (connections_of(f->net) + time_waits_of(f->net) + half_opens_of(f->net) == 0) {
            break;
        }
    }
    assert(connections_of(f->net) == 0 && time_waits_of(f->net) == 0);
    assert(half_opens_of(f->net) == 0 && orphans_of(f->net) == 0);
    assert(f->pool.used == 0);
    net_destroy(f->net);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static void *memory;
    if (memory == NULL) {
        memory = aligned_alloc(4096, MEMORY_BYTES);
    }
    struct fuzz f = {.now_ns = NS_PER_S, .at = bytes, .end = bytes + len};
    begin(&f, memory);
    while (f.at < f.end) {
        step(&f);
    }
    end(&f);
    return 0;
}
