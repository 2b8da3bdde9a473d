/*
 * Path MTU discovery (RFC 1191, RFC 5927 7): whom we believe, what we do about it, paths that
 * swallow large packets, and the way back up; and the table of path MTUs.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/frag_needed.h"

enum {
    FULL = 1460,
    SMALLER = 1280 - 40,
};

/* ESTABLISHED with three full segments out, seen and forgotten. */
static void three_out(struct tcp_test *tt)
{
    make_established(tt);
    assert_int_equal(tt_send_bytes(tt, 3 * FULL, 1), 3 * FULL);
    assert_int_equal(tcp_test_forget(tt), 3);
}

static bool has_df(const struct frame *fr)
{
    return (fr->bytes[6] & 0x40) != 0;
}

/* All bytes come again in smaller segments, at once, and cwnd does not suffer (RFC 1191 6.5). */
static void smaller_segments_at_once(void **state)
{
    struct tcp_test tt;
    three_out(&tt);
    uint32_t cwnd = cwnd_of(tt.t);
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 1);
    uint32_t at = 1;
    for (; at + SMALLER <= 1 + 3 * FULL; at += SMALLER) { /* cut anew, without a crumb of each */
        expect(&tt, .flags = TCP_ACK, .seq = at, .ack = 1, .len = SMALLER);
    }
    expect(&tt, .flags = TCP_ACK, .seq = at, .ack = 1, .len = 1 + 3 * FULL - at);
    at = 1 + 3 * FULL;
    expect_nothing(&tt);
    assert_int_equal(cwnd_of(tt.t), cwnd);
    assert_int_equal(tcp_test_count(&tt, "tcp_icmp_frag_needed"), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = at);
    assert_int_equal(tt_send_bytes(&tt, 2 * SMALLER, at), 2 * SMALLER); /* and new data */
    expect(&tt, .flags = TCP_ACK, .seq = at, .ack = 1, .len = SMALLER);
    expect(&tt, .flags = TCP_ACK, .seq = at + SMALLER, .ack = 1, .len = SMALLER);
    tcp_test_abort(&tt);
}

/* RFC 5927: what does not fit what we sent, or tells nothing new, changes nothing. */
static void lies_are_ignored(void **state)
{
    struct tcp_test tt;
    three_out(&tt);
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 3 * FULL + 1); /* not sent yet */
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 0);            /* acknowledged */
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 1, .rport = 1234);
    say(&tt, .mtu = 1500, .quoted_bytes = 1500, .seq = 1); /* it would have fitted */
    say(&tt, .mtu = 9000, .quoted_bytes = 1500, .seq = 1);
    say(&tt, .mtu = 1280, .quoted_bytes = 1000, .seq = 1);
    say(&tt, .mtu = 1280, .quoted_bytes = 9000, .seq = 1); /* larger than anything of ours */
    expect_nothing(&tt);
    assert_int_equal(snd_mss(tt.t), FULL);
    assert_int_equal(tcp_test_count(&tt, "tcp_icmp_frag_needed"), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_icmp_ignored"), 7);
    tcp_test_abort(&tt);
}

/* A claim below the floor is met by packets of the floor's size that may be fragmented. */
static void floor_without_df(void **state)
{
    static const uint16_t claims[] = {28, 68, 551};
    for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
        struct tcp_test tt;
        struct frame fr;
        three_out(&tt);
        say(&tt, .mtu = claims[i], .quoted_bytes = 1500, .seq = 1);
        assert_int_equal(snd_mss(tt.t), PMTU_FLOOR_BYTES - 40);
        assert_true(fixture_pop(&tt.f, &fr));
        assert_int_equal(fr.len, PMTU_FLOOR_BYTES);
        assert_false(has_df(&fr));
        tcp_test_abort(&tt);
    }
}

/* RFC 1191 5: a router that names no MTU; the next plateau below the quoted packet. */
static void plateau_when_nothing_is_named(void **state)
{
    struct tcp_test tt;
    struct frame fr;
    three_out(&tt);
    say(&tt, .mtu = 0, .quoted_bytes = 1500, .seq = 1);
    assert_int_equal(snd_mss(tt.t), 1492 - 40);
    assert_true(fixture_pop(&tt.f, &fr));
    assert_true(has_df(&fr));
    (void)tcp_test_forget(&tt);
    say(&tt, .mtu = 0, .quoted_bytes = 1492, .seq = 1);
    assert_int_equal(snd_mss(tt.t), SMALLER);
    tcp_test_abort(&tt);
}

