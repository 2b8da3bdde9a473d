/*
 * What the tables say of power: the register blocks in the FADT, the system control interrupt, and
 * \_S5 in definition blocks as compilers write it, and as damage and malice would. Each block is a
 * heap copy of exactly its size, so that ASan sees a byte read too far.
 */
// LINK: arch/x86_64/acpi/acpi.c arch/x86_64/acpi/pci.c arch/x86_64/acpi/power.c
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/power.h"
#include "tests/unit/acpi_bytes.h"

enum {
    FADT_V1_BYTES = 116,
    FADT_V3_BYTES = 244,
    FADT_V5_BYTES = 276,
    RESET_REG_SUP = 1 << 10,
    HEADER_BYTES = 36,
};

/* QEMU's pc: PM1a at 0x600, its control at 0x604, GPE0 at 0xafe0, the SMI command at 0xb2. */
static uint8_t *make_fadt(size_t len)
{
    uint8_t *p = calloc(1, len);
    assert_non_null(p);
    put_le(p + 40, 0x7fe0040, 4);
    put_le(p + 48, 0xb2, 4);
    p[52] = 0xf1;
    put_le(p + 56, 0x600, 4);
    put_le(p + 64, 0x604, 4);
    put_le(p + 80, 0xafe0, 4);
    p[88] = 4;
    p[89] = 2;
    p[92] = 4;
    put_le(p + 112, 0x84a5, 4);
    return p;
}

static void put_gas(uint8_t *p, uint8_t space, uint64_t address)
{
    p[0] = space;
    put_le(p + 4, address, 8);
}

static struct acpi_power decode(uint8_t *fadt, size_t len)
{
    struct acpi_info info;
    acpi_info_default(&info);
    acpi_decode_power(fadt, len, &info);
    free(fadt);
    return info.power;
}

static void test_registers(void **state)
{
    for (size_t len = FADT_V1_BYTES; len <= FADT_V3_BYTES; len += FADT_V3_BYTES - FADT_V1_BYTES) {
        uint8_t *fadt = make_fadt(len);
        assert_int_equal(acpi_decode_dsdt_address(fadt, len), 0x7fe0040);
        struct acpi_power p = decode(fadt, len);
        assert_true(p.usable && p.has_button && !p.s5_found);
        assert_int_equal(p.event[0], 0x600);
        assert_int_equal(p.event[1], 0);
        assert_int_equal(p.event_bytes, 4);
        assert_int_equal(p.control[0], 0x604);
        assert_int_equal(p.control[1], 0);
        assert_int_equal(p.gpe[0], 0xafe0);
        assert_int_equal(p.gpe[1], 0);
        assert_int_equal(p.gpe_bytes[0], 4);
        assert_int_equal(p.smi_port, 0xb2);
        assert_int_equal(p.smi_enable, 0xf1);
    }
}

static void test_extended_registers(void **state)
{
    uint8_t *fadt = make_fadt(FADT_V3_BYTES);
    put_le(fadt + 140, UINT64_C(0x123456789a), 8);
    put_gas(fadt + 148, 1, 0x1800);
    put_gas(fadt + 160, 1, 0x1900);
    put_gas(fadt + 172, 0, 0xfed81000); /* in memory: the old field stands */
    put_gas(fadt + 184, 1, 0x1904);
    put_gas(fadt + 220, 1, 0x10000); /* no such port */
    assert_int_equal(acpi_decode_dsdt_address(fadt, FADT_V3_BYTES), UINT64_C(0x123456789a));
    struct acpi_power p = decode(fadt, FADT_V3_BYTES);
    assert_true(p.usable);
    assert_int_equal(p.event[0], 0x1800);
    assert_int_equal(p.event[1], 0x1900);
    assert_int_equal(p.control[0], 0x604);
    assert_int_equal(p.control[1], 0x1904);
    assert_int_equal(p.gpe[0], 0);
}

static struct acpi_power decode_with(size_t offset, uint64_t value, size_t bytes)
{
    uint8_t *fadt = make_fadt(FADT_V1_BYTES);
    put_le(fadt + offset, value, bytes);
    return decode(fadt, FADT_V1_BYTES);
}

static void test_unusable(void **state)
{
    assert_false(decode_with(56, 0, 4).usable);       /* no event block */
    assert_false(decode_with(56, 0xfffe, 4).usable);  /* it would reach beyond the ports */
    assert_false(decode_with(56, 0x10600, 4).usable); /* no port at all */
    assert_false(decode_with(64, 0, 4).usable);
    assert_false(decode_with(64, 0xffff, 4).usable);
    assert_false(decode_with(88, 0, 1).usable);
    assert_false(decode_with(88, 2, 1).usable);
    assert_false(decode_with(88, 5, 1).usable); /* no half is enable */
    assert_false(decode_with(89, 0, 1).usable);
    assert_false(decode_with(89, 1, 1).usable);
    struct acpi_power p = decode_with(112, 0x84a5 | 1 << 4, 4);
    assert_true(p.usable && !p.has_button); /* the button is a control method's */
    struct acpi_info info;
    acpi_info_default(&info);
    info.hardware_reduced = true;
    uint8_t *fadt = make_fadt(FADT_V1_BYTES);
    acpi_decode_power(fadt, FADT_V1_BYTES, &info);
    free(fadt);
    assert_false(info.power.usable || info.power.has_button);
}

