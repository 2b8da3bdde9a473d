/*
 * The unchanged driver against a device that lies or dies. The input is a program of steps: frames
 * from the wire and to it, also in several buffers, with checksums to fill in and segments to make,
 * time, interrupts of any vector, a pool run dry, faults of the strict
 * model, pulling the device out, closing and opening, and storms, in which registers read as the
 * input likes and descriptors change under the driver's hands. Outside of a storm the model answers
 * as a chip would, so that the driver gets beyond its first checks.
 *
 * After each step: no call of the driver took more accesses or device time than it may, every
 * packet of the pool is in a ring or with us, no frame was handed up that does not fit its buffer,
 * none was given to the device twice. As long as the device does not lie, what leaves is what was
 * asked for, byte for byte, and what is said to have a good checksum has it. In the end the device
 * is as after a power-up: traffic has to resume within RESUME_NS by the model's strict rules, and
 * every packet to come home.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/tso_packet.c
// LINK: tests/fuzz/sent_frames.c tests/fuzz/storm.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/e1000/e1000.h"
#include "drivers/e1000/selftest.h"
#include "kernel/bytes.h"
#include "kernel/dma.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/sent_frames.h"
#include "tests/fuzz/storm.h"
#include "tests/unit/chip.h"

#define STEP_NS    (4 * NS_PER_MS)
#define RESUME_NS  (3 * NS_PER_S)
#define REST_NS    (31 * NS_PER_S) /* of a driver whose resets have not helped */
#define CALL_NS    NS_PER_MS       /* at run time, of delays and reads */
#define OPEN_NS    (6 * NS_PER_S)  /* firmware that never lets go, at each place it is asked */
#define READ_NS    NS_PER_US
#define WIRE_BYTES 80

enum {
    PACKETS = 400,
    HELD_MAX = PACKETS,
    STEPS_MAX = 200,
    TURNS_MAX = 12,
    BURST_MAX = 48,
    CALL_ACCESSES = 2000, /* the set-up behind a reset writes three tables */
    OPEN_ACCESSES = 60000,
    PROOF = 8, /* frames each way that count as traffic */
    CHECKED_BYTES = 14 + 4,
};

/* One of each generation, and the parts in it that differ. */
static const uint16_t devices[] = {0x1004, 0x100c, 0x100e, 0x1076, 0x105e, 0x108b, 0x10d3,
                                   0x150c, 0x104a, 0x10cd, 0x10ea, 0x1502, 0x153a, 0x155a,
                                   0x15b7, 0x10a7, 0x10c9, 0x150e, 0x1521, 0x1f41, 0x1533};

/* Faults that are on or off: bools of struct chip. */
static const size_t faults[] = {
    offsetof(struct chip, reset_noop),   offsetof(struct chip, reset_stuck),
    offsetof(struct chip, pcix),         offsetof(struct chip, tx_manual),
    offsetof(struct chip, tx_stuck),     offsetof(struct chip, tx_hang),
    offsetof(struct chip, tx_hold_dd),   offsetof(struct chip, tx_paused),
    offsetof(struct chip, rx_hold),      offsetof(struct chip, rx_hang),
    offsetof(struct chip, rx_backwards), offsetof(struct chip, accept_long),
    offsetof(struct chip, smbi_left),    offsetof(struct chip, swflag_left),
    offsetof(struct chip, phy_silent),   offsetof(struct chip, nvm_silent),
    offsetof(struct chip, mac_unloaded), offsetof(struct chip, autoread_stuck),
    offsetof(struct chip, master_stuck), offsetof(struct chip, queue_stuck),
    offsetof(struct chip, flush_rx_too),
};

struct call { /* of the driver, which is under way */
    uint64_t since_ns, reads, writes;
    uint64_t most_ns, most_accesses;
};

