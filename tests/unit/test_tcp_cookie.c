/*
 * SYN cookies and the SYN cache under attack (RFC 4987 3.6; gVisor packetimpact's tcp_syncookie and
 * tcp_listen_backlog; reference family 14).
 */
// LINK: tests/unit/syn_answers.c tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net
// LINK: kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/syn_answers.h"

#include "kernel/bytes.h"

enum {
    BACKLOG = 8, /* the fixture's listener */
    SLOT_MS = 67108,
};

/* Half-open connections of count peers that never answer. */
static void flood(struct tcp_test *tt, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        inject(tt, .flags = TCP_SYN, .src = 0x0b000000u + i, .sport = (uint16_t)(2000 + i));
        (void)tcp_test_forget(tt);
    }
}

static void make_flooded_with(struct tcp_test *tt, const struct net_config *cfg)
{
    make_listen_with(tt, cfg);
    flood(tt, BACKLOG);
    assert_int_equal(half_opens_of(tt->net), BACKLOG);
    assert_int_equal(tcp_test_count(tt, "tcp_cookies_sent"), 0);
}

static void make_flooded(struct tcp_test *tt)
{
    make_flooded_with(tt, NULL);
}

/* The client's SYN; the answer's number becomes ours. */
static struct answer syn(struct tcp_test *tt, const char *options, size_t len)
{
    inject(tt, .flags = TCP_SYN, .options = options, .options_len = len);
    struct answer a = take(tt);
    assert_int_equal(a.flags, TCP_SYN | TCP_ACK);
    assert_int_equal(a.ack, tt->irs + 1);
    tt->iss = a.seq;
    expect_nothing(tt);
    return a;
}

static const char mss_option[] = {2, 4, 5, (char)0xb4};

static struct answer cookie(struct tcp_test *tt)
{
    uint64_t before = tcp_test_count(tt, "tcp_cookies_sent");
    uint32_t used = half_opens_of(tt->net);
    struct answer a = syn(tt, mss_option, sizeof(mss_option));
    assert_int_equal(tcp_test_count(tt, "tcp_cookies_sent"), before + 1);
    assert_int_equal(half_opens_of(tt->net), used);
    return a;
}

/* tcp_syncookie: sent once; a bare ACK completes it. */
static void bare_ack_completes(void **state)
{
    struct tcp_test tt;
    make_flooded(&tt);
    (void)cookie(&tt);
    tcp_test_advance_ms(&tt, 500);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 30000);
    expect_nothing(&tt);
    struct tcp_cb *t = accepted(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_accepted"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_passive_opens"), 1);
    assert_int_equal(snd_wnd(t), 30000);
    assert_int_equal(snd_mss(t), TT_MSS);
    /* Nobody knows how long the round trip took: the first timeout, the usual first window. */
    assert_int_equal(srtt_us8(t), 0);
    assert_int_equal(rto_us(t), TCP_RTO_INITIAL_MS * 1000);
    assert_int_equal(cwnd_of(t), 10 * TT_MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "GET");
    expect_read(&tt, "GET");
    assert_int_equal(tt_send(&tt, "200"), 3);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 4, .data = "200");
    tcp_test_end(&tt);
}

static void cookie_is_never_retransmitted(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    make_flooded_with(&tt, &cfg);
    (void)cookie(&tt);
    for (uint32_t i = 0; i < 70; i++) { /* the records' SYN-ACKs go on until they expire */
        struct frame fr;
        tcp_test_advance_ms(&tt, 1000);
        while (fixture_pop(&tt.f, &fr)) {
            assert_int_not_equal(load_be32(fr.bytes + 16), FIXTURE_PEER);
        }
    }
    assert_int_equal(half_opens_of(tt.net), 0);
    tcp_test_end(&tt);
}

static void ack_with_data_and_fin_completes(void **state)
{
    struct tcp_test tt;
    make_flooded(&tt);
    (void)cookie(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "GET");
    (void)accepted(&tt);
    expect_read(&tt, "GET");
    tcp_test_end(&tt);
    make_flooded(&tt);
    (void)cookie(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .data = "GET");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    expect_read(&tt, "GET");
    tcp_test_end(&tt);
}

