/*
 * The driver against the strict model of every generation: both rings, each way to interrupt, and
 * what the watchdog makes of a device that fails. The 8254x in detail: test_e1000.c and
 * test_e1000_rings.c.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/e1000_world.h"

#undef assert
#include <cmocka.h>

static const uint16_t devices[] = {
    0x100c, /* 82544 */
    0x100e, /* 82540 */
    0x105e, /* 82571 */
    0x108b, /* 82573 */
    0x10d3, /* 82574 */
    0x150c, /* 82583 */
    0x1049, /* ICH8 */
    0x10cc, /* ICH10 */
    0x10ea, /* 82577 */
    0x1502, /* 82579 */
    0x153a, /* I217 */
    0x156f, /* I219 */
    0x10a7, /* 82575 */
    0x10c9, /* 82576 */
    0x150e, /* 82580 */
    0x1521, /* I350 */
    0x1533, /* I210 */
};

static struct world w;
static bool scheduled;    /* a handler has asked for the poll */
static uint32_t received; /* frames, in order */

/* The board's and netdev's part: a handler, and a poll that unmasks at its end. */
static void on_message(void *arg, uint32_t vector)
{
    (void)arg;
    if (w.nic->ops->irq(w.nic, vector) != 0) {
        scheduled = true;
    }
}

static void take_interrupts(void)
{
    chip_run(&w.chip);
    if (chip_irq_line(&w.chip)) {
        on_message(NULL, 0);
    }
}

static void poll(void)
{
    struct pkt *batch[32];
    size_t count;
    scheduled = false;
    do {
        count = w.nic->ops->rx(w.nic, batch, 32);
        for (size_t i = 0; i < count; i++) {
            world_check_frame(batch[i]->data, pkt_len(batch[i]), received++);
            pkt_put(batch[i]);
        }
    } while (count == 32);
    w.nic->ops->irq_unmask(w.nic);
}

/* Time passes, interrupts arrive, what they ask for is done. */
static void pass(uint64_t ns)
{
    w.chip.now_ns += ns;
    take_interrupts();
    for (int i = 0; i < 4 && scheduled; i++) {
        poll();
        take_interrupts();
    }
    assert_false(scheduled);
}

static void power_on(uint16_t device)
{
    scheduled = false;
    received = 0;
    world_power_on(&w, device, WORLD_PACKETS);
    w.chip.interrupt = on_message;
    assert_int_equal(world_open(&w), STATUS_OK);
}

static void start(uint16_t device)
{
    power_on(device);
    e1000_start(&w.e);
    pass(NS_PER_MS);
}

/* False when the part does not know the way. */
static bool start_by(uint16_t device, enum irq_kind kind)
{
    power_on(device);
    if (kind == IRQ_KIND_MSIX && e1000_irq_vectors(&w.e) == 0) {
        world_end(&w);
        return false;
    }
    if (!chip_irq_mode(&w.chip, kind)) {
        world_end(&w);
        return false;
    }
    e1000_irq_select(&w.e, kind);
    e1000_start(&w.e);
    pass(NS_PER_MS);
    return true;
}

static void send_burst(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        world_send(&w, 60 + (w.sent_next + i) * 17 % 1455, w.sent_next + i);
    }
    w.nic->ops->tx_flush(w.nic);
}

/* --- rings -------------------------------------------------------------------------------- */

static void test_both_rings(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        w.check_sequence = true;
        uint32_t in = 0;
        for (uint32_t round = 0; round < 200; round++) {
            for (uint32_t i = 0; i < 1 + round % 20; i++) {
                assert_true(world_receive(&w, 60 + in * 13 % 1455, in));
                in++;
            }
            send_burst(1 + round % 40);
            pass(NS_PER_MS);
            assert_false(w.nic->ops->tx_reclaim(w.nic));
            assert_int_equal(received, in);
        }
        assert_true(in > 4 * E1000_RING_COUNT);
        assert_true(w.sent_next > 4 * E1000_RING_COUNT);
        assert_int_equal(w.nic->stats.rx_errors, 0);
        world_end(&w);
    }
}

