/*
 * What the owner can ask of a connection: when small segments and ACKs go (TCP_CORK, TCP_NODELAY,
 * TCP_QUICKACK), how long it waits for a silent peer (TCP_USER_TIMEOUT, RFC 5482; TCP_LINGER2), how
 * large segments are (TCP_MAXSEG), and what it tells of itself (TCP_INFO).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

#include <errno.h>

static void set(struct tcp_cb *t, enum tcp_opt opt, int value)
{
    int v = -12345;
    assert_int_equal(tcp_set_opt(t, opt, value), 0);
    assert_int_equal(tcp_get_opt(t, opt, &v), 0);
    assert_int_equal(v, value);
}

static void set_now(struct tcp_test *tt, enum tcp_opt opt, int value)
{
    tt->net->now_ns = tt->f.now_ns;
    set(tt->t, opt, value);
}

static void cork_holds_what_is_not_full(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_now(&tt, TCP_OPT_CORK, 1);
    assert_int_equal(tt_send_bytes(&tt, 1000, 1), 1000);
    expect_nothing(&tt);
    assert_int_equal(tt_send_bytes(&tt, 1000, 1001), 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
    expect_nothing(&tt);
    set_now(&tt, TCP_OPT_CORK, 0);
    expect(&tt, .flags = TCP_ACK, .seq = 1461, .ack = 1, .len = 540);
    tcp_test_end(&tt);
}

/* As on Linux it holds nothing for longer than 200 ms. */
static void cork_has_an_end(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_now(&tt, TCP_OPT_CORK, 1);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    tcp_test_advance_ms(&tt, TCP_CORK_MS - 2);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 4);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "hello");
    tcp_test_end(&tt);
}

/* TCP_NODELAY pushes once what the cork holds, and the cork goes on; a FIN ends it. */
static void nodelay_and_fin_push_through_a_cork(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_now(&tt, TCP_OPT_CORK, 1);
    assert_int_equal(tt_send(&tt, "one"), 3);
    expect_nothing(&tt);
    set_now(&tt, TCP_OPT_NODELAY, 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "one");
    assert_int_equal(tt_send(&tt, "two"), 3);
    expect_nothing(&tt);
    tt.net->now_ns = tt.f.now_ns;
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 4, .ack = 1, .data = "two");
    tcp_test_end(&tt);
}

static void quickack(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "a");
    expect_nothing(&tt);
    set_now(&tt, TCP_OPT_QUICKACK, 1); /* the ACK that waits goes */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    inject(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "b");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 3);
    set_now(&tt, TCP_OPT_QUICKACK, 0);
    inject(&tt, .flags = TCP_ACK, .seq = 3, .ack = 1, .data = "c");
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, TCP_DELACK_MS + 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 4);
    tcp_test_end(&tt);
}

/* The connection ends with ETIMEDOUT when limit_ms have passed, neither before nor long after. */
static void ends_after(struct tcp_test *tt, uint64_t limit_ms)
{
    tcp_test_advance_ms(tt, limit_ms - 2);
    assert_true(state_of(tt->t) != TCP_CLOSED);
    tcp_test_advance_ms(tt, 5);
    assert_int_equal(state_of(tt->t), TCP_CLOSED);
    assert_int_equal(tcp_take_error(tt->t), ETIMEDOUT);
    assert_int_equal(tcp_test_count(tt, "tcp_give_ups"), 1);
    (void)tcp_test_forget(tt);
}

static void user_timeout_of_data(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 3000);
    assert_int_equal(tt_send(&tt, "x"), 1);
    ends_after(&tt, 3000);
    tcp_test_end(&tt);
    /* A longer one than ours is granted, too (RFC 5482 1). */
    make_established(&tt);
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 2 * TCP_R2_MS);
    assert_int_equal(tt_send(&tt, "x"), 1);
    ends_after(&tt, 2 * TCP_R2_MS);
    tcp_test_end(&tt);
}

/* It counts from the last progress, not from the first byte. */
static void user_timeout_after_progress(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 3000);
    assert_int_equal(tt_send(&tt, "xy"), 2);
    tcp_test_advance_ms(&tt, 2000);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    ends_after(&tt, 3000);
    tcp_test_end(&tt);
}