static void other_flags_do_not_complete(void **state)
{
    struct tcp_test tt;
    make_flooded(&tt);
    (void)cookie(&tt);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    inject(&tt, .flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_RST, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_FIN, .seq = 1);
    inject(&tt, .flags = 0, .seq = 1);
    expect_nothing(&tt);
    assert_null(tcp_accept(tt.listener, NULL, NULL));
    assert_int_equal(connections_of(tt.net), 1);
    tcp_test_end(&tt);
}

/* What the timestamp carries: every window scale, SACK or not; and the MSS, rounded down. */
static void options_survive_in_the_timestamp(void **state)
{
    static const struct {
        uint16_t announced, kept;
    } sizes[] = {{0, 88},      {535, 88},    {536, 536},   {1219, 536},    {1220, 1220},
                 {1360, 1360}, {1399, 1360}, {1452, 1452}, {65535, 1460u}, {1460, 1460}};
    for (uint8_t wscale = 0; wscale <= TCP_WSCALE_MAX + 1; wscale++) {
        for (unsigned sack = 0; sack < 2; sack++) {
            struct tcp_test tt;
            char o[TCP_OPTIONS_MAX_BYTES];
            uint16_t announced = sizes[wscale % ARRAY_SIZE(sizes)].announced;
            uint16_t kept = sizes[wscale % ARRAY_SIZE(sizes)].kept;
            bool scaled = wscale <= TCP_WSCALE_MAX;
            make_flooded(&tt);
            tcp_test_advance_ms(&tt, 37 * wscale); /* another place in the 64 ms */
            struct answer a = syn(&tt, o, full_options(o, announced, sack, wscale, 5000));
            assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 1);
            assert_true(a.o.has_timestamps && a.o.ts_ecr == 5000);
            assert_int_equal(a.o.has_wscale, scaled);
            assert_int_equal(a.o.has_sack_permitted, sack);
            inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100, .options = o,
                   .options_len = ts_options(o, 5001, a.o.ts_val));
            struct tcp_cb *t = accepted(&tt);
            assert_int_equal(snd_wnd(t), 100u << (scaled ? wscale : 0));
            assert_int_equal(rcv_wscale(t), scaled ? tcp_pick_wscale(tt.listener) : 0);
            assert_int_equal(sack_agreed(t), sack);
            assert_true(timestamps_agreed(t) && ts_recent(t) == 5001);
            assert_int_equal(snd_mss(t), kept - TCP_TIMESTAMP_BYTES);
            tcp_test_end(&tt);
        }
    }
}

/* RFC 3168 6.1.1: agreed to in a cookie only where the timestamp remembers it. */
static void ecn_survives_in_the_timestamp(void **state)
{
    for (unsigned asks = 0; asks < 2; asks++) {
        struct tcp_test tt;
        struct net_config cfg;
        char o[TCP_OPTIONS_MAX_BYTES];
        uint8_t setup = asks ? TCP_ECE | TCP_CWR : 0;
        tcp_test_config(&cfg);
        cfg.tcp_ecn = true;
        make_flooded_with(&tt, &cfg);
        inject(&tt, .flags = TCP_SYN | setup);
        assert_int_equal(take(&tt).flags, TCP_SYN | TCP_ACK);
        inject(&tt, .flags = TCP_SYN | setup, .options = o,
               .options_len = full_options(o, 1460, true, 7, 1));
        struct answer a = take(&tt);
        assert_int_equal(a.flags, TCP_SYN | TCP_ACK | (asks ? TCP_ECE : 0));
        tt.iss = a.seq;
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o,
               .options_len = ts_options(o, 2, a.o.ts_val));
        assert_int_equal(ecn_agreed(accepted(&tt)), asks);
        tcp_test_end(&tt);
    }
}

