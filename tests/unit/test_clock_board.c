/*
 * How time is found on boards that lack some of a PC's counters: every combination of HPET, PM
 * timer and PIT that are there, absent, or named and dead, beside processors that state what their
 * TSC does in one of three ways, or not at all. The board is simulated over a TSC of known pace.
 */
// LINK: arch/x86_64/time/calc.c arch/x86_64/time/guard.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/acpi.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "tests/unit/fake_cpu.h"

#include "arch/x86_64/time/calibrate.c"
#include "arch/x86_64/time/clock.c"
#include "arch/x86_64/time/ref.c"

enum part {
    PART_ABSENT,
    PART_DEAD, /* named, and it stands still */
    PART_THERE,
    PART_COUNT,
};

enum stated {
    STATED_NOT,
    STATED_CRYSTAL,    /* leaf 15h with the crystal's frequency */
    STATED_HYPERVISOR, /* leaf 4000_0010h */
    STATED_BASE,       /* leaf 16h alone, rounded to 100 MHz: 0.4% off here */
    STATED_COUNT,
};

enum {
    PM_PORT = 0x608,
    APIC_TIMER_HZ = 62500000,
    PORT_TICKS = 2400, /* of the TSC that an access takes: a microsecond */
    MEMORY_TICKS = 700,
    HPET_PERIOD_IN_FS = 69841279, /* 14.318 MHz */
};
#define TSC_HZ UINT64_C(2410000000)

static struct {
    enum part hpet, pm, pit;
    enum stated stated;
    uint32_t base_mhz; /* STATED_BASE */
    bool invariant;
    bool hardware_reduced;
    uint64_t tsc;
    uint16_t pit_latched;
    bool pit_high; /* which byte is read next */
    uint64_t apic_started;
    uint64_t timer_hz, deadline_hz; /* what the local APIC's timer was told */
    bool watched;
    const char *watcher;
    struct acpi_info acpi;
    char log[1024];
    char panic[256];
    jmp_buf panicked;
} pc;

static uint64_t count_at(uint64_t hz)
{
    return (uint64_t)((unsigned __int128)pc.tsc * hz / TSC_HZ);
}

uint64_t fake_rdtsc(void)
{
    pc.tsc += 25;
    return pc.tsc;
}

uint8_t fake_in8(uint16_t port)
{
    pc.tsc += PORT_TICKS;
    if (port != PIT_CHANNEL2_PORT || pc.pit == PART_ABSENT) {
        return 0xff;
    }
    pc.pit_high = !pc.pit_high;
    return (uint8_t)(pc.pit_high ? pc.pit_latched : pc.pit_latched >> 8);
}

void fake_out8(uint16_t port, uint8_t v)
{
    pc.tsc += PORT_TICKS;
    if (port == PIT_COMMAND_PORT && v == PIT_CHANNEL2_LATCH) {
        pc.pit_latched = pc.pit == PART_THERE ? (uint16_t)(0 - count_at(PIT_HZ)) : 0x1234;
        pc.pit_high = false;
    }
}

uint32_t fake_in32(uint16_t port)
{
    assert_int_equal(port, PM_PORT);
    assert_int_not_equal(pc.pm, PART_ABSENT);
    pc.tsc += PORT_TICKS;
    return pc.pm == PART_THERE ? count_at(PM_TIMER_HZ) & 0xffffff : 0x42;
}

struct cpuid_regs fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    if (leaf == 1) {
        return (struct cpuid_regs){.ecx = pc.stated == STATED_HYPERVISOR ? 1U << 31 : 0};
    }
    if (leaf == CPUID_TSC_CRYSTAL && pc.stated == STATED_CRYSTAL) {
        return (struct cpuid_regs){.eax = 2, .ebx = 241, .ecx = 20000000};
    }
    if (leaf == CPUID_HYPERVISOR_TSC_KHZ && pc.stated == STATED_HYPERVISOR) {
        return (struct cpuid_regs){.eax = TSC_HZ / 1000};
    }
    /* Without the crystal's frequency, as the first that had leaf 15h. */
    if (leaf == CPUID_TSC_CRYSTAL && pc.stated == STATED_BASE) {
        return (struct cpuid_regs){.eax = 2, .ebx = 201};
    }
    if (leaf == CPUID_BASE_MHZ && pc.stated == STATED_BASE) {
        return (struct cpuid_regs){.eax = pc.base_mhz};
    }
    return (struct cpuid_regs){0};
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    pc.tsc += MEMORY_TICKS;
    if (offset == HPET_PERIOD_FS) {
        return HPET_PERIOD_IN_FS;
    }
    uint64_t hz = FS_PER_S / HPET_PERIOD_IN_FS;
    return offset == HPET_COUNTER && pc.hpet == PART_THERE ? (uint32_t)count_at(hz) : 0;
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    assert_int_equal(offset, HPET_CONFIG);
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    assert_int_equal(physical, 0xfed00000);
    return STATUS_OK;
}

void apic_timer_count_start(void)
{
    pc.apic_started = count_at(APIC_TIMER_HZ);
}

uint32_t apic_timer_count(void)
{
    pc.tsc += MEMORY_TICKS;
    return UINT32_MAX - (uint32_t)(count_at(APIC_TIMER_HZ) - pc.apic_started);
}

void apic_timer_init(uint64_t timer_hz, uint64_t tsc_hz)
{
    pc.timer_hz = timer_hz;
    pc.deadline_hz = tsc_hz;
}

