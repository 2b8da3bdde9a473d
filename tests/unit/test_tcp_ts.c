/*
 * Timestamps and PAWS (RFC 7323 3 to 5), our SACK and DSACK blocks (RFC 2018 4, RFC 2883 4), at all
 * pairs of initial sequence numbers and with our clock just below its wrap.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
// kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"
#include "tests/unit/tcp_options.h"

#define OUR_TS  0xfffff000u /* of our clock when time is 0: it wraps 4 s later */
#define PEER_TS 0x7ffffff0u

static uint32_t our_ts(const struct tcp_test *tt)
{
    return (uint32_t)(tt->f.now_ns / NS_PER_MS) + OUR_TS;
}

static void config(struct net_config *cfg)
{
    tcp_test_config(cfg);
    cfg->tcp_ts_fixed = true;
    cfg->tcp_ts_start = OUR_TS;
}

/* ESTABLISHED, passive, with timestamps and SACK; the peer's clock stands at PEER_TS + 1. */
static void establish(struct tcp_test *tt, uint32_t off)
{
    struct net_config cfg;
    config(&cfg);
    cfg.tcp_off = off;
    make_listen_with(tt, &cfg);
    struct opts syn = {.len = 0};
    struct opts answer = {.len = 0};
    struct opts ack = {.len = 0};
    opts_syn(&syn, PEER_TS, 0, 0);
    inject(tt, .flags = TCP_SYN, .options = syn.bytes, .options_len = syn.len);
    struct frame fr;
    assert_true(fixture_pop(&tt->f, &fr));
    if (off == 0) { /* the shift of our window, the last byte, follows the buffer */
        opts_syn(&answer, our_ts(tt), PEER_TS, fr.bytes[59]);
        assert_int_equal(fr.len, 40 + answer.len);
        assert_memory_equal(fr.bytes + 40, answer.bytes, answer.len);
    }
    opts_ts(&ack, PEER_TS + 1, our_ts(tt));
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = ack.bytes, .options_len = ack.len);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
    expect_nothing(tt);
}

/* The peer sends len pattern bytes with a timestamp. */
static void data_ts(struct tcp_test *tt, uint32_t seq, size_t len, uint32_t val)
{
    struct opts o = {.len = 0};
    opts_ts(&o, val, our_ts(tt));
    inject(tt, .flags = TCP_ACK, .seq = seq, .ack = 1, .len = len, .options = o.bytes,
           .options_len = o.len);
}

/* An ACK of ours with exactly these options. */
static void expect_ack(struct tcp_test *tt, uint32_t ack, const struct opts *o)
{
    expect(tt, .flags = TCP_ACK, .seq = 1, .ack = ack, .options = o->bytes, .options_len = o->len);
}

static void expect_ack_ts(struct tcp_test *tt, uint32_t ack, uint32_t ecr)
{
    struct opts o = {.len = 0};
    opts_ts(&o, our_ts(tt), ecr);
    expect_ack(tt, ack, &o);
}

static void finish(struct tcp_test *tt)
{
    uint8_t buf[8192];
    while (tcp_recv(tt->t, buf, sizeof(buf), 0) > 0) {
        /* read, so that the close is an orderly one */
    }
    tcp_test_abort(tt);
}

static void offered_and_echoed(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    assert_true(timestamps_agreed(tt.t) && sack_agreed(tt.t));
    assert_int_equal(snd_mss(tt.t), 1448); /* RFC 6691: options count */
    tcp_test_advance_ms(&tt, 5000);        /* our clock wraps */
    data_ts(&tt, 1, 1448, PEER_TS + 5000);
    data_ts(&tt, 1449, 1448, PEER_TS + 5001);
    /* RFC 7323 4.3 (1): the echo of a delayed ACK is the oldest segment's. */
    expect_ack_ts(&tt, 2897, PEER_TS + 5000);
    finish(&tt);
}

static void not_offered_not_used(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_false(timestamps_agreed(tt.t) || sack_agreed(tt.t));
    assert_int_equal(snd_mss(tt.t), 1460);
    inject(&tt, .flags = TCP_ACK, .seq = 100, .ack = 1, .len = 10);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = "", .options_len = 0);
    finish(&tt);
}

static void left_out_when_configured(void **state)
{
    struct tcp_test tt;
    establish(&tt, NET_TCP_OFF_TIMESTAMPS | NET_TCP_OFF_SACK);
    assert_false(timestamps_agreed(tt.t) || sack_agreed(tt.t));
    finish(&tt);
}

