/*
 * Sending: segments, the peer's window, silly windows, Nagle, buffers (RFC 9293 3.7.4, 3.8.6; RFC
 * 6928; RFC 1122 4.2.2.16, 4.2.3.4; the send-side assertions of reference section 2).
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

static void acks(struct tcp_test *tt, uint32_t ack, int32_t wnd)
{
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = ack, .wnd = wnd);
}

static void segments_of_mss_within_the_initial_window(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 20000, 1), 20000);
    for (uint32_t i = 0; i < 10; i++) { /* RFC 6928 */
        expect(&tt, .flags = TCP_ACK, .seq = 1 + i * 1460, .ack = 1, .len = 1460);
    }
    expect_nothing(&tt);
    acks(&tt, 2921, TT_WND); /* slow start: two acknowledged, four go */
    expect(&tt, .flags = TCP_ACK, .seq = 14601, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK, .seq = 16061, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK, .seq = 17521, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 18981, .ack = 1, .len = 1020);
    expect_nothing(&tt);
    acks(&tt, 20001, TT_WND);
    assert_true(tcp_drained(tt.t));
    assert_int_equal(tt.f.tx.used, 0);
    assert_false(rtx_timer_armed(tt.t));
    tcp_test_end(&tt);
}

static void initial_window_is_configurable(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_initial_window = 3;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, TT_WND);
    assert_int_equal(tt_send_bytes(&tt, 20000, 1), 20000);
    assert_int_equal(tcp_test_forget(&tt), 3);
    tcp_test_end(&tt);
}

static void small_writes_share_a_packet(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "one"), 3); /* nothing out: goes at once */
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "one");
    assert_int_equal(tt_send(&tt, "two"), 3); /* Nagle */
    assert_int_equal(tt_send(&tt, "three"), 5);
    expect_nothing(&tt);
    assert_int_equal(queued_packets(tt.t), 2);
    acks(&tt, 4, TT_WND);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 4, .ack = 1, .data = "twothree");
    tcp_test_end(&tt);
}

/* Minshall: the short tail of a large write does not wait for its own full segments. */
static void tail_of_a_large_write_goes(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 3000, 1), 3000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK, .seq = 1461, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK, .seq = 2921, .ack = 1, .len = 80);
    assert_int_equal(tt_send_bytes(&tt, 10, 3001), 10);
    expect_nothing(&tt); /* the second short one does */
    tcp_test_end(&tt);
}

static void nodelay_sends_each_write(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    assert_int_equal(tt_send(&tt, "a"), 1);
    assert_int_equal(tt_send(&tt, "b"), 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "a");
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "b");
    tcp_test_end(&tt);
    make_established(&tt); /* and what Nagle holds already */
    assert_int_equal(tt_send(&tt, "a"), 1);
    assert_int_equal(tt_send(&tt, "b"), 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "a");
    expect_nothing(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "b");
    /* Tiny segments cannot pin the pool: their number is bounded. */
    ptrdiff_t n;
    do {
        n = tt_send(&tt, "c");
    } while (n > 0);
    assert_int_equal(n, -EAGAIN);
    assert_true(queued_packets(tt.t) <=
                sndbuf_bytes(tt.t) / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA);
    assert_true((tcp_ready(tt.t) & NET_READY_OUT) == 0);
    tt.ready = 0;
    acks(&tt, 1 + 50, TT_WND);
    assert_true((tt.ready & NET_READY_OUT) != 0);
    tcp_test_end(&tt);
}

/* MSG_MORE: a partial segment waits for the rest, at most 200 ms. */
static void more_holds_back(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_send(tt.t, "head", 4, TCP_SEND_MORE), 4);
    expect_nothing(&tt);
    assert_int_equal(tt_send(&tt, "body"), 4);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "headbody");
    acks(&tt, 9, TT_WND);
    assert_int_equal(tcp_send(tt.t, "tail", 4, TCP_SEND_MORE), 4);
    tcp_test_advance_ms(&tt, TCP_CORK_MS - 5);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 10);
    expect(&tt, .flags = TCP_ACK, .seq = 9, .ack = 1, .data = "tail");
    acks(&tt, 13, TT_WND);
    assert_int_equal(tcp_send(tt.t, "last", 4, TCP_SEND_MORE), 4);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 13, .ack = 1, .data = "last");
    tcp_test_end(&tt);
}

