/*
 * A SYN answered twice: the first time by a cookie, because the SYN cache was full, and the SYN
 * that followed it by a half-open record with another number (RFC 4987 3.6; docs/tcp.md, "SYN
 * cookies"). A peer whose round trip is longer than its timer holds to the first answer.
 */
// LINK: tests/unit/syn_answers.c tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net
// LINK: kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/syn_answers.h"

enum {
    BACKLOG = 8, /* the fixture's listener */
    FLOOD_ADDRESS = 0x0b000000,
    FLOOD_PORT = 2000,
};

/* The client's SYN and its answer. */
static struct answer syn_with(struct tcp_test *tt, uint8_t more, const char *options, size_t len)
{
    inject(tt, .flags = TCP_SYN | more, .options = options, .options_len = len);
    struct answer a = take(tt);
    assert_int_equal(a.flags & ~TCP_ECE, TCP_SYN | TCP_ACK);
    expect_nothing(tt);
    return a;
}

static struct answer syn(struct tcp_test *tt, const char *options, size_t len)
{
    return syn_with(tt, 0, options, len);
}

/* A full SYN cache. */
static void make_flooded_with(struct tcp_test *tt, const struct net_config *cfg)
{
    make_listen_with(tt, cfg);
    for (uint16_t i = 0; i < BACKLOG; i++) {
        inject(tt, .flags = TCP_SYN, .src = FLOOD_ADDRESS + i, .sport = (uint16_t)(FLOOD_PORT + i));
    }
    assert_int_equal(tcp_test_forget(tt), BACKLOG);
    assert_int_equal(half_opens_of(tt->net), BACKLOG);
    assert_int_equal(tcp_test_count(tt, "tcp_cookies_sent"), 0);
}

/* One of the flooding peers gives up. */
static void flooder_leaves(struct tcp_test *tt, uint16_t i)
{
    uint32_t used = half_opens_of(tt->net);
    inject(tt, .flags = TCP_RST, .seq = 1, .src = FLOOD_ADDRESS + i,
           .sport = (uint16_t)(FLOOD_PORT + i));
    assert_int_equal(half_opens_of(tt->net), used - 1);
}

/* A SYN as from a host without timestamps, that a cookie would cost window scale and SACK. */
static const char scaled_options[] = {2, 4, 5, (char)0xb4, 1, 3, 3, 8, 1, 1, 4, 2};

/* The first SYN got a cookie, the second one a record with another number: the round trip is longer
 * than the peer's timer. First and second answer. */
static void cookie_then_record(struct tcp_test *tt, struct answer *a, struct answer *b)
{
    make_flooded_with(tt, NULL);
    *a = syn(tt, scaled_options, sizeof(scaled_options));
    assert_int_equal(tcp_test_count(tt, "tcp_cookies_sent"), 1);
    assert_false(a->o.has_wscale || a->o.has_sack_permitted);
    tcp_test_advance_ms(tt, 1100);
    (void)tcp_test_forget(tt);
    *b = syn(tt, scaled_options, sizeof(scaled_options));
    assert_int_equal(tcp_test_count(tt, "tcp_cookies_sent"), 1);
    assert_true(b->o.has_wscale && b->o.has_sack_permitted);
    assert_int_not_equal(a->seq, b->seq);
}

/* The peer holds to the answer that came first, and so do we, whatever it was. */
static void first_answer_of_two_counts(void **state)
{
    for (unsigned first = 0; first < 2; first++) {
        struct tcp_test tt;
        struct answer a, b;
        cookie_then_record(&tt, &a, &b);
        tt.iss = first == 0 ? a.seq : b.seq;
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100, .data = "GET");
        struct tcp_cb *t = accepted(&tt);
        expect_read(&tt, "GET");
        assert_int_equal(snd_wnd(t), first == 0 ? 100 : 100 << 8);
        assert_int_equal(sack_agreed(t), first == 1);
        assert_int_equal(syn_untimed(t), first == 0);
        assert_int_equal(tcp_test_count(&tt, "tcp_cookies_accepted"), first == 0);
        assert_int_equal(half_opens_of(tt.net), BACKLOG - 1);
        /* What the other answer makes the peer send. */
        inject(&tt, .flags = TCP_ACK, .seq = 4, .ack = 1, .wnd = 100);
        assert_int_equal(tt_send(&tt, "200"), 3);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 4, .data = "200");
        expect_nothing(&tt);
        tcp_test_end(&tt);
    }
}

/* The handshake's ACK was lost, and the first segment of data was: the record knows the peer's ISN,
 * so that here any segment in the window will do. */
