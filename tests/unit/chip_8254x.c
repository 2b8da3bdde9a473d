/*
 * The chip model's inside: the register table, the two engines, and the rules it watches over.
 * Numbers and rules from the 8254x Software Developer's Manual, chapters 3, 13 and 14.
 */
#include "tests/unit/chip_8254x.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dma.h"
#include "kernel/mmio.h"
#include "kernel/time.h"

#define BUS_OFFSET UINT64_C(0x2000000000) /* a bus address is never mistaken for a pointer */
#define RESET_NS   UINT64_C(3000000)
#define CAUSES     0x1f6dfu

enum access { RW, RO, WO, RC };

struct reg_row {
    uint32_t first, last; /* inclusive; 4 apart, or 8 for the address pairs */
    uint32_t step;
    enum access access;
    uint32_t legal; /* bits that may be written as 1 */
    uint32_t reset; /* value after a reset */
    bool garbage;   /* undefined after power-up and reset */
    bool not_82544;
};

static const struct reg_row rows[] = {
    {0x0000, 0x0000, 4, RW, 0xdcfc1be9, 0x00000a09, false, false}, /* CTRL */
    {0x0008, 0x0008, 4, RO, 0, 0, false, false},                   /* STATUS */
    {0x0018, 0x0018, 4, RW, 0x00c7fffc, 0x00000c00, false, false}, /* CTRL_EXT */
    {0x0014, 0x0014, 4, RW, 0x0000ff01, 0, false, true},           /* EERD: never done */
    {0x0020, 0x0020, 4, RW, 0x2fffffff, 0, false, false},          /* MDIC: nor this */
    {0x0028, 0x0028, 4, RW, 0xffffffff, 0, true, false},           /* FCAL */
    {0x002c, 0x0030, 4, RW, 0x0000ffff, 0, true, false},           /* FCAH, FCT */
    {0x00c0, 0x00c0, 4, RC, 0, 0, false, false},                   /* ICR */
    {0x00c4, 0x00c4, 4, RW, 0x0000ffff, 0, false, true},           /* ITR */
    {0x00c8, 0x00c8, 4, WO, CAUSES, 0, false, false},              /* ICS */
    {0x00d0, 0x00d0, 4, RW, CAUSES, 0, false, false},              /* IMS */
    {0x00d8, 0x00d8, 4, WO, 0xffffffff, 0, false, false},          /* IMC */
    {0x0100, 0x0100, 4, RW, 0x06dfb3fe, 0, false, false},          /* RCTL */
    {0x0170, 0x0170, 4, RW, 0x0000ffff, 0, true, false},           /* FCTTV */
    {0x0400, 0x0400, 4, RW, 0x037ffffa, 0, false, false},          /* TCTL */
    {0x0410, 0x0410, 4, RW, 0x3fffffff, 0, true, false},           /* TIPG */
    {0x2160, 0x2160, 4, RW, 0x8000fff8, 0, false, false},          /* FCRTL */
    {0x2168, 0x2168, 4, RW, 0x0000fff8, 0, false, false},          /* FCRTH */
    {0x2800, 0x2800, 4, RW, 0xfffffff0, 0, true, false},           /* RDBAL */
    {0x2804, 0x2804, 4, RW, 0xffffffff, 0, true, false},           /* RDBAH */
    {0x2808, 0x2808, 4, RW, 0x000fff80, 0, false, false},          /* RDLEN */
    {0x2810, 0x2810, 4, RW, 0x0000ffff, 0, false, false},          /* RDH */
    {0x2818, 0x2818, 4, RW, 0x0000ffff, 0, false, false},          /* RDT */
    {0x2820, 0x2820, 4, RW, 0x8000ffff, 0, false, false},          /* RDTR */
    {0x2828, 0x2828, 4, RW, 0x013f3f3f, 0x00010000, false, false}, /* RXDCTL */
    {0x282c, 0x282c, 4, RW, 0x0000ffff, 0, false, true},           /* RADV */
    {0x3800, 0x3800, 4, RW, 0xfffffff0, 0, true, false},           /* TDBAL */
    {0x3804, 0x3804, 4, RW, 0xffffffff, 0, true, false},           /* TDBAH */
    {0x3808, 0x3808, 4, RW, 0x000fff80, 0, false, false},          /* TDLEN */
    {0x3810, 0x3810, 4, RW, 0x0000ffff, 0, false, false},          /* TDH */
    {0x3818, 0x3818, 4, RW, 0x0000ffff, 0, false, false},          /* TDT */
    {0x3820, 0x3820, 4, RW, 0x0000ffff, 0, true, false},           /* TIDV */
    {0x3828, 0x3828, 4, RW, 0xff3f3f3f, 0, false, false},          /* TXDCTL */
    {0x382c, 0x382c, 4, RW, 0x0000ffff, 0, true, true},            /* TADV */
    {0x4000, 0x40fc, 4, RC, 0, 0, true, false},                    /* statistics */
    {0x5000, 0x5000, 4, RW, 0x000007ff, 0x00000300, false, false}, /* RXCSUM */
    {0x5200, 0x53fc, 4, RW, 0xffffffff, 0, true, false},           /* MTA */
    {0x5400, 0x5478, 8, RW, 0xffffffff, 0, true, false},           /* RAL */
    {0x5404, 0x547c, 8, RW, 0x8003ffff, 0, false, false},          /* RAH */
    {0x5600, 0x57fc, 4, RW, 0xffffffff, 0, true, false},           /* VFTA */
    {0x5820, 0x5820, 4, RW, 0xffffffff, 0x00002000, false, true},  /* MANC: ARP_EN is on */
};

