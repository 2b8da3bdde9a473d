/*
 * /echo: a body goes out as it comes in. Pure.
 */
#ifndef HTTPD_ECHO_H
#define HTTPD_ECHO_H

#include "apps/httpd/conn.h"

/* Appends the response's head; the body follows with echo_body(). */
void echo_begin(struct conn *c, const struct request *r);

/* Around every feed of body bytes, whose size and CONN_BODY_OVERHEAD_BYTES out has room for. */
void echo_feed_begin(struct conn *c);
void echo_body(struct conn *c, const char *at, size_t len);
void echo_feed_end(struct conn *c, bool is_last);

#endif
