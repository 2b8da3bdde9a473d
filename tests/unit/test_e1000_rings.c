/*
 * The driver's data path against the strict chip model: both rings, many times around, with a chip
 * that is late, goes in pieces, starves or sends bad frames. Life and registers: test_e1000.c.
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

static struct world w;

static void start(uint32_t packets)
{
    world_power_on(&w, 0x100e, packets);
    world_start(&w);
}

static size_t rx(struct pkt **batch, size_t max)
{
    return w.nic->ops->rx(w.nic, batch, max);
}

static void put_all(struct pkt **batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pkt_put(batch[i]);
    }
}

/* Receives what waits; every frame must be the next in number. Returns how many. */
static uint32_t harvest(uint32_t *number)
{
    struct pkt *batch[32];
    uint32_t total = 0;
    size_t count;
    while ((count = rx(batch, 32)) > 0) {
        for (size_t i = 0; i < count; i++) {
            world_check_frame(batch[i]->data, pkt_len(batch[i]), (*number)++);
        }
        put_all(batch, count);
        total += (uint32_t)count;
    }
    return total;
}

static void flush(void)
{
    w.nic->ops->tx_flush(w.nic);
}

static bool reclaim(void)
{
    return w.nic->ops->tx_reclaim(w.nic);
}

/* --- receive ------------------------------------------------------------------------------ */

static void test_rx_frame(void **state)
{
    struct pkt *batch[4];
    start(WORLD_PACKETS);
    assert_false(w.nic->ops->rx_pending(w.nic));
    assert_int_equal(rx(batch, 4), 0);
    assert_true(world_receive(&w, 321, 5));
    assert_true(w.nic->ops->rx_pending(w.nic));
    assert_int_equal(rx(batch, 4), 1);
    assert_int_equal(pkt_len(batch[0]), 321);
    assert_int_equal(pkt_headroom(batch[0]), 0);
    assert_int_equal(batch[0]->refs, 1);
    assert_int_equal(batch[0]->rx_flags, 0);
    world_check_frame(batch[0]->data, 321, 5);
    pkt_put(batch[0]);
    assert_false(w.nic->ops->rx_pending(w.nic));
    assert_int_equal(w.nic->stats.rx_packets, 1);
    assert_int_equal(w.nic->stats.rx_bytes, 321);
    world_end(&w);
}

static void test_rx_group_addresses_are_marked(void **state)
{
    struct pkt *batch[4];
    uint8_t frame[60];
    start(WORLD_PACKETS);
    world_frame(&w, frame, 60, 1);
    memset(frame, 0xff, 6);
    assert_true(chip_receive(&w.chip, frame, 60, 0));
    frame[0] = 0x01; /* a multicast address: the cleared table lets none through */
    assert_false(chip_receive(&w.chip, frame, 60, 0));
    w.chip.regs[0x5200 / 4 + 127] = 0xffffffff; /* 0xfff is its hash */
    assert_true(chip_receive(&w.chip, frame, 60, 0));
    assert_int_equal(rx(batch, 4), 2);
    assert_int_equal(batch[0]->rx_flags, PKT_RX_L2_BROADCAST);
    assert_int_equal(batch[1]->rx_flags, PKT_RX_L2_BROADCAST);
    put_all(batch, 2);
    world_end(&w);
}

/* Lengths and ring positions of every kind; the costs: no register read, a tail write per 16. */
static void test_rx_many_times_around(void **state)
{
    uint32_t in = 0, out = 0;
    start(WORLD_PACKETS);
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t burst = 1 + round * 7 % 37;
        for (uint32_t i = 0; i < burst; i++) {
            assert_true(world_receive(&w, 60 + in * 13 % 1459, in));
            in++;
        }
        assert_int_equal(harvest(&out), burst);
    }
    assert_int_equal(in, out);
    assert_true(in > 100 * E1000_RING_COUNT);
    assert_int_equal(w.chip.reads, 0);
    assert_true(w.chip.rdt_writes <= in / E1000_RX_REFILL_COUNT);
    assert_int_equal(w.nic->stats.rx_packets, in);
    world_end(&w);
}