static struct chip *chip; /* the one that is powered on */

static printf_like(1, 2) void fault(const char *fmt, ...)
{
    if (chip->fault_count++ > 0) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(chip->fault, sizeof(chip->fault), fmt, ap);
    va_end(ap);
}

static const struct reg_row *find_row(uint32_t offset)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct reg_row *row = &rows[i];
        if (offset >= row->first && offset <= row->last && (offset - row->first) % row->step == 0) {
            return row->not_82544 && chip->is_82544 ? NULL : row;
        }
    }
    return NULL;
}

static uint32_t *reg(uint32_t offset)
{
    return &chip->regs[offset / 4];
}

uint32_t chip_reg(const struct chip *c, uint32_t offset)
{
    return c->regs[offset / 4];
}

static void raise_cause(uint32_t causes)
{
    *reg(0x00c0) |= causes;
}

bool chip_irq_line(const struct chip *c)
{
    return (c->regs[0x00c0 / 4] & c->regs[0x00d0 / 4]) != 0;
}

/* --- memory ------------------------------------------------------------------------------- */

static void *add_region(size_t size, size_t align)
{
    struct chip *c = chip;
    void *virt = NULL;
    if (c->region_count == CHIP_REGIONS_MAX || posix_memalign(&virt, max_u64(align, 16), size)) {
        abort();
    }
    memset(virt, 0, size);
    c->regions[c->region_count++] = (struct chip_region){virt, size, true};
    return virt;
}

void *chip_memory(struct chip *c, size_t size)
{
    assert(c == chip);
    return add_region(size, 4096);
}

uint64_t dma_bus_address(const void *virt)
{
    return (uint64_t)(uintptr_t)virt + BUS_OFFSET;
}

void *dma_alloc(size_t size, size_t align, uint64_t *bus)
{
    if (++chip->dma_calls == chip->dma_fail_at) {
        return NULL;
    }
    void *virt = add_region(size, align);
    *bus = dma_bus_address(virt);
    return virt;
}

/* Where the chip's access lands; NULL and a fault when it is not memory that it may reach. */
static uint8_t *reach(uint64_t bus, size_t len)
{
    uintptr_t at = (uintptr_t)(bus - BUS_OFFSET);
    if (!chip->bus_master) {
        fault("DMA without bus mastering");
        return NULL;
    }
    for (size_t i = 0; i < chip->region_count; i++) {
        uintptr_t start = (uintptr_t)chip->regions[i].virt;
        if (at >= start && at + len <= start + chip->regions[i].size) {
            return (uint8_t *)at;
        }
    }
    fault("DMA to 0x%llx, which is nobody's memory", (unsigned long long)bus);
    return NULL;
}

static uint64_t hash(const uint8_t *bytes, size_t len)
{
    uint64_t h = UINT64_C(1469598103934665603);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return h;
}

