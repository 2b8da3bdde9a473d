/*
 * The chip models' PHY behind MDIC, NVM behind EERD, and who may touch them: SWSM, SW_FW_SYNC,
 * EXTCNF_CTRL. 8254x manual, 13.4 (EERD, MDIC); ownership as Intel's own drivers observe it.
 */
#include <string.h>

#include "tests/unit/chip_internal.h"

enum {
    EECD = 0x0010,
    EERD = 0x0014,
    MDIC = 0x0020,
    EXTCNF_CTRL = 0x0f00,
    SWSM = 0x5b50,
    FWSM = 0x5b54,
    SW_FW_SYNC = 0x5b5c,
};

#define EXTCNF_SWFLAG UINT32_C(0x20)
#define MDIC_NS       UINT64_C(60000)
#define EERD_NS       UINT64_C(30000)
#define BMCR_OFF      0x0800
#define GIVE_UP_NS    UINT64_C(300000) /* who has waited so long may ask anew */

static bool held_by_firmware(void)
{
    return chip->now_ns < chip->fw_holds_until_ns;
}

/* Whether software owns what it is about to touch; swfw: bits of SW_FW_SYNC, where there is one. */
bool chip_owns(uint32_t swfw)
{
    switch (chip->traits->owner) {
    case OWN_SWSM:
        return chip->swesmbi;
    case OWN_EXTCNF:
        return !chip->swflag_left && (*reg(EXTCNF_CTRL) & EXTCNF_SWFLAG) != 0;
    case OWN_SWFW:
        return (chip->swfw_held & swfw) == swfw;
    case OWN_NONE:
        break;
    }
    return true;
}

bool chip_link(void)
{
    return chip->phy_link && (chip->phy[0] & BMCR_OFF) == 0;
}

/* Words 0 to 2 are the address, the last makes the sum right. */
static void load_nvm(void)
{
    const uint8_t *mac = chip->eeprom_mac;
    uint16_t sum = 0;
    for (size_t i = 0; i < CHIP_NVM_WORDS - 1; i++) {
        chip->nvm[i] =
            i < 3 ? (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8) : (uint16_t)(0x1234 + i);
        sum = (uint16_t)(sum + chip->nvm[i]);
    }
    chip->nvm[CHIP_NVM_WORDS - 1] = (uint16_t)(0xbaba - sum);
}

void chip_phy_power_on(void)
{
    chip->smbi = chip->swesmbi = chip->asked = false;
    chip->swfw_held = 0;
    memset(chip->phy, 0, sizeof(chip->phy));
    chip->phy[0] = 0x1140;
    chip->phy[1] = 0x7949;
    chip->phy[2] = 0x0141;
    chip->phy[3] = 0x0cc0;
    chip->phy[4] = 0x0de1;
    chip->phy[9] = 0x0300;
}

/* What MDIC and EERD are busy with comes to its end. */
void chip_phy_run(void)
{
    if (chip->mdic_busy && chip->now_ns >= chip->mdic_at_ns && !chip->phy_silent) {
        chip->mdic_busy = false;
        *reg(MDIC) |= UINT32_C(1) << 28;
        chip_raise(0x200);
    }
    if (chip->eerd_busy && chip->now_ns >= chip->eerd_at_ns && !chip->nvm_silent &&
        !chip->eerd_wrong) {
        bool small = chip->traits->eerd == EERD_SMALL;
        uint32_t addr = *reg(EERD) >> (small ? 8 : 2) & (small ? 0xff : 0x3fff);
        chip->eerd_busy = false;
        load_nvm();
        *reg(EERD) = (*reg(EERD) & 0xfffe) | (small ? 0x10 : 0x02) |
                     (uint32_t)chip->nvm[addr % CHIP_NVM_WORDS] << 16;
    }
}

/* --- MDIC: data 15:0, register 20:16, PHY 25:21, operation 27:26, ready 28, error 30 --------- */

static bool phy_address_is_ours(uint32_t address)
{
    if (chip->part == CHIP_PCH || chip->part >= CHIP_PCH2) {
        return true; /* 1 or 2 by page (PCH), by MDICNFG or ignored (82580, I210) */
    }
    return address == 1 || (chip->traits->class == CLASS_ICH && address == 2);
}

static void write_phy_register(uint32_t number, uint16_t value)
{
    if (number == 0 && (value & 0x8000) != 0) {
        chip_fault("the PHY is reset");
        value &= 0x7fff;
    }
    bool was_off = (chip->phy[0] & BMCR_OFF) != 0;
    chip->phy[number] = number == 0 ? value & (uint16_t)~0x0200u : value;
    if (number == 0 && was_off && (value & BMCR_OFF) == 0) {
        chip_raise(0x04); /* it negotiates, and the link comes */
    }
}

