/*
 * Rules of docs/conformance.md of which a small change of the code would break one side unseen by
 * the tests of its subject: the active side of options, both ends of a timer, errors told late.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "tests/unit/tcp_fixture.h"

#include <errno.h>

enum {
    BYTES_AT = 20, /* of TCP in a bare IP packet */
    SYN_ACK = TCP_SYN | TCP_ACK,
};

static const char mss_only[] = {2, 4, 5, (char)0xb4};
static const char mss_sack[] = {2, 4, 5, (char)0xb4, 1, 1, 4, 2};
static const char mss_scale[] = {2, 4, 5, (char)0xb4, 1, 3, 3, 7};
static const char mss_ts[] = {2, 4, 5, (char)0xb4, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0};
static const char ts[] = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0};

/* The next segment that was sent: its flags, and what its options say. */
static uint8_t pop_options(struct tcp_test *tt, struct tcp_options *o, uint16_t *window)
{
    struct frame fr;
    assert_true(fixture_pop(&tt->f, &fr));
    const uint8_t *h = fr.bytes + BYTES_AT;
    size_t header = (size_t)(h[12] >> 4) * 4;
    assert_true(tcp_options_parse(o, h + TCP_HEADER_BYTES, header - TCP_HEADER_BYTES));
    *window = load_be16(h + 14);
    return h[13];
}

/* An active open with a configuration of one's own, up to its SYN, which is left to be looked at.
 */
static void connect_with(struct tcp_test *tt, const struct net_config *cfg)
{
    uint32_t addr = 0;
    tcp_test_begin(tt, cfg);
    tt->t = tcp_create(tt->net, NULL, NULL);
    assert_non_null(tt->t);
    tt->rport = 443;
    assert_int_equal(tcp_connect(tt->t, FIXTURE_PEER, tt->rport), -EINPROGRESS);
    tcp_local(tt->t, &addr, &tt->lport);
}

/* ---- what the SYNs say ---- */

/* RFC 9293 MUST-14, MUST-67, SHLD-5: what a SYN or SYN-ACK announces follows from the link. */
static void mss_follows_the_link(void **state)
{
    static const uint16_t mtus[] = {1500, 1000, 576};
    for (size_t i = 0; i < ARRAY_SIZE(mtus); i++) {
        struct tcp_test tt;
        struct tcp_options o;
        struct net_config cfg;
        uint16_t window;
        tcp_test_config(&cfg);
        cfg.mtu = mtus[i];
        connect_with(&tt, &cfg);
        assert_int_equal(pop_options(&tt, &o, &window), TCP_SYN);
        assert_true(o.has_mss);
        assert_int_equal(o.mss, mtus[i] - 40);
        tcp_test_end(&tt);
        make_listen_with(&tt, &cfg);
        inject(&tt, .flags = TCP_SYN);
        assert_int_equal(pop_options(&tt, &o, &window), SYN_ACK);
        assert_true(o.has_mss);
        assert_int_equal(o.mss, mtus[i] - 40);
        tcp_test_end(&tt);
    }
}

/* RFC 7323 3.2: a SYN has nothing to echo. */
static void syn_echoes_nothing(void **state)
{
    struct tcp_test tt;
    struct tcp_options o;
    uint16_t window;
    connect_with(&tt, NULL);
    assert_int_equal(pop_options(&tt, &o, &window), TCP_SYN);
    assert_true(o.has_timestamps);
    assert_int_equal(o.ts_ecr, 0);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-15: a SYN-ACK that says nothing of the MSS means 536. */
static void syn_ack_without_mss(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    inject(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(tt_send_bytes(&tt, 1000, 1), 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 536);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 11, .ack = 1, .len = 10); /* nor did it permit SACK */
    expect(&tt, .flags = TCP_ACK, .seq = 1001, .ack = 1, .options = "", .options_len = 0);
    tcp_test_end(&tt);
}

/* RFC 7323 2.2 for the active side: our SYN's window is as it is written, and our shift is given up
 * with a SYN-ACK that has none. */
static void active_scale_needs_both(void **state)
{
    struct tcp_test tt;
    struct tcp_options o;
    struct net_config cfg;
    uint16_t window;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = 200000;
    connect_with(&tt, &cfg);
    assert_int_equal(pop_options(&tt, &o, &window), TCP_SYN);
    assert_true(o.has_wscale && o.wscale == 2);
    assert_int_equal(window, 65532);
    inject(&tt, .flags = SYN_ACK, .ack = 1, .wnd = 100, .options = mss_only, .options_len = 4);
    assert_int_equal(snd_wnd(tt.t), 100);
    assert_int_equal(pop_options(&tt, &o, &window), TCP_ACK);
    assert_true(window > 60000); /* in bytes, not in units */
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100);
    assert_int_equal(snd_wnd(tt.t), 100);
    tcp_test_end(&tt);
    connect_with(&tt, &cfg);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = SYN_ACK, .ack = 1, .wnd = 100, .options = mss_scale, .options_len = 8);
    assert_int_equal(snd_wnd(tt.t), 100); /* that of a SYN is not scaled */
    assert_int_equal(pop_options(&tt, &o, &window), TCP_ACK);
    assert_true(window < 60000);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100);
    assert_int_equal(snd_wnd(tt.t), 100 << 7);
    tcp_test_end(&tt);
}

