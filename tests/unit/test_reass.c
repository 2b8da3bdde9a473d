/*
 * Reassembly of fragments: in and out of order, duplicates, overlaps, bounds, time.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/net_fixture.h"

#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/wire/csum.h"

enum {
    MF = 0x2000,
    MESSAGE_BYTES = 1200, /* of the echo request that is cut up */
};

/* An echo request as IP payload, 1200 bytes. */
static void make_message(uint8_t *m)
{
    for (size_t i = 0; i < MESSAGE_BYTES; i++) {
        m[i] = (uint8_t)(i * 13);
    }
    store_be16(m, 0x0800);
    store_be16(m + 2, 0);
    store_be16(m + 2, csum_finish(csum_add(0, m, MESSAGE_BYTES)));
}

/* Gives the stack bytes [begin, end) of the datagram id from src. */
static void input_piece(struct net_fixture *f, uint32_t src, uint16_t id, size_t begin, size_t end)
{
    uint8_t m[MESSAGE_BYTES];
    struct frame fr;
    make_message(m);
    struct frame_ip ip = {
        .src = src,
        .protocol = IP_PROTO_ICMP,
        .id = id,
        .frag = (uint16_t)(begin / 8 | (end < MESSAGE_BYTES ? MF : 0)),
    };
    frame_ip(&fr, &ip, m + begin, end - begin);
    fixture_input(f, &fr);
}

static void expect_reply(struct net_fixture *f)
{
    uint8_t m[MESSAGE_BYTES];
    struct frame fr;
    make_message(m);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(fr.len, 14 + 20 + MESSAGE_BYTES);
    assert_int_equal(frame_payload_at(&fr)[0], ICMP_ECHO_REPLY);
    assert_memory_equal(frame_payload_at(&fr) + 4, m + 4, MESSAGE_BYTES - 4);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(f->net->reass.pool.used, 0);
    assert_int_equal(f->net->reass.fragments, 0);
}

static void expect_nothing(struct net_fixture *f)
{
    assert_int_equal(f->out.count, 0);
    assert_int_equal(f->net->reass.pool.used, 0);
    assert_int_equal(f->net->reass.fragments, 0);
    assert_int_equal(f->rx.used, 0);
}

/* Three pieces in each of their six orders. */
static void test_orders(void **state)
{
    struct net_fixture *f = *state;
    static const uint16_t cut[4] = {0, 480, 968, MESSAGE_BYTES};
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (uint16_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 3; k++) {
            uint8_t piece = orders[i][k];
            input_piece(f, 0, i, cut[piece], cut[piece + 1]);
        }
        expect_reply(f);
    }
    assert_int_equal(fixture_counter(f, "frag_reassembled"), 6);
}

/* With options in the header of the first fragment, in either order. */
static void test_options_are_left_out(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t nops[8] = {1, 1, 1, 1, 1, 1, 1, 0};
    uint8_t m[MESSAGE_BYTES];
    struct frame fr;
    make_message(m);
    for (int order = 0; order < 2; order++) {
        struct frame_ip ip = {
            .protocol = 1, .id = 5, .frag = MF, .options = nops, .options_len = 8};
        if (order == 1) {
            input_piece(f, 0, 5, 800, MESSAGE_BYTES);
        }
        frame_ip(&fr, &ip, m, 800);
        fixture_input(f, &fr);
        if (order == 0) {
            input_piece(f, 0, 5, 800, MESSAGE_BYTES);
        }
        expect_reply(f);
    }
}

static void test_duplicates(void **state)
{
    struct net_fixture *f = *state;
    input_piece(f, 0, 1, 0, 480);
    input_piece(f, 0, 1, 0, 480);
    input_piece(f, 0, 1, 968, MESSAGE_BYTES);
    input_piece(f, 0, 1, 968, MESSAGE_BYTES);
    input_piece(f, 0, 1, 0, 480);
    input_piece(f, 0, 1, 480, 968);
    expect_reply(f);
    assert_int_equal(fixture_counter(f, "frag_duplicate"), 3);
}

