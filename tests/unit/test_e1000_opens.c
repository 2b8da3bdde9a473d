/*
 * The driver comes up, on every generation, from whatever state firmware, a former kernel or a
 * defect has left the device in: on the strict models, with no rule of theirs broken, within a
 * bound, and silent again when it is stopped. And a hostile or dying device, seen for a moment.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/e1000_world.h"

#undef assert
#include <cmocka.h>

static const uint16_t devices[] = {0x1004, 0x100c, 0x100e, 0x1076, 0x105e, 0x108b, 0x10d3,
                                   0x150c, 0x104a, 0x10cd, 0x10ea, 0x1502, 0x153a, 0x155a,
                                   0x15b7, 0x10a7, 0x10c9, 0x150e, 0x1521, 0x1f41, 0x1533};

static struct world w;
static uint64_t noise_state;

static enum chip_part part(void)
{
    return w.chip.part;
}

static bool is_ich(void)
{
    return part() >= CHIP_ICH8 && part() <= CHIP_SPT;
}

/* Frames go both ways. */
static void serve(void)
{
    struct pkt *batch[4];
    assert_true(world_receive(&w, 60, 7));
    assert_int_equal(w.nic->ops->rx(w.nic, batch, 4), 1);
    world_check_frame(batch[0]->data, pkt_len(batch[0]), 7);
    pkt_put(batch[0]);
    uint64_t before = w.sent_count;
    world_send(&w, 100, 8);
    w.nic->ops->tx_flush(w.nic);
    assert_int_equal(w.sent_count, before + 1);
}

static void check_silent(void)
{
    bool keeps = part() == CHIP_82574 || part() == CHIP_82583;
    assert_false(w.chip.bus_master);
    assert_int_equal(chip_reg(&w.chip, 0x00d0), 0);
    assert_int_equal(chip_reg(&w.chip, 0x0400) & 2, 0);
    assert_int_equal(chip_reg(&w.chip, 0x0100) & 2, keeps ? 2 : 0);
    assert_int_equal(part() >= CHIP_82575 ? chip_reg(&w.chip, 0x1524) : 0, 0);
    assert_int_equal(chip_reg(&w.chip, 0x5404) >> 31, 1); /* the next one finds its address */
}

/* prepare may be NULL. False: it has nothing to do on this part. */
static void open_on_all(bool (*prepare)(void), uint32_t max_ms)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        world_power_on(&w, devices[i], WORLD_PACKETS);
        if (prepare != NULL && !prepare()) {
            world_end(&w);
            continue;
        }
        uint64_t start_ns = w.chip.now_ns;
        if (world_open(&w) != STATUS_OK) {
            fail_msg("%s does not open", w.nic->name);
        }
        if (w.chip.now_ns - start_ns > max_ms * NS_PER_MS) {
            fail_msg("%s opens after %llu ms", w.nic->name,
                     (unsigned long long)((w.chip.now_ns - start_ns) / NS_PER_MS));
        }
        e1000_start(&w.e);
        if (w.chip.fault_count > 0) {
            fail_msg("%s: %s", w.nic->name, w.chip.fault);
        }
        assert_memory_equal(w.nic->mac, w.chip.eeprom_mac, 6);
        serve();
        e1000_close(&w.e);
        check_silent();
        world_end(&w);
    }
}

static void test_from_power_up(void **state)
{
    open_on_all(NULL, 200);
}

static bool left_running(void)
{
    chip_leave_running(&w.chip);
    return true;
}

static void test_left_running(void **state)
{
    open_on_all(left_running, 200);
}

static bool reset_does_nothing(void)
{
    w.chip.reset_noop = true;
    if (part() == CHIP_82544) { /* there the address comes by a reset alone */
        w.chip.regs[0x5400 / 4] = 0x12005452;
        w.chip.regs[0x5404 / 4] = 0x80005634;
    }
    return true;
}

static void test_reset_that_does_nothing(void **state)
{
    open_on_all(reset_does_nothing, 300);
}

static bool firmware_holds_for_ever(void)
{
    w.chip.fw_holds_until_ns = UINT64_MAX;
    return true;
}

static void test_firmware_that_never_lets_go(void **state)
{
    open_on_all(firmware_holds_for_ever, 1000);
}

static bool firmware_holds_at_first(void)
{
    w.chip.fw_holds_until_ns = 8 * NS_PER_MS;
    return true;
}

static void test_firmware_that_lets_go(void **state)
{
    open_on_all(firmware_holds_at_first, 300);
}

static bool semaphores_left(void)
{
    w.chip.smbi_left = true;
    w.chip.swflag_left = is_ich();
    return true;
}

