/*
 * Switching stacks between cooperative tasks. A switch is a function call: the caller-saved
 * registers are dead, those of x87 and SSE among them, and the interrupt flag is the same on both
 * sides. System V ABI for AMD64, section 3.2.3: rbx, rbp, r12 to r15, the x87 control word and
 * MXCSR's control bits belong to the caller. MXCSR's flags go with its control bits. The x87 flags
 * are the ABI's caller's to lose, and stay where they are, unless the other side sees exceptions
 * differently: an old flag would make an exception of its at the next instruction (SDM volume 2,
 * FLDCW).
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
        subq $8, %rsp
        fwait                           /* an exception still to come is this side's */
        stmxcsr (%rsp)
        fnstcw 4(%rsp)
        movzwl 4(%rsp), %eax
        movq %rsp, (%rdi)
        movq %rsi, %rsp
        cmpw 4(%rsp), %ax
        je 1f
        fnclex
        fldcw 4(%rsp)
1:      ldmxcsr (%rsp)
        addq $8, %rsp
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
