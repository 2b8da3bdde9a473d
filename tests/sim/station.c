/*
 * A host's device and driver: see station.h.
 */
#include "tests/sim/station.h"

#include <string.h>

#include "drivers/e1000/e1000.h"
#include "drivers/netdev.h"
#include "kernel/dma.h"
#include "tests/sim/draw.h"
#include "tests/sim/world.h"
#include "tests/unit/chip.h"

#define WAKE_NS     (50 * NS_PER_US)
#define CALM_MIN_NS (5 * NS_PER_MS)
#define CALM_MAX_NS (4 * NS_PER_S)
#define BACK_NS     (35 * NS_PER_S) /* a driver that rested for half a minute included */

enum {
    FAULTS_MAX = 6, /* of a device in a world */
    WAKES = 8,      /* looks for messages that the model holds back: 12 ms in all */
    TURNS = 16,
    LINE_BYTES = 80,
};

static const uint16_t devices[] = {0x10d3, 0x1533, 0x10d3, 0x1533, 0x1521, 0x10c9, 0x10a7,
                                   0x100e, 0x105e, 0x108b, 0x10cd, 0x1502, 0x153a, 0x15b7};

struct station {
    bool powered;
    uint16_t device;
    enum irq_kind kind;
    struct host *host;
    struct chip chip;
    struct pci_device dev;
    struct e1000 e;
    struct netdev netdev;
    softirq_fn *net_tx;
    bool scheduled, tx_raised;
    uint64_t next_ns; /* netdev's */
    uint64_t wake_ns;
    uint32_t wakes;
    uint64_t busy_until_ns;
    struct draw draw;
    uint32_t faults_left;
    const struct fault *fault; /* that lasts */
    uint64_t change_ns;        /* when it ends, or the next begins */
    uint64_t fault_count, lost;
};

static struct station stations[HOSTS_MAX];
static struct station *current; /* whose driver runs */

/* --- what netdev wants of the kernel ------------------------------------------------------- */

void napi_schedule(struct napi *n)
{
    assert(n == &current->netdev.napi);
    current->scheduled = true;
}

void softirq_register(enum softirq nr, softirq_fn *fn, void *arg)
{
    assert(nr == SOFTIRQ_NET_TX && arg == &current->netdev);
    current->net_tx = fn;
}

void softirq_raise(enum softirq nr)
{
    assert(nr == SOFTIRQ_NET_TX);
    current->tx_raised = true;
}

void loop_add_source(struct loop_source *s)
{
    assert(s == &current->netdev.source);
}

/* --- a chip's surroundings ------------------------------------------------------------------ */

/* A driver that spins is ahead of the world for as long. */
static struct station *enter(const struct host *h)
{
    struct station *s = &stations[h->index];
    current = s;
    chip_select(&s->chip);
    s->chip.now_ns = max_u64(s->chip.now_ns, h->world->now_ns);
    return s;
}

static void on_message(void *arg, uint32_t vector)
{
    struct station *s = arg;
    if (s->e.state != E1000_CLOSED) {
        (void)netdev_irq(&s->netdev, vector);
    }
}

static void on_wire(void *arg, const uint8_t *frame, size_t len)
{
    struct station *s = arg;
    struct world *w = s->host->world;
    struct wire_segment seg;
    bool tcp = wire_decode(&w->wire, frame, len, &seg);
    bool arp = frame[12] == 0x08 && frame[13] == 0x06;
    bool precious = arp || (tcp && (seg.flags & WIRE_SYN) != 0);
    enum link_fate fate = lan_send(&w->lan, s->host->index, frame, len, precious, w->now_ns);
    world_trace_frame(w, s->host->index, frame, len, world_fate(fate));
}

/* --- faults --------------------------------------------------------------------------------- */

struct fault {
    const char *name;
    void (*begin)(struct station *s);
    void (*end)(struct station *s); /* NULL: nothing ends it but the driver */
    uint32_t most_ms;
};

static void tx_hang(struct station *s)
{
    s->chip.tx_hang = true;
}

static void rx_hang(struct station *s)
{
    s->chip.rx_hang = true;
}

static void both_hang(struct station *s)
{
    s->chip.tx_hang = s->chip.rx_hang = true;
}