/* Every way two ranges can overlap without being equal ends the datagram. */
static void test_overlaps(void **state)
{
    struct net_fixture *f = *state;
    static const uint16_t second[][2] = {
        {400, 800}, {472, 968}, {0, 400},
        {8, 480},   {8, 400},   {0, 968},
        {0, 488},   {472, 480}, {0, MESSAGE_BYTES - 8},
    };
    for (uint16_t i = 0; i < ARRAY_SIZE(second); i++) {
        input_piece(f, 0, i, 0, 480);
        input_piece(f, 0, i, second[i][0], second[i][1]);
        assert_int_equal(fixture_counter(f, "frag_drop_overlap"), i + 1);
        expect_nothing(f);
    }
    /* A second end, behind or in front of the first one. */
    uint8_t junk[64] = {0};
    struct frame fr;
    static const uint16_t ends[][2] = {{160, 80}, {80, 160}};
    for (uint16_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 2; k++) {
            frame_ip(&fr, &(struct frame_ip){.id = 99, .protocol = 1, .frag = ends[i][k] / 8}, junk,
                     64);
            fixture_input(f, &fr);
        }
        expect_nothing(f);
    }
    /* Data behind the end. */
    frame_ip(&fr, &(struct frame_ip){.id = 98, .protocol = 1, .frag = 800 / 8 | MF}, junk, 64);
    fixture_input(f, &fr);
    frame_ip(&fr, &(struct frame_ip){.id = 98, .protocol = 1, .frag = 80 / 8}, junk, 64);
    fixture_input(f, &fr);
    expect_nothing(f);
}

/* Teardrop, ragged, empty, ping of death. */
static void test_bad_fragments(void **state)
{
    struct net_fixture *f = *state;
    uint8_t junk[1480] = {0};
    struct frame fr;
    frame_ip(&fr, &(struct frame_ip){.id = 1, .protocol = 1, .frag = MF}, junk, 33);
    fixture_input(f, &fr);
    frame_ip(&fr, &(struct frame_ip){.id = 2, .protocol = 1, .frag = MF}, junk, 0);
    fixture_input(f, &fr);
    frame_ip(&fr, &(struct frame_ip){.id = 3, .protocol = 1, .frag = 10}, junk, 0);
    fixture_input(f, &fr);
    frame_ip(&fr, &(struct frame_ip){.id = 4, .protocol = 1, .frag = 0x1fff}, junk, 1480);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "frag_drop_bad"), 4);
    expect_nothing(f);
    /* One that grows beyond 65,535 bytes takes with it what was there. */
    input_piece(f, 0, 6, 0, 1000);
    frame_ip(&fr, &(struct frame_ip){.id = 6, .protocol = 1, .frag = 65512 / 8}, junk, 4);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "frag_drop_bad"), 5);
    expect_nothing(f);
    /* So it does when only the header of its first piece makes it so long. */
    static const uint8_t nops[4] = {1, 1, 1, 0};
    for (uint32_t at = 1000; at < IPV4_PAYLOAD_MAX_BYTES; at += 1480) {
        size_t len = min_size(1480, IPV4_PAYLOAD_MAX_BYTES - at);
        uint16_t more = at + len < IPV4_PAYLOAD_MAX_BYTES ? MF : 0;
        struct frame_ip ip = {.id = 7, .protocol = 17, .frag = (uint16_t)(at / 8 | more)};
        frame_ip(&fr, &ip, junk, len);
        fixture_input(f, &fr);
    }
    struct frame_ip ip = {.id = 7, .protocol = 17, .frag = MF, .options = nops, .options_len = 4};
    frame_ip(&fr, &ip, junk, 1000);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "frag_drop_bad"), 6);
    expect_nothing(f);
}

/* A UDP datagram of len bytes, header and all, from port 1000 to 2000. */
static void make_datagram(uint8_t *d, size_t len)
{
    for (size_t i = 8; i < len; i++) {
        d[i] = (uint8_t)(i * 7 + (i >> 8) * 31);
    }
    store_be16(d, 1000);
    store_be16(d + 2, 2000);
    store_be16(d + 4, (uint16_t)len);
    store_be16(d + 6, 0);
    uint32_t sum = csum_pseudo(FIXTURE_PEER, FIXTURE_ADDR, IP_PROTO_UDP, (uint16_t)len);
    store_be16(d + 6, csum_finish(csum_add(sum, d, len)));
}

