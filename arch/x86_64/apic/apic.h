/*
 * The interrupt controllers as the board's own code sees them: 8259 (off), local APIC with its
 * one-shot timer, and how vectors are shared out. Intel SDM volume 3, chapter 11 (APIC).
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

    /* What IOAPICs and messages can address; 0xff is everybody. SDM 11.6.2.1 and 11.11.1 */
    APIC_DESTINATION_MAX = 0xfe,
};

/*
 * Masks every local source, and switches the local APIC on. Logs what it found; panics where there
 * is none. Start-up only, after ACPI.
 */
void apic_init(void);

/* Remaps and masks both 8259s. Start-up only. */
void pic_init(void);

/* Tells the local APIC that the interrupt in service is done. irq context. */
void apic_eoi(void);

/* The number by which IOAPICs and messages address this core, up to APIC_DESTINATION_MAX. */
uint32_t apic_id(void);

/*
 * For calibration, interrupts off: lets the timer count down from its maximum with its interrupt
 * masked, and reads it.
 */
void apic_timer_count_start(void);
uint32_t apic_timer_count(void);

/*
 * Ready for arming: the timer counts at timer_hz, the TSC at tsc_hz, 0 when deadlines are not to be
 * set by it. Start-up only.
 */
void apic_timer_init(uint64_t timer_hz, uint64_t tsc_hz);

/*
 * One interrupt at deadline_ns, or earlier when the timer cannot count that far; at once when it is
 * past. DEADLINE_NONE: none. What was armed before is forgotten. Interrupts off or irq context.
 */
void apic_timer_arm(uint64_t deadline_ns);

/*
 * How long all the waits together were that the timer has ended: time by the timer alone, which
 * goes on while the processor halts. Any context.
 */
uint64_t apic_timer_expired_ns(void);

/* Called at each timer interrupt, in irq context. NULL: nobody, it only ends the halt. */
void apic_timer_set_tick(void (*tick)(void));

#endif
