/*
 * Which port a connection or a bind() gets when many are in use, and what finding it costs: looks
 * are counted by the stack itself (tcp_port_looks), so that no clock is needed.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

enum {
    SERVICE = 443,
    CONNECTIONS = 1500,
    TRIES = 16,     /* looks before a port in TIME-WAIT will do */
    LOOKS = 1024,   /* of a search that may not go through all */
    PAUSE_MS = 101, /* till one may again */
    OLD_ENOUGH_MS = 1 + TCP_TIME_WAIT_REUSE_MS,
    OTHER_PEER = FIXTURE_PEER + 1,
};

static int setup(void **state)
{
    struct tcp_test *tt = malloc(sizeof(*tt));
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_connections = CONNECTIONS;
    cfg.limits.tcp_time_wait = TCP_EPHEMERAL_COUNT + 1;
    tcp_test_begin(tt, &cfg);
    *state = tt;
    return 0;
}

static int teardown(void **state)
{
    tcp_test_end(*state);
    free(*state);
    return 0;
}

/* A record as a connection leaves it that we closed just now. With timestamps it may be used again
 * when it is a second old. */
static struct tcp_time_wait *leave_record(struct tcp_test *tt, uint32_t raddr, uint16_t port,
                                          bool timestamps)
{
    struct tcp_time_wait *w = pool_get(time_wait_pool(tt->net));
    assert_non_null(w);
    w->node.kind = TCP_NODE_TIME_WAIT;
    w->node.id = (struct tcp_tuple){FIXTURE_ADDR, raddr, port, SERVICE};
    w->node.timestamps = timestamps;
    w->deadline_ms = (uint32_t)(tt->f.now_ns / NS_PER_MS) + 2 * TCP_MSL_DEFAULT_MS;
    list_init(&w->node.bucket);
    list_init(&w->age);
    add_time_wait(tt->net, w);
    return w;
}

/* On each step-th ephemeral port. */
static void leave_records(struct tcp_test *tt, uint32_t raddr, uint32_t step, bool timestamps)
{
    for (uint32_t i = 0; i < TCP_EPHEMERAL_COUNT; i += step) {
        (void)leave_record(tt, raddr, (uint16_t)(TCP_EPHEMERAL_FIRST + i), timestamps);
    }
}

static struct tcp_time_wait *record_at(struct tcp_test *tt, uint32_t raddr, uint16_t port)
{
    struct tcp_tuple id = {FIXTURE_ADDR, raddr, port, SERVICE};
    struct tcp_node *node = tcp_lookup(tt->net, &id);
    assert_non_null(node);
    return container_of(node, struct tcp_time_wait, node);
}

/* connect() of a new block, which is closed again unless it is kept; what it looked at. */
static int connect_once(struct tcp_test *tt, uint32_t raddr, bool keep, uint64_t *looks)
{
    uint64_t before = tcp_test_count(tt, "tcp_port_looks");
    struct tcp_cb *t = tcp_create(tt->net, NULL, NULL);
    assert_non_null(t);
    int r = tcp_connect(t, raddr, SERVICE);
    *looks = tcp_test_count(tt, "tcp_port_looks") - before;
    if (!keep) {
        tcp_close(t);
    }
    (void)tcp_test_forget(tt);
    return r;
}

/* Every port is in TIME-WAIT: one of them is taken after a few looks, by each of many. */
static void all_in_time_wait(void **state)
{
    struct tcp_test *tt = *state;
    uint64_t looks;
    uint64_t all = 0;
    leave_records(tt, FIXTURE_PEER, 1, true);
    tt->net->now_ns += OLD_ENOUGH_MS * (uint64_t)NS_PER_MS;
    for (int i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(connect_once(tt, FIXTURE_PEER, true, &looks), -EINPROGRESS);
        assert_true(looks <= TRIES);
        all += looks;
    }
    assert_int_equal(tcp_test_count(tt, "tcp_time_wait_reused"), CONNECTIONS);
    assert_true(all <= TRIES * CONNECTIONS);
}

