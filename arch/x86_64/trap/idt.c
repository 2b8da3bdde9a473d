/*
 * The interrupt descriptor table: a gate for each of the 256 vectors, and the stack that it leads
 * to. Intel SDM volume 3, section 6.14.1.
 */
#include "arch/x86_64/cpu/gdt.h"
#include "arch/x86_64/cpu/vectors.h"
#include "arch/x86_64/trap/trap.h"

enum {
    GATE_INTERRUPT = 0x8e00, /* present, ring 0, 64-bit interrupt gate: interrupts go off */
};

struct idt_gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t ist_and_type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
static_assert(sizeof(struct idt_gate) == 16, "SDM volume 3, figure 6-8");

extern const uint8_t trap_stubs[]; /* stubs.S */

static struct {
    struct idt_gate gates[VECTOR_COUNT];
} idt __attribute__((aligned(16)));

/* These three may arrive inside any other handler, and each other: each has a stack of its own (SDM
 * volume 3, section 6.14.5). */
static enum gdt_ist stack_for(unsigned vector)
{
    switch (vector) {
    case TRAP_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case TRAP_NMI:
        return IST_NMI;
    case TRAP_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    default:
        return vector < TRAP_EXCEPTIONS ? IST_FAULT : IST_INTERRUPT;
    }
}

void idt_init(void)
{
    for (unsigned v = 0; v < VECTOR_COUNT; v++) {
        uint64_t entry = (uintptr_t)trap_stubs + (uint64_t)v * TRAP_STUB_BYTES;
        idt.gates[v] = (struct idt_gate){
            .offset_low = (uint16_t)entry,
            .selector = GDT_CODE,
            .ist_and_type = (uint16_t)(GATE_INTERRUPT | stack_for(v)),
            .offset_middle = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
        };
    }
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(idt.gates) - 1, (uintptr_t)idt.gates};
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}
