/*
 * Opening: LISTEN, half-open records, SYN-SENT, simultaneous open, backlog and tables that are full
 * (RFC 9293 3.5, 3.10.1, 3.10.7.2, 3.10.7.3; RFC 7323 2; RFC 6691; RFC 6528; reference families 7,
 * 13, 14, 23, 30).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "tests/unit/tcp_fixture.h"

#include <errno.h>

/* RFC 9293 3.10.7.1: what comes to a port nobody is at. */
static void closed_port_answers(void **state)
{
    struct tcp_test tt;
    tcp_test_begin(&tt, NULL);
    inject(&tt, .flags = TCP_SYN, .seq = 0);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0 - tt.iss, .ack = 1);
    inject(&tt, .flags = TCP_SYN | TCP_FIN, .seq = 10, .data = "abc");
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0 - tt.iss, .ack = 15);
    inject(&tt, .flags = TCP_ACK, .seq = 0, .ack = 77);
    expect(&tt, .flags = TCP_RST, .seq = 77, .ack = 0);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 5);
    expect(&tt, .flags = TCP_RST, .seq = 5);
    inject(&tt, .flags = TCP_FIN, .seq = 3);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0 - tt.iss, .ack = 4);
    inject(&tt, .flags = TCP_RST, .seq = 0);
    inject(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_RST | TCP_SYN, .seq = 0);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* RFC 9293 3.10.7.2 for every combination of flags. */
static void listen_every_flags(void **state)
{
    for (unsigned flags = 0; flags < 64; flags++) {
        struct tcp_test tt;
        make_listen(&tt);
        inject(&tt, .flags = (uint8_t)flags, .seq = 0, .ack = 9);
        if (flags & TCP_RST) {
            expect_nothing(&tt);
        } else if (flags & TCP_ACK) {
            expect(&tt, .flags = TCP_RST, .seq = 9);
        } else if (flags & TCP_SYN) {
            expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
        }
        expect_nothing(&tt);
        assert_int_equal(state_of(tt.listener), TCP_LISTEN);
        tcp_test_end(&tt);
    }
}

static void syn_ack_layout(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    static const char mss_wscale[] = {2, 4, 5, (char)0xb4, 1, 3, 3, 7};
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = 200000;
    make_listen_with(&tt, &cfg);
    inject(&tt, .flags = TCP_SYN, .options = mss_wscale, .options_len = sizeof(mss_wscale));
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1, .wnd = 65532,
           .options = "\x02\x04\x05\xb4\x01\x03\x03\x02", .options_len = 8);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(snd_wnd(tt.t), 100 << 7);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1000, .wnd = 100);
    tcp_test_advance_ms(&tt, TCP_DELACK_MS);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1001, .wnd = (200000 - 1000) >> 2);
    tcp_test_end(&tt);
    /* Not offered: neither sent nor used (RFC 7323 2.2). */
    make_listen_with(&tt, &cfg);
    inject(&tt, .flags = TCP_SYN, .options = mss_wscale, .options_len = 4);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1, .wnd = 65535, .options = "\x02\x04\x05\xb4",
           .options_len = 4);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(snd_wnd(tt.t), 100);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1000, .wnd = 100);
    tcp_test_advance_ms(&tt, TCP_DELACK_MS);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1001, .wnd = 64535); /* in bytes */
    tcp_test_end(&tt);
}

/* gVisor's tcp_handshake_window_size: the window of the SYN is not scaled, the next one is. */
static void syn_window_zero_then_large(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN, .wnd = -1);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 0x8000);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(tt_send(&tt, "now"), 3);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "now");
    tcp_test_end(&tt);
}

/* Family 7: every MSS a peer may announce; ours never exceeds the link's nor falls below the floor.
 */
static void peer_mss(void **state)
{
    static const struct {
        uint16_t announced, effective;
    } cases[] = {{0, 88}, {1, 88}, {40, 88}, {88, 88}, {536, 536}, {1460, 1460}, {65535, 1460}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_test tt;
        char o[] = {2, 4, (char)(cases[i].announced >> 8), (char)cases[i].announced};
        make_listen(&tt);
        tt_handshake(&tt, o, sizeof(o), TT_WND);
        int mss = 0;
        assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_MAXSEG, &mss), 0);
        assert_int_equal(mss, cases[i].effective);
        assert_int_equal(tt_send_bytes(&tt, 1460, 1), 1460);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = cases[i].effective);
        tcp_test_end(&tt);
    }
    struct tcp_test tt; /* none: 536 */
    make_listen(&tt);
    tt_handshake(&tt, NULL, 0, TT_WND);
    assert_int_equal(snd_mss(tt.t), 536);
    tcp_test_end(&tt);
}

