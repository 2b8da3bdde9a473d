/*
 * One host of a simulated world: see host.h.
 */
#include "tests/sim/host.h"

#include <stdio.h>
#include <string.h>

#include "kernel/bytes.h"
#include "kernel/pool.h"
#include "tests/sim/account.h"
#include "tests/sim/carve.h"
#include "tests/sim/world.h"
#include "tests/unit/segment_packet.h"
#include "tests/unit/tcp_check.h"

enum {
    TX_RESERVE_FRACTION = 8,
    /* Work for one frame: segments without payload (an ACK, a SYN, a RST, an ARP answer), beside
     * what waited for an answer of ARP, and no more payload segments than buffers to hold them. */
    BARE_ANSWERS_MAX = 4,
    ETHERNET_BYTES = 14,
    IP_DF = 0x4000,
};

/* By host; used again by the next world. */
static struct carve_memory memory[HOSTS_MAX];

/* RFC 9293 3.10.7, RFC 1122 3.2.2: what was broken on the way is answered by nothing, a RST
 * likewise; anything else by a bounded number of frames. */
static void check_work(struct host *h, bool payload)
{
    const struct wire_input *in = &h->world->wire.input;
    if (in->host != h->index) {
        return;
    }
    h->answers++;
    h->bare_answers += !payload;
    if (in->corrupted) {
        world_fail(h->world, "host %d answers a corrupted packet", h->index);
    }
    uint32_t bare_max = BARE_ANSWERS_MAX * h->given + h->waited;
    if (h->bare_answers > bare_max || h->answers > h->plan->packets + bare_max) {
        world_fail(h->world, "host %d sends %u frames for one, %u of them without payload",
                   h->index, h->answers, h->bare_answers);
    }
}

static const struct host_device *device(const struct host *h)
{
    return h->world->plan->device;
}

/* The trail's number for a frame: without the identification of what is not fragmented, and the
 * checksum over it. A device counts it up by segments, and it means nothing (RFC 6864 4.1). */
static uint64_t frame_mark(const struct host *h, const uint8_t *frame, size_t len)
{
    uint8_t copy[PKT_BUF_BYTES];
    uint8_t *ip = copy + (h->world->plan->ethernet ? ETHERNET_BYTES : 0);
    memcpy(copy, frame, len);
    bool ipv4 = ip == copy || load_be16(copy + 12) == 0x0800;
    if (ipv4 && (load_be16(ip + 6) & IP_DF) != 0) {
        store_be16(ip + 4, 0);
        store_be16(ip + 10, 0);
    }
    return trail_mix(h->world->now_ns + (uint64_t)h->index, copy, len);
}

/* A frame for the wire: judged, then copied onto it, unless a device of the host does that. */
static void frame_out(void *arg, const uint8_t *frame, size_t len)
{
    struct host *h = arg;
    struct world *w = h->world;
    struct wire_segment seg;
    if (w->plan->trail != NULL) {
        world_mark(w, "a frame", frame_mark(h, frame, len));
    }
    const char *wrong = wire_check(&w->wire, h->index, frame, len);
    bool tcp = wire_decode(&w->wire, frame, len, &seg);
    if (wrong != NULL) {
        world_fail(w, "host %d sends: %s", h->index, wrong);
    }
    check_work(h, tcp && seg.len > 0);
    if (device(h) != NULL) {
        return;
    }
    bool arp = w->plan->ethernet && frame[13] == 0x06;
    bool precious = arp || (tcp && (seg.flags & WIRE_SYN) != 0);
    enum link_fate fate = lan_send(&w->lan, h->index, frame, len, precious, w->now_ns);
    world_trace_frame(w, h->index, frame, len, wrong != NULL ? " BREACH" : world_fate(fate));
}

/* What a stack sends. What it asks of a device is done before it is judged, by every host. */
static void host_output(void *arg, struct pkt *p)
{
    struct host *h = arg;
    if (segment_packet(p, frame_out, h) == 0) {
        world_fail(h->world, "host %d asks a device for what makes no sense", h->index);
    }
    if (device(h) != NULL) {
        device(h)->send(h, p);
    } else {
        pkt_put(p);
    }
}

static void host_limits(const struct host *h, struct net_limits *l)
{
    *l = (struct net_limits){.arp_entries = 2 * HOSTS_MAX + 4,
                             .reass_datagrams = 16,
                             .reass_packets = 64,
                             .udp_sockets = 2 * TRAFFIC_MAX,
                             .tcp_connections = 32,
                             .tcp_half_open = 16,
                             .tcp_time_wait = 32,
                             .sockets = 32,
                             .epolls = 2,
                             .epoll_items = 32,
                             .tcp_rcvbuf_bytes = h->plan->rcvbuf_bytes,
                             .tcp_sndbuf_bytes = h->plan->sndbuf_bytes,
                             .tcp_rcvbuf_max_bytes = h->plan->buf_max_bytes,
                             .tcp_sndbuf_max_bytes = h->plan->buf_max_bytes,
                             .tcp_challenge_ms = 500};
}