/* --- rings -------------------------------------------------------------------------------- */

static uint32_t ring_count(uint32_t block)
{
    return *reg(block + 0x08) / 16;
}

static uint32_t ring_owned(uint32_t block)
{
    uint32_t count = ring_count(block);
    return count == 0 ? 0 : (*reg(block + 0x18) + count - *reg(block + 0x10)) % count;
}

uint32_t chip_rx_owned(const struct chip *c)
{
    assert(c == chip);
    return ring_owned(0x2800);
}

static uint8_t *descriptor(uint32_t block, uint32_t idx)
{
    uint64_t base = *reg(block) | (uint64_t)*reg(block + 0x04) << 32;
    return reach(base + (uint64_t)idx * 16, 16);
}

static bool same_as_given(const struct chip_given *given, const uint8_t *desc)
{
    return memcmp(given->words, desc, 16) == 0;
}

/* Descriptor idx becomes the chip's to fill. */
static void take_rx(uint32_t idx)
{
    const uint8_t *desc = descriptor(0x2800, idx);
    if (desc == NULL) {
        return;
    }
    struct chip_given *given = &chip->rx_given[idx];
    memcpy(given->words, desc, 16);
    if (given->words[1] != 0) {
        fault("RX descriptor %u given with its status not cleared", idx);
    }
    if (given->words[0] % CHIP_BUFFER_BYTES != 0 || !reach(given->words[0], CHIP_BUFFER_BYTES)) {
        fault("RX descriptor %u given with a bad buffer", idx);
    }
    uint32_t count = ring_count(0x2800);
    for (uint32_t i = *reg(0x2810); i != idx; i = (i + 1) % count) {
        if (chip->rx_given[i].words[0] == given->words[0]) {
            fault("RX descriptors %u and %u share a buffer", i, idx);
        }
    }
}

/* Descriptor idx becomes the chip's to send. */
static void take_tx(uint32_t idx)
{
    const uint8_t *desc = descriptor(0x3800, idx);
    if (desc == NULL) {
        return;
    }
    struct chip_given *given = &chip->tx_given[idx];
    memcpy(given->words, desc, 16);
    uint16_t len = (uint16_t)given->words[1];
    uint8_t cmd = desc[11];
    if ((cmd & ~0x08) != 0x03) {
        fault("TX descriptor %u: command 0x%02x", idx, cmd);
    }
    if (desc[10] != 0 || desc[12] != 0 || desc[13] != 0 || desc[14] != 0 || desc[15] != 0) {
        fault("TX descriptor %u given with stale fields", idx);
    }
    if (len < 60 || len > 1514) {
        fault("TX descriptor %u: %u bytes", idx, len);
    }
    const uint8_t *data = reach(given->words[0], len);
    given->data_hash = data != NULL ? hash(data, len) : 0;
}

static void write_tail(uint32_t block, uint32_t value, bool enabled, void (*take)(uint32_t))
{
    uint32_t count = ring_count(block);
    uint32_t old = *reg(block + 0x18);
    if (!enabled) {
        *reg(block + 0x18) = value;
        return;
    }
    if (value >= count) {
        fault("tail 0x%04x = %u out of a ring of %u", block + 0x18, value, count);
        return;
    }
    uint32_t given = (value + count - old) % count;
    if (ring_owned(block) + given >= count) {
        fault("tail 0x%04x passes the head", block + 0x18);
        return;
    }
    if (given == 0) {
        fault("tail 0x%04x written for nothing", block + 0x18);
    }
    for (uint32_t i = 0; i < given; i++) {
        take((old + i) % count);
    }
    *reg(block + 0x18) = value;
}

/* --- receive ------------------------------------------------------------------------------ */

static void writeback_rx(const struct chip_done *d, bool torn)
{
    uint8_t *desc = descriptor(0x2800, d->idx);
    if (desc == NULL) {
        return;
    }
    if (!same_as_given(&chip->rx_given[d->idx], desc)) {
        fault("RX descriptor %u was touched while the chip owned it", d->idx);
    }
    memcpy(desc + 8, &d->length, 2);
    desc[10] = 0x5a; /* a checksum nobody asked for */
    desc[11] = 0xa5;
    desc[13] = d->errors;
    desc[14] = 0xff; /* and a VLAN tag */
    desc[15] = 0x0f;
    if (torn) {
        memcpy(chip->rx_given[d->idx].words, desc, 16); /* what it looks like in between */
        return;
    }
    desc[12] = d->status; /* DD last */
    if (d->status & 0x02) {
        raise_cause(0x80);
    }
}

