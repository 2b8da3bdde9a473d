/*
 * Buffers that tune themselves, and what they may hold: growth with the reader and the congestion
 * window, its bounds, and what goes first when memory is short (RFC 9293 3.8.6, RFC 7323 2.2).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

#include "kernel/bytes.h"

#include <errno.h>

enum {
    START = 16 * 1024,
    MOST = 1024 * 1024,
    SCALE = 5, /* 1 MiB >> 5 fits the field, >> 4 does not */
    RTT_MS = 50,
    /* A quarter of the fixture's pool, less TCP_PACKETS_EXTRA, at TCP_PACKET_SHARE_BYTES. */
    SHARE = (FIXTURE_RX_COUNT / TCP_POOL_SHARE - TCP_PACKETS_EXTRA) * TCP_PACKET_SHARE_BYTES,
};

static const char scaled[] = "\x02\x04\x05\xb4\x03\x03\x05\x00";

/* A connection with buffers that may grow, a round trip of RTT_MS measured by the handshake. */
static void make_tuned(struct tcp_test *tt)
{
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = cfg.limits.tcp_sndbuf_bytes = START;
    cfg.limits.tcp_rcvbuf_max_bytes = cfg.limits.tcp_sndbuf_max_bytes = MOST;
    make_listen_with(tt, &cfg);
    inject(tt, .flags = TCP_SYN, .options = scaled, .options_len = 8);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .wnd = START,
           .options = "\x02\x04\x05\xb4\x01\x03\x03\x05", .options_len = 8);
    tcp_test_advance_ms(tt, RTT_MS);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
    assert_int_equal(rcv_wscale(tt->t), SCALE);
}

/* What the owner finds; the window that is then told never moves its right edge back. */
static void drain(struct tcp_test *tt)
{
    static uint8_t bytes[1 << 20];
    uint32_t edge = rcv_adv(tt->t);
    tt->net->now_ns = tt->f.now_ns;
    while (tcp_recv(tt->t, bytes, sizeof(bytes), 0) > 0) {
    }
    assert_true(seq_ge(rcv_adv(tt->t), edge));
}

/* A round trip in which the peer sends as much as it may, at most limit bytes. Returns how much. */
static uint32_t round_of(struct tcp_test *tt, uint32_t limit, bool read)
{
    struct tcp_cb *t = tt->t;
    uint32_t window = seq_ahead(rcv_nxt(t), rcv_adv(t));
    uint32_t sent = 0;
    while (sent + TT_MSS <= min_u32(window, limit)) {
        inject(tt, .flags = TCP_ACK, .seq = rcv_nxt(t) - irs_of(t), .ack = 1, .len = TT_MSS);
        sent += TT_MSS;
        if (read) {
            drain(tt);
        }
        (void)tcp_test_forget(tt);
    }
    tcp_test_advance_ms(tt, RTT_MS);
    (void)tcp_test_forget(tt);
    return sent;
}

/* Slow start: each round twice the last. A round is known to be over when the next one begins, so
 * the window may stop the sender once or twice on the way, but not for longer. */
static void receive_buffer_follows_the_reader(void **state)
{
    struct tcp_test tt;
    make_tuned(&tt);
    uint32_t cwnd = 10 * TT_MSS;
    unsigned stopped = 0;
    for (unsigned i = 0; i < 6; i++) {
        uint32_t want = min_u32(cwnd, SHARE - TT_MSS);
        stopped += round_of(&tt, cwnd, true) + TT_MSS <= want;
        cwnd *= 2;
    }
    assert_in_range(stopped, 0, 2);
    assert_int_equal(rcvbuf_bytes(tt.t), SHARE); /* not MOST: no more than a share of the pool */
    assert_true(rcvbuf_bytes(tt.t) < MOST);
    tcp_test_end(&tt);
}

