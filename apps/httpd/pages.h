/*
 * The resources whose bodies are made while they are sent, as much at a time as there is room for.
 */
#ifndef HTTPD_PAGES_H
#define HTTPD_PAGES_H

#include "apps/httpd/exchange.h"

#define BYTES_PAGE_MAX ((uint64_t)1 << 40) /* more than anybody waits for */

/* Gives out what fits of /stats. True when that was all. */
bool stats_page_continue(struct exchange *x);

/*
 * The count in /bytes/COUNT: decimal digits, at most BYTES_PAGE_MAX. False: there is no such
 * resource. bytes_page_continue() gives out what fits from x->bytes_at on; true when that was all.
 */
bool bytes_page_count(struct span digits, uint64_t *count);
bool bytes_page_continue(struct exchange *x);

#endif
