/*
 * A stretch of bytes of somebody else's, and the few questions the server asks of one. ASCII only:
 * the locale has no say in a protocol.
 */
#ifndef HTTPD_SPAN_H
#define HTTPD_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *at;
    size_t len;
};

static inline char span_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Bytes in lower case where they are letters; of others only control characters become something
 * that a word is made of, and in no span that is compared there are any but tabs. */
static inline bool span_equals_folded(struct span s, const char *word, size_t len)
{
    size_t i = 0;
    for (; len - i >= sizeof(uint32_t); i += sizeof(uint32_t)) {
        uint32_t a;
        uint32_t b;
        __builtin_memcpy(&a, s.at + i, sizeof(a));
        __builtin_memcpy(&b, word + i, sizeof(b));
        if ((a | UINT32_C(0x20202020)) != b) {
            return false;
        }
    }
    while (i < len && (s.at[i] | 0x20) == word[i]) {
        i++;
    }
    return i == len;
}

/* Names and most values compare without case, and by their length first. word is an array of char:
 * a string constant, in lower case. */
#define span_is(s, word) \
    ((s).len == sizeof(word) - 1 && span_equals_folded((s), (word), sizeof(word) - 1))

/* len is a constant, so that the compiler compares words and calls nobody. */
#define span_begins(at, constant) (__builtin_memcmp((at), (constant), sizeof(constant) - 1) == 0)

/* Optional white space (RFC 9110, 5.6.3): a tab is as good as a blank. */
static inline bool span_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without the white space around it (RFC 9110, 5.5). */
static inline struct span span_trim(const char *at, size_t len)
{
    while (len > 0 && span_is_blank(at[0])) {
        at++;
        len--;
    }
    while (len > 0 && span_is_blank(at[len - 1])) {
        len--;
    }
    return (struct span){at, len};
}

static inline bool span_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of a hexadecimal digit, or -1. */
static inline int span_hex(char c)
{
    char l = span_lower(c);
    return span_is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* What a byte may be part of, a bit each. */
enum span_class {
    SPAN_VALUE = 1 << 0, /* a field value (RFC 9110, 5.5): visible, obs-text, blank and tab */
    SPAN_TOKEN = 1 << 1, /* a token (RFC 9110, 5.6.2) */
    SPAN_PATH = 1 << 2,  /* a request target: visible ASCII, but for what ends a path: ? and # */
    SPAN_NAME = 1 << 3,  /* a host's name (RFC 3986, 3.2.2): unreserved and sub-delims */
};

/* One load a byte, whatever is asked of it. */
static const uint8_t span_classes[256] = {
#define SPAN_VP   (SPAN_VALUE | SPAN_PATH)
#define SPAN_VPN  (SPAN_VP | SPAN_NAME)
#define SPAN_VPT  (SPAN_VP | SPAN_TOKEN)
#define SPAN_VPTN (SPAN_VPT | SPAN_NAME)
    ['\t'] = SPAN_VALUE,
    [' '] = SPAN_VALUE,
    ['!'] = SPAN_VPTN,
    ['"'] = SPAN_VP,
    ['#'] = SPAN_VALUE | SPAN_TOKEN,
    ['$'] = SPAN_VPTN,
    ['%'] = SPAN_VPT,
    ['&' ... '\''] = SPAN_VPTN,
    ['(' ... ')'] = SPAN_VPN,
    ['*' ... '+'] = SPAN_VPTN,
    [','] = SPAN_VPN,
    ['-' ... '.'] = SPAN_VPTN,
    ['/'] = SPAN_VP,
    ['0' ... '9'] = SPAN_VPTN,
    [':'] = SPAN_VP,
    [';'] = SPAN_VPN,
    ['<'] = SPAN_VP,
    ['='] = SPAN_VPN,
    ['>'] = SPAN_VP,
    ['?'] = SPAN_VALUE,
    ['@'] = SPAN_VP,
    ['A' ... 'Z'] = SPAN_VPTN,
    ['[' ... ']'] = SPAN_VP,
    ['^'] = SPAN_VPT,
    ['_'] = SPAN_VPTN,
    ['`'] = SPAN_VPT,
    ['a' ... 'z'] = SPAN_VPTN,
    ['{'] = SPAN_VP,
    ['|'] = SPAN_VPT,
    ['}'] = SPAN_VP,
    ['~'] = SPAN_VPTN,
    [0x80 ... 0xff] = SPAN_VALUE,
#undef SPAN_VP
#undef SPAN_VPN
#undef SPAN_VPT
#undef SPAN_VPTN
};

static inline bool span_may(char c, enum span_class class)
{
    return (span_classes[(unsigned char)c] & (unsigned)class) != 0;
}

static inline bool span_is_token_char(char c)
{
    return span_may(c, SPAN_TOKEN);
}

static inline bool span_is_value_char(char c)
{
    return span_may(c, SPAN_VALUE);
}

/* Where in at[i..end) the first byte is that is not of the class; end when there is none. */
static inline size_t span_skip(const char *at, size_t i, size_t end, enum span_class class)
{
    while (i < end && span_may(at[i], class)) {
        i++;
    }
    return i;
}

/* The same for SPAN_VALUE, by words: eight bytes of text without a tab take as long as one byte
 * and a half. */
static inline size_t span_skip_value(const char *at, size_t i, size_t end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (end - i >= sizeof(uint64_t)) {
        uint64_t w;
        __builtin_memcpy(&w, at + i, sizeof(w));
        uint64_t del = w ^ (ones * 0x7f);
        /* The high bits of bytes below 0x20, and of 0x7f. A borrow sets another only beside one. */
        if ((((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & (ones * 0x80)) {
            break;
        }
        i += sizeof(w);
    }
    return span_skip(at, i, end, SPAN_VALUE);
}

#endif
