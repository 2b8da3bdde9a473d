/*
 * The handlers of the vectors above the exceptions. What an interrupt passes before and behind it,
 * the table of gates among it, is trap/'s.
 */
#include "arch/x86_64/cpu/vectors.h"
#include "kernel/log.h"

static struct {
    irq_vector_fn *handlers[VECTOR_COUNT];
    uint64_t taken;
    uint64_t unexpected;
} vectors;

void vectors_set_handler(uint8_t vector, irq_vector_fn *fn)
{
    assert(vector >= VECTOR_IRQ_FIRST);
    vectors.handlers[vector] = fn;
}

uint64_t vectors_taken_count(void)
{
    return *(const volatile uint64_t *)&vectors.taken;
}

uint64_t vectors_unexpected_count(void)
{
    return vectors.unexpected;
}

void vectors_dispatch(uint8_t vector)
{
    assert(vector >= VECTOR_8259_FIRST);
    vectors.taken++;
    if (vectors.handlers[vector] != NULL) {
        vectors.handlers[vector](vector);
        return;
    }
    if (vectors.unexpected++ == 0) {
        log_warn("cpu: interrupt at vector 0x%x, which nobody handles; later ones are counted only",
                 vector);
    }
}
