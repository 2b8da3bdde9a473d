/*
 * The chip models of all generations: each comes up by its manual's sequence without a fault, moves
 * frames, and sees what breaks a rule that all of them, or most, have.
 */
// LINK: tests/unit/chip_*.c tests/unit/bare_chip.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/bare_chip.h"

#undef assert
#include <cmocka.h>

#define BIT(n) (UINT32_C(1) << (n))

static struct bare b;

/* One ID for each part, in the order of enum chip_part. */
static const uint16_t devices[] = {0x100c, 0x100e, 0x1013, 0x105e, 0x108b, 0x10d3,
                                   0x150c, 0x104a, 0x10cd, 0x10ea, 0x1502, 0x153a,
                                   0x15b7, 0x10a7, 0x10c9, 0x150e, 0x1521, 0x1533};
static_assert(ARRAY_SIZE(devices) == CHIP_PART_COUNT, "one for each part");

static void test_every_part_moves_frames(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        assert_int_equal(chip_part_of(devices[i]), i);
        bare_run(&b, devices[i]);
        for (uint32_t n = 0; n < 3 * BARE_RING; n++) {
            assert_true(bare_receive(&b));
            bool advanced = b.chip.part >= CHIP_82575;
            uint64_t word = b.rx[2 * (n % BARE_RING) + 1];
            assert_int_equal(word >> (advanced ? 0 : 32) & 3, 3); /* DD, EOP */
            assert_int_equal(word >> (advanced ? 32 : 0) & 0xffff, 60);
            bare_give(&b);
            uint32_t tx = b.tx_tail;
            bare_send(&b);
            assert_int_equal(b.tx[2 * tx + 1] >> 32 & 1, 1);
        }
        assert_int_equal(b.sent, 3 * BARE_RING);
        bare_reset(&b); /* with used rings */
        assert_false(b.chip.dead);
        bare_setup(&b);
        bare_start(&b);
        assert_true(bare_receive(&b));
        bare_end(&b);
    }
    assert_int_equal(chip_part_of(0x15f3), CHIP_PART_COUNT); /* I225: no model */
}

static void test_reset_clears_registers(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bare_run(&b, devices[i]);
        bare_reset(&b);
        assert_int_equal(bare_peek(&b, 0x2808), 0);
        assert_int_equal(bare_peek(&b, 0x0100), 0);
        assert_int_equal(bare_peek(&b, 0x00d0), 0);
        assert_int_equal(bare_peek(&b, 0x0400) & 2, 0);
        assert_int_not_equal(bare_peek(&b, 0x3800), 0); /* garbage */
        assert_int_equal(bare_peek(&b, 0x5404) >> 31, 1);
        bare_end(&b);
    }
}

