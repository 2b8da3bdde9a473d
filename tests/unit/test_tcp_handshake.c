/*
 * The passive handshake's details: which options are answered, what is measured and what a lost
 * SYN-ACK costs, text with a SYN, timestamps in half-open records, and segments to which nothing
 * may be said (RFC 7323 3.2, 4.3; RFC 6298 3, 5.7; RFC 5681 3.1; RFC 9293 3.9.2.3; reference
 * families 29, 30).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

#include "kernel/bytes.h"

static struct tcp_options taken(struct tcp_test *tt, uint8_t flags)
{
    struct frame fr;
    struct tcp_options o;
    assert_true(fixture_pop(&tt->f, &fr));
    const uint8_t *h = fr.bytes + 20;
    assert_int_equal(h[13], flags);
    assert_true(tcp_options_parse(&o, h + 20, (size_t)(h[12] >> 4) * 4 - 20));
    return o;
}

static void send_with(struct tcp_test *tt, uint8_t flags, uint32_t seq, const struct tcp_options *o)
{
    uint8_t bytes[TCP_OPTIONS_MAX_BYTES];
    size_t len = tcp_options_write(bytes, o);
    inject(tt, .flags = flags, .seq = seq, .ack = 1, .options = (const char *)bytes,
           .options_len = len);
}

static void send_ts(struct tcp_test *tt, uint8_t flags, uint32_t seq, uint32_t ts)
{
    struct tcp_options o = {
        .has_mss = (flags & TCP_SYN) != 0, .mss = TT_MSS, .has_timestamps = true, .ts_val = ts};
    send_with(tt, flags, seq, &o);
}

/* RFC 7323 2.2, 3.2, RFC 2018 2: each of the three only as an answer to one, in every combination,
 * and not when it is left out here. */
static void options_only_when_offered(void **state)
{
    for (unsigned i = 0; i < 16; i++) {
        struct tcp_test tt;
        struct net_config cfg;
        bool ws = i & 1, sack = i & 2, ts = i & 4, off = i & 8;
        struct tcp_options o = {.has_wscale = ws,
                                .wscale = 3,
                                .has_sack_permitted = sack,
                                .has_timestamps = ts,
                                .ts_val = 77};
        tcp_test_config(&cfg);
        cfg.tcp_off =
            off ? NET_TCP_OFF_WSCALE | NET_TCP_OFF_SACK | NET_TCP_OFF_TIMESTAMPS : cfg.tcp_off;
        make_listen_with(&tt, &cfg);
        send_with(&tt, TCP_SYN, 0, &o);
        struct tcp_options got = taken(&tt, TCP_SYN | TCP_ACK);
        assert_true(got.has_mss && got.mss == TT_MSS);
        assert_int_equal(got.has_wscale, ws && !off);
        assert_int_equal(got.has_sack_permitted, sack && !off);
        assert_int_equal(got.has_timestamps, ts && !off);
        assert_int_equal(got.ts_ecr, ts && !off ? 77 : 0);
        tcp_test_end(&tt);
    }
}

/* RFC 7323 3.2 and gVisor #11536: the ACK that completes the handshake may lack the timestamp, and
 * so may the text behind it. */
static void final_ack_may_lack_the_timestamp(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    send_ts(&tt, TCP_SYN, 0, 100);
    (void)taken(&tt, TCP_SYN | TCP_ACK);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_true(timestamps_agreed(tt.t) && ts_recent(tt.t) == 100);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "without");
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_no_timestamp"), 2);
    expect_read(&tt, "without");
    tcp_test_advance_ms(&tt, TCP_DELACK_MS);
    assert_int_equal(taken(&tt, TCP_ACK).ts_ecr, 100);
    send_ts(&tt, TCP_ACK | TCP_FIN, 8, 101);
    struct tcp_options o = taken(&tt, TCP_ACK);
    assert_true(o.has_timestamps && o.ts_ecr == 101);
    tcp_test_end(&tt);
}

/* RFC 7323 4.3: the SYN again has a later timestamp, and its answer echoes that one; an older one,
 * overtaken, changes nothing. */
static void syn_again_is_echoed(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    send_ts(&tt, TCP_SYN, 0, 1000);
    assert_int_equal(taken(&tt, TCP_SYN | TCP_ACK).ts_ecr, 1000);
    send_ts(&tt, TCP_SYN, 0, 1900);
    assert_int_equal(taken(&tt, TCP_SYN | TCP_ACK).ts_ecr, 1900);
    send_ts(&tt, TCP_SYN, 0, 1000);
    assert_int_equal(taken(&tt, TCP_SYN | TCP_ACK).ts_ecr, 1900);
    tcp_test_end(&tt);
}

