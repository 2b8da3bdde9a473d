/*
 * The drawing of worlds: see plan.h. Every kind of fault is on or off in a world; where it is on,
 * each way of each host has it or has it not, in a degree of its own.
 */
#include "tests/sim/plan.h"

#include <string.h>

enum {
    STREAM_MAX_BYTES = 300 * 1024,
    STREAM_LONG_MAX_BYTES = 2 * 1024 * 1024,
    STREAM_LOSSY_MAX_BYTES = 24 * 1024,
    LOSSY_PPM = 50 * 1000,
    CALM_PPM = 10 * 1000,
    OUTAGE_PPM = 100 * 1000, /* what an outage or a partition counts as */
    SLOW_BPS = 1000 * 1000,
};
#define SHORT_TRIP_NS (40 * (uint64_t)NS_PER_MS)

enum fault {
    FAULT_LOSS,
    FAULT_BURSTS,
    FAULT_REORDER,
    FAULT_DUPLICATE,
    FAULT_CORRUPT,
    FAULT_OUTAGES,
    FAULT_PARTITION,
    FAULT_JITTER,
    FAULT_RATE,
    FAULT_NARROW, /* a path MTU below the interfaces' */
    FAULTS,
};

struct drawing {
    struct draw d;
    struct world_plan *plan;
    bool on[FAULTS];
};

static uint64_t ms(uint64_t n)
{
    return n * NS_PER_MS;
}

static bool one_in(struct drawing *g, uint64_t n)
{
    return draw_below(&g->d, n) == 0;
}

/* A quarter of the worlds has no faults at all but those of capacity. */
static void draw_faults(struct drawing *g)
{
    bool clean = one_in(g, 4);
    for (int f = 0; f < FAULTS; f++) {
        bool on = one_in(g, f == FAULT_PARTITION || f == FAULT_OUTAGES ? 6 : 3);
        g->on[f] = on && (!clean || f == FAULT_JITTER || f == FAULT_RATE);
    }
    g->on[FAULT_RATE] = g->on[FAULT_RATE] || one_in(g, 4);
}

/* Is the fault on this way? */
static bool has(struct drawing *g, enum fault f)
{
    return g->on[f] && draw_below(&g->d, 3) != 0;
}

static uint32_t scaled_ppm(struct drawing *g, uint32_t low, uint32_t high)
{
    return (uint32_t)draw_scaled(&g->d, low, high);
}

static void draw_losses(struct drawing *g, struct link_params *l)
{
    if (has(g, FAULT_LOSS)) {
        l->loss_ppm =
            one_in(g, 2) ? scaled_ppm(g, 100, 20 * 1000) : scaled_ppm(g, 10 * 1000, 200 * 1000);
    }
    if (has(g, FAULT_BURSTS)) { /* bursts of 2 to 20 frames, rare enough on the average */
        l->burst_enter_ppm = scaled_ppm(g, 500, 10 * 1000);
        l->burst_leave_ppm = scaled_ppm(g, 50 * 1000, 500 * 1000);
        l->burst_loss_ppm = scaled_ppm(g, 250 * 1000, 1000 * 1000);
    }
    if (has(g, FAULT_CORRUPT)) {
        l->corrupt_ppm = scaled_ppm(g, 1000, 50 * 1000);
    }
    if (has(g, FAULT_OUTAGES)) {
        l->outage_every_ns = draw_scaled(&g->d, ms(500), ms(20000));
        l->outage_ns = draw_scaled(&g->d, ms(5), l->outage_every_ns / 8);
    }
}

