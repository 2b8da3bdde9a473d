/*
 * The chip models' interrupts: when a cause is taken back by reading it, when a message is sent and
 * when not, what masks what. No driver takes part.
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

enum {
    ICR = 0x00c0,
    ITR = 0x00c4,
    ICS = 0x00c8,
    IMS = 0x00d0,
    IMC = 0x00d8,
    EICS = 0x1520,
    EIMS = 0x1524,
    EIMC = 0x1528,
    EIAC = 0x152c,
    EIAM = 0x1530,
    EICR = 0x1580,
};

static struct bare b;

static void quiet(void)
{
    bare_poke(&b, IMC, UINT32_MAX);
    (void)bare_peek(&b, ICR);
}

/* 13.4.17: reading takes everything back, masked or not; so does writing 1. */
static void test_8254x_read_clears(void **state)
{
    bare_run(&b, 0x100e);
    quiet();
    bare_poke(&b, ICS, 0x14);
    assert_false(chip_irq_line(&b.chip));
    assert_int_equal(bare_peek(&b, ICR), 0x14);
    assert_int_equal(bare_peek(&b, ICR), 0);
    bare_poke(&b, IMS, 0x04);
    bare_poke(&b, ICS, 0x14);
    assert_true(chip_irq_line(&b.chip));
    bare_poke(&b, ICR, 0x04);
    assert_false(chip_irq_line(&b.chip));
    assert_int_equal(bare_peek(&b, ICR), 0x10);
    bare_end(&b);
}

/* 82571 and later: only with INT_ASSERTED, or when nothing is unmasked; IAM with IAME. */
static void test_asserted(void **state)
{
    static const uint16_t devices[] = {0x105e, 0x10d3, 0x153a, 0x10c9};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bare_run(&b, devices[i]);
        quiet();
        bare_poke(&b, ICS, 0x04);
        assert_int_equal(bare_peek(&b, ICR), 0x04); /* IMS 0: taken back */
        assert_int_equal(bare_peek(&b, ICR), 0);
        bare_poke(&b, IMS, 0x80);
        bare_poke(&b, ICS, 0x04);
        assert_int_equal(bare_peek(&b, ICR), 0x04); /* not ours: it stays */
        assert_int_equal(bare_peek(&b, ICR), 0x04);
        bare_poke(&b, ICS, 0x80);
        assert_true(chip_irq_line(&b.chip));
        assert_int_equal(bare_peek(&b, ICR), BIT(31) | 0x84);
        assert_int_equal(bare_peek(&b, ICR), 0);
        assert_int_equal(bare_peek(&b, IMS), 0x80);
        bare_poke(&b, 0x0018, bare_peek(&b, 0x0018) | BIT(27)); /* IAME */
        bare_poke(&b, 0x00e0, 0x80);                            /* IAM */
        bare_poke(&b, ICS, 0x80);
        assert_int_equal(bare_peek(&b, ICR), BIT(31) | 0x80);
        assert_int_equal(bare_peek(&b, IMS), 0);
        bare_end(&b);
    }
}

static void test_msi_is_an_edge(void **state)
{
    static const uint16_t devices[] = {0x105e, 0x150c, 0x10cd, 0x15b7, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        bare_run(&b, devices[i]);
        quiet();
        assert_true(chip_irq_mode(&b.chip, IRQ_KIND_MSI));
        bare_poke(&b, ICS, 0x80);
        assert_int_equal(b.vectors[0], 0); /* masked */
        bare_poke(&b, IMS, 0x84);
        assert_int_equal(b.vectors[0], 1);
        assert_false(chip_irq_line(&b.chip));
        bare_poke(&b, ICS, 0x84);
        assert_int_equal(b.vectors[0], 1); /* it stands already */
        (void)bare_peek(&b, ICR);
        bare_poke(&b, ICS, 0x04);
        assert_int_equal(b.vectors[0], 2);
        b.chip.irq_lose = 1;
        (void)bare_peek(&b, ICR);
        bare_poke(&b, ICS, 0x04);
        assert_int_equal(b.vectors[0], 2); /* and that was all, until it is answered */
        assert_int_equal(b.chip.messages_lost, 1);
        bare_end(&b);
    }
    bare_power_on(&b, 0x100e);
    assert_false(chip_irq_mode(&b.chip, IRQ_KIND_MSI));
    bare_end(&b);
    bare_power_on(&b, 0x150c);
    assert_false(chip_irq_mode(&b.chip, IRQ_KIND_MSIX));
    bare_end(&b);
}

