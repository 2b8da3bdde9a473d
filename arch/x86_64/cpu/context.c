/*
 * kernel/platform.h's contexts on the machine: nothing but the switch itself.
 */
#include "arch/context/context.h"

void platform_context_init(struct platform_context *ctx, void *stack_low, void *top,
                           noreturn_fn void (*entry)(void *arg), void *arg)
{
    context_init(ctx, stack_low, top, entry, arg);
}

void platform_context_switch(struct platform_context *from, struct platform_context *to)
{
    assert(from != to);
    assert(to->stack_low == NULL || (uintptr_t)to->sp >= (uintptr_t)to->stack_low);
    context_switch_stacks(&from->sp, to->sp);
}