/* A peer that sends steadily what fits needs no more than that. */
static void steady_reading_needs_no_more(void **state)
{
    struct tcp_test tt;
    make_tuned(&tt);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(round_of(&tt, 3 * TT_MSS, true) > 0);
    }
    assert_int_equal(rcvbuf_bytes(tt.t), START);
    tcp_test_end(&tt);
}

static void nobody_reads_nothing_grows(void **state)
{
    struct tcp_test tt;
    make_tuned(&tt);
    uint32_t sent = 0;
    for (unsigned i = 0; i < 5; i++) {
        sent += round_of(&tt, MOST, false);
    }
    assert_int_equal(rcvbuf_bytes(tt.t), START);
    assert_true(sent <= START && tcp_readable_bytes(tt.t) == sent);
    drain(&tt);
    tcp_test_end(&tt);
}

static void a_size_of_the_owners_stays(void **state)
{
    struct tcp_test tt;
    int v = 0;
    make_tuned(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_RCVBUF, 20000), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_SNDBUF, 20000), 0);
    for (unsigned i = 0; i < 6; i++) {
        (void)round_of(&tt, MOST, true);
    }
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_RCVBUF, &v), 0);
    assert_int_equal(v, 20000);
    assert_int_equal(tt_send_bytes(&tt, 50000, 1), 20000);
    inject(&tt, .flags = TCP_ACK, .seq = rcv_nxt(tt.t) - irs_of(tt.t), .ack = 1 + 8 * TT_MSS);
    set_cwnd(tt.t, MOST);
    (void)tt_send_bytes(&tt, 50000, 1);
    assert_int_equal(sndbuf_bytes(tt.t), 20000);
    tcp_test_end(&tt);
}

static void tuning_can_be_left_out(void **state)
{
    struct tcp_test tt;
    make_tuned(&tt);
    tt.net->cfg.tcp_off = NET_TCP_OFF_TUNING;
    for (unsigned i = 0; i < 6; i++) {
        (void)round_of(&tt, MOST, true);
    }
    assert_int_equal(rcvbuf_bytes(tt.t), START);
    tcp_test_end(&tt);
}

/* Takes packets of a pool until so many are left. */
static uint32_t hoard(struct pkt_pool *pool, struct pkt **at, uint32_t left)
{
    uint32_t count = 0;
    while (pkt_pool_left(pool) > left) {
        at[count] = pkt_alloc(pool, 0);
        assert_non_null(at[count++]);
    }
    return count;
}

static void give_back(struct pkt **at, uint32_t count)
{
    while (count > 0) {
        pkt_put(at[--count]);
    }
}

static void no_growth_when_memory_is_short(void **state)
{
    struct tcp_test tt;
    struct pkt *kept[FIXTURE_RX_COUNT + FIXTURE_TX_COUNT];
    make_tuned(&tt);
    uint32_t count = hoard(&tt.f.rx, kept, FIXTURE_RX_COUNT / TCP_GROW_FRACTION - 1);
    for (unsigned i = 0; i < 4; i++) {
        (void)round_of(&tt, MOST, true);
    }
    assert_int_equal(rcvbuf_bytes(tt.t), START);
    give_back(kept, count);
    (void)round_of(&tt, MOST, true); /* a round as good as those is asked again */
    (void)round_of(&tt, MOST, true);
    assert_true(rcvbuf_bytes(tt.t) > START);
    tcp_test_end(&tt);
}

/* Writes what fits, and acknowledges it a round trip later. */
static void write_round(struct tcp_test *tt)
{
    struct tcp_cb *t = tt->t;
    while (tt_send_bytes(tt, 4096, 1) > 0) {
    }
    tcp_test_advance_ms(tt, RTT_MS);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = snd_nxt(t) - iss_of(t));
    (void)tcp_test_forget(tt);
}

