/*
 * TIME-WAIT with timestamps and its end by a new connection of the same tuple, from either side
 * (RFC 6191; RFC 1122 4.2.2.13; RFC 7323 5.3; RFC 1337; reference family 28). What holds without
 * timestamps is in test_tcp_close.c.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c net/*.c kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

#include <errno.h>

enum {
    OWN_PORT = 5000,
    NEXT = 2 + TCP_ISS_REOPEN_STEP, /* the ISS after a connection whose SND.NXT was 2 */
};

/* The peer's timestamps count from here: around the wrap as the sequence numbers do. */
static uint32_t peer_clock(void)
{
    return tcp_isn_now.iss;
}

/* Sends a segment whose TSval is the peer's clock + ts. */
static void send_ts(struct tcp_test *tt, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t ts)
{
    uint8_t o[TCP_OPTIONS_MAX_BYTES];
    struct tcp_options opts = {
        .has_timestamps = true, .ts_val = peer_clock() + ts, .ts_ecr = tcp_ts_now(tt->net, 0)};
    size_t len = tcp_options_write(o, &opts);
    inject(tt, .flags = flags, .seq = seq, .ack = ack, .options = (const char *)o,
           .options_len = len);
}

static void config_ts(struct net_config *cfg)
{
    tcp_test_config(cfg);
    cfg->tcp_ts_fixed = true;
    cfg->tcp_ts_start = tcp_isn_now.irs;
}

/* A record whose connection had timestamps; the last was 10, RCV.NXT is 2, SND.NXT is 2. */
static void make_ts_time_wait(struct tcp_test *tt)
{
    struct net_config cfg;
    config_ts(&cfg);
    make_listen_with(tt, &cfg);
    send_ts(tt, TCP_SYN, 0, 0, 0);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    send_ts(tt, TCP_ACK, 1, 1, 1);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_true(tt->t->ts.on);
    tt_close(tt);
    expect(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    send_ts(tt, TCP_FIN | TCP_ACK, 1, 2, 10);
    expect(tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(tt->net->tcp.time_waits.used, 1);
    assert_int_equal(tt->net->tcp.cbs.used, 1);
}

static bool in_time_wait(const struct tcp_test *tt)
{
    return tt->net->tcp.time_waits.used == 1;
}

/* RFC 6191 2, every row: what the SYN has against what the old connection had. */
static void syn_by_timestamp_and_number(void **state)
{
    enum { NO_TS = UINT8_MAX };
    static const struct {
        bool old_ts;
        uint8_t ts; /* the old connection's last was 10 */
        int32_t seq;
        bool opens;
    } rows[] = {
        {true, 11, 3, true},      {true, 11, -70000, true},     {true, 11, 1, true},
        {true, 10, 3, true},      {true, 10, 2, false},         {true, 10, -70000, false},
        {true, 9, 3, false},      {true, 9, 1000000, false},    {true, NO_TS, 3, true},
        {true, NO_TS, 2, false},  {true, NO_TS, -5, false},     {false, 10, 3, true},
        {false, 9, -70000, true}, {false, NO_TS, 100000, true}, {false, NO_TS, 2, false},
        {false, NO_TS, 1, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tcp_test tt;
        uint32_t seq = (uint32_t)rows[i].seq;
        if (rows[i].old_ts) {
            make_ts_time_wait(&tt);
        } else {
            make_time_wait(&tt);
        }
        if (rows[i].ts == NO_TS) {
            inject(&tt, .flags = TCP_SYN, .seq = seq);
        } else {
            send_ts(&tt, TCP_SYN, seq, 0, rows[i].ts);
        }
        if (in_time_wait(&tt) == rows[i].opens) {
            print_error("row %zu\n", i);
            fail();
        }
        assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reopened"), rows[i].opens);
        if (rows[i].opens) {
            expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = NEXT, .ack = seq + 1);
            inject(&tt, .flags = TCP_ACK, .seq = seq + 1, .ack = NEXT + 1);
            assert_non_null(tcp_accept(tt.listener, NULL, NULL));
        } else {
            expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2); /* a challenge */
        }
        expect_nothing(&tt);
        tcp_test_end(&tt);
    }
}

/* With timestamps left out of the new connection its number alone decides. */
static void timestamps_off_now(void **state)
{
    struct tcp_test tt;
    make_ts_time_wait(&tt);
    tt.net->cfg.tcp_off = NET_TCP_OFF_TIMESTAMPS;
    send_ts(&tt, TCP_SYN, 1, 0, 11);
    assert_true(in_time_wait(&tt));
    (void)tcp_test_forget(&tt);
    send_ts(&tt, TCP_SYN, 3, 0, 11);
    assert_false(in_time_wait(&tt));
    tcp_test_end(&tt);
}

/* The record must not go before the SYN is taken: with it the old FIN, come again, would be
 * answered by a RST, and old segments would have a clear way. */
static void full_accept_queue_keeps_the_record(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    assert_int_equal(tcp_listen(tt.listener, 1), 0);
    inject(&tt, .flags = TCP_SYN, .sport = 9);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 9);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tt.listener->listener.accept_count, 1);
    inject(&tt, .flags = TCP_SYN, .seq = 3);
    expect_nothing(&tt);
    assert_true(in_time_wait(&tt));
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_accept_full"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reopened"), 0);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    tcp_close(tcp_accept(tt.listener, NULL, NULL));
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_SYN, .seq = 3); /* again */
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = NEXT, .ack = 4);
    tcp_test_end(&tt);
}

