/*
 * The printf family as glibc's headers have it with _FORTIFY_SOURCE: see kernel/libc/glibc.c. The
 * flag asks for checks of %n, which we do not have.
 */
#include "kernel/libc/glibc.h"
#include "kernel/libc/stdio.h"

int __vsnprintf_chk(char *buf, size_t n, int flag, size_t size, const char *fmt, va_list ap);
int __snprintf_chk(char *buf, size_t n, int flag, size_t size, const char *fmt, ...);
int __vsprintf_chk(char *buf, int flag, size_t size, const char *fmt, va_list ap);
int __sprintf_chk(char *buf, int flag, size_t size, const char *fmt, ...);
int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int __vprintf_chk(int flag, const char *fmt, va_list ap);
int __printf_chk(int flag, const char *fmt, ...);

int __vsnprintf_chk(char *buf, size_t n, int flag, size_t size, const char *fmt, va_list ap)
{
    if (n > size) {
        __chk_fail();
    }
    return vsnprintf(buf, n, fmt, ap);
}

int __snprintf_chk(char *buf, size_t n, int flag, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = __vsnprintf_chk(buf, n, flag, size, fmt, ap);
    va_end(ap);
    return len;
}

int __vsprintf_chk(char *buf, int flag, size_t size, const char *fmt, va_list ap)
{
    int len = vsnprintf(buf, size, fmt, ap);
    if (len >= 0 && (size_t)len >= size) {
        __chk_fail();
    }
    return len;
}

int __sprintf_chk(char *buf, int flag, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = __vsprintf_chk(buf, flag, size, fmt, ap);
    va_end(ap);
    return len;
}

int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap)
{
    return vfprintf(f, fmt, ap);
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vfprintf(f, fmt, ap);
    va_end(ap);
    return len;
}

int __vprintf_chk(int flag, const char *fmt, va_list ap)
{
    return vfprintf(stdout, fmt, ap);
}

int __printf_chk(int flag, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vfprintf(stdout, fmt, ap);
    va_end(ap);
    return len;
}
