/*
 * TCP headers and options as bytes: good, short, lying and random ones (reference families 5 to 7
 * and 31: data offset, option lengths, MSS and window scale out of range, reserved bits).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/wire/csum.h"
#include "tests/unit/tcp_fixture.h"

#include <errno.h>

#include "kernel/bytes.h"

static void options_good(void **state)
{
    struct tcp_options o;
    const uint8_t both[] = {2, 4, 0x05, 0xb4, 1, 3, 3, 7};
    assert_true(tcp_options_parse(&o, both, sizeof(both)));
    assert_true(o.has_mss && o.has_wscale);
    assert_int_equal(o.mss, 1460);
    assert_int_equal(o.wscale, 7);
    const uint8_t ended[] = {1, 1, 0, 2, 4, 1, 1}; /* nothing behind the end counts */
    assert_true(tcp_options_parse(&o, ended, sizeof(ended)));
    assert_false(o.has_mss);
    assert_true(tcp_options_parse(&o, NULL, 0));
    const uint8_t linux_syn[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 10};
    assert_true(tcp_options_parse(&o, linux_syn, sizeof(linux_syn)));
    assert_true(o.has_mss && o.has_wscale && o.wscale == 10);
    assert_true(o.has_sack_permitted && o.has_timestamps && o.ts_val == 0x01020304);
}

static void wscale_is_capped(void **state)
{
    for (unsigned shift = 0; shift < 256; shift++) {
        struct tcp_options o;
        const uint8_t bytes[] = {3, 3, (uint8_t)shift};
        assert_true(tcp_options_parse(&o, bytes, sizeof(bytes)));
        assert_int_equal(o.wscale, shift > 14 ? 14 : shift);
    }
}

/* What a length does for a kind: a wrong one ends the parsing, what stood in front remains. */
static void check_length(uint8_t kind, unsigned len)
{
    uint8_t bytes[40] = {2, 4, 0x02, 0x18, kind, (uint8_t)len, 1, 1, 1, 1};
    struct tcp_options o;
    bool fits = len >= 2 && len <= sizeof(bytes) - 4;
    bool right = kind == 2   ? len == 4
                 : kind == 3 ? len == 3
                 : kind == 4 ? len == 2
                 : kind == 5 ? len >= 10 && len % 8 == 2
                 : kind == 8 ? len == 10
                             : true;
    bool ok = tcp_options_parse(&o, bytes, sizeof(bytes));
    assert_int_equal(ok, fits && right);
    assert_true(o.has_mss);
    assert_int_equal(o.mss, kind == 2 && ok ? 0x0101 : 0x0218);
    assert_int_equal(o.has_wscale, kind == 3 && ok);
}

static void every_length_of_every_kind(void **state)
{
    static const uint8_t kinds[] = {2, 3, 4, 5, 8, 34, 254};
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        for (unsigned len = 0; len < 256; len++) {
            check_length(kinds[k], len);
        }
    }
}

/* RFC 9293 MUST-6: an unknown option is passed over by its length, whatever its bytes look like. */
static void unknown_options_are_stepped_over(void **state)
{
    static const uint8_t kinds[] = {9, 34, 253, 254};
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        struct tcp_options o;
        const uint8_t bytes[] = {2, 4, 0x05, 0xb4, kinds[k], 9, 2, 4, 1, 0, 3, 3, 7, 3, 3, 2};
        assert_true(tcp_options_parse(&o, bytes, sizeof(bytes)));
        assert_int_equal(o.mss, 1460);
        assert_int_equal(o.wscale, 2);
    }
}

/* Options that fill words are taken a word at a time: in any order, repeated, followed by others or
 * cut short they say what they say one byte further on. */
static void words_of_options_are_no_other_options(void **state)
{
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } words[] = {
        {{2, 4, 0x05, 0xb4}, 4},
        {{1, 3, 3, 7}, 4},
        {{1, 3, 3, 200}, 4},
        {{1, 1, 4, 2}, 4},
        {{4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, 12},
        {{1, 1, 8, 10, 9, 8, 7, 6, 5, 4, 3, 2}, 12},
        {{2, 4, 0x02, 0x18}, 4},
        {{1, 1, 1, 1}, 4},
        {{2, 5, 0, 0}, 4},
        {{1, 3, 4, 7}, 4},
        {{8, 10, 0, 1}, 4},
        {{1, 0, 3, 3}, 4},
    };
    uint32_t x = 99;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[TCP_OPTIONS_MAX_BYTES + 1] = {1}; /* a No-Operation in front */
        size_t len = 1;
        for (;;) {
            x = x * 1664525 + 1013904223;
            size_t which = (x >> 16) % ARRAY_SIZE(words);
            if (len + words[which].len > TCP_OPTIONS_MAX_BYTES) {
                break;
            }
            memcpy(bytes + len, words[which].bytes, words[which].len);
            len += words[which].len;
        }
        len -= (x >> 8) % 13 < len ? (x >> 8) % 13 : 0;
        struct tcp_options there;
        struct tcp_options here;
        memset(&there, 0, sizeof(there));
        memset(&here, 0, sizeof(here));
        bool want = tcp_options_parse(&there, bytes, len);
        assert_int_equal(tcp_options_parse(&here, bytes + 1, len - 1), want);
        assert_memory_equal(&here, &there, sizeof(here));
    }
}