struct fuzz {
    struct fuzz_input in;
    struct chip chip;
    struct arena arena;
    struct pkt_pool pool;
    struct pci_device dev;
    struct e1000 e;
    struct nic *nic;
    enum irq_kind kind;
    enum nic_offload offload;
    struct storm storm;
    struct call call;
    struct pkt *held[HELD_MAX];
    uint32_t held_count;
    uint64_t watchdog_ns;
    bool poll;
    bool in_irq;
    bool lied;       /* what the wire sees is the device's invention */
    uint32_t number; /* of the next frame */
    struct sent_frames sent;
    uint64_t received, sent_count;
};

static struct fuzz fuzz;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What holds only as long as many things do: told when it does not. */
static void judge(const struct fuzz *f, bool holds, const char *what)
{
    const struct chip *c = &f->chip;
    if (holds) {
        return;
    }
    fprintf(stderr,
            "%s: %04x, kind %d, state %d, step %d, %u resets in a row, link %d; frame %u, given "
            "%u, on the wire %u; %llu received, %llu sent; CTRL %08x RCTL %08x TCTL %08x IMS %08x, "
            "RX owned %u, TDH %u TDT %u, TX clean %u flushed %u next %u\n",
            what, f->dev.device, f->kind, f->e.state, f->e.reset.step, f->e.watch.resets,
            f->e.link.up, f->number, f->sent.flushed, f->sent.wired,
            (unsigned long long)f->received, (unsigned long long)f->sent_count, chip_reg(c, 0x0000),
            chip_reg(c, 0x0100), chip_reg(c, 0x0400), chip_reg(c, 0x00d0), chip_rx_owned(c),
            chip_reg(c, 0x3810), chip_reg(c, 0x3818), f->e.tx.clean, f->e.tx.flushed, f->e.tx.next);
    abort();
}

/* --- a call's bounds ---------------------------------------------------------------------- */

static void check_call(const struct fuzz *f)
{
    const struct call *c = &f->call;
    uint64_t reads = f->chip.reads - c->reads, writes = f->chip.writes - c->writes;
    assert(reads + writes <= c->most_accesses);
    assert(f->chip.now_ns - c->since_ns + reads * READ_NS <= c->most_ns);
}

static void enter_within(struct fuzz *f, uint64_t most_ns, uint64_t most_accesses)
{
    f->call = (struct call){.since_ns = f->chip.now_ns,
                            .reads = f->chip.reads,
                            .writes = f->chip.writes,
                            .most_ns = most_ns,
                            .most_accesses = most_accesses};
}

static void enter(struct fuzz *f)
{
    enter_within(f, CALL_NS, CALL_ACCESSES);
}

static uint32_t number_of(const struct pkt *p)
{
    return (uint32_t)p->cb[0];
}

static uint32_t buffers_of(const struct pkt *p)
{
    uint32_t count = 0;
    for (; p != NULL; p = p->frag) {
        count++;
    }
    return count;
}

static void leave(struct fuzz *f)
{
    const struct e1000_tx *tx = &f->e.tx;
    check_call(f);
    assert(tx->next - tx->clean < E1000_RING_COUNT);
    assert(tx->flushed - tx->clean <= tx->next - tx->clean); /* what is not given is not sent */
}

/* Nothing is lost, nothing is in two places. */
static void check_packets(const struct fuzz *f)
{
    const struct e1000 *e = &f->e;
    uint32_t in_rx = 0;
    for (uint32_t i = 0; i < E1000_RING_COUNT; i++) {
        in_rx += e->rx.slots[i] != NULL;
    }
    uint32_t in_tx = 0;
    for (uint32_t i = e->tx.clean; i != e->tx.next; i++) {
        in_tx += buffers_of(e->tx.slots[i % E1000_RING_COUNT]);
    }
    assert(in_rx == (e->state == E1000_CLOSED ? 0 : E1000_RING_COUNT));
    assert(f->pool.used == in_rx + in_tx + f->held_count);
}

/* --- the device --------------------------------------------------------------------------- */

