/*
 * Runs of segments (net/gro/gro.h): what goes together and, reason by reason, what does not; that
 * nothing is lost, reordered or miscounted on the way; and that a connection comes to the same by
 * runs as by single segments, at all pairs of initial sequence numbers.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

#include "kernel/bytes.h"
#include "net/gro/gro.h"
#include "net/stack.h"
#include "net/wire/csum.h"

/* ---- frames: which ones make a run ------------------------------------------------------------
 */
enum {
    IP = 14,
    TCP = IP + 20,
    PAYLOAD_BYTES = 100,
    CLOSED_PORT = 99, /* each segment to it is answered by a RST */
};

struct segment {
    uint32_t seq;
    uint8_t flags;
    size_t len;
    bool timestamps;
    const uint8_t *ip_options; /* four bytes */
};

/* The checksums of a frame whose bytes were changed. */
static void sum_again(struct frame *fr)
{
    uint8_t *ip = fr->bytes + IP;
    uint8_t *tcp = ip + (size_t)(ip[0] & 15) * 4;
    size_t len = load_be16(ip + 2) - (size_t)(tcp - ip);
    store_be16(ip + 10, 0);
    store_be16(ip + 10, csum_finish(csum_add(0, ip, (size_t)(tcp - ip))));
    uint32_t sum = csum_pseudo(load_be32(ip + 12), load_be32(ip + 16), IP_PROTO_TCP, (uint16_t)len);
    store_be16(tcp + 16, 0);
    store_be16(tcp + 16, csum_finish(csum_add(sum, tcp, len)));
}

static void build(struct frame *fr, const struct segment *s)
{
    uint8_t t[FRAME_MAX_BYTES] = {0};
    size_t header = s->timestamps ? 32 : 20;
    struct frame_ip ip = {.protocol = IP_PROTO_TCP,
                          .options = s->ip_options,
                          .options_len = s->ip_options != NULL ? 4 : 0};
    store_be16(t, TT_PEER_PORT);
    store_be16(t + 2, CLOSED_PORT);
    store_be32(t + 4, s->seq);
    store_be32(t + 8, 77);
    t[12] = (uint8_t)(header / 4 << 4);
    t[13] = s->flags;
    store_be16(t + 14, 1000);
    if (s->timestamps) {
        store_be32(t + 20, TCP_TIMESTAMPS_HEAD);
        store_be32(t + 24, 5);
        store_be32(t + 28, 6);
    }
    tcp_test_fill(t + header, s->seq, s->len);
    frame_ip(fr, &ip, t, header + s->len);
    sum_again(fr);
}

/* Gives them as a batch. Returns how many went behind another one; each, whatever its way, is
 * counted as a frame, and answered as if it had come alone. */
static uint64_t followers(struct net_fixture *f, const struct frame *frames, size_t count)
{
    uint64_t before = fixture_counter(f, "gro_segments");
    uint64_t rx = fixture_counter(f, "eth_rx");
    fixture_gather(f);
    for (size_t i = 0; i < count; i++) {
        fixture_input(f, &frames[i]);
    }
    fixture_give(f);
    assert_int_equal(fixture_counter(f, "eth_rx"), rx + count);
    return fixture_counter(f, "gro_segments") - before;
}

/* A row of segments that are one run. */
static void build_row(struct frame *frames, size_t count, bool timestamps)
{
    for (size_t i = 0; i < count; i++) {
        build(&frames[i], &(struct segment){.seq = UINT32_MAX - 150 + (uint32_t)i * PAYLOAD_BYTES,
                                            .flags = TCP_ACK,
                                            .len = PAYLOAD_BYTES,
                                            .timestamps = timestamps});
    }
}

static void segments_in_a_row_are_a_run(void **state)
{
    struct net_fixture *f = *state;
    static struct frame frames[40];
    for (int timestamps = 0; timestamps < 2; timestamps++) {
        build_row(frames, 40, timestamps != 0);
        uint64_t resets = fixture_counter(f, "tcp_tx_rst");
        uint64_t segments = fixture_counter(f, "tcp_rx_segments");
        uint64_t ip = fixture_counter(f, "ip_rx"), delivered = fixture_counter(f, "ip_delivered");
        assert_int_equal(followers(f, frames, 40), GRO_SEGMENTS_MAX - 1 + 7);
        /* Nobody takes it: apart again, every one of them is answered and counted. */
        assert_int_equal(fixture_counter(f, "tcp_rx_segments"), segments + 40);
        assert_int_equal(fixture_counter(f, "ip_rx"), ip + 40);
        assert_int_equal(fixture_counter(f, "ip_delivered"), delivered + 40);
        assert_int_equal(fixture_counter(f, "tcp_tx_rst"), resets + 40);
        (void)fixture_forget(f);
        assert_int_equal(f->rx.used, 0);
    }
}

