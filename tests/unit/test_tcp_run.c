/*
 * Runs (send/run.c): what a device cuts is, byte for byte, what leaves segment by segment without
 * it. Each test lets the same happen to two stacks, of which only one has a device that segments,
 * and compares the frames. What they may differ in is IPv4's identification and its checksum.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "tests/unit/segment_packet.h"
#include "tests/unit/tcp_fixture.h"
#include "tests/unit/tcp_options.h"

enum {
    IP_AT = 14,
    TCP_AT = IP_AT + 20,
    PEER_TS = 77000,
    MSS = 1448, /* 1460 without the timestamps */
    BOTH = NET_OFFLOAD_TX_CSUM | NET_OFFLOAD_TSO,
    LONGEST = 65535 / MSS, /* run that IPv4 has a length for */
};

struct side {
    struct tcp_test tt;
    bool hold; /* packets stay in the device until they are let go */
    uint32_t runs;
    uint32_t segments; /* of the last run */
    uint32_t buffers;
};

struct pair {
    struct side side[2]; /* with runs, without */
    uint32_t seq;        /* of the peer's next byte */
    uint32_t ack;        /* what the peer has of ours */
};

static void frame_out(void *arg, const uint8_t *frame, size_t len)
{
    struct side *s = arg;
    struct pkt *copy = pkt_alloc(&s->tt.f.rx, 0);
    assert_non_null(copy);
    memcpy(pkt_append(copy, len), frame, len);
    pkt_queue_push(&s->tt.f.out, copy);
}

static void output(void *arg, struct pkt *p)
{
    struct side *s = arg;
    uint32_t segments = segment_packet(p, frame_out, s);
    assert_int_not_equal(segments, 0);
    if (p->tx.mss > 0) {
        assert_int_equal(p->head[p->tx.l4 + 13] & TCP_FIN, 0); /* it may be lost by a device */
        s->runs++;
        s->segments = segments;
        s->buffers = pkt_buffers(p);
        assert_int_equal(pkt_len(p), TCP_AT + 32); /* headers alone */
        assert_true(pkt_total(p) - IP_AT <= 65535);
    }
    if (s->hold) {
        pkt_queue_push(&s->tt.held, p);
    } else {
        pkt_put(p);
    }
}

static void in(struct pair *p, uint8_t flags, size_t len)
{
    for (int i = 0; i < 2; i++) {
        struct tcp_test *tt = &p->side[i].tt;
        struct opts o = {.len = 0};
        opts_ts(&o, PEER_TS + p->seq, (uint32_t)(tt->f.now_ns / NS_PER_MS));
        inject(tt, .flags = TCP_ACK | flags, .seq = p->seq, .ack = p->ack, .len = len,
               .options = o.bytes, .options_len = o.len);
    }
    p->seq += (uint32_t)len;
}

/* One that tells of blocks, relative as ack is. */
static void in_sack(struct pair *p, uint32_t from, uint32_t to)
{
    for (int i = 0; i < 2; i++) {
        struct tcp_test *tt = &p->side[i].tt;
        struct opts o = {.len = 0};
        opts_ts(&o, PEER_TS + p->seq, (uint32_t)(tt->f.now_ns / NS_PER_MS));
        opts_put(&o, "\1\1\5\12", 4);
        opts_put_be32(&o, tt->iss + from);
        opts_put_be32(&o, tt->iss + to);
        inject(tt, .flags = TCP_ACK, .seq = p->seq, .ack = p->ack, .options = o.bytes,
               .options_len = o.len);
    }
}

static bool is_arp(const struct frame *fr)
{
    return load_be16(fr->bytes + 12) == 0x0806;
}

static void blank_identification(struct frame *fr)
{
    assert_int_equal(load_be16(fr->bytes + IP_AT + 6), 0x4000); /* DF: RFC 6864 */
    store_be16(fr->bytes + IP_AT + 4, 0);
    store_be16(fr->bytes + IP_AT + 10, 0);
}

