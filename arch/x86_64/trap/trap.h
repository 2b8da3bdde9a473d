/*
 * Interrupts and faults: from the entries of stubs.S to the handlers.
 */
#ifndef ARCH_X86_64_TRAP_TRAP_H
#define ARCH_X86_64_TRAP_TRAP_H

#include "kernel/base.h"

enum {
    TRAP_EXCEPTIONS = 32, /* vectors below it are the processor's own */
    TRAP_STUB_BYTES = 16, /* stubs.S aligns the stubs so */
};

enum trap_vector {
    TRAP_NMI = 2,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_PAGE_FAULT = 14,
    TRAP_FLOAT = 16,
    TRAP_MACHINE_CHECK = 18,
    TRAP_SIMD_FLOAT = 19,
};

/* What stubs.S leaves on the stack, lowest address first; the last five are the processor's. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(struct trap_frame) == 22 * 8, "stubs.S pushes this many");
static_assert(offsetof(struct trap_frame, rip) == 17 * 8, "TRAP_FRAME_RIP of stubs.S");

/* Fills and loads the interrupt descriptor table. Start-up, after gdt_init. */
void idt_init(void);

/* Called by stubs.S for every vector, interrupts off. Does not return from an exception. */
void trap_dispatch(struct trap_frame *f);

#endif
