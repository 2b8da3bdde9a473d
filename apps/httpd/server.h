/*
 * The server around the connections: listening socket, epoll, table of clients, time. One thread,
 * non-blocking throughout. All memory is taken at the start.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include "apps/httpd/buffers.h"
#include "apps/httpd/conn.h"
#include "apps/httpd/date.h"
#include "apps/httpd/options.h"
#include "apps/httpd/timeouts.h"

enum {
    SERVER_BACKLOG = 4096,         /* connections the stack may hold for accept() */
    SERVER_EVENTS_PER_TURN = 256,  /* taken from epoll at once */
    SERVER_ACCEPTS_PER_TURN = 64,  /* so that a flood does not starve those who are in */
    SERVER_EXPIRES_PER_TURN = 256, /* likewise, when many time out together */
    SERVER_ACCEPT_PAUSE_MS = 100,  /* after accept() failed for want of descriptors or memory */
    SERVER_OVERFLOW_COUNT = 16,    /* clients beyond the cap, that are just being told 503 */
    SERVER_LINGER_TIMEOUT_MS = 2000,
    SERVER_LINGER_MAX_BYTES = 256 * 1024, /* read and thrown away after our FIN */
    SERVER_MIN_CONNECTIONS = 16,          /* with memory for less, the server does not start */
    SERVER_CONNECTIONS_PER_BUFFER = 8,
    SERVER_MIN_BUFFERS = 16,
    CLIENT_ROUNDS_PER_TURN = 4, /* reads of a buffer each before others get their turn */
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

struct server {
    struct conn_env env;
    struct timeouts timeouts;
    struct buffers buffers;
    struct client *clients; /* owned; max + SERVER_OVERFLOW_COUNT of them */
    struct client *free_clients;
    size_t fresh;            /* slots from here on were never used */
    struct buffer *spare_in; /* where a client reads and writes that holds no buffer */
    struct buffer *spare_out;
    struct client *busy;  /* whose turn it is: nobody's need of a buffer closes that one */
    uint64_t moved_bytes; /* from clients and to them, ever */
    uint64_t now_ms;
    uint64_t accept_resume_ms; /* 0 while accepting */
    int64_t date_s;
    size_t max_connections;
    size_t overflow_used;
    int epoll_fd;
    int listen_fd;
    char date[DATE_BYTES];
};

/*
 * Takes all memory and listens. False when that cannot be, having said why on stderr. s is then
 * released.
 */
bool server_init(struct server *s, const struct options *o);

/* One turn: waits for something to do, does it. False when epoll itself fails: errno says why. */
bool server_turn(struct server *s);

/* Closes everything. For tests; a server on the metal never ends. */
void server_destroy(struct server *s);

/* The table of clients, for accept.c and client.c. NULL when full. */
struct client *server_client_alloc(struct server *s, bool may_overflow);
void server_client_free(struct server *s, struct client *c);

/* Accepts what waits, within bounds. */
void server_accept(struct server *s);

#endif
