/*
 * Finding what is on the PCI buses, over any way to reach configuration space: pure but for the
 * accesses, so that tests run it on machines that they make up.
 * PCI Local Bus 3.0, chapter 6; PCI-to-PCI Bridge 1.2, 3.2; PCI Express Base 4.0, 7.5.3.
 */
#ifndef ARCH_X86_64_PCI_SCAN_H
#define ARCH_X86_64_PCI_SCAN_H

#include "kernel/pci.h"

enum {
    PCI_BUS_COUNT = 256,
    PCI_SLOT_COUNT = 32,
    PCI_FUNC_COUNT = 8,
    PCI_CLASS_PCI_BRIDGE = 0x0604,
    /* Registers that others need, too (Local Bus 6.1, Bridge 3.2). */
    PCI_CFG_ID = 0x00,
    PCI_CFG_COMMAND = 0x04, /* status in the upper half */
    PCI_CFG_BAR0 = 0x10,
    PCI_CFG_BRIDGE_BUSES = 0x18, /* primary, secondary, subordinate */
    PCI_CFG_INTERRUPT = 0x3c,
    PCI_COMMAND_IO = 1 << 0,
    PCI_COMMAND_MEMORY = 1 << 1,
    PCI_COMMAND_BUS_MASTER = 1 << 2,
};

/*
 * A way to configuration space. Of d only the address (bus, slot, func) is looked at; offset is a
 * multiple of 4. What cannot be reached reads as all ones, and a write to it does nothing.
 */
struct pci_access {
    void *ctx;
    uint32_t (*read)(void *ctx, const struct pci_device *d, uint16_t offset);
    void (*write)(void *ctx, const struct pci_device *d, uint16_t offset, uint32_t value);
};

struct pci_bus_set {
    uint32_t bits[PCI_BUS_COUNT / 32];
};

void pci_bus_add(struct pci_bus_set *s, uint32_t bus);
bool pci_bus_in(const struct pci_bus_set *s, uint32_t bus);

struct pci_tree {
    struct pci_device devices[PCI_DEVICES_MAX];
    size_t count;
    uint32_t dropped;      /* functions beyond the limit */
    uint32_t roots;        /* buses found without a bridge that leads to them, bus 0 among them */
    uint32_t host_bridges; /* on bus 0 */
    struct pci_bus_set pending, seen;
    struct pci_bus_set single; /* behind a PCI Express port: only slot 0 can be there */
};

/*
 * Fills *t with every function on bus 0 and behind its bridges, then with what is on buses of
 * another host bridge: those of may_try, or all when bus 0 shows more host bridges than one. Each
 * BAR is sized. Bounded: no bus is looked at twice.
 */
void pci_scan_tree(struct pci_tree *t, const struct pci_access *a,
                   const struct pci_bus_set *may_try);

/* pci_find_capability() over a. */
uint8_t pci_capability(const struct pci_access *a, const struct pci_device *d, uint8_t id);

/*
 * Whether bus looks the same by a as by trusted. A device must be there when must_answer. Where
 * trusted reaches nothing at all, any sane answer of a's will do.
 */
bool pci_access_agrees(const struct pci_access *a, const struct pci_access *trusted, uint8_t bus,
                       bool must_answer);

#endif
