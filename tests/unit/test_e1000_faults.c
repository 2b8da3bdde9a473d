/*
 * What the device and its surroundings can do to the driver, and that it serves on: every
 * generation and way to interrupt, each fault on the strict model, in virtual time. Traffic goes
 * both ways, a frame each millisecond; the fault strikes; from its end on frames have to arrive
 * both ways again within RESUME_NS, every packet has to be home at the end, and the model must have
 * seen the driver break no rule of the manual while it recovered.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/e1000_world.h"

#undef assert
#include <cmocka.h>

#define STEP_NS   NS_PER_MS
#define RESUME_NS (3 * NS_PER_S)

enum {
    PACKETS = 640,
    PROOF = 20, /* frames each way that count as traffic */
};

/* One of each generation, and the parts in it that differ. */
static const uint16_t devices[] = {0x1004, 0x100c, 0x100e, 0x1076, 0x105e, 0x108b, 0x10d3,
                                   0x150c, 0x104a, 0x10cd, 0x10ea, 0x1502, 0x153a, 0x155a,
                                   0x15b7, 0x10a7, 0x10c9, 0x150e, 0x1521, 0x1f41, 0x1533};

static struct world w;
static struct {
    enum irq_kind kind;
    bool poll;
    uint64_t watchdog_ns;
    uint32_t number;
    uint64_t received;
} loop;

/* --- the loop around the driver, as kernel and netdev make it ------------------------------ */

static void on_message(void *arg, uint32_t vector)
{
    (void)arg;
    loop.poll |= w.nic->ops->irq(w.nic, vector) != 0;
}

static void hear(void)
{
    chip_run(&w.chip);
    if (loop.kind == IRQ_KIND_POLL) {
        loop.poll |= w.nic->ops->irq(w.nic, 0) != 0;
    }
    for (int i = 0; i < 4 && loop.kind == IRQ_KIND_INTX && chip_irq_line(&w.chip); i++) {
        loop.poll |= w.nic->ops->irq(w.nic, 0) != 0;
    }
}

static void poll(void)
{
    struct pkt *batch[64];
    struct nic_link link;
    loop.poll = false;
    w.nic->ops->link(w.nic, &link);
    size_t count;
    do {
        count = w.nic->ops->rx(w.nic, batch, ARRAY_SIZE(batch));
        for (size_t i = 0; i < count; i++) {
            pkt_put(batch[i]);
        }
        loop.received += count;
    } while (count == ARRAY_SIZE(batch));
    w.nic->ops->irq_unmask(w.nic);
    loop.poll |= w.nic->ops->rx_pending(w.nic);
}

static void watch(void)
{
    if (w.chip.now_ns >= loop.watchdog_ns) {
        loop.watchdog_ns = world_watchdog(&w);
        loop.poll |= w.nic->ops->rx_pending(w.nic);
    }
}

static void send(void)
{
    (void)w.nic->ops->tx_reclaim(w.nic);
    struct pkt *p = pkt_alloc(&w.pool, PKT_HEADROOM);
    if (p == NULL) {
        return;
    }
    world_frame(&w, pkt_append(p, 80), 80, loop.number);
    if (w.nic->ops->tx(w.nic, &p, 1) == 0) {
        pkt_put(p);
    }
    w.nic->ops->tx_flush(w.nic);
}

static void turn(void)
{
    w.chip.now_ns += STEP_NS;
    hear();
    watch();
    (void)world_receive(&w, 60, loop.number++);
    hear();
    send();
    for (int i = 0; i < 4 && loop.poll; i++) {
        poll();
    }
}

static void turns(uint32_t count)
{
    while (count-- > 0) {
        turn();
    }
}

/* Milliseconds until frames have gone both ways, UINT32_MAX when none did in time. */
static uint32_t resume_ms(void)
{
    uint64_t received = loop.received, sent = w.sent_count;
    for (uint32_t ms = 0; ms <= RESUME_NS / STEP_NS; ms++) {
        if (loop.received >= received + PROOF && w.sent_count >= sent + PROOF) {
            return ms;
        }
        turn();
    }
    return UINT32_MAX;
}

