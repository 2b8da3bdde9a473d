/*
 * The driver's reset and shutdown on every part of its table: what comes before what, how long
 * anything is waited for, and what is left behind.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/e1000_fake.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/e1000_fake.h"

#undef assert
#include <cmocka.h>

#define RST UINT32_C(0x04000000)

static struct fake_nic *const f = &fake_nic;

static bool is_ich(const struct e1000_id *id)
{
    return id->gen >= E1000_GEN_ICH8 && id->gen <= E1000_GEN_SPT;
}

/* One of each generation, with the parts that differ. */
static const uint16_t parts[] = {0x1004, 0x100c, 0x100e, 0x1079, 0x1076, 0x105e, 0x108b,
                                 0x10d3, 0x150c, 0x104a, 0x10bd, 0x10cd, 0x10ea, 0x1502,
                                 0x153a, 0x155a, 0x156f, 0x57a0, 0x10a7, 0x10c9, 0x150e,
                                 0x1521, 0x1f41, 0x1533, 0x1539};

static void test_every_part_opens(void **state)
{
    const struct e1000_id *id;
    for (size_t i = 0; (id = e1000_id_at(i)) != NULL; i++) {
        fake_on(id->device);
        assert_int_equal(fake_open(), STATUS_OK);
        assert_int_equal(f->resets, 1);
        assert_memory_equal(f->e.nic.mac, f->mac, 6);
        e1000_start(&f->e);
        assert_true((fake_reg(0x100) & 2) != 0 && (fake_reg(0x400) & 2) != 0);
        assert_int_equal(fake_reg(0) & 0x04, 0); /* may master the bus again */
        assert_true(f->e.link.up);
        assert_int_equal(f->e.link.speed_mbps, 1000);
        fake_off();
    }
}

/* PCI Express: no new requests, those under way answered, and then the reset. */
static void test_master_disable_comes_first(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        assert_int_equal(fake_open(), STATUS_OK);
        size_t rst = fake_find_write(0x00, RST, 0);
        size_t master = fake_find_write(0x00, 0x04, 0);
        if (f->e.id->gen == E1000_GEN_8254X) {
            assert_true(master == SIZE_MAX); /* the bit is reserved there */
        } else {
            assert_true(master < rst);
            assert_true(f->log[rst].at_ns - f->log[master].at_ns >= 2 * NS_PER_MS);
        }
        assert_true(fake_find_write(0xd8, UINT32_MAX, 0) < rst);         /* masked before */
        assert_true(fake_find_write(0xd8, UINT32_MAX, rst) != SIZE_MAX); /* and after */
        fake_off();
    }
}

/* No register is touched for 20 ms behind the reset of an ICH or PCH part, for 1 us elsewhere. */
static void test_quiet_after_reset(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        assert_int_equal(fake_open(), STATUS_OK);
        size_t rst = fake_find_write(0x00, RST, 0);
        uint64_t quiet_ns = f->log[rst + 1].at_ns - f->log[rst].at_ns;
        assert_true(quiet_ns >= (is_ich(f->e.id) ? 20 * NS_PER_MS : 1000));
        assert_false(f->touched_in_quiet);
        fake_off();
    }
}

/* The PHY is the driver's around a reset on those parts whose firmware may be at it. */
static void test_claimed_around_reset(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        assert_int_equal(fake_open(), STATUS_OK);
        enum e1000_lock lock = f->e.family->lock;
        size_t rst = fake_find_write(0x00, RST, 0);
        if (lock == E1000_LOCK_MDIO || lock == E1000_LOCK_SWFLAG) {
            assert_true(f->log[rst - 1].offset == 0x00 && rst >= 3);
            size_t claim = SIZE_MAX;
            for (size_t at = fake_find_write(0xf00, 0x20, 0); at < rst;
                 at = fake_find_write(0xf00, 0x20, at + 1)) {
                claim = at;
            }
            assert_true(claim < rst);
            assert_int_equal(fake_reg(0xf00) & 0x20, 0); /* given back */
        } else {
            assert_int_equal(fake_count_writes(0xf00), 0);
        }
        fake_off();
    }
}