/* Both have sent the same; the peer's ack follows. Returns how many frames. */
static uint32_t same(struct pair *p)
{
    struct frame a, b;
    uint32_t count = 0;
    while (fixture_pop(&p->side[0].tt.f, &a)) {
        assert_true(fixture_pop(&p->side[1].tt.f, &b));
        if (!is_arp(&a)) {
            blank_identification(&a);
            blank_identification(&b);
        }
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.bytes, b.bytes, a.len);
        if (is_arp(&a)) {
            continue;
        }
        const uint8_t *tcp = a.bytes + TCP_AT;
        uint32_t from = load_be32(tcp + 4) - p->side[0].tt.iss;
        uint32_t len = load_be16(a.bytes + IP_AT + 2) - 20u - (tcp[12] >> 4) * 4u;
        uint32_t to = from + len + ((tcp[13] & TCP_FIN) ? 1 : 0);
        p->ack = (int32_t)(to - p->ack) > 0 ? to : p->ack;
        count++;
    }
    assert_false(fixture_pop(&p->side[1].tt.f, &b));
    assert_int_equal(p->side[1].runs, 0);
    return count;
}

static void advance(struct pair *p, uint64_t ms)
{
    for (int i = 0; i < 2; i++) {
        tcp_test_advance_ms(&p->side[i].tt, ms);
    }
}

/* Returns what was taken. */
static size_t send(struct pair *p, size_t len, uint32_t flags)
{
    static uint8_t bytes[256 * 1024];
    assert_true(len <= sizeof(bytes));
    tcp_test_fill(bytes, p->ack * 3 + 5, len);
    ptrdiff_t took = tcp_send(p->side[0].tt.t, bytes, len, flags);
    assert_int_equal(tcp_send(p->side[1].tt.t, bytes, len, flags), took);
    assert_true(took > 0);
    return (size_t)took;
}

static void hold(struct pair *p, bool on)
{
    for (int i = 0; i < 2; i++) {
        p->side[i].hold = on;
        if (!on) {
            pkt_queue_drain(&p->side[i].tt.held);
        }
    }
}

static void begin_with(struct pair *p, uint8_t wscale, bool ecn)
{
    *p = (struct pair){.seq = 1, .ack = 1};
    for (int i = 0; i < 2; i++) {
        struct tcp_test *tt = &p->side[i].tt;
        struct net_config cfg;
        tcp_test_config(&cfg);
        cfg.link = NET_LINK_ETHERNET;
        cfg.offload = i == 0 ? BOTH : NET_OFFLOAD_TX_CSUM;
        cfg.tcp_ts_fixed = true;
        cfg.tcp_ecn = ecn;
        cfg.limits.tcp_sndbuf_bytes = 128 * 1024;
        make_listen_with(tt, &cfg);
        tt->net->cfg.output = output;
        tt->net->cfg.arg = &p->side[i];
        fixture_know(&tt->f, FIXTURE_PEER, fixture_peer);
        struct opts syn = {.len = 0};
        opts_syn(&syn, PEER_TS, 0, wscale);
        inject(tt, .flags = TCP_SYN | (ecn ? TCP_ECE | TCP_CWR : 0), .options = syn.bytes,
               .options_len = syn.len);
        (void)tcp_test_forget(tt);
    }
    in(p, 0, 0);
    for (int i = 0; i < 2; i++) {
        p->side[i].tt.t = tcp_accept(p->side[i].tt.listener, NULL, NULL);
        assert_non_null(p->side[i].tt.t);
    }
    (void)send(p, 64, 0); /* finds the way that a template needs */
    assert_int_equal(same(p), 1);
    in(p, 0, 0);
    assert_int_equal(same(p), 0);
}

static void begin(struct pair *p)
{
    begin_with(p, 7, false);
}

static void end(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        tcp_test_abort(&p->side[i].tt);
    }
}

static void set_offload(struct pair *p, uint32_t offload)
{
    net_set_offload(p->side[0].tt.net, offload);
}

