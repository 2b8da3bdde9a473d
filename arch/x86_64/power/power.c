/*
 * The end of the run: reboot, off or halt, the devices' DMA quieted first. Each way is tried for a
 * bounded time, the one that the board names first.
 * ACPI specification 6.5: 4.8.3.6 (reset register), 7.4.2 and 16.1.7 (S5), 4.8.3.7 (sleep
 * registers); Intel 8042 command FEh; port CF9h, the reset control register of PC chip sets.
 */
#include <string.h>

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/irq/irq.h"
#include "arch/x86_64/mm/paging.h"
#include "arch/x86_64/pci/config.h"
#include "arch/x86_64/power/power.h"
#include "kernel/log.h"
#include "kernel/platform.h"

enum {
    PM1_POWER_BUTTON = 1 << 8, /* 4.8.3.1 */
    PM1_WAKE_STATUS = 1 << 15,
    PM1_CONTROL_SCI_EN = 1 << 0, /* 4.8.3.2.1: ACPI mode is on */
    PM1_CONTROL_SLP_TYP_SHIFT = 10,
    PM1_CONTROL_SLP_TYP_MASK = 7 << PM1_CONTROL_SLP_TYP_SHIFT,
    PM1_CONTROL_SLP_EN = 1 << 13,
    SLEEP_CONTROL_TYPE_SHIFT = 2, /* 4.8.3.7 */
    SLEEP_CONTROL_ENABLE = 1 << 5,
    SLEEP_STATUS_WAKE = 1 << 7,

    KBC_STATUS = 0x64,
    KBC_COMMAND = 0x64,
    KBC_INPUT_FULL = 1 << 1,
    KBC_PULSE_RESET = 0xfe,
    KBC_WAIT_MAX_POLLS = 100000,
    RESET_CONTROL = 0xcf9,
    RESET_HARD = 0x02,
    RESET_GO = 0x06,

    /*
     * A read of a port takes about a microsecond, whatever the clocks do. Not one of the keyboard
     * controller's: where firmware plays a PS/2 keyboard with a USB one, each is a trap into system
     * management mode, and takes a hundred. This one is the chip set's own and changes nothing.
     */
    SYSTEM_CONTROL = 0x61,
    FIFO_DRAIN_POLLS = 2000,   /* the last line, in the serial port: 16 bytes take 1.4 ms */
    RESET_WAIT_POLLS = 100000, /* for a reset to take effect */
    OFF_WAIT_POLLS = 1000000,  /* for the power to go */
    ACPI_MODE_WAITS_MAX = 300, /* for the firmware's hand-over, */
    ACPI_MODE_POLLS = 1000,    /* each of so many: it takes microseconds */

    QEMU_EXIT_PORT = 0xf4, /* isa-debug-exit, when the launcher asked for it */
};

/* [I] after power_init: the board's registers as far as they can be reached. */
static struct {
    struct acpi_register reset;
    struct acpi_register sleep_control;
    struct acpi_register sleep_status;
} power;

/* A register in memory is mapped while there is memory for tables: not from a panic. */
static struct acpi_register reachable(const struct acpi_register *r)
{
    bool ok = r->address != 0 &&
              (r->space != ACPI_SPACE_MEMORY || paging_map_device(r->address, 1) == STATUS_OK);
    return ok ? *r : (struct acpi_register){ACPI_SPACE_IO, 0};
}

void power_init(void)
{
    const struct acpi_power *p = &acpi_info()->power;
    power.reset = reachable(&p->reset);
    power.sleep_control = reachable(&p->sleep_control);
    power.sleep_status = reachable(&p->sleep_status);
}

static void write_register(const struct acpi_register *r, uint8_t value)
{
    if (r->space == ACPI_SPACE_IO) {
        out8((uint16_t)r->address, value);
    } else if (r->space == ACPI_SPACE_MEMORY) {
        *(volatile uint8_t *)(uintptr_t)r->address = value;
    } else {
        pci_config_write8((uint8_t)(r->address >> 32), (uint8_t)(r->address >> 16),
                          (uint8_t)r->address, value);
    }
}

static void pause_polls(uint32_t polls)
{
    for (uint32_t i = 0; i < polls; i++) {
        (void)in8(SYSTEM_CONTROL);
    }
}

/* To the consoles alone: this may be the end of a panic, and the log is not needed any more. */
static void say(const char *text)
{
    platform_console_write(text, strlen(text));
    pause_polls(FIFO_DRAIN_POLLS);
}