/* RFC 7323 5.3 R1: an old duplicate is dropped and answered by an ACK that is as it was. */
static void paws_drops_old_data(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    data_ts(&tt, 1, 100, PEER_TS + 100);
    tcp_test_advance_ms(&tt, TCP_DELACK_MS);
    expect_ack_ts(&tt, 101, PEER_TS + 100);
    data_ts(&tt, 101, 100, PEER_TS + 99);
    expect_ack_ts(&tt, 101, PEER_TS + 100);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    data_ts(&tt, 101, 100, PEER_TS + 100); /* equal is not older */
    tcp_test_advance_ms(&tt, TCP_DELACK_MS);
    expect_ack_ts(&tt, 201, PEER_TS + 100);
    finish(&tt);
}

/* 5.5: after 24 days TS.Recent may have wrapped: any value is taken. Not before. */
static void paws_forgets_after_24_days(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    tcp_test_advance_ms(&tt, (uint64_t)23 * 24 * 3600 * 1000);
    data_ts(&tt, 1, 100, PEER_TS - 1000);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    expect_ack_ts(&tt, 1, PEER_TS + 1);
    tcp_test_advance_ms(&tt, (uint64_t)2 * 24 * 3600 * 1000);
    data_ts(&tt, 1, 100, PEER_TS - 1000);
    tcp_test_advance_ms(&tt, TCP_DELACK_MS);
    expect_ack_ts(&tt, 101, PEER_TS - 1000);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    finish(&tt);
}

/* 5.5: the days are counted from the last segment that TS.Recent was taken from. */
static void paws_remembers_what_came_last(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    tcp_test_advance_ms(&tt, (uint64_t)20 * 24 * 3600 * 1000);
    data_ts(&tt, 1, 100, PEER_TS + 1000);
    tcp_test_advance_ms(&tt, (uint64_t)20 * 24 * 3600 * 1000);
    (void)tcp_test_forget(&tt);
    data_ts(&tt, 101, 100, PEER_TS + 999);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    expect_ack_ts(&tt, 101, PEER_TS + 1000);
    finish(&tt);
}

/* 5.2: a RST is judged by its sequence number alone. */
static void paws_lets_rst_pass(void **state)
{
    struct tcp_test tt;
    struct opts o = {.len = 0};
    establish(&tt, 0);
    opts_ts(&o, PEER_TS - 50000, 0);
    inject(&tt, .flags = TCP_RST, .seq = 1, .options = o.bytes, .options_len = o.len);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    tcp_close(tt.t);
    tcp_close(tt.listener);
    tcp_test_end(&tt);
}

/* 5.3 R3, 4.3: a segment above the last ACK does not set what is echoed; the one that fills does.
 */
static void echo_is_of_what_is_acknowledged(void **state)
{
    struct tcp_test tt;
    struct opts o = {.len = 0};
    establish(&tt, 0);
    data_ts(&tt, 101, 100, PEER_TS + 20);
    opts_ts(&o, our_ts(&tt), PEER_TS + 1);
    opts_sack(&o, 1);
    opts_block(&o, tt.irs + 101, tt.irs + 201);
    expect_ack(&tt, 1, &o);
    data_ts(&tt, 1, 100, PEER_TS + 30);
    expect_ack_ts(&tt, 201, PEER_TS + 30);
    finish(&tt);
}

/* RFC 5961 4.2: a SYN into the connection is answered whatever its timestamp says, and without one:
 * a peer that began anew must hear of it. Others with the same fault are not. */
static void syn_is_challenged_whatever_its_timestamp(void **state)
{
    for (int old = 0; old < 2; old++) {
        struct tcp_test tt;
        struct opts o = {.len = 0};
        establish(&tt, 0);
        opts_ts(&o, PEER_TS - 1000, 0);
        for (int i = 0; i < 2; i++) { /* the second within the limit's time */
            inject(&tt, .flags = TCP_SYN, .seq = 1, .options = o.bytes,
                   .options_len = old ? o.len : 0);
        }
        expect_ack_ts(&tt, 1, PEER_TS + 1);
        expect_nothing(&tt);
        assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_syn_synchronized"), 2);
        assert_int_equal(tcp_test_count(&tt, "tcp_tx_challenge_limited"), 1);
        assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 0);
        finish(&tt);
    }
}

/* A SYN is of another connection, which agreed on nothing yet: RFC 5961 4.2 has it answered, so
 * that a peer that began anew, and without timestamps, is not left waiting. */