/* --- reset and sleep registers ------------------------------------------------------------ */

static struct acpi_power decode_reset(size_t len, uint32_t flags, uint8_t space, uint64_t address)
{
    uint8_t whole[FADT_V5_BYTES] = {0};
    put_le(whole + 112, flags, 4);
    put_gas(whole + 116, space, address);
    whole[128] = 0x06;
    put_gas(whole + 244, 1, 0x405);
    put_gas(whole + 256, 0, 0x20fed80500);
    uint8_t *fadt = malloc(len);
    assert_non_null(fadt);
    memcpy(fadt, whole, len);
    return decode(fadt, len);
}

static void test_reset_register(void **state)
{
    static const struct {
        uint8_t space;
        uint64_t address;
        bool good;
    } registers[] = {
        {ACPI_SPACE_IO, 0xcf9, true},
        {ACPI_SPACE_IO, 0x10000, false},
        {ACPI_SPACE_MEMORY, 0x20fed80000, true},
        {ACPI_SPACE_PCI, UINT64_C(0x1f000700ac), true}, /* 0:1f.7 at ac */
        {ACPI_SPACE_PCI, UINT64_C(0x20000000ac), false},
        {ACPI_SPACE_PCI, UINT64_C(0x1f000800ac), false},
        {ACPI_SPACE_PCI, UINT64_C(0x1f00070100), false},
        {4, 0xcf9, false}, /* SMBus */
        {0x7f, 0xcf9, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
        struct acpi_power p =
            decode_reset(FADT_V3_BYTES, RESET_REG_SUP, registers[i].space, registers[i].address);
        assert_int_equal(p.reset.address, registers[i].good ? registers[i].address : 0);
        if (registers[i].good) {
            assert_int_equal(p.reset.space, registers[i].space);
            assert_int_equal(p.reset_value, 6);
        }
    }
}

static void test_register_lengths(void **state)
{
    for (size_t len = FADT_V1_BYTES; len <= FADT_V5_BYTES; len++) {
        struct acpi_power p = decode_reset(len, RESET_REG_SUP, ACPI_SPACE_IO, 0xcf9);
        assert_int_equal(p.reset.address, len >= 129 ? 0xcf9 : 0);
        assert_int_equal(p.sleep_control.address, len >= 256 ? 0x405 : 0);
        assert_int_equal(p.sleep_status.address, len >= 268 ? 0x20fed80500 : 0);
        assert_int_equal(decode_reset(len, 0, ACPI_SPACE_IO, 0xcf9).reset.address, 0);
    }
}

/* --- the system control interrupt --------------------------------------------------------- */

static void test_sci(void **state)
{
    struct acpi_info info;
    acpi_info_default(&info);
    info.fadt_found = true;
    info.sci_irq = 9;
    struct acpi_override sci = acpi_sci(&info);
    assert_true(sci.gsi == 9 && sci.level && sci.active_low);
    info.overrides[1] = (struct acpi_override){.irq = 9, .gsi = 20, .level = true};
    info.override_count = 2;
    sci = acpi_sci(&info);
    assert_true(sci.gsi == 20 && sci.level && !sci.active_low); /* as stated */
    info.overrides[1] =
        (struct acpi_override){.irq = 9, .gsi = 21, .level_as_bus = true, .polarity_as_bus = true};
    sci = acpi_sci(&info);
    assert_true(sci.gsi == 21 && sci.level && sci.active_low); /* it is none of ISA's */
    info.sci_irq = 22; /* a board without ISA numbers it so */
    sci = acpi_sci(&info);
    assert_true(sci.gsi == 22 && sci.level && sci.active_low);
}

/* --- \_S5 --------------------------------------------------------------------------------- */

static bool find(const uint8_t *aml, size_t len, uint8_t types[2])
{
    uint8_t *table = calloc(1, HEADER_BYTES + len);
    assert_non_null(table);
    memcpy(table + HEADER_BYTES, aml, len);
    bool found = acpi_find_s5(table, HEADER_BYTES + len, types);
    free(table);
    return found;
}

struct sample {
    const char *what;
    int a, b; /* -1: not found */
    uint8_t aml[24];
    size_t len;
};
#define AML(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})
#define S5       '_', 'S', '5', '_'

static const struct sample samples[] = {
    {"QEMU's", 0, 0, AML(0x10, 0x08, S5, 0x12, 0x06, 0x04, 0, 0, 0, 0)},
    {"the first object there is", 1, 0, AML(0x08, S5, 0x12, 0x04, 0x02, 1, 0)},
    {"bytes", 7, 6, AML(0, 0x08, S5, 0x12, 0x08, 0x04, 0x0a, 7, 0x0a, 6, 0, 0)},
    {"from the root", 5, 5, AML(0, 0x08, '\\', S5, 0x12, 0x06, 0x02, 0x0a, 5, 0x0a, 5)},
    {"one and zero", 1, 0, AML(0, 0x08, S5, 0x12, 0x04, 0x02, 1, 0)},
    {"words", 3, 2, AML(0, 0x08, S5, 0x12, 0x09, 0x02, 0x0b, 3, 0, 0x0b, 2, 0, 0)},
    {"both in one", 5, 4, AML(0, 0x08, S5, 0x12, 0x05, 0x01, 0x0b, 5, 4, 0)},
    {"a long length", 7, 7, AML(0, 0x08, S5, 0x12, 0x47, 0x00, 0x02, 0x0a, 7, 0x0a, 7)},
    {"the second of two", 2, 2,
     AML(0, 0, S5, 0x12, 0, 0x08, S5, 0x12, 0x06, 0x02, 0x0a, 2, 0x0a, 2)},
    {"a use, no declaration", -1, -1, AML(0, 0x70, S5, 0x12, 0x06, 0x04, 0, 0, 0, 0)},
    {"no package", -1, -1, AML(0, 0x08, S5, 0x0a, 0x05, 0, 0, 0)},
    {"an empty package", -1, -1, AML(0, 0x08, S5, 0x12, 0x02, 0x00, 0, 0, 0)},
    {"a name in it", -1, -1, AML(0, 0x08, S5, 0x12, 0x0a, 0x02, 'A', 'B', 'C', 'D', 0, 0, 0)},
    {"eight", -1, -1, AML(0, 0x08, S5, 0x12, 0x06, 0x02, 0x0a, 8, 0, 0)},
    {"a package beyond the table", -1, -1, AML(0, 0x08, S5, 0x12, 0x3f, 0x02, 0, 0)},
    {"a package of no bytes", -1, -1, AML(0, 0x08, S5, 0x12, 0x00, 0x02, 0, 0)},
    {"an integer beyond the package", -1, -1, AML(0, 0x08, S5, 0x12, 0x03, 0x02, 0x0a, 5, 0)},
    {"cut in the length", -1, -1, AML(0, 0x08, S5, 0x12, 0xc7)},
    {"cut behind the name", -1, -1, AML(0, 0x08, S5)},
    {"cut in the name", -1, -1, AML(0, 0x08, '_', 'S', '5')},
    {"nothing", -1, -1, AML(0)},
};

static void test_s5(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct sample *s = &samples[i];
        uint8_t types[2] = {99, 99};
        bool found = find(s->aml, s->len, types);
        if (found != (s->a >= 0) || (found && (types[0] != s->a || types[1] != s->b))) {
            fail_msg("%s: found %d, types %u %u", s->what, found, types[0], types[1]);
        }
    }
}

