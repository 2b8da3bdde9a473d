/*
 * Closing: every path, TIME-WAIT, orphans, resets, loss of the address (RFC
 * 9293 3.6, 3.10.4, 3.10.5, 3.10.7.4; RFC 1337; RFC 1122 4.2.2.13; RFC 2525 2.17; reference
 * families 22, 28).
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

static void acks(struct tcp_test *tt, uint32_t seq, uint32_t ack)
{
    inject(tt, .flags = TCP_ACK, .seq = seq, .ack = ack);
}

static void fin(struct tcp_test *tt, uint32_t seq, uint32_t ack)
{
    inject(tt, .flags = TCP_FIN | TCP_ACK, .seq = seq, .ack = ack);
}

/* After it only the listener is left, and when 2 MSL are over nothing on the wire. */
static void all_home(struct tcp_test *tt, uint32_t time_waits)
{
    expect_nothing(tt);
    assert_int_equal(connections_of(tt->net), 1);
    assert_int_equal(orphans_of(tt->net), 0);
    assert_int_equal(time_waits_of(tt->net), time_waits);
    tcp_test_advance_ms(tt, 2 * TCP_MSL_DEFAULT_MS + 1);
    assert_int_equal(time_waits_of(tt->net), 0);
    expect_nothing(tt);
    tcp_test_end(tt);
}

static void peer_closes_first(void **state)
{
    struct tcp_test tt;
    make_close_wait(&tt);
    expect_read(&tt, "");
    assert_int_equal(tcp_ready(tt.t) & NET_READY_RDHUP, NET_READY_RDHUP);
    assert_int_equal(tt_send(&tt, "more"), 4); /* still our turn */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2, .data = "more");
    tt_close(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 5, .ack = 2);
    acks(&tt, 2, 6);
    all_home(&tt, 0);
}

static void we_close_first(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tt_close(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    acks(&tt, 1, 2);
    fin(&tt, 1, 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    all_home(&tt, 1);
}

static void fin_and_ack_of_fin_together(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tt_close(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    fin(&tt, 1, 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    all_home(&tt, 1);
}

static void both_close_at_once(void **state)
{
    struct tcp_test tt;
    make_closing(&tt);
    tt_close(&tt);
    acks(&tt, 2, 2);
    all_home(&tt, 1);
}

/* In CLOSING the peer's FIN comes again with the ACK of ours: our ACK was lost. */
static void closing_sees_the_fin_again(void **state)
{
    struct tcp_test tt;
    make_closing(&tt);
    tt_close(&tt);
    fin(&tt, 1, 1);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    fin(&tt, 1, 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    all_home(&tt, 1);
}

/* The owner holds on while the connection goes through TIME-WAIT; data is read afterwards. */
static void owner_reads_in_time_wait(void **state)
{
    struct tcp_test tt;
    make_fin_wait_2(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_FIN | TCP_PSH, .seq = 1, .ack = 2, .data = "bye");
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 5);
    assert_int_equal(state_of(tt.t), TCP_TIME_WAIT);
    assert_int_equal(tcp_ready(tt.t) & (NET_READY_IN | NET_READY_HUP),
                     NET_READY_IN | NET_READY_HUP);
    expect_read(&tt, "bye");
    expect_read(&tt, "");
    assert_int_equal(tcp_send(tt.t, "x", 1, 0), -EPIPE);
    uint32_t addr;
    uint16_t port;
    assert_int_equal(tcp_peer(tt.t, &addr, &port), 0);
    fin(&tt, 4, 2); /* the record answers */
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 5);
    tt_close(&tt);
    all_home(&tt, 1);
}

static void data_after_half_close_is_received(void **state)
{
    struct tcp_test tt;
    make_fin_wait_2(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2, .data = "answer");
    expect_read(&tt, "answer");
    fin(&tt, 7, 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 8);
    tt_close(&tt);
    all_home(&tt, 1);
}

/* RFC 1122 4.2.2.13: data for an owner that has gone is answered by a RST. */
static void data_after_close_resets(void **state)
{
    void (*const make[])(struct tcp_test *) = {make_fin_wait_1, make_fin_wait_2};
    for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
        struct tcp_test tt;
        make[i](&tt);
        tt_close(&tt);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2, .data = "too late");
        expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 2, .ack = 1);
        all_home(&tt, 0);
    }
}

