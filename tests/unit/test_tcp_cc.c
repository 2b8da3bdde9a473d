/*
 * Congestion control: CUBIC's curve against the formulas of RFC 9438 in floating point, NewReno,
 * byte counting (RFC 3465), HyStart++ (RFC 9406), windows that are not used (RFC 7661), undo.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/tcp/cc/cubic.h"
#include "tests/unit/tcp_fixture.h"

enum {
    MSS = TT_MSS,
    RTT_MS = 100,
};

/* By bisection: no libm is linked. */
static double cube_root(double x)
{
    double low = 0;
    double high = x > 1 ? x : 1;
    for (int i = 0; i < 200; i++) {
        double mid = (low + high) / 2;
        if (mid * mid * mid < x) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return low;
}

/* A connection of which only congestion control is looked at: the numbers it lives by are set by
 * hand, and time moves without the stack. */
static void begin(struct tcp_test *tt, const struct tcp_cc_ops *ops, uint32_t segments)
{
    make_established(tt);
    tcp_cc_set(tt->t, ops);
    set_cwnd(tt->t, segments * MSS);
    set_ssthresh(tt->t, segments * MSS);
    set_rtt_ms(tt->t, RTT_MS);
    set_nothing_sent(tt->t);
}

static void end(struct tcp_test *tt)
{
    set_nothing_sent(tt->t);
    tcp_test_end(tt);
}

/* An ACK of so many bytes, of the flight that was out, with a round trip of its own or 0. */
static void acked_in(struct tcp_cb *t, uint32_t bytes, uint32_t flight, uint32_t rtt_us)
{
    struct tcp_cc_ack ack = {
        .bytes = bytes, .flight = flight, .rtt_us = rtt_us, .srtt_us = srtt_us8(t) / 8};
    if (tcp_cc_window_used(t, flight)) {
        tcp_cc_acked_used(t, &ack);
    } else {
        tcp_cc_acked_unused(t, flight);
    }
}

static void acked(struct tcp_cb *t, uint32_t bytes, uint32_t flight)
{
    acked_in(t, bytes, flight, 0);
}

/* A round trip in which the whole window is acknowledged in pieces of so many bytes. */
static void round_trip(struct tcp_test *tt, uint32_t piece)
{
    struct tcp_cb *t = tt->t;
    uint32_t window = cwnd_of(t);
    uint64_t begin_ns = tt->net->now_ns;
    for (uint32_t done = 0; done < window; done += piece) {
        uint32_t bytes = min_u32(piece, window - done);
        tt->net->now_ns = begin_ns + (uint64_t)(done + bytes) * RTT_MS * NS_PER_MS / window;
        move_snd_una(t, bytes);
        set_flight(t, cwnd_of(t));
        acked(t, bytes, cwnd_of(t));
    }
}

/* Loss as fast recovery tells of it, and its end with cwnd = ssthresh. */
static void lose(struct tcp_test *tt)
{
    struct tcp_cb *t = tt->t;
    set_flight(t, cwnd_of(t));
    tcp_cc_on_loss(t);
    set_cwnd(t, ssthresh_of(t));
    tcp_cc_recovered(t);
}

static bool near(double got, double want, double share)
{
    double off = got > want ? got - want : want - got;
    if (off > want * share) {
        print_error("got %f, want %f within %f\n", got, want, want * share);
        return false;
    }
    return true;
}

static void names_are_found(void **state)
{
    assert_ptr_equal(tcp_cc_find(NULL), &tcp_cc_cubic);
    assert_ptr_equal(tcp_cc_find("cubic"), &tcp_cc_cubic);
    assert_ptr_equal(tcp_cc_find("newreno"), &tcp_cc_newreno);
    assert_null(tcp_cc_find(""));
    assert_null(tcp_cc_find("cubi"));
    assert_null(tcp_cc_find("cubic "));
}

/* Figure 1 and 2 of RFC 9438: 1000 segments, a loss, and the way back to W_max and beyond, in
 * every round trip within 1%; K from W_max - cwnd, concave first, then convex. */
static void cubic_follows_its_curve(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_cubic, 1000);
    lose(&tt);
    assert_true(near(cwnd_of(tt.t), 700.0 * MSS, 0.0001));
    double w_max = 1000;
    double k = cube_root((w_max - 700) / 0.4);
    double t_s = 0;
    for (unsigned i = 0; t_s < k + 4; i++) {
        round_trip(&tt, 2 * MSS);
        t_s = (i + 1) * RTT_MS / 1000.0;
        double d = t_s - k; /* at the end of a round cwnd is what W_cubic(t + RTT) gave for t */
        double want = w_max + 0.4 * d * d * d;
        assert_true(near(cwnd_of(tt.t) / (double)MSS, want, 0.01));
    }
    assert_true(cwnd_of(tt.t) > 1010 * MSS);
    assert_true(near(cubic_curve(tt.t)->k_ms, k * 1000, 0.001));
    end(&tt);
}