static void a_write_leaves_as_one(void **state)
{
    struct pair p;
    begin(&p);
    (void)send(&p, 4 * MSS + 100, 0);
    assert_int_equal(same(&p), 5);
    assert_int_equal(p.side[0].runs, 1);
    assert_int_equal(p.side[0].segments, 5);
    assert_int_equal(p.side[0].buffers, 6);
    assert_int_equal(tcp_test_count(&p.side[0].tt, "tcp_tx_runs"), 1);
    assert_int_equal(tcp_test_count(&p.side[0].tt, "tcp_tx_segments"),
                     tcp_test_count(&p.side[1].tt, "tcp_tx_segments"));
    assert_int_equal(tcp_test_count(&p.side[0].tt, "ip_tx"),
                     tcp_test_count(&p.side[1].tt, "ip_tx"));
    in(&p, 0, 0);
    /* One segment is none. */
    (void)send(&p, MSS, 0);
    assert_int_equal(same(&p), 1);
    assert_int_equal(p.side[0].runs, 1);
    end(&p);
}

/* An acknowledgement rides on it, and its delay is over. */
static void it_acknowledges(void **state)
{
    struct pair p;
    begin(&p);
    in(&p, TCP_PSH, 100);
    (void)send(&p, 3 * MSS, 0);
    assert_int_equal(same(&p), 3);
    assert_int_equal(p.side[0].runs, 1);
    in(&p, 0, 0);
    advance(&p, 100);
    assert_int_equal(same(&p), 0);
    end(&p);
}

static void the_peers_window_bounds_it(void **state)
{
    struct pair p;
    begin_with(&p, 0, false);
    p.side[0].tt.peer_wnd = p.side[1].tt.peer_wnd = 3 * MSS + 10;
    in(&p, 0, 0);
    (void)send(&p, 8 * MSS, 0);
    assert_int_equal(same(&p), 3);
    assert_int_equal(p.side[0].segments, 3);
    p.side[0].tt.peer_wnd = p.side[1].tt.peer_wnd = MSS;
    in(&p, 0, 0);
    assert_int_equal(same(&p), 1);
    assert_int_equal(p.side[0].runs, 1);
    end(&p);
}

static void the_congestion_window_bounds_it(void **state)
{
    struct pair p;
    begin(&p);
    (void)send(&p, 60 * MSS, 0);
    uint32_t first = same(&p);
    assert_in_range(first, 10, 12);
    assert_int_equal(p.side[0].segments, first);
    p.ack -= (first - 2) * MSS; /* two of them */
    uint32_t acked = p.ack;
    in(&p, 0, 0);
    assert_int_equal(same(&p), 4); /* slow start */
    assert_int_equal(p.side[0].runs, 2);
    p.ack = acked + MSS;
    end(&p);
}

/* IPv4 has no length for more, whatever the windows let go. */
static void it_has_an_end(void **state)
{
    struct pair p;
    uint32_t longest = 0, frames = 0;
    begin(&p);
    for (int turn = 0; turn < 10; turn++) {
        (void)send(&p, 128 * 1024, 0);
        do {
            frames = same(&p);
            longest = max_u32(longest, p.side[0].segments);
            in(&p, 0, 0);
        } while (frames > 0);
    }
    assert_int_equal(longest, LONGEST);
    end(&p);
}

static void what_the_fin_rides_on_is_in_no_run(void **state)
{
    struct pair p;
    begin(&p);
    (void)send(&p, 3 * MSS - 1, TCP_SEND_MORE);
    assert_int_equal(same(&p), 2); /* the last waits for the more */
    assert_int_equal(p.side[0].runs, 1);
    in(&p, 0, 0);
    p.side[0].tt.peer_wnd = p.side[1].tt.peer_wnd = 0;
    in(&p, 0, 0);
    (void)send(&p, 2 * MSS, TCP_SEND_MORE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tcp_shutdown(p.side[i].tt.t, TCP_SHUT_WR), 0);
    }
    (void)same(&p);
    p.side[0].tt.peer_wnd = p.side[1].tt.peer_wnd = TT_WND;
    uint32_t before = p.ack;
    in(&p, 0, 0);
    assert_int_equal(same(&p), 3);
    assert_int_equal(p.side[0].runs, 2);
    assert_int_equal(p.ack - before, 3 * MSS - 1 + 1); /* and the FIN, with the last, by itself */
    end(&p);
}

