/*
 * The glue to llhttp: its callbacks collect the fields we act on, its flags give the framing.
 * llhttp must be compiled with LLHTTP_STRICT_MODE=1 (its loose mode skips bytes after a chunk size
 * without looking at them). The server sees no llhttp name but the parser it stores.
 */
#include "apps/httpd/http_parse.h"

#include <assert.h>
#include <string.h>

enum {
    BAD_REQUEST = 400,
    EXPECTATION_FAILED = 417,
    NOT_IMPLEMENTED = 501,
};

/* ASCII only: tolower() would ask the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Field names and most values compare without case. word is in lower case. */
static bool span_is(struct span s, const char *word)
{
    size_t i = 0;
    while (i < s.len && word[i] != '\0' && lower(s.at[i]) == word[i]) {
        i++;
    }
    return i == s.len && word[i] == '\0';
}

/* Without the optional white space around a value (RFC 9110, 5.5). */
static struct span span_trim(const char *at, size_t len)
{
    while (len > 0 && (at[0] == ' ' || at[0] == '\t')) {
        at++;
        len--;
    }
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t')) {
        len--;
    }
    return (struct span){at, len};
}

/* The head is parsed in one piece, so a name or a value always comes in one piece, too. */
static int on_header_field(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    p->field = (struct span){at, len};
    return 0;
}

static int on_header_value(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    struct request *r = p->request;
    if (r == NULL) {
        return 0; /* a trailer field: RFC 9110, 6.5.1 lets us ignore it */
    }
    struct span value = span_trim(at, len);
    if (span_is(p->field, "host")) {
        r->host = value;
        r->host_count++;
    } else if (span_is(p->field, "content-type")) {
        r->content_type = value;
    } else if (span_is(p->field, "transfer-encoding")) {
        r->encoding = value;
        r->encoding_count++;
    } else if (span_is(p->field, "expect")) {
        bool is_continue = span_is(value, "100-continue");
        r->expects_continue = r->expects_continue || is_continue;
        r->expects_other = r->expects_other || !is_continue;
    }
    return 0;
}

/* Upgrade is ignored, as RFC 9110, 7.8 allows: the request is answered as if it had none. */
static int on_headers_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    struct request *r = p->request;
    assert(r != NULL);
    r->chunked = (l->flags & F_CHUNKED) != 0;
    r->length = (l->flags & F_CONTENT_LENGTH) != 0 ? l->content_length : 0;
    r->has_body = r->chunked || r->length > 0;
    /* RFC 9112, 9.3: close wins over keep-alive, whatever the version. */
    r->keep_alive = llhttp_should_keep_alive(l) != 0 && (l->flags & F_CONNECTION_CLOSE) == 0;
    return 0;
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    assert(p->body != NULL);
    p->body_bytes += len;
    p->body(p->body_ctx, at, len);
    return 0;
}

/* Pausing gives the exact byte at which the next message begins. */
static int on_message_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    p->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t llhttp_callbacks = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* RFC 9110, 7.2: uri-host [ ":" port ], possibly empty. Enough of it to refuse what no host is. */
static bool host_is_valid(struct span host)
{
    assert(host.len == 0 || host.at != NULL);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        bool is_host_char = head_is_token_char(c) || c == ':' || c == '[' || c == ']' || c == ',' ||
                            c == ';' || c == '=' || c == '(' || c == ')';
        if (!is_host_char || c == '#' || c == '^' || c == '`' || c == '|') {
            return false;
        }
    }
    return true;
}

