/*
 * The server's own counters, from one list. Shown on /stats before those of the program.
 */
#ifndef HTTPD_COUNTERS_H
#define HTTPD_COUNTERS_H

#include "kernel/include/ringside/stats.h"

/* name, help. The first group are levels: they fall back when the load is gone. */
#define HTTPD_COUNTERS(X)                                                                \
    X(connections, "Connections open now")                                               \
    X(buffers_used, "Buffers held by connections now")                                   \
    X(connections_max, "Connections there is room for")                                  \
    X(buffers_max, "Buffers there are")                                                  \
    X(accepted, "Connections accepted")                                                  \
    X(accept_errors, "accept() calls that failed for want of resources")                 \
    X(refused_full, "Connections answered 503 because the table was full")               \
    X(refused_closed, "Connections closed unanswered because the table was full")        \
    X(evicted_idle, "Idle connections closed to make room for new ones")                 \
    X(evicted_head, "Connections closed in the middle of a head, for others")            \
    X(evicted_silent, "Connections closed in the middle of a body, silent, for others")  \
    X(evicted_linger, "Answered connections closed before their client did, for others") \
    X(refused_buffers, "Requests refused because no buffer was free")                    \
    X(requests, "Requests whose head was complete and well-formed")                      \
    X(responses_2xx, "Responses with a status from 200 to 299")                          \
    X(responses_4xx, "Responses with a status from 400 to 499")                          \
    X(responses_5xx, "Responses with a status from 500 to 599")                          \
    X(echo_bytes, "Body bytes sent back by /echo")                                       \
    X(timeouts_idle, "Connections closed because they were idle")                        \
    X(timeouts_head, "Connections closed because a head took too long")                  \
    X(timeouts_body, "Connections closed because a body stalled")                        \
    X(timeouts_write, "Connections closed because the client did not read")              \
    X(timeouts_linger, "Connections closed because the client did not close")            \
    X(socket_errors, "Connections that ended with an error from the network")

struct counters {
#define HTTPD_COUNTER_FIELD(name, help) uint64_t name;
    HTTPD_COUNTERS(HTTPD_COUNTER_FIELD)
#undef HTTPD_COUNTER_FIELD
};

/* The n-th counter, its name with the prefix "httpd_". False behind the last. */
bool counters_get(const struct counters *c, size_t n, struct stats_entry *out);

#endif
