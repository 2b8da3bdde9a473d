/*
 * Receiving: order, reassembly, duplicates, the window, delayed ACKs, memory (RFC
 * 9293 3.8.6, 3.10.7.4 seventh and eighth; RFC 5681 4.2; reference families 15, 18 and the window
 * assertions of section 2).
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

static void data(struct tcp_test *tt, uint32_t seq, size_t len)
{
    inject(tt, .flags = TCP_ACK, .seq = seq, .ack = 1, .len = len);
}

/* Reads len bytes and compares them with the stream's content from seq on. */
static void read_stream(struct tcp_test *tt, uint32_t seq, size_t len)
{
    static uint8_t got[200000], want[200000];
    assert_true(len <= sizeof(got));
    tt->net->now_ns = tt->f.now_ns;
    assert_int_equal(tcp_recv(tt->t, got, len, 0), len);
    tcp_test_fill(want, seq, len);
    assert_memory_equal(got, want, len);
}

static void make_with_rcvbuf(struct tcp_test *tt, uint32_t rcvbuf)
{
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = rcvbuf;
    make_listen_with(tt, &cfg);
    tt_handshake(tt, "\x02\x04\x05\xb4", 4, TT_WND);
}

static void in_order_and_delayed_ack(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    data(&tt, 1, 100);
    assert_true((tt.ready & NET_READY_IN) != 0);
    assert_int_equal(tcp_ready(tt.t), NET_READY_IN | NET_READY_OUT);
    tcp_test_advance_ms(&tt, TCP_DELACK_MS - 2);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 3);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 101);
    data(&tt, 101, 1460);
    expect_nothing(&tt);
    data(&tt, 1561, 1460); /* every second one at once */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 3021);
    read_stream(&tt, 1, 3020);
    char c;
    assert_int_equal(tcp_recv(tt.t, &c, 1, 0), -EAGAIN);
    tcp_test_end(&tt);
}

static void ack_rides_on_data(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "ping");
    assert_int_equal(tt_send(&tt, "pong"), 4);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 5, .data = "pong");
    tcp_test_advance_ms(&tt, 100);
    expect_nothing(&tt);
    /* So does one that is due at once: the window opens with the second segment. */
    inject(&tt, .flags = TCP_ACK, .seq = 5, .ack = 5, .wnd = -1);
    assert_int_equal(tt_send(&tt, "held"), 4);
    inject(&tt, .flags = TCP_ACK, .seq = 5, .ack = 5, .wnd = -1, .data = "one");
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 8, .ack = 5, .data = "two");
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 5, .ack = 11, .data = "held");
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

static void peek_leaves_the_data(void **state)
{
    struct tcp_test tt;
    char buf[8];
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "abcdef");
    assert_int_equal(tcp_recv(tt.t, buf, 3, TCP_RECV_PEEK), 3);
    assert_memory_equal(buf, "abc", 3);
    assert_int_equal(tcp_recv(tt.t, buf, 0, 0), 0);
    expect_read(&tt, "abcdef");
    tcp_test_end(&tt);
}

/* Three segments in every order. */
static void every_order_of_three(void **state)
{
    static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        struct tcp_test tt;
        make_established(&tt);
        for (size_t k = 0; k < 3; k++) {
            data(&tt, 1 + orders[i][k] * 1000u, 1000);
        }
        assert_int_equal(tcp_readable_bytes(tt.t), 3000);
        assert_int_equal(ooo_ranges(tt.t), 0);
        assert_int_equal(ooo_packets(tt.t), 0);
        read_stream(&tt, 1, 3000);
        tcp_test_end(&tt);
    }
}

/* RFC 5681 4.2: out of order and filling a hole are acknowledged at once. */
static void gaps_are_acknowledged_at_once(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    data(&tt, 1001, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    data(&tt, 2001, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    data(&tt, 1, 500); /* part of the gap */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 501);
    data(&tt, 501, 500);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 3001);
    expect_nothing(&tt);
    read_stream(&tt, 1, 3000);
    tcp_test_end(&tt);
}