static void host_config(struct host *h, uint64_t generation)
{
    const struct world_plan *plan = h->world->plan;
    struct net_config *cfg = &h->cfg;
    struct draw draw = {.state = mix_u64(plan->seed + 77 * generation) + (uint64_t)h->index};
    memset(cfg, 0, sizeof(*cfg));
    cfg->link = plan->ethernet ? NET_LINK_ETHERNET : NET_LINK_IP;
    cfg->mac[0] = 2;
    cfg->mac[5] = (uint8_t)(1 + h->index);
    cfg->mtu = h->plan->mtu;
    for (size_t k = 0; k < sizeof(cfg->seed); k++) {
        cfg->seed[k] = (uint8_t)draw_u64(&draw);
    }
    cfg->ip = (struct net_config_ip){
        .mode = NET_ADDRESS_STATIC, .address = LAN_ADDRESS + (uint32_t)h->index, .prefix_bits = 24};
    host_limits(h, &cfg->limits);
    cfg->tx_pool = &h->tx;
    cfg->tx_reserve = h->plan->packets / TX_RESERVE_FRACTION;
    cfg->output = host_output;
    cfg->arg = h;
    cfg->tcp_msl_ms = plan->msl_ms;
    cfg->tcp_isn_fixed = h->plan->isn_fixed;
    cfg->tcp_isn = h->plan->isn;
    cfg->tcp_ts_fixed = h->plan->ts_fixed;
    cfg->tcp_ts_start = h->plan->ts_start;
    cfg->tcp_off = h->plan->tcp_off;
    cfg->offload = h->plan->offload;
    cfg->gro_off = h->plan->gro_off;
    cfg->tcp_ecn = h->plan->ecn;
    cfg->tcp_congestion = h->plan->congestion;
}

