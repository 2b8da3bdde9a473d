/*
 * What a stack tells of its connections one by one (tcp/walk.c), and why each sends nothing.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

enum {
    SHOWN_MAX = 64,
    LISTEN = 10, /* as Linux counts them */
    ESTABLISHED = 1,
    SYN_RECEIVED = 3,
    TIME_WAIT = 6,
};

struct shown {
    struct tcp_view all[SHOWN_MAX];
    size_t count;
};

static void keep(void *ctx, const struct tcp_view *v)
{
    struct shown *s = ctx;
    assert_true(s->count < SHOWN_MAX);
    s->all[s->count++] = *v;
}

static struct shown walk(struct tcp_test *tt)
{
    struct shown s = {.count = 0};
    uint32_t at = 0;
    tt->net->now_ns = tt->f.now_ns;
    while (tcp_walk(tt->net, &at, keep, &s)) {
        /* a bucket at a time */
    }
    assert_false(tcp_walk(tt->net, &at, keep, &s)); /* that was all */
    return s;
}

/* The one in that state; there is one alone. */
static const struct tcp_view *only(const struct shown *s, uint8_t state)
{
    const struct tcp_view *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        if (s->all[i].state == state) {
            assert_null(found);
            found = &s->all[i];
        }
    }
    assert_non_null(found);
    return found;
}

static void every_kind(void **state)
{
    (void)state;
    struct tcp_test tt;
    make_half_open(&tt);
    struct shown s = walk(&tt);
    assert_int_equal(s.count, 2);
    assert_int_equal(only(&s, LISTEN)->id.lport, TT_PORT);
    assert_int_equal(only(&s, LISTEN)->recv_bytes, 0);
    assert_int_equal(only(&s, SYN_RECEIVED)->id.rport, TT_PEER_PORT);
    assert_int_equal(only(&s, SYN_RECEIVED)->waits, TCP_WAITS_HANDSHAKE);
    tcp_close(tt.listener);
    tt.listener = NULL;
    tcp_test_end(&tt);

    make_established(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "hello");
    s = walk(&tt);
    assert_int_equal(s.count, 2);
    const struct tcp_view *v = only(&s, ESTABLISHED);
    assert_int_equal(v->id.laddr, FIXTURE_ADDR);
    assert_int_equal(v->id.raddr, FIXTURE_PEER);
    assert_int_equal(v->recv_bytes, 5);
    assert_int_equal(v->send_bytes, 0);
    assert_true(v->accepted && !v->orphan);
    assert_true(v->ack_in_ns <= 40 * NS_PER_MS && v->rto_in_ns == UINT64_MAX);
    assert_int_equal(v->waits, TCP_WAITS_APPLICATION);
    assert_string_equal(v->congestion, "cubic");
    tcp_test_abort(&tt);

    make_time_wait(&tt);
    s = walk(&tt);
    v = only(&s, TIME_WAIT);
    assert_true(v->end_in_ns > NS_PER_S && v->end_in_ns <= 240 * NS_PER_S);
    tcp_test_end(&tt);
}

static enum tcp_waits waits(struct tcp_test *tt)
{
    tt->net->now_ns = tt->f.now_ns;
    return tcp_waits_for(tt->t);
}

/* Why nothing goes: each reason by what brings it about. */
static void reasons(void **state)
{
    (void)state;
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(waits(&tt), TCP_WAITS_APPLICATION);
    assert_int_equal(tt_send(&tt, "all of it"), 9);
    assert_int_equal(waits(&tt), TCP_WAITS_ACK);
    assert_int_equal(tt_send(&tt, "and more"), 8);
    assert_int_equal(waits(&tt), TCP_WAITS_NAGLE);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 10);
    assert_int_equal(waits(&tt), TCP_WAITS_ACK);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 18);
    assert_int_equal(waits(&tt), TCP_WAITS_APPLICATION);
    (void)tcp_test_forget(&tt);

    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_CORK, 1), 0);
    assert_int_equal(tt_send(&tt, "corked"), 6);
    assert_int_equal(waits(&tt), TCP_WAITS_MORE);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_CORK, 0), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 24);
    (void)tcp_test_forget(&tt);

    assert_true(tt_send_bytes(&tt, 60000, 24) > 30000); /* the peer's window holds all of it */
    assert_int_equal(waits(&tt), TCP_WAITS_CWND);
    (void)tcp_test_forget(&tt);
    tcp_test_abort(&tt);

    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    assert_int_equal(tt_send(&tt, "unwanted"), 8);
    assert_int_equal(waits(&tt), TCP_WAITS_WINDOW);
    (void)tcp_test_forget(&tt);
    tcp_test_abort(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(reasons),
    };
    return tcp_run_all(tests);
}