static void test_rx_refill_is_batched(void **state)
{
    uint32_t in = 0, out = 0;
    start(WORLD_PACKETS);
    for (; in < E1000_RX_REFILL_COUNT - 1; in++) {
        assert_true(world_receive(&w, 60, in));
        assert_int_equal(harvest(&out), 1);
    }
    assert_int_equal(w.chip.writes, 0);
    assert_true(world_receive(&w, 60, in));
    assert_int_equal(harvest(&out), 1);
    assert_int_equal(w.chip.writes, 1);
    assert_int_equal(w.chip.rdt_writes, 1);
    assert_int_equal(chip_rx_owned(&w.chip), 255);
    world_end(&w);
}

/* One look at a full ring, in one batch that has room for more: still one tail write. */
static void test_rx_whole_ring_at_once(void **state)
{
    static struct pkt *batch[512];
    start(WORLD_PACKETS);
    for (uint32_t i = 0; i < 255; i++) {
        assert_true(world_receive(&w, 60, i));
    }
    assert_int_equal(chip_rx_owned(&w.chip), 0);
    assert_int_equal(rx(batch, 512), 255);
    assert_int_equal(w.chip.writes, 1);
    assert_int_equal(chip_rx_owned(&w.chip), 255);
    put_all(batch, 255);
    world_end(&w);
}

/* What stands in the one slot that is not the chip's is not looked at, whatever it says. */
static void test_rx_keeps_to_what_was_given(void **state)
{
    static struct pkt *batch[512];
    start(WORLD_PACKETS);
    w.e.rx.ring[255].word = UINT64_C(0x030000003c); /* DD, EOP, 60 bytes */
    for (uint32_t i = 0; i < 255; i++) {
        assert_true(world_receive(&w, 60, i));
    }
    assert_int_equal(rx(batch, 512), 255);
    put_all(batch, 255);
    assert_int_equal(w.chip.fault_count, 1); /* the chip was given what the test had put there */
    assert_non_null(strstr(w.chip.fault, "RX descriptor 255 given with its status"));
    w.chip.fault_count = 0;
    w.chip.fault[0] = '\0';
    world_end(&w);
}

/* The chip has moved on but has not said so, or only half. */
static void test_rx_waits_for_dd(void **state)
{
    uint32_t out = 0;
    start(WORLD_PACKETS);
    w.chip.rx_hold = true;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(world_receive(&w, 100 + i, i));
    }
    assert_int_equal(harvest(&out), 0);
    chip_rx_writeback(&w.chip, 1, false);
    assert_int_equal(harvest(&out), 1);
    chip_rx_writeback(&w.chip, 1, true); /* length and errors stand there, DD does not */
    assert_false(w.nic->ops->rx_pending(w.nic));
    assert_int_equal(harvest(&out), 0);
    chip_rx_writeback(&w.chip, 2, false);
    assert_int_equal(harvest(&out), 2);
    assert_int_equal(out, 3);
    world_end(&w);
}

static void test_rx_error_marks(void **state)
{
    uint8_t frame[200];
    uint64_t dropped = 0;
    start(WORLD_PACKETS);
    world_frame(&w, frame, 200, 9);
    for (uint32_t errors = 0; errors < 256; errors++) {
        struct pkt *batch[2];
        assert_true(chip_receive(&w.chip, frame, 200, (uint8_t)errors));
        bool bad = (errors & 0x97) != 0; /* bits 5 and 6 are checksums, 3 reserved */
        dropped += bad;
        assert_int_equal(rx(batch, 2), bad ? 0 : 1);
        put_all(batch, bad ? 0 : 1);
    }
    assert_int_equal(w.nic->stats.rx_errors, dropped);
    assert_int_equal(w.nic->stats.rx_packets, 256 - dropped);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    world_end(&w);
}