static void syn_ack_is_retransmitted_then_given_up(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    for (unsigned i = 0; i < TCP_SYN_ACK_RETRIES; i++) {
        tcp_test_advance_ms(&tt, (1000u << i) - 20);
        expect_nothing(&tt);
        tcp_test_advance_ms(&tt, 21);
        expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    }
    assert_int_equal(half_opens_of(tt.net), 1);
    tcp_test_advance_ms(&tt, 33000);
    expect_nothing(&tt);
    assert_int_equal(half_opens_of(tt.net), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_half_open_expired"), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    tcp_test_end(&tt);
}

/* gVisor's tcp_acceptable_ack_syn_rcvd. */
static void half_open_ack_must_be_exact(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 0);
    expect(&tt, .flags = TCP_RST, .seq = 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_RST, .seq = 2);
    assert_int_equal(half_opens_of(tt.net), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect_nothing(&tt);
    assert_int_equal(half_opens_of(tt.net), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_passive_opens"), 1);
    tcp_test_end(&tt);
}

static void half_open_syn_again(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    inject(&tt, .flags = TCP_SYN, .seq = 0);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    assert_int_equal(half_opens_of(tt.net), 1);
    inject(&tt, .flags = 0, .seq = 1); /* no flags at all */
    inject(&tt, .flags = TCP_FIN, .seq = 1);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_SYN, .seq = 5); /* fourth step: back to LISTEN */
    expect_nothing(&tt);
    assert_int_equal(half_opens_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* Family 23 and gVisor's tcp_synrcvd_reset. */
static void half_open_reset(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    inject(&tt, .flags = TCP_RST, .seq = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1); /* a challenge */
    inject(&tt, .flags = TCP_RST, .seq = 0);
    assert_int_equal(half_opens_of(tt.net), 1);
    inject(&tt, .flags = TCP_RST, .seq = 1);
    expect_nothing(&tt);
    assert_int_equal(half_opens_of(tt.net), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    tcp_test_end(&tt);
}

static void completing_ack_may_bring_data_and_fin(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_PSH | TCP_FIN, .seq = 1, .ack = 1, .data = "GET");
    tt.t = tcp_accept(tt.listener, ignore_ready, NULL);
    assert_non_null(tt.t);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    expect_read(&tt, "GET");
    expect_read(&tt, "");
    tcp_test_end(&tt);
}

static void half_open_wrong_flags_do_not_complete(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 1);
    assert_null(tcp_accept(tt.listener, NULL, NULL));
    assert_int_equal(half_opens_of(tt.net), 0);
    tcp_test_end(&tt);
}

static void connect_from(struct tcp_test *tt, uint16_t sport)
{
    inject(tt, .flags = TCP_SYN, .sport = sport);
    (void)tcp_test_forget(tt);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = sport);
}

/* gVisor's tcp_listen_backlog: with the accept queue full the final ACK is dropped and the record
 * stays, new SYNs are dropped; after an accept the next try completes. */
static void backlog_bounds_the_accept_queue(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    assert_int_equal(tcp_listen(tt.listener, 2), 0);
    inject(&tt, .flags = TCP_SYN, .sport = 1003);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1);
    connect_from(&tt, 1001);
    connect_from(&tt, 1002);
    assert_int_equal(accept_count(tt.listener), 2);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 1003, .data = "data");
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_accept_full"), 1);
    inject(&tt, .flags = TCP_SYN, .sport = 1004);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 1001);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1); /* 1003's, again */
    tcp_close(tcp_accept(tt.listener, NULL, NULL));
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 1003, .data = "data");
    assert_int_equal(accept_count(tt.listener), 2);
    struct tcp_cb *second = tcp_accept(tt.listener, NULL, NULL);
    struct tcp_cb *third = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(peer_port_of(second), 1002); /* oldest first */
    assert_int_equal(tcp_readable_bytes(third), 4);
    assert_null(tcp_accept(tt.listener, NULL, NULL));
    tcp_test_end(&tt);
}

/* Family 14 without cookies: a flood fills the listener's share and no more; the oldest makes room
 * for the new, but not one that is still young. */
