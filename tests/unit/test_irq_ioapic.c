/*
 * Several IOAPICs with different numbers of pins: every pin is found where it is, nothing is live
 * before it is asked for, and what does not answer is left out.
 */
// LINK: arch/x86_64/apic/ioapic.c tests/unit/fake_platform.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/apic/apic.h"
#include "arch/x86_64/apic/ioapic.h"
#include "arch/x86_64/cpu/vectors.h"
#include "kernel/log.h"
#include "kernel/mmio.h"
#include "tests/unit/fake_platform.h"

enum {
    CHIPS = 4,
    CHIP_BYTES = 0x1000,
    WINDOW = 0x10,
};
#define CHIPS_AT      UINT64_C(0xfec00000)
#define MASKED        (UINT32_C(1) << 16)
#define LEVEL_AND_LOW (UINT32_C(5) << 13)

static struct {
    struct chip {
        uint32_t pins; /* 0: nothing answers */
        uint32_t selected;
        uint32_t entries[240 * 2];
    } chips[CHIPS];
    struct acpi_info acpi;
    uint32_t apic_id;
    char log[2048];
} board;

static struct chip *chip_of(const struct mmio *m)
{
    return (struct chip *)(void *)(uintptr_t)m->base;
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    struct chip *c = chip_of(m);
    assert_int_equal(offset, WINDOW);
    if (c->pins == 0) {
        return UINT32_MAX;
    }
    if (c->selected == 1) {
        return 0x20 | (c->pins - 1) << 16;
    }
    assert_in_range(c->selected, 0x10, 0x10 + 2 * c->pins - 1);
    return c->entries[c->selected - 0x10];
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    struct chip *c = chip_of(m);
    if (offset == 0) {
        c->selected = value;
        return;
    }
    assert_int_equal(offset, WINDOW);
    assert_in_range(c->selected, 0x10, 0x10 + 2 * c->pins - 1);
    if (c->selected % 2 == 1) { /* the destination of a pin that is live would be half an entry */
        assert_true((c->entries[c->selected - 0x11] & MASKED) != 0);
    }
    c->entries[c->selected - 0x10] = value;
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    uint64_t n = (physical - CHIPS_AT) / CHIP_BYTES;
    assert_true(n < CHIPS && physical % CHIP_BYTES == 0);
    *m = (struct mmio){(volatile uint8_t *)&board.chips[n], size_bytes};
    return STATUS_OK;
}

const struct acpi_info *acpi_info(void)
{
    return &board.acpi;
}

uint32_t apic_id(void)
{
    return board.apic_id;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t len = strlen(board.log);
    len += (size_t)vsnprintf(board.log + len, sizeof(board.log) - len, fmt, ap);
    (void)snprintf(board.log + len, sizeof(board.log) - len, "\n");
    va_end(ap);
}

/* A server's: 24 pins, a dead one, 8 and 120, listed in another order than that of their pins. */
static void make_board(void)
{
    static const uint32_t pins[CHIPS] = {8, 24, 0, 120};
    static const uint32_t bases[CHIPS] = {24, 0, 32, 56};
    fake_reset(4096);
    memset(&board, 0, sizeof(board));
    for (uint32_t n = 0; n < CHIPS; n++) {
        board.chips[n].pins = pins[n];
        board.acpi.ioapics[n] = (struct acpi_ioapic){CHIPS_AT + n * CHIP_BYTES, bases[n], 0};
    }
    board.acpi.ioapic_count = CHIPS;
    board.acpi.overrides[0] = (struct acpi_override){.irq = 0, .gsi = 2};
    board.acpi.overrides[1] = (struct acpi_override){.irq = 9, .gsi = 9, .level = true};
    board.acpi.override_count = 2;
    board.apic_id = 0x2a;
}

static uint32_t *entry_of(uint32_t gsi)
{
    uint32_t n = gsi < 24 ? 1 : gsi < 32 ? 0 : 3;
    return &board.chips[n].entries[2 * (gsi - board.acpi.ioapics[n].gsi_base)];
}

/* An entry has eight bits for it, and all ones is everybody. */
static void test_a_processor_beyond_their_reach(void **state)
{
    make_board();
    board.apic_id = 0xff;
    ioapic_init();
    assert_int_equal(ioapic_pin_count(), 0);
    assert_string_equal(board.log, "ioapic: cannot address processor 255 without interrupt "
                                   "remapping: not used\n");
}

/* One board for the rest: ioapic.c finds the chips once. */
static void test_every_pin_of_every_chip(void **state)
{
    make_board();
    ioapic_init();
    assert_string_equal(board.log, "ioapic: pins 24 to 31 at 0xfec00000\n"
                                   "ioapic: pins 0 to 23 at 0xfec01000\n"
                                   "ioapic: nothing usable at 0xfec02000\n"
                                   "ioapic: pins 56 to 175 at 0xfec03000\n");
    assert_int_equal(ioapic_pin_count(), 8 + 24 + 120);
    uint32_t seen[176] = {0};
    for (uint32_t i = 0; i < ioapic_pin_count(); i++) {
        struct ioapic_pin pin = ioapic_pin_at(i);
        assert_in_range(pin.gsi, 0, 175);
        assert_int_equal(seen[pin.gsi]++, 0);
        assert_int_equal(entry_of(pin.gsi)[0], MASKED); /* as ioapic_init left it */
        bool isa = pin.gsi < 16 && pin.gsi != 0;        /* 0 is moved to 2 */
        assert_int_equal(pin.isa_irq != IOAPIC_NOT_ISA, isa);
        assert_int_equal(pin.isa_irq, !isa ? IOAPIC_NOT_ISA : pin.gsi == 2 ? 0 : pin.gsi);
        assert_int_equal(pin.level, !isa || pin.gsi == 9);
        assert_int_equal(pin.active_low, !isa);
    }
}

static void test_routing(void **state)
{
    for (uint32_t i = 0; i < ioapic_pin_count(); i++) {
        struct ioapic_pin pin = ioapic_pin_at(i);
        uint32_t *entry = entry_of(pin.gsi);
        uint8_t vector = (uint8_t)(VECTOR_PIN_FIRST + i % 128);
        ioapic_route(&pin, vector);
        assert_int_equal(entry[1], 0x2a000000);
        assert_int_equal(entry[0] & ~LEVEL_AND_LOW, MASKED | vector);
        assert_int_equal(entry[0] & LEVEL_AND_LOW,
                         (pin.active_low ? 1U << 13 : 0) | (pin.level ? 1U << 15 : 0));
        ioapic_set_masked(pin.gsi, false);
        assert_int_equal(entry[0] & MASKED, 0);
        ioapic_route(&pin, vector); /* again, while it is live */
        assert_int_equal(entry[0] & MASKED, MASKED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_processor_beyond_their_reach),
        cmocka_unit_test(test_every_pin_of_every_chip),
        cmocka_unit_test(test_routing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
