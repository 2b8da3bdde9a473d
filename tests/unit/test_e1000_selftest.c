/*
 * What the self-test asks of the driver, on the strict models of all generations: facts as the chip
 * has them, a loopback that nothing leaves, and a device that is afterwards as it was.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c apps/root/loopback.c tests/unit/chip_*.c
// LINK: tests/unit/e1000_world.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/root/loopback.h"
#include "drivers/e1000/selftest.h"
#include "tests/unit/e1000_world.h"

#undef assert
#include <cmocka.h>

static struct world w;

/* One ID for each part, in the order of enum chip_part. */
static const uint16_t devices[] = {0x100c, 0x100e, 0x1013, 0x105e, 0x108b, 0x10d3,
                                   0x150c, 0x104a, 0x10cd, 0x10ea, 0x1502, 0x153a,
                                   0x15b7, 0x10a7, 0x10c9, 0x150e, 0x1521, 0x1533};
static_assert(ARRAY_SIZE(devices) == CHIP_PART_COUNT, "one for each part");

static void open_part(uint16_t device)
{
    world_power_on(&w, device, WORLD_PACKETS);
    assert_int_equal(world_open(&w), STATUS_OK);
}

static bool is_ich(void)
{
    return w.chip.part >= CHIP_ICH8 && w.chip.part <= CHIP_SPT;
}

static void test_facts_of_every_part(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        struct e1000_facts f;
        open_part(devices[i]);
        uint64_t writes = w.chip.writes;
        e1000_read_facts(&w.e, &f);
        assert_int_equal(f.phy, E1000_ANSWER_COMPLETE);
        assert_int_equal(f.phy_id[0], 0x0141);
        assert_int_equal(f.phy_id[1], 0x0cc0);
        assert_int_equal(f.phy_bmcr, 0x1140);
        assert_int_equal(f.phy_bmsr, 0x796d);
        assert_int_equal(f.status & 2, 2);
        assert_int_equal(f.express, w.chip.part >= CHIP_82571 && !is_ich());
        bool has_nvm = !w.chip.is_82544 && !is_ich();
        assert_int_equal(f.nvm, has_nvm ? E1000_ANSWER_COMPLETE : E1000_ANSWER_NONE);
        assert_true(has_nvm || w.chip.writes - writes < 20); /* not asked */
        if (has_nvm) {
            assert_int_equal(f.nvm_words[0], 0x5452);
            assert_int_equal(f.nvm_sum, E1000_NVM_SUM);
            assert_int_equal(f.nvm_small, w.chip.part == CHIP_82540);
        }
        assert_false(w.e.mac_from_nvm);
        world_end(&w);
    }
}

static void test_where_the_address_is_from(void **state)
{
    world_power_on(&w, 0x10d3, WORLD_PACKETS);
    w.chip.mac_unloaded = true;
    assert_int_equal(world_open(&w), STATUS_OK);
    assert_true(w.e.mac_from_nvm);
    world_end(&w);
}

/* Who does not answer, or is held for ever, costs a bounded time and a word in the facts. */
static void test_silent_parts(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        struct e1000_facts f;
        open_part(devices[i]);
        w.chip.phy_silent = w.chip.nvm_silent = true;
        e1000_read_facts(&w.e, &f);
        assert_int_equal(f.phy, E1000_ANSWER_SILENT);
        assert_int_not_equal(f.nvm, E1000_ANSWER_COMPLETE);
        e1000_close(&w.e);
        chip_power_off(&w.chip);

        open_part(devices[i]);
        w.chip.fw_holds_until_ns = UINT64_MAX;
        uint64_t start_ns = w.chip.now_ns;
        e1000_read_facts(&w.e, &f);
        bool held = w.chip.part >= CHIP_82571;
        assert_int_equal(f.phy, held ? E1000_ANSWER_SILENT : E1000_ANSWER_COMPLETE);
        assert_true(w.chip.now_ns - start_ns < NS_PER_S);
        world_end(&w);
    }
}

/* The one by which docs/hardware.md says what it is. */
static void test_every_quirk_has_a_name(void **state)
{
    static char doc[128 * 1024];
    FILE *f = fopen("docs/hardware.md", "r");
    assert_non_null(f);
    size_t len = fread(doc, 1, sizeof(doc) - 1, f);
    assert_true(len > 0 && feof(f));
    assert_int_equal(fclose(f), 0);
    const char *name;
    for (uint32_t n = 0; (name = e1000_quirk_name(n)) != NULL; n++) {
        char row[64];
        (void)snprintf(row, sizeof(row), "\n| %s | ", name);
        assert_non_null(strstr(doc, row));
    }
    assert_string_equal(e1000_quirk_name(0), "no-moderation");
    assert_string_equal(e1000_quirk_name(26), "slow-eeprom");
    assert_string_equal(e1000_quirk_name(30), "k1-phy");
    assert_string_equal(e1000_quirk_name(31), "no-tso");
    assert_null(e1000_quirk_name(32));
}

