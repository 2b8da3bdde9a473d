/*
 * The PHY, where it has to be touched: one that firmware left powered down, isolated, or asleep is
 * woken, one without a link negotiates anew. What it found is read from STATUS; it is never reset
 * (on ICH and PCH a reset loses what firmware has set, and leaves links at 10 Mb/s).
 *
 * An access takes some 30 us. At start-up firmware is waited for, for 2.5 s at most; at run time
 * nobody is.
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    MDIC_LOOK_US = 20,
    MDIC_LOOKS_COUNT = 20,    /* 0.4 ms; 64 bits at 2.5 MHz take 26 us */
    MDIC_LOOKS_RUN_COUNT = 6, /* at run time: four accesses and the PHY's ownership in 1 ms */

    ULP_LOOK_US = 10 * US_PER_MS,
    ULP_LOOKS_COUNT = 250, /* 2.5 s: engines are known that take more than 2 (Linux) */

    LANPHYPC_HOLD_US = 1 * US_PER_MS, /* 10 us at least */
    LANPHYPC_LOOK_US = 5 * US_PER_MS,
    LANPHYPC_LOOKS_COUNT = 20,
    LANPHYPC_UP_US = 30 * US_PER_MS,

    KMRN_SETTLE_US = 20,
    KMRN_POWER_US = 1 * US_PER_MS,

    /* Pages of the PCH PHYs, and where they are on the MDIO bus. */
    PAGE_PHY_ADDR = 1,
    PAGE_PORT = 769, /* registers 16: MDIO's pace, 17: wake-up, 23, bit 0: SMBus forced */
    MODE_CONTROL = 16,
    MODE_MDIO_SLOW = 1 << 10,
    PORT_GENERAL = 17,
    PORT_HOST_WAKES = 1 << 4,
    SMBUS_CONTROL = 23,
    SMBUS_FORCED = 1 << 0,
    PAGE_POWER = 770, /* register 17: power management */
    POWER_CONTROL = 17,
    POWER_K1_CLOCK = 1 << 9,
    POWER_K1 = 1 << 14,
    PAGE_ULP = 779, /* register 16: ULP configuration */
    ULP_CONFIG = 16,
    ULP_CONFIG_START = 1 << 0,
    ULP_CONFIG_MODES = 1 << 2 | 7 << 4 | 1 << 8 | 7 << 10,
};

/* Manual, 13.4 MDIC. The owner of the PHY only. */
static bool mdic(const struct e1000 *e, uint32_t phy, uint32_t reg, uint32_t command,
                 uint32_t *value)
{
    bool starts = e->state == E1000_CLOSED || e->state == E1000_READY;
    uint32_t looks = starts ? MDIC_LOOKS_COUNT : MDIC_LOOKS_RUN_COUNT;
    e1000_write(e, E1000_MDIC, command | phy << E1000_MDIC_PHY_SHIFT | reg << E1000_MDIC_REG_SHIFT);
    for (uint32_t i = 0; i < looks; i++) {
        time_delay_us(MDIC_LOOK_US);
        *value = e1000_read(e, E1000_MDIC);
        if ((*value & E1000_MDIC_READY) != 0) {
            return (*value & E1000_MDIC_ERROR) == 0;
        }
    }
    return false;
}

static bool phy_read(const struct e1000 *e, uint32_t phy, uint32_t reg, uint16_t *data)
{
    uint32_t value;
    bool done = mdic(e, phy, reg, E1000_MDIC_READ, &value);
    *data = (uint16_t)value;
    return done;
}

static bool phy_write(const struct e1000 *e, uint32_t phy, uint32_t reg, uint16_t data)
{
    uint32_t value;
    return mdic(e, phy, reg, E1000_MDIC_WRITE | data, &value);
}

