/*
 * The chip models' rules that are one generation's, or the data path's: each is broken once, on
 * purpose, by a sequence that is right but for that.
 */
// LINK: tests/unit/chip_*.c tests/unit/bare_chip.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dma.h"
#include "tests/unit/bare_chip.h"

#undef assert
#include <cmocka.h>

#define BIT(n) (UINT32_C(1) << (n))

static struct bare b;

static void ready(uint16_t device)
{
    bare_power_on(&b, device);
    bare_reset(&b);
    bare_setup(&b);
    bare_expect_none(&b);
}

/* The receiver is enabled with register offset holding value. */
static void enable_with(uint16_t device, uint32_t offset, uint32_t value, const char *fault)
{
    ready(device);
    bare_poke(&b, offset, value);
    bare_start(&b);
    bare_expect(&b, fault);
    bare_end(&b);
}

static void test_what_must_stand_when_the_receiver_starts(void **state)
{
    enable_with(0x10d3, 0x5008, BIT(15), "extended descriptors");
    enable_with(0x153a, 0x5008, BIT(15), "extended descriptors");
    enable_with(0x104a, 0x1008, 20, "packet buffer");
    enable_with(0x1533, 0x2404, 0xa1, "packet buffers");
    enable_with(0x1533, 0x3404, 0x04000015, "packet buffers");
    enable_with(0x10c9, 0x52fc, 1, "garbage in MTA");
    enable_with(0x153a, 0x5600, 1, "garbage in MTA or VFTA");
    enable_with(0x10c9, 0x5404, 0, "without a receive address");
}

/* What a reset does not bring back: packet buffers, and what the NVM set on ICH and PCH. */
static void test_what_survives_a_reset(void **state)
{
    static const struct {
        uint16_t device;
        uint32_t offset, value;
    } cases[] = {{0x1533, 0x2404, 0xa1},      {0x1533, 0x3404, 0x04000015}, {0x104a, 0x1000, 12},
                 {0x104a, 0x1008, 20},        {0x153a, 0x0024, 5},          {0x10d3, 0x5b00, 1},
                 {0x150e, 0x0e14, 0x00000020}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bare_power_on(&b, cases[i].device);
        bare_poke(&b, cases[i].offset, cases[i].value);
        bare_reset(&b);
        assert_int_equal(bare_peek(&b, cases[i].offset), cases[i].value);
        bare_end(&b);
    }
    bare_power_on(&b, 0x15b7); /* this does not: it has to be set before each reset */
    bare_poke(&b, 0x5bbc, 0x2000);
    bare_reset(&b);
    assert_int_equal(bare_peek(&b, 0x5bbc), 0);
    bare_end(&b);
}

static void test_srrctl(void **state)
{
    static const struct {
        uint32_t value;
        const char *fault;
    } cases[] = {{2u << 25 | 2, "DESCTYPE 2"}, {1u << 25 | 4, "buffers of 4 KiB"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ready(0x10c9);
        bare_poke(&b, 0x280c, cases[i].value);
        bare_expect(&b, "written while enabled");
        bare_poke(&b, 0x0100, 0x04008002);
        bare_expect(&b, cases[i].fault);
        bare_end(&b);
    }
}

static void test_bus(void **state)
{
    ready(0x10d3);
    pci_enable(&b.dev, false);
    bare_poke(&b, 0x0100, 0x04008002);
    bare_expect(&b, "receiver enabled without bus mastering");
    pci_enable(&b.dev, true);
    bare_expect(&b, "switched on under a running receiver");
    bare_end(&b);

    for (uint16_t device = 0x108b; device != 0; device = device == 0x108b ? 0x10d3 : 0) {
        ready(device);
        pci_write32(&b.dev, 0xf0, pci_read32(&b.dev, 0xf0) | 1); /* L0s */
        bare_start(&b);
        bare_expect(&b, "ASPM on");
        bare_end(&b);
    }

    bare_power_on(&b, 0x10d3);
    b.chip.memory_on = false;
    (void)bare_peek(&b, 0x0008);
    bare_expect(&b, "read while memory decoding is off");
    bare_poke(&b, 0x0100, 0);
    bare_expect(&b, "written while memory decoding is off");
    bare_end(&b);
}

static void test_transmitter(void **state)
{
    ready(0x153a);
    bare_poke(&b, 0x0400, 0x010400fa);
    bare_start(&b);
    bare_expect(&b, "without TCTL.MULR");
    bare_poke(&b, 0x3840, 0);
    bare_expect(&b, "TARC0 without its queue");
    bare_end(&b);

    ready(0x10d3);
    bare_poke(&b, 0x3840, 3);
    bare_expect(&b, "TARC0 without its queue");
    bare_poke(&b, 0x0400, 0);
    bare_poke(&b, 0x0400, 0x110400fa);
    bare_expect(&b, "TARC0's queue off");
    bare_end(&b);

    bare_power_on(&b, 0x10d3);
    bare_poke(&b, 0x0400, 0x110400fa);
    bare_expect(&b, "before register 0x3800");
    bare_end(&b);

    ready(0x10cd); /* ICH: 16 at least */
    bare_poke(&b, 0x0400, 0);
    bare_poke(&b, 0x3808, 128);
    bare_poke(&b, 0x0400, 0x110400fa);
    bare_expect(&b, "less than 16");
    bare_end(&b);
}

static void test_82574_keeps_receiving(void **state)
{
    static const uint16_t devices[] = {0x10d3, 0x150c};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bare_run(&b, devices[i]);
        bare_poke(&b, 0x0100, 0);
        bare_expect(&b, "RCTL.EN cleared");
        bare_end(&b);
    }
    bare_run(&b, 0x105e);
    bare_poke(&b, 0x0100, 0);
    bare_end(&b);
}

