/*
 * epoll without blocking (epoll(7)): instances are descriptors of the socket table. An instance
 * keeps an interest list and a list of those that may be ready; a collection looks at the second
 * only, so its cost does not grow with the number of idle connections. Same conventions as sock.h.
 *
 * Nesting is refused with -ELOOP. An interest ends when its descriptor is closed.
 */
#ifndef NET_SOCK_EPOLL_H
#define NET_SOCK_EPOLL_H

#include "kernel/base.h"
#include "net/core/ready.h"

struct net;

/* Values of epoll(7), beside the bits of enum net_ready. */
enum epoll_flag {
    EPOLL_FLAG_RDNORM = 0x040,       /* IN by another name */
    EPOLL_FLAG_WRNORM = 0x100,       /* OUT by another name */
    EPOLL_FLAG_EXCLUSIVE = 1u << 28, /* not supported: -EINVAL */
    EPOLL_FLAG_ONESHOT = 1u << 30,
};
#define EPOLL_FLAG_ET (UINT32_C(1) << 31) /* too large for an enum constant of ISO C */

enum epoll_op {
    EPOLL_OP_ADD = 1,
    EPOLL_OP_DEL = 2,
    EPOLL_OP_MOD = 3,
};

/* Layout of Linux's struct epoll_event on x86-64. */
struct epoll_report {
    uint32_t events;
    uint64_t data;
} __attribute__((packed));
static_assert(sizeof(struct epoll_report) == 12, "the user's array is filled in place");

/* A descriptor, or -EMFILE (no descriptor or no instance left), -ENFILE. */
int epoll_open(struct net *n, uint64_t now_ns);

/* want may be NULL for DEL. -EBADF (either one stale), -EINVAL (ep is no epoll, fd is ep, op or
 * flag unknown), -EPERM (the console), -ELOOP (fd is an epoll), -EEXIST, -ENOENT, -ENOSPC. */
int epoll_control(struct net *n, int ep, enum epoll_op op, int fd, const struct epoll_report *want);

/*
 * Fills out with what is ready now, the longest waiting first, at most max (> 0) entries; returns
 * how many. Level-triggered interests that were reported go to the end of the line, so that with a
 * small max every one gets its turn.
 */
int epoll_collect(struct net *n, int ep, struct epoll_report *out, int max);

#endif
