/*
 * TCP_INFO and TCP_CONGESTION, for opt.c. Not for applications.
 */
#ifndef NET_POSIX_OPT_TCP_H
#define NET_POSIX_OPT_TCP_H

#include "net/posix/call.h"

/* fd is a socket; value and len are there. Cuts to *len, which becomes what was written.
 * -ENOPROTOOPT for every other name, and on UDP. */
int posix_get_opt_tcp(struct net *n, int fd, int name, void *value, socklen_t *len,
                      uint64_t now_ns);

/* -ENOPROTOOPT, -EFAULT, -EINVAL (empty), -ENOENT (no such algorithm). */
int posix_set_opt_tcp(struct net *n, int fd, int name, const void *value, socklen_t len,
                      uint64_t now_ns);

#endif