static void draw_way(struct drawing *g, struct link_params *l)
{
    struct draw *d = &g->d;
    memset(l, 0, sizeof(*l));
    l->delay_ns = draw_scaled(d, 50 * NS_PER_US, ms(100));
    l->jitter_ns = has(g, FAULT_JITTER) ? draw_between(d, 0, l->delay_ns / 2) : 0;
    l->reorder_ns = l->delay_ns + draw_between(d, 1, ms(20));
    l->outage_ns = 1;
    if (has(g, FAULT_RATE)) {
        l->rate_bps = draw_scaled(d, 200 * 1000, 1000 * 1000 * 1000);
        l->queue_ns = draw_scaled(d, ms(20), ms(800));
        l->mark_ns = l->queue_ns / 2; /* matters where both ends use ECN */
    }
    draw_losses(g, l);
    l->duplicate_ppm = has(g, FAULT_DUPLICATE) ? scaled_ppm(g, 1000, 200 * 1000) : 0;
    l->reorder_ppm = has(g, FAULT_REORDER) ? scaled_ppm(g, 1000, 300 * 1000) : 0;
}

static uint32_t way_badness(const struct link_params *l)
{
    uint32_t bad = l->loss_ppm + l->corrupt_ppm + (l->outage_every_ns != 0 ? OUTAGE_PPM : 0);
    if (l->burst_enter_ppm != 0) {
        uint64_t share = (uint64_t)l->burst_enter_ppm * l->burst_loss_ppm /
                         (l->burst_enter_ppm + l->burst_leave_ppm);
        bad += (uint32_t)share;
    }
    return bad;
}

/* How much goes wrong between the ends of a connection, both ways. */
static uint32_t badness(const struct world_plan *p, const struct conn_plan *c)
{
    uint32_t sum = p->partition_count > 0 ? OUTAGE_PPM : 0;
    for (int side = 0; side < 2; side++) {
        const struct lan_params *l = &p->host[c->host[side]].lan;
        sum += way_badness(&l->up) + way_badness(&l->down);
    }
    return sum;
}

/* Losses cost timeouts, these cost round trips: a near peer may be sent more. */
static uint32_t most_bytes(struct drawing *g, const struct conn_plan *c)
{
    const struct world_plan *p = g->plan;
    uint64_t trip_ns = 0;
    bool slow = false;
    for (int side = 0; side < 2; side++) {
        const struct lan_params *l = &p->host[c->host[side]].lan;
        trip_ns += l->up.delay_ns + l->down.delay_ns;
        slow = slow || (l->up.rate_bps != 0 && l->up.rate_bps < SLOW_BPS) ||
               (l->down.rate_bps != 0 && l->down.rate_bps < SLOW_BPS);
    }
    bool good = trip_ns < SHORT_TRIP_NS && !slow;
    if (badness(p, c) > LOSSY_PPM) {
        return good && one_in(g, 3) ? STREAM_MAX_BYTES : STREAM_LOSSY_MAX_BYTES;
    }
    return good && one_in(g, 16) ? STREAM_LONG_MAX_BYTES : STREAM_MAX_BYTES;
}

static void draw_end(struct drawing *g, const struct conn_plan *c, struct end_plan *e)
{
    struct draw *d = &g->d;
    uint32_t most = most_bytes(g, c);
    memset(e, 0, sizeof(*e));
    e->bytes = one_in(g, 5) ? (uint32_t)draw_below(d, 3) : (uint32_t)draw_scaled(d, 1, most);
    e->write_bytes = (uint32_t)draw_scaled(d, 1 + e->bytes / 500, APP_CHUNK_MAX_BYTES);
    e->read_bytes = (uint32_t)draw_scaled(d, 1 + e->bytes / 500, APP_CHUNK_MAX_BYTES);
    e->nodelay = one_in(g, 2);
    e->more = one_in(g, 6);
    if (one_in(g, 3)) {
        e->stall_at = (uint32_t)draw_below(d, most / 4);
        e->stall_ns = draw_scaled(d, ms(10), ms(30000));
    }
    if (one_in(g, 4)) {
        e->pause_ppm = scaled_ppm(g, 1000, 500 * 1000);
        e->pause_ns = draw_scaled(d, ms(1), ms(500));
    }
}

