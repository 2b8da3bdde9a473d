/*
 * RACK-TLP (RFC 8985): loss by time, the reordering window and its timer, lost retransmissions, and
 * tail loss probes with what becomes of them.
 */
// LINK: tests/unit/tcp_[cf]*.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/frag_needed.h"
#include "tests/unit/tcp_check.h"
#include "tests/unit/tcp_sack_peer.h"

static void begin(struct tcp_test *tt)
{
    sp_begin(tt, true, 0);
}

static void end(struct tcp_test *tt)
{
    tcp_check_invariants(tt->net);
    tcp_test_end(tt);
}

/* Overtaken by a quarter of the round trip: no loss, and remembered. */
static void a_little_late_is_not_lost(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    sp_sack(&tt, 0, 1, 2);
    tcp_test_advance_ms(&tt, SP_RTT_MS / 4 - 5);
    expect_nothing(&tt);
    sp_ack(&tt, 2);
    assert_int_equal(reordered_bytes(tt.t), 2 * SP_MSS);
    expect_nothing(&tt);
    /* From now on three sacked above are no proof either. */
    sp_sack(&tt, 2, 3, 9);
    expect_nothing(&tt);
    sp_ack(&tt, 10);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 0);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    end(&tt);
}

/* What a lost ACK would have told comes with what arrived after it: that is no reordering. */
static void lost_acks_are_no_reordering(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    const struct tcp_range newest_first[] = {{sp_at(5), sp_at(6)}, {sp_at(3), sp_at(4)}};
    sp_ack_bytes(&tt, 1, newest_first, 2);
    assert_int_equal(reordered_bytes(tt.t), 0);
    sp_sack(&tt, 0, 2, 4); /* and this one is */
    assert_int_equal(reordered_bytes(tt.t), 4 * SP_MSS);
    (void)tcp_test_forget(&tt);
    end(&tt);
}

/* 6.2 step 5: the timer finds it when nothing more arrives. */
static void the_reordering_timer_finds_it(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    sp_sack(&tt, 0, 1, 2);
    tcp_test_advance_ms(&tt, SP_RTT_MS / 4 - 2);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 4);
    sp_expect(&tt, 0);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    end(&tt);
}

/* A retransmission that is lost as well is found by what was sent after it. */
static void lost_retransmissions_are_found(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    set_cwnd(tt.t, 20 * SP_MSS);
    assert_int_equal(sp_send(&tt, 0, 100), 20);
    uint32_t next = 20; /* the next new segment */
    for (unsigned times = 1; times <= 4; times++) {
        tcp_test_advance_ms(&tt, SP_RTT_MS);
        uint32_t newest = next;
        sp_sack(&tt, 0, 1, newest);
        sp_expect(&tt, 0);
        while (tt.f.out.count > 0) {
            sp_expect(&tt, next++);
        }
        assert_true(next > newest); /* new data keeps the clock going */
        assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), times);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 1);
    end(&tt);
}

/* With timestamps: an ACK up to byte 1 with one block of bytes, and the echo of a time. */
static void stale_sack(struct tcp_test *tt, uint32_t ecr, uint32_t first, uint32_t end_byte)
{
    struct opts o = {0};
    opts_ts(&o, 2, ecr);
    opts_sack(&o, 1);
    opts_block(&o, first + tt->iss, end_byte + tt->iss);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o.bytes, .options_len = o.len);
}

/* While SND.UNA stands still every ACK echoes an old time (RFC 7323 4.3): that says nothing of the
 * retransmission that a block tells of. It proves that the one before it is lost, new data or not.
 */
static void an_old_echo_says_nothing_of_blocks(void **state)
{
    struct tcp_test tt;
    struct opts syn = {0}, ack = {0};
    make_listen(&tt);
    opts_syn(&syn, 1, 0, 3);
    inject(&tt, .flags = TCP_SYN, .options = syn.bytes, .options_len = syn.len);
    assert_int_equal(tcp_test_forget(&tt), 1);
    uint32_t ecr = tcp_ts_now(tt.net, tcp_ts_offset(tt.net, FIXTURE_ADDR, FIXTURE_PEER));
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    opts_ts(&ack, 1, ecr);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = ack.bytes, .options_len = ack.len);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_true(tt.t != NULL && timestamps_agreed(tt.t) && sack_agreed(tt.t));
    uint32_t mss = snd_mss(tt.t);
    assert_int_equal(tt_send_bytes(&tt, 10 * mss, 1), 10 * mss);
    assert_int_equal(tcp_test_forget(&tt), 10);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    stale_sack(&tt, ecr, 1 + mss, 1 + 3 * mss);
    stale_sack(&tt, ecr, 1 + 4 * mss, 1 + 10 * mss); /* the first and the fourth are lost */
    assert_int_equal(tcp_test_forget(&tt), 2);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    stale_sack(&tt, ecr, 1 + mss, 1 + 10 * mss); /* the fourth has come, the first was lost again */
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 3);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .any_ack = true, .len = mss);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    end(&tt);
}