static void test_error_marks(void **state)
{
    uint8_t frame[200];
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        uint64_t dropped = 0;
        start(devices[d]);
        world_frame(&w, frame, 200, 0);
        for (uint32_t errors = 0; errors < 256; errors++) {
            received = 0;
            assert_true(chip_receive(&w.chip, frame, 200, (uint8_t)errors));
            pass(NS_PER_MS);
            bool bad = (errors & 0x97) != 0;
            dropped += bad;
            assert_int_equal(received, bad ? 0 : 1);
        }
        assert_int_equal(w.nic->stats.rx_errors, dropped);
        world_end(&w);
    }
}

/* The queue of an 82575 or later does not start: no tail is written, and it is tried again. */
static void test_a_queue_that_does_not_start(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        power_on(devices[d]);
        if (!e1000_gen_is_advanced(w.e.id->gen)) {
            world_end(&w);
            continue;
        }
        w.chip.queue_stuck = true;
        w.chip.queue_on_ns[0] = w.chip.queue_on_ns[1] = 0;
        uint64_t before_ns = w.chip.now_ns;
        e1000_start(&w.e);
        assert_true(w.chip.now_ns - before_ns <= NS_PER_MS);
        assert_int_equal(w.e.state, E1000_FAILED);
        w.chip.queue_stuck = false;
        world_watchdog_tick(&w);
        assert_int_equal(w.e.state, E1000_RUNNING);
        pass(NS_PER_MS);
        assert_true(world_receive(&w, 60, 0));
        pass(NS_PER_MS);
        assert_int_equal(received, 1);
        world_end(&w);
    }
}

/* --- interrupts --------------------------------------------------------------------------- */

static void test_trial_raises_each_vector(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (uint32_t kind = 0; kind < IRQ_KIND_POLL; kind++) {
            power_on(devices[d]);
            uint32_t vectors = e1000_irq_vectors(&w.e);
            bool known = kind != IRQ_KIND_MSIX || vectors > 0;
            if (!known || !chip_irq_mode(&w.chip, (enum irq_kind)kind)) {
                world_end(&w);
                continue;
            }
            for (int trial = 0; trial < 2; trial++) {
                memset(w.chip.messages, 0, sizeof(w.chip.messages));
                e1000_irq_select(&w.e, (enum irq_kind)kind);
                w.chip.now_ns += NS_PER_MS;
                take_interrupts();
                assert_false(scheduled); /* all masked until it is asked for */
                e1000_irq_trigger(&w.e);
                w.chip.now_ns += NS_PER_MS;
                take_interrupts();
                assert_true(scheduled);
                uint32_t expected = kind == IRQ_KIND_MSIX ? vectors : kind == IRQ_KIND_MSI;
                for (uint32_t v = 0; v < CHIP_VECTORS_MAX; v++) {
                    assert_int_equal(w.chip.messages[v], v < expected);
                }
                e1000_irq_quiet(&w.e);
                w.chip.now_ns += NS_PER_MS;
                scheduled = false;
                take_interrupts();
                assert_false(scheduled);
            }
            world_end(&w);
        }
    }
}

/* Frames, alone and in numbers, each told of; the link, too; sent frames never. */
static void test_interrupts_in_every_way(void **state)
{
    uint32_t ways = 0;
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (uint32_t kind = 0; kind < IRQ_KIND_POLL; kind++) {
            if (!start_by(devices[d], (enum irq_kind)kind)) {
                continue;
            }
            ways++;
            uint32_t in = 0;
            for (uint32_t round = 0; round < 100; round++) {
                for (uint32_t i = 0; i < 1 + round % 5; i++) {
                    assert_true(world_receive(&w, 60, in++));
                }
                pass(NS_PER_MS);
                assert_int_equal(received, in);
            }
            uint64_t interrupts = w.nic->stats.interrupts;
            send_burst(30);
            pass(NS_PER_MS);
            assert_int_equal(w.nic->stats.interrupts, interrupts);
            for (int i = 1; i <= 3; i++) {
                chip_set_link(&w.chip, i % 2 == 0, 1000, true);
                pass(NS_PER_MS);
                assert_true(w.nic->stats.interrupts > interrupts);
                interrupts = w.nic->stats.interrupts;
            }
            assert_int_equal(w.nic->stats.irqs_lost, 0);
            world_end(&w);
        }
    }
    assert_true(ways > 2 * ARRAY_SIZE(devices));
}

