/*
 * A client of the HTTP state machine without a socket: what it sends goes in as bytes, whatever
 * comes out is kept.
 */
#ifndef TESTS_UNIT_HTTP_PEER_H
#define TESTS_UNIT_HTTP_PEER_H

#include "apps/httpd/conn.h"

#define HOST "Host: a\r\n"

enum {
    IN_BYTES = 32 * 1024,
    ALL_BYTES = 4 * 1024 * 1024,
    PROGRAM_COUNTERS = 300,
};

/* A connection with buffers of the server's size, and everything it ever said. */
struct peer {
    struct conn_env env;
    struct conn conn;
    size_t buffers_free; /* what a request that would hold some is told */
    size_t rooms_asked;  /* how often one asked */
    size_t in_len;
    size_t all_len;
    char in[IN_BYTES];
    char out[IN_BYTES];
    char all[ALL_BYTES];
};

/* How often the program was asked for its next counter, by all peers. */
extern size_t peer_stats_asked;

/* From malloc; free() ends it. */
struct peer *peer_new(void);

/* As the server does it: process, send all, again while there is something to do without reading.
 */
void peer_run(struct peer *p);

void peer_send(struct peer *p, const char *text);
void peer_send_bytes(struct peer *p, const char *at, size_t len);

/* Adds to what was ever said. */
void peer_take(struct peer *p, const struct outbuf *o);

/* The body of the first response in all; sets its length. */
const char *first_body(const struct peer *p, size_t *len);
int first_status(const struct peer *p);
size_t count_of(const char *text, const char *word);

/* One request on a connection of its own: the status and what became of the connection. */
void check_request(const char *text, int status, enum conn_end end);

#endif