static void a_batch_of_none_or_one(void **state)
{
    struct net_fixture *f = *state;
    static struct frame frames[2];
    build_row(frames, 1, true);
    assert_int_equal(followers(f, frames, 0), 0);
    assert_int_equal(followers(f, frames, 1), 0);
    assert_int_equal(fixture_forget(f), 1);
    frames[0].len = 10; /* and what is too short for anything */
    frames[1] = frames[0];
    assert_int_equal(followers(f, frames, 2), 0);
    assert_int_equal(fixture_counter(f, "eth_rx_short"), 2);
}

/* A byte of the frame, of the second one or of both, that is changed. */
struct bend {
    const char *why;
    size_t at;
    uint8_t xor ;
    bool both;
    bool keep_sums; /* they are wrong then */
};

static void bent(struct net_fixture *f, const struct bend *b)
{
    struct frame frames[2];
    build_row(frames, 2, true);
    for (size_t i = b->both ? 0 : 1; i < 2; i++) {
        frames[i].bytes[b->at] ^= b->xor ;
        if (!b->keep_sums) {
            sum_again(&frames[i]);
        }
    }
    if (followers(f, frames, 2) != 0) {
        fail_msg("%s: is a run", b->why);
    }
    (void)fixture_forget(f);
    assert_int_equal(f->rx.used, f->net->reass.fragments);
}

static void each_reason_not_to(void **state)
{
    static const struct bend bends[] = {
        {"another station", 5, 4, false, false},
        {"another station, both", 5, 4, true, false},
        {"from another station", 11, 4, false, false},
        {"from a group", 6, 1, true, false},
        {"from us", 11, 3, true, false},
        {"no IPv4", 12, 1, true, false},
        {"version", IP, 0x20, true, true},
        {"TOS", IP + 1, 8, false, false},
        {"ECN", IP + 1, 3, false, false},
        {"total length", IP + 3, 1, false, true},
        {"a fragment", IP + 6, 0x20, true, false},
        {"an offset", IP + 7, 1, true, false},
        {"DF", IP + 6, 0x40, false, false},
        {"TTL", IP + 8, 1, false, false},
        {"no TCP", IP + 9, 1, true, false},
        {"header checksum", IP + 10, 1, false, true},
        {"header checksum of the first", IP + 10, 1, true, true},
        {"another host", IP + 15, 8, false, false},
        {"a broadcast's source", IP + 15, 0xfd, true, false},
        {"not to us", IP + 19, 8, true, false},
        {"port", TCP + 1, 1, false, false},
        {"our port", TCP + 3, 1, false, false},
        {"a number too far", TCP + 7, 1, false, false},
        {"a number too far away", TCP + 4, 0x80, false, false},
        {"acknowledgement", TCP + 11, 1, false, false},
        {"reserved bits", TCP + 12, 1, false, false},
        {"header length", TCP + 12, 0x10, true, false},
        {"no options", TCP + 12, 0xd0, false, false},
        {"FIN", TCP + 13, TCP_FIN, false, false},
        {"SYN", TCP + 13, TCP_SYN, false, false},
        {"RST", TCP + 13, TCP_RST, true, false},
        {"no ACK", TCP + 13, TCP_ACK, true, false},
        {"URG", TCP + 13, TCP_URG, true, false},
        {"ECE", TCP + 13, TCP_ECE, true, false},
        {"CWR", TCP + 13, TCP_CWR, false, false},
        {"PSH in front", TCP + 13, TCP_PSH, true, false},
        {"window", TCP + 15, 1, false, false},
        {"checksum", TCP + 16, 1, false, true},
        {"payload", TCP + 40, 1, false, true},
        {"urgent pointer", TCP + 19, 1, false, false},
        {"another option", TCP + 21, 1, true, false},
        {"no padding in front", TCP + 20, 1, false, false},
        {"TSval", TCP + 27, 1, false, false},
        {"TSecr", TCP + 31, 1, false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bends); i++) {
        bent(*state, &bends[i]);
    }
    struct frame frames[2];
    build_row(frames, 2, true); /* all of them were reasons */
    assert_int_equal(followers(*state, frames, 2), 1);
    frames[1].bytes[IP + 5] ^= 0xff; /* the identification is none */
    sum_again(&frames[1]);
    assert_int_equal(followers(*state, frames, 2), 1);
}

