/*
 * Memory that runs out at the worst moment. Two stacks on an Ethernet that loses and reorders live
 * through one script: ARP, TCP connections opened from either side, data both ways, either end
 * closing first, an epoll on each host, and UDP datagrams in fragments. Then the same script
 * again with one allocation failing: the first of a pool, the second, the third, until one more
 * does not exist. And again with a whole pool drained for a while, at every moment of the script.
 *
 * What is asked of the stack each time: every stream arrives whole, both ends close in order, the
 * application needs no more than to try a refused call again, all in bounded virtual time, the
 * invariants of TCP hold after each event, and at the end everything is back in its pool.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/pair.c tests/sim/link.c tests/sim/carve.c
// LINK: @net tests/unit/tcp_check.c kernel/pkt.c kernel/pool.c kernel/timer.c
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "net/sock/epoll.h"
#include "net/stack.h"
#include "net/wire/csum.h"
#include "tests/sim/pair.h"
#include "tests/unit/tcp_check.h"

enum {
    PACKETS = 192, /* of each host and direction */
    CONNS = 4,
    STREAM_BYTES = 24000, /* of each end */
    CHUNK_BYTES = 5000,
    DATAGRAM_BYTES = 1400,
    FRAGMENT_BYTES = 800,
    IP_AT = 14,
    DATAGRAMS = 2,
    PORT = 80, /* + number of the connection */
    UDP_PORT = 53,
    FRAME_BYTES = 1514,
    DELAY_MS = 5,
    TICK_MS = 20,  /* how often an application that has nothing to do looks again */
    END_S = 120,   /* the script's bound: it takes about 1 s when nothing fails */
    QUIET_S = 300, /* and until everything is home */
    MSL_MS = 500,
    LOSS_EVERY = 13, /* the frames of a direction; each direction begins at another one */
    LATE_EVERY = 7,
    NTH_MAX = 5000,
    DRAIN_STEP_MS = 45,
};

struct world;

struct host {
    struct world *world;
    int id;
    struct net *net; /* the pair's */
    uint32_t frames; /* sent so far */
    int epoll;
    int udp;
    int listener[CONNS]; /* of the connections it accepts */
    uint32_t datagrams;  /* still to send */
};

/* One end of a connection. Host (number mod 2) opens it; the opener closes first in the first two,
 * the other one in the rest. */
struct end {
    int fd;
    bool watched, connecting, closes_first, shut, ended, closed;
    uint32_t sent, got;
};

struct world {
    struct pair pair;
    struct host host[2];
    struct end end[CONNS][2]; /* by host */
    bool drained;             /* the test holds what is left of a pool */
    uint32_t lost;            /* ends that an eviction reset */
    uint32_t retries;         /* calls refused for want of something */
};

/* The trouble under test, for failures. */
static char doing[128];

static uint8_t content(int conn, int from, uint32_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 17 + (uint32_t)conn * 59 + (uint32_t)from * 101);
}

/* One part of an IPv4 packet, as a router on the way makes it. */
static void carry_fragment(struct pair *p, int from, const uint8_t *bytes, size_t at, size_t len)
{
    uint8_t f[FRAME_BYTES];
    uint8_t *ip = f + IP_AT;
    size_t total = load_be16(bytes + IP_AT + 2) - IPV4_HEADER_BYTES;
    memcpy(f, bytes, IP_AT + IPV4_HEADER_BYTES);
    memcpy(ip + IPV4_HEADER_BYTES, bytes + IP_AT + IPV4_HEADER_BYTES + at, len);
    store_be16(ip + 2, (uint16_t)(IPV4_HEADER_BYTES + len));
    store_be16(ip + 6, (uint16_t)(at / 8 | (at + len == total ? 0 : 0x2000)));
    store_be16(ip + 10, 0);
    store_be16(ip + 10, csum_finish(csum_add(0, ip, IPV4_HEADER_BYTES)));
    pair_carry(p, from, f, IP_AT + IPV4_HEADER_BYTES + len, DELAY_MS * NS_PER_MS);
}

/* The wire: a fixed share of frames is lost or late, so that every run's start is the same; UDP
 * datagrams come in two fragments, the second one first. */
