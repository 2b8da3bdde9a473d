/*
 * Goodput of one bulk transfer, a table of cells: buffers, loss both ways, round trip, reordering,
 * algorithms. Each cell is the median over fixed seeds, in kbit/s; the numbers that are kept stand
 * in tests/sim/goodput.txt, and a cell that has become worse by more than 5% fails the test. The
 * worlds are deterministic: a number that differs at all comes from a change to the stack. Where
 * much is lost, other seeds give other numbers by up to a tenth: a change that is neutral may still
 * deal such a cell worse luck. The sums over many cells tell which it was.
 *
 * `make sim-table` measures the file anew; RINGSIDE_SIM_CELLS=text prints the cells whose names
 * contain the text, without judging them, over RINGSIDE_SIM_EACH seeds.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/[!s]*.c tests/unit/tcp_check.c @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/world.h"

enum {
    SEEDS_EACH = 9,
    SEEDS_EACH_MAX = 999,
    CELLS_MAX = 128,
    NAME_BYTES = 64,
    TRANSFER_BYTES = 4 * 1024 * 1024, /* beyond slow start */
    TRANSFER_SLOW_BYTES = 2 * 1024 * 1024,
    TRANSFER_LONG_BYTES = 16 * 1024 * 1024,
    SLOW_PPM = 50 * 1000,
    RATE_BPS = 10 * 1000 * 1000,
    QUEUE_MS = 100,
    FULL_LINE_KBPS = 8000,
    PACKETS = 4096,
    WORSE_PERCENT = 5,
    WORSE_PERCENT_QUICK = 25, /* in runs of few seeds, where chance is not to be in the way */
};

static const char table_path[] = "tests/sim/goodput.txt";

/* What the table goes through: everything at 100 ms, some of it elsewhere. */
static const uint32_t buffers_kib[] = {16, 64, 256, 1024};
static const uint32_t losses_ppm[] = {0, 1000, 10 * 1000, 20 * 1000, 50 * 1000, 100 * 1000};
static const struct algorithm {
    const char *name;
    const char *congestion;
    uint32_t tcp_off;
} algorithms[] = {
    {"newreno", "newreno", 0},
    {"cubic", "cubic", 0},
    {"cubic-norack", "cubic", NET_TCP_OFF_RACK | NET_TCP_OFF_TLP},
};

struct cell {
    char name[NAME_BYTES];
    const struct algorithm *algorithm;
    uint32_t buffer_kib;
    uint32_t buffer_max_kib; /* 0: they do not grow */
    uint32_t loss_ppm;
    uint32_t rtt_ms;
    uint32_t reorder_ppm;
    uint32_t bytes;       /* 0: the usual number */
    uint32_t mark_ms;     /* ECN, and what waits longer in the queue is marked; 0: none */
    uint32_t burst_ppm;   /* chance a frame that a burst of some five lost ones begins */
    uint32_t kbps;        /* measured */
    uint32_t stored_kbps; /* 0: not in the file */
};

static struct cell cells[CELLS_MAX];
static size_t cell_count;

static struct cell *add_cell(const struct algorithm *a, uint32_t buffer_kib, uint32_t rtt_ms,
                             uint32_t loss_ppm)
{
    assert(cell_count < CELLS_MAX);
    struct cell *c = &cells[cell_count++];
    *c = (struct cell){
        .algorithm = a, .buffer_kib = buffer_kib, .rtt_ms = rtt_ms, .loss_ppm = loss_ppm};
    snprintf(c->name, sizeof(c->name), "%s %uK %ums loss=%u.%u%%", a->name, buffer_kib, rtt_ms,
             loss_ppm / 10000, loss_ppm / 1000 % 10);
    return c;
}

static void name_more(struct cell *c, const char *more)
{
    size_t len = strlen(c->name);
    snprintf(c->name + len, sizeof(c->name) - len, " %s", more);
}