/* Firmware that is at the PHY is waited for. */
static void test_firmware_that_lets_go(void **state)
{
    static const uint16_t shared[] = {0x108b, 0x10d3, 0x104a, 0x10ea, 0x153a, 0x156f};
    for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
        fake_on(shared[i]);
        fake_start();
        fake_hang();
        f->extcnf_held_until_ns = f->now_ns + 40 * NS_PER_MS;
        fake_watchdog();
        assert_int_equal(f->e.state, E1000_RUNNING);
        size_t rst = fake_find_write(0x00, RST, 0);
        assert_true(rst != SIZE_MAX && f->log[rst].at_ns >= f->extcnf_held_until_ns);
        assert_int_equal(fake_reg(0xf00) & 0x20, 0);
        fake_off();
    }
}

/* Where a reset does nothing, the device may master the bus again all the same. */
static void test_reset_that_does_nothing(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        f->reset_noop = true;
        fake_start();
        assert_int_equal(fake_reg(0x00) & 0x04, 0);
        fake_hang();
        fake_watchdog();
        assert_int_equal(fake_reg(0x00) & 0x04, 0);
        fake_off();
    }
}

static void test_firmware_that_never_lets_go(void **state)
{
    static const uint16_t shared[] = {0x108b, 0x10d3, 0x104a, 0x10ea, 0x153a, 0x156f};
    for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
        fake_on(shared[i]);
        f->firmware_holds_extcnf = true;
        assert_int_equal(fake_open(), STATUS_OK);
        assert_int_equal(f->resets, 1);
        assert_true(f->now_ns < 600 * NS_PER_MS);
        e1000_start(&f->e);
        fake_off();
    }
}

static void test_waits_have_bounds(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        f->master_stuck = true;
        f->no_auto_read = true;
        assert_int_equal(fake_open(), STATUS_OK);
        assert_true(f->now_ns < 500 * NS_PER_MS);
        fake_off();

        fake_on(parts[i]);
        f->reset_stuck = true;
        assert_int_equal(fake_open(), STATUS_TIMEOUT);
        assert_true(f->now_ns < 800 * NS_PER_MS);
        assert_false(f->bus_master);
        fake_off();

        fake_on(parts[i]);
        f->gone = true; /* pulled out, or its power lost */
        assert_int_equal(fake_open(), STATUS_TIMEOUT);
        assert_true(f->now_ns < NS_PER_MS);
        assert_int_equal(fake_count_writes(0x00), 0); /* all ones are not written back */
        fake_off();

        fake_on(parts[i]);
        fake_start();
        fake_hang();
        f->gone = true;
        fake_watchdog();
        assert_int_equal(f->e.state, E1000_FAILED);
        e1000_shutdown(&f->e);
        f->gone = false;
        fake_off();
    }
}

/* The NVM has been read before anything that comes from it is: where a bit says so, by the bit. */
static void test_nvm_read_before_use(void **state)
{
    static const uint16_t telling[] = {0x105e, 0x108b, 0x10d3, 0x10a7, 0x10c9, 0x1521, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(telling); i++) {
        fake_on(telling[i]);
        assert_int_equal(fake_open(), STATUS_OK);
        size_t rst = fake_find_write(0x00, RST, 0);
        size_t at = rst;
        while (f->log[at].is_write || f->log[at].offset != 0x5400) {
            at++;
        }
        uint64_t least_ns = f->e.id->gen == E1000_GEN_82573 || f->e.id->gen == E1000_GEN_82574
                                ? 31 * NS_PER_MS /* and the PHY configured from it */
                                : 6 * NS_PER_MS;
        assert_true(f->log[at].at_ns - f->log[rst].at_ns >= least_ns);
        fake_off();
    }
}

/* The 82574 may hang when RCTL.EN is cleared under traffic. */
static void test_receiver_kept_on(void **state)
{
    static const uint16_t kept[] = {0x10d3, 0x10f6, 0x150c, 0x108b};
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        bool keeps = (e1000_match(0x8086, kept[i])->quirks & E1000_QUIRK_KEEP_RX) != 0;
        assert_int_equal(keeps, i < 3);
        fake_on(kept[i]);
        fake_start();
        e1000_shutdown(&f->e);
        assert_int_equal(fake_count_writes(0x100), keeps ? 0 : 1);
        assert_int_equal((fake_reg(0x100) & 2) != 0, keeps);
        assert_false(f->bus_master); /* which is what ends its DMA */
        fake_off();
    }
}