/* What the manual of the part does not have, or has in another width. */
static void test_registers_of_others(void **state)
{
    static const struct {
        uint16_t device;
        uint32_t offset;
        uint32_t value;
        const char *fault;
    } cases[] = {
        {0x100c, 0x00c4, 1, "cannot be written"},    /* ITR: not in the 82544 */
        {0x100e, 0x00e0, 1, "cannot be written"},    /* IAM: 82571 and later */
        {0x105e, 0x00e4, 1, "cannot be written"},    /* IVAR: 82574 */
        {0x105e, 0x0f00, 0x20, "cannot be written"}, /* EXTCNF_CTRL: not in the 82571 */
        {0x108b, 0x00dc, 1, "cannot be written"},    /* EIAC: 82574 and 82583 */
        {0x108b, 0x00d0, BIT(20), "reserved bits"},  /* nor its causes */
        {0x10d3, 0x00d0, BIT(25), "reserved bits"},  /* five vectors */
        {0x10d3, 0x0014, 2, "reserved bits"},        /* DONE is the chip's */
        {0x10d3, 0x5b5c, 1, "cannot be written"},    /* SW_FW_SYNC */
        {0x153a, 0x5280, 0, "cannot be written"},    /* a MTA of 32 */
        {0x10ea, 0x1008, 16, "cannot be written"},   /* PBS: ICH8 only */
        {0x1502, 0x0028, 0, "what the NVM set"},     /* FEXTNVM, not FCAL */
        {0x1502, 0x0030, 0, "what the NVM set"},     /* FEXTNVM2, not FCT */
        {0x153a, 0x0014, 1, "what the NVM set"},     /* FEXTNVM5, not EERD */
        {0x153a, 0x5bbc, 0, "cannot be written"},    /* FEXTNVM11: I219 */
        {0x10c9, 0x00c4, 1, "cannot be written"},    /* ITR: EITR there */
        {0x10c9, 0x2820, 0, "cannot be written"},    /* RDTR */
        {0x10c9, 0x3820, 0, "cannot be written"},    /* TIDV */
        {0x10c9, 0x1600, 0, "cannot be written"},    /* MSIXBM: 82575 */
        {0x10a7, 0x1700, 0, "cannot be written"},    /* IVAR: not in the 82575 */
        {0x10a7, 0xc018, 0, "cannot be written"},    /* nor queues at 0xc000 */
        {0x1533, 0x1694, 0, "cannot be written"},    /* I210: five EITR */
        {0x1533, 0x1708, 0, "cannot be written"},    /* and two IVAR */
        {0x1533, 0x0400, BIT(28), "reserved bits"},  /* MULR */
        {0x1533, 0x0100, BIT(25), "reserved bits"},  /* BSEX */
        {0x10d3, 0x3842, 0, "cannot be written"},    /* not aligned */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bare_power_on(&b, cases[i].device);
        bare_poke(&b, cases[i].offset, cases[i].value);
        if (strstr(b.chip.fault, cases[i].fault) == NULL) {
            fail_msg("device %04x register %04x: \"%s\"", cases[i].device, cases[i].offset,
                     b.chip.fault);
        }
        bare_expect(&b, cases[i].fault);
        bare_end(&b);
    }
}

/* --- reset -------------------------------------------------------------------------------- */

static void rst(void)
{
    bare_poke(&b, 0x0000, bare_peek(&b, 0x0000) | BIT(26));
}

static void master_off(void)
{
    bare_poke(&b, 0x0000, bare_peek(&b, 0x0000) | 4);
    bare_wait_us(&b, 50);
    assert_int_equal(bare_peek(&b, 0x0008) & BIT(19), 0);
}

static void test_reset_wants_the_master_off(void **state)
{
    for (size_t i = CHIP_82571; i < ARRAY_SIZE(devices); i++) {
        bare_power_on(&b, devices[i]);
        (void)bare_take(&b);
        rst();
        bare_expect(&b, "master not disabled");
        bare_wait_us(&b, 50000);
        (void)bare_take(&b);
        bare_poke(&b, 0x0000, bare_peek(&b, 0x0000) | 4); /* asked, not waited for */
        rst();
        bare_expect(&b, "master not disabled");
        bare_wait_us(&b, 50000);
        b.chip.master_stuck = true; /* it never falls silent: who has waited may go on */
        (void)bare_take(&b);
        bare_poke(&b, 0x0000, bare_peek(&b, 0x0000) | 4);
        bare_wait_us(&b, 50000);
        assert_int_not_equal(bare_peek(&b, 0x0008) & BIT(19), 0);
        rst();
        bare_end(&b);
    }
}

static void test_reset_wants_ownership(void **state)
{
    for (size_t i = CHIP_82573; i <= CHIP_SPT; i++) {
        bare_power_on(&b, devices[i]);
        master_off();
        rst();
        bare_expect(&b, "without owning");
        bare_wait_us(&b, 50000);
        b.chip.fw_holds_until_ns = UINT64_MAX;
        assert_false(bare_take(&b)); /* asked, refused: it goes on all the same */
        master_off();
        rst();
        bare_end(&b);
    }
}

