/*
 * What there is to be asked for: paths, methods and the responses. Pure.
 */
#ifndef HTTPD_RESOURCES_H
#define HTTPD_RESOURCES_H

#include "apps/httpd/conn.h"

enum resource_id {
    RESOURCE_ROOT,
    RESOURCE_ECHO,
    RESOURCE_HEADERS,
    RESOURCE_HEALTHZ,
    RESOURCE_STATS,
    RESOURCE_BYTES,
    RESOURCE_COUNT,
    RESOURCE_NONE = RESOURCE_COUNT,
};

#define BYTES_PAGE_MAX ((uint64_t)1 << 40) /* more than anybody waits for */

/*
 * Decides about a request: sets c->resource and c->allow, returns the status it deserves: 200, 204
 * (OPTIONS), 400, 404 or 405.
 */
unsigned resource_route(struct conn *c, const struct request *r);

/*
 * Appends the response to the running request. head is the request's head for /headers, and unused
 * by the rest. /stats only begins here: stats_page_continue() goes on.
 */
void resource_respond(struct conn *c, unsigned status, struct span head);

/* Gives out what fits of /stats. True when that was all. */
bool stats_page_continue(struct conn *c);

/*
 * The count in /bytes/COUNT: decimal digits, at most BYTES_PAGE_MAX. False: there is no such
 * resource. bytes_page_continue() gives out what fits from c->bytes_at on; true when that was all.
 */
bool bytes_page_count(struct span digits, uint64_t *count);
bool bytes_page_continue(struct conn *c);

#endif
