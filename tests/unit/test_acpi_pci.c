/*
 * What the tables say of the PCI bus: windows into configuration space and IOMMUs, as firmware
 * writes them and as damage would. Each table is a heap copy of exactly its size, so that ASan sees
 * a byte read too far.
 */
// LINK: arch/x86_64/acpi/acpi.c arch/x86_64/acpi/pci.c arch/x86_64/acpi/power.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/pci.h"
#include "tests/unit/acpi_bytes.h"

enum {
    MCFG_HEADER_BYTES = 44,
    DMAR_HEADER_BYTES = 48,
    BUILD_BYTES = 4096,
};

struct built {
    uint8_t bytes[BUILD_BYTES];
    size_t len;
    struct acpi_info info;
    bool believed;
};

typedef bool decode_fn(const uint8_t *table, size_t len, struct acpi_info *out);

static void decode(struct built *b, decode_fn *fn)
{
    uint8_t *exact = malloc(b->len + 1);
    assert_non_null(exact);
    memcpy(exact + 1, b->bytes, b->len);
    acpi_info_default(&b->info);
    b->believed = fn(exact + 1, b->len, &b->info);
    free(exact);
}

static void add_window(struct built *b, uint64_t address, unsigned segment, unsigned first,
                       unsigned last)
{
    uint8_t *p = b->bytes + b->len;
    assert_true(b->len + 16 <= BUILD_BYTES);
    memset(p, 0, 16);
    put_le(p, address, 8);
    put_le(p + 8, segment, 2);
    p[10] = (uint8_t)first;
    p[11] = (uint8_t)last;
    b->len += 16;
}

static void test_windows(void **state)
{
    struct built b = {.len = MCFG_HEADER_BYTES};
    (void)state;
    add_window(&b, 0xe0000000, 0, 0, 0x7f);
    add_window(&b, 0xd0000000, 0, 0x80, 0xff); /* the address is bus 0's, which is not in it */
    add_window(&b, 0x4000000000, 1, 0, 0xff);
    add_window(&b, 0xe0000000, 0, 0, 0x7f); /* again */
    decode(&b, acpi_decode_mcfg);
    assert_true(b.believed);
    assert_int_equal(b.info.ecam_count, 2);
    assert_int_equal(b.info.ecams[1].address, 0xd0000000);
    assert_int_equal(b.info.ecams[1].bus_first, 0x80);
    assert_int_equal(b.info.ecams[1].bus_last, 0xff);
    assert_int_equal(b.info.ecam_other_segments, 1);
    assert_int_equal(b.info.entries_dropped, 0);
}

static void test_windows_that_cannot_be(void **state)
{
    static const struct {
        uint64_t address;
        unsigned first, last;
    } bad[] = {
        {0, 0, 0xff},
        {0xe0000800, 0, 0xff}, /* a bus has a whole MiB */
        {0xe0000000, 9, 8},
        {UINT64_C(0xfffffffff0000000), 0, 0xff}, /* wraps */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct built b = {.len = MCFG_HEADER_BYTES};
        add_window(&b, bad[i].address, 0, bad[i].first, bad[i].last);
        add_window(&b, 0xe0000000, 0, 0, 0x3f);
        decode(&b, acpi_decode_mcfg);
        assert_int_equal(b.info.ecam_count, 1);
        assert_int_equal(b.info.ecams[0].bus_last, 0x3f);
        assert_int_equal(b.info.entries_dropped, 1);
    }
}

static void test_window_lengths(void **state)
{
    (void)state;
    struct built b = {.len = MCFG_HEADER_BYTES};
    for (unsigned i = 0; i < ACPI_ECAM_MAX + 3; i++) {
        add_window(&b, 0xe0000000, 0, i, i);
    }
    decode(&b, acpi_decode_mcfg);
    assert_int_equal(b.info.ecam_count, ACPI_ECAM_MAX);
    assert_int_equal(b.info.entries_dropped, 3);
    for (b.len = 36; b.len < MCFG_HEADER_BYTES + 40; b.len++) {
        decode(&b, acpi_decode_mcfg);
        assert_int_equal(b.believed, b.len >= MCFG_HEADER_BYTES);
        size_t whole = b.len < MCFG_HEADER_BYTES ? 0 : (b.len - MCFG_HEADER_BYTES) / 16;
        assert_int_equal(b.info.ecam_count, whole);
    }
}

