/*
 * Finds the end of a request head and checks it byte by byte: what a line may hold, how long it may
 * be, how many there may be. What the fields mean is fields.h. Pure, and resumable: bytes looked at
 * once are not looked at again. Follows RFC 9112, sections 2 to 5.
 */
#ifndef HTTPD_HEAD_H
#define HTTPD_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apps/httpd/fields.h"

enum {
    HEAD_EMPTY_LINES_MAX = 8,          /* before a request line; more is 400 */
    HEAD_METHOD_MAX_BYTES = 32,        /* no method is as long; longer is 501 */
    HEAD_LINE_MAX_BYTES = 8 * 1024,    /* the request line with its CRLF; longer is 414 */
    HEAD_FIELDS_MAX_BYTES = 16 * 1024, /* all field lines with their CRLFs; more is 431 */
    HEAD_FIELDS_MAX_COUNT = 100,       /* more is 431 */
    HEAD_MAX_BYTES = HEAD_LINE_MAX_BYTES + HEAD_FIELDS_MAX_BYTES + 2,
};

/* Bits, so that a resource can say which it allows. */
enum method {
    METHOD_GET = 1 << 0,
    METHOD_HEAD = 1 << 1,
    METHOD_POST = 1 << 2,
    METHOD_PUT = 1 << 3,
    METHOD_OPTIONS = 1 << 4,
    METHOD_OTHER = 1 << 5, /* known to RFC 9110 or 5789, allowed on no resource here: 405 */
};

/* All zero is the start of a request. Offsets are from the first byte of the head. */
struct head_scan {
    uint32_t pos;          /* bytes looked at; the length of the head once done */
    uint32_t line_start;   /* where the unfinished line begins */
    uint32_t fields_start; /* behind the request line; 0 before */
    uint32_t field_count;
    uint32_t target_offset;
    uint32_t target_len;
    uint32_t path_len;   /* of the target, up to the first byte that can be in no path */
    uint8_t method;      /* enum method; 0 before its end, and when it is unknown */
    uint8_t part;        /* of the request line: the one that h->pos is in */
    uint8_t empty_lines; /* that came before */
    bool http10;
    bool done;
    struct fields fields;
};

enum head_result {
    HEAD_MORE = 0, /* not complete yet */
    HEAD_DONE = 1,
    /* anything from 400 up: the status to answer with; framing is lost */
};

/*
 * Looks at in[0..len), whose first h->pos bytes are those of the last call. Returns enum
 * head_result or a status: 400, 414, 431, 501 or 505. A request line is judged at the first byte
 * that cannot belong to one: a client that does not speak HTTP need not be waited for.
 */
int head_scan(struct head_scan *h, const char *in, size_t len);

#endif