/* The same for the passive side, and for SYNs that cross: the second window of the peer's comes
 * when the scale is known, and is not scaled all the same. */
static void windows_of_syns_are_not_scaled(void **state)
{
    struct tcp_test tt;
    struct tcp_options o;
    uint16_t window;
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN, .wnd = 100, .options = mss_scale, .options_len = 8);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(snd_wnd(tt.t), 1 << 7);
    assert_int_equal(max_snd_wnd(tt.t), 1 << 7);
    tcp_test_end(&tt);
    make_syn_sent(&tt);
    inject(&tt, .flags = TCP_SYN, .wnd = 100, .options = mss_scale, .options_len = 8);
    assert_int_equal(pop_options(&tt, &o, &window), SYN_ACK);
    assert_true(o.has_wscale);
    inject(&tt, .flags = SYN_ACK, .ack = 1, .wnd = 100, .options = mss_scale, .options_len = 8);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_int_equal(snd_wnd(tt.t), 100);
    tcp_test_end(&tt);
    make_syn_sent(&tt); /* a SYN that offers no scale gets none back */
    inject(&tt, .flags = TCP_SYN, .options = mss_only, .options_len = 4);
    assert_int_equal(pop_options(&tt, &o, &window), SYN_ACK);
    assert_false(o.has_wscale);
    tcp_test_end(&tt);
}

/* Takes all that was sent: each segment has timestamps or none has. Returns how many there were. */
static unsigned look_for_timestamps(struct tcp_test *tt, bool wanted)
{
    unsigned count = 0;
    while (tt->f.out.count > 0) {
        struct tcp_options o;
        uint16_t window;
        uint8_t flags = pop_options(tt, &o, &window);
        assert_true(o.has_timestamps == wanted || (flags & TCP_RST));
        count++;
    }
    return count;
}

/* RFC 7323 3.2: a whole life with timestamps on every segment, and one with none on any. */
static void timestamps_for_a_whole_life(void **state)
{
    for (int on = 0; on < 2; on++) {
        struct tcp_test tt;
        const char *o = on ? ts : NULL;
        size_t len = on ? sizeof(ts) : 0;
        make_listen(&tt);
        inject(&tt, .flags = TCP_SYN, .options = on ? mss_ts : mss_only,
               .options_len = on ? sizeof(mss_ts) : sizeof(mss_only));
        inject(&tt, .flags = TCP_ACK, .seq = 100000, .ack = 1, .options = o, .options_len = len);
        assert_int_equal(look_for_timestamps(&tt, on), 2); /* the SYN-ACK, and the record's ACK */
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o, .options_len = len);
        tt.t = tcp_accept(tt.listener, NULL, NULL);
        assert_int_equal(tt_send_bytes(&tt, 2000, 1), 2000);
        tcp_test_advance_ms(&tt, 1000); /* and again */
        assert_true(look_for_timestamps(&tt, on) >= 4);
        inject(&tt, .flags = TCP_ACK, .seq = 10, .ack = 2001, .data = "gap", .options = o,
               .options_len = len);
        assert_int_equal(look_for_timestamps(&tt, on), 1);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2001, .len = 9, .options = o,
               .options_len = len);
        assert_int_equal(look_for_timestamps(&tt, on), 1);
        assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
        tcp_test_advance_ms(&tt, 1000); /* a FIN of its own, and again */
        assert_true(look_for_timestamps(&tt, on) >= 2);
        inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 13, .ack = 2002, .options = o,
               .options_len = len);
        inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 13, .ack = 2002, .options = o,
               .options_len = len); /* to TIME-WAIT */
        assert_int_equal(look_for_timestamps(&tt, on), 2);
        tcp_test_end(&tt);
    }
}

