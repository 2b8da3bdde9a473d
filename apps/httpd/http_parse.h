/*
 * What a request says, as llhttp reads it: framing, connection and the few fields this server acts
 * on. Runs behind head_scan(), which has checked the bytes. Pure. Follows RFC 9110 and RFC 9112.
 */
#ifndef HTTPD_HTTP_PARSE_H
#define HTTPD_HTTP_PARSE_H

#include "apps/httpd/head.h"
#include "llhttp.h"

/* A stretch of bytes of somebody else's. */
struct span {
    const char *at;
    size_t len;
};

/* One request's head, decoded. The spans point into the head's bytes and live as long as they do.
 */
struct request {
    uint64_t length; /* of the body, when sized */
    struct span path;
    struct span content_type; /* at is NULL when there was none */
    struct span host;
    struct span encoding;
    uint32_t host_count;
    uint32_t encoding_count;
    uint8_t method; /* enum method */
    bool http10;
    bool keep_alive;
    bool chunked;
    bool has_body;
    bool expects_continue;
    bool expects_other; /* an expectation nobody here can meet */
};

/* Where body bytes go as they are found. Borrows the bytes for the call. */
typedef void http_body_fn(void *ctx, const char *at, size_t len);

/* One message in the parsing. Lives as long as the message. */
struct http_parser {
    llhttp_t llhttp;
    struct request *request; /* only while the head is parsed */
    struct span field;       /* the field name that awaits its value */
    http_body_fn *body;
    void *body_ctx;
    size_t body_bytes; /* handed to body by the present call */
    char last;         /* byte of the body seen so far */
    bool complete;
    bool chunked;
};

/*
 * Decodes a whole head of head->pos bytes. Returns 0 or the status to answer with: 400, 417 or 501;
 * framing is then lost. Afterwards p is ready for the body if out->has_body.
 */
int http_parse_head(struct http_parser *p, const struct head_scan *head, const char *in,
                    struct request *out);

enum http_body_result {
    HTTP_BODY_MORE,
    HTTP_BODY_DONE, /* *used bytes were the message's, the rest belongs to the next */
    HTTP_BODY_BAD,
};

/* Takes up to len bytes of the body; p->body gets what of them is content. */
enum http_body_result http_parse_body(struct http_parser *p, const char *in, size_t len,
                                      size_t *used);

#endif
