/*
 * Reductions without grounds are taken back, those with grounds are not: F-RTO (RFC 5682) with and
 * without SACK, echoes older than a retransmission (RFC 3522), duplicates reported (RFC 3708).
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
    WITHOUT_RACK = NET_TCP_OFF_RACK | NET_TCP_OFF_TLP,
    CWND = 10 * SP_MSS,
    TS_MSS = SP_MSS - 12,
};

static void end(struct tcp_test *tt)
{
    tcp_check_invariants(tt->net);
    tcp_test_end(tt);
}

/* Ten segments out of n, and the timeout: the first goes again. */
static void time_out(struct tcp_test *tt, bool sack, uint32_t off, uint32_t n)
{
    sp_begin(tt, sack, off);
    assert_int_equal(sp_send(tt, 0, n), 10);
    tcp_test_advance_ms(tt, 303);
    sp_expect(tt, 0);
    expect_nothing(tt);
    assert_int_equal(recovery_of(tt->t), TCP_RECOVERY_LOSS);
    assert_int_equal(cwnd_of(tt->t), SP_MSS);
}

static void assert_undone(struct tcp_test *tt, const char *counter)
{
    assert_int_equal(tcp_test_count(tt, counter), 1);
    assert_int_equal(tcp_test_count(tt, "tcp_cwnd_undone"), 1);
    assert_int_equal(recovery_of(tt->t), TCP_RECOVERY_NONE);
    assert_int_equal(lost_bytes(tt->t), 0);
    assert_true(cwnd_of(tt->t) >= CWND);
}

/* Steps 2b and 3b: the originals arrive one after another. */
static void late_originals_are_recognized(void **state)
{
    for (int sack = 0; sack < 2; sack++) {
        struct tcp_test tt;
        time_out(&tt, sack, WITHOUT_RACK, 30);
        sp_ack(&tt, 2);
        sp_expect(&tt, 10); /* new data, not segment 2 */
        sp_expect(&tt, 11);
        expect_nothing(&tt);
        sp_ack(&tt, 3);
        assert_undone(&tt, "tcp_spurious_timeouts");
        assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 1);
        (void)tcp_test_forget(&tt);
        end(&tt);
    }
}

/* 3.1 step 3: SACK of what was out before tells as well. */
static void a_block_of_an_original_is_enough(void **state)
{
    struct tcp_test tt;
    time_out(&tt, true, WITHOUT_RACK, 30);
    sp_ack(&tt, 1);
    assert_int_equal(tcp_test_forget(&tt), 2);
    sp_sack(&tt, 1, 2, 3);
    assert_undone(&tt, "tcp_spurious_timeouts");
    (void)tcp_test_forget(&tt);
    end(&tt);
}

/* Step 3a: only the new data arrives: the loss was real. */
static void real_loss_is_repaired(void **state)
{
    for (int sack = 0; sack < 2; sack++) {
        struct tcp_test tt;
        time_out(&tt, sack, WITHOUT_RACK, 30);
        sp_ack(&tt, 1);
        sp_expect(&tt, 10);
        sp_expect(&tt, 11);
        if (sack) {
            sp_sack(&tt, 1, 10, 11);
        } else {
            sp_ack(&tt, 1);
        }
        sp_expect(&tt, 1);
        assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_LOSS);
        assert_int_equal(tcp_test_count(&tt, "tcp_cwnd_undone"), 0);
        (void)tcp_test_forget(&tt);
        end(&tt);
    }
}

/* Step 2a: a duplicate first, or all at once, or nothing new to send, or switched off. */
static void when_it_does_not_begin(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        struct tcp_test tt;
        time_out(&tt, false, i == 3 ? NET_TCP_OFF_FRTO : 0, i == 2 ? 10 : 30);
        if (i == 0) {
            sp_ack(&tt, 0);
        } else if (i == 1) {
            sp_ack(&tt, 10);
            assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
        } else {
            sp_ack(&tt, 1);
            sp_expect(&tt, 1);
        }
        assert_int_equal(frto_of(tt.t), TCP_FRTO_OFF);
        assert_int_equal(tcp_test_count(&tt, "tcp_cwnd_undone"), 0);
        (void)tcp_test_forget(&tt);
        end(&tt);
    }
}

/* ---- timestamps ---- */

static uint32_t ts_now(const struct tcp_test *tt)
{
    return (uint32_t)(tt->f.now_ns / NS_PER_MS) + tt->net->cfg.tcp_ts_start;
}

static void begin_ts(struct tcp_test *tt, bool sack, uint32_t off)
{
    struct net_config cfg;
    struct opts o = {0};
    tcp_test_config(&cfg);
    cfg.tcp_ts_fixed = true;
    cfg.tcp_ts_start = UINT32_MAX - 1100; /* wraps within the tests */
    cfg.tcp_off = off;
    cfg.tcp_congestion = "newreno";
    make_listen_with(tt, &cfg);
    opts_put(&o, sack ? "\2\4\5\264\4\2\10\12" : "\2\4\5\264\1\1\10\12", 8);
    opts_put_be32(&o, 1);
    opts_put_be32(&o, 0);
    inject(tt, .flags = TCP_SYN, .options = o.bytes, .options_len = o.len);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    struct opts a = {0};
    opts_ts(&a, 1, ts_now(tt));
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = a.bytes, .options_len = a.len);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
    assert_true(timestamps_agreed(tt->t) && sack_agreed(tt->t) == sack && snd_mss(tt->t) == TS_MSS);
    set_rtt_ms(tt->t, SP_RTT_MS);
}