static void test_semaphores_of_a_former_kernel(void **state)
{
    open_on_all(semaphores_left, 1000);
}

static bool requests_do_not_end(void)
{
    w.chip.master_stuck = true;
    return true;
}

static void test_requests_that_do_not_end(void **state)
{
    open_on_all(requests_do_not_end, 400);
}

static bool nvm_not_read(void)
{
    w.chip.autoread_stuck = true;
    return true;
}

static void test_nvm_that_is_never_read(void **state)
{
    open_on_all(nvm_not_read, 300);
}

/* The address is asked of the NVM, in the part's own layout. ICH and PCH have no way to it. */
static bool address_not_loaded(void)
{
    w.chip.mac_unloaded = true;
    w.chip.regs[0x5400 / 4] = 0;
    w.chip.regs[0x5404 / 4] = 0;
    return !is_ich() && part() != CHIP_82544;
}

static void test_address_from_the_nvm(void **state)
{
    open_on_all(address_not_loaded, 400);
}

static void test_no_address_at_all(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        world_power_on(&w, devices[i], WORLD_PACKETS);
        (void)address_not_loaded();
        w.chip.nvm_silent = true;
        assert_int_equal(world_open(&w), STATUS_IO);
        assert_int_equal(w.pool.used, 0);
        world_end(&w);
    }
}

static bool phy_off(void)
{
    w.chip.phy[0] |= 0x0800;
    return w.chip.part != CHIP_82544 && w.dev.device != 0x1f41; /* no MDIC, or no PHY behind it */
}

static void test_phy_left_powered_down(void **state)
{
    open_on_all(phy_off, 1500);
}

static bool phy_does_not_answer(void)
{
    w.chip.phy_silent = true;
    chip_set_link(&w.chip, true, 1000, true);
    return true;
}

static void test_phy_that_does_not_answer(void **state)
{
    open_on_all(phy_does_not_answer, 2000);
}

/* --- a hostile device --------------------------------------------------------------------- */

static void noise(void *arg, uint8_t *bytes, size_t len)
{
    (void)arg;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(world_random(&noise_state) >> 32);
    }
}

/* What is sent is not looked at: it is not the driver's doing. */
static void nobody(void *arg, const uint8_t *frame, size_t len)
{
    (void)arg;
    (void)frame;
    (void)len;
}

static void hostile_turn(void)
{
    struct pkt *batch[64];
    w.chip.now_ns += 10 * NS_PER_MS;
    (void)world_receive(&w, 60, 1);
    (void)w.nic->ops->irq(w.nic, 0);
    size_t count = w.nic->ops->rx(w.nic, batch, ARRAY_SIZE(batch));
    while (count > 0) {
        pkt_put(batch[--count]);
    }
    w.nic->ops->irq_unmask(w.nic);
    struct pkt *p = pkt_alloc(&w.pool, PKT_HEADROOM);
    if (p != NULL) {
        world_frame(&w, pkt_append(p, 80), 80, 1);
        if (w.nic->ops->tx(w.nic, &p, 1) == 0) {
            pkt_put(p);
        }
    }
    w.nic->ops->tx_flush(w.nic);
    (void)w.nic->ops->tx_reclaim(w.nic);
    (void)w.nic->ops->watchdog(w.nic, w.chip.now_ns);
}

/* Any bytes in registers and descriptors: no memory error, no endless loop, no packet lost. */
static void test_hostile_device(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            noise_state = seed * 1000003 + devices[i];
            world_power_on(&w, devices[i], WORLD_PACKETS);
            world_start(&w);
            w.chip.sent = nobody;
            w.chip.hostile = noise;
            for (int turns = 0; turns < 300; turns++) {
                hostile_turn();
            }
            e1000_close(&w.e);
            assert_int_equal(w.pool.used, 0);
            chip_power_off(&w.chip);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_power_up),
        cmocka_unit_test(test_left_running),
        cmocka_unit_test(test_reset_that_does_nothing),
        cmocka_unit_test(test_firmware_that_never_lets_go),
        cmocka_unit_test(test_firmware_that_lets_go),
        cmocka_unit_test(test_semaphores_of_a_former_kernel),
        cmocka_unit_test(test_requests_that_do_not_end),
        cmocka_unit_test(test_nvm_that_is_never_read),
        cmocka_unit_test(test_address_from_the_nvm),
        cmocka_unit_test(test_no_address_at_all),
        cmocka_unit_test(test_phy_left_powered_down),
        cmocka_unit_test(test_phy_that_does_not_answer),
        cmocka_unit_test(test_hostile_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
