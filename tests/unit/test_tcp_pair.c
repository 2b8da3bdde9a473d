/*
 * Two TCPs joined by a seeded link that loses, delays, reorders and doubles packets, in virtual
 * time: both send a stream of known content and close, in either order. The content must be whole,
 * both must end, and every packet and record must be home. RINGSIDE_SEED replays one seed.
 */
// LINK: @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "net/tcp/int.h"

#include <errno.h>

enum {
    MEMORY_BYTES = 4 * 1024 * 1024,
    POOL_COUNT = 600,
    FLIGHT_MAX = 4096,
    SEEDS = 200,
    MTU_STEPS = 3,
    NARROW_EVERY_MS = 100,
};

struct flight {
    uint64_t at_ns;
    uint64_t order;
    size_t len;
    int to;
    uint8_t bytes[1500];
};

struct side {
    struct net *net;
    struct pkt_pool pool;
    struct tcp_cb *listener;
    struct tcp_cb *t;
    void *memory;
    struct world *world;
    int id;
    uint32_t send_total, sent, got;
    bool saw_end, shut, closed;
    bool close_first; /* closes its sending side as soon as all is queued, else waits for the peer's
                         end */
    size_t chunk;
    uint64_t next_call_ns; /* when the application next does something */
};

struct world {
    struct side side[2];
    uint64_t now_ns, rng, order;
    struct flight *flights;
    uint32_t flight_count;
    uint32_t loss, dup, reorder; /* per mille */
    uint64_t delay_ns;
    uint64_t seed;
    uint64_t bare_from_ns[2]; /* from then on a side's segments lack their timestamps */
    const uint16_t *mtus;     /* of the path, a step each NARROW_EVERY_MS; the last stays */
    uint64_t narrow_from_ns;  /* the first step was made then */
};

static uint64_t draw(struct world *w)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return w->rng;
}

static bool chance(struct world *w, uint32_t per_mille)
{
    return draw(w) % 1000 < per_mille;
}

static uint8_t content(int from, uint32_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 17 + (at >> 16) + (uint32_t)from * 101);
}

/* Makes the timestamps of a segment NOPs, and its checksum good again. */
static void strip(uint8_t *ip, size_t len)
{
    uint8_t *h = ip + 20;
    size_t end = 20 + (size_t)(h[12] >> 4) * 4;
    for (size_t i = 40; i + 1 < end && ip[i] != 0; i += ip[i] == 1 ? 1 : ip[i + 1]) {
        if (ip[i] == 8) {
            memset(ip + i, 1, 10);
        }
    }
    store_be16(h + 16, 0);
    uint16_t total = (uint16_t)(len - 20);
    uint32_t sum = csum_pseudo(load_be32(ip + 12), load_be32(ip + 16), IP_PROTO_TCP, total);
    store_be16(h + 16, csum_finish(csum_add(sum, h, total)));
}

static struct flight *new_flight(struct world *w, int to, size_t len)
{
    if (w->flight_count == FLIGHT_MAX) {
        return NULL;
    }
    struct flight *f = &w->flights[w->flight_count++];
    f->at_ns = w->now_ns + w->delay_ns + draw(w) % 1000;
    f->order = w->order++;
    f->to = to;
    f->len = len;
    assert_true(f->len <= sizeof(f->bytes));
    return f;
}

static uint16_t path_mtu(const struct world *w)
{
    if (w->mtus == NULL || w->now_ns < w->narrow_from_ns) {
        return 1500;
    }
    uint64_t step = (w->now_ns - w->narrow_from_ns) / tcp_ms(NARROW_EVERY_MS);
    return w->mtus[min_u64(step, MTU_STEPS - 1)];
}

