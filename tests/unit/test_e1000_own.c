/*
 * Ownership, the MAC address, the PHY, errata bits and guarded tail writes, on the parts that have
 * them, with a firmware that the test plays.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/e1000_fake.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/e1000/selftest.h"
#include "tests/unit/e1000_fake.h"

#undef assert
#include <cmocka.h>

static struct fake_nic *const f = &fake_nic;

static void open_ok(void)
{
    assert_int_equal(fake_open(), STATUS_OK);
}

/* --- the MAC address ---------------------------------------------------------------------- */

static const uint8_t from_nvm[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x78};

static void without_address(uint16_t device)
{
    fake_on(device);
    memset(f->mac, 0, sizeof(f->mac));
    f->regs[0x5400 / 4] = f->regs[0x5404 / 4] = 0;
}

/* The registers first: the NVM is not asked when they are valid. */
static void test_mac_from_registers(void **state)
{
    fake_on(0x10d3);
    open_ok();
    assert_int_equal(fake_count_writes(0x14), 0);
    fake_off();
}

/* Else the NVM, in the layout of the part, found out by asking. */
static void test_mac_from_nvm(void **state)
{
    static const uint16_t parts[] = {0x100e, 0x1076, 0x105e, 0x108b,
                                     0x10d3, 0x10c9, 0x1521, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        without_address(parts[i]);
        open_ok();
        assert_memory_equal(f->e.nic.mac, from_nvm, 6);
        assert_int_equal(fake_reg(0x5400), 0x12005452);
        assert_int_equal(fake_reg(0x5404), 0x80007834);
        assert_int_equal(fake_reg(0x5b5c), 0); /* what was taken is given back */
        fake_off();
    }
}

/* Each port has its own address. */
static void test_mac_of_a_port(void **state)
{
    static const uint16_t turned[] = {0x1079, 0x105e, 0x10a7, 0x10c9};
    for (size_t i = 0; i < ARRAY_SIZE(turned); i++) {
        without_address(turned[i]);
        f->port = 1;
        open_ok();
        assert_int_equal(f->e.nic.mac[5], 0x79);
        fake_off();
    }
    for (uint32_t port = 1; port < 4; port++) {
        without_address(0x1521);
        f->port = port;
        memcpy(&f->nvm[0x40 * (port + 1)], (const uint16_t[]){0x0002, 0x3322, (uint16_t)port}, 6);
        open_ok();
        assert_memory_equal(f->e.nic.mac, ((uint8_t[]){2, 0, 0x22, 0x33, (uint8_t)port, 0}), 6);
        fake_off();
    }
}

static void refused(void)
{
    assert_int_equal(fake_open(), STATUS_IO);
    assert_false(f->bus_master);
    assert_true(f->now_ns < NS_PER_S);
    fake_off();
}

static void test_mac_refused(void **state)
{
    static const uint16_t parts[] = {0x1004, 0x100c, 0x100e, 0x10d3,
                                     0x104a, 0x156f, 0x10c9, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        without_address(parts[i]); /* a group's in the NVM */
        f->nvm[0] = 0x0001;
        refused();
        without_address(parts[i]); /* an erased one */
        f->nvm[0] = f->nvm[1] = f->nvm[2] = 0xffff;
        refused();
        without_address(parts[i]); /* an empty one */
        f->nvm[0] = f->nvm[1] = f->nvm[2] = 0;
        refused();
        without_address(parts[i]); /* one that does not answer */
        f->eerd_dead = true;
        refused();
    }
    fake_on(0x156f); /* no EERD there: what is at its offset is not touched */
    f->mac[0] = 0xff;
    f->regs[0x5400 / 4] = 0xff;
    assert_int_equal(fake_open(), STATUS_IO);
    assert_int_equal(fake_count_writes(0x14), 0);
    fake_off();
}

/* --- ownership ---------------------------------------------------------------------------- */

static void test_nvm_held_for_ever(void **state)
{
    without_address(0x10c9);
    f->firmware_holds_swsm = true;
    refused();

    without_address(0x10c9);
    f->smbi_always = true;
    refused();

    for (uint32_t half = 0; half <= 16; half += 16) { /* a driver's bit, then firmware's */
        without_address(0x10c9);
        f->sync_held = UINT32_C(1) << half;
        refused();
    }
}