static void make_cells(void)
{
    static const uint32_t other_rtts_ms[] = {1, 300};
    cell_count = 0;
    for (size_t a = 0; a < ARRAY_SIZE(algorithms); a++) {
        for (size_t b = 0; b < ARRAY_SIZE(buffers_kib); b++) {
            for (size_t l = 0; l < ARRAY_SIZE(losses_ppm); l++) {
                (void)add_cell(&algorithms[a], buffers_kib[b], 100, losses_ppm[l]);
            }
        }
        for (size_t r = 0; r < ARRAY_SIZE(other_rtts_ms); r++) {
            (void)add_cell(&algorithms[a], 256, other_rtts_ms[r], 0);
            (void)add_cell(&algorithms[a], 256, other_rtts_ms[r], 10 * 1000);
        }
        struct cell *late = add_cell(&algorithms[a], 256, 100, 0);
        late->reorder_ppm = 20 * 1000;
        name_more(late, "reorder=2%");
        struct cell *bursts = add_cell(&algorithms[a], 256, 100, 0);
        bursts->burst_ppm = 2000;
        name_more(bursts, "bursts");
        for (size_t l = 0; l < ARRAY_SIZE(losses_ppm); l++) { /* small ones that tune themselves */
            struct cell *tuned = add_cell(&algorithms[a], 64, 100, losses_ppm[l]);
            tuned->buffer_max_kib = 4096;
            name_more(tuned, "tuned");
        }
        struct cell *found = add_cell(&algorithms[a], 64, 100, 0); /* having found its size */
        found->buffer_max_kib = 4096;
        found->bytes = TRANSFER_LONG_BYTES;
        name_more(found, "tuned long");
    }
}

