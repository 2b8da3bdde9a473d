/*
 * The ACPI decoders against the tables of real machines (tests/acpi/README.md), each reached
 * through a root pointer that is made here: an XSDT, or an RSDT for ACPI 1.0, with the tables in
 * either order, above 4 GiB where the XSDT allows it.
 */
// LINK: arch/x86_64/acpi/acpi.c arch/x86_64/acpi/pci.c arch/x86_64/acpi/power.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/acpi.h"
#include "tests/unit/acpi_bytes.h"

enum {
    TABLES_MAX = 16,
    TABLE_BYTES_MAX = 4096,
    HEADER_BYTES = 36,
    LINE_BYTES = 128,
};
#define LOW_AT  UINT64_C(0x7f000000)
#define HIGH_AT UINT64_C(0x23f000000)

struct table {
    uint64_t address;
    uint8_t bytes[TABLE_BYTES_MAX];
    size_t len;
};

struct board {
    struct table tables[TABLES_MAX];
    size_t count;
    struct acpi_info info;
};

struct expected {
    const char *name;
    uint32_t cpus, ioapics, overrides;
    uint32_t last_gsi_base;
    uint64_t ecam;
    uint8_t bus_last;
    uint32_t iommus;
    uint64_t last_iommu;
    uint64_t amd_iommu;
    bool hpet, hardware_reduced, button;
    uint16_t pm_timer, control;
    struct acpi_register reset;
    uint8_t reset_value;
    uint8_t s5;
    uint16_t sleep_control;
};

/* From the disassembler's reading of the same tables, which the dumps have beside the bytes. */
static const struct expected boards[] = {
    {.name = "haswell-desktop",
     .cpus = 4,
     .ioapics = 1,
     .overrides = 2,
     .ecam = 0xf8000000,
     .bus_last = 0x3f,
     .iommus = 2,
     .last_iommu = 0xfed91000,
     .hpet = true,
     .button = true,
     .pm_timer = 0x1808,
     .control = 0x1804,
     .reset = {ACPI_SPACE_IO, 0xb2},
     .reset_value = 0x73,
     .s5 = 7},
    {.name = "four-socket-server",
     .cpus = 80,
     .ioapics = 5,
     .last_gsi_base = 0x80,
     .iommus = 4,
     .last_iommu = 0xdf100000,
     .hpet = true,
     .button = true,
     .overrides = 2,
     .ecam = 0xe0000000,
     .bus_last = 0xff,
     .pm_timer = 0x808,
     .control = 0x804,
     /* A reset register is there; the flag that it works is not. */
     .s5 = 7},
    {.name = "skylake-laptop",
     .cpus = 4,
     .iommus = 2,
     .last_iommu = 0xfed91000,
     .hpet = true,
     .button = true,
     .ioapics = 1,
     .overrides = 2,
     .ecam = 0xf8000000,
     .bus_last = 0x3f,
     .pm_timer = 0x1808,
     .control = 0x1804,
     .reset = {ACPI_SPACE_IO, 0xcf9},
     .reset_value = 6,
     .s5 = 7},
    {.name = "tablet",
     .hpet = true,
     .hardware_reduced = true,
     .ioapics = 1,
     .overrides = 2,
     .cpus = 4,
     .ecam = 0xe0000000,
     .bus_last = 0x3f,
     .control = 0x404, /* is there, and not to be used */
     .reset = {ACPI_SPACE_IO, 0xcf9},
     .reset_value = 0xe,
     .s5 = 7,
     .sleep_control = 0x405},
    {.name = "acpi1-server",
     .cpus = 8,
     .last_gsi_base = 24,
     .button = true,
     .overrides = 2,
     .ioapics = 2,
     .ecam = 0xe0000000,
     .bus_last = 0x0a,
     .pm_timer = 0x1008,
     .control = 0x1004,
     .s5 = 7},
    {.name = "opteron-server",
     .cpus = 24,
     .last_gsi_base = 24,
     .amd_iommu = 0xf6000000,
     .hpet = true,
     .button = true,
     .overrides = 2,
     .ioapics = 2,
     .ecam = 0xe0000000,
     .bus_last = 0xff,
     .pm_timer = 0x808,
     .control = 0x804,
     /* A reset register is there; the flag that it works is not. */
     .s5 = 5},
    {.name = "x2apic-handheld",
     .cpus = 22,
     .iommus = 2,
     .last_iommu = 0xfc801000,
     .hpet = true,
     .button = true,
     .overrides = 2,
     .ioapics = 1,
     .ecam = 0xc0000000,
     .bus_last = 0xdf,
     .pm_timer = 0x1808,
     .control = 0x1804,
     .reset = {ACPI_SPACE_IO, 0xcf9},
     .reset_value = 6,
     .s5 = 7},
    {.name = "xeon-workstation",
     .cpus = 40,
     .last_gsi_base = 0x30,
     .iommus = 3,
     .last_iommu = 0xf3ffc000,
     .hpet = true,
     .button = true,
     .overrides = 2,
     .ioapics = 3,
     .ecam = 0x80000000,
     .bus_last = 0xff,
     .pm_timer = 0x408,
     .control = 0x404,
     .reset = {ACPI_SPACE_IO, 0xcf9},
     .reset_value = 6,
     .s5 = 7},
};

