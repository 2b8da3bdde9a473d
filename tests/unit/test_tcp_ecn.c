/*
 * Explicit Congestion Notification (RFC 3168 6.1): both opens, both sides, the fallbacks, and what
 * never carries a mark.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/wire/csum.h"
#include "tests/unit/tcp_fixture.h"

#include "kernel/bytes.h"

enum {
    MSS = TT_MSS,
    ECT_0 = 2,
    CE = 3,
    SETUP = TCP_ECE | TCP_CWR,
};

static const char mss_option[] = {2, 4, 5, (char)0xb4}; /* 1460 */

static void on_ready(void *owner, uint32_t bits)
{
    struct tcp_test *tt = owner;
    tt->ready |= bits;
}

static void listen_with(struct tcp_test *tt, bool ecn)
{
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_ecn = ecn;
    make_listen_with(tt, &cfg);
}

static void accept_it(struct tcp_test *tt)
{
    tt->t = tcp_accept(tt->listener, on_ready, tt);
    assert_non_null(tt->t);
}

static void make_ecn(struct tcp_test *tt)
{
    listen_with(tt, true);
    inject(tt, .flags = TCP_SYN | SETUP, .options = mss_option, .options_len = 4);
    expect(tt, .flags = TCP_SYN | TCP_ACK | TCP_ECE, .seq = 0, .ack = 1);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    accept_it(tt);
    assert_true(ecn_agreed(tt->t));
    tcp_cc_set(tt->t, &tcp_cc_newreno);
}

static void connect_with(struct tcp_test *tt, bool ecn)
{
    struct net_config cfg;
    uint32_t addr;
    tcp_test_config(&cfg);
    cfg.tcp_ecn = ecn;
    tcp_test_begin(tt, &cfg);
    tt->t = tcp_create(tt->net, on_ready, tt);
    assert_non_null(tt->t);
    tt->rport = 443;
    assert_int_equal(tcp_connect(tt->t, FIXTURE_PEER, tt->rport), -EINPROGRESS);
    tcp_local(tt->t, &addr, &tt->lport);
}

/* Off unless asked: the SYN's request is not agreed to, ours asks nothing. */
static void off_unless_configured(void **state)
{
    struct tcp_test tt;
    listen_with(&tt, false);
    inject(&tt, .flags = TCP_SYN | SETUP, .options = mss_option, .options_len = 4);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    accept_it(&tt);
    assert_int_equal(tt_send(&tt, "plain"), 5);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "plain");
    /* Marks and echoes mean nothing then. */
    uint32_t cwnd = cwnd_of(tt.t);
    inject(&tt, .flags = TCP_ACK | TCP_ECE, .seq = 1, .ack = 1, .data = "x", .tos = CE);
    assert_true(cwnd_of(tt.t) >= cwnd);
    tcp_test_advance_ms(&tt, 50);
    expect(&tt, .flags = TCP_ACK, .seq = 6, .ack = 2);
    tcp_test_end(&tt);

    connect_with(&tt, false);
    expect(&tt, .flags = TCP_SYN, .seq = 0);
    tcp_test_end(&tt);
}

/* 6.1.1: what is not the request is not agreed to. */
static void half_a_request_is_none(void **state)
{
    const uint8_t flags[] = {0, TCP_ECE, TCP_CWR};
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        struct tcp_test tt;
        listen_with(&tt, true);
        inject(&tt, .flags = TCP_SYN | flags[i], .options = mss_option, .options_len = 4);
        expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
        accept_it(&tt);
        assert_false(ecn_agreed(tt.t));
        tcp_test_end(&tt);
    }
}

/* The SYN-ACK sent again still agrees; a SYN sent again without asking takes the request back. */
static void half_open_remembers(void **state)
{
    struct tcp_test tt;
    listen_with(&tt, true);
    inject(&tt, .flags = TCP_SYN | SETUP, .options = mss_option, .options_len = 4);
    expect(&tt, .flags = TCP_SYN | TCP_ACK | TCP_ECE, .seq = 0, .ack = 1);
    tcp_test_advance_ms(&tt, 1010);
    expect(&tt, .flags = TCP_SYN | TCP_ACK | TCP_ECE, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_SYN, .options = mss_option, .options_len = 4);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    accept_it(&tt);
    assert_false(ecn_agreed(tt.t));
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_opens"), 0);
    tcp_test_end(&tt);
}

