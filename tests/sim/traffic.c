/*
 * Datagrams in the background: see traffic.h.
 */
#include "tests/sim/traffic.h"

#include <errno.h>
#include <string.h>

#include "kernel/bytes.h"
#include "net/sock/sock.h"
#include "tests/sim/world.h"

static uint64_t key_of(const struct world *w, uint32_t pair)
{
    return mix_u64(w->plan->seed ^ (UINT64_C(0xdada) + pair));
}

/* Length and bytes follow from the number, so that the receiver can tell what was sent. */
static size_t bytes_of(const struct world *w, uint32_t pair, uint64_t number)
{
    uint32_t most = w->traffic.pair[pair].plan->bytes_max;
    return TRAFFIC_HEADER_BYTES + mix_u64(key_of(w, pair) + number) % (most + 1);
}

void traffic_init(struct world *w)
{
    struct traffic *t = &w->traffic;
    memset(t, 0, sizeof(*t));
    t->draw.state = mix_u64(w->plan->seed ^ 0x7aff);
    t->pair_count = w->plan->traffic_count;
    for (uint32_t i = 0; i < t->pair_count; i++) {
        t->pair[i] = (struct traffic_pair){
            .plan = &w->plan->traffic[i], .fd_from = -1, .fd_to = -1, .next_ns = DEADLINE_NONE};
    }
}

static int open_socket(struct world *w, int host, uint16_t port)
{
    struct net *n = w->host[host].net;
    struct sock_addr any = {.port = port};
    int fd = sock_open(n, SOCK_TYPE_UDP, w->now_ns);
    int err = fd < 0 ? fd : sock_bind(n, fd, &any, w->now_ns);
    if (err < 0) {
        world_fail(w, "no UDP socket: %d", err);
    }
    return fd;
}

void traffic_host_up(struct world *w, int host)
{
    for (uint32_t i = 0; i < w->traffic.pair_count; i++) {
        struct traffic_pair *p = &w->traffic.pair[i];
        if (p->plan->from == host) {
            p->fd_from = open_socket(w, host, 0);
        }
        if (p->plan->to == host) {
            p->fd_to = open_socket(w, host, (uint16_t)(TRAFFIC_PORT + i));
        }
    }
}

void traffic_host_down(struct world *w, int host)
{
    for (uint32_t i = 0; i < w->traffic.pair_count; i++) {
        struct traffic_pair *p = &w->traffic.pair[i];
        p->fd_from = p->plan->from == host ? -1 : p->fd_from;
        p->fd_to = p->plan->to == host ? -1 : p->fd_to;
    }
}

void traffic_begin(struct world *w)
{
    for (uint32_t i = 0; i < w->traffic.pair_count; i++) {
        struct traffic_pair *p = &w->traffic.pair[i];
        p->next_ns = w->now_ns + draw_between(&w->traffic.draw, 1, p->plan->every_ns);
    }
}

static void send_one(struct world *w, uint32_t i)
{
    struct traffic_pair *p = &w->traffic.pair[i];
    uint8_t bytes[TRAFFIC_LARGE_BYTES_MAX];
    uint64_t number = p->sent++;
    size_t len = bytes_of(w, i, number);
    bool closed = draw_chance(&w->traffic.draw, p->plan->closed_ppm);
    struct sock_addr to = {.addr = LAN_ADDRESS + (uint32_t)p->plan->to,
                           .port = (uint16_t)(closed ? TRAFFIC_CLOSED_PORT : TRAFFIC_PORT + i)};
    store_be32(bytes, (uint32_t)(number >> 32));
    store_be32(bytes + 4, (uint32_t)number);
    stream_fill(key_of(w, i) + 1, number << 16, bytes + TRAFFIC_HEADER_BYTES,
                len - TRAFFIC_HEADER_BYTES);
    struct net *n = w->host[p->plan->from].net;
    ptrdiff_t took =
        p->fd_from < 0 ? -EAGAIN : sock_send(n, p->fd_from, bytes, len, 0, &to, w->now_ns);
    if (took >= 0 && (size_t)took != len) {
        world_fail(w, "a datagram of %zu bytes was cut to %td", len, took);
    }
    p->next_ns = p->sent == p->plan->count
                     ? DEADLINE_NONE
                     : w->now_ns + draw_between(&w->traffic.draw, 1, 2 * p->plan->every_ns);
}

static void check_one(struct world *w, uint32_t i, const uint8_t *bytes, size_t len, uint32_t from)
{
    struct traffic_pair *p = &w->traffic.pair[i];
    uint64_t number = (uint64_t)load_be32(bytes) << 32 | load_be32(bytes + 4);
    size_t body = len - TRAFFIC_HEADER_BYTES;
    bool right =
        len >= TRAFFIC_HEADER_BYTES && number < p->sent && len == bytes_of(w, i, number) &&
        from == LAN_ADDRESS + (uint32_t)p->plan->from &&
        stream_compare(key_of(w, i) + 1, number << 16, bytes + TRAFFIC_HEADER_BYTES, body) == body;
    if (!right) {
        world_fail(w, "a datagram of %zu bytes that was never sent (%llu)", len,
                   (unsigned long long)number);
    }
    p->received++;
}

static void read_all(struct world *w, uint32_t i)
{
    struct traffic_pair *p = &w->traffic.pair[i];
    uint8_t bytes[2 * TRAFFIC_LARGE_BYTES_MAX];
    struct sock_recv_info info;
    while (p->fd_to >= 0 && !w->failed) {
        ptrdiff_t got = sock_recv(w->host[p->plan->to].net, p->fd_to, bytes, sizeof(bytes), 0,
                                  &info, w->now_ns);
        if (got < 0) {
            return; /* -EAGAIN, or an error that an ICMP message brought */
        }
        check_one(w, i, bytes, (size_t)got, info.from.addr);
    }
}

void traffic_run(struct world *w)
{
    for (uint32_t i = 0; i < w->traffic.pair_count; i++) {
        read_all(w, i);
        if (w->now_ns >= w->traffic.pair[i].next_ns) {
            send_one(w, i);
        }
    }
}

uint64_t traffic_next_ns(const struct world *w)
{
    uint64_t next_ns = DEADLINE_NONE;
    for (uint32_t i = 0; i < w->traffic.pair_count; i++) {
        next_ns = min_u64(next_ns, w->traffic.pair[i].next_ns);
    }
    return next_ns;
}

void traffic_close(struct world *w)
{
    for (uint32_t i = 0; i < w->traffic.pair_count; i++) {
        struct traffic_pair *p = &w->traffic.pair[i];
        p->next_ns = DEADLINE_NONE;
        int err =
            p->fd_from < 0 ? 0 : sock_close(w->host[p->plan->from].net, p->fd_from, w->now_ns);
        if (err == 0 && p->fd_to >= 0) {
            err = sock_close(w->host[p->plan->to].net, p->fd_to, w->now_ns);
        }
        if (err != 0) {
            world_fail(w, "closing a UDP socket: %d", err);
        }
        p->fd_from = p->fd_to = -1;
    }
}