/* 82579: a tail that is written while the engine is at the registers goes wrong. */
static void test_82579_loses_tails(void **state)
{
    bare_run(&b, 0x1502);
    b.chip.me_busy_until_ns = b.chip.now_ns + NS_PER_MS;
    assert_int_equal(bare_peek(&b, 0x5b54) >> 24 & 1, 1);
    bare_send(&b);
    assert_int_not_equal(bare_peek(&b, 0x3818), b.tx_tail);
    assert_int_equal(b.sent, 0);
    bare_wait_us(&b, 1000);
    assert_int_equal(bare_peek(&b, 0x5b54) >> 24 & 1, 0);
    bare_poke(&b, 0x3818, b.tx_tail);
    bare_expect(&b, "engine was not stopped");
    bare_reset(&b);
    bare_setup(&b);
    bare_start(&b);
    bare_send(&b);
    assert_int_equal(b.sent, 1);
    bare_end(&b);
}

/* --- queues with an enable bit ------------------------------------------------------------ */

static void test_queue_enable_takes_a_while(void **state)
{
    static const uint16_t devices[] = {0x10a7, 0x10c9, 0x150e, 0x1521, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        ready(devices[i]);
        bare_poke(&b, 0x2828, 0);
        bare_poke(&b, 0x2828, BIT(25));
        assert_int_equal(bare_peek(&b, 0x2828) & BIT(25), 0);
        bare_poke(&b, 0x2818, 3);
        bare_expect(&b, "before its queue is enabled");
        bare_poke(&b, 0x2818, 0);
        bare_wait_us(&b, 30);
        assert_int_equal(bare_peek(&b, 0x2828) & BIT(25), BIT(25));
        bare_poke(&b, 0x2810, 0);
        bare_expect(&b, "written while enabled");
        b.chip.queue_stuck = true;
        bare_poke(&b, 0x3828, 0);
        bare_poke(&b, 0x3828, BIT(25));
        bare_wait_us(&b, 10000);
        assert_int_equal(bare_peek(&b, 0x3828) & BIT(25), 0);
        bare_end(&b);
    }
    bare_power_on(&b, 0x10c9);
    bare_poke(&b, 0xc028, BIT(25)); /* the other name of 0x2828 */
    bare_expect(&b, "RX queue enabled before register 0x2800");
    bare_end(&b);
}