/* A wrong checksum of the first takes no follower along. */
static void a_wrong_first_is_dropped_alone(void **state)
{
    struct net_fixture *f = *state;
    struct frame frames[3];
    uint64_t wrong = fixture_counter(f, "tcp_rx_drop_checksum");
    build_row(frames, 3, true);
    frames[0].bytes[TCP + 50] ^= 1;
    assert_int_equal(followers(f, frames, 3), 1);
    assert_int_equal(fixture_counter(f, "tcp_rx_drop_checksum"), wrong + 1);
    assert_int_equal(fixture_forget(f), 2);
}

static void payloads(void **state)
{
    struct net_fixture *f = *state;
    static const struct {
        size_t len[4];
        uint8_t flags[4];
        uint64_t follow;
    } rows[] = {
        {{100, 100, 100, 100}, {0, 0, 0, 0}, 3},
        {{100, 60, 60, 60}, {0, 0, 0, 0}, 2},  /* a shorter one is the last; two runs of two */
        {{100, 101, 101, 1}, {0, 0, 0, 0}, 2}, /* a longer one begins anew */
        {{100, 0, 0, 100}, {0, 0, 0, 0}, 0},   /* ACKs alone, and nothing behind one */
        {{0, 100, 0, 100}, {0, 0, 0, 0}, 0},   /* duplicates stay what they are */
        {{100, 100, 100, 100}, {0, TCP_PSH, 0, 0}, 2},
        {{100, 100, 100, 100}, {TCP_PSH, TCP_PSH, TCP_PSH, TCP_PSH}, 0},
        {{1, 1, 1, 1}, {0, 0, 0, TCP_PSH}, 3},
        {{1448, 1448, 1448, 7}, {0, 0, 0, TCP_PSH}, 3},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        static struct frame frames[4];
        struct segment s = {.seq = UINT32_MAX - 99, .timestamps = true};
        for (size_t k = 0; k < 4; k++) {
            s.len = rows[i].len[k];
            s.flags = TCP_ACK | rows[i].flags[k];
            build(&frames[k], &s);
            s.seq += (uint32_t)s.len;
        }
        uint64_t got = followers(f, frames, 4);
        if (got != rows[i].follow) {
            fail_msg("row %zu: %d followers", i, (int)got);
        }
        (void)fixture_forget(f);
    }
}

/* Two flows in turn, and others between: everybody comes in the order of the wire. */
static void nothing_is_reordered(void **state)
{
    struct net_fixture *f = *state;
    static struct frame frames[6], out;
    static const uint32_t seq[] = {1000, 1100, 5000, 1200, 1300, 900};
    for (size_t i = 0; i < 6; i++) {
        build(&frames[i], &(struct segment){.seq = seq[i], .flags = TCP_ACK, .len = PAYLOAD_BYTES});
        store_be32(frames[i].bytes + TCP + 8, (uint32_t)i < 2 ? 1 : 1 + (uint32_t)i);
        sum_again(&frames[i]);
    }
    frame_icmp(&frames[2], &(struct frame_ip){0}, 0x0800, 0, "ping", 4);
    assert_int_equal(followers(f, frames, 6), 1);
    for (size_t i = 0; i < 6; i++) { /* a RST has the number of the ACK (RFC 9293 3.10.7.1) */
        assert_true(fixture_pop(f, &out));
        assert_int_equal(out.bytes[IP + 9], i == 2 ? 1 : IP_PROTO_TCP);
        if (i != 2) {
            assert_int_equal(load_be32(out.bytes + TCP + 4), load_be32(frames[i].bytes + TCP + 8));
        }
    }
}

