/*
 * Text to integers (C11 7.22.1): one scanner, and a clamp for each type.
 */
#include "kernel/libc/ctype.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/stdlib.h"

#include "kernel/base.h"

enum {
    BASE_MAX = 36,
};
static_assert(sizeof(long) == sizeof(long long), "LP64: strtol is strtoll");

struct number {
    uint64_t magnitude; /* UINT64_MAX on overflow */
    const char *end;    /* behind the last digit; the start of the text when there was none */
    bool negative;
    bool overflow;
};

/* The value of a digit, or BASE_MAX when c is none in any base. */
static int digit_value(char c)
{
    int lower = tolower((unsigned char)c);
    if (isdigit(lower)) {
        return lower - '0';
    }
    return islower(lower) ? lower - 'a' + 10 : BASE_MAX;
}

/* "0x" counts as a prefix only when a hexadecimal digit follows: else the number is the 0. */
static bool has_hex_prefix(const char *s)
{
    return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && isxdigit((unsigned char)s[2]);
}

static int find_base(const char **s, int base)
{
    if ((base == 0 || base == 16) && has_hex_prefix(*s)) {
        *s += 2;
        return 16;
    }
    if (base == 0) {
        return **s == '0' ? 8 : 10;
    }
    return base;
}

static void scan_digits(struct number *n, const char *s, int base)
{
    uint64_t radix = (uint64_t)base;
    for (; digit_value(*s) < base; s++) {
        uint64_t digit = (uint64_t)digit_value(*s);
        if (n->magnitude > (UINT64_MAX - digit) / radix) {
            n->overflow = true;
        }
        n->magnitude = n->overflow ? UINT64_MAX : n->magnitude * radix + digit;
        n->end = s + 1;
    }
}

static struct number scan(const char *text, int base)
{
    struct number n = {.magnitude = 0, .end = text};
    if (base < 0 || base == 1 || base > BASE_MAX) {
        errno = EINVAL;
        return n;
    }
    const char *s = text;
    while (isspace((unsigned char)*s)) {
        s++;
    }
    n.negative = *s == '-';
    if (*s == '-' || *s == '+') {
        s++;
    }
    base = find_base(&s, base);
    scan_digits(&n, s, base);
    return n;
}

long long strtoll(const char *restrict s, char **restrict end, int base)
{
    struct number n = scan(s, base);
    if (end != NULL) {
        *end = (char *)(uintptr_t)n.end;
    }
    uint64_t limit = (uint64_t)INT64_MAX + (n.negative ? 1 : 0);
    if (n.magnitude > limit) {
        errno = ERANGE;
        n.magnitude = limit;
    }
    /* Negated as unsigned: -2^63 has no positive counterpart. */
    return (long long)(n.negative ? 0 - n.magnitude : n.magnitude);
}

long strtol(const char *restrict s, char **restrict end, int base)
{
    return (long)strtoll(s, end, base);
}

unsigned long long strtoull(const char *restrict s, char **restrict end, int base)
{
    struct number n = scan(s, base);
    if (end != NULL) {
        *end = (char *)(uintptr_t)n.end;
    }
    if (n.overflow) {
        errno = ERANGE;
        return UINT64_MAX;
    }
    return n.negative ? 0 - n.magnitude : n.magnitude;
}

unsigned long strtoul(const char *restrict s, char **restrict end, int base)
{
    return (unsigned long)strtoull(s, end, base);
}

int atoi(const char *s)
{
    return (int)strtoll(s, NULL, 10);
}

long atol(const char *s)
{
    return (long)strtoll(s, NULL, 10);
}

long long atoll(const char *s)
{
    return strtoll(s, NULL, 10);
}
