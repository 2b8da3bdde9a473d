/*
 * Two TCPs joined by a seeded link that loses, delays, reorders and doubles packets, in virtual
 * time: both send a stream of known content and close, in either order. The content must be whole,
 * both must end, and every packet and record must be home. RINGSIDE_SEED replays one seed.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/pair.c tests/sim/link.c tests/sim/carve.c
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
#include "net/net.h"
#include "net/wire/csum.h"
#include "tests/sim/pair.h"
#include "tests/unit/tcp_see.h"

#include <errno.h>

enum {
    POOL_PACKETS = 300, /* for sending, and as many to receive in */
    CHUNK_MAX_BYTES = 20000,
    ICMP_BYTES = 56,
    SEEDS = 200,
    MTU_STEPS = 3,
    NARROW_EVERY_MS = 100,
};

struct world;

struct side {
    struct net *net; /* the pair's */
    struct tcp_cb *listener;
    struct tcp_cb *t;
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
    struct pair pair;
    struct side side[2];
    struct draw draw;
    struct link_params link;
    uint64_t seed;
    uint64_t bare_from_ns[2]; /* from then on a side's segments lack their timestamps */
    const uint16_t *mtus;     /* of the path, a step each NARROW_EVERY_MS; the last stays */
    uint64_t narrow_from_ns;  /* the first step was made then */
};

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

static uint16_t path_mtu(const struct world *w)
{
    if (w->mtus == NULL || w->pair.now_ns < w->narrow_from_ns) {
        return 1500;
    }
    uint64_t step = (w->pair.now_ns - w->narrow_from_ns) / tcp_ms(NARROW_EVERY_MS);
    return w->mtus[min_u64(step, MTU_STEPS - 1)];
}

/* A router at the near end of the wire says that a packet was too large (RFC 1191 4). */
static void too_large(struct pair *p, int from, const uint8_t *bytes)
{
    const struct world *w = p->arg;
    uint8_t ip[ICMP_BYTES] = {0x45, 0, 0, ICMP_BYTES, 0, 0, 0, 0, 64, IP_PROTO_ICMP};
    store_be32(ip + 12, 0x0a0000fe);
    memcpy(ip + 16, bytes + 12, 4);
    store_be16(ip + 10, csum_finish(csum_add(0, ip, 20)));
    store_be16(ip + 20, 0x0304);
    store_be16(ip + 26, path_mtu(w));
    memcpy(ip + 28, bytes, 28);
    store_be16(ip + 22, csum_finish(csum_add(0, ip + 20, 36)));
    pair_carry(p, 1 - from, ip, ICMP_BYTES, w->link.delay_ns);
}

static void wire(struct pair *p, int from, const uint8_t *bytes, size_t len)
{
    const struct world *w = p->arg;
    uint8_t segment[1500];
    if (len > path_mtu(w)) {
        too_large(p, from, bytes);
        return;
    }
    memcpy(segment, bytes, len);
    if (w->bare_from_ns[from] <= p->now_ns && !(segment[33] & TCP_SYN)) {
        strip(segment, len);
    }
    pair_send(p, from, segment, len);
}

static void ready(void *owner, uint32_t bits)
{
    struct side *s = owner;
    s->next_call_ns = s->world->pair.now_ns;
}

static void side_begin(struct world *w, int id)
{
    struct side *s = &w->side[id];
    struct draw *d = &w->draw;
    struct net_config cfg;
    struct net_limits l;
    net_limits_default(&l, 0);
    l.tcp_rcvbuf_bytes = 4096u << draw_below(d, 7);
    l.tcp_sndbuf_bytes = 4096u << draw_below(d, 7);
    pair_config(&cfg, id, &l);
    cfg.tx_reserve = 16;
    cfg.tcp_isn_fixed = draw_below(d, 2) == 0;
    cfg.tcp_isn = (uint32_t)(0 - draw_below(d, 200000));
    stream_fill(draw_u64(d), 0, cfg.seed, sizeof(cfg.seed));
    pair_start(&w->pair, id, &cfg, POOL_PACKETS);
    s->id = id;
    s->world = w;
    s->net = w->pair.net[id];
    s->send_total = (uint32_t)draw_below(d, draw_below(d, 3) == 0 ? 100 : 300000);
    s->close_first = draw_chance(d, 600000);
    s->chunk = (size_t)(1 + draw_below(d, draw_chance(d, 300000) ? 20 : CHUNK_MAX_BYTES));
}

/* Of the bytes that a side sends. */
static uint64_t key_of(const struct world *w, int id)
{
    return mix_u64(w->seed) + (uint64_t)id;
}

