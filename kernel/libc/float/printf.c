/*
 * The printf family for applications: fmt.c with doubles. What follows the dots comes in SSE
 * registers, too, therefore it is compiled with them, and the kernel never calls it.
 */
#include "kernel/libc/float/fmt_float.h"
#include "kernel/libc/stdio.h"

#include "kernel/base.h"

enum {
    CHUNK_BYTES = 128,
};

static void write_out(const char *text, size_t len)
{
    (void)fwrite(text, 1, len, stdout);
}

int vfprintf(FILE *f, const char *fmt, va_list ap)
{
    assert(f == stdout || f == stderr);
    char chunk[CHUNK_BYTES];
    struct fmt_sink sink = {
        .buf = chunk, .size = sizeof(chunk), .flush = write_out, .other = fmt_float};
    fmt_format(&sink, fmt, ap);
    write_out(chunk, sink.used);
    return fmt_result(&sink);
}

int vprintf(const char *fmt, va_list ap)
{
    return vfprintf(stdout, fmt, ap);
}

int printf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vfprintf(stdout, fmt, ap);
    va_end(ap);
    return len;
}

int fprintf(FILE *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vfprintf(f, fmt, ap);
    va_end(ap);
    return len;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    return fmt_to_buffer(buf, size, fmt, ap, fmt_float);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return len;
}

int vsprintf(char *buf, const char *fmt, va_list ap)
{
    return vsnprintf(buf, (size_t)INT32_MAX + 1, fmt, ap);
}

int sprintf(char *buf, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsprintf(buf, fmt, ap);
    va_end(ap);
    return len;
}
