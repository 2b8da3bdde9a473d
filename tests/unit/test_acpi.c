/*
 * The ACPI decoders against good tables and against tables that are short, lie about their length,
 * carry wrong checksums or end in the middle of an entry. Every grant of the reader is a heap copy
 * of exactly the size asked for, so that ASan catches a byte read too far.
 */
// LINK: arch/x86_64/acpi/acpi.c arch/x86_64/acpi/pci.c arch/x86_64/acpi/power.c
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/acpi.h"
#include "tests/unit/acpi_bytes.h"

enum {
    MEMORY_BYTES = 8192,
    GRANTS_MAX = 8192,
    RSDP_AT = 0x40,
    RSDT_AT = 0x100,
    XSDT_AT = 0x200,
    MADT_AT = 0x400,
    FADT_AT = 0x800,
    HPET_AT = 0xa00,
    DSDT_AT = 0xc00,
    SECOND_MADT_AT = 0x1000,
    FADT_BYTES = 244,
};

struct world {
    uint8_t mem[MEMORY_BYTES];
    size_t madt_len;
    void *grants[GRANTS_MAX];
    size_t grant_count;
    struct acpi_info info;
};

static const void *world_read(void *ctx, uint64_t address, size_t len)
{
    struct world *w = ctx;
    if (address > MEMORY_BYTES || len > MEMORY_BYTES - address) {
        return NULL;
    }
    assert_true(w->grant_count < GRANTS_MAX);
    void *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, w->mem + address, len);
    w->grants[w->grant_count++] = copy;
    return copy;
}

static void seal_table(struct world *w, size_t at, const char *signature, size_t len)
{
    memcpy(w->mem + at, signature, 4);
    put_le(w->mem + at + 4, len, 4);
    seal_bytes(w->mem + at, len, ACPI_SUM_AT);
}

static void madt_add(struct world *w, const uint8_t *entry, size_t len)
{
    memcpy(w->mem + MADT_AT + w->madt_len, entry, len);
    w->madt_len += len;
    seal_table(w, MADT_AT, "APIC", w->madt_len);
}

static void make_rsdp(struct world *w, uint8_t revision, uint64_t rsdt, uint64_t xsdt)
{
    uint8_t *p = w->mem + RSDP_AT;
    memset(p, 0, 36);
    memcpy(p, "RSD PTR ", 8);
    p[15] = revision;
    put_le(p + 16, rsdt, 4);
    put_le(p + 20, 36, 4);
    put_le(p + 24, xsdt, 8);
    seal_bytes(p, 20, 8);
    seal_bytes(p, 36, 32);
}

/* FADT revision 3: SCI 9, PM timer at 0x608 in both fields. */
static void make_fadt(struct world *w)
{
    uint8_t *p = w->mem + FADT_AT;
    put_le(p + 40, DSDT_AT, 4);
    put_le(p + 46, 9, 2);
    put_le(p + 56, 0x600, 4);
    put_le(p + 64, 0x604, 4);
    p[88] = 4;
    p[89] = 2;
    put_le(p + 76, 0x608, 4);
    p[91] = 4;
    p[108] = 0x32;
    put_le(p + 112, 0x84a5, 4);
    p[208] = 1;
    p[209] = 32;
    put_le(p + 212, 0x608, 8);
    seal_table(w, FADT_AT, "FACP", FADT_BYTES);
}

/* A definition block with nothing in it but the sleep types 5 and 4 for switching off. */
static void make_definitions(struct world *w, size_t at, const char *signature)
{
    static const uint8_t s5[] = {0x08, '_',  'S', '5',  '_', 0x12, 0x08,
                                 0x04, 0x0a, 5,   0x0a, 4,   0,    0};
    memcpy(w->mem + at + 38, s5, sizeof(s5));
    seal_table(w, at, signature, 38 + sizeof(s5));
}

