/*
 * The driver's life against the strict chip model: opening from every state a machine can be found
 * in, interrupts, link, statistics, the watchdog, stopping. The data path is in test_e1000_rings.c.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/e1000_world.h"

#undef assert
#include <cmocka.h>

static struct world w;

static void watchdog_tick(void)
{
    world_watchdog_tick(&w);
}

static const uint16_t devices[] = {0x100c, 0x100d, 0x100e, 0x100f};

/* --- opening ------------------------------------------------------------------------------ */

static void test_match(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        const struct e1000_id *id = e1000_match(0x8086, devices[i]);
        assert_non_null(id);
        assert_int_equal(id->device, devices[i]);
    }
    assert_string_equal(e1000_match(0x8086, 0x100e)->name, "e1000 82540EM");
    assert_null(e1000_match(0x8086, 0x1001)); /* fibre */
    assert_null(e1000_match(0x8086, 0x15f3)); /* igc */
    assert_null(e1000_match(0x1af4, 0x100e));
    assert_null(e1000_match(0xffff, 0xffff));
}

/* What the device must hold once it runs. */
static void check_programmed(void)
{
    const struct chip *c = &w.chip;
    assert_int_equal(chip_reg(c, 0x0000) & 0xd8001888, 0); /* nothing forced, no pause, no VLAN */
    assert_int_equal(chip_reg(c, 0x0000) & 0x60, 0x60);    /* SLU, ASDE */
    assert_int_equal(chip_reg(c, 0x0100), 0x04008002);
    assert_int_equal(chip_reg(c, 0x0400), 0x010400fa);
    assert_int_equal(chip_reg(c, 0x0410), 0x00602008);
    assert_int_equal(chip_reg(c, 0x2808), 4096);
    assert_int_equal(chip_reg(c, 0x2810), 0);
    assert_int_equal(chip_reg(c, 0x2818), 255);
    assert_int_equal(chip_reg(c, 0x2820), 0);
    assert_int_equal(chip_reg(c, 0x3808), 4096);
    assert_int_equal(chip_reg(c, 0x3810), 0);
    assert_int_equal(chip_reg(c, 0x3818), 0);
    assert_int_equal(chip_reg(c, 0x00d0), 0xd4);
    assert_int_equal(chip_reg(c, 0x5000), 0x300); /* IPOFL, TUOFL */
    assert_int_equal(chip_reg(c, 0x5400), 0x12005452);
    assert_int_equal(chip_reg(c, 0x5404), 0x80005634);
    for (uint32_t i = 1; i < 16; i++) {
        assert_int_equal(chip_reg(c, 0x5404 + 8 * i), 0);
    }
    for (uint32_t reg = 0x28; reg <= 0x30; reg += 4) {
        assert_int_equal(chip_reg(c, reg), 0);
    }
    if (!c->is_82544) {
        assert_int_equal(chip_reg(c, 0x00c4), 56); /* 14 us, as long as little comes */
        assert_int_equal(chip_reg(c, 0x282c), 0);
        assert_int_equal(chip_reg(c, 0x382c), 0);
        assert_int_equal(chip_reg(c, 0x5820) & 0x2000, 0);
    }
}

static void open_once(uint16_t device, bool left_running, bool reset_noop)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    world_power_on(&w, device, WORLD_PACKETS);
    w.chip.reset_noop = reset_noop;
    if (reset_noop) { /* QEMU fills the address by itself */
        w.chip.regs[0x5400 / 4] = 0x12005452;
        w.chip.regs[0x5404 / 4] = 0x80005634;
    }
    if (left_running) {
        chip_leave_running(&w.chip);
    }
    assert_int_equal(world_open(&w), STATUS_OK);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    assert_memory_equal(w.nic->mac, mac, 6);
    assert_int_equal(chip_reg(&w.chip, 0x00d0), 0); /* silent until started */
    assert_int_equal(chip_reg(&w.chip, 0x0100), 0);
    assert_true(w.chip.bus_master);
    assert_int_equal(w.chip.resets, 1);
    uint64_t before = w.chip.rctl_writes;
    e1000_start(&w.e);
    assert_int_equal(w.chip.rctl_writes - before, 1);
    check_programmed();
    assert_int_equal(chip_rx_owned(&w.chip), 255);
    assert_true(world_receive(&w, 60, 0));
    world_end(&w);
}

