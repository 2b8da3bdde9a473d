/*
 * The names by which code that was compiled against Debian's C library (glibc) asks for ours: its
 * headers turn some calls into these. A server compiled here never meets them; a library in
 * APP_LIBS does. Those of formatted output are in float/printf_chk.c.
 *
 * The functions with _chk are told how large the destination is (_FORTIFY_SOURCE): writing beyond
 * it ends the run, as it ends a program on Linux.
 */
#include "kernel/libc/glibc.h"
#include "kernel/libc/ctype.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/stdlib.h"
#include "kernel/libc/string.h"

#include "kernel/base.h"
#include "kernel/panic.h"

int *__errno_location(void)
{
    return rs_errno();
}

noreturn_fn void __assert_fail(const char *expr, const char *file, unsigned line,
                               const char *function)
{
    assert_fail(expr, file, (int)line, function);
}

noreturn_fn void __chk_fail(void)
{
    panic("buffer overflow detected: a library wrote beyond the end of what it was given");
}

/* to has room for size bytes; -1 when the compiler did not know. */
static void check(size_t n, size_t size)
{
    if (n > size) {
        __chk_fail();
    }
}

void *__memcpy_chk(void *to, const void *from, size_t n, size_t size)
{
    check(n, size);
    return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t size)
{
    check(n, size);
    return memmove(to, from, n);
}

void *__memset_chk(void *to, int c, size_t n, size_t size)
{
    check(n, size);
    return memset(to, c, n);
}

char *__strcpy_chk(char *to, const char *from, size_t size)
{
    return __memcpy_chk(to, from, strlen(from) + 1, size);
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t size)
{
    check(n, size);
    return strncpy(to, from, n);
}

char *__strcat_chk(char *to, const char *from, size_t size)
{
    size_t len = strnlen(to, size);
    (void)__memcpy_chk(to + len, from, strlen(from) + 1, size - len);
    return to;
}

char *__strncat_chk(char *to, const char *from, size_t n, size_t size)
{
    check(strnlen(to, size) + strnlen(from, n), size - 1);
    return strncat(to, from, n);
}

/* glibc 2.38 and later: "0b" prefixes, which nobody uses, are the difference. */
long __isoc23_strtol(const char *s, char **end, int base)
{
    return strtol(s, end, base);
}

long long __isoc23_strtoll(const char *s, char **end, int base)
{
    return strtoll(s, end, base);
}

unsigned long __isoc23_strtoul(const char *s, char **end, int base)
{
    return strtoul(s, end, base);
}

unsigned long long __isoc23_strtoull(const char *s, char **end, int base)
{
    return strtoull(s, end, base);
}

enum {
    CTYPE_FIRST = -128, /* a char may be negative */
    CTYPE_COUNT = 384,
};

/* The order of glibc's <ctype.h>: the bits of a class, byte by byte from the high one. */
static uint16_t class_of(int c)
{
    static int (*const classes[])(int) = {isupper, islower, isalpha, isdigit, isxdigit, isspace,
                                          isprint, isgraph, isblank, iscntrl, ispunct,  isalnum};
    uint16_t bits = 0;
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        bits |= (uint16_t)(classes[i](c) != 0 ? (i < 8 ? 0x100u << i : 1u << (i - 8)) : 0);
    }
    return bits;
}

/* [I] after the first call, which fills them. */
static struct {
    bool ready;
    uint16_t classes[CTYPE_COUNT];
    int32_t lower[CTYPE_COUNT];
    int32_t upper[CTYPE_COUNT];
    const uint16_t *classes_zero; /* where c = 0 is */
    const int32_t *lower_zero;
    const int32_t *upper_zero;
} ctype;

static void fill_ctype(void)
{
    if (ctype.ready) {
        return;
    }
    for (int i = 0; i < CTYPE_COUNT; i++) {
        int c = i + CTYPE_FIRST;
        ctype.classes[i] = class_of(c);
        ctype.lower[i] = c < -1 ? c + 256 : tolower(c); /* as the unsigned char */
        ctype.upper[i] = c < -1 ? c + 256 : toupper(c);
    }
    ctype.classes_zero = ctype.classes - CTYPE_FIRST;
    ctype.lower_zero = ctype.lower - CTYPE_FIRST;
    ctype.upper_zero = ctype.upper - CTYPE_FIRST;
    ctype.ready = true;
}

const uint16_t **__ctype_b_loc(void)
{
    fill_ctype();
    return &ctype.classes_zero;
}

const int32_t **__ctype_tolower_loc(void)
{
    fill_ctype();
    return &ctype.lower_zero;
}

const int32_t **__ctype_toupper_loc(void)
{
    fill_ctype();
    return &ctype.upper_zero;
}
