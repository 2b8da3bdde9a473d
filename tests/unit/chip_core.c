/*
 * What the chip models have in common: the registers that all parts share, the rules on them, the
 * reset, power, the clock, and the fakes of mmio.h and time.h. Numbers and rules from the 8254x
 * Software Developer's Manual, chapters 13 and 14.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mmio.h"
#include "kernel/time.h"
#include "tests/unit/chip_internal.h"

#define RESET_NS     UINT64_C(3000000)
#define AUTO_READ_NS UINT64_C(2000000) /* PCIe parts: the NVM is read after the reset */
#define PHY_CONFIG_NS                                                          \
    UINT64_C(25000000) /* 82573, 82574, 82583: and then the PHY set up from it \
                        */
#define MASTER_OFF_NS UINT64_C(40000)
#define MASTER_MAX_NS UINT64_C(10000000) /* who has waited so long may go on without */
#define CTRL_RST      (UINT32_C(1) << 26)
#define CTRL_PHY_RST  (UINT32_C(1) << 31)
#define CTRL_GIO_OFF  UINT32_C(0x04)

static const struct chip_row common_rows[] = {
    {0x0008, 0x0008, 4, RO, 0, 0, 0, 0},                    /* STATUS */
    {0x0020, 0x0020, 4, RW, 0x3fffffff, 0, 0, 0},           /* MDIC */
    {0x00c0, 0x00c0, 4, RW, 0xffffffff, 0, 0, 0},           /* ICR: 13.4.17, writing 1 clears */
    {0x00d8, 0x00d8, 4, WO, 0xffffffff, 0, 0, 0},           /* IMC */
    {0x0410, 0x0410, 4, RW, 0x3fffffff, 0, ROW_GARBAGE, 0}, /* TIPG */
    {0x1000, 0x1000, 4, RW, 0x0000ffff, 0x00000030, ROW_SURVIVES, 0}, /* PBA */
    {0x2160, 0x2160, 4, RW, 0x8000fff8, 0, 0, 0},                     /* FCRTL */
    {0x2168, 0x2168, 4, RW, 0x8000fff8, 0, 0, 0},                     /* FCRTH */
    {0x2800, 0x2800, 4, RW, 0xfffffff0, 0, ROW_GARBAGE, 0},           /* RDBAL */
    {0x2804, 0x2804, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},           /* RDBAH */
    {0x2808, 0x2808, 4, RW, 0x000fff80, 0, 0, 0},                     /* RDLEN */
    {0x2810, 0x2810, 4, RW, 0x0000ffff, 0, 0, 0},                     /* RDH */
    {0x2818, 0x2818, 4, RW, 0x0000ffff, 0, 0, 0},                     /* RDT */
    {0x3800, 0x3800, 4, RW, 0xfffffff0, 0, ROW_GARBAGE, 0},           /* TDBAL */
    {0x3804, 0x3804, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},           /* TDBAH */
    {0x3808, 0x3808, 4, RW, 0x000fff80, 0, 0, 0},                     /* TDLEN */
    {0x3810, 0x3810, 4, RW, 0x0000ffff, 0, 0, 0},                     /* TDH */
    {0x3818, 0x3818, 4, RW, 0x0000ffff, 0, 0, 0},                     /* TDT */
    {0x4000, 0x40fc, 4, RC, 0, 0, ROW_GARBAGE, 0},                    /* statistics */
    {0x5200, 0x527c, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},           /* MTA, what all have of it */
    {0x5400, 0x5400, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},           /* RAL0 */
    {0x5404, 0x5404, 4, RW, 0x8003ffff, 0, 0, 0},                     /* RAH0 */
    {0x5800, 0x5800, 4, RW, 0x0000ffff, 0, 0, 0},                     /* WUC */
    {0x5808, 0x5808, 4, RW, 0x000fffff, 0, 0, 0},                     /* WUFC */
};

struct chip *chip;

void chip_fault(const char *fmt, ...)
{
    if (chip->hostile != NULL || chip->forgot || chip->fault_count++ > 0) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(chip->fault, sizeof(chip->fault), fmt, ap);
    va_end(ap);
}

/* --- the register table ------------------------------------------------------------------- */

