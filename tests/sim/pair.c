/*
 * Two joined stacks for the socket tests: see pair.h.
 */
#include "tests/sim/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAIR_ROUNDS_MAX = 100000, /* of one run: more means that the two never fall silent */
};

/* A wire copies: the sender may keep his packet for a retransmission. */
static void output(void *arg, struct pkt *p)
{
    struct pair_side *from = arg;
    struct pair *pair = from->pair;
    struct pair_side *to = from == &pair->side[0] ? &pair->side[1] : &pair->side[0];
    struct pkt *copy = pkt_alloc(&to->rx, 0);
    if (copy != NULL) {
        memcpy(pkt_append(copy, pkt_len(p)), p->data, pkt_len(p));
        pkt_queue_push(&to->wire, copy);
    }
    pkt_put(p);
}

struct net_limits pair_limits(void)
{
    struct net_limits l;
    net_limits_default(&l, 8 * 1024 * 1024);
    l.sockets = 32;
    l.epolls = 4;
    l.epoll_items = 32;
    l.tcp_connections = 32;
    l.udp_sockets = 16;
    return l;
}

static void side_init(struct pair *p, int i, const struct net_limits *l)
{
    struct pair_side *s = &p->side[i];
    struct net_config cfg = {
        .link = NET_LINK_IP,
        .mtu = 1500,
        .ip = {.mode = NET_ADDRESS_STATIC,
               .address = i == 0 ? PAIR_HOST_0 : PAIR_HOST_1,
               .prefix_bits = 24},
        .limits = *l,
        .tx_pool = &s->tx,
        .output = output,
        .arg = s,
    };
    memset(cfg.seed, 0x51 + i, sizeof(cfg.seed));
    s->pair = p;
    struct arena a;
    arena_init(&a, NULL, 0);
    for (int round = 0; round < 2; round++) {
        enum status st = pkt_pool_init(&s->tx, &a, "tx", PAIR_POOL_PACKETS, NULL);
        assert(st == STATUS_OK);
        st = pkt_pool_init(&s->rx, &a, "rx", PAIR_POOL_PACKETS, NULL);
        assert(st == STATUS_OK);
        st = net_create(&p->net[i], &a, &cfg, p->now_ns);
        assert(st == STATUS_OK);
        if (round == 0) {
            size_t size = align_up(a.used_bytes, 4096);
            s->memory = aligned_alloc(4096, size);
            assert(s->memory != NULL);
            memset(s->memory, 0xa5, size);
            arena_init(&a, s->memory, size);
        }
    }
    assert(p->net[i] != NULL);
    net_set_link(p->net[i], true, p->now_ns);
}

void pair_init(struct pair *p, const struct net_limits *l)
{
    memset(p, 0, sizeof(*p));
    p->now_ns = NS_PER_S;
    side_init(p, 0, l);
    side_init(p, 1, l);
    pair_run(p);
    assert(net_address(p->net[0]) == PAIR_HOST_0 && net_address(p->net[1]) == PAIR_HOST_1);
}

void pair_destroy(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        net_destroy(p->net[i]);
    }
    for (int i = 0; i < 2; i++) {
        struct pair_side *s = &p->side[i];
        pkt_queue_drain(&s->wire);
        assert(s->tx.used == 0 && s->rx.used == 0);
        free(s->memory);
    }
}

bool pair_run(struct pair *p)
{
    bool moved = false;
    for (int round = 0; p->side[0].wire.count + p->side[1].wire.count > 0; round++) {
        assert(round < PAIR_ROUNDS_MAX);
        for (int i = 0; i < 2; i++) {
            struct pkt *packet = pkt_queue_pop(&p->side[i].wire);
            if (packet != NULL) {
                net_input_ip(p->net[i], packet, p->now_ns);
            }
        }
        moved = true;
        for (int i = 0; i < 2; i++) {
            (void)net_poll(p->net[i], p->now_ns);
        }
    }
    return moved;
}

uint64_t pair_deadline(struct pair *p)
{
    uint64_t a = net_poll(p->net[0], p->now_ns);
    uint64_t b = net_poll(p->net[1], p->now_ns);
    return min_u64(a, b);
}

void pair_advance(struct pair *p, uint64_t ns)
{
    uint64_t end_ns = p->now_ns + ns;
    pair_run(p);
    for (;;) {
        uint64_t next_ns = pair_deadline(p);
        if (pair_run(p)) {
            continue;
        }
        if (next_ns >= end_ns) {
            break;
        }
        p->now_ns = max_u64(next_ns, p->now_ns + 1);
    }
    p->now_ns = end_ns;
    (void)pair_deadline(p);
    pair_run(p);
}

static int open_listener(struct pair *p, uint16_t port)
{
    int fd = sock_open(p->net[1], SOCK_TYPE_TCP, p->now_ns);
    assert(fd >= 0);
    struct sock_addr any = {.addr = 0, .port = port};
    int err = sock_bind(p->net[1], fd, &any, p->now_ns);
    assert(err == 0);
    err = sock_listen(p->net[1], fd, 8, p->now_ns);
    assert(err == 0);
    return fd;
}

void pair_connect(struct pair *p, int fd[2], int *listener, uint16_t port)
{
    *listener = open_listener(p, port);
    fd[0] = sock_open(p->net[0], SOCK_TYPE_TCP, p->now_ns);
    assert(fd[0] >= 0);
    struct sock_addr to = {.addr = PAIR_HOST_1, .port = port};
    int err = sock_connect(p->net[0], fd[0], &to, p->now_ns);
    assert(err == -EINPROGRESS);
    pair_run(p);
    fd[1] = sock_accept(p->net[1], *listener, NULL, p->now_ns);
    assert(fd[1] >= 0);
}