static void test_open_from_every_state(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        open_once(devices[i], false, false);
        open_once(devices[i], true, false);
        open_once(devices[i], false, true);
        open_once(devices[i], true, true);
    }
}

static void expect_open(enum status expected)
{
    assert_int_equal(world_open(&w), expected);
    assert_int_equal(w.e.state, E1000_CLOSED);
    assert_false(w.chip.bus_master);
    world_end(&w);
}

static void test_open_refuses(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    w.dev.device = 0x15f3;
    expect_open(STATUS_NOT_FOUND);

    world_power_on(&w, 0x100e, WORLD_PACKETS);
    w.dev.bars[0].is_io = true;
    expect_open(STATUS_UNSUPPORTED);

    world_power_on(&w, 0x100e, WORLD_PACKETS);
    w.dev.bars[0].size_bytes = 0x4000;
    expect_open(STATUS_UNSUPPORTED);

    world_power_on(&w, 0x100e, WORLD_PACKETS);
    w.dev.bars[0].address = 0;
    expect_open(STATUS_UNSUPPORTED);

    world_power_on(&w, 0x100e, WORLD_PACKETS);
    w.chip.reset_stuck = true;
    expect_open(STATUS_TIMEOUT);
    assert_in_range(w.chip.now_ns, 50 * NS_PER_MS, 200 * NS_PER_MS); /* the wait has a bound */
}

static void test_open_bad_mac(void **state)
{
    static const uint8_t bad[][6] = {{0}, {0x01, 0, 0x5e, 0, 0, 1}, {255, 255, 255, 255, 255, 255}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        world_power_on(&w, 0x100f, WORLD_PACKETS);
        memcpy(w.chip.eeprom_mac, bad[i], 6);
        w.chip.nvm_silent = true;
        expect_open(STATUS_IO);
    }
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    w.chip.nvm_silent = true;
    w.chip.reset_noop = true; /* and nobody ever set RAH0.AV */
    w.chip.regs[0x5404 / 4] = 0x5634;
    expect_open(STATUS_IO);
}

/* Each allocation fails once; then the same device opens all the same. */
static void test_open_out_of_memory(void **state)
{
    for (uint64_t n = 1; n <= 2; n++) {
        world_power_on(&w, 0x100e, WORLD_PACKETS);
        w.chip.dma_fail_at = n;
        expect_open(STATUS_NO_MEMORY);
    }
    for (uint64_t n = 1; n <= E1000_RING_COUNT; n++) {
        world_power_on(&w, 0x100e, WORLD_PACKETS);
        w.pool.fail_at = n;
        assert_int_equal(world_open(&w), STATUS_NO_MEMORY);
        assert_int_equal(w.pool.used, 0);
        assert_int_equal(world_open(&w), STATUS_OK);
        assert_int_equal(w.chip.dma_calls, 2); /* the rings were still there */
        world_end(&w);
    }
    world_power_on(&w, 0x100e, E1000_RING_COUNT - 1);
    expect_open(STATUS_NO_MEMORY);
}

static void test_close_and_open_again(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world_open(&w), STATUS_OK);
        e1000_start(&w.e);
        world_send(&w, 100, 1);
        w.nic->ops->tx_flush(w.nic);
        assert_true(world_receive(&w, 60, 0));
        e1000_close(&w.e);
        assert_int_equal(w.pool.used, 0);
        assert_false(w.chip.bus_master);
    }
    assert_int_equal(w.sent_count, 3);
    world_end(&w);
}

