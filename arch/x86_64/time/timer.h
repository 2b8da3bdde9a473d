/*
 * The local APIC's one-shot timer: what ends the processor's sleep, and what is measured with the
 * TSC.
 */
#ifndef ARCH_X86_64_TIME_TIMER_H
#define ARCH_X86_64_TIME_TIMER_H

#include "kernel/base.h"

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
