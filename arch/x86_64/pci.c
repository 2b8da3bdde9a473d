/*
 * PCI by configuration mechanism 1 (ports CF8h and CFCh), which every PC has and which reaches all
 * that a network card needs. Finds the functions on every bus behind bridges, sizes their BARs.
 * PCI Local Bus 3.0, chapters 3 and 6; PCI-to-PCI Bridge 1.2, 3.2; PCI Power Management 1.2.
 */
#include "kernel/pci.h"

#include "arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "kernel/time.h"

enum {
    CONFIG_ADDRESS_PORT = 0xcf8,
    CONFIG_DATA_PORT = 0xcfc,
    BUS_COUNT = 256,
    SLOT_COUNT = 32,
    FUNC_COUNT = 8,

    /* Local Bus 6.1 and 6.2 */
    CFG_ID = 0x00,
    CFG_COMMAND = 0x04, /* status in the upper half */
    CFG_CLASS = 0x08,   /* revision in the lowest byte */
    CFG_HEADER_TYPE = 0x0c,
    CFG_BAR0 = 0x10,
    CFG_BRIDGE_BUSES = 0x18, /* primary, secondary, subordinate */
    CFG_SUBSYSTEM = 0x2c,
    CFG_CAPABILITIES = 0x34,
    CFG_INTERRUPT = 0x3c,

    COMMAND_IO = 1 << 0,
    COMMAND_MEMORY = 1 << 1,
    COMMAND_BUS_MASTER = 1 << 2,
    COMMAND_INTX_DISABLE = 1 << 10,
    STATUS_CAPABILITIES = 1 << 4, /* in the status half */

    HEADER_TYPE_MASK = 0x7f,
    HEADER_TYPE_DEVICE = 0,
    HEADER_TYPE_BRIDGE = 1,
    HEADER_MULTI_FUNCTION = 0x80,

    BAR_IO = 1 << 0,
    BAR_TYPE_MASK = 3 << 1,
    BAR_TYPE_64BIT = 2 << 1,
    BAR_IO_FLAGS = 3,
    BAR_MEMORY_FLAGS = 15,
    BAR_IO_SPACE_BYTES = 0x10000,

    CLASS_BRIDGE = 0x06,
    CLASS_PCI_BRIDGE = 0x0604,

    /* Power management capability, 3.2.4 */
    CAPABILITY_POWER = 1,
    CAPABILITY_FIRST_OFFSET = 0x40,
    CAPABILITIES_MAX = 48, /* as many as fit: a longer list is a ring */
    POWER_CONTROL_OFFSET = 4,
    POWER_STATE_MASK = 3,
    POWER_PME_STATUS = 1 << 15, /* cleared by writing 1 */
    POWER_UP_US = 10000,        /* 5.4.1: D3hot to D0 */
};

static struct {
    struct pci_device devices[PCI_DEVICES_MAX];
    size_t count;
    uint32_t dropped;
    uint32_t pending[BUS_COUNT / 32]; /* buses to look at */
    uint32_t seen[BUS_COUNT / 32];
} pci;

static void select_register(const struct pci_device *d, uint8_t offset)
{
    assert(offset % 4 == 0 && d->slot < SLOT_COUNT && d->func < FUNC_COUNT);
    out32(CONFIG_ADDRESS_PORT, UINT32_C(1) << 31 | (uint32_t)d->bus << 16 |
                                   (uint32_t)d->slot << 11 | (uint32_t)d->func << 8 | offset);
}

/* The two port accesses belong together. */
uint32_t pci_read32(const struct pci_device *d, uint8_t offset)
{
    uint64_t saved = platform_irq_save();
    select_register(d, offset);
    uint32_t value = in32(CONFIG_DATA_PORT);
    platform_irq_restore(saved);
    return value;
}

void pci_write32(const struct pci_device *d, uint8_t offset, uint32_t value)
{
    uint64_t saved = platform_irq_save();
    select_register(d, offset);
    out32(CONFIG_DATA_PORT, value);
    platform_irq_restore(saved);
}

/* Status bits are cleared by writing 1, so the upper half is written as 0. */
static void write_command(const struct pci_device *d, uint32_t command)
{
    pci_write32(d, CFG_COMMAND, command & 0xffff);
}

/* Local Bus 6.2.5.1: what stays 0 when all ones are written is the size. The BAR gets back old. */
static uint32_t probe_bar(const struct pci_device *d, uint8_t offset, uint32_t old)
{
    pci_write32(d, offset, UINT32_MAX);
    uint32_t mask = pci_read32(d, offset);
    pci_write32(d, offset, old);
    return mask;
}

static void size_io_bar(struct pci_bar *bar, uint32_t old, uint32_t mask)
{
    bar->is_io = true;
    bar->address = old & ~(uint32_t)BAR_IO_FLAGS;
    /* The upper half may be hard-wired to 0. */
    uint32_t bits = (mask & ~(uint32_t)BAR_IO_FLAGS) | ~(uint32_t)(BAR_IO_SPACE_BYTES - 1);
    bar->size_bytes = (mask & ~(uint32_t)BAR_IO_FLAGS) == 0 ? 0 : ~bits + 1;
}