static void wire(struct pair *p, int from, const uint8_t *bytes, size_t len)
{
    struct world *w = p->arg;
    uint32_t number = w->host[from].frames++;
    bool lost = number % LOSS_EVERY == 8u + 2u * (uint32_t)from;
    bool udp = load_be16(bytes + 12) == 0x0800 && bytes[IP_AT + 9] == IP_PROTO_UDP;
    if (udp) {
        size_t rest = len - IP_AT - IPV4_HEADER_BYTES - FRAGMENT_BYTES;
        carry_fragment(p, from, bytes, FRAGMENT_BYTES, rest);
        carry_fragment(p, from, bytes, 0, FRAGMENT_BYTES);
    } else if (!lost) {
        uint64_t late_ms = number % LATE_EVERY == 5 ? 3 : 0;
        pair_carry(p, from, bytes, len, (DELAY_MS + late_ms) * NS_PER_MS);
    }
}

static void host_start(struct world *w, int id)
{
    struct host *h = &w->host[id];
    struct net_config cfg;
    struct net_limits l;
    net_limits_default(&l, 0);
    l.tcp_connections = 8;
    l.tcp_half_open = 4;
    l.tcp_time_wait = 4;
    l.sockets = 16;
    l.epolls = 2;
    l.epoll_items = 8;
    l.udp_sockets = 2;
    pair_config(&cfg, id, &l);
    cfg.link = NET_LINK_ETHERNET;
    cfg.tx_reserve = 16;
    cfg.tcp_msl_ms = MSL_MS;
    pair_start(&w->pair, id, &cfg, PACKETS);
    h->world = w;
    h->id = id;
    h->net = w->pair.net[id];
    h->epoll = h->udp = -1;
    h->datagrams = DATAGRAMS;
}

/* The sums over a drained pool are not right: what the test holds counts as used. */
static void check(const struct world *w, const struct net *n)
{
    if (!w->drained) {
        tcp_check_invariants(n);
    }
}

/* A call that was refused because something had run out is made again later. */
static bool refused(struct world *w, int result)
{
    bool is = result == -ENOBUFS || result == -EMFILE || result == -ENFILE || result == -ENOSPC;
    w->retries += is;
    return is;
}

/* Opens what is missing of a host's own descriptors. */
static void open_own(struct world *w, struct host *h)
{
    if (h->epoll < 0) {
        h->epoll = epoll_open(h->net, w->pair.now_ns);
        assert_true(h->epoll >= 0 || refused(w, h->epoll));
    }
    if (h->udp < 0) {
        struct sock_addr any = {.port = UDP_PORT};
        h->udp = sock_open(h->net, SOCK_TYPE_UDP, w->pair.now_ns);
        assert_true(h->udp >= 0 || refused(w, h->udp));
        assert_true(h->udp < 0 || sock_bind(h->net, h->udp, &any, w->pair.now_ns) == 0);
    }
    for (int conn = 1 - h->id; conn < CONNS; conn += 2) { /* those the other host opens */
        int *l = &h->listener[conn];
        struct sock_addr any = {.port = (uint16_t)(PORT + conn)};
        if (*l > 0) {
            continue;
        }
        *l = sock_open(h->net, SOCK_TYPE_TCP, w->pair.now_ns);
        assert_true(*l >= 0 || refused(w, *l));
        assert_true(*l < 0 || sock_bind(h->net, *l, &any, w->pair.now_ns) == 0);
        assert_true(*l < 0 || sock_listen(h->net, *l, 2, w->pair.now_ns) == 0);
    }
}

static void open_end(struct world *w, int conn, int id)
{
    struct host *h = &w->host[id];
    struct end *e = &w->end[conn][id];
    if (id == conn % 2) {
        struct sock_addr to = {.addr = 0x0a000001u + (uint32_t)(1 - id),
                               .port = (uint16_t)(PORT + conn)};
        e->fd = sock_open(h->net, SOCK_TYPE_TCP, w->pair.now_ns);
        assert_true(e->fd >= 0 || refused(w, e->fd));
        if (e->fd >= 0) {
            e->connecting = true;
            assert_int_equal(sock_connect(h->net, e->fd, &to, w->pair.now_ns), -EINPROGRESS);
        }
    } else if (h->listener[conn] > 0) {
        e->fd = sock_accept(h->net, h->listener[conn], NULL, w->pair.now_ns);
        assert_true(e->fd >= 0 || e->fd == -EAGAIN || refused(w, e->fd));
    }
}

/*
 * A connection is never lost for want of memory, with one exception: where there is no control
 * block left, one that its application has closed makes room, and the peer is told by a RST.
 */