/* --- loopback ----------------------------------------------------------------------------- */

static void test_who_has_which(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        open_part(devices[i]);
        bool mac = w.chip.part >= CHIP_82571 && !is_ich();
        assert_int_equal(e1000_loopback_has(&w.e, E1000_LOOPBACK_MAC), mac);
        assert_true(e1000_loopback_has(&w.e, E1000_LOOPBACK_PHY));
        assert_false(e1000_loopback_has(&w.e, E1000_LOOPBACK_NONE));
        world_end(&w);
    }
}

static void run_loopback(enum e1000_loopback where)
{
    struct loopback_result r;
    assert_int_equal(e1000_loopback_start(&w.e, where), STATUS_OK);
    loopback_run(w.nic, &w.pool, &r);
    assert_true(loopback_passed(&r));
    assert_int_equal(r.good, LOOPBACK_FRAMES);
    assert_int_equal(r.lost + r.repeated + r.corrupt + r.foreign, 0);
    assert_true(w.chip.looped > LOOPBACK_FRAMES);
    assert_int_equal(w.sent_count, 0); /* nothing on the wire */
    e1000_loopback_end(&w.e);
}

/* All frames come back, and behind it the device works as before. */
static void test_frames_come_back(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        for (int where = E1000_LOOPBACK_MAC; where <= E1000_LOOPBACK_PHY; where++) {
            open_part(devices[i]);
            if (e1000_loopback_has(&w.e, (enum e1000_loopback)where)) {
                run_loopback((enum e1000_loopback)where);
                assert_int_equal(w.chip.phy[0], 0x1140);
                assert_int_equal(w.pool.used, 0);
                world_start(&w);
                assert_int_equal(chip_reg(&w.chip, 0x0100) >> 6 & 3, 0);
                assert_int_equal(chip_reg(&w.chip, 0x0000) & 0x1800, 0);
                world_send(&w, 60, 1);
                w.nic->ops->tx_flush(w.nic);
                assert_int_equal(w.sent_count, 1);
                assert_true(world_receive(&w, 60, 1));
            }
            world_end(&w);
        }
    }
}

/* The link comes and goes with the loopback; the cable is asked of nothing. */
static void test_loopback_asks_no_link(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        world_power_on(&w, devices[i], WORLD_PACKETS);
        chip_set_link(&w.chip, false, 0, false);
        assert_int_equal(world_open(&w), STATUS_OK);
        bool mac = e1000_loopback_has(&w.e, E1000_LOOPBACK_MAC);
        run_loopback(mac ? E1000_LOOPBACK_MAC : E1000_LOOPBACK_PHY);
        assert_false(w.e.link.up);
        world_end(&w);
    }
}

static void test_a_phy_that_does_not_loop(void **state)
{
    open_part(0x100e);
    w.chip.phy_silent = true;
    assert_int_equal(e1000_loopback_start(&w.e, E1000_LOOPBACK_PHY), STATUS_IO);
    e1000_loopback_end(&w.e);
    w.chip.phy_silent = false;
    chip_power_off(&w.chip);

    open_part(0x153a); /* held by the management engine */
    w.chip.fw_holds_until_ns = UINT64_MAX;
    assert_int_equal(e1000_loopback_start(&w.e, E1000_LOOPBACK_PHY), STATUS_TIMEOUT);
    e1000_loopback_end(&w.e);
    assert_int_equal(w.chip.phy[0], 0x1140);
    world_end(&w);
}

/* What the models see of a loopback that is set up wrongly. */
static void test_models_see_wrong_loopbacks(void **state)
{
    open_part(0x10d3);
    assert_int_equal(e1000_loopback_start(&w.e, E1000_LOOPBACK_MAC), STATUS_OK);
    w.chip.regs[0] &= ~UINT32_C(0x1000); /* FRCDPLX */
    world_send(&w, 60, 1);
    w.nic->ops->tx_flush(w.nic);
    assert_non_null(strstr(w.chip.fault, "loopback without forced speed"));
    e1000_loopback_end(&w.e);
    chip_power_off(&w.chip);

    open_part(0x100e);
    e1000_start(&w.e);
    w.chip.regs[0x0100 / 4] |= 0x40;
    world_send(&w, 60, 1);
    w.nic->ops->tx_flush(w.nic);
    assert_non_null(strstr(w.chip.fault, "loopback in a MAC that does not have it"));
    e1000_close(&w.e);
    chip_power_off(&w.chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_of_every_part),
        cmocka_unit_test(test_where_the_address_is_from),
        cmocka_unit_test(test_silent_parts),
        cmocka_unit_test(test_every_quirk_has_a_name),
        cmocka_unit_test(test_who_has_which),
        cmocka_unit_test(test_frames_come_back),
        cmocka_unit_test(test_loopback_asks_no_link),
        cmocka_unit_test(test_a_phy_that_does_not_loop),
        cmocka_unit_test(test_models_see_wrong_loopbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