/* A port that is free is better than one in TIME-WAIT, however few there are. */
static void free_one_among_time_waits(void **state)
{
    struct tcp_test *tt = *state;
    uint64_t looks;
    leave_records(tt, FIXTURE_PEER, 1, true);
    tt->net->now_ns += OLD_ENOUGH_MS * (uint64_t)NS_PER_MS;
    for (uint32_t port = 33000; port < 65000; port += 997) {
        tcp_time_wait_free(tt->net, record_at(tt, FIXTURE_PEER, (uint16_t)port));
        assert_int_equal(connect_once(tt, FIXTURE_PEER, true, &looks), -EINPROGRESS);
        assert_true(looks <= TRIES);
        assert_int_equal(tcp_test_count(tt, "tcp_time_wait_reused"), 0);
    }
}

/* Nothing is left: the first to ask has the whole range looked through, and those who come at once
 * again and again cost a part of it. What becomes free is found. */
static void nothing_left(void **state)
{
    struct tcp_test *tt = *state;
    uint64_t looks;
    leave_records(tt, FIXTURE_PEER, 1, false);
    assert_int_equal(connect_once(tt, FIXTURE_PEER, false, &looks), -EADDRNOTAVAIL);
    assert_int_equal(looks, TCP_EPHEMERAL_COUNT);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(connect_once(tt, FIXTURE_PEER, false, &looks), -EADDRNOTAVAIL);
        assert_int_equal(looks, LOOKS);
    }
    assert_int_equal(connect_once(tt, OTHER_PEER, false, &looks), -EINPROGRESS);
    assert_int_equal(looks, 1);
    tt->net->now_ns += PAUSE_MS * (uint64_t)NS_PER_MS;
    assert_int_equal(connect_once(tt, FIXTURE_PEER, false, &looks), -EADDRNOTAVAIL);
    assert_int_equal(looks, TCP_EPHEMERAL_COUNT);
    tcp_time_wait_free(tt->net, record_at(tt, FIXTURE_PEER, 50000));
    assert_int_equal(connect_once(tt, FIXTURE_PEER, false, &looks), -EINPROGRESS);
    assert_true(looks <= TRIES);
}

/* The one port that is free towards the peer has another peer's connection: found by the first
 * search, and, in pieces, by those that may not go through all. */
static void used_by_others_only(void **state)
{
    struct tcp_test *tt = *state;
    uint64_t looks;
    leave_records(tt, FIXTURE_PEER, 1, false);
    tcp_time_wait_free(tt->net, record_at(tt, FIXTURE_PEER, 50000));
    (void)leave_record(tt, OTHER_PEER, 50000, false);
    assert_int_equal(connect_once(tt, FIXTURE_PEER, false, &looks), -EINPROGRESS);
    (void)leave_record(tt, FIXTURE_PEER, 50000, false); /* nothing is left */
    tt->net->now_ns += PAUSE_MS * (uint64_t)NS_PER_MS;
    assert_int_equal(connect_once(tt, FIXTURE_PEER, false, &looks), -EADDRNOTAVAIL);
    tcp_time_wait_free(tt->net, record_at(tt, FIXTURE_PEER, 50000));
    int r = -EADDRNOTAVAIL;
    for (int i = 0; i <= TCP_EPHEMERAL_COUNT / LOOKS && r != -EINPROGRESS; i++) {
        r = connect_once(tt, FIXTURE_PEER, false, &looks);
        assert_true(looks <= LOOKS);
    }
    assert_int_equal(r, -EINPROGRESS);
}

static uint16_t bound_port(const struct tcp_cb *t)
{
    uint32_t addr;
    uint16_t port;
    tcp_local(t, &addr, &port);
    return port;
}

