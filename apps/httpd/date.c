/*
 * Seconds to a calendar date, without the C library's time zones and locales.
 */
#include "apps/httpd/date.h"

#include <assert.h>
#include <string.h>

enum {
    SECONDS_PER_DAY = 24 * 60 * 60,
    DAYS_TO_1970 = 719468, /* from 1 March of year 0, where the leap day ends a year */
    DAYS_PER_ERA = 146097, /* 400 years */
};

static void put_digits(char *at, size_t count, unsigned value)
{
    while (count-- > 0) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

struct civil {
    unsigned year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

/* Counting years from March makes the length of every month but the last a fixed pattern. */
static struct civil civil_from_days(uint32_t days_since_1970)
{
    uint32_t days = days_since_1970 + DAYS_TO_1970;
    uint32_t era = days / DAYS_PER_ERA;
    uint32_t day_of_era = days % DAYS_PER_ERA;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t march_month = (5 * day_of_year + 2) / 153;
    struct civil c = {
        .day = day_of_year - (153 * march_month + 2) / 5 + 1,
        .month = march_month < 10 ? march_month + 3 : march_month - 9,
    };
    c.year = year_of_era + era * 400 + (c.month <= 2 ? 1 : 0);
    return c;
}

void date_format(int64_t unix_s, char out[DATE_BYTES])
{
    assert(unix_s >= 0 && unix_s < INT64_C(253402300800)); /* the year 10000 */
    uint32_t days = (uint32_t)(unix_s / SECONDS_PER_DAY);
    unsigned second = (unsigned)(unix_s % SECONDS_PER_DAY);
    struct civil c = civil_from_days(days);
    memcpy(out, "Thu, 00 Jan 0000 00:00:00 GMT", DATE_BYTES);
    memcpy(out, &"ThuFriSatSunMonTueWed"[days % 7 * 3], 3); /* 1 January 1970 was a Thursday */
    put_digits(out + 5, 2, c.day);
    memcpy(out + 8, &"JanFebMarAprMayJunJulAugSepOctNovDec"[(c.month - 1) * 3], 3);
    put_digits(out + 12, 4, c.year);
    put_digits(out + 17, 2, second / 3600);
    put_digits(out + 20, 2, second / 60 % 60);
    put_digits(out + 23, 2, second % 60);
}