/* 4.3: where the curve is slower, Reno with alpha 9/17 until cwnd_prior, then 1. */
static void cubic_is_no_slower_than_reno(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_cubic, 20);
    lose(&tt);
    double w_est = 14;
    for (unsigned i = 0; i < 20; i++) {
        round_trip(&tt, MSS);
        w_est += w_est < 20 ? 9.0 / 17 : 1;
        assert_true(near(cwnd_of(tt.t) / (double)MSS, w_est, 0.03));
    }
    end(&tt);
}

/* 4.7: a flow that lost before it was back at W_max says that it wants less. */
static void fast_convergence(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_cubic, 100);
    lose(&tt);
    assert_int_equal(cubic_curve(tt.t)->w_max, 100 * MSS);
    assert_int_equal(ssthresh_of(tt.t), 70 * MSS);
    lose(&tt); /* at 70, below 100 */
    assert_int_equal(cubic_curve(tt.t)->w_max, 70 * MSS * 17 / 20);
    assert_int_equal(ssthresh_of(tt.t), 49 * MSS);
    end(&tt);
}

/* 4.6: never below two segments; and of what was out, not of a window that was not filled. */
static void the_reduction_has_a_floor(void **state)
{
    const struct tcp_cc_ops *all[] = {&tcp_cc_cubic, &tcp_cc_newreno};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct tcp_test tt;
        begin(&tt, all[i], 100);
        set_flight(tt.t, MSS);
        tcp_cc_on_loss(tt.t);
        assert_int_equal(ssthresh_of(tt.t), 2 * MSS);
        tcp_cc_undo(tt.t);
        set_flight(tt.t, 50 * MSS);
        tcp_cc_on_loss(tt.t);
        assert_int_equal(ssthresh_of(tt.t), i == 0 ? 35 * MSS : 25 * MSS);
        end(&tt);
    }
}

/* A timeout in fast recovery tells of a lost retransmission (RFC 5681 4.3): one reduction more, of
 * what recovery was going to, whatever its cwnd is just now. W_max is of the first one. */
static void a_lost_repair_reduces_once_more(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_cubic, 100);
    set_flight(tt.t, cwnd_of(tt.t));
    tcp_cc_on_loss(tt.t);
    set_recovery(tt.t, TCP_RECOVERY_FAST);
    set_cwnd(tt.t, 170 * MSS); /* inflated, or deflated: recovery's own */
    tcp_cc_on_loss(tt.t);
    assert_int_equal(ssthresh_of(tt.t), 49 * MSS);
    assert_int_equal(cubic_curve(tt.t)->w_max, 100 * MSS);
    tcp_cc_undo(tt.t);
    assert_int_equal(ssthresh_of(tt.t), 100 * MSS);
    end(&tt);
}

/* 4.8: after a timeout the curve starts flat where slow start ended. */
static void timeout_starts_flat(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_cubic, 100);
    struct tcp_cb *t = tt.t;
    set_flight(t, cwnd_of(t));
    tcp_cc_on_loss(t);
    set_cwnd(t, MSS);
    set_recovery(t, TCP_RECOVERY_LOSS);
    acked(t, 4 * MSS, cwnd_of(t));
    assert_int_equal(cwnd_of(t), 2 * MSS); /* RFC 3465 2.3: L is 1 */
    set_recovery(t, TCP_RECOVERY_NONE);
    tcp_cc_recovered(t);
    for (unsigned i = 0; cwnd_of(t) < ssthresh_of(t); i++) {
        assert_true(i < 100);
        acked(t, 2 * MSS, cwnd_of(t));
    }
    uint32_t cwnd = cwnd_of(t);
    round_trip(&tt, MSS);
    assert_int_equal(cubic_curve(t)->k_ms, 0);
    assert_int_equal(cubic_curve(t)->w_max, cwnd);
    end(&tt);
}

