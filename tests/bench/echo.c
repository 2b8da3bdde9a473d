/*
 * What the stack itself costs, for tools/bench-echo.py to count in instructions: one stack in
 * memory, a peer made of bytes, virtual time. Only `measured` is counted: a frame in, the
 * application's calls through the socket layer, the timers, and the answer handed to output. What
 * the peer does to build its frames and to read the answers happens outside of it.
 *
 *     echo WHAT COUNT     WHAT: echo, ack, cycle, syn or closed
 *
 * echo: 64 bytes arrive on an established connection and 64 go back, the ACK on them. ack: a pure
 * ACK for 64 bytes arrives. cycle: a connection is opened, one request of 64 bytes is answered by
 * 64, the peer closes and the application after it. syn: a SYN without options arrives from a
 * random source beyond the gateway, the listener's share of half-open records being taken long ago.
 * closed: the same to a port without a listener.
 *
 * The peer offers what Linux does (MSS, SACK, timestamps, window scale) and uses what the stack
 * takes up. Only contracts in net/net.h and net/sock/sock.h are used, so that this file can be
 * built against an older stack.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "net/net.h"
#include "net/sock/sock.h"

enum {
    PACKETS = 256,
    BUDGET_BYTES = 8 * 1024 * 1024,
    PAYLOAD_BYTES = 64,
    PORT = 7,
    CLOSED_PORT = 8,
    FIRST_PORT = 20000,
    PORTS = 40000,
    STEP_NS = 100000, /* from one frame to the next */
    ETH_BYTES = 14,
    IP_BYTES = 20,
    PROTO_TCP = 6,
    TCP_AT = ETH_BYTES + IP_BYTES,
    FIN = 1,
    SYN = 2,
    PSH = 8,
    ACK = 16,
    OPT_MSS = 2,
    OPT_WSCALE = 3,
    OPT_SACK_PERMITTED = 4,
    OPT_TIMESTAMPS = 8,
    RST = 4,
    WARM_UP = 200,
};
#define OUR_ADDRESS  0x0a000001u
#define PEER_ADDRESS 0x0a000002u
#define STRANGERS    0x0a800000u

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 2};

struct bench {
    struct net *net;
    struct pkt_pool rx, tx;
    struct pkt_queue out;
    uint64_t now_ns;
    int listener;
    int fd;           /* the connection's; -1: to be accepted */
    uint32_t source;  /* the peer's address */
    uint16_t port;    /* the peer's */
    uint16_t to_port; /* ours */
    bool plain;       /* its SYNs have no options */
    uint64_t random;
    uint32_t snd_nxt, rcv_nxt; /* the peer's */
    bool timestamps;
    uint32_t ts_recent;
    uint8_t last_flags; /* of the last segment the stack sent */
};

/* where.c, when it is linked. */
__attribute__((weak)) void bench_where(const struct net *n);

noreturn_fn void assert_fail(const char *expr, const char *file, int line, const char *func)
{
    fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, func != NULL ? func : "",
            expr);
    abort();
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s\n", what);
        exit(1);
    }
}

static void output(void *arg, struct pkt *p)
{
    struct bench *b = arg;
    pkt_queue_push(&b->out, p);
}

/* The application: one connection, as much as there is to read is written back. */
static void application(struct bench *b)
{
    char buf[1024];
    if (b->fd < 0) {
        b->fd = sock_accept(b->net, b->listener, NULL, b->now_ns);
        if (b->fd < 0) {
            return;
        }
    }
    ptrdiff_t got;
    while ((got = sock_recv(b->net, b->fd, buf, sizeof(buf), 0, NULL, b->now_ns)) > 0) {
        ptrdiff_t sent = sock_send(b->net, b->fd, buf, (size_t)got, 0, NULL, b->now_ns);
        must(sent == got, "send");
    }
    if (got == 0) {
        (void)sock_close(b->net, b->fd, b->now_ns);
        b->fd = -1;
    }
}

/* The stack's part of a step, and the only thing that is counted. */
__attribute__((noinline, noclone)) static void measured(struct bench *b, struct pkt *p)
{
    net_input(b->net, p, b->now_ns);
    application(b);
    (void)net_poll(b->net, b->now_ns);
}

