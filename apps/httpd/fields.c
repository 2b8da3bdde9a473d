/*
 * One function a field. Where the RFCs leave it to the recipient, what two servers in a row could
 * read differently is refused: docs/http.md lists the choices.
 */
#include "apps/httpd/fields.h"

#include <assert.h>
#include <string.h>

#include "apps/httpd/target.h"

/* Where the element that begins at at[0] ends: at a comma outside of quotes, or at the end. */
static size_t element_end(const char *at, size_t len)
{
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (at[i] == '"') {
            quoted = !quoted;
        } else if (quoted && at[i] == '\\') {
            i++;
        } else if (!quoted && at[i] == ',') {
            return i;
        }
    }
    return len;
}

bool list_next(struct span *rest, struct span *element)
{
    while (rest->len > 0) {
        size_t end = element_end(rest->at, rest->len);
        *element = span_trim(rest->at, end);
        size_t used = end < rest->len ? end + 1 : end;
        rest->at += used;
        rest->len -= used;
        if (element->len > 0) {
            return true;
        }
    }
    return false;
}

/* RFC 9112, 3.2: one, and a valid one. */
static bool take_host(struct fields *f, struct span value)
{
    bool is_first = !f->has_host;
    f->has_host = true;
    return is_first && host_is_valid(value);
}

/* RFC 9112, 9.3: which of the two wins depends on the version and is decided at the end. */
static bool take_connection(struct fields *f, struct span value)
{
    struct span option;
    while (list_next(&value, &option)) {
        f->close = f->close || span_is(option, "close");
        f->keep_alive = f->keep_alive || span_is(option, "keep-alive");
    }
    return true;
}

/* RFC 9110, 8.6: digits. A list of equal numbers may be refused, as a second field line may. */
static bool take_length(struct fields *f, struct span value)
{
    uint64_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(value.at[i] - '0');
        if (digit > 9 || n > (UINT64_MAX - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    bool is_first = !f->has_length;
    f->has_length = true;
    f->length = n;
    return is_first && value.len > 0;
}

/*
 * RFC 9112, 6.1: chunked only once, and a coding behind it takes the end of the body away. 7.1: it
 * has no parameters. A line without any coding says nothing that could be relied on.
 */
static bool take_encoding(struct fields *f, struct span value)
{
    struct span coding;
    size_t count = 0;
    for (; list_next(&value, &coding); count++) {
        bool is_chunked = span_is(coding, "chunked");
        if (f->encoding == ENCODING_CHUNKED || f->encoding == ENCODING_OTHER_CHUNKED) {
            return false;
        }
        if (!is_chunked) {
            f->encoding = ENCODING_OTHER;
        } else {
            f->encoding = f->encoding == ENCODING_NONE ? ENCODING_CHUNKED : ENCODING_OTHER_CHUNKED;
        }
    }
    return count > 0;
}

/* RFC 9110, 10.1.1. */
static bool take_expect(struct fields *f, struct span value)
{
    struct span expectation;
    while (list_next(&value, &expectation)) {
        bool is_continue = span_is(expectation, "100-continue");
        f->expects_continue = f->expects_continue || is_continue;
        f->expects_other = f->expects_other || !is_continue;
    }
    return true;
}

bool fields_take(struct fields *f, struct span name, struct span value, uint32_t value_at)
{
    assert(name.len > 0);
    /* The length tells all names apart but for a stranger's of the same. */
    switch (name.len) {
    case sizeof("Host") - 1:
        return !span_is(name, "host") || take_host(f, value);
    case sizeof("Expect") - 1:
        return !span_is(name, "expect") || take_expect(f, value);
    case sizeof("Connection") - 1:
        return !span_is(name, "connection") || take_connection(f, value);
    case sizeof("Content-Type") - 1:
        if (span_is(name, "content-type")) {
            f->has_type = true;
            f->type_at = value_at;
            f->type_len = (uint32_t)value.len;
        }
        return true;
    case sizeof("Content-Length") - 1:
        return !span_is(name, "content-length") || take_length(f, value);
    case sizeof("Transfer-Encoding") - 1:
        return !span_is(name, "transfer-encoding") || take_encoding(f, value);
    default:
        return true;
    }
}
