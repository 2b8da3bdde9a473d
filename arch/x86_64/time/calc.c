/*
 * The arithmetic of calc.h. No hardware, no state.
 */
#include "arch/x86_64/time/calc.h"

/* Far beyond any processor with long mode. */
#define ROUGH_MIN_HZ UINT64_C(100000000)
#define ROUGH_MAX_HZ UINT64_C(10000000000)

enum {
    SCALE_SHIFT_MAX = 63,
    MEDIAN_MAX_COUNT = 15,
    PPM = 1000000,
    RTC_B_BINARY = 1 << 2,
    RTC_B_24_HOURS = 1 << 1,
    RTC_HOUR_PM = 1 << 7,
    RTC_CENTURY_PIVOT_YEARS = 70,
    EPOCH_YEAR = 1970,
    YEAR_END = 3000,
    S_PER_DAY = 86400,
};

struct clock_scale clock_scale_make(uint64_t num, uint64_t den)
{
    assert(num != 0 && num <= UINT64_C(1) << 62);
    assert(den != 0 && den <= UINT64_C(1) << 62);
    struct clock_scale s = {num / den, 0};
    assert(s.mult < UINT64_C(1) << 62);
    uint64_t rest = num % den;
    /* Long division, a bit a step, until the multiplier is full. */
    while (s.shift < SCALE_SHIFT_MAX && s.mult < UINT64_C(1) << 62) {
        rest *= 2;
        s.mult *= 2;
        s.shift++;
        if (rest >= den) {
            rest -= den;
            s.mult++;
        }
    }
    return s;
}

/* The new pace begins where the old one has come to, so that time does not jump. */
void clock_line_bend(struct clock_line *line, uint64_t tsc, uint64_t tsc_hz)
{
    assert(tsc >= line->tsc);
    line->ns = clock_line_ns(line, tsc);
    line->tsc = tsc;
    line->to_ns = clock_scale_make(NS_PER_S, tsc_hz);
}

/* The counter was read somewhere between the two: wrong by half of that at most. */
static uint64_t middle(const struct clock_reading *r)
{
    return r->before + (r->after - r->before) / 2;
}

uint64_t clock_rough_hz(const struct clock_reading *from, const struct clock_reading *to,
                        uint64_t ref_hz, uint32_t mask)
{
    assert(is_power_of_two((uint64_t)mask + 1) && to->before >= from->after);
    uint64_t ticks = clock_ticks_between(from->ticks, to->ticks, mask);
    uint64_t hz = clock_measure_hz(middle(to) - middle(from), ticks, ref_hz);
    return hz >= ROUGH_MIN_HZ && hz <= ROUGH_MAX_HZ ? hz : 0;
}

uint64_t clock_measure_hz(uint64_t ticks, uint64_t ref_ticks, uint64_t ref_hz)
{
    if (ref_ticks == 0 || (ref_hz != 0 && ticks > UINT64_MAX / ref_hz)) {
        return 0;
    }
    return ticks * ref_hz / ref_ticks;
}

uint32_t clock_difference_ppm(uint64_t a_hz, uint64_t b_hz)
{
    uint64_t small = min_u64(a_hz, b_hz);
    uint64_t diff = max_u64(a_hz, b_hz) - small;
    if (small == 0 || diff > UINT64_MAX / PPM) {
        return UINT32_MAX;
    }
    return (uint32_t)min_u64(diff * PPM / small, UINT32_MAX);
}

uint64_t clock_median(uint64_t *values, size_t count)
{
    assert(count != 0 && count <= MEDIAN_MAX_COUNT && count % 2 == 1);
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && values[j - 1] > values[j]; j--) {
            uint64_t t = values[j];
            values[j] = values[j - 1];
            values[j - 1] = t;
        }
    }
    return values[count / 2];
}

/* All measure the same thing, so that their spreads compare. */
static size_t steadiest(const struct clock_opinion *opinions, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (opinions[i].spread_hz < opinions[best].spread_hz) {
            best = i;
        }
    }
    return best;
}

struct clock_verdict clock_judge(const struct clock_opinion *opinions, size_t count,
                                 uint32_t max_ppm)
{
    assert(count >= 1);
    /* Agreement first: a source may be steady and wrong. */
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            uint32_t ppm = clock_difference_ppm(opinions[i].hz, opinions[j].hz);
            if (ppm <= max_ppm) {
                return (struct clock_verdict){i, j, ppm, true};
            }
        }
    }
    size_t best = steadiest(opinions, count);
    size_t other = count == 1 ? best : (best + 1) % count;
    uint32_t ppm = clock_difference_ppm(opinions[best].hz, opinions[other].hz);
    return (struct clock_verdict){best, other, ppm, false};
}

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_in_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert(month >= 1 && month <= ARRAY_SIZE(days));
    return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

uint64_t clock_date_to_unix_s(const struct clock_date *d)
{
    if (d->year < EPOCH_YEAR || d->year >= YEAR_END || d->month < 1 || d->month > 12 ||
        d->day < 1 || d->day > days_in_month(d->year, d->month) || d->hour > 23 || d->minute > 59 ||
        d->second > 60) {
        return 0;
    }
    uint64_t days = d->day - 1U;
    for (uint32_t y = EPOCH_YEAR; y < d->year; y++) {
        days += is_leap(y) ? 366 : 365;
    }
    for (uint32_t m = 1; m < d->month; m++) {
        days += days_in_month(d->year, m);
    }
    /* A leap second is told as the one before it: Unix time has none. */
    return days * S_PER_DAY + d->hour * 3600U + d->minute * 60U + min_u32(d->second, 59);
}

/* BCD, unless bit DM of register B says binary (MC146818A, register B). */
static uint8_t from_register(uint8_t value, bool binary)
{
    return binary ? value : (uint8_t)((value >> 4) * 10 + (value & 15));
}

struct clock_date clock_rtc_decode(const struct clock_rtc_raw *raw)
{
    bool binary = (raw->status_b & RTC_B_BINARY) != 0;
    bool pm = false;
    uint8_t hour = raw->hour;
    if ((raw->status_b & RTC_B_24_HOURS) == 0) {
        pm = (hour & RTC_HOUR_PM) != 0;
        hour &= (uint8_t)~RTC_HOUR_PM;
    }
    hour = from_register(hour, binary);
    if ((raw->status_b & RTC_B_24_HOURS) == 0) {
        hour = (uint8_t)(hour % 12 + (pm ? 12 : 0)); /* 12 a.m. is midnight */
    }
    uint32_t year = from_register(raw->year, binary);
    uint32_t century = from_register(raw->century, binary);
    if (century == 0) { /* no register for it (FADT, CENTURY): two digits have to do */
        century = year >= RTC_CENTURY_PIVOT_YEARS ? 19 : 20;
    }
    return (struct clock_date){
        .year = century * 100 + year,
        .month = from_register(raw->month, binary),
        .day = from_register(raw->day, binary),
        .hour = hour,
        .minute = from_register(raw->minute, binary),
        .second = from_register(raw->second, binary),
    };
}