/* What QEMU's pc machine has, with an XSDT beside its RSDT. */
static int world_new(void **state)
{
    static const uint8_t cpu[] = {0, 8, 0, 0, 1, 0, 0, 0};
    static const uint8_t cpu_disabled[] = {0, 8, 1, 1, 0, 0, 0, 0};
    static const uint8_t ioapic[] = {1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0};
    static const uint8_t irq0[] = {2, 10, 0, 0, 2, 0, 0, 0, 0, 0};
    static const uint8_t irq11[] = {2, 10, 0, 11, 11, 0, 0, 0, 0x0d, 0};
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->madt_len = 44;
    put_le(w->mem + MADT_AT + 36, 0xfee00000, 4);
    put_le(w->mem + MADT_AT + 40, 1, 4);
    madt_add(w, cpu, sizeof(cpu));
    madt_add(w, cpu_disabled, sizeof(cpu_disabled));
    madt_add(w, ioapic, sizeof(ioapic));
    madt_add(w, irq0, sizeof(irq0));
    madt_add(w, irq11, sizeof(irq11));
    make_fadt(w);
    make_definitions(w, DSDT_AT, "DSDT");
    put_le(w->mem + HPET_AT + 44, 0xfed00000, 8);
    seal_table(w, HPET_AT, "HPET", 56);
    static const uint64_t tables[] = {MADT_AT, FADT_AT, HPET_AT};
    for (size_t i = 0; i < 3; i++) {
        put_le(w->mem + RSDT_AT + 36 + 4 * i, tables[i], 4);
        put_le(w->mem + XSDT_AT + 36 + 8 * i, tables[i], 8);
    }
    seal_table(w, RSDT_AT, "RSDT", 36 + 12);
    seal_table(w, XSDT_AT, "XSDT", 36 + 24);
    make_rsdp(w, 2, RSDT_AT, XSDT_AT);
    *state = w;
    return 0;
}

static int world_free(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->grant_count; i++) {
        free(w->grants[i]);
    }
    free(w);
    return 0;
}

static enum status world_decode(struct world *w)
{
    struct acpi_root root;
    assert_true(acpi_scan_rsdp(0, MEMORY_BYTES, world_read, w, &root));
    return acpi_decode_tables(&root, world_read, w, &w->info);
}

static void assert_good(const struct acpi_info *i)
{
    assert_true(i->tables_found && i->madt_found && i->fadt_found);
    assert_true(i->has_8259);
    assert_int_equal(i->lapic_address, 0xfee00000);
    assert_int_equal(i->cpu_count, 1);
    assert_int_equal(i->ioapic_count, 1);
    assert_int_equal(i->ioapics[0].address, 0xfec00000);
    assert_int_equal(i->ioapics[0].gsi_base, 0);
    assert_int_equal(i->override_count, 2);
    assert_int_equal(i->overrides[0].gsi, 2);
    assert_false(i->overrides[0].level || i->overrides[0].active_low);
    assert_int_equal(i->overrides[1].irq, 11);
    assert_true(i->overrides[1].level);
    assert_false(i->overrides[1].active_low);
    assert_int_equal(i->sci_irq, 9);
    assert_int_equal(i->pm_timer_port, 0x608);
    assert_false(i->pm_timer_32bit);
    assert_int_equal(i->rtc_century, 0x32);
    assert_int_equal(i->hpet_address, 0xfed00000);
    assert_true(i->power.usable && i->power.has_button && i->power.s5_found);
    assert_int_equal(i->power.s5_type[0], 5);
    assert_int_equal(i->power.s5_type[1], 4);
    assert_int_equal(i->tables_rejected, 0);
    assert_int_equal(i->entries_dropped, 0);
}

static void test_good_xsdt(void **state)
{
    struct world *w = *state;
    memset(w->mem + RSDT_AT, 0xff, 48); /* proves that the XSDT is what was walked */
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_good(&w->info);
}

static void test_good_rsdt(void **state)
{
    struct world *w = *state;
    make_rsdp(w, 0, RSDT_AT, 0);
    memset(w->mem + XSDT_AT, 0xff, 60);
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_good(&w->info);
}

/* The DSDT may be no good; an SSDT, which a root table names, may have it as well. */
static void test_s5_in_an_ssdt(void **state)
{
    struct world *w = *state;
    w->mem[DSDT_AT + 20] ^= 1; /* its checksum is wrong */
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_false(w->info.power.s5_found);
    assert_int_equal(w->info.tables_rejected, 1);
    make_definitions(w, HPET_AT, "SSDT");
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_true(w->info.power.s5_found);
    assert_int_equal(w->info.power.s5_type[1], 4);
}

static void test_bad_xsdt_falls_back(void **state)
{
    struct world *w = *state;
    w->mem[XSDT_AT + 20] ^= 1; /* checksum */
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_good(&w->info);
    make_rsdp(w, 2, RSDT_AT, UINT64_MAX - 3); /* address that wraps */
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_good(&w->info);
}