static void test_quiet_after_reset(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bool ich = i >= CHIP_ICH8 && i <= CHIP_SPT;
        bare_power_on(&b, devices[i]);
        (void)bare_take(&b);
        if (i >= CHIP_82571) {
            master_off();
        }
        rst();
        (void)bare_peek(&b, 0x0008);
        bare_expect(&b, ich ? "within 20 ms" : "within 1 us");
        bare_wait_us(&b, 2000);
        assert_int_equal(bare_peek(&b, 0x0000), UINT32_MAX);
        if (ich) {
            bare_expect(&b, "within 20 ms");
        }
        bare_poke(&b, 0x0100, 0);
        bare_expect(&b, ich ? "within 20 ms" : "during a reset");
        bare_wait_us(&b, 20000);
        assert_int_equal(bare_peek(&b, 0x0000) & BIT(26), 0);
        bare_end(&b);
    }
}

/* PCIe parts: the NVM is read after the reset, and the MAC address stands there only then. */
static void test_auto_read_is_late(void **state)
{
    bare_power_on(&b, 0x10d3);
    assert_true(bare_take(&b));
    master_off();
    rst();
    bare_wait_us(&b, 3500);
    assert_int_equal(bare_peek(&b, 0x0010) & 0x200, 0);
    assert_int_equal(bare_peek(&b, 0x5404) >> 31, 0);
    bare_wait_us(&b, 3500);
    assert_int_equal(bare_peek(&b, 0x0010) & 0x200, 0x200);
    assert_int_equal(bare_peek(&b, 0x5404) >> 31, 1);
    uint16_t value;
    assert_true(bare_take(&b));
    assert_true(bare_phy_read(&b, 2, &value));
    bare_expect(&b, "before its configuration is done");
    bare_wait_us(&b, 25000);
    assert_true(bare_phy_read(&b, 2, &value));
    bare_end(&b);
}

/* --- PHY, NVM, ownership ------------------------------------------------------------------- */

static void test_ownership(void **state)
{
    for (size_t i = CHIP_82571; i < ARRAY_SIZE(devices); i++) {
        uint16_t value = 0;
        bare_power_on(&b, devices[i]);
        (void)bare_phy_read(&b, 2, &value);
        bare_expect(&b, "without owning");
        bool eerd = i > CHIP_SPT;
        if (eerd) {
            bare_poke(&b, 0x0014, 1);
            bare_expect(&b, "NVM is touched without owning");
            bare_wait_us(&b, 100);
        }
        b.chip.fw_holds_until_ns = b.chip.now_ns + 5 * NS_PER_MS;
        assert_false(bare_take(&b));
        bare_wait_us(&b, 6000);
        assert_true(bare_take(&b));
        assert_true(bare_phy_read(&b, 2, &value));
        assert_int_equal(value, 0x0141);
        bare_leave(&b);
        (void)bare_phy_read(&b, 2, &value);
        bare_expect(&b, "without owning");
        bare_end(&b);
    }
}

static void test_semaphores_left_over(void **state)
{
    bare_power_on(&b, 0x10c9);
    b.chip.smbi_left = true;
    assert_false(bare_take(&b));
    bare_poke(&b, 0x5b50, 0);
    assert_true(bare_take(&b));
    assert_int_equal(bare_peek(&b, 0x5b50) & 1, 0); /* reading it takes it */
    assert_int_equal(bare_peek(&b, 0x5b50) & 1, 1);
    bare_poke(&b, 0x5b50, 0);
    bare_poke(&b, 0x5b5c, 2);
    bare_expect(&b, "without SWSM.SWESMBI");
    bare_end(&b);

    bare_power_on(&b, 0x153a);
    b.chip.swflag_left = true;
    assert_int_equal(bare_peek(&b, 0x0f00) & 0x20, 0x20);
    bare_poke(&b, 0x0f00, 0);
    bare_expect(&b, "taken from its owner");
    uint16_t value;
    (void)bare_phy_read(&b, 2, &value);
    bare_expect(&b, "without owning");
    bare_end(&b);

    bare_power_on(&b, 0x10c9);
    b.chip.fw_holds_until_ns = NS_PER_MS;
    b.chip.swesmbi = true; /* as if it had been granted */
    bare_poke(&b, 0x5b5c, 2);
    bare_expect(&b, "taken from firmware");
    bare_end(&b);
}

