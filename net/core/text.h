/*
 * Text put together in a buffer of a given size, always ended by a NUL, cut where it ends. For
 * rooms that have no libc but for memory.
 */
#ifndef NET_CORE_TEXT_H
#define NET_CORE_TEXT_H

#include <string.h>

#include "kernel/base.h"

struct text {
    char *at;
    size_t left; /* with the NUL; at least 1 */
};

/* Characters of text, most at most. */
static inline size_t text_len(const char *text, size_t most)
{
    size_t n = 0;
    while (n < most && text[n] != '\0') {
        n++;
    }
    return n;
}

/* size is at least 1. */
static inline struct text text_begin(char *out, size_t size)
{
    assert(size > 0);
    out[0] = '\0';
    return (struct text){.at = out, .left = size};
}

static inline void text_put(struct text *t, const char *text, size_t len)
{
    len = min_size(len, t->left - 1);
    memcpy(t->at, text, len);
    t->at += len;
    t->left -= len;
    *t->at = '\0';
}

static inline void text_say(struct text *t, const char *text)
{
    for (; *text != '\0' && t->left > 1; text++, t->left--) {
        *t->at++ = *text;
    }
    *t->at = '\0';
}

static inline void text_number(struct text *t, uint32_t value)
{
    char digits[10];
    size_t n = sizeof(digits);
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_put(t, digits + n, sizeof(digits) - n);
}

/* Is part somewhere in text? */
static inline bool text_has(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= strlen(text); i++) {
        if (memcmp(text + i, part, len) == 0) {
            return true;
        }
    }
    return false;
}

#endif