static void send_buffer_full_and_woken(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 100000, 1), sndbuf_bytes(tt.t));
    assert_int_equal(tt_send(&tt, "x"), -EAGAIN);
    assert_int_equal(tcp_ready(tt.t) & NET_READY_OUT, 0);
    tt.ready = 0;
    acks(&tt, 1 + 7300, TT_WND); /* less than an eighth is free */
    assert_int_equal(tt.ready & NET_READY_OUT, 0);
    acks(&tt, 1 + 14600, TT_WND);
    assert_int_equal(tt.ready & NET_READY_OUT, NET_READY_OUT);
    assert_true((tcp_ready(tt.t) & NET_READY_OUT) != 0);
    tcp_test_end(&tt);
}

/* tcp_send_window_sizes_piggyback: split when the window is smaller than the segment and nothing is
 * out, no split while something is. */
static void window_smaller_than_the_segment(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, 1000); /* SYN said 65535: large once */
    set_max_snd_wnd(tt.t, 1000);
    assert_int_equal(tt_send_bytes(&tt, 1400, 1), 1400);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1000);
    expect_nothing(&tt);
    acks(&tt, 501, 1000); /* 500 usable, 500 out */
    expect_nothing(&tt);
    acks(&tt, 1001, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1001, .ack = 1, .len = 400);
    tcp_test_end(&tt);
    make_listen(&tt); /* half of the largest window is no reason, either, while anything is out */
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, 600);
    set_max_snd_wnd(tt.t, 600);
    assert_int_equal(tt_send_bytes(&tt, 4000, 1), 4000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 600);
    acks(&tt, 301, 600);
    expect_nothing(&tt);
    acks(&tt, 601, 600);
    expect(&tt, .flags = TCP_ACK, .seq = 601, .ack = 1, .len = 600);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* RFC 9293 3.8.6.2.1: a sliver of window is not used until the override timer says so. */
static void slivers_wait_for_the_override(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, 100);
    assert_int_equal(tt_send_bytes(&tt, 5000, 1), 5000);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, TCP_CORK_MS + 2);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 100);
    acks(&tt, 101, TT_WND);
    for (uint32_t i = 0; i < 3; i++) { /* what was cut off does not stay a small segment */
        expect(&tt, .flags = TCP_ACK, .seq = 101 + i * 1460, .ack = 1, .len = 1460);
    }
    tcp_test_end(&tt);
}

/* RFC 1122 4.2.2.16, picoTCP #127, smoltcp #489: the peer takes window back. */
static void window_shrinks(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 20000, 1), 20000);
    assert_int_equal(tcp_test_forget(&tt), 10);
    acks(&tt, 1461, 100); /* 13140 out, 100 allowed */
    expect_nothing(&tt);
    /* What we say besides lies where the peer looks (the edge, not SND.NXT). */
    inject(&tt, .flags = TCP_ACK, .seq = 3, .ack = 1461, .data = "ooo", .wnd = 100);
    expect(&tt, .flags = TCP_ACK, .seq = 1561, .ack = 1);
    acks(&tt, 14601, TT_WND);
    assert_int_equal(tcp_test_forget(&tt), 4);
    acks(&tt, 20001, TT_WND);
    assert_true(tcp_drained(tt.t));
    tcp_test_end(&tt);
}

static void partial_ack_trims(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 1000, 1), 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1000);
    acks(&tt, 401, TT_WND);
    assert_int_equal(queued_bytes(tt.t), 600);
    tcp_test_advance_ms(&tt, 1100);
    expect(&tt, .flags = TCP_ACK, .seq = 401, .ack = 1, .len = 600);
    tcp_test_end(&tt);
}

/* One ACK for ten segments: in the first slow start it opens the window by eight (RFC 9406 4.3), in
 * a later one by two (RFC 3465 2.2). */
static void stretch_ack_opens_by_so_much(void **state)
{
    for (int later = 0; later < 2; later++) {
        struct tcp_test tt;
        make_established(&tt);
        assert_true(ssthresh_of(tt.t) >= 1u << 30); /* RFC 5681 3.1: no smaller than any window */
        set_ssthresh(tt.t, later ? 100 * 1460 : ssthresh_of(tt.t));
        assert_int_equal(tt_send_bytes(&tt, 60000, 1), 60000);
        assert_int_equal(tcp_test_forget(&tt), 10);
        acks(&tt, 14601, TT_WND);
        assert_int_equal(cwnd_of(tt.t), (later ? 12 : 18) * 1460);
        assert_int_equal(tcp_test_forget(&tt), later ? 12 : 18);
        tcp_test_end(&tt);
    }
}