static void test_shutdown_ends_dma(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    e1000_shutdown(&w.e);
    assert_false(w.chip.bus_master);
    assert_int_equal(chip_reg(&w.chip, 0x0100) & 2, 0);
    assert_int_equal(chip_reg(&w.chip, 0x0400) & 2, 0);
    assert_int_equal(chip_reg(&w.chip, 0x00d0), 0);
    assert_false(world_receive(&w, 60, 0));
    w.nic->ops->irq_unmask(w.nic); /* a poll that was under way */
    assert_int_equal(chip_reg(&w.chip, 0x00d0), 0);
    struct pkt *p = world_packet(&w, 60, 1);
    assert_int_equal(w.nic->ops->tx(w.nic, &p, 1), 1); /* taken, dropped, counted */
    w.nic->ops->tx_flush(w.nic);
    assert_false(w.nic->ops->tx_reclaim(w.nic));
    assert_false(w.nic->ops->rx_pending(w.nic));
    watchdog_tick();
    assert_int_equal(w.nic->stats.tx_dropped, 1);
    assert_int_equal(w.sent_count, 0);
    world_end(&w);
}

/* --- interrupts --------------------------------------------------------------------------- */

static void test_irq_mask_and_unmask(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    (void)w.nic->ops->irq(w.nic, 0); /* the link's, from power-up */
    w.nic->ops->irq_unmask(w.nic);
    assert_false(chip_irq_line(&w.chip));
    assert_int_equal(w.nic->ops->irq(w.nic, 0), 0); /* a shared line: not ours */
    uint64_t counted = w.nic->stats.interrupts;

    assert_true(world_receive(&w, 60, 1));
    assert_true(chip_irq_line(&w.chip));
    assert_int_equal(w.nic->ops->irq(w.nic, 0), NIC_EVENT_RX);
    assert_false(chip_irq_line(&w.chip));
    assert_int_equal(w.nic->stats.interrupts, counted + 1);

    assert_true(world_receive(&w, 60, 2)); /* masked: it waits for the unmasking */
    assert_false(chip_irq_line(&w.chip));
    w.nic->ops->irq_unmask(w.nic);
    assert_true(chip_irq_line(&w.chip));

    chip_set_link(&w.chip, false, 0, false);
    assert_int_equal(w.nic->ops->irq(w.nic, 0), NIC_EVENT_RX | NIC_EVENT_LINK);
    world_end(&w);
}

/* Sent frames raise nothing. */
static void test_irq_not_for_tx(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    (void)w.nic->ops->irq(w.nic, 0);
    w.nic->ops->irq_unmask(w.nic);
    world_send(&w, 60, 1);
    w.nic->ops->tx_flush(w.nic);
    assert_int_equal(w.sent_count, 1);
    assert_false(chip_irq_line(&w.chip));
    world_end(&w);
}

static void test_irq_probe_hooks(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    assert_int_equal(world_open(&w), STATUS_OK);
    assert_false(chip_irq_line(&w.chip));
    for (int i = 0; i < 2; i++) {
        e1000_irq_trigger(&w.e);
        assert_true(chip_irq_line(&w.chip));
        e1000_irq_quiet(&w.e);
        assert_false(chip_irq_line(&w.chip));
        assert_int_equal(chip_reg(&w.chip, 0x00d0), 0);
    }
    e1000_irq_trigger(&w.e); /* and when the handler itself answers */
    assert_int_equal(w.nic->ops->irq(w.nic, 0), NIC_EVENT_RX | NIC_EVENT_LINK);
    assert_false(chip_irq_line(&w.chip));
    w.nic->ops->irq_unmask(w.nic);
    assert_int_equal(chip_reg(&w.chip, 0x00d0), 0); /* not before the start */
    world_end(&w);
}

/* --- link and statistics ------------------------------------------------------------------ */

