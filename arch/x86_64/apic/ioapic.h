/*
 * The IOAPICs: which global system interrupts (GSIs, one an input pin) there are, and where each is
 * delivered. Intel 82093AA data sheet; ACPI 6.5, 5.2.12.3 and 5.2.13.
 */
#ifndef ARCH_X86_64_APIC_IOAPIC_H
#define ARCH_X86_64_APIC_IOAPIC_H

#include "kernel/base.h"

enum {
    IOAPIC_NOT_ISA = 0xff,
};

/* Finds the IOAPICs that ACPI names, and masks their pins. Start-up only, after apic_init. */
void ioapic_init(void);

/* What is wired to a pin, as far as the tables tell. */
struct ioapic_pin {
    uint32_t gsi;
    uint8_t isa_irq; /* or IOAPIC_NOT_ISA */
    bool level;
    bool active_low;
};

/* All pins of all IOAPICs, masked ones too. */
uint32_t ioapic_pin_count(void);

/* idx below ioapic_pin_count(). PCI's level and active low, unless ISA or an override says else. */
struct ioapic_pin ioapic_pin_at(uint32_t idx);

/* Delivers the pin to vector on this core. It is left masked. Any context. */
void ioapic_route(const struct ioapic_pin *pin, uint8_t vector);

/* Any context. */
void ioapic_set_masked(uint32_t gsi, bool masked);

#endif
