/*
 * The byte rules of a request head. Stricter than the parser behind it on purpose: everything two
 * servers could read differently (bare CR, bare LF, NUL, folded lines, blanks before the colon) is
 * refused here, so no request can be smuggled past a proxy that reads it the other way.
 */
#include "apps/httpd/head.h"

#include <assert.h>
#include <string.h>

enum {
    BAD_REQUEST = 400,
    URI_TOO_LONG = 414,
    FIELDS_TOO_LARGE = 431,
    NOT_IMPLEMENTED = 501,
    VERSION_NOT_SUPPORTED = 505,
};

/* RFC 9112, 3: method SP request-target SP HTTP-version CRLF, one blank each, nothing else. */
enum line_part {
    LINE_METHOD,
    LINE_TARGET,
    LINE_VERSION,
};

/* RFC 9112, 2.3, and the end of the line. A 0 stands for any digit. */
static const char version_shape[] = "HTTP/0.0\r\n";

enum {
    VERSION_LEN = sizeof(version_shape) - 1,
    VERSION_MAJOR = 5,
    VERSION_MINOR = 7,
};

static uint8_t method_find(const char *name, size_t len)
{
    static const struct {
        const char *name;
        uint8_t method;
    } methods[] = {
        {"GET", METHOD_GET},     {"HEAD", METHOD_HEAD},       {"POST", METHOD_POST},
        {"PUT", METHOD_PUT},     {"OPTIONS", METHOD_OPTIONS}, {"DELETE", METHOD_OTHER},
        {"TRACE", METHOD_OTHER}, {"PATCH", METHOD_OTHER},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strlen(methods[i].name) == len && memcmp(methods[i].name, name, len) == 0) {
            return methods[i].method;
        }
    }
    return 0;
}

/* Each of these goes on at h->pos and stops behind its part, at a byte too many, or at len. */
static int take_method(struct head_scan *h, const char *in, size_t len)
{
    size_t i = h->pos;
    while (i < len && i <= HEAD_METHOD_MAX_BYTES && span_is_token_char(in[i])) {
        i++;
    }
    h->pos = (uint32_t)i;
    if (i > HEAD_METHOD_MAX_BYTES) {
        return NOT_IMPLEMENTED;
    }
    if (i == len) {
        return HEAD_MORE;
    }
    if (i == 0 || in[i] != ' ') {
        return BAD_REQUEST;
    }
    h->method = method_find(in, i);
    h->pos = h->target_offset = (uint32_t)i + 1;
    h->part = LINE_TARGET;
    return HEAD_MORE;
}

static int take_target(struct head_scan *h, const char *in, size_t len)
{
    size_t i = h->pos;
    while (i < len && in[i] > ' ' && in[i] < 0x7f) {
        i++;
    }
    h->pos = (uint32_t)i;
    if (i == len || i > HEAD_LINE_MAX_BYTES) {
        return HEAD_MORE;
    }
    if (i == h->target_offset || in[i] != ' ') {
        return BAD_REQUEST;
    }
    h->target_len = (uint32_t)i - h->target_offset;
    h->pos++;
    h->part = LINE_VERSION;
    return HEAD_MORE;
}

/* RFC 9110, 6.2: a minor version that we do not know is to be read as the last that we do. */
static int take_version(struct head_scan *h, const char *in, size_t len)
{
    uint32_t start = h->target_offset + h->target_len + 1;
    const char *v = in + start;
    size_t i = h->pos - start;
    size_t end = len - start < VERSION_LEN ? len - start : VERSION_LEN;
    while (i < end &&
           (v[i] == version_shape[i] || (version_shape[i] == '0' && span_is_digit(v[i])))) {
        i++;
    }
    h->pos = start + (uint32_t)i;
    if (i < VERSION_LEN) {
        return i < end ? BAD_REQUEST : HEAD_MORE;
    }
    h->fields_start = h->pos;
    h->line_start = h->pos;
    if (v[VERSION_MAJOR] != '1') {
        return VERSION_NOT_SUPPORTED;
    }
    h->http10 = v[VERSION_MINOR] == '0';
    return h->method == 0 ? NOT_IMPLEMENTED : HEAD_MORE;
}

/* Up to the line's end, or the first byte that a request line cannot go on with. */
static int scan_request_line(struct head_scan *h, const char *in, size_t len)
{
    static int (*const take[])(struct head_scan *, const char *, size_t) = {
        [LINE_METHOD] = take_method,
        [LINE_TARGET] = take_target,
        [LINE_VERSION] = take_version,
    };
    while (h->fields_start == 0 && h->pos < len) {
        int status = take[h->part](h, in, len);
        if (h->pos > HEAD_LINE_MAX_BYTES) {
            return URI_TOO_LONG;
        }
        if (status != HEAD_MORE) {
            return status;
        }
    }
    return HEAD_MORE;
}

/* RFC 9112, 5: field-name ":" OWS value OWS. 5.1: no blank before the colon. 5.2: no folding. */
static int take_field_line(struct head_scan *h, const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && span_is_token_char(line[i])) {
        i++;
    }
    if (i == 0 || i == len || line[i] != ':') {
        return BAD_REQUEST;
    }
    struct span name = {line, i};
    for (i++; i < len; i++) {
        if (!span_is_value_char(line[i])) {
            return BAD_REQUEST;
        }
    }
    struct span value = span_trim(line + name.len + 1, len - name.len - 1);
    uint32_t value_at = h->line_start + (uint32_t)(value.at - line);
    return fields_take(&h->fields, name, value, value_at) ? HEAD_MORE : BAD_REQUEST;
}

/* in[end] is the LF of the line that begins at h->line_start. */
static int scan_field_line(struct head_scan *h, const char *in, size_t end)
{
    assert(end >= h->line_start && h->fields_start > 0);
    const char *line = in + h->line_start;
    size_t len = end - h->line_start;
    if (len == 0 || line[len - 1] != '\r') {
        return BAD_REQUEST;
    }
    if (len == 1) {
        return HEAD_DONE;
    }
    h->field_count++;
    if (end + 1 - h->fields_start > HEAD_FIELDS_MAX_BYTES ||
        h->field_count > HEAD_FIELDS_MAX_COUNT) {
        return FIELDS_TOO_LARGE;
    }
    return take_field_line(h, line, len - 1);
}

/* What an unfinished line already proves: it need not be read to its end to be too long. Two more,
 * for the CRLF of the empty line does not count. */
static int check_unfinished(const struct head_scan *h)
{
    return h->pos - h->fields_start > HEAD_FIELDS_MAX_BYTES + 2 ? FIELDS_TOO_LARGE : HEAD_MORE;
}

int head_scan(struct head_scan *h, const char *in, size_t len)
{
    assert(h->pos <= len && h->line_start <= h->pos);
    if (h->done) {
        return HEAD_DONE;
    }
    int status = scan_request_line(h, in, len);
    if (status != HEAD_MORE || h->fields_start == 0) {
        return status;
    }
    while (h->pos < len) {
        const char *lf = memchr(in + h->pos, '\n', len - h->pos);
        if (lf == NULL) {
            h->pos = (uint32_t)len;
            break;
        }
        size_t end = (size_t)(lf - in);
        status = scan_field_line(h, in, end);
        h->pos = (uint32_t)end + 1;
        h->line_start = h->pos;
        if (status != HEAD_MORE) {
            h->done = status == HEAD_DONE;
            return status;
        }
    }
    return check_unfinished(h);
}
