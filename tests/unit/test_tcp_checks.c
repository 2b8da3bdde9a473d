/*
 * The checks in front of a segment's text: sequence number, RST, SYN, ACK (RFC 9293 3.10.7.4 first
 * to fifth; RFC 5961; reference section 2 and families 20, 24 to 26, 30), in every state.
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

static void (*const make_synchronized[])(struct tcp_test *) = {
    make_established, make_established_active, make_fin_wait_1, make_fin_wait_2, make_close_wait,
    make_closing,     make_last_ack,
};

static uint32_t rcv_next(const struct tcp_test *tt)
{
    return rcv_nxt(tt->t) - tt->irs;
}

static uint32_t snd_next(const struct tcp_test *tt)
{
    return snd_nxt(tt->t) - tt->iss;
}

static uint32_t rcv_window(const struct tcp_test *tt)
{
    return rcv_adv(tt->t) - rcv_nxt(tt->t);
}

/* gVisor's tcp_outside_the_window. */
static void outside_the_window(void **state)
{
    static const struct {
        uint8_t flags;
        const char *data;
        bool at_edge, behind; /* is an ACK wanted at RCV.NXT+WND, and behind it? */
    } cases[] = {
        {TCP_SYN, NULL, true, true},     {TCP_SYN | TCP_ACK, NULL, true, true},
        {TCP_ACK, NULL, false, true},    {TCP_FIN, NULL, false, false},
        {TCP_ACK, "abc123", true, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (uint32_t offset = 0; offset < 3; offset++) {
            struct tcp_test tt;
            make_established(&tt);
            uint32_t seq = rcv_next(&tt) + rcv_window(&tt) + offset;
            bool want = offset == 0 ? cases[i].at_edge : cases[i].behind;
            inject(&tt, .flags = cases[i].flags, .seq = seq, .ack = 1, .data = cases[i].data);
            if (want) {
                expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
            }
            expect_nothing(&tt);
            inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "lives");
            expect_read(&tt, "lives");
            tcp_test_end(&tt);
        }
    }
}

/* TestAckOTWSeqInClosing. */
static void outside_the_window_in_closing(void **state)
{
    static const struct {
        uint8_t flags;
        const char *data;
        bool at_edge;
    } cases[] = {
        {TCP_SYN, NULL, true},      {TCP_SYN | TCP_ACK, NULL, true},
        {TCP_ACK, NULL, false},     {TCP_FIN | TCP_ACK, NULL, false},
        {TCP_ACK, "abc123", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (uint32_t offset = 0; offset < 3; offset++) {
            struct tcp_test tt;
            make_closing(&tt);
            inject(&tt, .flags = cases[i].flags, .seq = rcv_next(&tt) + rcv_window(&tt) + offset,
                   .ack = 1, .data = cases[i].data);
            if (offset > 0 || cases[i].at_edge) {
                expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
            }
            expect_nothing(&tt);
            assert_int_equal(state_of(tt.t), TCP_CLOSING);
            tcp_test_end(&tt);
        }
    }
}

/* The second segment without data outside the window within 500 ms gets no ACK; data always does.
 */
static void out_of_window_acks_are_limited(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    uint32_t far = rcv_next(&tt) + rcv_window(&tt) + 100;
    inject(&tt, .flags = TCP_ACK, .seq = far, .ack = 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tcp_test_advance_ms(&tt, 400);
    inject(&tt, .flags = TCP_ACK, .seq = far, .ack = 1);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = far, .ack = 1, .data = "x");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tcp_test_advance_ms(&tt, 101);
    inject(&tt, .flags = TCP_ACK, .seq = far, .ack = 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tcp_test_end(&tt);
}

/* A keepalive probe from the peer is below the window and gets its answer. */
static void keepalive_probe_is_answered(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(make_synchronized); i++) {
        struct tcp_test tt;
        make_synchronized[i](&tt);
        inject(&tt, .flags = TCP_ACK, .seq = rcv_next(&tt) - 1, .ack = 1);
        expect(&tt, .flags = TCP_ACK, .seq = snd_next(&tt), .ack = rcv_next(&tt));
        tcp_test_end(&tt);
    }
}

static int reset_error(enum tcp_state s)
{
    return s == TCP_CLOSING || s == TCP_LAST_ACK ? 0 : ECONNRESET;
}

/* Family 24. Exactly RCV.NXT resets; elsewhere in the window a challenge; outside nothing. */
static void rst_in_every_state(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(make_synchronized); i++) {
        struct tcp_test tt;
        make_synchronized[i](&tt);
        enum tcp_state before = state_of(tt.t);
        uint32_t next = rcv_next(&tt);
        inject(&tt, .flags = TCP_RST, .seq = next - 1);
        inject(&tt, .flags = TCP_RST, .seq = next + rcv_window(&tt));
        inject(&tt, .flags = TCP_RST, .seq = next + rcv_window(&tt) + 1);
        inject(&tt, .flags = TCP_RST, .seq = next + 0x80000000u);
        expect_nothing(&tt);
        inject(&tt, .flags = TCP_RST, .seq = next + 1);
        expect(&tt, .flags = TCP_ACK, .seq = snd_next(&tt), .ack = next);
        inject(&tt, .flags = TCP_RST, .seq = next + rcv_window(&tt) - 1);
        expect_nothing(&tt); /* limited */
        assert_int_equal(state_of(tt.t), before);
        inject(&tt, .flags = TCP_RST, .seq = next);
        expect_nothing(&tt);
        assert_int_equal(state_of(tt.t), TCP_CLOSED);
        assert_int_equal(tcp_take_error(tt.t), reset_error(before));
        assert_true((tt.ready & NET_READY_HUP) != 0);
        assert_int_equal((tt.ready & NET_READY_ERR) != 0, reset_error(before) != 0);
        char c;
        assert_int_equal(tcp_recv(tt.t, &c, 1, 0), 0);
        assert_int_equal(tcp_send(tt.t, "x", 1, 0), -EPIPE);
        tt_close(&tt);
        assert_int_equal(connections_of(tt.net), tt.listener != NULL ? 1 : 0);
        tcp_test_end(&tt);
    }
}

