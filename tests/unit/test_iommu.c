/*
 * Turning off IOMMUs that firmware left on, against a unit that is made up here: the right bits one
 * at a time, nothing touched where nothing is on, and an end with one that does not obey.
 */
// LINK: arch/x86_64/pci/iommu.c tests/unit/fake_platform.c kernel/log.c kernel/stats.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/mm/memory.h"
#include "arch/x86_64/pci/iommu.h"
#include "kernel/time.h"
#include "tests/unit/fake_platform.h"

enum {
    UNIT_AT = 0x1000, /* a page of its own each, from here on */
    UNITS = 3,
    LOOKS = 3,
    PROTECTED = 3 << 5, /* CAP: both ranges */
};
#define TE    (UINT32_C(1) << 31)
#define RTPS  (UINT32_C(1) << 30)
#define WBFS  (UINT32_C(1) << 27)
#define QIES  (UINT32_C(1) << 26)
#define IRE   (UINT32_C(1) << 25)
#define IRTPS (UINT32_C(1) << 24)
#define EPM   (UINT32_C(1) << 31)

static struct unit {
    uint32_t cap, status, pmen;
    uint32_t obeys; /* bits of the status that follow a command */
    uint32_t looks; /* at the status until it does */
    uint32_t command;
    bool pending;
    uint32_t writes;
} units[UNITS];
static uint32_t delays;
static struct acpi_info info;

const struct acpi_info *acpi_info(void)
{
    return &info;
}

void time_delay_us(uint32_t us)
{
    assert_true(us > 0);
    delays++;
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    if (physical < UNIT_AT || physical >= UNIT_AT + UNITS * 0x1000) {
        return STATUS_BAD_INPUT;
    }
    *m = (struct mmio){(volatile uint8_t *)(uintptr_t)physical, size_bytes};
    return STATUS_OK;
}

static struct unit *unit_of(const struct mmio *m)
{
    return &units[((uintptr_t)m->base - UNIT_AT) / 0x1000];
}

static void obey(struct unit *u)
{
    if (u->pending && u->looks++ >= LOOKS) {
        u->status = (u->status & ~u->obeys) | (u->command & u->obeys);
        u->pending = false;
        u->looks = 0;
    }
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    struct unit *u = unit_of(m);
    switch (offset) {
    case 0x08:
        return u->cap;
    case 0x1c:
        obey(u);
        return u->status;
    case 0x64:
        return u->pmen;
    case 0x18: /* of AMD's; VT-d's cannot be read */
        assert_int_equal(info.iommu_count, 0);
        return u->command;
    default:
        fail_msg("register %x is not to be read", offset);
        return 0;
    }
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    struct unit *u = unit_of(m);
    u->writes++;
    if (offset == 0x18) {
        assert_int_equal(value & ~UINT32_C(0x96ffffff), 0); /* no command, only state */
        uint32_t changed = (u->status ^ value) & 0x96ffffff;
        assert_int_equal(changed & (changed - 1), 0); /* one bit */
        assert_false(u->pending);
        u->command = value;
        u->pending = true;
    } else if (offset == 0x64) {
        u->pmen = (value & EPM) | ((u->obeys & 1) != 0 ? value >> 31 : u->pmen & 1);
    } else {
        fail_msg("register %x is not to be written", offset);
    }
}

static int setup(void **state)
{
    (void)state;
    fake_reset(4096);
    memset(units, 0, sizeof(units));
    memset(&info, 0, sizeof(info));
    delays = 0;
    for (size_t i = 0; i < UNITS; i++) {
        units[i].cap = PROTECTED;
        units[i].obeys = UINT32_MAX;
        info.iommus[i] = UNIT_AT + i * 0x1000;
    }
    info.iommu_count = 1;
    return 0;
}

static void test_off_is_left_alone(void **state)
{
    units[0].status = RTPS | QIES; /* set up once, and off */
    iommu_init();
    assert_int_equal(units[0].writes, 0);
    assert_non_null(strstr(fake_console(), "iommu: 1 VT-d unit, off"));
}

