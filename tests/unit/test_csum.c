/*
 * The Internet checksum against RFC 1071's example and a plain loop.
 */
// LINK: net/wire/csum.c net/core/random.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/pkt.h"
#include "net/core/random.h"
#include "net/wire/csum.h"
#include "net/wire/ipv4.h"

static uint16_t plain_csum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void test_rfc_example(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(csum_finish(csum_add(0, data, sizeof(data))), (uint16_t)~0xddf2);
    assert_int_equal(csum_finish(csum_add(0, data, 0)), 0xffff);
}

/* Every length and alignment, random bytes and all ones (carries everywhere). */
static void test_against_plain(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {7};
    struct net_random r;
    uint8_t buf[1600];
    net_random_init(&r, seed);
    for (int fill = 0; fill < 2; fill++) {
        for (size_t i = 0; i < sizeof(buf); i++) {
            buf[i] = fill == 0 ? (uint8_t)net_random_u32(&r) : 0xff;
        }
        for (size_t at = 0; at < 9; at++) {
            for (size_t len = 0; len < 1590; len += len < 80 ? 1 : 37) {
                assert_int_equal(csum_finish(csum_add(0, buf + at, len)),
                                 plain_csum(buf + at, len));
            }
        }
    }
}

/* Pieces of even length sum up to the whole, whatever came before is carried along. */
static void test_in_pieces(void **state)
{
    (void)state;
    uint8_t buf[301];
    for (size_t i = 0; i < sizeof(buf); i++) {
        buf[i] = (uint8_t)(i * 31 + 200);
    }
    for (size_t cut = 0; cut < sizeof(buf); cut += 2) {
        uint32_t sum = csum_add(0, buf, cut);
        sum = csum_add(sum, buf + cut, sizeof(buf) - cut);
        assert_int_equal(csum_finish(sum), plain_csum(buf, sizeof(buf)));
    }
}

/* At each alignment of either side, and nothing beside what was asked for. */
static void test_copied(void **state)
{
    (void)state;
    uint8_t from[160];
    uint8_t to[160];
    for (size_t i = 0; i < sizeof(from); i++) {
        from[i] = (uint8_t)(i * 57 + 255);
    }
    for (size_t len = 0; len < 140; len++) {
        size_t at = len % 9;
        memset(to, 0xee, sizeof(to));
        uint32_t sum = csum_copy(to + at, from + len % 5, len);
        assert_true(sum <= 0xffff);
        assert_int_equal(csum_finish(sum), plain_csum(from + len % 5, len));
        assert_memory_equal(to + at, from + len % 5, len);
        for (size_t i = 0; i < sizeof(to); i++) {
            assert_true(to[i] == 0xee || (i >= at && i < at + len));
        }
    }
}

/* A piece behind an odd number of bytes counts with its bytes exchanged. */
static void test_odd_pieces(void **state)
{
    (void)state;
    uint8_t buf[40];
    for (size_t i = 0; i < sizeof(buf); i++) {
        buf[i] = (uint8_t)(i * 91 + 7);
    }
    for (size_t cut = 1; cut < sizeof(buf); cut += 2) {
        uint32_t sum = csum_add(0, buf, cut);
        sum += csum_odd(csum_add(0, buf + cut, sizeof(buf) - cut));
        assert_int_equal(csum_finish(sum), plain_csum(buf, sizeof(buf)));
    }
}

static void test_ipv4_header(void **state)
{
    (void)state;
    uint8_t buf[20];
    for (uint32_t i = 0; i < 1000; i++) {
        for (size_t b = 0; b < sizeof(buf); b++) {
            buf[b] = (uint8_t)(i % 3 == 0 ? 0xff : (b * 77 + i * 13) >> (i % 4));
        }
        buf[0] |= 0x40; /* the version: no header is all zeros */
        assert_int_equal(ipv4_checksum_good(buf), plain_csum(buf, sizeof(buf)) == 0);
        store_be16(buf + 10, 0);
        store_be16(buf + 10, plain_csum(buf, sizeof(buf)));
        assert_true(ipv4_checksum_good(buf));
        for (size_t bit = 0; bit < 8 * sizeof(buf); bit++) {
            buf[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_int_equal(ipv4_checksum_good(buf), plain_csum(buf, sizeof(buf)) == 0);
            buf[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

/* Sums of many words of 32 bits come out as those of 16. */
static void test_reduced(void **state)
{
    (void)state;
    static const uint64_t sums[] = {
        0,           1,           0xffff,     0x10000,     0x1fffe,           0xffffffff,
        0x100000000, 0x1ffffffff, 0xffff0000, 0x7ffffffff, 0xffffffffffffffff};
    for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
        uint32_t sum = csum_reduce(sums[i]);
        assert_true(sum <= 0xffff);
        assert_int_equal(sum % 0xffff, sums[i] % 0xffff);
        assert_true((sum == 0) == (sums[i] == 0));
    }
}

/* In buffers of any length, odd and empty ones among them: the sum is the whole's. */
static void test_over_buffers(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {9};
    struct net_random r;
    uint8_t buf[4000];
    net_random_init(&r, seed);
    for (size_t i = 0; i < sizeof(buf); i++) {
        buf[i] = (uint8_t)net_random_u32(&r);
    }
    for (int round = 0; round < 3000; round++) {
        struct pkt parts[16] = {0};
        size_t at = 0;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
            parts[i].data = buf + at;
            at += net_random_below(&r, 250);
            parts[i].tail = buf + at;
            parts[i].frag = i + 1 < ARRAY_SIZE(parts) ? &parts[i + 1] : NULL;
        }
        uint16_t before = (uint16_t)net_random_u32(&r);
        assert_int_equal(csum_finish(csum_add_pkt(before, parts)),
                         csum_finish(csum_add(before, buf, at)));
    }
}

static void test_pseudo_header(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {192, 0, 2, 1, 255, 255, 255, 255, 0, 17, 0x05, 0xdc};
    assert_int_equal(csum_finish(csum_pseudo(0xc0000201, 0xffffffff, 17, 0x5dc)),
                     plain_csum(bytes, sizeof(bytes)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_example),  cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_in_pieces),    cmocka_unit_test(test_copied),
        cmocka_unit_test(test_odd_pieces),   cmocka_unit_test(test_ipv4_header),
        cmocka_unit_test(test_reduced),      cmocka_unit_test(test_pseudo_header),
        cmocka_unit_test(test_over_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
