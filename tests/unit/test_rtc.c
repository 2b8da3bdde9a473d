/*
 * The CMOS clock over ports of the test's: one that is read while it counts, and machines that have
 * none, whose ports read as ones, as zeros, or as an update without end. None is waited for long.
 */
// LINK: arch/x86_64/time/calc.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base.h"

/* Instead of the processor's. */
#define ARCH_X86_64_CPU_CPU_H
static uint8_t in8(uint16_t port);
static void out8(uint16_t port, uint8_t v);
#include "arch/x86_64/time/rtc.c"

enum {
    WAITED_MAX_US = 50000,
    READS = 40, /* of registers, more than it takes */
    UNIX_S = 1796075999,
    RUN_S = 3, /* since entry */
};

static struct {
    enum { THERE, ONES, ZEROS, UPDATING } kind;
    uint8_t regs[128];
    uint8_t index;
    uint32_t reads;
    uint32_t tick_at; /* the read at which a second ends; 0: never */
    uint64_t waited_us;
    struct acpi_info info;
} cmos;

static uint8_t in8(uint16_t port)
{
    assert_int_equal(port, 0x71);
    cmos.reads++;
    if (cmos.reads == cmos.tick_at) {
        cmos.regs[0] = 0;
        cmos.regs[2] = 0x59;
    }
    switch (cmos.kind) {
    case ONES:
        return 0xff;
    case ZEROS:
        return 0;
    case UPDATING:
        return cmos.index == 10 ? 0x80 : cmos.regs[cmos.index];
    default:
        return cmos.regs[cmos.index];
    }
}

static void out8(uint16_t port, uint8_t v)
{
    assert_int_equal(port, 0x70);
    assert_true(v < 128); /* the NMI stays as it is */
    cmos.index = v;
}

void time_delay_us(uint32_t us)
{
    cmos.waited_us += us;
}

uint64_t platform_now_ns(void)
{
    return cmos.waited_us * NS_PER_US + RUN_S * NS_PER_S;
}

const struct acpi_info *acpi_info(void)
{
    return &cmos.info;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

/* 2026-11-30 21:59:59, in BCD and 24 hours. */
static int setup(void **state)
{
    static const uint8_t regs[] = {0x59, 0, 0x59, 0, 0x21, 0, 1, 0x30, 0x11, 0x26, 0x26, 0x02};
    (void)state;
    memset(&cmos, 0, sizeof(cmos));
    memcpy(cmos.regs, regs, sizeof(regs));
    cmos.regs[0x32] = 0x20;
    cmos.info.rtc_century = 0x32;
    return 0;
}

static void test_there(void **state)
{
    (void)state;
    assert_int_equal(read_unix_s(), UNIX_S);
    cmos.info.rtc_century = 0;
    assert_int_equal(read_unix_s(), UNIX_S);
}

/* What is kept is the date at entry, and none before 1970. */
static void test_the_time_at_boot(void **state)
{
    rtc_init();
    assert_int_equal(platform_boot_unix_s(), UNIX_S - RUN_S);
    (void)setup(state);
    cmos.info.no_cmos_rtc = true;
    rtc_init();
    assert_int_equal(platform_boot_unix_s(), 0);
}

/* 21:58:59 becomes 21:59:00 at any of the reads: neither 21:58:00 nor 21:59:59 is made of it. */
static void test_a_second_ends_while_it_is_read(void **state)
{
    for (uint32_t at = 1; at < READS; at++) {
        (void)setup(state);
        cmos.tick_at = at;
        cmos.regs[2] = 0x58;
        uint64_t unix_s = read_unix_s();
        assert_true(unix_s == UNIX_S - 60 || unix_s == UNIX_S - 59);
    }
}

static void test_none(void **state)
{
    for (int kind = ONES; kind <= UPDATING; kind++) {
        (void)setup(state);
        cmos.kind = kind;
        assert_int_equal(read_unix_s(), 0);
        assert_true(cmos.waited_us <= WAITED_MAX_US && cmos.reads < 10000);
    }
    (void)setup(state);
    cmos.info.no_cmos_rtc = true;
    assert_int_equal(read_unix_s(), 0);
    assert_int_equal(cmos.reads, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_there, setup),
        cmocka_unit_test_setup(test_the_time_at_boot, setup),
        cmocka_unit_test_setup(test_a_second_ends_while_it_is_read, setup),
        cmocka_unit_test_setup(test_none, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