static void test_late_and_moderated(void **state)
{
    bare_run(&b, 0x105e);
    quiet();
    assert_true(chip_irq_mode(&b.chip, IRQ_KIND_MSI));
    bare_poke(&b, ITR, 4000); /* 1.024 ms */
    bare_poke(&b, IMS, 0x80);
    bare_poke(&b, ICS, 0x80);
    (void)bare_peek(&b, ICR);
    bare_poke(&b, ICS, 0x80);
    assert_int_equal(b.vectors[0], 1);
    bare_wait_us(&b, 1000);
    assert_int_equal(b.vectors[0], 1);
    bare_wait_us(&b, 30);
    assert_int_equal(b.vectors[0], 2);
    bare_wait_us(&b, 2000);
    (void)bare_peek(&b, ICR);
    b.chip.irq_late_ns = 500 * NS_PER_US;
    bare_poke(&b, ICS, 0x80);
    assert_int_equal(b.vectors[0], 2);
    bare_wait_us(&b, 501);
    assert_int_equal(b.vectors[0], 3);
    bare_end(&b);
}

/* --- MSI-X ------------------------------------------------------------------------------- */

static void start_82574(void)
{
    bare_run(&b, 0x10d3);
    quiet();
    assert_true(chip_irq_mode(&b.chip, IRQ_KIND_MSIX));
    bare_poke(&b, 0x00e4, 0x000c0908); /* IVAR: RX 0, TX 1, other 4 */
}

static void test_82574_vectors(void **state)
{
    start_82574();
    bare_poke(&b, IMS, 0x84); /* the old causes raise nothing here */
    assert_true(bare_receive(&b));
    chip_set_link(&b.chip, true, 1000, true);
    assert_int_equal(b.vectors[0] + b.vectors[1] + b.vectors[4], 0);
    bare_poke(&b, 0x00dc, BIT(20)); /* EIAC: RXQ0 */
    bare_poke(&b, IMS, BIT(20) | BIT(22) | BIT(24));
    assert_int_equal(b.vectors[0], 1);
    assert_int_equal(b.vectors[4], 1);
    assert_int_equal(chip_reg(&b.chip, ICR) & (BIT(20) | BIT(24)), BIT(24)); /* one by itself */
    assert_int_equal(bare_peek(&b, IMS) & (BIT(20) | BIT(24)), BIT(24));
    assert_true(bare_receive(&b));
    assert_int_equal(b.vectors[0], 1);
    bare_poke(&b, IMS, BIT(20));
    assert_int_equal(b.vectors[0], 2);
    bare_send(&b);
    assert_int_equal(b.vectors[1], 1);
    chip_set_link(&b.chip, true, 100, true);
    assert_int_equal(b.vectors[4], 1); /* the first was not answered */
    bare_poke(&b, ICR, BIT(24) | 4);
    chip_set_link(&b.chip, true, 1000, true);
    assert_int_equal(b.vectors[4], 2);
    bare_end(&b);
}

static void test_table_masks(void **state)
{
    start_82574();
    b.chip.msix_masked = BIT(0);
    bare_poke(&b, IMS, BIT(20));
    assert_true(bare_receive(&b));
    assert_int_equal(b.vectors[0], 0);
    b.chip.msix_masked = 0;
    chip_run(&b.chip);
    assert_int_equal(b.vectors[0], 1);
    bare_poke(&b, 0x00e4, 0); /* no entry is valid */
    quiet();
    bare_poke(&b, IMS, BIT(20));
    assert_true(bare_receive(&b));
    assert_int_equal(b.vectors[0], 1);
    bare_end(&b);
}

static void start_igb(uint16_t device)
{
    bare_run(&b, device);
    quiet();
    assert_true(chip_irq_mode(&b.chip, IRQ_KIND_MSIX));
    if (b.chip.part == CHIP_82575) {
        bare_poke(&b, 0x1600, BIT(0));
        bare_poke(&b, 0x1604, BIT(8));
        bare_poke(&b, 0x1608, BIT(31));
    } else {
        bare_poke(&b, 0x1514, BIT(4) | BIT(0)); /* GPIE */
        bare_poke(&b, 0x1700, 0x00008180);
        bare_poke(&b, 0x1740, 0x8200);
    }
}

