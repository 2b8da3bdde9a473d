/*
 * The formatter (C11 7.21.6.1 without wide characters and %n; floating point is
 * float/fmt_float.c's, which the sink names). Each conversion is parsed into a struct, its argument
 * fetched, and laid out in one place.
 */
#include "kernel/libc/fmt.h"

#include "kernel/base.h"
#include "kernel/libc/ctype.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/string.h"

enum {
    DIGITS_MAX = 22, /* 64 bits in octal */
};

static_assert(sizeof(long) == 8 && sizeof(size_t) == 8, "LP64");

/* A converted argument: prefix, zeros, body, in this order. */
struct fmt_piece {
    const char *prefix;
    size_t zeros;
    const char *body;
    size_t body_len;
};

void fmt_put(struct fmt_sink *sink, const char *text, size_t len)
{
    sink->total += len;
    while (len > 0) {
        size_t part = min_size(len, sink->size - sink->used);
        if (part > 0) { /* buf may be NULL when its size is 0 */
            memcpy(sink->buf + sink->used, text, part);
        }
        sink->used += part;
        text += part;
        len -= part;
        if (len > 0 && sink->flush == NULL) {
            return;
        }
        if (len > 0) {
            sink->flush(sink->buf, sink->used);
            sink->used = 0;
        }
    }
}

void fmt_repeat(struct fmt_sink *sink, char c, size_t count)
{
    if (sink->flush == NULL) {
        size_t part = min_size(count, sink->size - sink->used);
        if (part > 0) {
            memset(sink->buf + sink->used, c, part);
        }
        sink->used += part;
        sink->total += count;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        fmt_put(sink, &c, 1);
    }
}

/* A decimal number, held at INT_MAX when it is larger. */
static int parse_number(const char **fmt)
{
    int64_t n = 0;
    for (; isdigit((unsigned char)**fmt); (*fmt)++) {
        n = n * 10 + (**fmt - '0');
        n = n > INT32_MAX ? INT32_MAX : n;
    }
    return (int)n;
}

static void parse_flags(struct fmt_spec *spec, const char **fmt)
{
    for (;; (*fmt)++) {
        switch (**fmt) {
        case '-':
            spec->left = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        case '0':
            spec->zero = true;
            break;
        default:
            return;
        }
    }
}

static void parse_width(struct fmt_spec *spec, const char **fmt, va_list *ap)
{
    if (**fmt != '*') {
        spec->width = parse_number(fmt);
        return;
    }
    (*fmt)++;
    int width = va_arg(*ap, int);
    if (width < 0) { /* a negative one is the flag '-' and a width */
        spec->left = true;
        width = width == INT32_MIN ? INT32_MAX : -width;
    }
    spec->width = width;
}

static void parse_precision(struct fmt_spec *spec, const char **fmt, va_list *ap)
{
    spec->precision = -1;
    if (**fmt != '.') {
        return;
    }
    (*fmt)++;
    if (**fmt == '*') {
        (*fmt)++;
        spec->precision = va_arg(*ap, int); /* a negative one is as if there were none */
    } else {
        spec->precision = parse_number(fmt);
    }
}

static enum fmt_length parse_length(const char **fmt)
{
    char c = **fmt;
    bool doubled = c != '\0' && (*fmt)[1] == c;
    switch (c) {
    case 'h':
        *fmt += doubled ? 2 : 1;
        return doubled ? FMT_CHAR : FMT_SHORT;
    case 'l':
        *fmt += doubled ? 2 : 1;
        return FMT_64;
    case 'z':
    case 'j':
    case 't':
        (*fmt)++;
        return FMT_64;
    case 'L':
        (*fmt)++;
        return FMT_LONG_DOUBLE;
    default:
        return FMT_INT;
    }
}

static int64_t fetch_signed(enum fmt_length length, va_list *ap)
{
    if (length == FMT_64) {
        return va_arg(*ap, int64_t);
    }
    int value = va_arg(*ap, int);
    switch (length) {
    case FMT_CHAR:
        return (signed char)value;
    case FMT_SHORT:
        return (short)value;
    default:
        return value;
    }
}

static uint64_t fetch_unsigned(enum fmt_length length, va_list *ap)
{
    if (length == FMT_64) {
        return va_arg(*ap, uint64_t);
    }
    unsigned int value = va_arg(*ap, unsigned int);
    switch (length) {
    case FMT_CHAR:
        return (unsigned char)value;
    case FMT_SHORT:
        return (unsigned short)value;
    default:
        return value;
    }
}

/* Padding on the side the flags say, around prefix, zeros and body. */
static void put_piece(struct fmt_sink *sink, const struct fmt_spec *spec,
                      const struct fmt_piece *piece)
{
    size_t prefix_len = strlen(piece->prefix);
    size_t len = prefix_len + piece->zeros + piece->body_len;
    size_t width = (size_t)spec->width;
    size_t pad = width > len ? width - len : 0;
    fmt_repeat(sink, ' ', spec->left ? 0 : pad);
    fmt_put(sink, piece->prefix, prefix_len);
    fmt_repeat(sink, '0', piece->zeros);
    fmt_put(sink, piece->body, piece->body_len);
    fmt_repeat(sink, ' ', spec->left ? pad : 0);
}

/* Digits of value, right-aligned in digits[DIGITS_MAX]; none for 0. Returns how many. */
static size_t make_digits(char *digits, uint64_t value, uint32_t base, bool upper)
{
    const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t count = 0;
    while (value != 0) {
        assert(count < DIGITS_MAX);
        count++;
        digits[DIGITS_MAX - count] = alphabet[value % base];
        value /= base;
    }
    return count;
}

