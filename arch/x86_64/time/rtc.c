/*
 * The CMOS clock: read once at start, for the wall-clock time. Assumed to run in UTC.
 * Motorola MC146818A data sheet; the century's place is ACPI's (FADT, CENTURY).
 */
#include <string.h>

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/time/calc.h"
#include "arch/x86_64/time/clock.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "kernel/time.h"

enum {
    CMOS_INDEX_PORT = 0x70,
    CMOS_DATA_PORT = 0x71,
    CMOS_INDEX_MASK = 0x7f, /* bit 7 would block the NMI */
    RTC_SECOND = 0,
    RTC_MINUTE = 2,
    RTC_HOUR = 4,
    RTC_DAY = 7,
    RTC_MONTH = 8,
    RTC_YEAR = 9,
    RTC_STATUS_A = 10,
    RTC_STATUS_B = 11,
    RTC_A_UPDATING = 1 << 7,
    /* An update takes at most 2.2 ms; a clock that never stops updating is none. */
    UPDATE_WAIT_MAX_US = 5000,
    UPDATE_STEP_US = 20,
    READ_TRIES_MAX = 4,
};

static struct {
    uint64_t boot_unix_s; /* [I] */
} rtc;

static uint8_t cmos_read(uint8_t reg)
{
    out8(CMOS_INDEX_PORT, reg & CMOS_INDEX_MASK);
    return in8(CMOS_DATA_PORT);
}

/* While UIP is clear no update begins for 244 us (MC146818A, register A): time to read all. */
static bool wait_not_updating(void)
{
    for (uint32_t us = 0; us < UPDATE_WAIT_MAX_US; us += UPDATE_STEP_US) {
        if ((cmos_read(RTC_STATUS_A) & RTC_A_UPDATING) == 0) {
            return true;
        }
        time_delay_us(UPDATE_STEP_US);
    }
    return false;
}

static struct clock_rtc_raw read_registers(void)
{
    uint8_t century = acpi_info()->rtc_century;
    return (struct clock_rtc_raw){
        .second = cmos_read(RTC_SECOND),
        .minute = cmos_read(RTC_MINUTE),
        .hour = cmos_read(RTC_HOUR),
        .day = cmos_read(RTC_DAY),
        .month = cmos_read(RTC_MONTH),
        .year = cmos_read(RTC_YEAR),
        .century = century != 0 ? cmos_read(century) : 0,
        .status_b = cmos_read(RTC_STATUS_B),
    };
}

/* An update can begin between two registers: only two equal readings count. */
static bool read_steady(struct clock_rtc_raw *raw)
{
    if (!wait_not_updating()) {
        return false;
    }
    *raw = read_registers();
    for (uint32_t i = 0; i < READ_TRIES_MAX; i++) {
        if (!wait_not_updating()) {
            return false;
        }
        struct clock_rtc_raw again = read_registers();
        if (memcmp(raw, &again, sizeof(again)) == 0) {
            return true;
        }
        *raw = again;
    }
    return false;
}

/* Seconds since 1970, 0 when there is no clock or it is not set. */
static uint64_t read_unix_s(void)
{
    struct clock_rtc_raw raw;
    if (acpi_info()->no_cmos_rtc || !read_steady(&raw)) {
        log_warn("rtc: no CMOS clock: the date is not known");
        return 0;
    }
    struct clock_date d = clock_rtc_decode(&raw);
    uint64_t unix_s = clock_date_to_unix_s(&d);
    if (unix_s == 0) {
        log_warn("rtc: the CMOS clock is not set: the date is not known");
        return 0;
    }
    log_info("rtc: %u-%02u-%02u %02u:%02u:%02u UTC", (unsigned)d.year, (unsigned)d.month,
             (unsigned)d.day, (unsigned)d.hour, (unsigned)d.minute, (unsigned)d.second);
    return unix_s;
}

void rtc_init(void)
{
    uint64_t unix_s = read_unix_s();
    uint64_t since_boot_s = platform_now_ns() / NS_PER_S;
    rtc.boot_unix_s = unix_s > since_boot_s ? unix_s - since_boot_s : 0;
}

uint64_t platform_boot_unix_s(void)
{
    return rtc.boot_unix_s;
}