/* DragonFly #48: the exact number is RCV.NXT, not what was last acknowledged. */
static void rst_with_an_ack_pending(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "abc");
    expect_nothing(&tt); /* delayed */
    inject(&tt, .flags = TCP_RST, .seq = 4);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    expect_read(&tt, "abc"); /* what was there is still read, then the error */
    char c;
    assert_int_equal(tcp_recv(tt.t, &c, 1, 0), -ECONNRESET);
    assert_int_equal(tcp_recv(tt.t, &c, 1, 0), 0);
    tcp_test_end(&tt);
}

/* RFC 5961 4: a SYN anywhere gets a challenge ACK and changes nothing; at most one in 500 ms. */
static void syn_in_every_state(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(make_synchronized); i++) {
        struct tcp_test tt;
        make_synchronized[i](&tt);
        enum tcp_state before = state_of(tt.t);
        uint32_t next = rcv_next(&tt);
        inject(&tt, .flags = TCP_SYN, .seq = next);
        expect(&tt, .flags = TCP_ACK, .seq = snd_next(&tt), .ack = next);
        inject(&tt, .flags = TCP_SYN, .seq = next + 10);
        inject(&tt, .flags = TCP_SYN | TCP_FIN | TCP_ACK, .seq = next, .ack = 1, .data = "evil");
        expect_nothing(&tt);
        tcp_test_advance_ms(&tt, 100);
        assert_int_equal(state_of(tt.t), before);
        assert_int_equal(tcp_readable_bytes(tt.t), 0);
        tcp_test_end(&tt);
    }
}

/* A challenge to one connection takes nothing from another (CVE-2016-5696). */
static void challenges_are_counted_apart(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_SYN, .sport = 4001);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 4001);
    for (unsigned i = 0; i < 200; i++) {
        inject(&tt, .flags = TCP_RST, .seq = 10 + i);
    }
    assert_int_equal(tcp_test_forget(&tt), 1);
    inject(&tt, .flags = TCP_RST, .seq = 10, .sport = 4001);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tcp_test_end(&tt);
}