bool clock_tsc_is_invariant(void)
{
    return pc.invariant;
}

bool clock_watch_start(const struct clock_ref *r)
{
    pc.watched = true;
    pc.watcher = r != NULL ? r->name : "nobody";
    return r != NULL;
}

/* Only where time goes on by a counter, which nothing here asks for. */
uint64_t platform_irq_save(void)
{
    fail();
    return 0;
}

void platform_irq_restore(uint64_t saved)
{
    fail();
}

const struct acpi_info *acpi_info(void)
{
    return &pc.acpi;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t len = strlen(pc.log);
    len += (size_t)vsnprintf(pc.log + len, sizeof(pc.log) - len, fmt, ap);
    (void)snprintf(pc.log + len, sizeof(pc.log) - len, "\n");
    va_end(ap);
}

noreturn_fn void panic(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(pc.panic, sizeof(pc.panic), fmt, ap);
    va_end(ap);
    longjmp(pc.panicked, 1);
}

static void begin(enum part hpet, enum part pm, enum part pit, enum stated stated)
{
    memset(&pc, 0, sizeof(pc));
    memset(&tsc, 0, sizeof(tsc));
    pc.hpet = hpet;
    pc.pm = pm;
    pc.pit = pit;
    pc.stated = stated;
    pc.base_mhz = 2400;
    pc.invariant = true;
    pc.acpi.hpet_address = hpet == PART_ABSENT ? 0 : 0xfed00000;
    pc.acpi.pm_timer_port = pm == PART_ABSENT ? 0 : PM_PORT;
}

/* False: it panicked. */
static bool boot(void)
{
    if (setjmp(pc.panicked) != 0) {
        return false;
    }
    clock_start(fake_rdtsc());
    clock_init();
    return true;
}

static void assert_near(uint64_t got, uint64_t want, uint64_t per_mille)
{
    assert_in_range(got, want - want * per_mille / 1000, want + want * per_mille / 1000);
}

static void test_every_combination(void **state)
{
    for (uint32_t i = 0; i < PART_COUNT * PART_COUNT * PART_COUNT * STATED_COUNT; i++) {
        enum part hpet = i % PART_COUNT;
        enum part pm = i / PART_COUNT % PART_COUNT;
        enum part pit = i / PART_COUNT / PART_COUNT % PART_COUNT;
        enum stated stated = i / PART_COUNT / PART_COUNT / PART_COUNT;
        bool counts = hpet == PART_THERE || pm == PART_THERE || pit == PART_THERE;
        begin(hpet, pm, pit, stated);
        assert_int_equal(boot(), counts || stated != STATED_NOT);
        if (!counts && stated == STATED_NOT) {
            assert_non_null(strstr(pc.panic, "neither HPET nor PM timer nor PIT counts"));
            continue;
        }
        uint64_t off = counts || stated != STATED_BASE ? 1 : 5;
        assert_near(tsc.hz, TSC_HZ, off);
        assert_int_equal(pc.deadline_hz, tsc.hz);
        assert_near(pc.timer_hz, APIC_TIMER_HZ, off);
    }
}

/* 900 MHz is the base frequency of processors whose TSC has 912: a counter knows better. */
static void test_a_base_frequency_that_is_far_off(void **state)
{
    static const enum part counters[][3] = {
        {PART_DEAD, PART_THERE, PART_DEAD},
        {PART_ABSENT, PART_ABSENT, PART_THERE},
        {PART_THERE, PART_ABSENT, PART_ABSENT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        begin(counters[i][0], counters[i][1], counters[i][2], STATED_BASE);
        pc.base_mhz = 2378;
        assert_true(boot());
        assert_near(tsc.hz, TSC_HZ, 1);
    }
}

static void test_nothing_but_the_processor(void **state)
{
    begin(PART_ABSENT, PART_ABSENT, PART_ABSENT, STATED_CRYSTAL);
    pc.acpi.hardware_reduced = true; /* the PIT is not even looked for */
    assert_true(boot());
    assert_string_equal(pc.log, "clock: TSC 2410.00 MHz by CPUID alone: nothing to compare it "
                                "with\n");
    uint64_t from_ns = time_now_ns();
    time_delay_us(1000);
    assert_in_range(time_now_ns() - from_ns, 1000000, 1001000);
}

/* Deadlines are not set by a TSC that may change its pace; who watches it must count by itself. */
static void test_a_tsc_that_is_not_invariant(void **state)
{
    static const struct {
        enum part hpet, pm, pit;
        const char *watcher;
    } cases[] = {
        {PART_THERE, PART_THERE, PART_THERE, "HPET"},
        {PART_DEAD, PART_THERE, PART_THERE, "PM timer"},
        {PART_ABSENT, PART_ABSENT, PART_THERE, "nobody"}, /* it wraps each 55 ms */
        {PART_ABSENT, PART_ABSENT, PART_ABSENT, "nobody"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(cases[i].hpet, cases[i].pm, cases[i].pit, STATED_CRYSTAL);
        pc.invariant = false;
        assert_true(boot());
        assert_int_equal(pc.deadline_hz, 0);
        assert_near(pc.timer_hz, APIC_TIMER_HZ, 1);
        assert_true(pc.watched);
        assert_string_equal(pc.watcher, cases[i].watcher);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_a_base_frequency_that_is_far_off),
        cmocka_unit_test(test_nothing_but_the_processor),
        cmocka_unit_test(test_a_tsc_that_is_not_invariant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