/* A register of a page: cleared and set bits. */
static bool page_modify(const struct e1000 *e, uint32_t page, uint32_t reg, uint16_t clear,
                        uint16_t set)
{
    uint16_t data;
    return phy_write(e, PAGE_PHY_ADDR, E1000_PHY_PAGE, (uint16_t)(page << 5)) &&
           phy_read(e, PAGE_PHY_ADDR, reg, &data) &&
           phy_write(e, PAGE_PHY_ADDR, reg, (uint16_t)((data & ~(uint32_t)clear) | set));
}

/* The engine took the PHY to ultra low power, the engine brings it back (Linux, e1000e). */
static void ulp_end_by_firmware(const struct e1000 *e)
{
    uint32_t h2me = e1000_read(e, E1000_H2ME) & ~(uint32_t)E1000_H2ME_ULP;
    e1000_write(e, E1000_H2ME, h2me | E1000_H2ME_ENFORCE);
    for (uint32_t i = 0; i < ULP_LOOKS_COUNT; i++) {
        if ((e1000_read(e, E1000_FWSM) & E1000_FWSM_ULP_DONE) == 0) {
            e1000_write(e, E1000_H2ME, h2me & ~(uint32_t)E1000_H2ME_ENFORCE);
            return;
        }
        time_delay_us(ULP_LOOK_US);
    }
    e1000_write(e, E1000_H2ME, h2me & ~(uint32_t)E1000_H2ME_ENFORCE);
    log_warn("%s: the management engine does not wake the PHY (FWSM 0x%08x)", e->nic.name,
             e1000_read(e, E1000_FWSM));
}

/*
 * Without an engine its registers are ours: out of SMBus mode, the PHY before the MAC, which would
 * not reach it afterwards; then out of ULP.
 */
static void ulp_end_by_hand(const struct e1000 *e)
{
    bool done = page_modify(e, PAGE_PORT, SMBUS_CONTROL, SMBUS_FORCED, 0);
    e1000_clear(e, E1000_CTRL_EXT, E1000_CTRL_EXT_FORCE_SMBUS);
    done = done && page_modify(e, PAGE_ULP, ULP_CONFIG, ULP_CONFIG_MODES, 0) &&
           page_modify(e, PAGE_ULP, ULP_CONFIG, 0, ULP_CONFIG_START);
    e1000_clear(e, E1000_FEXTNVM7, E1000_FEXTNVM7_SMB_PERST_OFF);
    if (!done) {
        log_warn("%s: the PHY does not answer: it may stay in its low power state", e->nic.name);
    }
}

static bool phy_answers(const struct e1000 *e)
{
    uint16_t id;
    return phy_read(e, e1000_phy_addr(e->id), E1000_PHY_ID1, &id) && id != 0 && id != UINT16_MAX;
}

/*
 * A PHY that does not answer is stuck in SMBus mode: its power is cycled by LANPHYPC, when the
 * management engine allows it (Linux and FreeBSD do so, too). Not a reset of a PHY that works.
 */
static void cycle_power(const struct e1000 *e)
{
    if ((e1000_read(e, E1000_FWSM) & E1000_FWSM_PHY_RESET_OK) == 0) {
        log_warn("%s: the PHY does not answer, and firmware forbids its power cycle", e->nic.name);
        return;
    }
    uint32_t ctrl = e1000_read(e, E1000_CTRL);
    ctrl &= ~(uint32_t)(E1000_CTRL_LANPHYPC_OVERRIDE | E1000_CTRL_LANPHYPC_VALUE);
    e1000_write(e, E1000_CTRL, ctrl | E1000_CTRL_LANPHYPC_OVERRIDE);
    e1000_flush_writes(e);
    time_delay_us(LANPHYPC_HOLD_US);
    e1000_write(e, E1000_CTRL, ctrl);
    for (uint32_t i = 0; i < LANPHYPC_LOOKS_COUNT; i++) {
        time_delay_us(LANPHYPC_LOOK_US);
        if ((e1000_read(e, E1000_CTRL_EXT) & E1000_CTRL_EXT_LPCD) != 0) {
            break;
        }
    }
    time_delay_us(LANPHYPC_UP_US);
    log_info("%s: the PHY did not answer: its power was cycled", e->nic.name);
}

