/*
 * The four deadlines of a connection in one place of the wheel (net/tcp/block/timer.c), and what
 * the root does when several are due (net/tcp/timers.c).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

static uint64_t in_ms(const struct tcp_test *tt, uint64_t ms)
{
    return tt->net->now_ns + ms * NS_PER_MS;
}

/* Later, or not at all, is a store: the place in the wheel stays. Earlier moves it. */
static void only_an_earlier_deadline_moves_the_wheel(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    struct tcp_cb *t = tt.t;
    const struct timer *wheel = wheel_timer(t);
    uint64_t first = in_ms(&tt, 100);
    tcp_timer_set(t, TCP_TIMER_DELACK, first);
    assert_true(timer_armed(wheel));
    assert_int_equal(wheel->deadline_ns, first);
    tcp_timer_set(t, TCP_TIMER_DELACK, first + NS_PER_S);
    tcp_timer_set(t, TCP_TIMER_IDLE, first + NS_PER_MS);
    assert_int_equal(wheel->deadline_ns, first);
    assert_int_equal(tcp_timer_at(t, TCP_TIMER_DELACK), first + NS_PER_S);
    tcp_timer_set(t, TCP_TIMER_RACK, first - NS_PER_MS);
    assert_int_equal(wheel->deadline_ns, first - NS_PER_MS);
    tcp_timer_stop(t, TCP_TIMER_RACK);
    tcp_timer_stop(t, TCP_TIMER_IDLE);
    assert_false(tcp_timer_armed(t, TCP_TIMER_RACK));
    tcp_test_advance_ms(&tt, 150); /* the wheel comes for nothing, and is hung for what is left */
    expect_nothing(&tt);
    assert_int_equal(wheel->deadline_ns, first + NS_PER_S);
    tcp_test_advance_ms(&tt, 949);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_false(timer_armed(wheel));
    tcp_test_end(&tt);
}

/* What the timeout sends carries the ACK that was put off: one segment goes, not two. */
static void timeout_and_delayed_ack_in_one_tick(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 100, 1), 100);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .len = 100);
    inject(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "hello");
    expect_nothing(&tt);
    assert_true(tcp_timer_armed(tt.t, TCP_TIMER_DELACK));
    uint64_t due = in_ms(&tt, 10);
    tcp_timer_set(tt.t, TCP_TIMER_DELACK, due);
    tcp_timer_set(tt.t, TCP_TIMER_RTX, due);
    tcp_test_advance_ms(&tt, 10);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 6, .len = 100);
    expect_nothing(&tt);
    assert_false(tcp_timer_armed(tt.t, TCP_TIMER_DELACK));
    assert_true(tcp_timer_armed(tt.t, TCP_TIMER_RTX));
    assert_int_equal(tt.net->counters.tcp_timeouts, 1);
    tcp_test_end(&tt);
}

/* A stack that is polled late takes the ticks in their order: what was due before a timeout has its
 * turn before it, here the ACK, which so goes alone. */
static void late_poll_keeps_the_order_of_ticks(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 100, 1), 100);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .len = 100);
    inject(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "hello");
    tcp_timer_set(tt.t, TCP_TIMER_DELACK, in_ms(&tt, 10));
    tcp_timer_set(tt.t, TCP_TIMER_RTX, in_ms(&tt, 12));
    tt.f.now_ns += 30 * NS_PER_MS;
    tt.f.deadline_ns = net_poll(tt.net, tt.f.now_ns);
    expect(&tt, .flags = TCP_ACK, .seq = 101, .ack = 6);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 6, .len = 100);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* The end of a connection takes all four off the wheel. */
static void nothing_hangs_after_the_end(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    for (enum tcp_timer_kind kind = 0; kind < TCP_TIMERS; kind++) {
        tcp_timer_set(tt.t, kind, in_ms(&tt, 5 + kind));
    }
    inject(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_false(timer_armed(wheel_timer(tt.t)));
    for (enum tcp_timer_kind kind = 0; kind < TCP_TIMERS; kind++) {
        assert_false(tcp_timer_armed(tt.t, kind));
    }
    tcp_test_advance_ms(&tt, 100);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_an_earlier_deadline_moves_the_wheel),
        cmocka_unit_test(timeout_and_delayed_ack_in_one_tick),
        cmocka_unit_test(late_poll_keeps_the_order_of_ticks),
        cmocka_unit_test(nothing_hangs_after_the_end),
    };
    return tcp_run_all(tests);
}