/* Half of the ports are in use: bind(0) chooses from the others, and connect() works. */
static void bind_then_connect(void **state)
{
    struct tcp_test *tt = *state;
    leave_records(tt, FIXTURE_PEER, 2, false);
    for (int i = 0; i < 200; i++) {
        struct tcp_cb *t = tcp_create(tt->net, NULL, NULL);
        assert_int_equal(tcp_bind(t, i % 4 < 2 ? 0 : FIXTURE_ADDR, 0, false), 0);
        assert_int_equal(bound_port(t) % 2, 1);
        assert_int_equal(tcp_connect(t, FIXTURE_PEER, SERVICE), -EINPROGRESS);
        tcp_close(t);
    }
    (void)tcp_test_forget(tt);
}

/* All in use: bind(0) has none to give, but to one that shares (SO_REUSEADDR), and then none that
 * somebody is bound to. */
static void bind_when_all_are_used(void **state)
{
    struct tcp_test *tt = *state;
    struct tcp_cb *listener = tcp_create(tt->net, NULL, NULL);
    assert_int_equal(tcp_bind(listener, 0, 0, false), 0);
    assert_int_equal(tcp_listen(listener, 4), 0);
    leave_records(tt, FIXTURE_PEER, 1, false);
    struct tcp_cb *t = tcp_create(tt->net, NULL, NULL);
    assert_int_equal(tcp_bind(t, 0, 0, false), -EADDRINUSE);
    assert_int_equal(tcp_listen(t, 4), -EADDRINUSE);
    assert_int_equal(tcp_bind(t, 0, 0, true), 0);
    assert_int_not_equal(bound_port(t), bound_port(listener));
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, SERVICE), -EADDRNOTAVAIL);
    assert_int_equal(tcp_connect(t, OTHER_PEER, SERVICE), -EINPROGRESS);
    struct tcp_cb *u = tcp_create(tt->net, NULL, NULL);
    tcp_time_wait_free(tt->net, record_at(tt, FIXTURE_PEER, 60000));
    assert_int_equal(tcp_bind(u, 0, 0, false), 0);
    assert_int_equal(bound_port(u), 60000);
    tcp_close(t);
    tcp_close(u);
    tcp_close(listener);
}

/* bind() to a port that something is in TIME-WAIT on, and to one that nothing is on any more. */
static void bind_knows_the_users(void **state)
{
    struct tcp_test *tt = *state;
    struct tcp_time_wait *w = leave_record(tt, FIXTURE_PEER, 80, false);
    (void)leave_record(tt, OTHER_PEER, 81, false);
    struct tcp_cb *t = tcp_create(tt->net, NULL, NULL);
    assert_int_equal(tcp_bind(t, 0, 80, false), -EADDRINUSE);
    assert_int_equal(tcp_bind(t, FIXTURE_ADDR, 80, false), -EADDRINUSE);
    assert_int_equal(tcp_bind(t, 0, 80, true), 0);
    struct tcp_cb *u = tcp_create(tt->net, NULL, NULL);
    assert_int_equal(tcp_bind(u, 0, 80, false), -EADDRINUSE);
    tcp_close(t);
    assert_int_equal(tcp_bind(u, 0, 80, false), -EADDRINUSE);
    tcp_time_wait_free(tt->net, w);
    assert_int_equal(tcp_bind(u, 0, 80, false), 0);
    tcp_close(u);
}