/* A byte says whether what comes is a lie; see chip.h. */
static void hostile(void *arg, uint8_t *bytes, size_t len)
{
    struct fuzz *f = arg;
    memset(bytes, 0, len);
    if (len == 1) {
        check_call(f);
    }
    if (f->storm.left == 0) {
        return;
    }
    f->storm.left--;
    f->lied = true;
    storm_bytes(&f->storm, &f->in, bytes, len);
}

static void on_wire(void *arg, const uint8_t *frame, size_t len)
{
    struct fuzz *f = arg;
    f->sent_count++;
    if (!f->lied) { /* else buffers that it called sent are others' by now */
        const char *wrong = sent_frame(&f->sent, frame, len);
        judge(f, wrong == NULL, wrong);
    }
}

static void on_message(void *arg, uint32_t vector)
{
    struct fuzz *f = arg;
    if (f->in_irq || f->e.state == E1000_CLOSED) {
        return;
    }
    f->in_irq = true;
    f->poll |= f->nic->ops->irq(f->nic, vector) != 0;
    f->in_irq = false;
}

static void in_delay(void *arg)
{
    struct fuzz *f = arg;
    check_call(f);
    chip_run(&f->chip);
}

/* As after a power-up, and without a fault. */
static void make_sane(struct fuzz *f)
{
    struct chip *c = &f->chip;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        *(bool *)((uint8_t *)c + faults[i]) = false;
    }
    f->storm.left = 0;
    c->fw_holds_until_ns = c->me_busy_until_ns = c->irq_late_ns = c->mdic_ns = 0;
    c->irq_lose = c->msix_masked = 0;
    c->gone = true;
    chip_come_back(c);
    chip_set_link(c, true, 1000, true);
    c->hostile = NULL; /* from here on it judges */
}

static void power_on(struct fuzz *f)
{
    uint16_t device = devices[fuzz_u8(&f->in) % ARRAY_SIZE(devices)];
    chip_power_on(&f->chip, device);
    f->dev = chip_pci_device(device);
    f->chip.hostile = hostile;
    f->chip.sent = on_wire;
    f->chip.interrupt = on_message;
    f->chip.in_delay = in_delay;
    f->chip.hostile_arg = f->chip.sent_arg = f->chip.interrupt_arg = f->chip.in_delay_arg = f;
    struct arena measure;
    arena_init(&measure, NULL, 0);
    enum status st = pkt_pool_init(&f->pool, &measure, "fuzz", PACKETS, NULL);
    assert(st == STATUS_OK);
    size_t size = measure.used_bytes + 4096;
    arena_init(&f->arena, chip_memory(&f->chip, size), size);
    st = pkt_pool_init(&f->pool, &f->arena, "fuzz", PACKETS, dma_bus_address);
    assert(st == STATUS_OK);
    chip_set_link(&f->chip, true, 1000, true);
}

/* --- the loop around the driver, as kernel and netdev make it ------------------------------ */

static bool up(const struct fuzz *f)
{
    return f->e.state != E1000_CLOSED;
}

static void interrupt(struct fuzz *f, uint32_t vector)
{
    if (up(f)) {
        enter(f);
        on_message(f, vector);
        leave(f);
    }
}

static void hear(struct fuzz *f)
{
    enter(f);
    chip_run(&f->chip);
    for (int i = 0; i < 2 && up(f) && f->kind == IRQ_KIND_INTX && chip_irq_line(&f->chip); i++) {
        interrupt(f, 0);
    }
    if (f->kind == IRQ_KIND_POLL) {
        interrupt(f, 0);
    }
}

static void take_up(struct fuzz *f, struct pkt *p, bool keep)
{
    if ((p->rx_flags & PKT_RX_CSUM_GOOD) != 0 && !f->lied) {
        check_marked_good(p->data, pkt_len(p));
    }
    size_t len = pkt_len(p);
    assert(p->pool == &f->pool && p->data == p->head && p->refs == 1);
    assert(len >= 14 && len <= PKT_BUF_BYTES && p->tail <= pkt_end(p));
    f->received++;
    if (keep) {
        f->held[f->held_count++] = p;
    } else {
        pkt_put(p);
    }
}

