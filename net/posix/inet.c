/*
 * IPv4 addresses as text: inet_pton and inet_ntop (strict dotted quads, POSIX), inet_aton and
 * inet_addr (the older forms with one to four parts in any C base). Pure functions.
 */
#include "net/include/arpa/inet.h"

#include <errno.h>
#include <string.h>

#include "kernel/base.h"
#include "kernel/bytes.h"

enum {
    QUAD_PARTS = 4,
    QUAD_DIGITS_MAX = 3,
};

/* A decimal octet without sign, blanks or leading zeros; *at moves behind it. */
static bool parse_octet(const char **at, uint8_t *out)
{
    const char *p = *at;
    uint32_t value = 0;
    int digits = 0;
    while (digits < QUAD_DIGITS_MAX && p[digits] >= '0' && p[digits] <= '9') {
        value = value * 10 + (uint32_t)(p[digits] - '0');
        digits++;
    }
    if (digits == 0 || value > UINT8_MAX || (digits > 1 && p[0] == '0')) {
        return false;
    }
    *out = (uint8_t)value;
    *at = p + digits;
    return true;
}

int inet_pton(int family, const char *text, void *addr)
{
    if (family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    uint8_t quad[QUAD_PARTS];
    for (int i = 0; i < QUAD_PARTS; i++) {
        if (i > 0 && *text++ != '.') {
            return 0;
        }
        if (!parse_octet(&text, &quad[i])) {
            return 0;
        }
    }
    if (*text != '\0') {
        return 0;
    }
    memcpy(addr, quad, sizeof(quad));
    return 1;
}

/* Writes 0..255 in decimal and returns the place behind. */
static char *format_octet(char *at, uint8_t value)
{
    if (value >= 100) {
        *at++ = (char)('0' + value / 100);
    }
    if (value >= 10) {
        *at++ = (char)('0' + value / 10 % 10);
    }
    *at++ = (char)('0' + value % 10);
    return at;
}

const char *inet_ntop(int family, const void *addr, char *text, socklen_t size)
{
    if (family != AF_INET) {
        errno = EAFNOSUPPORT;
        return NULL;
    }
    char whole[INET_ADDRSTRLEN];
    uint8_t quad[QUAD_PARTS];
    memcpy(quad, addr, sizeof(quad));
    char *at = whole;
    for (int i = 0; i < QUAD_PARTS; i++) {
        if (i > 0) {
            *at++ = '.';
        }
        at = format_octet(at, quad[i]);
    }
    *at++ = '\0';
    size_t len = (size_t)(at - whole);
    assert(len <= sizeof(whole));
    if (len > size) {
        errno = ENOSPC;
        return NULL;
    }
    memcpy(text, whole, len);
    return text;
}

/* The digit's value in bases up to 16, or 16 when it is none. */
static uint32_t digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0');
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (uint32_t)(lower - 'a') + 10 : 16;
}

/* A C integer constant (0x..: hexadecimal, 0..: octal) of at most 32 bits; *at moves behind it. */
static bool parse_part(const char **at, uint32_t *out)
{
    const char *p = *at;
    uint32_t base = 10;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        base = 16;
        p += 2;
    } else if (p[0] == '0') {
        base = 8;
    }
    uint64_t value = 0;
    const char *first = p;
    for (; digit_value(*p) < base; p++) {
        value = value * base + digit_value(*p);
        if (value > UINT32_MAX) {
            return false;
        }
    }
    if (p == first) {
        return false;
    }
    *out = (uint32_t)value;
    *at = p;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* a.b.c.d, a.b.c (c: 16 bits), a.b (b: 24 bits), a (32 bits). */
static bool join_parts(const uint32_t *parts, size_t count, uint32_t *out)
{
    uint32_t value = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        if (parts[i] > UINT8_MAX) {
            return false;
        }
        value |= parts[i] << (24 - 8 * i);
    }
    uint32_t last_max = UINT32_MAX >> (8 * (count - 1));
    *out = value | parts[count - 1];
    return parts[count - 1] <= last_max;
}

int inet_aton(const char *text, struct in_addr *addr)
{
    uint32_t parts[QUAD_PARTS];
    size_t count = 0;
    for (;;) {
        if (!parse_part(&text, &parts[count++])) {
            return 0;
        }
        if (*text != '.') {
            break;
        }
        if (count == QUAD_PARTS) {
            return 0;
        }
        text++;
    }
    uint32_t value;
    if ((*text != '\0' && !is_blank(*text)) || !join_parts(parts, count, &value)) {
        return 0;
    }
    store_be32(&addr->s_addr, value);
    return 1;
}

in_addr_t inet_addr(const char *text)
{
    struct in_addr addr;
    return inet_aton(text, &addr) ? addr.s_addr : INADDR_NONE;
}
