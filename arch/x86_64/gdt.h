/*
 * Segments, the task-state segment, and the stacks that faults get which cannot trust their own.
 */
#ifndef ARCH_X86_64_GDT_H
#define ARCH_X86_64_GDT_H

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
    IST_END,
};

/* Loads the GDT and the TSS. Start-up, before idt_init. */
void gdt_init(void);

/* Unmaps the guard pages below those stacks and the boot stack. Start-up, after paging_init. */
void gdt_guard_stacks(void);

#endif