static void test_no_root_table(void **state)
{
    struct world *w = *state;
    w->mem[XSDT_AT + 20] ^= 1;
    w->mem[RSDT_AT + 20] ^= 1;
    assert_int_equal(world_decode(w), STATUS_BAD_INPUT);
    assert_false(w->info.tables_found);
    assert_int_equal(w->info.ioapics[0].address, 0xfec00000); /* the default stands */
    assert_int_equal(w->info.overrides[0].gsi, 2);
}

static void test_rsdp(void **state)
{
    struct world *w = *state;
    struct acpi_root root;
    const uint8_t *p = w->mem + RSDP_AT;
    for (size_t len = 0; len < 20; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, p, len);
        assert_false(acpi_decode_rsdp(exact, len, &root));
        free(exact);
    }
    assert_true(acpi_decode_rsdp(p, 20, &root));
    assert_int_equal(root.xsdt_address, 0); /* revision 2, but its half was not given */
    assert_int_equal(root.rsdt_address, RSDT_AT);
    assert_true(acpi_decode_rsdp(p, 36, &root));
    assert_int_equal(root.xsdt_address, XSDT_AT);
    w->mem[RSDP_AT + 33] ^= 1; /* only the extended checksum is wrong */
    assert_true(acpi_decode_rsdp(p, 36, &root));
    assert_int_equal(root.xsdt_address, 0);
    w->mem[RSDP_AT + 12] ^= 1;
    assert_false(acpi_decode_rsdp(p, 36, &root));
}

static void test_scan(void **state)
{
    struct world *w = *state;
    struct acpi_root root;
    assert_true(acpi_scan_rsdp(RSDP_AT - 7, RSDP_AT + 36, world_read, w, &root));
    assert_true(acpi_scan_rsdp(RSDP_AT, RSDP_AT + 20, world_read, w, &root));
    assert_int_equal(root.xsdt_address, 0);
    assert_false(acpi_scan_rsdp(RSDP_AT, RSDP_AT + 19, world_read, w, &root));
    assert_false(acpi_scan_rsdp(RSDP_AT + 1, MEMORY_BYTES, world_read, w, &root));
    assert_false(acpi_scan_rsdp(MEMORY_BYTES, MEMORY_BYTES + 256, world_read, w, &root));
    assert_false(acpi_scan_rsdp(RSDP_AT, RSDP_AT, world_read, w, &root));
}

/* As some boards have them, the second with other numbers: the first is taken whole. */
static void test_two_madts(void **state)
{
    struct world *w = *state;
    memcpy(w->mem + SECOND_MADT_AT, w->mem + MADT_AT, w->madt_len);
    put_le(w->mem + SECOND_MADT_AT + 36, 0xfee10000, 4);
    seal_table(w, SECOND_MADT_AT, "APIC", w->madt_len - 10);
    put_le(w->mem + XSDT_AT + 36 + 8 * 3, SECOND_MADT_AT, 8);
    seal_table(w, XSDT_AT, "XSDT", 36 + 32);
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_good(&w->info);
}

static void test_table_lengths_that_lie(void **state)
{
    struct world *w = *state;
    static const uint32_t lengths[] = {0, 1, 35, MEMORY_BYTES, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        put_le(w->mem + MADT_AT + 4, lengths[i], 4);
        assert_int_equal(world_decode(w), STATUS_OK);
        assert_false(w->info.madt_found);
        assert_true(w->info.fadt_found); /* the others are not lost with it */
        assert_int_equal(w->info.tables_rejected, 1);
        assert_int_equal(w->info.ioapic_count, 1);
    }
}

static void test_bad_checksums(void **state)
{
    static const size_t tables[] = {MADT_AT, FADT_AT, HPET_AT};
    struct world *w = *state;
    for (size_t i = 0; i < 3; i++) {
        w->mem[tables[i] + 30] ^= 0x80;
        assert_int_equal(world_decode(w), STATUS_OK);
        assert_int_equal(w->info.tables_rejected, 1);
        assert_int_equal(w->info.madt_found, tables[i] != MADT_AT);
        assert_int_equal(w->info.fadt_found, tables[i] != FADT_AT);
        assert_int_equal(w->info.hpet_address == 0, tables[i] == HPET_AT);
        w->mem[tables[i] + 30] ^= 0x80;
    }
}