/* SMBI keeps drivers apart, and there is no other: one that was left taken is taken over. */
static void test_smbi_taken_over(void **state)
{
    static const uint16_t parts[] = {0x105e, 0x10c9, 0x1533};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        f->smbi_stuck = true;
        f->link = false;
        f->phy[0][0] = 0x1940;
        open_ok();
        assert_int_equal(f->phy[0][0] & 0x0800, 0);
        assert_int_equal(fake_reg(0x5b50) & 3, 0); /* and given back */
        assert_false(f->smbi);
        assert_int_equal(fake_reg(0x5b5c), 0);
        fake_off();
    }
}

/* --- the PHY ------------------------------------------------------------------------------ */

static const uint16_t phys[] = {0x100e, 0x105e, 0x108b, 0x10d3, 0x104a, 0x10bd, 0x10ea, 0x1502,
                                0x153a, 0x156f, 0x10a7, 0x10c9, 0x150e, 0x1521, 0x1533};

static uint16_t *bmcr(void)
{
    return &f->phy[e1000_phy_addr(f->e.id) - 1][0];
}

static void test_phy_powered_up(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(phys); i++) {
        for (uint16_t off = 0x0400; off <= 0x0800; off = (uint16_t)(off * 2)) {
            fake_on(phys[i]);
            f->link = false;
            f->phy[0][0] = f->phy[1][0] = (uint16_t)(0x0140 | off);
            open_ok();
            assert_int_equal(*bmcr(), 0x1340); /* negotiates anew */
            if (f->e.family->lock == E1000_LOCK_MDIO || f->e.family->lock == E1000_LOCK_SWFLAG) {
                assert_int_equal(fake_reg(0xf00) & 0x20, 0);
            }
            assert_int_equal(fake_reg(0x5b5c), 0);
            fake_off();
        }
    }
}

/* Without a link it negotiates anew: QEMU's igb does not by itself, and it may be switched off. */
static void test_phy_negotiates(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(phys); i++) {
        fake_on(phys[i]);
        f->link = false;
        f->phy[0][0] = f->phy[1][0] = 0x0100;
        f->phy[0][1] = f->phy[1][1] = i % 2 == 0 ? 0x794d : 0x7969; /* no link, or not complete */
        open_ok();
        assert_int_equal(*bmcr(), 0x1300);
        fake_off();
    }
}

/* One with a link is not written to, and when the MAC sees it not even asked. */
static void test_phy_left_alone(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(phys); i++) {
        fake_on(phys[i]);
        f->link = false;
        f->phy[0][1] = f->phy[1][1] = 0x796d;
        open_ok();
        assert_int_equal(*bmcr(), 0x1140);
        fake_off();
        fake_on(phys[i]);
        open_ok();
        if (!f->is_ich) {
            assert_int_equal(fake_count_writes(0x20), 0);
        }
        fake_off();
    }
    fake_on(0x1004); /* its PHY is not behind MDIC */
    f->link = false;
    open_ok();
    assert_int_equal(fake_count_writes(0x20), 0);
    fake_off();
}

/* A PHY that does not answer, or whom firmware keeps: no failure, and no long wait. */
static void test_phy_out_of_reach(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(phys); i++) {
        for (int how = 0; how < 4; how++) {
            fake_on(phys[i]);
            f->link = false;
            f->phy[0][0] = f->phy[1][0] = 0x0940;
            f->mdic_dead = how == 0;
            f->firmware_holds_extcnf = how == 1;
            f->firmware_holds_swsm = how == 2;
            f->smbi_always = how == 3;
            open_ok();
            assert_true(f->now_ns < NS_PER_S);
            e1000_start(&f->e);
            fake_off();
        }
    }
}