/* Once one has come, none comes until the poll has ended; what came meanwhile is told of then. */
static void test_masked_until_polled(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (uint32_t kind = 0; kind < IRQ_KIND_POLL; kind++) {
            if (!start_by(devices[d], (enum irq_kind)kind)) {
                continue;
            }
            uint32_t in = 0;
            for (int round = 0; round < 5; round++) {
                uint64_t interrupts = w.nic->stats.interrupts;
                for (int i = 0; i < 10; i++) {
                    assert_true(world_receive(&w, 60, in++));
                    w.chip.now_ns += NS_PER_MS;
                    take_interrupts();
                }
                assert_true(scheduled);
                assert_int_equal(w.nic->stats.interrupts, interrupts + 1);
                pass(NS_PER_MS);
                assert_int_equal(received, in);
            }
            world_end(&w);
        }
    }
}

/*
 * The link goes between the last look of a poll and its end, with a frame: the reader of the link's
 * cause must not take the frame's with it, nor is it a loss.
 */
static void test_a_link_that_goes_under_a_poll(void **state)
{
    struct pkt *batch[2];
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (uint32_t kind = 0; kind < IRQ_KIND_POLL; kind++) {
            if (!start_by(devices[d], (enum irq_kind)kind)) {
                continue;
            }
            (void)world_watchdog(&w);
            assert_true(world_receive(&w, 60, 0));
            w.chip.now_ns += NS_PER_MS;
            take_interrupts();
            assert_true(scheduled);
            assert_int_equal(w.nic->ops->rx(w.nic, batch, 2), 1);
            pkt_put(batch[0]);
            received++;
            assert_true(world_receive(&w, 60, 1));
            chip_set_link(&w.chip, false, 1000, true);
            w.chip.now_ns += NS_PER_MS;
            take_interrupts();
            scheduled = false;
            w.nic->ops->irq_unmask(w.nic);
            assert_true(w.nic->ops->rx_pending(w.nic)); /* and so: */
            poll();
            assert_int_equal(received, 2);
            pass(NS_PER_MS);
            world_watchdog_tick(&w);
            w.chip.now_ns += NS_PER_MS * 10;
            (void)world_watchdog(&w);
            assert_int_equal(w.nic->stats.irqs_lost, 0);
            world_end(&w);
        }
    }
}

/* The message is lost, and the device sends no other for it: one look, and it is made up for. */
static void test_a_lost_message(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (uint32_t kind = IRQ_KIND_MSIX; kind <= IRQ_KIND_MSI; kind++) {
            if (!start_by(devices[d], (enum irq_kind)kind)) {
                continue;
            }
            (void)world_watchdog(&w);
            w.chip.irq_lose = 1;
            assert_true(world_receive(&w, 60, 0));
            pass(NS_PER_MS);
            assert_int_equal(w.chip.messages_lost, 1);
            assert_int_equal(received, 0);
            uint64_t lost_ns = w.chip.now_ns;
            w.chip.now_ns += NIC_WATCHDOG_NS;
            w.chip.now_ns = world_watchdog(&w);
            (void)world_watchdog(&w);
            pass(NS_PER_MS);
            assert_int_equal(received, 1);
            assert_int_equal(w.nic->stats.irqs_lost, 1);
            assert_true(w.chip.now_ns - lost_ns < NIC_WATCHDOG_NS + 100 * NS_PER_MS);
            assert_true(world_receive(&w, 60, 1)); /* and the next comes as ever */
            pass(NS_PER_MS);
            assert_int_equal(received, 2);
            world_end(&w);
        }
    }
}

/* --- failures ----------------------------------------------------------------------------- */

static void test_hang_and_back(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (uint32_t kind = 0; kind < IRQ_KIND_POLL; kind++) {
            if (!start_by(devices[d], (enum irq_kind)kind)) {
                continue;
            }
            w.chip.tx_hang = true;
            send_burst(20);
            world_watchdog_tick(&w);
            world_watchdog_tick(&w);
            assert_int_equal(w.nic->stats.tx_hangs, 1);
            assert_int_equal(w.e.state, E1000_RUNNING);
            assert_int_equal(w.pool.used, E1000_RING_COUNT);
            pass(NS_PER_MS);
            send_burst(20);
            assert_int_equal(w.sent_count, 20);
            assert_true(world_receive(&w, 60, 0)); /* interrupts go as before */
            pass(NS_PER_MS);
            assert_int_equal(received, 1);
            world_end(&w);
        }
    }
}