static void user_timeout_set_while_waiting(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "x"), 1);
    tcp_test_advance_ms(&tt, 10000); /* the next retransmission is seconds away */
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 10500);
    ends_after(&tt, 500);
    tcp_test_end(&tt);
}

/* A shut window, however faithfully the probes are answered: the data waits too long. */
static void user_timeout_of_a_shut_window(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 20000);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    tcp_test_advance_ms(&tt, 60000); /* nothing to send: nothing to wait for */
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    uint64_t start = tt.f.now_ns;
    while (state_of(tt.t) != TCP_CLOSED && tt.f.now_ns - start < 60 * NS_PER_S) {
        tcp_test_advance_ms(&tt, 10);
        if (tcp_test_forget(&tt) > 0 && state_of(tt.t) != TCP_CLOSED) {
            inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
        }
    }
    uint64_t took_ms = (tt.f.now_ns - start) / NS_PER_MS;
    assert_in_range(took_ms, 20000, 20000 + 1100); /* from the first probe on */
    assert_int_equal(tcp_take_error(tt.t), ETIMEDOUT);
    tcp_test_end(&tt);
}

/* As on Linux it decides instead of TCP_KEEPCNT, and not before a probe went. */
static void user_timeout_of_keepalive(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_now(&tt, TCP_OPT_KEEPIDLE_S, 10);
    set_now(&tt, TCP_OPT_KEEPINTVL_S, 5);
    set_now(&tt, TCP_OPT_KEEPALIVE, 1);
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 12000);
    ends_after(&tt, 12000);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_keepalives"), 1);
    tcp_test_end(&tt);
    make_established(&tt);
    set_now(&tt, TCP_OPT_KEEPIDLE_S, 10);
    set_now(&tt, TCP_OPT_KEEPINTVL_S, 1);
    set_now(&tt, TCP_OPT_KEEPCNT, 1);
    set_now(&tt, TCP_OPT_KEEPALIVE, 1);
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 15500);
    ends_after(&tt, 15500);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_keepalives"), 6);
    tcp_test_end(&tt);
}

static void user_timeout_of_connect(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    set_now(&tt, TCP_OPT_USER_TIMEOUT_MS, 2500);
    ends_after(&tt, 2500);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 1); /* after a second, no more */
    tcp_test_end(&tt);
}

/* FIN-WAIT-2 without an owner: the default, the owner's, or not at all. */
static void linger2(void **state)
{
    static const struct {
        int value, shown;
        uint64_t ms;
    } cases[] = {{0, 60, 60000}, {3, 3, 3000}, {1000, 120, 120000}, {-5, -1, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_test tt;
        int v = 0;
        make_fin_wait_2(&tt);
        assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_LINGER2_S, cases[i].value), 0);
        assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_LINGER2_S, &v), 0);
        assert_int_equal(v, cases[i].shown);
        tt_close(&tt);
        if (cases[i].ms > 0) {
            tcp_test_advance_ms(&tt, cases[i].ms - 2);
            assert_int_equal(orphans_of(tt.net), 1);
        }
        tcp_test_advance_ms(&tt, 4);
        assert_int_equal(orphans_of(tt.net), 0);
        tcp_test_end(&tt);
    }
}

static void maxseg_of_a_listener(void **state)
{
    struct tcp_test tt;
    int v = 0;
    make_listen(&tt);
    assert_int_equal(tcp_set_opt(tt.listener, TCP_OPT_MAXSEG, TCP_MSS_FLOOR - 1), -EINVAL);
    assert_int_equal(tcp_set_opt(tt.listener, TCP_OPT_MAXSEG, TCP_MAXSEG_MAX + 1), -EINVAL);
    set(tt.listener, TCP_OPT_MAXSEG, 700);
    inject(&tt, .flags = TCP_SYN, .options = "\x02\x04\x05\xb4", .options_len = 4);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .options = "\x02\x04\x02\xbc",
           .options_len = 4);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(tt_send_bytes(&tt, 1400, 1), 1400);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 700);
    expect(&tt, .flags = TCP_ACK, .seq = 701, .ack = 1, .len = 700);
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_MAXSEG, &v), 0);
    assert_int_equal(v, 700);
    /* Later only for what we send, and within what was agreed on and the path carries. */
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_MAXSEG, 600), 0);
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_MAXSEG, &v), 0);
    assert_int_equal(v, 600);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_MAXSEG, 9000), 0);
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_MAXSEG, &v), 0);
    assert_int_equal(v, 1460);
    tcp_test_end(&tt);
}

