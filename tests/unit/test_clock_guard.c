/*
 * The watch over the TSC: what passes for steady, what does not, what cannot be said; and that time
 * goes on without a step back when the reference takes over, whatever the TSC did.
 */
// LINK: arch/x86_64/time/calc.c arch/x86_64/time/guard.c
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "arch/x86_64/time/guard.h"

#define TSC_HZ  UINT64_C(2400000000)
#define HALF_S  (NS_PER_S / 2)
#define START_S 7

/* A machine in true time: a TSC whose pace a test may change, and a reference that is right. */
static struct {
    uint64_t ns;
    uint64_t tsc;
    uint64_t tsc_hz;
    uint64_t ref_hz, mask;
    struct clock_line line;
    struct clock_guard guard;
} m;

static void pass(uint64_t ns)
{
    m.ns += ns;
    m.tsc += (uint64_t)((unsigned __int128)ns * m.tsc_hz / NS_PER_S);
}

/* A reading that takes width_ns, the reference being read in its middle. */
static struct clock_reading take(uint64_t width_ns)
{
    struct clock_reading r = {.before = m.tsc};
    pass(width_ns / 2);
    r.ticks = (uint32_t)((unsigned __int128)m.ns * m.ref_hz / NS_PER_S & m.mask);
    pass(width_ns - width_ns / 2);
    r.after = m.tsc;
    return r;
}

static enum clock_finding check(uint64_t width_ns)
{
    struct clock_reading r = take(width_ns);
    return clock_guard_check(&m.guard, &m.line, &r);
}

static void begin(uint64_t ref_hz, uint64_t mask)
{
    m.ns = START_S * NS_PER_S;
    m.tsc = START_S * TSC_HZ;
    m.tsc_hz = TSC_HZ;
    m.ref_hz = ref_hz;
    m.mask = mask;
    m.line = (struct clock_line){.tsc = 0, .ns = 0, .to_ns = clock_scale_make(NS_PER_S, TSC_HZ)};
    struct clock_reading r = take(1000);
    clock_guard_start(&m.guard, ref_hz, mask, &r);
}

static const struct {
    uint64_t hz, mask;
} refs[] = {
    {100000000, UINT32_MAX}, /* QEMU's HPET */
    {14318179, UINT32_MAX},  /* a chip set's */
    {3579545, 0xffffff},     /* the PM timer: wraps after 4.7 s */
    {3579545, UINT32_MAX},
};
#define EACH_REF(i) (size_t i = 0; i < ARRAY_SIZE(refs); i++)

static void test_which_references_suit(void **state)
{
    for
        EACH_REF(i)
        {
            assert_true(clock_guard_suits(refs[i].hz, refs[i].mask));
        }
    assert_false(clock_guard_suits(1193182, 0xffff)); /* the PIT */
    assert_false(clock_guard_suits(0, UINT32_MAX));
    assert_false(clock_guard_suits(UINT64_C(10000000000), UINT32_MAX));
}

/* Hours of half seconds, sometimes of seconds, and a calibration that was off by half a percent. */
static void test_a_steady_tsc(void **state)
{
    for
        EACH_REF(i)
        {
            begin(refs[i].hz, refs[i].mask);
            m.tsc_hz = TSC_HZ + TSC_HZ / 200;
            for (uint32_t n = 0; n < 20000; n++) {
                pass(n % 7 == 0 ? 2 * HALF_S : HALF_S);
                assert_int_equal(check(1000 + n % 5000), CLOCK_STEADY);
            }
        }
}

static void test_another_pace(void **state)
{
    static const uint64_t paces[] = {TSC_HZ / 2,       TSC_HZ * 9 / 10, TSC_HZ * 11 / 10,
                                     TSC_HZ * 20 / 19, TSC_HZ * 3,      0};
    for
        EACH_REF(i)
        {
            for (size_t p = 0; p < ARRAY_SIZE(paces); p++) {
                begin(refs[i].hz, refs[i].mask);
                pass(HALF_S);
                assert_int_equal(check(1000), CLOCK_STEADY);
                m.tsc_hz = paces[p];
                pass(HALF_S);
                assert_int_equal(check(1000), CLOCK_UNSTEADY);
                assert_in_range(m.guard.ref_ns, HALF_S - NS_PER_MS, HALF_S + NS_PER_MS);
            }
        }
}

