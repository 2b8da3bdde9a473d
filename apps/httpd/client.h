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

/* At once. What the socket has taken is still sent. */
void client_close(struct server *s, struct client *c);

/* At once, and what was not sent is forgotten: for a client that takes nothing, who would keep it
 * in the stack's memory for as long again. It hears a RST, so it takes no part for the whole. */
void client_abort(struct server *s, struct client *c);

#endif
