/*
 * What happens on a processor exception: a report on every console - the cause in words, all
 * registers - then panic_finish(), which adds the backtrace. Uses nothing of the kernel that could
 * be broken itself: no log, no formatting, no memory. Intel SDM volume 3, sections 6.15 and 4.7.
 */
#include "arch/x86_64/trap/trap.h"
#include "arch/x86_64/console/console.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/vectors.h"
#include "arch/x86_64/mm/paging.h"
#include "arch/x86_64/trap/backtrace.h"
#include "kernel/panic.h"

enum {
    PF_PRESENT = 1 << 0, /* error code of a page fault, SDM volume 3, section 4.7 */
    PF_WRITE = 1 << 1,
    PF_RESERVED = 1 << 3,
    PF_FETCH = 1 << 4,

    MCA_BANKS_MAX = 32,
    MCA_BANK_STRIDE = 4,
    STACK_MARGIN_BYTES = 8, /* a push faults below RSP */
};
#define MCA_STATUS_VALID (UINT64_C(1) << 63)

static struct {
    bool reporting; /* set once: the next fault is one in the report itself */
} trap;

static const char *const names[TRAP_EXCEPTIONS] = {
    [0] = "divide error",
    [1] = "debug exception",
    [2] = "non-maskable interrupt",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [6] = "invalid opcode",
    [7] = "no floating-point unit",
    [8] = "double fault",
    [10] = "invalid TSS",
    [11] = "segment not present",
    [12] = "stack-segment fault",
    [13] = "general protection fault",
    [14] = "page fault",
    [16] = "floating-point error",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD floating-point error",
    [20] = "virtualization exception",
    [21] = "control protection exception",
    [28] = "hypervisor injection exception",
    [29] = "VMM communication exception",
    [30] = "security exception",
};

static const char *page_fault_reason(uint64_t error)
{
    /* Asked first, for P is set beside it. */
    if ((error & PF_RESERVED) != 0) {
        return "a page table has a reserved bit set";
    }
    if ((error & PF_PRESENT) == 0) {
        return "not present";
    }
    if ((error & PF_FETCH) != 0) {
        return "the page is not executable";
    }
    return (error & PF_WRITE) != 0 ? "the page is read-only" : "not allowed";
}

static const char *page_fault_access(uint64_t error)
{
    if ((error & PF_FETCH) != 0) {
        return ": execute of ";
    }
    return (error & PF_WRITE) != 0 ? ": write to " : ": read from ";
}

/* The commonest causes by name: what the address says about a fault at it. */
static void report_address(uint64_t address)
{
    if (address < CPU_PAGE_BYTES) {
        console_text("  a null pointer: the first page is never mapped\n");
    } else if (paging_is_guard(address)) {
        console_text("  stack overflow: this is the guard page below a stack\n");
    }
}

static void report_cause(const struct trap_frame *f)
{
    const char *name = f->vector < TRAP_EXCEPTIONS ? names[f->vector] : NULL;
    console_text("\n*** ");
    console_text(name != NULL ? name : "reserved exception");
    if (f->vector == TRAP_PAGE_FAULT) {
        console_text(page_fault_access(f->error));
        console_hex(cpu_read_cr2(), 16);
        console_text(", ");
        console_text(page_fault_reason(f->error));
    }
    console_text(", at rip ");
    backtrace_print_address(f->rip);
    console_text("\n");
    if (f->vector == TRAP_PAGE_FAULT) {
        report_address(cpu_read_cr2());
    } else if (f->vector == TRAP_DOUBLE_FAULT && paging_is_guard(f->rsp - STACK_MARGIN_BYTES)) {
        report_address(f->rsp - STACK_MARGIN_BYTES);
    } else if (f->vector == TRAP_DOUBLE_FAULT && paging_is_guard(cpu_read_cr2())) {
        report_address(cpu_read_cr2());
    }
}