void chip_rx_writeback(struct chip *c, uint32_t count, bool torn)
{
    assert(c == chip);
    for (; count > 0 && c->done_count > 0; count--) {
        const struct chip_done *d = &c->done[c->done_first % CHIP_RING_MAX];
        bool stop_here = torn && count == 1;
        writeback_rx(d, stop_here);
        if (stop_here) {
            return;
        }
        c->done_first++;
        c->done_count--;
    }
}

/* One buffer's worth of a frame. */
static void fill(const struct chip_frame *f, size_t at)
{
    uint32_t idx = *reg(0x2810);
    uint16_t len = (uint16_t)min_size(f->len - at, CHIP_BUFFER_BYTES);
    bool last = at + len == f->len;
    uint8_t *buffer = reach(chip->rx_given[idx].words[0], CHIP_BUFFER_BYTES);
    if (buffer != NULL) {
        memcpy(buffer, f->bytes + at, len);
    }
    uint8_t errors = last ? f->errors : 0;
    chip->done[(chip->done_first + chip->done_count) % CHIP_RING_MAX] =
        (struct chip_done){idx, len, (uint8_t)(last ? 0x07 : 0x05), errors};
    chip->done_count++;
    *reg(0x2810) = (idx + 1) % ring_count(0x2800);
}

static void drain_fifo(void)
{
    while (chip->fifo_count > 0) {
        const struct chip_frame *f = &chip->fifo[chip->fifo_first % CHIP_FIFO_FRAMES];
        uint32_t need = (uint32_t)((f->len + CHIP_BUFFER_BYTES - 1) / CHIP_BUFFER_BYTES);
        if (ring_owned(0x2800) < need) {
            return;
        }
        for (size_t at = 0; at < f->len; at += CHIP_BUFFER_BYTES) {
            fill(f, at);
        }
        *reg(0x4074) += 1;
        chip->frames_in++;
        chip->fifo_first++;
        chip->fifo_count--;
        if (ring_owned(0x2800) <= ring_count(0x2800) / 2) {
            raise_cause(0x10);
        }
    }
    if (!chip->rx_hold) {
        chip_rx_writeback(chip, UINT32_MAX, false);
    }
}

/* 13.5: exact address 0, broadcast when RCTL.BAM, the multicast hash of bits 47:36. */
static bool wanted(const uint8_t *dest)
{
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    uint32_t rctl = *reg(0x0100);
    if (memcmp(dest, broadcast, 6) == 0) {
        return (rctl & 0x8000) != 0;
    }
    if (dest[0] & 1) {
        uint32_t bit = (uint32_t)(dest[4] >> 4 | dest[5] << 4) & 0xfff;
        return (*reg(0x5200 + 4 * (bit >> 5)) >> (bit & 31) & 1) != 0;
    }
    uint8_t mine[6];
    uint32_t low = *reg(0x5400), high = *reg(0x5404);
    memcpy(mine, &low, 4);
    memcpy(mine + 4, &high, 2);
    return (high >> 31) != 0 && memcmp(dest, mine, 6) == 0;
}

bool chip_receive(struct chip *c, const uint8_t *frame, size_t len, uint8_t errors)
{
    assert(c == chip && len <= CHIP_FRAME_MAX);
    bool listening = !c->in_reset && c->phy_link && (*reg(0x0100) & 0x02) != 0;
    if (!listening || !wanted(frame) || (len > 1518 && !c->accept_long)) {
        return false;
    }
    if (c->fifo_count == CHIP_FIFO_FRAMES) {
        *reg(0x4010) += 1; /* MPC */
        raise_cause(0x40);
        return false;
    }
    struct chip_frame *f = &c->fifo[(c->fifo_first + c->fifo_count++) % CHIP_FIFO_FRAMES];
    memcpy(f->bytes, frame, len);
    f->len = len;
    f->errors = errors;
    if (ring_owned(0x2800) == 0) {
        *reg(0x40a0) += 1; /* RNBC */
    }
    drain_fifo();
    return true;
}