static void send_buffer_follows_cwnd(void **state)
{
    struct tcp_test tt;
    struct pkt *kept[FIXTURE_RX_COUNT + FIXTURE_TX_COUNT];
    make_tuned(&tt);
    uint32_t count = hoard(&tt.f.tx, kept, FIXTURE_TX_COUNT / TCP_GROW_FRACTION);
    for (unsigned i = 0; i < 3; i++) {
        write_round(&tt);
    }
    assert_int_equal(sndbuf_bytes(tt.t), START); /* memory is short */
    give_back(kept, count);
    for (unsigned i = 0; i < 12; i++) {
        write_round(&tt);
        assert_true(sndbuf_bytes(tt.t) <= SHARE);
        assert_true(sndbuf_bytes(tt.t) >= min_u32(2 * cwnd_of(tt.t), SHARE));
    }
    assert_int_equal(sndbuf_bytes(tt.t), SHARE);
    tcp_test_end(&tt);
}

/* A writer that never had to wait has room enough. */
static void send_buffer_of_a_slow_writer(void **state)
{
    struct tcp_test tt;
    make_tuned(&tt);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(tt_send_bytes(&tt, 12000, 1), 12000);
        tcp_test_advance_ms(&tt, RTT_MS);
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = snd_nxt(tt.t) - iss_of(tt.t));
        (void)tcp_test_forget(&tt);
    }
    assert_int_equal(sndbuf_bytes(tt.t), START);
    tcp_test_end(&tt);
}

/* Whatever comes, in order or not, the bytes held and the window left never pass the budget, nor
 * the packets their number. */
static void one_budget_for_both_queues(void **state)
{
    struct tcp_test tt;
    make_tuned(&tt);
    struct tcp_cb *t = tt.t;
    uint32_t packets = START / TCP_PACKET_SHARE_BYTES + TCP_PACKETS_EXTRA;
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t at = 1 + i * 7919 % (START + 2000);
        inject(&tt, .flags = TCP_ACK, .seq = at, .ack = 1, .len = 1 + i * 31 % 400);
        (void)tcp_test_forget(&tt);
        uint32_t window = seq_ahead(rcv_nxt(t), rcv_adv(t));
        assert_true(tcp_readable_bytes(t) + window <= START + (1u << SCALE));
        assert_true(ooo_bytes(t) <= window);
        assert_true(readable_packets(t) + ooo_packets(t) <= packets);
    }
    assert_true(ooo_bytes(t) > 0);
    drain(&tt);
    tcp_test_end(&tt);
}

/* Under pressure what waits out of order goes before data in order is refused: else a connection
 * that has a gap could neither fill it nor get on. */
static void order_goes_before_disorder(void **state)
{
    struct tcp_test tt;
    struct pkt *kept[FIXTURE_RX_COUNT];
    make_established(&tt);
    for (uint32_t i = 0; i < 6; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1 + (i * 2 + 1) * TT_MSS, .ack = 1, .len = TT_MSS);
    }
    (void)tcp_test_forget(&tt);
    assert_int_equal(ooo_ranges(tt.t), 6);
    uint32_t floor = FIXTURE_RX_COUNT / TCP_FLOOR_FRACTION;
    uint32_t count = hoard(&tt.f.rx, kept, floor - 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = TT_MSS);
    assert_true(tcp_readable_bytes(tt.t) >= TT_MSS);
    assert_true(tcp_test_count(&tt, "tcp_rx_ooo_evicted") > 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_pressure"), 0);
    give_back(kept, count);
    tcp_test_end(&tt);
}

/* What is refused for want of memory may be here already: then the ACK says so, with the duplicate
 * first, as ever (RFC 2883 4), and not with some other range (RFC 2018 4). */