static void lose(struct world *w, int conn, int id, int error)
{
    struct end *e = &w->end[conn][id];
    uint64_t evicted = w->host[1 - id].net->counters.tcp_orphans_evicted;
    if (evicted == 0 || !w->end[conn][1 - id].closed || (error != -ECONNRESET && error != -EPIPE)) {
        fail_msg("%s: host %d, connection %d: %s after %.3f s; sent %u, got %u", doing, id, conn,
                 strerror(-error), (double)w->pair.now_ns / 1e9 - 1, e->sent, e->got);
    }
    assert_int_equal(sock_close(w->host[id].net, e->fd, w->pair.now_ns), 0);
    e->closed = true;
    w->lost++;
}

static void send_some(struct world *w, int conn, int id)
{
    struct end *e = &w->end[conn][id];
    uint8_t buf[CHUNK_BYTES];
    while (e->sent < STREAM_BYTES) {
        size_t len = min_size(CHUNK_BYTES, STREAM_BYTES - e->sent);
        for (size_t i = 0; i < len; i++) {
            buf[i] = content(conn, id, e->sent + (uint32_t)i);
        }
        ptrdiff_t n = sock_send(w->host[id].net, e->fd, buf, len, 0, NULL, w->pair.now_ns);
        if (n == -EAGAIN) {
            return;
        }
        if (n <= 0) {
            lose(w, conn, id, (int)n);
            return;
        }
        e->sent += (uint32_t)n;
    }
}

static void receive_some(struct world *w, int conn, int id)
{
    struct end *e = &w->end[conn][id];
    uint8_t buf[CHUNK_BYTES];
    while (!e->ended) {
        ptrdiff_t n = sock_recv(w->host[id].net, e->fd, buf, sizeof(buf), 0, NULL, w->pair.now_ns);
        if (n == -EAGAIN) {
            return;
        }
        if (n < 0) {
            lose(w, conn, id, (int)n);
            return;
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            assert_int_equal(buf[i], content(conn, 1 - id, e->got + (uint32_t)i));
        }
        e->got += (uint32_t)n;
        e->ended = n == 0;
    }
    assert_int_equal(e->got, STREAM_BYTES);
}

static void use_end(struct world *w, int conn, int id)
{
    struct end *e = &w->end[conn][id];
    struct net *n = w->host[id].net;
    struct epoll_report want = {.events = NET_READY_IN | NET_READY_OUT, .data = 7};
    if (!e->watched && w->host[id].epoll >= 0) {
        int err = epoll_control(n, w->host[id].epoll, EPOLL_OP_ADD, e->fd, &want);
        assert_true(err == 0 || refused(w, err));
        e->watched = err == 0;
    }
    e->connecting = e->connecting && (sock_ready(n, e->fd) & NET_READY_OUT) == 0;
    if (e->connecting) {
        assert_false(sock_ready(n, e->fd) & NET_READY_ERR);
        return;
    }
    send_some(w, conn, id);
    if (!e->closed) {
        receive_some(w, conn, id);
    }
    if (e->closed) {
        return;
    }
    if (e->sent == STREAM_BYTES && !e->shut && (e->closes_first || e->ended)) {
        assert_int_equal(sock_shutdown(n, e->fd, 1, w->pair.now_ns), 0);
        e->shut = true;
    }
    if (e->shut && e->ended) {
        assert_int_equal(sock_close(n, e->fd, w->pair.now_ns), 0);
        e->closed = true;
    }
}

/* Datagrams may be lost; what comes must be whole. */
static void use_udp(struct world *w, struct host *h)
{
    static uint8_t buf[DATAGRAM_BYTES];
    struct sock_addr to = {.addr = 0x0a000001u + (uint32_t)(1 - h->id), .port = UDP_PORT};
    if (h->udp < 0) {
        return;
    }
    if (h->datagrams > 0) {
        memset(buf, 0x11 * (1 + h->id), sizeof(buf));
        ptrdiff_t n = sock_send(h->net, h->udp, buf, sizeof(buf), 0, &to, w->pair.now_ns);
        assert_true(n == DATAGRAM_BYTES || n == -EAGAIN || refused(w, (int)n));
        h->datagrams -= n == DATAGRAM_BYTES;
    }
    while (sock_recv(h->net, h->udp, buf, sizeof(buf), 0, NULL, w->pair.now_ns) > 0) {
        for (size_t i = 0; i < sizeof(buf); i++) {
            assert_int_equal(buf[i], 0x11 * (2 - h->id));
        }
    }
}

