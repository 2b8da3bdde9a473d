/*
 * One HTTP connection as a state machine over bytes: bytes in, bytes out, and what should happen to
 * the connection. Knows no socket, no clock and no memory but its caller's, so a test or a fuzzer
 * drives it like the server does. Follows RFC 9110 and RFC 9112.
 */
#ifndef HTTPD_CONN_H
#define HTTPD_CONN_H

#include "apps/httpd/exchange.h"
#include "apps/httpd/http_parse.h"

enum {
    /* The least that an empty output buffer must offer: the biggest head, echoed with one of ours.
     */
    CONN_OUT_MIN_BYTES = HEAD_MAX_BYTES + 2 * RESPONSE_ROOM_BYTES,
    /* What a feed of body bytes may cost beyond its size: a chunk's frame and the last chunk. */
    CONN_BODY_OVERHEAD_BYTES = 16,
    CONN_DISCARD_MAX_BYTES = 64 * 1024, /* of a body that its resource does not want; more is 413 */
    CONN_ECHO_BUFFERS = 2,              /* an echo is begun only while this many are free */
};

enum conn_state {
    CONN_HEAD, /* between requests, or in the middle of a head */
    CONN_BODY, /* taking a body: echoed, or discarded */
    CONN_PAGE, /* giving out a response piece by piece */
};

/* What is to become of the connection once all output is sent. */
enum conn_end {
    CONN_OPEN,
    CONN_CLOSE,
    CONN_LINGER, /* say FIN, then read what still comes, so that the response is not lost to a RST
                  */
};

/* What the connection waits for from its client: one time-out each. */
enum conn_phase {
    CONN_PHASE_IDLE,
    CONN_PHASE_HEAD,
    CONN_PHASE_BODY,
};

struct conn {
    struct exchange x; /* the running request's */
    struct http_parser parser;
    struct head_scan scan;
    size_t response_mark; /* where the running response began in x.out */
    uint8_t state;        /* enum conn_state */
    uint8_t end;          /* enum conn_end */
    bool is_echo;
    bool mark_valid;    /* the running response is still whole in x.out: it can be taken back */
    bool began;         /* a response to the running request was begun */
    bool awaiting_body; /* a whole head is in, and its first body byte is waited for */
    bool stalled;       /* could do more with the input at hand, had it room for output */
};

void conn_init(struct conn *c, struct conn_env *env);

/*
 * Takes input and appends output. in[0..len) begins with whatever the last call left unused. out
 * has CONN_OUT_MIN_BYTES in all, and should be empty but for what this connection put there.
 * Returns how many bytes were used. Stops when it needs more input, when out is too full
 * (c->stalled), or when c->end is no longer CONN_OPEN; all further input is then to be thrown away.
 */
size_t conn_input(struct conn *c, const char *in, size_t len, struct outbuf *out);

/*
 * The last bytes of what a call appended were not sent. Returns how many of them the caller may
 * forget: they are made again when they are asked for, so that nobody has to keep them.
 */
size_t conn_take_back(struct conn *c, size_t unsent);

/* The client will send no more; unused is what conn_input() left. Ends the connection. */
void conn_eof(struct conn *c, size_t unused, struct outbuf *out);

/* The client took too long in the present phase. Ends the connection. */
void conn_timeout(struct conn *c, size_t unused, struct outbuf *out);

/* No room for this connection, or for what conn_input() left unused: 503. Ends the connection. */
void conn_refuse(struct conn *c, struct outbuf *out);

/* unused: bytes that conn_input() left. */
static inline enum conn_phase conn_phase(const struct conn *c, size_t unused)
{
    if (c->state != CONN_HEAD || c->awaiting_body) {
        return CONN_PHASE_BODY;
    }
    return unused > 0 ? CONN_PHASE_HEAD : CONN_PHASE_IDLE;
}

/* True while an echo runs: it was promised an output buffer of its own until it ends, or fails. */
static inline bool conn_holds_buffer(const struct conn *c)
{
    return c->state == CONN_BODY && c->is_echo && c->end == CONN_OPEN;
}

/* The most that is worth reading at once: what is sure to be used up while a body passes through.
 */
static inline size_t conn_read_max(const struct conn *c, size_t capacity)
{
    return c->state == CONN_BODY ? capacity - CONN_BODY_OVERHEAD_BYTES : capacity;
}

#endif