/* --- transmit ----------------------------------------------------------------------------- */

static void report_tx(uint32_t idx)
{
    uint8_t *desc = descriptor(0x3800, idx);
    if (desc == NULL) {
        return;
    }
    if (!same_as_given(&chip->tx_given[idx], desc)) {
        fault("TX descriptor %u was touched while the chip owned it", idx);
    }
    desc[12] |= 0x01;
    chip->reports_out++;
}

void chip_tx_writeback(struct chip *c)
{
    assert(c == chip);
    for (uint32_t i = 0; i < c->tx_unreported_count; i++) {
        report_tx(c->tx_unreported[i]);
    }
    c->tx_unreported_count = 0;
}

static void send_one(uint32_t idx)
{
    const struct chip_given *given = &chip->tx_given[idx];
    const uint8_t *desc = descriptor(0x3800, idx);
    size_t len = (uint16_t)given->words[1];
    const uint8_t *data = reach(given->words[0], len);
    if (desc == NULL || data == NULL) {
        return;
    }
    if (!same_as_given(given, desc)) {
        fault("TX descriptor %u was touched while the chip owned it", idx);
    }
    if (hash(data, len) != given->data_hash) {
        fault("TX buffer of descriptor %u changed before it was sent", idx);
    }
    if (chip->sent != NULL) {
        chip->sent(chip->sent_arg, data, len);
    }
    chip->frames_out++;
    *reg(0x4080) += 1;
    if (desc[11] & 0x08) {
        chip->tx_unreported[chip->tx_unreported_count++] = idx;
    }
}

uint32_t chip_tx_work(struct chip *c, uint32_t count)
{
    assert(c == chip);
    uint32_t sent = 0;
    bool able = !c->tx_stuck && c->phy_link && !c->in_reset && (*reg(0x0400) & 0x02) != 0;
    while (able && !c->tx_paused && sent < count && ring_owned(0x3800) > 0) {
        uint32_t idx = *reg(0x3810);
        send_one(idx);
        *reg(0x3810) = (idx + 1) % ring_count(0x3800);
        sent++;
    }
    if (!c->tx_hold_dd) {
        chip_tx_writeback(c);
    }
    if (sent > 0) {
        raise_cause(0x03);
    }
    return sent;
}

/* --- registers ---------------------------------------------------------------------------- */

static void load_eeprom(void)
{
    const uint8_t *mac = chip->eeprom_mac;
    uint32_t low = 0, high = 0;
    memcpy(&low, mac, 4);
    memcpy(&high, mac + 4, 2);
    *reg(0x5400) = low;
    *reg(0x5404) = high | UINT32_C(1) << 31;
}

static void set_reset_values(void)
{
    uint32_t noise = 0xdeadbeef;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (uint32_t at = rows[i].first; at <= rows[i].last; at += rows[i].step) {
            noise = noise * 1664525 + 1013904223;
            *reg(at) = rows[i].garbage ? noise : rows[i].reset;
            chip->written[at / 4] = false;
        }
    }
    chip->fifo_count = 0;
    chip->done_count = 0;
    chip->tx_unreported_count = 0;
    if (!chip->is_82544) {
        load_eeprom(); /* the 82544 waits for CTRL_EXT.EE_RST */
    } else {
        *reg(0x5400) = 0;
    }
}

static void begin_reset(void)
{
    chip->resets++;
    if (chip->reset_noop) {
        return;
    }
    set_reset_values();
    chip->in_reset = true;
    chip->reset_at_ns = chip->now_ns;
    chip->reset_until_ns = chip->now_ns + RESET_NS;
}

/* An access while a reset lasts: true when it must go no further. */
static bool during_reset(void)
{
    if (!chip->in_reset) {
        return false;
    }
    if (chip->now_ns < chip->reset_at_ns + 1000) {
        fault("access within 1 us of a reset");
    }
    if (chip->reset_stuck || chip->now_ns < chip->reset_until_ns) {
        return true;
    }
    chip->in_reset = false;
    return false;
}

static bool table_clear(uint32_t first)
{
    for (uint32_t at = first; at < first + 0x200; at += 4) {
        if (*reg(at) != 0) {
            return false;
        }
    }
    return true;
}