/* Which manners of leaving go together: somebody must go first. */
static void draw_leaving(struct drawing *g, struct conn_plan *c)
{
    static const enum end_mode orderly[] = {END_HALF_CLOSE, END_WAIT, END_COUNT, END_SHUT_BOTH};
    struct draw *d = &g->d;
    int first = (int)draw_below(d, 2);
    struct end_plan *a = &c->end[first];
    struct end_plan *b = &c->end[1 - first];
    a->mode = orderly[draw_below(d, 4)];
    b->mode = orderly[draw_below(d, 4)];
    if (a->mode == END_WAIT && b->mode == END_WAIT) {
        b->mode = END_HALF_CLOSE;
    }
    if (one_in(g, 4)) {
        a->mode = END_FIRE;
        b->bytes = one_in(g, 2) ? 0 : b->bytes;
    } else if (one_in(g, 5)) {
        a->mode = one_in(g, 2) ? END_UNREAD : END_ABORT;
        uint32_t bytes = a->mode == END_UNREAD ? b->bytes : a->bytes;
        a->quit_at = (uint32_t)draw_below(d, bytes + 1);
    } else {
        return;
    }
    /* The side that is left may have lost the RST: only a keep-alive probe tells it. */
    a->keepalive = b->keepalive = true;
}

/* An orderly end has said all it has to when the other one leaves, and a FIN is sent until it is
 * heard of: nobody needs to ask. But where a stack may rightly give up its RST may be lost as well,
 * and who does not ask is never told (app_drop_abandoned). */
static void draw_keepalive(struct drawing *g, struct conn_plan *c)
{
    bool bad = badness(g->plan, c) > CALM_PPM;
    for (int side = 0; side < 2; side++) {
        c->end[side].keepalive = one_in(g, bad ? 2 : 8);
    }
}

static void draw_conn(struct drawing *g, struct conn_plan *c)
{
    struct draw *d = &g->d;
    memset(c, 0, sizeof(*c));
    uint64_t count = (uint64_t)g->plan->host_count;
    c->host[0] = (int)draw_below(d, count);
    c->host[1] = (int)((uint64_t)c->host[0] + draw_between(d, 1, count - 1)) % (int)count;
    c->client = (int)draw_below(d, 2);
    c->simultaneous = one_in(g, 20);
    c->own_port = one_in(g, 2);
    c->start_ns = one_in(g, 2) ? 0 : draw_below(d, ms(5000));
    draw_end(g, c, &c->end[0]);
    draw_end(g, c, &c->end[1]);
    draw_keepalive(g, c);
    draw_leaving(g, c);
    if (c->end[c->client].bytes == 0) {
        /* A client that says nothing may for ever believe in a connection whose handshake's last
         * ACK was lost: TCP has no cure for that. So it probes. */
        c->end[c->client].keepalive = true;
    }
    if (one_in(g, 6)) {
        c->end[0].close_not_before_ns = c->end[1].close_not_before_ns = ms(draw_below(d, 60000));
    }
}

/* Hosts are destroyed in the middle and come back; new connections are made afterwards. */
static void draw_restarts(struct drawing *g)
{
    struct world_plan *p = g->plan;
    struct draw *d = &g->d;
    if (!one_in(g, 8)) {
        return;
    }
    p->restart_count = one_in(g, 4) ? 2 : 1;
    int first = (int)draw_below(d, (uint64_t)p->host_count);
    for (uint32_t i = 0; i < p->restart_count; i++) {
        p->restart[i] = (struct restart_plan){.host = (first + (int)i) % p->host_count,
                                              .at_ns = draw_scaled(d, ms(1), ms(10000)),
                                              .down_ns = draw_scaled(d, ms(1), ms(5000))};
    }
    for (uint32_t i = 0; i < p->app.conn_count; i++) {
        struct conn_plan *c = &p->app.conn[i];
        c->after_restart = i > 0 && one_in(g, 2);
        if (c->after_restart) {
            c->own_port = true; /* ports that the old connections had not */
            c->start_ns = 0;
        }
        c->end[0].keepalive = c->end[1].keepalive = true;
    }
}