static size_t receive(struct fuzz *f, size_t max, bool keep)
{
    struct pkt *batch[64];
    enter(f);
    size_t count = f->nic->ops->rx(f->nic, batch, min_size(max, ARRAY_SIZE(batch)));
    leave(f);
    for (size_t i = 0; i < count; i++) {
        take_up(f, batch[i], keep);
    }
    return count;
}

static void look_at_link(struct fuzz *f)
{
    struct nic_link link;
    enter(f);
    f->nic->ops->link(f->nic, &link);
    leave(f);
}

static void poll(struct fuzz *f)
{
    f->poll = false;
    look_at_link(f);
    for (int i = 0; i < 8 && receive(f, 64, false) == 64; i++) {
    }
    enter(f);
    f->nic->ops->irq_unmask(f->nic);
    leave(f);
    f->poll |= f->nic->ops->rx_pending(f->nic);
}

static void watch(struct fuzz *f)
{
    uint64_t now_ns = f->chip.now_ns;
    if (up(f) && now_ns >= f->watchdog_ns) {
        enter(f);
        f->watchdog_ns = f->nic->ops->watchdog(f->nic, now_ns);
        leave(f);
        look_at_link(f);
        f->poll |= f->nic->ops->rx_pending(f->nic);
    }
}

static void turn(struct fuzz *f, uint64_t step_ns)
{
    f->chip.now_ns += step_ns;
    hear(f);
    watch(f);
    for (int i = 0; i < 4 && up(f) && f->poll; i++) {
        poll(f);
    }
}

static void reclaim(struct fuzz *f)
{
    enter(f);
    (void)f->nic->ops->tx_reclaim(f->nic);
    leave(f);
}

static void build(struct fuzz *f, uint8_t *frame, size_t len)
{
    memcpy(frame, f->nic->mac, 6);
    memset(frame + 6, 0x02, 6);
    store_be16(frame + 12, 0x88b5); /* for local experiments */
    store_be32(frame + 14, f->number);
    memset(frame + CHECKED_BYTES, (int)f->number, len - CHECKED_BYTES);
}

static void send_packet(struct fuzz *f, struct pkt *p)
{
    p->cb[0] = f->number++;
    enter(f);
    bool taken = f->nic->ops->tx(f->nic, &p, 1) == 1;
    leave(f);
    if (!taken) {
        pkt_put(p);
    }
}

static void send(struct fuzz *f, size_t len)
{
    struct pkt *p = pkt_alloc(&f->pool, PKT_HEADROOM);
    if (p == NULL) {
        return;
    }
    build(f, pkt_append(p, len), len);
    sent_plan(&f->sent, f->number)->bytes = 0;
    send_packet(f, p);
}

/* Several buffers, and what the device has offered. */
static void send_asking(struct fuzz *f, uint8_t how, uint16_t len)
{
    struct tso_plan *plan = sent_plan(&f->sent, f->number);
    draw_plan(plan, f->number, f->e.offers, how, len);
    memcpy(plan->dest, f->nic->mac, sizeof(plan->dest));
    struct pkt *p = tso_packet(&f->pool, plan);
    if (p != NULL) {
        send_packet(f, p);
    } else {
        plan->bytes = 0;
    }
}

/* What is given to the device was never given before, and in order. */
static void flush(struct fuzz *f)
{
    struct e1000_tx *tx = &f->e.tx;
    if (f->e.state == E1000_RUNNING) {
        for (uint32_t i = tx->flushed; i != tx->next; i++) {
            const struct pkt *p = tx->slots[i % E1000_RING_COUNT];
            if (p == NULL) {
                continue; /* not the last of its packet */
            }
            uint32_t number = number_of(p);
            assert(number > f->sent.flushed && number < f->number);
            f->sent.flushed = number;
        }
    }
    enter(f);
    f->nic->ops->tx_flush(f->nic);
    leave(f);
}