static bool in_virtual_machine(void)
{
    return (cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) != 0;
}

static void reset_by_acpi(void)
{
    if (power.reset.address == 0) {
        return;
    }
    say("power: reset by the register that the FADT names\n");
    write_register(&power.reset, acpi_info()->power.reset_value);
    pause_polls(RESET_WAIT_POLLS);
}

static void reset_by_keyboard_controller(void)
{
    say("power: reset by the keyboard controller\n");
    for (uint32_t i = 0; i < KBC_WAIT_MAX_POLLS; i++) {
        if ((in8(KBC_STATUS) & KBC_INPUT_FULL) == 0) {
            break;
        }
    }
    out8(KBC_COMMAND, KBC_PULSE_RESET);
    pause_polls(RESET_WAIT_POLLS);
}

static void reset_by_chip_set(void)
{
    say("power: reset by the chip set\n");
    out8(RESET_CONTROL, RESET_HARD);
    out8(RESET_CONTROL, RESET_GO);
    pause_polls(RESET_WAIT_POLLS);
}

static void reset_by_triple_fault(void)
{
    say("power: reset by a triple fault\n");
    cpu_triple_fault();
}

noreturn_fn void platform_reboot(void)
{
    cpu_cli();
    irq_shutdown();
    reset_by_acpi();
    reset_by_keyboard_controller();
    reset_by_chip_set();
    reset_by_triple_fault();
    cpu_stop();
}

/* 16.1.6: until then the sleep registers are the firmware's. The button may not have needed it. */
static void enter_acpi_mode(const struct acpi_power *p)
{
    bool is_on = p->smi_port == 0 || (in16(p->control[0]) & PM1_CONTROL_SCI_EN) != 0;
    if (!is_on) {
        out8(p->smi_port, p->smi_enable);
    }
    for (uint32_t i = 0; !is_on && i < ACPI_MODE_WAITS_MAX; i++) {
        pause_polls(ACPI_MODE_POLLS);
        is_on = (in16(p->control[0]) & PM1_CONTROL_SCI_EN) != 0;
    }
}

/* First the type alone, then with the bit that acts, in both blocks. */
static void enter_s5(const struct acpi_power *p)
{
    uint16_t values[ACPI_PM1_COUNT] = {0};
    for (size_t i = 0; i < ACPI_PM1_COUNT; i++) {
        if (p->event[i] != 0) {
            out16(p->event[i], PM1_WAKE_STATUS | PM1_POWER_BUTTON);
        }
        if (p->control[i] != 0) {
            uint16_t kept =
                in16(p->control[i]) & (uint16_t) ~(PM1_CONTROL_SLP_TYP_MASK | PM1_CONTROL_SLP_EN);
            values[i] = (uint16_t)(kept | p->s5_type[i] << PM1_CONTROL_SLP_TYP_SHIFT);
            out16(p->control[i], values[i]);
        }
    }
    for (size_t i = 0; i < ACPI_PM1_COUNT; i++) {
        if (p->control[i] != 0) {
            out16(p->control[i], values[i] | PM1_CONTROL_SLP_EN);
        }
    }
    pause_polls(OFF_WAIT_POLLS);
}

/* The same where there is no fixed hardware. */
static void enter_s5_by_sleep_register(const struct acpi_power *p)
{
    if (power.sleep_status.address != 0) {
        write_register(&power.sleep_status, SLEEP_STATUS_WAKE);
    }
    uint32_t type = (uint32_t)p->s5_type[0] << SLEEP_CONTROL_TYPE_SHIFT;
    write_register(&power.sleep_control, (uint8_t)(type | SLEEP_CONTROL_ENABLE));
    pause_polls(OFF_WAIT_POLLS);
}

noreturn_fn void platform_power_off(void)
{
    cpu_cli();
    irq_shutdown();
    const struct acpi_power *p = &acpi_info()->power;
    bool by_register = !p->usable && power.sleep_control.address != 0;
    bool known = p->s5_found && (p->usable || by_register);
    pause_polls(FIFO_DRAIN_POLLS);
    if (known && by_register) {
        enter_s5_by_sleep_register(p);
    } else if (known) {
        enter_acpi_mode(p);
        enter_s5(p);
    }
    log_error("power: %s: halted, the power may be switched off",
              known ? "the machine did not switch itself off"
                    : "the tables do not say how to switch off");
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