void host_start(struct host *h, uint64_t generation)
{
    uint32_t packets = h->plan->packets;
    struct carve c = {
        .tx = &h->tx,
        .rx = &h->rx,
        .tx_packets = packets,
        .rx_packets = packets + (device(h) != NULL ? device(h)->rx_packets : 0),
        .bus = device(h) != NULL ? device(h)->bus : NULL,
        .net = &h->net,
        .config = &h->cfg,
        .now_ns = h->world->now_ns,
    };
    host_config(h, generation);
    h->memory_bytes = carve_stack(&c, &memory[h->index]);
    if (h->memory_bytes == 0) {
        world_fail(h->world, "host %d does not start", h->index);
        return;
    }
    h->up = true;
    h->memory = memory[h->index].bytes;
    if (device(h) != NULL) {
        device(h)->start(h);
    } else {
        net_set_link(h->net, true, h->world->now_ns);
    }
    app_host_up(h->world, h->index);
    traffic_host_up(h->world, h->index);
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

uint64_t host_give_ups(const struct host *h)
{
    return counter(h->net, "tcp_give_ups") + counter(h->net, "tcp_half_open_expired") +
           counter(h->net, "arp_drop_unresolved") + counter(h->net, "tcp_orphans_evicted") +
           counter(h->net, "tcp_stalled_evicted");
}

uint64_t host_evictions(const struct host *h)
{
    return counter(h->net, "tcp_stalled_evicted");
}

void host_stop(struct host *h)
{
    struct world *w = h->world;
    if (!h->up) {
        return;
    }
    host_mark(h);
    while (h->batch_count > 0) {
        pkt_put(h->batch[--h->batch_count]);
    }
    w->retransmissions += counter(h->net, "tcp_tx_retransmits");
    w->runs += counter(h->net, "tcp_tx_runs");
    w->in_runs += counter(h->net, "gro_segments");
    w->give_ups += host_give_ups(h);
    w->gave_up_before[h->index] += host_give_ups(h);
    net_destroy(h->net);
    h->up = false;
    if (device(h) != NULL) {
        device(h)->stop(h);
    }
    if (h->tx.used != 0 || h->rx.used != 0) {
        world_fail(w, "host %d destroyed with %u tx and %u rx packets out", h->index, h->tx.used,
                   h->rx.used);
    }
}

static void give_batch(struct host *h)
{
    struct world *w = h->world;
    uint32_t count = h->batch_count;
    if (count == 0) {
        return;
    }
    h->batch_count = 0;
    h->given = count;
    h->answers = h->bare_answers = 0;
    h->waited = account_waiting(h->net);
    wire_give_data(&w->wire, h->index);
    net_input_batch(h->net, h->batch, count, w->now_ns);
    wire_given(&w->wire);
}

uint64_t host_poll(struct host *h)
{
    if (!h->up) {
        return DEADLINE_NONE;
    }
    if (device(h) != NULL) {
        device(h)->run(h);
    }
    if (h->batch_count > 0 && h->world->now_ns >= h->batch_due_ns) {
        give_batch(h);
    }
    uint64_t next_ns = net_poll(h->net, h->world->now_ns);
    next_ns = h->batch_count > 0 ? min_u64(next_ns, h->batch_due_ns) : next_ns;
    return device(h) != NULL ? min_u64(next_ns, device(h)->flush(h)) : next_ns;
}

void host_input(struct host *h, struct pkt *p, bool corrupted)
{
    struct world *w = h->world;
    uint8_t bytes[PKT_BUF_BYTES]; /* the observer looks at them while the stack has the packet */
    give_batch(h);
    memcpy(bytes, p->data, pkt_len(p));
    h->given = 1;
    h->answers = h->bare_answers = 0;
    h->waited = account_waiting(h->net);
    wire_give(&w->wire, h->index, bytes, pkt_len(p), corrupted);
    if (w->plan->ethernet) {
        net_input(h->net, p, w->now_ns);
    } else {
        net_input_ip(h->net, p, w->now_ns);
    }
    wire_given(&w->wire);
}

/* What a device hands over at once is all kinds of frames; here it is what can be a run, so that
 * the observer knows what everything else is answered by. */
static bool goes_in_batch(const struct host *h, const struct link_frame *f)
{
    struct wire_segment seg;
    return h->plan->batch > 1 && !f->corrupted &&
           wire_decode(&h->world->wire, f->bytes, f->len, &seg) && seg.len > 0 &&
           (seg.flags & (WIRE_SYN | WIRE_FIN | WIRE_RST | WIRE_ACK)) == WIRE_ACK;
}

static void batch_add(struct host *h, struct pkt *p)
{
    if (h->batch_count == 0) {
        h->batch_due_ns = h->world->now_ns + h->plan->batch_ns;
    }
    h->batch[h->batch_count++] = p;
    if (h->batch_count == h->plan->batch) {
        give_batch(h);
    }
}

void host_deliver(struct host *h, const struct link_frame *f)
{
    struct world *w = h->world;
    if (device(h) != NULL) {
        device(h)->receive(h, f);
        return;
    }
    struct pkt *p = h->up ? pkt_alloc(&h->rx, 0) : NULL;
    world_trace_frame(w, f->from, f->bytes, f->len,
                      p != NULL ? "  arrives" : "  [nobody takes it]");
    if (p == NULL) {
        return;
    }
    memcpy(pkt_append(p, f->len), f->bytes, f->len);
    if (goes_in_batch(h, f)) {
        batch_add(h, p);
    } else {
        host_input(h, p, f->corrupted);
    }
}

/* Packets out of its pools and not on their way to its stack. */
static uint32_t packets_used(const struct host *h)
{
    return h->tx.used + h->rx.used - h->batch_count - (device(h) != NULL ? device(h)->holds(h) : 0);
}

uint32_t host_pools_used(const struct host *h, const char **name)
{
    uint32_t used = packets_used(h);
    *name = used > 0 ? "packets" : *name;
    const struct pool *p;
    for (size_t i = 0; (p = net_pool(h->net, i)) != NULL; i++) {
        used += p->used;
        *name = p->used > 0 ? p->name : *name;
    }
    return used;
}

void host_mark(struct host *h)
{
    if (h->world->plan->trail != NULL) {
        world_mark(h->world, "the state of a stack", account_digest(h->net));
    }
}

void host_check_account(const struct host *h)
{
    struct account a;
    tcp_check_invariants(h->net);
    account_of(&a, h->net);
    if (account_sum(&a) != packets_used(h) || a.send > h->tx.used) {
        world_fail(h->world,
                   "host %d: %u tx and %u rx packets out, but %u to send, %u received, %u for "
                   "neighbours, %u in reassembly, %u datagrams",
                   h->index, h->tx.used, h->rx.used, a.send, a.receive, a.neighbours, a.reassembly,
                   a.datagrams);
    }
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

void host_check_pools(const struct host *h)
{
    check_free_list(h->world, &h->tx);
    check_free_list(h->world, &h->rx);
}

void host_print(const struct host *h)
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
