/*
 * What a peer can make of the packets that its connection's send queue holds: they are bounded as
 * queueing is, whatever it claims of path MTUs, however little it acknowledges, however small the
 * windows it opens (CVE-2019-11478 and its kin); and others in the same stack notice nothing.
 */
// LINK: tests/unit/tcp_[cf]*.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/frag_needed.h"
#include "tests/unit/tcp_check.h"

enum {
    FULL = 1460,
    BUFFER = 64 * 1024,
    LARGE = 250 * 1000, /* not more than the peer's window */
    MESSAGES = 340,
    OTHER_PORT = 5000,
    OTHER_BYTES = 20 * 1000,
};

/* ESTABLISHED, windows scaled by 4, and a congestion window that lets all of a send buffer out. */
static void begin_with(struct tcp_test *tt, const struct net_config *cfg)
{
    make_listen_with(tt, cfg);
    tt_handshake(tt, "\2\4\5\264\1\3\3\2", 8, TT_WND);
    set_cwnd(tt->t, 4 * BUFFER);
}

static void begin(struct tcp_test *tt)
{
    begin_with(tt, NULL);
}

/* A whole buffer is out and forgotten; returns how many packets that is. */
static uint32_t fill(struct tcp_test *tt)
{
    assert_int_equal(tt_send_bytes(tt, BUFFER, 1), BUFFER);
    (void)tcp_test_forget(tt);
    return queued_packets(tt->t);
}

static void finish(struct tcp_test *tt)
{
    tcp_check_invariants(tt->net);
    tcp_test_abort(tt);
}

/* One turn of the attack: a byte acknowledged, and a path MTU that is a byte less. Returns what
 * goes out at once. */
static size_t attack(struct tcp_test *tt, uint32_t turn)
{
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 2 + turn);
    uint16_t mtu = path_mtu_of(tt->t);
    (void)tcp_test_forget(tt);
    say(tt, .mtu = mtu - 1, .quoted_bytes = mtu, .seq = 2 + turn);
    return tcp_test_forget(tt);
}

/* What is held grows by a few packets, not by one a packet and message; and the messages that move
 * the whole flight are few. */
static void a_byte_less_each_time(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    uint32_t packets = fill(&tt);
    size_t moved = 0;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        moved += attack(&tt, i);
        tcp_check_invariants(tt.net);
        assert_true(queued_packets(tt.t) <= packets + packets / 8 || path_mtu_of(tt.t) < 1400);
    }
    uint32_t of_the_floor = BUFFER / (PMTU_FLOOR_BYTES - 40) + 1;
    assert_true(queued_packets(tt.t) <= of_the_floor + TCP_PMTU_CLAIMS + 5); /* a piece each */
    assert_true(moved <= (TCP_PMTU_CLAIMS + 5) * of_the_floor);
    assert_true(tcp_test_count(&tt, "tcp_icmp_frag_needed") <= TCP_PMTU_CLAIMS + 5);
    finish(&tt);
}

/* The same against a queue that has hardly been sent: what waits is cut when it goes. */
static void what_was_not_sent_leaves_no_crumbs(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    set_cwnd(tt.t, 2 * FULL);
    uint32_t packets = fill(&tt);
    uint32_t acked = 0;
    for (uint32_t i = 0; i < TCP_PMTU_CLAIMS; i++) {
        uint16_t mtu = path_mtu_of(tt.t);
        say(&tt, .mtu = mtu - 1, .quoted_bytes = mtu, .seq = 1 + acked);
    }
    while (snd_nxt(tt.t) != snd_una(tt.t)) {
        acked = snd_nxt(tt.t) - iss_of(tt.t) - 1;
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + acked);
        tcp_check_invariants(tt.net);
    }
    assert_int_equal(acked, BUFFER);
    assert_true(tcp_test_count(&tt, "tcp_tx_segments") <= 2 * packets);
    finish(&tt);
}

/* Another client beside: an established connection of the same stack. */
static struct tcp_cb *other_client(struct tcp_test *tt)
{
    inject(tt, .flags = TCP_SYN, .sport = OTHER_PORT, .options = "\2\4\5\264", .options_len = 4);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = OTHER_PORT);
    struct tcp_cb *t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(t);
    (void)tcp_test_forget(tt);
    return t;
}