/* Every cut of every sample, and a thousand random damages: no byte beyond, no type above 7. */
static void test_s5_damaged(void **state)
{
    uint64_t seed = 20240607;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        for (size_t len = 0; len <= samples[i].len; len++) {
            uint8_t types[2] = {0};
            (void)find(samples[i].aml, len, types);
        }
        for (uint32_t round = 0; round < 1000; round++) {
            uint8_t aml[sizeof(samples[i].aml)];
            memcpy(aml, samples[i].aml, sizeof(aml));
            for (uint32_t k = 0; k < 1 + round % 3; k++) {
                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
                aml[(seed >> 40) % samples[i].len] = (uint8_t)(seed >> 32);
            }
            uint8_t types[2] = {0};
            (void)find(aml, samples[i].len, types);
            assert_true(types[0] <= 7 && types[1] <= 7);
        }
    }
}

/* The shortest tables there can be, and an empty one. */
static void test_s5_short_tables(void **state)
{
    for (size_t len = 1; len < HEADER_BYTES + 8; len++) {
        uint8_t *table = malloc(len);
        uint8_t types[2];
        assert_non_null(table);
        memset(table, '_', len);
        assert_false(acpi_find_s5(table, len, types));
        free(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_extended_registers),
        cmocka_unit_test(test_unusable),
        cmocka_unit_test(test_reset_register),
        cmocka_unit_test(test_register_lengths),
        cmocka_unit_test(test_sci),
        cmocka_unit_test(test_s5),
        cmocka_unit_test(test_s5_damaged),
        cmocka_unit_test(test_s5_short_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