static void draw_partitions(struct drawing *g)
{
    struct world_plan *p = g->plan;
    struct draw *d = &g->d;
    if (!g->on[FAULT_PARTITION]) {
        return;
    }
    p->partition_count = (uint32_t)draw_between(d, 1, PARTITIONS_MAX);
    for (uint32_t i = 0; i < p->partition_count; i++) {
        uint32_t all = (1u << p->host_count) - 1;
        p->partition[i] = (struct partition_plan){.side = (uint32_t)draw_between(d, 1, all - 1),
                                                  .at_ns = draw_scaled(d, ms(1), ms(20000)),
                                                  .lasts_ns = draw_scaled(d, ms(10), ms(20000))};
    }
}

/* Some send datagrams of any size, in fragments. Drawn from the seed alone: the worlds of the
 * others are what they were without. */
static void draw_large(const struct world_plan *p, uint32_t i, struct traffic_plan *t)
{
    uint64_t drawn = mix_u64(p->seed ^ (UINT64_C(0x1a46e) + i));
    if (drawn % 4 == 0) {
        uint32_t most = TRAFFIC_LARGE_BYTES_MAX - TRAFFIC_HEADER_BYTES;
        t->bytes_max = drawn % 8 == 0 ? most : (uint32_t)(drawn / 8 % (most + 1));
        t->count = min_u32(t->count, TRAFFIC_LARGE_COUNT_MAX);
    }
}

static void draw_traffic(struct drawing *g)
{
    struct world_plan *p = g->plan;
    struct draw *d = &g->d;
    p->traffic_count = one_in(g, 4) ? (uint32_t)draw_between(d, 1, TRAFFIC_MAX) : 0;
    for (uint32_t i = 0; i < p->traffic_count; i++) {
        int from = (int)draw_below(d, (uint64_t)p->host_count);
        p->traffic[i] = (struct traffic_plan){
            .from = from,
            .to = (from + 1) % p->host_count,
            .every_ns = draw_scaled(d, ms(1), ms(500)),
            .count = (uint32_t)draw_scaled(d, 1, 200),
            .bytes_max = (uint32_t)draw_scaled(d, 8, TRAFFIC_BYTES_MAX - TRAFFIC_HEADER_BYTES),
            .closed_ppm = one_in(g, 3) ? scaled_ppm(g, 10 * 1000, 500 * 1000) : 0};
        draw_large(p, i, &p->traffic[i]);
    }
    p->ping_every_ns = one_in(g, 4) ? draw_scaled(d, ms(5), ms(1000)) : 0;
}

/* Parts of TCP that this host does without, or starts at an awkward place. */
static void draw_features(struct drawing *g, struct host_plan *h)
{
    static const uint32_t parts[] = {NET_TCP_OFF_TIMESTAMPS, NET_TCP_OFF_SACK,   NET_TCP_OFF_WSCALE,
                                     NET_TCP_OFF_RACK,       NET_TCP_OFF_TLP,    NET_TCP_OFF_FRTO,
                                     NET_TCP_OFF_COOKIES,    NET_TCP_OFF_TUNING, NET_TCP_OFF_PMTUD};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        h->tcp_off |= one_in(g, 6) ? parts[i] : 0;
    }
    h->ecn = one_in(g, 4);
    h->congestion = one_in(g, 3) ? "newreno" : NULL;
    h->ts_fixed = one_in(g, 3);
    h->ts_start = (one_in(g, 2) ? UINT32_MAX : INT32_MAX) -
                  (uint32_t)draw_scaled(&g->d, MS_PER_S, 60 * MS_PER_S);
    h->isn_fixed = one_in(g, 3);
    h->isn = (one_in(g, 2) ? UINT32_MAX : INT32_MAX) - (uint32_t)draw_scaled(&g->d, 1, 100 * 1000);
}

