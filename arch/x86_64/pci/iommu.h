/*
 * IOMMUs that the firmware left on: with translation by tables that nobody keeps any more, a
 * device's DMA goes nowhere. None is used here, so each is turned off.
 * Intel VT-d 4.1, chapter 11 (registers).
 */
#ifndef ARCH_X86_64_PCI_IOMMU_H
#define ARCH_X86_64_PCI_IOMMU_H

#include "kernel/mmio.h"

enum iommu_work {                       /* what a unit does; bits */
                  IOMMU_TRANSLATES = 1, /* the addresses of DMA */
                  IOMMU_PROTECTS = 2,   /* ranges of memory from all DMA */
                  IOMMU_REMAPS = 4,     /* interrupts: MSIs in the usual format may be blocked */
                  IOMMU_NOT_THERE = 8,  /* all its registers read as ones */
};

/* Turns off every IOMMU that ACPI names, and logs it. Start-up only, after the clock. */
void iommu_init(void);

/* Turns off what the unit does. Returns what it did; *left gets what it does still. Waits 30 ms at
 * most. Start-up only, when time can be waited for. */
uint32_t iommu_turn_off(const struct mmio *m, uint32_t *left);

#endif
