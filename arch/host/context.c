/*
 * kernel/platform.h's contexts for a Linux process: the machine's own stack switch, with
 * AddressSanitizer told of each one when it is built in (its weak hooks are null otherwise).
 */
#include "arch/context/context.h"

__attribute__((weak)) void __sanitizer_start_switch_fiber(void **save, const void *bottom,
                                                          size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void *save, const void **bottom,
                                                           size_t *size);

static struct boot_stack {
    const void *bottom;
    size_t size;
} boot_stack; /* as the sanitizer names it when the first switch leaves it */

/* First thing on a stack that was switched to. */
static void finish_switch(void *saved_fiber)
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

/* How a context begins; at the top of its stack, whose alignment it keeps. */
struct beginning {
    noreturn_fn void (*entry)(void *arg);
    void *arg;
};
static_assert(sizeof(struct beginning) == 16, "keeps the alignment");

static noreturn_fn void begin(void *arg)
{
    const struct beginning *b = arg;
    finish_switch(NULL);
    b->entry(b->arg);
}

void platform_context_init(struct platform_context *ctx, void *stack_low, void *top,
                           noreturn_fn void (*entry)(void *arg), void *arg)
{
    struct beginning *b = (struct beginning *)top - 1;
    *b = (struct beginning){entry, arg};
    context_init(ctx, stack_low, b, begin, b);
    ctx->stack_bytes = (size_t)((uint8_t *)top - (uint8_t *)stack_low);
}

void platform_context_switch(struct platform_context *from, struct platform_context *to)
{
    assert(from != to && to->sp != NULL);
    if (__sanitizer_start_switch_fiber != NULL) {
        bool boot = to->stack_low == NULL;
        __sanitizer_start_switch_fiber(&from->hosted, boot ? boot_stack.bottom : to->stack_low,
                                       boot ? boot_stack.size : to->stack_bytes);
    }
    context_switch_stacks(&from->sp, to->sp);
    finish_switch(from->hosted);
}
