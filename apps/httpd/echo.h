/*
 * /echo: a body goes out as it comes in. Pure.
 */
#ifndef HTTPD_ECHO_H
#define HTTPD_ECHO_H

#include "apps/httpd/exchange.h"

enum {
    /* What a feed costs beyond its size: a chunk's frame and the last chunk. */
    ECHO_OVERHEAD_BYTES =
        OUTBUF_CHUNK_HEAD_BYTES + OUTBUF_CHUNK_TAIL_BYTES + OUTBUF_CHUNK_LAST_BYTES,
};

/* Appends the response's head; the body follows with echo_body(). */
void echo_begin(struct exchange *x, const struct request *r);

/* Around every feed of body bytes, whose size and ECHO_OVERHEAD_BYTES out has room for. */
void echo_feed_begin(struct exchange *x);
void echo_body(struct exchange *x, const char *at, size_t len);
void echo_feed_end(struct exchange *x, bool is_last);

#endif
