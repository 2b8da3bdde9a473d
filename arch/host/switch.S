/*
 * Stack switching for the hosted target, System V AMD64 ABI: rbx rbp r12-r15, the x87 control word
 * and MXCSR belong to the caller of the call that switches; everything else he has saved himself.
 * arch/x86_64/cpu/switch.S says why the x87 flags are cleared, and when.
 */
    .text
    .globl host_switch_stack
    .type host_switch_stack, @function
host_switch_stack: /* rdi: where to keep the old stack pointer; rsi: the new one */
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    fwait
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movzwl 4(%rsp), %eax
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    cmpw 4(%rsp), %ax
    je 1f
    fnclex
    fldcw 4(%rsp)
1:  ldmxcsr (%rsp)
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size host_switch_stack, . - host_switch_stack

    .globl host_context_start
    .type host_context_start, @function
host_context_start: /* r12: entry, r13: its argument; the stack is 16-aligned; never returns */
    xorl %edi, %edi
    xorl %ebp, %ebp
    call host_switch_finish
    movq %r13, %rdi
    call *%r12
    ud2
    .size host_context_start, . - host_context_start
    .section .note.GNU-stack, "", @progbits
