/*
 * What the stack itself costs, for tools/figures.py to count in instructions: one stack in
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
 * Only contracts in net/net.h and net/sock/sock.h are used, and the peer of peer.c, so that this
 * file can be built against an older stack.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"
#include "net/sock/sock.h"
#include "tests/bench/peer.h"

enum {
    PACKETS = 256,
    BUDGET_BYTES = 8 * 1024 * 1024,
    PAYLOAD_BYTES = 64,
    PORT = 7,
    CLOSED_PORT = 8,
    FIRST_PORT = 20000,
    PORTS = 40000,
    STEP_NS = 100000, /* from one frame to the next */
    WARM_UP = 200,
};
#define STRANGERS 0x0a800000u

struct bench {
    struct net *net;
    struct pkt_pool rx, tx;
    struct pkt_queue out;
    uint64_t now_ns;
    int listener;
    int fd; /* the connection's; -1: to be accepted */
    struct peer peer;
    uint64_t random;
};

/* where.c, when it is linked. */
__attribute__((weak)) void bench_where(const struct net *n);

noreturn_fn void assert_fail(const char *expr, const char *file, int line, const char *func)
{
    fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, func != NULL ? func : "",
            expr);
    abort();
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
        bench_must(sent == got, "send");
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

/* The peer's next segment, in a packet. */
static struct pkt *segment(struct bench *b, uint8_t flags, size_t payload)
{
    static const uint8_t text[PAYLOAD_BYTES] = {'e', 'c', 'h', 'o'};
    uint8_t frame[PEER_FRAME_MAX_BYTES];
    size_t len = peer_segment(&b->peer, frame, flags, text, payload, b->now_ns);
    struct pkt *p = pkt_alloc(&b->rx, 0);
    bench_must(p != NULL, "no packet to receive into");
    memcpy(pkt_append(p, len), frame, len);
    return p;
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
    bench_must(b->out.count == answers, "not as many answers as there should be");
    while ((p = pkt_queue_pop(&b->out)) != NULL) {
        (void)peer_read(&b->peer, p->data, pkt_len(p));
        pkt_put(p);
    }
}

static void peer_connects(struct bench *b, bool count_it)
{
    uint16_t last = b->peer.port;
    peer_begin(&b->peer,
               (uint16_t)(last == 0 || last == FIRST_PORT + PORTS ? FIRST_PORT : last + 1));
    step(b, segment(b, PEER_SYN, 0), count_it, 1);
    bench_must(b->peer.last_flags == (PEER_SYN | PEER_ACK), "no SYN-ACK");
    step(b, segment(b, PEER_ACK, 0), count_it, 0);
    bench_must(b->fd >= 0, "not accepted");
}

static void peer_asks(struct bench *b, bool count_it)
{
    uint32_t before = b->peer.rcv_nxt;
    step(b, segment(b, PEER_ACK | PEER_PSH, PAYLOAD_BYTES), count_it, 1);
    bench_must(b->peer.rcv_nxt - before == PAYLOAD_BYTES, "no echo");
}

static void peer_closes(struct bench *b, bool count_it)
{
    step(b, segment(b, PEER_ACK, 0), count_it, 0);
    /* The application closes at once: its FIN carries the ACK of the peer's, or follows it. */
    b->now_ns += STEP_NS;
    struct pkt *p = segment(b, PEER_FIN | PEER_ACK, 0);
    if (count_it) {
        measured(b, p);
    } else {
        unmeasured(b, p);
    }
    while ((p = pkt_queue_pop(&b->out)) != NULL) {
        (void)peer_read(&b->peer, p->data, pkt_len(p));
        pkt_put(p);
    }
    bench_must((b->peer.last_flags & PEER_FIN) != 0 && b->fd < 0, "not closed");
    step(b, segment(b, PEER_ACK, 0), count_it, 0);
}

static void one_echo(struct bench *b, bool count_it)
{
    peer_asks(b, count_it);
}

/* The application speaks first here, so that the ACK has something to acknowledge. */
static void one_ack(struct bench *b, bool count_it)
{
    peer_asks(b, false);
    step(b, segment(b, PEER_ACK, 0), count_it, 0);
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
    b->peer.plain = true;
    b->peer.address = STRANGERS | (r & 0x7fffff);
    b->peer.port = (uint16_t)(1024 + (r >> 24) % 64512);
    b->peer.to_port = port;
    b->peer.snd_nxt = (uint32_t)(r >> 32);
    step(b, segment(b, PEER_SYN, 0), count_it, 1);
    bench_must(b->peer.last_flags == answer, "another answer than it should be");
}

static void one_syn(struct bench *b, bool count_it)
{
    stranger_asks(b, PORT, PEER_SYN | PEER_ACK, count_it);
}

static void one_closed(struct bench *b, bool count_it)
{
    stranger_asks(b, CLOSED_PORT, PEER_RST | PEER_ACK, count_it);
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
               .address = BENCH_OUR_ADDRESS,
               .prefix_bits = 24,
               .gateway = BENCH_PEER_ADDRESS},
        .tx_pool = &b->tx,
        .tx_reserve = 16,
        .output = output,
        .arg = b,
    };
    memcpy(cfg.mac, bench_our_mac, 6);
    memset(cfg.seed, 0x5e, sizeof(cfg.seed));
    net_limits_default(&cfg.limits, BUDGET_BYTES);
    arena_init(&a, NULL, 0);
    bench_must(carve(b, &a, &cfg) == STATUS_OK, "measuring");
    size_t size = align_up(a.used_bytes, 4096);
    void *memory = aligned_alloc(4096, size);
    bench_must(memory != NULL, "no memory");
    arena_init(&a, memory, size);
    bench_must(carve(b, &a, &cfg) == STATUS_OK && b->net != NULL, "no stack");
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
    for (int i = 0; i < 100; i++) {
        b->now_ns += NS_PER_S / 10;
        (void)net_poll(b->net, b->now_ns);
    }
    bench_must(net_address(b->net) == BENCH_OUR_ADDRESS, "no address");
    struct pkt *p = pkt_alloc(&b->rx, 0);
    bench_must(p != NULL, "no packet to receive into");
    (void)peer_arp(pkt_append(p, PEER_ARP_BYTES));
    net_input(b->net, p, b->now_ns);
    drop_output(b);
}

static void listen_on_port(struct bench *b)
{
    struct sock_addr any = {.addr = 0, .port = PORT};
    b->listener = sock_open(b->net, SOCK_TYPE_TCP, b->now_ns);
    bench_must(b->listener >= 0 && sock_bind(b->net, b->listener, &any, b->now_ns) == 0 &&
                   sock_listen(b->net, b->listener, 16, b->now_ns) == 0,
               "no listener");
}

int main(int argc, char **argv)
{
    static struct bench b = {
        .now_ns = NS_PER_S, .fd = -1, .peer = {.address = BENCH_PEER_ADDRESS, .to_port = PORT}};
    static const struct {
        const char *name;
        void (*fn)(struct bench *b, bool count_it);
        bool connected;
    } kinds[] = {{"echo", one_echo, true},
                 {"ack", one_ack, true},
                 {"cycle", one_cycle, false},
                 {"syn", one_syn, false},
                 {"closed", one_closed, false}};
    bench_must(argc == 3, "usage: echo echo|ack|cycle|syn|closed COUNT");
    unsigned long count = strtoul(argv[2], NULL, 10);
    bench_must(count > 0, "COUNT must be above 0");
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
        printf("%s %lu timestamps %d\n", argv[1], count, b.peer.timestamps);
        return 0;
    }
    bench_must(false, "no such measurement: echo, ack, cycle, syn or closed");
}