/* The other address is left alone: behind it are other registers, or nobody. */
static void test_phy_address(void **state)
{
    static const struct {
        uint16_t device, addr;
    } parts[] = {
        {0x100e, 1}, {0x10d3, 1}, {0x1533, 1}, {0x1049, 1}, {0x104c, 1}, {0x1501, 2}, {0x10bd, 1},
        {0x10c0, 1}, {0x10bf, 2}, {0x10cb, 2}, {0x10e5, 2}, {0x10f5, 2}, {0x10cc, 2}, {0x10cd, 2},
        {0x10ce, 2}, {0x10de, 2}, {0x10df, 2}, {0x1525, 2}, {0x10ea, 2}, {0x1502, 2}, {0x153a, 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i].device);
        f->link = false;
        f->phy[0][0] = f->phy[1][0] = 0x0940;
        open_ok();
        assert_int_equal(f->phy[0][0], parts[i].addr == 1 ? 0x1340 : 0x0940);
        assert_int_equal(f->phy[1][0], parts[i].addr == 2 ? 0x1340 : 0x0940);
        struct e1000_facts facts; /* the report has it, and what is behind it */
        f->phy[0][2] = 0x1111;
        f->phy[1][2] = 0x2222;
        e1000_read_facts(&f->e, &facts);
        assert_int_equal(facts.phy_addr, parts[i].addr);
        assert_int_equal(facts.phy_id[0], 0x1111 * parts[i].addr);
        fake_off();
    }
}

/* The bit of SW_FW_SYNC that firmware and driver agree upon: one for each port. */
static void test_phy_of_a_port(void **state)
{
    static const uint32_t bits[] = {1 << 1, 1 << 2, 1 << 5, 1 << 6};
    for (uint32_t port = 0; port < 4; port++) {
        fake_on(0x1521);
        f->port = port;
        f->link = false;
        open_ok();
        assert_true(fake_find_write(0x5b5c, bits[port], 0) < fake_find_write(0x20, 0, 0));
        assert_int_equal(f->log[fake_find_write(0x5b5c, bits[port], 0)].value, bits[port]);
        assert_int_equal(fake_reg(0x5b5c), 0);
        fake_off();
    }
}

/* The link may be held down by PHPM: a driver that was unloaded did so. */
static void test_link_disconnect_ended(void **state)
{
    static const uint16_t parts[] = {0x150e, 0x1521, 0x1533, 0x1539};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        fake_start();
        f->regs[0xe14 / 4] = 0x20;
        e1000_close(&f->e);
        size_t before = fake_count_writes(0xe14);
        open_ok();
        assert_int_equal(fake_count_writes(0xe14), before + 1);
        assert_int_equal(fake_reg(0xe14) & 0x20, 0);
        fake_off();
    }
}

/* --- the PCH's low power states ----------------------------------------------------------- */

static void test_ulp_ended_by_firmware(void **state)
{
    static const uint16_t parts[] = {0x155a, 0x15a2, 0x156f, 0x57a0};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (int stuck = 0; stuck < 2; stuck++) {
            fake_on(parts[i]);
            f->regs[0x5b54 / 4] |= 0x400;
            f->ulp_stuck = stuck != 0;
            open_ok();
            size_t ask = fake_find_write(0x5b50, 0x1000, 0);
            assert_true(ask < fake_find_write(0x00, 0x04000000, 0));
            assert_int_equal(fake_reg(0x5b50) & 0x1800, 0);
            assert_int_equal((fake_reg(0x5b54) & 0x400) != 0, stuck != 0);
            assert_true(f->now_ns < (stuck != 0 ? 3000 : 300) * (uint64_t)NS_PER_MS);
            fake_off();
        }
    }
    fake_on(0x153a); /* an I217 has no such state */
    open_ok();
    assert_int_equal(fake_count_writes(0x5b50), 0);
    fake_off();
}

/* Out of SMBus mode, too, in the order in which the PHY stays within reach. */
static void test_ulp_ended_by_hand(void **state)
{
    for (int both = 0; both < 2; both++) {
        fake_on(0x156f);
        f->regs[0x5b54 / 4] = 0x40; /* no engine */
        f->regs[0x18 / 4] = both != 0 ? 0x800 : 0;
        f->smbus_kept = both != 0;
        f->phy[0][16] = 0x1d74; /* ULP configuration, whatever the page */
        f->phy[0][23] = 0x0001; /* SMBus forced */
        open_ok();
        assert_int_equal(f->phy[0][23] & 1, 0);
        assert_int_equal(f->phy[0][16], 0x0001);
        assert_int_equal(fake_reg(0x18) & 0x800, 0);
        assert_int_equal(fake_count_writes(0x5b50), 0);
        fake_off();
    }
}