static void test_igb_vectors(void **state)
{
    static const uint16_t devices[] = {0x10a7, 0x10c9, 0x150e, 0x1521, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        start_igb(devices[i]);
        bool old = b.chip.part == CHIP_82575;
        uint32_t rx = old ? BIT(0) : BIT(0), tx = old ? BIT(8) : BIT(1);
        uint32_t other = old ? BIT(31) : BIT(2);
        assert_true(bare_receive(&b));
        bare_poke(&b, EIAC, rx);
        bare_poke(&b, EIMS, rx | tx | other);
        assert_int_equal(b.vectors[0], 1);
        assert_int_equal(bare_peek(&b, EICR) & rx, 0); /* by itself, and unmasked still */
        assert_true(bare_receive(&b));
        assert_int_equal(b.vectors[0], 2);
        bare_poke(&b, EIMC, rx);
        assert_true(bare_receive(&b));
        assert_int_equal(b.vectors[0], 2);
        bare_send(&b);
        assert_int_equal(b.vectors[1], 1);
        bare_send(&b);
        assert_int_equal(b.vectors[1], 1); /* EIAC does not have it: it stands */
        bare_poke(&b, EICR, tx);
        bare_send(&b);
        assert_int_equal(b.vectors[1], 2);
        bare_poke(&b, IMS, 4);
        chip_set_link(&b.chip, true, 100, true);
        assert_int_equal(b.vectors[2], 1);
        bare_poke(&b, EICS, rx);
        assert_int_equal(b.vectors[0], 2);
        bare_poke(&b, EIMS, rx);
        assert_int_equal(b.vectors[0], 3);
        bare_end(&b);
    }
}

/* EIAM masks with the message, where GPIE.EIAME, or the 82575's CTRL_EXT.EIAME, says so. */
static void test_igb_automask(void **state)
{
    static const uint16_t devices[] = {0x10a7, 0x10c9};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        start_igb(devices[i]);
        if (b.chip.part == CHIP_82575) {
            bare_poke(&b, 0x0018, bare_peek(&b, 0x0018) | BIT(24));
        } else {
            bare_poke(&b, 0x1514, BIT(30) | BIT(4));
        }
        bare_poke(&b, EIAC, BIT(0));
        bare_poke(&b, EIAM, BIT(0));
        bare_poke(&b, EIMS, BIT(0));
        assert_true(bare_receive(&b));
        assert_int_equal(b.vectors[0], 1);
        assert_int_equal(bare_peek(&b, EIMS) & BIT(0), 0);
        bare_end(&b);
    }
}

static void test_igb_wants_gpie(void **state)
{
    start_igb(0x10c9);
    bare_poke(&b, 0x1514, 0);
    bare_poke(&b, IMS, 4);
    chip_set_link(&b.chip, true, 100, true);
    bare_expect(&b, "without GPIE.Multiple_MSIX");
    bare_end(&b);
}

static void test_igb_moderated(void **state)
{
    static const uint16_t devices[] = {0x10a7, 0x10c9};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        start_igb(devices[i]);
        /* 100 us: in microseconds from bit 2 on, in 256 ns from bit 0 on */
        bare_poke(&b, 0x1680, b.chip.part == CHIP_82575 ? 391 : 100 << 2);
        bare_poke(&b, EIAC, BIT(0));
        bare_poke(&b, EIMS, BIT(0));
        assert_true(bare_receive(&b));
        assert_true(bare_receive(&b));
        assert_int_equal(b.vectors[0], 1);
        bare_wait_us(&b, 90);
        assert_int_equal(b.vectors[0], 1);
        bare_wait_us(&b, 11);
        assert_int_equal(b.vectors[0], 2);
        bare_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_8254x_read_clears), cmocka_unit_test(test_asserted),
        cmocka_unit_test(test_msi_is_an_edge),    cmocka_unit_test(test_late_and_moderated),
        cmocka_unit_test(test_82574_vectors),     cmocka_unit_test(test_table_masks),
        cmocka_unit_test(test_igb_vectors),       cmocka_unit_test(test_igb_automask),
        cmocka_unit_test(test_igb_wants_gpie),    cmocka_unit_test(test_igb_moderated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
