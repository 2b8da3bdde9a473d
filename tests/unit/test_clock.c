/*
 * The pure parts of the machine's clocks and of its entropy source: scales, frequencies, the
 * calendar, and BLAKE2s against published values.
 */
// LINK: arch/x86_64/time/calc.c arch/x86_64/entropy/blake2s.c
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "arch/x86_64/entropy/blake2s.h"
#include "arch/x86_64/time/calc.h"

static const uint64_t FREQUENCIES_HZ[] = {
    1193182,    3579545,    14318179,   24000000,   62500000,   999999999,
    1000000000, 1000000001, 2445420000, 2893431234, 5999999999,
};

/* Exactly floor or one below it: never fast, and off by less than a ns after a year. */
static void test_scale_ticks_to_ns(void **state)
{
    static const uint64_t seconds[] = {0, 1, 2, 59, 3600, 86400, 31557600};
    for (size_t f = 0; f < ARRAY_SIZE(FREQUENCIES_HZ); f++) {
        uint64_t hz = FREQUENCIES_HZ[f];
        struct clock_scale s = clock_scale_make(NS_PER_S, hz);
        for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
            uint64_t ticks = hz * seconds[i] + i;
            unsigned __int128 exact = (unsigned __int128)ticks * NS_PER_S / hz;
            uint64_t got = clock_scale_apply(s, ticks);
            assert_true(got == (uint64_t)exact || got + 1 == (uint64_t)exact);
        }
    }
}

static void test_scale_there_and_back(void **state)
{
    for (size_t f = 0; f < ARRAY_SIZE(FREQUENCIES_HZ); f++) {
        uint64_t hz = FREQUENCIES_HZ[f];
        struct clock_scale to_ns = clock_scale_make(NS_PER_S, hz);
        struct clock_scale to_ticks = clock_scale_make(hz, NS_PER_S);
        uint64_t ticks = hz * 1000 + 12345;
        uint64_t back = clock_scale_apply(to_ticks, clock_scale_apply(to_ns, ticks));
        /* A ns may hold several ticks: what is lost is at most two of them. */
        assert_true(back <= ticks && ticks - back <= 2 * (hz / NS_PER_S + 1));
    }
}

static void test_scale_is_monotonic(void **state)
{
    struct clock_scale s = clock_scale_make(NS_PER_S, 2445420000);
    uint64_t last = 0;
    for (uint64_t t = UINT64_C(1) << 61; t < (UINT64_C(1) << 61) + 10000; t++) {
        uint64_t now = clock_scale_apply(s, t);
        assert_true(now >= last);
        last = now;
    }
}

/* The pace changes from a rough one to the exact one: no jump, no step back, and right after. */
static void test_line_bends_without_a_jump(void **state)
{
    struct clock_line line = {.tsc = 1000000};
    assert_int_equal(clock_line_ns(&line, 5000000), 0);
    clock_line_bend(&line, 1000000, 2000000000);
    assert_int_equal(clock_line_ns(&line, 1000000), 0);
    assert_int_equal(clock_line_ns(&line, 999999), 0);
    uint64_t at = 1000000 + 40000000;
    uint64_t before = clock_line_ns(&line, at);
    assert_in_range(before, 20 * NS_PER_MS - 1, 20 * NS_PER_MS);
    clock_line_bend(&line, at, 2445420000);
    assert_int_equal(clock_line_ns(&line, at), before);
    assert_int_equal(clock_line_ns(&line, at - 1), before);
    uint64_t last = before;
    for (uint64_t t = at; t < at + 1000; t++) {
        uint64_t now = clock_line_ns(&line, t);
        assert_true(now >= last && now - last <= 1);
        last = now;
    }
    uint64_t second = clock_line_ns(&line, at + 2445420000);
    assert_in_range(second, before + NS_PER_S - 1, before + NS_PER_S);
}

