/*
 * Who gives way when there is no place, or no buffer, for somebody livelier.
 */
#ifndef HTTPD_EVICT_H
#define HTTPD_EVICT_H

#include "apps/httpd/table.h"

enum {
    /* In the middle of a body or of taking an answer, without a byte of it, or since a head began:
     * more than a round trip over any network. A place is what every newcomer needs, so these are
     * the sooner to go... */
    EVICT_PLACE_MS = 1000,
    /* ... while a buffer is what few need, and they are told to try again. */
    EVICT_BUFFER_MS = 2000,
    /* Answered, and only waited for so that the answer is not lost to a RST. */
    EVICT_LINGER_MS = 500,
    EVICTIONS_MAX = 8, /* at once: bounds the work */
};

/* Closes a connection to have its place: one that has been idle, else one that has its answer, else
 * one that has been silent, else one that has been long at a head, else the longest idle, or the
 * longest at a head, even so. False: there is none. */
bool evict_for_place(struct server *s);

/* Closes connections until so many buffers are free: heads that are not complete, the longest at it
 * first, then who has been silent and holds one. False: there are not enough of them. Never except.
 */
bool evict_for_buffers(struct server *s, const struct client *except, size_t buffers);

#endif