/*
 * 82577 and 82578: the MAC's link to the PHY stalls when it enters K1, its sleep, at gigabit
 * (Linux and FreeBSD switch it off while there is a link of that speed). K1 is off for good: it
 * saves power, which is not a goal here. The speed bypass makes the MAC take the new setting at
 * once. So, too, in Meteor Lake and later chip sets, where K1 loses frames on some machines and
 * hides the PHY (Linux, disable-k1); there its power state is another.
 */
static void k1_off(const struct e1000 *e)
{
    if (e->id->gen == E1000_GEN_SPT) {
        e1000_modify(e, E1000_FEXTNVM12, E1000_FEXTNVM12_K1_POWER, E1000_FEXTNVM12_K1_P1);
    }
    e1000_write(e, E1000_KMRNCTRLSTA,
                E1000_KMRN_K1_CONFIG << E1000_KMRN_ADDR_SHIFT | E1000_KMRN_READ);
    e1000_flush_writes(e);
    time_delay_us(KMRN_SETTLE_US);
    uint32_t k1 = e1000_read(e, E1000_KMRNCTRLSTA) & 0xffff & ~(uint32_t)E1000_KMRN_K1_ENABLE;
    e1000_write(e, E1000_KMRNCTRLSTA, E1000_KMRN_K1_CONFIG << E1000_KMRN_ADDR_SHIFT | k1);
    e1000_flush_writes(e);
    time_delay_us(KMRN_SETTLE_US);
    uint32_t ctrl = e1000_read(e, E1000_CTRL);
    uint32_t ctrl_ext = e1000_read(e, E1000_CTRL_EXT);
    e1000_write(e, E1000_CTRL, (ctrl & ~(uint32_t)E1000_CTRL_SPEED_MASK) | E1000_CTRL_FRCSPD);
    e1000_write(e, E1000_CTRL_EXT, ctrl_ext | E1000_CTRL_EXT_SPD_BYPS);
    e1000_flush_writes(e);
    time_delay_us(KMRN_SETTLE_US);
    e1000_write(e, E1000_CTRL, ctrl);
    e1000_write(e, E1000_CTRL_EXT, ctrl_ext);
    e1000_flush_writes(e);
    time_delay_us(KMRN_SETTLE_US);
}

/*
 * What Linux and FreeBSD do behind each reset of the PHY, and is right without one. The PHYs of the
 * 82577 to 82579 answer reliably at the slow pace only. A wake-up that an operating system armed on
 * its way off stays armed in a PHY with standby power, and may stall the receiver.
 */
static void ready_pages(const struct e1000 *e)
{
    if (e->id->gen <= E1000_GEN_PCH2) {
        (void)page_modify(e, PAGE_PORT, MODE_CONTROL, 0, MODE_MDIO_SLOW);
    }
    if ((e1000_read(e, E1000_FWSM) & E1000_FWSM_PHY_RESET_OK) != 0) {
        (void)page_modify(e, PAGE_PORT, PORT_GENERAL, PORT_HOST_WAKES, 0);
    }
}

/* Before the reset at e1000_open: what keeps the MAC from its PHY on PCH parts is taken away. */
void e1000_phy_wake(const struct e1000 *e)
{
    if (e->id->gen < E1000_GEN_PCH || e->id->gen > E1000_GEN_SPT) {
        return;
    }
    bool firmware = (e1000_read(e, E1000_FWSM) & E1000_FWSM_FW_VALID) != 0;
    if (firmware && (e->id->quirks & E1000_QUIRK_ULP) != 0) {
        ulp_end_by_firmware(e);
    }
    if (e1000_own_take(e, E1000_OWN_PHY, E1000_WAIT) != STATUS_OK) {
        return;
    }
    if (e->id->gen == E1000_GEN_SPT && (e->id->quirks & E1000_QUIRK_K1_OFF) != 0) {
        k1_off(e);
        time_delay_us(KMRN_POWER_US);
    }
    if (!phy_answers(e)) {
        e1000_clear(e, E1000_CTRL_EXT, E1000_CTRL_EXT_FORCE_SMBUS);
        if (!phy_answers(e)) {
            cycle_power(e);
        }
    }
    ready_pages(e);
    if (!firmware && (e->id->quirks & E1000_QUIRK_ULP) != 0) {
        ulp_end_by_hand(e);
    }
    e1000_own_give(e, E1000_OWN_PHY);
}

