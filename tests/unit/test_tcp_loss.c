/*
 * Loss and silence: timeouts, fast retransmit and recovery, window probes, keepalive, giving up
 * (RFC 6298; RFC 5681 3; RFC 6582; RFC 3042; RFC 9293 3.8; reference families 19, 20).
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

static void acks(struct tcp_test *tt, uint32_t ack, int32_t wnd)
{
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = ack, .wnd = wnd);
}

static void segment(struct tcp_test *tt, uint32_t idx)
{
    expect(tt, .flags = TCP_ACK, .seq = 1 + idx * 1460, .ack = 1, .len = 1460);
}

/* tcp_retransmits: doubling from the measured RTO on, up to 60 s, until R2. */
static void timeouts_double_and_end(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "hello");
    uint64_t last = tt.f.now_ns;
    uint64_t want_ms = TCP_RTO_MIN_MS;
    unsigned times = 0;
    while (state_of(tt.t) != TCP_CLOSED) {
        tcp_test_advance_ms(&tt, 1);
        if (tt.f.out.count > 0 && state_of(tt.t) != TCP_CLOSED) {
            expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "hello");
            uint64_t ms = (tt.f.now_ns - last) / NS_PER_MS;
            assert_true(ms >= want_ms && ms <= want_ms + 3);
            last = tt.f.now_ns;
            want_ms = min_u64(want_ms * 2, TCP_RTO_MAX_MS);
            times++;
        }
    }
    assert_true(times >= 10);
    assert_true(tt.f.now_ns >= NS_PER_S + tcp_ms(TCP_R2_MS));
    assert_true(tt.f.now_ns <= NS_PER_S + tcp_ms(TCP_R2_MS + TCP_RTO_MAX_MS));
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 6, .ack = 1);
    assert_int_equal(tcp_take_error(tt.t), ETIMEDOUT);
    assert_int_equal(tcp_test_count(&tt, "tcp_give_ups"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_r1_advice"), 1);
    tcp_test_end(&tt);
}

/* RFC 6298 2: SRTT 100 ms, RTTVAR 50: RTO 300; then steady samples bring it down
 * to SRTT and the minimum. */
static void round_trip_is_measured(void **state)
{
    struct tcp_rtt r;
    tcp_rtt_init(&r);
    assert_int_equal(r.rto_us, 1000000);
    tcp_rtt_sample(&r, 100 * NS_PER_MS, 1);
    assert_int_equal(r.rto_us, 300000);
    for (unsigned i = 0; i < 100; i++) {
        tcp_rtt_sample(&r, 100 * NS_PER_MS, 1);
    }
    assert_int_equal(r.rto_us, 100000 + TCP_RTO_MIN_MS * 1000);
    tcp_rtt_sample(&r, 1100 * NS_PER_MS, 1);
    assert_true(r.rto_us > 1000000);
    tcp_rtt_sample(&r, 1000 * NS_PER_S, 1);
    assert_true(r.rto_us <= TCP_RTO_MAX_MS * 1000);
    tcp_rtt_sample(&r, 0, 1);
}

/* Karn: an ACK of what went twice measures nothing, and the doubled timeout stays. */
static void karn(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    uint32_t srtt = srtt_us8(tt.t);
    assert_int_equal(tt_send(&tt, "a"), 1);
    tcp_test_advance_ms(&tt, 210);
    assert_int_equal(tcp_test_forget(&tt), 2);
    tcp_test_advance_ms(&tt, 300);
    acks(&tt, 2, TT_WND);
    assert_int_equal(srtt_us8(tt.t), srtt);
    assert_int_equal(backoff_of(tt.t), 1);
    assert_int_equal(tt_send(&tt, "b"), 1);
    tcp_test_advance_ms(&tt, 100);
    acks(&tt, 3, TT_WND);
    assert_int_equal(backoff_of(tt.t), 0);
    assert_true(srtt_us8(tt.t) > srtt);
    /* Nor does one that acknowledges more than what went twice. */
    srtt = srtt_us8(tt.t);
    (void)tcp_test_forget(&tt);
    set_cwnd(tt.t, 10 * TT_MSS);
    assert_int_equal(tt_send_bytes(&tt, 3 * TT_MSS, 3), 3 * TT_MSS);
    assert_int_equal(tcp_test_forget(&tt), 3);
    for (int i = 0; i < 100 && backoff_of(tt.t) == 0; i++) {
        tcp_test_advance_ms(&tt, 10);
    }
    assert_int_equal(tcp_test_forget(&tt), 1);
    acks(&tt, 3 + 3 * TT_MSS, TT_WND);
    assert_int_equal(srtt_us8(tt.t), srtt);
    assert_int_equal(backoff_of(tt.t), 1);
    tcp_test_end(&tt);
}

/* After a timeout one segment goes, then the lost rest as ACKs come (slow start). */
static void timeout_goes_back(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tcp_cc_set(tt.t, &tcp_cc_newreno);
    assert_int_equal(tt_send_bytes(&tt, 14600, 1), 14600);
    assert_int_equal(tcp_test_forget(&tt), 10);
    tcp_test_advance_ms(&tt, 202);
    segment(&tt, 0);
    expect_nothing(&tt);
    assert_int_equal(cwnd_of(tt.t), 1460);
    assert_int_equal(ssthresh_of(tt.t), 7300);
    acks(&tt, 1461, TT_WND);
    segment(&tt, 1);
    segment(&tt, 2);
    expect_nothing(&tt);
    acks(&tt, 14601, TT_WND); /* the rest had arrived after all */
    expect_nothing(&tt);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    assert_true(tcp_drained(tt.t));
    tcp_test_end(&tt);
}

static void fast_retransmit_and_recovery(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tcp_cc_set(tt.t, &tcp_cc_newreno);
    assert_int_equal(tt_send_bytes(&tt, 60000, 1), 60000);
    assert_int_equal(tcp_test_forget(&tt), 10);
    acks(&tt, 1, TT_WND); /* RFC 3042: the first two each let one out */
    segment(&tt, 10);
    acks(&tt, 1, TT_WND);
    segment(&tt, 11);
    acks(&tt, 1, TT_WND); /* the third: segment 0 again */
    segment(&tt, 0);
    expect_nothing(&tt);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    uint32_t ssthresh = 10 * 1460 / 2; /* RFC 5681 3.2 step 2: without the two of RFC 3042 */
    assert_int_equal(ssthresh_of(tt.t), ssthresh);
    assert_int_equal(cwnd_of(tt.t), ssthresh + 3 * 1460);
    for (unsigned i = 0; i < 4; i++) {
        acks(&tt, 1, TT_WND); /* inflates up to what is out */
        expect_nothing(&tt);
    }
    acks(&tt, 1, TT_WND);
    segment(&tt, 12);
    uint32_t inflated = cwnd_of(tt.t);
    acks(&tt, 2921, TT_WND); /* partial: segment 2 is missing too */
    segment(&tt, 2);
    assert_int_equal(cwnd_of(tt.t), inflated - 2920 + 1460); /* RFC 6582 3.2 step 3 */
    (void)tcp_test_forget(&tt);
    acks(&tt, 1 + 13 * 1460, TT_WND); /* all */
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    assert_true(cwnd_of(tt.t) <= ssthresh);
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 1);
    tcp_test_end(&tt);
}

