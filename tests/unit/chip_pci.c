/*
 * The chip models' PCI function: configuration space with the capabilities that the part has, and
 * the fakes of pci.h. PCI 3.0, 6.7 and 6.8; PCI Express base specification, 7.8 (Link Control).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/chip_internal.h"

#define BAR_ADDRESS UINT64_C(0xfebc0000)

uint32_t chip_config(uint32_t offset)
{
    return chip->config[offset / 4];
}

static void add_capability(uint8_t id, uint8_t at, uint32_t words)
{
    if (at == 0) {
        return;
    }
    uint32_t *first = &chip->config[0x34 / 4];
    chip->config[at / 4] = words << 16 | (*first & 0xff) << 8 | id;
    *first = at;
    chip->config[0x04 / 4] |= UINT32_C(1) << 20; /* Status: capabilities list */
}

void chip_pci_power_on(void)
{
    const struct chip_traits *t = chip->traits;
    memset(chip->config, 0, sizeof(chip->config));
    chip->config[0x04 / 4] = 0x0003;
    chip->config[0x10 / 4] = (uint32_t)BAR_ADDRESS;
    add_capability(0x01, chip_is_pcie() ? (t->class == CLASS_IGB ? 0x40 : 0xc8) : 0xdc, 0x0022);
    add_capability(0x05, t->cap_msi, 0x0080);
    add_capability(0x11, t->cap_msix, t->msix_count > 0 ? t->msix_count - 1 : 0);
    add_capability(0x10, t->cap_pcie, 0x0001);
    if (t->cap_pcie != 0) {
        chip->config[(t->cap_pcie + 0x10) / 4] = 0x10110043; /* firmware allowed L0s and L1 */
    }
}

bool chip_irq_mode(struct chip *c, enum irq_kind kind)
{
    assert(c == chip);
    uint8_t msi = c->traits->cap_msi, msix = c->traits->cap_msix;
    if ((kind == IRQ_KIND_MSI && msi == 0) || (kind == IRQ_KIND_MSIX && msix == 0)) {
        return false;
    }
    if (msi != 0) {
        c->config[msi / 4] &= ~(UINT32_C(1) << 16);
        c->config[msi / 4] |= kind == IRQ_KIND_MSI ? UINT32_C(1) << 16 : 0;
    }
    if (msix != 0) {
        c->config[msix / 4] &= ~(UINT32_C(1) << 31);
        c->config[msix / 4] |= kind == IRQ_KIND_MSIX ? UINT32_C(1) << 31 : 0;
    }
    return true;
}

uint32_t pci_read32(const struct pci_device *d, uint16_t offset)
{
    assert(d->vendor == 0x8086 && offset % 4 == 0 && offset < sizeof(chip->config));
    if (chip->gone) {
        return UINT32_MAX;
    }
    if (chip->part == CHIP_SPT && offset == 0xe4) {
        /* FLUSH_DESC_REQUIRED, bit 8 */
        bool required = chip->rings_used && !(chip->flushed && !chip->flush_rx_too);
        return chip->config[offset / 4] | (required ? 0x100 : 0);
    }
    return chip->config[offset / 4];
}

void pci_write32(const struct pci_device *d, uint16_t offset, uint32_t value)
{
    assert(d->vendor == 0x8086 && offset % 4 == 0 && offset < sizeof(chip->config));
    chip->config[offset / 4] = value;
}

uint8_t pci_find_capability(const struct pci_device *d, uint8_t id)
{
    if (chip->gone) {
        return 0; /* the kernel does not follow a list of ones */
    }
    uint32_t at = pci_read32(d, 0x34) & 0xff;
    while (at != 0 && (pci_read32(d, (uint16_t)at) & 0xff) != id) {
        at = pci_read32(d, (uint16_t)at) >> 8 & 0xff;
    }
    return (uint8_t)at;
}

void pci_enable(const struct pci_device *d, bool bus_master)
{
    assert(d->vendor == 0x8086);
    chip->memory_on = true;
    if (bus_master && !chip->bus_master && (*reg(0x0100) & 0x02) != 0 && !chip->in_reset) {
        chip_fault("bus mastering switched on under a running receiver");
    }
    if (!bus_master && chip->bus_master && !chip->gone && chip_holds_descriptors()) {
        chip_fault("bus mastering ended with descriptors not flushed");
        chip->dead = true;
    }
    chip->bus_master = bus_master;
}

struct pci_device chip_pci_device(uint16_t device)
{
    struct pci_device d = {.slot = 3, .vendor = 0x8086, .device = device, .irq_pin = 1};
    d.bars[0] = (struct pci_bar){.address = BAR_ADDRESS, .size_bytes = CHIP_REGS_BYTES};
    return d;
}