/* 6.2 step 4: a DSACK widens the window, once in a round trip; 16 recoveries narrow it. */
static void duplicates_widen_the_window(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    sp_ack(&tt, 2);
    sp_dsack(&tt, 2, 0);
    sp_dsack(&tt, 2, 1);
    assert_int_equal(reo_wnd_steps(tt.t), 1);
    sp_ack(&tt, 10);
    sp_dsack(&tt, 10, 9);
    assert_int_equal(reo_wnd_steps(tt.t), 2);
    uint32_t at = 10;
    for (unsigned i = 0; i < TCP_REO_WND_PERSIST; i++, at += 8) {
        assert_true(sp_send(&tt, at, 8) >= 2);
        tcp_test_advance_ms(&tt, SP_RTT_MS);
        sp_sack(&tt, at, at + 1, at + 8);
        assert_int_equal(reo_wnd_steps(tt.t), 2);
        for (unsigned ms = 0; ms < 100 && recovery_of(tt.t) == TCP_RECOVERY_NONE; ms++) {
            tcp_test_advance_ms(&tt, 1);
        }
        assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
        tcp_test_advance_ms(&tt, SP_RTT_MS);
        (void)tcp_test_forget(&tt);
        sp_ack(&tt, at + 8);
        set_cwnd(tt.t, 10 * SP_MSS);
    }
    assert_int_equal(reo_wnd_steps(tt.t), 0);
    end(&tt);
}

/* 6.3: what went just before the timeout is not lost by it. */
static void timeout_spares_what_just_went(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    set_no_timeouts(tt.t);
    assert_int_equal(sp_send(&tt, 0, 5), 5);
    set_probe_out(tt.t); /* no probe in this test */
    tcp_test_advance_ms(&tt, 280);
    assert_int_equal(sp_send(&tt, 5, 3), 3);
    tcp_test_advance_ms(&tt, 25);
    sp_expect(&tt, 0);
    expect_nothing(&tt);
    assert_int_equal(lost_bytes(tt.t), 4 * SP_MSS);
    assert_int_equal(cwnd_of(tt.t), 3 * SP_MSS + SP_MSS);
    end(&tt);
}

/* 7.3: two round trips after the last segment that one goes again, once; SACK then tells all. */
static void lost_tail_is_probed(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 5), 5);
    tcp_test_advance_ms(&tt, 2 * SP_RTT_MS - 2);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 4);
    sp_expect(&tt, 4);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    expect_nothing(&tt);
    sp_sack(&tt, 0, 4, 5);
    sp_expect(&tt, 0);
    assert_int_equal(lost_bytes(tt.t) + SP_MSS * (uint32_t)tcp_test_forget(&tt), 3 * SP_MSS);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_tail_probes"), 1);
    end(&tt);
}

/* Behind the one probe comes the timeout, counted from it. */
static void one_probe_then_the_timeout(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 5), 5);
    tcp_test_advance_ms(&tt, 2 * SP_RTT_MS + 2);
    sp_expect(&tt, 4);
    tcp_test_advance_ms(&tt, 290);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 20);
    sp_expect(&tt, 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_tail_probes"), 1);
    end(&tt);
}

/* 7.2: of a lone segment the probe would be due after the timeout; it goes in its place, and the
 * timeout comes so long after it, not doubled. */
static void probe_in_place_of_the_timeout(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    uint32_t cwnd = cwnd_of(tt.t);
    assert_int_equal(sp_send(&tt, 0, 1), 1);
    tcp_test_advance_ms(&tt, 295);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 10);
    sp_expect(&tt, 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_tail_probes"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    assert_int_equal(cwnd_of(tt.t), cwnd);
    tcp_test_advance_ms(&tt, 290);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 15);
    sp_expect(&tt, 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 1);
    sp_ack(&tt, 1);
    end(&tt);
}

