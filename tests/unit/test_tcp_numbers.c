/*
 * Numbers nobody may guess: initial sequence numbers (RFC 6528), those of SYN cookies among them,
 * and ephemeral ports (RFC 6056 algorithm 3). Reference family 13. Statistics have bounds of five
 * standard deviations and more, and the stack's seed is fixed: they pass always or never.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

#include "kernel/bytes.h"
#include <errno.h>

enum {
    SYNS = 10000,
    BINS = 256,
    PROBES = 6, /* nmap's */
};

static void config(struct net_config *cfg, uint8_t seed)
{
    tcp_test_config(cfg);
    cfg->tcp_isn_fixed = false;
    memset(cfg->seed, seed, sizeof(cfg->seed));
}

/* The ISS with which a SYN from sport is answered; the record is forgotten at once. */
static uint32_t iss_for(struct tcp_test *tt, uint16_t sport)
{
    struct frame fr;
    inject(tt, .flags = TCP_SYN, .sport = sport);
    assert_true(fixture_pop(&tt->f, &fr));
    assert_int_equal(fr.bytes[20 + 13], TCP_SYN | TCP_ACK);
    inject(tt, .flags = TCP_RST, .seq = 1, .sport = sport);
    return load_be32(fr.bytes + 24);
}

/* Are the values spread evenly? Chi square of the highest 8 bits: 255 expected, deviation 22.6. */
static void expect_even(const uint32_t *values, uint32_t count)
{
    uint32_t bins[BINS] = {0};
    double expected = (double)count / BINS, chi2 = 0;
    for (uint32_t i = 0; i < count; i++) {
        bins[values[i] >> 24]++;
    }
    for (uint32_t i = 0; i < BINS; i++) {
        double off = bins[i] - expected;
        chi2 += off * off / expected;
    }
    assert_true(chi2 > 255 - 5 * 22.6 && chi2 < 255 + 6 * 22.6);
}

/* Every bit is as often set as not. */
static void expect_balanced(const uint32_t *values, uint32_t count)
{
    double bound = 5 * sqrt(count) / 2;
    for (uint32_t bit = 0; bit < 32; bit++) {
        uint32_t set = 0;
        for (uint32_t i = 0; i < count; i++) {
            set += values[i] >> bit & 1;
        }
        assert_true(fabs(set - count / 2.0) < bound);
    }
}

/* Does a value tell of the next? The correlation of neighbours; its deviation is 1 / sqrt(count).
 */
static void expect_uncorrelated(const uint32_t *values, uint32_t count)
{
    double xy = 0, xx = 0;
    for (uint32_t i = 0; i + 1 < count; i++) {
        double x = values[i] / 4294967296.0 - 0.5, y = values[i + 1] / 4294967296.0 - 0.5;
        xy += x * y;
        xx += x * x;
    }
    assert_true(fabs(xy / xx) < 5 / sqrt(count));
}

static void expect_random(const uint32_t *values, uint32_t count)
{
    uint32_t *steps = malloc(count * sizeof(*steps));
    assert_non_null(steps);
    for (uint32_t i = 0; i + 1 < count; i++) {
        steps[i] = values[i + 1] - values[i];
    }
    expect_even(values, count);
    expect_balanced(values, count);
    expect_uncorrelated(values, count);
    expect_even(steps, count - 1);
    expect_balanced(steps, count - 1);
    free(steps);
}

static void fill_table(struct tcp_test *tt)
{
    for (uint16_t i = 0; i < 8; i++) {
        inject(tt, .flags = TCP_SYN, .src = 0x0b000000u + i);
    }
    (void)tcp_test_forget(tt);
}

/* One tuple: exactly as far on as the 4 us clock. */
static void same_tuple_rises_with_time(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    config(&cfg, 1);
    make_listen_with(&tt, &cfg);
    uint32_t last = iss_for(&tt, 1000);
    for (uint32_t i = 1; i < SYNS; i++) {
        uint64_t step_us = 4 * (uint64_t)(1 + i * 7919 % 5000);
        fixture_advance(&tt.f, step_us * NS_PER_US);
        uint32_t iss = iss_for(&tt, 1000);
        assert_int_equal(iss - last, step_us / 4);
        last = iss;
    }
    tcp_test_end(&tt);
}