/* A router at the far end of the wire says that a packet was too large (RFC 1191 4). */
static void too_large(struct world *w, int from, const struct pkt *p)
{
    struct flight *f = new_flight(w, from, 56);
    uint8_t *ip = f->bytes;
    memset(ip, 0, 56);
    ip[0] = 0x45;
    ip[3] = 56;
    ip[8] = 64;
    ip[9] = IP_PROTO_ICMP;
    store_be32(ip + 12, 0x0a0000fe);
    memcpy(ip + 16, p->data + 12, 4);
    store_be16(ip + 10, csum_finish(csum_add(0, ip, 20)));
    store_be16(ip + 20, 0x0304);
    store_be16(ip + 26, path_mtu(w));
    memcpy(ip + 28, p->data, 28);
    store_be16(ip + 22, csum_finish(csum_add(0, ip + 20, 36)));
}

static void launch(struct world *w, int to, const struct pkt *p)
{
    if (pkt_len(p) > path_mtu(w)) {
        too_large(w, 1 - to, p);
        return;
    }
    struct flight *f = new_flight(w, to, pkt_len(p));
    if (f == NULL) {
        return;
    }
    if (chance(w, w->reorder)) {
        f->at_ns += draw(w) % (4 * w->delay_ns + 1);
    }
    memcpy(f->bytes, p->data, f->len);
    if (w->bare_from_ns[1 - to] <= w->now_ns && !(f->bytes[33] & TCP_SYN)) {
        strip(f->bytes, f->len);
    }
}

static void output(void *arg, struct pkt *p)
{
    struct side *s = arg;
    struct world *w = s->world;
    if (!chance(w, w->loss)) {
        launch(w, 1 - s->id, p);
        if (chance(w, w->dup)) {
            launch(w, 1 - s->id, p);
        }
    }
    pkt_put(p);
}

static void ready(void *owner, uint32_t bits)
{
    struct side *s = owner;
    s->next_call_ns = s->world->now_ns;
}

static void side_begin(struct world *w, int id)
{
    struct side *s = &w->side[id];
    struct arena a;
    struct net_config cfg = {
        .link = NET_LINK_IP,
        .mtu = 1500,
        .ip = {.address = 0x0a000001u + (uint32_t)id, .prefix_bits = 24},
        .tx_reserve = 16,
        .output = output,
        .arg = s,
        .tcp_isn_fixed = draw(w) % 2 == 0,
    };
    cfg.tcp_isn = (uint32_t)(0 - draw(w) % 200000);
    for (size_t i = 0; i < sizeof(cfg.seed); i++) {
        cfg.seed[i] = (uint8_t)draw(w);
    }
    net_limits_default(&cfg.limits, 0);
    s->id = id;
    s->world = w;
    s->memory = aligned_alloc(4096, MEMORY_BYTES);
    assert_non_null(s->memory);
    arena_init(&a, s->memory, MEMORY_BYTES);
    assert_int_equal(pkt_pool_init(&s->pool, &a, "p", POOL_COUNT, NULL), STATUS_OK);
    cfg.tx_pool = &s->pool;
    cfg.limits.tcp_rcvbuf_bytes = 4096u << (draw(w) % 7);
    cfg.limits.tcp_sndbuf_bytes = 4096u << (draw(w) % 7);
    assert_int_equal(net_create(&s->net, &a, &cfg, w->now_ns), STATUS_OK);
    net_set_link(s->net, true, w->now_ns);
    s->send_total = (uint32_t)(draw(w) % 3 == 0 ? draw(w) % 100 : draw(w) % 300000);
    s->close_first = chance(w, 600);
    s->chunk = (size_t)(1 + draw(w) % (chance(w, 300) ? 20 : 20000));
}

static void app_send(struct side *s)
{
    uint8_t buf[20001];
    while (s->sent < s->send_total) {
        size_t len = min_size(s->chunk, s->send_total - s->sent);
        for (size_t i = 0; i < len; i++) {
            buf[i] = content(s->id, s->sent + (uint32_t)i);
        }
        ptrdiff_t n = tcp_send(s->t, buf, len, 0);
        if (n <= 0) {
            assert_int_equal(n, -EAGAIN);
            return;
        }
        s->sent += (uint32_t)n;
    }
    if (!s->shut && (s->close_first || s->saw_end)) {
        s->shut = true;
        assert_int_equal(tcp_shutdown(s->t, TCP_SHUT_WR), 0);
    }
}