static void test_link_decoded(void **state)
{
    static const uint32_t speeds[] = {10, 100, 1000};
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    for (size_t i = 0; i < ARRAY_SIZE(speeds) * 2; i++) {
        struct nic_link link;
        chip_set_link(&w.chip, true, speeds[i / 2], i % 2 != 0);
        w.nic->ops->link(w.nic, &link);
        assert_true(link.up);
        assert_int_equal(link.speed_mbps, speeds[i / 2]);
        assert_int_equal(link.full_duplex, i % 2 != 0);
        chip_set_link(&w.chip, false, 0, false);
        w.nic->ops->link(w.nic, &link);
        assert_false(link.up);
        assert_int_equal(link.speed_mbps, 0);
    }
    assert_int_equal(w.nic->stats.link_changes, 12); /* with the first, seen by e1000_open */
    world_end(&w);
}

static void test_open_without_link(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    chip_set_link(&w.chip, false, 0, false);
    world_start(&w);
    assert_false(w.e.link.up);
    struct pkt *p = world_packet(&w, 60, 1);
    assert_int_equal(w.nic->ops->tx(w.nic, &p, 1), 1);
    assert_int_equal(w.nic->stats.tx_dropped, 1);
    chip_set_link(&w.chip, true, 1000, true);
    watchdog_tick(); /* though its interrupt got lost */
    world_send(&w, 60, 2);
    w.nic->ops->tx_flush(w.nic);
    assert_int_equal(w.sent_count, 1);
    world_end(&w);
}

static void test_statistics_add_up(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    for (uint64_t round = 1; round <= 3; round++) {
        w.chip.regs[0x4000 / 4] = 1;
        w.chip.regs[0x400c / 4] = 2;
        w.chip.regs[0x4010 / 4] = 3;
        w.chip.regs[0x40a0 / 4] = 4;
        w.chip.regs[0x4074 / 4] = 0xffffffff;
        w.chip.regs[0x4080 / 4] = 6;
        watchdog_tick();
        assert_int_equal(w.nic->stats.hw_crc_errors, round);
        assert_int_equal(w.nic->stats.rx_errors, 2 * round);
        assert_int_equal(w.nic->stats.rx_missed, 3 * round);
        assert_int_equal(w.nic->stats.rx_no_descriptor, 4 * round);
        assert_int_equal(w.nic->stats.hw_rx_packets, UINT64_C(0xffffffff) * round);
        assert_int_equal(w.nic->stats.hw_tx_packets, 6 * round);
    }
    world_end(&w);
}

/* --- lost interrupts ---------------------------------------------------------------------- */

static void quiet_start(void)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    (void)w.nic->ops->irq(w.nic, 0); /* the link's, from power-up */
    w.nic->ops->irq_unmask(w.nic);
    watchdog_tick();
    assert_false(chip_irq_line(&w.chip));
}

/* The watchdog's second look, when it has asked for one. */
static bool second_look(void)
{
    uint64_t next_ns = world_watchdog(&w);
    if (next_ns >= w.chip.now_ns + NIC_WATCHDOG_NS / 2) {
        return false;
    }
    w.chip.now_ns = next_ns;
    (void)world_watchdog(&w);
    return true;
}

/* A receive interrupt that never arrives is made up for and counted: one look, and a few ms. */
static void test_lost_interrupt(void **state)
{
    quiet_start();
    assert_true(world_receive(&w, 60, 1));
    w.chip.regs[0x00c0 / 4] = 0; /* lost */
    assert_false(chip_irq_line(&w.chip));
    w.chip.now_ns += NIC_WATCHDOG_NS;
    assert_true(second_look());
    assert_int_equal(w.nic->stats.irqs_lost, 1);
    assert_true(chip_irq_line(&w.chip));
    assert_int_equal(w.nic->ops->irq(w.nic, 0), NIC_EVENT_RX);
    world_end(&w);
}

