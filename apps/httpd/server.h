/*
 * The server around the connections: listening socket, epoll, time. One thread, non-blocking
 * throughout. All memory is taken at the start.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include "apps/httpd/options.h"
#include "apps/httpd/table.h"

enum {
    SERVER_BACKLOG = 4096,         /* connections the stack may hold for accept() */
    SERVER_EVENTS_PER_TURN = 256,  /* taken from epoll at once */
    SERVER_EXPIRES_PER_TURN = 256, /* so that the rest is not starved when many time out together */
    SERVER_LINGER_TIMEOUT_MS = 2000,
    SERVER_MIN_CONNECTIONS = 16, /* with memory for less, the server does not start */
    SERVER_CONNECTIONS_PER_BUFFER = 8,
    SERVER_MIN_BUFFERS = 16,
    /* What the memory of a machine of 16 MiB is to have room for: up to so many connections share
     * fewer buffers, down to a quarter, before there are fewer of them. */
    SERVER_SMALL_CONNECTIONS = 1024,
    SERVER_SMALL_SHARE = 4,
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

#endif
