/*
 * A peer that agreed on timestamps and leaves them out (RFC 7323 3.2 would drop its segments):
 * keepalives, text and ACKs without them are taken, PAWS still judges those that carry one, and
 * nothing is measured that nobody told.
 */
// LINK: tests/unit/tcp_[cf]*.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_check.h"
#include "tests/unit/tcp_fixture.h"
#include "tests/unit/tcp_options.h"

enum {
    PEER_TS = 70000,
    FULL = 1460 - TCP_TIMESTAMP_BYTES,
};

static uint32_t our_ts(const struct tcp_test *tt)
{
    return (uint32_t)(tt->f.now_ns / NS_PER_MS);
}

static void with_ts(struct tcp_test *tt, struct tcp_want w, uint32_t val, uint32_t ecr)
{
    struct opts o = {0};
    opts_ts(&o, val, ecr);
    w.options = o.bytes;
    w.options_len = o.len;
    tcp_inject(tt, &w);
}
#define inject_ts(tt, val, ecr, ...) with_ts((tt), (struct tcp_want){__VA_ARGS__}, (val), (ecr))

/* ESTABLISHED with timestamps and SACK; the peer's last one was PEER_TS. */
static void begin(struct tcp_test *tt)
{
    struct net_config cfg;
    struct opts syn = {0};
    tcp_test_config(&cfg);
    cfg.tcp_ts_fixed = true;
    make_listen_with(tt, &cfg);
    opts_syn(&syn, PEER_TS, 0, 0);
    inject(tt, .flags = TCP_SYN, .options = syn.bytes, .options_len = syn.len);
    (void)tcp_test_forget(tt);
    tcp_test_advance_ms(tt, 20);
    inject_ts(tt, PEER_TS, our_ts(tt) - 20, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
    assert_true(timestamps_agreed(tt->t) && ts_recent(tt->t) == PEER_TS);
    expect_nothing(tt);
}

static void finish(struct tcp_test *tt)
{
    tcp_check_invariants(tt->net);
    tcp_test_abort(tt);
}

/* Ours still has them, and echoes the last that came. */
static void expect_ack(struct tcp_test *tt, uint32_t seq, uint32_t ack)
{
    struct opts o = {0};
    opts_ts(&o, our_ts(tt), PEER_TS);
    expect(tt, .flags = TCP_ACK, .seq = seq, .ack = ack, .options = o.bytes, .options_len = o.len);
}

/* The ACK of the handshake is lost, and the text behind it has none: it completes the handshake. */
static void text_completes_the_handshake(void **state)
{
    struct tcp_test tt;
    struct opts syn = {0};
    make_listen(&tt);
    opts_syn(&syn, PEER_TS, 0, 0);
    inject(&tt, .flags = TCP_SYN, .options = syn.bytes, .options_len = syn.len);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "text");
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(tt.t);
    expect_read(&tt, "text");
    assert_int_equal(ts_recent(tt.t), PEER_TS);
    (void)tcp_test_forget(&tt);
    finish(&tt);
}

/* RFC 9293 3.8.4: with a byte of garbage or without one, before any text and behind some. */
static void keepalives_are_answered(void **state)
{
    for (size_t garbage = 0; garbage < 2; garbage++) {
        struct tcp_test tt;
        begin(&tt);
        for (int i = 0; i < 5; i++) {
            inject(&tt, .flags = TCP_ACK, .seq = 0, .ack = 1, .len = garbage);
            expect_ack(&tt, 1, 1);
            tcp_test_advance_ms(&tt, 1000);
        }
        inject_ts(&tt, PEER_TS, our_ts(&tt), .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 10);
        tcp_test_advance_ms(&tt, 1000);
        (void)tcp_test_forget(&tt);
        inject(&tt, .flags = TCP_ACK, .seq = 10, .ack = 1);
        expect_ack(&tt, 1, 11);
        finish(&tt);
    }
}

/* In order, out of order, behind a gap; a FIN, and the RST. */
static void text_is_taken(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "one");
    inject(&tt, .flags = TCP_ACK, .seq = 7, .ack = 1, .data = "three");
    inject(&tt, .flags = TCP_ACK, .seq = 4, .ack = 1, .data = "two");
    expect_read(&tt, "onetwothree");
    (void)tcp_test_forget(&tt);
    assert_int_equal(ts_recent(tt.t), PEER_TS);
    assert_true(tcp_test_count(&tt, "tcp_rx_no_timestamp") > 0);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 12, .ack = 1);
    expect_ack(&tt, 1, 13);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    inject(&tt, .flags = TCP_RST, .seq = 13);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    finish(&tt);
}