static void from_wire(struct fuzz *f, size_t len, uint8_t errors)
{
    uint8_t frame[CHIP_FRAME_MAX];
    build(f, frame, len);
    f->number++;
    enter(f); /* it may interrupt */
    (void)chip_receive(&f->chip, frame, len, errors);
    check_call(f);
}

/* A segment of TCP, or one that was. bad: a bit of it is turned, counted from the first. */
static void from_wire_tcp(struct fuzz *f, size_t bytes, uint32_t bad)
{
    uint8_t frame[TSO_FRAME_MAX];
    size_t len = wire_segment(frame, f->nic->mac, f->number++, bytes, bad);
    enter(f); /* it may interrupt */
    (void)chip_receive(&f->chip, frame, len, 0);
    check_call(f);
}

/* --- life --------------------------------------------------------------------------------- */

static const enum irq_kind kinds[] = {IRQ_KIND_MSIX, IRQ_KIND_MSI, IRQ_KIND_INTX, IRQ_KIND_POLL};

static bool open_device(struct fuzz *f)
{
    struct e1000_config config = {.pool = &f->pool, .offload = f->offload};
    enter_within(f, OPEN_NS, OPEN_ACCESSES);
    enum status st = e1000_open(&f->e, &f->dev, &config);
    leave(f);
    if (st != STATUS_OK) {
        assert(f->e.state == E1000_CLOSED && !f->chip.bus_master);
        return false;
    }
    f->watchdog_ns = f->chip.now_ns + NIC_WATCHDOG_NS;
    return true;
}

/* Bits of how: 1:0 the way to interrupt, 7 tried first. */
static bool open_driver(struct fuzz *f, uint8_t how)
{
    if (!open_device(f)) {
        return false;
    }
    f->kind = kinds[how % ARRAY_SIZE(kinds)];
    if (!chip_irq_mode(&f->chip, f->kind)) {
        f->kind = IRQ_KIND_INTX;
    }
    enter(f);
    e1000_irq_select(&f->e, f->kind);
    if ((how & 0x80) != 0) {
        e1000_irq_trigger(&f->e);
        e1000_irq_quiet(&f->e);
    }
    leave(f);
    enter(f);
    e1000_start(&f->e);
    leave(f);
    return true;
}

static void close_driver(struct fuzz *f)
{
    enter(f);
    e1000_close(&f->e);
    leave(f);
    assert(f->pool.used == f->held_count && !f->chip.bus_master);
}

static void release(struct fuzz *f)
{
    while (f->held_count > 0) {
        pkt_put(f->held[--f->held_count]);
    }
}

/* What selftest=nic does with a device. */
static void self_test(struct fuzz *f, enum e1000_loopback where)
{
    struct e1000_facts facts;
    if (!open_device(f)) {
        return;
    }
    f->kind = IRQ_KIND_POLL;
    (void)chip_irq_mode(&f->chip, IRQ_KIND_INTX);
    enter_within(f, OPEN_NS, OPEN_ACCESSES);
    e1000_read_facts(&f->e, &facts);
    leave(f);
    if (!e1000_loopback_has(&f->e, where)) {
        close_driver(f);
        return;
    }
    enter_within(f, OPEN_NS, OPEN_ACCESSES);
    enum status st = e1000_loopback_start(&f->e, where);
    leave(f);
    for (int i = 0; i < BURST_MAX && st == STATUS_OK; i++) {
        send(f, WIRE_BYTES);
        flush(f);
        reclaim(f);
        (void)receive(f, BURST_MAX, false);
        f->chip.now_ns += NS_PER_MS;
        check_packets(f);
    }
    enter_within(f, OPEN_NS, OPEN_ACCESSES);
    e1000_loopback_end(&f->e);
    leave(f);
    assert(!up(f) && !f->chip.bus_master);
}