static void app_receive(struct side *s)
{
    uint8_t buf[20001];
    while (!s->saw_end) {
        ptrdiff_t n = tcp_recv(s->t, buf, s->chunk, 0);
        if (n < 0) {
            assert_int_equal(n, -EAGAIN);
            return;
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            assert_int_equal(buf[i], content(1 - s->id, s->got + (uint32_t)i));
        }
        s->got += (uint32_t)n;
        s->saw_end = n == 0;
        if (n > 0 && chance(s->world, 20)) {
            s->next_call_ns = s->world->now_ns + draw(s->world) % (300 * NS_PER_MS);
            return; /* a slow reader */
        }
    }
}

static void app(struct side *s)
{
    s->next_call_ns = DEADLINE_NONE;
    (void)net_poll(s->net, s->world->now_ns);
    if (s->t == NULL && s->listener != NULL && !s->closed) {
        s->t = tcp_accept(s->listener, ready, s);
    }
    if (s->t == NULL) {
        return;
    }
    uint32_t bits = tcp_ready(s->t);
    if (s->t->state == TCP_SYN_SENT || (bits & NET_READY_ERR)) {
        assert_int_equal(s->t->error, 0);
        return;
    }
    app_receive(s);
    app_send(s);
    app_receive(s);
    if (s->saw_end && s->shut && tcp_drained(s->t)) {
        tcp_close(s->t);
        s->t = NULL;
        s->closed = true;
    }
}

static void deliver(struct world *w, uint32_t idx)
{
    struct flight f = w->flights[idx];
    struct side *s = &w->side[f.to];
    w->flights[idx] = w->flights[--w->flight_count];
    struct pkt *p = pkt_alloc(&s->pool, 0);
    if (p == NULL) {
        return;
    }
    memcpy(pkt_append(p, f.len), f.bytes, f.len);
    net_input_ip(s->net, p, w->now_ns);
}

/* The next thing that happens: a packet, a timer or an application. */
static void step(struct world *w)
{
    uint64_t next = DEADLINE_NONE;
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < w->flight_count; i++) {
        if (first == UINT32_MAX || w->flights[i].at_ns < w->flights[first].at_ns ||
            (w->flights[i].at_ns == w->flights[first].at_ns &&
             w->flights[i].order < w->flights[first].order)) {
            first = i;
        }
    }
    if (first != UINT32_MAX) {
        next = w->flights[first].at_ns;
    }
    uint64_t packet_at = next;
    for (int i = 0; i < 2; i++) {
        next = min_u64(next, net_poll(w->side[i].net, w->now_ns));
        next = min_u64(next, w->side[i].next_call_ns);
    }
    assert_true(next != DEADLINE_NONE);
    w->now_ns = max_u64(w->now_ns, next);
    if (first != UINT32_MAX && packet_at <= w->now_ns) {
        deliver(w, first);
    }
    for (int i = 0; i < 2; i++) {
        (void)net_poll(w->side[i].net, w->now_ns);
        if (w->side[i].next_call_ns <= w->now_ns) {
            app(&w->side[i]);
        }
    }
}

static void world_begin(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->bare_from_ns[0] = w->bare_from_ns[1] = DEADLINE_NONE;
    w->rng = seed * 0x9e3779b97f4a7c15u + 1;
    w->now_ns = NS_PER_S;
    w->flights = calloc(FLIGHT_MAX, sizeof(w->flights[0]));
    assert_non_null(w->flights);
    for (int i = 0; i < 8; i++) {
        (void)draw(w);
    }
    w->delay_ns = draw(w) % (100 * NS_PER_MS) + 1;
    w->loss = (uint32_t)(draw(w) % 3 == 0 ? 0 : draw(w) % 150);
    w->dup = (uint32_t)(draw(w) % 100);
    w->reorder = (uint32_t)(draw(w) % 300);
    side_begin(w, 0);
    side_begin(w, 1);
    struct side *server = &w->side[0];
    struct side *client = &w->side[1];
    server->listener = tcp_create(server->net, ready, server);
    assert_int_equal(tcp_bind(server->listener, 0, 80, false), 0);
    assert_int_equal(tcp_listen(server->listener, 4), 0);
    client->t = tcp_create(client->net, ready, client);
    assert_int_equal(tcp_connect(client->t, 0x0a000001u, 80), -EINPROGRESS);
    server->next_call_ns = DEADLINE_NONE;
    client->next_call_ns = DEADLINE_NONE;
}