/* ---- timers ---- */

/* RFC 6298 2.2, 2.3: both gains and their order, where the minimum does not hide them. */
static void gains_of_the_estimator(void **state)
{
    struct tcp_rtt r;
    tcp_rtt_init(&r);
    tcp_rtt_sample(&r, NS_PER_S, 1);
    assert_int_equal(r.rto_us, 3000000); /* 1 s and four times half of it */
    tcp_rtt_sample(&r, 2 * NS_PER_S, 1);
    /* RTTVAR = 3/4 * 0.5 + 1/4 * |1 - 2|, with the SRTT of before; SRTT = 7/8 * 1 + 1/8 * 2. */
    assert_int_equal(r.srtt_us8 / 8, 1125000);
    assert_int_equal(r.rto_us, 1125000 + 4 * 625000);
}

/* RFC 6298 5.3: an ACK of new data gives what is still out a whole timeout, with SACK and without.
 */
static void new_ack_restarts_the_timer(void **state)
{
    for (int sack = 0; sack < 2; sack++) {
        struct tcp_test tt;
        struct net_config cfg;
        tcp_test_config(&cfg);
        cfg.tcp_off = NET_TCP_OFF_TLP;
        make_listen_with(&tt, &cfg);
        tt_handshake(&tt, sack ? mss_sack : mss_only, sack ? sizeof(mss_sack) : 4, TT_WND);
        assert_int_equal(tt_send_bytes(&tt, 2 * TT_MSS, 1), 2 * TT_MSS);
        assert_int_equal(tcp_test_forget(&tt), 2);
        tcp_test_advance_ms(&tt, 150);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + TT_MSS);
        tcp_test_advance_ms(&tt, TCP_RTO_MIN_MS - 10);
        expect_nothing(&tt);
        tcp_test_advance_ms(&tt, 100);
        expect(&tt, .flags = TCP_ACK, .seq = 1 + TT_MSS, .ack = 1, .len = TT_MSS);
        tcp_test_end(&tt);
    }
}

/* RFC 6298 5.7, RFC 5681 3.1 for the passive side: a SYN-ACK that had to go again. */
static void lost_syn_ack_makes_cautious(void **state)
{
    struct tcp_test tt;
    make_half_open(&tt);
    tcp_test_advance_ms(&tt, 1001);
    expect(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(tt_send_bytes(&tt, 5000, 1), 5000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = TT_MSS);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 2990);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 20);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = TT_MSS);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-26: while something is out it asks the same question, and keepalive is silent. */
static void keepalive_waits_for_what_is_out(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPIDLE_S, 5), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPINTVL_S, 1), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPCNT, 2), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPALIVE, 1), 0);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    for (int i = 0; i < 60; i++) {
        tcp_test_advance_ms(&tt, 1000);
        (void)tcp_test_forget(&tt);
    }
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_keepalives"), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 6);
    tcp_test_advance_ms(&tt, 11000);
    assert_true(tcp_test_count(&tt, "tcp_tx_keepalives") > 0);
    tcp_test_end(&tt);
}

/* RFC 7323 4.1: what acknowledges nothing new measures nothing, whatever it echoes. */
static void old_ack_measures_nothing(void **state)
{
    struct tcp_test tt;
    char echo[12] = {1, 1, 8, 10, 0, 0, 0, 9};
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN, .options = mss_ts, .options_len = sizeof(mss_ts));
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = ts, .options_len = sizeof(ts));
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    store_be32((uint8_t *)echo + 8, tcp_ts_now(tt.net, ts_offset(tt.t)));
    tcp_test_advance_ms(&tt, 100);
    uint32_t srtt = srtt_us8(tt.t);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x", .options = echo,
           .options_len = sizeof(echo));
    inject(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .options = echo, .options_len = sizeof(echo));
    assert_int_equal(srtt_us8(tt.t), srtt);
    inject(&tt, .flags = TCP_ACK, .seq = 2, .ack = 6, .options = echo, .options_len = sizeof(echo));
    assert_true(srtt_us8(tt.t) > srtt);
    tcp_test_end(&tt);
}