/* Bytes [begin, end) of the len bytes at d. */
static void input_part(struct net_fixture *f, uint8_t protocol, uint16_t id, const uint8_t *d,
                       size_t len, size_t begin, size_t end)
{
    struct frame fr;
    struct frame_ip ip = {
        .protocol = protocol, .id = id, .frag = (uint16_t)(begin / 8 | (end < len ? MF : 0))};
    frame_ip(&fr, &ip, d + begin, end - begin);
    fixture_input(f, &fr);
}

/* The one datagram that waits on u is d. */
static void expect_datagram(struct udp_cb *u, const uint8_t *d, size_t len)
{
    static uint8_t got[IPV4_PAYLOAD_MAX_BYTES];
    uint32_t addr;
    uint16_t port;
    size_t full;
    assert_int_equal(udp_recv(u, got, sizeof(got), false, &addr, &port, &full), len - 8);
    assert_int_equal(full, len - 8);
    assert_memory_equal(got, d + 8, len - 8);
    assert_int_equal(udp_recv(u, got, sizeof(got), false, &addr, &port, &full), -EAGAIN);
}

/* An order of count pieces: forwards, backwards, from the middle on, or at random. */
static void make_order(size_t *order, size_t count, int kind, struct net_random *r)
{
    for (size_t i = 0; i < count; i++) {
        size_t j = kind == 3 ? net_random_below(r, (uint32_t)i + 1) : i;
        order[i] = order[j];
        order[j] = kind == 1 ? count - 1 - i : (kind == 2 ? (i + count / 2) % count : i);
    }
}

/* Datagrams of every size up to the largest, in 45 pieces and in fewer, in every kind of order. */
static void test_large(void **state)
{
    struct net_fixture *f = *state;
    static const uint32_t lengths[] = {1488, 2013, 2014, 2015, 4000, 9001, 65000, 65514, 65515};
    static uint8_t d[IPV4_PAYLOAD_MAX_BYTES];
    static const uint8_t seed[32] = {7};
    struct net_random r;
    net_random_init(&r, seed);
    struct udp_cb *u = udp_create(f->net, ignore_ready, NULL);
    assert_int_equal(udp_bind(u, 0, 2000, false), 0);
    uint16_t id = 0;
    for (size_t k = 0; k < ARRAY_SIZE(lengths); k++) {
        size_t len = lengths[k];
        size_t count = (len + 1479) / 1480;
        make_datagram(d, len);
        for (int kind = 0; kind < 8; kind++) {
            size_t order[45];
            make_order(order, count, kind % 4, &r);
            for (size_t i = 0; i < count; i++) {
                size_t at = order[i] * 1480;
                input_part(f, IP_PROTO_UDP, id, d, len, at, min_size(at + 1480, len));
                if (kind >= 4 && i + 1 < count) { /* each of them twice */
                    input_part(f, IP_PROTO_UDP, id, d, len, at, min_size(at + 1480, len));
                }
            }
            expect_datagram(u, d, len);
            expect_nothing(f);
            id++;
        }
    }
    assert_int_equal(fixture_counter(f, "frag_reassembled"), 8 * ARRAY_SIZE(lengths));
    udp_close(u);
}

/* With a first piece that has no whole header of what it is of, and others as small. */
static void test_headers_in_pieces(void **state)
{
    struct net_fixture *f = *state;
    static uint8_t d[9000];
    struct udp_cb *u = udp_create(f->net, ignore_ready, NULL);
    assert_int_equal(udp_bind(u, 0, 2000, false), 0);
    make_datagram(d, sizeof(d));
    for (uint16_t id = 0; id < 20; id++) {
        size_t cut = 0;
        for (size_t at = 0; at < sizeof(d); at = cut) {
            cut = min_size(sizeof(d), at < 8u * id ? at + 8 : at + 1400);
            input_part(f, IP_PROTO_UDP, id, d, sizeof(d), at, cut);
        }
        expect_datagram(u, d, sizeof(d));
        expect_nothing(f);
    }
    udp_close(u);
}

/* Of one that nobody takes an error tells, which quotes a sound IP header and what follows it, over
 * as many buffers as that is. */