static void test_rx_senseless_lengths(void **state)
{
    static const struct {
        size_t len;
        bool good;
    } cases[] = {{1, false}, {13, false}, {14, true}, {1518, true}, {1519, false}, {2048, false}};
    uint8_t frame[2048];
    start(WORLD_PACKETS);
    w.chip.accept_long = true;
    world_frame(&w, frame, sizeof(frame), 3);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pkt *batch[2];
        assert_true(chip_receive(&w.chip, frame, cases[i].len, 0));
        size_t count = rx(batch, 2);
        assert_int_equal(count, cases[i].good);
        put_all(batch, count);
    }
    assert_int_equal(w.nic->stats.rx_errors, 4);
    world_end(&w);
}

/* Frames over 2 to 5 descriptors vanish whole, wherever the looks fall, with their neighbours kept.
 */
static void test_rx_frames_over_several_descriptors(void **state)
{
    uint32_t in = 0, out = 0;
    uint64_t long_frames = 0;
    uint8_t frame[CHIP_FRAME_MAX];
    start(WORLD_PACKETS);
    w.chip.accept_long = true;
    w.chip.rx_hold = true;
    for (uint32_t round = 0; round < 600; round++) {
        size_t len = world_frame(&w, frame, 2049 + round * 97 % 6900, 0);
        assert_true(chip_receive(&w.chip, frame, len, round % 3 == 0 ? 0x01 : 0));
        long_frames++;
        assert_true(world_receive(&w, 64, in++));
        chip_rx_writeback(&w.chip, 1 + round % 4, false); /* a look in its midst */
        (void)harvest(&out);
        chip_rx_writeback(&w.chip, UINT32_MAX, false);
        (void)harvest(&out);
        assert_int_equal(out, in);
    }
    assert_int_equal(w.nic->stats.rx_oversize, long_frames);
    assert_int_equal(w.nic->stats.rx_errors, 0);
    assert_int_equal(w.nic->stats.rx_packets, in);
    world_end(&w);
}

/* The stack holds every buffer: frames are dropped and counted, the ring lives, and recovers. */
static void test_rx_pool_dry(void **state)
{
    enum { SPARE = 10 };
    struct pkt *held[SPARE], *batch[32];
    uint32_t number = 0;
    start(E1000_RING_COUNT + SPARE);
    for (; number < SPARE; number++) {
        assert_true(world_receive(&w, 60, number));
        assert_int_equal(rx(&held[number], 1), 1);
    }
    assert_int_equal(pkt_pool_left(&w.pool), 0);
    for (uint32_t i = 0; i < 3 * E1000_RING_COUNT; i++) {
        assert_true(world_receive(&w, 60, number++));
        assert_int_equal(rx(batch, 32), 0);
    }
    assert_int_equal(w.nic->stats.rx_no_buffer, 3 * E1000_RING_COUNT);
    for (uint32_t i = 0; i < SPARE; i++) {
        world_check_frame(held[i]->data, 60, i); /* nobody wrote into what the stack holds */
    }
    put_all(held, SPARE);
    for (uint32_t i = 0; i < 2 * E1000_RING_COUNT; i++) {
        assert_true(world_receive(&w, 60, number));
        assert_int_equal(harvest(&number), 1);
    }
    world_end(&w);
}

/* Nobody looks: the ring fills, then the FIFO, then frames are lost in the chip; all is counted. */
static void test_rx_without_buffers_and_back(void **state)
{
    uint32_t out = 0;
    start(WORLD_PACKETS);
    for (int round = 0; round < 5; round++) {
        uint32_t in = out, lost = 0;
        for (int i = 0; i < 300; i++) {
            if (world_receive(&w, 60, in)) {
                in++;
            } else {
                lost++;
            }
        }
        assert_int_equal(in - out, 255 + CHIP_FIFO_FRAMES);
        assert_int_equal(chip_reg(&w.chip, 0x00c0) & 0x40, 0x40); /* RXO */
        assert_int_equal(w.nic->ops->irq(w.nic, 0) & NIC_EVENT_RX, NIC_EVENT_RX);
        assert_int_equal(harvest(&out), 255 + CHIP_FIFO_FRAMES);
        assert_int_equal(out, in);
        world_watchdog_tick(&w);
        assert_int_equal(w.nic->stats.rx_missed, (uint64_t)lost * (unsigned)(round + 1));
        assert_int_equal(w.nic->stats.rx_no_descriptor,
                         (uint64_t)CHIP_FIFO_FRAMES * (unsigned)(round + 1));
    }
    world_end(&w);
}

