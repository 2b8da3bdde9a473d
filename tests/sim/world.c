/*
 * A simulated world: see world.h.
 */
#include "tests/sim/world.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/pool.h"

enum {
    STEPS_MAX = 3000000,
    ROUNDS_MAX = 1000,            /* of timers and applications at one instant */
    FRAMES_IN_FLIGHT_MAX = 50000, /* far beyond all windows: two stacks that answer each other */
    FRAMES_MAX = 2000000,
    STALL_S = 420, /* TCP itself gives up after 300 s without progress */
    VIRTUAL_MAX_S = 4 * 3600,
    QUIET_S = 400, /* an orphan may live 120 s, FIN-WAIT-2 60 s, TIME-WAIT twice the MSL */
    LINE_BYTES = 160,
    ETH_BYTES = 14,
    MEMORY_FILL = 0xa5, /* what a host's memory holds before its stack is made */
    TX_RESERVE_FRACTION = 8,
};

/* The seed under test, for a failed assertion inside the stack: written for the signal handler. */
static struct {
    uint64_t seed;
    uint64_t now_ns;
} running;

/* A host's memory is used again by the next world: asking the system for it would cost more than
 * all the rest. */
static struct {
    void *bytes;
    size_t size_bytes;
} memory[2];

static void on_abort(int signal_number)
{
    char line[LINE_BYTES];
    int len = snprintf(line, sizeof(line), "sim: FAIL seed %llu: aborted at %llu ns\n",
                       (unsigned long long)running.seed, (unsigned long long)running.now_ns);
    if (write(STDERR_FILENO, line, (size_t)len) < 0) {
        return;
    }
}

void world_fail(struct world *w, const char *fmt, ...)
{
    if (w->failed) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->text, sizeof(w->text), fmt, ap);
    va_end(ap);
    w->failed = true;
}