/* Without timestamps there is room for the MSS alone: nothing else is offered. */
static void without_timestamps_no_options(void **state)
{
    struct tcp_test tt;
    static const char windows[] = {2, 4, 5, (char)0xb4, 1, 3, 3, 8, 1, 1, 4, 2};
    make_flooded(&tt);
    inject(&tt, .flags = TCP_SYN, .options = windows, .options_len = sizeof(windows));
    struct answer a = take(&tt);
    assert_true(a.o.has_mss && !a.o.has_wscale && !a.o.has_sack_permitted);
    assert_false(a.o.has_timestamps);
    tt.iss = a.seq;
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100);
    struct tcp_cb *t = accepted(&tt);
    assert_int_equal(snd_wnd(t), 100);
    assert_false(sack_agreed(t) || timestamps_agreed(t));
    tcp_test_end(&tt);
}

/* RFC 7323 5.3 at the peer: what follows the SYN-ACK must never look older than it. */
static void timestamps_do_not_run_back(void **state)
{
    for (uint32_t ms = 0; ms < 64; ms += 7) {
        struct tcp_test tt;
        char o[TCP_OPTIONS_MAX_BYTES];
        make_flooded(&tt);
        tcp_test_advance_ms(&tt, ms);
        struct answer a = syn(&tt, o, full_options(o, 1460, ms & 1, (uint8_t)(ms % 15), 1));
        inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .options = o,
               .options_len = ts_options(o, 2, a.o.ts_val));
        struct answer b = take(&tt);
        assert_int_equal(b.flags, TCP_ACK);
        assert_in_range(b.o.ts_val - a.o.ts_val, 0, 63);
        tcp_test_end(&tt);
    }
}

/* It holds for one slot of 67 s at least and two at most. */
static void cookie_grows_old(void **state)
{
    static const struct {
        uint64_t ms;
        bool good;
    } ages[] = {{0, true}, {SLOT_MS, true}, {2 * SLOT_MS + 10, false}, {256 * SLOT_MS, false}};
    for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
        struct tcp_test tt;
        make_flooded(&tt);
        (void)cookie(&tt);
        struct tcp_tuple id = {FIXTURE_ADDR, FIXTURE_PEER, TT_PORT, TT_PEER_PORT};
        tcp_test_advance_ms(&tt, ages[i].ms);
        (void)tcp_test_forget(&tt);
        flood(&tt, 2 * BACKLOG); /* so that cookies are looked at */
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
        assert_int_equal(tcp_lookup(tt.net, &id) != NULL, ages[i].good);
        assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), !ages[i].good);
        if (!ages[i].good) {
            expect(&tt, .flags = TCP_RST, .seq = 1);
        }
        tcp_test_end(&tt);
    }
}

/* Nothing but the exact ACK: every other number, name or option is answered by a RST, as where no
 * cookies are. */
static void anything_else_is_rejected(void **state)
{
    struct tcp_test tt;
    char o[TCP_OPTIONS_MAX_BYTES];
    uint64_t rejected = 0;
    make_flooded(&tt);
    struct answer a = syn(&tt, o, full_options(o, 536, true, 7, 1));
    for (uint32_t bit = 0; bit < 32; bit++) {
        size_t len = ts_options(o, 2, a.o.ts_val);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + (1u << bit), .options = o,
               .options_len = len);
        expect(&tt, .flags = TCP_RST, .seq = 1 + (1u << bit));
        inject(&tt, .flags = TCP_ACK, .seq = 1 + (1u << bit), .ack = 1, .options = o,
               .options_len = len);
        expect(&tt, .flags = TCP_RST, .seq = 1);
        rejected += 2;
    }
    for (uint32_t bit = 0; bit < 6; bit++) { /* the echo's bits are ours */
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o,
               .options_len = ts_options(o, 2, a.o.ts_val ^ (1u << bit)));
        expect(&tt, .flags = TCP_RST, .seq = 1);
        rejected++;
    }
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1); /* no timestamp at all */
    expect(&tt, .flags = TCP_RST, .seq = 1);
    size_t len = ts_options(o, 2, a.o.ts_val);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 4001, .options = o,
           .options_len = len);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .src = FIXTURE_PEER + 1, .options = o,
           .options_len = len);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), rejected + 3);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_accepted"), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o, .options_len = len);
    (void)accepted(&tt); /* the exact one is still good */
    tcp_test_end(&tt);
}