/* What is lost goes again one by one, and nothing new goes as one until it is repaired. */
static void what_is_lost_goes_one_by_one(void **state)
{
    struct pair p;
    begin(&p);
    (void)send(&p, 10 * MSS, 0);
    assert_int_equal(same(&p), 10);
    (void)send(&p, 40 * MSS, 0);
    (void)same(&p);
    uint32_t end_of_run = p.ack, runs = p.side[0].runs;
    p.ack = 65; /* nothing of it */
    advance(&p, 20);
    (void)same(&p);
    p.ack = 65;
    for (uint32_t i = 2; i < 10; i++) {
        uint32_t una = p.ack;
        in_sack(&p, una + MSS, una + i * MSS);
        (void)same(&p);
        p.ack = una;
    }
    assert_int_equal(p.side[0].runs, runs);
    assert_true(tcp_test_count(&p.side[0].tt, "tcp_tx_retransmits") > 0);
    p.ack = end_of_run;
    for (int i = 0; i < 20; i++) {
        in(&p, 0, 0);
        (void)same(&p);
    }
    assert_true(p.side[0].runs > runs);
    end(&p);
}

/* Its packets must not be touched while the device has them (kernel/pkt.h). */
static void in_transit_nothing_goes_again(void **state)
{
    struct pair p;
    begin(&p);
    hold(&p, true);
    (void)send(&p, 3 * MSS, 0);
    assert_int_equal(same(&p), 3);
    advance(&p, 900);
    assert_int_equal(same(&p), 0);
    assert_true(tcp_test_count(&p.side[0].tt, "tcp_tx_busy") > 0);
    hold(&p, false);
    advance(&p, 3000);
    assert_true(same(&p) > 0);
    assert_int_equal(p.side[0].runs, 1);
    in(&p, 0, 0);
    (void)same(&p);
    end(&p);
}

static void half_of_it_is_acknowledged_in_transit(void **state)
{
    struct pair p;
    begin(&p);
    hold(&p, true);
    (void)send(&p, 6 * MSS, 0);
    assert_int_equal(same(&p), 6);
    p.ack -= 3 * MSS + 7;
    in(&p, 0, 0);
    uint32_t used = p.side[0].tt.f.tx.used;
    assert_int_equal(used, 7); /* all of it, and the headers */
    hold(&p, false);
    assert_int_equal(p.side[0].tt.f.tx.used, 4);
    advance(&p, 5000);
    assert_true(same(&p) > 0);
    in(&p, 0, 0);
    (void)same(&p);
    assert_int_equal(p.side[0].tt.f.tx.used, 0);
    end(&p);
}

static void a_reset_while_in_transit(void **state)
{
    struct pair p;
    begin(&p);
    hold(&p, true);
    (void)send(&p, 6 * MSS, 0);
    assert_int_equal(same(&p), 6);
    for (int i = 0; i < 2; i++) {
        inject(&p.side[i].tt, .flags = TCP_RST, .seq = p.seq);
    }
    assert_int_equal(p.side[0].tt.f.tx.used, 7);
    hold(&p, false);
    assert_int_equal(p.side[0].tt.f.tx.used, 0);
    end(&p);
}

static void without_a_buffer_for_the_headers(void **state)
{
    struct pair p;
    begin(&p);
    struct pkt_pool *tx = &p.side[0].tt.f.tx;
    tx->fail_at = tx->get_count + 5 + 1;
    (void)send(&p, 5 * MSS, 0);
    assert_int_equal(same(&p), 5);
    assert_int_equal(tx->refused, 1);
    assert_int_equal(p.side[0].segments, 4); /* the first alone, then there was one */
    in(&p, 0, 0);
    end(&p);
}

