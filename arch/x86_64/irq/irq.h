/*
 * What the machine's end asks of interrupts; drivers have kernel/irq.h.
 */
#ifndef ARCH_X86_64_IRQ_IRQ_H
#define ARCH_X86_64_IRQ_IRQ_H

/* Calls the shutdown handler of every irq_client: no device does DMA afterwards. Any context. */
void irq_shutdown(void);

#endif