static void syn_flood_is_bounded(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_off = NET_TCP_OFF_COOKIES;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, NULL, 0, TT_WND);
    for (uint16_t i = 0; i < 1000; i++) {
        inject(&tt, .flags = TCP_SYN, .src = 0x0b000000u + i, .sport = (uint16_t)(2000 + i));
        if (i % 100 == 99) {
            tcp_test_advance_ms(&tt, TCP_HALF_OPEN_GRACE_MS);
        }
    }
    assert_int_equal(half_opens_of(tt.net), 8);
    assert_int_equal(connections_of(tt.net), 2);
    assert_true(tcp_test_count(&tt, "tcp_rx_drop_half_open_full") > 0);
    assert_true(tcp_test_count(&tt, "tcp_half_open_evicted") >= 72);
    (void)tcp_test_forget(&tt);
    /* A newcomer gets in, and the connection that was there lives. */
    inject(&tt, .flags = TCP_SYN, .sport = 7);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "alive");
    expect_read(&tt, "alive");
    tcp_test_end(&tt);
}

/* Timers that expire by the hundred leave room for frames: each poll does its share, in order, says
 * that there is more, and none is lost. */
static void many_timers_do_not_keep_frames_out(void **state)
{
    enum { SYNS = 2 * NET_POLL_TIMERS + 88 };
    struct tcp_test tt;
    struct net_config cfg;
    struct frame fr;
    tcp_test_config(&cfg);
    cfg.limits.tcp_half_open = 4 * SYNS; /* nowhere near a crowd */
    make_listen_with(&tt, &cfg);
    assert_int_equal(tcp_listen(tt.listener, 4 * SYNS), 0);
    for (uint16_t i = 0; i < SYNS; i++) {
        inject(&tt, .flags = TCP_SYN, .sport = (uint16_t)(2000 + i));
        assert_int_equal(tcp_test_forget(&tt), 1);
    }
    tt.f.now_ns += tcp_ms(TCP_RTO_INITIAL_MS + 2);
    assert_true(net_poll(tt.net, tt.f.now_ns) <= tt.f.now_ns);
    for (uint16_t i = 0; i < NET_POLL_TIMERS; i++) {
        assert_true(fixture_pop(&tt.f, &fr));
        assert_int_equal(load_be16(fr.bytes + 22), 2000 + i);
    }
    inject(&tt, .flags = TCP_SYN, .sport = 7);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1);
    assert_true(net_poll(tt.net, tt.f.now_ns) <= tt.f.now_ns);
    assert_int_equal(tcp_test_forget(&tt), NET_POLL_TIMERS);
    assert_true(net_poll(tt.net, tt.f.now_ns) > tt.f.now_ns);
    assert_int_equal(tcp_test_forget(&tt), SYNS - 2 * NET_POLL_TIMERS);
    tcp_test_end(&tt);
}

/* A RST for one that waits to be accepted frees it at once. */
static void reset_before_accept(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    connect_from(&tt, 1001);
    assert_int_equal(connections_of(tt.net), 2);
    inject(&tt, .flags = TCP_RST, .seq = 1, .sport = 1001);
    assert_int_equal(connections_of(tt.net), 1);
    assert_int_equal(tcp_ready(tt.listener), 0);
    assert_null(tcp_accept(tt.listener, NULL, NULL));
    tcp_test_end(&tt);
}

/* gVisor's tcp_noaccept_close_rst, listen_close_before_handshake_complete. */
static void listener_close(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    connect_from(&tt, 1001);
    inject(&tt, .flags = TCP_SYN, .sport = 1002);
    (void)tcp_test_forget(&tt);
    tcp_close(tt.listener);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 1);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 1002);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(connections_of(tt.net), 0);
    assert_int_equal(half_opens_of(tt.net), 0);
    tcp_test_end(&tt);
}

static void table_full_holds_handshakes_up(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_connections = 2;
    make_listen_with(&tt, &cfg);
    connect_from(&tt, 1001);
    assert_null(tcp_create(tt.net, NULL, NULL));
    assert_int_equal(tcp_test_count(&tt, "tcp_create_full"), 1);
    inject(&tt, .flags = TCP_SYN, .sport = 1002);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 1002);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_table_full"), 1);
    /* The owner of the first closes: it is an orphan, and goes when the second asks again. */
    tcp_close(tcp_accept(tt.listener, NULL, NULL));
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 1002);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 2, .ack = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_orphans_evicted"), 1);
    assert_non_null(tcp_accept(tt.listener, NULL, NULL));
    tcp_test_end(&tt);
}

