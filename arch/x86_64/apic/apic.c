/*
 * The local APIC: switching it on, end of interrupt, its one-shot timer. In the mode firmware left
 * it in: registers in memory (xAPIC) or in MSRs (x2APIC, which some processors cannot leave again).
 * Intel SDM volume 3, chapter 11; section numbers below are of that chapter.
 */
#include "arch/x86_64/apic/apic.h"

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/vectors.h"
#include "arch/x86_64/time/calc.h"
#include "kernel/log.h"
#include "kernel/mmio.h"
#include "kernel/panic.h"
#include "kernel/platform.h"

enum apic_register { /* table 11-1: offsets in memory; the MSR is 0x800 + offset / 16 */
                     APIC_ID = 0x20,
                     APIC_VERSION = 0x30, /* bits 23:16: the number of the last LVT entry */
                     APIC_TPR = 0x80,
                     APIC_EOI = 0xb0,
                     APIC_SVR = 0xf0,
                     APIC_ESR = 0x280,
                     APIC_LVT_CMCI = 0x2f0,
                     APIC_LVT_TIMER = 0x320,
                     APIC_LVT_THERMAL = 0x330,
                     APIC_LVT_PERF = 0x340,
                     APIC_LVT_LINT0 = 0x350,
                     APIC_LVT_ERROR = 0x370,
                     APIC_TIMER_INITIAL = 0x380,
                     APIC_TIMER_CURRENT = 0x390,
                     APIC_TIMER_DIVIDE = 0x3e0,
                     APIC_REGISTERS_BYTES = 0x400,
};

enum {
    APIC_BASE_X2APIC = 1 << 10, /* 11.4.3, IA32_APIC_BASE */
    APIC_BASE_ENABLED = 1 << 11,
    SVR_ENABLED = 1 << 8,
    LVT_MASKED = 1 << 16,
    LVT_TSC_DEADLINE = 2 << 17,
    LVT_LAST_WITH_PERF = 4, /* 11.8, version register: which entries are there */
    LVT_LAST_WITH_THERMAL = 5,
    LVT_LAST_WITH_CMCI = 6,
    TIMER_DIVIDE_BY_16 = 3, /* 11.5.4, figure 11-10 */
    APIC_ID_SHIFT = 24,
    /* Re-arming once a minute costs nothing and keeps every conversion far from overflow. */
    TIMER_MAX_S = 60,
};
#define APIC_BASE_ADDRESS_MASK UINT64_C(0x000ffffffffff000)

static struct {
    struct mmio regs; /* unused in x2APIC mode */
    bool x2apic;
    bool tsc_deadline;
    struct clock_scale ns_to_ticks; /* of the timer or, with tsc_deadline, of the TSC */
    uint64_t max_ns;                /* as far as the timer can count */
    uint64_t deadline_ns;           /* what it is set for; DEADLINE_NONE: nothing */
    uint64_t armed_ns;              /* for how long it was set last */
    uint64_t expired_ns;            /* the sum of those that it counted to the end */
    void (*tick)(void);
    uint64_t stray_count;
} apic;

static uint32_t apic_read(enum apic_register reg)
{
    if (apic.x2apic) {
        return (uint32_t)rdmsr(MSR_X2APIC_FIRST + reg / 16);
    }
    return mmio_read32(&apic.regs, reg);
}

static void apic_write(enum apic_register reg, uint32_t value)
{
    if (apic.x2apic) {
        wrmsr(MSR_X2APIC_FIRST + reg / 16, value);
    } else {
        mmio_write32(&apic.regs, reg, value);
    }
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);
    return apic.x2apic ? id : id >> APIC_ID_SHIFT; /* 11.4.6 and 11.12.5.1 */
}

/* 11.9: not an interrupt in service, so no end of interrupt. */
static void on_spurious(uint8_t vector)
{
    (void)vector;
}

/* A vector that nobody routed, such as one that firmware left pending. Logged ever more seldom. */
static void on_stray(uint8_t vector)
{
    apic.stray_count++;
    if (is_power_of_two(apic.stray_count)) {
        log_warn("apic: unexpected interrupt at vector 0x%02x (%llu so far)", (unsigned)vector,
                 (unsigned long long)apic.stray_count);
    }
    apic_eoi();
}

static void on_timer(uint8_t vector)
{
    assert(vector == VECTOR_TIMER);
    apic.expired_ns += apic.armed_ns;
    apic.armed_ns = 0;
    apic.deadline_ns = DEADLINE_NONE;
    if (apic.tick != NULL) {
        apic.tick();
    }
    apic_eoi();
}

/*
 * Every local source is masked but LINT1, which firmware wired to the NMI as the board needs it.
 * Writing an entry that is not there is a fault in x2APIC mode.
 */