static const struct chip_row *find_in(const struct chip_row *rows, size_t count, uint32_t offset)
{
    for (size_t i = 0; i < count; i++) {
        const struct chip_row *row = &rows[i];
        if (offset >= row->first && offset <= row->last && (offset - row->first) % row->step == 0 &&
            (row->parts == 0 || chip_has(row->parts))) {
            return row;
        }
    }
    return NULL;
}

/* The generation's own come first. */
static const struct chip_row *find_row(uint32_t offset)
{
    const struct chip_traits *t = chip->traits;
    const struct chip_row *row = find_in(t->rows, t->row_count, offset);
    return row != NULL ? row : find_in(common_rows, ARRAY_SIZE(common_rows), offset);
}

uint32_t chip_reg(const struct chip *c, uint32_t offset)
{
    return c->regs[offset / 4];
}

static void reset_row(const struct chip_row *row, bool power_up)
{
    if (row->parts != 0 && !chip_has(row->parts)) {
        return;
    }
    for (uint32_t at = row->first; at <= row->last; at += row->step) {
        chip->noise = chip->noise * 1664525 + 1013904223;
        if ((row->flags & ROW_SURVIVES) == 0 || power_up) {
            *reg(at) = (row->flags & ROW_GARBAGE) != 0 ? chip->noise : row->reset;
        }
        chip->written[at / 4] = false;
    }
}

static void set_reset_values(bool power_up)
{
    const struct chip_traits *t = chip->traits;
    for (size_t i = 0; i < ARRAY_SIZE(common_rows); i++) {
        reset_row(&common_rows[i], power_up);
    }
    for (size_t i = 0; i < t->row_count; i++) {
        reset_row(&t->rows[i], power_up);
    }
    chip_rings_reset();
    chip->sent_mask = 0;
    chip->other_sent = false;
    chip->rings_used = chip->flushed = chip->rx_flush_begun = false;
    chip->master_off_ns = 0;
    chip->master_polled = chip->master_seen_off = false;
    chip->mdic_busy = chip->eerd_busy = chip->eerd_wrong = false;
    chip->swflag_left = chip->swflag_left && power_up;
}

/* --- reset -------------------------------------------------------------------------------- */

void chip_load_eeprom(void)
{
    const uint8_t *mac = chip->eeprom_mac;
    uint32_t low = 0, high = 0;
    memcpy(&low, mac, 4);
    memcpy(&high, mac + 4, 2);
    *reg(0x5400) = low;
    *reg(0x5404) = high | UINT32_C(1) << 31;
    if (chip->mac_unloaded) {
        *reg(0x5400) = 0;
        *reg(0x5404) = 0;
    }
}

/* As Intel's own drivers: the master is asked to be silent, and seen to be. */
static void check_master_off(void)
{
    bool asked = chip->master_off_ns != 0;
    bool waited = chip->master_polled && chip->now_ns >= chip->master_off_ns + MASTER_MAX_NS;
    if (!asked || !(chip->master_seen_off || waited)) {
        chip_fault("reset with the PCIe master not disabled");
    }
}

/* Who has asked and was refused by firmware may go on all the same. */
static void check_reset_owned(void)
{
    bool held = chip->now_ns < chip->fw_holds_until_ns || chip->swflag_left;
    bool refused = chip->asked && held;
    if (!chip_owns(0) && !refused) {
        chip_fault("reset without owning the PHY");
    }
}

static void begin_reset(void)
{
    chip->resets++;
    if (chip->traits->before_reset != NULL) {
        chip->traits->before_reset();
    }
    if (chip_is_pcie()) {
        check_master_off();
    }
    if (chip->traits->reset_owned) {
        check_reset_owned();
    }
    chip->forgot = false;
    if (chip->reset_noop) {
        return;
    }
    set_reset_values(false);
    chip->in_reset = true;
    chip->reset_at_ns = chip->now_ns;
    chip->reset_until_ns = chip->now_ns + RESET_NS;
    chip->eeprom_at_ns = chip->reset_until_ns + AUTO_READ_NS;
    chip->eeprom_pending = chip_is_pcie();
    if (chip->traits->owner == OWN_EXTCNF && chip->traits->class == CLASS_8257X) {
        chip->phy_ready_ns = chip->eeprom_at_ns + PHY_CONFIG_NS;
    }
    if (chip->eeprom_pending || chip->is_82544) {
        *reg(0x5400) = 0; /* the 82544 waits for CTRL_EXT.EE_RST */
        *reg(0x5404) = 0;
    } else {
        chip_load_eeprom();
    }
}

