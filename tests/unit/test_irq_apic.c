/*
 * The local APIC and its timer in both of its modes, against a model that faults where the
 * processor does (SDM volume 3, 11.12.1.2 and 11.12.1.3), and the 8259s, which are left alone where
 * there are none.
 */
// LINK: arch/x86_64/time/calc.c tests/unit/fake_platform.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_cpu.h"
#include "tests/unit/fake_platform.h"

#include "arch/x86_64/apic/apic.c"
#include "arch/x86_64/apic/pic.c"
#include "arch/x86_64/time/timer.c"

enum {
    CHIP_LVT_LINT1 = 0x360,
    CHIP_ICR = 0x300,
    CHIP_DFR = 0xe0,
    CHIP_LDR = 0xd0,
    X2APIC_LAST_MSR = 0x83f,
};
#define CHIP_ADDRESS UINT64_C(0xfee00000)

static struct {
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t id;
    uint32_t last_lvt;
    uint32_t regs[APIC_REGISTERS_BYTES / 16];
    uint32_t writes[APIC_REGISTERS_BYTES / 16];
    uint64_t tsc;
    uint64_t tsc_deadline;
    uint32_t deadlines;
    bool can_deadline;
    uint32_t port_accesses;
    uint8_t pic_masks[2];
    uint32_t eois;
    uint32_t ticks;
    struct acpi_info acpi;
    irq_vector_fn *handlers[VECTOR_COUNT];
    char log[1024];
    jmp_buf panicked;
} chip;

static bool is_x2apic(void)
{
    return (chip.base & APIC_BASE_X2APIC) != 0;
}

/* Table 11-1 and 11-6: what is there, and what of it is written. */
static void check_access(uint32_t reg, bool writes)
{
    assert_int_equal(reg % 16, 0);
    bool absent = (reg == APIC_LVT_PERF && chip.last_lvt < 4) ||
                  (reg == APIC_LVT_THERMAL && chip.last_lvt < 5) ||
                  (reg == APIC_LVT_CMCI && chip.last_lvt < 6);
    bool only_read = reg == APIC_ID || reg == APIC_VERSION || reg == APIC_TIMER_CURRENT;
    assert_false(absent || (writes && only_read));
    assert_true(reg != CHIP_ICR && reg != CHIP_LVT_LINT1 && reg != CHIP_LDR && reg != CHIP_DFR);
    assert_true(writes || reg != APIC_EOI);
}

static uint32_t chip_read_register(uint32_t reg)
{
    check_access(reg, false);
    switch (reg) {
    case APIC_ID:
        return is_x2apic() ? chip.id : chip.id << 24;
    case APIC_VERSION:
        return 0x14 | chip.last_lvt << 16;
    default:
        return chip.regs[reg / 16];
    }
}

static void chip_write_register(uint32_t reg, uint32_t value)
{
    check_access(reg, true);
    assert_true((reg != APIC_EOI && reg != APIC_ESR) || value == 0);
    chip.eois += reg == APIC_EOI;
    chip.regs[reg / 16] = value;
    chip.writes[reg / 16]++;
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    assert_false(is_x2apic()); /* 11.12.2: nothing answers there */
    assert_ptr_equal(m->base, chip.regs);
    return chip_read_register(offset);
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    assert_false(is_x2apic());
    assert_ptr_equal(m->base, chip.regs);
    chip_write_register(offset, value);
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    assert_int_equal(physical, CHIP_ADDRESS);
    *m = (struct mmio){(volatile uint8_t *)chip.regs, size_bytes};
    return STATUS_OK;
}

uint64_t fake_rdmsr(uint32_t msr)
{
    if (msr == MSR_APIC_BASE) {
        return chip.base;
    }
    assert_true(is_x2apic() && msr >= MSR_X2APIC_FIRST && msr <= X2APIC_LAST_MSR);
    return chip_read_register((msr - MSR_X2APIC_FIRST) * 16);
}

void fake_wrmsr(uint32_t msr, uint64_t v)
{
    if (msr == MSR_APIC_BASE) {
        /* 11.12.5: x2APIC mode is not left; some processors have no other (IA32_XAPIC_DISABLE). */
        assert_int_equal(v & APIC_BASE_X2APIC, chip.base & APIC_BASE_X2APIC);
        chip.base = v;
    } else if (msr == MSR_TSC_DEADLINE) {
        assert_int_equal(chip.regs[APIC_LVT_TIMER / 16], 2 << 17 | VECTOR_TIMER);
        chip.tsc_deadline = v;
        chip.deadlines++;
    } else {
        assert_true(is_x2apic() && msr >= MSR_X2APIC_FIRST && msr <= X2APIC_LAST_MSR);
        assert_int_equal(v >> 32, 0);
        chip_write_register((msr - MSR_X2APIC_FIRST) * 16, (uint32_t)v);
    }
}

struct cpuid_regs fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    assert_int_equal(leaf, 1);
    return (struct cpuid_regs){.ecx = chip.can_deadline ? CPUID_1_ECX_TSC_DEADLINE : 0,
                               .edx = CPUID_1_EDX_APIC};
}