/* RFC 7661 4.2: a flight that filled the window doubles it, though nothing follows and the ACKs let
 * it drain; half a window leaves it as it is. */
static void whole_flight_doubles_the_window(void **state)
{
    for (uint32_t segments = 10; segments >= 5; segments -= 5) {
        struct tcp_test tt;
        make_established(&tt);
        assert_int_equal(tt_send_bytes(&tt, segments * 1460, 1), segments * 1460);
        assert_int_equal(tcp_test_forget(&tt), segments);
        for (uint32_t i = 1; i <= segments; i++) {
            acks(&tt, 1 + i * 1460, TT_WND);
        }
        assert_int_equal(cwnd_of(tt.t), (segments == 10 ? 20 : 10) * 1460);
        assert_int_equal(tt_send(&tt, "small"), 5); /* the round trip is over: it counts alone */
        (void)tcp_test_forget(&tt);
        acks(&tt, 6 + segments * 1460, TT_WND);
        assert_int_equal(cwnd_of(tt.t), (segments == 10 ? 20 : 10) * 1460);
        tcp_test_end(&tt);
    }
}

/* RFC 5681 3.1: below ssthresh a segment for each one acknowledged, above for each window. */
static void congestion_avoidance(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    tcp_cc_set(tt.t, &tcp_cc_newreno);
    set_ssthresh(tt.t, 12 * 1460);
    assert_int_equal(tt_send_bytes(&tt, 60000, 1), 60000);
    for (uint32_t i = 1; i <= 14; i++) {
        acks(&tt, 1 + i * 1460, TT_WND);
        assert_int_equal(cwnd_of(tt.t), (i < 2 ? 11 : i < 14 ? 12 : 13) * 1460);
    }
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
}

/* RFC 5681 4.1, 7661 4.4: after idling the window begins small again. */
static void idle_restarts_the_window(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    uint32_t sent = 0;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(tt_send_bytes(&tt, 29200, 1 + sent), 29200);
        sent += 29200;
        while (snd_una(tt.t) - tt.iss < 1 + sent) {
            acks(&tt, snd_nxt(tt.t) - tt.iss, TT_WND);
        }
        (void)tcp_test_forget(&tt);
    }
    assert_true(cwnd_of(tt.t) > 20 * 1460);
    tcp_test_advance_ms(&tt, 5000);
    assert_int_equal(tt_send_bytes(&tt, 60000, 1 + sent), 60000);
    assert_int_equal(tcp_test_forget(&tt), 10);
    tcp_test_end(&tt);
}

/* An application that sends little does not earn a large window (RFC 7661 4.1). */
static void unused_window_does_not_grow(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    uint32_t before = cwnd_of(tt.t);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(tt_send(&tt, "q"), 1);
        acks(&tt, 2 + i, TT_WND);
    }
    assert_int_equal(cwnd_of(tt.t), before);
    tcp_test_end(&tt);
}

static void data_then_fin_ride_together(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 20000, 1), 20000);
    (void)tcp_test_forget(&tt);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect_nothing(&tt);
    assert_int_equal(tcp_send(tt.t, "x", 1, 0), -EPIPE);
    acks(&tt, 14601, TT_WND);
    expect(&tt, .flags = TCP_ACK, .seq = 14601, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK, .seq = 16061, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK, .seq = 17521, .ack = 1, .len = 1460);
    expect(&tt, .flags = TCP_ACK | TCP_FIN | TCP_PSH, .seq = 18981, .ack = 1, .len = 1020);
    acks(&tt, 20002, TT_WND);
    assert_int_equal(state_of(tt.t), TCP_FIN_WAIT_2);
    tcp_test_end(&tt);
}

