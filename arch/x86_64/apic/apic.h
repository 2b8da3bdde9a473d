/*
 * The interrupt controllers as the board's own code sees them: 8259 (off), local APIC, and how
 * vectors are shared out. Intel SDM volume 3, chapter 11 (APIC).
 */
#ifndef ARCH_X86_64_APIC_APIC_H
#define ARCH_X86_64_APIC_APIC_H

#include "kernel/base.h"

enum apic_vector {
    VECTOR_SCI = 0x3f,       /* the power button: below the pins */
    VECTOR_PIN_FIRST = 0x40, /* IOAPIC pins, in the order of ioapic_pin_at() */
    VECTOR_PIN_LAST = 0xbf,
    VECTOR_MSI_FIRST = 0xc0, /* messages of MSI and MSI-X, as they are given out */
    VECTOR_MSI_LAST = 0xdf,
    VECTOR_TIMER = 0xe0,    /* above all devices: its priority is higher */
    VECTOR_SPURIOUS = 0xff, /* low four bits set, as old local APICs have them hard-wired */

    /* What IOAPICs and messages can address; 0xff is every processor. SDM 11.6.2.1 and 11.11.1 */
    APIC_DESTINATION_MAX = 0xfe,
};

enum apic_register { /* table 11-1: offsets in memory; the MSR is 0x800 + offset / 16 */
                     APIC_ID = 0x20,
                     APIC_VERSION = 0x30, /* bits 23:16: the number of the last LVT entry */
                     APIC_TPR = 0x80,
                     APIC_EOI = 0xb0,
                     APIC_SVR = 0xf0,
                     APIC_ESR = 0x280,
                     APIC_LVT_CMCI = 0x2f0,
                     APIC_LVT_TIMER = 0x320,
                     APIC_LVT_THERMAL = 0x330,
                     APIC_LVT_PERF = 0x340,
                     APIC_LVT_LINT0 = 0x350,
                     APIC_LVT_ERROR = 0x370,
                     APIC_TIMER_INITIAL = 0x380,
                     APIC_TIMER_CURRENT = 0x390,
                     APIC_TIMER_DIVIDE = 0x3e0,
                     APIC_REGISTERS_BYTES = 0x400,
};

enum {
    APIC_LVT_MASKED = 1 << 16, /* 11.5.1, in each entry of the local vector table */
};

/*
 * Masks every local source, and switches the local APIC on. Logs what it found; panics where there
 * is none. Start-up only, after ACPI.
 */
void apic_init(void);

/* Tells the local APIC that the interrupt in service is done. irq context. */
void apic_eoi(void);

/* The number by which IOAPICs and messages address this core, up to APIC_DESTINATION_MAX. */
uint32_t apic_id(void);

/*
 * A register, in the mode the local APIC is in. For time/timer.c: its timer; the rest is apic.c's.
 * Any context.
 */
uint32_t apic_read(enum apic_register reg);
void apic_write(enum apic_register reg, uint32_t value);

#endif