/* A new connection to the same host begins with what is known. */
static void known_to_the_next_connection(void **state)
{
    struct tcp_test tt;
    three_out(&tt);
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 1);
    (void)tcp_test_forget(&tt);
    bool may_fragment = true;
    assert_int_equal(pmtu_get(tt.net, FIXTURE_PEER, &may_fragment), 1280);
    assert_false(may_fragment);
    assert_int_equal(pmtu_get(tt.net, FRAG_ROUTER, &may_fragment), 1500);
    inject(&tt, .flags = TCP_SYN, .sport = 5000);
    struct frame fr;
    assert_true(fixture_pop(&tt.f, &fr)); /* MSS 1460 all the same: it is of what we receive */
    assert_int_equal(load_be16(fr.bytes + 42), 1460);
    inject(&tt, .flags = TCP_ACK, .sport = 5000, .seq = 1, .ack = 1);
    struct tcp_cb *second = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(second);
    assert_int_equal(snd_mss(second), TCP_MSS_DEFAULT); /* its SYN had no option */
    assert_int_equal(path_mtu_of(second), 1280);
    assert_int_equal(tcp_set_opt(second, TCP_OPT_LINGER_S, 0), 0);
    tcp_close(second);
    tcp_test_abort(&tt);
}

/* RFC 1191 6.3 */
static void raised_after_ten_minutes(void **state)
{
    struct tcp_test tt;
    three_out(&tt);
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 1);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 3 * FULL);
    tcp_test_advance_ms(&tt, 10 * 60 * 1000 - 1000);
    assert_int_equal(tt_send_bytes(&tt, SMALLER, 1 + 3 * FULL), SMALLER);
    assert_int_equal(snd_mss(tt.t), SMALLER);
    tcp_test_advance_ms(&tt, 100);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 3 * FULL + SMALLER);
    tcp_test_advance_ms(&tt, 2000);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tt_send_bytes(&tt, 10, 1 + 3 * FULL + SMALLER), 10);
    assert_int_equal(snd_mss(tt.t), FULL);
    assert_int_equal(tcp_test_count(&tt, "tcp_pmtu_raised"), 1);
    tcp_test_abort(&tt);
}

/* A window of one small segment, then larger segments: there is still a window of one (found by
 * fuzzing: nothing went any more, and nothing would have ended the connection). */
static void raised_with_a_window_of_one(void **state)
{
    struct tcp_test tt;
    struct frame fr;
    three_out(&tt);
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 3 * FULL);
    tt.net->now_ns = tt.f.now_ns;
    inject(&tt, .flags = TCP_SYN, .sport = 4001, .options = "\x02\x04\x05\xb4", .options_len = 4);
    tcp_test_advance_ms(&tt, 1100); /* our SYN-ACK is lost: the window begins with one segment */
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 4001);
    struct tcp_cb *u = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(u);
    assert_int_equal(cwnd_of(u), SMALLER);
    tcp_test_advance_ms(&tt, 11 * 60 * 1000);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 4001, .data = "?");
    tcp_test_advance_ms(&tt, 100); /* with its ACK the size is raised */
    (void)tcp_test_forget(&tt);
    tt.net->now_ns = tt.f.now_ns;
    static const char bytes[2 * FULL];
    assert_int_equal(tcp_send(u, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(snd_mss(u), FULL);
    assert_true(fixture_pop(&tt.f, &fr));
    assert_int_equal(fr.len, FULL + 40);
    assert_int_equal(tcp_set_opt(u, TCP_OPT_LINGER_S, 0), 0);
    tcp_close(u);
    tcp_test_abort(&tt);
}

/* A path that drops large packets and says nothing: after some timeouts the data gets through. */
static void black_hole_is_escaped(void **state)
{
    struct tcp_test tt;
    struct frame fr;
    three_out(&tt);
    size_t arrived = 0;
    for (int i = 0; i < 600 && arrived == 0; i++) {
        tcp_test_advance_ms(&tt, 100);
        while (fixture_pop(&tt.f, &fr)) {
            arrived += fr.len > 40 && fr.len <= 1280 ? 1 : 0;
        }
    }
    assert_true(arrived > 0);
    assert_true(tcp_test_count(&tt, "tcp_black_holes") > 0);
    assert_true(tt.f.now_ns < 30 * NS_PER_S);
    tcp_test_abort(&tt);
}

/* A hole that swallows all but the smallest plateau is escaped before an owner who has gone would
 * be given up on (TCP_ORPHAN_R2_MS). */
static void narrow_black_hole_is_escaped(void **state)
{
    struct tcp_test tt;
    three_out(&tt);
    tcp_test_advance_ms(&tt, TCP_ORPHAN_R2_MS / 2);
    assert_int_equal(path_mtu_of(tt.t), PMTU_FLOOR_BYTES);
    (void)tcp_test_forget(&tt);
    tcp_test_abort(&tt);
}

/* Small segments that arrived prove nothing about large ones, however many one ACK covers: the hole
 * is suspected as soon as if nothing had passed. */
static void small_segments_prove_nothing(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(tt_send_bytes(&tt, FULL / 2, 1 + i * (FULL / 2)), FULL / 2);
    }
    assert_int_equal(tcp_test_forget(&tt), 3);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 3 * (FULL / 2));
    assert_false(path_proven(tt.t));
    assert_int_equal(tt_send_bytes(&tt, FULL, 1 + 3 * (FULL / 2)), FULL);
    while (timeouts_of(tt.t) < TCP_BLACK_HOLE_TIMEOUTS) {
        tcp_test_advance_ms(&tt, 100);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_black_holes"), 1);
    (void)tcp_test_forget(&tt);
    tcp_test_abort(&tt);
}

