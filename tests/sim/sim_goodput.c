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
    LONG_TRANSFER_BYTES = 16 * 1024 * 1024,
    LONG_SEEDS = 3,
    RATE_BPS = 10 * 1000 * 1000,
    ONE_WAY_MS = 50,
    QUEUE_MS = 100,
};

struct bulk {
    uint32_t loss_ppm;
    uint32_t buffer_bytes; /* both, at both ends, ... */
    uint32_t max_bytes;    /* ... and what they may grow to; 0: they do not */
    uint32_t bytes;        /* to transfer */
    uint64_t seeds;        /* how many; 0: the usual number */
    uint64_t mark_ms;      /* 0: no ECN; else the queue marks what waits longer */
};

static void plan_bulk(struct world_plan *p, uint64_t seed, const struct bulk *b)
{
    memset(p, 0, sizeof(*p));
    p->seed = seed;
    p->host_count = 2;
    p->ethernet = true;
    p->end_early = true;
    for (int h = 0; h < 2; h++) {
        p->app.conn[0].host[h] = h;
        p->host[h] = (struct host_plan){.mtu = 1500,
                                        .rcvbuf_bytes = b->buffer_bytes,
                                        .sndbuf_bytes = b->buffer_bytes,
                                        .buf_max_bytes = b->max_bytes,
                                        .ecn = b->mark_ms != 0,
                                        .packets = 2048};
        p->host[h].lan.up = (struct link_params){.delay_ns = ONE_WAY_MS * NS_PER_MS,
                                                 .rate_bps = RATE_BPS,
                                                 .queue_ns = QUEUE_MS * NS_PER_MS,
                                                 .mark_ns = b->mark_ms * NS_PER_MS,
                                                 .loss_ppm = b->loss_ppm,
                                                 .reorder_ns = 1,
                                                 .outage_ns = 1};
        p->app.conn[0].end[h].write_bytes = p->app.conn[0].end[h].read_bytes = 16 * 1024;
    }
    p->app.conn_count = 1;
    p->app.conn[0].end[0].mode = END_HALF_CLOSE;
    p->app.conn[0].end[0].bytes = b->bytes;
    p->app.conn[0].end[1].mode = END_WAIT;
}

/* Returns what all of it came to. */
static struct world_totals measure(const struct bulk *b, uint32_t floor_kbps)
{
    static struct world_plan plan;
    struct world_totals totals = {0};
    char name[96];
    double start_s = world_wall_s();
    uint64_t seeds = b->seeds != 0 ? b->seeds : SEEDS_EACH;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        plan_bulk(&plan, seed, b);
        (void)world_run(&plan, false, &totals);
    }
    uint64_t kbps = totals.stream_bytes * 8 * 1000 / (totals.virtual_ns / NS_PER_MS) / 1000;
    snprintf(name, sizeof(name), "goodput %llu kbit/s at %u.%u%% loss, %u to %u KiB buffers%s",
             (unsigned long long)kbps, b->loss_ppm / 10000, b->loss_ppm / 1000 % 10,
             b->buffer_bytes / 1024, max_u32(b->max_bytes, b->buffer_bytes) / 1024,
             b->mark_ms != 0 ? ", ECN" : "");
    world_report(name, &totals, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    assert_in_range(kbps, floor_kbps, RATE_BPS / 1000);
    return totals;
}

static void measure_losses(struct bulk b, const uint32_t floors_kbps[4])
{
    static const uint32_t losses_ppm[] = {0, 10 * 1000, 20 * 1000, 50 * 1000};
    for (size_t i = 0; i < ARRAY_SIZE(losses_ppm); i++) {
        b.loss_ppm = losses_ppm[i];
        (void)measure(&b, floors_kbps[i]);
    }
}

static void test_buffers_64k(void **state)
{
    struct bulk b = {.buffer_bytes = 64 * 1024, .bytes = TRANSFER_BYTES};
    measure_losses(b, (uint32_t[]){2800, 1000, 650, 350});
}

static void test_buffers_512k(void **state)
{
    struct bulk b = {.buffer_bytes = 512 * 1024, .bytes = TRANSFER_BYTES};
    measure_losses(b, (uint32_t[]){6000, 1000, 650, 350});
}

/* Buffers that begin small and tune themselves must do no worse than those that are large. */
static void test_buffers_tuned(void **state)
{
    struct bulk b = {
        .buffer_bytes = 64 * 1024, .max_bytes = 4 * 1024 * 1024, .bytes = TRANSFER_BYTES};
    measure_losses(b, (uint32_t[]){5500, 1000, 650, 350});
    /* Once it has found its size it fills the line: 9.49 Mbit/s is what headers leave of it. */
    b.bytes = LONG_TRANSFER_BYTES;
    b.seeds = LONG_SEEDS;
    (void)measure(&b, 7000);
}

/* A router that marks at half of its queue (RFC 3168): the line stays full, nothing is lost and
 * nothing sent twice, where without marks the queue would overflow again and again. */
static void test_marks_instead_of_losses(void **state)
{
    struct bulk b = {.buffer_bytes = 512 * 1024,
                     .bytes = LONG_TRANSFER_BYTES,
                     .seeds = LONG_SEEDS,
                     .mark_ms = QUEUE_MS / 2};
    struct world_totals totals = measure(&b, 8000);
    assert_int_equal(totals.frames_lost, 0);
    assert_int_equal(totals.retransmissions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers_64k),
        cmocka_unit_test(test_buffers_512k),
        cmocka_unit_test(test_buffers_tuned),
        cmocka_unit_test(test_marks_instead_of_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
