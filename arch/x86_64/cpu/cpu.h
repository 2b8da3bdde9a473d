/*
 * The processor's own instructions as functions: ports, model-specific registers, control
 * registers, CPUID, interrupt flag. No state, no policy.
 * Intel SDM volume 2 (the instructions) and volume 4 (MSR numbers).
 */
#ifndef ARCH_X86_64_CPU_CPU_H
#define ARCH_X86_64_CPU_CPU_H

#include "kernel/base.h"

enum {
    CPU_PAGE_BYTES = 4096,
    CPU_RFLAGS_IF = 1 << 9,

    /* SDM volume 1, section 10.2.3: flags, then the masks of the same six, then rounding. */
    CPU_MXCSR_MASKS_SHIFT = 7,
};

enum cpu_msr {
    MSR_APIC_BASE = 0x1b,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_PAT = 0x277,
    MSR_MC0_STATUS = 0x401, /* bank n at + 4 * n; the address that goes with it follows */
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC_FIRST = 0x800,
};
#define MSR_EFER UINT32_C(0xc0000080)

/* CPUID.1 (SDM volume 2, CPUID, table 3-10 and following). */
#define CPUID_1_ECX_X2APIC            (UINT32_C(1) << 21)
#define CPUID_1_ECX_TSC_DEADLINE      (UINT32_C(1) << 24)
#define CPUID_1_ECX_RDRAND            (UINT32_C(1) << 30)
#define CPUID_1_ECX_HYPERVISOR        (UINT32_C(1) << 31)
#define CPUID_1_EDX_MCE               (UINT32_C(1) << 7)
#define CPUID_1_EDX_APIC              (UINT32_C(1) << 9)
#define CPUID_1_EDX_MCA               (UINT32_C(1) << 14)
#define CPUID_1_EDX_PAT               (UINT32_C(1) << 16)
#define CPUID_7_EBX_RDSEED            (UINT32_C(1) << 18)
#define CPUID_EXT1_EDX_NX             (UINT32_C(1) << 20)
#define CPUID_POWER                   UINT32_C(0x80000007)
#define CPUID_POWER_EDX_INVARIANT_TSC (UINT32_C(1) << 8)

static inline uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint16_t in16(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void out16(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void out32(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

/* A number the processor does not know is a general protection fault: ask CPUID first. */
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo;
    uint32_t hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return ((uint64_t)hi << 32) | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

/* Zeros for a leaf beyond what the processor has, instead of the last leaf's values. */
static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;
    uint32_t top =
        leaf & UINT32_C(0xffff0000); /* 0 basic, 0x4000.. hypervisor, 0x8000.. extended */
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(top), "c"(0));
    if (r.eax < leaf) {
        return (struct cpuid_regs){0, 0, 0, 0};
    }
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo;
    uint32_t hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return ((uint64_t)hi << 32) | lo;
}

/* False when the generator had nothing to give. Only where CPUID_1_ECX_RDRAND is set. */
static inline bool rdrand64(uint64_t *out)
{
    bool ok;
    __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
    return ok;
}

/* The same for the seed source. Only where CPUID_7_EBX_RDSEED is set. */
static inline bool rdseed64(uint64_t *out)
{
    bool ok;
    __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
    return ok;
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static inline void cpu_mfence(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

static inline void cpu_cli(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void cpu_sti(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void cpu_hlt(void)
{
    __asm__ volatile("hlt" : : : "memory");
}

/* Enables interrupts and halts; none can slip in between (SDM volume 2, STI: the shadow). */
static inline void cpu_sti_hlt(void)
{
    __asm__ volatile("sti\n\thlt" : : : "memory");
}

/* A fault with no descriptor table to handle it: the processor shuts down, boards reset on that. */
static inline void cpu_triple_fault(void)
{
    const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nothing = {0, 0};
    __asm__ volatile("lidt %0\n\tint3" : : "m"(nothing) : "memory");
}

/* For ever: interrupts off, halted; a non-maskable interrupt does not end it. */
static inline noreturn_fn void cpu_stop(void)
{
    for (;;) {
        cpu_cli();
        cpu_hlt();
    }
}

static inline uint64_t cpu_flags(void)
{
    uint64_t v;
    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(v) : : "memory");
    return v;
}

static inline uint64_t cpu_read_cr0(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr0, %0" : "=r"(v));
    return v;
}

static inline void cpu_write_cr0(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr0" : : "r"(v) : "memory");
}

/* The address of the last page fault. */
static inline uint64_t cpu_read_cr2(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr2, %0" : "=r"(v));
    return v;
}

static inline uint64_t cpu_read_cr3(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr3, %0" : "=r"(v));
    return v;
}

static inline void cpu_write_cr3(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr3" : : "r"(v) : "memory");
}

static inline uint64_t cpu_read_cr4(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr4, %0" : "=r"(v));
    return v;
}

static inline void cpu_write_cr4(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr4" : : "r"(v) : "memory");
}

static inline uint32_t cpu_read_mxcsr(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}

static inline uint16_t cpu_read_x87_control(void)
{
    uint16_t v;
    __asm__ volatile("fnstcw %0" : "=m"(v));
    return v;
}

static inline uint16_t cpu_read_x87_status(void)
{
    uint16_t v;
    __asm__ volatile("fnstsw %0" : "=m"(v));
    return v;
}

static inline void cpu_invlpg(uint64_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

#endif