static void syn_without_timestamp_is_challenged(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    inject(&tt, .flags = TCP_SYN, .seq = 123456);
    expect_ack_ts(&tt, 1, PEER_TS + 1);
    inject(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    finish(&tt);
}

/* 4.1: a segment sent twice gives a round trip, by its echo. */
static void retransmission_is_measured(void **state)
{
    struct tcp_test tt;
    struct opts o = {.len = 0};
    establish(&tt, 0);
    tt_send_bytes(&tt, 100, 1);
    tcp_test_advance_ms(&tt, 5000); /* several timeouts */
    (void)tcp_test_forget(&tt);
    assert_true(backoff_of(tt.t) > 1);
    uint32_t before = srtt_us8(tt.t);
    opts_ts(&o, PEER_TS + 2, our_ts(&tt) - 300);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 101, .options = o.bytes, .options_len = o.len);
    assert_int_equal(backoff_of(tt.t), 0);
    assert_true(srtt_us8(tt.t) > before + 100 * US_PER_MS);
    finish(&tt);
}

/* An echo from the future, or none, measures nothing. */
static void wild_echo_is_no_sample(void **state)
{
    struct tcp_test tt;
    struct opts o = {.len = 0};
    establish(&tt, 0);
    tt_send_bytes(&tt, 100, 1);
    tcp_test_advance_ms(&tt, 300);
    (void)tcp_test_forget(&tt);
    uint32_t before = srtt_us8(tt.t);
    opts_ts(&o, PEER_TS + 2, our_ts(&tt) + 7);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 101, .options = o.bytes, .options_len = o.len);
    assert_int_equal(snd_una(tt.t) - tt.iss, 101);
    assert_int_equal(srtt_us8(tt.t), before);
    finish(&tt);
}

/* RFC 2018 4: the newest block first, others repeated; three beside timestamps. */
static void newest_block_comes_first(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    static const uint32_t at[] = {1001, 3001, 5001, 7001};
    for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
        data_ts(&tt, at[i], 100, PEER_TS + 2);
        struct opts o = {.len = 0};
        opts_ts(&o, our_ts(&tt), PEER_TS + 1);
        opts_sack(&o, (uint8_t)(i < 3 ? i + 1 : 3));
        for (size_t k = 0; k < 3 && k <= i; k++) {
            opts_block(&o, tt.irs + at[i - k], tt.irs + at[i - k] + 100);
        }
        expect_ack(&tt, 1, &o);
    }
    data_ts(&tt, 1101, 100, PEER_TS + 3); /* the oldest grows: now it is the newest */
    struct opts o = {.len = 0};
    opts_ts(&o, our_ts(&tt), PEER_TS + 1);
    opts_sack(&o, 3);
    opts_block(&o, tt.irs + 1001, tt.irs + 1201);
    opts_block(&o, tt.irs + 7001, tt.irs + 7101);
    opts_block(&o, tt.irs + 5001, tt.irs + 5101);
    expect_ack(&tt, 1, &o);
    finish(&tt);
}

/* RFC 2883 4.1.1, 4.1.2: what came twice is the first block, below the cumulative ACK or above. */
static void duplicates_are_told_once(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    data_ts(&tt, 1, 1000, PEER_TS + 2);
    tcp_test_advance_ms(&tt, TCP_DELACK_MS);
    (void)tcp_test_forget(&tt);
    data_ts(&tt, 1, 1000, PEER_TS + 2);
    struct opts below = {.len = 0};
    opts_ts(&below, our_ts(&tt), PEER_TS + 2);
    opts_sack(&below, 1);
    opts_block(&below, tt.irs + 1, tt.irs + 1001);
    expect_ack(&tt, 1001, &below);
    data_ts(&tt, 2001, 500, PEER_TS + 3);
    (void)tcp_test_forget(&tt);
    data_ts(&tt, 2101, 100, PEER_TS + 3); /* inside of what waits */
    struct opts above = {.len = 0};
    opts_ts(&above, our_ts(&tt), PEER_TS + 2);
    opts_sack(&above, 2);
    opts_block(&above, tt.irs + 2101, tt.irs + 2201);
    opts_block(&above, tt.irs + 2001, tt.irs + 2501);
    expect_ack(&tt, 1001, &above);
    data_ts(&tt, 4001, 10, PEER_TS + 3);
    struct opts later = {.len = 0};
    opts_ts(&later, our_ts(&tt), PEER_TS + 2);
    opts_sack(&later, 2);
    opts_block(&later, tt.irs + 4001, tt.irs + 4011);
    opts_block(&later, tt.irs + 2001, tt.irs + 2501);
    expect_ack(&tt, 1001, &later);
    finish(&tt);
}

