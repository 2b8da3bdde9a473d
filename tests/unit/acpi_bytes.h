/*
 * Bytes of ACPI tables for the tests that make them: numbers of any width (ACPI 6.5, 5.2: least
 * significant byte first) and checksums (5.2.6: all bytes of a table sum to 0).
 */
#ifndef TESTS_UNIT_ACPI_BYTES_H
#define TESTS_UNIT_ACPI_BYTES_H

#include <stddef.h>
#include <stdint.h>

enum {
    ACPI_SUM_AT = 9, /* in the header of a table */
};

static inline void put_le(uint8_t *p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* Makes p[sum_at] right for the len bytes. */
static inline void seal_bytes(uint8_t *p, size_t len, size_t sum_at)
{
    uint8_t sum = 0;
    p[sum_at] = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + p[i]);
    }
    p[sum_at] = (uint8_t)-sum;
}

#endif