/* One BAR at index i, decoding off. Returns how many registers it takes, 1 or 2. */
static size_t size_bar(struct pci_device *d, size_t i)
{
    struct pci_bar *bar = &d->bars[i];
    uint8_t offset = (uint8_t)(CFG_BAR0 + 4 * i);
    uint32_t old = pci_read32(d, offset);
    uint32_t mask = probe_bar(d, offset, old);
    if (mask == 0 || mask == UINT32_MAX) {
        return 1; /* not there */
    }
    if ((old & BAR_IO) != 0) {
        size_io_bar(bar, old, mask);
        return 1;
    }
    uint64_t address = old & ~(uint32_t)BAR_MEMORY_FLAGS;
    uint64_t size_mask = mask & ~(uint32_t)BAR_MEMORY_FLAGS;
    bar->is_64bit = (old & BAR_TYPE_MASK) == BAR_TYPE_64BIT && i + 1 < PCI_BAR_COUNT;
    if (bar->is_64bit) {
        uint32_t old_high = pci_read32(d, (uint8_t)(offset + 4));
        address |= (uint64_t)old_high << 32;
        size_mask |= (uint64_t)probe_bar(d, (uint8_t)(offset + 4), old_high) << 32;
    } else {
        size_mask |= ~(uint64_t)UINT32_MAX;
    }
    bar->address = address;
    bar->size_bytes = ~size_mask + 1;
    return bar->is_64bit ? 2 : 1;
}

/*
 * With decoding off, so that the device does not answer at the addresses that sizing writes. With
 * interrupts off, because the device may be the console. Host bridges are left alone: with theirs
 * off, memory itself may be gone.
 */
static void size_bars(struct pci_device *d)
{
    if (d->class_code >> 16 == CLASS_BRIDGE) {
        return;
    }
    uint64_t saved = platform_irq_save();
    uint32_t command = pci_read32(d, CFG_COMMAND);
    write_command(d, command & ~(uint32_t)(COMMAND_IO | COMMAND_MEMORY));
    for (size_t i = 0; i < PCI_BAR_COUNT;) {
        i += size_bar(d, i);
    }
    write_command(d, command);
    platform_irq_restore(saved);
}

static void mark_bus(uint32_t bus)
{
    assert(bus < BUS_COUNT);
    pci.pending[bus / 32] |= UINT32_C(1) << (bus % 32);
}

/* The next bus that is marked and was not looked at, or BUS_COUNT. */
static uint32_t take_bus(void)
{
    for (uint32_t bus = 0; bus < BUS_COUNT; bus++) {
        uint32_t bit = UINT32_C(1) << (bus % 32);
        if ((pci.pending[bus / 32] & ~pci.seen[bus / 32] & bit) != 0) {
            pci.seen[bus / 32] |= bit;
            return bus;
        }
    }
    return BUS_COUNT;
}

static void fill_device(struct pci_device *d, uint32_t header)
{
    uint32_t id = pci_read32(d, CFG_ID);
    uint32_t class_code = pci_read32(d, CFG_CLASS);
    uint32_t interrupt = pci_read32(d, CFG_INTERRUPT);
    d->vendor = (uint16_t)id;
    d->device = (uint16_t)(id >> 16);
    d->class_code = class_code >> 8;
    d->revision = (uint8_t)class_code;
    d->irq_line = (uint8_t)interrupt;
    d->irq_pin = (uint8_t)(interrupt >> 8) <= 4 ? (uint8_t)(interrupt >> 8) : 0;
    if ((header & HEADER_TYPE_MASK) == HEADER_TYPE_DEVICE) {
        uint32_t subsystem = pci_read32(d, CFG_SUBSYSTEM);
        d->subsystem_vendor = (uint16_t)subsystem;
        d->subsystem = (uint16_t)(subsystem >> 16);
        size_bars(d);
    } else if ((header & HEADER_TYPE_MASK) == HEADER_TYPE_BRIDGE) {
        mark_bus((pci_read32(d, CFG_BRIDGE_BUSES) >> 8) & 0xff);
    }
}

/* Keeps the function when there is one. Returns its header type register, 0 when there is none. */
static uint32_t scan_function(uint8_t bus, uint8_t slot, uint8_t func)
{
    struct pci_device d = {.bus = bus, .slot = slot, .func = func};
    uint16_t vendor = (uint16_t)pci_read32(&d, CFG_ID);
    if (vendor == UINT16_MAX || vendor == 0) {
        return 0; /* nobody answers: all ones; 0 is what some bridges make of that */
    }
    uint32_t header = (pci_read32(&d, CFG_HEADER_TYPE) >> 16) & 0xff;
    fill_device(&d, header);
    if (pci.count == PCI_DEVICES_MAX) {
        pci.dropped++;
        return header;
    }
    pci.devices[pci.count++] = d;
    log_debug("pci: %02x:%02x.%u %04x:%04x class %06x, INT pin %u line %u", (unsigned)bus,
              (unsigned)slot, (unsigned)func, (unsigned)d.vendor, (unsigned)d.device,
              (unsigned)d.class_code, (unsigned)d.irq_pin, (unsigned)d.irq_line);
    return header;
}

