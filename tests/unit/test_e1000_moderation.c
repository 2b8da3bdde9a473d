/*
 * The pace of interrupts: what makes it rise and fall, and that neither a single burst nor a single
 * silence does.
 */
// LINK: drivers/e1000/moderation.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "drivers/e1000/moderation.h"

#undef assert
#include <cmocka.h>

static struct e1000_pace at(enum e1000_pace_class class)
{
    return (struct e1000_pace){.class = class};
}

static struct e1000_pace looks(struct e1000_pace p, uint32_t count, uint64_t frames, uint64_t bytes)
{
    for (uint32_t i = 0; i < count; i++) {
        p = e1000_pace_next(p, frames, bytes);
    }
    return p;
}

/* What a wire of mbps brings in the class's interval, in frames of len bytes and 24 around them. */
static struct e1000_pace wire(struct e1000_pace p, uint32_t count, uint64_t mbps, uint64_t len)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t ns = e1000_pace_interval(p.class) * 256;
        uint64_t frames = ns * mbps / 8000 / (len + 24);
        p = e1000_pace_next(p, frames, frames * len);
    }
    return p;
}

static void test_intervals(void **state)
{
    uint32_t before = 0;
    for (uint32_t c = 0; c < E1000_PACE_COUNT; c++) {
        uint32_t interval = e1000_pace_interval((enum e1000_pace_class)c);
        assert_true(interval > before);
        assert_int_equal(interval % 4, 0); /* EITR counts microseconds in bits 14:2 */
        assert_true(interval <= 0x7ffc);
        before = interval;
    }
}

static void test_requests_stay_lowest(void **state)
{
    struct e1000_pace p = looks(at(E1000_PACE_LOWEST), 1000, 1, 60);
    assert_int_equal(p.class, E1000_PACE_LOWEST);
    p = looks(p, 1000, 2, 700);
    assert_int_equal(p.class, E1000_PACE_LOWEST);
}

/* A full wire, of large frames as of small ones, ends in bulk and stays there. */
static void test_full_wire_is_bulk(void **state)
{
    static const uint64_t lens[] = {60, 200, 576, 1514};
    for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
        struct e1000_pace p = wire(at(E1000_PACE_LOWEST), 20, 1000, lens[i]);
        assert_int_equal(p.class, E1000_PACE_BULK);
        p = wire(p, 1000, 1000, lens[i]);
        assert_int_equal(p.class, E1000_PACE_BULK);
    }
}

static void test_silence_ends_it(void **state)
{
    struct e1000_pace p = looks(at(E1000_PACE_BULK), E1000_PACE_VOTES, 1, 60);
    assert_int_equal(p.class, E1000_PACE_LOW);
    p = looks(p, E1000_PACE_VOTES, 1, 60);
    assert_int_equal(p.class, E1000_PACE_LOWEST);
    p = looks(p, 100, 0, 0); /* there is no lower one */
    assert_int_equal(p.class, E1000_PACE_LOWEST);
    p = looks(at(E1000_PACE_BULK), 100, 1000, 1000000); /* nor a higher */
    assert_int_equal(p.class, E1000_PACE_BULK);
}

/* One look that says otherwise begins the count anew; one class at a time. */
static void test_hysteresis(void **state)
{
    struct e1000_pace p = at(E1000_PACE_LOWEST);
    for (int i = 0; i < 100; i++) {
        p = looks(p, E1000_PACE_VOTES - 1, 20, 20000);
        p = looks(p, 1, 1, 60);
        assert_int_equal(p.class, E1000_PACE_LOWEST);
    }
    p = looks(at(E1000_PACE_LOWEST), E1000_PACE_VOTES, 1000, 1000000);
    assert_int_equal(p.class, E1000_PACE_LOW);

    /* Between what makes it rise and what makes it fall it stays, from either side. */
    p = looks(at(E1000_PACE_LOW), 1000, 3, 1000);
    assert_int_equal(p.class, E1000_PACE_LOW);
    p = looks(at(E1000_PACE_BULK), 1000, 4, 4000);
    assert_int_equal(p.class, E1000_PACE_BULK);
}

/* Whatever the loads, a steady one never makes the class go to and fro. */
static void test_steady_load_settles(void **state)
{
    for (uint64_t mbps = 1; mbps <= 1000; mbps += 7) {
        for (uint64_t len = 60; len <= 1514; len += 97) {
            struct e1000_pace p = wire(at(E1000_PACE_LOWEST), 200, mbps, len);
            enum e1000_pace_class settled = p.class;
            uint32_t changes = 0;
            for (int i = 0; i < 200; i++) {
                p = wire(p, 1, mbps, len);
                changes += p.class != settled;
                settled = p.class;
            }
            assert_int_equal(changes, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals),         cmocka_unit_test(test_requests_stay_lowest),
        cmocka_unit_test(test_full_wire_is_bulk), cmocka_unit_test(test_silence_ends_it),
        cmocka_unit_test(test_hysteresis),        cmocka_unit_test(test_steady_load_settles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