/* Stuck in SMBus mode: the power cycle comes last, and only with firmware's leave. */
static void test_phy_power_cycled(void **state)
{
    for (int allowed = 0; allowed < 2; allowed++) {
        fake_on(0x153a);
        f->phy[1][2] = 0xffff;
        f->regs[0x5b54 / 4] = allowed != 0 ? 0x8040 : 0x8000;
        open_ok();
        size_t off = fake_find_write(0x00, 0x10000, 0);
        assert_int_equal(off != SIZE_MAX, allowed != 0);
        if (allowed != 0) {
            assert_int_equal(f->log[off].value & 0x20000, 0);
            assert_int_equal(fake_reg(0x00) & 0x30000, 0);
        }
        fake_off();
    }
    fake_on(0x153a);
    open_ok();
    assert_true(fake_find_write(0x00, 0x10000, 0) == SIZE_MAX);
    fake_off();
}

/* Armed for a wake-up, which a management engine may want to keep; and MDIO at its slow pace. */
static void test_pages_made_ready(void **state)
{
    static const uint16_t parts[] = {0x10ea, 0x1502, 0x153a, 0x156f};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (int allowed = 0; allowed < 2; allowed++) {
            fake_on(parts[i]);
            f->regs[0x5b54 / 4] = allowed != 0 ? 0x8040 : 0x8000;
            f->phy[0][16] = 0x0004;
            f->phy[0][17] = 0x0013; /* whatever the page */
            open_ok();
            assert_int_equal(f->phy[0][16], i < 2 ? 0x0404 : 0x0004);
            assert_int_equal(f->phy[0][17] & 0x1f, allowed != 0 ? 0x03 : 0x13);
            assert_int_equal(fake_reg(0xf00) & 0x20, 0);
            fake_off();
        }
    }
    fake_on(0x10bd);
    f->phy[0][17] = 0x0013;
    open_ok();
    assert_int_equal(f->phy[0][17], 0x0013);
    fake_off();
}

static void test_k1_off(void **state)
{
    static const uint16_t parts[] = {0x10ea, 0x10f0};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        open_ok();
        size_t k1 = fake_find_write(0x34, 7 << 16, fake_find_write(0x34, 1 << 21, 0) + 1);
        assert_true(k1 > fake_find_write(0x00, 0x04000000, 0) && k1 != SIZE_MAX);
        assert_int_equal(f->log[k1].value & 0x20ffff, 0);
        assert_int_equal(fake_reg(0x00) & 0x0800, 0); /* the speed is not left forced */
        assert_int_equal(fake_reg(0x18) & 0x8000, 0);
        assert_int_equal(fake_reg(0xf00) & 0x20, 0);
        fake_off();
    }
}

/* In the 82579 it is the PHY's, which keeps it over a reset, but for a firmware that sets it. */
static void test_k1_off_in_phy(void **state)
{
    fake_on(0x1502);
    f->phy[0][17] = 0x6200;
    fake_start();
    assert_int_equal(f->phy[0][17], 0x2200);
    assert_int_equal(f->phy[0][31], 770 << 5);
    assert_int_equal(fake_count_writes(0x34), 0);
    f->phy[0][17] = 0x6200;
    fake_hang();
    fake_watchdog();
    assert_int_equal(f->resets, 2);
    assert_int_equal(f->phy[0][17], 0x2200);
    assert_int_equal(fake_reg(0xf00) & 0x20, 0);
    fake_off();
}

/* Firmware that keeps the PHY until the device has long been reset: there is one start-up only. */
static void test_k1_waits_for_firmware(void **state)
{
    fake_on(0x1502);
    f->phy[0][17] = 0x6200;
    f->extcnf_held_until_ns = 260 * NS_PER_MS;
    open_ok();
    assert_true(f->now_ns < 300 * NS_PER_MS);
    assert_int_equal(f->phy[0][17], 0x2200);
    fake_off();
}