/* --- the steps ---------------------------------------------------------------------------- */

static void step_storm(struct fuzz *f)
{
    storm_begin(&f->storm, &f->in);
}

static void step_time(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    uint64_t step_ns =
        (how & 0xf0) == 0 ? 10 * NS_PER_US : (how >> 4) * (100 * (uint64_t)NS_PER_MS);
    for (uint32_t i = how % TURNS_MAX + 1; i > 0; i--) {
        turn(f, step_ns);
    }
}

static void step_wire(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    uint16_t len = fuzz_u16(&f->in);
    uint8_t errors = (how & 0x80) != 0 ? fuzz_u8(&f->in) : 0;
    for (uint32_t i = how % 32 + 1; i > 0; i--) {
        if ((how & 0x60) == 0x60) {
            from_wire_tcp(f, len % 1440, errors * 8u + i % 8);
            continue;
        }
        from_wire(f, CHECKED_BYTES + len % (CHIP_FRAME_MAX - CHECKED_BYTES), errors);
    }
}

static void step_send(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    uint16_t len = fuzz_u16(&f->in);
    if (!up(f)) {
        return;
    }
    for (uint32_t i = how % BURST_MAX + 1; i > 0; i--) {
        if ((len & 0x8000) != 0) {
            send_asking(f, how, (uint16_t)(len + i));
        } else {
            send(f, CHECKED_BYTES + len % (NIC_FRAME_MAX_BYTES - CHECKED_BYTES + 1));
        }
    }
    if ((how & 0x80) == 0) {
        flush(f);
    }
}

static void step_call(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    if (!up(f)) {
        return;
    }
    switch (how % 5) {
    case 0:
        flush(f);
        break;
    case 1:
        reclaim(f);
        break;
    case 2:
        interrupt(f, how >> 3);
        break;
    case 3:
        (void)receive(f, how >> 3, (how & 0x80) != 0);
        break;
    default:
        poll(f);
        break;
    }
}

/* The pool runs dry, but for so many. */
static void step_pool(struct fuzz *f)
{
    uint8_t left = fuzz_u8(&f->in);
    release(f);
    while (pkt_pool_left(&f->pool) > left) {
        f->held[f->held_count++] = pkt_alloc(&f->pool, 0);
    }
}

/* A write-back where the driver looks next, or anywhere. */
static void step_descriptor(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in), bytes[16];
    bool tx = (how & 1) != 0;
    uint32_t next = tx ? f->e.tx.clean : f->e.rx.next;
    uint32_t idx = (how & 2) != 0 ? fuzz_u8(&f->in) : next + (how >> 2 & 7);
    memset(bytes, 0, sizeof(bytes));
    (void)fuzz_take(&f->in, bytes + ((how & 0x20) != 0 ? 0 : 8), (how & 0x20) != 0 ? 16 : 8);
    for (uint32_t i = (how & 0x40) != 0 ? 24 : 1; i > 0; i--) {
        chip_scribble(&f->chip, tx, idx++ % E1000_RING_COUNT, bytes);
    }
    f->lied = true;
}

static void step_fault(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    struct chip *c = &f->chip;
    size_t which = how % (ARRAY_SIZE(faults) + 6);
    if (which < ARRAY_SIZE(faults)) {
        *(bool *)((uint8_t *)c + faults[which]) ^= true;
        f->lied |= c->reset_noop; /* it goes on with rings that it should have forgotten */
        return;
    }
    uint64_t until_ns = c->now_ns + (uint64_t)fuzz_u8(&f->in) * 20 * NS_PER_MS;
    switch (which - ARRAY_SIZE(faults)) {
    case 0:
        c->fw_holds_until_ns = until_ns;
        break;
    case 1:
        c->me_busy_until_ns = until_ns;
        break;
    case 2:
        c->irq_lose = (uint32_t)(until_ns >> 20 & 7);
        break;
    case 3:
        c->irq_late_ns = until_ns - c->now_ns;
        break;
    case 4:
        c->mdic_ns = (until_ns - c->now_ns) / 10000; /* 0.5 ms at most */
        break;
    default:
        c->msix_masked ^= 1u << (until_ns >> 20 & 3);
        break;
    }
}

