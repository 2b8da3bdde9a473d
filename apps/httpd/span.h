/*
 * A stretch of bytes of somebody else's, and the few questions the server asks of one. ASCII only:
 * the locale has no say in a protocol.
 */
#ifndef HTTPD_SPAN_H
#define HTTPD_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
    const char *at;
    size_t len;
};

static inline char span_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Names and most values compare without case. word is in lower case. */
static inline bool span_is(struct span s, const char *word)
{
    size_t i = 0;
    while (i < s.len && word[i] != '\0' && span_lower(s.at[i]) == word[i]) {
        i++;
    }
    return i == s.len && word[i] == '\0';
}

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

/* True for the bytes a token is made of (RFC 9110, 5.6.2): ! # $ % & ' * + - . ^ _ ` | ~ digits and
 * letters, one bit a character below 128. */
static inline bool span_is_token_char(char c)
{
    static const unsigned bits[4] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
    unsigned char u = (unsigned char)c;
    return u < 128 && (bits[u / 32] >> (u % 32) & 1) != 0;
}

/* Of a field value (RFC 9110, 5.5): visible characters, obs-text, blank and tab. */
static inline bool span_is_value_char(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= 0x20 && u != 0x7f) || u == '\t';
}

#endif
