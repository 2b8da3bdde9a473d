/*
 * Every order of closing: each manner of leaving (app.h) against each other, who connects, how much
 * is still to be sent, at one instant or one after the other, over a clean link, one that loses and
 * one that reorders and duplicates.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/[!s]*.c tests/unit/tcp_check.c @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/world.h"

enum {
    FAILURES_SHOWN = 10,
    BUFFER_BYTES = 16 * 1024,
    AT_ONCE_S = 5,
    MODES_PAIRED = END_MODES * END_MODES,
    CLIENTS = 3, /* host 0, host 1, both: a simultaneous open */
    TIMINGS = 2,
};

/* Bytes that host 0 and host 1 write. */
static const uint32_t amounts[][2] = {{0, 0},    {1, 1},       {3000, 0},
                                      {0, 3000}, {5000, 7000}, {60000, 50000}};

struct close_case {
    enum end_mode mode[2];
    const uint32_t *bytes;
    int client;
    bool at_once;
    struct link_params link;
    uint64_t seed;
};

static bool makes_sense(const struct close_case *c)
{
    bool nobody_first = c->mode[0] == END_WAIT && c->mode[1] == END_WAIT;
    return !nobody_first;
}

static void plan_case(struct world_plan *p, const struct close_case *c)
{
    memset(p, 0, sizeof(*p));
    p->seed = c->seed;
    p->ethernet = (c->seed & 1) != 0;
    p->edge_triggered = (c->seed & 2) != 0;
    p->host_count = 2;
    p->app.conn_count = 1;
    struct conn_plan *conn = &p->app.conn[0];
    conn->client = c->client == 2 ? 0 : c->client;
    conn->simultaneous = c->client == 2;
    for (int h = 0; h < 2; h++) {
        struct end_plan *e = &conn->end[h];
        p->host[h] = (struct host_plan){.mtu = 1500,
                                        .rcvbuf_bytes = BUFFER_BYTES,
                                        .sndbuf_bytes = BUFFER_BYTES,
                                        .packets = 256,
                                        .lan.up = c->link};
        conn->host[h] = h;
        e->mode = c->mode[h];
        e->bytes = c->bytes[h];
        e->write_bytes = e->read_bytes = 4000;
        e->quit_at = e->mode == END_ABORT ? c->bytes[h] / 2 : c->bytes[1 - h] / 2;
        e->close_not_before_ns = c->at_once ? AT_ONCE_S * NS_PER_S : 0;
        e->keepalive = c->mode[0] >= END_FIRE || c->mode[1] >= END_FIRE || c->link.loss_ppm > 0;
    }
}

/* Beyond what every world must keep (world.h): an orderly end on a clean link has no RST in it and
 * nothing is sent twice; a deliberate abort is heard of by a peer who still wants something. */
static bool judge(const struct close_case *c, const struct world_totals *got)
{
    bool clean = c->link.loss_ppm == 0 && c->link.reorder_ppm == 0;
    bool orderly = c->mode[0] < END_FIRE && c->mode[1] < END_FIRE;
    bool aborted = false;
    for (int h = 0; h < 2; h++) {
        bool cut_short = c->mode[h] == END_ABORT && c->bytes[h] >= 2;
        bool deaf = c->mode[h] == END_UNREAD && c->bytes[1 - h] > 0 && c->bytes[h] > 0;
        aborted = aborted || ((cut_short || deaf) && c->mode[1 - h] < END_FIRE);
    }
    if (clean && orderly && (got->rst_segments != 0 || got->retransmissions != 0)) {
        fprintf(stderr, "sim: FAIL an orderly end with %llu RSTs, %llu retransmissions\n",
                (unsigned long long)got->rst_segments, (unsigned long long)got->retransmissions);
        return false;
    }
    if (clean && aborted && got->rst_segments == 0) {
        fprintf(stderr, "sim: FAIL an abort without a RST\n");
        return false;
    }
    return true;
}

static void run_case(const struct close_case *c, bool verbose, struct world_totals *totals)
{
    static struct world_plan plan;
    struct world_totals before = *totals;
    plan_case(&plan, c);
    bool good = world_run(&plan, verbose, totals);
    struct world_totals got = {.rst_segments = totals->rst_segments - before.rst_segments,
                               .retransmissions = totals->retransmissions - before.retransmissions};
    if (good && !judge(c, &got)) {
        totals->failures++;
        good = false;
    }
    if (!good) {
        fprintf(stderr, "  case %llu: modes %d %d, bytes %u %u, client %d%s\n",
                (unsigned long long)c->seed, c->mode[0], c->mode[1], c->bytes[0], c->bytes[1],
                c->client, c->at_once ? ", at one instant" : "");
    }
}

/* Case number -> case; the mixed radix of the table. False: it makes no sense. */
static bool decode_case(struct close_case *c, uint64_t number)
{
    uint64_t n = number;
    c->seed = number;
    c->mode[0] = (enum end_mode)(n % END_MODES);
    n /= END_MODES;
    c->mode[1] = (enum end_mode)(n % END_MODES);
    n /= END_MODES;
    c->client = (int)(n % CLIENTS);
    n /= CLIENTS;
    c->at_once = n % TIMINGS != 0;
    n /= TIMINGS;
    c->bytes = amounts[n % ARRAY_SIZE(amounts)];
    return makes_sense(c);
}

static void run_table(const char *name, const struct link_params *link)
{
    struct world_totals totals = {0};
    double start_s = world_wall_s();
    uint64_t first = 0, count = MODES_PAIRED * CLIENTS * TIMINGS * ARRAY_SIZE(amounts);
    bool verbose = world_seeds(&first, &count);
    for (uint64_t i = first; i < first + count && totals.failures < FAILURES_SHOWN; i++) {
        struct close_case c = {.link = *link};
        if (decode_case(&c, i)) {
            run_case(&c, verbose, &totals);
        }
    }
    world_report(name, &totals, world_wall_s() - start_s);
    assert_int_equal(totals.failures, 0);
}

static void test_clean(void **state)
{
    struct link_params link = {.delay_ns = 10 * NS_PER_MS, .reorder_ns = 1, .outage_ns = 1};
    run_table("closing, clean link", &link);
}

static void test_lossy(void **state)
{
    struct link_params link = {.delay_ns = 10 * NS_PER_MS,
                               .jitter_ns = NS_PER_MS,
                               .reorder_ns = 1,
                               .outage_ns = 1,
                               .loss_ppm = 100 * 1000,
                               .corrupt_ppm = 20 * 1000};
    run_table("closing, 10% lost, 2% corrupted", &link);
}

static void test_reordering(void **state)
{
    struct link_params link = {.delay_ns = 10 * NS_PER_MS,
                               .reorder_ns = 50 * NS_PER_MS,
                               .outage_ns = 1,
                               .reorder_ppm = 300 * 1000,
                               .duplicate_ppm = 200 * 1000};
    run_table("closing, 30% reordered, 20% twice", &link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_reordering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