/* RFC 2525 2.17, TestRstOnCloseWithUnreadData. */
static void close_with_unread_data_resets(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "unread");
    tt_close(&tt);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 7);
    all_home(&tt, 0);
}

static void linger_zero_resets(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "data"), 4);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_LINGER_S, 0), 0);
    tt_close(&tt);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 5, .ack = 1);
    all_home(&tt, 0);
}

static void close_in_syn_sent_is_silent(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    tt_close(&tt);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(connections_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* tcp fin_wait2_timeout, for orphans only. */
static void fin_wait_2_ends(void **state)
{
    struct tcp_test tt;
    make_fin_wait_2(&tt);
    tcp_test_advance_ms(&tt, 10 * TCP_FIN_WAIT_2_MS);
    assert_int_equal(state_of(tt.t), TCP_FIN_WAIT_2); /* its owner may wait for ever */
    tt_close(&tt);
    tcp_test_advance_ms(&tt, TCP_FIN_WAIT_2_MS - 10);
    assert_int_equal(connections_of(tt.net), 2);
    tcp_test_advance_ms(&tt, 20);
    all_home(&tt, 0);
}

static void queued_data_is_delivered_after_close(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 20000, 1), 20000);
    tt_close(&tt);
    assert_int_equal(tcp_test_forget(&tt), 10);
    acks(&tt, 1, 14601);
    assert_int_equal(tcp_test_forget(&tt), 4);
    acks(&tt, 1, 20002);
    fin(&tt, 1, 20002);
    expect(&tt, .flags = TCP_ACK, .seq = 20002, .ack = 2);
    all_home(&tt, 1);
}

static void silent_peer_loses_its_orphan(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "data"), 4);
    tt_close(&tt);
    tcp_test_advance_ms(&tt, TCP_ORPHAN_R2_MS + TCP_RTO_MAX_MS);
    (void)tcp_test_forget(&tt);
    all_home(&tt, 0);
}

/* Half of the table at most are orphans; the oldest goes. */
static void orphans_are_bounded(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_connections = 9;
    make_listen_with(&tt, &cfg);
    for (uint16_t i = 0; i < 50; i++) {
        inject(&tt, .flags = TCP_SYN, .sport = (uint16_t)(1000 + i));
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = (uint16_t)(1000 + i));
        struct tcp_cb *t = tcp_accept(tt.listener, NULL, NULL);
        assert_non_null(t);
        tcp_close(t);
        assert_true(orphans_of(tt.net) <= 4);
        (void)tcp_test_forget(&tt);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_orphans_evicted"), 46);
    tcp_test_end(&tt);
}

/* One who asks, shuts its window and is given up by its owner. */
static void one_with_a_shut_window_is_closed(struct tcp_test *tt, uint16_t port)
{
    tt->rport = port;
    tt_handshake(tt, "", 0, 0);
    assert_int_equal(tt_send(tt, "an answer"), 9);
    tt_close(tt);
    (void)tcp_test_forget(tt);
}

/* Long before that those whose peers keep the window shut make room for each other, with plenty of
 * buffers for all: a crowd of them would have to be probed for two minutes each (RFC 6429 4). */