/* RFC 9293 MUST-64: each option is read wherever it begins. */
static void options_need_no_alignment(void **state)
{
    const uint8_t all[] = {2, 4, 0x05, 0xb4, 3, 3,  7, 4, 2, 5, 10, 0, 0, 0, 1,
                           0, 0, 0,    2,    8, 10, 1, 2, 3, 4, 5,  6, 7, 8};
    for (size_t lead = 0; lead + sizeof(all) <= TCP_OPTIONS_MAX_BYTES; lead++) {
        struct tcp_options o;
        uint8_t bytes[TCP_OPTIONS_MAX_BYTES];
        memset(bytes, 1, lead); /* No-Operations */
        memcpy(bytes + lead, all, sizeof(all));
        assert_true(tcp_options_parse(&o, bytes, lead + sizeof(all)));
        assert_true(o.has_mss && o.mss == 1460 && o.has_wscale && o.wscale == 7);
        assert_true(o.has_sack_permitted && o.sack_count == 1 && o.sack[0].end == 2);
        assert_true(o.has_timestamps && o.ts_val == 0x01020304 && o.ts_ecr == 0x05060708);
    }
}

/* Bytes in a heap block of the exact size, so that the sanitizer sees each step outside. */
static void random_options_stay_inside(void **state)
{
    uint32_t x = 12345;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = i % 41;
        uint8_t *bytes = test_malloc(len + 1);
        for (size_t j = 0; j < len; j++) {
            x = x * 1664525 + 1013904223;
            bytes[j] = (x >> 28) < 10 ? (uint8_t)((x >> 16) & 7) : (uint8_t)(x >> 16);
        }
        struct tcp_options o;
        (void)tcp_options_parse(&o, bytes + 0, len);
        assert_true(!o.has_wscale || o.wscale <= TCP_WSCALE_MAX);
        test_free(bytes);
    }
}

static void decode_checks_lengths(void **state)
{
    uint8_t h[60] = {0x12, 0x34, 0x00, 0x50};
    struct tcp_segment seg;
    size_t header = 0;
    bool ok;
    for (size_t len = 0; len < 20; len++) {
        assert_int_equal(tcp_decode(&seg, h, len, &header, &ok), TCP_BAD_SHORT);
    }
    for (unsigned words = 0; words < 16; words++) {
        for (size_t len = 20; len <= 60; len += 4) {
            h[12] = (uint8_t)(words << 4);
            enum tcp_bad want = words < 5 || words * 4 > len ? TCP_BAD_OFFSET : TCP_GOOD;
            assert_int_equal(tcp_decode(&seg, h, len, &header, &ok), want);
        }
    }
    assert_int_equal(seg.id.rport, 0x1234);
    assert_int_equal(seg.id.lport, 80);
}

static void encode_then_decode(void **state)
{
    struct tcp_test tt;
    tcp_test_begin(&tt, NULL);
    struct pkt *p = net_alloc_tx(tt.net, true);
    assert_non_null(p);
    memcpy(pkt_append(p, 3), "xyz", 3);
    struct tcp_out out = {
        .id = {1, 2, 3, 4},
        .seq = 0xfffffffe,
        .ack = 0x80000001,
        .window = 512,
        .flags = TCP_SYN | TCP_ACK,
        .options = {.has_mss = true, .mss = 1460, .has_wscale = true, .wscale = 2}};
    tcp_encode(p, &out);
    static const uint8_t layout[] = {2, 4, 0x05, 0xb4, 1, 3, 3, 2}; /* Linux: mss, nop, wscale */
    assert_int_equal(pkt_len(p), 31);
    assert_memory_equal(p->data + 20, layout, sizeof(layout));
    struct tcp_segment seg;
    size_t header = 0;
    bool ok = false;
    assert_int_equal(tcp_decode(&seg, p->data, pkt_len(p), &header, &ok), TCP_GOOD);
    assert_true(ok && header == 28);
    assert_int_equal(seg.seq, out.seq);
    assert_int_equal(seg.ack, out.ack);
    assert_int_equal(seg.flags, out.flags);
    assert_int_equal(seg.window, 512);
    assert_int_equal(seg.options.wscale, 2);
    uint32_t sum = csum_add(csum_pseudo(1, 2, IP_PROTO_TCP, 31), p->data, 31);
    assert_int_equal(csum_finish(sum), 0);
    pkt_put(p);
    tcp_test_end(&tt);
}