static void test_phy(void **state)
{
    uint16_t value;
    bare_power_on(&b, 0x100e);
    b.chip.phy[0] |= 0x0800; /* left powered down */
    bare_poke(&b, 0x0000, 0x40);
    assert_int_equal(bare_peek(&b, 0x0008) & 2, 0);
    assert_true(bare_phy_read(&b, 1, &value));
    assert_int_equal(value & 4, 0);
    bare_poke(&b, 0x0020, 1u << 26 | 1u << 21 | 0x1140);
    bare_poke(&b, 0x0020, 1u << 26 | 1u << 21 | 0x1140);
    bare_expect(&b, "while it is busy");
    bare_wait_us(&b, 100);
    assert_int_equal(bare_peek(&b, 0x0008) & 2, 2);
    bare_poke(&b, 0x0020, 1u << 26 | 1u << 21 | 0x9140);
    bare_expect(&b, "the PHY is reset");
    bare_wait_us(&b, 100);
    bare_poke(&b, 0x0020, 3u << 26 | 1u << 21);
    bare_expect(&b, "operation 3");
    bare_wait_us(&b, 100);
    bare_poke(&b, 0x0020, 2u << 26 | 7u << 21); /* nobody there */
    bare_wait_us(&b, 100);
    assert_int_equal(bare_peek(&b, 0x0020) >> 28 & 5, 5);
    b.chip.phy_silent = true;
    assert_false(bare_phy_read(&b, 1, &value));
    bare_end(&b);
}

static void test_nvm_layouts(void **state)
{
    static const struct {
        uint16_t device;
        bool small;
    } parts[] = {{0x100e, true}, {0x1013, false}, {0x10d3, false}, {0x10c9, false}};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (int right = 0; right < 2; right++) {
            bool small = parts[i].small == (right != 0);
            bare_power_on(&b, parts[i].device);
            assert_true(bare_take(&b));
            bare_poke(&b, 0x0014, 1 | (small ? 2u << 8 : 2u << 2)); /* word 2 */
            bare_wait_us(&b, 1000);
            uint32_t got = bare_peek(&b, 0x0014);
            assert_int_equal((got & (small ? 0x10 : 0x02)) != 0, right);
            assert_int_equal(right ? got >> 16 : 0x5634, 0x5634);
            bare_end(&b);
        }
    }
    bare_power_on(&b, 0x10d3);
    assert_true(bare_take(&b));
    b.chip.nvm_silent = true;
    bare_poke(&b, 0x0014, 1);
    bare_poke(&b, 0x0014, 1);
    bare_expect(&b, "EERD written while it is busy");
    bare_wait_us(&b, 10000);
    assert_int_equal(bare_peek(&b, 0x0014) & 2, 0);
    bare_poke(&b, 0x0014, 1); /* given up, and asked anew */
    bare_end(&b);
}

/* --- memory ------------------------------------------------------------------------------- */

static void test_poisons_what_it_owns(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bare_run(&b, devices[i]);
        assert_int_equal(b.buffers[100], 0xdb);
        b.buffers[100] = 0;
        assert_true(bare_receive(&b));
        bare_expect(&b, "written while the chip owned it");
        b.rx[2 * 1 + 1] = 2;
        assert_true(bare_receive(&b));
        bare_expect(&b, "touched while the chip owned it");
        b.chip.bus_master = false;
        assert_true(bare_receive(&b));
        bare_expect(&b, "without bus mastering");
        bare_end(&b);
    }
}

