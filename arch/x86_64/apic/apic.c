/*
 * The local APIC: switching it on, its registers, end of interrupt. In the mode firmware left it
 * in: registers in memory (xAPIC) or in MSRs (x2APIC, which some processors cannot leave again).
 * Intel SDM volume 3, chapter 11; section numbers below are of that chapter.
 */
#include "arch/x86_64/apic/apic.h"
#include "arch/x86_64/apic/pic.h"

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/vectors.h"
#include "kernel/log.h"
#include "kernel/mmio.h"
#include "kernel/panic.h"

enum {
    APIC_BASE_X2APIC = 1 << 10, /* 11.4.3, IA32_APIC_BASE */
    APIC_BASE_ENABLED = 1 << 11,
    SVR_ENABLED = 1 << 8,
    LVT_LAST_WITH_PERF = 4, /* 11.8, version register: which entries are there */
    LVT_LAST_WITH_THERMAL = 5,
    LVT_LAST_WITH_CMCI = 6,
    APIC_ID_SHIFT = 24,
};
#define APIC_BASE_ADDRESS_MASK UINT64_C(0x000ffffffffff000)

static struct {
    struct mmio regs; /* unused in x2APIC mode */
    bool x2apic;
    uint64_t stray_count;
} apic;

uint32_t apic_read(enum apic_register reg)
{
    if (apic.x2apic) {
        return (uint32_t)rdmsr(MSR_X2APIC_FIRST + reg / 16);
    }
    return mmio_read32(&apic.regs, reg);
}

void apic_write(enum apic_register reg, uint32_t value)
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

/* A vector that was not routed, such as one that firmware left pending. Logged ever more seldom. */
static void on_stray(uint8_t vector)
{
    apic.stray_count++;
    if (is_power_of_two(apic.stray_count)) {
        log_warn("apic: unexpected interrupt at vector 0x%02x (%llu so far)", (unsigned)vector,
                 (unsigned long long)apic.stray_count);
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
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED); /* the 8259s */
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
    if (last >= LVT_LAST_WITH_PERF) {
        apic_write(APIC_LVT_PERF, APIC_LVT_MASKED);
    }
    if (last >= LVT_LAST_WITH_THERMAL) {
        apic_write(APIC_LVT_THERMAL, APIC_LVT_MASKED);
    }
    if (last >= LVT_LAST_WITH_CMCI) {
        apic_write(APIC_LVT_CMCI, APIC_LVT_MASKED);
    }
}

static void install_handlers(void)
{
    for (uint32_t v = VECTOR_IRQ_FIRST; v < VECTOR_SPURIOUS; v++) {
        vectors_set_handler((uint8_t)v, on_stray);
    }
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
