/*
 * A simulated world: its clock, its steps, its end. See world.h; what is said about it is in
 * report.c.
 */
#include "tests/sim/world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/account.h"

enum {
    STEPS_MAX = 3000000,
    ROUNDS_MAX = 1000,            /* of timers and applications at one instant */
    FRAMES_IN_FLIGHT_MAX = 50000, /* far beyond all windows: two stacks that answer each other */
    FRAMES_MAX = 2000000,
    STALL_S = 420, /* TCP itself gives up after 300 s without progress */
    VIRTUAL_MAX_S = 4 * 3600,
    QUIET_S = 400, /* an orphan may live 120 s, FIN-WAIT-2 60 s, TIME-WAIT twice the MSL */
    ACCOUNT_EVERY_STEPS = 32,
    LINE_BYTES = 160,
    /* While no application gets on: what was on its way once more and again, and then probes. */
    QUIET_FRAMES_A_BUFFER = 4,
    QUIET_FRAMES_A_SECOND = 40,
};

/* The seed under test, for a failed assertion inside the stack: written for the signal handler. */
static struct {
    uint64_t seed;
    uint64_t now_ns;
} running;

static void on_abort(int signal_number)
{
    char line[LINE_BYTES];
    int len = snprintf(line, sizeof(line), "sim: FAIL seed %llu: aborted at %llu ns\n",
                       (unsigned long long)running.seed, (unsigned long long)running.now_ns);
    if (write(STDERR_FILENO, line, (size_t)len) < 0) {
        return;
    }
}

/* Timers and applications in turn until neither has anything to do at this instant. */
static void settle(struct world *w, bool with_apps)
{
    for (int round = 0; !w->failed; round++) {
        for (int i = 0; i < w->plan->host_count; i++) {
            struct host *h = &w->host[i];
            h->deadline_ns = host_poll(h);
        }
        traffic_run(w);
        if (!with_apps || !app_run(w)) {
            return;
        }
        if (round == ROUNDS_MAX) {
            world_fail(w, "the applications never come to rest");
        }
    }
}

/* When a restart has its next step: going down, or coming back. */
static uint64_t restart_next_ns(const struct world *w, const struct restart_plan *r)
{
    uint64_t down_ns = w->app.begin_ns + r->at_ns;
    const struct host *h = &w->host[r->host];
    if (w->now_ns < down_ns || h->up) {
        return down_ns;
    }
    return down_ns + r->down_ns;
}

static bool restart_over(const struct world *w, uint32_t i)
{
    return (w->restarts_done >> i & 1) != 0;
}

static void restart_when_due(struct world *w)
{
    for (uint32_t i = 0; i < w->plan->restart_count; i++) {
        const struct restart_plan *r = &w->plan->restart[i];
        struct host *h = &w->host[r->host];
        if (restart_over(w, i) || w->now_ns < restart_next_ns(w, r)) {
            continue;
        }
        if (h->up) {
            world_trace(w, "host %d goes down", h->index);
            app_host_down(w, h->index);
            traffic_host_down(w, h->index);
            host_stop(h);
            wire_excuse(&w->wire, h->index);
        } else {
            world_trace(w, "host %d comes back", h->index);
            w->restarts_done |= 1u << i;
            w->progress_ns = w->now_ns;
            host_start(h, 1 + i);
        }
    }
}

static uint64_t next_ns(const struct world *w, bool with_apps)
{
    uint64_t next = min_u64(lan_next_ns(&w->lan), w->router.next_ns);
    next = min_u64(next, traffic_next_ns(w));
    for (int i = 0; i < w->plan->host_count; i++) {
        next = min_u64(next, w->host[i].deadline_ns);
    }
    if (!with_apps) {
        return next;
    }
    next = min_u64(next, app_next_ns(w));
    for (uint32_t i = 0; i < w->plan->restart_count; i++) {
        if (!restart_over(w, i)) {
            next = min_u64(next, restart_next_ns(w, &w->plan->restart[i]));
        }
    }
    return next;
}

/* Two ends that answer each other, or one that sends for nothing. Frames that the world brings
 * about without an application's doing are not counted. */
static void check_storm(struct world *w)
{
    if (w->lan.heap.count > FRAMES_IN_FLIGHT_MAX || w->lan.frames_in > FRAMES_MAX) {
        world_fail(w, "a storm of frames: %zu on the way", w->lan.heap.count);
    }
    if (w->quiet_since_ns != w->progress_ns) {
        w->quiet_since_ns = w->progress_ns;
        w->quiet_frames = w->wire.segments;
    }
    uint64_t allowed = QUIET_FRAMES_A_SECOND * (1 + (w->now_ns - w->quiet_since_ns) / NS_PER_S) *
                       w->plan->app.conn_count;
    for (int i = 0; i < w->plan->host_count; i++) {
        allowed += QUIET_FRAMES_A_BUFFER * w->plan->host[i].packets;
    }
    if (w->wire.segments - w->quiet_frames > allowed) {
        world_fail(w, "%llu segments since anybody got on",
                   (unsigned long long)(w->wire.segments - w->quiet_frames));
    }
}