static void put_integer(struct fmt_sink *sink, const struct fmt_spec *spec, uint64_t value,
                        uint32_t base, const char *prefix)
{
    char digits[DIGITS_MAX];
    size_t count = make_digits(digits, value, base, spec->conversion == 'X');
    /* No precision asks for one digit at least; octal '#' for a 0 in front. */
    size_t wanted = spec->precision < 0 ? 1 : (size_t)spec->precision;
    if (spec->alternate && base == 8 && wanted <= count) {
        wanted = count + 1;
    }
    size_t zeros = wanted > count ? wanted - count : 0;
    if (spec->zero && !spec->left && spec->precision < 0) {
        size_t len = strlen(prefix) + zeros + count;
        zeros += (size_t)spec->width > len ? (size_t)spec->width - len : 0;
    }
    const struct fmt_piece piece = {
        .prefix = prefix,
        .zeros = zeros,
        .body = digits + DIGITS_MAX - count,
        .body_len = count,
    };
    put_piece(sink, spec, &piece);
}

static void put_signed(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap)
{
    int64_t value = fetch_signed(spec->length, ap);
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    put_integer(sink, spec, magnitude, 10, sign);
}

static void put_hex(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap)
{
    uint64_t value = fetch_unsigned(spec->length, ap);
    const char *prefix = spec->conversion == 'X' ? "0X" : "0x";
    put_integer(sink, spec, value, 16, spec->alternate && value != 0 ? prefix : "");
}

static void put_text(struct fmt_sink *sink, const struct fmt_spec *spec, const char *text,
                     size_t len)
{
    const struct fmt_piece piece = {.prefix = "", .body = text, .body_len = len};
    put_piece(sink, spec, &piece);
}

static void put_pointer(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap)
{
    uint64_t value = (uint64_t)(uintptr_t)va_arg(*ap, void *);
    if (value == 0) {
        put_text(sink, spec, "(nil)", 5);
    } else {
        put_integer(sink, spec, value, 16, "0x");
    }
}

static void put_string(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap)
{
    const char *text = va_arg(*ap, const char *);
    if (text == NULL) {
        text = "(null)";
    }
    size_t len = spec->precision < 0 ? strlen(text) : strnlen(text, (size_t)spec->precision);
    put_text(sink, spec, text, len);
}

static void put_char(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap)
{
    char c = (char)va_arg(*ap, int);
    put_text(sink, spec, &c, 1);
}

/* False when the conversion is none we know. */
static bool put_conversion(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap)
{
    switch (spec->conversion) {
    case 'd':
    case 'i':
        put_signed(sink, spec, ap);
        return true;
    case 'u':
        put_integer(sink, spec, fetch_unsigned(spec->length, ap), 10, "");
        return true;
    case 'x':
    case 'X':
        put_hex(sink, spec, ap);
        return true;
    case 'o':
        put_integer(sink, spec, fetch_unsigned(spec->length, ap), 8, "");
        return true;
    case 'c':
        put_char(sink, spec, ap);
        return true;
    case 's':
        put_string(sink, spec, ap);
        return true;
    case 'p':
        put_pointer(sink, spec, ap);
        return true;
    case '%':
        fmt_put(sink, "%", 1);
        return true;
    default:
        return sink->other != NULL && sink->other(sink, spec, ap);
    }
}

/* fmt is behind the '%'. Returns behind the conversion. */
static const char *format_one(struct fmt_sink *sink, const char *fmt, va_list *ap)
{
    const char *start = fmt - 1;
    struct fmt_spec spec = {.precision = -1};
    parse_flags(&spec, &fmt);
    parse_width(&spec, &fmt, ap);
    parse_precision(&spec, &fmt, ap);
    spec.length = parse_length(&fmt);
    spec.conversion = *fmt;
    if (*fmt != '\0') {
        fmt++;
    }
    if (!put_conversion(sink, &spec, ap)) {
        fmt_put(sink, start, (size_t)(fmt - start));
    }
    return fmt;
}

void fmt_format(struct fmt_sink *sink, const char *fmt, va_list ap)
{
    assert(sink->flush == NULL || sink->size > 0);
    va_list args; /* a copy, so that its address can be handed down */
    va_copy(args, ap);
    while (*fmt != '\0') {
        size_t plain = strcspn(fmt, "%");
        fmt_put(sink, fmt, plain);
        fmt += plain;
        if (*fmt == '%') {
            fmt = format_one(sink, fmt + 1, &args);
        }
    }
    va_end(args);
}

int fmt_result(const struct fmt_sink *sink)
{
    if (sink->total > INT32_MAX) {
        errno = EOVERFLOW;
        return -1;
    }
    return (int)sink->total;
}

int fmt_to_buffer(char *buf, size_t size, const char *fmt, va_list ap,
                  bool (*other)(struct fmt_sink *, const struct fmt_spec *, va_list *))
{
    struct fmt_sink sink = {.buf = buf, .size = size > 0 ? size - 1 : 0, .other = other};
    fmt_format(&sink, fmt, ap);
    if (size > 0) {
        buf[sink.used] = '\0';
    }
    return fmt_result(&sink);
}

int rs_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    return fmt_to_buffer(buf, size, fmt, ap, NULL);
}

int rs_snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = rs_vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return len;
}
