/*
 * The heads of responses and the bodies of errors. Pure.
 */
#ifndef HTTPD_RESPONSE_H
#define HTTPD_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "apps/httpd/http_parse.h"
#include "apps/httpd/outbuf.h"

enum {
    /* Room for any head but its content type, and for the body of any error. */
    RESPONSE_ROOM_BYTES = 768,
};

/* How the client finds the end of the body (RFC 9112, 6). */
enum response_framing {
    RESPONSE_SIZED,
    RESPONSE_CHUNKED,
    RESPONSE_UNTIL_CLOSE,
    RESPONSE_NO_BODY, /* 204: no length may be named (RFC 9110, 8.6) */
};

struct response {
    uint16_t status;
    uint8_t framing; /* enum response_framing */
    uint8_t allow;   /* methods for an Allow field; 0 for none */
    bool http10;     /* of the request: keep-alive must then be said */
    bool keep_alive;
    uint64_t length; /* when sized */
    struct span content_type;
    const char *date; /* NULL where there is no clock (RFC 9110, 6.6.1) */
};

/* Appends the whole head. Needs RESPONSE_ROOM_BYTES and the content type's length. */
void response_head(struct outbuf *o, const struct response *r);

/* Appends a whole error response with a line of text as its body; without it if head_only. */
void response_error(struct outbuf *o, const struct response *r, bool head_only);

#endif