static void mask_local_sources(void)
{
    uint32_t last = (apic_read(APIC_VERSION) >> 16) & 0xff;
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_LVT_LINT0, LVT_MASKED); /* the 8259s */
    apic_write(APIC_LVT_ERROR, LVT_MASKED);
    if (last >= LVT_LAST_WITH_PERF) {
        apic_write(APIC_LVT_PERF, LVT_MASKED);
    }
    if (last >= LVT_LAST_WITH_THERMAL) {
        apic_write(APIC_LVT_THERMAL, LVT_MASKED);
    }
    if (last >= LVT_LAST_WITH_CMCI) {
        apic_write(APIC_LVT_CMCI, LVT_MASKED);
    }
}

static void install_handlers(void)
{
    for (uint32_t v = VECTOR_IRQ_FIRST; v < VECTOR_SPURIOUS; v++) {
        vectors_set_handler((uint8_t)v, on_stray);
    }
    vectors_set_handler(VECTOR_TIMER, on_timer);
    vectors_set_handler(VECTOR_SPURIOUS, on_spurious);
}

/* 11.4.3 and 11.4.4: finds the registers and sees that the global enable is on. */
static void find_registers(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);
    apic.x2apic = (base & APIC_BASE_X2APIC) != 0;
    if ((base & APIC_BASE_ENABLED) == 0) {
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLED);
    }
    uint64_t address = base & APIC_BASE_ADDRESS_MASK;
    if (!apic.x2apic && mmio_map(&apic.regs, address, APIC_REGISTERS_BYTES) != STATUS_OK) {
        panic("apic: the local APIC at 0x%llx cannot be mapped", (unsigned long long)address);
    }
    if (!apic.x2apic && address != acpi_info()->lapic_address) {
        log_warn("apic: the MADT places the local APIC at 0x%llx, the processor at 0x%llx: "
                 "the processor is right",
                 (unsigned long long)acpi_info()->lapic_address, (unsigned long long)address);
    }
}

void apic_init(void)
{
    if ((cpuid(1, 0).edx & CPUID_1_EDX_APIC) == 0) {
        panic("apic: this processor has no local APIC");
    }
    if (acpi_info()->has_8259) { /* PCAT_COMPAT, ACPI 6.5, 5.2.12 */
        pic_init();
    }
    find_registers();
    install_handlers();
    mask_local_sources();
    apic_write(APIC_TPR, 0); /* accept every vector */
    apic_write(APIC_SVR, SVR_ENABLED | VECTOR_SPURIOUS);
    apic_write(APIC_ESR, 0); /* 11.5.3: a write clears what was recorded */
    log_info("apic: local APIC %u in %s mode%s", (unsigned)apic_id(),
             apic.x2apic ? "x2APIC" : "xAPIC", acpi_info()->has_8259 ? "" : ", no 8259");
}

void apic_timer_count_start(void)
{
    apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_16);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t apic_timer_count(void)
{
    return apic_read(APIC_TIMER_CURRENT);
}

void apic_timer_init(uint64_t timer_hz, uint64_t tsc_hz)
{
    apic.max_ns = TIMER_MAX_S * NS_PER_S;
    apic.deadline_ns = DEADLINE_NONE;
    apic.tsc_deadline = tsc_hz != 0 && (cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE) != 0;
    apic_write(APIC_TIMER_INITIAL, 0); /* stops the calibration's count */
    if (apic.tsc_deadline) {
        apic.ns_to_ticks = clock_scale_make(tsc_hz, NS_PER_S);
        apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
        /* 11.5.4.1: in xAPIC mode the memory write must be done before the first arming MSR write.
         */
        cpu_mfence();
        return;
    }
    if (timer_hz == 0) {
        panic("apic: the timer of the local APIC does not count");
    }
    apic.ns_to_ticks = clock_scale_make(timer_hz, NS_PER_S);
    apic.max_ns = min_u64(apic.max_ns, (uint64_t)UINT32_MAX * NS_PER_S / timer_hz);
    apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_16);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER); /* mode bits 0: one-shot */
}

void apic_timer_arm(uint64_t deadline_ns)
{
    assert(apic.max_ns != 0);
    if (deadline_ns == apic.deadline_ns) {
        return; /* a write that a hypervisor would have to emulate */
    }
    apic.deadline_ns = deadline_ns;
    uint64_t now_ns = platform_now_ns();
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    apic.armed_ns = min_u64(left_ns, apic.max_ns);
    uint64_t ticks = clock_scale_apply(apic.ns_to_ticks, apic.armed_ns);
    if (deadline_ns == DEADLINE_NONE) {
        apic.armed_ns = 0;
        ticks = 0; /* 0 disarms in both modes */
    } else if (!apic.tsc_deadline) {
        ticks = min_u64(ticks + 1, UINT32_MAX); /* never 0, and never early by rounding */
    } else {
        ticks += rdtsc() + 1;
    }
    if (apic.tsc_deadline) {
        wrmsr(MSR_TSC_DEADLINE, ticks);
    } else {
        apic_write(APIC_TIMER_INITIAL, (uint32_t)ticks);
    }
}

uint64_t apic_timer_expired_ns(void)
{
    return apic.expired_ns;
}

void apic_timer_set_tick(void (*tick)(void))
{
    apic.tick = tick;
}