static void stuck_reset(struct station *s)
{
    s->chip.tx_hang = s->chip.reset_stuck = true;
}

static void loose_reset(struct station *s)
{
    s->chip.reset_stuck = false;
}

static void lose_interrupts(struct station *s)
{
    s->chip.irq_lose = (uint32_t)draw_between(&s->draw, 1, 8);
}

static void late_interrupts(struct station *s)
{
    s->chip.irq_late_ns = draw_between(&s->draw, NS_PER_US, 5 * NS_PER_MS);
}

static void timely_interrupts(struct station *s)
{
    s->chip.irq_late_ns = 0;
}

static void link_down(struct station *s)
{
    chip_set_link(&s->chip, false, 0, false);
}

static void link_up(struct station *s)
{
    static const uint32_t speeds[] = {10, 100, 1000, 1000};
    chip_set_link(&s->chip, true, speeds[draw_below(&s->draw, ARRAY_SIZE(speeds))], true);
}

/* Somebody else's work holds the loop: the ring runs full, then the FIFO over. */
static void busy(struct station *s)
{
    s->busy_until_ns = s->chip.now_ns + draw_between(&s->draw, NS_PER_MS, 200 * NS_PER_MS);
}

static void late_reports(struct station *s)
{
    s->chip.tx_hold_dd = true;
}

static void all_reports(struct station *s)
{
    s->chip.tx_hold_dd = false;
    chip_tx_writeback(&s->chip);
}

static void late_frames(struct station *s)
{
    s->chip.rx_hold = true;
}

static void all_frames(struct station *s)
{
    s->chip.rx_hold = false;
    chip_rx_writeback(&s->chip, UINT32_MAX, false);
}

static void backwards(struct station *s)
{
    s->chip.rx_backwards = true;
}

static void forwards(struct station *s)
{
    s->chip.rx_backwards = false;
}

static void paused(struct station *s)
{
    s->chip.tx_paused = true;
}

static void go_on(struct station *s)
{
    s->chip.tx_paused = false;
    (void)chip_tx_work(&s->chip, UINT32_MAX);
}

static void off_the_bus(struct station *s)
{
    s->chip.gone = true;
}

static void on_the_bus(struct station *s)
{
    chip_come_back(&s->chip);
}

static void forget(struct station *s)
{
    off_the_bus(s);
    on_the_bus(s);
}

static void firmware_holds(struct station *s)
{
    s->chip.tx_hang = true;
    s->chip.fw_holds_until_ns = s->chip.now_ns + draw_between(&s->draw, 1, 4 * NS_PER_S);
}

static void engine_busy(struct station *s)
{
    s->chip.me_busy_until_ns = s->chip.now_ns + draw_between(&s->draw, 1, 5 * NS_PER_MS);
}

static const struct fault faults[] = {
    {"TX hang", tx_hang, NULL, 1},
    {"RX stall", rx_hang, NULL, 1},
    {"TX and RX hang", both_hang, NULL, 1},
    {"a reset that does not end", stuck_reset, loose_reset, 3000},
    {"interrupts lost", lose_interrupts, NULL, 1},
    {"interrupts late", late_interrupts, timely_interrupts, 3000},
    {"link down", link_down, link_up, 3000},
    {"busy", busy, NULL, 200},
    {"late DD, sent", late_reports, all_reports, 800},
    {"late DD, received", late_frames, all_frames, 800},
    {"written back in disorder", backwards, forwards, 3000},
    {"paused", paused, go_on, 3000},
    {"off the bus", off_the_bus, on_the_bus, 3000},
    {"set-up forgotten", forget, NULL, 1},
    {"firmware holds the PHY", firmware_holds, NULL, 1},
    {"management engine busy", engine_busy, NULL, 5},
};

static void end_fault(struct station *s)
{
    if (s->fault != NULL && s->fault->end != NULL) {
        world_trace(s->host->world, "host %d: over: %s", s->host->index, s->fault->name);
        s->fault->end(s);
    }
    s->fault = NULL;
}

