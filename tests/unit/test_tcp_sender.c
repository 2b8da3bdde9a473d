/*
 * The sending side where several of its rules meet: windows, sizes of segments, FINs and numbers
 * that change while something else is under way. Each test is a bug that was once found.
 */
// LINK: tests/unit/tcp_[cf]*.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_check.h"
#include "tests/unit/tcp_sack_peer.h"

enum {
    NARROW_MTU = 552,
    NARROW_MSS = NARROW_MTU - TCP_IP_HEADERS,
};

static void end(struct tcp_test *tt)
{
    tcp_check_invariants(tt->net);
    tcp_test_end(tt);
}

/* The FIN went as the probe of a shut window; its ACK opens the window, and that is the end of it.
 */
static void an_acknowledged_fin_is_not_lost(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 2000);
    assert_true(fin_sent(tt.t) && probes_of(tt.t) > 0);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(state_of(tt.t), TCP_FIN_WAIT_2);
    assert_false(fin_lost(tt.t));
    expect_nothing(&tt);
    end(&tt);
}

/* The path's size is lowered to the floor, or was so long ago that the larger one is tried. */
static void narrow(struct tcp_test *tt)
{
    (void)tcp_do_due(tt->t, tcp_pmtu_message(tt->t, NARROW_MTU, 1500));
    assert_int_equal(snd_mss(tt->t), NARROW_MSS);
}

static void widen(struct tcp_test *tt)
{
    tt->net->pmtu.entries[0].until_ns = 0;
    set_path_lowered_ago(tt->t, PMTU_LIFE_S * NS_PER_S);
    tcp_pmtu_refresh(tt->t);
    assert_int_equal(snd_mss(tt->t), SP_MSS);
}

/* Fast recovery began with small segments and ends with large ones: cwnd holds one of these. */
static void segments_grow_in_recovery(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, false, 0);
    tt.net->now_ns = tt.f.now_ns += 1000 * NS_PER_S; /* late enough for `widen` to look back */
    assert_int_equal(sp_send(&tt, 0, 1), 1);
    narrow(&tt);
    (void)tcp_test_forget(&tt);
    sp_ack(&tt, 1);
    set_cwnd(tt.t, 4 * NARROW_MSS);
    assert_int_equal(tt_send_bytes(&tt, 4 * NARROW_MSS, sp_at(1)), 4 * NARROW_MSS);
    for (int i = 0; i < TCP_DUPACK_THRESHOLD; i++) {
        sp_ack(&tt, 1);
    }
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    assert_true(ssthresh_of(tt.t) < SP_MSS);
    widen(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = sp_at(1) + 4 * NARROW_MSS);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    assert_true(cwnd_of(tt.t) >= SP_MSS);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tt_send_bytes(&tt, SP_MSS, sp_at(1) + 4 * NARROW_MSS), SP_MSS);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = sp_at(1) + 4 * NARROW_MSS, .ack = 1,
           .len = SP_MSS);
    end(&tt);
}

/* What is sent again in parts needs room in cwnd for one part, not for all. */
static void parts_go_one_by_one(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, false, NET_TCP_OFF_FRTO);
    assert_int_equal(sp_send(&tt, 0, 2), 2);
    tcp_test_advance_ms(&tt, 2000); /* a timeout */
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_LOSS);
    narrow(&tt);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tcp_pipe(tt.t), SP_MSS); /* the first, in three parts */
    set_cwnd(tt.t, SP_MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + NARROW_MSS);
    assert_int_equal(cwnd_of(tt.t), SP_MSS + NARROW_MSS);
    expect(&tt, .flags = TCP_ACK, .seq = sp_at(1), .ack = 1, .len = NARROW_MSS);
    expect(&tt, .flags = TCP_ACK, .seq = sp_at(1) + NARROW_MSS, .ack = 1, .len = NARROW_MSS);
    expect_nothing(&tt);
    end(&tt);
}

/* RFC 5681 3.2 step 2: limited transmit does not raise ssthresh. */
static void limited_transmit_does_not_count(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, false, 0);
    uint32_t cwnd = cwnd_of(tt.t);
    assert_int_equal(sp_send(&tt, 0, 20), cwnd / SP_MSS);
    for (int i = 0; i < TCP_DUPACK_THRESHOLD; i++) {
        sp_ack(&tt, 0);
    }
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    assert_int_equal(ssthresh_of(tt.t), cwnd / 2);
    end(&tt);
}

/* A second timeout while the first one's losses are repaired: what was lost before cwnd became one
 * segment is not in the network, and no measure of it. */
static void a_timeout_in_the_repair_of_another(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, false, NET_TCP_OFF_FRTO);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    tcp_test_advance_ms(&tt, 2000);
    assert_int_equal(ssthresh_of(tt.t), 5 * SP_MSS);
    sp_ack(&tt, 1);
    assert_int_equal(cwnd_of(tt.t), 2 * SP_MSS);
    for (int i = 0; i < 100 && timeouts_of(tt.t) == 0; i++) {
        tcp_test_advance_ms(&tt, 100);
    }
    assert_int_equal(timeouts_of(tt.t), 1);
    assert_int_equal(ssthresh_of(tt.t), 2 * SP_MSS);
    end(&tt);
}

/* RACK's round of DSACKs is forgotten when it is over, not half the number space later. */
static void duplicates_after_half_the_number_space(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, true, 0);
    /* So much has gone since the last one. */
    set_dsack_round(tt.t, snd_una(tt.t) - 0x7fffffff + 2000);
    for (uint32_t i = 0; i < 4; i++) {
        (void)sp_send(&tt, i, 1);
        sp_ack(&tt, i + 1);
    }
    (void)sp_send(&tt, 4, 2);
    sp_dsack(&tt, 4, 3);
    assert_int_equal(reo_wnd_steps(tt.t), 1);
    end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_acknowledged_fin_is_not_lost),
        cmocka_unit_test(segments_grow_in_recovery),
        cmocka_unit_test(parts_go_one_by_one),
        cmocka_unit_test(limited_transmit_does_not_count),
        cmocka_unit_test(a_timeout_in_the_repair_of_another),
        cmocka_unit_test(duplicates_after_half_the_number_space),
    };
    return tcp_run_all(tests);
}
