/*
 * The rules that need more than one field, or the version beside a field; and the glue to llhttp.
 * The server sees no llhttp name but the parser it stores.
 */
#include "apps/httpd/http_parse.h"

#include <assert.h>

#include "apps/httpd/outbuf.h"
#include "apps/httpd/target.h"

enum {
    BAD_REQUEST = 400,
    EXPECTATION_FAILED = 417,
    NOT_IMPLEMENTED = 501,
    FRAMING_MAX_BYTES = 64, /* of the head that llhttp is told */
};

static int on_body(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    assert(p->body != NULL);
    p->body(p->body_ctx, at, len);
    return 0;
}

static int on_message_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    p->complete = true;
    return 0;
}

static const llhttp_settings_t llhttp_callbacks = {
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Brings llhttp to the start of the body by the plainest head of the same framing: every release
 * reads it alike. */
static bool begin_body(struct http_parser *p, const struct request *r)
{
    static const char chunked[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    char sized[FRAMING_MAX_BYTES];
    struct span head = {chunked, sizeof(chunked) - 1};
    p->lines = (struct chunk_lines){0};
    p->left = r->length;
    p->chunked = r->chunked;
    p->complete = false;
    if (!r->chunked) {
        struct outbuf o = {sized, 0, sizeof(sized)};
        outbuf_append_str(&o, "POST / HTTP/1.1\r\nContent-Length: ");
        outbuf_append_u64(&o, r->length);
        outbuf_append_str(&o, "\r\n\r\n");
        head = (struct span){sized, o.len};
    }
    llhttp_init(&p->llhttp, HTTP_REQUEST, &llhttp_callbacks);
    p->llhttp.data = p;
    return llhttp_execute(&p->llhttp, head.at, head.len) == HPE_OK && !p->complete;
}

/* RFC 9112, 6.1 and 6.3. 0, or the status of a framing that is faulty or beyond us. */
static int check_framing(const struct head_scan *head)
{
    const struct fields *f = &head->fields;
    if (f->encoding == ENCODING_NONE) {
        return 0;
    }
    /* An encoding in 1.0 is faulty framing; so is one beside a length; the last must be chunked. */
    if (head->http10 || f->has_length || f->encoding == ENCODING_OTHER) {
        return BAD_REQUEST;
    }
    return f->encoding == ENCODING_CHUNKED ? 0 : NOT_IMPLEMENTED;
}

static void decode_fields(const struct head_scan *head, const char *in, struct request *out)
{
    const struct fields *f = &head->fields;
    *out = (struct request){.method = head->method, .http10 = head->http10};
    out->chunked = f->encoding == ENCODING_CHUNKED;
    out->length = f->has_length ? f->length : 0;
    out->has_body = out->chunked || out->length > 0;
    /* RFC 9112, 9.3: close wins over keep-alive, and 1.0 must ask. */
    out->keep_alive = !f->close && (!head->http10 || f->keep_alive);
    /* RFC 9110, 10.1.1: a 1.0 client cannot expect anything. */
    out->expects_continue = f->expects_continue && !head->http10;
    if (f->has_type) {
        out->content_type = (struct span){in + f->type_at, f->type_len};
    }
}

int http_parse_head(struct http_parser *p, const struct head_scan *head, const char *in,
                    struct request *out)
{
    assert(head->done && head->pos > 0);
    decode_fields(head, in, out);
    /* RFC 9112, 3.2: 1.1 must say which host. */
    if (!head->fields.has_host && !head->http10) {
        return BAD_REQUEST;
    }
    int status = check_framing(head);
    if (status != 0) {
        return status;
    }
    if (head->fields.expects_other && !head->http10) {
        return EXPECTATION_FAILED;
    }
    struct span target = {in + head->target_offset, head->target_len};
    if (head->path_len == target.len && target.at[0] == '/') {
        out->path = target; /* origin form without a query */
    } else if (!target_path(target, &out->path)) {
        return BAD_REQUEST;
    }
    return !out->has_body || begin_body(p, out) ? 0 : BAD_REQUEST;
}

static bool feed(struct http_parser *p, const char *in, size_t len)
{
    return len == 0 || llhttp_execute(&p->llhttp, in, len) == HPE_OK;
}

static enum http_body_result parse_sized(struct http_parser *p, const char *in, size_t len,
                                         size_t *used)
{
    *used = p->left < len ? (size_t)p->left : len;
    p->left -= *used;
    if (!feed(p, in, *used)) {
        return HTTP_BODY_BAD;
    }
    return p->left == 0 ? HTTP_BODY_DONE : HTTP_BODY_MORE;
}

static enum http_body_result parse_chunked(struct http_parser *p, const char *in, size_t len,
                                           size_t *used)
{
    enum chunk_result result = CHUNK_MORE;
    *used = 0;
    while (result == CHUNK_MORE && *used < len) {
        struct span run;
        size_t n = 0;
        result = chunk_lines_take(&p->lines, in + *used, len - *used, &n, &run);
        *used += n;
        if (result == CHUNK_TOO_LONG) {
            return HTTP_BODY_TOO_LONG;
        }
        if (result == CHUNK_BAD || !feed(p, run.at, run.len)) {
            return HTTP_BODY_BAD;
        }
    }
    return result == CHUNK_DONE ? HTTP_BODY_DONE : HTTP_BODY_MORE;
}

enum http_body_result http_parse_body(struct http_parser *p, const char *in, size_t len,
                                      size_t *used)
{
    assert(!p->complete && len > 0);
    enum http_body_result result =
        p->chunked ? parse_chunked(p, in, len, used) : parse_sized(p, in, len, used);
    /* Should llhttp and we disagree on where the message ends: do not guess. */
    bool is_good = result == HTTP_BODY_MORE || result == HTTP_BODY_DONE;
    return is_good && p->complete != (result == HTTP_BODY_DONE) ? HTTP_BODY_BAD : result;
}
