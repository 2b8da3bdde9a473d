/*
 * Segments, the task-state segment, and the stacks of interrupts and faults. None of them runs on
 * the interrupted stack: code with a red zone keeps it (System V ABI, 3.2.2), a task's stack need
 * not have room for a handler, and a fault needs none where the stack has overflowed.
 */
#ifndef ARCH_X86_64_CPU_GDT_H
#define ARCH_X86_64_CPU_GDT_H

#include "kernel/base.h"

enum gdt_selector {
    GDT_CODE = 0x08,
    GDT_DATA = 0x10,
    GDT_TSS = 0x18, /* takes two entries */
};

/* Interrupt stack table entries, 1..7; 0 in a gate means: stay on the current stack. */
enum gdt_ist {
    IST_NONE = 0,
    IST_DOUBLE_FAULT,
    IST_NMI,
    IST_MACHINE_CHECK,
    IST_INTERRUPT, /* all of them: they do not nest */
    IST_FAULT,     /* the other exceptions; not the one above, for a handler may fault */
    IST_END,
};

/*
 * Loads the GDT and the TSS, and keeps where the page below the boot stack is. Start-up, before
 * idt_init.
 */
void gdt_init(uint64_t boot_stack_guard);

/* Behind the highest byte of the stack. Any context. */
uint64_t gdt_stack_top(enum gdt_ist stack);

/*
 * The address of the page below the n-th stack, the boot stack the last, that is to be unmapped; 0
 * behind it. Any context.
 */
uint64_t gdt_guard(size_t n);

#endif