/* bind(0)'s ports are not to be guessed (RFC 6056 3.3): from all over the range, in no order. */
static void bound_ports_are_spread(void **state)
{
    struct tcp_test *tt = *state;
    uint32_t eighths[8] = {0};
    uint32_t near = 0;
    uint16_t last = 0;
    for (int i = 0; i < 512; i++) {
        struct tcp_cb *t = tcp_create(tt->net, NULL, NULL);
        assert_int_equal(tcp_bind(t, 0, 0, false), 0);
        uint16_t port = bound_port(t);
        assert_true(port >= TCP_EPHEMERAL_FIRST);
        eighths[(port - TCP_EPHEMERAL_FIRST) / (TCP_EPHEMERAL_COUNT / 8)]++;
        near += (uint16_t)(port - last + 64) < 128;
        last = port;
    }
    for (int i = 0; i < 8; i++) {
        assert_in_range(eighths[i], 32, 96); /* 64 of 512 each, give or take four deviations */
    }
    assert_true(near < 16); /* 2 are to be expected */
}

static void check_users(struct tcp_test *tt)
{
    static uint32_t users[TCP_PORTS];
    const struct tcp_ports *ports = ports_of(tt->net);
    memset(users, 0, sizeof(users));
    count_port_users(tt->net, users);
    assert_memory_equal(users, ports->users, sizeof(users));
    for (uint32_t i = 0; i < TCP_EPHEMERAL_COUNT; i++) {
        bool busy = (ports->busy[i / 64] >> (i % 64) & 1) != 0;
        assert_int_equal(busy, users[TCP_EPHEMERAL_FIRST + i] > 0);
    }
}

/* The users of a port are counted rightly through everything that can happen to a connection. */
static void users_are_counted(void **state)
{
    void (*const makes[])(struct tcp_test *) = {
        make_listen,      make_half_open, make_syn_sent,   make_syn_received,
        make_established, make_closing,   make_time_wait,  make_established_active,
        make_close_wait,  make_last_ack,  make_fin_wait_2,
    };
    for (size_t i = 0; i < ARRAY_SIZE(makes); i++) {
        struct tcp_test tt;
        makes[i](&tt);
        check_users(&tt);
        inject(&tt, .flags = TCP_RST, .seq = 1, .ack = 1);
        check_users(&tt);
        tcp_test_advance_ms(&tt, 300 * 1000);
        check_users(&tt);
        tcp_test_end(&tt);
    }
}

/* The same for blocks that are bound, share, connect, listen and close, at random. */
static void users_are_counted_at_random(void **state)
{
    struct tcp_test *tt = *state;
    struct tcp_cb *cbs[32] = {0};
    uint32_t seed = 20240607;
    print_message("seed %u\n", seed);
    for (int step = 0; step < 3000; step++) {
        seed = seed * 1664525 + 1013904223;
        struct tcp_cb **at = &cbs[seed >> 27];
        uint32_t what = (seed >> 20) % 8;
        if (*at == NULL) {
            *at = tcp_create(tt->net, NULL, NULL);
        } else if (what < 2) {
            (void)tcp_bind(*at, 0, what == 0 ? 0 : (uint16_t)(50000 + (seed >> 8) % 16), seed & 1);
        } else if (what < 4) {
            (void)tcp_connect(*at, FIXTURE_PEER + (seed >> 8) % 4, SERVICE);
        } else if (what == 4) {
            (void)tcp_listen(*at, 4);
        } else {
            tcp_close(*at);
            *at = NULL;
        }
        (void)tcp_test_forget(tt);
        if (step % 50 == 0) {
            check_users(tt);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(cbs); i++) {
        if (cbs[i] != NULL) {
            tcp_close(cbs[i]);
        }
    }
    check_users(tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_in_time_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(free_one_among_time_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_left, setup, teardown),
        cmocka_unit_test_setup_teardown(used_by_others_only, setup, teardown),
        cmocka_unit_test_setup_teardown(bind_then_connect, setup, teardown),
        cmocka_unit_test_setup_teardown(bind_when_all_are_used, setup, teardown),
        cmocka_unit_test_setup_teardown(bind_knows_the_users, setup, teardown),
        cmocka_unit_test_setup_teardown(bound_ports_are_spread, setup, teardown),
        cmocka_unit_test_setup_teardown(users_are_counted_at_random, setup, teardown),
        cmocka_unit_test(users_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