static void test_a_jump(void **state)
{
    for
        EACH_REF(i)
        {
            begin(refs[i].hz, refs[i].mask);
            pass(HALF_S);
            m.tsc += TSC_HZ / 10;
            assert_int_equal(check(1000), CLOCK_UNSTEADY);
            begin(refs[i].hz, refs[i].mask);
            pass(HALF_S);
            m.tsc -= TSC_HZ; /* back, as firmware that wakes from a sleep may set it */
            assert_int_equal(check(1000), CLOCK_UNSTEADY);
        }
}

/* An interrupt or the host came in between: that reading says nothing, the next one all. */
static void test_a_wide_reading(void **state)
{
    begin(refs[0].hz, refs[0].mask);
    for (uint32_t n = 0; n < 10; n++) {
        pass(HALF_S);
        assert_int_equal(check(50 * NS_PER_MS), CLOCK_UNSURE);
    }
    pass(HALF_S);
    assert_int_equal(check(1000), CLOCK_STEADY);
    m.tsc_hz = TSC_HZ / 2;
    pass(HALF_S);
    assert_int_equal(check(50 * NS_PER_MS), CLOCK_UNSURE);
    assert_int_equal(check(1000), CLOCK_UNSTEADY);
}

/* A server that computed for longer than the reference's wrap: no verdict, then on as before. */
static void test_a_long_silence(void **state)
{
    for
        EACH_REF(i)
        {
            begin(refs[i].hz, refs[i].mask);
            uint64_t wrap_ns = (refs[i].mask + 1) / refs[i].hz * NS_PER_S;
            for (uint32_t n = 1; n < 50; n++) {
                pass(wrap_ns * n / 10 + wrap_ns / 7);
                enum clock_finding f = check(1000);
                assert_true(f != CLOCK_UNSTEADY);
                pass(HALF_S);
                assert_int_equal(check(1000), CLOCK_STEADY);
            }
        }
}

/* Time as the machine tells it, TSC or reference, asked at every step of the change-over. */
static void check_take_over(uint64_t pace, int64_t jump)
{
    struct clock_counter c;
    pass(HALF_S);
    uint64_t told_ns = clock_line_ns(&m.line, m.tsc);
    assert_int_equal(check(1000), CLOCK_STEADY);
    m.tsc_hz = pace;
    m.tsc += (uint64_t)jump;
    pass(HALF_S);
    told_ns = max_u64(told_ns, clock_line_ns(&m.line, m.tsc));
    struct clock_reading r = take(1000);
    assert_int_equal(clock_guard_check(&m.guard, &m.line, &r), CLOCK_UNSTEADY);
    clock_counter_take_over(&c, &m.guard, &m.line, &r, told_ns);
    uint64_t true_ns = m.ns;
    uint64_t begin_ns = clock_counter_ns(&c, take(0).ticks);
    assert_true(begin_ns >= told_ns);
    assert_true(begin_ns + NS_PER_MS >= true_ns); /* what a slow one missed is made up for */
    uint64_t last_ns = begin_ns;
    for (uint32_t n = 0; n < 2000; n++) {
        pass(n % 3 * 100 * NS_PER_MS + n);
        uint64_t ns = clock_counter_ns(&c, take(0).ticks);
        assert_true(ns >= last_ns);
        last_ns = ns;
    }
    uint64_t passed = m.ns - true_ns; /* and the pace is right, over many wraps */
    assert_in_range(last_ns - begin_ns, passed - NS_PER_MS, passed + NS_PER_MS);
}

static void test_time_goes_on(void **state)
{
    static const uint64_t paces[] = {TSC_HZ / 2, TSC_HZ / 10, TSC_HZ * 9 / 10, TSC_HZ * 2};
    for
        EACH_REF(i)
        {
            for (size_t p = 0; p < ARRAY_SIZE(paces); p++) {
                begin(refs[i].hz, refs[i].mask);
                check_take_over(paces[p], 0);
            }
            begin(refs[i].hz, refs[i].mask);
            check_take_over(TSC_HZ, (int64_t)TSC_HZ / 4);
            begin(refs[i].hz, refs[i].mask);
            check_take_over(TSC_HZ, -(int64_t)TSC_HZ);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_references_suit), cmocka_unit_test(test_a_steady_tsc),
        cmocka_unit_test(test_another_pace),          cmocka_unit_test(test_a_jump),
        cmocka_unit_test(test_a_wide_reading),        cmocka_unit_test(test_a_long_silence),
        cmocka_unit_test(test_time_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