static void accepted_connections_inherit(void **state)
{
    static const enum tcp_opt opts[] = {
        TCP_OPT_NODELAY,        TCP_OPT_CORK,       TCP_OPT_QUICKACK,    TCP_OPT_KEEPALIVE,
        TCP_OPT_KEEPCNT,        TCP_OPT_LINGER_S,   TCP_OPT_LINGER2_S,   TCP_OPT_RCVBUF,
        TCP_OPT_SNDBUF,         TCP_OPT_KEEPIDLE_S, TCP_OPT_KEEPINTVL_S, TCP_OPT_WINDOW_CLAMP,
        TCP_OPT_USER_TIMEOUT_MS};
    struct tcp_test tt;
    make_listen(&tt);
    for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
        assert_int_equal(tcp_set_opt(tt.listener, opts[i], 1), 0);
    }
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, TT_WND);
    for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
        int want = 0, v = -1;
        assert_int_equal(tcp_get_opt(tt.listener, opts[i], &want), 0);
        assert_int_equal(tcp_get_opt(tt.t, opts[i], &v), 0);
        assert_int_equal(v, want);
    }
    assert_true(rcvbuf_fixed(tt.t) && sndbuf_fixed(tt.t));
    tcp_test_end(&tt);
}

static void congestion_control_by_name(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_congestion(tt.t, "no such thing"), -ENOENT);
    assert_int_equal(tcp_set_congestion(tt.t, ""), -ENOENT);
    assert_int_equal(tcp_set_congestion(tt.t, "newreno"), 0);
    assert_string_equal(tcp_congestion(tt.t), "newreno");
    tcp_test_end(&tt);
}

static void a_report(void **state)
{
    struct tcp_test tt;
    struct tcp_report r;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "hello");
    inject(&tt, .flags = TCP_ACK, .seq = 9, .ack = 1, .data = "gap");
    (void)tcp_test_forget(&tt);
    assert_int_equal(tt_send_bytes(&tt, 20000, 1), 20000);
    size_t segments = tcp_test_forget(&tt);
    tcp_test_advance_ms(&tt, 30);
    inject(&tt, .flags = TCP_ACK, .seq = 6, .ack = 1461, .wnd = 30000);
    segments += tcp_test_forget(&tt);
    tcp_test_advance_ms(&tt, 20);
    tt.net->now_ns = tt.f.now_ns;
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.state, 1);
    assert_int_equal(r.recovery, TCP_REPORT_OPEN);
    assert_int_equal(r.snd_mss, 1460);
    assert_int_equal(r.mtu, 1500);
    assert_int_equal(r.flight + r.unsent, 20000 - 1460);
    assert_int_equal(r.flight, tcp_flight(tt.t));
    assert_int_equal(r.cwnd, cwnd_of(tt.t));
    assert_int_equal(r.snd_wnd, 30000);
    assert_int_equal(r.bytes_acked, 1460);
    assert_int_equal(r.bytes_received, 5);
    assert_int_equal(r.data_segs_in, 2);
    assert_int_equal(r.data_segs_out, segments);
    assert_int_equal(r.ooo_packets, 1);
    assert_int_equal(r.retransmitted, 0);
    assert_true(r.segs_in >= 3 && r.segs_out >= r.data_segs_out);
    assert_in_range(r.rtt_us, 3700, 4000); /* an eighth of 30 ms, after a round trip of nothing */
    assert_in_range(r.rttvar_us, 7400, 7700); /* and a fourth */
    assert_in_range(r.rto_us, TCP_RTO_MIN_MS * 1000 + r.rtt_us, TCP_RTO_MIN_MS * 1000 + 4000);
    assert_in_range(r.data_ago_ns, 50 * NS_PER_MS, 52 * NS_PER_MS);
    assert_in_range(r.heard_ago_ns, 20 * NS_PER_MS, 22 * NS_PER_MS);
    tcp_test_advance_ms(&tt, 1000); /* nobody answers */
    tt.net->now_ns = tt.f.now_ns;
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.recovery, TCP_REPORT_LOSS);
    assert_true(r.retransmits > 0 && r.retransmitted > 0 && r.lost_packets > 0 && r.backoff > 0);
    tcp_get_report(tt.listener, &r);
    assert_int_equal(r.state, 10);
    assert_true(r.backlog > 0 && r.accept_count == 0);
    tcp_test_end(&tt);
}