/* The processor's own notes on a machine check. SDM volume 3, section 15.3.2. */
static void report_machine_check(void)
{
    if ((cpuid(1, 0).edx & CPUID_1_EDX_MCA) == 0) {
        return;
    }
    uint32_t banks = min_u32((uint32_t)rdmsr(MSR_MCG_CAP) & 0xff, MCA_BANKS_MAX);
    console_text("  MCG_STATUS ");
    console_hex(rdmsr(MSR_MCG_STATUS), 16);
    console_text("\n");
    for (uint32_t bank = 0; bank < banks; bank++) {
        uint64_t status = rdmsr(MSR_MC0_STATUS + bank * MCA_BANK_STRIDE);
        if ((status & MCA_STATUS_VALID) != 0) {
            console_text("  bank ");
            console_decimal(bank);
            console_text(" status ");
            console_hex(status, 16);
            console_text("\n");
        }
    }
}

/*
 * Which of the exceptions that the program has unmasked it was. Both units have six, in the same
 * order, flags and masks alike. SDM volume 1, sections 8.5 and 11.5.
 */
static void report_float(const struct trap_frame *f)
{
    static const char *const causes[] = {"invalid operation", "denormal operand", "division by 0",
                                         "overflow",          "underflow",        "inexact result"};
    uint32_t mxcsr = cpu_read_mxcsr();
    uint32_t unmasked = f->vector == TRAP_FLOAT
                            ? (uint32_t)cpu_read_x87_status() & ~(uint32_t)cpu_read_x87_control()
                            : mxcsr & ~(mxcsr >> CPU_MXCSR_MASKS_SHIFT);
    console_text("  unmasked by the program:");
    for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
        if ((unmasked >> i & 1) != 0) {
            console_text(" ");
            console_text(causes[i]);
        }
    }
    console_text("\n");
}

struct named_register {
    const char *name; /* four characters, so that columns align */
    uint64_t value;
};

static void report_registers(const struct trap_frame *f)
{
    const struct named_register regs[] = {
        {" rax", f->rax},         {" rbx", f->rbx},         {" rcx", f->rcx},
        {" rdx", f->rdx},         {" rsi", f->rsi},         {" rdi", f->rdi},
        {" rbp", f->rbp},         {" rsp", f->rsp},         {"  r8", f->r8},
        {"  r9", f->r9},          {" r10", f->r10},         {" r11", f->r11},
        {" r12", f->r12},         {" r13", f->r13},         {" r14", f->r14},
        {" r15", f->r15},         {" rip", f->rip},         {"flag", f->rflags},
        {"  cs", f->cs},          {"  ss", f->ss},          {" err", f->error},
        {" cr0", cpu_read_cr0()}, {" cr2", cpu_read_cr2()}, {" cr3", cpu_read_cr3()},
        {" cr4", cpu_read_cr4()}, {"vect", f->vector},
    };
    const size_t columns = 3; /* 3 * 25 characters fit the 80 of a text screen */
    for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
        console_text("  ");
        console_text(regs[i].name);
        console_text(" ");
        console_hex(regs[i].value, 16);
        if (i % columns == columns - 1 || i + 1 == ARRAY_SIZE(regs)) {
            console_text("\n");
        }
    }
}

static noreturn_fn void report(const struct trap_frame *f)
{
    console_reach_all();
    if (trap.reporting) {
        console_text("\n*** a fault inside the report of a fault, at rip ");
        console_hex(f->rip, 16);
        console_text(": halted\n");
        cpu_stop();
    }
    trap.reporting = true;
    backtrace_start_at(f);
    report_cause(f);
    if (f->vector == TRAP_MACHINE_CHECK) {
        report_machine_check();
    } else if (f->vector == TRAP_FLOAT || f->vector == TRAP_SIMD_FLOAT) {
        report_float(f);
    }
    report_registers(f);
    panic_finish();
}

void trap_dispatch(struct trap_frame *f)
{
    if (f->vector < TRAP_EXCEPTIONS) {
        report(f);
    }
    vectors_dispatch((uint8_t)f->vector);
}