/* How many ms until OTHER_BYTES are acknowledged, in round trips of 10 ms. */
static uint32_t serve(struct tcp_test *tt, struct tcp_cb *t)
{
    static const char bytes[OTHER_BYTES];
    uint32_t sent = 0;
    for (uint32_t ms = 0; ms < 10 * 1000; ms += 10) {
        if (sent < OTHER_BYTES) {
            tt->net->now_ns = tt->f.now_ns;
            ptrdiff_t took = tcp_send(t, bytes, OTHER_BYTES - sent, 0);
            sent += took > 0 ? (uint32_t)took : 0;
        }
        tcp_test_advance_ms(tt, 10);
        (void)tcp_test_forget(tt);
        inject(tt, .flags = TCP_ACK, .seq = 1, .ack = snd_nxt(t) - tt->iss, .sport = OTHER_PORT);
        if (snd_una(t) - tt->iss == 1 + OTHER_BYTES) {
            return ms + 10;
        }
    }
    return UINT32_MAX;
}

static uint32_t served_in_ms(bool under_attack)
{
    struct tcp_test tt;
    begin(&tt);
    fill(&tt);
    struct tcp_cb *t = other_client(&tt);
    for (uint32_t i = 0; under_attack && i < MESSAGES; i++) {
        (void)attack(&tt, i);
    }
    uint32_t ms = serve(&tt, t);
    assert_int_equal(tcp_set_opt(t, TCP_OPT_LINGER_S, 0), 0);
    tcp_close(t);
    finish(&tt);
    return ms;
}

static void others_are_served_as_in_calm(void **state)
{
    uint32_t calm_ms = served_in_ms(false);
    assert_true(calm_ms < 1000);
    assert_int_equal(served_in_ms(true), calm_ms);
}

/* Where the last packet ends that is larger than mss, relative: so far all goes again. */
static uint32_t end_of_large(struct tcp_test *tt, uint32_t mss)
{
    uint32_t end = 1;
    for (struct pkt *p = snd_first(tt->t); p != NULL; p = tx_note(p)->next) {
        if (tx_note(p)->len > mss) {
            end = tx_note(p)->seq + tx_note(p)->len - tt->iss;
        }
    }
    return end;
}

/* A narrow place behind another one: all that is out goes again with the message, in segments that
 * are full but for the last, and no message is needed twice. */
static void honest_claims_are_followed_at_once(void **state)
{
    static const uint16_t mtus[] = {1400, 1006, 576};
    struct tcp_test tt;
    begin(&tt);
    enum { BYTES = 20 * FULL };
    assert_int_equal(tt_send_bytes(&tt, BYTES, 1), BYTES);
    uint16_t before = 1500;
    for (size_t i = 0; i < ARRAY_SIZE(mtus); i++) {
        uint32_t mss = mtus[i] - 40u;
        uint32_t cwnd = cwnd_of(tt.t);
        uint32_t end = end_of_large(&tt, mss);
        assert_true(end > BYTES - FULL);
        (void)tcp_test_forget(&tt);
        say(&tt, .mtu = mtus[i], .quoted_bytes = before, .seq = 1);
        for (uint32_t at = 1; at < end; at += mss) {
            expect(&tt, .flags = TCP_ACK, .seq = at, .ack = 1, .len = min_u32(mss, end - at));
        }
        expect_nothing(&tt);
        assert_int_equal(cwnd_of(tt.t), cwnd);
        before = mtus[i];
    }
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + BYTES);
    assert_true(tcp_drained(tt.t));
    finish(&tt);
}

/* RFC 1191 6.5: what is behind the burst is clocked by ACKs, and slow start leads to the old window
 * though congestion avoidance had been reached. */
static void a_large_flight_goes_in_slow_start(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_sndbuf_bytes = LARGE;
    begin_with(&tt, &cfg);
    set_cwnd(tt.t, LARGE);
    set_ssthresh(tt.t, LARGE);
    assert_int_equal(tt_send_bytes(&tt, LARGE, 1), LARGE);
    assert_int_equal(tcp_test_forget(&tt), LARGE / FULL + 1);
    say(&tt, .mtu = 1400, .quoted_bytes = 1500, .seq = 1);
    assert_int_equal(tcp_test_forget(&tt), TCP_PMTU_BURST_SEGMENTS);
    uint32_t acked = TCP_PMTU_BURST_SEGMENTS * 1360;
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + acked);
    assert_int_equal(tcp_test_forget(&tt), (LARGE - acked) / 1360 + 1);
    assert_int_equal(ssthresh_of(tt.t), LARGE);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + LARGE);
    assert_true(tcp_drained(tt.t));
    finish(&tt);
}