/* An access while a reset lasts: true when it must go no further. */
static bool during_reset(void)
{
    if (!chip->in_reset) {
        return false;
    }
    if (chip->now_ns < chip->reset_at_ns + chip->traits->quiet_us * NS_PER_US) {
        chip_fault(chip->traits->quiet_us == 1 ? "access within 1 us of a reset"
                                               : "access within 20 ms of a reset");
    }
    if (chip->reset_stuck || chip->now_ns < chip->reset_until_ns) {
        return true;
    }
    chip->in_reset = false;
    return false;
}

void chip_run(struct chip *c)
{
    assert(c == chip);
    if (c->in_reset || c->gone) {
        return;
    }
    if (c->eeprom_pending && c->now_ns >= c->eeprom_at_ns) {
        c->eeprom_pending = false;
        chip_load_eeprom();
    }
    chip_phy_run();
    chip_irq_run();
}

/* --- rules -------------------------------------------------------------------------------- */

static bool table_clear(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (*reg(first + 4 * i) != 0) {
            return false;
        }
    }
    return true;
}

static void check_receiver(void)
{
    const struct chip_traits *t = chip->traits;
    if (!table_clear(0x5200, t->mta_count) || !table_clear(0x5600, t->vfta_count)) {
        chip_fault("receiver enabled with garbage in MTA or VFTA");
    }
    if ((*reg(0x5404) >> 31) == 0) {
        chip_fault("receiver enabled without a receive address");
    }
    if (!chip->bus_master) {
        chip_fault("receiver enabled without bus mastering");
    }
}

/* RCTL and TCTL: what must stand before an engine is switched on. */
static void check_enable(uint32_t offset, uint32_t value)
{
    bool rx = offset == 0x0100;
    /* I219: what it holds is flushed with rings that are not empty. */
    bool flush = chip->part == CHIP_SPT && chip->rings_used && (*reg(0x5bbc) & 0x2000) != 0;
    if ((value & 0x02) == 0 || (*reg(offset) & 0x02) != 0 || flush) {
        return;
    }
    if (chip->traits->class != CLASS_IGB) { /* there each queue has a bit of its own */
        chip_check_ring(rx ? "receiver" : "transmitter", rx ? 0x2800 : 0x3800);
    }
    if (rx) {
        check_receiver();
    } else if (!chip->written[0x0410 / 4]) {
        chip_fault("transmitter enabled before TIPG was written");
    }
}

/* The engine that block belongs to. */
bool chip_engine_on(uint32_t block)
{
    return (*reg(block >= 0x3800 ? 0x0400 : 0x0100) & 0x02) != 0;
}

/* --- registers ---------------------------------------------------------------------------- */

static void write_ctrl(uint32_t value)
{
    if (value & CTRL_PHY_RST) {
        chip_fault("the PHY is reset");
    }
    if (chip_is_pcie() && (value & CTRL_GIO_OFF) != 0) {
        if (chip->master_off_ns == 0) {
            chip->master_off_ns = chip->now_ns + MASTER_OFF_NS;
        }
    } else {
        chip->master_off_ns = 0;
        chip->master_seen_off = chip->master_polled = false;
    }
    if (value & CTRL_RST) {
        begin_reset();
    }
    if ((value & CTRL_RST) == 0 || chip->reset_noop) {
        *reg(0x0000) = value & ~CTRL_RST;
    }
}

static void write_reg(uint32_t offset, uint32_t value)
{
    const struct chip_traits *t = chip->traits;
    bool ring = (offset & ~UINT32_C(0x3f)) == 0x2800 || (offset & ~UINT32_C(0x3f)) == 0x3800;
    if (t->write != NULL && t->write(offset, value)) {
        return;
    }
    if (offset == 0x0000) {
        write_ctrl(value);
    } else if (offset == 0x0008) {
        return;
    } else if (offset == 0x0100 || offset == 0x0400) {
        chip->rctl_writes += offset == 0x0100;
        check_enable(offset, value);
        if ((value & 0x02) != 0 && (*reg(offset) & 0x02) == 0 && t->enabling != NULL) {
            t->enabling(offset == 0x0100);
        }
        *reg(offset) = value;
    } else if (ring) {
        chip_write_ring(offset, value);
    } else if (!chip_phy_write(offset, value) && !chip_irq_write(offset, value)) {
        *reg(offset) = value;
    }
}