/* The clock from I217 on; from Meteor Lake on the MAC's K1 goes before the PHY is first asked. */
static void test_k1_of_later_parts(void **state)
{
    static const struct {
        uint16_t device;
        bool off;
    } parts[] = {{0x153a, false}, {0x155a, false}, {0x156f, false}, {0x15fb, false},
                 {0x550c, false}, {0x550a, true},  {0x57a0, true},  {0x57b3, true}};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i].device);
        f->phy[0][17] = 0x4000;
        f->regs[0x5bc0 / 4] = 0x00c00000;
        open_ok();
        assert_int_equal(f->phy[0][17], 0x4200);
        assert_int_equal(fake_count_writes(0x5bc0), parts[i].off ? 2 : 0);
        if (parts[i].off) {
            assert_int_equal(f->log[fake_find_write(0x5bc0, 0, 0)].value, 0x00800000);
            assert_int_equal(fake_reg(0x5bc0), 0x00800000);
            size_t first = fake_find_write(0x34, 7 << 16, fake_find_write(0x34, 1 << 21, 0) + 1);
            assert_true(first < fake_find_write(0x20, 0, 0));
            size_t reset = fake_find_write(0x00, 0x04000000, 0);
            assert_true(first < reset && fake_find_write(0x34, 7 << 16, reset) != SIZE_MAX);
            assert_int_equal(fake_reg(0x34) & 0x200002, 0);
            assert_int_equal(fake_reg(0x00) & 0x0800, 0);
            assert_int_equal(fake_reg(0x18) & 0x8000, 0);
        } else {
            assert_int_equal(fake_count_writes(0x34), 0);
        }
        assert_int_equal(fake_reg(0xf00) & 0x20, 0);
        fake_off();
    }
}

/* --- bits that data sheets want ----------------------------------------------------------- */

struct wanted {
    uint16_t device;
    uint32_t reg, mask, value;
};

static const struct wanted wanted[] = {
    {0x105e, 0x3840, 0x7f800000, 0x07800000},
    {0x105e, 0x3940, 0x77400000, 0x07400000},
    {0x105e, 0x3928, 0x00400000, 0x00400000},
    {0x105e, 0x5008, 0x00038000, 0x00030000},
    {0x105e, 0x1100, 0x00000001, 0x00000001},
    {0x105e, 0x0018, 0x00080000, 0},
    {0x108b, 0x0018, 0x00c00000, 0x00400000},
    {0x108b, 0x0000, 0x20000000, 0},
    {0x108b, 0x5008, 0x00038000, 0x00030000},
    {0x108b, 0x5b00, 0x08400000, 0x08000000},
    {0x10d3, 0x3840, 0x7c000000, 0x04000000},
    {0x10d3, 0x5b00, 0x08400000, 0x08400000},
    {0x10d3, 0x5b64, 0x00000001, 0x00000001},
    {0x10d3, 0x0018, 0x00c00000, 0x00400000},
    {0x10d3, 0x5008, 0x00038000, 0},
    {0x104a, 0x3840, 0x3d800000, 0x3d800000},
    {0x104a, 0x5008, 0x000380c0, 0x000300c0},
    {0x10bd, 0x5008, 0x000380c0, 0x000000c0},
    {0x10bd, 0x3840, 0x3d800000, 0x0d800000},
    {0x10bd, 0x3940, 0x55000000, 0x45000000},
    {0x10bd, 0x0018, 0x00520000, 0x00420000},
    {0x10bd, 0x3004, 0x00050000, 0x00050000},
    {0x10bd, 0x5b00, 0x0000003f, 0},
    {0x57b3, 0x5b00, 0x0000003f, 0},
    {0x10ea, 0x0018, 0x00520000, 0x00520000},
    {0x10ea, 0x5f50, UINT32_MAX, 0x65656565},
    {0x1502, 0x003c, 0x0c000000, 0x08000000},
    {0x1502, 0x5f50, UINT32_MAX, 0},
    {0x153a, 0x0024, 0x00000007, 0x00000007},
    {0x153a, 0x100c, 0x00010000, 0x00010000},
    {0x153a, 0x0000, 0x00080000, 0x00080000},
    {0x1502, 0x0000, 0x00080000, 0},
    {0x156f, 0x5bbc, 0x00002000, 0x00002000},
    {0x156f, 0x0f28, 0x00010000, 0x00010000},
    {0x156f, 0x3840, 0x3d800000, 0x2d800000},
    {0x156f, 0x100c, 0x00010000, 0x00010000},
    {0x15e3, 0x0f28, 0x00010000, 0x00010000},
    {0x156f, 0x0024, 0x00000007, 0x00000007},
    /* The chip sets behind KBL have none of the two, from TGP on frames get lost. */
    {0x15bb, 0x0f28, UINT32_MAX, 0},
    {0x15bb, 0x3840, 0x30000000, 0},
    {0x0dc7, 0x0f28, UINT32_MAX, 0},
    {0x15fb, 0x5f04, 0x00001000, 0x00001000},
    {0x57a0, 0x5f04, 0x00001000, 0x00001000},
    {0x0d4c, 0x5f04, UINT32_MAX, 0},
    {0x156f, 0x5f04, UINT32_MAX, 0},
    {0x104a, 0x5b00, 0x0000003f, 0x0000003f},
    {0x10c9, 0x3840, UINT32_MAX, 0},
    {0x10c9, 0x5b64, UINT32_MAX, 0},
    {0x100e, 0x3840, UINT32_MAX, 0},
    {0x100e, 0x5008, UINT32_MAX, 0},
};