/* Two timeouts in a row happen on any bad path: they are no reason to send less. */
static void plain_loss_is_no_black_hole(void **state)
{
    struct tcp_test tt;
    three_out(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + FULL); /* full segments do pass */
    while (timeouts_of(tt.t) < 5) {
        tcp_test_advance_ms(&tt, 100);
    }
    assert_int_equal(snd_mss(tt.t), FULL);
    assert_int_equal(tcp_test_count(&tt, "tcp_black_holes"), 0);
    (void)tcp_test_forget(&tt);
    tcp_test_abort(&tt);
}

/* The table forgets the one that ends first, and each of them in time. */
static void table_is_bounded(void **state)
{
    struct tcp_test tt;
    bool may_fragment;
    make_listen(&tt);
    for (uint32_t i = 0; i < 2 * PMTU_ENTRIES; i++) {
        tt.net->now_ns += NS_PER_MS;
        assert_int_equal(pmtu_lower(tt.net, 0x01000001 + i, 1000), 1000);
    }
    assert_int_equal(pmtu_get(tt.net, 0x01000001, &may_fragment), 1500);
    assert_int_equal(pmtu_get(tt.net, 0x01000001 + 2 * PMTU_ENTRIES - 1, &may_fragment), 1000);
    assert_int_equal(tcp_test_count(&tt, "pmtu_evicted"), PMTU_ENTRIES);
    tt.net->now_ns += PMTU_LIFE_S * NS_PER_S;
    assert_int_equal(pmtu_get(tt.net, 0x01000001 + 2 * PMTU_ENTRIES - 1, &may_fragment), 1500);
    tcp_close(tt.listener);
    tcp_test_end(&tt);
}

static void switched_off(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    struct frame fr;
    tcp_test_config(&cfg);
    cfg.tcp_off = NET_TCP_OFF_PMTUD;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "\2\4\5\264", 4, TT_WND);
    assert_int_equal(tt_send_bytes(&tt, FULL, 1), FULL);
    assert_true(fixture_pop(&tt.f, &fr));
    assert_false(has_df(&fr));
    say(&tt, .mtu = 1280, .quoted_bytes = 1500, .seq = 1);
    assert_int_equal(snd_mss(tt.t), FULL);
    tcp_test_abort(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smaller_segments_at_once),
        cmocka_unit_test(lies_are_ignored),
        cmocka_unit_test(floor_without_df),
        cmocka_unit_test(plateau_when_nothing_is_named),
        cmocka_unit_test(known_to_the_next_connection),
        cmocka_unit_test(raised_after_ten_minutes),
        cmocka_unit_test(raised_with_a_window_of_one),
        cmocka_unit_test(black_hole_is_escaped),
        cmocka_unit_test(narrow_black_hole_is_escaped),
        cmocka_unit_test(small_segments_prove_nothing),
        cmocka_unit_test(plain_loss_is_no_black_hole),
        cmocka_unit_test(table_is_bounded),
        cmocka_unit_test(switched_off),
    };
    return tcp_run_all(tests);
}
