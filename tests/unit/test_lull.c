/*
 * kernel/lull.h: when it pays to look for the next packet instead of sleeping, on traffic of some
 * kinds; and what the looking costs where it does not pay.
 */
// LINK: kernel/lull.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/lull.h"

enum {
    SPACING_US = 128, /* of a device's interrupts */
};

/* Lulls end after gap_us where the loop looks, and else with the interrupt. Returns for how many us
 * it looked in all, *slept how many lulls it slept through. */
static uint64_t live(struct lull *l, uint32_t count, uint64_t gap_us, uint64_t packets,
                     uint32_t *slept)
{
    uint64_t looked_us = 0;
    *slept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t look_us = lull_look_ns(l) / NS_PER_US;
        uint64_t us = gap_us;
        looked_us += min_u64(look_us, gap_us);
        if (look_us < gap_us) {
            us = max_u64(gap_us, SPACING_US);
            (*slept)++;
        }
        lull_ended(l, us * NS_PER_US, packets);
    }
    return looked_us;
}

/* One client that waits for its answer and comes back at once: after the first interrupt none. */
static void a_closed_loop_is_looked_through(void **state)
{
    for (uint64_t gap_us = 1; gap_us <= 100; gap_us++) {
        struct lull l = {0};
        uint32_t slept;
        (void)live(&l, 1000, gap_us, 1, &slept);
        assert_int_equal(slept, 1);
        assert_in_range(lull_look_ns(&l), gap_us * NS_PER_US, LULL_LOOK_MAX_US * NS_PER_US);
        if (gap_us < LULL_LOOK_MAX_US / 3) { /* and no longer than it takes */
            assert_true(lull_look_ns(&l) <= max_u64(3 * gap_us, LULL_LOOK_MIN_US) * NS_PER_US);
        }
    }
}

static void silence_ends_it_at_once(void **state)
{
    struct lull l = {0};
    uint32_t slept;
    (void)live(&l, 100, 50, 1, &slept);
    uint64_t looked_us = live(&l, 1000, 10 * 1000, 1, &slept);
    assert_int_equal(slept, 1000);
    assert_true(looked_us <= LULL_LOOK_MAX_US); /* one look in ten seconds */
    (void)live(&l, 100, 50, 1, &slept);
    assert_int_equal(slept, 1); /* and it learns anew as fast */
}

/* Many clients: their requests come together, and an interrupt for all of them costs little. */
static void a_crowd_is_slept_for(void **state)
{
    struct lull l = {0};
    uint32_t slept;
    assert_int_equal(live(&l, 1000, 30, LULL_CROWD, &slept), 0);
    assert_int_equal(slept, 1000);
    (void)live(&l, 1000, 30, LULL_CROWD - 1, &slept);
    assert_int_equal(slept, 1);
}

/* Traffic that comes neither soon nor seldom is not worth a processor. */
static void what_comes_too_late_is_not_looked_for(void **state)
{
    struct lull l = {0};
    uint32_t slept;
    assert_int_equal(live(&l, 1000, LULL_LONG_US + 1, 1, &slept), 0);
    assert_int_equal(slept, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_loop_is_looked_through),
        cmocka_unit_test(silence_ends_it_at_once),
        cmocka_unit_test(a_crowd_is_slept_for),
        cmocka_unit_test(what_comes_too_late_is_not_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