static void begin_fault(struct station *s)
{
    s->fault = &faults[draw_below(&s->draw, ARRAY_SIZE(faults))];
    s->faults_left--;
    s->fault_count++;
    s->host->world->lan.frames_lost++; /* as if on the wire: it may be the last of many */
    world_trace(s->host->world, "host %d: %s", s->host->index, s->fault->name);
    s->fault->begin(s);
}

static void change_when_due(struct station *s)
{
    if (s->chip.now_ns < s->change_ns) {
        return;
    }
    if (s->fault != NULL) {
        end_fault(s);
        s->change_ns = s->chip.now_ns + draw_scaled(&s->draw, CALM_MIN_NS, CALM_MAX_NS);
    } else if (s->faults_left > 0) {
        begin_fault(s);
        s->change_ns = s->chip.now_ns +
                       draw_scaled(&s->draw, NS_PER_US, s->fault->most_ms * (uint64_t)NS_PER_MS);
    } else {
        s->change_ns = DEADLINE_NONE;
    }
}

/* --- power ---------------------------------------------------------------------------------- */

void station_power_on(uint64_t seed, bool with_faults)
{
    static const enum irq_kind kinds[] = {IRQ_KIND_MSIX, IRQ_KIND_MSI, IRQ_KIND_INTX,
                                          IRQ_KIND_POLL};
    for (int i = 0; i < HOSTS_MAX; i++) {
        struct station *s = &stations[i];
        memset(s, 0, offsetof(struct station, chip));
        memset(&s->e, 0, sizeof(*s) - offsetof(struct station, e));
        s->draw.state = mix_u64(seed + 1000) + (uint64_t)i;
        s->device = devices[draw_below(&s->draw, ARRAY_SIZE(devices))];
        s->kind = kinds[draw_below(&s->draw, ARRAY_SIZE(kinds))];
        s->faults_left = with_faults ? (uint32_t)draw_between(&s->draw, 1, FAULTS_MAX) : 0;
        s->next_ns = s->wake_ns = DEADLINE_NONE;
    }
}

static void power_on(struct station *s, struct host *h)
{
    chip_power_on(&s->chip, s->device);
    s->powered = true;
    s->host = h;
    s->dev = chip_pci_device(s->device);
    s->chip.now_ns = h->world->now_ns;
    memcpy(s->chip.eeprom_mac, h->cfg.mac, sizeof(h->cfg.mac));
    s->chip.sent = on_wire;
    s->chip.interrupt = on_message;
    s->chip.sent_arg = s->chip.interrupt_arg = s;
    chip_set_link(&s->chip, true, 1000, true);
    s->kind = chip_irq_mode(&s->chip, s->kind) ? s->kind : IRQ_KIND_INTX;
    s->change_ns = s->chip.now_ns + draw_scaled(&s->draw, CALM_MIN_NS, CALM_MAX_NS);
    world_trace(h->world, "host %d: device %04x, interrupts by way %d", h->index, s->device,
                s->kind);
}

void station_power_off(struct station_totals *t)
{
    for (int i = 0; i < HOSTS_MAX; i++) {
        struct station *s = &stations[i];
        if (!s->powered) {
            continue;
        }
        const struct nic_stats *stats = &s->e.nic.stats;
        t->faults += s->fault_count;
        t->lost += s->lost + s->netdev.queue_drops + stats->tx_dropped + stats->rx_no_buffer;
        t->interrupts += stats->interrupts;
        t->irqs_lost += stats->irqs_lost;
        t->tx_hangs += stats->tx_hangs;
        t->rx_stalls += stats->rx_stalls;
        t->resets += s->chip.resets - 1;
        t->overruns += stats->rx_missed + stats->rx_no_descriptor;
        chip_select(&s->chip);
        chip_power_off(&s->chip);
        s->powered = false;
    }
}

/* --- the device of a host ------------------------------------------------------------------- */

static void input(void *arg, struct pkt **batch, size_t count, uint64_t now_ns)
{
    struct station *s = arg;
    for (size_t i = 0; i < count; i++) {
        world_trace_frame(s->host->world, s->host->index, batch[i]->data, pkt_len(batch[i]),
                          "  arrives");
        host_input(s->host, batch[i], false);
    }
}