/* Window updates and data are not duplicate ACKs. */
static void what_is_no_duplicate(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 14600, 1), 14600);
    (void)tcp_test_forget(&tt);
    for (uint32_t i = 0; i < 5; i++) {
        acks(&tt, 1, (int32_t)(60000 - i));
    }
    tt.peer_wnd = 59996;
    for (uint32_t i = 0; i < 5; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1 + i, .ack = 1, .data = "x");
    }
    assert_int_equal(dupacks_of(tt.t), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 0);
    tcp_test_end(&tt);
}

/* A packet that the device still holds is not touched; the timer tries again. */
static void packets_on_their_way_are_left_alone(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tt.hold_output = 1;
    assert_int_equal(tt_send(&tt, "held"), 4);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "held");
    tcp_test_advance_ms(&tt, 205);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_busy"), 1);
    pkt_queue_drain(&tt.held);
    tcp_test_advance_ms(&tt, 405);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "held");
    /* Acknowledged while the device has it: only its own reference is left. */
    acks(&tt, 5, TT_WND);
    tt.hold_output = 1;
    assert_int_equal(tt_send(&tt, "again"), 5);
    acks(&tt, 10, TT_WND);
    assert_true(tcp_drained(tt.t));
    assert_int_equal(tt.f.tx.used, 1);
    tcp_test_end(&tt);
}