/* Tables shorter than what they must hold, with correct checksums over what is left. */
static void test_short_tables(void **state)
{
    struct world *w = *state;
    for (size_t len = 36; len < 44; len++) {
        seal_table(w, MADT_AT, "APIC", len);
        assert_int_equal(world_decode(w), STATUS_OK);
        assert_false(w->info.madt_found);
    }
    for (size_t len = 36; len <= FADT_BYTES; len++) {
        seal_table(w, FADT_AT, "FACP", len);
        assert_int_equal(world_decode(w), STATUS_OK);
        assert_int_equal(w->info.fadt_found, len >= 116);
        assert_int_equal(w->info.pm_timer_port, len >= 116 ? 0x608 : 0);
    }
    for (size_t len = 36; len < 56; len++) {
        seal_table(w, HPET_AT, "HPET", len);
        assert_int_equal(world_decode(w), STATUS_OK);
        assert_int_equal(w->info.hpet_address, 0);
    }
}

static void test_madt_zero_length_entry(void **state)
{
    static const uint8_t zero[] = {1, 0, 0, 0};
    static const uint8_t behind[] = {1, 12, 1, 0, 0, 0, 0xc1, 0xfe, 24, 0, 0, 0};
    struct world *w = *state;
    madt_add(w, zero, sizeof(zero));
    madt_add(w, behind, sizeof(behind));
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_int_equal(w->info.entries_dropped, 1);
    assert_int_equal(w->info.ioapic_count, 1); /* in front of it, not behind */
    assert_int_equal(w->info.override_count, 2);
}

static void test_madt_truncated_entry(void **state)
{
    static const uint8_t ioapic[] = {1, 12, 1, 0, 0, 0, 0xc1, 0xfe, 24, 0, 0, 0};
    struct world *w = *state;
    size_t whole = w->madt_len;
    for (size_t len = 2; len < sizeof(ioapic); len++) {
        w->madt_len = whole;
        madt_add(w, ioapic, len);
        assert_int_equal(world_decode(w), STATUS_OK);
        assert_int_equal(w->info.entries_dropped, 1);
        assert_int_equal(w->info.ioapic_count, 1);
    }
}

/* Each known kind with a length of its own that is too small for its fields. */
static void test_madt_entries_too_small(void **state)
{
    static const uint8_t kinds[][2] = {{0, 7}, {1, 11}, {2, 9}, {5, 11}, {9, 15}};
    struct world *w = *state;
    size_t whole = w->madt_len;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        uint8_t entry[16];
        memset(entry, 0xff, sizeof(entry));
        entry[0] = kinds[i][0];
        entry[1] = kinds[i][1];
        w->madt_len = whole;
        madt_add(w, entry, entry[1]);
        assert_int_equal(world_decode(w), STATUS_OK);
        assert_int_equal(w->info.entries_dropped, 1);
        assert_int_equal(w->info.cpu_count, 1);
        assert_int_equal(w->info.ioapic_count, 1);
        assert_int_equal(w->info.lapic_address, 0xfee00000);
    }
}