static void link_changed(void *arg, const struct nic_link *link, uint64_t now_ns)
{
    struct station *s = arg;
    world_trace(s->host->world, "host %d: link %s", s->host->index, link->up ? "up" : "down");
    net_set_offload(s->host->net, s->host->plan->offload & s->e.nic.features);
    net_set_link(s->host->net, link->up, s->host->world->now_ns);
}

static const struct netdev_ops netdev_ops = {.input = input, .link = link_changed};

static void device_start(struct host *h)
{
    struct station *s = &stations[h->index];
    if (!s->powered) {
        power_on(s, h);
    }
    (void)enter(h);
    end_fault(s);
    s->chip.fw_holds_until_ns = 0;
    s->busy_until_ns = 0;
    chip_lend(&s->chip, h->memory, h->memory_bytes);
    struct e1000_config config = {.pool = &h->rx};
    enum status st = e1000_open(&s->e, &s->dev, &config);
    if (st != STATUS_OK) {
        world_fail(h->world, "host %d: the driver does not open its %04x", h->index, s->device);
        return;
    }
    s->scheduled = s->tx_raised = false;
    netdev_init(&s->netdev, &s->e.nic, &netdev_ops, s, s->chip.now_ns);
    e1000_irq_select(&s->e, s->kind);
    e1000_start(&s->e);
    s->next_ns = s->chip.now_ns;
}

/* What must hold when a host ends. */
static void judge(const struct station *s)
{
    struct world *w = s->host->world;
    if (s->chip.fault_count > 0) {
        world_fail(w, "host %d, %04x: %s", s->host->index, s->device, s->chip.fault);
    }
    bool calm = s->fault == NULL && s->faults_left == 0 && s->change_ns == DEADLINE_NONE;
    if (calm && s->chip.now_ns > s->e.watch.look_ns + BACK_NS && s->e.state != E1000_RUNNING) {
        world_fail(w, "host %d, %04x: the driver is not back at work", s->host->index, s->device);
    }
}

static void device_stop(struct host *h)
{
    struct station *s = enter(h);
    judge(s);
    if (s->fault != NULL && (s->fault->end == all_reports || s->fault->end == all_frames)) {
        end_fault(s); /* as long as it may write to memory */
    }
    while (s->netdev.queue.count > 0) {
        pkt_put(pkt_queue_pop(&s->netdev.queue));
    }
    e1000_close(&s->e);
    s->next_ns = s->wake_ns = DEADLINE_NONE;
}

static void device_send(struct host *h, struct pkt *p)
{
    struct station *s = enter(h);
    uint64_t dropped = s->e.nic.stats.tx_dropped + s->netdev.queue_drops;
    netdev_send(&s->netdev, p);
    h->world->lan.frames_lost +=
        s->e.nic.stats.tx_dropped + s->netdev.queue_drops - dropped; /* as if on the wire */
}

static void expect_message(struct station *s)
{
    s->wakes = WAKES;
    s->wake_ns = min_u64(s->wake_ns, s->chip.now_ns + WAKE_NS);
}

static void device_receive(struct host *h, const struct link_frame *f)
{
    struct station *s = enter(h);
    bool taken = h->up && chip_receive(&s->chip, f->bytes, f->len, 0);
    if (!taken) {
        world_trace_frame(h->world, f->from, f->bytes, f->len, "  [nobody takes it]");
        s->lost++;
        h->world->lan.frames_lost++;
        return;
    }
    expect_message(s);
}

/* Interrupts: messages come by themselves, with the model's clock. */
static void hear(struct station *s)
{
    chip_run(&s->chip);
    for (int i = 0; i < 4 && s->kind == IRQ_KIND_INTX && chip_irq_line(&s->chip); i++) {
        (void)netdev_irq(&s->netdev, 0);
    }
    bool due = s->kind == IRQ_KIND_POLL && s->chip.now_ns >= s->wake_ns;
    if (due) {
        (void)netdev_irq(&s->netdev, 0);
    }
    if (s->chip.now_ns >= s->wake_ns) {
        bool waits = s->wakes > 0 && !s->scheduled && s->e.nic.ops->rx_pending(&s->e.nic);
        s->wakes -= waits;
        s->wake_ns = waits ? s->chip.now_ns + (WAKE_NS << (WAKES - 1 - s->wakes)) : DEADLINE_NONE;
    }
}