static void active_open(void **state)
{
    /* What the SYN-ACK says, and whether that is agreement: a reflecting host is not one. */
    const struct {
        uint8_t flags;
        bool on;
    } cases[] = {{TCP_ECE, true}, {0, false}, {SETUP, false}, {TCP_CWR, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_test tt;
        connect_with(&tt, true);
        expect(&tt, .flags = TCP_SYN | SETUP, .seq = 0);
        inject(&tt, .flags = TCP_SYN | TCP_ACK | cases[i].flags, .ack = 1, .options = mss_option,
               .options_len = 4);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1); /* a pure ACK is never ECT */
        assert_int_equal(ecn_agreed(tt.t), cases[i].on);
        assert_int_equal(tcp_test_count(&tt, "tcp_ecn_opens"), cases[i].on);
        assert_int_equal(tt_send(&tt, "data"), 4);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "data",
               .tos = cases[i].on ? ECT_0 : 0);
        tcp_test_end(&tt);
    }
}

/* 6.1.1.1: the second SYN does not ask, and no answer to the first counts any more. */
static void syn_falls_back(void **state)
{
    struct tcp_test tt;
    connect_with(&tt, true);
    expect(&tt, .flags = TCP_SYN | SETUP, .seq = 0);
    tcp_test_advance_ms(&tt, 1010);
    expect(&tt, .flags = TCP_SYN, .seq = 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_fallbacks"), 1);
    tcp_test_advance_ms(&tt, 2010);
    expect(&tt, .flags = TCP_SYN, .seq = 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_fallbacks"), 1);
    inject(&tt, .flags = TCP_SYN | TCP_ACK | TCP_ECE, .ack = 1, .options = mss_option,
           .options_len = 4);
    assert_false(ecn_agreed(tt.t));
    tcp_test_end(&tt);
}

static void simultaneous_open_goes_without(void **state)
{
    struct tcp_test tt;
    connect_with(&tt, true);
    expect(&tt, .flags = TCP_SYN | SETUP, .seq = 0);
    inject(&tt, .flags = TCP_SYN | SETUP, .options = mss_option, .options_len = 4);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .options = mss_option,
           .options_len = 4);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_false(ecn_agreed(tt.t));
    tcp_test_end(&tt);
}

/* 6.1.3: the mark is echoed on every ACK until CWR comes; a segment with both begins anew. */
static void marks_are_echoed_until_cwr(void **state)
{
    struct tcp_test tt;
    make_ecn(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = MSS, .tos = ECT_0);
    inject(&tt, .flags = TCP_ACK, .seq = 1 + MSS, .ack = 1, .len = MSS, .tos = CE);
    expect(&tt, .flags = TCP_ACK | TCP_ECE, .seq = 1, .ack = 1 + 2 * MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1 + 2 * MSS, .ack = 1, .len = MSS, .tos = ECT_0);
    inject(&tt, .flags = TCP_ACK, .seq = 1 + 3 * MSS, .ack = 1, .len = MSS, .tos = ECT_0);
    expect(&tt, .flags = TCP_ACK | TCP_ECE, .seq = 1, .ack = 1 + 4 * MSS);
    assert_int_equal(tt_send(&tt, "r"), 1); /* on data as well */
    expect(&tt, .flags = TCP_ACK | TCP_ECE, .seq = 1, .ack = 1 + 4 * MSS, .data = "r",
           .tos = ECT_0);
    inject(&tt, .flags = TCP_ACK | TCP_CWR, .seq = 1 + 4 * MSS, .ack = 2, .data = "w",
           .tos = ECT_0);
    tcp_test_advance_ms(&tt, 50);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2 + 4 * MSS);
    inject(&tt, .flags = TCP_ACK | TCP_CWR, .seq = 2 + 4 * MSS, .ack = 2, .data = "b", .tos = CE);
    tcp_test_advance_ms(&tt, 50);
    expect(&tt, .flags = TCP_ACK | TCP_ECE, .seq = 2, .ack = 3 + 4 * MSS);
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_ce_received"), 2);
    tcp_test_end(&tt);
}