static void test_madt_other_entries(void **state)
{
    static const uint8_t address64[] = {5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 1, 0, 0, 0};
    static const uint8_t x2apic[] = {9, 16, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t unknown[] = {0x80, 3, 0xff};
    static const uint8_t pci_low[] = {2, 10, 0, 5, 21, 0, 0, 0, 0x0f, 0};
    static const uint8_t not_isa[] = {2, 10, 1, 5, 5, 0, 0, 0, 0, 0};
    static const uint8_t irq16[] = {2, 10, 0, 16, 5, 0, 0, 0, 0, 0};
    struct world *w = *state;
    madt_add(w, address64, sizeof(address64));
    madt_add(w, x2apic, sizeof(x2apic));
    madt_add(w, unknown, sizeof(unknown));
    madt_add(w, pci_low, sizeof(pci_low));
    madt_add(w, not_isa, sizeof(not_isa));
    madt_add(w, irq16, sizeof(irq16));
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_int_equal(w->info.lapic_address, 0x1fee00000);
    assert_int_equal(w->info.cpu_count, 2);
    assert_int_equal(w->info.override_count, 3);
    assert_int_equal(w->info.overrides[2].gsi, 21);
    assert_true(w->info.overrides[2].level && w->info.overrides[2].active_low);
    assert_int_equal(w->info.entries_dropped, 2);
}

static void test_madt_limits(void **state)
{
    struct world *w = *state;
    uint8_t ioapic[12] = {1, 12};
    uint8_t isa[10] = {2, 10, 0, 5};
    for (size_t i = 0; i < ACPI_IOAPIC_MAX + 3; i++) {
        madt_add(w, ioapic, sizeof(ioapic));
    }
    for (size_t i = 0; i < ACPI_OVERRIDE_MAX + 3; i++) {
        madt_add(w, isa, sizeof(isa));
    }
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_int_equal(w->info.ioapic_count, ACPI_IOAPIC_MAX);
    assert_int_equal(w->info.override_count, ACPI_OVERRIDE_MAX);
    assert_int_equal(w->info.entries_dropped, 4 + 5);
}

static void test_fadt_timers(void **state)
{
    struct world *w = *state;
    uint8_t *p = w->mem + FADT_AT;
    put_le(p + 212, 0x1808, 8); /* the extended block wins */
    seal_table(w, FADT_AT, "FACP", FADT_BYTES);
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_int_equal(w->info.pm_timer_port, 0x1808);
    p[208] = 0; /* unless it is in memory */
    put_le(p + 112, 1 << 8, 4);
    seal_table(w, FADT_AT, "FACP", FADT_BYTES);
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_int_equal(w->info.pm_timer_port, 0x608);
    assert_true(w->info.pm_timer_32bit);
    put_le(p + 76, 0x10608, 4); /* not a port */
    seal_table(w, FADT_AT, "FACP", FADT_BYTES);
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_int_equal(w->info.pm_timer_port, 0);
    make_fadt(w);
    put_le(p + 112, 1 << 20, 4); /* hardware-reduced: whatever the fields say */
    p[109] = 1 << 5;
    seal_table(w, FADT_AT, "FACP", FADT_BYTES);
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_true(w->info.hardware_reduced && w->info.no_cmos_rtc);
    assert_int_equal(w->info.pm_timer_port, 0);
}

static void test_hpet_in_io_space(void **state)
{
    struct world *w = *state;
    w->mem[HPET_AT + 40] = 1;
    seal_table(w, HPET_AT, "HPET", 56);
    assert_int_equal(world_decode(w), STATUS_OK);
    assert_int_equal(w->info.hpet_address, 0);
    assert_int_equal(w->info.tables_rejected, 1);
}

/* Every byte of the tables changed to random ones, checksums put right or not: limits hold. */
static void test_random_damage(void **state)
{
    struct world *w = *state;
    uint32_t seed = 20240607;
    uint8_t clean[MEMORY_BYTES];
    memcpy(clean, w->mem, sizeof(clean));
    printf("seed %u\n", (unsigned)seed);
    for (size_t round = 0; round < 2000; round++) {
        memcpy(w->mem, clean, sizeof(clean));
        for (size_t n = 0; n < 4; n++) {
            seed = seed * 1664525 + 1013904223;
            w->mem[RSDT_AT + (seed >> 8) % (HPET_AT + 56 - RSDT_AT)] = (uint8_t)(seed >> 24);
        }
        seal_bytes(w->mem + MADT_AT, w->madt_len, 9);
        seal_bytes(w->mem + XSDT_AT, 60, 9);
        (void)!world_decode(w);
        assert_true(w->info.ioapic_count <= ACPI_IOAPIC_MAX);
        assert_true(w->info.override_count <= ACPI_OVERRIDE_MAX);
        while (w->grant_count != 0) {
            free(w->grants[--w->grant_count]);
        }
    }
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        WORLD_TEST(test_good_xsdt),
        WORLD_TEST(test_good_rsdt),
        WORLD_TEST(test_s5_in_an_ssdt),
        WORLD_TEST(test_bad_xsdt_falls_back),
        WORLD_TEST(test_no_root_table),
        WORLD_TEST(test_rsdp),
        WORLD_TEST(test_scan),
        WORLD_TEST(test_two_madts),
        WORLD_TEST(test_table_lengths_that_lie),
        WORLD_TEST(test_bad_checksums),
        WORLD_TEST(test_short_tables),
        WORLD_TEST(test_madt_zero_length_entry),
        WORLD_TEST(test_madt_truncated_entry),
        WORLD_TEST(test_madt_entries_too_small),
        WORLD_TEST(test_madt_other_entries),
        WORLD_TEST(test_madt_limits),
        WORLD_TEST(test_fadt_timers),
        WORLD_TEST(test_hpet_in_io_space),
        WORLD_TEST(test_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