/* RFC 9293 3.10.7.2: text and FIN with a SYN wait for the peer to send them again. */
static void text_with_a_syn_comes_again(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN | TCP_FIN | TCP_PSH, .seq = 0, .data = "early");
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_int_equal(tcp_readable_bytes(tt.t), 0);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .data = "early");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 7);
    expect_read(&tt, "early");
    tcp_test_end(&tt);
}

/* RFC 6298 2.2, 3: the handshake is the first sample, unless the SYN-ACK was sent twice (Karn);
 * then the timeout is 3 s (5.7) and the first window one segment (RFC 5681 3.1). */
static void handshake_is_measured_once(void **state)
{
    struct tcp_test tt;
    static const char mss[] = {2, 4, 5, (char)0xb4};
    for (unsigned lost = 0; lost < 2; lost++) {
        make_listen(&tt);
        inject(&tt, .flags = TCP_SYN, .options = mss, .options_len = 4);
        expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
        if (lost) {
            tcp_test_advance_ms(&tt, 1001);
            expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
        }
        tcp_test_advance_ms(&tt, 120);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
        tt.t = tcp_accept(tt.listener, NULL, NULL);
        assert_int_equal(srtt_us8(tt.t), lost ? 0 : 8 * 120000);
        assert_int_equal(rto_us(tt.t), lost ? 3000000 : 120000 + 4 * 60000);
        assert_int_equal(cwnd_of(tt.t), lost ? TT_MSS : 10 * TT_MSS);
        assert_int_equal(tt_send_bytes(&tt, 3000, 1), 3000);
        assert_int_equal(tcp_test_forget(&tt), lost ? 1 : 3);
        tcp_test_end(&tt);
    }
}

/* RFC 9293 3.10.7.1 for every combination of flags, Xmas and none among them. */
static void closed_every_flags(void **state)
{
    for (unsigned flags = 0; flags < 64; flags++) {
        struct tcp_test tt;
        tcp_test_begin(&tt, NULL);
        inject(&tt, .flags = (uint8_t)flags, .seq = 5, .ack = 9, .data = "ab");
        uint32_t len = 2 + (flags & TCP_SYN ? 1 : 0) + (flags & TCP_FIN ? 1 : 0);
        if (flags & TCP_RST) {
            expect_nothing(&tt);
        } else if (flags & TCP_ACK) {
            expect(&tt, .flags = TCP_RST, .seq = 9);
        } else {
            expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0 - tt.iss, .ack = 5 + len);
        }
        expect_nothing(&tt);
        tcp_test_end(&tt);
    }
}

/* Family 29, TestListenNoAcceptNonUnicastV4: what is not one host gets no answer, us (LAND) among
 * them, at an open port or a closed one. */
static void no_answer_to_nobody(void **state)
{
    static const struct {
        uint32_t src, dst;
    } pairs[] = {{FIXTURE_ADDR, 0}, {0xffffffff, 0}, {0xe0000001, 0},
                 {0x7f000001, 0},   {0x0a0000ff, 0}, {0xf0000001, 0},
                 {0, 0xffffffff},   {0, 0xe0000001}, {0, 0x0a0000ff}};
    static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_SYN | TCP_ACK, TCP_FIN, 0};
    struct tcp_test tt;
    make_listen(&tt);
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        for (size_t k = 0; k < 2 * ARRAY_SIZE(flags); k++) {
            inject(&tt, .flags = flags[k / 2], .src = pairs[i].src, .dst = pairs[i].dst, .ack = 1,
                   .sport = TT_PORT, .dport = k % 2 ? TT_PORT : 9999);
            expect_nothing(&tt);
        }
    }
    assert_int_equal(half_opens_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* tcp_synrcvd_reset, family 23: the place is free at once, however many come and go. */
static void resets_free_the_backlog(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    for (uint16_t i = 0; i < 1000; i++) {
        inject(&tt, .flags = TCP_SYN, .sport = (uint16_t)(1000 + i));
        expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
        inject(&tt, .flags = TCP_RST, .seq = 1, .sport = (uint16_t)(1000 + i));
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = (uint16_t)(1000 + i));
        expect(&tt, .flags = TCP_RST, .seq = 1);
    }
    assert_int_equal(half_opens_of(tt.net), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_cookies_sent"), 0);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_only_when_offered),
        cmocka_unit_test(final_ack_may_lack_the_timestamp),
        cmocka_unit_test(syn_again_is_echoed),
        cmocka_unit_test(text_with_a_syn_comes_again),
        cmocka_unit_test(handshake_is_measured_once),
        cmocka_unit_test(closed_every_flags),
        cmocka_unit_test(no_answer_to_nobody),
        cmocka_unit_test(resets_free_the_backlog),
    };
    return tcp_run_all(tests);
}
