/*
 * One client's turn: socket to state machine to socket.
 */
#ifndef HTTPD_CLIENT_H
#define HTTPD_CLIENT_H

#include "apps/httpd/server.h"

/* Takes over fd, already non-blocking. False when epoll will not have it; fd is then closed. */
bool client_open(struct server *s, struct client *c, int fd);

/* Does what can be done for c. It may be closed and free afterwards. */
void client_turn(struct server *s, struct client *c, uint32_t events);

/* The time-out c was armed with is due. */
void client_expire(struct server *s, struct client *c);

/* Answers 503 whatever comes, and closes. */
void client_refuse(struct server *s, struct client *c);

enum {
    CLIENT_SILENT_MS = 2000, /* in the middle of a body */
    /* In the middle of taking an answer. Short, for each of them holds a buffer: a crowd who asks
     * and does not read would have all of them, and renew them faster than they fall due. */
    CLIENT_STUCK_MS = 20,
    CLIENT_EVICTIONS_MAX = 8, /* for one buffer: bounds the work */
};

/* Closes the client that has been silent longest, CLIENT_SILENT_MS at least in the middle of a
 * body, CLIENT_STUCK_MS in that of taking an answer: when something ran out that somebody livelier
 * needs. False: there is none. Never except, which may be NULL. */
bool client_evict_silent(struct server *s, const struct client *except);

/* At once, without another byte. */
void client_close(struct server *s, struct client *c);

#endif