/* RFC 2018 4: while data waits out of order whatever is sent tells of it, if it has the room. */
static void small_segments_carry_blocks(void **state)
{
    struct tcp_test tt;
    struct tcp_options o;
    uint16_t window;
    make_listen(&tt);
    tt_handshake(&tt, mss_sack, sizeof(mss_sack), TT_WND);
    inject(&tt, .flags = TCP_ACK, .seq = 11, .ack = 1, .len = 10);
    assert_int_equal(pop_options(&tt, &o, &window), TCP_ACK);
    assert_int_equal(o.sack_count, 1);
    assert_int_equal(tt_send_bytes(&tt, TT_MSS - 20, 1), TT_MSS - 20); /* all but full */
    assert_int_equal(pop_options(&tt, &o, &window), TCP_ACK | TCP_PSH);
    assert_int_equal(o.sack_count, 1);
    assert_int_equal(o.sack[0].first, tt.irs + 11);
    assert_int_equal(o.sack[0].end, tt.irs + 21);
    tcp_test_end(&tt);
}

/* RFC 2018 3: without timestamps there is room for four blocks, and four are told, newest first. */
static void four_blocks_without_timestamps(void **state)
{
    struct tcp_test tt;
    struct tcp_options o = {0};
    uint16_t window;
    make_listen(&tt);
    tt_handshake(&tt, mss_sack, sizeof(mss_sack), TT_WND);
    for (uint32_t i = 1; i <= 5; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1 + 100 * i, .ack = 1, .len = 50);
        assert_int_equal(pop_options(&tt, &o, &window), TCP_ACK);
        assert_int_equal(o.sack_count, min_u32(i, 4));
        assert_int_equal(o.sack[0].first, tt.irs + 1 + 100 * i);
    }
    assert_int_equal(o.sack[3].first, tt.irs + 1 + 200);
    tcp_test_end(&tt);
}

/* RFC 2018 3: a block is all that is there without a gap; what overlaps is one. */
static void overlapping_text_is_one_block(void **state)
{
    struct tcp_test tt;
    struct tcp_options o = {0};
    uint16_t window;
    make_listen(&tt);
    tt_handshake(&tt, mss_sack, sizeof(mss_sack), TT_WND);
    inject(&tt, .flags = TCP_ACK, .seq = 101, .ack = 1, .len = 100);
    inject(&tt, .flags = TCP_ACK, .seq = 301, .ack = 1, .len = 100);
    inject(&tt, .flags = TCP_ACK, .seq = 151, .ack = 1, .len = 200);
    assert_int_equal(tt.f.out.count, 3);
    while (tt.f.out.count > 0) {
        assert_int_equal(pop_options(&tt, &o, &window), TCP_ACK);
    }
    assert_int_equal(o.sack_count, 2); /* the duplicate, and what it is a part of */
    assert_int_equal(o.sack[1].first, tt.irs + 101);
    assert_int_equal(o.sack[1].end, tt.irs + 401);
    assert_int_equal(ooo_bytes(tt.t), 300);
    tcp_test_end(&tt);
}

/* ---- loss ---- */

/* RFC 6928 2 for every size of segment, RFC 5681 3.1 after a lost SYN. */
static void initial_window_follows_the_segment(void **state)
{
    static const struct {
        uint16_t mss;
        uint32_t window;
    } cases[] = {{88, 880}, {536, 5360}, {1460, 14600}, {4000, 14600}, {8000, 16000}};
    struct tcp_test tt;
    make_established(&tt);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        set_snd_mss(tt.t, cases[i].mss);
        set_syn_resent(tt.t, false);
        assert_int_equal(tcp_cc_initial_window(tt.t), cases[i].window);
        set_syn_resent(tt.t, true);
        assert_int_equal(tcp_cc_initial_window(tt.t), cases[i].mss);
    }
    tcp_test_end(&tt);
}

/* RFC 5681 3.1: ssthresh is what the first timeout made it for the second one, too. */
static void second_timeout_leaves_ssthresh(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tcp_cc_set(tt.t, &tcp_cc_newreno);
    assert_int_equal(tt_send_bytes(&tt, 10 * TT_MSS, 1), 10 * TT_MSS);
    assert_int_equal(tcp_test_forget(&tt), 10);
    for (int timeouts = 1; timeouts <= 2; timeouts++) {
        while (tt.f.out.count == 0) {
            assert_true(tt.f.now_ns < 60 * NS_PER_S);
            tcp_test_advance_ms(&tt, 5);
        }
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = TT_MSS);
        assert_int_equal(timeouts_of(tt.t), timeouts);
        assert_int_equal(ssthresh_of(tt.t), 5 * TT_MSS);
        assert_int_equal(cwnd_of(tt.t), TT_MSS);
    }
    tcp_test_end(&tt);
}