/* Nor when the half-open table is full of young records: no cookie, which could lie below the old
 * connection's numbers. */
static void full_half_open_table_keeps_the_record(void **state)
{
    struct tcp_test tt;
    make_ts_time_wait(&tt);
    for (uint16_t i = 0; i < 8; i++) {
        inject(&tt, .flags = TCP_SYN, .sport = (uint16_t)(9 + i));
    }
    (void)tcp_test_forget(&tt);
    send_ts(&tt, TCP_SYN, 3, 0, 500);
    expect_nothing(&tt);
    assert_true(in_time_wait(&tt));
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_half_open_full"), 1);
    tcp_test_advance_ms(&tt, 1001); /* they have had their chance */
    (void)tcp_test_forget(&tt);
    send_ts(&tt, TCP_SYN, 3, 0, 1501);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = NEXT, .ack = 4);
    assert_false(in_time_wait(&tt));
    tcp_test_end(&tt);
}

/* RFC 7323 5.3: an old duplicate of the FIN is answered, but the time does not begin again. */
static void paws_in_time_wait(void **state)
{
    struct tcp_test tt;
    make_ts_time_wait(&tt);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    send_ts(&tt, TCP_FIN | TCP_ACK, 1, 2, 9);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    tcp_test_advance_ms(&tt, 1002);
    assert_false(in_time_wait(&tt));
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* The FIN again, sent later: the time begins anew, and the answer echoes the new timestamp. */
static void fin_again_is_echoed(void **state)
{
    struct tcp_test tt;
    uint8_t want[TCP_OPTIONS_MAX_BYTES];
    make_ts_time_wait(&tt);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    send_ts(&tt, TCP_FIN | TCP_ACK, 1, 2, 60000);
    struct tcp_options o = {.has_timestamps = true,
                            .ts_val = tcp_ts_now(tt.net, tcp_isn_now.irs),
                            .ts_ecr = peer_clock() + 60000};
    size_t len = tcp_options_write(want, &o);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2, .options = (const char *)want,
           .options_len = len);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    assert_true(in_time_wait(&tt));
    send_ts(&tt, TCP_SYN, 3, 0, 59999); /* older than that */
    assert_true(in_time_wait(&tt));
    tcp_test_end(&tt);
}