/* Other tuples, as near as can be: one port further each, at one time. */
static void other_tuples_tell_nothing(void **state)
{
    for (unsigned cookies = 0; cookies < 2; cookies++) {
        struct tcp_test tt;
        struct net_config cfg;
        static uint32_t values[SYNS];
        config(&cfg, 2);
        make_listen_with(&tt, &cfg);
        if (cookies) {
            fill_table(&tt);
        }
        for (uint32_t i = 0; i < SYNS; i++) {
            values[i] = iss_for(&tt, (uint16_t)(20000 + i));
            (void)tcp_test_forget(&tt);
        }
        expect_random(values, SYNS);
        assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), cookies ? SYNS : 0);
        tcp_test_end(&tt);
    }
}

/* After a restart, at the same time and for the same tuples, nothing is as it was. */
static void restart_repeats_nothing(void **state)
{
    static uint32_t values[2][SYNS];
    for (uint8_t run = 0; run < 2; run++) {
        struct tcp_test tt;
        struct net_config cfg;
        config(&cfg, (uint8_t)(3 + run));
        make_listen_with(&tt, &cfg);
        for (uint32_t i = 0; i < SYNS; i++) {
            values[run][i] = iss_for(&tt, (uint16_t)(20000 + i));
        }
        tcp_test_end(&tt);
    }
    for (uint32_t i = 0; i < SYNS; i++) {
        values[0][i] -= values[1][i];
        assert_int_not_equal(values[0][i], 0);
    }
    expect_random(values[0], SYNS);
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* nmap's index of sequence predictability: 8 log2 of the deviation of the rates at which the
 * numbers of six probes, 110 ms apart and from six ports, seem to grow. */
static double predictability(const uint32_t *isn)
{
    double rate[PROBES - 1], mean = 0, sum = 0;
    uint32_t common = 0;
    for (int i = 0; i < PROBES - 1; i++) {
        uint32_t up = isn[i + 1] - isn[i], down = isn[i] - isn[i + 1];
        uint32_t diff = up < down ? up : down;
        common = gcd(diff, common);
        rate[i] = diff / 0.11;
        mean += rate[i] / (PROBES - 1);
    }
    double unit = common > 9 ? common : 1;
    for (int i = 0; i < PROBES - 1; i++) {
        double off = (rate[i] - mean) / unit;
        sum += off * off / (PROBES - 2);
    }
    double deviation = sqrt(sum);
    return deviation <= 1 ? 0 : 8 * log2(deviation);
}

static void nmap_wishes_good_luck(void **state)
{
    for (unsigned cookies = 0; cookies < 2; cookies++) {
        struct tcp_test tt;
        struct net_config cfg;
        config(&cfg, 5);
        make_listen_with(&tt, &cfg);
        double lowest = 1000;
        for (uint32_t trial = 0; trial < 200; trial++) {
            uint32_t isn[PROBES];
            for (uint32_t i = 0; i < PROBES; i++) {
                if (cookies) {
                    fill_table(&tt);
                }
                isn[i] = iss_for(&tt, (uint16_t)(30000 + trial + i));
                tcp_test_advance_ms(&tt, 110);
                (void)tcp_test_forget(&tt);
            }
            lowest = fmin(lowest, predictability(isn));
        }
        assert_true(lowest >= 200); /* "good luck!" begins at 16 * 8 */
        assert_true((tcp_test_count(&tt, "tcp_cookies_sent") > 0) == (cookies != 0));
        tcp_test_end(&tt);
    }
}

static struct tcp_tuple to_peer(uint32_t raddr)
{
    return (struct tcp_tuple){.laddr = FIXTURE_ADDR, .raddr = raddr, .rport = 443};
}

/* RFC 6056 3.2 and 3.3.3: the whole range, no port twice before all others, another start for each
 * peer. */
static void ports_cover_their_range(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    static bool seen[TCP_EPHEMERAL_COUNT];
    static uint32_t starts[SYNS];
    config(&cfg, 6);
    tcp_test_begin(&tt, &cfg);
    struct tcp_tuple id = to_peer(FIXTURE_PEER);
    for (uint32_t i = 0; i < TCP_EPHEMERAL_COUNT; i++) {
        uint16_t port = tcp_pick_port(tt.net, &id);
        assert_true(port >= TCP_EPHEMERAL_FIRST && !seen[port - TCP_EPHEMERAL_FIRST]);
        seen[port - TCP_EPHEMERAL_FIRST] = true;
    }
    for (uint32_t i = 0; i < SYNS; i++) {
        id = to_peer(0x0b000000u + i);
        starts[i] = (uint32_t)tcp_pick_port(tt.net, &id) << 17; /* of the 15 bits that vary */
    }
    expect_even(starts, SYNS);
    expect_uncorrelated(starts, SYNS);
    tcp_test_end(&tt);
}

/* A bound socket keeps its port, a listener first of all. */
static void ports_of_others_are_not_taken(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    config(&cfg, 7);
    tcp_test_begin(&tt, &cfg);
    struct tcp_cb *listener = tcp_create(tt.net, NULL, NULL);
    struct tcp_cb *bound = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_bind(listener, 0, 40000, false), 0);
    assert_int_equal(tcp_listen(listener, 4), 0);
    assert_int_equal(tcp_bind(bound, FIXTURE_ADDR, 40001, true), 0);
    struct tcp_tuple id = to_peer(FIXTURE_PEER);
    for (uint32_t i = 0; i < 2 * TCP_EPHEMERAL_COUNT; i++) {
        uint16_t port = tcp_pick_port(tt.net, &id);
        assert_true(port != 40000 && port != 40001 && port != 0);
    }
    tcp_test_end(&tt);
}

