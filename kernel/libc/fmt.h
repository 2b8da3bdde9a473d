/*
 * The formatter behind the printf family: a format and its arguments into a sink.
 */
#ifndef LIBC_FMT_H
#define LIBC_FMT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fmt_length {
    FMT_INT,
    FMT_CHAR,
    FMT_SHORT,
    FMT_64,          /* l, ll, z, j, t: all are 64 bits wide here */
    FMT_LONG_DOUBLE, /* L */
};

/* One conversion, as it stands in the format. */
struct fmt_spec {
    bool left;
    bool plus;
    bool space;
    bool alternate;
    bool zero;
    int width;
    int precision; /* -1: none */
    enum fmt_length length;
    char conversion;
};

struct fmt_sink {
    char *buf;
    size_t size;    /* of buf */
    size_t used;    /* bytes in buf now */
    uint64_t total; /* bytes the whole text has */
    /* Takes buf when it is full. NULL: what does not fit is only counted. */
    void (*flush)(const char *text, size_t len);
    /*
     * Converts what fmt.c does not, taking the argument from ap; false: nor does it. NULL: there is
     * nobody else. So doubles are formatted without a double in the file that the kernel uses.
     */
    bool (*other)(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap);
};

void fmt_format(struct fmt_sink *sink, const char *fmt, va_list ap);

/* What the printf family returns: total, or -1 with EOVERFLOW when it exceeds an int. */
int fmt_result(const struct fmt_sink *sink);

/* A text into buf, with a NUL, as vsnprintf does; other as in the sink. */
int fmt_to_buffer(char *buf, size_t size, const char *fmt, va_list ap,
                  bool (*other)(struct fmt_sink *, const struct fmt_spec *, va_list *));

/* For conversions: bytes, and one byte many times. */
void fmt_put(struct fmt_sink *sink, const char *text, size_t len);
void fmt_repeat(struct fmt_sink *sink, char c, size_t count);

/* The kernel's own vsnprintf and snprintf (stdio.h), without doubles. Any context. */
int rs_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int rs_snprintf(char *buf, size_t size, const char *fmt, ...);

#endif
