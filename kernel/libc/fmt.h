/*
 * The formatter behind the printf family: a format and its arguments into a sink.
 */
#ifndef LIBC_FMT_H
#define LIBC_FMT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct fmt_sink {
    char *buf;
    size_t size;    /* of buf */
    size_t used;    /* bytes in buf now */
    uint64_t total; /* bytes the whole text has */
    /* Takes buf when it is full. NULL: what does not fit is only counted. */
    void (*flush)(const char *text, size_t len);
};

void fmt_format(struct fmt_sink *sink, const char *fmt, va_list ap);

/* What the printf family returns: total, or -1 with EOVERFLOW when it exceeds an int. */
int fmt_result(const struct fmt_sink *sink);

#endif