static void applications(struct world *w)
{
    for (int id = 0; id < 2; id++) {
        struct host *h = &w->host[id];
        struct epoll_report got[4];
        if (net_address(h->net) == 0) {
            continue;
        }
        open_own(w, h);
        use_udp(w, h);
        for (int conn = 0; conn < CONNS; conn++) {
            struct end *e = &w->end[conn][id];
            if (e->fd <= 0) {
                open_end(w, conn, id);
            }
            if (e->fd > 0 && !e->closed) {
                use_end(w, conn, id);
            }
        }
        if (h->epoll >= 0) {
            assert_true(epoll_collect(h->net, h->epoll, got, 4) >= 0);
        }
        check(w, h->net);
    }
}

/* One event: what arrives next, a timer, or the applications' next look. */
static void step(struct world *w, bool with_apps)
{
    uint64_t due_ns = pair_deadline(&w->pair);
    uint64_t next_ns =
        min_u64(max_u64(due_ns, w->pair.now_ns + 1), w->pair.now_ns + TICK_MS * NS_PER_MS);
    check(w, w->host[0].net);
    check(w, w->host[1].net);
    if (pair_arrival_ns(&w->pair) <= next_ns) {
        w->pair.now_ns = max_u64(w->pair.now_ns, pair_arrival_ns(&w->pair));
        check(w, w->pair.net[pair_deliver(&w->pair)]);
    } else {
        w->pair.now_ns = next_ns;
    }
    if (with_apps) {
        applications(w);
    }
}

static bool all_closed(const struct world *w)
{
    bool closed = true;
    for (int conn = 0; conn < CONNS; conn++) {
        closed = closed && w->end[conn][0].closed && w->end[conn][1].closed;
    }
    return closed;
}

static uint32_t objects_out(const struct world *w)
{
    uint32_t out = 0;
    for (int id = 0; id < 2; id++) {
        const struct host *h = &w->host[id];
        const struct pool *p;
        out += w->pair.side[id].tx.used + w->pair.side[id].rx.used;
        for (size_t i = 0; (p = net_pool(h->net, i)) != NULL; i++) {
            out += p->used;
        }
    }
    return out;
}

/* Which pool is to fail: number NET_POOLS is the send packets', the next the receive packets'. */
enum {
    REASS_POOL = 0,
    NET_POOLS = 8,
    POOLS = NET_POOLS + 2,
};

struct trouble {
    int host;
    size_t pool;
    uint32_t nth;      /* the allocation that fails; 0: none */
    uint64_t drain_at; /* ns after the start: the pool is emptied */
    uint64_t drain_ns; /* for so long; 0: not at all */
    bool reached;      /* out: it did fail */
    uint32_t lost;     /* out: ends that were reset */
};

static struct pool *pool_of(struct world *w, const struct trouble *t)
{
    return (struct pool *)(uintptr_t)net_pool(w->host[t->host].net, t->pool);
}

static struct pkt_pool *packets_of(struct world *w, const struct trouble *t)
{
    struct pair_side *s = &w->pair.side[t->host];
    return t->pool == NET_POOLS ? &s->tx : &s->rx;
}

static void arm(struct world *w, const struct trouble *t)
{
    if (t->nth > 0 && t->pool < NET_POOLS) {
        pool_of(w, t)->fail_at = t->nth;
    } else if (t->nth > 0) {
        packets_of(w, t)->fail_at = t->nth + packets_of(w, t)->get_count;
    }
}

static uint64_t refused_count(struct world *w, const struct trouble *t)
{
    return t->pool < NET_POOLS ? pool_of(w, t)->refused : packets_of(w, t)->refused;
}

/* Takes everything that is left, or gives it back. */
struct drained {
    void *objects[512];
    size_t count;
};

static void drain(struct world *w, const struct trouble *t, struct drained *d)
{
    void *object;
    d->count = 0;
    while (d->count < ARRAY_SIZE(d->objects) &&
           (object = t->pool < NET_POOLS ? pool_get(pool_of(w, t))
                                         : (void *)pkt_alloc(packets_of(w, t), 0)) != NULL) {
        d->objects[d->count++] = object;
    }
}

static void refill(struct world *w, const struct trouble *t, struct drained *d)
{
    while (d->count > 0) {
        void *object = d->objects[--d->count];
        if (t->pool < NET_POOLS) {
            pool_put(pool_of(w, t), object);
        } else {
            pkt_put(object);
        }
    }
}

