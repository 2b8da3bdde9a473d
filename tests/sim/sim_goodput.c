/*
 * Goodput of one bulk transfer over a link of 10 Mbit/s and 100 ms round trip, clean and with loss
 * both ways, averaged over seeds. The floors keep a change that makes the sender timid or stuck
 * from going unnoticed; they lie well below what was measured when they were set.
 */
// LINK: tests/sim/[!s]*.c tests/unit/tcp_check.c net/*.c kernel/pkt.c kernel/pool.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/world.h"

enum {
    SEEDS_EACH = 10,
    TRANSFER_BYTES = 2 * 1024 * 1024,
    RATE_BPS = 10 * 1000 * 1000,
    ONE_WAY_MS = 50,
    QUEUE_MS = 100,
};

static void plan_bulk(struct world_plan *p, uint64_t seed, uint32_t loss_ppm, uint32_t buffer_bytes)
{
    memset(p, 0, sizeof(*p));
    p->seed = seed;
    p->host_count = 2;
    p->ethernet = true;
    p->end_early = true;
    for (int h = 0; h < 2; h++) {
        p->app.conn[0].host[h] = h;
        p->host[h] = (struct host_plan){.mtu = 1500,
                                        .rcvbuf_bytes = buffer_bytes,
                                        .sndbuf_bytes = buffer_bytes,
                                        .packets = 2048};
        p->host[h].lan.up = (struct link_params){.delay_ns = ONE_WAY_MS * NS_PER_MS,
                                                 .rate_bps = RATE_BPS,
                                                 .queue_ns = QUEUE_MS * NS_PER_MS,
                                                 .loss_ppm = loss_ppm,
                                                 .reorder_ns = 1,
                                                 .outage_ns = 1};
        p->app.conn[0].end[h].write_bytes = p->app.conn[0].end[h].read_bytes = 16 * 1024;
    }
    p->app.conn_count = 1;
    p->app.conn[0].end[0].mode = END_HALF_CLOSE;
    p->app.conn[0].end[0].bytes = TRANSFER_BYTES;
    p->app.conn[0].end[1].mode = END_WAIT;
}

static void measure(uint32_t loss_ppm, uint32_t buffer_bytes, uint32_t floor_kbps)
{
    static struct world_plan plan;
    struct world_totals totals = {0};
    char name[96];
    double start_s = world_wall_s();
    for (uint64_t seed = 1; seed <= SEEDS_EACH; seed++) {
        plan_bulk(&plan, seed, loss_ppm, buffer_bytes);
        (void)world_run(&plan, false, &totals);
    }
    uint64_t kbps = totals.stream_bytes * 8 * 1000 / (totals.virtual_ns / NS_PER_MS) / 1000;
    snprintf(name, sizeof(name), "goodput %llu kbit/s at %u.%u%% loss, %u KiB buffers",
             (unsigned long long)kbps, loss_ppm / 10000, loss_ppm / 1000 % 10, buffer_bytes / 1024);
    world_report(name, &totals, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    assert_in_range(kbps, floor_kbps, RATE_BPS / 1000);
}

static void test_buffers_64k(void **state)
{
    measure(0, 64 * 1024, 2800);
    measure(10 * 1000, 64 * 1024, 1000);
    measure(20 * 1000, 64 * 1024, 650);
    measure(50 * 1000, 64 * 1024, 350);
}

static void test_buffers_512k(void **state)
{
    measure(0, 512 * 1024, 6000);
    measure(10 * 1000, 512 * 1024, 1000);
    measure(20 * 1000, 512 * 1024, 650);
    measure(50 * 1000, 512 * 1024, 350);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers_64k),
        cmocka_unit_test(test_buffers_512k),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