/* An old segment whose two numbers have moved on by as much, as an echo's have, is none. */
static void streams_that_moved_on_do_not_come_back(void **state)
{
    struct tcp_test tt;
    make_flooded(&tt);
    (void)cookie(&tt);
    for (uint32_t n = 1; n <= 64; n++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1 + n, .ack = 1 + n);
        expect(&tt, .flags = TCP_RST, .seq = 1 + n);
    }
    assert_int_equal(connections_of(tt.net), 1);
    tcp_test_end(&tt);
}

/* reset_for_ack_when_no_syn_cookies_in_use: nothing is computed for ACKs out of the blue. */
static void not_looked_at_without_need(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), 0);
    flood(&tt, BACKLOG + 1); /* one cookie is out */
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), 1);
    tcp_test_advance_ms(&tt, 2 * SLOT_MS + 10);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), 1);
    tcp_test_end(&tt);
}

/* 20,000 blind guesses (2^-28 each) open nothing. Seeded: the stack's seed and this counter. */
static void guesses_open_nothing(void **state)
{
    struct tcp_test tt;
    uint32_t x = 0x2545f491;
    make_flooded(&tt);
    (void)cookie(&tt);
    for (uint32_t i = 0; i < 20000; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = x);
        (void)tcp_test_forget(&tt);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), 20000);
    assert_int_equal(connections_of(tt.net), 1);
    tcp_test_end(&tt);
}

/* tcp_listen_backlog: more SYN-ACKs than the backlog, but no more connections; a peer that finds
 * the accept queue full is not reset, and gets in with its data later. */
static void accept_queue_bounds_cookies(void **state)
{
    struct tcp_test tt;
    make_flooded(&tt);
    uint32_t numbers[BACKLOG + 1];
    for (uint16_t i = 0; i <= BACKLOG; i++) {
        inject(&tt, .flags = TCP_SYN, .sport = (uint16_t)(100 + i));
        numbers[i] = take(&tt).seq;
    }
    for (uint16_t i = 0; i <= BACKLOG; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + numbers[i] - tt.iss,
               .sport = (uint16_t)(100 + i));
    }
    expect_nothing(&tt);
    assert_int_equal(accept_count(tt.listener), BACKLOG);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_accept_full"), 1);
    inject(&tt, .flags = TCP_SYN, .sport = 999); /* silently */
    expect_nothing(&tt);
    tcp_close(tcp_accept(tt.listener, NULL, NULL));
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + numbers[BACKLOG] - tt.iss,
           .sport = 100 + BACKLOG, .data = "again");
    assert_int_equal(accept_count(tt.listener), BACKLOG);
    for (uint32_t i = 0; i < BACKLOG; i++) {
        tt.t = tcp_accept(tt.listener, NULL, NULL);
    }
    expect_read(&tt, "again");
    tcp_test_end(&tt);
}

static void table_full_drops_the_ack(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_connections = 1; /* the listener */
    make_flooded_with(&tt, &cfg);
    (void)cookie(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_table_full"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_accepted"), 0);
    tcp_test_end(&tt);
}

/* A record made when eviction was near has a cookie for its number: evicted, its ACK is good. */
static void evicted_record_still_completes(void **state)
{
    struct tcp_test tt;
    char o[TCP_OPTIONS_MAX_BYTES];
    make_listen(&tt);
    flood(&tt, BACKLOG - 1);
    struct answer a = syn(&tt, o, full_options(o, 1400, true, 5, 900));
    assert_int_equal(half_opens_of(tt.net), BACKLOG); /* a record */
    tcp_test_advance_ms(&tt, 7100); /* the SYN-ACKs went unanswered again and again */
    (void)tcp_test_forget(&tt);
    for (uint32_t i = 0; i < BACKLOG; i++) {
        inject(&tt, .flags = TCP_SYN, .src = 0x0c000000u + i);
    }
    (void)tcp_test_forget(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_half_open_evicted"), BACKLOG);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 10, .data = "GET", .options = o,
           .options_len = ts_options(o, 901, a.o.ts_val));
    struct tcp_cb *t = accepted(&tt);
    expect_read(&tt, "GET");
    assert_true(sack_agreed(t) && snd_wnd(t) == 10 << 5);
    assert_int_equal(snd_mss(t), 1400 - TCP_TIMESTAMP_BYTES);
    tcp_test_end(&tt);
}

