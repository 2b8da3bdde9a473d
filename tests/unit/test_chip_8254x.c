/*
 * The chip model must see what a driver does wrong: each rule is broken once, on purpose.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dma.h"
#include "kernel/mmio.h"
#include "kernel/time.h"
#include "tests/unit/e1000_world.h"

#undef assert
#include <cmocka.h>

static struct world w;

/* Exactly the fault that was provoked, and then none. */
static void expect_fault(const char *text)
{
    if (strstr(w.chip.fault, text) == NULL) {
        fail_msg("expected \"%s\", got \"%s\"", text, w.chip.fault);
    }
    w.chip.fault_count = 0;
    w.chip.fault[0] = '\0';
}

static void poke(uint32_t offset, uint32_t value)
{
    mmio_write32(&w.e.regs, offset, value);
}

static void start(uint16_t device)
{
    world_power_on(&w, device, WORLD_PACKETS);
    world_start(&w);
    assert_int_equal(w.chip.fault_count, 0);
}

static void test_sees_bad_register_writes(void **state)
{
    start(0x100e);
    poke(0x0444, 0);
    expect_fault("register 0x0444 cannot be written");
    poke(0x0008, 0);
    expect_fault("cannot be written");
    poke(0x4010, 0);
    expect_fault("cannot be written");
    (void)mmio_read32(&w.e.regs, 0x00d8);
    expect_fault("cannot be read");
    poke(0x0100, 0x04008003);
    expect_fault("reserved bits 0x00000001");
    poke(0x00d0, 0x20);
    expect_fault("reserved bits");
    poke(0x2808, 16);
    expect_fault("reserved bits"); /* not a multiple of 128 */
    poke(0x2800, 0x1008);
    expect_fault("reserved bits"); /* not at a multiple of 16 */
    poke(0x2800, 0x1000);
    expect_fault("written while enabled");
    poke(0x3810, 0);
    expect_fault("written while enabled");
    poke(0x0000, UINT32_C(1) << 31);
    expect_fault("PHY");
    world_end(&w);
    start(0x100c);
    poke(0x00c4, 100);
    expect_fault("register 0x00c4 cannot be written");
    world_end(&w);
}

static void test_sees_accesses_in_reset(void **state)
{
    start(0x100e);
    poke(0x0000, 0x04000000);
    (void)mmio_read32(&w.e.regs, 0x0008);
    expect_fault("within 1 us");
    time_delay_us(2);
    assert_int_equal(mmio_read32(&w.e.regs, 0x0000), UINT32_MAX);
    assert_int_equal(w.chip.fault_count, 0);
    poke(0x0100, 0);
    expect_fault("during a reset");
    time_delay_us(10000);
    assert_int_equal(mmio_read32(&w.e.regs, 0x0000) & 0x04000000, 0);
    assert_int_equal(mmio_read32(&w.e.regs, 0x2808), 0); /* forgotten */
    world_end(&w);
}

static void test_sees_bad_enabling(void **state)
{
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    assert_int_equal(world_open(&w), STATUS_OK);
    poke(0x5200, 1);
    poke(0x0100, 0x04008002);
    expect_fault("garbage in MTA");
    poke(0x0100, 0);
    poke(0x5200, 0);
    poke(0x5404, 0);
    poke(0x0100, 0x04008002);
    expect_fault("without a receive address");
    poke(0x0100, 0);
    poke(0x2808, 0);
    poke(0x0100, 0x04008002);
    expect_fault("ring of 0");
    world_end(&w);

    world_power_on(&w, 0x100e, WORLD_PACKETS);
    assert_int_equal(world_open(&w), STATUS_OK);
    poke(0x0400, 0);
    poke(0x0000, 0x04000000);
    time_delay_us(20000);
    poke(0x0400, 0x010400fa);
    expect_fault("before register 0x3800");
    poke(0x0100, 0x04008002);
    expect_fault("before register 0x2800");
    world_end(&w);
}

static void test_sees_bad_tails(void **state)
{
    start(0x100e);
    poke(0x2818, 256);
    expect_fault("out of a ring of 256");
    poke(0x2818, 255);
    expect_fault("for nothing");
    poke(0x2818, 0); /* the chip owns 255: that would make the ring look empty */
    expect_fault("passes the head");
    poke(0x3818, 1); /* nothing was put there */
    expect_fault("command 0x00");
    world_end(&w);
}

static void test_sees_bad_receive_descriptors(void **state)
{
    start(0x100e);
    struct e1000_rx *rx = &w.e.rx;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(world_receive(&w, 60, i));
    }
    rx->ring[255].word = UINT64_C(1) << 32;
    poke(0x2818, 0);
    expect_fault("status not cleared");
    rx->ring[0] = (struct e1000_desc){.addr = rx->slots[7]->bus};
    poke(0x2818, 1);
    expect_fault("share a buffer");
    rx->ring[1] = (struct e1000_desc){.addr = rx->slots[1]->bus + 2};
    poke(0x2818, 2);
    expect_fault("bad buffer");
    rx->ring[3].word = 1; /* the chip's */
    assert_true(world_receive(&w, 60, 3));
    expect_fault("touched while the chip owned it");
    world_end(&w);
}

static void test_sees_bad_transmit_descriptors(void **state)
{
    start(0x100e);
    struct e1000_tx *tx = &w.e.tx;
    w.chip.tx_manual = true;
    world_send(&w, 100, 1);
    w.nic->ops->tx_flush(w.nic);
    tx->slots[0]->data[20] ^= 1;
    assert_int_equal(chip_tx_work(&w.chip, 1), 1);
    expect_fault("changed before it was sent");
    w.check_sequence = false;

    world_send(&w, 100, 2);
    w.nic->ops->tx_flush(w.nic);
    tx->ring[1].word ^= 100 ^ 90;
    assert_int_equal(chip_tx_work(&w.chip, 1), 1);
    expect_fault("touched while the chip owned it");

    world_send(&w, 100, 3);
    poke(0x3818, 3); /* past the driver: no RS */
    expect_fault("never be reported");

    world_send(&w, 100, 4);
    tx->ring[3].word = 0x0b00002a;
    poke(0x3818, 4);
    expect_fault("42 bytes");
    world_end(&w);
}

static void test_sees_bad_dma(void **state)
{
    start(0x100e);
    w.chip.bus_master = false;
    assert_true(world_receive(&w, 60, 1));
    expect_fault("without bus mastering");
    w.chip.bus_master = true;
    w.e.rx.ring[255] = (struct e1000_desc){.addr = (uintptr_t)w.e.rx.slots[255]->head};
    poke(0x2818, 0); /* a pointer where a bus address belongs */
    expect_fault("nobody's memory");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sees_bad_register_writes),
        cmocka_unit_test(test_sees_accesses_in_reset),
        cmocka_unit_test(test_sees_bad_enabling),
        cmocka_unit_test(test_sees_bad_tails),
        cmocka_unit_test(test_sees_bad_receive_descriptors),
        cmocka_unit_test(test_sees_bad_transmit_descriptors),
        cmocka_unit_test(test_sees_bad_dma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