/* With IP options, and with padding behind the datagram. */
static void odd_frames(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t nops[4] = {1, 1, 1, 1};
    struct frame frames[2];
    for (size_t i = 0; i < 2; i++) {
        build(&frames[i],
              &(struct segment){
                  .seq = 1 + (uint32_t)i * 100, .flags = TCP_ACK, .len = 100, .ip_options = nops});
    }
    assert_int_equal(followers(f, frames, 2), 0);
    build_row(frames, 2, false);
    frame_put(&frames[1], "pad", 3);
    assert_int_equal(followers(f, frames, 2), 0);
    assert_int_equal(fixture_forget(f), 4);
}

/* ---- connections: what a run comes to ---------------------------------------------------------
 */
static struct tcp_want data_at(uint32_t seq, size_t len)
{
    return (struct tcp_want){.flags = TCP_ACK, .seq = seq, .ack = 1, .len = len};
}

static void give_row(struct tcp_test *tt, uint32_t seq, size_t count, size_t len)
{
    fixture_gather(&tt->f);
    for (size_t i = 0; i < count; i++) {
        struct tcp_want w = data_at(seq + (uint32_t)(i * len), len);
        tcp_inject(tt, &w);
    }
    fixture_give(&tt->f);
}

static void expect_stream(struct tcp_test *tt, uint32_t seq, size_t len)
{
    static uint8_t got[64 * 1024], want[64 * 1024];
    tt->net->now_ns = tt->f.now_ns;
    ptrdiff_t n = tcp_recv(tt->t, got, sizeof(got), 0);
    assert_int_equal(n, len);
    tcp_test_fill(want, seq, len);
    assert_memory_equal(got, want, len);
}

static void a_run_is_taken(void **state)
{
    struct tcp_test tt;
    struct tcp_report r;
    make_established(&tt);
    uint64_t segments = tcp_test_count(&tt, "tcp_rx_segments");
    tcp_get_report(tt.t, &r);
    uint32_t before = r.segs_in;
    give_row(&tt, 1, 5, 1000);
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.segs_in, before + 5);
    assert_int_equal(r.data_segs_in, 5);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_segments"), segments + 5);
    assert_int_equal(tcp_test_count(&tt, "gro_segments"), 4);
    assert_int_equal(tcp_test_count(&tt, "tcp_fast_miss_sequence"), 0);
    /* At the beginning of a connection, an ACK for every second one (RFC 5681 4.2). */
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2001);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 4001);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 40);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 5001);
    expect_stream(&tt, 1, 5000);
    tcp_test_abort(&tt);
}

/* Later, one ACK for a run; of two segments at least it goes at once, as ever. */
static void a_run_is_acknowledged_once(void **state)
{
    struct tcp_test tt;
    uint32_t seq = 1;
    make_established(&tt);
    for (; seq <= TCP_RUN_WHOLE_BYTES; seq += 10000) {
        give_row(&tt, seq, 10, 1000);
        expect_stream(&tt, seq, 10000);
    }
    (void)tcp_test_forget(&tt);
    give_row(&tt, seq, 20, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = seq + 20000);
    expect_nothing(&tt);
    expect_stream(&tt, seq, 20000);
    seq += 20000;
    (void)tcp_test_forget(&tt); /* of a window that opened */
    give_row(&tt, seq, 1, 1000);
    expect_nothing(&tt);
    give_row(&tt, seq + 1000, 2, 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = seq + 3000);
    /* Who wants an ACK of each segment gets it. */
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_QUICKACK, 1), 0);
    give_row(&tt, seq + 3000, 3, 1000);
    assert_int_equal(tcp_test_forget(&tt), 3);
    expect_stream(&tt, seq, 6000);
    tcp_test_abort(&tt);
}

/* ---- the same with runs and without ------------------------------------------------------------
 */
enum {
    WINDOW_BYTES = 8000,
};

/* Two stacks, equal but for gro_off, are given the same. */
struct twins {
    struct tcp_test tt[2];
};

static void twins_make(struct twins *w)
{
    for (int i = 0; i < 2; i++) {
        struct net_config cfg;
        tcp_test_config(&cfg);
        cfg.gro_off = i == 1;
        cfg.limits.tcp_rcvbuf_bytes = WINDOW_BYTES;
        cfg.limits.tcp_rcvbuf_max_bytes = 0;
        make_listen_with(&w->tt[i], &cfg);
        tt_handshake(&w->tt[i], "\2\4\5\264\4\2\1\1", 8, TT_WND);
    }
}