static void plan_bulk(struct world_plan *p, const struct cell *c, uint64_t seed)
{
    memset(p, 0, sizeof(*p));
    p->seed = seed;
    p->host_count = 2;
    p->ethernet = true;
    p->end_early = true;
    uint64_t one_way_ns = c->rtt_ms * (uint64_t)NS_PER_MS / 2;
    for (int h = 0; h < 2; h++) {
        p->app.conn[0].host[h] = h;
        p->host[h] = (struct host_plan){.mtu = 1500,
                                        .rcvbuf_bytes = c->buffer_kib * 1024,
                                        .sndbuf_bytes = c->buffer_kib * 1024,
                                        .buf_max_bytes = c->buffer_max_kib * 1024,
                                        .ecn = c->mark_ms != 0,
                                        .packets = PACKETS,
                                        .congestion = c->algorithm->congestion,
                                        .tcp_off = c->algorithm->tcp_off};
        p->host[h].lan.up = (struct link_params){.delay_ns = one_way_ns,
                                                 .rate_bps = RATE_BPS,
                                                 .queue_ns = QUEUE_MS * NS_PER_MS,
                                                 .mark_ns = c->mark_ms * (uint64_t)NS_PER_MS,
                                                 .loss_ppm = c->loss_ppm,
                                                 .burst_enter_ppm = c->burst_ppm,
                                                 .burst_leave_ppm = 200 * 1000,
                                                 .burst_loss_ppm = 1000 * 1000,
                                                 .reorder_ppm = c->reorder_ppm,
                                                 .reorder_ns = 1 + one_way_ns / 4,
                                                 .outage_ns = 1};
        p->app.conn[0].end[h].write_bytes = p->app.conn[0].end[h].read_bytes = 16 * 1024;
    }
    p->app.conn_count = 1;
    p->app.conn[0].end[0].mode = END_HALF_CLOSE;
    bool slow = c->loss_ppm >= SLOW_PPM || c->buffer_kib < 64;
    uint32_t usual = slow ? TRANSFER_SLOW_BYTES : TRANSFER_BYTES;
    p->app.conn[0].end[0].bytes = c->bytes != 0 ? c->bytes : usual;
    p->app.conn[0].end[1].mode = END_WAIT;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* RINGSIDE_SIM_EACH: more seeds a cell, when the cells of two algorithms are to be told apart. */
static uint32_t seeds_each(void)
{
    const char *text = getenv("RINGSIDE_SIM_EACH");
    unsigned long seeds = text != NULL ? strtoul(text, NULL, 10) : SEEDS_EACH;
    assert_in_range(seeds, 1, SEEDS_EACH_MAX);
    return (uint32_t)seeds;
}

static void measure(struct cell *c, uint64_t first, struct world_totals *totals)
{
    static struct world_plan plan;
    uint32_t kbps[SEEDS_EACH_MAX];
    uint32_t seeds = seeds_each();
    for (uint64_t i = 0; i < seeds; i++) {
        struct world_totals one = {0};
        plan_bulk(&plan, c, first + i);
        (void)world_run(&plan, false, &one);
        kbps[i] = (uint32_t)(one.stream_bytes * 8 * 1000 / (one.virtual_ns / NS_PER_US));
        totals->worlds++;
        totals->failures += one.failures;
        totals->stream_bytes += one.stream_bytes;
        totals->virtual_ns += one.virtual_ns;
        totals->segments += one.segments;
        totals->retransmissions += one.retransmissions;
        totals->frames_lost += one.frames_lost;
    }
    qsort(kbps, seeds, sizeof(kbps[0]), by_value);
    c->kbps = kbps[seeds / 2];
}

static void read_table(void)
{
    char line[2 * NAME_BYTES];
    FILE *f = fopen(table_path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        char *colon = strchr(line, ':');
        if (line[0] == '#' || colon == NULL) {
            continue;
        }
        *colon = '\0';
        for (size_t i = 0; i < cell_count; i++) {
            if (strcmp(cells[i].name, line) == 0) {
                cells[i].stored_kbps = (uint32_t)strtoul(colon + 1, NULL, 10);
            }
        }
    }
    fclose(f);
}

static void write_table(void)
{
    FILE *f = fopen(table_path, "w");
    assert_non_null(f);
    fprintf(f,
            "# Goodput in kbit/s over 10 Mbit/s with a queue of %d ms: median of %d seeds.\n"
            "# Algorithm, socket buffers, round trip, loss each way. Written by make sim-table.\n",
            QUEUE_MS, SEEDS_EACH);
    for (size_t i = 0; i < cell_count; i++) {
        fprintf(f, "%s: %u\n", cells[i].name, cells[i].kbps);
    }
    fclose(f);
}

/* Names every cell that got worse; and says how many got better: then the file may follow. */
static size_t judge(uint32_t percent)
{
    size_t worse = 0, better = 0;
    for (size_t i = 0; i < cell_count; i++) {
        const struct cell *c = &cells[i];
        uint64_t floor = (uint64_t)c->stored_kbps * (100 - percent) / 100;
        if (c->stored_kbps == 0) {
            fprintf(stderr, "sim: FAIL goodput %s is not in %s: make sim-table\n", c->name,
                    table_path);
            worse++;
        } else if (c->kbps < floor) {
            fprintf(stderr, "sim: FAIL goodput %s: stored %u kbit/s, now %u\n", c->name,
                    c->stored_kbps, c->kbps);
            worse++;
        }
        better += (uint64_t)c->kbps * (100 - WORSE_PERCENT) / 100 > c->stored_kbps;
    }
    printf("sim: goodput: %zu cells, %zu worse by more than %u%%, %zu better by more than %d%%\n",
           cell_count, worse, percent, better, WORSE_PERCENT);
    return worse;
}

static void test_goodput(void **state)
{
    struct world_totals totals = {0};
    const char *table = getenv("RINGSIDE_SIM_TABLE");
    const char *only = getenv("RINGSIDE_SIM_CELLS");
    uint64_t first = 1, count = SEEDS_EACH;
    double start_s = world_wall_s();
    (void)world_seeds(&first, &count);
    make_cells();
    for (size_t i = 0; i < cell_count; i++) {
        if (only == NULL || strstr(cells[i].name, only) != NULL) {
            measure(&cells[i], first, &totals);
        }
        if (only != NULL && cells[i].kbps != 0) {
            printf("%s: %u\n", cells[i].name, cells[i].kbps);
        }
    }
    world_report("goodput", &totals, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
    if (only != NULL) {
        return;
    }
    if (table != NULL && strcmp(table, "write") == 0) {
        write_table();
    }
    read_table();
    bool quick = getenv("RINGSIDE_SIM_SEEDS") != NULL;
    assert_int_equal(judge(quick ? WORSE_PERCENT_QUICK : WORSE_PERCENT), 0);
}

/* A router that marks at half of its queue (RFC 3168): the line stays full, nothing is lost and
 * nothing sent twice, where without marks the queue would overflow again and again. */
static void test_marks_instead_of_losses(void **state)
{
    struct world_totals totals = {0};
    struct cell c = {.algorithm = &algorithms[1],
                     .buffer_kib = 512,
                     .rtt_ms = 100,
                     .bytes = TRANSFER_LONG_BYTES,
                     .mark_ms = QUEUE_MS / 2};
    measure(&c, 1, &totals);
    assert_int_equal(totals.failures, 0);
    assert_int_equal(totals.frames_lost, 0);
    assert_int_equal(totals.retransmissions, 0);
    assert_in_range(c.kbps, FULL_LINE_KBPS, RATE_BPS / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goodput),
        cmocka_unit_test(test_marks_instead_of_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