static void play(struct world *w, struct trouble *t)
{
    static struct drained d;
    uint64_t start_ns = w->pair.now_ns;
    bool pending = t->drain_ns > 0;
    while (!all_closed(w)) {
        uint64_t since = w->pair.now_ns - start_ns;
        if (pending && since >= t->drain_at) {
            drain(w, t, &d);
            pending = false;
            w->drained = true;
        }
        if (w->drained && since >= t->drain_at + t->drain_ns) {
            refill(w, t, &d);
            w->drained = false;
        }
        step(w, true);
        assert_true(w->pair.now_ns - start_ns < END_S * NS_PER_S);
    }
    refill(w, t, &d);
    w->drained = false;
}

static void finish(struct world *w)
{
    uint64_t start_ns = w->pair.now_ns;
    for (int id = 0; id < 2; id++) {
        struct host *h = &w->host[id];
        int fds[] = {h->epoll, h->udp, h->listener[1 - id], h->listener[3 - id]};
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
            assert_true(fds[i] < 0 || sock_close(h->net, fds[i], w->pair.now_ns) == 0);
        }
    }
    while (objects_out(w) > 0) {
        step(w, false);
        assert_true(w->pair.now_ns - start_ns < QUIET_S * NS_PER_S);
    }
    pair_destroy(&w->pair);
}

/* The whole script under one trouble; the virtual time it took. */
static uint64_t run(struct trouble *t)
{
    static struct world w;
    memset(&w, 0, sizeof(w));
    pair_begin(&w.pair);
    w.pair.wire = wire;
    w.pair.arg = &w;
    for (int id = 0; id < 2; id++) {
        host_start(&w, id);
    }
    for (int conn = 0; conn < CONNS; conn++) {
        w.end[conn][conn < 2 ? conn : 1 - conn % 2].closes_first = true;
    }
    arm(&w, t);
    uint64_t before = refused_count(&w, t);
    snprintf(doing, sizeof(doing),
             "host %d pool %zu, allocation %u, or drained at %.3f s for %.1f s", t->host, t->pool,
             t->nth, (double)t->drain_at / 1e9, (double)t->drain_ns / 1e9);
    play(&w, t);
    before += t->drain_ns > 0; /* the test's own last request */
    t->reached = refused_count(&w, t) > before;
    t->lost = w.lost;
    uint64_t took_ns = w.pair.now_ns - NS_PER_S;
    finish(&w);
    return took_ns;
}

static void test_nth_allocation_fails(void **state)
{
    for (int host = 0; host < 2; host++) {
        for (size_t pool = 0; pool < POOLS; pool++) {
            uint32_t nth = 1;
            for (;; nth++) {
                struct trouble t = {.host = host, .pool = pool, .nth = nth};
                (void)run(&t);
                assert_int_equal(t.lost, 0);
                if (!t.reached) {
                    break;
                }
                assert_true(nth < NTH_MAX);
            }
            /* Every pool that the script is said to use was used, or the loop proved nothing. */
            assert_true(nth > 1);
            printf("host %d pool %zu: %u failures survived\n", host, pool, nth - 1);
        }
    }
}

/* Nothing left at all, for shorter than a timeout and for longer than several, from every moment of
 * the script on. Not as long as ARP asks before it calls a neighbour gone. */
static void test_pool_drained_for_a_while(void **state)
{
    static const uint64_t lengths_ms[] = {150, 1500};
    struct trouble none = {.host = 0, .pool = 0};
    uint64_t whole_ns = run(&none);
    uint32_t runs = 0, hurt = 0, lost = 0;
    assert_false(none.reached);
    for (size_t i = 0; i < 2 * POOLS * ARRAY_SIZE(lengths_ms); i++) {
        struct trouble t = {.host = i % 2, .pool = i / 2 % POOLS};
        if (t.pool == REASS_POOL) {
            continue; /* asserts that a full pool is full of its own, which it can evict */
        }
        t.drain_ns = lengths_ms[i / 2 / POOLS] * NS_PER_MS;
        for (t.drain_at = 1; t.drain_at < whole_ns; t.drain_at += DRAIN_STEP_MS * NS_PER_MS) {
            (void)run(&t);
            runs++;
            hurt += t.reached;
            lost += t.lost;
        }
    }
    printf(
        "%u runs of a script of %.2f s with a drained pool, %u with a refusal; %u orphans' peers "
        "reset\n",
        runs, (double)whole_ns / 1e9, hurt, lost);
    assert_true(hurt > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth_allocation_fails),
        cmocka_unit_test(test_pool_drained_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
