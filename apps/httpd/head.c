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
/* What nearly every line ends with, and nearly every request begins with. */
#define VERSION_USUAL "HTTP/1.1\r\n"
#define METHOD_USUAL  "GET "
#define HOST_USUAL    "Host: "

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
    static_assert(HEAD_METHOD_MAX_BYTES >= sizeof(METHOD_USUAL), "the usual one is not too long");
    if (h->pos == 0 && len >= sizeof(METHOD_USUAL) - 1 && span_begins(in, METHOD_USUAL)) {
        h->method = METHOD_GET;
        h->pos = h->target_offset = sizeof(METHOD_USUAL) - 1;
        h->part = LINE_TARGET;
        return HEAD_MORE;
    }
    size_t max = len <= HEAD_METHOD_MAX_BYTES ? len : HEAD_METHOD_MAX_BYTES + 1;
    size_t i = span_skip(in, h->pos, max, SPAN_TOKEN);
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
    if (i == h->target_offset + h->path_len) {
        i = span_skip(in, i, len, SPAN_PATH);
        h->path_len = (uint32_t)i - h->target_offset;
    }
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
    if (len - start >= VERSION_LEN && span_begins(v, VERSION_USUAL)) {
        h->pos = h->fields_start = h->line_start = start + VERSION_LEN;
        return h->method == 0 ? NOT_IMPLEMENTED : HEAD_MORE;
    }
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
    h->fields_start = h->line_start = h->pos;
    if (v[VERSION_MAJOR] != '1') {
        return VERSION_NOT_SUPPORTED;
    }
    h->http10 = v[VERSION_MINOR] == '0';
    return h->method == 0 ? NOT_IMPLEMENTED : HEAD_MORE;
}

/* Up to the line's end, or the first byte that a request line cannot go on with. */
static int scan_request_line(struct head_scan *h, const char *in, size_t len)
{
    int status = HEAD_MORE;
    if (h->part == LINE_METHOD) {
        status = take_method(h, in, len);
    }
    if (h->part == LINE_TARGET && h->pos < len) {
        status = take_target(h, in, len);
    }
    if (h->part == LINE_VERSION && h->pos < len) {
        status = take_version(h, in, len);
    }
    return h->pos > HEAD_LINE_MAX_BYTES ? URI_TOO_LONG : status;
}

/*
 * Looks through the field line at in[start..): RFC 9112, 5: field-name ":" OWS value OWS CRLF. 5.1:
 * no blank before the colon. 5.2: no folding. Returns where its LF is, 0 when there is something
 * else before in[end]; *colon is where the name ends, start for the empty line behind the fields.
 */
static inline size_t field_line_end(const char *in, size_t start, size_t end, size_t *colon)
{
    size_t i = span_skip(in, start, end, SPAN_TOKEN);
    *colon = i;
    if (i > start) {
        if (i == end || in[i] != ':') {
            return 0;
        }
        i = span_skip_value(in, i + 1, end);
    }
    return end - i >= 2 && in[i] == '\r' && in[i + 1] == '\n' ? i + 1 : 0;
}

/*
 * The one field that every request has, as nearly every client writes it: a name or an address, and
 * perhaps a port, which is valid as it is looked through. Returns where its LF is, 0 for any other
 * line.
 */
static inline size_t usual_host_end(const char *in, size_t start, size_t end)
{
    if (end - start < sizeof(HOST_USUAL) - 1 || !span_begins(in + start, HOST_USUAL)) {
        return 0;
    }
    size_t i = span_skip(in, start + sizeof(HOST_USUAL) - 1, end, SPAN_NAME);
    if (i < end && in[i] == ':') {
        i++;
        while (i < end && span_is_digit(in[i])) {
            i++;
        }
    }
    return end - i >= 2 && in[i] == '\r' && in[i + 1] == '\n' ? i + 1 : 0;
}