/* The same, not counted. The empty statement keeps a compiler from making the two one. */
__attribute__((noinline, noclone)) static void unmeasured(struct bench *b, struct pkt *p)
{
    __asm__ volatile("");
    net_input(b->net, p, b->now_ns);
    application(b);
    (void)net_poll(b->net, b->now_ns);
}

static size_t put_timestamps(struct bench *b, uint8_t *at)
{
    at[0] = at[1] = 1;
    at[2] = OPT_TIMESTAMPS;
    at[3] = 10;
    store_be32(at + 4, (uint32_t)(b->now_ns / NS_PER_MS));
    store_be32(at + 8, b->ts_recent);
    return 12;
}

static size_t put_options(struct bench *b, uint8_t *at, uint8_t flags)
{
    static const uint8_t syn[8] = {OPT_MSS, 4, 5, 0xb4, 1, OPT_WSCALE, 3, 7};
    size_t len = 0;
    if (b->plain) {
        return 0;
    }
    if (flags & SYN) {
        memcpy(at, syn, sizeof(syn));
        at[8] = at[9] = 1;
        at[10] = OPT_SACK_PERMITTED;
        at[11] = 2;
        len = 12;
    }
    if ((flags & SYN) || b->timestamps) {
        len += put_timestamps(b, at + len);
    }
    return len;
}

/* The Internet checksum (RFC 1071) the plain way, on top of a sum of 16-bit words. */
static uint16_t checksum(uint32_t sum, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) ? at[i] : (uint32_t)at[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void put_ip(uint8_t *ip, uint32_t source, size_t len)
{
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)len);
    store_be16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = PROTO_TCP;
    store_be32(ip + 12, source);
    store_be32(ip + 16, OUR_ADDRESS);
    store_be16(ip + 10, checksum(0, ip, IP_BYTES));
}

/* The peer's next segment, whole and with right checksums. */
static struct pkt *segment(struct bench *b, uint8_t flags, size_t payload)
{
    uint8_t s[TCP_AT + 60 + PAYLOAD_BYTES];
    uint8_t *tcp = s + TCP_AT;
    memcpy(s, our_mac, 6);
    memcpy(s + 6, peer_mac, 6);
    store_be16(s + 12, 0x0800);
    size_t header = 20 + put_options(b, tcp + 20, flags);
    size_t total = header + payload;
    store_be16(tcp, b->port);
    store_be16(tcp + 2, b->to_port);
    store_be32(tcp + 4, b->snd_nxt);
    store_be32(tcp + 8, (flags & ACK) ? b->rcv_nxt : 0);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = flags;
    store_be16(tcp + 14, 0x8000);
    store_be32(tcp + 16, 0);
    memset(tcp + header, 'e', payload);
    put_ip(s + ETH_BYTES, b->source, IP_BYTES + total);
    uint32_t pseudo = (b->source >> 16) + (b->source & 0xffff) + (OUR_ADDRESS >> 16) +
                      (OUR_ADDRESS & 0xffff) + PROTO_TCP + (uint32_t)total;
    store_be16(tcp + 16, checksum(pseudo, tcp, total));
    b->snd_nxt += (uint32_t)payload + ((flags & (SYN | FIN)) ? 1 : 0);
    struct pkt *p = pkt_alloc(&b->rx, 0);
    must(p != NULL, "no packet to receive into");
    memcpy(pkt_append(p, TCP_AT + total), s, TCP_AT + total);
    return p;
}

/* Does this SYN-ACK or segment carry timestamps? */
static void read_options(struct bench *b, const uint8_t *o, size_t len, bool syn)
{
    for (size_t i = 0; i < len && o[i] != 0;) {
        size_t step = o[i] == 1 ? 1 : o[i + 1];
        if (o[i] == OPT_TIMESTAMPS) {
            b->timestamps = syn || b->timestamps;
            b->ts_recent = load_be32(o + i + 2);
        }
        must(step > 0, "an option of length 0");
        i += step;
    }
}