/* Every pair of overlapping pieces behind a gap, then the gap: the content must be right. */
static void overlaps_of_all_shapes(void **state)
{
    for (uint32_t a = 100; a <= 400; a += 100) {
        for (uint32_t a_len = 100; a_len <= 400; a_len += 100) {
            for (uint32_t b = 50; b <= 500; b += 50) {
                struct tcp_test tt;
                make_established(&tt);
                data(&tt, 1 + 200, 100);
                data(&tt, 1 + 400, 100);
                data(&tt, 1 + a, a_len);
                data(&tt, 1 + b, 150);
                assert_true(ooo_ranges(tt.t) <= 4);
                data(&tt, 1, 120);
                for (uint32_t at = 0; at < 700; at += 50) {
                    data(&tt, 1 + at, 60);
                }
                assert_int_equal(tcp_readable_bytes(tt.t), max_u32(710, a + a_len));
                read_stream(&tt, 1, 710);
                assert_int_equal(ooo_bytes(tt.t), 0);
                tcp_test_end(&tt);
            }
        }
    }
}

static void duplicates_are_acknowledged(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    data(&tt, 1, 1000);
    data(&tt, 1001, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2001);
    data(&tt, 1, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2001);
    data(&tt, 501, 2000); /* half old */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2501);
    data(&tt, 4001, 100);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2501);
    data(&tt, 4001, 100); /* out of order, twice */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2501);
    assert_int_equal(ooo_packets(tt.t), 1);
    read_stream(&tt, 1, 2500);
    tcp_test_end(&tt);
}

/* Family 15: one-byte segments at every second place. Ranges are bounded, the farthest goes. */
static void ranges_are_bounded(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    set_rcvbuf_bytes(tt.t, 256 * 1024); /* so that the ranges are the limit and not the packets */
    for (uint32_t i = 0; i < 5000; i++) {
        data(&tt, 3 + 2 * (i * 7 % 5000), 1);
        assert_true(ooo_ranges(tt.t) <= TCP_RANGES_MAX);
        assert_true(ooo_packets(tt.t) <= TCP_RANGES_MAX);
        (void)tcp_test_forget(&tt);
    }
    assert_true(tcp_test_count(&tt, "tcp_rx_drop_ranges") > 4000);
    /* The nearest stayed. */
    assert_int_equal(rx_note(ooo_first(tt.t))->seq - tt.irs, 3);
    assert_true(tcp_ooo_end(tt.t) - tt.irs <= 3 + 2 * TCP_RANGES_MAX);
    for (uint32_t i = 0; i < 2 * TCP_RANGES_MAX; i++) {
        data(&tt, 1 + i, 1);
    }
    read_stream(&tt, 1, 2 * TCP_RANGES_MAX);
    tcp_test_end(&tt);
}

/* Bytes one at a time, in order and out of it, pin few buffers. */
static void tiny_segments_are_coalesced(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    uint32_t before = tt.f.rx.used;
    for (uint32_t i = 0; i < 5000; i++) {
        data(&tt, 1 + i, 1);
        (void)tcp_test_forget(&tt);
    }
    assert_true(tt.f.rx.used - before <= 4);
    for (uint32_t i = 0; i < 5000; i++) {
        data(&tt, 6001 + i, 1);
        (void)tcp_test_forget(&tt);
    }
    assert_true(tt.f.rx.used - before <= 8);
    data(&tt, 5001, 1000);
    read_stream(&tt, 1, 11000);
    tcp_test_end(&tt);
}

/* Packets that cannot be coalesced, with a hole in front: their number is bounded. */
static void packets_are_bounded(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    for (uint32_t at = 2; at < 60000; at += 300) {
        data(&tt, 60000 - at, 300); /* downwards: each begins a run of its own until they touch */
        (void)tcp_test_forget(&tt);
    }
    uint32_t max = rcvbuf_bytes(tt.t) / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA;
    assert_true(ooo_packets(tt.t) <= max);
    assert_true(tcp_test_count(&tt, "tcp_rx_drop_packets") > 0);
    /* In-order data is not kept out by it. */
    data(&tt, 1, 1000);
    assert_int_equal(tcp_readable_bytes(tt.t), 1000);
    tcp_test_end(&tt);
}

/* With the pool nearly empty out-of-order data and the second helping are dropped, and come again.
 */