/* Before the handshake our SYN is out, and no byte waits. */
static void a_report_before_the_handshake(void **state)
{
    struct tcp_test tt;
    struct tcp_report r;
    make_syn_sent(&tt);
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.state, 2);
    assert_int_equal(r.unsent, 0);
    tcp_test_end(&tt);
}

/* A listener that wants data with its connections, and a peer whose handshake has just ended. */
static void make_deferred(struct tcp_test *tt, int seconds)
{
    make_listen(tt);
    set(tt->listener, TCP_OPT_DEFER_ACCEPT_S, seconds);
    inject(tt, .flags = TCP_SYN, .options = "\x02\x04\x05\xb4", .options_len = 4);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    tcp_test_advance_ms(tt, 20);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect_nothing(tt);
    assert_int_equal(tt->listen_ready, 0);
    assert_null(tcp_accept(tt->listener, NULL, NULL));
    assert_int_equal(connections_of(tt->net), 1); /* a half-open record still, no control block */
    assert_int_equal(tcp_test_count(tt, "tcp_accepts_deferred"), 1);
}

static void deferred_until_data(void **state)
{
    struct tcp_test tt;
    make_deferred(&tt, 10);
    tcp_test_advance_ms(&tt, 5000);
    expect_nothing(&tt); /* the SYN-ACK has arrived: it does not go again */
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "GET /");
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(tt.t);
    expect_read(&tt, "GET /");
    /* The round trip is the handshake's, without the wait. */
    assert_in_range(srtt_us8(tt.t) / 8, 20000, 22000);
    assert_false(syn_resent(tt.t));
    tcp_test_end(&tt);
}

static void deferred_until_a_fin(void **state)
{
    struct tcp_test tt;
    make_deferred(&tt, 10);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(tt.t);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
}

/* For a peer that waits for us to speak: when the time is up its ACK is asked for and will do. */
static void deferred_until_time_is_up(void **state)
{
    struct tcp_test tt;
    make_deferred(&tt, TCP_DEFER_MAX_S);
    tcp_test_advance_ms(&tt, 30900);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 200);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(tt.t);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    tcp_test_end(&tt);
}

static void deferred_and_reset(void **state)
{
    struct tcp_test tt;
    int v = 0;
    make_deferred(&tt, 10);
    inject(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(half_opens_of(tt.net), 0);
    assert_int_equal(tcp_set_opt(tt.listener, TCP_OPT_DEFER_ACCEPT_S, 100), 0);
    assert_int_equal(tcp_get_opt(tt.listener, TCP_OPT_DEFER_ACCEPT_S, &v), 0);
    assert_int_equal(v, TCP_DEFER_MAX_S);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cork_holds_what_is_not_full),
        cmocka_unit_test(cork_has_an_end),
        cmocka_unit_test(nodelay_and_fin_push_through_a_cork),
        cmocka_unit_test(quickack),
        cmocka_unit_test(user_timeout_of_data),
        cmocka_unit_test(user_timeout_after_progress),
        cmocka_unit_test(user_timeout_set_while_waiting),
        cmocka_unit_test(user_timeout_of_a_shut_window),
        cmocka_unit_test(user_timeout_of_keepalive),
        cmocka_unit_test(user_timeout_of_connect),
        cmocka_unit_test(linger2),
        cmocka_unit_test(maxseg_of_a_listener),
        cmocka_unit_test(accepted_connections_inherit),
        cmocka_unit_test(congestion_control_by_name),
        cmocka_unit_test(a_report),
        cmocka_unit_test(a_report_before_the_handshake),
        cmocka_unit_test(deferred_until_data),
        cmocka_unit_test(deferred_until_a_fin),
        cmocka_unit_test(deferred_until_time_is_up),
        cmocka_unit_test(deferred_and_reset),
    };
    return tcp_run_all(tests);
}