/* A turn of its loop, when there is one: the world steps for others, too. */
static void device_run(struct host *h)
{
    struct station *s = enter(h);
    uint64_t frames_lost = s->chip.frames_dropped;
    change_when_due(s);
    hear(s);
    bool turn =
        s->scheduled || s->tx_raised || s->chip.now_ns >= min_u64(s->next_ns, h->deadline_ns);
    if (!turn || s->chip.now_ns < s->busy_until_ns) {
        return;
    }
    (void)s->netdev.source.poll(&s->netdev, s->chip.now_ns);
    for (int i = 0; i < TURNS && s->scheduled; i++) {
        s->scheduled = false;
        uint32_t done = s->netdev.napi.poll(&s->netdev.napi, NAPI_WEIGHT, s->chip.now_ns);
        s->scheduled |= done == NAPI_WEIGHT;
        hear(s);
    }
    if (s->tx_raised) {
        s->tx_raised = false;
        s->net_tx(&s->netdev, s->chip.now_ns);
    }
    s->next_ns = s->chip.now_ns; /* to be asked for behind the stack's turn */
    h->world->lan.frames_lost += s->chip.frames_dropped - frames_lost;
}

static uint64_t device_flush(struct host *h)
{
    struct station *s = enter(h);
    if (s->chip.now_ns < s->busy_until_ns) {
        return min_u64(s->busy_until_ns, s->change_ns);
    }
    bool turn = s->netdev.tx_dirty || s->next_ns <= s->chip.now_ns;
    s->netdev.source.flush(&s->netdev, s->chip.now_ns);
    if (turn) {
        s->next_ns = s->netdev.source.poll(&s->netdev, s->chip.now_ns);
        s->netdev.source.listen(&s->netdev); /* and then it sleeps */
    }
    uint64_t next_ns = s->scheduled || s->tx_raised ? s->chip.now_ns : s->next_ns;
    return min_u64(min_u64(next_ns, s->wake_ns), s->change_ns);
}

static void visit_buffers(const struct pkt *packet, void (*visit)(void *, const struct pkt *),
                          void *arg)
{
    for (; packet != NULL; packet = packet->frag) {
        visit(arg, packet);
    }
}

/* Each buffer of each packet that the device or its queue has. */
static void visit_all(const struct station *s, void (*visit)(void *, const struct pkt *), void *arg)
{
    const struct e1000_tx *tx = &s->e.tx;
    for (uint32_t i = tx->clean; i != tx->next; i++) {
        visit_buffers(tx->slots[i % E1000_RING_COUNT], visit, arg);
    }
    for (const struct pkt *q = s->netdev.queue.first; q != NULL; q = q->next) {
        visit_buffers(q, visit, arg);
    }
}

struct places {
    const struct station *s;
    const struct pkt *p;
    uint32_t count;
};

static void count_place(void *arg, const struct pkt *p)
{
    struct places *c = arg;
    c->count += p == c->p;
}

/* Whether nobody but the device and its queue has p, each of whose places there is a reference. */
static uint32_t places(const struct station *s, const struct pkt *p)
{
    struct places c = {.s = s, .p = p};
    visit_all(s, count_place, &c);
    return c.count;
}

enum { WHOLE = 27720 }; /* divisible by 1 to 12: a packet is in so many places at most */

/* In 1/refs parts, of which all places together make a whole. */
static void count_parts(void *arg, const struct pkt *p)
{
    struct places *c = arg;
    bool alone = p->refs == 1 || places(c->s, p) == p->refs;
    c->count += alone ? WHOLE / p->refs : 0;
}

static uint32_t device_holds(const struct host *h)
{
    const struct station *s = &stations[h->index];
    struct places parts = {.s = s};
    visit_all(s, count_parts, &parts);
    return parts.count / WHOLE + (s->e.state != E1000_CLOSED ? E1000_RING_COUNT : 0);
}

const struct host_device station_device = {
    .rx_packets = E1000_RING_COUNT,
    .bus = dma_bus_address,
    .start = device_start,
    .stop = device_stop,
    .send = device_send,
    .receive = device_receive,
    .run = device_run,
    .flush = device_flush,
    .holds = device_holds,
};
