/*
 * Transfers in drawn worlds, one for each seed: from the seed come hosts, wires, faults, buffers,
 * applications, and how the connections end (plan.h).
 */
// LINK: tests/sim/[!s]*.c tests/unit/tcp_check.c @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/plan.h"

enum {
    SEEDS = 3000,
    FAILURES_SHOWN = 10,
    PROGRESS_EVERY = 10000,
    REPEATS = 20,
    EXCUSED_ONE_IN = 200, /* worlds */
};

static void test_transfers(void **state)
{
    struct world_totals totals = {0};
    static struct world_plan plan;
    uint64_t first = 1, count = SEEDS;
    double start_s = world_wall_s();
    bool verbose = world_seeds(&first, &count);
    for (uint64_t seed = first; seed < first + count; seed++) {
        plan_draw(&plan, seed);
        (void)world_run(&plan, verbose, &totals);
        if (totals.failures == FAILURES_SHOWN && count <= SEEDS) {
            break;
        }
        if (totals.worlds % PROGRESS_EVERY == 0) {
            world_report("so far", &totals, world_wall_s() - start_s);
        }
    }
    world_report("transfers", &totals, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    assert_true(count < SEEDS || totals.excused * EXCUSED_ONE_IN <= totals.worlds);
}

/* A seed is all there is to a world: run again, it is the same one. */
static void test_repeats(void **state)
{
    static struct world_plan plan;
    for (uint64_t seed = 1; seed <= REPEATS; seed++) {
        struct world_totals once = {0}, again = {0};
        plan_draw(&plan, seed);
        (void)world_run(&plan, false, &once);
        plan_draw(&plan, seed);
        (void)world_run(&plan, false, &again);
        assert_memory_equal(&once, &again, sizeof(once));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