static void test_quoted_from_pieces(void **state)
{
    struct net_fixture *f = *state;
    static uint8_t d[9000];
    struct frame fr;
    make_datagram(d, sizeof(d));
    input_part(f, IP_PROTO_UDP, 1, d, sizeof(d), 1400, 2800);
    input_part(f, IP_PROTO_UDP, 1, d, sizeof(d), 0, 200);
    for (size_t at = 2800; at < sizeof(d); at += 1400) {
        input_part(f, IP_PROTO_UDP, 1, d, sizeof(d), at, min_size(at + 1400, sizeof(d)));
    }
    input_part(f, IP_PROTO_UDP, 1, d, sizeof(d), 200, 1400);
    assert_int_equal(fixture_counter(f, "udp_rx_no_socket"), 1);
    assert_true(fixture_pop(f, &fr));
    const uint8_t *quote = frame_payload_at(&fr) + 8;
    assert_int_equal(quote[0], 0x45);
    assert_int_equal(load_be32(quote + 12), FIXTURE_PEER);
    assert_int_equal(fr.bytes + fr.len - quote, ICMP_QUOTE_MAX_BYTES);
    assert_memory_equal(quote + 20, d, ICMP_QUOTE_MAX_BYTES - 20);
    expect_nothing(f);
}

/* TCP takes its segments in one buffer: what does not fit that is dropped, under its name. */
static void test_one_buffer_for_tcp(void **state)
{
    struct net_fixture *f = *state;
    static uint8_t d[2015] = {0, 9, 0, 80, [12] = 0x50};
    for (uint16_t i = 0; i < 2; i++) {
        size_t len = sizeof(d) - i;
        input_part(f, IP_PROTO_TCP, i, d, len, 0, 1400);
        input_part(f, IP_PROTO_TCP, i, d, len, 1400, len);
        expect_nothing(f);
        assert_int_equal(fixture_counter(f, "frag_drop_too_big"), 1);
        assert_int_equal(fixture_counter(f, "tcp_rx_drop_checksum"), i);
    }
}

/* Fragments of 8 bytes: as many as one datagram may have, then none of it is kept. */
static void test_tiny_fragments(void **state)
{
    struct net_fixture *f = *state;
    for (size_t i = 0; i < REASS_SHARE_MIN; i++) {
        input_piece(f, 0, 7, i * 16, i * 16 + 8);
    }
    assert_int_equal(f->net->reass.fragments, REASS_SHARE_MIN);
    assert_int_equal(f->rx.used, REASS_SHARE_MIN); /* each in its own buffer */
    input_piece(f, 0, 7, 1000, 1008);
    assert_int_equal(fixture_counter(f, "frag_drop_too_many"), 1);
    expect_nothing(f);
}

static void test_source_cap_and_eviction(void **state)
{
    struct net_fixture *f = *state;
    uint32_t max = f->cfg.limits.reass_datagrams;
    uint32_t share = max / REASS_SOURCE_SHARE;
    for (uint16_t id = 0; id < 50; id++) {
        input_piece(f, 0, id, 8, 16);
    }
    assert_int_equal(f->net->reass.pool.used, share);
    assert_int_equal(fixture_counter(f, "frag_evicted_source"), 50 - share);
    /* Other sources push the oldest out; the table never grows. */
    for (uint32_t i = 0; i < 100000; i++) {
        input_piece(f, 0x0b000001 + i, 1, 8, 16);
    }
    assert_int_equal(f->net->reass.pool.used, max);
    assert_int_equal(f->net->reass.fragments, max);
    assert_int_equal(f->rx.used, max);
    /* Between the flood a datagram still gets through. */
    input_piece(f, 0, 500, 0, 800);
    input_piece(f, 0, 500, 800, MESSAGE_BYTES);
    assert_int_equal(fixture_forget(f), 1);
    fixture_advance(f, REASS_TIMEOUT_NS + NS_PER_S);
    expect_nothing(f);
}

