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
    VERSION_LEN = 8, /* "HTTP/1.1" */
};

bool head_is_token_char(char c)
{
    /* One bit a character below 128: ! # $ % & ' * + - . ^ _ ` | ~ digits and letters. */
    static const uint32_t bits[4] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
    unsigned char u = (unsigned char)c;
    return u < 128 && (bits[u / 32] >> (u % 32) & 1) != 0;
}

/* RFC 9110, 5.5: visible characters, obs-text, blank and tab. */
static bool is_value_char(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= 0x20 && u != 0x7f) || u == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

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

/* RFC 9112, 2.3. Any well-formed version that is not 1.0 or 1.1 is one we do not speak. */
static int check_version(struct head_scan *h, const char *v, size_t len)
{
    if (len != VERSION_LEN || memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.' ||
        !is_digit(v[7])) {
        return BAD_REQUEST;
    }
    if (v[5] != '1' || v[7] > '1') {
        return VERSION_NOT_SUPPORTED;
    }
    h->http10 = v[7] == '0';
    return HEAD_MORE;
}

/* RFC 9112, 3: method SP request-target SP HTTP-version, one blank each, nothing else. */
static int check_request_line(struct head_scan *h, const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && head_is_token_char(line[i])) {
        i++;
    }
    size_t method_len = i;
    if (method_len == 0 || i == len || line[i] != ' ') {
        return BAD_REQUEST;
    }
    size_t target = ++i;
    while (i < len && line[i] > ' ' && line[i] < 0x7f) {
        i++;
    }
    if (i == target || i == len || line[i] != ' ') {
        return BAD_REQUEST;
    }
    h->target_offset = h->line_start + (uint32_t)target;
    h->target_len = (uint32_t)(i - target);
    int status = check_version(h, line + i + 1, len - i - 1);
    if (status != HEAD_MORE) {
        return status;
    }
    h->method = method_find(line, method_len);
    return h->method == 0 ? NOT_IMPLEMENTED : HEAD_MORE;
}

/* RFC 9112, 5: field-name ":" OWS value OWS. 5.1: no blank before the colon. 5.2: no folding. */
static int check_field_line(const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && head_is_token_char(line[i])) {
        i++;
    }
    if (i == 0 || i == len || line[i] != ':') {
        return BAD_REQUEST;
    }
    for (i++; i < len; i++) {
        if (!is_value_char(line[i])) {
            return BAD_REQUEST;
        }
    }
    return HEAD_MORE;
}

/* in[end] is the LF of the line that begins at h->line_start. */
static int scan_line(struct head_scan *h, const char *in, size_t end)
{
    assert(end >= h->line_start);
    const char *line = in + h->line_start;
    size_t len = end - h->line_start;
    bool has_cr = len > 0 && line[len - 1] == '\r';
    if (h->fields_start == 0) {
        if (len + 1 > HEAD_LINE_MAX_BYTES) {
            return URI_TOO_LONG;
        }
        h->fields_start = (uint32_t)end + 1;
        return has_cr ? check_request_line(h, line, len - 1) : BAD_REQUEST;
    }
    if (!has_cr) {
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
    return check_field_line(line, len - 1);
}

/* What an unfinished line already proves: it need not be read to its end to be too long. */
static int check_unfinished(const struct head_scan *h)
{
    if (h->fields_start == 0) {
        return h->pos - h->line_start > HEAD_LINE_MAX_BYTES ? URI_TOO_LONG : HEAD_MORE;
    }
    /* Two more, for the CRLF of the empty line does not count. */
    return h->pos - h->fields_start > HEAD_FIELDS_MAX_BYTES + 2 ? FIELDS_TOO_LARGE : HEAD_MORE;
}

int head_scan(struct head_scan *h, const char *in, size_t len)
{
    assert(h->pos <= len && h->line_start <= h->pos);
    if (h->done) {
        return HEAD_DONE;
    }
    while (h->pos < len) {
        const char *lf = memchr(in + h->pos, '\n', len - h->pos);
        if (lf == NULL) {
            h->pos = (uint32_t)len;
            break;
        }
        size_t end = (size_t)(lf - in);
        int status = scan_line(h, in, end);
        h->pos = (uint32_t)end + 1;
        h->line_start = h->pos;
        if (status != HEAD_MORE) {
            h->done = status == HEAD_DONE;
            return status;
        }
    }
    return check_unfinished(h);
}