static void twins_give(struct twins *w, const struct tcp_want *batch, size_t count)
{
    for (int i = 0; i < 2; i++) {
        fixture_gather(&w->tt[i].f);
        for (size_t k = 0; k < count; k++) {
            tcp_inject(&w->tt[i], &batch[k]);
        }
        fixture_give(&w->tt[i].f);
    }
}

/* The same frames have gone, the same bytes are there to be read, as many segments were counted. */
static void twins_compare(struct twins *w, bool read, int line)
{
    struct frame fr[2];
    bool more[2];
    do {
        for (int i = 0; i < 2; i++) {
            more[i] = fixture_pop(&w->tt[i].f, &fr[i]);
        }
        if (more[0] != more[1] || fr[0].len != fr[1].len ||
            memcmp(fr[0].bytes, fr[1].bytes, fr[0].len) != 0) {
            fail_msg("line %d: the frames differ", line);
        }
    } while (more[0]);
    static uint8_t got[2][WINDOW_BYTES];
    ptrdiff_t len[2] = {0, 0};
    struct tcp_report r[2];
    for (int i = 0; i < 2; i++) {
        struct tcp_test *tt = &w->tt[i];
        tt->net->now_ns = tt->f.now_ns;
        len[i] = read ? tcp_recv(tt->t, got[i], WINDOW_BYTES, 0) : 0;
        tcp_get_report(tt->t, &r[i]);
    }
    assert_int_equal(len[0], len[1]);
    assert_memory_equal(got[0], got[1], (size_t)(len[0] > 0 ? len[0] : 0));
    assert_memory_equal(&r[0], &r[1], sizeof(r[0]));
    assert_int_equal(w->tt[0].f.rx.used, w->tt[1].f.rx.used);
    assert_int_equal(rcv_nxt(w->tt[0].t), rcv_nxt(w->tt[1].t));
    assert_int_equal(window_seq(w->tt[0].t), window_seq(w->tt[1].t));
}
#define compare(w, read) twins_compare((w), (read), __LINE__)

static void twins_end(struct twins *w)
{
    for (int i = 0; i < 2; i++) {
        tcp_test_abort(&w->tt[i]);
    }
}

/* Each batch to a connection of its own: partly old, all of it old, beyond the window, a hole in it
 * and filled, FIN behind it, RST behind it, for nobody, data while data is out. */
static void runs_that_do_not_fit(void **state)
{
    static const struct {
        uint32_t seq[5];
        uint8_t flags[5]; /* beside ACK */
    } batches[] = {
        {{0xfffffe0d, 501, 1501, 2501, 3501}, {0}}, /* its first half is old: it begins at -499 */
        {{0xfffff000, 0xfffff3e8, 0xfffff7d0, 0xfffffbb8, 0xffffffa0}, {0}},
        {{1, 1001, 2001, 4001, 5001}, {0}},
        {{1001, 2001, 3001, 4001, 1}, {0}},
        {{5001, 6001, 7001, 8001, 9001}, {0}}, /* the right edge is in the middle */
        {{1, 1001, 2001, 3001, 4001}, {0, 0, 0, 0, TCP_FIN}},
        {{1, 1001, 2001, 3001, 4001}, {0, 0, TCP_FIN, 0, 0}},
        {{1, 1001, 2001, 3001, 4001}, {0, 0, 0, TCP_RST, 0}},
        {{1, 1001, 2001, 1001, 2001}, {0}},
        {{20001, 21001, 22001, 23001, 24001}, {0}},
        {{1, 1001, 2001, 3001, 4001}, {TCP_PSH, 0, TCP_PSH, 0, TCP_PSH}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(batches); i++) {
        static struct twins w;
        struct tcp_want batch[5];
        twins_make(&w);
        for (size_t k = 0; k < 5; k++) {
            batch[k] = data_at(batches[i].seq[k], 1000);
            batch[k].flags |= batches[i].flags[k];
        }
        twins_give(&w, batch, 5);
        compare(&w, true);
        if (state_of(w.tt[0].t) != TCP_CLOSED) {
            twins_end(&w);
            continue;
        }
        for (int k = 0; k < 2; k++) {
            tcp_close(w.tt[k].t);
            tcp_close(w.tt[k].listener);
            tcp_test_end(&w.tt[k]);
        }
    }
}

/* A reader that shuts, and an owner that is gone. */
static void nobody_reads(void **state)
{
    static struct twins w;
    struct tcp_want batch[4];
    twins_make(&w);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tcp_shutdown(w.tt[i].t, TCP_SHUT_RD), 0);
    }
    for (size_t k = 0; k < 4; k++) {
        batch[k] = data_at(1 + (uint32_t)k * 1000, 1000);
    }
    twins_give(&w, batch, 4);
    compare(&w, false);
    twins_end(&w);
}