/* The loop has found the frame by itself, in time; that the next would be told of is not sure. */
static void test_lost_interrupt_of_a_fetched_frame(void **state)
{
    struct pkt *batch[4];
    quiet_start();
    assert_true(world_receive(&w, 60, 1));
    w.chip.regs[0x00c0 / 4] = 0;
    assert_int_equal(w.nic->ops->rx(w.nic, batch, 4), 1);
    pkt_put(batch[0]);
    w.nic->ops->irq_unmask(w.nic);
    w.chip.now_ns += NIC_WATCHDOG_NS;
    assert_true(second_look());
    assert_int_equal(w.nic->stats.irqs_lost, 1);
    world_end(&w);
}

/* Late is not lost; nor is anything while it is masked, or when nothing has come. */
static void test_no_false_loss(void **state)
{
    quiet_start();
    assert_true(world_receive(&w, 60, 1));
    w.chip.now_ns += NIC_WATCHDOG_NS;
    uint64_t next_ns = world_watchdog(&w);
    assert_int_equal(w.nic->ops->irq(w.nic, 0), NIC_EVENT_RX); /* here it is */
    w.chip.now_ns = next_ns;
    (void)world_watchdog(&w);

    w.chip.now_ns += NIC_WATCHDOG_NS; /* masked, and the poll is slow */
    assert_false(second_look());
    struct pkt *batch[4];
    assert_int_equal(w.nic->ops->rx(w.nic, batch, 4), 1);
    pkt_put(batch[0]);
    w.nic->ops->irq_unmask(w.nic);
    w.chip.now_ns += NIC_WATCHDOG_NS;
    assert_false(second_look());
    assert_int_equal(w.nic->stats.irqs_lost, 0);
    world_end(&w);
}

/* irq=poll: no register is touched, and a loss is none. */
static void test_poll_touches_no_register(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    assert_int_equal(world_open(&w), STATUS_OK);
    e1000_irq_select(&w.e, IRQ_KIND_POLL);
    e1000_start(&w.e);
    assert_int_equal(chip_reg(&w.chip, 0x00d0), 0);
    uint32_t links = 0;
    uint64_t accesses = w.chip.reads + w.chip.writes;
    for (int i = 0; i < 2048; i++) {
        uint32_t events = w.nic->ops->irq(w.nic, 0);
        assert_int_equal(events & NIC_EVENT_RX, 0);
        links += (events & NIC_EVENT_LINK) != 0;
    }
    assert_int_equal(links, 16);
    assert_true(world_receive(&w, 60, 1));
    assert_int_equal(w.nic->ops->irq(w.nic, 0), NIC_EVENT_RX);
    w.nic->ops->irq_unmask(w.nic);
    assert_int_equal(w.chip.reads + w.chip.writes, accesses);
    w.chip.now_ns += NIC_WATCHDOG_NS;
    assert_false(second_look());
    assert_int_equal(w.nic->stats.irqs_lost, 0);
    world_end(&w);
}

static void fetch(uint32_t count, size_t bytes)
{
    struct pkt *batch[32];
    for (uint32_t n = 0; n < count; n++) {
        assert_true(world_receive(&w, bytes, n));
    }
    size_t got = w.nic->ops->rx(w.nic, batch, 32);
    assert_in_range(got, count, count + 1);
    while (got > 0) {
        pkt_put(batch[--got]);
    }
}

/* An interrupt tells of the first of so many frames. */
static void told_of(uint32_t count, size_t bytes)
{
    assert_true(world_receive(&w, bytes, 0));
    assert_int_equal(w.nic->ops->irq(w.nic, 0), NIC_EVENT_RX);
    fetch(count - 1, bytes);
    w.nic->ops->irq_unmask(w.nic);
}

/* A stream has interrupts farther apart, little has them at once; the register is written when that
 * changes, and never read. */
