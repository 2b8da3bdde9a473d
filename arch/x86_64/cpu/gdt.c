/*
 * The GDT and the TSS. Long mode uses them for little: the code segment's 64-bit flag, and the
 * addresses of stacks for faults. Intel SDM volume 3, sections 3.4.5 and 8.7.
 */
#include "arch/x86_64/cpu/gdt.h"
#include "arch/x86_64/cpu/cpu.h"

enum {
    IST_STACK_BYTES = 16 * 1024, /* an interrupt may log, and a panic prints */
    TSS_BYTES = 104,
    TSS_IST1_OFFSET = 36,
    TSS_IOMAP_OFFSET = 102,
    GDT_ENTRIES = 5,
};

/* Present, ring 0, accessed: so that the processor never writes to the table. */
#define DESCRIPTOR_CODE64   UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_DATA     UINT64_C(0x00cf93000000ffff)
#define DESCRIPTOR_TSS_TYPE (UINT64_C(0x89) << 40)

struct guarded_stack {
    uint8_t guard[CPU_PAGE_BYTES];
    uint8_t stack[IST_STACK_BYTES];
};
static_assert(sizeof(struct guarded_stack) % CPU_PAGE_BYTES == 0, "guards are whole pages");
static_assert(IST_END <= 8, "the TSS has seven");

static struct guarded_stack ist_stacks[IST_END - 1]
    __attribute__((aligned(CPU_PAGE_BYTES), section(".bss.stacks")));

static struct {
    uint64_t gdt[GDT_ENTRIES];
    uint8_t tss[TSS_BYTES] __attribute__((aligned(16)));
    uint64_t boot_stack_guard; /* [I] */
} segments;

/* The TSS has 64-bit fields at odd multiples of 4. */
static void tss_put64(size_t offset, uint64_t value)
{
    assert(offset + sizeof(value) <= TSS_BYTES);
    for (size_t i = 0; i < sizeof(value); i++) {
        segments.tss[offset + i] = (uint8_t)(value >> (8 * i));
    }
}

uint64_t gdt_stack_top(enum gdt_ist stack)
{
    assert(stack > IST_NONE && stack < IST_END);
    return (uintptr_t)ist_stacks[stack - 1].stack + IST_STACK_BYTES;
}

uint64_t gdt_guard(size_t n)
{
    if (n < ARRAY_SIZE(ist_stacks)) {
        return (uintptr_t)ist_stacks[n].guard;
    }
    return n == ARRAY_SIZE(ist_stacks) ? segments.boot_stack_guard : 0;
}

static void fill(void)
{
    for (unsigned i = IST_NONE + 1; i < IST_END; i++) {
        tss_put64(TSS_IST1_OFFSET + (i - 1) * sizeof(uint64_t), gdt_stack_top(i));
    }
    segments.tss[TSS_IOMAP_OFFSET] = TSS_BYTES; /* beyond the limit: there is no I/O map */

    uint64_t at = (uintptr_t)segments.tss;
    segments.gdt[GDT_CODE / 8] = DESCRIPTOR_CODE64;
    segments.gdt[GDT_DATA / 8] = DESCRIPTOR_DATA;
    segments.gdt[GDT_TSS / 8] = DESCRIPTOR_TSS_TYPE | (TSS_BYTES - 1) | ((at & 0xffffff) << 16) |
                                (((at >> 24) & 0xff) << 56);
    segments.gdt[GDT_TSS / 8 + 1] = at >> 32;
}

void gdt_init(uint64_t boot_stack_guard)
{
    segments.boot_stack_guard = boot_stack_guard;
    fill();
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(segments.gdt) - 1, (uintptr_t)segments.gdt};
    /* A far return reloads CS; the data segments' bases and limits mean nothing in 64-bit mode. */
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %q1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %2, %%ds\n\t"
                     "movl %2, %%es\n\t"
                     "movl %2, %%ss\n\t"
                     "ltr %w3"
                     :
                     : "m"(pointer), "i"(GDT_CODE), "r"((uint32_t)GDT_DATA), "r"(GDT_TSS)
                     : "rax", "memory");
}