static void test_packet_buffers(void **state)
{
    fake_on(0x104a);
    assert_int_equal(fake_open(), STATUS_OK);
    size_t rst = fake_find_write(0x00, RST, 0);
    size_t pba = fake_find_write(0x1000, 0, 0), pbs = fake_find_write(0x1008, 0, 0);
    assert_true(pba < rst && pbs < rst);
    assert_int_equal(f->log[pba].value, 8);
    assert_int_equal(f->log[pbs].value, 16);
    fake_off();
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        assert_int_equal(fake_open(), STATUS_OK);
        if (f->e.id->gen != E1000_GEN_ICH8) {
            assert_int_equal(fake_count_writes(0x1008), 0); /* it outlasts every reset */
        }
        bool i210 = f->e.id->gen == E1000_GEN_I210;
        assert_int_equal(fake_reg(0x2404), i210 ? 0xa2 : 0);
        assert_int_equal(fake_reg(0x3404), i210 ? 0x04000014 : 0);
        fake_off();
    }
}

/* --- at run time -------------------------------------------------------------------------- */

/* A reset at run time holds the loop for less than a millisecond, whatever firmware does. */
static void test_no_call_takes_long(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (int worst = 0; worst < 5; worst++) {
            fake_on(parts[i]);
            fake_start();
            f->engine_busy = f->mdic_dead = worst == 4;
            f->firmware_holds_extcnf = worst != 0 && worst != 4;
            f->firmware_holds_swsm = worst == 2;
            f->smbi_always = worst == 3;
            f->master_stuck = worst != 0;
            f->no_auto_read = worst != 0;
            f->flush_required = true;
            f->flush_by_rx = worst != 0;
            f->longest_call_ns = 0;
            fake_hang();
            uint64_t start_ns = f->now_ns;
            fake_watchdog();
            uint64_t took_ns = f->now_ns - start_ns;
            assert_int_equal(f->e.state, E1000_RUNNING);
            assert_int_equal(f->resets, 2);
            f->link = false; /* the PHY is looked at, too */
            f->mdic_dead = worst != 0;
            f->now_ns += 10 * NS_PER_MS;
            fake_watchdog();
            assert_true(f->longest_call_ns < NS_PER_MS);
            assert_true(took_ns < (worst ? 300 : 60) * NS_PER_MS);
            fake_off();
        }
    }
}

/* A PHY that lost its link in the reset negotiates anew, once; one that has it is left alone. */
static void test_phy_behind_a_reset(void **state)
{
    static const uint16_t phys[] = {0x100e, 0x105e, 0x10d3, 0x104a, 0x153a, 0x156f, 0x10c9, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(phys); i++) {
        for (int kept = 0; kept < 2; kept++) {
            fake_on(phys[i]);
            fake_start();
            fake_hang();
            fake_watchdog();
            uint16_t *phy = f->phy[e1000_phy_addr(f->e.id) - 1];
            f->link = false;
            phy[1] = kept != 0 ? 0x796d : 0x794d;
            for (int turn = 0; turn < 2; turn++) {
                f->now_ns += 10 * NS_PER_MS;
                phy[0] = 0x1140;
                fake_watchdog();
                assert_int_equal(phy[0], kept == 0 && turn == 0 ? 0x1340 : 0x1140);
            }
            fake_off();
        }
    }
}

/* --- the I219's rings --------------------------------------------------------------------- */

static void test_rings_flushed(void **state)
{
    for (int by_rx = 0; by_rx < 2; by_rx++) {
        fake_on(0x156f);
        assert_int_equal(fake_open(), STATUS_OK); /* firmware's rings are left alone */
        size_t rst = fake_find_write(0x00, RST, 0);
        assert_true(fake_find_write(0x5bbc, 0x2000, 0) < rst);
        assert_true(fake_find_write(0x3818, 0, 0) > rst);
        e1000_start(&f->e);
        f->log_count = 0;
        f->flush_required = true;
        f->flush_by_rx = by_rx != 0;
        fake_hang();
        size_t tail = fake_find_write(0x3818, 0, fake_find_write(0xd8, UINT32_MAX, 0));
        assert_true(tail != SIZE_MAX);
        assert_int_equal(f->log[tail].value, (fake_reg(0x3818)));
        uint64_t dummy = f->e.tx.ring[f->log[tail].value - 1].word;
        assert_int_equal(dummy, 0x02000200); /* 512 bytes without an end of frame */
        assert_int_equal(fake_find_write(0x100, 2, 0) != SIZE_MAX, by_rx != 0);
        assert_false(f->flush_required);
        assert_true(f->bus_master); /* it needs it */
        fake_watchdog();
        assert_true(fake_find_write(0x00, RST, tail) != SIZE_MAX);
        assert_int_equal(f->e.state, E1000_RUNNING);
        fake_off();
    }
}

