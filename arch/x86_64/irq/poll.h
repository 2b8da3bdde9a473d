/*
 * What waiting must know of interrupt routing: whether some device is polled by the timer.
 */
#ifndef ARCH_X86_64_IRQ_POLL_H
#define ARCH_X86_64_IRQ_POLL_H

#include "kernel/base.h"

/*
 * When the polled devices are to be asked next by a processor that goes to sleep now, or
 * DEADLINE_NONE. Interrupts off.
 */
uint64_t irq_next_poll_ns(void);

#endif
