/*
 * 256 entry points, one a vector, TRAP_STUB_BYTES apart, and the way into C and back. Builds struct
 * trap_frame of trap.h, at the top of a stack that is not the interrupted one (idt.c). Of the
 * registers only the general ones are saved: what runs from here on is compiled without the others,
 * which `make check` proves. Intel SDM volume 3, sections 6.12 to 6.14.
 */
        .set EXCEPTIONS_WITH_ERROR_CODE, 0x60227d00 /* vectors 8, 10-14, 17, 21, 29, 30 */
        .set TRAP_FRAME_RIP, 17 * 8

        .text
        .balign 16
        .globl trap_stubs
trap_stubs:
        .set vector, 0
        .rept 256
        .balign 16
        .set has_error_code, 0
        .if vector < 32
        .set has_error_code, (EXCEPTIONS_WITH_ERROR_CODE >> vector) & 1
        .endif
        .if has_error_code == 0
        pushq $0
        .endif
        pushq $vector
        jmp trap_common
        .set vector, vector + 1
        .endr

/*
 * In 64-bit mode the processor aligns the stack to 16 before it pushes, and the frame is a multiple
 * of 16 long: it is aligned for the call as the ABI wants it.
 */
        .balign 16
        .type trap_common, @function
trap_common:
        pushq %rax
        pushq %rbx
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rbp
        pushq %r8
        pushq %r9
        pushq %r10
        pushq %r11
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        cld
        movq %rsp, %rdi
        pushq TRAP_FRAME_RIP(%rsp)      /* a frame as if the interrupted function had called us: */
        pushq %rbp                      /* backtraces go on through it */
        movq %rsp, %rbp
        call trap_dispatch
        addq $16, %rsp
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %r11
        popq %r10
        popq %r9
        popq %r8
        popq %rbp
        popq %rdi
        popq %rsi
        popq %rdx
        popq %rcx
        popq %rbx
        popq %rax
        addq $16, %rsp                  /* vector and error code */
        iretq
        .size trap_common, . - trap_common

        .section .note.GNU-stack, "", @progbits