static void check_ring(const char *name, uint32_t block)
{
    static const uint8_t needed[] = {0x00, 0x04, 0x08, 0x10, 0x18};
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        if (!chip->written[(block + needed[i]) / 4]) {
            fault("%s enabled before register 0x%04x was written", name, block + needed[i]);
        }
    }
    if (ring_count(block) < 8 || ring_count(block) > CHIP_RING_MAX) {
        fault("%s enabled with a ring of %u", name, ring_count(block));
    }
    if (*reg(block + 0x10) != *reg(block + 0x18)) {
        fault("%s enabled with work in its ring", name);
    }
}

/* RCTL and TCTL: what must stand before an engine is switched on. */
static void check_enable(uint32_t offset, uint32_t value)
{
    if ((value & 0x02) == 0 || (*reg(offset) & 0x02) != 0) {
        return;
    }
    if (offset == 0x0400) {
        check_ring("transmitter", 0x3800);
        if (!chip->written[0x0410 / 4]) {
            fault("transmitter enabled before TIPG was written");
        }
        return;
    }
    check_ring("receiver", 0x2800);
    if (!table_clear(0x5200) || !table_clear(0x5600)) {
        fault("receiver enabled with garbage in MTA or VFTA");
    }
    if ((*reg(0x5404) >> 31) == 0) {
        fault("receiver enabled without a receive address");
    }
    if (!chip->bus_master) {
        fault("receiver enabled without bus mastering");
    }
}

static bool engine_on(uint32_t offset)
{
    return (*reg(offset >= 0x3800 ? 0x0400 : 0x0100) & 0x02) != 0;
}

static void write_ring(uint32_t offset, uint32_t value)
{
    if (offset == 0x2818) {
        chip->rdt_writes++;
        write_tail(0x2800, value, engine_on(offset), take_rx);
        drain_fifo();
    } else if (offset == 0x3818) {
        chip->tdt_writes++;
        write_tail(0x3800, value, engine_on(offset), take_tx);
        uint32_t last = (value + ring_count(0x3800) - 1) % max_u32(ring_count(0x3800), 1);
        bool report = (chip->tx_given[last].words[1] >> 24 & 0x08) != 0;
        if (engine_on(offset) && !report) {
            fault("the burst that ends in TX descriptor %u will never be reported", last);
        }
        if (!chip->tx_manual && engine_on(offset)) {
            (void)chip_tx_work(chip, UINT32_MAX);
        }
    } else {
        if (engine_on(offset)) {
            fault("ring register 0x%04x written while enabled", offset);
        }
        *reg(offset) = value;
    }
}

static void write_ctrl(uint32_t value)
{
    if (value & UINT32_C(1) << 31) {
        fault("the PHY is reset");
    }
    *reg(0x0000) = value & ~(UINT32_C(1) << 26);
    if (value & UINT32_C(1) << 26) {
        begin_reset();
    }
}

static void write_reg(uint32_t offset, uint32_t value)
{
    bool ring = (offset & ~0x1cu) == 0x2800 || (offset & ~0x1cu) == 0x3800;
    if (offset == 0x0000) {
        write_ctrl(value);
    } else if (offset == 0x0018 && (value & 0x2000) != 0) {
        *reg(offset) = value & ~0x2000u;
        load_eeprom();
    } else if (offset == 0x00c8) {
        raise_cause(value);
    } else if (offset == 0x00d0) {
        *reg(0x00d0) |= value;
    } else if (offset == 0x00d8) {
        *reg(0x00d0) &= ~value;
    } else if (offset == 0x0100 || offset == 0x0400) {
        chip->rctl_writes += offset == 0x0100;
        check_enable(offset, value);
        *reg(offset) = value;
    } else if (ring) {
        write_ring(offset, value);
    } else {
        *reg(offset) = value;
    }
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    assert(offset + 4 <= m->size_bytes && m->base == (volatile uint8_t *)chip->regs);
    chip->writes++;
    chip->now_ns += chip->access_ns;
    const struct reg_row *row = find_row(offset);
    if (!chip->memory_on) {
        fault("register 0x%04x written while memory decoding is off", offset);
    } else if (during_reset()) {
        fault("register 0x%04x written during a reset", offset);
    } else if (row == NULL || row->access == RO || row->access == RC) {
        fault("register 0x%04x cannot be written", offset);
    } else if (value & ~row->legal) {
        fault("register 0x%04x: reserved bits 0x%08x written", offset, value & ~row->legal);
    } else {
        write_reg(offset, value);
        /* A write that resets is forgotten with all others. */
        chip->written[offset / 4] = !chip->in_reset;
    }
}