/* RFC 3465: a thousand ACKs for a byte each are worth no more than one for all of them. */
static void ack_division_gains_nothing(void **state)
{
    const struct tcp_cc_ops *all[] = {&tcp_cc_cubic, &tcp_cc_newreno};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        uint32_t grown[2];
        for (unsigned divided = 0; divided < 2; divided++) {
            struct tcp_test tt;
            begin(&tt, all[i], 40);
            lose(&tt);
            for (unsigned r = 0; r < 10; r++) {
                round_trip(&tt, divided ? 7 : MSS);
            }
            grown[divided] = cwnd_of(tt.t);
            end(&tt);
        }
        assert_true(near(grown[1], grown[0], 0.01));
    }
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct tcp_test tt;
        begin(&tt, all[i], 10);
        set_ssthresh(tt.t, 1 << 20); /* slow start, not the first */
        for (unsigned k = 0; k < MSS; k++) {
            acked(tt.t, 1, cwnd_of(tt.t));
        }
        assert_int_equal(cwnd_of(tt.t), 11 * MSS);
        end(&tt);
    }
}

/* 5.8: an hour in which the window was not used is no time of growth. */
static void unused_time_is_not_growth(void **state)
{
    uint32_t grown[2];
    for (unsigned idle = 0; idle < 2; idle++) {
        struct tcp_test tt;
        begin(&tt, &tcp_cc_cubic, 200);
        lose(&tt);
        round_trip(&tt, MSS);
        for (unsigned i = 0; idle && i < 100; i++) {
            tt.net->now_ns += NS_PER_S;
            acked(tt.t, 10, 10);
        }
        round_trip(&tt, MSS);
        grown[idle] = cwnd_of(tt.t);
        end(&tt);
    }
    assert_int_equal(grown[1], grown[0]);
}

/* RFC 7661 4.4.2: five minutes are kept, then half goes, with ssthresh as memory. */
static void unvalidated_window_is_halved(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_newreno, 80);
    set_ssthresh(tt.t, 20 * MSS);
    for (unsigned s = 0; s < 300; s++) {
        tt.net->now_ns += NS_PER_S;
        acked(tt.t, 10, 10);
        assert_int_equal(cwnd_of(tt.t), 80 * MSS);
    }
    tt.net->now_ns += NS_PER_S;
    acked(tt.t, 10, 10);
    assert_int_equal(cwnd_of(tt.t), 40 * MSS);
    assert_int_equal(ssthresh_of(tt.t), 60 * MSS);
    end(&tt);
}

/* A pause costs half for each RTO, down to the restart window; ssthresh leads back by slow start.
 */
static void idle_decays_by_halves(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_cubic, 80);
    set_rto_us(tt.t, 200000);
    set_sent_now(tt.t);
    tt.net->now_ns += 150 * NS_PER_MS;
    tcp_cc_after_idle(tt.t, tcp_rto_ns(tt.t, 0));
    assert_int_equal(cwnd_of(tt.t), 80 * MSS);
    tt.net->now_ns = sent_ns(tt.t) + 500 * NS_PER_MS; /* two and a half */
    tcp_cc_after_idle(tt.t, tcp_rto_ns(tt.t, 0));
    assert_int_equal(cwnd_of(tt.t), 20 * MSS);
    assert_int_equal(ssthresh_of(tt.t), 80 * MSS);
    set_sent_now(tt.t);
    tt.net->now_ns += 3600 * NS_PER_S;
    tcp_cc_after_idle(tt.t, tcp_rto_ns(tt.t, 0));
    assert_int_equal(cwnd_of(tt.t), 10 * MSS);
    assert_int_equal(ssthresh_of(tt.t), 80 * MSS);
    set_cwnd(tt.t, 2 * MSS); /* smaller than the restart window: stays */
    tt.net->now_ns += 3600 * NS_PER_S;
    tcp_cc_after_idle(tt.t, tcp_rto_ns(tt.t, 0));
    assert_int_equal(cwnd_of(tt.t), 2 * MSS);
    end(&tt);
}