static void world_end(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        struct side *s = &w->side[i];
        if (s->listener != NULL) {
            tcp_close(s->listener);
        }
        assert_int_equal(s->net->tcp.cbs.used, 0);
        assert_int_equal(s->net->tcp.halves.used, 0);
        assert_int_equal(s->net->tcp.time_waits.used, 0);
        assert_int_equal(s->net->tcp.orphan_count, 0);
        assert_int_equal(s->pool.used, 0);
        net_destroy(s->net);
        free(s->memory);
    }
    free(w->flights);
}

/* Runs until both applications have closed and the last record has gone. */
static void world_run(struct world *w)
{
    struct side *a = &w->side[0];
    struct side *b = &w->side[1];
    uint64_t limit_ns = w->now_ns + 3600 * NS_PER_S;
    while (!(a->closed && b->closed) && w->now_ns < limit_ns) {
        step(w);
    }
    if (!a->closed || !b->closed || a->got != b->send_total || b->got != a->send_total) {
        print_error("seed %llu: %u of %u and %u of %u bytes, loss %u\n",
                    (unsigned long long)w->seed, a->got, b->send_total, b->got, a->send_total,
                    w->loss);
        fail();
    }
    while (a->net->tcp.time_waits.used + b->net->tcp.time_waits.used + a->net->tcp.cbs.used - 1 +
               b->net->tcp.cbs.used >
           0) {
        assert_true(w->now_ns < limit_ns + 1000 * NS_PER_S);
        step(w);
    }
}

static void run_seed(uint64_t seed)
{
    static struct world w;
    world_begin(&w, seed);
    if (!w.side[0].close_first && !w.side[1].close_first) {
        w.side[0].close_first = true; /* somebody must */
    }
    world_run(&w);
    world_end(&w);
}

/* Hosts that agree on timestamps and leave them out later, from the first segment on or in the
 * middle: the transfers end as well as any, both ways. */
static void streams_survive_the_end_of_timestamps(void **state)
{
    static struct world w;
    uint64_t taken = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_begin(&w, seed);
        w.side[0].close_first = true;
        for (int i = 0; i < 2; i++) {
            if (seed % 3 != (uint64_t)i) { /* one of them, or both */
                w.bare_from_ns[i] = w.now_ns + seed * 37 % 500 * NS_PER_MS;
            }
        }
        world_run(&w);
        for (int i = 0; i < 2; i++) {
            if (seed % 3 == (uint64_t)i) {
                taken += w.side[i].net->counters.tcp_rx_no_timestamp;
            }
        }
        world_end(&w);
    }
    assert_true(taken > 1000);
}

/* 2 MB over 20 ms with buffers of 64 KiB; the path has these MTUs. Returns how long it took. */
static uint64_t narrowed_ms(const uint16_t *mtus, uint64_t from_ms, uint32_t *claims)
{
    static struct world w;
    world_begin(&w, 5);
    w.loss = w.dup = w.reorder = 0;
    w.delay_ns = tcp_ms(10);
    w.mtus = mtus;
    w.narrow_from_ns = w.now_ns + tcp_ms(from_ms);
    uint64_t begin_ns = w.now_ns;
    for (int i = 0; i < 2; i++) {
        w.side[i].send_total = i == 0 ? 2 * 1000 * 1000 : 0;
        w.side[i].chunk = 20000;
        w.side[i].close_first = true;
        w.side[i].net->cfg.tcp_off |= NET_TCP_OFF_TUNING;
    }
    assert_int_equal(tcp_set_opt(w.side[1].t, TCP_OPT_RCVBUF, 256 * 1024), 0);
    assert_int_equal(tcp_set_opt(w.side[0].listener, TCP_OPT_SNDBUF, 64 * 1024), 0);
    while (!w.side[0].closed || !w.side[1].closed) {
        step(&w);
    }
    uint64_t took_ms = (w.now_ns - begin_ns) / NS_PER_MS;
    *claims = (uint32_t)w.side[0].net->counters.tcp_icmp_frag_needed;
    assert_int_equal(w.side[0].net->counters.tcp_timeouts, 0);
    world_run(&w);
    world_end(&w);
    return took_ms;
}