/* RFC 9293 3.10.7.3. */
static void syn_sent_every_answer(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 0, .ack = 0);
    expect(&tt, .flags = TCP_RST, .seq = 0);
    expect(&tt, .flags = TCP_SYN, .seq = 0); /* test_tcp_syn_sent.c has more */
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 2);
    expect(&tt, .flags = TCP_RST, .seq = 2);
    inject(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0, .ack = 2); /* unacceptable: ignored */
    inject(&tt, .flags = TCP_RST, .seq = 0);                     /* no ACK: ignored */
    inject(&tt, .flags = TCP_ACK, .seq = 0, .ack = 1);           /* no SYN: ignored */
    inject(&tt, .flags = 0, .seq = 0);
    inject(&tt, .flags = TCP_FIN, .seq = 0);
    expect_nothing(&tt);
    assert_int_equal(state_of(tt.t), TCP_SYN_SENT);
    assert_int_equal(tcp_ready(tt.t), 0);
    inject(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_true((tt.ready & NET_READY_ERR) != 0);
    assert_int_equal(tcp_take_error(tt.t), ECONNREFUSED);
    expect_nothing(&tt);
    tt_close(&tt);
    assert_int_equal(connections_of(tt.net), 0);
    tcp_test_end(&tt);
}

static void syn_ack_with_data_and_fin(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    inject(&tt, .flags = TCP_SYN | TCP_ACK | TCP_FIN, .seq = 0, .ack = 1, .data = "hello");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 7);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    expect_read(&tt, "hello");
    tcp_test_end(&tt);
}

static void syn_is_retransmitted_then_given_up(void **state)
{
    struct tcp_test tt;
    uint64_t wait_ms = 1000;
    make_syn_sent(&tt);
    for (unsigned i = 0; i < TCP_SYN_RETRIES; i++) {
        tcp_test_advance_ms(&tt, wait_ms - 20);
        expect_nothing(&tt);
        tcp_test_advance_ms(&tt, 21);
        expect(&tt, .flags = TCP_SYN, .seq = 0);
        wait_ms *= 2;
    }
    tcp_test_advance_ms(&tt, 61000);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_int_equal(tcp_take_error(tt.t), ETIMEDOUT);
    assert_int_equal(tcp_test_count(&tt, "tcp_r1_advice"), 1);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* RFC 6298 5.7 and RFC 5681 3.1: after a lost SYN the timeout is 3 s and the window one segment. */
static void lost_syn_makes_cautious(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    tcp_test_advance_ms(&tt, 1001);
    expect(&tt, .flags = TCP_SYN, .seq = 0);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .ack = 1, .options = "\x02\x04\x05\xb4",
           .options_len = 4);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(tt_send_bytes(&tt, 5000, 1), 5000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 2990);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 20);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
    tcp_test_end(&tt);
}

/* RFC 9293 3.5 figure 8. */
static void simultaneous_open(void **state)
{
    struct tcp_test tt;
    make_syn_received(&tt);
    assert_int_equal(tcp_ready(tt.t), 0);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_true((tt.ready & NET_READY_OUT) != 0);
    tcp_test_end(&tt);
    make_syn_received(&tt); /* the SYN-ACK to the peer was lost, its SYN comes again */
    inject(&tt, .flags = TCP_SYN, .seq = 0);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x");
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    expect_read(&tt, "x");
    tcp_test_end(&tt);
}

static void syn_received_checks(void **state)
{
    struct tcp_test tt;
    make_syn_received(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 0);
    expect(&tt, .flags = TCP_RST, .seq = 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_RST, .seq = 2);
    assert_int_equal(state_of(tt.t), TCP_SYN_RECEIVED);
    tcp_test_advance_ms(&tt, 1001);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_RST, .seq = 5); /* inexact: a challenge */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_int_equal(tcp_take_error(tt.t), ECONNREFUSED);
    tcp_test_end(&tt);
}

/* Shut down before the handshake is over: the FIN follows the ACK of our SYN. */
static void syn_received_then_close(void **state)
{
    struct tcp_test tt;
    make_syn_received(&tt);
    tt_close(&tt);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(time_waits_of(tt.net), 1);
    assert_int_equal(connections_of(tt.net), 0);
    tcp_test_end(&tt);
}