static void write_mdic(uint32_t value)
{
    uint32_t operation = value >> 26 & 3, number = value >> 16 & 31;
    uint32_t phy_bits = 0x02;
    if (!chip_owns(phy_bits)) {
        chip_fault("the PHY is touched without owning it");
    }
    if (chip->mdic_busy && chip->now_ns < chip->mdic_at_ns + GIVE_UP_NS) {
        chip_fault("MDIC written while it is busy");
    }
    if (chip->now_ns < chip->phy_ready_ns) {
        chip_fault("the PHY is touched before its configuration is done");
    }
    if (operation != 1 && operation != 2) {
        chip_fault("MDIC: operation %u", operation);
    }
    *reg(MDIC) = value & ~(UINT32_C(1) << 28);
    chip->mdic_busy = true;
    chip->mdic_at_ns = chip->now_ns + (chip->mdic_ns != 0 ? chip->mdic_ns : MDIC_NS);
    if (!phy_address_is_ours(value >> 21 & 31)) {
        *reg(MDIC) |= UINT32_C(1) << 30;
    } else if (operation == 1) {
        write_phy_register(number, (uint16_t)value);
    } else {
        uint16_t data = chip->phy[number];
        if (number == 1) {
            data |= chip_link() ? 0x24 : 0; /* BMSR: negotiated, link */
        }
        *reg(MDIC) = (*reg(MDIC) & 0xffff0000) | data;
    }
}

static void write_eerd(uint32_t value)
{
    bool small = chip->traits->eerd == EERD_SMALL;
    if (chip->traits->owner == OWN_SWFW && !chip_owns(0x01)) {
        chip_fault("the NVM is touched without owning it");
    }
    if ((value & 1) == 0) {
        *reg(EERD) = value;
        return;
    }
    if (chip->eerd_busy && chip->now_ns < chip->eerd_at_ns + GIVE_UP_NS) {
        chip_fault("EERD written while it is busy");
    }
    /* A request in the other layout has bits where this one has none: it is never done. */
    chip->eerd_wrong = small ? (value & 0xfe) != 0 : (value >> 2 & 0x3fff) >= CHIP_NVM_WORDS;
    *reg(EERD) = value & (small ? 0xff01 : 0xfffd);
    chip->eerd_busy = true;
    chip->eerd_at_ns = chip->now_ns + EERD_NS;
}

/* --- ownership ---------------------------------------------------------------------------- */

static uint32_t read_swsm(void)
{
    uint32_t value = (chip->smbi || chip->smbi_left ? 1 : 0) | (chip->swesmbi ? 2 : 0);
    chip->smbi = true; /* SMBI: reading takes it */
    return value | (*reg(SWSM) & ~UINT32_C(3));
}

static void write_swsm(uint32_t value)
{
    if ((value & 1) == 0) {
        chip->smbi = chip->smbi_left = false;
    }
    chip->asked |= (value & 2) != 0;
    chip->swesmbi = (value & 2) != 0 && (chip->swesmbi || !held_by_firmware());
    *reg(SWSM) = value & ~UINT32_C(3);
}

static void write_extcnf(uint32_t value)
{
    bool had = (*reg(EXTCNF_CTRL) & EXTCNF_SWFLAG) != 0;
    if (chip->swflag_left && (value & EXTCNF_SWFLAG) == 0) {
        chip_fault("EXTCNF_CTRL: taken from its owner");
    }
    chip->asked = (value & EXTCNF_SWFLAG) != 0;
    if (!had && held_by_firmware()) {
        value &= ~EXTCNF_SWFLAG;
    }
    *reg(EXTCNF_CTRL) = value;
}

static void write_swfw(uint32_t value)
{
    if (!chip->swesmbi) {
        chip_fault("SW_FW_SYNC written without SWSM.SWESMBI");
    }
    uint32_t wants = value & 0xffff & ~chip->swfw_held;
    chip->asked |= wants != 0;
    if (wants != 0 && held_by_firmware()) {
        chip_fault("SW_FW_SYNC: taken from firmware");
        value &= ~wants;
    }
    chip->swfw_held = value & 0xffff;
}

bool chip_phy_read(uint32_t offset, uint32_t *value)
{
    switch (offset) {
    case SWSM:
        if (chip->traits->owner != OWN_SWSM && chip->traits->owner != OWN_SWFW) {
            return false;
        }
        *value = read_swsm();
        return true;
    case SW_FW_SYNC:
        if (chip->traits->owner != OWN_SWFW) {
            return false;
        }
        *value = chip->swfw_held | (held_by_firmware() ? 0x00070000u : 0);
        return true;
    case EXTCNF_CTRL:
        chip->asked |= chip->swflag_left;
        *value = *reg(EXTCNF_CTRL) | (chip->swflag_left ? EXTCNF_SWFLAG : 0);
        return true;
    case FWSM:
        *value = *reg(FWSM) | (chip->now_ns < chip->me_busy_until_ns ? UINT32_C(1) << 24 : 0);
        return true;
    case EECD:
        if (chip->traits->class == CLASS_8254X || chip->traits->class == CLASS_ICH) {
            return false;
        }
        *value = (*reg(EECD) & ~UINT32_C(0x200)) |
                 (chip->eeprom_pending || chip->autoread_stuck ? 0 : 0x200);
        return true;
    }
    return false;
}

bool chip_phy_write(uint32_t offset, uint32_t value)
{
    switch (offset) {
    case MDIC:
        write_mdic(value);
        return true;
    case EERD:
        if (chip->traits->eerd == EERD_NONE) {
            return false;
        }
        write_eerd(value);
        return true;
    case SWSM:
        if (chip->traits->owner != OWN_SWSM && chip->traits->owner != OWN_SWFW) {
            return false;
        }
        write_swsm(value);
        return true;
    case SW_FW_SYNC:
        if (chip->traits->owner != OWN_SWFW) {
            return false;
        }
        write_swfw(value);
        return true;
    case EXTCNF_CTRL:
        if (chip->traits->owner != OWN_EXTCNF) {
            return false;
        }
        write_extcnf(value);
        return true;
    }
    return false;
}