/* 4.9: as if nothing had been, and once only. */
static void undo_restores(void **state)
{
    const struct tcp_cc_ops *all[] = {&tcp_cc_cubic, &tcp_cc_newreno};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct tcp_test tt;
        begin(&tt, all[i], 100);
        lose(&tt);
        round_trip(&tt, MSS);
        uint32_t cwnd = cwnd_of(tt.t);
        uint32_t ssthresh = ssthresh_of(tt.t);
        struct tcp_cubic_curve curve = *cubic_curve(tt.t);
        lose(&tt);
        assert_true(cwnd_of(tt.t) < cwnd);
        tcp_cc_undo(tt.t);
        assert_int_equal(cwnd_of(tt.t), cwnd);
        assert_int_equal(ssthresh_of(tt.t), ssthresh);
        assert_memory_equal(&curve, cubic_curve(tt.t), sizeof(curve));
        set_cwnd(tt.t, 5 * MSS);
        tcp_cc_undo(tt.t);
        assert_int_equal(cwnd_of(tt.t), 5 * MSS);
        assert_int_equal(tcp_test_count(&tt, "tcp_cwnd_undone"), 1);
        end(&tt);
    }
}

/* The largest window, the longest time and the smallest MSS stay inside the integers. */
static void extremes_stay_bounded(void **state)
{
    struct tcp_test tt;
    begin(&tt, &tcp_cc_cubic, 10);
    struct tcp_cb *t = tt.t;
    set_snd_mss(t, TCP_MSS_FLOOR);
    set_cwnd(t, 1 << 30);
    set_ssthresh(t, 1 << 30);
    lose(&tt);
    for (unsigned i = 0; i < 200; i++) {
        uint32_t before = cwnd_of(t);
        tt.net->now_ns += (uint64_t)i * i * NS_PER_S;
        acked(t, 1u << 29, cwnd_of(t));
        assert_true(cwnd_of(t) >= before && cwnd_of(t) <= 1 << 30);
    }
    assert_int_equal(cwnd_of(t), 1 << 30);
    end(&tt);
}

/* One round of the first slow start: so many ACKs of two segments each, so far apart. */
static void slow_start_round(struct tcp_test *tt, unsigned acks, uint32_t rtt_us, uint64_t gap_us)
{
    struct tcp_cb *t = tt->t;
    uint32_t flight = cwnd_of(t);
    tt->net->now_ns += NS_PER_S;
    set_flight(t, acks * 2 * MSS);
    for (unsigned i = 0; i < acks; i++) {
        tt->net->now_ns += gap_us * NS_PER_US;
        move_snd_una(t, 2 * MSS);
        acked_in(t, 2 * MSS, max_u32(flight, cwnd_of(t)), rtt_us);
    }
}

static void begin_slow_start(struct tcp_test *tt)
{
    begin(tt, &tcp_cc_cubic, 20);
    tcp_cc_start(tt->t);
    set_cwnd(tt->t, 20 * MSS);
}

/* RFC 9406 4.2: CSS after eight samples longer by an eighth, a quarter of the growth in it, and
 * the end of slow start after five rounds. Gaps too wide for a train. */
static void hystart_leaves_after_css(void **state)
{
    struct tcp_test tt;
    begin_slow_start(&tt);
    struct tcp_cb *t = tt.t;
    slow_start_round(&tt, 10, 80000, 20000);
    slow_start_round(&tt, 10, 89900, 20000); /* less than an eighth more */
    assert_int_equal(cwnd_of(t), 60 * MSS);
    slow_start_round(&tt, 7, 110000, 20000); /* too few to say */
    assert_int_equal(hystart_phase(t), TCP_HYSTART_SLOW_START);
    slow_start_round(&tt, 10, 130000, 20000);
    assert_int_equal(hystart_phase(t), TCP_HYSTART_CSS);
    uint32_t before = cwnd_of(t);
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(tcp_test_count(&tt, "tcp_hystart_exits"), 0);
        slow_start_round(&tt, 10, 130000, 20000);
        assert_int_equal(cwnd_of(t), before + i * 20 * MSS / 4);
    }
    slow_start_round(&tt, 1, 130000, 20000);
    assert_int_equal(tcp_test_count(&tt, "tcp_hystart_exits"), 1);
    assert_int_equal(ssthresh_of(t), before + 20 * MSS);
    end(&tt);
}