static void test_rings_flushed_at_shutdown(void **state)
{
    fake_on(0x15b8);
    fake_start();
    f->flush_required = true;
    uint64_t before_ns = f->now_ns;
    e1000_shutdown(&f->e);
    assert_false(f->flush_required);
    assert_true(f->now_ns - before_ns < NS_PER_MS);
    assert_false(f->bus_master);
    fake_off();

    fake_on(0x153a); /* no other part needs it, or may have it */
    fake_start();
    f->flush_required = true;
    e1000_shutdown(&f->e);
    assert_int_equal(fake_count_writes(0x3818), 0);
    assert_int_equal(fake_count_writes(0x5bbc), 0);
    f->flush_required = false;
    fake_off();
}

/* --- shutdown ----------------------------------------------------------------------------- */

/* Firmware has the link back, the address stands, nothing is waited for. */
static void test_shutdown(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        fake_start();
        uint32_t quirks = f->e.id->quirks;
        bool ext = (quirks & E1000_QUIRK_DRV_LOAD) != 0;
        bool swsm = (quirks & E1000_QUIRK_DRV_LOAD_SWSM) != 0;
        assert_int_equal(ext || swsm, f->e.id->gen != E1000_GEN_8254X);
        assert_int_equal((fake_reg(0x18) & 1u << 28) != 0, ext);
        assert_int_equal(!f->is_ich && (fake_reg(0x5b50) & 8) != 0, swsm);
        uint64_t before_ns = f->now_ns;
        e1000_shutdown(&f->e);
        assert_true(f->now_ns - before_ns < NS_PER_MS);
        assert_int_equal(fake_reg(0x18) & 1u << 28, 0);
        assert_int_equal(fake_reg(0x5b50) & 8, 0);
        assert_int_equal(fake_reg(0x400) & 2, 0);
        assert_int_equal(fake_reg(0xd0), 0);
        assert_int_equal(fake_reg(0x5400), 0x12005452);
        assert_int_equal(fake_reg(0x5404), 0x80005634);
        assert_int_equal(fake_count_writes(0x5400), 0);
        assert_false(f->bus_master);
        fake_off();
    }
}

/* Nobody is asked to come back for a device that has stopped. */
static void test_stopped_before_the_phy_look(void **state)
{
    fake_on(0x10c9);
    fake_start();
    fake_hang();
    fake_watchdog();
    e1000_shutdown(&f->e);
    f->now_ns += NIC_WATCHDOG_NS;
    assert_true(f->e.nic.ops->watchdog(&f->e.nic, f->now_ns) >= f->now_ns + NIC_WATCHDOG_NS);
    fake_off();
}

/* A panic at each step of a reset, also while firmware holds the PHY. */
static void test_shutdown_in_a_reset(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (uint32_t steps = 0; steps < 12; steps++) {
            fake_on(parts[i]);
            fake_start();
            f->firmware_holds_extcnf = steps % 2 != 0;
            fake_hang();
            for (uint32_t n = 0; n < steps && f->e.state == E1000_RESETTING; n++) {
                f->now_ns = f->e.reset.due_ns;
                (void)f->e.nic.ops->watchdog(&f->e.nic, f->now_ns);
            }
            uint64_t before_ns = f->now_ns;
            e1000_shutdown(&f->e);
            assert_true(f->now_ns - before_ns < NS_PER_MS);
            assert_false(f->bus_master);
            assert_int_equal(f->e.state, E1000_STOPPED);
            fake_off();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_opens),
        cmocka_unit_test(test_master_disable_comes_first),
        cmocka_unit_test(test_quiet_after_reset),
        cmocka_unit_test(test_claimed_around_reset),
        cmocka_unit_test(test_firmware_that_lets_go),
        cmocka_unit_test(test_reset_that_does_nothing),
        cmocka_unit_test(test_firmware_that_never_lets_go),
        cmocka_unit_test(test_waits_have_bounds),
        cmocka_unit_test(test_nvm_read_before_use),
        cmocka_unit_test(test_receiver_kept_on),
        cmocka_unit_test(test_packet_buffers),
        cmocka_unit_test(test_no_call_takes_long),
        cmocka_unit_test(test_phy_behind_a_reset),
        cmocka_unit_test(test_rings_flushed),
        cmocka_unit_test(test_rings_flushed_at_shutdown),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_stopped_before_the_phy_look),
        cmocka_unit_test(test_shutdown_in_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
