/*
 * Transfers between machines with network devices: the drawn worlds of sim_transfer, in which every
 * host's stack sits on the unchanged netdev and e1000 driver over a strict chip model, and devices
 * fail (station.h). Half of the worlds have wires that lose nothing, so that what is lost is lost
 * by a device.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/[!s]*.c tests/sim/station.c tests/unit/tcp_check.c tests/unit/chip_*.c
// LINK: drivers/netdev.c drivers/e1000/*.c @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/plan.h"
#include "tests/sim/station.h"

enum {
    SEEDS = 200,
    CALM_SEEDS = 30,
    FAILURES_SHOWN = 10,
    REPEATS = 3,
    PACKETS_MIN = 512,  /* a ring in it takes 256 more, and must not be most of the pool */
    EXCUSED_ONE_IN = 3, /* worlds: an ARP that gave up after 3 s */
};

/* A corrupted frame would have to be known behind the device: there the FCS drops it anyway. */
static void clean_way(struct link_params *l, bool lossless)
{
    l->corrupt_ppm = 0;
    if (lossless) {
        *l = (struct link_params){
            .delay_ns = l->delay_ns, .jitter_ns = l->jitter_ns, .reorder_ns = 1, .outage_ns = 1};
    }
}

static bool is_lossless(uint64_t seed)
{
    return (seed & 1) != 0;
}

static void plan_machines(struct world_plan *p, uint64_t seed)
{
    plan_draw(p, seed);
    bool lossless = is_lossless(seed);
    p->ethernet = true;
    p->device = &station_device;
    p->partition_count = lossless ? 0 : p->partition_count;
    for (int i = 0; i < p->host_count; i++) {
        p->host[i].packets = max_u32(p->host[i].packets, PACKETS_MIN);
        p->host[i].lan.down_mtu = lossless ? 0 : p->host[i].lan.down_mtu;
        clean_way(&p->host[i].lan.up, lossless);
        clean_way(&p->host[i].lan.down, lossless);
    }
}

static void run(uint64_t seed, bool faults, bool verbose, struct world_totals *totals,
                struct station_totals *devices)
{
    static struct world_plan plan;
    uint64_t late = totals->excused_late;
    plan_machines(&plan, seed);
    station_power_on(seed, faults);
    (void)world_run(&plan, verbose, totals);
    station_power_off(devices);
    if (is_lossless(seed) && totals->excused_late > late) {
        fprintf(stderr, "sim: FAIL seed %llu: a device cost a connection that was under way\n",
                (unsigned long long)seed);
        totals->failures++;
    }
}

static void report(const char *what, const struct world_totals *t, const struct station_totals *d,
                   double wall_s)
{
    world_report(what, t, wall_s);
    printf("sim: %s: %llu device faults, %llu resets, %llu TX hangs, %llu RX stalls, %llu "
           "interrupts and %llu lost, %llu overruns, %llu frames lost by devices\n",
           what, (unsigned long long)d->faults, (unsigned long long)d->resets,
           (unsigned long long)d->tx_hangs, (unsigned long long)d->rx_stalls,
           (unsigned long long)d->interrupts, (unsigned long long)d->irqs_lost,
           (unsigned long long)d->overruns, (unsigned long long)d->lost);
}

static void run_worlds(const char *what, bool faults, uint64_t count)
{
    struct world_totals totals = {0};
    struct station_totals devices = {0};
    uint64_t first = 1;
    double start_s = world_wall_s();
    bool verbose = world_seeds(&first, &count);
    for (uint64_t seed = first; seed < first + count && totals.failures < FAILURES_SHOWN; seed++) {
        run(seed, faults, verbose, &totals, &devices);
    }
    report(what, &totals, &devices, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    if (count < SEEDS) {
        return;
    }
    assert_true(totals.excused * EXCUSED_ONE_IN <= totals.worlds);
    assert_true(devices.tx_hangs > 0 && devices.rx_stalls > 0 && devices.irqs_lost > 0);
}

static void test_faults(void **state)
{
    run_worlds("machines", true, SEEDS);
}

/* Nothing is reset, nothing taken for lost, where all devices behave. */
static void test_calm(void **state)
{
    struct world_totals totals = {0};
    struct station_totals devices = {0};
    double start_s = world_wall_s();
    for (uint64_t seed = 1; seed <= CALM_SEEDS; seed++) {
        run(seed, false, false, &totals, &devices);
    }
    report("machines, calm", &totals, &devices, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    assert_int_equal(devices.tx_hangs + devices.rx_stalls + devices.irqs_lost, 0);
}

static void test_repeats(void **state)
{
    for (uint64_t seed = 1; seed <= REPEATS; seed++) {
        struct world_totals once = {0}, again = {0};
        struct station_totals devices_once = {0}, devices_again = {0};
        run(seed, true, false, &once, &devices_once);
        run(seed, true, false, &again, &devices_again);
        assert_memory_equal(&once, &again, sizeof(once));
        assert_memory_equal(&devices_once, &devices_again, sizeof(devices_once));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_calm),
        cmocka_unit_test(test_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
