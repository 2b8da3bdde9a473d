/*
 * The fields of a request that this server acts on, evaluated line by line as the head is read:
 * Host, Connection, Content-Length, Transfer-Encoding, Expect, Content-Type. All others are checked
 * byte by byte by head.c and otherwise ignored. Pure. Follows RFC 9110 and RFC 9112.
 */
#ifndef HTTPD_FIELDS_H
#define HTTPD_FIELDS_H

#include <stdint.h>

#include "apps/httpd/span.h"

/* Transfer-Encoding (RFC 9112, 6.1), all its lines together. */
enum encoding {
    ENCODING_NONE,
    ENCODING_CHUNKED,       /* chunked and nothing else */
    ENCODING_OTHER_CHUNKED, /* chunked on top of others: framed, but nobody here can undo them */
    ENCODING_OTHER,         /* chunked is not the last: the end of the body cannot be known */
};

/* All zero is a head without fields. */
struct fields {
    uint64_t length;  /* when has_length */
    uint32_t type_at; /* Content-Type's value in the head, when has_type */
    uint32_t type_len;
    uint8_t encoding; /* enum encoding */
    bool has_host;
    bool has_length;
    bool has_type;
    bool close;      /* Connection: close */
    bool keep_alive; /* Connection: keep-alive */
    bool expects_continue;
    bool expects_other; /* an expectation nobody here can meet */
};

/*
 * Takes one field line; value is trimmed, and its first byte is the value_at-th of the head. False:
 * the field is known and its value, or a second one, makes the message a faulty one: 400.
 */
bool fields_take(struct fields *f, struct span name, struct span value, uint32_t value_at);

/*
 * The next element of a comma-separated list (RFC 9110, 5.6.1): white space around elements and
 * empty ones are passed over, a comma in a quoted string separates nothing. False at the end.
 */
bool list_next(struct span *rest, struct span *element);

#endif