/* RFC 2018 4: the first block holds the most recent segment, and one that came twice is one: what
 * is told in the next ACK goes on with its range, not with one that had grown later. */
static void a_duplicate_makes_its_range_the_newest(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    data_ts(&tt, 2001, 500, PEER_TS + 2);
    data_ts(&tt, 4001, 500, PEER_TS + 2);
    data_ts(&tt, 2101, 100, PEER_TS + 2);
    (void)tcp_test_forget(&tt);
    set_ack_due(tt.t); /* an ACK that nothing new brought about */
    tt.net->now_ns = tt.f.now_ns;
    tcp_output(tt.t);
    struct opts o = {.len = 0};
    opts_ts(&o, our_ts(&tt), PEER_TS + 1);
    opts_sack(&o, 2);
    opts_block(&o, tt.irs + 2001, tt.irs + 2501);
    opts_block(&o, tt.irs + 4001, tt.irs + 4501);
    expect_ack(&tt, 1, &o);
    finish(&tt);
}

/* A full segment has no room for blocks: an ACK of its own brings them. */
static void full_segment_leaves_blocks_to_an_ack(void **state)
{
    struct tcp_test tt;
    establish(&tt, 0);
    tt_send_bytes(&tt, 20 * 1448, 1); /* more than the window lets out */
    size_t first = tcp_test_forget(&tt);
    assert_true(first >= 4 && first < 20);
    struct opts o = {.len = 0};
    opts_ts(&o, PEER_TS + 2, our_ts(&tt));
    inject(&tt, .flags = TCP_ACK, .seq = 501, .ack = 1 + 2 * 1448, .len = 100, .options = o.bytes,
           .options_len = o.len);
    struct frame fr;
    struct frame last;
    while (fixture_pop(&tt.f, &fr)) {
        assert_true(fr.len <= 1500);
        last = fr;
    }
    assert_int_equal(last.len, 20 + 20 + 12 + 12); /* no payload, one block */
    assert_int_equal(load_be32(last.bytes + 20 + 20 + 12 + 4), tt.irs + 501);
    finish(&tt);
}

/* TIME-WAIT answers with timestamps as well. */
static void time_wait_has_timestamps(void **state)
{
    struct tcp_test tt;
    struct opts o = {.len = 0};
    establish(&tt, 0);
    tt_close(&tt);
    (void)tcp_test_forget(&tt);
    opts_ts(&o, PEER_TS + 2, our_ts(&tt));
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1, .ack = 2, .options = o.bytes,
           .options_len = o.len);
    for (int i = 0; i < 2; i++) {
        struct opts want = {.len = 0};
        opts_ts(&want, our_ts(&tt), PEER_TS + 2);
        expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2, .options = want.bytes,
               .options_len = want.len);
        tcp_test_advance_ms(&tt, 1000);
        inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1, .ack = 2, .options = o.bytes,
               .options_len = o.len);
    }
    tcp_close(tt.listener);
    tcp_test_end(&tt);
}

/* RFC 5961 7 in spirit: text from nowhere near the window is answered at a rate only. */
static void blind_text_is_answered_rarely(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    for (uint32_t i = 0; i < 1000; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 0x20000000 + i * 0x100000, .ack = 1, .len = 20);
    }
    assert_int_equal(tcp_test_forget(&tt), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 20); /* the real one is heard */
    assert_int_equal(tcp_readable_bytes(tt.t), 20);
    finish(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offered_and_echoed),
        cmocka_unit_test(not_offered_not_used),
        cmocka_unit_test(left_out_when_configured),
        cmocka_unit_test(paws_drops_old_data),
        cmocka_unit_test(paws_forgets_after_24_days),
        cmocka_unit_test(paws_remembers_what_came_last),
        cmocka_unit_test(paws_lets_rst_pass),
        cmocka_unit_test(echo_is_of_what_is_acknowledged),
        cmocka_unit_test(syn_is_challenged_whatever_its_timestamp),
        cmocka_unit_test(syn_without_timestamp_is_challenged),
        cmocka_unit_test(retransmission_is_measured),
        cmocka_unit_test(wild_echo_is_no_sample),
        cmocka_unit_test(newest_block_comes_first),
        cmocka_unit_test(duplicates_are_told_once),
        cmocka_unit_test(a_duplicate_makes_its_range_the_newest),
        cmocka_unit_test(full_segment_leaves_blocks_to_an_ack),
        cmocka_unit_test(time_wait_has_timestamps),
        cmocka_unit_test(blind_text_is_answered_rarely),
    };
    return tcp_run_all(tests);
}
