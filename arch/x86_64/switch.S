/*
 * Switching stacks between cooperative tasks. A switch is a function call: the caller-saved
 * registers are dead, no floating point is in use, and the interrupt flag is the same on both
 * sides. System V ABI for AMD64, figure 3.4: rbx, rbp, r12 to r15 belong to the caller.
 */
        .text
        .balign 16
        .globl context_switch_stacks
        .type context_switch_stacks, @function
/* void context_switch_stacks(void **save_sp, void *load_sp) */
context_switch_stacks:
        pushq %rbp
        pushq %rbx
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        movq %rsp, (%rdi)
        movq %rsi, %rsp
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %rbx
        popq %rbp
        ret
        .size context_switch_stacks, . - context_switch_stacks

/* Where a fresh context "returns" to: r12 is the entry, r13 its argument, rbp 0 ends backtraces. */
        .balign 16
        .globl context_start
        .type context_start, @function
context_start:
        movq %r13, %rdi
        call *%r12
        ud2                             /* the entry must not return */
        .size context_start, . - context_start

        .section .note.GNU-stack, "", @progbits