/* RFC 5961 5, tcp_unacc_seq_ack: what acknowledges the unsent or the ancient is discarded with its
 * data and answered; the connection works on. */
static void ack_range_in_every_state(void **state)
{
    static const int32_t offsets[] = {1, 2, 100000, -70000, INT32_MIN};
    for (size_t i = 0; i < ARRAY_SIZE(make_synchronized); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(offsets); k++) {
            struct tcp_test tt;
            make_synchronized[i](&tt);
            enum tcp_state before = state_of(tt.t);
            uint32_t next = rcv_next(&tt);
            uint32_t ack = snd_next(&tt) + (uint32_t)offsets[k];
            inject(&tt, .flags = TCP_ACK, .seq = next, .ack = ack, .data = "bad");
            expect(&tt, .flags = TCP_ACK, .seq = snd_next(&tt), .ack = next);
            inject(&tt, .flags = TCP_ACK, .seq = next, .ack = ack);
            expect_nothing(&tt);
            assert_int_equal(state_of(tt.t), before);
            assert_int_equal(rcv_next(&tt), next);
            assert_int_equal(tcp_readable_bytes(tt.t), 0);
            tcp_test_end(&tt);
        }
    }
}

/* An ACK a little old is no reason to discard the data with it; RFC 5961 5.2 says how old. */
static void old_ack_with_data_is_taken(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 6);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 3, .data = "late");
    expect_read(&tt, "late");
    assert_int_equal(snd_una(tt.t) - tt.iss, 6);
    inject(&tt, .flags = TCP_ACK, .seq = 5, .ack = 6u - TT_WND - 1, .data = "ancient");
    assert_int_equal(tcp_readable_bytes(tt.t), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 5, .ack = 6u - TT_WND, .data = "oldest");
    expect_read(&tt, "oldest");
    tcp_test_end(&tt);
}

static void no_ack_flag_is_dropped(void **state)
{
    static const uint8_t flags[] = {0, TCP_FIN, TCP_PSH, TCP_URG, TCP_FIN | TCP_PSH | TCP_URG};
    for (size_t i = 0; i < ARRAY_SIZE(make_synchronized); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
            struct tcp_test tt;
            make_synchronized[i](&tt);
            enum tcp_state before = state_of(tt.t);
            inject(&tt, .flags = flags[k], .seq = rcv_next(&tt), .data = "x");
            tcp_test_advance_ms(&tt, 100);
            expect_nothing(&tt);
            assert_int_equal(state_of(tt.t), before);
            assert_int_equal(tcp_readable_bytes(tt.t), 0);
            tcp_test_end(&tt);
        }
    }
}

/* With the window shut the next number is still good for ACKs and RSTs (RFC 9293 3.10.7.4). */
static void zero_window_takes_acks_and_rsts(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = 2048;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, TT_WND);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1024);
    inject(&tt, .flags = TCP_ACK, .seq = 1025, .ack = 1, .len = 1024);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2049, .wnd = -1);
    assert_int_equal(tt_send(&tt, "out"), 3);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2049, .data = "out");
    inject(&tt, .flags = TCP_ACK, .seq = 2049, .ack = 4, .data = "z"); /* a probe with an ACK */
    expect(&tt, .flags = TCP_ACK, .seq = 4, .ack = 2049, .wnd = -1);
    assert_int_equal(snd_una(tt.t) - tt.iss, 4);
    assert_int_equal(tcp_readable_bytes(tt.t), 2048);
    inject(&tt, .flags = TCP_RST, .seq = 2049);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    tcp_test_end(&tt);
}

/* Family 26: on a live connection hard ICMP errors are soft; quench is ignored. */
static void icmp_on_established_is_soft(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "data"), 4);
    (void)tcp_test_forget(&tt);
    for (uint8_t code = 0; code < 16; code++) {
        struct icmp_error e = {.type = 3,
                               .code = code,
                               .quoted_src = FIXTURE_ADDR,
                               .quoted_dst = FIXTURE_PEER,
                               .quoted_protocol = IP_PROTO_TCP};
        uint8_t *q = e.quoted;
        q[1] = TT_PORT;
        q[2] = TT_PEER_PORT >> 8;
        q[3] = TT_PEER_PORT & 255;
        uint32_t seq = snd_una(tt.t);
        for (unsigned b = 0; b < 4; b++) {
            q[4 + b] = (uint8_t)(seq >> (24 - 8 * b));
        }
        tcp_icmp_error(tt.net, &e);
        assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
        assert_int_equal(tcp_take_error(tt.t), 0);
    }
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5, .data = "fine");
    expect_read(&tt, "fine");
    tcp_test_end(&tt);
}

