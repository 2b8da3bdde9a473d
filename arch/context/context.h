/*
 * The stacks that tasks run on, as every AMD64 target has them: what a stack pointer in a struct
 * platform_context points to is known in this folder alone. A target adds what a switch means to
 * itself (arch/x86_64/cpu/context.c, arch/host/context.c).
 */
#ifndef ARCH_CONTEXT_CONTEXT_H
#define ARCH_CONTEXT_CONTEXT_H

#include "kernel/platform.h"

/*
 * Makes *ctx a stack from stack_low up to top (16-aligned) that begins with entry(arg), which never
 * returns, in the floating-point modes of the caller.
 */
void context_init(struct platform_context *ctx, void *stack_low, void *top,
                  noreturn_fn void (*entry)(void *arg), void *arg);

/*
 * Keeps the caller's registers on its stack and the stack pointer in *save_sp, and goes on where
 * load_sp was kept, or where a fresh context begins.
 */
void context_switch_stacks(void **save_sp, void *load_sp);

#endif