static void connect_errors(void **state)
{
    struct tcp_test tt;
    tcp_test_begin(&tt, NULL);
    struct tcp_cb *t = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, 0), -EINVAL);
    assert_int_equal(tcp_connect(t, 0, 80), -EINVAL);
    assert_int_equal(tcp_connect(t, 0xe0000001, 80), -ENETUNREACH);
    assert_int_equal(tcp_connect(t, 0x0a0000ff, 80), -ENETUNREACH);
    assert_int_equal(tcp_connect(t, FIXTURE_ADDR, 80), -ENETUNREACH); /* no loopback */
    assert_int_equal(tcp_bind(t, FIXTURE_PEER, 0, false), -EADDRNOTAVAIL);
    assert_int_equal(tcp_bind(t, FIXTURE_ADDR, 5000, false), 0);
    assert_int_equal(tcp_bind(t, 0, 5001, false), -EINVAL);
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, 80), -EINPROGRESS);
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, 80), -EALREADY);
    assert_int_equal(tcp_listen(t, 1), -EINVAL);
    struct tcp_cb *u = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_bind(u, 0, 5000, false), -EADDRINUSE);
    assert_int_equal(tcp_send(u, "x", 1, 0), -ENOTCONN);
    char c;
    assert_int_equal(tcp_recv(u, &c, 1, 0), -ENOTCONN);
    assert_int_equal(tcp_shutdown(u, TCP_SHUT_WR), -ENOTCONN);
    assert_int_equal(tcp_send(t, "x", 1, 0), -EAGAIN);
    assert_int_equal(tcp_recv(t, &c, 1, 0), -EAGAIN);
    tcp_close(t);
    assert_int_equal(tcp_bind(u, 0, 5000, false), 0);
    assert_int_equal(tcp_listen(u, 0), 0);
    assert_int_equal(tcp_connect(u, FIXTURE_PEER, 80), -EINVAL);
    tcp_close(u);
    tcp_test_end(&tt);
}

static void bind_rules(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    struct tcp_cb *t = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_bind(t, 0, TT_PORT, true), -EADDRINUSE); /* a listener is there */
    tcp_close(tt.listener);
    assert_int_equal(tcp_bind(t, 0, TT_PORT, false), -EADDRINUSE); /* its connection lives */
    assert_int_equal(tcp_bind(t, 0, TT_PORT, true), 0);
    assert_int_equal(tcp_listen(t, 5), 0);
    struct tcp_cb *u = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_listen(u, 5), 0); /* an ephemeral port */
    uint32_t addr;
    uint16_t port;
    tcp_local(u, &addr, &port);
    assert_true(port >= TCP_EPHEMERAL_FIRST);
    assert_int_equal(tcp_peer(u, &addr, &port), -ENOTCONN);
    assert_int_equal(tcp_peer(tt.t, &addr, &port), 0);
    assert_int_equal(addr, FIXTURE_PEER);
    assert_int_equal(port, TT_PEER_PORT);
    tcp_test_end(&tt);
}

/* RFC 6056: ports differ from peer to peer and do not repeat at once; RFC 6528: numbers of one
 * tuple grow with time, those of others tell nothing. */
static void ports_and_isns(void **state)
{
    struct tcp_test tt;
    tcp_test_begin(&tt, NULL);
    tt.net->cfg.tcp_isn_fixed = false;
    struct tcp_tuple a = {.laddr = FIXTURE_ADDR, .raddr = FIXTURE_PEER, .rport = 80};
    uint16_t first = tcp_pick_port(tt.net, &a);
    uint16_t second = tcp_pick_port(tt.net, &a);
    assert_int_equal((uint16_t)(second - first) % TCP_EPHEMERAL_COUNT, 1);
    a.lport = first;
    uint32_t isn = tcp_new_iss(tt.net, &a);
    tt.net->now_ns += NS_PER_S;
    assert_int_equal(tcp_new_iss(tt.net, &a) - isn, NS_PER_S / 4000);
    a.lport = second;
    uint32_t far = tcp_new_iss(tt.net, &a) - isn;
    assert_true(far > 1000000 && far < 0u - 1000000);
    tcp_test_end(&tt);
}

