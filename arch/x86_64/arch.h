/*
 * The machine's own contract, beside kernel/platform.h: what the two halves of arch/x86_64 (the
 * processor: start, paging, traps, consoles; the board: ACPI, APICs, clocks, PCI) ask of each
 * other, and what a composition root for the metal may call. Start-up only unless said otherwise.
 */
#ifndef ARCH_X86_64_ARCH_H
#define ARCH_X86_64_ARCH_H

#include "boot/info/info.h"
#include "kernel/base.h"

enum {
    /* 0x20..0x2f: where the masked 8259s would deliver; a spurious one is counted and ignored. */
    VECTOR_8259_FIRST = 0x20,
    /* 0x30..0xff: the board's, through idt_set_irq_handler. */
    VECTOR_IRQ_FIRST = 0x30,
    VECTOR_COUNT = 256,
};

/* irq context, interrupts off. The handler tells the interrupt controller that it is done (EOI). */
typedef void irq_vector_fn(uint8_t vector);

/* Calls fn when vector (VECTOR_IRQ_FIRST or above) arrives. NULL takes it back. Any context. */
void idt_set_irq_handler(uint8_t vector, irq_vector_fn *fn);

/* Interrupts that came, of all vectors above the exceptions. Any context. */
uint64_t idt_taken_count(void);

/* Those of them that came at vectors with no handler. Any context. */
uint64_t idt_unexpected_count(void);

/* What the boot loader told us. Valid from before acpi_init() on; never changes. Any context. */
const struct boot_info *arch_boot_info(void);

/*
 * A readable view of physical memory that firmware or the loader filled: ACPI tables, BIOS area.
 * RAM is cached, everything else uncached; never executable; the first page never. NULL when the
 * range wraps, touches page 0 or lies where no page tables can be made for it.
 */
const void *phys_map(uint64_t phys, size_t len);

/*
 * What platform_arena() has left but for keep_bytes, and at least least_bytes of it, in one piece,
 * *bytes long: of one range when one has that much, else joined by page tables from the whole 2 MiB
 * pages of several. NULL when there is not so much. Not cleared, never given back. Not for DMA: a
 * joined piece has no bus address. Start-up only, once.
 */
void *memory_take_rest(size_t least_bytes, size_t keep_bytes, size_t *bytes);

/*
 * For the self-test: the TSC passes for twice as fast as it is, until its watch finds out, which
 * takes the loop half a second. False: nothing watches it.
 */
bool clock_spoil_tsc(void);

/* Which consoles platform_console_write() writes to. A bit for an absent one is harmless. */
enum console_mask {
    CONSOLE_SERIAL = 1 << 0, /* COM1, 115200 8N1 */
    CONSOLE_VGA = 1 << 1,    /* 80x25 text */
    CONSOLE_FRAMEBUFFER = 1 << 2,
    CONSOLE_ALL = CONSOLE_SERIAL | CONSOLE_VGA | CONSOLE_FRAMEBUFFER,
};

void console_select(uint32_t mask);

/* Which were found. Any context. */
uint32_t console_present(void);

/*
 * The very first step: time runs from here on, and is 0 where the TSC stood at entry_tsc. Its pace
 * is rough until clock_init(): stated by CPUID, or measured within a millisecond, or a guess.
 */
void clock_start(uint64_t entry_tsc);

/*
 * The board's half, called by start.c in this order, interrupts off. Each logs what it found, or
 * what is missing, and panics only when the machine cannot be run without it.
 */
enum status acpi_init(const struct boot_info *info) must_check;
void power_init(void); /* from here on platform_reboot() and platform_power_off() know the board */
void apic_init(void);
void clock_init(void); /* from here on time is exact, and may be waited for */
void iommu_init(void);
void ioapic_init(void);
void entropy_init(void);
/* Then interrupts are enabled and pci_scan() of kernel/pci.h is called. */

/* What the page tables in use say of memory protection: for the self-test. Any context. */
struct arch_protection {
    bool page_zero_unmapped;
    bool write_xor_execute; /* no page is writable and executable */
    bool text_read_only;    /* the image's code and constants */
    bool stacks_guarded;    /* below the boot stack, and those of interrupts and faults */
};
void arch_check_protection(struct arch_protection *out);

/*
 * Watches ACPI's power button: by its interrupt or, when there is none or poll is asked for, by
 * looking from time to time. Logs how, or why a press will not be heard. Start-up only, interrupts
 * on, after start_board's steps; waits up to 0.3 s for firmware that is slow to hand over.
 */
void power_button_init(bool poll);

/*
 * Loop context, each turn: *pressed when the button was pressed since the last call. Returns when
 * it must be called next at the latest; DEADLINE_NONE: an interrupt will see to it.
 */
uint64_t power_button_poll(uint64_t now_ns, bool *pressed);

/* Calls the shutdown handler of every irq_client: no device does DMA afterwards. Any context. */
void irq_shutdown(void);

#endif