static void test_moderation_follows(void **state)
{
    quiet_start();
    for (uint32_t i = 0; i < 12; i++) {
        told_of(12, 1514);
    }
    assert_int_equal(chip_reg(&w.chip, 0x00c4), 488);
    uint64_t reads = w.chip.reads;
    uint64_t writes = w.chip.writes;
    told_of(1, 60);
    uint64_t reads_each = w.chip.reads - reads, writes_each = w.chip.writes - writes;
    for (uint32_t i = 0; i < 11; i++) {
        told_of(1, 60);
    }
    assert_int_equal(chip_reg(&w.chip, 0x00c4), 56);
    assert_int_equal(w.chip.reads - reads, 12 * reads_each);
    assert_int_equal(w.chip.writes - writes, 12 * writes_each + 2);
    world_end(&w);
}

/* What the loop finds by itself, awake, says nothing of how far apart interrupts should be. */
static void test_moderation_of_interrupts_alone(void **state)
{
    quiet_start();
    for (uint32_t i = 0; i < 12; i++) {
        told_of(1, 60);
        fetch(20, 1514);
    }
    assert_int_equal(chip_reg(&w.chip, 0x00c4), 56);
    world_end(&w);
}

/* --- the watchdog's resets ---------------------------------------------------------------- */

static void send_burst(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        world_send(&w, 100, i);
    }
    w.nic->ops->tx_flush(w.nic);
}

static void test_hang_is_reset(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    assert_true(world_receive(&w, 60, 1)); /* will be lost, its buffer will not */
    w.chip.tx_stuck = true;
    send_burst(40);
    watchdog_tick();
    assert_int_equal(w.nic->stats.tx_hangs, 0); /* how long it has been is not known yet */
    watchdog_tick();
    assert_int_equal(w.nic->stats.tx_hangs, 1);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    check_programmed();

    w.chip.tx_stuck = false;
    send_burst(3);
    assert_int_equal(w.sent_count, 3);
    assert_true(world_receive(&w, 60, 2));
    struct pkt *batch[4];
    assert_int_equal(w.nic->ops->rx(w.nic, batch, 4), 1);
    world_check_frame(batch[0]->data, 60, 2);
    pkt_put(batch[0]);
    watchdog_tick();
    watchdog_tick();
    assert_int_equal(w.nic->stats.tx_hangs, 1);
    world_end(&w);
}

/* A shared packet survives the reset with its bytes. */
static void test_hang_leaves_shared_packets(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    w.chip.tx_stuck = true;
    struct pkt *p = world_packet(&w, 200, 7);
    struct pkt *down = pkt_get(p);
    assert_int_equal(w.nic->ops->tx(w.nic, &down, 1), 1);
    w.nic->ops->tx_flush(w.nic);
    watchdog_tick();
    watchdog_tick();
    assert_int_equal(w.nic->stats.tx_hangs, 1);
    assert_false(pkt_shared(p));
    world_check_frame(p->data, 200, 7);
    pkt_put(p);
    world_end(&w);
}

static void test_no_false_hang(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    w.chip.tx_manual = true;
    send_burst(200);
    for (int i = 0; i < 5; i++) { /* slow, but it moves */
        (void)chip_tx_work(&w.chip, E1000_TX_REPORT_COUNT);
        watchdog_tick();
    }
    w.chip.tx_paused = true; /* the peer asked for silence */
    for (int i = 0; i < 5; i++) {
        watchdog_tick();
    }
    assert_int_equal(w.nic->stats.tx_hangs, 0);
    w.chip.tx_paused = false;
    (void)chip_tx_work(&w.chip, 200);
    watchdog_tick();
    assert_int_equal(w.sent_count, 200);
    assert_int_equal(w.nic->stats.tx_hangs, 0);
    assert_int_equal(w.chip.resets, 1);
    world_end(&w);
}

static void test_link_lost_with_frames_waiting(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    w.chip.tx_manual = true;
    send_burst(10);
    chip_set_link(&w.chip, false, 0, false);
    watchdog_tick();
    assert_int_equal(w.chip.resets, 2);
    assert_int_equal(w.pool.used, E1000_RING_COUNT); /* not kept for an out-of-date sending */
    send_burst(10);                                  /* dropped: no link */
    watchdog_tick();
    watchdog_tick();
    assert_int_equal(w.chip.resets, 2);
    assert_int_equal(w.nic->stats.tx_hangs, 0);
    chip_set_link(&w.chip, true, 1000, true);
    watchdog_tick();
    w.chip.tx_manual = false;
    send_burst(5);
    assert_int_equal(w.sent_count, 5);
    assert_int_equal(w.nic->stats.tx_dropped, 10);
    world_end(&w);
}