/* Counts a field line whose LF is in[lf]. False: there are too many, or too long ones. */
static inline bool count_line(struct head_scan *h, size_t lf)
{
    return ++h->field_count <= HEAD_FIELDS_MAX_COUNT &&
           lf + 1 - h->fields_start <= HEAD_FIELDS_MAX_BYTES;
}

/* in[lf] ends the line that begins at h->line_start and was looked through. */
static inline int take_field_line(struct head_scan *h, const char *in, size_t colon, size_t lf)
{
    size_t start = h->line_start;
    if (!count_line(h, lf)) {
        return FIELDS_TOO_LARGE;
    }
    struct span name = {in + start, colon - start};
    struct span value = span_trim(in + colon + 1, lf - 1 - (colon + 1));
    uint32_t value_at = (uint32_t)(value.at - in);
    return fields_take(&h->fields, name, value, value_at) ? HEAD_MORE : BAD_REQUEST;
}

/* The same of a line of which only the end is known: faulty, or cut when it was looked at first. */
static int scan_field_line(struct head_scan *h, const char *in, size_t lf)
{
    size_t colon;
    bool is_good = field_line_end(in, h->line_start, lf + 1, &colon) == lf;
    if (is_good) {
        return colon == h->line_start ? HEAD_DONE : take_field_line(h, in, colon, lf);
    }
    /* One that is both too long and faulty is too long. */
    bool has_cr = lf > h->line_start && in[lf - 1] == '\r';
    bool is_too_much =
        lf + 1 - h->fields_start > HEAD_FIELDS_MAX_BYTES || h->field_count == HEAD_FIELDS_MAX_COUNT;
    return has_cr && is_too_much ? FIELDS_TOO_LARGE : BAD_REQUEST;
}

/* What an unfinished line already proves: it need not be read to its end to be too long. Two more,
 * for the CRLF of the empty line does not count. */
static int check_unfinished(const struct head_scan *h)
{
    return h->pos - h->fields_start > HEAD_FIELDS_MAX_BYTES + 2 ? FIELDS_TOO_LARGE : HEAD_MORE;
}

/* The lines that are whole and as they should be, each looked at once. Stops at the first other
 * one, of which nothing is taken. */
static int scan_good_lines(struct head_scan *h, const char *in, size_t len)
{
    int status = HEAD_MORE;
    while (status == HEAD_MORE) {
        size_t colon;
        size_t lf = h->fields.has_host ? 0 : usual_host_end(in, h->line_start, len);
        if (lf != 0) {
            h->fields.has_host = true;
            status = count_line(h, lf) ? HEAD_MORE : FIELDS_TOO_LARGE;
        } else if ((lf = field_line_end(in, h->line_start, len, &colon)) != 0) {
            status = colon == h->line_start ? HEAD_DONE : take_field_line(h, in, colon, lf);
        } else {
            break;
        }
        h->pos = h->line_start = (uint32_t)lf + 1;
    }
    return status;
}

int head_scan(struct head_scan *h, const char *in, size_t len)
{
    assert(h->pos <= len && h->line_start <= h->pos);
    if (h->done) {
        return HEAD_DONE;
    }
    int status = HEAD_MORE;
    if (h->fields_start == 0) {
        status = scan_request_line(h, in, len);
        if (status != HEAD_MORE || h->fields_start == 0) {
            return status;
        }
    }
    /* A line that was looked at before is not looked at from its beginning until it is whole. */
    status = h->pos == h->line_start ? scan_good_lines(h, in, len) : HEAD_MORE;
    while (status == HEAD_MORE && h->pos < len) {
        const char *at = memchr(in + h->pos, '\n', len - h->pos);
        if (at == NULL) {
            h->pos = (uint32_t)len;
            break;
        }
        size_t lf = (size_t)(at - in);
        status = scan_field_line(h, in, lf);
        h->pos = h->line_start = (uint32_t)lf + 1;
    }
    h->done = status == HEAD_DONE;
    return status != HEAD_MORE ? status : check_unfinished(h);
}
