/*
 * How a fresh context begins: a stack that looks as if it had been switched away from. See
 * context.h; switch.S pops it.
 */
#include "arch/context/context.h"

enum {
    STACK_ALIGN_BYTES = 16,
    MXCSR_FLAGS = 0x3f, /* SDM volume 1, section 10.2.3 */
};

/* What context_switch_stacks pops, lowest address first. */
struct saved_registers {
    uint32_t mxcsr;
    uint32_t x87_control; /* 16 bits of it */
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
    uint64_t padding[2];
};
static_assert(sizeof(struct saved_registers) % STACK_ALIGN_BYTES == 0, "keeps the alignment");
static_assert(offsetof(struct saved_registers, padding) % STACK_ALIGN_BYTES == 0,
              "the stack at the call of the entry: aligned as the ABI wants it");

void context_start(void); /* switch.S: calls the entry */

void context_init(struct platform_context *ctx, void *stack_low, void *top,
                  noreturn_fn void (*entry)(void *arg), void *arg)
{
    assert((uintptr_t)top % STACK_ALIGN_BYTES == 0);
    assert((uintptr_t)top > (uintptr_t)stack_low + sizeof(struct saved_registers));
    struct saved_registers *saved = (struct saved_registers *)top - 1;
    uint32_t mxcsr;
    uint16_t x87_control;
    /* The creator's modes, without what its computing has flagged (POSIX pthread_create). */
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87_control));
    *saved = (struct saved_registers){
        .mxcsr = mxcsr & ~(uint32_t)MXCSR_FLAGS,
        .x87_control = x87_control,
        .r12 = (uintptr_t)entry,
        .r13 = (uintptr_t)arg,
        .return_address = (uintptr_t)context_start,
    };
    *ctx = (struct platform_context){
        .sp = saved, .stack_low = stack_low, .stack_bytes = (uintptr_t)top - (uintptr_t)stack_low};
}