static const void *board_read(void *ctx, uint64_t address, size_t len)
{
    const struct board *b = ctx;
    for (size_t i = 0; i < b->count; i++) {
        const struct table *t = &b->tables[i];
        if (address >= t->address && address - t->address <= t->len &&
            len <= t->len - (address - t->address)) {
            return t->bytes + (address - t->address);
        }
    }
    return NULL;
}

static uint64_t get_le(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = bytes; i > 0; i--) {
        v = v << 8 | p[i - 1];
    }
    return v;
}

/* Name at the start of a line, bytes on the indented ones after it. */
static void board_load(struct board *b, const char *name)
{
    char path[LINE_BYTES];
    char line[LINE_BYTES];
    (void)snprintf(path, sizeof(path), "tests/acpi/%s.txt", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        if (line[0] != ' ') {
            assert_true(b->count < TABLES_MAX);
            b->count++;
            continue;
        }
        assert_true(b->count > 0);
        struct table *t = &b->tables[b->count - 1];
        char *at = line;
        for (char *end;; at = end) {
            unsigned long byte = strtoul(at, &end, 16);
            if (end == at) {
                break;
            }
            assert_true(byte <= 0xff && t->len < TABLE_BYTES_MAX);
            t->bytes[t->len++] = (uint8_t)byte;
        }
    }
    (void)fclose(f);
    for (size_t i = 0; i < b->count; i++) {
        assert_int_equal(get_le(b->tables[i].bytes + 4, 4), b->tables[i].len);
    }
}

static struct table *find(struct board *b, const char *signature)
{
    for (size_t i = 0; i < b->count; i++) {
        if (memcmp(b->tables[i].bytes, signature, 4) == 0) {
            return &b->tables[i];
        }
    }
    fail_msg("no %s", signature);
    return NULL;
}

/* The DSDT where the FADT says, the others one behind the other; the root table lists those. */
static void board_place(struct board *b, bool is_xsdt, bool backwards)
{
    const uint8_t *fadt = find(b, "FACP")->bytes;
    struct table *dsdt = find(b, "DSDT");
    size_t count = b->count;
    struct table *root = &b->tables[b->count++];
    size_t entry = is_xsdt ? 8 : 4;
    for (size_t i = 0; i < count; i++) {
        struct table *t = &b->tables[backwards ? count - 1 - i : i];
        if (t == dsdt) {
            t->address = get_le(fadt + 40, 4);
            continue;
        }
        t->address = (is_xsdt ? HIGH_AT : LOW_AT) + (i + 1) * TABLE_BYTES_MAX;
        put_le(root->bytes + HEADER_BYTES + root->len, t->address, entry);
        root->len += entry;
    }
    root->len += HEADER_BYTES;
    root->address = is_xsdt ? HIGH_AT : LOW_AT;
    memcpy(root->bytes, is_xsdt ? "XSDT" : "RSDT", 4);
    put_le(root->bytes + 4, root->len, 4);
    seal_bytes(root->bytes, root->len, ACPI_SUM_AT);
}