/* A writer that finds the pool empty is told when it is not. */
static void starved_writer_is_woken(void **state)
{
    struct tcp_test tt;
    struct pkt *hoard[FIXTURE_TX_COUNT];
    uint32_t count = 0;
    make_established(&tt);
    while ((hoard[count] = net_alloc_tx(tt.net, false)) != NULL) {
        count++;
    }
    assert_int_equal(tt_send(&tt, "x"), -EAGAIN);
    assert_int_equal(tcp_ready(tt.t) & NET_READY_OUT, 0);
    tt.ready = 0;
    tcp_test_advance_ms(&tt, 100);
    assert_int_equal(tt.ready, 0);
    /* ACKs are still sent: a part of the pool is theirs. */
    inject(&tt, .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "gap");
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    while (count > 0) {
        pkt_put(hoard[--count]);
    }
    tcp_test_advance_ms(&tt, TCP_MEMORY_WAIT_MS + 1);
    assert_int_equal(tt.ready, NET_READY_OUT);
    assert_int_equal(tt_send(&tt, "x"), 1);
    tcp_test_end(&tt);
}

/* A closed connection still delivers what its owner wrote while others want buffers: it goes only
 * when it had its time and they still have none. */
static void starved_pool_gives_orphans_time(void **state)
{
    struct tcp_test tt;
    struct pkt *hoard[FIXTURE_TX_COUNT];
    uint32_t count = 0;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 1000, 1), 1000);
    tt_close(&tt);
    (void)tcp_test_forget(&tt);
    while ((hoard[count] = net_alloc_tx(tt.net, false)) != NULL) {
        count++;
    }
    struct tcp_cb *writer = tcp_create(tt.net, NULL, NULL);
    tcp_pressure_wait(writer);
    tcp_test_advance_ms(&tt, TCP_ORPHAN_GRACE_MS - 100);
    assert_int_equal(tcp_test_count(&tt, "tcp_orphans_evicted"), 0);
    (void)tcp_test_forget(&tt);
    tcp_test_advance_ms(&tt, 200);
    assert_int_equal(tcp_test_count(&tt, "tcp_orphans_evicted"), 1);
    assert_true(tcp_test_forget(&tt) > 0);
    while (count > 0) {
        pkt_put(hoard[--count]);
    }
    tcp_close(writer);
    tcp_test_end(&tt);
}

/* One that is closed and whose peer keeps its window shut gives its buffers to the next writer at
 * once. */
static void shut_window_orphan_gives_way(void **state)
{
    struct tcp_test tt;
    struct pkt *hoard[FIXTURE_TX_COUNT];
    uint32_t count = 0;
    make_established(&tt);
    acks(&tt, 1, -1);
    assert_int_equal(tt_send_bytes(&tt, 5000, 1), 5000);
    expect_nothing(&tt);
    assert_false(tcp_pressure_reclaim(tt.net)); /* its owner is still there */
    tt_close(&tt);
    (void)tcp_test_forget(&tt);
    while ((hoard[count] = net_alloc_tx(tt.net, false)) != NULL) {
        count++;
    }
    assert_true(tcp_pressure_reclaim(tt.net));
    expect(&tt, .flags = TCP_RST | TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_orphans_evicted"), 1);
    assert_false(tcp_pressure_reclaim(tt.net));
    struct pkt *freed = net_alloc_tx(tt.net, false);
    assert_non_null(freed);
    pkt_put(freed);
    while (count > 0) {
        pkt_put(hoard[--count]);
    }
    tcp_test_end(&tt);
}

/* The less is left, the less one connection may hold; one that holds nothing still gets some. */
static void writers_share_what_is_left(void **state)
{
    struct tcp_test tt;
    struct pkt *hoard[FIXTURE_TX_COUNT];
    uint32_t count = 0;
    make_established(&tt);
    acks(&tt, 1, -1); /* nothing goes: all is held */
    uint32_t total = tt.net->cfg.tx_pool->count - tt.net->cfg.tx_reserve;
    while (pkt_pool_left(tt.net->cfg.tx_pool) - tt.net->cfg.tx_reserve >= total / 4) {
        hoard[count] = net_alloc_tx(tt.net, false);
        assert_non_null(hoard[count]);
        count++;
    }
    assert_int_equal(tt_send_bytes(&tt, 10 * 1460, 1), TCP_SHORTAGE_PACKETS * 1460);
    assert_int_equal(tt_send(&tt, "x"), -EAGAIN);
    for (uint32_t back = total / 4 + TCP_SHORTAGE_PACKETS; back > 0 && count > 0; back--) {
        pkt_put(hoard[--count]);
        if (pkt_pool_left(tt.net->cfg.tx_pool) - tt.net->cfg.tx_reserve >= total / 4 + 4) {
            break;
        }
    }
    assert_int_equal(tt_send_bytes(&tt, 10 * 1460, 1),
                     (TCP_PRESSURE_PACKETS - TCP_SHORTAGE_PACKETS) * 1460);
    while (count > 0) {
        pkt_put(hoard[--count]);
    }
    tt.ready = 0;
    acks(&tt, 1, TT_WND); /* the window opens, what was held goes, and its ACK wakes the writer */
    (void)tcp_test_forget(&tt);
    acks(&tt, 1 + TCP_PRESSURE_PACKETS * 1460, TT_WND);
    assert_int_equal(tt.ready & NET_READY_OUT, NET_READY_OUT);
    tcp_test_end(&tt);
}

static void options_of_a_connection(void **state)
{
    struct tcp_test tt;
    int v = 0;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPIDLE_S, 0), -EINVAL);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPIDLE_S, 100000), -EINVAL);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPCNT, 128), -EINVAL);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_MAXSEG, 87), -EINVAL);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_LINGER_S, -2), -EINVAL);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_SNDBUF, -1), -EINVAL);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_SNDBUF, 1), 0);
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_SNDBUF, &v), 0);
    assert_int_equal(v, TCP_BUF_MIN_BYTES);
    static const enum tcp_opt plain[] = {TCP_OPT_NODELAY,     TCP_OPT_KEEPALIVE, TCP_OPT_KEEPIDLE_S,
                                         TCP_OPT_KEEPINTVL_S, TCP_OPT_KEEPCNT,   TCP_OPT_LINGER_S};
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
        assert_int_equal(tcp_set_opt(tt.t, plain[i], 1), 0);
        assert_int_equal(tcp_get_opt(tt.t, plain[i], &v), 0);
        assert_int_equal(v, 1);
    }
    tcp_test_end(&tt);
}