/* tcp_zero_window_probe: one byte, at growing intervals, for as long as it is acknowledged. */
static void zero_window_is_probed(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    acks(&tt, 1, -1);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    expect_nothing(&tt);
    uint64_t wait_ms = TCP_RTO_MIN_MS;
    for (unsigned i = 0; i < 20; i++) {
        tcp_test_advance_ms(&tt, wait_ms - 40);
        expect_nothing(&tt);
        tcp_test_advance_ms(&tt, 41);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "h");
        expect_nothing(&tt);
        acks(&tt, 1, -1);
        expect_nothing(&tt);
        wait_ms = min_u64(wait_ms * 2, TCP_RTO_MAX_MS);
    }
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED); /* fifteen minutes on */
    assert_int_equal(cwnd_of(tt.t), 14600);
    acks(&tt, 1, TT_WND); /* open: the refused byte again and the rest, at once */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "h");
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "ello");
    acks(&tt, 6, TT_WND);
    assert_true(tcp_drained(tt.t));
    tcp_test_end(&tt);
}

static void probed_byte_may_be_taken(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    acks(&tt, 1, -1);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    tcp_test_advance_ms(&tt, 202);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "h");
    acks(&tt, 2, -1); /* taken, and shut again */
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 60000);
    assert_true(tcp_test_forget(&tt) >= 1);
    acks(&tt, 2, TT_WND);
    assert_true(tcp_test_forget(&tt) >= 1);
    acks(&tt, 6, TT_WND);
    assert_true(tcp_drained(tt.t));
    tcp_test_end(&tt);
}

static void silence_to_probes_ends_it(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    acks(&tt, 1, -1);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    tcp_test_advance_ms(&tt, TCP_R2_MS + TCP_RTO_MAX_MS + 100);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_int_equal(tcp_take_error(tt.t), ETIMEDOUT);
    tcp_test_end(&tt);
}

/* Family 19: closed by its owner, a connection that the peer keeps shut ends. */
static void orphan_with_a_shut_window_ends(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    acks(&tt, 1, -1);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    tt_close(&tt);
    for (unsigned i = 0; i < 300 && connections_of(tt.net) > 1; i++) {
        tcp_test_advance_ms(&tt, 1000);
        if (tcp_test_forget(&tt) > 0 && connections_of(tt.net) > 1) {
            acks(&tt, 1, -1);
        }
    }
    assert_int_equal(connections_of(tt.net), 1);
    assert_true(tt.f.now_ns < NS_PER_S + tcp_ms(TCP_ORPHAN_PERSIST_MS + 2 * TCP_RTO_MAX_MS));
    tcp_test_end(&tt);
}

/* The window closes behind data that is out: probing takes over, and nothing is lost. */
static void window_shuts_on_data_in_flight(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 2920, 1), 2920);
    assert_int_equal(tcp_test_forget(&tt), 2);
    acks(&tt, 1461, -1);
    tcp_test_advance_ms(&tt, 205);
    expect(&tt, .flags = TCP_ACK, .seq = 1461, .ack = 1, .len = 1);
    expect_nothing(&tt);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    acks(&tt, 1461, TT_WND);
    expect(&tt, .flags = TCP_ACK, .seq = 1461, .ack = 1, .len = 1460); /* one segment again */
    expect_nothing(&tt);
    acks(&tt, 2921, TT_WND);
    assert_true(tcp_drained(tt.t));
    tcp_test_end(&tt);
}

static void fin_behind_a_shut_window(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    acks(&tt, 1, -1);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 202);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    tcp_test_advance_ms(&tt, 402);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    acks(&tt, 2, -1);
    assert_int_equal(state_of(tt.t), TCP_FIN_WAIT_2);
    tcp_test_end(&tt);
}

