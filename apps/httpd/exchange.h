/*
 * A request and its response while they run: what the state machine of a connection (conn.h) and
 * the resources share. What frames a request, and what becomes of the connection, is not here.
 */
#ifndef HTTPD_EXCHANGE_H
#define HTTPD_EXCHANGE_H

#include "apps/httpd/counters.h"
#include "apps/httpd/outbuf.h"
#include "apps/httpd/response.h"

enum {
    EXCHANGE_KEPT_COUNT = 7,       /* a resource has at most one */
    EXCHANGE_KEPT_MAX_BYTES = 252, /* a longer one is not kept */
};

/* A response that is the same for many requests, until the date changes: the head, and the body
 * where it is a short one. */
struct kept_response {
    uint16_t len; /* 0: to be made anew */
    bool body_apart;
    char text[EXCHANGE_KEPT_MAX_BYTES];
};

/* What all connections of a server share. The server keeps it up to date between calls. */
struct conn_env {
    struct counters counters;
    const char *date; /* for the Date field, or NULL; see exchange_set_date() */
    struct kept_response kept[EXCHANGE_KEPT_COUNT];
    /* A request that would hold buffers asks here first, and no other does: true when so many are
     * free, if need be by the closing of other connections. */
    bool (*make_room)(struct conn_env *env, size_t buffers);
    bool (*stats)(struct stats_iter *it, struct stats_entry *out); /* the program's counters */
};

struct exchange {
    struct conn_env *env;    /* borrowed */
    struct outbuf *out;      /* borrowed, during a call of the state machine only */
    size_t chunk_start;      /* of the chunk being filled in out */
    uint64_t bytes_at;       /* of /bytes/N: the next to be given out */
    uint64_t bytes_end;      /* N */
    uint64_t discarded;      /* bytes of the running body thrown away so far */
    struct stats_iter stats; /* of /stats, behind the server's own counters: the program's next */
    uint32_t stats_own;      /* the server's next */
    uint32_t page_bytes;     /* at the end of out that can be made again: resource_take_back() */
    uint16_t status;         /* of the response that waits for the end of the body; 0 for none */
    uint8_t resource;        /* enum resource_id */
    uint8_t allow;           /* methods for an Allow field; 0 for none */
    bool http10;
    bool head_only; /* HEAD: a response without its body */
    bool keep_alive;
    bool swallows;   /* /discard: a body of any size is taken, and its count is the response */
    bool is_chunked; /* the body in, and so an echo's body out */
};

/* date, borrowed, says something else from now on: no response with the old one is sent any more.
 */
void exchange_set_date(struct conn_env *env, const char *date);

/* The fields that every response to the request shares; counts the response. */
struct response exchange_response(const struct exchange *x, unsigned status);

#endif
