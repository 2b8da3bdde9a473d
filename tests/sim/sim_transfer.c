/*
 * Transfers in drawn worlds, one for each seed: from the seed come hosts, wires, faults, buffers,
 * applications, and how the connections end (plan.h).
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/[!s]*.c tests/unit/tcp_check.c @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/tcp/block/limits.h"
#include "tests/sim/plan.h"

enum {
    SEEDS = 3000,
    FAILURES_SHOWN = 10,
    PROGRESS_EVERY = 10000,
    REPEATS = 20,
    BOTH_SEEDS = 150,
    EXCUSED_ONE_IN = 200, /* worlds */
    IN_RUNS_ONE_IN = 50,  /* segments, at least */
};

/* Does no connection receive so much that a run of segments gets one ACK? */
static bool no_run_goes_whole(const struct world_plan *plan)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < plan->app.conn_count; i++) {
        const struct end_plan *end = plan->app.conn[i].end;
        most = max_u32(most, max_u32(end[0].bytes, end[1].bytes));
    }
    return most < TCP_RUN_WHOLE_BYTES;
}

static void set_gro_off(struct world_plan *plan)
{
    for (int i = 0; i < plan->host_count; i++) {
        plan->host[i].gro_off = true;
    }
}

/* TCP's short way (net/tcp/fast.c) and its runs (net/tcp/send/run.c) change nothing but the time it
 * takes: the same frames at the same times, and the same state of every connection. Nor do runs of
 * received segments (net/gro/), up to where ACKs get fewer by them. */
static bool run_both_ways(struct world_plan *plan, bool verbose, struct world_totals *totals)
{
    struct trail trail = {0};
    struct world_totals general = {0};
    plan->trail = &trail;
    if (!no_run_goes_whole(plan)) {
        set_gro_off(plan);
    }
    bool good = world_run(plan, verbose, totals);
    if (good) {
        trail_again(&trail);
        set_gro_off(plan);
        for (int i = 0; i < plan->host_count; i++) {
            plan->host[i].tcp_off |= NET_TCP_OFF_FAST;
            plan->host[i].offload &= ~(uint32_t)NET_OFFLOAD_TSO;
        }
        good = world_run(plan, verbose, &general);
        totals->failures += general.failures;
    }
    trail_free(&trail);
    return good;
}

static void test_transfers(void **state)
{
    struct world_totals totals = {0};
    static struct world_plan plan;
    uint64_t first = 1, count = SEEDS;
    bool both = world_both();
    double start_s = world_wall_s();
    bool verbose = world_seeds(&first, &count);
    for (uint64_t seed = first; seed < first + count; seed++) {
        plan_draw(&plan, seed);
        (void)(both ? run_both_ways(&plan, verbose, &totals) : world_run(&plan, verbose, &totals));
        if (totals.failures == FAILURES_SHOWN && count <= SEEDS) {
            break;
        }
        if (totals.worlds % PROGRESS_EVERY == 0) {
            world_report("so far", &totals, world_wall_s() - start_s);
        }
    }
    world_report("transfers", &totals, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    assert_true(count < SEEDS || totals.in_runs * IN_RUNS_ONE_IN >= totals.segments);
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

static void test_both_ways(void **state)
{
    static struct world_plan plan;
    struct world_totals totals = {0};
    double start_s = world_wall_s();
    for (uint64_t seed = 1; seed <= BOTH_SEEDS; seed++) {
        plan_draw(&plan, seed);
        (void)run_both_ways(&plan, false, &totals);
    }
    world_report("both ways", &totals, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    assert_true(totals.runs > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