static uint32_t status_value(void)
{
    uint32_t ctrl = *reg(0x0000);
    bool up = chip->phy_link && (ctrl & 0x40) != 0 && (ctrl & 0x08) == 0;
    uint32_t speed = chip->phy_mbps == 1000 ? 2 : chip->phy_mbps == 100;
    return (up ? 0x02u | speed << 6 : 0) | (chip->phy_full_duplex ? 0x01 : 0) |
           (chip->tx_paused ? 0x10 : 0) | (chip->pcix ? 0x2000 : 0);
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    assert(offset + 4 <= m->size_bytes && m->base == (volatile uint8_t *)chip->regs);
    chip->reads++;
    chip->now_ns += chip->access_ns;
    const struct reg_row *row = find_row(offset);
    if (!chip->memory_on) {
        fault("register 0x%04x read while memory decoding is off", offset);
        return UINT32_MAX;
    }
    if (during_reset()) {
        return UINT32_MAX;
    }
    if (row == NULL || row->access == WO) {
        fault("register 0x%04x cannot be read", offset);
        return UINT32_MAX;
    }
    uint32_t value = offset == 0x0008 ? status_value() : *reg(offset);
    if (row->access == RC) {
        *reg(offset) = 0;
    }
    return value;
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    assert(physical == 0xfebc0000);
    m->base = (volatile uint8_t *)chip->regs;
    m->size_bytes = size_bytes;
    return STATUS_OK;
}

/* --- the rest of the machine -------------------------------------------------------------- */

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

void pci_enable(const struct pci_device *d, bool bus_master)
{
    assert(d->vendor == 0x8086);
    chip->memory_on = true;
    if (bus_master && !chip->bus_master && (*reg(0x0100) & 0x02) != 0) {
        fault("bus mastering switched on under a running receiver");
    }
    chip->bus_master = bus_master;
}

struct pci_device chip_pci_device(uint16_t device)
{
    struct pci_device d = {.slot = 3, .vendor = 0x8086, .device = device, .irq_pin = 1};
    d.bars[0] = (struct pci_bar){.address = 0xfebc0000, .size_bytes = CHIP_REGS_BYTES};
    return d;
}

void chip_set_link(struct chip *c, bool up, uint32_t mbps, bool full_duplex)
{
    assert(c == chip);
    c->phy_link = up;
    c->phy_mbps = mbps;
    c->phy_full_duplex = full_duplex;
    raise_cause(0x04);
    if (up) {
        (void)chip_tx_work(c, c->tx_manual ? 0 : UINT32_MAX);
    }
}

void chip_power_on(struct chip *c, bool is_82544)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    memset(c, 0, sizeof(*c));
    c->is_82544 = is_82544;
    memcpy(c->eeprom_mac, mac, 6);
    chip = c;
    set_reset_values();
}

void chip_leave_running(struct chip *c)
{
    assert(c == chip);
    c->bus_master = true;
    *reg(0x00c0) = 0x95;
    *reg(0x00d0) = CAUSES;
    *reg(0x0100) = 0x0400801a;
    *reg(0x0400) = 0x0104010a;
    for (uint32_t block = 0x2800; block <= 0x3800; block += 0x1000) {
        *reg(block) = 0x7000;
        *reg(block + 0x08) = 1024;
        *reg(block + 0x10) = 5;
        *reg(block + 0x18) = 9;
        *reg(block + 0x20) = 77;
        *reg(block + 0x28) = 0x00010101;
        *reg(block + 0x2c) = 99;
    }
}

void chip_power_off(struct chip *c)
{
    for (size_t i = 0; i < c->region_count; i++) {
        if (c->regions[i].ours) {
            free(c->regions[i].virt);
        }
    }
    c->region_count = 0;
    chip = NULL;
}