static void test_rough_hz(void **state)
{
    struct clock_reading from = {.before = 1000, .after = 3000, .ticks = 0xfff0};
    struct clock_reading to = {.before = 613000, .after = 615000, .ticks = 0xfff0 + 298 - 0x10000};
    uint64_t hz = clock_rough_hz(&from, &to, 1193182, 0xffff);
    assert_true(clock_difference_ppm(hz, 2450000000) < 2000);
    to.ticks = from.ticks; /* no PIT there, or a gated one */
    assert_int_equal(clock_rough_hz(&from, &to, 1193182, 0xffff), 0);
    to.ticks = from.ticks + 1; /* it wrapped: some 730 GHz come out */
    assert_int_equal(clock_rough_hz(&from, &to, 1193182, 0xffff), 0);
    to.ticks = from.ticks + 9000; /* 81 MHz: the counter runs wild */
    assert_int_equal(clock_rough_hz(&from, &to, 1193182, 0xffff), 0);
}

static void test_measure_hz(void **state)
{
    /* 4 ms by an HPET of 100 MHz and by a PM timer, on a TSC of 2.44542 GHz. */
    assert_int_equal(clock_measure_hz(9781680, 400000, 100000000), 2445420000);
    uint64_t pm = clock_measure_hz(9781680, 14318, 3579545);
    assert_true(clock_difference_ppm(pm, 2445420000) < 100);
    assert_int_equal(clock_measure_hz(1000, 0, 3579545), 0);
    assert_int_equal(clock_measure_hz(UINT64_MAX, 10, 3579545), 0);
    assert_int_equal(clock_measure_hz(0, 10, 3579545), 0);
}

static void test_ticks_between_wraps(void **state)
{
    assert_int_equal(clock_ticks_between(0xfffffe, 3, 0xffffff), 5);
    assert_int_equal(clock_ticks_between(0xfffffffe, 3, UINT32_MAX), 5);
    assert_int_equal(clock_ticks_between(UINT64_MAX, 3, UINT64_MAX), 4);
    assert_int_equal(clock_ticks_between(7, 7, 0xffff), 0);
}

static void test_difference_ppm(void **state)
{
    assert_int_equal(clock_difference_ppm(1000000, 1000000), 0);
    assert_int_equal(clock_difference_ppm(1000000, 1005000), 5000);
    assert_int_equal(clock_difference_ppm(1005000, 1000000), 5000);
    assert_int_equal(clock_difference_ppm(0, 1), UINT32_MAX);
    assert_int_equal(clock_difference_ppm(0, 0), UINT32_MAX);
    assert_int_equal(clock_difference_ppm(1, UINT64_MAX), UINT32_MAX);
}

static void test_median(void **state)
{
    uint64_t one[] = {5};
    uint64_t three[] = {9, 1, 4};
    uint64_t five[] = {7, 7, 1, 100, 2};
    assert_int_equal(clock_median(one, 1), 5);
    assert_int_equal(clock_median(three, 3), 4);
    assert_int_equal(clock_median(five, 5), 7);
}

static void test_judge(void **state)
{
    struct clock_opinion o[] = {{"a", 1000000000, 50}, {"b", 1001000000, 10}, {"c", 2000000000, 0}};
    struct clock_verdict v = clock_judge(o, 3, 5000);
    assert_true(v.agree && v.chosen == 0 && v.other == 1);
    assert_int_equal(v.difference_ppm, 1000);
    o[1].hz = 2001000000; /* the first is wrong, the others agree */
    v = clock_judge(o, 3, 5000);
    assert_true(v.agree && v.chosen == 1 && v.other == 2);
    v = clock_judge(o, 3, 400); /* nobody agrees: the steadiest */
    assert_true(!v.agree && v.chosen == 2 && v.other == 0);
    v = clock_judge(o, 2, 5000);
    assert_true(!v.agree && v.chosen == 1 && v.other == 0);
    v = clock_judge(o, 1, 5000);
    assert_true(!v.agree && v.chosen == 0 && v.other == 0);
}

/* Every day from 1970 to 2099 against the C library. */
static void test_date_every_day(void **state)
{
    for (uint64_t day = 0; day < 47482; day++) {
        time_t t = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        struct clock_date d = {
            .year = (uint32_t)tm.tm_year + 1900,
            .month = (uint8_t)(tm.tm_mon + 1),
            .day = (uint8_t)tm.tm_mday,
            .hour = (uint8_t)tm.tm_hour,
            .minute = (uint8_t)tm.tm_min,
            .second = (uint8_t)tm.tm_sec,
        };
        assert_int_equal(clock_date_to_unix_s(&d), t);
    }
}