static void ack_ts(struct tcp_test *tt, uint32_t segments, uint32_t ecr)
{
    struct opts o = {0};
    opts_ts(&o, 2, ecr);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + segments * TS_MSS, .options = o.bytes,
           .options_len = o.len);
}

/* An ACK of segment `acked` and a block, both with the echo ecr. */
static void sack_ts(struct tcp_test *tt, uint32_t first, uint32_t last, uint32_t ecr)
{
    struct opts o = {0};
    opts_ts(&o, 2, ecr);
    opts_sack(&o, 1);
    opts_block(&o, tt->iss + 1 + first * TS_MSS, tt->iss + 1 + last * TS_MSS);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o.bytes, .options_len = o.len);
}

/* The echo tells at once, even of the last data there is. */
static void an_older_echo_undoes_a_timeout(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        bool sack = i % 2 != 0, real = i >= 2;
        struct tcp_test tt;
        begin_ts(&tt, sack, NET_TCP_OFF_TLP);
        uint32_t first_ts = ts_now(&tt);
        assert_int_equal(tt_send_bytes(&tt, 10 * TS_MSS, 1), 10 * TS_MSS);
        uint32_t cwnd = cwnd_of(tt.t);
        assert_int_equal(tcp_test_forget(&tt), 10);
        tcp_test_advance_ms(&tt, 303);
        assert_int_equal(tcp_test_forget(&tt), 1);
        ack_ts(&tt, 1, real ? ts_now(&tt) : first_ts);
        assert_int_equal(tcp_test_count(&tt, "tcp_spurious_timeouts"), !real);
        assert_int_equal(tcp_test_count(&tt, "tcp_cwnd_undone"), !real);
        if (real) {
            assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_LOSS);
            assert_int_equal(tcp_test_forget(&tt), 2);
        } else if (!sack) { /* with RACK, what is overdue is lost all the same */
            assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
            assert_true(cwnd_of(tt.t) >= cwnd);
            expect_nothing(&tt);
        }
        end(&tt);
    }
}

/* Reordering by more than three segments: the retransmission was for nothing. */
static void an_older_echo_undoes_a_fast_retransmit(void **state)
{
    for (int real = 0; real < 2; real++) {
        struct tcp_test tt;
        begin_ts(&tt, true, WITHOUT_RACK);
        uint32_t first_ts = ts_now(&tt);
        assert_int_equal(tt_send_bytes(&tt, 10 * TS_MSS, 1), 10 * TS_MSS);
        uint32_t cwnd = cwnd_of(tt.t);
        assert_int_equal(tcp_test_forget(&tt), 10);
        tcp_test_advance_ms(&tt, SP_RTT_MS);
        sack_ts(&tt, 1, 5, first_ts);
        assert_int_equal(tcp_test_forget(&tt), 1);
        assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
        tcp_test_advance_ms(&tt, 10);
        ack_ts(&tt, 5, real ? ts_now(&tt) - 5 : first_ts);
        assert_int_equal(tcp_test_count(&tt, "tcp_spurious_recoveries"), !real);
        assert_int_equal(recovery_of(tt.t), real ? TCP_RECOVERY_FAST : TCP_RECOVERY_NONE);
        assert_true(real || cwnd_of(tt.t) >= cwnd);
        (void)tcp_test_forget(&tt);
        end(&tt);
    }
}

/* RFC 3708: every retransmission is reported as a duplicate, after the repair too. */
static void duplicates_undo_a_fast_retransmit(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, true, WITHOUT_RACK);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_sack(&tt, 0, 2, 6); /* 0 and 1 */
    (void)tcp_test_forget(&tt);
    sp_sack(&tt, 1, 2, 6);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 2);
    sp_ack(&tt, 10);
    assert_true(cwnd_of(tt.t) < CWND);
    sp_dsack(&tt, 10, 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_cwnd_undone"), 0); /* one may have been lost */
    sp_dsack(&tt, 10, 1);
    assert_undone(&tt, "tcp_spurious_recoveries");
    sp_dsack(&tt, 10, 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cwnd_undone"), 1);
    end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_originals_are_recognized),
        cmocka_unit_test(a_block_of_an_original_is_enough),
        cmocka_unit_test(real_loss_is_repaired),
        cmocka_unit_test(when_it_does_not_begin),
        cmocka_unit_test(an_older_echo_undoes_a_timeout),
        cmocka_unit_test(an_older_echo_undoes_a_fast_retransmit),
        cmocka_unit_test(duplicates_undo_a_fast_retransmit),
    };
    return tcp_run_all(tests);
}