uint64_t fake_rdtsc(void)
{
    return chip.tsc;
}

void fake_out8(uint16_t port, uint8_t v)
{
    chip.port_accesses++;
    if (port == PIC1_DATA_PORT || port == PIC2_DATA_PORT) {
        chip.pic_masks[port == PIC2_DATA_PORT] = v; /* the last that is written is the mask */
    }
}

const struct acpi_info *acpi_info(void)
{
    return &chip.acpi;
}

void vectors_set_handler(uint8_t vector, irq_vector_fn *fn)
{
    chip.handlers[vector] = fn;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t len = strlen(chip.log);
    vsnprintf(chip.log + len, sizeof(chip.log) - len, fmt, ap);
    va_end(ap);
}

noreturn_fn void panic(const char *fmt, ...)
{
    longjmp(chip.panicked, 1);
}

static void count_tick(void)
{
    chip.ticks++;
}

/* As firmware leaves it: on, in the mode it likes, LINT0 for the 8259s, a timer of its own. */
static int begin_mode(bool x2apic)
{
    fake_reset(4096);
    memset(&apic, 0, sizeof(apic));
    memset(&timer, 0, sizeof(timer));
    memset(&chip, 0, sizeof(chip));
    chip.base = CHIP_ADDRESS | APIC_BASE_ENABLED | 1 << 8 | (x2apic ? APIC_BASE_X2APIC : 0);
    chip.id = 3;
    chip.last_lvt = 6;
    chip.regs[APIC_LVT_LINT0 / 16] = 0x8700;
    chip.regs[APIC_LVT_TIMER / 16] = 0x20030;
    chip.acpi.lapic_address = CHIP_ADDRESS;
    chip.acpi.has_8259 = true;
    return 0;
}

static int begin(void **state)
{
    return begin_mode(false);
}

static void test_both_modes(void **state)
{
    for (int x2apic = 0; x2apic < 2; x2apic++) {
        begin_mode(x2apic != 0);
        chip.regs[APIC_TPR / 16] = 0x20;
        apic_init();
        static const uint32_t masked[] = {APIC_LVT_TIMER, APIC_LVT_LINT0,   APIC_LVT_ERROR,
                                          APIC_LVT_PERF,  APIC_LVT_THERMAL, APIC_LVT_CMCI};
        for (size_t i = 0; i < ARRAY_SIZE(masked); i++) {
            assert_int_equal(chip.regs[masked[i] / 16], 1 << 16);
        }
        assert_int_equal(chip.regs[APIC_SVR / 16], 0x1ff);
        assert_int_equal(chip.regs[APIC_TPR / 16], 0);
        assert_int_equal(chip.writes[APIC_ESR / 16], 1);
        assert_int_equal(chip.base & APIC_BASE_X2APIC, x2apic != 0 ? APIC_BASE_X2APIC : 0);
        assert_int_equal(apic_id(), 3);
        assert_string_equal(chip.log, x2apic != 0 ? "apic: local APIC 3 in x2APIC mode"
                                                  : "apic: local APIC 3 in xAPIC mode");
    }
}

/* 11.4.6: 8 bits in the top of the register; 11.12.5.1: all 32. */
static void test_ids(void **state)
{
    static const uint32_t ids[] = {0, 1, 254, 255, 256, 0x1234, 0xfffffffe};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        begin_mode(ids[i] > 255);
        chip.id = ids[i];
        apic_init();
        assert_int_equal(apic_id(), ids[i]);
    }
}

/* 11.5.1: the version register says which entries there are; the others fault. */
static void test_only_entries_that_are_there(void **state)
{
    for (uint32_t last = 3; last <= 6; last++) {
        begin_mode(true);
        chip.last_lvt = last;
        apic_init();
        assert_int_equal(chip.writes[APIC_LVT_PERF / 16], last >= 4);
        assert_int_equal(chip.writes[APIC_LVT_THERMAL / 16], last >= 5);
        assert_int_equal(chip.writes[APIC_LVT_CMCI / 16], last >= 6);
    }
}

static void test_switched_off_by_firmware(void **state)
{
    chip.base &= ~(uint64_t)APIC_BASE_ENABLED;
    apic_init();
    assert_true((chip.base & APIC_BASE_ENABLED) != 0);
    assert_int_equal(chip.regs[APIC_SVR / 16], 0x1ff);
}

/* The MADT's address, its override by an entry of type 5 included, is only compared. */
static void test_the_processor_knows_where_it_is(void **state)
{
    chip.acpi.lapic_address = UINT64_C(0x1fee00000);
    apic_init();
    assert_non_null(strstr(chip.log, "the MADT places the local APIC at 0x1fee00000, the processor "
                                     "at 0xfee00000: the processor is right"));
    begin_mode(true);
    chip.acpi.lapic_address = 0;
    apic_init();
    assert_null(strstr(chip.log, "MADT"));
}

static void test_no_8259(void **state)
{
    apic_init();
    assert_int_equal(chip.pic_masks[0], 0xff);
    assert_int_equal(chip.pic_masks[1], 0xff);
    assert_true(chip.port_accesses > 0);
    begin(state);
    chip.acpi.has_8259 = false;
    apic_init();
    assert_int_equal(chip.port_accesses, 0);
    assert_string_equal(chip.log, "apic: local APIC 3 in xAPIC mode, no 8259");
}

