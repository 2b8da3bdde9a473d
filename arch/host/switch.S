/*
 * Stack switching for the hosted target, System V AMD64 ABI: rbx rbp r12-r15 belong to the caller
 * of the call that switches; everything else he has saved himself.
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
    movq %rsp, (%rdi)
    movq %rsi, %rsp
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
host_context_start: /* r12: entry, r13: its argument; never returns */
    subq $8, %rsp /* 16-aligned where a call is made, as the ABI has it */
    xorl %edi, %edi
    xorl %ebp, %ebp
    call host_switch_finish
    movq %r13, %rdi
    call *%r12
    ud2
    .size host_context_start, . - host_context_start
    .section .note.GNU-stack, "", @progbits