/* --- the faults --------------------------------------------------------------------------- */

static void tx_hang(void)
{
    w.chip.tx_hang = true;
    turns(1);
}

static void rx_hang(void)
{
    w.chip.rx_hang = true;
    turns(1);
}

static void both_hang(void)
{
    w.chip.tx_hang = w.chip.rx_hang = true;
    turns(1);
}

static void irq_lost(void)
{
    w.chip.irq_lose = 1;
    turns(1);
}

static void irqs_lost(void)
{
    w.chip.irq_lose = 2;
    turns(1);
}

static void irq_late(void)
{
    w.chip.irq_late_ns = 15 * NS_PER_MS;
    turns(500);
    w.chip.irq_late_ns = 0;
}

static void link_flap(void)
{
    chip_set_link(&w.chip, false, 0, false);
    turns(100);
    chip_set_link(&w.chip, true, 1000, true);
}

static void link_flaps(void)
{
    for (uint32_t i = 0; i < 20; i++) {
        chip_set_link(&w.chip, false, 0, false);
        turns(i);
        chip_set_link(&w.chip, true, 1000, true);
        turns(20 - i);
    }
}

static void link_slower(void)
{
    chip_set_link(&w.chip, false, 0, false);
    turns(3000); /* a watchdog's look falls in between */
    chip_set_link(&w.chip, true, 100, false);
}

static void overrun(void)
{
    for (uint32_t i = 0; i < 1000; i++) {
        (void)world_receive(&w, 60, i);
    }
    assert_true(w.chip.frames_dropped > 0);
}

static void pool_dry(void)
{
    struct pkt *held[PACKETS];
    size_t count = 0;
    while (count < PACKETS && (held[count] = pkt_alloc(&w.pool, 0)) != NULL) {
        count++;
    }
    turns(500);
    while (count > 0) {
        pkt_put(held[--count]);
    }
}

static void reports_late(void)
{
    w.chip.rx_hold = w.chip.tx_hold_dd = w.chip.rx_backwards = true;
    turns(600);
    chip_rx_writeback(&w.chip, 3, true);
    turns(10);
    w.chip.rx_hold = w.chip.tx_hold_dd = false;
    chip_tx_writeback(&w.chip);
}

static void paused(void)
{
    w.chip.tx_paused = true;
    turns(1500);
    w.chip.tx_paused = false;
    (void)chip_tx_work(&w.chip, UINT32_MAX);
}

static void off_the_bus(void)
{
    w.chip.gone = true;
    turns(3000);
    chip_come_back(&w.chip);
}

/* Its power failed for a moment, between two looks. What its counters hold then is no news. */
static void forgets(void)
{
    w.chip.gone = true;
    chip_come_back(&w.chip);
    turns(1500);
    assert_int_equal(w.nic->stats.rx_missed + w.nic->stats.rx_no_descriptor, 0);
}

/* Every access to the PHY takes its time, and behind a reset there is no link to be seen. */
static void slow_phy(void)
{
    w.chip.mdic_ns = 350 * NS_PER_US;
    w.chip.tx_hang = true;
    turns(2);
    chip_set_link(&w.chip, false, 0, false);
    turns(1600);
    chip_set_link(&w.chip, true, 1000, true);
    w.chip.mdic_ns = 0;
}

/* The transmitter hangs, and what the reset needs is not as it should be. */
static void hang_until_reset(void)
{
    uint64_t resets = w.chip.resets;
    w.chip.tx_hang = true;
    for (int i = 0; i < 6000 && w.chip.resets == resets; i++) {
        turn();
    }
    assert_true(w.chip.resets > resets);
}

static void reset_slow(void)
{
    w.chip.reset_stuck = true;
    hang_until_reset();
    turns(50);
    w.chip.reset_stuck = false;
}