/* --- a hostile chip ----------------------------------------------------------------------- */

static uint8_t hostile_byte(void)
{
    uint8_t byte = 0;
    chip->hostile(chip->hostile_arg, &byte, 1);
    return byte;
}

/* Before an access: sometimes a descriptor changes, whichever side owns it. */
static void hostile_turn(void)
{
    if (chip->hostile == NULL) {
        return;
    }
    uint8_t what = hostile_byte(), bytes[16];
    if ((what & 3) != 3) {
        return;
    }
    chip->hostile(chip->hostile_arg, bytes, sizeof(bytes));
    chip_scribble(chip, (what & 4) != 0, hostile_byte(), bytes);
}

static uint32_t hostile_value(uint32_t value)
{
    if (chip->hostile != NULL && (hostile_byte() & 1) != 0) {
        chip->hostile(chip->hostile_arg, (uint8_t *)&value, sizeof(value));
    }
    return value;
}

/* --- mmio.h ------------------------------------------------------------------------------- */

static uint32_t canonical(uint32_t offset)
{
    return chip->traits->canonical != NULL ? chip->traits->canonical(offset) : offset;
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    assert(offset + 4 <= m->size_bytes && m->base == (volatile uint8_t *)chip->regs);
    chip->writes++;
    chip->now_ns += chip->access_ns;
    if (chip->gone) {
        return;
    }
    hostile_turn();
    const struct chip_row *row = find_row(canonical(offset));
    if (!chip->memory_on) {
        chip_fault("register 0x%04x written while memory decoding is off", offset);
    } else if (during_reset()) {
        chip_fault("register 0x%04x written during a reset", offset);
    } else if (offset % 4 != 0 || row == NULL || row->access == RO || row->access == RC) {
        chip_fault("register 0x%04x cannot be written", offset);
    } else if (value & ~row->legal) {
        chip_fault("register 0x%04x: reserved bits 0x%08x written", offset, value & ~row->legal);
    } else {
        chip_run(chip);
        write_reg(canonical(offset), value);
        /* A write that resets is forgotten with all others. */
        chip->written[canonical(offset) / 4] = !chip->in_reset;
    }
}

static uint32_t status_value(void)
{
    uint32_t ctrl = *reg(0x0000);
    bool up = chip_link() && (ctrl & 0x40) != 0 &&
              (chip->traits->class != CLASS_8254X || (ctrl & 0x08) == 0);
    uint32_t speed = chip->phy_mbps == 1000 ? 2 : chip->phy_mbps == 100;
    uint32_t value = (up ? 0x02u | speed << 6 : 0) | (chip->phy_full_duplex ? 0x01 : 0) |
                     (chip->tx_paused ? 0x10 : 0) | (chip->pcix ? 0x2000 : 0);
    if (chip->traits->class == CLASS_ICH && !chip->eeprom_pending && !chip->autoread_stuck) {
        value |= 0x200; /* LAN_INIT_DONE */
    }
    if (chip_is_pcie()) {
        bool off = chip->master_off_ns != 0 && chip->now_ns >= chip->master_off_ns;
        off = off && !chip->master_stuck;
        chip->master_polled = true;
        chip->master_seen_off |= off;
        value |= off ? 0 : UINT32_C(1) << 19;
    }
    return value;
}