static void read_segment(struct bench *b, const uint8_t *f, size_t len)
{
    const uint8_t *tcp = f + TCP_AT;
    must(len >= TCP_AT + 20 && load_be16(f + 12) == 0x0800, "not a segment");
    must(load_be16(tcp + 2) == b->port, "a segment for somebody else");
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    size_t payload = load_be16(f + ETH_BYTES + 2) - IP_BYTES - header;
    b->last_flags = tcp[13];
    read_options(b, tcp + 20, header - 20, (tcp[13] & SYN) != 0);
    uint32_t count = (uint32_t)payload + ((tcp[13] & (SYN | FIN)) ? 1 : 0);
    if (count > 0) {
        b->rcv_nxt = load_be32(tcp + 4) + count;
    }
}

/* One frame to the stack; the answers, of which there must be so many, are read. */
static void step(struct bench *b, struct pkt *p, bool count_it, uint32_t answers)
{
    b->now_ns += STEP_NS;
    if (count_it) {
        measured(b, p);
    } else {
        unmeasured(b, p);
    }
    must(b->out.count == answers, "not as many answers as there should be");
    while ((p = pkt_queue_pop(&b->out)) != NULL) {
        read_segment(b, p->data, pkt_len(p));
        pkt_put(p);
    }
}

static void peer_connects(struct bench *b, bool count_it)
{
    b->port = (uint16_t)(b->port == 0 || b->port == FIRST_PORT + PORTS ? FIRST_PORT : b->port + 1);
    b->timestamps = false;
    b->ts_recent = 0;
    b->snd_nxt += 100000;
    step(b, segment(b, SYN, 0), count_it, 1);
    must(b->last_flags == (SYN | ACK), "no SYN-ACK");
    step(b, segment(b, ACK, 0), count_it, 0);
    must(b->fd >= 0, "not accepted");
}

static void peer_asks(struct bench *b, bool count_it)
{
    uint32_t before = b->rcv_nxt;
    step(b, segment(b, ACK | PSH, PAYLOAD_BYTES), count_it, 1);
    must(b->rcv_nxt - before == PAYLOAD_BYTES, "no echo");
}

static void peer_closes(struct bench *b, bool count_it)
{
    step(b, segment(b, ACK, 0), count_it, 0);
    /* The application closes at once: its FIN carries the ACK of the peer's, or follows it. */
    b->now_ns += STEP_NS;
    struct pkt *p = segment(b, FIN | ACK, 0);
    if (count_it) {
        measured(b, p);
    } else {
        unmeasured(b, p);
    }
    while ((p = pkt_queue_pop(&b->out)) != NULL) {
        read_segment(b, p->data, pkt_len(p));
        pkt_put(p);
    }
    must((b->last_flags & FIN) != 0 && b->fd < 0, "not closed");
    step(b, segment(b, ACK, 0), count_it, 0);
}

static void one_echo(struct bench *b, bool count_it)
{
    peer_asks(b, count_it);
}

/* The application speaks first here, so that the ACK has something to acknowledge. */
static void one_ack(struct bench *b, bool count_it)
{
    peer_asks(b, false);
    step(b, segment(b, ACK, 0), count_it, 0);
}

static void one_cycle(struct bench *b, bool count_it)
{
    peer_connects(b, count_it);
    peer_asks(b, count_it);
    peer_closes(b, count_it);
}

