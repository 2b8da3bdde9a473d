/*
 * The stacks that tasks run on. What a stack pointer in a struct platform_context points to is
 * known here and in switch.S only.
 */
#include "arch/x86_64/cpu/cpu.h"
#include "kernel/platform.h"

enum {
    STACK_ALIGN_BYTES = 16,
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

void context_switch_stacks(void **save_sp, void *load_sp);
void context_start(void);

void platform_context_init(struct platform_context *ctx, void *stack_low, void *top,
                           noreturn_fn void (*entry)(void *arg), void *arg)
{
    assert((uintptr_t)top % STACK_ALIGN_BYTES == 0);
    assert((uintptr_t)top > (uintptr_t)stack_low + sizeof(struct saved_registers));
    struct saved_registers *saved = (struct saved_registers *)top - 1;
    /* The creator's modes, without what its computing has flagged (POSIX pthread_create). */
    *saved = (struct saved_registers){
        .mxcsr = cpu_read_mxcsr() & ~(uint32_t)CPU_MXCSR_FLAGS,
        .x87_control = cpu_read_x87_control(),
        .r12 = (uintptr_t)entry,
        .r13 = (uintptr_t)arg,
        .return_address = (uintptr_t)context_start,
    };
    ctx->sp = saved;
    ctx->stack_low = stack_low;
    ctx->stack_bytes = (uintptr_t)top - (uintptr_t)stack_low;
    ctx->hosted = NULL;
}

void platform_context_switch(struct platform_context *from, struct platform_context *to)
{
    assert(from != to);
    assert(to->stack_low == NULL || (uintptr_t)to->sp >= (uintptr_t)to->stack_low);
    context_switch_stacks(&from->sp, to->sp);
}