/* RDT == RDH: no buffers. Frames wait in the FIFO, and then they are lost and counted. */
static void test_overrun_drops(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bare_run(&b, devices[i]);
        (void)bare_peek(&b, 0x4010);
        for (uint32_t n = 0; n < BARE_RING - 1 + CHIP_FIFO_FRAMES; n++) {
            assert_true(bare_receive(&b));
        }
        assert_int_equal(chip_rx_owned(&b.chip), 0);
        assert_false(bare_receive(&b));
        assert_int_equal(b.chip.frames_dropped, 1);
        assert_int_equal(bare_peek(&b, 0x4010), 1);
        assert_int_equal(chip_reg(&b.chip, 0x00c0) & 0x50, 0x50); /* RXO, RXDMT0 */
        bare_give(&b);
        assert_true(bare_receive(&b)); /* there is room again */
        bare_end(&b);
    }
}

static void test_writes_back_in_any_order(void **state)
{
    for (size_t i = CHIP_82540; i < ARRAY_SIZE(devices); i += CHIP_82576 - CHIP_82540) {
        int shift = i >= CHIP_82575 ? 0 : 32;
        bare_run(&b, devices[i]);
        b.chip.rx_hold = b.chip.rx_backwards = true;
        for (uint32_t n = 0; n < 6; n++) {
            assert_true(bare_receive(&b));
        }
        chip_rx_writeback(&b.chip, 2, false);
        for (uint32_t n = 0; n < 6; n++) {
            assert_int_equal(b.rx[2 * n + 1] >> shift & 1, n == 2 || n == 3);
        }
        chip_rx_writeback(&b.chip, 3, true); /* the third is torn */
        assert_int_equal(b.rx[1] >> shift & 1, 1);
        assert_int_equal(b.rx[2 * 5 + 1] >> shift & 1, 0);
        assert_int_equal(b.rx[2 * 5 + 1] >> (32 - shift) & 0xffff, 60);
        chip_rx_writeback(&b.chip, UINT32_MAX, false);
        for (uint32_t n = 0; n < 6; n++) {
            assert_int_equal(b.rx[2 * n + 1] >> shift & 1, 1);
        }
        bare_end(&b);
    }
}

static void test_hangs_end_with_a_reset(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bare_run(&b, devices[i]);
        b.chip.tx_hang = b.chip.rx_hang = true;
        bare_send(&b);
        assert_true(bare_receive(&b)); /* into the FIFO */
        assert_int_equal(b.sent + b.chip.frames_in, 0);
        bare_reset(&b);
        bare_works_again(&b);
        bare_end(&b);
    }
}

/* --- a hostile chip ----------------------------------------------------------------------- */

static void noise(void *arg, uint8_t *bytes, size_t len)
{
    struct bare *bare = arg;
    for (size_t i = 0; i < len; i++) {
        bare->random = bare->random * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(bare->random >> 24);
    }
}

static void test_hostile(void **state)
{
    uint64_t before[2 * BARE_RING];
    bare_run(&b, 0x10c9);
    memcpy(before, b.rx, sizeof(before));
    b.chip.hostile = noise;
    b.chip.hostile_arg = &b;
    uint32_t strange = 0;
    for (int i = 0; i < 100; i++) {
        strange += bare_peek(&b, 0x2808) != BARE_RING * 16;
    }
    assert_in_range(strange, 20, 80);
    assert_memory_not_equal(before, b.rx, sizeof(before));
    bare_poke(&b, 0x0444, 0); /* nobody is blamed */
    bare_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_moves_frames),
        cmocka_unit_test(test_reset_clears_registers),
        cmocka_unit_test(test_registers_of_others),
        cmocka_unit_test(test_reset_wants_the_master_off),
        cmocka_unit_test(test_reset_wants_ownership),
        cmocka_unit_test(test_quiet_after_reset),
        cmocka_unit_test(test_auto_read_is_late),
        cmocka_unit_test(test_ownership),
        cmocka_unit_test(test_semaphores_left_over),
        cmocka_unit_test(test_phy),
        cmocka_unit_test(test_nvm_layouts),
        cmocka_unit_test(test_poisons_what_it_owns),
        cmocka_unit_test(test_overrun_drops),
        cmocka_unit_test(test_writes_back_in_any_order),
        cmocka_unit_test(test_hangs_end_with_a_reset),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