static void orphans_with_shut_windows_are_fewer(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_connections = 4 * TCP_SHUT_ORPHAN_FRACTION;
    make_listen_with(&tt, &cfg);
    for (uint16_t i = 0; i < 50; i++) {
        one_with_a_shut_window_is_closed(&tt, (uint16_t)(1000 + i));
        assert_true(orphans_of(tt.net) <= TCP_SHUT_ORPHANS_MIN);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_orphans_evicted"), 50 - TCP_SHUT_ORPHANS_MIN);
    tcp_test_advance_ms(&tt, 60 * 1000);
    assert_in_range(tcp_test_count(&tt, "tcp_tx_window_probes"), TCP_SHUT_ORPHANS_MIN,
                    TCP_SHUT_ORPHANS_MIN * 10);
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
}

/* And only those: a peer that takes what was sent finishes in good order. */
static void orphans_with_open_windows_stay(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_connections = 4 * TCP_SHUT_ORPHAN_FRACTION;
    make_listen_with(&tt, &cfg);
    for (uint16_t i = 0; i < 60; i++) {
        tt.rport = (uint16_t)(1000 + i);
        tt_handshake(&tt, "", 0, TT_WND);
        assert_int_equal(tt_send(&tt, "an answer"), 9);
        tt_close(&tt);
        (void)tcp_test_forget(&tt);
    }
    assert_int_equal(orphans_of(tt.net), 60);
    assert_int_equal(tcp_test_count(&tt, "tcp_orphans_evicted"), 0);
    tcp_test_end(&tt);
}

/* Family 28. */
static void time_wait_answers(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    inject(&tt, .flags = TCP_RST, .seq = 1); /* of the old connection */
    inject(&tt, .flags = TCP_RST, .seq = 70000);
    acks(&tt, 2, 2); /* nothing to say */
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2, .data = "old"); /* an old duplicate */
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    tcp_test_advance_ms(&tt, 500);
    inject(&tt, .flags = TCP_SYN, .seq = 1); /* not above what was received */
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(time_waits_of(tt.net), 1);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS + 1);
    assert_int_equal(time_waits_of(tt.net), 0);
    acks(&tt, 2, 2);
    expect(&tt, .flags = TCP_RST, .seq = 2);
    tcp_test_end(&tt);
}

/* RFC 5961 7: strays get one ACK in each such time, whatever they are; the peer's FIN gets its own
 * each time, and a later SYN opens at once. */
static void few_answers(uint32_t each_ms)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    tt.net->cfg.limits.tcp_challenge_ms = each_ms;
    for (uint32_t ms = 0; ms < 10 * each_ms; ms += 10) {
        inject(&tt, .flags = TCP_ACK, .seq = ms, .ack = 2, .data = "stray");
        inject(&tt, .flags = TCP_SYN, .seq = (uint32_t)-5 - ms);
        inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 3 + ms, .ack = 2);
        tcp_test_advance_ms(&tt, 10);
    }
    size_t answers = tcp_test_forget(&tt);
    assert_in_range(answers, 10, 11); /* intervals of the clock, not of the first stray's */
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_challenge_ack"), answers);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_challenge_limited"), 3 * each_ms - answers);
    for (int i = 0; i < 5; i++) {
        fin(&tt, 1, 2);
        expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    }
    inject(&tt, .flags = TCP_SYN, .seq = 3);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 2 + TCP_ISS_REOPEN_STEP, .ack = 4);
    tcp_test_end(&tt);
}

static void time_wait_answers_are_few(void **state)
{
    few_answers(500); /* the default: test_tcp_checks.c:rate_can_be_set */
    few_answers(70);
}

/* One record's strays take nothing from another (CVE-2016-5696). */
static void time_waits_are_counted_apart(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    inject(&tt, .flags = TCP_SYN, .sport = 9);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 9);
    tcp_close(tcp_accept(tt.listener, NULL, NULL));
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2, .sport = 9);
    (void)tcp_test_forget(&tt);
    assert_int_equal(time_waits_of(tt.net), 2);
    for (uint32_t i = 0; i < 100; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1 + i, .ack = 2, .data = "stray");
    }
    assert_int_equal(tcp_test_forget(&tt), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2, .data = "stray", .sport = 9);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    tcp_test_end(&tt);
}