static uint32_t random_of(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

/* Drawn batches of mostly good segments, reads, writes and time. */
static void any_batches_come_to_the_same(void **state)
{
    static struct twins w;
    uint32_t draw = tcp_isn_now.irs ^ 12345;
    twins_make(&w);
    for (int step = 0; step < 400; step++) {
        struct tcp_want batch[24];
        size_t count = 1 + random_of(&draw, 24), len = 100 + random_of(&draw, 2) * 400;
        uint32_t seq = rcv_nxt(w.tt[0].t) - w.tt[0].irs;
        uint32_t ack = snd_una(w.tt[0].t) - w.tt[0].iss;
        uint32_t out = snd_nxt(w.tt[0].t) - snd_una(w.tt[0].t);
        for (size_t k = 0; k < count; k++) {
            batch[k] = (struct tcp_want){.flags = TCP_ACK, .seq = seq, .ack = ack, .len = len};
            seq += (uint32_t)len;
            uint32_t what = random_of(&draw, 40);
            seq += what == 0 ? (uint32_t)len : 0;     /* a loss */
            seq -= what == 1 ? (uint32_t)len / 2 : 0; /* an overlap */
            ack += what == 2 ? random_of(&draw, out + 1) : 0;
            batch[k].flags |= what == 3 ? TCP_PSH : 0;
            batch[k].wnd = what == 4 ? 900 : 0;
            batch[k].bad_checksum = what == 5;
            batch[k].tos = what == 6 ? 3 : 0;
            out = what == 2 ? 0 : out;
        }
        twins_give(&w, batch, count);
        compare(&w, random_of(&draw, 3) != 0);
        for (int i = 0; i < 2 && step % 5 == 0; i++) {
            (void)tt_send(&w.tt[i], "an answer");
        }
        uint64_t ms = random_of(&draw, 30);
        for (int i = 0; i < 2; i++) {
            tcp_test_advance_ms(&w.tt[i], ms);
        }
        compare(&w, true);
        if (report_of(w.tt[0].t).bytes_received > TCP_RUN_WHOLE_BYTES - 3 * WINDOW_BYTES) {
            break;
        }
    }
    assert_true(tcp_test_count(&w.tt[0], "gro_segments") > 100);
    assert_int_equal(tcp_test_count(&w.tt[1], "gro_segments"), 0);
    twins_end(&w);
}

/* More than the receiver keeps for an owner that does not read. */
static void no_room_for_all_of_it(void **state)
{
    static struct twins w;
    twins_make(&w);
    uint32_t seq = 1;
    for (int step = 0; step < 10; step++) {
        struct tcp_want batch[20];
        for (size_t k = 0; k < 20; k++, seq += 900) {
            batch[k] = data_at(seq, 900);
        }
        twins_give(&w, batch, 20);
        compare(&w, step == 5);
    }
    twins_end(&w);
}

int main(void)
{
    const struct CMUnitTest frames[] = {
        fixture_test_met(segments_in_a_row_are_a_run),
        fixture_test_met(a_batch_of_none_or_one),
        fixture_test_met(each_reason_not_to),
        fixture_test_met(a_wrong_first_is_dropped_alone),
        fixture_test_met(payloads),
        fixture_test_met(nothing_is_reordered),
        fixture_test_met(odd_frames),
    };
    const struct CMUnitTest connections[] = {
        cmocka_unit_test(a_run_is_taken),
        cmocka_unit_test(a_run_is_acknowledged_once),
        cmocka_unit_test(runs_that_do_not_fit),
        cmocka_unit_test(nobody_reads),
        cmocka_unit_test(any_batches_come_to_the_same),
        cmocka_unit_test(no_room_for_all_of_it),
    };
    return cmocka_run_group_tests(frames, NULL, NULL) + tcp_run_all(connections);
}
