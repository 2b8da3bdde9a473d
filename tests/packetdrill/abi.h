/*
 * What packetdrill asks of a library that it loads with --so_filename: one function that fills a
 * table of 33 pointers. There is no version and no size: the order of the slots is the contract, so
 * they are declared here in our own words, and their number is asserted. For tests only.
 */
#ifndef TESTS_PACKETDRILL_ABI_H
#define TESTS_PACKETDRILL_ABI_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Each takes userdata first; results and errno are POSIX's. */
struct pd_table {
    void *userdata;
    void (*free)(void *u);
    int (*socket)(void *u, int domain, int type, int protocol);
    int (*bind)(void *u, int fd, const struct sockaddr *a, socklen_t len);
    int (*listen)(void *u, int fd, int backlog);
    int (*accept)(void *u, int fd, struct sockaddr *a, socklen_t *len);
    int (*connect)(void *u, int fd, const struct sockaddr *a, socklen_t len);
    ssize_t (*read)(void *u, int fd, void *buf, size_t len);
    ssize_t (*readv)(void *u, int fd, const struct iovec *iov, int count);
    ssize_t (*recv)(void *u, int fd, void *buf, size_t len, int flags);
    ssize_t (*recvfrom)(void *u, int fd, void *buf, size_t len, int flags, struct sockaddr *a,
                        socklen_t *alen);
    ssize_t (*recvmsg)(void *u, int fd, struct msghdr *m, int flags);
    ssize_t (*write)(void *u, int fd, const void *buf, size_t len);
    ssize_t (*writev)(void *u, int fd, const struct iovec *iov, int count);
    ssize_t (*send)(void *u, int fd, const void *buf, size_t len, int flags);
    ssize_t (*sendto)(void *u, int fd, const void *buf, size_t len, int flags,
                      const struct sockaddr *a, socklen_t alen);
    ssize_t (*sendmsg)(void *u, int fd, const struct msghdr *m, int flags);
    int (*fcntl)(void *u, int fd, int command, ...);
    int (*ioctl)(void *u, int fd, unsigned long request, ...);
    int (*close)(void *u, int fd);
    int (*shutdown)(void *u, int fd, int how);
    int (*getsockopt)(void *u, int fd, int level, int name, void *value, socklen_t *len);
    int (*setsockopt)(void *u, int fd, int level, int name, const void *value, socklen_t len);
    int (*poll)(void *u, struct pollfd *fds, nfds_t count, int timeout_ms);
    /* A bare IPv4 packet into the stack: 0 or -1. */
    int (*netdev_send)(void *u, const void *buf, size_t len);
    /* The next packet that the stack sent: 0 or -1. *len is the buffer's size, then the packet's; 0
     * when none came. *time_us is on the clock of gettimeofday. */
    int (*netdev_receive)(void *u, void *buf, size_t *len, long long *time_us);
    int (*usleep)(void *u, useconds_t us);
    int (*gettimeofday)(void *u, struct timeval *tv, void *zone);
    int (*epoll_create)(void *u, int size);
    int (*epoll_ctl)(void *u, int ep, int op, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *u, int ep, struct epoll_event *events, int max, int timeout_ms);
    int (*pipe)(void *u, int fds[2]);
    int (*splice)(void *u, int in, loff_t *in_at, int out, loff_t *out_at, size_t len,
                  unsigned int flags);
};
_Static_assert(sizeof(struct pd_table) == 33 * sizeof(void *), "33 slots on x86-64");

/* flags is the text of --so_flags (docs/testing.md); a wrong one ends the program with a message.
 */
void packetdrill_interface_init(const char *flags, struct pd_table *table);

#endif
