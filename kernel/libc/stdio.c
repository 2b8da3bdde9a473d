/*
 * Output of the application, formatted by float/printf.c if at all: collected to lines, each an
 * entry of the log.
 */
#include "kernel/libc/stdio.h"

#include "kernel/base.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/string.h"
#include "kernel/log.h"

/* There is one stream; its address tells nothing but that. */
struct libc_file {
    char unused;
};
static const struct {
    struct libc_file file;
} consoles;
FILE *const stdout = (FILE *)(uintptr_t)&consoles.file;
FILE *const stderr = (FILE *)(uintptr_t)&consoles.file;

enum {
    TIME_STAMP_BYTES = 16,                        /* what the log puts before a line */
    LINE_BYTES = LOG_LINE_MAX - TIME_STAMP_BYTES, /* a longer one goes out in several entries */
};

static struct {
    char text[LINE_BYTES]; /* the line that is not yet ended */
    size_t len;
} line;

static void write_line(void)
{
    assert(line.len <= sizeof(line.text));
    log_info("%.*s", (int)line.len, line.text);
    line.len = 0;
}

static void put(char c)
{
    if (c == '\n') {
        write_line();
        return;
    }
    if (c == '\r') {
        return;
    }
    if (line.len == sizeof(line.text)) {
        write_line();
    }
    line.text[line.len++] = c == '\t' || c == '\0' ? ' ' : c;
}

static void collect(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put(text[i]);
    }
}

int fputs(const char *s, FILE *f)
{
    (void)fwrite(s, 1, strlen(s), f);
    return 0;
}

int puts(const char *s)
{
    (void)fputs(s, stdout);
    (void)fputc('\n', stdout);
    return 0;
}

int fputc(int c, FILE *f)
{
    unsigned char byte = (unsigned char)c;
    (void)fwrite(&byte, 1, 1, f);
    return byte;
}

int putchar(int c)
{
    return fputc(c, stdout);
}

size_t fwrite(const void *from, size_t size, size_t count, FILE *f)
{
    assert(f == stdout || f == stderr);
    assert(count == 0 || size <= SIZE_MAX / count);
    collect(from, size * count);
    return count;
}

int fflush(FILE *f)
{
    if (line.len > 0) {
        write_line();
    }
    return 0;
}

void perror(const char *s)
{
    const char *reason = strerror(errno);
    (void)fputs(s, stderr);
    (void)fputs(": ", stderr);
    (void)fputs(reason, stderr);
    (void)fputc('\n', stderr);
}