static void test_bits_after_each_reset(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        const struct wanted *want = &wanted[i];
        fake_on(want->device);
        f->regs[0x5b00 / 4] = want->device != 0x104a ? 0x3f : 0; /* no-snoop, as an NVM may say */
        open_ok();
        if ((fake_reg(want->reg) & want->mask) != want->value) {
            fail_msg("%04x: register 0x%04x is 0x%08x", want->device, want->reg,
                     fake_reg(want->reg));
        }
        fake_off();
    }
}

/* The tables' sizes: what is behind them belongs to somebody else. */
static void test_table_sizes(void **state)
{
    static const uint16_t mine[][3] = {
        {0x100e, 16, 128}, {0x105e, 15, 128}, {0x10d3, 15, 128}, {0x104a, 6, 32}, {0x10bd, 7, 32},
        {0x10ea, 7, 32},   {0x1502, 1, 32},   {0x153a, 1, 32},   {0x156f, 1, 32}, {0x10c9, 16, 128},
    };
    for (size_t i = 0; i < ARRAY_SIZE(mine); i++) {
        fake_on(mine[i][0]);
        open_ok();
        for (uint32_t n = 0; n < 16; n++) {
            assert_int_equal(fake_count_writes(0x5404 + 8 * n), n < mine[i][1]);
        }
        for (uint32_t n = 0; n < 128; n++) {
            assert_int_equal(fake_count_writes(0x5200 + 4 * n), n < mine[i][2]);
        }
        fake_off();
    }
}

/* ASPM: both states of the link off, on the parts that need it, and its status left alone. */
static void test_aspm(void **state)
{
    static const uint16_t parts[] = {0x108b, 0x109a, 0x10d3, 0x150c, 0x105e, 0x104a, 0x10c9};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        fake_on(parts[i]);
        f->aspm = 0xf0110043;
        open_ok();
        assert_int_equal(f->aspm, i < 4 ? 0xf0110040 : 0xf0110043);
        fake_off();
    }
}

/* At gigabit, and at every new speed; a reset forgets it. */
static void test_speed_followed(void **state)
{
    static const struct {
        uint16_t device;
        uint32_t reg, bit;
    } rows[] = {{0x105e, 0x3840, 1 << 21}, {0x155a, 0x0010, 1 << 8}, {0x15a2, 0x0010, 1 << 8}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        static const uint32_t speeds[] = {2, 1, 0, 2};
        fake_on(rows[i].device);
        fake_start();
        for (size_t n = 0; n < ARRAY_SIZE(speeds); n++) {
            static const uint16_t mbps[] = {10, 100, 1000};
            struct nic_link link;
            f->link = false;
            f->e.nic.ops->link(&f->e.nic, &link);
            f->link = true;
            f->speed = speeds[n];
            f->e.nic.ops->link(&f->e.nic, &link);
            assert_int_equal(link.speed_mbps, mbps[speeds[n]]);
            assert_int_equal((fake_reg(rows[i].reg) & rows[i].bit) != 0, speeds[n] == 2);
        }
        fake_hang();
        fake_watchdog();
        assert_int_equal(f->resets, 2);
        assert_true((fake_reg(rows[i].reg) & rows[i].bit) != 0);
        fake_off();
    }
}