/* RFC 6582 3.2 step 2: duplicates of what a timeout has sent again say nothing new. */
static void duplicates_after_a_timeout(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tcp_cc_set(tt.t, &tcp_cc_newreno);
    assert_int_equal(tt_send_bytes(&tt, 10 * TT_MSS, 1), 10 * TT_MSS);
    tcp_test_advance_ms(&tt, 205);
    assert_int_equal(tcp_test_forget(&tt), 11);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + TT_MSS);
    (void)tcp_test_forget(&tt);
    for (int i = 0; i < 2 * TCP_DUPACK_THRESHOLD; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + TT_MSS);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 0);
    assert_int_equal(ssthresh_of(tt.t), 5 * TT_MSS);
    tcp_test_end(&tt);
}

/* RFC 5681 3.2, RFC 6675 5: losses of one window that are told of by and by reduce it once. */
static void losses_of_one_window_reduce_once(void **state)
{
    static const uint32_t told[][2] = {{3, 6}, {8, 12}, {14, 16}};
    struct tcp_test tt;
    make_listen(&tt);
    tt_handshake(&tt, mss_sack, sizeof(mss_sack), TT_WND);
    tcp_cc_set(tt.t, &tcp_cc_newreno);
    set_cwnd(tt.t, 16 * TT_MSS);
    assert_int_equal(tt_send_bytes(&tt, 16 * TT_MSS, 1), 16 * TT_MSS);
    for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
        uint8_t o[12] = {1, 1, 5, 10};
        tcp_test_advance_ms(&tt, 10);
        store_be32(o + 4, tt.iss + 1 + told[i][0] * TT_MSS);
        store_be32(o + 8, tt.iss + 1 + told[i][1] * TT_MSS);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = (const char *)o,
               .options_len = sizeof(o));
        assert_int_equal(ssthresh_of(tt.t), 8 * TT_MSS);
        assert_int_equal(tcp_test_count(&tt, "tcp_fast_retransmits"), 1);
    }
    tcp_test_end(&tt);
}

/* Fast recovery with SACK: of 16 segments 12 are lost. Returns what became ssthresh. */
static uint32_t make_repair(struct tcp_test *tt)
{
    uint8_t o[12] = {1, 1, 5, 10};
    make_listen(tt);
    tt_handshake(tt, mss_sack, sizeof(mss_sack), TT_WND);
    tcp_cc_set(tt->t, &tcp_cc_newreno);
    set_cwnd(tt->t, 16 * TT_MSS);
    assert_int_equal(tt_send_bytes(tt, 16 * TT_MSS, 1), 16 * TT_MSS);
    assert_int_equal(tcp_test_forget(tt), 16);
    tcp_test_advance_ms(tt, 10);
    store_be32(o + 4, tt->iss + 1 + 12 * TT_MSS);
    store_be32(o + 8, tt->iss + 1 + 16 * TT_MSS);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = (const char *)o,
           .options_len = sizeof(o));
    assert_int_equal(recovery_of(tt->t), TCP_RECOVERY_FAST);
    (void)tcp_test_forget(tt);
    return ssthresh_of(tt->t);
}

/* RFC 5681 3.2 step 6, with SACK: at the end of the repair cwnd is ssthresh (and what the same ACK
 * adds), however little the repair had left of it. */
static void repair_with_sack_ends_at_ssthresh(void **state)
{
    struct tcp_test tt;
    assert_int_equal(make_repair(&tt), 8 * TT_MSS);
    assert_true(cwnd_of(tt.t) <= 5 * TT_MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 16 * TT_MSS);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    assert_in_range(cwnd_of(tt.t), 8 * TT_MSS, 9 * TT_MSS);
    tcp_test_end(&tt);
}

/* RFC 5681 4.3: when the repair itself is lost, too, cwnd is one segment, and what the flight was
 * halved to is halved again. */