static void check_step(struct world *w)
{
    check_storm(w);
    for (int i = 0; i < w->plan->host_count && w->steps % ACCOUNT_EVERY_STEPS == 0; i++) {
        if (w->host[i].up) {
            host_check_account(&w->host[i]);
            host_mark(&w->host[i]);
        }
    }
    if (w->router.breach != NULL) {
        world_fail(w, "%s", w->router.breach);
    }
    if (w->steps >= STEPS_MAX || w->now_ns > VIRTUAL_MAX_S * NS_PER_S) {
        world_fail(w, "no end in sight after %llu steps", (unsigned long long)w->steps);
    }
}

/* What the stacks rightly gave up on, by host: nothing, on wires that lost nothing. */
static void count_give_ups(const struct world *w, uint64_t give_ups[HOSTS_MAX])
{
    bool lossy = w->lan.frames_lost + w->lan.frames_corrupted + w->lan.too_large > 0;
    for (int i = 0; i < w->plan->host_count; i++) {
        const struct host *h = &w->host[i];
        bool may = lossy || w->restarts_done != 0 || (h->up && host_evictions(h) > 0);
        give_ups[i] = may ? w->gave_up_before[i] + (h->up ? host_give_ups(h) : 0) : 0;
    }
}

/* Nobody gets on any more. It must be for ends that were given up on. */
static void end_silence(struct world *w, const char *what)
{
    uint64_t give_ups[HOSTS_MAX];
    count_give_ups(w, give_ups);
    if (!app_drop_abandoned(w, give_ups)) {
        world_fail(w, "%s", what);
    }
}

static void world_step(struct world *w, bool with_apps)
{
    uint64_t next = next_ns(w, with_apps);
    if (next == DEADLINE_NONE) {
        end_silence(w, "nothing will ever happen again");
        return;
    }
    w->now_ns = max_u64(w->now_ns, next);
    running.now_ns = w->now_ns;
    w->steps++;
    router_run(&w->router, w->now_ns);
    struct link_frame *f;
    while (!w->failed && (f = lan_take(&w->lan, w->now_ns)) != NULL) {
        host_deliver(&w->host[f->to], f);
        free(f);
    }
    if (with_apps) {
        restart_when_due(w);
    }
    settle(w, with_apps);
    check_step(w);
}

/* All hosts have their addresses: connections may begin. */
static bool addressed(const struct world *w)
{
    for (int i = 0; i < w->plan->host_count; i++) {
        if (net_address(w->host[i].net) == 0) {
            return false;
        }
    }
    return true;
}

static uint32_t all_used(const struct world *w, const char **name)
{
    uint32_t used = 0;
    for (int i = 0; i < w->plan->host_count; i++) {
        used += host_pools_used(&w->host[i], name);
    }
    return used;
}

/* Listeners closed, TIME-WAIT over: everything must be home. */
static void run_until_quiet(struct world *w)
{
    const char *name = "none";
    uint64_t end_ns = w->now_ns + (QUIET_S + 2 * (uint64_t)w->plan->msl_ms / MS_PER_S) * NS_PER_S;
    app_close(w);
    traffic_close(w);
    w->router.next_ns = DEADLINE_NONE;
    settle(w, false);
    while (!w->failed && all_used(w, &name) > 0) {
        if (w->now_ns > end_ns) {
            world_fail(w, "%s not given back long after the end", name);
        }
        world_step(w, false);
    }
}

static void trace_switch(void *arg, const struct link_frame *f, enum link_fate fate)
{
    char how[LINE_BYTES];
    snprintf(how, sizeof(how), "%s at the switch to %d", world_fate(fate), f->to);
    world_trace_frame(arg, f->from, f->bytes, f->len, how);
}

static void start_wires(struct world *w)
{
    const struct world_plan *plan = w->plan;
    struct lan_params params[HOSTS_MAX];
    uint16_t mtu[HOSTS_MAX];
    for (int i = 0; i < plan->host_count; i++) {
        params[i] = plan->host[i].lan;
        mtu[i] = plan->host[i].mtu;
    }
    wire_init(&w->wire, plan->seed, plan->ethernet, plan->host_count, mtu);
    lan_init(&w->lan, plan->seed, plan->ethernet, plan->host_count, params);
    router_init(&w->router, &w->lan, plan->seed, plan->ping_every_ns);
    if (w->verbose) {
        w->lan.trace = trace_switch;
        w->lan.trace_arg = w;
    }
}

/* The applications' time begins, and with it what was planned for after that. */
static void begin(struct world *w)
{
    const struct world_plan *plan = w->plan;
    w->app.begin_ns = w->progress_ns = w->now_ns;
    w->lan.partition_count = plan->partition_count;
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        w->lan.partition[i] = plan->partition[i];
        w->lan.partition[i].at_ns += w->now_ns;
    }
    traffic_begin(w);
    if (plan->ping_every_ns != 0) {
        w->router.next_ns = w->now_ns + plan->ping_every_ns;
        w->router.until_ns = w->now_ns + 100 * plan->ping_every_ns;
    }
}