static void pool_pressure(void **state)
{
    struct tcp_test tt;
    struct pkt *hoard[FIXTURE_RX_COUNT];
    uint32_t count = 0;
    make_established(&tt);
    while (pkt_pool_left(&tt.f.rx) > FIXTURE_RX_COUNT / TCP_PRESSURE_FRACTION) {
        hoard[count] = pkt_alloc(&tt.f.rx, 0);
        assert_non_null(hoard[count]);
        count++;
    }
    data(&tt, 2001, 1000);
    assert_int_equal(ooo_packets(tt.t), 0);
    for (uint32_t i = 0; i < 10; i++) {
        data(&tt, 1 + i * 1400, 1400);
    }
    assert_int_equal(readable_packets(tt.t), TCP_PRESSURE_PACKETS);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_pressure"), 1 + 10 - TCP_PRESSURE_PACKETS);
    while (count > 0) {
        pkt_put(hoard[--count]);
    }
    data(&tt, 1 + 4 * 1400, 1400);
    read_stream(&tt, 1, 5 * 1400);
    tcp_test_end(&tt);
}

/* tcp_zero_receive_window: it really reaches 0; reading less than a segment does not open it, the
 * whole segment does, unasked. */
static void zero_window_and_back(void **state)
{
    struct tcp_test tt;
    make_with_rcvbuf(&tt, 5840); /* 4 MSS */
    for (uint32_t i = 0; i < 4; i++) {
        data(&tt, 1 + i * 1460, 1460);
    }
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2921, .wnd = 2920);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5841, .wnd = -1);
    data(&tt, 5841, 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5841, .wnd = -1);
    read_stream(&tt, 1, 1459);
    expect_nothing(&tt);
    data(&tt, 5841, 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5841, .wnd = -1);
    read_stream(&tt, 1460, 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5841, .wnd = 1460);
    read_stream(&tt, 1461, 4380);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5841, .wnd = 5840);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* The right edge that what was sent since tells the peer: never behind the one before. */
static void follow_edge(struct tcp_test *tt, uint32_t *edge)
{
    struct frame fr;
    while (fixture_pop(&tt->f, &fr)) {
        const uint8_t *h = fr.bytes + 20;
        uint32_t told = load_be32(h + 8) + ((uint32_t)load_be16(h + 14) << rcv_wscale(tt->t));
        assert_true(seq_ge(told, *edge));
        *edge = told;
    }
}

/* Random segments, gaps and reads, and a buffer that is cut to a quarter meanwhile. What is held is
 * never more than the buffer, but for what rounding to the scale's unit adds with each segment. */
static void wander(struct tcp_test *tt, uint32_t rcvbuf)
{
    uint32_t edge = rcv_adv(tt->t);
    uint32_t rounding = (1u << rcv_wscale(tt->t)) - 1;
    uint32_t x = 99;
    uint32_t next = 1;
    for (unsigned i = 0; i < 2000; i++) {
        x = x * 1664525 + 1013904223;
        uint32_t len = 1 + (x >> 16) % 1460;
        data(tt, (x >> 8) % 3 == 0 ? next + 2000 : next, len);
        if ((x >> 10) % 7 == 0) {
            uint8_t buf[3000];
            (void)tcp_recv(tt->t, buf, (x >> 12) % sizeof(buf), 0);
        }
        if (i == 1000) {
            assert_int_equal(tcp_set_opt(tt->t, TCP_OPT_RCVBUF, (int)rcvbuf / 4), 0);
        }
        next = rcv_nxt(tt->t) - tt->irs;
        assert_true(tcp_readable_bytes(tt->t) + ooo_bytes(tt->t) <= rcvbuf + (i + 1) * rounding);
        follow_edge(tt, &edge);
    }
}

/* The right edge never moves back, whatever is read, kept out of order or set. */
static void the_edge_never_moves_back(void **state)
{
    struct tcp_test tt;
    make_with_rcvbuf(&tt, 20000);
    wander(&tt, 20000);
    tcp_test_end(&tt);
    struct net_config cfg; /* RFC 7323 2.4: in units of the scale, too */
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = 200000;
    cfg.tcp_off = NET_TCP_OFF_TUNING;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "\x02\x04\x05\xb4\x01\x03\x03\x07", 8, TT_WND);
    assert_true(rcv_wscale(tt.t) > 0);
    wander(&tt, 200000);
    tcp_test_end(&tt);
}