/* The n-th allocation fails, for each n: a frame is lost, never more, and no buffer. */
static void test_rx_each_allocation_fails(void **state)
{
    for (uint32_t n = 1; n <= 40; n++) {
        struct pkt *batch[64];
        start(WORLD_PACKETS);
        w.pool.fail_at = w.pool.get_count + n;
        for (uint32_t i = 0; i < 40; i++) {
            assert_true(world_receive(&w, 60, i));
        }
        assert_int_equal(rx(batch, 64), 39);
        put_all(batch, 39);
        assert_int_equal(w.nic->stats.rx_no_buffer, 1);
        world_end(&w);
    }
}

/* --- transmit ----------------------------------------------------------------------------- */

static void test_tx_frame(void **state)
{
    start(WORLD_PACKETS);
    world_send(&w, 500, 3);
    assert_int_equal(w.chip.writes, 0); /* not before the flush */
    flush();
    assert_int_equal(w.chip.writes, 1);
    assert_int_equal(w.sent_count, 1);
    assert_int_equal(w.sent_len, 500);
    world_check_frame(w.sent, 500, 3);
    assert_false(reclaim());
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    flush(); /* nothing to tell */
    assert_int_equal(w.chip.writes, 1);
    assert_int_equal(w.chip.reads, 0);
    assert_int_equal(w.nic->stats.tx_packets, 1);
    assert_int_equal(w.nic->stats.tx_bytes, 500);
    world_end(&w);
}

/* Padding is zeros, whatever lay in the buffer, and the packet itself stays as it was. */
static void test_tx_pads_with_zeros(void **state)
{
    static const uint8_t zeros[60];
    start(WORLD_PACKETS);
    for (size_t len = 18; len <= 62; len++) {
        struct pkt *p = world_packet(&w, len, 1);
        struct pkt *down = pkt_get(p); /* shared with a sender that will want it again */
        assert_int_equal(w.nic->ops->tx(w.nic, &down, 1), 1);
        flush();
        assert_int_equal(w.sent_len, len < 60 ? 60 : len);
        world_check_frame(w.sent, len, 1);
        assert_memory_equal(w.sent + len, zeros, w.sent_len - len);
        assert_int_equal(pkt_len(p), len);
        assert_false(reclaim());
        assert_false(pkt_shared(p));
        world_check_frame(p->data, len, 1);
        pkt_put(p);
    }
    world_end(&w);
}

static void test_tx_many_times_around(void **state)
{
    uint32_t number = 0;
    uint64_t bursts = 0;
    start(WORLD_PACKETS);
    w.check_sequence = true;
    while (number < 100 * E1000_RING_COUNT) {
        uint32_t burst = 1 + (uint32_t)bursts * 11 % 250;
        for (uint32_t i = 0; i < burst; i++) {
            world_send(&w, 60 + number * 17 % 1455, number);
            number++;
        }
        flush();
        bursts++;
        assert_false(reclaim());
    }
    assert_int_equal(w.sent_count, number);
    assert_int_equal(w.chip.tdt_writes, bursts);
    assert_int_equal(w.chip.writes, bursts);
    assert_int_equal(w.chip.reads, 0);
    world_end(&w);
}

/* A report for each 32nd frame and for the last of the burst. */
static void test_tx_reports_are_few(void **state)
{
    static const struct {
        uint32_t burst, reports;
    } cases[] = {{1, 1}, {31, 1}, {32, 1}, {33, 2}, {64, 2}, {65, 3}, {255, 8}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        start(WORLD_PACKETS);
        for (uint32_t n = 0; n < cases[i].burst; n++) {
            world_send(&w, 60, n);
        }
        flush();
        assert_int_equal(w.sent_count, cases[i].burst);
        assert_int_equal(w.chip.reports_out, cases[i].reports);
        world_end(&w);
    }
}

