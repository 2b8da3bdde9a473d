/*
 * The interrupt flag as kernel/platform.h has it.
 */
#include "arch/x86_64/cpu/cpu.h"
#include "kernel/platform.h"

uint64_t platform_irq_save(void)
{
    uint64_t flags = cpu_flags();
    cpu_cli();
    return flags & CPU_RFLAGS_IF;
}

void platform_irq_restore(uint64_t saved)
{
    if (saved != 0) {
        cpu_sti();
    }
}