static void sequence_arithmetic(void **state)
{
    assert_true(seq_lt(UINT32_MAX, 0) && seq_gt(0, UINT32_MAX) && !seq_lt(0, UINT32_MAX));
    assert_true(seq_le(5, 5) && seq_ge(5, 5) && !seq_lt(5, 5) && !seq_gt(5, 5));
    assert_int_equal(seq_ahead(UINT32_MAX - 1, 3), 5);
    assert_int_equal(seq_ahead(3, UINT32_MAX), 0);
    assert_true(seq_between(UINT32_MAX, 0, 1) && !seq_between(UINT32_MAX, 2, 1));
    assert_int_equal(seq_max(UINT32_MAX, 2), 2);
}

/* Segments with a header that lies are dropped and counted, and nothing is answered. */
static void bad_segments_are_dropped(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x", .bad_checksum = true);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_checksum"), 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x", .offset = 4);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x", .offset = 15);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_offset"), 2);
    inject(&tt, .flags = TCP_SYN, .src = 0xe0000001);
    inject(&tt, .flags = TCP_SYN, .src = 0xffffffff);
    inject(&tt, .flags = TCP_SYN, .src = 0x7f000001);
    inject(&tt, .flags = TCP_SYN, .src = FIXTURE_ADDR); /* LAND */
    inject(&tt, .flags = TCP_SYN, .dst = 0xe0000001);
    inject(&tt, .flags = TCP_SYN, .dst = 0x0a0000ff);
    inject(&tt, .flags = TCP_SYN, .dst = 0xffffffff);
    tcp_test_advance_ms(&tt, 100);
    expect_nothing(&tt);
    assert_int_equal(half_opens_of(tt.net), 0);
    assert_int_equal(tcp_readable_bytes(tt.t), 0);
    tcp_test_end(&tt);
}

/* CVE-2019-12258 and the Armis probe: bad options on SYNs and in live connections. */
static void bad_options_do_no_harm(void **state)
{
    struct tcp_test tt;
    static const char probe[] = {2, 4, 5, (char)0xb4, 1, 3, 2, 3, 0, 0, 0, 0};
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN, .options = probe, .options_len = sizeof(probe), .sport = 9);
    assert_int_equal(tt.f.out.count, 1);
    (void)tcp_test_forget(&tt);
    tcp_test_end(&tt);
    make_established(&tt);
    inject(&tt, .flags = TCP_SYN, .seq = 0x4141, .options = probe, .options_len = sizeof(probe));
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1); /* challenge, not a reset */
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "abc", .options = "\x08\x00\x01\x01",
           .options_len = 4);
    assert_true(tcp_test_count(&tt, "tcp_rx_bad_option") >= 2);
    expect_read(&tt, "abc");
    tcp_test_end(&tt);
}

static void reserved_bits_and_urgent_are_ignored(void **state)
{
    struct tcp_test tt;
    static const uint16_t pointers[] = {0, 1, 3, 100, 65535};
    make_established(&tt);
    uint32_t seq = 1;
    for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
        inject(&tt, .flags = TCP_ACK | TCP_URG, .seq = seq, .ack = 1, .data = "abc",
               .urgent = pointers[i], .reserved = 0xf);
        expect_read(&tt, "abc"); /* in line */
        seq += 3;
    }
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_good),
        cmocka_unit_test(wscale_is_capped),
        cmocka_unit_test(every_length_of_every_kind),
        cmocka_unit_test(unknown_options_are_stepped_over),
        cmocka_unit_test(words_of_options_are_no_other_options),
        cmocka_unit_test(options_need_no_alignment),
        cmocka_unit_test(random_options_stay_inside),
        cmocka_unit_test(decode_checks_lengths),
        cmocka_unit_test(encode_then_decode),
        cmocka_unit_test(sequence_arithmetic),
        cmocka_unit_test(bad_segments_are_dropped),
        cmocka_unit_test(bad_options_do_no_harm),
        cmocka_unit_test(reserved_bits_and_urgent_are_ignored),
    };
    return tcp_run_all(tests);
}