/* What carries one is judged by it, against the last that did. */
static void paws_is_kept(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    inject_ts(&tt, PEER_TS + 50, 0, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 10);
    inject(&tt, .flags = TCP_ACK, .seq = 11, .ack = 1, .len = 10);
    tcp_test_advance_ms(&tt, 1000);
    inject_ts(&tt, PEER_TS + 49, 0, .flags = TCP_ACK, .seq = 21, .ack = 1, .len = 10);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    assert_int_equal(tcp_readable_bytes(tt.t), 20);
    inject_ts(&tt, PEER_TS + 50, 0, .flags = TCP_ACK, .seq = 21, .ack = 1, .len = 10);
    assert_int_equal(tcp_readable_bytes(tt.t), 30);
    (void)tcp_test_forget(&tt);
    finish(&tt);
}

/* RFC 5961 5.2: an acknowledgement that does not fit is as bad without a timestamp; and a blind
 * segment's does not touch what PAWS knows. */
static void other_checks_are_kept(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 100, .data = "blind");
    inject(&tt, .flags = TCP_ACK, .seq = 200000, .ack = 1, .data = "blind");
    assert_int_equal(tcp_readable_bytes(tt.t), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_no_timestamp"), 0);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_RST, .seq = 5);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    (void)tcp_test_forget(&tt);
    finish(&tt);
}

/* A round trip is that of a packet sent once (Karn); an ACK of one sent twice, without an echo, is
 * none, and the timeout stays doubled. */
static void nothing_stale_is_measured(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(tt_send_bytes(&tt, 100, 1), 100);
    tcp_test_advance_ms(&tt, 30);
    uint32_t before = srtt_us8(tt.t);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 101);
    assert_true(srtt_us8(tt.t) > before && srtt_us8(tt.t) < 8 * 30 * US_PER_MS);
    assert_int_equal(tt_send_bytes(&tt, 100, 101), 100);
    tcp_test_advance_ms(&tt, 5000);
    before = srtt_us8(tt.t);
    uint8_t backoff = backoff_of(tt.t);
    assert_true(backoff > 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 201);
    assert_int_equal(srtt_us8(tt.t), before);
    assert_int_equal(backoff_of(tt.t), backoff);
    assert_int_equal(tcp_test_count(&tt, "tcp_spurious_timeouts"), 0);
    (void)tcp_test_forget(&tt);
    finish(&tt);
}

/* A loss is found, by SACK and RACK or by duplicate ACKs, and a timeout is taken back only when
 * something says that it was for nothing: an echo that is not there does not. */
static void losses_are_repaired(void **state)
{
    struct tcp_test tt;
    struct opts o = {0};
    begin(&tt);
    assert_int_equal(tt_send_bytes(&tt, 8 * FULL, 1), 8 * FULL);
    (void)tcp_test_forget(&tt);
    tcp_test_advance_ms(&tt, 20);
    opts_sack(&o, 1);
    opts_block(&o, tt.iss + 1 + FULL, tt.iss + 1 + 8 * FULL);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = o.bytes, .options_len = o.len);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = FULL);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 8 * FULL);
    assert_true(tcp_drained(tt.t));
    assert_int_equal(tcp_test_count(&tt, "tcp_spurious_recoveries"), 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    finish(&tt);
}

/* The receive buffer follows the reader by whole windows, as without timestamps. */
static void the_buffer_still_tunes_itself(void **state)
{
    struct tcp_test tt;
    uint8_t buf[TT_WND];
    begin(&tt);
    set_rcv_rtt_us(tt.t, 0);
    uint32_t seq = 1;
    for (int i = 0; i < 200; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = seq, .ack = 1, .len = 1000);
        seq += 1000;
        tcp_test_advance_ms(&tt, 1);
        assert_true(tcp_recv(tt.t, buf, sizeof(buf), 0) > 0);
        (void)tcp_test_forget(&tt);
    }
    assert_true(rcv_rtt_us(tt.t) > 0);
    finish(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_completes_the_handshake),
        cmocka_unit_test(keepalives_are_answered),
        cmocka_unit_test(text_is_taken),
        cmocka_unit_test(paws_is_kept),
        cmocka_unit_test(other_checks_are_kept),
        cmocka_unit_test(nothing_stale_is_measured),
        cmocka_unit_test(losses_are_repaired),
        cmocka_unit_test(the_buffer_still_tunes_itself),
    };
    return tcp_run_all(tests);
}