static void scan_bus(uint8_t bus)
{
    for (uint8_t slot = 0; slot < SLOT_COUNT; slot++) {
        uint32_t header = scan_function(bus, slot, 0);
        if ((header & HEADER_MULTI_FUNCTION) == 0) {
            continue;
        }
        for (uint8_t func = 1; func < FUNC_COUNT; func++) {
            (void)scan_function(bus, slot, func);
        }
    }
}

size_t pci_scan(void)
{
    pci.count = 0;
    pci.dropped = 0;
    for (size_t i = 0; i < ARRAY_SIZE(pci.seen); i++) {
        pci.pending[i] = 0;
        pci.seen[i] = 0;
    }
    mark_bus(0);
    for (uint32_t bus = take_bus(); bus < BUS_COUNT; bus = take_bus()) {
        scan_bus((uint8_t)bus);
    }
    if (pci.dropped != 0) {
        log_warn("pci: %u functions beyond the limit of %d are ignored", (unsigned)pci.dropped,
                 PCI_DEVICES_MAX);
    }
    assert(pci.count <= PCI_DEVICES_MAX);
    return pci.count;
}

const struct pci_device *pci_get(size_t idx)
{
    return idx < pci.count ? &pci.devices[idx] : NULL;
}

uint8_t pci_find_capability(const struct pci_device *d, uint8_t id)
{
    if ((pci_read32(d, CFG_COMMAND) >> 16 & STATUS_CAPABILITIES) == 0) {
        return 0;
    }
    uint8_t at = pci_read32(d, CFG_CAPABILITIES) & 0xfc;
    for (uint32_t i = 0; i < CAPABILITIES_MAX && at >= CAPABILITY_FIRST_OFFSET; i++) {
        uint32_t header = pci_read32(d, at);
        if ((uint8_t)header == id) {
            return at;
        }
        at = header >> 8 & 0xfc;
    }
    return 0;
}

/*
 * To D0. A device coming from D3 may have lost its BARs and interrupt line (Power
 * Management 5.4.1): they are put back.
 */
static void power_up(const struct pci_device *d)
{
    uint8_t capability = pci_find_capability(d, CAPABILITY_POWER);
    if (capability == 0) {
        return;
    }
    uint8_t offset = (uint8_t)(capability + POWER_CONTROL_OFFSET);
    uint32_t control = pci_read32(d, offset);
    if ((control & POWER_STATE_MASK) == 0) {
        return;
    }
    uint32_t bars[PCI_BAR_COUNT];
    for (size_t i = 0; i < PCI_BAR_COUNT; i++) {
        bars[i] = pci_read32(d, (uint8_t)(CFG_BAR0 + 4 * i));
    }
    uint32_t interrupt = pci_read32(d, CFG_INTERRUPT);
    log_info("pci: %02x:%02x.%u woken from power state D%u", (unsigned)d->bus, (unsigned)d->slot,
             (unsigned)d->func, (unsigned)(control & POWER_STATE_MASK));
    pci_write32(d, offset, control & ~(uint32_t)(POWER_STATE_MASK | POWER_PME_STATUS));
    time_delay_us(POWER_UP_US);
    for (size_t i = 0; i < PCI_BAR_COUNT; i++) {
        pci_write32(d, (uint8_t)(CFG_BAR0 + 4 * i), bars[i]);
    }
    pci_write32(d, CFG_INTERRUPT, interrupt);
}

/* The bridges between the processor and the bus must pass memory accesses and the device's DMA. */
static void open_bridges(uint8_t bus)
{
    for (size_t i = 0; i < pci.count; i++) {
        const struct pci_device *b = &pci.devices[i];
        if (b->class_code >> 8 != CLASS_PCI_BRIDGE) {
            continue;
        }
        uint32_t buses = pci_read32(b, CFG_BRIDGE_BUSES);
        uint8_t secondary = (uint8_t)(buses >> 8);
        uint8_t subordinate = (uint8_t)(buses >> 16);
        if (bus >= secondary && bus <= subordinate) {
            write_command(b, pci_read32(b, CFG_COMMAND) | COMMAND_MEMORY | COMMAND_BUS_MASTER);
        }
    }
}

void pci_enable(const struct pci_device *d, bool bus_master)
{
    assert(d != NULL);
    power_up(d);
    open_bridges(d->bus);
    uint32_t command = pci_read32(d, CFG_COMMAND);
    command &= ~(uint32_t)(COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE);
    command |= COMMAND_MEMORY | (bus_master ? COMMAND_BUS_MASTER : 0U);
    write_command(d, command);
}