/* Held back work of the model. */
static void step_work(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    enter(f);
    if (how & 1) {
        chip_rx_writeback(&f->chip, how >> 3, (how & 4) != 0);
    } else if (how & 2) {
        (void)chip_tx_work(&f->chip, how >> 3);
    } else {
        chip_tx_writeback(&f->chip);
    }
    check_call(f);
}

static void step_bus(struct fuzz *f)
{
    if (f->chip.gone) {
        chip_come_back(&f->chip);
    } else {
        f->chip.gone = true;
    }
}

static void step_link(struct fuzz *f)
{
    static const uint32_t speeds[] = {10, 100, 1000};
    uint8_t how = fuzz_u8(&f->in);
    enter(f);
    chip_set_link(&f->chip, (how & 1) != 0, speeds[(how >> 1) % 3], (how & 0x80) == 0);
    check_call(f);
}

static void step_life(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    if (!up(f)) {
        uint8_t test = how >> 4 & 7;
        if (test == E1000_LOOPBACK_MAC || test == E1000_LOOPBACK_PHY) {
            self_test(f, (enum e1000_loopback)test);
        } else {
            (void)open_driver(f, how);
        }
        return;
    }
    enter(f);
    if (how & 1) {
        e1000_shutdown(&f->e);
    }
    leave(f);
    close_driver(f);
}

static void (*const steps[])(struct fuzz *f) = {
    step_storm, step_time, step_time,       step_wire,  step_wire, step_send, step_send, step_call,
    step_call,  step_pool, step_descriptor, step_fault, step_work, step_bus,  step_link, step_life,
};

/* --- the end ------------------------------------------------------------------------------ */

static void resume(struct fuzz *f)
{
    release(f);
    make_sane(f);
    if (f->e.state == E1000_STOPPED) {
        close_driver(f);
    }
    if (!up(f)) {
        bool opened = open_driver(f, (uint8_t)f->kind);
        assert(opened);
    }
    /* Where resets did not help it rests, and then begins anew. */
    bool rests = f->e.state == E1000_FAILED || f->e.watch.resets > 0;
    uint64_t end_ns = f->chip.now_ns + RESUME_NS + (rests ? REST_NS : 0);
    uint64_t received = f->received, sent = f->sent_count;
    while (f->received < received + PROOF || f->sent_count < sent + PROOF) {
        judge(f, f->chip.now_ns < end_ns, "traffic does not resume");
        turn(f, STEP_NS);
        from_wire(f, WIRE_BYTES, 0);
        hear(f);
        reclaim(f);
        send(f, WIRE_BYTES);
        flush(f);
    }
    close_driver(f);
    judge(f, f->chip.fault_count == 0, f->chip.fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz *f = &fuzz;
    memset(f, 0, sizeof(*f));
    f->in = (struct fuzz_input){.data = bytes, .size = len};
    f->nic = &f->e.nic;
    f->number = 1;
    power_on(f);
    uint8_t how = fuzz_u8(&f->in);
    if (how & 0x40) {
        chip_leave_running(&f->chip);
    }
    f->offload = (enum nic_offload)((how & 0x0c) == 0 ? NIC_OFFLOAD_ALL : how >> 2 & 3);
    if (how & 0x20) {
        step_storm(f);
    }
    (void)open_driver(f, how);
    for (int i = 0; i < STEPS_MAX && f->in.size > 0; i++) {
        steps[fuzz_u8(&f->in) % ARRAY_SIZE(steps)](f);
        check_packets(f);
    }
    resume(f);
    assert(f->pool.used == 0);
    chip_power_off(&f->chip);
    return 0;
}