static void test_fragment_cap(void **state)
{
    struct net_fixture *f = *state;
    uint32_t cap = f->cfg.limits.reass_packets;
    for (uint32_t i = 0; i < 8 * REASS_SHARE_MIN; i++) {
        input_piece(f, 0x0b000001 + i % 8, 1, i / 8 * 16, i / 8 * 16 + 8);
        assert_true(f->net->reass.fragments <= cap);
    }
    assert_true(fixture_counter(f, "frag_evicted") > 0);
    /* However full it is kept, somebody else's datagram gets through. */
    input_piece(f, 0, 500, 0, 800);
    input_piece(f, 0, 500, 800, MESSAGE_BYTES);
    assert_int_equal(fixture_forget(f), 1);
    fixture_advance(f, REASS_TIMEOUT_NS + NS_PER_S);
    (void)fixture_forget(f); /* Time Exceeded, or the ARP requests for it */
    expect_nothing(f);
}

/* However many there may be, they never hold more than their share of the receive buffers, nor the
 * last of them. */
static void test_buffers_are_shared(void **state)
{
    struct net_fixture *f = *state;
    struct net_config cfg;
    fixture_stop(f);
    fixture_config(&cfg);
    cfg.limits.reass_packets = 10000;
    cfg.limits.reass_datagrams = 1000;
    fixture_start(f, &cfg);
    fixture_up(f);
    for (uint32_t i = 0; i < 2000; i++) {
        input_piece(f, 0x0b000001 + i, 1, 8, 16);
        assert_true(f->rx.used <= FIXTURE_RX_COUNT / REASS_POOL_SHARE);
    }
    assert_int_equal(f->rx.used, FIXTURE_RX_COUNT / REASS_POOL_SHARE);
    struct pkt_queue taken = {0};
    while (pkt_pool_left(&f->rx) > FIXTURE_RX_COUNT / REASS_POOL_KEPT) {
        pkt_queue_push(&taken, pkt_alloc(&f->rx, 0));
    }
    for (uint32_t i = 0; i < 100; i++) {
        input_piece(f, 0x0b100001 + i, 1, 8, 16);
        assert_true(pkt_pool_left(&f->rx) >= FIXTURE_RX_COUNT / REASS_POOL_KEPT);
    }
    pkt_queue_drain(&taken);
    fixture_advance(f, REASS_TIMEOUT_NS + NS_PER_S);
    expect_nothing(f);
}

/* Pieces that somebody sends in a host's name, up to its share: the host itself is still heard. */
static void test_forged_pieces_do_not_silence_a_host(void **state)
{
    struct net_fixture *f = *state;
    for (uint16_t id = 0; id < f->cfg.limits.reass_datagrams; id++) {
        input_piece(f, 0, id, 8, 16);
    }
    input_piece(f, 0, 500, 0, 800);
    input_piece(f, 0, 500, 800, MESSAGE_BYTES);
    assert_int_equal(fixture_forget(f), 1);
    assert_int_equal(fixture_counter(f, "frag_reassembled"), 1);
    /* Under other protocols and to the limited broadcast too: the share is the source's. */
    uint8_t junk[8] = {0};
    struct frame fr;
    for (uint16_t i = 0; i < 300; i++) {
        struct frame_ip ip = {.protocol = (uint8_t)i, .id = i, .frag = MF | 1};
        ip.dst = i % 3 == 0 ? 0xffffffff : 0;
        frame_ip(&fr, &ip, junk, sizeof(junk));
        fixture_input(f, &fr);
    }
    input_piece(f, 0, 501, 800, MESSAGE_BYTES);
    input_piece(f, 0, 501, 0, 800);
    assert_int_equal(fixture_forget(f), 1);
}

/* The bound on fragments is shared out as well: a source of many small pieces pushes out its
 * own, and the datagram that another has begun before stays. */
static void test_small_pieces_evict_their_own(void **state)
{
    struct net_fixture *f = *state;
    uint32_t share = max_u32(f->cfg.limits.reass_packets / REASS_SOURCE_SHARE, REASS_SHARE_MIN);
    input_piece(f, 0, 500, 0, 800);
    for (uint32_t i = 0; i < 100 * REASS_SHARE_MIN; i++) {
        uint16_t at = (uint16_t)(i % REASS_SHARE_MIN * 16);
        input_piece(f, 0x0b000001, (uint16_t)(i / REASS_SHARE_MIN), at, at + 8u);
        assert_true(f->net->reass.fragments <= share + 1);
    }
    assert_int_equal(fixture_counter(f, "frag_evicted"), 0);
    input_piece(f, 0, 500, 800, MESSAGE_BYTES);
    assert_int_equal(fixture_forget(f), 1);
}