/* RFC 1191 7: after the first claims the next plateau at or below. Ten minutes on, once the link's
 * size was tried again, the path may have changed, and they are taken as they are. */
static void many_claims_become_plateaus(void **state)
{
    static const uint16_t claims[] = {1499, 1498, 1497, 1496, 1495, 1490, 1279, 600, 500};
    static const uint16_t want[] = {1499, 1498, 1497, 1496, 1492, 1280, 1006, 552, 552};
    struct tcp_test tt;
    begin(&tt);
    fill(&tt);
    for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
        say(&tt, .mtu = claims[i], .quoted_bytes = path_mtu_of(tt.t), .seq = 1);
        assert_int_equal(path_mtu_of(tt.t), want[i]);
        assert_true(path_may_fragment(tt.t) == (claims[i] < PMTU_FLOOR_BYTES));
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_pmtu_plateaus"), 5);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + BUFFER);
    tcp_test_advance_ms(&tt, PMTU_LIFE_S * 1000 + 1000);
    assert_int_equal(tt_send_bytes(&tt, FULL, 1 + BUFFER), FULL);
    assert_int_equal(path_mtu_of(tt.t), 1500);
    say(&tt, .mtu = 1495, .quoted_bytes = 1500, .seq = 1 + BUFFER);
    assert_int_equal(path_mtu_of(tt.t), 1495);
    (void)tcp_test_forget(&tt);
    finish(&tt);
}

/* What is known of a host's path is not made more by what another connection hears. */
static void a_known_path_gets_no_wider(void **state)
{
    struct tcp_test tt;
    bool may_fragment;
    make_listen(&tt);
    assert_int_equal(pmtu_lower(tt.net, FIXTURE_PEER, 1000), 1000);
    assert_int_equal(pmtu_lower(tt.net, FIXTURE_PEER, 1400), 1000);
    assert_int_equal(pmtu_lower(tt.net, FIXTURE_PEER, 100), PMTU_FLOOR_BYTES);
    assert_int_equal(pmtu_lower(tt.net, FIXTURE_PEER, 1400), PMTU_FLOOR_BYTES);
    assert_int_equal(pmtu_get(tt.net, FIXTURE_PEER, &may_fragment), PMTU_FLOOR_BYTES);
    assert_true(may_fragment);
    tcp_close(tt.listener);
    tcp_test_end(&tt);
}

/* The owner asks for the smallest segments with a full queue (TCP_MAXSEG): cutting is bounded, and
 * all of it gets through all the same. */
static void smallest_segments_of_a_full_queue(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    fill(&tt);
    uint32_t most = TCP_SPLIT_FACTOR * (BUFFER / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_MAXSEG, TCP_MSS_FLOOR), 0);
    set_cwnd(tt.t, 4 * BUFFER);
    tcp_test_advance_ms(&tt, 1000); /* a timeout: what is out goes again */
    uint32_t turns = 0;
    while (!tcp_drained(tt.t)) {
        assert_true(++turns < 2 * BUFFER / TCP_MSS_FLOOR);
        uint32_t una = snd_una(tt.t) - iss_of(tt.t);
        uint32_t end = una + tx_note(snd_first(tt.t))->len;
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = end);
        assert_true(queued_packets(tt.t) <= most);
        tcp_check_invariants(tt.net);
        (void)tcp_test_forget(&tt);
    }
    finish(&tt);
}

/* A window that grows by a byte with each ACK, a byte acknowledged at a time: one packet more at a
 * time, whichever way the peer asks for it. */
static void windows_of_a_byte(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    assert_int_equal(tt_send_bytes(&tt, BUFFER, 1), BUFFER);
    uint32_t packets = queued_packets(tt.t);
    set_max_snd_wnd(tt.t, 1);
    for (uint32_t i = 0; i < 200; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = snd_nxt(tt.t) - iss_of(tt.t), .wnd = 1);
        tcp_test_advance_ms(&tt, 1000);
        assert_true(queued_packets(tt.t) <= packets + 1);
        tcp_check_invariants(tt.net);
        (void)tcp_test_forget(&tt);
    }
    assert_true(snd_una(tt.t) - iss_of(tt.t) > 100);
    finish(&tt);
}

/* A window that shuts on a flight and opens again, with a probe each time, and ACKs that end inside
 * of segments. */
