/*
 * The processor's interrupt vectors above its exceptions: who is called when one arrives.
 */
#ifndef ARCH_X86_64_CPU_VECTORS_H
#define ARCH_X86_64_CPU_VECTORS_H

#include "kernel/base.h"

enum {
    /* 0x20..0x2f: where the masked 8259s would deliver; a spurious one is counted and ignored. */
    VECTOR_8259_FIRST = 0x20,
    /* 0x30..0xff: the board's, through vectors_set_handler. */
    VECTOR_IRQ_FIRST = 0x30,
    VECTOR_COUNT = 256,
};

/* irq context, interrupts off. The handler tells the interrupt controller that it is done (EOI). */
typedef void irq_vector_fn(uint8_t vector);

/* Calls fn when vector (VECTOR_IRQ_FIRST or above) arrives. NULL takes it back. Any context. */
void vectors_set_handler(uint8_t vector, irq_vector_fn *fn);

/* An interrupt above the exceptions: calls its handler, or counts it. irq context. */
void vectors_dispatch(uint8_t vector);

/* Interrupts that came, of all vectors above the exceptions. Any context. */
uint64_t vectors_taken_count(void);

/* Those of them that came at vectors with no handler. Any context. */
uint64_t vectors_unexpected_count(void);

#endif