static void test_reset_that_fails_is_tried_again(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    w.chip.tx_stuck = true;
    w.chip.reset_stuck = true;
    send_burst(3);
    watchdog_tick();
    watchdog_tick();
    assert_int_equal(w.e.state, E1000_FAILED);
    assert_false(w.e.link.up);
    send_burst(3); /* dropped */
    assert_int_equal(w.nic->stats.tx_dropped, 3);
    assert_false(w.nic->ops->tx_reclaim(w.nic)); /* nothing to wait for */
    w.chip.tx_stuck = false;
    w.chip.reset_stuck = false;
    watchdog_tick();
    assert_int_equal(w.e.state, E1000_RUNNING);
    assert_true(w.e.link.up);
    check_programmed();
    send_burst(3);
    assert_int_equal(w.sent_count, 3);
    world_end(&w);
}

/* --- during a reset ----------------------------------------------------------------------- */

/* All that the loop, a shared line or the poll timer may call at any time. */
static void call_everything(void *arg)
{
    (void)arg;
    struct pkt *batch[4];
    struct nic_link link;
    (void)w.nic->ops->irq(w.nic, 0);
    w.nic->ops->irq_unmask(w.nic);
    assert_int_equal(w.nic->ops->rx(w.nic, batch, ARRAY_SIZE(batch)), 0);
    assert_false(w.nic->ops->rx_pending(w.nic));
    (void)w.nic->ops->tx_reclaim(w.nic);
    w.nic->ops->tx_flush(w.nic);
    w.nic->ops->link(w.nic, &link);
}

static void hang(void)
{
    w.chip.tx_stuck = true;
    send_burst(40);
    watchdog_tick();
    w.chip.now_ns += NIC_WATCHDOG_NS;
    (void)world_watchdog(&w);
    assert_int_equal(w.nic->stats.tx_hangs, 1);
    assert_int_equal(w.e.state, E1000_RESETTING);
    w.chip.tx_stuck = false;
}

/* 13.4 CTRL.RST: for a microsecond nobody touches a register; the model has no exception to that.
 * Nor does anybody afterwards, until it has come back. */
static void test_nobody_touches_a_device_in_reset(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        world_power_on(&w, devices[i], WORLD_PACKETS);
        world_start(&w);
        w.chip.in_delay = call_everything; /* should it spin: interrupts are on */
        hang();
        while (w.e.state == E1000_RESETTING) {
            uint64_t accesses = w.chip.reads + w.chip.writes;
            for (int step = 0; step < 20; step++) {
                call_everything(NULL);
                w.chip.now_ns += 100;
            }
            assert_int_equal(w.chip.reads + w.chip.writes, accesses);
            (void)world_watchdog(&w);
            assert_string_equal(w.chip.fault, "");
        }
        assert_int_equal(w.e.state, E1000_RUNNING);
        check_programmed();
        w.chip.in_delay = NULL;
        world_end(&w);
    }
}

/* No call holds the loop: with a microsecond for each access, which is a slow bus, less than a
 * millisecond, though a reset takes twenty. It is called late, early and with an old time, too. */