/* Options that a cookie would lose are worth more than surviving eviction: such a record's number
 * is none, and its SYN-ACK offers all. */
static void record_without_timestamps_keeps_its_options(void **state)
{
    struct tcp_test tt;
    static const char windows[] = {2, 4, 5, (char)0xb4, 1, 3, 3, 8, 1, 1, 4, 2};
    make_listen(&tt);
    uint32_t iss = tt.iss;
    flood(&tt, BACKLOG - 1);
    struct answer a = syn(&tt, windows, sizeof(windows));
    assert_true(a.o.has_wscale && a.o.has_sack_permitted);
    assert_int_equal(a.seq, iss);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 10);
    assert_int_equal(snd_wnd(accepted(&tt)), 10 << 8);
    tcp_test_end(&tt);
}

/* A flood does not have the whole table pass by in each second: while a newcomer can do without a
 * record those there are stay, and their SYN-ACKs are sent again no more often than without it. */
static void flood_does_not_churn_records(void **state)
{
    struct tcp_test tt;
    make_flooded(&tt);
    for (uint32_t i = 0; i < 69; i++) { /* 6.9 s */
        inject(&tt, .flags = TCP_SYN, .src = 0x0c000000u + i);
        tcp_test_advance_ms(&tt, 100);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 69);
    assert_int_equal(tcp_test_count(&tt, "tcp_half_open_evicted"), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 2 * BACKLOG); /* after 1 and 3 s */
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
}

/* One who would lose options by a cookie gets a silent one's place after a first timeout. */
static void options_are_worth_a_silent_record(void **state)
{
    struct tcp_test tt;
    static const char windows[] = {2, 4, 5, (char)0xb4, 1, 3, 3, 8, 1, 1, 4, 2};
    make_flooded(&tt);
    tcp_test_advance_ms(&tt, 1100);
    (void)tcp_test_forget(&tt);
    (void)cookie(&tt);
    inject(&tt, .flags = TCP_SYN, .sport = 4001, .options = windows,
           .options_len = sizeof(windows));
    struct answer a = take(&tt);
    assert_true(a.o.has_wscale && a.o.has_sack_permitted);
    assert_int_equal(tcp_test_count(&tt, "tcp_half_open_evicted"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 1);
    tcp_test_end(&tt);
}

/* Without a flood a lossy path gets its SYN-ACK again, and young records are never evicted. */
static void young_records_stay(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    flood(&tt, 10000);
    assert_int_equal(tcp_test_count(&tt, "tcp_half_open_evicted"), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 10000 - (BACKLOG - 1));
    tcp_test_advance_ms(&tt, 995);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    (void)accepted(&tt);
    tcp_test_end(&tt);
}

/* Family 14: for ten seconds of flood memory stays flat, an established connection works, and each
 * newcomer connects at once; when it is over records are there again. */
static void flood_shuts_nobody_out(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    uint32_t iss = tt.iss;
    for (uint16_t ms = 0; ms < 10000; ms += 100) {
        uint16_t sport = (uint16_t)(10000 + ms);
        flood(&tt, 50);
        inject(&tt, .flags = TCP_SYN, .sport = sport);
        struct answer a = take(&tt);
        tcp_test_advance_ms(&tt, 100);
        (void)tcp_test_forget(&tt);
        flood(&tt, 50);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + a.seq - tt.iss, .sport = sport);
        struct tcp_cb *t = tcp_accept(tt.listener, NULL, NULL);
        assert_non_null(t);
        assert_int_equal(peer_port_of(t), sport);
        assert_int_equal(tcp_set_opt(t, TCP_OPT_LINGER_S, 0), 0);
        tcp_close(t);
        assert_true(half_opens_of(tt.net) <= BACKLOG);
        assert_int_equal(connections_of(tt.net), 2);
    }
    (void)tcp_test_forget(&tt);
    assert_int_equal(tt_send(&tt, "still"), 5);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "still");
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 6, .data = "here");
    expect_read(&tt, "here");
    tcp_test_advance_ms(&tt, 64000);
    (void)tcp_test_forget(&tt);
    assert_int_equal(half_opens_of(tt.net), 0);
    inject(&tt, .flags = TCP_SYN, .sport = 7);
    assert_int_equal(take(&tt).seq, iss);
    assert_int_equal(half_opens_of(tt.net), 1);
    tcp_test_end(&tt);
}