/* What the device does for the stack. Drawn from the seed alone, as draw_large. */
static uint32_t draw_offload(const struct drawing *g, const struct host_plan *h)
{
    uint64_t i = (uint64_t)(h - g->plan->host);
    switch (mix_u64(g->plan->seed ^ (UINT64_C(0x0ff10ad) + i)) % 4) {
    case 0:
        return 0;
    case 1:
        return NET_OFFLOAD_TX_CSUM;
    default:
        return NET_OFFLOAD_TX_CSUM | NET_OFFLOAD_TSO;
    }
}

/* Of a generator of its own: worlds are otherwise what they were before there was any batch. */
static void draw_batches(struct world_plan *p)
{
    struct draw d = {.state = mix_u64(p->seed ^ UINT64_C(0x67726f))};
    for (int i = 0; i < p->host_count; i++) {
        p->host[i].batch = (uint32_t)draw_scaled(&d, 1, HOST_BATCH_MAX);
        p->host[i].batch_ns = draw_scaled(&d, NS_PER_US, NS_PER_MS);
    }
}

static void draw_host(struct drawing *g, struct host_plan *h)
{
    struct draw *d = &g->d;
    h->mtu = one_in(g, 3) ? (uint16_t)draw_between(d, 576, 1500) : 1500;
    h->rcvbuf_bytes = (uint32_t)draw_scaled(d, 2048, 512 * 1024);
    h->sndbuf_bytes = (uint32_t)draw_scaled(d, 2048, 512 * 1024);
    h->buf_max_bytes = one_in(g, 2) ? (uint32_t)draw_scaled(d, 8192, 2 * 1024 * 1024) : 0;
    h->packets = (uint32_t)draw_scaled(d, 48, 1024);
    draw_features(g, h);
    h->offload = draw_offload(g, h);
    draw_way(g, &h->lan.up);
    if (one_in(g, 2)) {
        draw_way(g, &h->lan.down);
    }
    if (has(g, FAULT_NARROW)) {
        h->lan.down_mtu = (uint16_t)draw_between(d, 576, 1499);
        h->lan.black_hole = one_in(g, 3);
    }
}

static int draw_host_count(struct drawing *g)
{
    switch (draw_below(&g->d, 8)) {
    case 0:
        return (int)draw_between(&g->d, 4, HOSTS_MAX);
    case 1:
    case 2:
    case 3:
        return 3;
    default:
        return 2;
    }
}

void plan_draw(struct world_plan *p, uint64_t seed)
{
    struct drawing g = {.d = {.state = mix_u64(seed + 1)}, .plan = p};
    memset(p, 0, sizeof(*p));
    p->seed = seed;
    p->host_count = draw_host_count(&g);
    p->ethernet = !one_in(&g, 4);
    p->edge_triggered = one_in(&g, 2);
    p->msl_ms = one_in(&g, 2) ? 0 : (uint32_t)draw_between(&g.d, 100, 5000);
    draw_faults(&g);
    draw_partitions(&g);
    bool same = one_in(&g, 2);
    for (int i = 0; i < p->host_count; i++) {
        draw_host(&g, &p->host[i]);
        if (same) {
            p->host[i].lan = p->host[0].lan;
        }
    }
    uint64_t least = p->host_count > 2 ? 2 : 1;
    p->app.conn_count = (uint32_t)draw_between(&g.d, least, one_in(&g, 8) ? CONNS_MAX : 5);
    for (uint32_t i = 0; i < p->app.conn_count; i++) {
        draw_conn(&g, &p->app.conn[i]);
    }
    draw_restarts(&g);
    draw_traffic(&g);
    p->end_early = one_in(&g, 10);
    draw_batches(p);
}