/* A mark on a pure ACK, or on a segment outside the window, is not believed. */
static void forged_marks_are_ignored(void **state)
{
    struct tcp_test tt;
    make_ecn(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .tos = CE);
    inject(&tt, .flags = TCP_ACK, .seq = 1 + (1 << 30), .ack = 1, .len = 10, .tos = CE);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 9999, .len = 10, .tos = CE);
    assert_false(ecn_echo_due(tt.t));
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_ce_received"), 0);
    tcp_test_end(&tt);
}

static void acks(struct tcp_test *tt, uint8_t flags, uint32_t segments)
{
    inject(tt, .flags = TCP_ACK | flags, .seq = 1, .ack = 1 + segments * MSS);
}

/* 6.1.2: one reduction for a window, however many echoes; CWR once, on the first new data; the next
 * echo behind it is a new one. */
static void echoes_reduce_once_a_window(void **state)
{
    struct tcp_test tt;
    make_ecn(&tt);
    assert_int_equal(tt_send_bytes(&tt, 40 * MSS, 1), 40 * MSS);
    assert_int_equal(tcp_test_forget(&tt), 10);
    acks(&tt, TCP_ECE, 1);
    assert_int_equal(cwnd_of(tt.t), 5 * MSS);
    assert_int_equal(ssthresh_of(tt.t), 5 * MSS);
    for (uint32_t i = 2; i <= 5; i++) {
        acks(&tt, TCP_ECE, i);
        assert_int_equal(cwnd_of(tt.t), 5 * MSS);
        expect_nothing(&tt);
    }
    acks(&tt, TCP_ECE, 6);
    expect(&tt, .flags = TCP_ACK | TCP_CWR, .seq = 1 + 10 * MSS, .ack = 1, .len = MSS,
           .tos = ECT_0);
    acks(&tt, TCP_ECE, 7);
    expect(&tt, .flags = TCP_ACK, .seq = 1 + 11 * MSS, .ack = 1, .len = MSS, .tos = ECT_0);
    acks(&tt, TCP_ECE, 10); /* all of the old window: still the old mark */
    assert_int_equal(tcp_test_forget(&tt), 3);
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_reductions"), 1);
    acks(&tt, TCP_ECE, 11); /* behind our CWR */
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_reductions"), 2);
    assert_int_equal(cwnd_of(tt.t), 5 * MSS / 2);
    tcp_cc_undo(tt.t); /* nothing that could be undone */
    assert_int_equal(cwnd_of(tt.t), 5 * MSS / 2);
    tcp_test_end(&tt);
}

/* 6.1.5: what is sent again is not ECT; and a loss is announced by CWR as well, once. */
static void retransmissions_are_not_marked(void **state)
{
    struct tcp_test tt;
    make_ecn(&tt);
    assert_int_equal(tt_send_bytes(&tt, 12 * MSS, 1), 12 * MSS);
    assert_int_equal(tcp_test_forget(&tt), 10);
    tcp_test_advance_ms(&tt, 205);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = MSS);
    acks(&tt, TCP_ECE, 10); /* the window was reduced already: no second time */
    assert_int_equal(tcp_test_count(&tt, "tcp_ecn_reductions"), 0);
    expect(&tt, .flags = TCP_ACK | TCP_CWR, .seq = 1 + 10 * MSS, .ack = 1, .len = MSS,
           .tos = ECT_0);
    tcp_test_end(&tt);
}