/* RFC 5681 4.1: cwnd is cut after a silence, and once for it, whichever way the first data goes. */
static void behind_a_silence(void **state)
{
    struct pair p;
    begin(&p);
    for (int turn = 0; turn < 4; turn++) {
        (void)send(&p, 100 * MSS, 0);
        while (same(&p) > 0) {
            in(&p, 0, 0);
        }
    }
    advance(&p, 300);
    (void)same(&p);
    struct pkt_pool *tx = &p.side[0].tt.f.tx;
    tx->fail_at = tx->get_count + 40 + 1;
    uint32_t runs = p.side[0].runs;
    (void)send(&p, 40 * MSS, 0);
    assert_true(same(&p) > 2);
    assert_int_equal(tx->refused, 1);
    assert_int_equal(p.side[0].runs, runs + 1);
    end(&p);
}

/* Its ability comes and goes with the link; who sums what does not. */
static void the_device_may_change_its_mind(void **state)
{
    struct pair p;
    begin(&p);
    set_offload(&p, 0);
    (void)send(&p, 3 * MSS, 0);
    assert_int_equal(same(&p), 3);
    assert_int_equal(p.side[0].runs, 0);
    in(&p, 0, 0);
    set_offload(&p, BOTH);
    (void)send(&p, 3 * MSS, 0);
    assert_int_equal(same(&p), 3);
    assert_int_equal(p.side[0].runs, 1);
    in(&p, 0, 0);
    net_set_offload(p.side[1].tt.net, NET_OFFLOAD_TX_CSUM);
    (void)send(&p, 3 * MSS, 0);
    assert_int_equal(same(&p), 3);
    end(&p);
}

static void small_segments_go_one_by_one(void **state)
{
    struct pair p;
    begin(&p);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tcp_set_opt(p.side[i].tt.t, TCP_OPT_MAXSEG, NET_TSO_MSS_MIN + 11), 0);
    }
    (void)send(&p, 3000, 0);
    assert_true(same(&p) > 5);
    assert_int_equal(p.side[0].runs, 0);
    end(&p);
}

static void ecn_goes_one_by_one(void **state)
{
    struct pair p;
    begin_with(&p, 7, true);
    (void)send(&p, 3 * MSS, 0);
    assert_int_equal(same(&p), 3);
    assert_int_equal(p.side[0].runs, 0);
    end(&p);
}

/* With blocks to tell of, which no template has room for. */
static void blocks_go_one_by_one(void **state)
{
    struct pair p;
    begin(&p);
    p.seq += 100;
    in(&p, 0, 50);
    (void)same(&p);
    (void)send(&p, 3 * MSS, 0);
    (void)same(&p);
    assert_int_equal(p.side[0].runs, 0);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_leaves_as_one),
        cmocka_unit_test(it_acknowledges),
        cmocka_unit_test(the_peers_window_bounds_it),
        cmocka_unit_test(the_congestion_window_bounds_it),
        cmocka_unit_test(it_has_an_end),
        cmocka_unit_test(what_the_fin_rides_on_is_in_no_run),
        cmocka_unit_test(what_is_lost_goes_one_by_one),
        cmocka_unit_test(in_transit_nothing_goes_again),
        cmocka_unit_test(half_of_it_is_acknowledged_in_transit),
        cmocka_unit_test(a_reset_while_in_transit),
        cmocka_unit_test(without_a_buffer_for_the_headers),
        cmocka_unit_test(behind_a_silence),
        cmocka_unit_test(the_device_may_change_its_mind),
        cmocka_unit_test(small_segments_go_one_by_one),
        cmocka_unit_test(ecn_goes_one_by_one),
        cmocka_unit_test(blocks_go_one_by_one),
    };
    return tcp_run_all(tests);
}