static void fin_in_order_and_before_its_turn(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1001, .ack = 1, .len = 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    inject(&tt, .flags = TCP_ACK, .seq = 2001, .ack = 1, .data = "behind the end");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    data(&tt, 1, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2002);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    assert_true((tt.ready & NET_READY_RDHUP) != 0);
    read_stream(&tt, 1, 2000);
    expect_read(&tt, "");
    expect_read(&tt, "");
    tcp_test_end(&tt);
}

/* A FIN in front of data that is here already is a lie, and not believed. */
static void text_behind_a_waiting_fin(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 101, .ack = 1, .len = 100);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    data(&tt, 151, 100); /* its first half is known, its second lies behind the FIN */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    data(&tt, 201, 100);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    data(&tt, 1, 100);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 202);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    assert_int_equal(tcp_readable_bytes(tt.t), 200);
    read_stream(&tt, 1, 200);
    tcp_test_end(&tt);
}

static void fin_that_contradicts(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    data(&tt, 1001, 1000);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 500, .ack = 1, .len = 100);
    (void)tcp_test_forget(&tt);
    data(&tt, 1, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2001);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 2001, .ack = 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2002);
    tcp_test_end(&tt);
}

static void fin_behind_a_full_window(void **state)
{
    struct tcp_test tt;
    make_with_rcvbuf(&tt, 2048);
    data(&tt, 1, 1024);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1025, .ack = 1, .len = 1024);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2050);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    read_stream(&tt, 1, 2048);
    tcp_test_end(&tt);
}

static void shut_reading_discards(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    data(&tt, 1, 1000);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_RD), 0);
    assert_int_equal(tcp_readable_bytes(tt.t), 0);
    expect_read(&tt, "");
    data(&tt, 1001, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2001);
    expect_read(&tt, "");
    assert_true((tcp_ready(tt.t) & NET_READY_RDHUP) != 0);
    assert_int_equal(tt_send(&tt, "still"), 5);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2001, .data = "still");
    tcp_test_end(&tt);
}

/* What waited out of order goes too when reading is shut; the FIN behind it is then found in order
 * (found by fuzzing: ranges were left behind RCV.NXT). */
static void shut_reading_with_a_gap(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    data(&tt, 101, 100);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_RD), 0);
    assert_int_equal(ooo_ranges(tt.t), 0);
    data(&tt, 1, 200);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 201, .ack = 1);
    (void)tcp_test_forget(&tt);
    assert_int_equal(rcv_nxt(tt.t) - tt.irs, 202);
    assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
    tcp_test_end(&tt);
}

/* Nothing is dropped without a count: data behind the FIN that was taken, data that nobody will
 * read, in order or not. */
static void drops_are_counted(void **state)
{
    struct tcp_test tt;
    make_close_wait(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "late");
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_past_fin"), 1);
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
    make_established(&tt);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_RD), 0);
    data(&tt, 101, 50);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_shut"), 1);
    data(&tt, 1, 50);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_shut"), 2);
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_delayed_ack),
        cmocka_unit_test(ack_rides_on_data),
        cmocka_unit_test(peek_leaves_the_data),
        cmocka_unit_test(every_order_of_three),
        cmocka_unit_test(gaps_are_acknowledged_at_once),
        cmocka_unit_test(overlaps_of_all_shapes),
        cmocka_unit_test(duplicates_are_acknowledged),
        cmocka_unit_test(ranges_are_bounded),
        cmocka_unit_test(tiny_segments_are_coalesced),
        cmocka_unit_test(packets_are_bounded),
        cmocka_unit_test(pool_pressure),
        cmocka_unit_test(zero_window_and_back),
        cmocka_unit_test(the_edge_never_moves_back),
        cmocka_unit_test(fin_in_order_and_before_its_turn),
        cmocka_unit_test(text_behind_a_waiting_fin),
        cmocka_unit_test(fin_that_contradicts),
        cmocka_unit_test(fin_behind_a_full_window),
        cmocka_unit_test(shut_reading_discards),
        cmocka_unit_test(drops_are_counted),
        cmocka_unit_test(shut_reading_with_a_gap),
    };
    return tcp_run_all(tests);
}