/* A writer that fills the buffer to the last byte was refused nothing, and still waits for room. */
static void buffer_filled_exactly_and_woken(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_SNDBUF, 8192), 0);
    int room = 0;
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_SNDBUF, &room), 0);
    assert_int_equal(tt_send_bytes(&tt, (size_t)room, 1), room);
    assert_int_equal(tcp_ready(tt.t) & NET_READY_OUT, 0);
    (void)tcp_test_forget(&tt);
    tt.ready = 0;
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + (uint32_t)room);
    assert_int_equal(tt.ready & NET_READY_OUT, NET_READY_OUT);
    assert_true((tcp_ready(tt.t) & NET_READY_OUT) != 0);
    tcp_test_end(&tt);
}

/* A peer that shuts and opens its window between two timeouts gets nothing sent again for it. */
static void toggled_window_resends_nothing(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 4 * TT_MSS, 1), 4 * TT_MSS);
    assert_int_equal(tcp_test_forget(&tt), 4);
    for (int i = 0; i < 20; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
        assert_int_equal(tcp_test_forget(&tt), 0);
    }
    tcp_test_advance_ms(&tt, 1100); /* and the timeout is not put off */
    assert_true(tcp_test_forget(&tt) > 0);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_filled_exactly_and_woken),
        cmocka_unit_test(toggled_window_resends_nothing),
        cmocka_unit_test(segments_of_mss_within_the_initial_window),
        cmocka_unit_test(initial_window_is_configurable),
        cmocka_unit_test(small_writes_share_a_packet),
        cmocka_unit_test(tail_of_a_large_write_goes),
        cmocka_unit_test(nodelay_sends_each_write),
        cmocka_unit_test(more_holds_back),
        cmocka_unit_test(send_buffer_full_and_woken),
        cmocka_unit_test(window_smaller_than_the_segment),
        cmocka_unit_test(slivers_wait_for_the_override),
        cmocka_unit_test(window_shrinks),
        cmocka_unit_test(partial_ack_trims),
        cmocka_unit_test(stretch_ack_opens_by_so_much),
        cmocka_unit_test(whole_flight_doubles_the_window),
        cmocka_unit_test(congestion_avoidance),
        cmocka_unit_test(idle_restarts_the_window),
        cmocka_unit_test(unused_window_does_not_grow),
        cmocka_unit_test(data_then_fin_ride_together),
        cmocka_unit_test(starved_writer_is_woken),
        cmocka_unit_test(starved_pool_gives_orphans_time),
        cmocka_unit_test(shut_window_orphan_gives_way),
        cmocka_unit_test(writers_share_what_is_left),
        cmocka_unit_test(options_of_a_connection),
    };
    return tcp_run_all(tests);
}