/* A loss in the window whose mark was answered already is no second reason (6.1.2). */
static void loss_after_a_mark_reduces_no_more(void **state)
{
    struct tcp_test tt;
    make_ecn(&tt);
    assert_int_equal(tt_send_bytes(&tt, 40 * MSS, 1), 40 * MSS);
    assert_int_equal(tcp_test_forget(&tt), 10);
    acks(&tt, TCP_ECE, 1);
    assert_int_equal(ssthresh_of(tt.t), 5 * MSS);
    for (unsigned i = 0; i < 3; i++) {
        acks(&tt, TCP_ECE, 1);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 1);
    assert_int_equal(ssthresh_of(tt.t), 5 * MSS);
    tcp_test_end(&tt);
}

/* 6.1.6: no window probe is ECT, and none carries CWR. */
static void window_probes_are_not_marked(void **state)
{
    struct tcp_test tt;
    make_ecn(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    tcp_test_advance_ms(&tt, 210);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "h");
    tcp_test_end(&tt);
}

/* A FIN alone is not ECT. */
static void bare_fin_is_not_marked(void **state)
{
    struct tcp_test tt;
    make_ecn(&tt);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    tcp_test_end(&tt);
}

/* A data segment of eighty bytes in two IP fragments, each with a mark of its own. */
static void inject_in_two(struct tcp_test *tt, uint32_t seq, uint8_t tos_first, uint8_t tos_second)
{
    enum { TOTAL = 100, CUT = 48 };
    uint8_t s[TOTAL] = {0};
    store_be16(s, tt->rport);
    store_be16(s + 2, tt->lport);
    store_be32(s + 4, tt->irs + seq);
    store_be32(s + 8, tt->iss + 1);
    s[12] = 5 << 4;
    s[13] = TCP_ACK;
    store_be16(s + 14, TT_WND);
    uint32_t sum = csum_pseudo(FIXTURE_PEER, FIXTURE_ADDR, IP_PROTO_TCP, TOTAL);
    store_be16(s + 16, csum_finish(csum_add(sum, s, TOTAL)));
    struct frame fr;
    struct frame_ip ip = {.protocol = IP_PROTO_TCP, .id = 7, .bare = true};
    ip.frag = 0x2000;
    ip.tos = tos_first;
    frame_ip(&fr, &ip, s, CUT);
    fixture_input(&tt->f, &fr);
    ip.frag = CUT / 8;
    ip.tos = tos_second;
    frame_ip(&fr, &ip, s + CUT, TOTAL - CUT);
    fixture_input(&tt->f, &fr);
}

/* 5.3: a mark on one fragment is one on the whole; not beside a fragment that is not ECT. */
static void marks_survive_reassembly(void **state)
{
    const struct {
        uint8_t first, second;
        bool delivered, marked;
    } cases[] = {
        {ECT_0, ECT_0, true, false}, {CE, ECT_0, true, true}, {ECT_0, CE, true, true},
        {0, 0, true, false},         {0, CE, false, false},   {CE, 0, false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_test tt;
        make_ecn(&tt);
        inject_in_two(&tt, 1, cases[i].first, cases[i].second);
        assert_int_equal(rcv_nxt(tt.t) - tt.irs, cases[i].delivered ? 81 : 1);
        assert_int_equal(ecn_echo_due(tt.t), cases[i].marked);
        assert_int_equal(tcp_test_count(&tt, "frag_drop_ecn"), !cases[i].delivered);
        assert_int_equal(tt.net->reass.pool.used, 0);
        tcp_test_end(&tt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_unless_configured),
        cmocka_unit_test(half_a_request_is_none),
        cmocka_unit_test(half_open_remembers),
        cmocka_unit_test(active_open),
        cmocka_unit_test(syn_falls_back),
        cmocka_unit_test(simultaneous_open_goes_without),
        cmocka_unit_test(marks_are_echoed_until_cwr),
        cmocka_unit_test(forged_marks_are_ignored),
        cmocka_unit_test(echoes_reduce_once_a_window),
        cmocka_unit_test(retransmissions_are_not_marked),
        cmocka_unit_test(loss_after_a_mark_reduces_no_more),
        cmocka_unit_test(window_probes_are_not_marked),
        cmocka_unit_test(bare_fin_is_not_marked),
        cmocka_unit_test(marks_survive_reassembly),
    };
    return tcp_run_all(tests);
}