static void test_no_call_takes_long(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        world_power_on(&w, devices[i], WORLD_PACKETS);
        world_start(&w);
        w.chip.access_ns = NS_PER_US;
        uint64_t start_ns = 0;
        for (uint32_t round = 0; round < 3; round++) {
            w.nic->stats.tx_hangs = 0;
            hang();
            start_ns = w.chip.now_ns;
            while (w.e.state == E1000_RESETTING) {
                w.chip.now_ns += round == 2 ? 30 * NS_PER_MS : 100 * NS_PER_US;
                (void)world_watchdog(&w);
            }
            if (round < 2) { /* and it does not take longer than it must */
                assert_in_range(w.chip.now_ns - start_ns, 15 * NS_PER_MS, 25 * NS_PER_MS);
            }
            assert_int_equal(w.e.state, E1000_RUNNING);
        }
        assert_in_range(w.longest_ns, 1, NS_PER_MS);
        w.chip.access_ns = 0;
        world_end(&w);
    }
}

/* What the stack sends meanwhile is not taken, and not lost; the link it knows of stays. */
static void test_a_reset_holds_frames_back(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    world_start(&w);
    hang();
    uint32_t used = w.pool.used;
    uint64_t changes = w.nic->stats.link_changes;
    struct pkt *p = world_packet(&w, 60, 1);
    struct nic_link link;
    do {
        assert_int_equal(w.nic->ops->tx(w.nic, &p, 1), 0);
        assert_int_equal(w.pool.used, used + 1);
        w.nic->ops->link(w.nic, &link);
        assert_true(link.up);
        w.chip.now_ns = w.e.reset.due_ns;
        (void)world_watchdog(&w);
    } while (w.e.state == E1000_RESETTING);
    assert_int_equal(w.nic->ops->tx(w.nic, &p, 1), 1);
    w.nic->ops->tx_flush(w.nic);
    assert_int_equal(w.sent_count, 1);
    assert_int_equal(w.nic->stats.tx_dropped, 0);
    assert_int_equal(w.nic->stats.link_changes, changes);
    world_end(&w);
}

/* A panic, or the power button, at each step of a reset. */
static void test_stopped_during_a_reset(void **state)
{
    for (uint32_t steps = 0; steps < 4; steps++) {
        world_power_on(&w, 0x100e, WORLD_PACKETS);
        world_start(&w);
        hang();
        for (uint32_t i = 0; i < steps && w.e.state == E1000_RESETTING; i++) {
            w.chip.now_ns = w.e.reset.due_ns;
            (void)world_watchdog(&w);
        }
        e1000_shutdown(&w.e);
        assert_false(w.chip.bus_master);
        assert_int_equal(chip_reg(&w.chip, 0x00d0), 0);
        call_everything(NULL);
        w.chip.now_ns += NS_PER_S;
        (void)world_watchdog(&w);
        assert_int_equal(w.e.state, E1000_STOPPED);
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_open_from_every_state),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_open_bad_mac),
        cmocka_unit_test(test_open_out_of_memory),
        cmocka_unit_test(test_close_and_open_again),
        cmocka_unit_test(test_shutdown_ends_dma),
        cmocka_unit_test(test_irq_mask_and_unmask),
        cmocka_unit_test(test_irq_not_for_tx),
        cmocka_unit_test(test_irq_probe_hooks),
        cmocka_unit_test(test_link_decoded),
        cmocka_unit_test(test_open_without_link),
        cmocka_unit_test(test_statistics_add_up),
        cmocka_unit_test(test_lost_interrupt),
        cmocka_unit_test(test_lost_interrupt_of_a_fetched_frame),
        cmocka_unit_test(test_no_false_loss),
        cmocka_unit_test(test_poll_touches_no_register),
        cmocka_unit_test(test_moderation_follows),
        cmocka_unit_test(test_moderation_of_interrupts_alone),
        cmocka_unit_test(test_hang_is_reset),
        cmocka_unit_test(test_hang_leaves_shared_packets),
        cmocka_unit_test(test_no_false_hang),
        cmocka_unit_test(test_link_lost_with_frames_waiting),
        cmocka_unit_test(test_reset_that_fails_is_tried_again),
        cmocka_unit_test(test_nobody_touches_a_device_in_reset),
        cmocka_unit_test(test_no_call_takes_long),
        cmocka_unit_test(test_a_reset_holds_frames_back),
        cmocka_unit_test(test_stopped_during_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
