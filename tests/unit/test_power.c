/*
 * The ways in which a machine is reset or switched off, over ports, registers and a processor of
 * the test's: their order, what each writes, and that a machine on which none works is not waited
 * for without end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base.h"

/* Instead of the processor's. */
#define ARCH_X86_64_CPU_CPU_H
enum { CPUID_1_ECX_HYPERVISOR = 1u << 31 };
struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};
static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf);
static uint8_t in8(uint16_t port);
static uint16_t in16(uint16_t port);
static void out8(uint16_t port, uint8_t v);
static void out16(uint16_t port, uint16_t v);
static void out32(uint16_t port, uint32_t v);
static void cpu_cli(void);
static void cpu_triple_fault(void);
static noreturn_fn void cpu_stop(void);
#include "arch/x86_64/power/power.c"

enum {
    WAIT_MAX_US = 2000000,
    PORT_US = 1,   /* about what an access takes */
    TRAP_US = 100, /* where system management mode plays a PS/2 keyboard, with a USB one */
};

static struct {
    struct acpi_info info;
    char did[1024]; /* what was done, in order */
    uint64_t waited_us;
    bool no_keyboard_controller; /* its ports read as ones */
    bool hypervisor;
    enum status map;
    uint8_t memory[8];
    uint16_t pm1_control;
    bool firmware_keeps_it; /* ACPI mode is asked for in vain */
    jmp_buf stopped;
} board;

static void did(const char *fmt, ...) printf_like(1, 2);
static void did(const char *fmt, ...)
{
    size_t len = strlen(board.did);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(board.did + len, sizeof(board.did) - len, fmt, ap);
    va_end(ap);
}

static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)leaf;
    (void)subleaf;
    return (struct cpuid_regs){.ecx = board.hypervisor ? CPUID_1_ECX_HYPERVISOR : 0};
}

static uint8_t in8(uint16_t port)
{
    assert_true(port == 0x61 || port == 0x64);
    bool trapped = port == 0x64 && !board.no_keyboard_controller;
    board.waited_us += trapped ? TRAP_US : PORT_US;
    return board.no_keyboard_controller ? 0xff : 0x1c;
}

static uint16_t in16(uint16_t port)
{
    return port == 0x404 ? board.pm1_control : 0;
}

static void out8(uint16_t port, uint8_t v)
{
    did("%x=%02x ", (unsigned)port, (unsigned)v);
    if (port == board.info.power.smi_port && port != 0 && !board.firmware_keeps_it) {
        board.pm1_control |= 1;
    }
}

static void out16(uint16_t port, uint16_t v)
{
    did("%x=%04x ", (unsigned)port, (unsigned)v);
}

static void out32(uint16_t port, uint32_t v)
{
    did("%x=%08x ", (unsigned)port, (unsigned)v);
}

static void cpu_cli(void)
{
    did("cli ");
}

static void cpu_triple_fault(void)
{
    did("triple ");
}

static noreturn_fn void cpu_stop(void)
{
    did("stop");
    longjmp(board.stopped, 1);
}

void irq_shutdown(void)
{
    did("quiet ");
}

void pci_config_write8(uint8_t slot, uint8_t func, uint8_t offset, uint8_t value)
{
    did("pci %x.%u %02x=%02x ", slot, func, offset, value);
}

const struct acpi_info *acpi_info(void)
{
    return &board.info;
}

enum status paging_map_device(uint64_t phys, uint64_t len)
{
    assert_true(phys == (uintptr_t)&board.memory[3] && len == 1);
    return board.map;
}

void platform_console_write(const char *text, size_t len)
{
    assert_true(len == strlen(text) && text[len - 1] == '\n');
}

void log_write(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    did("%s", level == LOG_ERROR ? "error " : "");
}

static int setup(void **state)
{
    (void)state;
    memset(&board, 0, sizeof(board));
    return 0;
}

static void check(noreturn_fn void (*end)(void), const char *expected)
{
    board.did[0] = '\0';
    board.waited_us = 0;
    power_init();
    if (setjmp(board.stopped) == 0) {
        end();
    }
    assert_string_equal(board.did, expected);
    assert_true(board.waited_us <= WAIT_MAX_US);
}

/* Nothing works: each in its turn. */
#define BEHIND_ACPI "64=fe cf9=02 cf9=06 triple stop"

