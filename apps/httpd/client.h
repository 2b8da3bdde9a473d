/*
 * One client's turn: socket to state machine to socket.
 */
#ifndef HTTPD_CLIENT_H
#define HTTPD_CLIENT_H

#include "apps/httpd/table.h"

enum {
    CLIENT_ROUNDS_PER_TURN = 4,           /* reads of a buffer each before others get their turn */
    CLIENT_LINGER_MAX_BYTES = 256 * 1024, /* read and thrown away after our FIN */
};

/* Takes over fd, already non-blocking. False when epoll will not have it; fd is then closed. */
bool client_open(struct server *s, struct client *c, int fd);

/* Does what can be done for c. It may be closed and free afterwards. */
void client_turn(struct server *s, struct client *c, uint32_t events);

/* The time-out c was armed with is due. */
void client_expire(struct server *s, struct client *c);

/* Answers 503 whatever comes, and closes. */
void client_refuse(struct server *s, struct client *c);

#endif
