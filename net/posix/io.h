/*
 * Receiving and sending with waiting, results as negative errno: what recv, read, readv and recvmsg
 * have in common. Not for applications.
 */
#ifndef NET_POSIX_IO_H
#define NET_POSIX_IO_H

#include "net/posix/call.h"

/* flags are MSG_*; info may be NULL. Like sock_recv otherwise, but waits where recv(2) does. */
ptrdiff_t posix_recv(int fd, void *buf, size_t len, int flags, struct sock_recv_info *info);

/* to may be NULL. On a blocking stream everything is sent, or the count so far, or the error. */
ptrdiff_t posix_send(int fd, const void *buf, size_t len, int flags, const struct sock_addr *to);

bool posix_is_stream(struct posix_env *env, int fd);

#endif