/* RFC 1337: no RST ends it, with a fresh timestamp either. */
static void resets_are_ignored(void **state)
{
    struct tcp_test tt;
    make_ts_time_wait(&tt);
    send_ts(&tt, TCP_RST, 2, 0, 11);
    send_ts(&tt, TCP_RST | TCP_ACK, 2, 2, 12);
    send_ts(&tt, TCP_RST | TCP_SYN, 3, 0, 13);
    expect_nothing(&tt);
    assert_true(in_time_wait(&tt));
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_time_wait_rst"), 3);
    tcp_test_end(&tt);
}

static struct tcp_cb *own_connect(struct tcp_test *tt, int want)
{
    struct tcp_cb *t = tcp_create(tt->net, NULL, NULL);
    assert_non_null(t);
    assert_int_equal(tcp_bind(t, 0, OWN_PORT, true), 0);
    tt->net->now_ns = tt->f.now_ns;
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, tt->rport), want);
    return t;
}

/* A connection of our own from OWN_PORT, closed by us first. */
static void own_time_wait(struct tcp_test *tt, bool timestamps)
{
    struct net_config cfg;
    config_ts(&cfg);
    tcp_test_begin(tt, &cfg);
    tt->lport = OWN_PORT;
    tt->t = own_connect(tt, -EINPROGRESS);
    expect(tt, .flags = TCP_SYN, .seq = 0);
    if (timestamps) {
        send_ts(tt, TCP_SYN | TCP_ACK, 0, 1, 0);
    } else {
        inject(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    }
    expect(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt_close(tt);
    expect(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    if (timestamps) {
        send_ts(tt, TCP_FIN | TCP_ACK, 1, 2, 10);
    } else {
        inject(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    }
    expect(tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_true(in_time_wait(tt));
    assert_int_equal(tt->net->tcp.cbs.used, 0);
}

/* RFC 6191 for connections of our own: after a second, with timestamps. */
static void we_connect_again(void **state)
{
    struct tcp_test tt;
    own_time_wait(&tt, true);
    tcp_test_advance_ms(&tt, TCP_TIME_WAIT_REUSE_MS - 1);
    tcp_close(own_connect(&tt, -EADDRNOTAVAIL));
    assert_true(in_time_wait(&tt));
    tcp_test_advance_ms(&tt, 3);
    tt.t = own_connect(&tt, -EINPROGRESS);
    assert_false(in_time_wait(&tt));
    assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reused"), 1);
    expect(&tt, .flags = TCP_SYN, .seq = NEXT);
    /* The peer is in LAST-ACK still, where our ACK was lost: a challenge, our RST, the SYN again.
     */
    send_ts(&tt, TCP_ACK, 2, 2, 2000);
    expect(&tt, .flags = TCP_RST, .seq = 2);
    tcp_test_advance_ms(&tt, 1001);
    expect(&tt, .flags = TCP_SYN, .seq = NEXT);
    send_ts(&tt, TCP_SYN | TCP_ACK, 70000, NEXT + 1, 3000);
    expect(&tt, .flags = TCP_ACK, .seq = NEXT + 1, .ack = 70001);
    assert_int_equal(tt.t->state, TCP_ESTABLISHED);
    tcp_test_end(&tt);
}

static void we_do_not_without_timestamps(void **state)
{
    struct tcp_test tt;
    own_time_wait(&tt, false);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 100);
    tcp_close(own_connect(&tt, -EADDRNOTAVAIL));
    tcp_test_advance_ms(&tt, 101);
    assert_false(in_time_wait(&tt));
    tt.t = own_connect(&tt, -EINPROGRESS);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_by_timestamp_and_number),
        cmocka_unit_test(timestamps_off_now),
        cmocka_unit_test(full_accept_queue_keeps_the_record),
        cmocka_unit_test(full_half_open_table_keeps_the_record),
        cmocka_unit_test(paws_in_time_wait),
        cmocka_unit_test(fin_again_is_echoed),
        cmocka_unit_test(resets_are_ignored),
        cmocka_unit_test(we_connect_again),
        cmocka_unit_test(we_do_not_without_timestamps),
    };
    return tcp_run_all(tests);
}
