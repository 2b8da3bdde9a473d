/*
 * net_finish: the end of the service before the machine is switched off. Every peer hears of it by
 * a FIN, whatever state its connection is in and whatever the owner has left unread.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

static void finish(struct tcp_test *tt)
{
    net_finish(tt->net, tt->net->now_ns);
}

static void an_established_one_gets_a_fin(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    finish(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(net_unfinished(tt.net), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(net_unfinished(tt.net), 0); /* the peer's FIN is not waited for */
    tt_close(&tt);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    tcp_test_end(&tt);
}

/* Unread data: a close would reset (RFC 2525 2.17), which is not what the owner has done. */
static void what_is_unread_does_not_make_it_a_reset(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "GET /");
    (void)tcp_test_forget(&tt);
    finish(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 6);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

static void what_is_queued_goes_in_front(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    assert_int_equal(tt_send(&tt, "last words"), 10); /* the window is shut */
    finish(&tt);
    expect_nothing(&tt);
    assert_int_equal(net_unfinished(tt.net), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_FIN | TCP_PSH | TCP_ACK, .seq = 1, .ack = 1, .data = "last words");
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 12);
    assert_int_equal(net_unfinished(tt.net), 0);
    tcp_test_end(&tt);
}

static void a_half_closed_one_is_closed(void **state)
{
    struct tcp_test tt;
    make_close_wait(&tt);
    finish(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    inject(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(net_unfinished(tt.net), 0);
    tcp_test_end(&tt);
}

/* A connection whose FIN is out sends no second; twice is once. */
static void one_that_is_closing_goes_on(void **state)
{
    struct tcp_test tt;
    make_fin_wait_1(&tt);
    finish(&tt);
    finish(&tt);
    expect_nothing(&tt);
    assert_int_equal(net_unfinished(tt.net), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(net_unfinished(tt.net), 0);
    tcp_test_end(&tt);
}

static void nobody_listens_any_more(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    finish(&tt);
    assert_int_equal(net_unfinished(tt.net), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1); /* too late */
    expect(&tt, .flags = TCP_RST, .seq = 1, .any_ack = true);
    inject(&tt, .flags = TCP_SYN, .seq = 0, .sport = 4321);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .any_ack = true, .absolute = true, .dport = 4321);
    assert_null(tcp_accept(tt.listener, NULL, NULL));
    tcp_test_end(&tt);
}

/* In the accept queue, with nothing unread: an owner would have closed it in order. */
static void one_that_waits_to_be_accepted_gets_a_fin(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(accept_count(tt.listener), 1);
    finish(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(net_unfinished(tt.net), 1);
    assert_int_equal(accept_count(tt.listener), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(net_unfinished(tt.net), 0);
    tcp_test_end(&tt);
}

/* Its request is there already: a close, with that unread, would reset it. */
static void one_that_has_asked_before_it_is_accepted_gets_a_fin(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "GET /");
    (void)tcp_test_forget(&tt);
    assert_int_equal(accept_count(tt.listener), 1);
    finish(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 6);
    expect_nothing(&tt);
    assert_int_equal(net_unfinished(tt.net), 1);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 6, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 7);
    assert_int_equal(net_unfinished(tt.net), 0);
    tcp_test_end(&tt);
}

static void one_that_asks_in_vain_is_not_waited_for(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    finish(&tt);
    expect_nothing(&tt);
    assert_int_equal(net_unfinished(tt.net), 0);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_established_one_gets_a_fin),
        cmocka_unit_test(what_is_unread_does_not_make_it_a_reset),
        cmocka_unit_test(what_is_queued_goes_in_front),
        cmocka_unit_test(a_half_closed_one_is_closed),
        cmocka_unit_test(one_that_is_closing_goes_on),
        cmocka_unit_test(nobody_listens_any_more),
        cmocka_unit_test(one_that_waits_to_be_accepted_gets_a_fin),
        cmocka_unit_test(one_that_has_asked_before_it_is_accepted_gets_a_fin),
        cmocka_unit_test(one_that_asks_in_vain_is_not_waited_for),
    };
    return tcp_run_all(tests);
}