/* The chip is slow: the ring takes 255 and no more, and room appears report by report. */
static void test_tx_full_and_drained(void **state)
{
    static struct pkt *batch[300];
    start(WORLD_PACKETS);
    w.chip.tx_manual = true;
    w.check_sequence = true;
    for (uint32_t i = 0; i < 300; i++) {
        batch[i] = world_packet(&w, 60, i);
    }
    assert_int_equal(w.nic->ops->tx(w.nic, batch, 300), 255);
    assert_int_equal(w.nic->stats.tx_ring_full, 1);
    flush();
    assert_int_equal(w.nic->ops->tx(w.nic, batch + 255, 45), 0);
    assert_int_equal(chip_tx_work(&w.chip, 31), 31); /* not up to the first report */
    assert_int_equal(w.nic->ops->tx(w.nic, batch + 255, 45), 0);
    assert_int_equal(chip_tx_work(&w.chip, 1), 1);
    assert_int_equal(w.nic->ops->tx(w.nic, batch + 255, 45), 32);
    flush();
    assert_int_equal(chip_tx_work(&w.chip, 40), 40); /* up to the second, and some */
    assert_true(reclaim());
    assert_int_equal(w.nic->ops->tx(w.nic, batch + 287, 13), 13);
    flush();
    assert_int_equal(chip_tx_work(&w.chip, UINT32_MAX), 228);
    assert_false(reclaim());
    assert_int_equal(w.sent_count, 300);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    world_end(&w);
}

/* Sent long ago, but its DD comes late: the buffers stay out until then. */
static void test_tx_waits_for_dd(void **state)
{
    start(WORLD_PACKETS);
    w.chip.tx_hold_dd = true;
    for (uint32_t i = 0; i < 100; i++) {
        world_send(&w, 60, i);
    }
    flush();
    assert_int_equal(w.sent_count, 100);
    assert_true(reclaim());
    assert_int_equal(w.pool.used, E1000_RING_COUNT + 100);
    chip_tx_writeback(&w.chip);
    assert_false(reclaim());
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    world_end(&w);
}

/*
 * A report in a descriptor that was never given takes nothing back, though the one in front of it
 * does: the frames would be flushed later, from buffers that the pool has given to others.
 */
static void test_tx_keeps_to_what_was_given(void **state)
{
    static const uint16_t devices[] = {0x100e, 0x1533}; /* one of each format */
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        world_power_on(&w, devices[i], WORLD_PACKETS);
        world_start(&w);
        w.check_sequence = true;
        for (uint32_t n = 0; n < 10 + E1000_TX_REPORT_COUNT; n++) {
            world_send(&w, 60, n);
            if (n == 9) {
                flush();
            }
        }
        uint64_t *word = &w.e.tx.ring[10 + E1000_TX_REPORT_COUNT - 1].word;
        uint64_t given = *word;
        assert_true((given & w.e.format.tx_report) != 0);
        *word |= w.e.format.tx_done;
        assert_true(reclaim());
        assert_int_equal(w.pool.used, E1000_RING_COUNT + E1000_TX_REPORT_COUNT);
        *word = given;
        flush();
        assert_int_equal(w.sent_count, 10 + E1000_TX_REPORT_COUNT);
        assert_false(reclaim());
        assert_int_equal(w.pool.used, E1000_RING_COUNT);
        world_end(&w);
    }
}

/* Frames that were never flushed do not stay behind at close. */
static void test_tx_unflushed_is_released(void **state)
{
    start(WORLD_PACKETS);
    for (uint32_t i = 0; i < 40; i++) {
        world_send(&w, 60, i);
    }
    assert_int_equal(w.sent_count, 0);
    world_end(&w);
}

/* --- everything at once ------------------------------------------------------------------- */

struct soak {
    uint64_t seed;
    uint32_t rx_in, rx_out, tx;
    uint64_t now_ns;
};