static void a_refused_duplicate_is_told_of(void **state)
{
    struct tcp_test tt;
    struct pkt *kept[FIXTURE_RX_COUNT];
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN, .options = "\x02\x04\x05\xb4\x01\x01\x04\x02", .options_len = 8);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_true(sack_agreed(tt.t));
    inject(&tt, .flags = TCP_ACK, .seq = 1001, .ack = 1, .len = 1000);
    inject(&tt, .flags = TCP_ACK, .seq = 4001, .ack = 1, .len = 1000); /* the newest range */
    (void)tcp_test_forget(&tt);
    uint32_t count = hoard(&tt.f.rx, kept, FIXTURE_RX_COUNT / TCP_PRESSURE_FRACTION - 2);
    static const uint32_t again[][3] = {
        /* sequence number, length, told of: whole, and as far as it is here */
        {1001, 1000, 2001},
        {1501, 1000, 2001},
    };
    for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
        uint8_t blocks[20] = {1, 1, 5, 26};
        store_be32(blocks + 4, tt.irs + again[i][0]);
        store_be32(blocks + 8, tt.irs + again[i][2]);
        store_be32(blocks + 12, tt.irs + 1001);
        store_be32(blocks + 16, tt.irs + 2001);
        inject(&tt, .flags = TCP_ACK, .seq = again[i][0], .ack = 1, .len = again[i][1]);
        struct frame fr;
        assert_true(fixture_pop(&tt.f, &fr));
        assert_int_equal(fr.len, 20 + 20 + 4 + 3 * 8); /* the newest other range comes last */
        assert_memory_equal(fr.bytes + 40, blocks, sizeof(blocks));
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_pressure"), ARRAY_SIZE(again));
    give_back(kept, count);
    tcp_test_end(&tt);
}

/* TCP_WINDOW_CLAMP: at most so much, and the edge still does not move back. */
static void clamped_window(int clamp)
{
    struct tcp_test tt;
    make_established(&tt);
    uint32_t edge = rcv_adv(tt.t);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_WINDOW_CLAMP, clamp), 0);
    uint32_t at = 1;
    for (unsigned i = 0; i < 60; i++) {
        inject(&tt, .flags = TCP_ACK, .seq = at, .ack = 1, .len = TT_MSS);
        at += TT_MSS;
        drain(&tt);
        (void)tcp_test_forget(&tt);
        assert_true(seq_ge(rcv_adv(tt.t), edge));
        edge = rcv_adv(tt.t);
    }
    assert_true(seq_ahead(rcv_nxt(tt.t), rcv_adv(tt.t)) <= (uint32_t)clamp);
    assert_true(seq_ahead(rcv_nxt(tt.t), rcv_adv(tt.t)) > 0);
    tcp_test_end(&tt);
}

/* One smaller than a segment does not shut the window for ever. */
static void a_clamped_window(void **state)
{
    clamped_window(3000);
    clamped_window(TT_MSS);
    clamped_window(TCP_CLAMP_MIN_BYTES);
}

/* A round lasts a round trip, one of more than 2^32 ns as well. */
static void a_round_may_last_seconds(void **state)
{
    struct tcp_test tt;
    make_tuned(&tt);
    set_rcv_rtt_us(tt.t, 5000 * US_PER_MS);
    tcp_test_advance_ms(&tt, 2000);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1000);
    drain(&tt);
    assert_int_equal(round_read(tt.t), 1000);
    tcp_test_end(&tt);
}

/* What the field of a bare segment tells; the edge it stands for is returned. */
static uint32_t told_edge(struct tcp_test *tt, uint8_t shift)
{
    struct frame fr;
    assert_true(fixture_pop(&tt->f, &fr));
    const uint8_t *h = fr.bytes + 20;
    return load_be32(h + 8) + ((uint32_t)load_be16(h + 14) << shift);
}

/* RFC 7323 2.4: an unscaled SYN-ACK cannot say what rounding up makes of its own window, so that an
 * ACK of the half-open record between two of them must not say more. */
