/*
 * kernel/platform.h's contexts for a Linux process: the machine's own stack switch, with
 * AddressSanitizer told of each one when it is built in (its weak hooks are null otherwise).
 */
#include "kernel/base.h"
#include "kernel/platform.h"

/* Saves the callee-saved registers and the stack pointer, continues on to (switch.S). */
void host_switch_stack(void **from_sp, void *to_sp);
void host_context_start(void); /* switch.S: calls entry(arg) of a fresh stack */

__attribute__((weak)) void __sanitizer_start_switch_fiber(void **save, const void *bottom,
                                                          size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void *save, const void **bottom,
                                                           size_t *size);

enum {
    MXCSR_FLAGS = 0x3f, /* SDM volume 1, section 10.2.3 */
};

/* What host_context_start finds in callee-saved registers. */
struct entry_frame {
    uint32_t mxcsr;
    uint32_t x87_control; /* 16 bits of it */
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
};

static struct boot_stack {
    const void *bottom;
    size_t size;
} boot_stack; /* as the sanitizer names it when the first switch leaves it */

void platform_context_init(struct platform_context *ctx, void *stack_low, void *top,
                           noreturn_fn void (*entry)(void *arg), void *arg)
{
    static_assert(sizeof(struct entry_frame) % 16 == 0, "keeps the alignment");
    struct entry_frame *f = (struct entry_frame *)((uintptr_t)top & ~(uintptr_t)15) - 1;
    uint32_t mxcsr;
    uint16_t x87_control;
    /* The creator's modes, without what its computing has flagged (POSIX pthread_create). */
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87_control));
    *f = (struct entry_frame){.mxcsr = mxcsr & ~(uint32_t)MXCSR_FLAGS,
                              .x87_control = x87_control,
                              .r12 = (uint64_t)(uintptr_t)entry,
                              .r13 = (uint64_t)(uintptr_t)arg,
                              .return_address = (uint64_t)(uintptr_t)host_context_start};
    *ctx =
        (struct platform_context){.sp = f,
                                  .stack_low = stack_low,
                                  .stack_bytes = (size_t)((uint8_t *)top - (uint8_t *)stack_low)};
}

/* First thing on a stack that was switched to: also called by host_context_start. */
void host_switch_finish(void *saved_fiber);
void host_switch_finish(void *saved_fiber)
{
    if (__sanitizer_finish_switch_fiber == NULL) {
        return;
    }
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(saved_fiber, &bottom, &size);
    if (boot_stack.size == 0) {
        boot_stack.bottom = bottom;
        boot_stack.size = size;
    }
}

void platform_context_switch(struct platform_context *from, struct platform_context *to)
{
    assert(from != to && to->sp != NULL);
    if (__sanitizer_start_switch_fiber != NULL) {
        bool boot = to->stack_low == NULL;
        __sanitizer_start_switch_fiber(&from->hosted, boot ? boot_stack.bottom : to->stack_low,
                                       boot ? boot_stack.size : to->stack_bytes);
    }
    host_switch_stack(&from->sp, to->sp);
    host_switch_finish(from->hosted);
}
