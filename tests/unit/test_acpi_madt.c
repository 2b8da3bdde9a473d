/*
 * MADTs and FADTs of the shapes that boards from a netbook to a server with two sockets have.
 */
// LINK: arch/x86_64/acpi/acpi.c arch/x86_64/acpi/p*.c
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/acpi.h"
#include "tests/unit/acpi_bytes.h"

enum {
    MEMORY_BYTES = 16384,
    RSDT_AT = 0x100,
    FADT_AT = 0x200,
    MADT_AT = 0x400,
    FADT_BYTES = 116, /* ACPI 1.0's */
};

static struct {
    uint8_t mem[MEMORY_BYTES];
    size_t madt_len;
    struct acpi_info info;
} board;

static const void *read_memory(void *ctx, uint64_t address, size_t len)
{
    (void)ctx;
    return address <= MEMORY_BYTES && len <= MEMORY_BYTES - address ? board.mem + address : NULL;
}

static void seal(size_t at, const char *signature, size_t len)
{
    uint8_t *p = board.mem + at;
    memcpy(p, signature, 4);
    put_le(p + 4, (uint32_t)len, 4);
    seal_bytes(p, len, ACPI_SUM_AT);
}

static int begin(void **state)
{
    (void)state;
    memset(&board, 0, sizeof(board));
    board.madt_len = 44;
    put_le(board.mem + MADT_AT + 36, 0xfee00000, 4);
    put_le(board.mem + MADT_AT + 40, 1, 4);
    put_le(board.mem + RSDT_AT + 36, FADT_AT, 4);
    put_le(board.mem + RSDT_AT + 40, MADT_AT, 4);
    return 0;
}

static uint8_t *add(uint8_t type, uint8_t len)
{
    uint8_t *e = board.mem + MADT_AT + board.madt_len;
    board.madt_len += len;
    assert_true(MADT_AT + board.madt_len <= MEMORY_BYTES);
    e[0] = type;
    e[1] = len;
    return e;
}

static void add_cpu(uint8_t id, uint32_t flags)
{
    uint8_t *e = add(0, 8);
    e[3] = id;
    put_le(e + 4, flags, 4);
}

static void add_x2apic_cpu(uint32_t id, uint32_t flags)
{
    uint8_t *e = add(9, 16);
    put_le(e + 4, id, 4);
    put_le(e + 8, flags, 4);
}

static void add_ioapic(uint8_t id, uint32_t address, uint32_t gsi_base)
{
    uint8_t *e = add(1, 12);
    e[2] = id;
    put_le(e + 4, address, 4);
    put_le(e + 8, gsi_base, 4);
}

static const struct acpi_info *decode(void)
{
    seal(FADT_AT, "FACP", FADT_BYTES);
    seal(MADT_AT, "APIC", board.madt_len);
    seal(RSDT_AT, "RSDT", 44);
    struct acpi_root root = {.rsdt_address = RSDT_AT};
    assert_int_equal(acpi_decode_tables(&root, read_memory, NULL, &board.info), STATUS_OK);
    assert_int_equal(board.info.tables_rejected, 0);
    assert_int_equal(board.info.entries_dropped, 0);
    return &board.info;
}

/* Two sockets of 32, with the numbers that hyper-threads leave out when they are off. */
static void test_sixty_four_processors(void **state)
{
    for (uint32_t i = 0; i < 64; i++) {
        add_cpu((uint8_t)(i / 32 * 128 + i % 32 * 2), 1);
    }
    add_ioapic(8, 0xfec00000, 0);
    assert_int_equal(decode()->cpu_count, 64);
    assert_int_equal(board.info.ioapic_count, 1);
}

/* Numbers above 254 have entries of the other kind; those not there and those not yet there too. */
static void test_processors_beyond_255(void **state)
{
    for (uint32_t id = 0; id < 255; id++) {
        add_cpu((uint8_t)id, 1);
    }
    for (uint32_t id = 256; id < 320; id++) {
        add_x2apic_cpu(id, id % 2 == 0 ? 1 : 2); /* every other one could be plugged in */
    }
    for (uint32_t i = 0; i < 16; i++) {
        add_cpu(0xff, 0);
        add_x2apic_cpu(UINT32_MAX, 0);
    }
    memset(add(10, 12) + 2, 0xff, 10); /* NMI of an x2APIC, of all processors */
    assert_int_equal(decode()->cpu_count, 255 + 32);
}

static void test_no_8259_and_a_moved_local_apic(void **state)
{
    add_cpu(0, 1);
    put_le(board.mem + MADT_AT + 40, 0, 4);
    put_le(add(5, 12) + 4, 0xfef00000, 4);
    const struct acpi_info *i = decode();
    assert_false(i->has_8259);
    assert_int_equal(i->lapic_address, 0xfef00000);
    put_le(board.mem + MADT_AT + 40, 0xffffffff, 4);
    assert_true(decode()->has_8259);
}

/* As they are listed, which need not be in the order of their pins. */
static void test_several_ioapics(void **state)
{
    static const uint32_t bases[] = {24, 0, 48, 56, 176};
    add_cpu(0, 1);
    for (uint8_t n = 0; n < ARRAY_SIZE(bases); n++) {
        add_ioapic((uint8_t)(n + 8), 0xfec00000 + n * 0x1000U, bases[n]);
    }
    const struct acpi_info *i = decode();
    assert_int_equal(i->ioapic_count, ARRAY_SIZE(bases));
    for (uint32_t n = 0; n < ARRAY_SIZE(bases); n++) {
        assert_int_equal(i->ioapics[n].gsi_base, bases[n]);
        assert_int_equal(i->ioapics[n].address, 0xfec00000 + n * 0x1000);
    }
}

/* Eight sockets, four in each and one in the chip set, as servers have them since 2017. */
static void test_a_server_of_many_ioapics(void **state)
{
    add_cpu(0, 1);
    add_ioapic(0, 0xfec00000, 0);
    for (uint8_t n = 0; n < 32; n++) {
        add_ioapic((uint8_t)(n + 8), 0xfec01000 + n * 0x1000U, 120U + n * 8U);
    }
    assert_int_equal(decode()->ioapic_count, 33);
    assert_int_equal(board.info.ioapics[32].gsi_base, 120 + 31 * 8);
}

/* ACPI 6.5, 5.2.9.3: bit 3 alone. */
static void test_messages_forbidden(void **state)
{
    add_cpu(0, 1);
    assert_false(decode()->no_msi);
    put_le(board.mem + FADT_AT + 109, 0xfff7, 2);
    assert_false(decode()->no_msi);
    put_le(board.mem + FADT_AT + 109, 0x0008, 2);
    assert_true(decode()->no_msi);
    assert_false(board.info.no_cmos_rtc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sixty_four_processors, begin),
        cmocka_unit_test_setup(test_processors_beyond_255, begin),
        cmocka_unit_test_setup(test_no_8259_and_a_moved_local_apic, begin),
        cmocka_unit_test_setup(test_several_ioapics, begin),
        cmocka_unit_test_setup(test_a_server_of_many_ioapics, begin),
        cmocka_unit_test_setup(test_messages_forbidden, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