static void test_advanced_transmit_descriptors(void **state)
{
    static const struct {
        uint64_t word;
        const char *fault;
    } cases[] = {
        {UINT64_C(60) << 46 | 0x2bu << 24 | 4u << 20 | 60, "DTYP 4"},
        {UINT64_C(61) << 46 | 0x2bu << 24 | 3u << 20 | 60, "PAYLEN 61 of 60"},
        {UINT64_C(60) << 46 | 0x2au << 24 | 3u << 20 | 60, "a report within a frame"},
        {UINT64_C(60) << 46 | UINT64_C(1) << 32 | 0x2bu << 24 | 3u << 20 | 60, "stale"},
        {UINT64_C(59) << 46 | 0x2bu << 24 | 3u << 20 | 59, "59 bytes"},
        {0x0fu << 24 | 60, "command 0x0f"}, /* a legacy one, with IC */
        {UINT64_C(60) << 46 | 0x23u << 24 | 3u << 20 | 60, "never be reported"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bare_run(&b, 0x10c9);
        b.tx[0] = dma_bus_address(b.buffers + (size_t)BARE_RING * CHIP_BUFFER_BYTES);
        b.tx[1] = cases[i].word;
        bare_poke(&b, 0x3818, 1);
        bare_expect(&b, cases[i].fault);
        bare_end(&b);
    }
    bare_run(&b, 0x10d3);
    b.tx[0] = dma_bus_address(b.buffers + (size_t)BARE_RING * CHIP_BUFFER_BYTES);
    b.tx[1] = UINT64_C(60) << 46 | 0x2bu << 24 | 3u << 20 | 60;
    bare_poke(&b, 0x3818, 1);
    bare_expect(&b, "DTYP 3");
    bare_end(&b);
}

static void test_receive_descriptors(void **state)
{
    bare_run(&b, 0x10c9);
    assert_true(bare_receive(&b));
    assert_true(bare_receive(&b));
    b.rx[2 * b.rx_tail] = dma_bus_address(b.buffers + (size_t)15 * CHIP_BUFFER_BYTES);
    b.rx[2 * b.rx_tail + 1] = 1; /* DD of the last time */
    bare_poke(&b, 0x2818, 0);
    bare_expect(&b, "status not cleared");
    b.rx[0] = dma_bus_address(b.buffers) + 2;
    b.rx[1] = 0;
    bare_poke(&b, 0x2818, 1);
    bare_expect(&b, "bad buffer");
    bare_end(&b);
}

/* --- I219 --------------------------------------------------------------------------------- */

static void plain_reset(void)
{
    assert_true(bare_take(&b));
    bare_poke(&b, 0x0000, bare_peek(&b, 0x0000) | 4);
    bare_wait_us(&b, 50);
    (void)bare_peek(&b, 0x0008);
    bare_poke(&b, 0x0000, bare_peek(&b, 0x0000) | BIT(26));
    bare_wait_us(&b, 50000);
    bare_leave(&b);
}

static void test_i219_dies_of_a_reset_with_used_rings(void **state)
{
    bare_run(&b, 0x15b7);
    assert_int_equal(pci_read32(&b.dev, 0xe4) & 0x100, 0x100);
    plain_reset();
    bare_expect(&b, "not flushed");
    assert_true(b.chip.dead);
    bare_setup(&b);
    bare_start(&b);
    bare_send(&b);
    assert_true(bare_receive(&b)); /* swallowed */
    assert_int_equal(b.sent + b.chip.frames_in, 0);
    bare_reset(&b); /* too late */
    assert_true(b.chip.dead);
    bare_end(&b);

    bare_run(&b, 0x15b7); /* FEXTNVM11 alone is not enough, nor is the descriptor alone */
    bare_poke(&b, 0x5bbc, 0x2000);
    plain_reset();
    bare_expect(&b, "not flushed");
    bare_end(&b);

    bare_run(&b, 0x15b7); /* the same when it may no longer fetch them */
    pci_enable(&b.dev, false);
    bare_expect(&b, "bus mastering ended with descriptors not flushed");
    assert_true(b.chip.dead);
    bare_end(&b);

    bare_run(&b, 0x153a); /* an I217 does not mind */
    plain_reset();
    assert_false(b.chip.dead);
    bare_end(&b);
}

static void test_i219_flush(void **state)
{
    for (int both = 0; both < 2; both++) {
        bare_run(&b, 0x15b7);
        b.chip.flush_rx_too = both != 0;
        b.chip.tx_hang = true;
        bare_send(&b);
        bare_reset(&b);
        assert_false(b.chip.dead);
        bare_works_again(&b);
        bare_end(&b);
    }
}

/* --- off the bus -------------------------------------------------------------------------- */

static void test_gone(void **state)
{
    bare_run(&b, 0x10c9);
    b.chip.gone = true;
    assert_int_equal(bare_peek(&b, 0x0008), UINT32_MAX);
    assert_false(bare_receive(&b));
    bare_send(&b);
    assert_int_equal(b.sent, 0);
    chip_come_back(&b.chip);
    assert_int_equal(bare_peek(&b, 0x2808), 0);
    bare_reset(&b);
    bare_setup(&b);
    bare_start(&b);
    assert_true(bare_receive(&b));
    bare_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_must_stand_when_the_receiver_starts),
        cmocka_unit_test(test_what_survives_a_reset),
        cmocka_unit_test(test_srrctl),
        cmocka_unit_test(test_bus),
        cmocka_unit_test(test_transmitter),
        cmocka_unit_test(test_82574_keeps_receiving),
        cmocka_unit_test(test_82579_loses_tails),
        cmocka_unit_test(test_queue_enable_takes_a_while),
        cmocka_unit_test(test_advanced_transmit_descriptors),
        cmocka_unit_test(test_receive_descriptors),
        cmocka_unit_test(test_i219_dies_of_a_reset_with_used_rings),
        cmocka_unit_test(test_i219_flush),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