/* The device counts frames and fills no buffer; frames for firmware look the same, so a reset that
 * does not help is not repeated at once. */
static void test_receiver_stalls(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        w.chip.regs[0x4074 / 4] = 7;
        world_watchdog_tick(&w);
        assert_int_equal(w.nic->stats.rx_stalls, 0);
        for (int i = 0; i < 2; i++) {
            w.chip.regs[0x4074 / 4] = 7;
            world_watchdog_tick(&w);
        }
        assert_int_equal(w.nic->stats.rx_stalls, 1);
        pass(NS_PER_MS);
        for (int i = 0; i < 12; i++) {
            w.chip.regs[0x4074 / 4] = 7;
            world_watchdog_tick(&w);
        }
        assert_in_range(w.nic->stats.rx_stalls, 2, 3); /* not six */
        assert_true(world_receive(&w, 60, 0));
        pass(NS_PER_MS);
        assert_int_equal(received, 1);
        world_end(&w);
    }
}

/* Reset by firmware, or behind a bus error, while nothing was to be sent: nobody would notice. */
static void test_receiver_switched_off(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        world_watchdog_tick(&w);
        assert_int_equal(w.nic->stats.rx_stalls, 0);
        w.chip.regs[0x0100 / 4] &= ~UINT32_C(2); /* RCTL.EN, not by the driver */
        world_watchdog_tick(&w);
        assert_int_equal(w.nic->stats.rx_stalls, 1);
        assert_int_equal(w.e.state, E1000_RUNNING);
        pass(NS_PER_MS);
        assert_true(world_receive(&w, 60, 0));
        pass(NS_PER_MS);
        assert_int_equal(received, 1);
        world_end(&w);
    }
}

static void tick_gone(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        w.chip.now_ns += NIC_WATCHDOG_NS;
        (void)world_watchdog(&w);
    }
}

/* Off the bus, with frames out: every register reads ones, or zeros. It is left alone, and not
 * reset for ever; when it is back, it serves again. */
static void test_gone_and_back(void **state)
{
    for (size_t d = 0; d < 2 * ARRAY_SIZE(devices); d++) {
        start(devices[d / 2]);
        w.chip.gone_zeros = d % 2 != 0;
        send_burst(5);
        w.chip.gone = true;
        send_burst(20);
        uint64_t resets = w.chip.resets;
        tick_gone(3);
        assert_int_equal(w.e.state, E1000_FAILED);
        assert_false(w.e.link.up);
        uint64_t accesses = w.chip.reads + w.chip.writes;
        tick_gone(20);
        assert_true(w.chip.reads + w.chip.writes - accesses <= 20);
        assert_int_equal(w.chip.resets, resets);
        send_burst(20); /* dropped */
        assert_int_equal(w.nic->stats.tx_dropped, 20);
        assert_int_equal(w.nic->ops->irq(w.nic, 0), 0);
        chip_come_back(&w.chip);
        world_watchdog_tick(&w);
        assert_int_equal(w.e.state, E1000_RUNNING);
        pass(NS_PER_MS);
        assert_true(world_receive(&w, 60, 0));
        pass(NS_PER_MS);
        assert_int_equal(received, 1);
        world_end(&w);
    }
}

/* What the device writes of its own accord, into whatever is its own at the time. */
static void scribble(bool tx, uint32_t idx, uint64_t addr, uint64_t word)
{
    uint64_t words[2] = {addr, word};
    chip_scribble(&w.chip, tx, idx, (const uint8_t *)words);
}

static void forgive(void)
{
    w.chip.fault_count = 0; /* it was the test that did it */
    w.chip.fault[0] = '\0';
}

/* All descriptors done at once, with lengths from nothing to 64 KiB and addresses of nowhere. */
static void test_senseless_descriptors(void **state)
{
    static const uint32_t lengths[] = {0, 1, 13, 1519, 2049, 0x4000, 0xffff};
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        const struct e1000_format *f = &w.e.format;
        for (size_t n = 0; n < ARRAY_SIZE(lengths); n++) {
            uint64_t length = (uint64_t)lengths[n] << f->rx_shift;
            for (uint32_t i = 0; i < E1000_RING_COUNT; i++) {
                scribble(false, i, UINT64_MAX - i, f->rx_done | f->rx_end | length);
            }
            struct pkt *batch[64];
            for (int i = 0; i < 8; i++) {
                assert_int_equal(w.nic->ops->rx(w.nic, batch, 64), 0);
            }
        }
        assert_true(w.nic->stats.rx_errors >= E1000_RING_COUNT);
        for (uint32_t i = 0; i < E1000_RING_COUNT; i++) {
            scribble(true, i, 0, f->tx_done);
        }
        assert_false(w.nic->ops->tx_reclaim(w.nic)); /* nothing was out */
        assert_int_equal(w.pool.used, E1000_RING_COUNT);
        forgive();
        world_end(&w);
    }
}