static void test_all_is_turned_off(void **state)
{
    units[0].status = TE | RTPS | WBFS | QIES | IRE | IRTPS;
    units[0].pmen = EPM | 1;
    iommu_init();
    assert_int_equal(units[0].status & (TE | IRE), 0);
    assert_true((units[0].status & QIES) != 0); /* what does no harm stays */
    assert_int_equal(units[0].pmen, 0);
    assert_true(delays > 0 && delays < 20);
    assert_non_null(strstr(fake_console(), "left on translation, protected memory, interrupt "
                                           "remapping, in the unit at 0x1000: turned off"));
}

static void test_each_alone(void **state)
{
    info.iommu_count = 3;
    units[0].status = TE;
    units[1].pmen = EPM | 1;
    units[2].status = IRE;
    iommu_init();
    assert_int_equal(units[0].status | units[1].pmen | units[2].status, 0);
    assert_int_equal(units[0].writes + units[1].writes + units[2].writes, 3);
    const char *console = fake_console();
    assert_non_null(strstr(console, "left on translation, in the unit at 0x1000: turned off"));
    assert_non_null(strstr(console, "left on protected memory, in the unit at 0x2000: turned"));
    assert_non_null(strstr(console, "left on interrupt remapping, in the unit at 0x3000: turned"));
}

/* PMEN is another unit's, or nothing, where CAP does not have protected memory. */
static void test_no_protected_memory(void **state)
{
    units[0].cap = 0;
    units[0].pmen = EPM | 1;
    iommu_init();
    assert_int_equal(units[0].writes, 0);
}

static void test_a_unit_that_does_not_obey(void **state)
{
    units[0].status = TE | IRE;
    units[0].pmen = EPM | 1;
    units[0].obeys = IRE;
    iommu_init();
    assert_true(units[0].status == TE && delays <= 3000);
    assert_non_null(strstr(fake_console(), "it stays on, and DMA may be blocked"));
}

static void test_a_unit_that_is_not_there(void **state)
{
    info.iommu_count = 2;
    units[0].status = UINT32_MAX;
    units[0].cap = UINT32_MAX;
    units[0].pmen = UINT32_MAX;
    info.iommus[1] = 0x100000; /* RAM, says mmio_map */
    iommu_init();
    assert_int_equal(units[0].writes, 0);
    const char *console = fake_console();
    assert_non_null(strstr(console, "no answer from the unit at 0x1000"));
    assert_non_null(strstr(console, "nothing can be at 0x100000"));
}

static void test_amd_is_named(void **state)
{
    (void)state;
    info.iommu_count = 0;
    info.amd_iommu_count = 4;
    for (size_t i = 0; i < UNITS; i++) {
        info.amd_iommus[i] = info.iommus[i];
    }
    info.amd_iommus[3] = 0x100000;
    units[0].command = 1 << 1; /* another bit of its control register */
    units[1].command = 1 << 0;
    units[2].command = UINT32_MAX;
    iommu_init();
    const char *console = fake_console();
    assert_non_null(strstr(console, "AMD's unit at 0x1000 is off"));
    assert_non_null(strstr(console, "AMD's unit at 0x2000 is on, and DMA may be blocked"));
    assert_non_null(strstr(console, "AMD's unit at 0x3000 is not there"));
    assert_non_null(strstr(console, "AMD's unit at 0x100000 is not there"));
    assert_int_equal(units[0].writes + units[1].writes + units[2].writes, 0);
}

static void test_none(void **state)
{
    info.iommu_count = 0;
    iommu_init();
    assert_string_equal(fake_console(), "");
}

#define IOMMU_TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IOMMU_TEST(test_off_is_left_alone),
        IOMMU_TEST(test_all_is_turned_off),
        IOMMU_TEST(test_each_alone),
        IOMMU_TEST(test_no_protected_memory),
        IOMMU_TEST(test_a_unit_that_does_not_obey),
        IOMMU_TEST(test_a_unit_that_is_not_there),
        IOMMU_TEST(test_amd_is_named),
        IOMMU_TEST(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