static void reset_fails(void)
{
    w.chip.reset_stuck = true;
    hang_until_reset();
    turns(1000);
    w.chip.reset_stuck = false;
}

static void firmware_holds(void)
{
    w.chip.fw_holds_until_ns = UINT64_MAX;
    hang_until_reset();
}

static void firmware_held_for_a_while(void)
{
    w.chip.fw_holds_until_ns = w.chip.now_ns + 2030 * NS_PER_MS;
    hang_until_reset();
}

static void master_stuck(void)
{
    w.chip.master_stuck = true;
    hang_until_reset();
}

static void autoread_stuck(void)
{
    w.chip.autoread_stuck = true;
    hang_until_reset();
}

static void queue_stuck(void)
{
    w.chip.queue_stuck = true;
    hang_until_reset();
    turns(200);
    w.chip.queue_stuck = false;
}

static void flush_of_both(void)
{
    w.chip.flush_rx_too = true;
    hang_until_reset();
}

static void engine_busy(void)
{
    w.chip.me_busy_until_ns = w.chip.now_ns + 30 * NS_PER_MS;
    turns(30);
}

static void nothing(void)
{
}

#define ALL     UINT32_MAX
#define P(p)    (UINT32_C(1) << CHIP_##p)
#define EXPRESS (~(P(82571) - 1))
#define QUEUES  (~(P(82575) - 1))
#define OWNED   (EXPRESS & ~QUEUES & ~P(82571))

static const struct fault {
    const char *name;
    void (*strike)(void);
    uint32_t parts;
} faults[] = {
    {"none", nothing, ALL},
    {"transmitter hangs", tx_hang, ALL},
    {"receiver stalls", rx_hang, ALL},
    {"both hang", both_hang, ALL},
    {"an interrupt is lost", irq_lost, ALL},
    {"two interrupts in a row are lost", irqs_lost, ALL},
    {"interrupts are late", irq_late, ALL},
    {"link lost and found", link_flap, ALL},
    {"link flaps", link_flaps, ALL},
    {"link comes back slower", link_slower, ALL},
    {"receive overrun", overrun, ALL},
    {"no packet buffers", pool_dry, ALL},
    {"reports late and torn", reports_late, ALL},
    {"paused by the peer", paused, ALL},
    {"off the bus for a while", off_the_bus, ALL},
    {"its set-up forgotten", forgets, ALL},
    {"a slow PHY", slow_phy, ALL},
    {"a reset takes 50 ms", reset_slow, ALL},
    {"a reset does not end", reset_fails, ALL},
    {"firmware holds the PHY", firmware_holds, ALL},
    {"firmware lets the PHY go", firmware_held_for_a_while, OWNED},
    {"requests do not end", master_stuck, EXPRESS},
    {"the NVM is never read", autoread_stuck, EXPRESS},
    {"a queue does not start", queue_stuck, QUEUES},
    {"both rings to be flushed", flush_of_both, P(SPT)},
    {"ME at the registers", engine_busy, P(PCH2)},
};

/* --- all of them -------------------------------------------------------------------------- */

/* False: the part does not interrupt in this way. */
static bool begin(uint16_t device, enum irq_kind kind)
{
    world_power_on(&w, device, PACKETS);
    memset(&loop, 0, sizeof(loop));
    loop.kind = kind;
    if (kind != IRQ_KIND_POLL && !chip_irq_mode(&w.chip, kind)) {
        world_end(&w);
        return false;
    }
    w.chip.interrupt = on_message;
    assert_int_equal(world_open(&w), STATUS_OK);
    e1000_irq_select(&w.e, kind);
    e1000_start(&w.e);
    turns(30);
    return true;
}

/* Interrupts come, and not by the watchdog's help alone. */
static bool interrupts(void)
{
    uint64_t before = w.nic->stats.interrupts;
    for (uint32_t ms = 0; ms <= RESUME_NS / STEP_NS; ms++) {
        if (w.nic->stats.interrupts >= before + PROOF) {
            return true;
        }
        turn();
    }
    return false;
}

