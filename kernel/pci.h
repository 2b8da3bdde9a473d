/*
 * The PCI bus as drivers see it. Enumeration and configuration accesses are the target's.
 */
#ifndef KERNEL_PCI_H
#define KERNEL_PCI_H

#include "kernel/base.h"

enum {
    PCI_BAR_COUNT = 6,
    PCI_DEVICES_MAX = 128,
    PCI_DEVICES_KEPT = 32, /* of them for network devices and bridges alone */
};

struct pci_bar {
    uint64_t address;
    uint64_t size_bytes; /* 0: not there */
    bool is_io;
    bool is_64bit;
};

struct pci_device {
    uint8_t bus, slot, func;
    uint16_t vendor, device;
    uint16_t subsystem_vendor, subsystem;
    uint32_t class_code; /* class << 16 | subclass << 8 | interface */
    uint8_t revision;
    uint8_t irq_pin;  /* 1..4 = INTA..INTD, 0 none */
    uint8_t irq_line; /* what firmware wrote; 0xff unknown. A hint only */
    struct pci_bar bars[PCI_BAR_COUNT];
};

/*
 * Finds every function of every host bridge (of PCI segment 0), behind bridges too. Returns how
 * many are known; those beyond the limit are counted in the log. Start-up only, after ACPI.
 */
size_t pci_scan(void);

/* The idx-th function found, for ever valid; NULL behind the last. */
const struct pci_device *pci_get(size_t idx);

/*
 * offset: a multiple of 4 below 4096. Beyond 256 (PCI Express) a board may have no way to it: then
 * all ones are read, and nothing is written. Any context.
 */
uint32_t pci_read32(const struct pci_device *d, uint16_t offset);
void pci_write32(const struct pci_device *d, uint16_t offset, uint32_t value);

/*
 * The offset of a capability (PCI Local Bus 3.0, 6.7) in the device's configuration space, 0 when
 * it does not have it. The walk is bounded: a list that is a ring ends.
 */
uint8_t pci_find_capability(const struct pci_device *d, uint8_t id);

/* To power state D0 if it has the capability, memory decoding on, bus mastering on or off. */
void pci_enable(const struct pci_device *d, bool bus_master);

#endif