static void test_date_out_of_range(void **state)
{
    static const struct clock_date bad[] = {
        {1969, 12, 31, 0, 0, 0}, {3000, 1, 1, 0, 0, 0},  {2024, 0, 1, 0, 0, 0},
        {2024, 13, 1, 0, 0, 0},  {2024, 1, 0, 0, 0, 0},  {2024, 4, 31, 0, 0, 0},
        {2023, 2, 29, 0, 0, 0},  {2100, 2, 29, 0, 0, 0}, {2024, 1, 1, 24, 0, 0},
        {2024, 1, 1, 0, 60, 0},  {2024, 1, 1, 0, 0, 61}, {2024, 255, 255, 255, 255, 255},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(clock_date_to_unix_s(&bad[i]), 0);
    }
    struct clock_date leap = {2000, 2, 29, 23, 59, 60};
    assert_int_equal(clock_date_to_unix_s(&leap), 951868799);
}

static void test_rtc_decode(void **state)
{
    /* 2024-06-07 13:45:59 in each of the four encodings. */
    static const struct clock_rtc_raw raws[] = {
        {0x59, 0x45, 0x13, 0x07, 0x06, 0x24, 0x20, 2},
        {0x59, 0x45, 0x81, 0x07, 0x06, 0x24, 0x20, 0},
        {59, 45, 13, 7, 6, 24, 20, 6},
        {59, 45, 0x81, 7, 6, 24, 0, 4},
    };
    for (size_t i = 0; i < ARRAY_SIZE(raws); i++) {
        struct clock_date d = clock_rtc_decode(&raws[i]);
        assert_int_equal(clock_date_to_unix_s(&d), 1717767959);
    }
    struct clock_rtc_raw noon = {0, 0, 0x92, 1, 1, 0x99, 0, 0};
    struct clock_date d = clock_rtc_decode(&noon);
    assert_int_equal(d.hour, 12);
    assert_int_equal(d.year, 1999);
    noon.hour = 0x12;
    assert_int_equal(clock_rtc_decode(&noon).hour, 0);
    struct clock_rtc_raw absent = {255, 255, 255, 255, 255, 255, 255, 255};
    d = clock_rtc_decode(&absent);
    assert_int_equal(clock_date_to_unix_s(&d), 0);
}

static void assert_hash(const char *text, size_t step, const char *hex)
{
    struct blake2s s;
    uint8_t hash[BLAKE2S_HASH_BYTES];
    char got[2 * BLAKE2S_HASH_BYTES + 1];
    size_t len = strlen(text);
    blake2s_init(&s);
    for (size_t at = 0; at < len; at += step) {
        blake2s_update(&s, text + at, min_size(step, len - at));
    }
    blake2s_final(&s, hash);
    for (size_t i = 0; i < sizeof(hash); i++) {
        snprintf(got + 2 * i, 3, "%02x", hash[i]);
    }
    assert_string_equal(got, hex);
}

/* "abc" is RFC 7693's appendix B; the others were computed with Python's hashlib. */
static void test_blake2s(void **state)
{
    char text[257];
    memset(text, 'x', 256);
    text[256] = '\0';
    assert_hash("abc", 3, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
    assert_hash("abc", 1, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
    assert_hash("", 1, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9");
    for (size_t step = 1; step <= 256; step += 17) {
        assert_hash(text, step, "623215f108ec78a15cb7be6ef6336f2b93af49696de85c09c0893e8fd13fa3ed");
    }
    text[64] = '\0';
    assert_hash(text, 64, "c13eb20b85b1d6a72d52af717429fc54eacc63fecde1295b26f0fa251bdcf40e");
    text[63] = '\0';
    assert_hash(text, 40, "b50445cd4b286a6de121a47cff94a42c92539a13f27c23562b5c2f719ecaf1f3");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale_ticks_to_ns),
        cmocka_unit_test(test_scale_there_and_back),
        cmocka_unit_test(test_scale_is_monotonic),
        cmocka_unit_test(test_line_bends_without_a_jump),
        cmocka_unit_test(test_rough_hz),
        cmocka_unit_test(test_measure_hz),
        cmocka_unit_test(test_ticks_between_wraps),
        cmocka_unit_test(test_difference_ppm),
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_date_every_day),
        cmocka_unit_test(test_date_out_of_range),
        cmocka_unit_test(test_rtc_decode),
        cmocka_unit_test(test_blake2s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