static void soak_receive(struct soak *s)
{
    uint32_t burst = (uint32_t)world_random(&s->seed) % 40;
    w.chip.rx_hold = world_random(&s->seed) % 4 == 0;
    for (uint32_t i = 0; i < burst; i++) {
        size_t len = 60 + world_random(&s->seed) % 1455;
        if (world_receive(&w, len, s->rx_in)) {
            s->rx_in++;
        }
    }
    if (world_random(&s->seed) % 2 == 0) {
        chip_rx_writeback(&w.chip, (uint32_t)world_random(&s->seed) % 64, false);
    }
}

static void soak_send(struct soak *s)
{
    struct pkt *batch[48];
    uint32_t burst = (uint32_t)world_random(&s->seed) % 48;
    for (uint32_t i = 0; i < burst; i++) {
        batch[i] = world_packet(&w, 60 + world_random(&s->seed) % 1455, s->tx + i);
    }
    size_t taken = w.nic->ops->tx(w.nic, batch, burst);
    s->tx += (uint32_t)taken;
    put_all(batch + taken, burst - taken);
    if (world_random(&s->seed) % 3 != 0) {
        flush();
    }
}

static void soak_step(struct soak *s)
{
    switch (world_random(&s->seed) % 6) {
    case 0:
        soak_receive(s);
        break;
    case 1:
        (void)harvest(&s->rx_out);
        break;
    case 2:
        soak_send(s);
        break;
    case 3:
        w.chip.tx_hold_dd = world_random(&s->seed) % 2 == 0;
        (void)chip_tx_work(&w.chip, (uint32_t)world_random(&s->seed) % 100);
        break;
    case 4:
        (void)reclaim();
        break;
    default:
        if (w.nic->ops->irq(w.nic, 0) != 0) {
            w.nic->ops->irq_unmask(w.nic);
        }
        break;
    }
}

static void soak_seed(uint64_t seed)
{
    struct soak s = {.seed = seed};
    start(WORLD_PACKETS);
    w.chip.tx_manual = true;
    w.check_sequence = true;
    for (uint32_t i = 0; i < 3000; i++) {
        soak_step(&s);
    }
    w.chip.rx_hold = false;
    w.chip.tx_hold_dd = false;
    chip_rx_writeback(&w.chip, UINT32_MAX, false);
    do {
        chip_rx_writeback(&w.chip, UINT32_MAX, false);
    } while (harvest(&s.rx_out) > 0);
    flush();
    (void)chip_tx_work(&w.chip, UINT32_MAX);
    assert_false(reclaim());
    assert_int_equal(s.rx_out, s.rx_in);
    assert_int_equal(w.sent_count, s.tx);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    world_end(&w);
}

static void test_both_ways_random(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        printf("seed %llu\r", (unsigned long long)seed);
        fflush(stdout);
        soak_seed(seed);
    }
    printf("\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rx_frame),
        cmocka_unit_test(test_rx_group_addresses_are_marked),
        cmocka_unit_test(test_rx_many_times_around),
        cmocka_unit_test(test_rx_refill_is_batched),
        cmocka_unit_test(test_rx_whole_ring_at_once),
        cmocka_unit_test(test_rx_keeps_to_what_was_given),
        cmocka_unit_test(test_rx_waits_for_dd),
        cmocka_unit_test(test_rx_error_marks),
        cmocka_unit_test(test_rx_senseless_lengths),
        cmocka_unit_test(test_rx_frames_over_several_descriptors),
        cmocka_unit_test(test_rx_pool_dry),
        cmocka_unit_test(test_rx_without_buffers_and_back),
        cmocka_unit_test(test_rx_each_allocation_fails),
        cmocka_unit_test(test_tx_frame),
        cmocka_unit_test(test_tx_pads_with_zeros),
        cmocka_unit_test(test_tx_many_times_around),
        cmocka_unit_test(test_tx_reports_are_few),
        cmocka_unit_test(test_tx_full_and_drained),
        cmocka_unit_test(test_tx_waits_for_dd),
        cmocka_unit_test(test_tx_keeps_to_what_was_given),
        cmocka_unit_test(test_tx_unflushed_is_released),
        cmocka_unit_test(test_both_ways_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