/* A path that narrows three times costs a round trip or two each time beside one that was as narrow
 * from the beginning: nothing waits for a timeout, and the window stays. */
static void a_narrowing_path_costs_round_trips(void **state)
{
    static const uint16_t narrow[MTU_STEPS] = {576, 576, 576};
    static const uint16_t steps[MTU_STEPS] = {1400, 1006, 576};
    uint32_t claims = 0;
    uint64_t control_ms = narrowed_ms(narrow, 0, &claims);
    assert_int_equal(claims, 1);
    uint64_t took_ms = narrowed_ms(steps, 200, &claims);
    assert_int_equal(claims, 3);
    print_message("narrow from the beginning %llu ms, narrowing %llu ms\n",
                  (unsigned long long)control_ms, (unsigned long long)took_ms);
    assert_true(took_ms <= control_ms + MTU_STEPS * 2 * 20);
}

/* A small exchange over a good link in which one allocation fails: the nth of a pool. Returns
 * whether it was reached. */
enum which_pool {
    POOL_PACKETS_SERVER,
    POOL_PACKETS_CLIENT,
    POOL_CB_SERVER,
    POOL_HALF_SERVER,
    POOL_TIME_WAIT_SERVER,
    POOL_TIME_WAIT_CLIENT,
    POOL_KINDS,
};

static bool run_failing(enum which_pool which, uint64_t nth)
{
    static struct world w;
    world_begin(&w, 77);
    w.loss = w.dup = w.reorder = 0;
    w.delay_ns = NS_PER_MS;
    for (int i = 0; i < 2; i++) {
        w.side[i].send_total = 20000;
        w.side[i].chunk = 3000;
        w.side[i].close_first = true;
    }
    struct side *server = &w.side[0];
    struct side *client = &w.side[1];
    struct pool *pools[POOL_KINDS] = {
        NULL,
        NULL,
        &server->net->tcp.cbs,
        &server->net->tcp.halves,
        &server->net->tcp.time_waits,
        &client->net->tcp.time_waits,
    };
    struct pkt_pool *packets = which == POOL_PACKETS_SERVER ? &server->pool : &client->pool;
    if (pools[which] != NULL) {
        pools[which]->fail_at = pools[which]->get_count + nth;
    } else {
        packets->fail_at = packets->get_count + nth;
    }
    world_run(&w);
    bool reached = pools[which] != NULL ? pools[which]->get_count >= pools[which]->fail_at
                                        : packets->get_count >= packets->fail_at;
    world_end(&w);
    return reached;
}

static void every_allocation_may_fail(void **state)
{
    for (enum which_pool which = 0; which < POOL_KINDS; which++) {
        uint64_t nth = 1;
        while (run_failing(which, nth)) {
            nth++;
        }
        print_message("pool %u: %llu allocations, each failed once\n", which,
                      (unsigned long long)nth - 1);
        assert_true(nth > 1 || which == POOL_TIME_WAIT_CLIENT || which == POOL_TIME_WAIT_SERVER);
    }
}

static void streams_survive_a_bad_link(void **state)
{
    const char *one = getenv("RINGSIDE_SEED");
    const char *many = getenv("RINGSIDE_SEEDS");
    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    uint64_t count = many != NULL ? strtoull(many, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= count; seed++) {
        if (many != NULL) {
            fprintf(stderr, "\rseed %llu ", (unsigned long long)seed);
        }
        run_seed(seed);
    }
    print_message("seeds 1 to %llu\n", (unsigned long long)count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_survive_a_bad_link),
        cmocka_unit_test(streams_survive_the_end_of_timestamps),
        cmocka_unit_test(a_narrowing_path_costs_round_trips),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
