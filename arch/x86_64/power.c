/*
 * The end of the run: reboot or halt, the devices' DMA quieted first.
 * ACPI 6.4 section 4.8.3.6 (reset register at 0xcf9 on PC chip sets); Intel 8042 command 0xfe.
 */
#include "arch/x86_64/arch.h"
#include "arch/x86_64/cpu.h"
#include "kernel/platform.h"

enum {
    KBC_STATUS = 0x64,
    KBC_COMMAND = 0x64,
    KBC_INPUT_FULL = 1 << 1,
    KBC_PULSE_RESET = 0xfe,
    KBC_WAIT_MAX_POLLS = 100000,
    RESET_CONTROL = 0xcf9,
    RESET_HARD = 0x02,
    RESET_GO = 0x06,
    RESET_WAIT_POLLS = 100000, /* about 100 ms of port reads for a reset to take effect */
    QEMU_EXIT_PORT = 0xf4,     /* isa-debug-exit, when the launcher asked for it */
};

static bool in_virtual_machine(void)
{
    return (cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) != 0;
}

static void pause_for_reset(void)
{
    for (uint32_t i = 0; i < RESET_WAIT_POLLS; i++) {
        (void)in8(KBC_STATUS);
    }
}

static void reset_by_keyboard_controller(void)
{
    for (uint32_t i = 0; i < KBC_WAIT_MAX_POLLS; i++) {
        if ((in8(KBC_STATUS) & KBC_INPUT_FULL) == 0) {
            break;
        }
    }
    out8(KBC_COMMAND, KBC_PULSE_RESET);
    pause_for_reset();
}

static void reset_by_chip_set(void)
{
    out8(RESET_CONTROL, RESET_HARD);
    out8(RESET_CONTROL, RESET_GO);
    pause_for_reset();
}

/* A fault with no descriptor table to handle it: the processor shuts down, boards reset on that. */
static void reset_by_triple_fault(void)
{
    const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nothing = {0, 0};
    __asm__ volatile("lidt %0\n\tint3" : : "m"(nothing) : "memory");
}

noreturn_fn void platform_reboot(void)
{
    cpu_cli();
    irq_shutdown();
    reset_by_chip_set();
    reset_by_keyboard_controller();
    reset_by_triple_fault();
    cpu_stop();
}

/* Under a hypervisor QEMU's exit device is told the code: QEMU ends with (code << 1) | 1. */
noreturn_fn void platform_halt(int exit_code)
{
    cpu_cli();
    irq_shutdown();
    if (in_virtual_machine()) {
        out32(QEMU_EXIT_PORT, (uint32_t)exit_code);
    }
    cpu_stop();
}