static void a_syn_ack_again_takes_nothing_back(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = 65535;
    cfg.limits.tcp_rcvbuf_max_bytes = MOST;
    make_listen_with(&tt, &cfg);
    inject(&tt, .flags = TCP_SYN, .options = scaled, .options_len = 8);
    uint32_t first = told_edge(&tt, 0);
    inject(&tt, .flags = TCP_ACK, .seq = 0, .ack = 1); /* below the window: answered */
    uint32_t second = told_edge(&tt, SCALE);
    assert_true(seq_ge(second, first));
    inject(&tt, .flags = TCP_SYN, .options = scaled, .options_len = 8);
    assert_true(seq_ge(told_edge(&tt, 0), second));
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 0, .ack = 1);
    assert_true(seq_ge(told_edge(&tt, SCALE), second));
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    tcp_test_end(&tt);
}

/* The same where both SYNs cross, */
static void crossed_syns(uint32_t buffer)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = buffer;
    cfg.limits.tcp_rcvbuf_max_bytes = MOST;
    make_listen_with(&tt, &cfg);
    tt.t = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_connect(tt.t, FIXTURE_PEER, 7), -EINPROGRESS);
    (void)tcp_test_forget(&tt);
    tt.lport = local_port_of(tt.t);
    tt.rport = 7;
    inject(&tt, .flags = TCP_SYN, .options = scaled, .options_len = 8);
    uint32_t first = told_edge(&tt, 0);
    inject(&tt, .flags = TCP_ACK, .seq = 70000, .ack = 1);
    uint32_t second = told_edge(&tt, SCALE);
    assert_true(seq_ge(second, first));
    tcp_test_advance_ms(&tt, TCP_RTO_INITIAL_MS + 1);
    assert_true(seq_ge(told_edge(&tt, 0), second));
    tcp_test_end(&tt);
}

/* whether the buffer is what a SYN can tell or more. */
static void crossed_syns_take_nothing_back(void **state)
{
    crossed_syns(65535);
    crossed_syns(MOST / 2);
}

/* A step of the window that is smaller than the unit of its scale. */
static void small_steps_take_nothing_back(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = 8192;
    cfg.limits.tcp_rcvbuf_max_bytes = 4 << 20; /* a unit of 128 bytes */
    make_listen_with(&tt, &cfg);
    assert_int_equal(tcp_set_opt(tt.listener, TCP_OPT_MAXSEG, TCP_MSS_FLOOR), 0);
    inject(&tt, .flags = TCP_SYN, .options = scaled, .options_len = 8);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_int_equal(rcv_wscale(tt.t), 7);
    (void)tcp_test_forget(&tt);
    uint32_t edge = rcv_adv(tt.t);
    uint8_t bytes[89];
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1010); /* 7182 left, 56.1 units */
    tt.net->now_ns = tt.f.now_ns;
    assert_int_equal(tcp_recv(tt.t, bytes, sizeof(bytes), 0),
                     sizeof(bytes)); /* room for a step to 7271, still 56 */
    tcp_test_advance_ms(&tt, TCP_DELACK_MS + 1);
    assert_true(seq_ge(told_edge(&tt, 7), edge));
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receive_buffer_follows_the_reader),
        cmocka_unit_test(steady_reading_needs_no_more),
        cmocka_unit_test(nobody_reads_nothing_grows),
        cmocka_unit_test(a_size_of_the_owners_stays),
        cmocka_unit_test(tuning_can_be_left_out),
        cmocka_unit_test(no_growth_when_memory_is_short),
        cmocka_unit_test(send_buffer_follows_cwnd),
        cmocka_unit_test(send_buffer_of_a_slow_writer),
        cmocka_unit_test(one_budget_for_both_queues),
        cmocka_unit_test(order_goes_before_disorder),
        cmocka_unit_test(a_refused_duplicate_is_told_of),
        cmocka_unit_test(a_clamped_window),
        cmocka_unit_test(a_round_may_last_seconds),
        cmocka_unit_test(a_syn_ack_again_takes_nothing_back),
        cmocka_unit_test(crossed_syns_take_nothing_back),
        cmocka_unit_test(small_steps_take_nothing_back),
    };
    return tcp_run_all(tests);
}
