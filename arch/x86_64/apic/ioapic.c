/*
 * The IOAPICs: register access, redirection entries, and the description of each pin from the
 * MADT's interrupt source overrides. Intel 82093AA data sheet, section 3; ACPI 6.5, 5.2.12.
 */
#include "arch/x86_64/apic/ioapic.h"

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/apic/apic.h"
#include "kernel/log.h"
#include "kernel/mmio.h"
#include "kernel/platform.h"

enum {
    /* 82093AA 3.1: two registers in memory, through which the others are reached */
    IOREGSEL = 0x00,
    IOWIN = 0x10,
    IOAPIC_WINDOW_BYTES = 0x20,

    IOAPIC_VERSION = 0x01, /* bits 23:16: the number of the last pin */
    IOAPIC_REDIRECTION = 0x10,
    IOAPIC_PINS_MAX = 240, /* 3.2.2 */

    /* 3.2.4; delivery mode fixed and physical destination are zeros */
    ENTRY_ACTIVE_LOW = 1 << 13,
    ENTRY_LEVEL = 1 << 15,
    ENTRY_MASKED = 1 << 16,
    ENTRY_DESTINATION_SHIFT = 24,
};

struct ioapic {
    struct mmio regs;
    uint32_t gsi_base;
    uint32_t pin_count;
};

static struct {
    struct ioapic chips[ACPI_IOAPIC_MAX];
    uint32_t chip_count;
    uint32_t pin_count;
} io;

/* The caller has interrupts off: the two accesses belong together. */
static uint32_t chip_read(const struct ioapic *chip, uint32_t reg)
{
    mmio_write32(&chip->regs, IOREGSEL, reg);
    return mmio_read32(&chip->regs, IOWIN);
}

static void chip_write(const struct ioapic *chip, uint32_t reg, uint32_t value)
{
    mmio_write32(&chip->regs, IOREGSEL, reg);
    mmio_write32(&chip->regs, IOWIN, value);
}

/* The chip that has the pin, and the register of the low half of the pin's entry. */
static const struct ioapic *find_chip(uint32_t gsi, uint32_t *reg)
{
    for (uint32_t i = 0; i < io.chip_count; i++) {
        const struct ioapic *chip = &io.chips[i];
        /* Unsigned: one below the chip's first wraps, and is far beyond its last. */
        if (gsi - chip->gsi_base < chip->pin_count) {
            *reg = IOAPIC_REDIRECTION + 2 * (gsi - chip->gsi_base);
            return chip;
        }
    }
    return NULL;
}

/* False: nothing answers at its address. */
static bool add_chip(const struct acpi_ioapic *entry)
{
    struct ioapic *chip = &io.chips[io.chip_count];
    if (mmio_map(&chip->regs, entry->address, IOAPIC_WINDOW_BYTES) != STATUS_OK) {
        return false;
    }
    uint32_t version = chip_read(chip, IOAPIC_VERSION); /* 0 or all ones: nothing is there */
    chip->gsi_base = entry->gsi_base;
    chip->pin_count = ((version >> 16) & 0xff) + 1;
    if (version == 0 || version == UINT32_MAX || chip->pin_count > IOAPIC_PINS_MAX) {
        return false;
    }
    /* Until a driver asks for it, whatever was routed before. */
    for (uint32_t pin = 0; pin < chip->pin_count; pin++) {
        chip_write(chip, IOAPIC_REDIRECTION + 2 * pin, ENTRY_MASKED);
    }
    io.chip_count++;
    io.pin_count += chip->pin_count;
    return true;
}

void ioapic_init(void)
{
    const struct acpi_info *board = acpi_info();
    assert(board->ioapic_count <= ACPI_IOAPIC_MAX && io.chip_count == 0);
    if (apic_id() > APIC_DESTINATION_MAX) {
        log_warn("ioapic: cannot address processor %u without interrupt remapping: not used",
                 (unsigned)apic_id());
        return;
    }
    for (uint32_t i = 0; i < board->ioapic_count; i++) {
        const struct acpi_ioapic *entry = &board->ioapics[i];
        if (!add_chip(entry)) {
            log_warn("ioapic: nothing usable at 0x%llx", (unsigned long long)entry->address);
            continue;
        }
        const struct ioapic *chip = &io.chips[io.chip_count - 1];
        log_info("ioapic: pins %u to %u at 0x%llx", (unsigned)chip->gsi_base,
                 (unsigned)(chip->gsi_base + chip->pin_count - 1),
                 (unsigned long long)entry->address);
    }
}

uint32_t ioapic_pin_count(void)
{
    return io.pin_count;
}

/* True when an override takes the ISA interrupt of that number to another pin. */
static bool isa_irq_moved(uint32_t irq)
{
    const struct acpi_info *board = acpi_info();
    for (uint32_t i = 0; i < board->override_count; i++) {
        if (board->overrides[i].irq == irq) {
            return board->overrides[i].gsi != irq;
        }
    }
    return false;
}

/* ACPI 6.5, 5.2.12.5: what no override mentions is identity mapped and as its bus has it. */
static struct ioapic_pin describe(uint32_t gsi)
{
    const struct acpi_info *board = acpi_info();
    for (uint32_t i = 0; i < board->override_count; i++) {
        const struct acpi_override *o = &board->overrides[i];
        if (o->gsi == gsi) {
            return (struct ioapic_pin){gsi, o->irq, o->level, o->active_low};
        }
    }
    if (gsi < ACPI_ISA_IRQ_COUNT && !isa_irq_moved(gsi)) {
        return (struct ioapic_pin){gsi, (uint8_t)gsi, false, false};
    }
    /* PCI's: level, active low (PCI Local Bus 3.0, 2.2.6). */
    return (struct ioapic_pin){gsi, IOAPIC_NOT_ISA, true, true};
}

struct ioapic_pin ioapic_pin_at(uint32_t idx)
{
    assert(idx < io.pin_count);
    const struct ioapic *chip = io.chips;
    while (idx >= chip->pin_count) {
        idx -= chip->pin_count;
        chip++;
    }
    assert(chip < io.chips + io.chip_count);
    return describe(chip->gsi_base + idx);
}

void ioapic_route(const struct ioapic_pin *pin, uint8_t vector)
{
    uint32_t reg = 0;
    const struct ioapic *chip = find_chip(pin->gsi, &reg);
    uint32_t destination = apic_id();
    assert(chip != NULL && destination <= APIC_DESTINATION_MAX);
    uint32_t low = vector | ENTRY_MASKED | (pin->active_low ? ENTRY_ACTIVE_LOW : 0U) |
                   (pin->level ? ENTRY_LEVEL : 0U);
    uint64_t saved = platform_irq_save();
    chip_write(chip, reg, ENTRY_MASKED); /* never half an entry that is live */
    chip_write(chip, reg + 1, destination << ENTRY_DESTINATION_SHIFT);
    chip_write(chip, reg, low);
    platform_irq_restore(saved);
}

void ioapic_set_masked(uint32_t gsi, bool masked)
{
    uint32_t reg = 0;
    const struct ioapic *chip = find_chip(gsi, &reg);
    assert(chip != NULL);
    uint64_t saved = platform_irq_save();
    uint32_t low = chip_read(chip, reg) & ~(uint32_t)ENTRY_MASKED;
    chip_write(chip, reg, low | (masked ? ENTRY_MASKED : 0U));
    platform_irq_restore(saved);
}