/* Time Exceeded tells the sender when its first fragment came, and only then. */
static void test_timeout(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    input_piece(f, 0, 1, 480, 968);
    fixture_advance(f, REASS_TIMEOUT_NS + NS_PER_S);
    expect_nothing(f);
    input_piece(f, 0, 2, 480, 968);
    fixture_advance(f, REASS_TIMEOUT_NS / 2);
    input_piece(f, 0, 2, 0,
                480); /* the time is the first one's: another piece does not add to it */
    fixture_advance(f, REASS_TIMEOUT_NS / 2 - NS_PER_S);
    assert_int_equal(f->out.count, 0);
    fixture_advance_ms(f, 1010);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(load_be16(frame_payload_at(&fr)), ICMP_TIME_EXCEEDED << 8 | 1);
    const uint8_t *quote = frame_payload_at(&fr) + 8;
    assert_int_equal(load_be16(quote + 4), 2);
    assert_int_equal(load_be16(quote + 20), 0x0800);
    assert_int_equal(fixture_counter(f, "frag_timeout"), 2);
    expect_nothing(f);
    /* Too late for the rest of the first one: it begins a datagram of its own. */
    input_piece(f, 0, 1, 0, 480);
    assert_int_equal(f->out.count, 0);
}

/* Different identification, protocol, source: not one datagram. */
static void test_names_are_kept_apart(void **state)
{
    struct net_fixture *f = *state;
    input_piece(f, 0, 1, 0, 480);
    input_piece(f, 0, 2, 480, MESSAGE_BYTES);
    input_piece(f, 0x0a000007, 1, 480, MESSAGE_BYTES);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(f->net->reass.pool.used, 3);
    input_piece(f, 0, 1, 480, MESSAGE_BYTES);
    assert_int_equal(fixture_forget(f), 1);
}

/* Random cuts, random order, random repeats: the reply is whole, nothing stays behind. */
static void test_random_cuts(void **state)
{
    struct net_fixture *f = *state;
    struct net_random r;
    static const uint8_t seed[32] = {42};
    print_message("seed 42\n");
    net_random_init(&r, seed);
    for (uint16_t id = 0; id < 2000; id++) {
        size_t cuts[40];
        size_t count = 0;
        for (size_t at = 0; at < MESSAGE_BYTES; count++) {
            cuts[count] = at;
            at += 8 * (4 + net_random_below(&r, 40));
        }
        cuts[count] = MESSAGE_BYTES;
        size_t order[40];
        for (size_t i = 0; i < count; i++) {
            size_t j = net_random_below(&r, (uint32_t)i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (size_t i = 0; i < count; i++) {
            input_piece(f, 0, id, cuts[order[i]], cuts[order[i] + 1]);
            if (i + 1 < count && net_random_below(&r, 4) == 0) {
                input_piece(f, 0, id, cuts[order[i]], cuts[order[i] + 1]);
            }
        }
        expect_reply(f);
    }
    assert_int_equal(fixture_counter(f, "icmp_rx_echo"), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test_met(test_orders),
        fixture_test_met(test_options_are_left_out),
        fixture_test_met(test_duplicates),
        fixture_test_met(test_overlaps),
        fixture_test_met(test_bad_fragments),
        fixture_test_met(test_large),
        fixture_test_met(test_headers_in_pieces),
        fixture_test_met(test_quoted_from_pieces),
        fixture_test_met(test_one_buffer_for_tcp),
        fixture_test_met(test_buffers_are_shared),
        fixture_test_met(test_tiny_fragments),
        fixture_test_met(test_source_cap_and_eviction),
        fixture_test_met(test_fragment_cap),
        fixture_test_met(test_forged_pieces_do_not_silence_a_host),
        fixture_test_met(test_small_pieces_evict_their_own),
        fixture_test_met(test_timeout),
        fixture_test_met(test_names_are_kept_apart),
        fixture_test_met(test_random_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
