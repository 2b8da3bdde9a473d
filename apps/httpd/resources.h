/*
 * What there is to be asked for: paths, methods and the responses. Pure.
 */
#ifndef HTTPD_RESOURCES_H
#define HTTPD_RESOURCES_H

#include "apps/httpd/exchange.h"
#include "apps/httpd/http_parse.h"

enum resource_id {
    RESOURCE_ROOT,
    RESOURCE_ECHO,
    RESOURCE_DISCARD,
    RESOURCE_HEADERS,
    RESOURCE_HEALTHZ,
    RESOURCE_STATS,
    RESOURCE_BYTES,
    RESOURCE_COUNT,
    RESOURCE_NONE = RESOURCE_COUNT,
};

enum {
    /* Every response but that of /headers fits, or its beginning does. */
    RESOURCE_ROOM_BYTES = 4 * 1024,
};

/*
 * Decides about a request: sets x->resource and x->allow, returns the status it deserves: 200, 204
 * (OPTIONS), 400, 404 or 405.
 */
unsigned resource_route(struct exchange *x, const struct request *r);

/*
 * Appends the response to the request, for which out has RESOURCE_ROOM_BYTES. head is the request's
 * head for /headers, which needs room for it besides, and unused by the rest. True when that was
 * all; else resource_continue() goes on.
 */
bool resource_respond(struct exchange *x, unsigned status, struct span head);

/* Appends what fits of the rest. True when that was all. */
bool resource_continue(struct exchange *x);

/*
 * Of what was last appended the last bytes were not sent. Returns how many of them can be
 * forgotten: resource_continue() makes them again.
 */
size_t resource_take_back(struct exchange *x, size_t unsent);

#endif
