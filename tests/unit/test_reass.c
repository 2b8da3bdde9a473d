/*
 * Reassembly of fragments: in and out of order, duplicates, overlaps, bounds, time.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
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
    frame_ip(&fr, &(struct frame_ip){.id = 5, .protocol = 1, .frag = 0x1f00}, junk, 1480);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "frag_drop_too_big"), 1);
    expect_nothing(f);
    /* One that grows too big takes with it what was there. */
    input_piece(f, 0, 6, 0, 1000);
    frame_ip(&fr, &(struct frame_ip){.id = 6, .protocol = 1, .frag = 1000 / 8 | MF}, junk, 1016);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "frag_drop_too_big"), 2);
    expect_nothing(f);
}

/* The largest datagram that fits, from its end; it is a UDP one, for no echo reply could leave. */
static void test_largest(void **state)
{
    struct net_fixture *f = *state;
    uint8_t d[REASS_PAYLOAD_MAX_BYTES] = {0};
    struct frame fr;
    store_be16(d, 1000);
    store_be16(d + 2, 2000);
    store_be16(d + 4, sizeof(d));
    frame_ip(&fr, &(struct frame_ip){.id = 1, .protocol = 17, .frag = 1400 / 8}, d + 1400,
             sizeof(d) - 1400);
    fixture_input(f, &fr);
    frame_ip(&fr, &(struct frame_ip){.id = 1, .protocol = 17, .frag = MF}, d, 1400);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "udp_rx"), 1);
    assert_int_equal(fixture_counter(f, "udp_rx_no_socket"), 1);
    /* Port unreachable quotes a sound IP header in front of it. */
    assert_true(fixture_pop(f, &fr));
    const uint8_t *quote = frame_payload_at(&fr) + 8;
    assert_int_equal(quote[0], 0x45);
    assert_int_equal(load_be32(quote + 12), FIXTURE_PEER);
    assert_memory_equal(quote + 20, d, 8);
    expect_nothing(f);
}

/* Fragments of 8 bytes: as many as one datagram may have, then none of it is kept. */
static void test_tiny_fragments(void **state)
{
    struct net_fixture *f = *state;
    for (size_t i = 0; i < REASS_FRAGMENTS_MAX; i++) {
        input_piece(f, 0, 7, i * 16, i * 16 + 8);
    }
    assert_int_equal(f->net->reass.fragments, REASS_FRAGMENTS_MAX);
    assert_int_equal(f->rx.used, 1); /* one buffer, however many */
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
    for (uint32_t i = 0; i < 8 * REASS_FRAGMENTS_MAX; i++) {
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
    uint32_t share = max_u32(f->cfg.limits.reass_packets / REASS_SOURCE_SHARE, REASS_FRAGMENTS_MAX);
    input_piece(f, 0, 500, 0, 800);
    for (uint32_t i = 0; i < 100 * REASS_FRAGMENTS_MAX; i++) {
        uint16_t at = (uint16_t)(i % REASS_FRAGMENTS_MAX * 16);
        input_piece(f, 0x0b000001, (uint16_t)(i / REASS_FRAGMENTS_MAX), at, at + 8u);
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
        fixture_test_met(test_largest),
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
