/*
 * SipHash against its published vectors, and what the stack draws from it.
 */
// LINK: net/core/random.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/core/random.h"

/* The paper's appendix A has the 15-byte case; the others are of its authors' test vectors. */
static void test_siphash_vectors(void **state)
{
    (void)state;
    static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t in[16];
    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] = (uint8_t)i;
    }
    assert_true(siphash24(key, in, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(siphash24(key, in, 1) == UINT64_C(0x74f839c593dc67fd));
    assert_true(siphash24(key, in, 8) == UINT64_C(0x93f5f5799a932462));
    assert_true(siphash24(key, in, 15) == UINT64_C(0xa129ca6149be45e5));
    const uint64_t words[] = {UINT64_C(0x0706050403020100), UINT64_C(0x000e0d0c0b0a0908)};
    assert_true(siphash24_words(key, words, 2) == UINT64_C(0xa129ca6149be45e5));
}

static void make(struct net_random *r, uint8_t first)
{
    uint8_t seed[32] = {first, 2, 3};
    net_random_init(r, seed);
}

static void test_replays_from_its_seed(void **state)
{
    (void)state;
    struct net_random a;
    struct net_random b;
    struct net_random c;
    make(&a, 1);
    make(&b, 1);
    make(&c, 9);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t v = net_random_u64(&a);
        assert_true(v == net_random_u64(&b));
        uint64_t hash = net_hash_tuple(&c, NET_HASH_ISN, 1, 2, 3, 4);
        differs |= hash != net_hash_tuple(&a, NET_HASH_ISN, 1, 2, 3, 4);
    }
    assert_true(differs);
}

/* RFC 6528 3: all of the seed is in the keys: half of it hides what is hashed, the other half what
 * is drawn, and neither tells of the other. */
static void test_every_byte_of_the_seed_counts(void **state)
{
    (void)state;
    uint8_t seed[32] = {0};
    struct net_random usual;
    net_random_init(&usual, seed);
    uint64_t hash = net_hash_tuple(&usual, NET_HASH_ISN, 1, 2, 3, 4);
    uint64_t drawn = net_random_u64(&usual);
    for (size_t i = 0; i < sizeof(seed); i++) {
        struct net_random r;
        seed[i] = 1;
        net_random_init(&r, seed);
        seed[i] = 0;
        assert_int_equal(net_hash_tuple(&r, NET_HASH_ISN, 1, 2, 3, 4) != hash, i < 16);
        assert_int_equal(net_random_u64(&r) != drawn, i >= 16);
    }
}

static void test_below_is_even(void **state)
{
    (void)state;
    struct net_random r;
    make(&r, 5);
    uint32_t seen[10] = {0};
    for (int i = 0; i < 10000; i++) {
        uint32_t v = net_random_below(&r, 10);
        assert_true(v < 10);
        seen[v]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(seen[i], 850, 1150);
    }
    assert_int_equal(net_random_below(&r, 1), 0);
}

/* Each of the four names and the purpose changes the hash, and none can be traded for another. */
static void test_tuple_hash_separates(void **state)
{
    (void)state;
    struct net_random r;
    make(&r, 5);
    uint64_t h[] = {
        net_hash_tuple(&r, NET_HASH_ISN, 1, 2, 3, 4),
        net_hash_tuple(&r, NET_HASH_PORT, 1, 2, 3, 4),
        net_hash_tuple(&r, NET_HASH_ISN, 3, 2, 1, 4),
        net_hash_tuple(&r, NET_HASH_ISN, 1, 4, 3, 2),
        net_hash_tuple(&r, NET_HASH_ISN, 2, 2, 3, 4),
        net_hash_tuple(&r, NET_HASH_ISN, 1, 3, 3, 4),
        net_hash_tuple(&r, NET_HASH_ISN, 1, 2, 4, 4),
        net_hash_tuple(&r, NET_HASH_ISN, 1, 2, 3, 5),
        net_hash_tuple(&r, NET_HASH_IP_ID, 1, 2, 3, 4),
        net_hash_tuple(&r, NET_HASH_TIMESTAMP, 1, 2, 3, 4),
    };
    for (size_t i = 0; i < ARRAY_SIZE(h); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(h[i] != h[j]);
        }
    }
}

/* In one pass the hash of the names, and that of the names with more behind them: SipHash-2-4 of 31
 * bytes, the length of the names' own message among them. */
static void test_two_hashes_in_one_pass(void **state)
{
    (void)state;
    struct net_random r;
    make(&r, 8);
    const uint64_t more[2] = {UINT64_C(0xfedcba9876543210), UINT64_C(0x00123456789abcde)};
    const uint64_t words[4] = {
        UINT64_C(1) << 32 | 3,
        UINT64_C(15) << 56 | (uint64_t)NET_HASH_TIMESTAMP << 32 | 2u << 16 | 4u,
        more[0],
        more[1],
    };
    uint64_t longer = 0;
    uint64_t hash = net_hash_tuple_and(&r, NET_HASH_TIMESTAMP, 1, 2, 3, 4, more, &longer);
    assert_true(hash == net_hash_tuple(&r, NET_HASH_TIMESTAMP, 1, 2, 3, 4));
    assert_true(longer == siphash24_words(r.hash_key, words, ARRAY_SIZE(words)));
    assert_true(longer != hash);
}

/* Names that differ in little, as a scan's do, fall evenly into 64 buckets: chi square with 63
 * degrees of freedom stays below 120 (p < 2e-5). With another key they fall otherwise. */
static void test_buckets_are_even(void **state)
{
    (void)state;
    enum { NAMES = 64 * 256 };
    struct net_random r[2];
    uint32_t count[64] = {0};
    uint32_t same = 0;
    make(&r[0], 6);
    make(&r[1], 7);
    for (uint32_t i = 0; i < NAMES; i++) {
        uint32_t ports = 80u << 16 | (40000 + (i & 255));
        uint64_t names = (uint64_t)(0x0a000002 + (i >> 8)) << 32 | ports;
        uint32_t bucket = net_hash_bucket(&r[0], names) & 63;
        count[bucket]++;
        same += bucket == (net_hash_bucket(&r[1], names) & 63);
    }
    uint64_t chi = 0; /* times 256 */
    for (size_t i = 0; i < ARRAY_SIZE(count); i++) {
        int64_t off = (int64_t)count[i] - 256;
        chi += (uint64_t)(off * off);
    }
    assert_true(chi / 256 < 120);
    assert_true(same < NAMES / 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors),
        cmocka_unit_test(test_two_hashes_in_one_pass),
        cmocka_unit_test(test_replays_from_its_seed),
        cmocka_unit_test(test_every_byte_of_the_seed_counts),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_tuple_hash_separates),
        cmocka_unit_test(test_buckets_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
