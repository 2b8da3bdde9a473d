/*
 * Connections that wait at the listening socket are let in, or told that there is no room.
 */
#ifndef HTTPD_ACCEPT_H
#define HTTPD_ACCEPT_H

#include "apps/httpd/table.h"

enum {
    ACCEPTS_PER_TURN = 64, /* so that a flood does not starve those who are in */
    ACCEPT_PAUSE_MS = 100, /* after accept() failed for want of descriptors or memory */
};

/* Accepts what waits, within bounds. A pause lasts until s->accept_resume_ms. */
void accept_clients(struct server *s);

#endif
