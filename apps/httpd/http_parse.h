/*
 * What a request says, and the content of its body. The head is judged here and in head.h, fields.h
 * and target.h; the body is framed by llhttp, which is told the framing that was found. So what is
 * taken and what is refused does not depend on llhttp's release. Pure. Follows RFC 9110 and RFC
 * 9112.
 */
#ifndef HTTPD_HTTP_PARSE_H
#define HTTPD_HTTP_PARSE_H

#include "apps/httpd/chunk_lines.h"
#include "apps/httpd/head.h"
#include "llhttp.h"

/* One request's head, decoded. The spans point into the head's bytes and live as long as they do.
 */
struct request {
    uint64_t length; /* of the body, when sized */
    struct span path;
    struct span content_type; /* at is NULL when there was none */
    uint8_t method;           /* enum method */
    bool http10;
    bool keep_alive;
    bool chunked;
    bool has_body;
    bool expects_continue; /* and is one who may: not in 1.0 */
};

/* Where body bytes go as they are found. Borrows the bytes for the call. */
typedef void http_body_fn(void *ctx, const char *at, size_t len);

/* One message in the parsing. Lives as long as the message. */
struct http_parser {
    llhttp_t llhttp;
    struct chunk_lines lines; /* when chunked */
    uint64_t left;            /* of a sized body */
    http_body_fn *body;
    void *body_ctx;
    bool complete; /* says llhttp */
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
    HTTP_BODY_TOO_LONG, /* extensions or trailers without end */
};

/* Takes up to len bytes of the body, len > 0; p->body gets what of them is content. */
enum http_body_result http_parse_body(struct http_parser *p, const char *in, size_t len,
                                      size_t *used);

#endif