static void check_power(const struct acpi_info *i, const struct expected *e)
{
    const struct acpi_power *p = &i->power;
    assert_int_equal(i->hardware_reduced, e->hardware_reduced);
    assert_int_equal(p->usable, !e->hardware_reduced);
    assert_int_equal(p->has_button, e->button);
    assert_int_equal(i->pm_timer_port, e->pm_timer);
    assert_int_equal(p->control[0], e->control);
    assert_int_equal(p->control[1], 0);
    assert_true(e->reset.address == 0 || p->reset.space == e->reset.space);
    assert_int_equal(p->reset.address, e->reset.address);
    assert_int_equal(p->reset_value, e->reset_value);
    assert_true(p->s5_found);
    assert_int_equal(p->s5_type[0], e->s5);
    assert_int_equal(p->sleep_control.address, e->sleep_control);
    assert_int_equal(i->sci_irq, 9);
    assert_int_equal(i->rtc_century, 0x32);
}

static void check_bus(const struct acpi_info *i, const struct expected *e)
{
    assert_int_equal(i->cpu_count, e->cpus);
    assert_int_equal(i->lapic_address, 0xfee00000);
    assert_int_equal(i->ioapic_count, e->ioapics);
    assert_int_equal(i->ioapics[0].address, 0xfec00000);
    assert_int_equal(i->ioapics[0].gsi_base, 0);
    assert_int_equal(i->ioapics[e->ioapics - 1].gsi_base, e->last_gsi_base);
    assert_int_equal(i->override_count, e->overrides);
    assert_true(i->overrides[0].irq == 0 && i->overrides[0].gsi == 2);
    assert_int_equal(i->ecam_count, 1);
    assert_int_equal(i->ecams[0].address, e->ecam);
    assert_int_equal(i->ecams[0].bus_first, 0);
    assert_int_equal(i->ecams[0].bus_last, e->bus_last);
    assert_int_equal(i->iommu_count, e->iommus);
    if (e->iommus != 0) {
        assert_int_equal(i->iommus[e->iommus - 1], e->last_iommu);
    }
    assert_int_equal(i->amd_iommu_count, e->amd_iommu != 0);
    assert_int_equal(i->amd_iommus[0], e->amd_iommu);
    assert_int_equal(i->hpet_address, e->hpet ? 0xfed00000 : 0);
}

static void decode(const struct expected *e, bool is_xsdt, bool backwards)
{
    struct board *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    board_load(b, e->name);
    board_place(b, is_xsdt, backwards);
    const struct acpi_root root = {
        .revision = is_xsdt ? 2 : 0,
        .rsdt_address = is_xsdt ? 0 : (uint32_t)LOW_AT,
        .xsdt_address = is_xsdt ? HIGH_AT : 0,
    };
    printf("%s\n", e->name);
    assert_int_equal(acpi_decode_tables(&root, board_read, b, &b->info), STATUS_OK);
    assert_int_equal(b->info.tables_rejected, 0);
    assert_int_equal(b->info.entries_dropped, 0);
    check_power(&b->info, e);
    check_bus(&b->info, e);
    free(b);
}

static void test_boards(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
        decode(&boards[i], true, false);
        decode(&boards[i], true, true);
        decode(&boards[i], false, false);
        decode(&boards[i], false, true);
    }
}

/* The overrides' signs, which differ: as the bus has it, edge or level, high or low. */
static void test_system_control_interrupts(void **state)
{
    static const struct {
        const char *name;
        bool level, active_low;
    } interrupts[] = {
        {"haswell-desktop", true, false},
        {"acpi1-server", true, false},
        {"opteron-server", true, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++) {
        struct board *b = calloc(1, sizeof(*b));
        assert_non_null(b);
        board_load(b, interrupts[i].name);
        board_place(b, true, false);
        const struct acpi_root root = {.revision = 2, .xsdt_address = HIGH_AT};
        assert_int_equal(acpi_decode_tables(&root, board_read, b, &b->info), STATUS_OK);
        struct acpi_override sci = acpi_sci(&b->info);
        assert_int_equal(sci.gsi, 9);
        assert_int_equal(sci.level, interrupts[i].level);
        assert_int_equal(sci.active_low, interrupts[i].active_low);
        free(b);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boards),
        cmocka_unit_test(test_system_control_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