static void late_segment_of_first_answer(void **state)
{
    struct tcp_test tt;
    struct answer a, b;
    cookie_then_record(&tt, &a, &b);
    tt.iss = a.seq;
    inject(&tt, .flags = TCP_ACK, .seq = 4, .ack = 1, .data = "/ HTTP");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    (void)accepted(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "GET");
    expect_read(&tt, "GET/ HTTP");
    tcp_test_end(&tt);
}

/* With timestamps the cookie brings all the options, and what it says of them is what counts. */
static void first_answer_with_options(void **state)
{
    struct tcp_test tt;
    char o[TCP_OPTIONS_MAX_BYTES];
    make_flooded_with(&tt, NULL);
    struct answer a = syn(&tt, o, full_options(o, 1400, true, 5, 900));
    for (uint16_t i = 0; i < BACKLOG; i++) { /* the flood is over */
        flooder_leaves(&tt, i);
    }
    assert_int_equal(half_opens_of(tt.net), 0);
    tcp_test_advance_ms(&tt, 1000);
    struct answer b = syn(&tt, o, full_options(o, 1460, false, 7, 1900)); /* asks for less now */
    assert_int_equal(half_opens_of(tt.net), 1);
    assert_int_not_equal(a.seq, b.seq);
    tt.iss = a.seq;
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 10, .options = o,
           .options_len = ts_options(o, 1901, a.o.ts_val));
    struct tcp_cb *t = accepted(&tt);
    assert_true(sack_agreed(t) && timestamps_agreed(t));
    assert_int_equal(snd_wnd(t), 10 << 5);
    assert_int_equal(snd_mss(t), 1400 - TCP_TIMESTAMP_BYTES);
    assert_int_equal(half_opens_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* RFC 3168 6.1.1: a SYN again that does not ask for ECN takes it back, whatever the cookie says. */
static void second_syn_takes_ecn_back(void **state)
{
    for (unsigned asks = 0; asks < 2; asks++) {
        struct tcp_test tt;
        struct net_config cfg;
        char o[TCP_OPTIONS_MAX_BYTES];
        tcp_test_config(&cfg);
        cfg.tcp_ecn = true;
        make_flooded_with(&tt, &cfg);
        uint8_t setup = TCP_ECE | TCP_CWR;
        struct answer a = syn_with(&tt, setup, o, full_options(o, 1460, true, 7, 1));
        assert_true(a.flags & TCP_ECE);
        flooder_leaves(&tt, 0);
        tcp_test_advance_ms(&tt, 500);
        struct answer b = syn_with(&tt, asks ? setup : 0, o, full_options(o, 1400, true, 7, 500));
        assert_int_not_equal(a.seq, b.seq);
        assert_int_equal(half_opens_of(tt.net), BACKLOG);
        tt.iss = a.seq;
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o,
               .options_len = ts_options(o, 501, a.o.ts_val));
        assert_int_equal(ecn_agreed(accepted(&tt)), asks);
        tcp_test_end(&tt);
    }
}

/* Without room the record stays, and is the first answer's from then on. */
static void first_answer_waits_for_room(void **state)
{
    struct tcp_test tt;
    struct answer a, b;
    cookie_then_record(&tt, &a, &b);
    assert_int_equal(tcp_listen(tt.listener, 1), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .src = FLOOD_ADDRESS + 1,
           .sport = FLOOD_PORT + 1);
    assert_int_equal(accept_count(tt.listener), 1);
    tt.iss = a.seq;
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_accept_full"), 1);
    tcp_close(tcp_accept(tt.listener, NULL, NULL));
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100, .data = "again");
    assert_int_equal(snd_wnd(accepted(&tt)), 100);
    expect_read(&tt, "again");
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_accepted"), 1);
    tcp_test_end(&tt);
}

/* What acknowledges neither answer is reset as ever and harms nobody; without a cookie out nothing
 * is computed for it. */
static void neither_answer(void **state)
{
    struct tcp_test tt;
    struct answer a, b;
    cookie_then_record(&tt, &a, &b);
    tt.iss = a.seq;
    for (uint32_t bit = 0; bit < 32; bit++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + (1u << bit));
        expect(&tt, .flags = TCP_RST, .seq = 1 + (1u << bit));
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_half_ack"), 32);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), 32);
    set_no_cookies_out(tt.net);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    expect(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_rejected"), 32);
    tt.iss = b.seq;
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 100);
    assert_int_equal(snd_wnd(accepted(&tt)), 100 << 8);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_answer_of_two_counts),
        cmocka_unit_test(late_segment_of_first_answer),
        cmocka_unit_test(first_answer_with_options),
        cmocka_unit_test(second_syn_takes_ecn_back),
        cmocka_unit_test(first_answer_waits_for_room),
        cmocka_unit_test(neither_answer),
    };
    return tcp_run_all(tests);
}
