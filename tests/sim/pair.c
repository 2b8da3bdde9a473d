/*
 * Two joined stacks: see pair.h.
 */
#include "tests/sim/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/segment_packet.h"

enum {
    PAIR_ROUNDS_MAX = 100000, /* of one run: more means that the two never fall silent */
    ETHERNET_BYTES = 14,
};

static void frame_out(void *arg, const uint8_t *frame, size_t len)
{
    struct pair_side *s = arg;
    struct pair *p = s->pair;
    pair_wire_fn *wire = p->wire != NULL ? p->wire : pair_send;
    wire(p, s == &p->side[0] ? 0 : 1, frame, len);
}

static void output(void *arg, struct pkt *packet)
{
    uint32_t frames = segment_packet(packet, frame_out, arg);
    assert(frames > 0);
    pkt_put(packet);
}

static struct link_frame *new_frame(int from, const uint8_t *bytes, size_t len)
{
    struct link_frame *f = link_frame_new(bytes, len);
    f->from = from;
    f->to = 1 - from;
    return f;
}

void pair_send(struct pair *p, int from, const uint8_t *bytes, size_t len)
{
    struct pair_side *s = &p->side[from];
    size_t ip_offset = s->cfg.link == NET_LINK_ETHERNET ? ETHERNET_BYTES : 0;
    struct link_frame *f = new_frame(from, bytes, len);
    if (link_lost(link_way_send(&s->way, &p->heap, f, ip_offset, p->now_ns))) {
        free(f);
    }
}

void pair_carry(struct pair *p, int from, const uint8_t *bytes, size_t len, uint64_t delay_ns)
{
    struct link_frame *f = new_frame(from, bytes, len);
    f->at_ns = p->now_ns + delay_ns;
    link_heap_push(&p->heap, f);
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

void pair_begin(struct pair *p)
{
    static const struct link_params perfect;
    memset(p, 0, sizeof(*p));
    p->now_ns = NS_PER_S;
    pair_link(p, &perfect, 0);
}

void pair_link(struct pair *p, const struct link_params *params, uint64_t key)
{
    for (uint64_t i = 0; i < 2; i++) {
        link_way_init(&p->side[i].way, params, mix_u64(key) + i);
    }
}

void pair_config(struct net_config *cfg, int side, const struct net_limits *l)
{
    *cfg = (struct net_config){
        .link = NET_LINK_IP,
        .mac = {2, 0, 0, 0, 0, (uint8_t)(1 + side)},
        .mtu = 1500,
        .ip = {.mode = NET_ADDRESS_STATIC,
               .address = side == 0 ? PAIR_HOST_0 : PAIR_HOST_1,
               .prefix_bits = 24},
        .limits = *l,
    };
    memset(cfg->seed, 0x51 + side, sizeof(cfg->seed));
}

void pair_start(struct pair *p, int side, const struct net_config *cfg, uint32_t packets)
{
    struct pair_side *s = &p->side[side];
    struct carve c = {
        .tx = &s->tx,
        .rx = &s->rx,
        .tx_packets = packets,
        .rx_packets = packets,
        .net = &p->net[side],
        .config = &s->cfg,
        .now_ns = p->now_ns,
    };
    s->pair = p;
    s->cfg = *cfg;
    s->cfg.tx_pool = &s->tx;
    s->cfg.output = output;
    s->cfg.arg = s;
    size_t need_bytes = carve_stack(&c, &s->memory);
    assert(need_bytes > 0);
    net_set_link(p->net[side], true, p->now_ns);
}

void pair_init(struct pair *p, const struct net_limits *l)
{
    pair_begin(p);
    for (int i = 0; i < 2; i++) {
        struct net_config cfg;
        pair_config(&cfg, i, l);
        pair_start(p, i, &cfg, PAIR_POOL_PACKETS);
    }
    pair_run(p);
    assert(net_address(p->net[0]) == PAIR_HOST_0 && net_address(p->net[1]) == PAIR_HOST_1);
}

void pair_destroy(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        struct pair_side *s = &p->side[i];
        net_destroy(p->net[i]);
        assert(s->tx.used == 0 && s->rx.used == 0);
        carve_free(&s->memory);
    }
    link_heap_free(&p->heap);
}

uint64_t pair_arrival_ns(const struct pair *p)
{
    return p->heap.count > 0 ? p->heap.frames[0]->at_ns : DEADLINE_NONE;
}

int pair_deliver(struct pair *p)
{
    if (pair_arrival_ns(p) > p->now_ns) {
        return -1;
    }
    struct link_frame *f = link_heap_pop(&p->heap);
    int to = f->to;
    struct pair_side *s = &p->side[to];
    struct pkt *packet = pkt_alloc(&s->rx, 0);
    if (packet != NULL) { /* else a device without a buffer, which drops */
        memcpy(pkt_append(packet, f->len), f->bytes, f->len);
        if (s->cfg.link == NET_LINK_ETHERNET) {
            net_input(p->net[to], packet, p->now_ns);
        } else {
            net_input_ip(p->net[to], packet, p->now_ns);
        }
    }
    free(f);
    return to;
}

bool pair_run(struct pair *p)
{
    bool moved = false;
    for (int round = 0; pair_deliver(p) >= 0; round++) {
        assert(round < PAIR_ROUNDS_MAX);
        (void)pair_deadline(p);
        moved = true;
    }
    return moved;
}

uint64_t pair_deadline(struct pair *p)
{
    uint64_t a = net_poll(p->net[0], p->now_ns);
    uint64_t b = net_poll(p->net[1], p->now_ns);
    return min_u64(pair_arrival_ns(p), min_u64(a, b));
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
