/*
 * The PCI bus of this machine as kernel/pci.h has it: what scan.c found, over the access that
 * config.c chose. Owns the table of functions, and waking and enabling one.
 * PCI Local Bus 3.0, chapter 6; PCI-to-PCI Bridge 1.2, 3.2; PCI Power Management 1.2.
 */
#include "kernel/pci.h"

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/pci/config.h"
#include "arch/x86_64/pci/scan.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    COMMAND_INTX_DISABLE = 1 << 10,

    CLASS_NETWORK = 0x02,

    /* Power management capability, 3.2.4 */
    CAPABILITY_POWER = 1,
    POWER_CONTROL_OFFSET = 4,
    POWER_STATE_MASK = 3,
    POWER_PME_STATUS = 1 << 15, /* cleared by writing 1 */
    POWER_UP_US = 10000,        /* 5.4.1: D3hot to D0 */
};

static struct {
    struct pci_tree tree;
    const struct pci_access *access;
} pci;

uint32_t pci_read32(const struct pci_device *d, uint16_t offset)
{
    assert(pci.access != NULL);
    return pci.access->read(pci.access->ctx, d, offset);
}

void pci_write32(const struct pci_device *d, uint16_t offset, uint32_t value)
{
    assert(pci.access != NULL);
    pci.access->write(pci.access->ctx, d, offset, value);
}

/* Status bits are cleared by writing 1, so the upper half is written as 0. */
static void write_command(const struct pci_device *d, uint32_t command)
{
    pci_write32(d, PCI_CFG_COMMAND, command & 0xffff);
}

/* What firmware gave no address to no driver can use. Of other devices nobody wants to know. */
static void log_unassigned(const struct pci_device *d)
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct pci_bar *bar = &d->bars[i];
        if (d->class_code >> 16 == CLASS_NETWORK && !bar->is_io && bar->size_bytes != 0 &&
            bar->address == 0) {
            log_warn("pci: %02x:%02x.%u: the firmware gave BAR %u (%llu KiB) no address",
                     (unsigned)d->bus, (unsigned)d->slot, (unsigned)d->func, i,
                     (unsigned long long)bar->size_bytes / 1024);
        }
    }
}

static void log_functions(const struct pci_tree *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct pci_device *d = &t->devices[i];
        log_debug("pci: %02x:%02x.%u %04x:%04x class %06x, INT pin %u line %u", (unsigned)d->bus,
                  (unsigned)d->slot, (unsigned)d->func, (unsigned)d->vendor, (unsigned)d->device,
                  (unsigned)d->class_code, (unsigned)d->irq_pin, (unsigned)d->irq_line);
        log_unassigned(d);
    }
    if (t->dropped != 0) {
        log_warn("pci: %u functions beyond the limit of %d are ignored", (unsigned)t->dropped,
                 PCI_DEVICES_MAX);
    }
}

size_t pci_scan(void)
{
    struct pci_bus_set in_memory = {0};
    pci.access = pci_config_init(acpi_info(), &in_memory);
    pci_scan_tree(&pci.tree, pci.access, &in_memory);
    log_functions(&pci.tree);
    log_info("pci: %u functions, %u host bridge%s", (unsigned)pci.tree.count,
             (unsigned)pci.tree.roots, pci.tree.roots == 1 ? "" : "s");
    return pci.tree.count;
}

const struct pci_device *pci_get(size_t idx)
{
    return idx < pci.tree.count ? &pci.tree.devices[idx] : NULL;
}

uint8_t pci_find_capability(const struct pci_device *d, uint8_t id)
{
    assert(pci.access != NULL);
    return pci_capability(pci.access, d, id);
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
    uint16_t offset = (uint16_t)(capability + POWER_CONTROL_OFFSET);
    uint32_t control = pci_read32(d, offset);
    if ((control & POWER_STATE_MASK) == 0) {
        return;
    }
    uint32_t bars[PCI_BAR_COUNT];
    for (size_t i = 0; i < PCI_BAR_COUNT; i++) {
        bars[i] = pci_read32(d, (uint16_t)(PCI_CFG_BAR0 + 4 * i));
    }
    uint32_t interrupt = pci_read32(d, PCI_CFG_INTERRUPT);
    log_info("pci: %02x:%02x.%u woken from power state D%u", (unsigned)d->bus, (unsigned)d->slot,
             (unsigned)d->func, (unsigned)(control & POWER_STATE_MASK));
    pci_write32(d, offset, control & ~(uint32_t)(POWER_STATE_MASK | POWER_PME_STATUS));
    time_delay_us(POWER_UP_US);
    for (size_t i = 0; i < PCI_BAR_COUNT; i++) {
        pci_write32(d, (uint16_t)(PCI_CFG_BAR0 + 4 * i), bars[i]);
    }
    pci_write32(d, PCI_CFG_INTERRUPT, interrupt);
}

/* The bridges between the processor and the bus must pass memory accesses and the device's DMA. */
static void open_bridges(uint8_t bus)
{
    const struct pci_device *b;
    for (size_t i = 0; (b = pci_get(i)) != NULL; i++) {
        if (b->class_code >> 8 != PCI_CLASS_PCI_BRIDGE) {
            continue;
        }
        uint32_t buses = pci_read32(b, PCI_CFG_BRIDGE_BUSES);
        uint8_t secondary = (uint8_t)(buses >> 8);
        uint8_t subordinate = (uint8_t)(buses >> 16);
        if (bus >= secondary && bus <= subordinate) {
            uint32_t command = pci_read32(b, PCI_CFG_COMMAND);
            write_command(b, command | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
        }
    }
}

void pci_enable(const struct pci_device *d, bool bus_master)
{
    assert(d != NULL);
    power_up(d);
    open_bridges(d->bus);
    uint32_t command = pci_read32(d, PCI_CFG_COMMAND);
    command &= ~(uint32_t)(PCI_COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE);
    command |= PCI_COMMAND_MEMORY | (bus_master ? PCI_COMMAND_BUS_MASTER : 0U);
    write_command(d, command);
}
