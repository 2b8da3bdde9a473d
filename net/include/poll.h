/*
 * poll() as POSIX has it, on our own sockets. See sys/socket.h about the symbols.
 */
#ifndef RS_POLL_H
#define RS_POLL_H

#define POLLIN     0x001
#define POLLPRI    0x002 /* never comes: no urgent data */
#define POLLOUT    0x004
#define POLLERR    0x008
#define POLLHUP    0x010
#define POLLNVAL   0x020
#define POLLRDNORM 0x040
#define POLLWRNORM 0x100
#define POLLRDHUP  0x2000

typedef unsigned long nfds_t;

struct pollfd {
    int fd;
    short events;
    short revents;
};

int poll(struct pollfd *fds, nfds_t count, int timeout_ms) __asm__("rs_poll");

#endif