/* The rules that need more than one field, or the version beside a field. */
static int check_semantics(const struct request *r)
{
    /* RFC 9112, 3.2: none in 1.1, or more than one, or a bad one. */
    if (r->host_count > 1 || (r->host_count == 0 && !r->http10) || !host_is_valid(r->host)) {
        return BAD_REQUEST;
    }
    if (r->encoding_count > 0) {
        /* RFC 9112, 6.1: an encoding in 1.0 is faulty framing. 6.3: the last must be chunked. */
        if (r->http10 || !r->chunked) {
            return BAD_REQUEST;
        }
        if (r->encoding_count > 1 || !span_is(r->encoding, "chunked")) {
            return NOT_IMPLEMENTED;
        }
    }
    /* RFC 9110, 10.1.1. A 1.0 client cannot expect anything. */
    return r->expects_other && !r->http10 ? EXPECTATION_FAILED : 0;
}

/*
 * RFC 9112, 3.2: origin-form, absolute-form and "*". The path is without the query. False for any
 * other form, and for a fragment, which must not be sent.
 */
static bool target_path(const char *at, size_t len, struct span *path)
{
    if (memchr(at, '#', len) != NULL) {
        return false;
    }
    if (len == 1 && at[0] == '*') {
        *path = (struct span){at, len};
        return true;
    }
    static const char scheme[] = "http://";
    size_t scheme_len = sizeof(scheme) - 1;
    bool is_absolute = len > scheme_len && span_is((struct span){at, scheme_len}, scheme);
    if (is_absolute) {
        at += scheme_len;
        len -= scheme_len;
        size_t authority_len = 0;
        while (authority_len < len && at[authority_len] != '/' && at[authority_len] != '?') {
            authority_len++;
        }
        at += authority_len;
        len -= authority_len;
    } else if (at[0] != '/') {
        return false;
    }
    const char *query = len > 0 ? memchr(at, '?', len) : NULL;
    *path = (struct span){at, query != NULL ? (size_t)(query - at) : len};
    if (path->len == 0) { /* http://host and http://host?query mean the root */
        *path = (struct span){"/", 1};
    }
    return true;
}

int http_parse_head(struct http_parser *p, const struct head_scan *head, const char *in,
                    struct request *out)
{
    assert(head->done && head->pos > 0);
    *out = (struct request){.method = head->method, .http10 = head->http10};
    p->request = out;
    p->field = (struct span){NULL, 0};
    p->complete = false;
    p->body_bytes = 0;
    llhttp_init(&p->llhttp, HTTP_REQUEST, &llhttp_callbacks);
    p->llhttp.data = p;
    llhttp_errno_t err = llhttp_execute(&p->llhttp, in, head->pos);
    p->request = NULL;
    p->chunked = out->chunked;
    p->last = '\n';
    /* Complete at once when there is no body, and nothing else may stop it. */
    if (err != HPE_OK && !(err == HPE_PAUSED && p->complete)) {
        return BAD_REQUEST;
    }
    if (p->complete == out->has_body) {
        return BAD_REQUEST; /* llhttp and we disagree on where the message ends: do not guess */
    }
    int status = check_semantics(out);
    if (status != 0) {
        return status;
    }
    return target_path(in + head->target_offset, head->target_len, &out->path) ? 0 : BAD_REQUEST;
}

enum http_body_result http_parse_body(struct http_parser *p, const char *in, size_t len,
                                      size_t *used)
{
    assert(!p->complete && len > 0);
    p->body_bytes = 0;
    llhttp_errno_t err = llhttp_execute(&p->llhttp, in, len);
    if (err == HPE_OK) {
        *used = len;
        p->last = in[len - 1];
        return HTTP_BODY_MORE;
    }
    if (err != HPE_PAUSED || !p->complete) {
        *used = len;
        return HTTP_BODY_BAD;
    }
    *used = (size_t)(llhttp_get_error_pos(&p->llhttp) - in);
    assert(*used > 0 && *used <= len);
    /* llhttp takes a bare LF for the empty line behind the trailers; RFC 9112, 7.1 does not. */
    char before_last = *used > 1 ? in[*used - 2] : p->last;
    return p->chunked && before_last != '\r' ? HTTP_BODY_BAD : HTTP_BODY_DONE;
}