static void probes_and_partial_acks(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    uint32_t packets = fill(&tt);
    for (uint32_t i = 0; i < 100; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2 + i, .wnd = -1);
        tcp_test_advance_ms(&tt, 3000);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2 + i, .wnd = 100);
        tcp_test_advance_ms(&tt, 1000);
        assert_true(queued_packets(tt.t) <= packets + 3);
        tcp_check_invariants(tt.net);
        (void)tcp_test_forget(&tt);
    }
    finish(&tt);
}

/* Writes of a byte each share a packet while they wait, whatever makes them wait; without Nagle
 * each goes at once in a packet of its own, as many as may be queued; and lost, they go again
 * together. */
static void writes_of_a_byte(void **state)
{
    static const uint32_t flags[] = {0, TCP_SEND_MORE};
    struct tcp_test tt;
    begin(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    tt.net->now_ns = tt.f.now_ns;
    for (uint32_t i = 0; i < 2 * FULL; i++) {
        assert_int_equal(tcp_send(tt.t, "x", 1, flags[i % 2]), 1);
    }
    assert_int_equal(queued_packets(tt.t), 2);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + 2 * FULL);
    (void)tcp_test_forget(&tt);
    uint32_t most = BUFFER / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA;
    uint32_t taken = 0;
    while (tcp_send(tt.t, "x", 1, 0) == 1) {
        taken++;
    }
    assert_int_equal(taken, most);
    assert_int_equal(queued_packets(tt.t), most);
    assert_int_equal(tcp_test_forget(&tt), most);
    tcp_test_advance_ms(&tt, 3000);
    assert_true(tcp_test_forget(&tt) <= 3);
    assert_true(queued_packets(tt.t) <= 2);
    tcp_check_invariants(tt.net);
    finish(&tt);
}

/* With little left of the pool only what all waits for is cut; the rest goes as ACKs come. */
static void short_of_packets(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    fill(&tt);
    struct pkt_queue held = {0};
    struct pkt_pool *pool = &tt.f.tx;
    while (pkt_pool_left(pool) > tt.f.cfg.tx_reserve) {
        struct pkt *p = pkt_alloc(pool, 0);
        assert_non_null(p);
        pkt_queue_push(&held, p);
    }
    uint32_t before = queued_packets(tt.t);
    say(&tt, .mtu = 576, .quoted_bytes = 1500, .seq = 1);
    assert_true(queued_packets(tt.t) <= before + 1);
    assert_true(tcp_test_count(&tt, "tcp_tx_no_split") > 0);
    for (uint32_t turns = 0; !tcp_drained(tt.t); turns++) {
        assert_true(turns < 2 * BUFFER / 536);
        uint32_t una = snd_una(tt.t) - iss_of(tt.t);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = una + tx_note(snd_first(tt.t))->len);
        assert_true(queued_packets(tt.t) <= before + 1);
        (void)tcp_test_forget(&tt);
    }
    pkt_queue_drain(&held);
    finish(&tt);
}

/* What is made up of lost ones does not reach beyond a window that the peer took back. */
static void merged_within_the_window(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(tt_send_bytes(&tt, 100, 1 + 100 * i), 100);
    }
    assert_int_equal(tcp_test_forget(&tt), 4);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 250);
    expect_nothing(&tt);
    for (unsigned i = 0; i < 100 && tcp_test_count(&tt, "tcp_timeouts") == 0; i++) {
        tcp_test_advance_ms(&tt, 20);
    }
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 250);
    expect_nothing(&tt);
    tcp_check_invariants(tt.net);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 251, .wnd = 250);
    expect(&tt, .flags = TCP_ACK, .seq = 251, .ack = 1, .len = 150);
    finish(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_less_each_time),
        cmocka_unit_test(what_was_not_sent_leaves_no_crumbs),
        cmocka_unit_test(others_are_served_as_in_calm),
        cmocka_unit_test(honest_claims_are_followed_at_once),
        cmocka_unit_test(a_large_flight_goes_in_slow_start),
        cmocka_unit_test(many_claims_become_plateaus),
        cmocka_unit_test(a_known_path_gets_no_wider),
        cmocka_unit_test(smallest_segments_of_a_full_queue),
        cmocka_unit_test(windows_of_a_byte),
        cmocka_unit_test(probes_and_partial_acks),
        cmocka_unit_test(writes_of_a_byte),
        cmocka_unit_test(short_of_packets),
        cmocka_unit_test(merged_within_the_window),
    };
    return tcp_run_all(tests);
}