/*
 * The 82579 loses frames when its PHY enters K1 at more than 10 Mb/s, later parts when its clock
 * comes back too slowly from K1 at gigabit (Linux and FreeBSD).
 */
static void k1_in_phy(const struct e1000 *e)
{
    bool off = e->id->gen == E1000_GEN_PCH2;
    if (!page_modify(e, PAGE_POWER, POWER_CONTROL, off ? POWER_K1 : 0, off ? 0 : POWER_K1_CLOCK)) {
        log_warn("%s: the PHY does not answer: K1 stays as it is", e->nic.name);
    }
}

/* A part of the set-up behind each reset: firmware is waited for at start-up alone. */
void e1000_phy_tune(const struct e1000 *e)
{
    uint32_t quirks = e->id->quirks & (E1000_QUIRK_K1_OFF | E1000_QUIRK_K1_PHY);
    if (quirks == 0) {
        return;
    }
    enum e1000_patience patience = e->state == E1000_CLOSED ? E1000_WAIT : E1000_WAIT_NOT;
    if (e1000_own_take(e, E1000_OWN_PHY, patience) != STATUS_OK) {
        return; /* K1 stays as it is */
    }
    if ((quirks & E1000_QUIRK_K1_OFF) != 0) {
        k1_off(e);
    }
    if ((quirks & E1000_QUIRK_K1_PHY) != 0) {
        k1_in_phy(e);
    }
    e1000_own_give(e, E1000_OWN_PHY);
}

/* IEEE 802.3, 22.2.4.2: 0 is latched in the link's bit, so the second reading counts. */
static bool phy_has_link(const struct e1000 *e)
{
    uint16_t bmsr;
    uint32_t addr = e1000_phy_addr(e->id);
    uint32_t needed = E1000_BMSR_LINK | E1000_BMSR_AUTONEG;
    return phy_read(e, addr, E1000_PHY_BMSR, &bmsr) && phy_read(e, addr, E1000_PHY_BMSR, &bmsr) &&
           (bmsr & needed) == needed;
}

/*
 * IEEE 802.3, 22.2.4.1: out of power-down and isolation. Negotiation is begun anew, which a PHY
 * does by itself at power-up only (QEMU's igb not even then), and firmware may have switched it
 * off.
 */
static void power_up(const struct e1000 *e)
{
    uint16_t bmcr;
    uint32_t addr = e1000_phy_addr(e->id);
    if (!phy_read(e, addr, E1000_PHY_BMCR, &bmcr)) {
        log_warn("%s: the PHY does not answer", e->nic.name);
        return;
    }
    if ((bmcr & (E1000_BMCR_POWER_DOWN | E1000_BMCR_ISOLATE)) != 0) {
        log_info("%s: the PHY was powered down (BMCR 0x%04x): powered up", e->nic.name, bmcr);
    } else if (phy_has_link(e)) {
        return; /* the MAC is about to see it */
    }
    bmcr &= (uint16_t) ~(uint32_t)(E1000_BMCR_POWER_DOWN | E1000_BMCR_ISOLATE);
    bmcr |= E1000_BMCR_AUTONEG | E1000_BMCR_RESTART;
    if (!phy_write(e, addr, E1000_PHY_BMCR, bmcr)) {
        log_warn("%s: the PHY does not take its power-up", e->nic.name);
    }
}