/* New data is the better probe, whatever cwnd says. */
static void new_data_probes_first(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 20), 10);
    tcp_test_advance_ms(&tt, 2 * SP_RTT_MS + 2);
    sp_expect(&tt, 10);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 0);
    end(&tt);
}

static void a_fin_is_probed_with_its_data(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 5), 5);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    assert_int_equal(tcp_test_forget(&tt), 1);
    tcp_test_advance_ms(&tt, 2 * SP_RTT_MS + 2);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = sp_at(4), .ack = 1, .len = SP_MSS);
    end(&tt);
}

/* 7.4: a loss that the probe repaired is congestion; a probe that came twice is none. */
static void a_repair_counts_as_loss(void **state)
{
    for (int twice = 0; twice < 2; twice++) {
        struct tcp_test tt;
        begin(&tt);
        assert_int_equal(sp_send(&tt, 0, 5), 5);
        tcp_test_advance_ms(&tt, 2 * SP_RTT_MS + 2);
        sp_expect(&tt, 4);
        uint32_t cwnd = cwnd_of(tt.t);
        if (twice) {
            sp_dsack(&tt, 5, 4);
        } else {
            sp_ack(&tt, 5);
        }
        assert_int_equal(sp_send(&tt, 5, 2), 2);
        sp_ack(&tt, 7);
        assert_int_equal(tcp_test_count(&tt, "tcp_tail_repairs"), twice ? 0 : 1);
        assert_true(twice ? cwnd_of(tt.t) >= cwnd : cwnd_of(tt.t) < cwnd);
        end(&tt);
    }
}

/* Not without SACK, not when it is off, not while something is sacked, not at a shut window. */
static void when_there_is_no_probe(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        struct tcp_test tt;
        sp_begin(&tt, i != 0, i == 1 ? NET_TCP_OFF_TLP : 0);
        assert_int_equal(sp_send(&tt, 0, 5), 5);
        if (i == 2) {
            sp_sack(&tt, 0, 4, 5);
            (void)tcp_test_forget(&tt);
        } else if (i == 3) {
            inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
        }
        tcp_test_advance_ms(&tt, 2 * SP_RTT_MS + 20);
        assert_int_equal(tcp_test_count(&tt, "tcp_tx_tail_probes"), 0);
        (void)tcp_test_forget(&tt);
        end(&tt);
    }
}

/* After a repair that was undone a packet sent late may stand in front of the earlier ones. When a
 * message about the path takes it away no ACK has them looked at, and the timeout is far. */
static void a_message_uncovers_a_loss(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(tt_send_bytes(&tt, 100, 1 + 100 * i), 100);
        tcp_test_advance_ms(&tt, 5);
    }
    assert_int_equal(tt_send_bytes(&tt, SP_MSS, 201), SP_MSS);
    (void)tcp_test_forget(&tt);
    tcp_mark_lost(tt.t, snd_last(tt.t)); /* as a repair does ... */
    tcp_unmark_lost(tt.t);               /* ... and its end */
    tcp_test_advance_ms(&tt, SP_RTT_MS - 10);
    struct tcp_range second = {101, 201};
    sp_ack_bytes(&tt, 1, &second, 1);
    expect_nothing(&tt);
    say(&tt, .mtu = 1000, .quoted_bytes = SP_MSS + 40, .seq = 201);
    expect(&tt, .flags = TCP_ACK, .seq = 201, .ack = 1, .len = 960);
    (void)tcp_test_forget(&tt);
    tcp_check_invariants(tt.net);
    tcp_test_advance_ms(&tt, SP_RTT_MS / 2);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 100);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_little_late_is_not_lost),
        cmocka_unit_test(lost_acks_are_no_reordering),
        cmocka_unit_test(the_reordering_timer_finds_it),
        cmocka_unit_test(lost_retransmissions_are_found),
        cmocka_unit_test(an_old_echo_says_nothing_of_blocks),
        cmocka_unit_test(duplicates_widen_the_window),
        cmocka_unit_test(timeout_spares_what_just_went),
        cmocka_unit_test(lost_tail_is_probed),
        cmocka_unit_test(one_probe_then_the_timeout),
        cmocka_unit_test(probe_in_place_of_the_timeout),
        cmocka_unit_test(new_data_probes_first),
        cmocka_unit_test(a_fin_is_probed_with_its_data),
        cmocka_unit_test(a_repair_counts_as_loss),
        cmocka_unit_test(when_there_is_no_probe),
        cmocka_unit_test(a_message_uncovers_a_loss),
    };
    return tcp_run_all(tests);
}
