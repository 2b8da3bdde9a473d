/*
 * What a server has, and the table of its clients: their slots, the buffers and time-outs that they
 * hold, and how one leaves. Knows no event and no request; the rest of the server stands on it.
 */
#ifndef HTTPD_TABLE_H
#define HTTPD_TABLE_H

#include "apps/httpd/buffers.h"
#include "apps/httpd/conn.h"
#include "apps/httpd/date.h"
#include "apps/httpd/timeouts.h"

enum {
    TABLE_OVERFLOW_COUNT = 16, /* clients beyond the cap, that are just being told 503 */
};

/* One connection with its socket. */
struct client {
    struct timeout timeout;
    struct conn conn;
    struct buffer *in;  /* bytes that wait for more input; NULL when there are none */
    struct buffer *out; /* bytes that wait for the client to read; NULL when there are none */
    struct client *next_free;
    uint32_t lingered_bytes;
    uint32_t interest; /* epoll's events, as last told */
    int fd;
    bool is_lingering;
    bool is_overflow;
};
static_assert(offsetof(struct client, timeout) == 0, "a timeout is cast to its client");

struct server {
    struct conn_env env;
    struct timeouts timeouts;
    struct buffers buffers;
    struct client *clients; /* owned; max + TABLE_OVERFLOW_COUNT of them */
    struct client *free_clients;
    size_t fresh;            /* slots from here on were never used */
    struct buffer *spare_in; /* where a client reads and writes that holds no buffer */
    struct buffer *spare_out;
    struct client *busy;  /* whose turn it is: nobody's need of a buffer closes that one */
    uint64_t moved_bytes; /* from clients and to them, ever */
    uint64_t now_ms;
    uint64_t accept_resume_ms; /* 0 while accepting */
    uint64_t date_due_ms;      /* when the date may be another */
    int64_t date_s;
    size_t max_connections;
    size_t overflow_used;
    int epoll_fd;
    int listen_fd;
    char date[DATE_BYTES];
};

/* Takes the memory for max clients and for so many buffers. False: there is not so much, and none
 * is taken. */
bool table_init(struct server *s, size_t max, size_t buffers);

/* Closes the clients that are in and gives the memory back. Fine for a table that has none. */
void table_destroy(struct server *s);

/* A slot, as its last client left it, for client_open(); NULL when the table is full. may_overflow:
 * one beyond the cap will do. */
struct client *client_alloc(struct server *s, bool may_overflow);

/* At once. What the socket has taken is still sent. The slot is free then. */
void client_close(struct server *s, struct client *c);

/* At once, and what was not sent is forgotten: for a client that takes nothing, which would keep
 * it in the stack's memory for as long again. It hears a RST, so it takes no part for the whole. */
void client_abort(struct server *s, struct client *c);

#endif