/*
 * After the set-up: a PHY with a link is left alone. Behind a reset at run time it takes 0.9 ms at
 * most: a PHY that does not answer is asked once, and a slow one taken for such.
 */
void e1000_phy_power_up(const struct e1000 *e, enum e1000_patience patience)
{
    bool up = (e1000_read(e, E1000_STATUS) & E1000_STATUS_LU) != 0;
    if (up || (e->id->quirks & E1000_QUIRK_NO_MDIC) != 0) {
        return;
    }
    if (e1000_own_take(e, E1000_OWN_PHY, patience) == STATUS_OK) {
        power_up(e);
        e1000_own_give(e, E1000_OWN_PHY);
    }
}

static bool look(const struct e1000 *e, struct e1000_facts *out)
{
    uint32_t addr = e1000_phy_addr(e->id);
    return phy_read(e, addr, E1000_PHY_ID1, &out->phy_id[0]) &&
           phy_read(e, addr, E1000_PHY_ID1 + 1, &out->phy_id[1]) &&
           phy_read(e, addr, E1000_PHY_BMCR, &out->phy_bmcr) &&
           phy_read(e, addr, E1000_PHY_BMSR, &out->phy_bmsr) &&
           phy_read(e, addr, E1000_PHY_BMSR, &out->phy_bmsr); /* latched, as above */
}

void e1000_phy_look(const struct e1000 *e, struct e1000_facts *out)
{
    if ((e->id->quirks & E1000_QUIRK_NO_MDIC) != 0) {
        return;
    }
    out->phy = E1000_ANSWER_SILENT;
    if (e1000_own_take(e, E1000_OWN_PHY, E1000_WAIT) == STATUS_OK) {
        if (look(e, out)) {
            out->phy = E1000_ANSWER_COMPLETE;
        }
        e1000_own_give(e, E1000_OWN_PHY);
    }
}

/* IEEE 802.3, 22.2.4.2, bit 8: one that has an extended status is of 1 Gb/s; the 82562 are not. */
static bool loop(struct e1000 *e, uint32_t *mbps)
{
    uint16_t bmsr;
    uint32_t addr = e1000_phy_addr(e->id);
    if (!phy_read(e, addr, E1000_PHY_BMCR, &e->loopback_bmcr) ||
        !phy_read(e, addr, E1000_PHY_BMSR, &bmsr)) {
        return false;
    }
    bool gigabit = (bmsr & E1000_BMSR_EXTENDED) != 0;
    *mbps = gigabit ? 1000 : 100;
    return phy_write(e, addr, E1000_PHY_BMCR,
                     (uint16_t)(E1000_BMCR_LOOPBACK | E1000_BMCR_FULL_DUPLEX |
                                (gigabit ? E1000_BMCR_SPEED_1000 : E1000_BMCR_SPEED_100)));
}

enum status e1000_phy_loop(struct e1000 *e, uint32_t *mbps)
{
    enum status st = e1000_own_take(e, E1000_OWN_PHY, E1000_WAIT);
    if (st == STATUS_OK) {
        st = loop(e, mbps) ? STATUS_OK : STATUS_IO;
        e1000_own_give(e, E1000_OWN_PHY);
    }
    return st;
}

void e1000_phy_unloop(const struct e1000 *e)
{
    uint32_t bmcr = e->loopback_bmcr;
    if ((bmcr & E1000_BMCR_AUTONEG) != 0) {
        bmcr |= E1000_BMCR_RESTART;
    }
    if (e1000_own_take(e, E1000_OWN_PHY, E1000_WAIT) == STATUS_OK) {
        if (!phy_write(e, e1000_phy_addr(e->id), E1000_PHY_BMCR, (uint16_t)bmcr)) {
            log_warn("%s: the PHY does not take its setting back (BMCR)", e->nic.name);
        }
        e1000_own_give(e, E1000_OWN_PHY);
    }
}