/* The gap between frames: PCH parts want another at some speeds, behind a reset, too. */
static void test_gap_follows(void **state)
{
    static const struct {
        uint16_t device;
        uint16_t gigabit, full_100, full_10, half_10;
    } rows[] = {{0x156f, 8, 12, 12, 0xff}, {0x57a0, 8, 12, 12, 0xff}, {0x153a, 8, 8, 8, 0xff},
                {0x1502, 8, 8, 8, 0xff},   {0x10ea, 8, 8, 8, 8},      {0x1533, 8, 8, 8, 8},
                {0x100e, 8, 8, 8, 8}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const uint16_t want[] = {rows[i].gigabit, rows[i].full_100, rows[i].full_10,
                                 rows[i].half_10, rows[i].full_10,  rows[i].gigabit};
        static const uint32_t speeds[] = {2, 1, 0, 0, 0, 2};
        fake_on(rows[i].device);
        fake_start();
        for (size_t n = 0; n < ARRAY_SIZE(want); n++) {
            struct nic_link link;
            f->speed = speeds[n];
            f->half_duplex = n == 3;
            f->e.nic.ops->link(&f->e.nic, &link);
            assert_int_equal(fake_reg(0x410), 0x00602000 | want[n]);
            if (n == 1) {
                fake_hang();
                fake_watchdog();
                assert_int_equal(f->resets, 2);
                assert_int_equal(fake_reg(0x410), 0x00602000 | want[n]);
            }
        }
        fake_off();
    }
}

/* --- tail writes -------------------------------------------------------------------------- */

static void send_one(void)
{
    struct nic *nic = &f->e.nic;
    struct pkt *p = pkt_alloc(&f->pool, PKT_HEADROOM);
    memset(pkt_append(p, 60), 0, 60);
    assert_int_equal(nic->ops->tx(nic, &p, 1), 1);
    nic->ops->tx_flush(nic);
}

static void test_tail_guarded(void **state)
{
    fake_on(0x1502);
    fake_start();
    send_one();
    assert_false(f->e.tail_lost);
    assert_int_equal(fake_reg(0x3818), 1);

    f->regs[0x5b54 / 4] |= 1 << 24; /* the engine is busy for ever: bounded, and tried */
    uint64_t before_ns = f->now_ns;
    send_one();
    assert_in_range(f->now_ns - before_ns, 300 * NS_PER_US, NS_PER_MS / 2);
    assert_int_equal(fake_reg(0x3818), 2);
    assert_false(f->e.tail_lost);
    f->regs[0x5b54 / 4] &= ~(1u << 24);

    f->tail_deaf = true; /* a write is lost: the transmitter stops, and the watchdog resets */
    send_one();
    assert_true(f->e.tail_lost);
    assert_int_equal(fake_reg(0x400) & 2, 0);
    f->tail_deaf = false;
    fake_watchdog();
    assert_int_equal(f->resets, 2);
    assert_int_equal(f->e.state, E1000_RUNNING);
    assert_false(f->e.tail_lost);
    send_one();
    assert_int_equal(fake_reg(0x3818), 1);
    fake_off();

    fake_on(0x153a); /* no other part pays for it */
    fake_start();
    send_one();
    assert_int_equal(f->log_count, 1);
    fake_off();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mac_from_registers),    cmocka_unit_test(test_mac_from_nvm),
        cmocka_unit_test(test_mac_of_a_port),         cmocka_unit_test(test_mac_refused),
        cmocka_unit_test(test_nvm_held_for_ever),     cmocka_unit_test(test_smbi_taken_over),
        cmocka_unit_test(test_phy_powered_up),        cmocka_unit_test(test_phy_negotiates),
        cmocka_unit_test(test_phy_left_alone),        cmocka_unit_test(test_phy_out_of_reach),
        cmocka_unit_test(test_phy_address),           cmocka_unit_test(test_phy_of_a_port),
        cmocka_unit_test(test_link_disconnect_ended), cmocka_unit_test(test_ulp_ended_by_firmware),
        cmocka_unit_test(test_ulp_ended_by_hand),     cmocka_unit_test(test_phy_power_cycled),
        cmocka_unit_test(test_pages_made_ready),      cmocka_unit_test(test_k1_off),
        cmocka_unit_test(test_k1_off_in_phy),         cmocka_unit_test(test_k1_of_later_parts),
        cmocka_unit_test(test_k1_waits_for_firmware), cmocka_unit_test(test_bits_after_each_reset),
        cmocka_unit_test(test_table_sizes),           cmocka_unit_test(test_aspm),
        cmocka_unit_test(test_speed_followed),        cmocka_unit_test(test_gap_follows),
        cmocka_unit_test(test_tail_guarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