/* A frame that never ends: each look fetches a ring of it at most; the device is reset, and after
 * some resets that do not help left to rest, with a line in the log and no more. */
static void test_a_frame_without_an_end(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        uint64_t word = w.e.format.rx_done | UINT64_C(1514) << w.e.format.rx_shift;
        for (uint32_t look = 0; look < 40 && w.e.state == E1000_RUNNING; look++) {
            struct pkt *batch[32];
            for (uint32_t i = 0; i < E1000_RING_COUNT; i++) {
                scribble(false, i, 0, word);
            }
            assert_int_equal(w.nic->ops->rx(w.nic, batch, 32), 0);
            w.e.watch.rx_next = w.e.rx.next; /* no frame came of it */
            forgive();
            world_watchdog_tick(&w);
        }
        assert_int_equal(w.e.state, E1000_FAILED);
        uint64_t resets = w.chip.resets;
        assert_in_range(resets, 5, 20); /* the 82579 finds out by its tail */
        tick_gone(10);
        assert_int_equal(w.chip.resets, resets);
        for (int i = 0; i < 40; i++) {
            world_watchdog_tick(&w);
        }
        assert_int_equal(w.e.state, E1000_RUNNING);
        pass(NS_PER_MS);
        assert_true(world_receive(&w, 60, 0));
        pass(NS_PER_MS);
        assert_int_equal(received, 1);
        forgive();
        world_end(&w);
    }
}

/* The device says that it is done with what it has not sent: out of order, late, again. */
static void test_reports_out_of_order(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        w.chip.tx_manual = true;
        send_burst(100); /* reports at 31, 63, 95 and 99 */
        uint32_t out = w.pool.used;
        scribble(true, 95, 0, w.e.format.tx_done);
        scribble(true, 63, 0, w.e.format.tx_done);
        scribble(true, 10, 0, w.e.format.tx_done);
        assert_true(w.nic->ops->tx_reclaim(w.nic));
        assert_int_equal(w.pool.used, out); /* none in front of the first */
        scribble(true, 31, 0, w.e.format.tx_done);
        assert_true(w.nic->ops->tx_reclaim(w.nic));
        assert_int_equal(w.pool.used, out - 96);
        scribble(true, 99, 0, w.e.format.tx_done);
        assert_false(w.nic->ops->tx_reclaim(w.nic));
        assert_int_equal(w.pool.used, E1000_RING_COUNT);
        forgive();
        world_end(&w);
    }
}

static void test_nothing_for_a_resting_line(void **state)
{
    start(0x100e);
    for (int i = 0; i < 5; i++) {
        world_watchdog_tick(&w);
    }
    assert_int_equal(w.nic->stats.tx_hangs + w.nic->stats.rx_stalls + w.nic->stats.irqs_lost, 0);
    assert_int_equal(w.chip.resets, 1);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_rings),
        cmocka_unit_test(test_error_marks),
        cmocka_unit_test(test_a_queue_that_does_not_start),
        cmocka_unit_test(test_trial_raises_each_vector),
        cmocka_unit_test(test_interrupts_in_every_way),
        cmocka_unit_test(test_masked_until_polled),
        cmocka_unit_test(test_a_link_that_goes_under_a_poll),
        cmocka_unit_test(test_a_lost_message),
        cmocka_unit_test(test_hang_and_back),
        cmocka_unit_test(test_receiver_stalls),
        cmocka_unit_test(test_receiver_switched_off),
        cmocka_unit_test(test_gone_and_back),
        cmocka_unit_test(test_senseless_descriptors),
        cmocka_unit_test(test_a_frame_without_an_end),
        cmocka_unit_test(test_reports_out_of_order),
        cmocka_unit_test(test_nothing_for_a_resting_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