static void test_reset_without_a_register(void **state)
{
    (void)state;
    check(platform_reboot, "cli quiet " BEHIND_ACPI);
    board.no_keyboard_controller = true;
    check(platform_reboot, "cli quiet " BEHIND_ACPI);
}

static void test_reset_registers(void **state)
{
    (void)state;
    struct acpi_power *p = &board.info.power;
    p->reset = (struct acpi_register){ACPI_SPACE_IO, 0xb2};
    p->reset_value = 0x73;
    check(platform_reboot, "cli quiet b2=73 " BEHIND_ACPI);
    p->reset = (struct acpi_register){ACPI_SPACE_PCI, UINT64_C(0x1f000300ac)};
    check(platform_reboot, "cli quiet pci 1f.3 ac=73 " BEHIND_ACPI);
    p->reset = (struct acpi_register){ACPI_SPACE_MEMORY, (uintptr_t)&board.memory[3]};
    check(platform_reboot, "cli quiet " BEHIND_ACPI);
    static const uint8_t one_byte[8] = {0, 0, 0, 0x73};
    assert_memory_equal(board.memory, one_byte, sizeof(one_byte));
    board.memory[3] = 0;
    board.map = STATUS_BAD_INPUT; /* it is RAM */
    check(platform_reboot, "cli quiet " BEHIND_ACPI);
    assert_int_equal(board.memory[3], 0);
}

static void test_off(void **state)
{
    (void)state;
    struct acpi_power *p = &board.info.power;
    check(platform_power_off, "cli quiet error stop"); /* no tables */
    p->usable = true;
    p->event[0] = 0x400;
    p->control[0] = 0x404;
    p->control[1] = 0x424;
    check(platform_power_off, "cli quiet error stop"); /* no \_S5 */
    p->s5_found = true;
    p->s5_type[0] = 7;
    p->s5_type[1] = 5;
    board.pm1_control = 0x3403; /* what is not SLP_TYP nor SLP_EN stays */
    check(platform_power_off, "cli quiet 400=8100 404=1c03 424=1400 404=3c03 424=3400 error stop");
}

/* Whose button is no fixed hardware, that machine is not in ACPI mode before. */
static void test_off_from_legacy_mode(void **state)
{
    (void)state;
    struct acpi_power *p = &board.info.power;
    p->usable = true;
    p->event[0] = 0x400;
    p->control[0] = 0x404;
    p->smi_port = 0xb2;
    p->smi_enable = 0xa0;
    p->s5_found = true;
    p->s5_type[0] = 7;
    check(platform_power_off, "cli quiet b2=a0 400=8100 404=1c01 404=3c01 error stop");
    check(platform_power_off, "cli quiet 400=8100 404=1c01 404=3c01 error stop"); /* it is on */
    board.pm1_control = 0;
    board.firmware_keeps_it = true;
    check(platform_power_off, "cli quiet b2=a0 400=8100 404=1c00 404=3c00 error stop");
}

/* As tests/acpi/tablet.txt: the sleep control register is the upper half of what PM1 would be. */
static void test_off_on_reduced_hardware(void **state)
{
    (void)state;
    struct acpi_power *p = &board.info.power;
    p->event[0] = 0x400;
    p->control[0] = 0x404;
    p->s5_found = true;
    p->s5_type[0] = 7;
    check(platform_power_off, "cli quiet error stop");
    p->sleep_control = (struct acpi_register){ACPI_SPACE_IO, 0x405};
    check(platform_power_off, "cli quiet 405=3c error stop");
    p->sleep_status = (struct acpi_register){ACPI_SPACE_IO, 0x401};
    check(platform_power_off, "cli quiet 401=80 405=3c error stop");
    p->usable = true; /* the fixed hardware is what counts where it is there */
    check(platform_power_off, "cli quiet 400=8100 404=1c00 404=3c00 error stop");
}

static noreturn_fn void halt_with_3(void)
{
    platform_halt(3);
}

static void test_halt(void **state)
{
    (void)state;
    check(halt_with_3, "cli quiet stop");
    board.hypervisor = true;
    check(halt_with_3, "cli quiet f4=00000003 stop");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reset_without_a_register, setup),
        cmocka_unit_test_setup(test_reset_registers, setup),
        cmocka_unit_test_setup(test_off, setup),
        cmocka_unit_test_setup(test_off_from_legacy_mode, setup),
        cmocka_unit_test_setup(test_off_on_reduced_hardware, setup),
        cmocka_unit_test_setup(test_halt, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