static uint32_t read_reg(uint32_t offset, const struct chip_row *row)
{
    uint32_t value = *reg(offset);
    if (offset == 0x0008) {
        return status_value();
    }
    if (chip->traits->read != NULL && chip->traits->read(offset, &value)) {
        return value;
    }
    if (chip_phy_read(offset, &value) || chip_irq_read(offset, &value)) {
        return value;
    }
    if (row->access == RC) {
        *reg(offset) = 0;
    }
    return value;
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    assert(offset + 4 <= m->size_bytes && m->base == (volatile uint8_t *)chip->regs);
    chip->reads++;
    chip->now_ns += chip->access_ns;
    if (chip->gone) {
        return chip->gone_zeros ? 0 : UINT32_MAX;
    }
    hostile_turn();
    const struct chip_row *row = find_row(canonical(offset));
    if (!chip->memory_on) {
        chip_fault("register 0x%04x read while memory decoding is off", offset);
        return UINT32_MAX;
    }
    if (during_reset()) {
        return hostile_value(UINT32_MAX);
    }
    if (offset % 4 != 0 || row == NULL || row->access == WO) {
        chip_fault("register 0x%04x cannot be read", offset);
        return UINT32_MAX;
    }
    chip_run(chip);
    return hostile_value(read_reg(canonical(offset), row));
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    assert(physical == 0xfebc0000);
    m->base = (volatile uint8_t *)chip->regs;
    m->size_bytes = size_bytes;
    return STATUS_OK;
}

/* --- time.h, power, link ------------------------------------------------------------------ */

uint64_t time_now_ns(void)
{
    return chip->now_ns;
}

void time_delay_us(uint32_t us)
{
    assert(us <= 100000);
    if (chip->in_delay != NULL) {
        chip->in_delay(chip->in_delay_arg);
    }
    chip->now_ns += (uint64_t)us * NS_PER_US;
}

void chip_set_link(struct chip *c, bool up, uint32_t mbps, bool full_duplex)
{
    assert(c == chip);
    c->phy_link = up;
    c->phy_mbps = mbps;
    c->phy_full_duplex = full_duplex;
    if (c->in_reset || c->gone) {
        return;
    }
    chip_raise(0x04);
    if (up) {
        (void)chip_tx_work(c, c->tx_manual ? 0 : UINT32_MAX);
    }
}

static const struct chip_traits *traits_of(enum chip_part part)
{
    if (part >= CHIP_82575) {
        return &chip_traits_igb[part - CHIP_82575];
    }
    if (part >= CHIP_ICH8) {
        return &chip_traits_ich[part - CHIP_ICH8];
    }
    return part >= CHIP_82571 ? &chip_traits_8257x[part - CHIP_82571] : &chip_traits_8254x[part];
}

void chip_power_on(struct chip *c, uint16_t device)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    enum chip_part part = chip_part_of(device);
    assert(part != CHIP_PART_COUNT);
    memset(c, 0, sizeof(*c));
    c->part = part;
    c->noise = 0xdeadbeef;
    c->traits = traits_of(part);
    c->is_82544 = part == CHIP_82544;
    memcpy(c->eeprom_mac, mac, 6);
    chip = c;
    chip_pci_power_on();
    chip_phy_power_on();
    set_reset_values(true);
    if (c->is_82544) {
        *reg(0x5400) = 0;
    } else {
        chip_load_eeprom();
    }
}

void chip_select(struct chip *c)
{
    assert(c->traits != NULL);
    chip = c;
}

void chip_come_back(struct chip *c)
{
    assert(c == chip && c->gone);
    c->gone = false;
    c->in_reset = c->dead = false;
    c->forgot = true;
    chip_phy_power_on();
    set_reset_values(true);
    if (!c->is_82544) {
        chip_load_eeprom();
    }
}

void chip_leave_running(struct chip *c)
{
    assert(c == chip);
    c->bus_master = true;
    *reg(0x00c0) = 0x95;
    *reg(0x00d0) = c->traits->causes;
    *reg(0x0100) = 0x0400801a;
    *reg(0x0400) = 0x0104010a;
    for (uint32_t block = 0x2800; block <= 0x3800; block += 0x1000) {
        *reg(block) = 0x7000;
        *reg(block + 0x08) = 1024;
        *reg(block + 0x10) = 5;
        *reg(block + 0x18) = 9;
        if (c->traits->class != CLASS_IGB) {
            *reg(block + 0x20) = 77;
            *reg(block + 0x2c) = 99;
        }
        *reg(block + 0x28) = 0x00010101;
        c->queue_on_ns[block >= 0x3800] = 1;
    }
}

void chip_power_off(struct chip *c)
{
    assert(c == chip);
    chip_memory_release();
    chip = NULL;
}