/* splitmix64. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void stranger_asks(struct bench *b, uint16_t port, uint8_t answer, bool count_it)
{
    uint64_t r = random_next(&b->random);
    b->plain = true;
    b->source = STRANGERS | (r & 0x7fffff);
    b->port = (uint16_t)(1024 + (r >> 24) % 64512);
    b->to_port = port;
    b->snd_nxt = (uint32_t)(r >> 32);
    step(b, segment(b, SYN, 0), count_it, 1);
    must(b->last_flags == answer, "another answer than it should be");
}

static void one_syn(struct bench *b, bool count_it)
{
    stranger_asks(b, PORT, SYN | ACK, count_it);
}

static void one_closed(struct bench *b, bool count_it)
{
    stranger_asks(b, CLOSED_PORT, RST | ACK, count_it);
}

static enum status carve(struct bench *b, struct arena *a, const struct net_config *cfg)
{
    enum status st = pkt_pool_init(&b->rx, a, "rx", PACKETS, NULL);
    if (st == STATUS_OK) {
        st = pkt_pool_init(&b->tx, a, "tx", PACKETS, NULL);
    }
    return st == STATUS_OK ? net_create(&b->net, a, cfg, b->now_ns) : st;
}

static void begin(struct bench *b)
{
    struct arena a;
    struct net_config cfg = {
        .link = NET_LINK_ETHERNET,
        .mtu = 1500,
        .ip = {.mode = NET_ADDRESS_STATIC,
               .address = OUR_ADDRESS,
               .prefix_bits = 24,
               .gateway = PEER_ADDRESS},
        .tx_pool = &b->tx,
        .tx_reserve = 16,
        .output = output,
        .arg = b,
    };
    memcpy(cfg.mac, our_mac, 6);
    memset(cfg.seed, 0x5e, sizeof(cfg.seed));
    net_limits_default(&cfg.limits, BUDGET_BYTES);
    arena_init(&a, NULL, 0);
    must(carve(b, &a, &cfg) == STATUS_OK, "measuring");
    size_t size = align_up(a.used_bytes, 4096);
    void *memory = aligned_alloc(4096, size);
    must(memory != NULL, "no memory");
    arena_init(&a, memory, size);
    must(carve(b, &a, &cfg) == STATUS_OK && b->net != NULL, "no stack");
    net_set_link(b->net, true, b->now_ns);
}

static void drop_output(struct bench *b)
{
    struct pkt *p;
    while ((p = pkt_queue_pop(&b->out)) != NULL) {
        pkt_put(p);
    }
}

/* The address is announced and the peer asks for it: it is a known neighbour from then on. */
static void meet(struct bench *b)
{
    static const uint8_t arp[28] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 2,
                                    10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
    for (int i = 0; i < 100; i++) {
        b->now_ns += NS_PER_S / 10;
        (void)net_poll(b->net, b->now_ns);
    }
    must(net_address(b->net) == OUR_ADDRESS, "no address");
    struct pkt *p = pkt_alloc(&b->rx, 0);
    must(p != NULL, "no packet to receive into");
    uint8_t *f = pkt_append(p, 60);
    memset(f, 0, 60);
    memset(f, 0xff, 6);
    memcpy(f + 6, peer_mac, 6);
    store_be16(f + 12, 0x0806);
    memcpy(f + 14, arp, sizeof(arp));
    net_input(b->net, p, b->now_ns);
    drop_output(b);
}

static void listen_on_port(struct bench *b)
{
    struct sock_addr any = {.addr = 0, .port = PORT};
    b->listener = sock_open(b->net, SOCK_TYPE_TCP, b->now_ns);
    must(b->listener >= 0 && sock_bind(b->net, b->listener, &any, b->now_ns) == 0 &&
             sock_listen(b->net, b->listener, 16, b->now_ns) == 0,
         "no listener");
}

int main(int argc, char **argv)
{
    static struct bench b = {.now_ns = NS_PER_S, .source = PEER_ADDRESS, .to_port = PORT, .fd = -1};
    static const struct {
        const char *name;
        void (*fn)(struct bench *b, bool count_it);
        bool connected;
    } kinds[] = {{"echo", one_echo, true},
                 {"ack", one_ack, true},
                 {"cycle", one_cycle, false},
                 {"syn", one_syn, false},
                 {"closed", one_closed, false}};
    must(argc == 3, "usage: echo echo|ack|cycle|syn|closed COUNT");
    unsigned long count = strtoul(argv[2], NULL, 10);
    must(count > 0, "COUNT must be above 0");
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        if (strcmp(argv[1], kinds[k].name) != 0) {
            continue;
        }
        begin(&b);
        meet(&b);
        listen_on_port(&b);
        if (kinds[k].connected) {
            peer_connects(&b, false);
        }
        if (bench_where != NULL) {
            bench_where(b.net);
        }
        for (unsigned long i = 0; i < WARM_UP + count; i++) {
            kinds[k].fn(&b, i >= WARM_UP);
        }
        printf("%s %lu timestamps %d\n", argv[1], count, b.timestamps);
        return 0;
    }
    must(false, "no such measurement: echo, ack, cycle, syn or closed");
}