/* TestTCPTimeWaitDuplicateFINExtendsTimeWait. */
static void fin_again_restarts_time_wait(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    fin(&tt, 1, 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    assert_int_equal(time_waits_of(tt.net), 1);
    tcp_test_advance_ms(&tt, 1001);
    assert_int_equal(time_waits_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* TestTCPTimeWaitNewSyn: a higher SYN opens anew, with numbers above the old ones. */
static void syn_reopens_time_wait(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    inject(&tt, .flags = TCP_SYN, .seq = 3);
    assert_int_equal(time_waits_of(tt.net), 0);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 2 + TCP_ISS_REOPEN_STEP, .ack = 4);
    acks(&tt, 4, 3 + TCP_ISS_REOPEN_STEP);
    assert_non_null(tcp_accept(tt.listener, NULL, NULL));
    tcp_test_end(&tt);
}

static void time_wait_without_listener_does_not_reopen(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    tcp_close(tt.listener);
    inject(&tt, .flags = TCP_SYN, .seq = 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(time_waits_of(tt.net), 1);
    tcp_test_end(&tt);
}

static void time_wait_is_recycled(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_time_wait = 3;
    cfg.tcp_msl_ms = 1000;
    make_listen_with(&tt, &cfg);
    for (uint16_t i = 0; i < 10; i++) {
        uint16_t port = (uint16_t)(1000 + i);
        inject(&tt, .flags = TCP_SYN, .sport = port);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = port);
        tcp_close(tcp_accept(tt.listener, NULL, NULL));
        inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2, .sport = port);
        (void)tcp_test_forget(&tt);
        tcp_test_advance_ms(&tt, 10);
    }
    assert_int_equal(time_waits_of(tt.net), 3);
    assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_recycled"), 7);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2, .sport = 1009); /* the youngest */
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    tcp_test_advance_ms(&tt, 2010); /* cfg.tcp_msl_ms */
    assert_int_equal(time_waits_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* The address is lost: everything that used it ends, listeners stay. */
static void address_lost(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_SYN, .sport = 9);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tt_send(&tt, "data"), 4);
    (void)tcp_test_forget(&tt);
    struct net_event e = {.kind = NET_EVENT_ADDRESS_LOST};
    iface_set_address(tt.net, &e);
    assert_int_equal(net_address(tt.net), 0);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_int_equal(tcp_take_error(tt.t), ENETDOWN);
    assert_true((tt.ready & NET_READY_ERR) != 0);
    assert_int_equal(half_opens_of(tt.net), 0);
    expect_nothing(&tt);
    assert_int_equal(state_of(tt.listener), TCP_LISTEN);
    tt_close(&tt);
    tcp_test_end(&tt);
}

static void count_calls(void *owner, uint32_t bits)
{
    (*(unsigned *)owner)++;
}

/* No ready call after tcp_close. */
static void no_call_after_close(void **state)
{
    struct tcp_test tt;
    unsigned calls = 0;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 100000, 1), sndbuf_bytes(tt.t));
    tcp_set_owner(tt.t, count_calls, &calls);
    tt_close(&tt);
    calls = 0;
    acks(&tt, 1, 14601);
    acks(&tt, 1, 29201);
    fin(&tt, 1, 29201);
    inject(&tt, .flags = TCP_RST, .seq = 2);
    assert_int_equal(calls, 0);
    (void)tcp_test_forget(&tt);
    all_home(&tt, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_closes_first),
        cmocka_unit_test(we_close_first),
        cmocka_unit_test(fin_and_ack_of_fin_together),
        cmocka_unit_test(both_close_at_once),
        cmocka_unit_test(closing_sees_the_fin_again),
        cmocka_unit_test(owner_reads_in_time_wait),
        cmocka_unit_test(data_after_half_close_is_received),
        cmocka_unit_test(data_after_close_resets),
        cmocka_unit_test(close_with_unread_data_resets),
        cmocka_unit_test(linger_zero_resets),
        cmocka_unit_test(close_in_syn_sent_is_silent),
        cmocka_unit_test(fin_wait_2_ends),
        cmocka_unit_test(queued_data_is_delivered_after_close),
        cmocka_unit_test(silent_peer_loses_its_orphan),
        cmocka_unit_test(orphans_are_bounded),
        cmocka_unit_test(orphans_with_shut_windows_are_fewer),
        cmocka_unit_test(orphans_with_open_windows_stay),
        cmocka_unit_test(time_wait_answers),
        cmocka_unit_test(time_wait_answers_are_few),
        cmocka_unit_test(time_waits_are_counted_apart),
        cmocka_unit_test(fin_again_restarts_time_wait),
        cmocka_unit_test(syn_reopens_time_wait),
        cmocka_unit_test(time_wait_without_listener_does_not_reopen),
        cmocka_unit_test(time_wait_is_recycled),
        cmocka_unit_test(address_lost),
        cmocka_unit_test(no_call_after_close),
    };
    return tcp_run_all(tests);
}