void world_trace(const struct world *w, const char *fmt, ...)
{
    if (!w->verbose) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%12.6f ", (double)w->now_ns / 1e9);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

static void trace_frame(const struct world *w, int from, const uint8_t *bytes, size_t len,
                        const char *how)
{
    char line[LINE_BYTES];
    if (w->verbose) {
        wire_describe(&w->wire, from, bytes, len, line, sizeof(line));
        world_trace(w, "%s%s", line, how);
    }
}

/* What a stack sends: judged, then copied onto the link. */
static void host_output(void *arg, struct pkt *p)
{
    static const char *const fates[] = {"",        " [twice]",  " [late]",      " [corrupted]",
                                        " [lost]", " [outage]", " [queue full]"};
    struct host *h = arg;
    struct world *w = h->world;
    struct wire_segment seg;
    const char *wrong = wire_check(&w->wire, h->index, p->data, pkt_len(p));
    bool tcp = wire_decode(&w->wire, p->data, pkt_len(p), &seg);
    if (wrong != NULL) {
        world_fail(w, "host %d sends: %s", h->index, wrong);
    }
    if (tcp && (seg.flags & WIRE_RST) != 0 && w->input_is_rst) {
        world_fail(w, "host %d answers a RST with a RST", h->index);
    }
    bool precious = !tcp || (seg.flags & WIRE_SYN) != 0;
    enum link_fate fate = link_send(&w->link, h->index, p->data, pkt_len(p), w->now_ns, precious);
    trace_frame(w, h->index, p->data, pkt_len(p), wrong != NULL ? " BREACH" : fates[fate]);
    pkt_put(p);
}

static void host_config(struct host *h, uint64_t generation)
{
    const struct world_plan *plan = h->world->plan;
    int i = h->index;
    struct net_config *cfg = &h->cfg;
    struct draw draw = {.state = mix_u64(plan->seed + 77 * generation) + (uint64_t)i};
    memset(cfg, 0, sizeof(*cfg));
    cfg->link = plan->ethernet ? NET_LINK_ETHERNET : NET_LINK_IP;
    cfg->mac[0] = 2;
    cfg->mac[5] = (uint8_t)(1 + i);
    cfg->mtu = plan->mtu[i];
    for (size_t k = 0; k < sizeof(cfg->seed); k++) {
        cfg->seed[k] = (uint8_t)draw_u64(&draw);
    }
    cfg->ip = (struct net_config_ip){
        .mode = NET_ADDRESS_STATIC, .address = h->world->wire.address[i], .prefix_bits = 24};
    cfg->limits = (struct net_limits){.arp_entries = 8,
                                      .reass_datagrams = 2,
                                      .reass_packets = 8,
                                      .udp_sockets = 2,
                                      .tcp_connections = 32,
                                      .tcp_half_open = 16,
                                      .tcp_time_wait = 32,
                                      .sockets = 32,
                                      .epolls = 2,
                                      .epoll_items = 32,
                                      .tcp_rcvbuf_bytes = plan->rcvbuf_bytes[i],
                                      .tcp_sndbuf_bytes = plan->sndbuf_bytes[i],
                                      .tcp_rcvbuf_max_bytes = plan->buf_max_bytes[i],
                                      .tcp_sndbuf_max_bytes = plan->buf_max_bytes[i]};
    cfg->tx_pool = &h->tx;
    cfg->tx_reserve = plan->packets[i] / TX_RESERVE_FRACTION;
    cfg->output = host_output;
    cfg->arg = h;
    cfg->tcp_msl_ms = plan->msl_ms;
    cfg->tcp_isn_fixed = plan->isn_fixed[i];
    cfg->tcp_isn = plan->isn[i];
}

/* The same carving for measuring and for making (kernel/arena.h). */
static bool carve(struct host *h, struct arena *a)
{
    uint32_t packets = h->world->plan->packets[h->index];
    return pkt_pool_init(&h->tx, a, "tx", packets, NULL) == STATUS_OK &&
           pkt_pool_init(&h->rx, a, "rx", packets, NULL) == STATUS_OK &&
           net_create(&h->net, a, &h->cfg, h->world->now_ns) == STATUS_OK;
}

static void host_start(struct host *h, uint64_t generation)
{
    struct arena a;
    host_config(h, generation);
    arena_init(&a, NULL, 0);
    bool measured = carve(h, &a);
    assert(measured);
    size_t need_bytes = align_up(a.used_bytes, 4096);
    if (memory[h->index].size_bytes < need_bytes) {
        free(memory[h->index].bytes);
        memory[h->index].bytes = aligned_alloc(4096, need_bytes);
        memory[h->index].size_bytes = need_bytes;
        assert(memory[h->index].bytes != NULL);
    }
    memset(memory[h->index].bytes, MEMORY_FILL, need_bytes);
    arena_init(&a, memory[h->index].bytes, need_bytes);
    if (!carve(h, &a) || h->net == NULL) {
        world_fail(h->world, "host %d does not start", h->index);
        return;
    }
    h->up = true;
    net_set_link(h->net, true, h->world->now_ns);
    app_host_up(h->world, h->index);
}

static uint64_t counter(const struct net *n, const char *wanted)
{
    const char *name, *help;
    uint64_t value = 0;
    for (size_t i = 0; net_counter(n, i, &name, &help, &value); i++) {
        if (strcmp(name, wanted) == 0) {
            return value;
        }
    }
    assert(!"a counter of that name");
    return 0;
}

/* What the stack gave up on: a connection without progress, a handshake that was never completed, a
 * neighbour who did not answer. */
static uint64_t give_ups(const struct host *h)
{
    return counter(h->net, "tcp_give_ups") + counter(h->net, "tcp_half_open_expired") +
           counter(h->net, "arp_unresolved");
}

static void host_stop(struct host *h)
{
    if (!h->up) {
        return;
    }
    h->world->retransmissions += counter(h->net, "tcp_tx_retransmits");
    h->world->give_ups += give_ups(h);
    net_destroy(h->net);
    h->up = false;
    if (h->tx.used != 0 || h->rx.used != 0) {
        world_fail(h->world, "host %d destroyed with %u tx and %u rx packets out", h->index,
                   h->tx.used, h->rx.used);
    }
}

static void deliver(struct world *w, struct link_frame *f)
{
    struct host *h = &w->host[1 - f->from];
    struct pkt *p = h->up ? pkt_alloc(&h->rx, 0) : NULL;
    struct wire_segment seg;
    trace_frame(w, f->from, f->bytes, f->len, p != NULL ? "  arrives" : "  [nobody takes it]");
    if (p == NULL) {
        return;
    }
    memcpy(pkt_append(p, f->len), f->bytes, f->len);
    w->input_is_rst =
        wire_decode(&w->wire, f->bytes, f->len, &seg) && (seg.flags & WIRE_RST) && !f->corrupted;
    if (w->plan->ethernet) {
        net_input(h->net, p, w->now_ns);
    } else {
        net_input_ip(h->net, p, w->now_ns);
    }
    w->input_is_rst = false;
}

/* Timers and applications in turn until neither has anything to do at this instant. */
static void settle(struct world *w, bool with_apps)
{
    for (int round = 0; !w->failed; round++) {
        for (int i = 0; i < 2; i++) {
            struct host *h = &w->host[i];
            h->deadline_ns = h->up ? net_poll(h->net, w->now_ns) : DEADLINE_NONE;
        }
        if (!with_apps || !app_run(w)) {
            return;
        }
        if (round == ROUNDS_MAX) {
            world_fail(w, "the applications never come to rest");
        }
    }
}

static void restart_when_due(struct world *w)
{
    const struct world_plan *p = w->plan;
    if (p->restart_host < 0 || w->restarted) {
        return;
    }
    struct host *h = &w->host[p->restart_host];
    uint64_t down_ns = w->app.begin_ns + p->restart_ns;
    if (h->up && w->now_ns >= down_ns) {
        world_trace(w, "host %d goes down", h->index);
        app_host_down(w, h->index);
        host_stop(h);
        wire_excuse_all(&w->wire);
    }
    if (!h->up && w->now_ns >= down_ns + p->restart_down_ns) {
        world_trace(w, "host %d comes back", h->index);
        w->restarted = true;
        w->progress_ns = w->now_ns;
        host_start(h, 1);
    }
}

static uint64_t next_ns(const struct world *w, bool with_apps)
{
    const struct world_plan *p = w->plan;
    uint64_t next = min_u64(w->host[0].deadline_ns, w->host[1].deadline_ns);
    next = min_u64(next, link_next_ns(&w->link));
    if (with_apps) {
        next = min_u64(next, app_next_ns(w));
    }
    if (p->restart_host >= 0 && !w->restarted) {
        uint64_t at_ns = w->app.begin_ns + p->restart_ns;
        at_ns += w->host[p->restart_host].up ? 0 : p->restart_down_ns;
        next = min_u64(next, at_ns);
    }
    return next;
}

static void world_step(struct world *w, bool with_apps)
{
    uint64_t next = next_ns(w, with_apps);
    if (next == DEADLINE_NONE) {
        world_fail(w, "nothing will ever happen again");
        return;
    }
    w->now_ns = max_u64(w->now_ns, next);
    running.now_ns = w->now_ns;
    w->steps++;
    struct link_frame *f;
    while (!w->failed && (f = link_take(&w->link, w->now_ns)) != NULL) {
        deliver(w, f);
        free(f);
        if (w->link.count > FRAMES_IN_FLIGHT_MAX || w->link.frames_in > FRAMES_MAX) {
            world_fail(w, "a storm of frames: %zu on the way", w->link.count);
        }
    }
    restart_when_due(w);
    settle(w, with_apps);
    if (w->steps >= STEPS_MAX || w->now_ns > VIRTUAL_MAX_S * NS_PER_S) {
        world_fail(w, "no end in sight after %llu steps", (unsigned long long)w->steps);
    }
}

/* Both hosts have their addresses: connections may begin. */
static bool addressed(const struct world *w)
{
    return net_address(w->host[0].net) != 0 && net_address(w->host[1].net) != 0;
}

/* Objects out of a stack's pools; *name gets one of them. */
static uint32_t pools_used(const struct host *h, const char **name)
{
    uint32_t used = h->tx.used + h->rx.used;
    *name = used > 0 ? "packets" : *name;
    const struct pool *p;
    for (size_t i = 0; (p = net_pool(h->net, i)) != NULL; i++) {
        used += p->used;
        *name = p->used > 0 ? p->name : *name;
    }
    return used;
}

static void check_free_list(struct world *w, const struct pkt_pool *pool)
{
    uint32_t count = 0;
    for (const struct pkt *p = pool->free; p != NULL && count <= pool->count; p = p->next) {
        count++;
    }
    if (count + pool->used != pool->fresh) {
        world_fail(w, "pool %s: %u free and %u out of %u", pool->name, count, pool->used,
                   pool->fresh);
    }
}

/* Listeners closed, TIME-WAIT over: everything must be home. */
static void run_until_quiet(struct world *w)
{
    const char *name = "none";
    uint64_t end_ns = w->now_ns + (QUIET_S + 2 * (uint64_t)w->plan->msl_ms / MS_PER_S) * NS_PER_S;
    app_close(w);
    settle(w, false);
    while (!w->failed && pools_used(&w->host[0], &name) + pools_used(&w->host[1], &name) > 0) {
        if (w->now_ns > end_ns) {
            world_fail(w, "%s not given back long after the end", name);
        }
        world_step(w, false);
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
    wire_init(&w->wire, plan->seed, plan->ethernet, plan->mtu);
    link_init(&w->link, plan->seed, plan->link, plan->ethernet ? ETH_BYTES : 0);
    app_init(w, &plan->app);
    for (int i = 0; i < 2; i++) {
        w->host[i].world = w;
        w->host[i].index = i;
        w->host[i].deadline_ns = w->now_ns;
        host_start(&w->host[i], 0);
    }
    while (!w->failed && !addressed(w)) {
        world_step(w, false);
    }
    w->app.begin_ns = w->progress_ns = w->now_ns;
}

/* Did a stack rightly give up on the other: over a link that lost something, or on a dead one? */
static bool gave_up(const struct world *w)
{
    bool lossy = w->link.frames_lost + w->link.frames_corrupted > 0 || w->restarted;
    return lossy && give_ups(&w->host[0]) + give_ups(&w->host[1]) > 0;
}

/* The counters of a host that is being looked at closely. */
static void print_counters(const struct host *h)
{
    const char *name, *help;
    uint64_t value;
    for (size_t i = 0; h->up && net_counter(h->net, i, &name, &help, &value); i++) {
        if (value != 0) {
            fprintf(stderr, "  host %d %s %llu\n", h->index, name, (unsigned long long)value);
        }
    }
    fprintf(stderr, "  host %d packets out: tx %u, rx %u of %u\n", h->index, h->tx.used, h->rx.used,
            h->tx.count);
}

static void print_failure(const struct world *w)
{
    fprintf(stderr, "sim: FAIL seed %llu at %.6f s: %s\n", (unsigned long long)w->plan->seed,
            (double)w->now_ns / 1e9, w->text);
    app_print(w);
    for (int i = 0; i < 2 && w->verbose; i++) {
        print_counters(&w->host[i]);
    }
}

static void world_play(struct world *w)
{
    settle(w, true);
    while (!w->failed && (!app_done(w) || (w->plan->restart_host >= 0 && !w->restarted))) {
        world_step(w, true);
        if (w->now_ns > w->progress_ns + STALL_S * NS_PER_S) {
            world_fail(w, "stalled: nobody got on for %d s", STALL_S);
        }
    }
    w->done_ns = w->now_ns;
    if (!w->failed) {
        app_check(w, gave_up(w));
    }
    if (!w->failed && !w->plan->end_early) {
        run_until_quiet(w);
    }
}

static void world_end(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        struct host *h = &w->host[i];
        if (!w->failed || h->up) {
            host_stop(h);
        }
        check_free_list(w, &h->tx);
        check_free_list(w, &h->rx);
    }
    link_free(&w->link);
}

static void add_totals(const struct world *w, struct world_totals *t)
{
    t->worlds++;
    t->failures += w->failed;
    t->virtual_ns += w->done_ns - w->app.begin_ns;
    t->steps += w->steps;
    t->segments += w->wire.segments;
    t->frames_lost += w->link.frames_lost;
    t->frames_corrupted += w->link.frames_corrupted;
    t->retransmissions += w->retransmissions;
    t->give_ups += w->give_ups;
    t->rst_segments += w->wire.resets;
    for (uint32_t i = 0; i < w->plan->app.conn_count; i++) {
        for (int h = 0; h < 2; h++) {
            t->stream_bytes += w->app.conn[i].end[h].received;
            int error = w->app.conn[i].end[h].error;
            t->resets += error == -ECONNRESET || error == -EPIPE;
        }
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

double world_wall_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void world_report(const char *what, const struct world_totals *t, double wall_s)
{
    printf("sim: %s: %llu worlds, %llu failed; %.0f s virtual, %.1f MB read, %llu segments, %llu "
           "retransmitted, %llu frames lost, %llu corrupted, %llu ends reset, %llu given up; "
           "%.1f s\n",
           what, (unsigned long long)t->worlds, (unsigned long long)t->failures,
           (double)t->virtual_ns / 1e9, (double)t->stream_bytes / 1e6,
           (unsigned long long)t->segments, (unsigned long long)t->retransmissions,
           (unsigned long long)t->frames_lost, (unsigned long long)t->frames_corrupted,
           (unsigned long long)t->resets, (unsigned long long)t->give_ups, wall_s);
    fflush(stdout);
}

bool world_seeds(uint64_t *first, uint64_t *count)
{
    const char *one = getenv("RINGSIDE_SIM_SEED");
    const char *many = getenv("RINGSIDE_SIM_SEEDS");
    const char *from = getenv("RINGSIDE_SIM_FIRST");
    *first = from != NULL ? strtoull(from, NULL, 0) : *first;
    *count = many != NULL ? strtoull(many, NULL, 0) : *count;
    if (one != NULL) {
        *first = strtoull(one, NULL, 0);
        *count = 1;
    }
    return one != NULL;
}