/* All ports towards one peer in use: connect says so; another peer is no trouble. When one of them
 * is a TIME-WAIT that may be used again, it is. */
static void ports_run_out(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    config(&cfg, 8);
    cfg.limits.tcp_time_wait = TCP_EPHEMERAL_COUNT; /* for a table of its size */
    tcp_test_begin(&tt, &cfg);
    struct tcp_time_wait *all = calloc(TCP_EPHEMERAL_COUNT, sizeof(*all));
    assert_non_null(all);
    for (uint32_t i = 0; i < TCP_EPHEMERAL_COUNT; i++) {
        struct tcp_time_wait *w = &all[i];
        w->node.kind = TCP_NODE_TIME_WAIT;
        w->node.id = to_peer(FIXTURE_PEER);
        w->node.id.lport = (uint16_t)(TCP_EPHEMERAL_FIRST + i);
        w->node.timestamps = i == 1234;
        w->deadline_ms = (uint32_t)(tt.f.now_ns / NS_PER_MS) + 2 * TCP_MSL_DEFAULT_MS;
        list_init(&w->node.bucket);
        tcp_table_insert(tt.net, &w->node);
    }
    struct tcp_tuple id = to_peer(FIXTURE_PEER);
    assert_int_equal(tcp_pick_port(tt.net, &id), 0);
    struct tcp_cb *t = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, 443), -EADDRNOTAVAIL);
    assert_int_equal(tcp_connect(t, FIXTURE_PEER + 1, 443), -EINPROGRESS);
    tt.net->now_ns += (TCP_TIME_WAIT_REUSE_MS + 1) * (uint64_t)NS_PER_MS;
    assert_int_equal(tcp_pick_port(tt.net, &id), TCP_EPHEMERAL_FIRST + 1234);
    for (uint32_t i = 0; i < TCP_EPHEMERAL_COUNT; i++) {
        tcp_table_remove(tt.net, &all[i].node);
    }
    free(all);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_tuple_rises_with_time),
        cmocka_unit_test(other_tuples_tell_nothing),
        cmocka_unit_test(restart_repeats_nothing),
        cmocka_unit_test(nmap_wishes_good_luck),
        cmocka_unit_test(ports_cover_their_range),
        cmocka_unit_test(ports_of_others_are_not_taken),
        cmocka_unit_test(ports_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