static void test_ends_of_interrupts(void **state)
{
    for (int x2apic = 0; x2apic < 2; x2apic++) {
        begin_mode(x2apic != 0);
        apic_init();
        chip.handlers[VECTOR_SPURIOUS](VECTOR_SPURIOUS);
        assert_int_equal(chip.eois, 0); /* 11.9 */
        chip.handlers[VECTOR_MSI_LAST](VECTOR_MSI_LAST);
        assert_int_equal(chip.eois, 1);
        assert_non_null(strstr(chip.log, "unexpected interrupt at vector 0xdf (1 so far)"));
        apic_timer_init(1000000, 0);
        apic_timer_set_tick(count_tick);
        chip.handlers[VECTOR_TIMER](VECTOR_TIMER);
        assert_int_equal(chip.eois, 2);
        assert_int_equal(chip.ticks, 1);
    }
}

/* One-shot by its own counter: what a machine without an invariant TSC has. */
static void test_timer_by_its_counter(void **state)
{
    for (int x2apic = 0; x2apic < 2; x2apic++) {
        begin_mode(x2apic != 0);
        chip.can_deadline = true;
        apic_init();
        apic_timer_init(1000000, 0);
        assert_int_equal(chip.regs[APIC_LVT_TIMER / 16], VECTOR_TIMER);
        assert_int_equal(chip.regs[APIC_TIMER_DIVIDE / 16], 3);
        fake.now_ns = 5000000;
        apic_timer_arm(fake.now_ns + 2000000);
        assert_in_range(chip.regs[APIC_TIMER_INITIAL / 16], 2000, 2001); /* never early */
        apic_timer_arm(1);
        assert_in_range(chip.regs[APIC_TIMER_INITIAL / 16], 1, 2); /* past: at once, not never */
        apic_timer_arm(DEADLINE_NONE);
        assert_int_equal(chip.regs[APIC_TIMER_INITIAL / 16], 0);
        assert_int_equal(chip.deadlines, 0);
        apic_timer_arm(fake.now_ns + 3000000);
        chip.handlers[VECTOR_TIMER](VECTOR_TIMER);
        assert_int_equal(apic_timer_expired_ns(), 3000000);
    }
}

/* Each write is an exit where a hypervisor emulates the APIC; and most waits are for the same. */
static void test_timer_is_not_set_twice(void **state)
{
    uint32_t *initial = &chip.regs[APIC_TIMER_INITIAL / 16];
    apic_init();
    apic_timer_init(1000000, 0);
    for (uint32_t again = 0; again < 3; again++) { /* after it has come the same is another */
        apic_timer_arm(2000000);
        assert_in_range(*initial, 2000, 2001);
        *initial = 0x55;
        apic_timer_arm(2000000);
        assert_int_equal(*initial, 0x55);
        apic_timer_arm(3000000);
        assert_in_range(*initial, 3000, 3001);
        chip.handlers[VECTOR_TIMER](VECTOR_TIMER);
    }
}

static void test_timer_by_deadlines(void **state)
{
    for (int x2apic = 0; x2apic < 2; x2apic++) {
        begin_mode(x2apic != 0);
        chip.can_deadline = true;
        apic_init();
        apic_timer_init(0, 2000000000); /* its counter may stand still: it is not asked */
        chip.tsc = 1000;
        apic_timer_arm(500);
        assert_in_range(chip.tsc_deadline, 2000, 2001);
        apic_timer_arm(0);
        assert_int_equal(chip.tsc_deadline, 1001);
        apic_timer_arm(DEADLINE_NONE);
        assert_int_equal(chip.tsc_deadline, 0);
    }
}

/* An invariant TSC alone is not enough: the mode is CPUID's to promise. */
static void test_no_deadlines_without_the_mode(void **state)
{
    apic_init();
    apic_timer_init(1000000, 2000000000);
    apic_timer_arm(2000000);
    assert_in_range(chip.regs[APIC_TIMER_INITIAL / 16], 2000, 2001);
    assert_int_equal(chip.deadlines, 0);
    if (setjmp(chip.panicked) == 0) {
        apic_timer_init(0, 2000000000);
        fail_msg("a machine without any timer cannot be run");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_both_modes, begin),
        cmocka_unit_test_setup(test_ids, begin),
        cmocka_unit_test_setup(test_only_entries_that_are_there, begin),
        cmocka_unit_test_setup(test_switched_off_by_firmware, begin),
        cmocka_unit_test_setup(test_the_processor_knows_where_it_is, begin),
        cmocka_unit_test_setup(test_no_8259, begin),
        cmocka_unit_test_setup(test_ends_of_interrupts, begin),
        cmocka_unit_test_setup(test_timer_by_its_counter, begin),
        cmocka_unit_test_setup(test_timer_is_not_set_twice, begin),
        cmocka_unit_test_setup(test_timer_by_deadlines, begin),
        cmocka_unit_test_setup(test_no_deadlines_without_the_mode, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
