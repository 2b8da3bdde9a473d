/*
 * What TCP_INFO tells of a connection that repairs loss, sees reordering, or uses ECN: each count
 * has the meaning that Linux gives it.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_sack_peer.h"

enum {
    ECT_0 = 2,
    CE = 3,
};

static struct tcp_report report(struct tcp_test *tt)
{
    struct tcp_report r;
    tt->net->now_ns = tt->f.now_ns;
    tcp_get_report(tt->t, &r);
    return r;
}

/* Of ten, three are lost: first only believed to be, then sent again as far as cwnd lets them. */
static void a_repair_in_counts(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, true, 0);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    struct tcp_report r = report(&tt);
    assert_int_equal(r.flight_packets, 10);
    assert_int_equal(r.sacked_packets + r.lost_packets + r.resent_packets, 0);
    assert_int_equal(r.bytes_sent, 10 * SP_MSS);
    assert_int_equal(r.min_rtt_us, 0);
    assert_int_equal(r.reordering, 3);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    sp_sack(&tt, 0, 1, 2); /* the reordering window is open: nothing is lost yet */
    r = report(&tt);
    assert_int_equal(r.recovery, TCP_REPORT_DISORDER);
    assert_int_equal(r.sacked_packets, 1);
    assert_int_equal(r.lost_packets, 0);
    assert_in_range(r.min_rtt_us, SP_RTT_MS * 1000, SP_RTT_MS * 1000 + 2000);
    sp_sack(&tt, 0, 5, 8); /* 0, 2, 3, 4 are; 8 and 9 are on their way */
    uint32_t again = (uint32_t)tcp_test_forget(&tt);
    r = report(&tt);
    assert_int_equal(r.recovery, TCP_REPORT_RECOVERY);
    assert_int_equal(r.flight_packets, 10);
    assert_int_equal(r.sacked_packets, 4);
    assert_int_equal(r.lost_packets, 4); /* whether they went again or not */
    assert_int_equal(again, 3);
    assert_int_equal(r.resent_packets, again);
    assert_int_equal(r.flight_packets - r.sacked_packets - r.lost_packets + r.resent_packets,
                     tcp_pipe(tt.t) / SP_MSS);
    assert_int_equal(r.bytes_resent, again * SP_MSS);
    assert_int_equal(r.bytes_sent, (10 + again) * SP_MSS);
    assert_int_equal(r.retransmitted, again);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    sp_ack(&tt, 10);
    r = report(&tt);
    assert_int_equal(r.flight_packets + r.sacked_packets + r.lost_packets + r.resent_packets, 0);
    assert_int_equal(r.bytes_acked, 10 * SP_MSS);
    assert_int_equal(r.reordering, 4); /* the fourth never went again, and was overtaken by 7 */
    tcp_test_end(&tt);
}

/* Small segments are counted each, and a FIN alone is one. */
static void small_segments_are_segments(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, true, 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(tt_send_bytes(&tt, 10, 1 + 10 * i), 10);
    }
    assert_int_equal(tcp_test_forget(&tt), 5);
    assert_int_equal(report(&tt).flight_packets, 5);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 51);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    assert_int_equal(tcp_test_forget(&tt), 1);
    struct tcp_report r = report(&tt);
    assert_int_equal(r.flight_packets, 1);
    assert_int_equal(r.bytes_sent, 50);
    tcp_test_end(&tt);
}

static void reordering_and_duplicates(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, true, 0);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    tcp_test_advance_ms(&tt, SP_RTT_MS);
    sp_sack(&tt, 0, 6, 7);
    assert_int_equal(report(&tt).reordering, 3);
    sp_ack(&tt, 2); /* 0 comes after 6, which it was sent before */
    assert_int_equal(report(&tt).reordering, 7);
    assert_int_equal(report(&tt).reord_seen, 1); /* two segments, one ACK */
    sp_dsack(&tt, 2, 0);
    assert_int_equal(report(&tt).dsacks, 1);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 9, .ack = sp_at(2), .data = "gap");
    inject(&tt, .flags = TCP_ACK, .seq = 20, .ack = sp_at(2), .data = "gap");
    struct tcp_report r = report(&tt);
    assert_int_equal(r.ooo_ins, 2);
    assert_int_equal(r.ooo_packets, 2);
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
}

static void on_ready(void *owner, uint32_t bits)
{
    ((struct tcp_test *)owner)->ready |= bits;
}

/* Agreed on, and then seen in use, if only by a mark that data may be marked. */
static void ecn_is_told(void **state)
{
    const uint8_t marks[] = {ECT_0, CE};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        struct tcp_test tt;
        struct net_config cfg;
        tcp_test_config(&cfg);
        cfg.tcp_ecn = true;
        make_listen_with(&tt, &cfg);
        inject(&tt, .flags = TCP_SYN | TCP_ECE | TCP_CWR, .options = "\2\4\5\264",
               .options_len = 4);
        expect(&tt, .flags = TCP_SYN | TCP_ACK | TCP_ECE, .seq = 0, .ack = 1);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
        tt.t = tcp_accept(tt.listener, on_ready, &tt);
        assert_non_null(tt.t);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "no mark");
        assert_true(report(&tt).ecn);
        assert_false(report(&tt).ecn_seen);
        inject(&tt, .flags = TCP_ACK, .seq = 8, .ack = 1, .data = "mark", .tos = marks[i]);
        assert_true(report(&tt).ecn_seen);
        assert_int_equal(ecn_echo_due(tt.t), marks[i] == CE);
        assert_int_equal(report(&tt).recovery, TCP_REPORT_OPEN);
        assert_int_equal(tt_send_bytes(&tt, 2 * TT_MSS, 1), 2 * TT_MSS);
        inject(&tt, .flags = TCP_ACK | TCP_ECE, .seq = 12, .ack = 1 + TT_MSS);
        assert_int_equal(report(&tt).recovery, TCP_REPORT_CWR);
        inject(&tt, .flags = TCP_ACK, .seq = 12, .ack = 1 + 2 * TT_MSS);
        assert_int_equal(report(&tt).recovery, TCP_REPORT_OPEN);
        (void)tcp_test_forget(&tt);
        tcp_test_end(&tt);
    }
}

/* A socket that is nobody's yet has no segment size to divide by. */
static void a_report_of_nothing(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    tt.t = tcp_create(tt.net, on_ready, &tt);
    assert_non_null(tt.t);
    struct tcp_report r = report(&tt);
    assert_int_equal(r.state, 7);
    assert_int_equal(r.reordering, 3);
    assert_int_equal(r.flight_packets, 0);
    assert_int_equal(r.bytes_sent, 0);
    assert_false(r.ecn || r.ecn_seen);
    tt_close(&tt);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repair_in_counts),        cmocka_unit_test(small_segments_are_segments),
        cmocka_unit_test(reordering_and_duplicates), cmocka_unit_test(ecn_is_told),
        cmocka_unit_test(a_report_of_nothing),
    };
    return tcp_run_all(tests);
}
