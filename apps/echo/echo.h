/*
 * The two halves of the echo service.
 */
#ifndef ECHO_ECHO_H
#define ECHO_ECHO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct echo_options {
    unsigned port;
    unsigned max_connections; /* TCP; the next one is closed at once */
    unsigned idle_timeout_s;  /* a TCP connection that sends nothing, or reads nothing, so long */
};

/* Any address of ours, the given port. */
struct sockaddr_in echo_address(const struct echo_options *o);

/* Says "echo: WHAT: the reason in errno" on stderr. Always false. */
bool echo_fail(const char *what);

/* Binds and starts a thread that answers every datagram. False when that failed, having said why.
 */
bool echo_udp_start(const struct echo_options *o);

/* Accepts for ever. Returns false when that is impossible, having said why. */
bool echo_tcp_run(const struct echo_options *o);

#endif
