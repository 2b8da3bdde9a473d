/*
 * The order in which the machine comes up, on the boot stack, interrupts off until all stands.
 * Called by boot/entry.S; ends in kernel_main(). Each step logs what it found.
 */
#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/apic/apic.h"
#include "arch/x86_64/apic/ioapic.h"
#include "arch/x86_64/arch.h"
#include "arch/x86_64/console/console.h"
#include "arch/x86_64/cpu/canary.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/gdt.h"
#include "arch/x86_64/entropy/entropy.h"
#include "arch/x86_64/mm/memory.h"
#include "arch/x86_64/mm/paging.h"
#include "arch/x86_64/pci/iommu.h"
#include "arch/x86_64/power/power.h"
#include "arch/x86_64/time/clock.h"
#include "arch/x86_64/trap/trap.h"
#include "kernel/libc/memory.h"
#include "kernel/log.h"
#include "kernel/pci.h"
#include "kernel/platform.h"

#define BOOT_READ_END    (UINT64_C(4) << 30) /* the early page tables reach as far */
#define CPUID_BRAND_LEAF UINT32_C(0x80000002)

enum {
    CPU_BRAND_LEAVES = 3,
    CPU_BRAND_BYTES = CPU_BRAND_LEAVES * 16,
};

extern const uint8_t text_start[], text_end[], rodata_start[], rodata_end[]; /* linker.ld */
extern const uint8_t data_start[], data_end[];

noreturn_fn void start_main(uint32_t magic, uint32_t address, uint64_t entry_tsc,
                            uint64_t stack_guard);

static struct {
    struct boot_info info; /* [I] from the first step on */
} start;

const struct boot_info *arch_boot_info(void)
{
    assert(start.info.protocol != 0);
    return &start.info;
}

/* A boot_read_fn. Page 0 is left out: a null pointer in the loader's tables is one. */
static const void *read_physical(void *ctx, uint64_t address, size_t len)
{
    if (address < CPU_PAGE_BYTES || address >= BOOT_READ_END || len > BOOT_READ_END - address) {
        return NULL;
    }
    return (const void *)(uintptr_t)address;
}

/* Nothing can be done without memory or a command line: said plainly, and the end. */
static noreturn_fn void stop_boot(const char *why)
{
    console_reach_all();
    console_text("boot: ");
    console_text(why);
    console_text(". Halted.\n");
    cpu_stop();
}

static void log_boot_info(const struct boot_info *info)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < info->memory_count; i++) {
        bytes += info->memory[i].end - info->memory[i].start;
        log_debug("boot: RAM 0x%llx..0x%llx", (unsigned long long)info->memory[i].start,
                  (unsigned long long)info->memory[i].end);
    }
    log_info("boot: multiboot %d by \"%s\", %u MiB RAM in %u range%s", (int)info->protocol,
             info->loader, (unsigned)(bytes >> 20), info->memory_count,
             info->memory_count == 1 ? "" : "s");
    log_info("boot: command line \"%s\"", info->cmdline);
    if (info->cmdline_cut) {
        log_warn("boot: the command line was cut: at most %d bytes are kept", BOOT_CMDLINE_MAX - 1);
    }
    if (info->memory_dropped > 0) {
        log_warn("boot: %u RAM ranges left out: at most %d are kept", info->memory_dropped,
                 BOOT_MEMORY_MAX);
    }
}

/* The name the processor gives itself, without the blanks some put in front. SDM 2A, CPUID. */
static void log_cpu(void)
{
    char brand[CPU_BRAND_BYTES + 1] = "";
    for (uint32_t leaf = 0; leaf < CPU_BRAND_LEAVES; leaf++) {
        struct cpuid_regs r = cpuid(CPUID_BRAND_LEAF + leaf, 0);
        const uint32_t words[] = {r.eax, r.ebx, r.ecx, r.edx};
        for (size_t i = 0; i < sizeof(words); i++) {
            brand[leaf * 16 + i] = (char)(words[i / 4] >> (8 * (i % 4)));
        }
    }
    const char *name = brand;
    while (*name == ' ') {
        name++;
    }
    log_info("cpu: %s", *name != '\0' ? name : "unnamed x86-64");
    log_info("cpu: long mode, read-only pages hold, %s; text %u KiB, rodata %u KiB, data %u KiB",
             paging_has_nx() ? "no page is writable and executable"
                             : "NO no-execute pages on this processor",
             (unsigned)(text_end - text_start) >> 10, (unsigned)(rodata_end - rodata_start) >> 10,
             (unsigned)(data_end - data_start) >> 10);
}

static void choose_copies(void)
{
    size_t bytes = memory_choose(rdtsc);
    if (bytes == SIZE_MAX) {
        log_debug("cpu: copies go by words: string instructions are slower");
    } else {
        log_debug("cpu: copies use string instructions from %zu bytes on", bytes);
    }
}

/* Unmaps the pages below the boot stack and the stacks of interrupts and faults. */
static void guard_stacks(void)
{
    bool ok = true;
    for (size_t i = 0; gdt_guard(i) != 0; i++) {
        ok = paging_set_guard(gdt_guard(i)) && ok;
    }
    assert(ok); /* the image's pages are small from the start: nothing had to be allocated */
}

/*
 * The processor's half: nothing here needs a table of firmware's. The consoles first, for there is
 * no other way to say what goes wrong; then the traps, before anything that the loader has left is
 * read; the framebuffer last, for it is mapped by tables that come from the arena.
 */
static void start_processor(uint32_t magic, uint32_t address, uint64_t stack_guard)
{
    console_init();
    gdt_init(stack_guard);
    idt_init();
    enum boot_error e = boot_info_decode(&start.info, magic, address, read_physical, NULL);
    console_init_screen(&start.info.framebuffer);
    if (e != BOOT_OK) {
        stop_boot(boot_error_text(e));
    }
    paging_init(&start.info);
    guard_stacks();
    console_log();
    log_boot_info(&start.info);
    log_cpu();
    choose_copies();
    if (memory_init(&start.info) != STATUS_OK) {
        stop_boot("no RAM between the image and 4 GiB");
    }
    console_map_screen();
}

/*
 * The board's half, each step resting on those before it. Each logs what it found, or what is
 * missing, and panics only when the machine cannot be run without it. Power comes early, so that a
 * panic of the steps behind it can reset the board; IOMMUs are off before a device is touched; a
 * clock is wanted by all that wait.
 */
static void start_board(void)
{
    if (acpi_init(&start.info) != STATUS_OK) {
        log_warn("acpi: no usable tables; the machine is taken for a plain PC");
    }
    power_init();
    apic_init();
    clock_init();
    rtc_init();
    iommu_init();
    ioapic_init();
    entropy_init();
    cpu_sti();
    (void)pci_scan();
}

noreturn_fn void start_main(uint32_t magic, uint32_t address, uint64_t entry_tsc,
                            uint64_t stack_guard)
{
    canary_seed();
    clock_start(entry_tsc);
    start_processor(magic, address, stack_guard);
    start_board();
    kernel_main(start.info.cmdline);
}