static void keepalive_probes_and_ends(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPIDLE_S, 10), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPINTVL_S, 2), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPCNT, 3), 0);
    tcp_test_advance_ms(&tt, 100000);
    expect_nothing(&tt); /* off by default */
    acks(&tt, 1, TT_WND);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPALIVE, 1), 0);
    tcp_test_advance_ms(&tt, 9900);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 200);
    expect(&tt, .flags = TCP_ACK, .seq = 0, .ack = 1);
    acks(&tt, 1, TT_WND); /* it lives: begin anew */
    tcp_test_advance_ms(&tt, 9000);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x");
    tcp_test_advance_ms(&tt, 9000);
    assert_int_equal(tcp_test_forget(&tt), 1); /* the ACK of x */
    tcp_test_advance_ms(&tt, 1100);
    expect(&tt, .flags = TCP_ACK, .seq = 0, .ack = 2);
    tcp_test_advance_ms(&tt, 2002);
    expect(&tt, .flags = TCP_ACK, .seq = 0, .ack = 2);
    tcp_test_advance_ms(&tt, 2002);
    expect(&tt, .flags = TCP_ACK, .seq = 0, .ack = 2);
    tcp_test_advance_ms(&tt, 2002);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(tcp_take_error(tt.t), ETIMEDOUT);
    tcp_test_end(&tt);
}

/* tcp_fin_retransmission: in FIN-WAIT-1, CLOSING and LAST-ACK. */
static void fin_is_retransmitted(void **state)
{
    void (*const make[])(struct tcp_test *) = {make_fin_wait_1, make_closing, make_last_ack};
    for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
        struct tcp_test tt;
        make[i](&tt);
        uint32_t ack = rcv_nxt(tt.t) - tt.irs;
        tcp_test_advance_ms(&tt, 205);
        expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = ack);
        tcp_test_advance_ms(&tt, 405);
        expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = ack);
        tcp_test_advance_ms(&tt, TCP_R2_MS + TCP_RTO_MAX_MS);
        assert_int_equal(state_of(tt.t), TCP_CLOSED);
        tcp_test_end(&tt);
    }
}

/* Data and FIN lost together come again together. */
static void lost_fin_with_data(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_send(tt.t, "bye", 3, TCP_SEND_MORE), 3);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1, .data = "bye");
    tcp_test_advance_ms(&tt, 205);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1, .data = "bye");
    acks(&tt, 4, TT_WND); /* the data, not the FIN */
    tcp_test_advance_ms(&tt, 405);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 4, .ack = 1);
    acks(&tt, 5, TT_WND);
    assert_int_equal(state_of(tt.t), TCP_FIN_WAIT_2);
    tcp_test_end(&tt);
}

/* Fast retransmit still knows what is new 2^31 bytes after the last loss. */
static void fast_retransmit_after_half_the_number_space(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_recover(tt.t, snd_una(tt.t) - 0x7fffffff + 2000); /* so much has gone without a loss */
    assert_int_equal(tt_send_bytes(&tt, 4 * TT_MSS, 1), 4 * TT_MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + TT_MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 2 * TT_MSS);
    assert_int_equal(tt_send_bytes(&tt, 4 * TT_MSS, 1 + 4 * TT_MSS), 4 * TT_MSS);
    (void)tcp_test_forget(&tt);
    for (int i = 0; i < TCP_DUPACK_THRESHOLD; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 2 * TT_MSS);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 1);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_retransmit_after_half_the_number_space),
        cmocka_unit_test(timeouts_double_and_end),
        cmocka_unit_test(round_trip_is_measured),
        cmocka_unit_test(karn),
        cmocka_unit_test(timeout_goes_back),
        cmocka_unit_test(fast_retransmit_and_recovery),
        cmocka_unit_test(what_is_no_duplicate),
        cmocka_unit_test(packets_on_their_way_are_left_alone),
        cmocka_unit_test(zero_window_is_probed),
        cmocka_unit_test(probed_byte_may_be_taken),
        cmocka_unit_test(silence_to_probes_ends_it),
        cmocka_unit_test(orphan_with_a_shut_window_ends),
        cmocka_unit_test(window_shuts_on_data_in_flight),
        cmocka_unit_test(fin_behind_a_shut_window),
        cmocka_unit_test(keepalive_probes_and_ends),
        cmocka_unit_test(fin_is_retransmitted),
        cmocka_unit_test(lost_fin_with_data),
    };
    return tcp_run_all(tests);
}