static void timeout_in_a_repair(void **state)
{
    struct tcp_test tt;
    uint32_t ssthresh = make_repair(&tt);
    for (int i = 0; i < 100 && tcp_test_count(&tt, "tcp_timeouts") == 0; i++) {
        (void)tcp_test_forget(&tt);
        tcp_test_advance_ms(&tt, 10);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = TT_MSS);
    expect_nothing(&tt);
    assert_int_equal(cwnd_of(tt.t), TT_MSS);
    assert_int_equal(ssthresh_of(tt.t), ssthresh / 2);
    tcp_test_end(&tt);
}

/* ---- loss into a window that shrank ---- */

/* RFC 9293 SHLD-16, RFC 1122 4.2.2.16: the first segment goes again whatever the window says, those
 * behind it only as far as the window lets them. */
static void lost_behind_a_shrunk_window(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 10 * TT_MSS, 1), 10 * TT_MSS);
    assert_int_equal(tcp_test_forget(&tt), 10);
    tcp_test_advance_ms(&tt, 205);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = TT_MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + TT_MSS, .wnd = 100);
    expect(&tt, .flags = TCP_ACK, .seq = 1 + TT_MSS, .ack = 1, .len = TT_MSS);
    expect_nothing(&tt); /* cwnd would let a second one go */
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 2 * TT_MSS, .wnd = 2 * TT_MSS);
    expect(&tt, .flags = TCP_ACK, .seq = 1 + 2 * TT_MSS, .ack = 1, .len = TT_MSS);
    expect(&tt, .flags = TCP_ACK, .seq = 1 + 3 * TT_MSS, .ack = 1, .len = TT_MSS);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* ---- ends ---- */

static void icmp(struct tcp_test *tt, uint8_t type, uint8_t code)
{
    struct icmp_error e = {.type = type,
                           .code = code,
                           .quoted_src = FIXTURE_ADDR,
                           .quoted_dst = FIXTURE_PEER,
                           .quoted_protocol = IP_PROTO_TCP};
    store_be16(e.quoted, tt->lport);
    store_be16(e.quoted + 2, tt->rport);
    store_be32(e.quoted + 4, snd_una(tt->t));
    tcp_icmp_error(tt->net, &e);
}

/* RFC 9293 MUST-47: what ends for want of an answer ends with what a router said about it, unless
 * the peer was heard since. */
static void soft_errors_are_told_at_the_end(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    icmp(&tt, 11, 0);
    assert_int_equal(state_of(tt.t), TCP_SYN_SENT);
    tcp_test_advance_ms(&tt, 130 * 1000);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_int_equal(tcp_take_error(tt.t), EHOSTUNREACH);
    tcp_test_end(&tt);
    for (int heard = 0; heard < 2; heard++) {
        make_established(&tt);
        assert_int_equal(tt_send(&tt, "hello"), 5);
        icmp(&tt, 3, 0);
        if (heard) {
            inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 3);
        }
        for (int i = 0; i < 2000 && state_of(tt.t) != TCP_CLOSED; i++) {
            tcp_test_advance_ms(&tt, 1000);
            (void)tcp_test_forget(&tt);
        }
        assert_int_equal(state_of(tt.t), TCP_CLOSED);
        assert_int_equal(tcp_take_error(tt.t), heard ? ETIMEDOUT : ENETUNREACH);
        tcp_test_end(&tt);
    }
}

/* RFC 9293 SHLD-3: text that waits behind a gap was not read either. */
static void close_with_text_behind_a_gap_resets(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "gap");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt_close(&tt);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 1);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* ---- ports and listeners ---- */