/* One flooded listener leaves a part of the table to the others, whatever its backlog. */
static void listeners_share_the_table(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_half_open = 16;
    make_listen_with(&tt, &cfg);
    assert_int_equal(tcp_listen(tt.listener, 100000), 0);
    struct tcp_cb *other = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_bind(other, 0, 81, false), 0);
    assert_int_equal(tcp_listen(other, 16), 0);
    flood(&tt, 100);
    assert_int_equal(half_opens_of(tt.net), 12);
    for (uint16_t i = 0; i < 4; i++) {
        inject(&tt, .flags = TCP_SYN, .dport = 81, .sport = (uint16_t)(50 + i));
    }
    assert_int_equal(tcp_test_forget(&tt), 4);
    assert_int_equal(half_open_count(other), 4);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 100 - 12);
    /* Now all of it is taken: a cookie for this SYN, too. */
    inject(&tt, .flags = TCP_SYN, .dport = 81, .sport = 60);
    assert_int_equal(tcp_test_forget(&tt), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 100 - 12 + 1);
    tcp_close(other);
    tcp_test_end(&tt);
}

static void cookies_can_be_off(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_off = NET_TCP_OFF_COOKIES;
    make_flooded_with(&tt, &cfg);
    inject(&tt, .flags = TCP_SYN);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_half_open_full"), 1);
    tcp_test_advance_ms(&tt, TCP_HALF_OPEN_GRACE_MS);
    inject(&tt, .flags = TCP_SYN);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1); /* the fixed number: no cookie */
    tcp_test_end(&tt);
}

/* Records are the same for the same SYN: the answers to its repetitions agree; another client's, or
 * the same one's later, does not. */
static void cookies_differ(void **state)
{
    struct tcp_test tt;
    make_flooded(&tt);
    uint32_t first = cookie(&tt).seq;
    assert_int_equal(cookie(&tt).seq, first);
    inject(&tt, .flags = TCP_SYN, .seq = 1000000, .options = mss_option, .options_len = 4);
    assert_int_not_equal(take(&tt).seq, first);
    tcp_test_advance_ms(&tt, SLOT_MS);
    (void)tcp_test_forget(&tt);
    flood(&tt, 20);
    /* RFC 6528: from slot to slot the numbers of a tuple rise. */
    uint32_t later = cookie(&tt).seq;
    assert_true(seq_gt(later, first));
    assert_true(later - first < 1u << 25);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_ack_completes),
        cmocka_unit_test(cookie_is_never_retransmitted),
        cmocka_unit_test(ack_with_data_and_fin_completes),
        cmocka_unit_test(other_flags_do_not_complete),
        cmocka_unit_test(options_survive_in_the_timestamp),
        cmocka_unit_test(ecn_survives_in_the_timestamp),
        cmocka_unit_test(without_timestamps_no_options),
        cmocka_unit_test(timestamps_do_not_run_back),
        cmocka_unit_test(cookie_grows_old),
        cmocka_unit_test(anything_else_is_rejected),
        cmocka_unit_test(streams_that_moved_on_do_not_come_back),
        cmocka_unit_test(not_looked_at_without_need),
        cmocka_unit_test(guesses_open_nothing),
        cmocka_unit_test(accept_queue_bounds_cookies),
        cmocka_unit_test(table_full_drops_the_ack),
        cmocka_unit_test(evicted_record_still_completes),
        cmocka_unit_test(record_without_timestamps_keeps_its_options),
        cmocka_unit_test(flood_does_not_churn_records),
        cmocka_unit_test(options_are_worth_a_silent_record),
        cmocka_unit_test(young_records_stay),
        cmocka_unit_test(flood_shuts_nobody_out),
        cmocka_unit_test(listeners_share_the_table),
        cmocka_unit_test(cookies_can_be_off),
        cmocka_unit_test(cookies_differ),
    };
    return tcp_run_all(tests);
}