static uint32_t failures;

static void complain(const struct fault *f, const char *what)
{
    static const char *const kinds[] = {"msix", "msi", "intx", "poll"};
    if (failures++ < 2000) {
        fprintf(stderr, "%s, %s, %s: %s\n", w.nic->name, kinds[loop.kind], f->name, what);
    }
}

static void one(uint16_t device, enum irq_kind kind, const struct fault *f)
{
    if (!begin(device, kind)) {
        return;
    }
    f->strike();
    if (resume_ms() == UINT32_MAX) {
        complain(f, "no traffic");
    }
    if (!interrupts()) {
        complain(f, "no interrupts");
    }
    if (w.longest_ns > NS_PER_MS) {
        complain(f, "the loop was held");
    }
    e1000_close(&w.e);
    if (w.pool.used != 0) {
        complain(f, "packets leaked");
    }
    if (w.chip.fault_count != 0) {
        complain(f, w.chip.fault);
    }
    chip_power_off(&w.chip);
}

static void test_every_fault_is_survived(void **state)
{
    (void)state;
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        uint32_t part = UINT32_C(1) << chip_part_of(devices[d]);
        for (size_t f = 0; f < ARRAY_SIZE(faults); f++) {
            for (int kind = 0; (faults[f].parts & part) != 0 && kind < IRQ_KIND_COUNT; kind++) {
                one(devices[d], (enum irq_kind)kind, &faults[f]);
            }
        }
    }
    assert_int_equal(failures, 0);
}

/* Without traffic nothing is raised, again and again: what was answered is taken back. */
static void test_idle_is_silent(void **state)
{
    (void)state;
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (int kind = 0; kind < IRQ_KIND_POLL; kind++) {
            if (!begin(devices[d], (enum irq_kind)kind)) {
                continue;
            }
            uint64_t before = 0;
            for (int ms = 0; ms < 300; ms++) {
                w.chip.now_ns += STEP_NS;
                hear();
                for (int i = 0; i < 4 && loop.poll; i++) {
                    poll();
                }
                before = ms == 20 ? w.nic->stats.interrupts : before;
            }
            if (w.nic->stats.interrupts > before) {
                complain(&faults[0], "interrupts for nothing");
            }
            world_end(&w);
        }
    }
    assert_int_equal(failures, 0);
}

/* Every ID that the driver claims has a model, on which it opens, serves and closes. */
static void test_every_id_serves(void **state)
{
    (void)state;
    const struct e1000_id *id;
    for (size_t i = 0; (id = e1000_id_at(i)) != NULL; i++) {
        if (chip_part_of(id->device) == CHIP_PART_COUNT) {
            fail_msg("no model of %04x", id->device);
        }
        one(id->device, IRQ_KIND_INTX, &faults[0]);
    }
    assert_int_equal(failures, 0);
}

/* A peer that backs off sends once in many looks: that a receiver stalls is found all the same. */
static void test_a_stall_is_found_in_few_frames(void **state)
{
    (void)state;
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        assert_true(begin(devices[d], IRQ_KIND_POLL));
        w.chip.rx_hang = true;
        for (uint32_t frame = 0; frame < 3; frame++) { /* the first hides behind what came before */
            assert_true(world_receive(&w, 60, loop.number++));
            for (uint32_t ms = 0; ms < 5000; ms++) {
                w.chip.now_ns += STEP_NS;
                watch();
                hear();
            }
        }
        assert_int_equal(w.nic->stats.rx_stalls, 1);
        assert_true(resume_ms() != UINT32_MAX);
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_id_serves),
        cmocka_unit_test(test_idle_is_silent),
        cmocka_unit_test(test_every_fault_is_survived),
        cmocka_unit_test(test_a_stall_is_found_in_few_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