static void app_send(struct side *s)
{
    uint8_t buf[CHUNK_MAX_BYTES];
    while (s->sent < s->send_total) {
        size_t len = min_size(s->chunk, s->send_total - s->sent);
        stream_fill(key_of(s->world, s->id), s->sent, buf, len);
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
    struct world *w = s->world;
    uint8_t buf[CHUNK_MAX_BYTES];
    while (!s->saw_end) {
        ptrdiff_t n = tcp_recv(s->t, buf, s->chunk, 0);
        if (n < 0) {
            assert_int_equal(n, -EAGAIN);
            return;
        }
        size_t same = stream_compare(key_of(w, 1 - s->id), s->got, buf, (size_t)n);
        assert_int_equal(same, n);
        s->got += (uint32_t)n;
        s->saw_end = n == 0;
        if (n > 0 && draw_chance(&w->draw, 20000)) {
            s->next_call_ns = w->pair.now_ns + draw_below(&w->draw, 300 * NS_PER_MS);
            return; /* a slow reader */
        }
    }
}

static void app(struct side *s)
{
    s->next_call_ns = DEADLINE_NONE;
    (void)net_poll(s->net, s->world->pair.now_ns);
    if (s->t == NULL && s->listener != NULL && !s->closed) {
        s->t = tcp_accept(s->listener, ready, s);
    }
    if (s->t == NULL) {
        return;
    }
    uint32_t bits = tcp_ready(s->t);
    if (state_of(s->t) == TCP_SYN_SENT || (bits & NET_READY_ERR)) {
        assert_int_equal(pending_error(s->t), 0);
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

/* The next thing that happens: a packet, a timer or an application. */
static void step(struct world *w)
{
    uint64_t next = pair_deadline(&w->pair);
    for (int i = 0; i < 2; i++) {
        next = min_u64(next, w->side[i].next_call_ns);
    }
    assert_true(next != DEADLINE_NONE);
    w->pair.now_ns = max_u64(w->pair.now_ns, next);
    (void)pair_deliver(&w->pair);
    (void)pair_deadline(&w->pair);
    for (int i = 0; i < 2; i++) {
        if (w->side[i].next_call_ns <= w->pair.now_ns) {
            app(&w->side[i]);
        }
    }
}

/* Any link of the seed's, or a good one of that delay. */
static void draw_link(struct world *w, uint64_t good_ms)
{
    struct draw *d = &w->draw;
    struct link_params *l = &w->link;
    l->delay_ns = 1 + draw_below(d, 100 * NS_PER_MS);
    l->loss_ppm = draw_below(d, 3) == 0 ? 0 : (uint32_t)draw_below(d, 150000);
    l->duplicate_ppm = (uint32_t)draw_below(d, 100000);
    l->reorder_ppm = (uint32_t)draw_below(d, 300000);
    l->reorder_ns = 4 * l->delay_ns;
    if (good_ms > 0) {
        *l = (struct link_params){.delay_ns = good_ms * NS_PER_MS};
    }
    l->jitter_ns = 1000;
    pair_link(&w->pair, l, w->seed);
}

static void world_begin(struct world *w, uint64_t seed, uint64_t good_ms)
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->bare_from_ns[0] = w->bare_from_ns[1] = DEADLINE_NONE;
    w->draw.state = mix_u64(seed);
    pair_begin(&w->pair);
    w->pair.wire = wire;
    w->pair.arg = w;
    draw_link(w, good_ms);
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
        assert_int_equal(connections_of(s->net), 0);
        assert_int_equal(half_opens_of(s->net), 0);
        assert_int_equal(time_waits_of(s->net), 0);
        assert_int_equal(orphans_of(s->net), 0);
        assert_int_equal(w->pair.side[i].tx.used + w->pair.side[i].rx.used, 0);
    }
    pair_destroy(&w->pair);
}

/* Runs until both applications have closed and the last record has gone. */
static void world_run(struct world *w)
{
    struct side *a = &w->side[0];
    struct side *b = &w->side[1];
    uint64_t limit_ns = w->pair.now_ns + 3600 * NS_PER_S;
    while (!(a->closed && b->closed) && w->pair.now_ns < limit_ns) {
        step(w);
    }
    if (!a->closed || !b->closed || a->got != b->send_total || b->got != a->send_total) {
        print_error("seed %llu: %u of %u and %u of %u bytes, %u ppm lost\n",
                    (unsigned long long)w->seed, a->got, b->send_total, b->got, a->send_total,
                    w->link.loss_ppm);
        fail();
    }
    while (time_waits_of(a->net) + time_waits_of(b->net) + connections_of(a->net) - 1 +
               connections_of(b->net) >
           0) {
        assert_true(w->pair.now_ns < limit_ns + 1000 * NS_PER_S);
        step(w);
    }
}

static void run_seed(uint64_t seed)
{
    static struct world w;
    world_begin(&w, seed, 0);
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
        world_begin(&w, seed, 0);
        w.side[0].close_first = true;
        for (int i = 0; i < 2; i++) {
            if (seed % 3 != (uint64_t)i) { /* one of them, or both */
                w.bare_from_ns[i] = w.pair.now_ns + seed * 37 % 500 * NS_PER_MS;
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
    world_begin(&w, 5, 10);
    w.mtus = mtus;
    w.narrow_from_ns = w.pair.now_ns + tcp_ms(from_ms);
    uint64_t begin_ns = w.pair.now_ns;
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
    uint64_t took_ms = (w.pair.now_ns - begin_ns) / NS_PER_MS;
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
    POOL_TX_SERVER,
    POOL_RX_SERVER,
    POOL_TX_CLIENT,
    POOL_RX_CLIENT,
    POOL_CB_SERVER,
    POOL_HALF_SERVER,
    POOL_TIME_WAIT_SERVER,
    POOL_TIME_WAIT_CLIENT,
    POOL_KINDS,
};

static bool run_failing(enum which_pool which, uint64_t nth)
{
    static struct world w;
    world_begin(&w, 77, 1);
    for (int i = 0; i < 2; i++) {
        w.side[i].send_total = 30000;
        w.side[i].chunk = 3000;
        w.side[i].close_first = true;
    }
    struct side *server = &w.side[0];
    struct side *client = &w.side[1];
    struct pool *pools[POOL_KINDS] = {
        NULL,
        NULL,
        connection_pool(server->net),
        half_open_pool(server->net),
        time_wait_pool(server->net),
        time_wait_pool(client->net),
    };
    struct pair_side *s = &w.pair.side[which < POOL_TX_CLIENT ? 0 : 1];
    struct pkt_pool *packets = which % 2 == POOL_TX_SERVER ? &s->tx : &s->rx;
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