static void add_structure(struct built *b, unsigned type, size_t len, uint64_t address)
{
    uint8_t *p = b->bytes + b->len;
    assert_true(b->len + 64 <= BUILD_BYTES && len <= 64);
    memset(p, 0, 64);
    put_le(p, type, 2);
    put_le(p + 2, len, 2);
    put_le(p + 8, address, 8);
    b->len += len;
}

static void test_units(void **state)
{
    struct built b = {.len = DMAR_HEADER_BYTES};
    (void)state;
    add_structure(&b, 0, 24, 0xfed90000);
    add_structure(&b, 1, 48, 0xdbf7b000); /* reserved memory, not a unit */
    add_structure(&b, 0, 16, 0x20fed91000);
    add_structure(&b, 77, 4, 0);
    decode(&b, acpi_decode_dmar);
    assert_true(b.believed);
    assert_int_equal(b.info.iommu_count, 2);
    assert_int_equal(b.info.iommus[0], 0xfed90000);
    assert_int_equal(b.info.iommus[1], 0x20fed91000);
    assert_int_equal(b.info.entries_dropped, 0);
}

static void test_units_that_cannot_be(void **state)
{
    struct built b = {.len = DMAR_HEADER_BYTES};
    (void)state;
    add_structure(&b, 0, 16, 0);
    add_structure(&b, 0, 16, 0xfed90010);
    add_structure(&b, 0, 12, 0xfed90000); /* its address would be the next one's */
    add_structure(&b, 0, 16, 0xfed91000);
    decode(&b, acpi_decode_dmar);
    assert_int_equal(b.info.iommu_count, 1);
    assert_int_equal(b.info.iommus[0], 0xfed91000);
    assert_int_equal(b.info.entries_dropped, 3);
}

/* Behind a length that lies nothing is found; in front of it all stands. */
static void test_structure_lengths(void **state)
{
    static const unsigned lies[] = {0, 1, 3, 17, 0xffff};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        struct built b = {.len = DMAR_HEADER_BYTES};
        add_structure(&b, 0, 16, 0xfed90000);
        add_structure(&b, 0, 16, 0xfed91000);
        put_le(b.bytes + DMAR_HEADER_BYTES + 16 + 2, lies[i], 2);
        decode(&b, acpi_decode_dmar);
        assert_int_equal(b.info.iommu_count, 1);
        assert_int_equal(b.info.entries_dropped, 1);
    }
}

static void test_unit_limit(void **state)
{
    struct built b = {.len = DMAR_HEADER_BYTES};
    (void)state;
    for (uint64_t i = 0; i < ACPI_IOMMU_MAX + 2; i++) {
        add_structure(&b, 0, 16, 0xfed00000 + i * ACPI_IOMMU_BYTES);
    }
    decode(&b, acpi_decode_dmar);
    assert_int_equal(b.info.iommu_count, ACPI_IOMMU_MAX);
    assert_int_equal(b.info.entries_dropped, 2);
    for (b.len = 36; b.len < DMAR_HEADER_BYTES; b.len++) {
        decode(&b, acpi_decode_dmar);
        assert_true(!b.believed && b.info.iommu_count == 0);
    }
}

static void test_amd_units(void **state)
{
    struct built b = {.len = DMAR_HEADER_BYTES};
    (void)state;
    add_structure(&b, 0x10, 24, 0xf6000000);
    add_structure(&b, 0x3e11, 40, 0xf6000000); /* the same in a newer version; flags above */
    add_structure(&b, 0x40, 40, 0xf7000000);
    add_structure(&b, 0x20, 32, 0xf8000000); /* memory, not a unit */
    add_structure(&b, 0x10, 24, 0);
    decode(&b, acpi_decode_ivrs);
    assert_true(b.believed);
    assert_int_equal(b.info.amd_iommu_count, 2);
    assert_int_equal(b.info.amd_iommus[1], 0xf7000000);
    assert_int_equal(b.info.iommu_count, 0);
    assert_int_equal(b.info.entries_dropped, 1);
    b.len = DMAR_HEADER_BYTES - 1;
    decode(&b, acpi_decode_ivrs);
    assert_true(!b.believed && b.info.amd_iommu_count == 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_windows_that_cannot_be),
        cmocka_unit_test(test_window_lengths),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_units_that_cannot_be),
        cmocka_unit_test(test_structure_lengths),
        cmocka_unit_test(test_unit_limit),
        cmocka_unit_test(test_amd_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