static void hystart_takes_jitter_back(void **state)
{
    struct tcp_test tt;
    begin_slow_start(&tt);
    slow_start_round(&tt, 10, 80000, 20000);
    slow_start_round(&tt, 10, 120000, 20000);
    assert_int_equal(hystart_phase(tt.t), TCP_HYSTART_CSS);
    slow_start_round(&tt, 10, 85000, 20000);
    assert_int_equal(hystart_phase(tt.t), TCP_HYSTART_SLOW_START);
    uint32_t before = cwnd_of(tt.t);
    slow_start_round(&tt, 10, 85000, 20000);
    assert_int_equal(cwnd_of(tt.t), before + 20 * MSS);
    assert_int_equal(tcp_test_count(&tt, "tcp_hystart_exits"), 0);
    end(&tt);
}

/* A train half a round trip long slows growth for as long as there is one; with a longer round
 * trip behind it slow start is over. */
static void hystart_heeds_trains(void **state)
{
    struct tcp_test tt;
    begin_slow_start(&tt);
    struct tcp_cb *t = tt.t;
    slow_start_round(&tt, 16, 80000, 2000); /* 30 ms */
    assert_int_equal(hystart_phase(t), TCP_HYSTART_SLOW_START);
    slow_start_round(&tt, 32, 80000, 2000);
    assert_int_equal(hystart_phase(t), TCP_HYSTART_TRAIN);
    slow_start_round(&tt, 16, 80000, 2000);
    slow_start_round(&tt, 1, 80000, 2000); /* that one had no long train */
    assert_int_equal(hystart_phase(t), TCP_HYSTART_SLOW_START);
    slow_start_round(&tt, 32, 80000, 2000);
    assert_int_equal(hystart_phase(t), TCP_HYSTART_TRAIN);
    assert_int_equal(tcp_test_count(&tt, "tcp_hystart_exits"), 0);
    slow_start_round(&tt, 8, 95000, 2000);
    assert_int_equal(tcp_test_count(&tt, "tcp_hystart_exits"), 1);
    assert_true(ssthresh_of(t) <= cwnd_of(t));
    end(&tt);
}

/* By frames: the default is CUBIC, a third duplicate ACK reduces by 0.7. */
static void cubic_is_the_default(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_string_equal(tcp_congestion(tt.t), "cubic");
    assert_int_equal(tt_send_bytes(&tt, 60000, 1), 60000);
    assert_int_equal(tcp_test_forget(&tt), 10);
    for (unsigned i = 0; i < 3; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 1);
    assert_int_equal(ssthresh_of(tt.t), 7 * MSS);
    tcp_test_end(&tt);
}

static void configuration_chooses(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_congestion = "newreno";
    make_listen_with(&tt, &cfg);
    assert_string_equal(tcp_congestion(tt.listener), "newreno");
    tt_handshake(&tt, NULL, 0, TT_WND);
    assert_string_equal(tcp_congestion(tt.t), "newreno"); /* as its listener */
    struct arena a;
    struct net *n = NULL;
    cfg = tt.f.cfg;
    cfg.tcp_congestion = "vegas";
    arena_init(&a, NULL, 0);
    assert_int_equal(net_create(&n, &a, &cfg, 0), STATUS_BAD_INPUT);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(cubic_follows_its_curve),
        cmocka_unit_test(cubic_is_no_slower_than_reno),
        cmocka_unit_test(fast_convergence),
        cmocka_unit_test(the_reduction_has_a_floor),
        cmocka_unit_test(a_lost_repair_reduces_once_more),
        cmocka_unit_test(timeout_starts_flat),
        cmocka_unit_test(ack_division_gains_nothing),
        cmocka_unit_test(unused_time_is_not_growth),
        cmocka_unit_test(unvalidated_window_is_halved),
        cmocka_unit_test(idle_decays_by_halves),
        cmocka_unit_test(undo_restores),
        cmocka_unit_test(extremes_stay_bounded),
        cmocka_unit_test(hystart_leaves_after_css),
        cmocka_unit_test(hystart_takes_jitter_back),
        cmocka_unit_test(hystart_heeds_trains),
        cmocka_unit_test(cubic_is_the_default),
        cmocka_unit_test(configuration_chooses),
    };
    return tcp_run_all(tests);
}