/* RFC 9293 3.9.2.2: which ICMP errors end a connection attempt, and which do not. */
static void icmp_in_syn_sent(void **state)
{
    static const struct {
        uint8_t type, code;
        int error;
    } cases[] = {{3, 3, ECONNREFUSED},
                 {3, 2, ECONNREFUSED},
                 {3, 1, EHOSTUNREACH},
                 {3, 0, ENETUNREACH},
                 {3, 13, EHOSTUNREACH},
                 {3, 4, 0},
                 {4, 0, 0},
                 {11, 0, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_test tt;
        make_syn_sent(&tt);
        struct icmp_error e = {.type = cases[i].type,
                               .code = cases[i].code,
                               .quoted_src = FIXTURE_ADDR,
                               .quoted_dst = FIXTURE_PEER,
                               .quoted_protocol = IP_PROTO_TCP};
        uint8_t q[8] = {(uint8_t)(tt.lport >> 8), (uint8_t)tt.lport, 443 >> 8, 443 & 255};
        uint32_t wrong = tt.iss + 100;
        for (unsigned pass = 0; pass < 2; pass++) {
            uint32_t seq = pass == 0 ? wrong : tt.iss;
            for (unsigned b = 0; b < 4; b++) {
                q[4 + b] = (uint8_t)(seq >> (24 - 8 * b));
            }
            memcpy(e.quoted, q, sizeof(q));
            tcp_icmp_error(tt.net, &e);
            if (pass == 0) {
                assert_int_equal(state_of(tt.t),
                                 TCP_SYN_SENT); /* RFC 5927: a number not in flight */
            }
        }
        assert_int_equal(tcp_take_error(tt.t), cases[i].error);
        assert_int_equal(state_of(tt.t), cases[i].error != 0 ? TCP_CLOSED : TCP_SYN_SENT);
        tcp_test_end(&tt);
    }
}

static const char *timestamps(uint32_t value)
{
    static uint8_t o[12] = {1, 1, 8, 10};
    store_be32(o + 4, value);
    return (const char *)o;
}

/* RFC 7323 5.3 R1 in SYN-RECEIVED: an ACK older than the SYN completes nothing, and above all does
 * not leave a control block that no timer would ever end. */
static void half_open_old_timestamp_does_not_complete(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN, .options = timestamps(5000), .options_len = 12);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = timestamps(4999),
           .options_len = 12);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    assert_int_equal(connections_of(tt.net), 1); /* the listener */
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = timestamps(5000),
           .options_len = 12);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(tt.t);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    tcp_test_end(&tt);
}

/* Two half-open records that find each other unacceptable must fall silent. */
static void half_open_answers_are_few(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    for (int i = 0; i < 50; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 500000, .ack = 1);
    }
    assert_int_equal(tcp_test_forget(&tt), TCP_HALF_ACKS_MAX);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_challenge_limited"), 50 - TCP_HALF_ACKS_MAX);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_open_answers_are_few),
        cmocka_unit_test(half_open_old_timestamp_does_not_complete),
        cmocka_unit_test(closed_port_answers),
        cmocka_unit_test(listen_every_flags),
        cmocka_unit_test(syn_ack_layout),
        cmocka_unit_test(syn_window_zero_then_large),
        cmocka_unit_test(peer_mss),
        cmocka_unit_test(syn_ack_is_retransmitted_then_given_up),
        cmocka_unit_test(half_open_ack_must_be_exact),
        cmocka_unit_test(half_open_syn_again),
        cmocka_unit_test(half_open_reset),
        cmocka_unit_test(completing_ack_may_bring_data_and_fin),
        cmocka_unit_test(half_open_wrong_flags_do_not_complete),
        cmocka_unit_test(backlog_bounds_the_accept_queue),
        cmocka_unit_test(syn_flood_is_bounded),
        cmocka_unit_test(many_timers_do_not_keep_frames_out),
        cmocka_unit_test(reset_before_accept),
        cmocka_unit_test(listener_close),
        cmocka_unit_test(table_full_holds_handshakes_up),
        cmocka_unit_test(syn_sent_every_answer),
        cmocka_unit_test(syn_ack_with_data_and_fin),
        cmocka_unit_test(syn_is_retransmitted_then_given_up),
        cmocka_unit_test(lost_syn_makes_cautious),
        cmocka_unit_test(simultaneous_open),
        cmocka_unit_test(syn_received_checks),
        cmocka_unit_test(syn_received_then_close),
        cmocka_unit_test(connect_errors),
        cmocka_unit_test(bind_rules),
        cmocka_unit_test(ports_and_isns),
        cmocka_unit_test(icmp_in_syn_sent),
    };
    return tcp_run_all(tests);
}