/* RFC 9293 MUST-41: two may share a port for the sake of its connections, but one listens. */
static void one_port_has_one_listener(void **state)
{
    struct tcp_test tt;
    tcp_test_begin(&tt, NULL);
    struct tcp_cb *a = tcp_create(tt.net, NULL, NULL);
    struct tcp_cb *b = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_bind(a, 0, TT_PORT, true), 0);
    assert_int_equal(tcp_bind(b, 0, TT_PORT, true), 0);
    assert_int_equal(tcp_listen(a, 4), 0);
    assert_int_equal(tcp_listen(b, 4), -EADDRINUSE);
    inject(&tt, .flags = TCP_SYN, .seq = 0);
    expect(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-42: beside a connection that is being made from the port, in SYN-SENT and in
 * SYN-RECEIVED; each segment finds its own. */
static void listens_beside_a_connection_of_the_port(void **state)
{
    for (int crossed = 0; crossed < 2; crossed++) {
        struct tcp_test tt;
        tcp_test_begin(&tt, NULL);
        struct tcp_cb *l = tcp_create(tt.net, NULL, NULL);
        tt.t = tcp_create(tt.net, NULL, NULL);
        assert_int_equal(tcp_bind(tt.t, 0, TT_PORT, true), 0);
        assert_int_equal(tcp_connect(tt.t, FIXTURE_PEER, TT_PEER_PORT), -EINPROGRESS);
        expect(&tt, .flags = TCP_SYN, .seq = 0);
        if (crossed) {
            inject(&tt, .flags = TCP_SYN, .seq = 0);
            expect(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
        }
        assert_int_equal(tcp_bind(l, 0, TT_PORT, false), -EADDRINUSE);
        assert_int_equal(tcp_bind(l, 0, TT_PORT, true), 0);
        assert_int_equal(tcp_listen(l, 4), 0);
        inject(&tt, .flags = TCP_SYN, .seq = 0, .sport = 5000);
        expect(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
        inject(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
        assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
        assert_int_equal(half_opens_of(tt.net), 1);
        tcp_test_end(&tt);
    }
}

/* RFC 9293 MUST-43: a listener that named an address serves it alone; when the host has another one
 * it serves nobody, and one that named none serves the new one. */
static void a_named_address_alone_is_served(void **state)
{
    struct tcp_test tt;
    tcp_test_begin(&tt, NULL);
    struct tcp_cb *named = tcp_create(tt.net, NULL, NULL);
    struct tcp_cb *any = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_bind(named, FIXTURE_ADDR + 6, TT_PORT, false), -EADDRNOTAVAIL);
    assert_int_equal(tcp_bind(named, FIXTURE_ADDR, TT_PORT, false), 0);
    assert_int_equal(tcp_listen(named, 4), 0);
    assert_int_equal(tcp_bind(any, 0, TT_PORT + 1, false), 0);
    assert_int_equal(tcp_listen(any, 4), 0);
    inject(&tt, .flags = TCP_SYN, .seq = 0);
    expect(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
    struct net_event e = {
        .kind = NET_EVENT_ADDRESS, .address = FIXTURE_ADDR + 6, .prefix_bits = 24};
    iface_set_address(tt.net, &e);
    inject(&tt, .flags = TCP_SYN, .seq = 0, .dst = FIXTURE_ADDR + 6);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0 - tt.iss, .ack = 1);
    inject(&tt, .flags = TCP_SYN, .seq = 0, .dst = FIXTURE_ADDR + 6, .dport = TT_PORT + 1);
    expect(&tt, .flags = SYN_ACK, .seq = 0, .ack = 1);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mss_follows_the_link),
        cmocka_unit_test(syn_ack_without_mss),
        cmocka_unit_test(active_scale_needs_both),
        cmocka_unit_test(windows_of_syns_are_not_scaled),
        cmocka_unit_test(timestamps_for_a_whole_life),
        cmocka_unit_test(gains_of_the_estimator),
        cmocka_unit_test(new_ack_restarts_the_timer),
        cmocka_unit_test(lost_syn_ack_makes_cautious),
        cmocka_unit_test(keepalive_waits_for_what_is_out),
        cmocka_unit_test(syn_echoes_nothing),
        cmocka_unit_test(old_ack_measures_nothing),
        cmocka_unit_test(small_segments_carry_blocks),
        cmocka_unit_test(four_blocks_without_timestamps),
        cmocka_unit_test(overlapping_text_is_one_block),
        cmocka_unit_test(duplicates_after_a_timeout),
        cmocka_unit_test(losses_of_one_window_reduce_once),
        cmocka_unit_test(initial_window_follows_the_segment),
        cmocka_unit_test(second_timeout_leaves_ssthresh),
        cmocka_unit_test(repair_with_sack_ends_at_ssthresh),
        cmocka_unit_test(timeout_in_a_repair),
        cmocka_unit_test(lost_behind_a_shrunk_window),
        cmocka_unit_test(soft_errors_are_told_at_the_end),
        cmocka_unit_test(close_with_text_behind_a_gap_resets),
        cmocka_unit_test(one_port_has_one_listener),
        cmocka_unit_test(listens_beside_a_connection_of_the_port),
        cmocka_unit_test(a_named_address_alone_is_served),
    };
    return tcp_run_all(tests);
}