static void world_start(struct world *w, const struct world_plan *plan, bool verbose)
{
    memset(w, 0, sizeof(*w));
    w->plan = plan;
    w->verbose = verbose;
    w->now_ns = NS_PER_S;
    running.seed = plan->seed;
    signal(SIGABRT, on_abort);
    start_wires(w);
    app_init(w, &plan->app);
    traffic_init(w);
    for (int i = 0; i < plan->host_count; i++) {
        struct host *h = &w->host[i];
        h->world = w;
        h->plan = &plan->host[i];
        h->index = i;
        h->deadline_ns = w->now_ns;
        host_start(h, 0);
    }
    while (!w->failed && !addressed(w)) {
        world_step(w, false);
    }
    begin(w);
}

bool world_restarts_over(const struct world *w)
{
    return w->restarts_done == (1u << w->plan->restart_count) - 1;
}

/* Data that is acknowledged one packet in a minute, because nearly all is lost, may not bring any
 * application on for long; TCP counts its 300 s from the last byte, and so do we. */
static bool acknowledged_more(struct world *w)
{
    uint64_t bytes = 0;
    for (int i = 0; i < w->plan->host_count; i++) {
        bytes += w->host[i].up ? account_acked_bytes(w->host[i].net) : 0;
    }
    if (bytes == w->acked_bytes) {
        return false;
    }
    w->acked_bytes = bytes;
    w->acked_ns = w->now_ns;
    return true;
}

static void world_play(struct world *w)
{
    uint64_t give_ups[HOSTS_MAX];
    settle(w, true);
    while (!w->failed && (!app_done(w) || !world_restarts_over(w))) {
        world_step(w, true);
        uint64_t since_ns = max_u64(w->progress_ns, w->acked_ns);
        if (w->now_ns > since_ns + STALL_S * NS_PER_S && !acknowledged_more(w)) {
            end_silence(w, "stalled: nobody got on for STALL_S");
        }
    }
    w->done_ns = w->now_ns;
    if (!w->failed) {
        count_give_ups(w, give_ups);
        app_check(w, give_ups);
    }
    if (!w->failed && !w->plan->end_early) {
        run_until_quiet(w);
    }
}

static void world_end(struct world *w)
{
    for (int i = 0; i < w->plan->host_count; i++) {
        struct host *h = &w->host[i];
        host_stop(h);
        host_check_pools(h);
    }
    if (!w->failed && w->plan->trail != NULL && !trail_ended(w->plan->trail)) {
        world_fail(w, "ends before the first run did");
    }
    lan_free(&w->lan);
}

static void add_totals(const struct world *w, struct world_totals *t)
{
    t->worlds++;
    t->failures += w->failed;
    t->hosts += (uint64_t)w->plan->host_count;
    t->virtual_ns += w->done_ns - w->app.begin_ns;
    t->steps += w->steps;
    t->segments += w->wire.segments;
    t->frames_lost += w->lan.frames_lost;
    t->frames_corrupted += w->lan.frames_corrupted;
    t->retransmissions += w->retransmissions;
    t->runs += w->runs;
    t->in_runs += w->in_runs;
    t->sack_blocks += w->wire.sack_blocks;
    t->icmp_errors += w->wire.icmp_errors;
    t->echoes += w->router.answered;
    t->give_ups += w->give_ups;
    t->excused += w->excused;
    t->excused_late += w->excused_late;
    t->rst_segments += w->wire.resets;
    for (uint32_t i = 0; i < w->plan->app.conn_count; i++) {
        for (int side = 0; side < 2; side++) {
            t->stream_bytes += w->app.conn[i].end[side].received;
            int error = w->app.conn[i].end[side].error;
            t->resets += error == -ECONNRESET || error == -EPIPE;
        }
    }
    for (uint32_t i = 0; i < w->traffic.pair_count; i++) {
        t->datagrams += w->traffic.pair[i].received;
    }
}

static void print_failure(const struct world *w)
{
    fprintf(stderr, "sim: FAIL seed %llu at %.6f s: %s\n", (unsigned long long)w->plan->seed,
            (double)w->now_ns / 1e9, w->text);
    app_print(w);
    for (int i = 0; i < w->plan->host_count && w->verbose; i++) {
        host_print(&w->host[i]);
    }
}

bool world_run(const struct world_plan *plan, bool verbose, struct world_totals *totals)
{
    static struct world w;
    world_start(&w, plan, verbose);
    world_play(&w);
    bool failed_before_end = w.failed;
    if (w.failed) {
        print_failure(&w);
    }
    world_end(&w);
    add_totals(&w, totals);
    if (w.failed && !failed_before_end) {
        print_failure(&w);
    }
    return !w.failed;
}