/* Family 20: ACK division and ACKs for every byte inflate nothing; optimistic ACKs are refused. */
static void ack_division_gains_nothing(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 14600, 1), 14600);
    assert_int_equal(tcp_test_forget(&tt), 10);
    uint32_t before = cwnd_of(tt.t);
    for (uint32_t i = 1; i <= 1460; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + i);
    }
    assert_int_equal(cwnd_of(tt.t), before + 1460);
    tcp_test_end(&tt);
}

/* RFC 5961 7: the rate is a setting of the stack, 500 ms if nobody says otherwise. */
static void rate_can_be_set(void **state)
{
    static const uint32_t rates_ms[] = {0, 1, 70, 3000}; /* 0: as it comes */
    for (size_t i = 0; i < ARRAY_SIZE(rates_ms); i++) {
        struct tcp_test tt;
        struct net_config cfg;
        tcp_test_config(&cfg);
        assert_int_equal(cfg.limits.tcp_challenge_ms, 500);
        if (rates_ms[i] != 0) {
            cfg.limits.tcp_challenge_ms = rates_ms[i];
        }
        make_listen_with(&tt, &cfg);
        tt_handshake(&tt, NULL, 0, TT_WND);
        for (uint32_t round = 0; round < 3; round++) {
            for (uint32_t k = 0; k < 5; k++) { /* two sorts, each counted by itself */
                inject(&tt, .flags = TCP_RST, .seq = 2);
                inject(&tt, .flags = TCP_ACK, .seq = 500000, .ack = 1);
            }
            tcp_test_advance_ms(&tt, cfg.limits.tcp_challenge_ms - 1);
            inject(&tt, .flags = TCP_SYN, .seq = 2);
            assert_int_equal(tcp_test_forget(&tt), 2);
            tcp_test_advance_ms(&tt, 2);
        }
        tcp_test_end(&tt);
    }
}

/* Guesses that get the sequence number right, but nothing more, are no sign of life: they neither
 * put the probes off nor count as answers to them. */
static void guesses_keep_nothing_alive(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tt.net->now_ns = tt.f.now_ns;
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPIDLE_S, 10), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPINTVL_S, 2), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPCNT, 3), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPALIVE, 1), 0);
    for (unsigned ms = 0; ms < 16000; ms += 500) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 100000);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 100000, .data = "blind");
        inject(&tt, .flags = TCP_RST, .seq = 2);
        inject(&tt, .flags = TCP_SYN, .seq = 1);
        inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 1, .ack = 1);
        assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
        tcp_test_advance_ms(&tt, 500);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_keepalives"), 3);
    tcp_test_advance_ms(&tt, 10);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_int_equal(tcp_take_error(tt.t), ETIMEDOUT);
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_the_window),
        cmocka_unit_test(outside_the_window_in_closing),
        cmocka_unit_test(out_of_window_acks_are_limited),
        cmocka_unit_test(keepalive_probe_is_answered),
        cmocka_unit_test(rst_in_every_state),
        cmocka_unit_test(rst_with_an_ack_pending),
        cmocka_unit_test(syn_in_every_state),
        cmocka_unit_test(challenges_are_counted_apart),
        cmocka_unit_test(ack_range_in_every_state),
        cmocka_unit_test(old_ack_with_data_is_taken),
        cmocka_unit_test(no_ack_flag_is_dropped),
        cmocka_unit_test(zero_window_takes_acks_and_rsts),
        cmocka_unit_test(icmp_on_established_is_soft),
        cmocka_unit_test(ack_division_gains_nothing),
        cmocka_unit_test(rate_can_be_set),
        cmocka_unit_test(guesses_keep_nothing_alive),
    };
    return tcp_run_all(tests);
}
