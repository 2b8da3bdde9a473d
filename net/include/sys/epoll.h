/*
 * epoll as Linux has it (epoll(7)), on our own sockets. See sys/socket.h about the symbols.
 */
#ifndef RS_SYS_EPOLL_H
#define RS_SYS_EPOLL_H

#include <stdint.h>

#define EPOLL_CLOEXEC 0x80000

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

enum EPOLL_EVENTS {
    EPOLLIN = 0x001,
    EPOLLPRI = 0x002, /* never comes: no urgent data */
    EPOLLOUT = 0x004,
    EPOLLERR = 0x008,
    EPOLLHUP = 0x010,
    EPOLLRDNORM = 0x040,
    EPOLLWRNORM = 0x100,
    EPOLLRDHUP = 0x2000,
};
#define EPOLLEXCLUSIVE (1u << 28) /* EINVAL */
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

typedef union epoll_data {
    void *ptr;
    int fd;
    uint32_t u32;
    uint64_t u64;
} epoll_data_t;

struct epoll_event {
    uint32_t events;
    epoll_data_t data;
} __attribute__((packed));

int epoll_create(int size) __asm__("rs_epoll_create");
int epoll_create1(int flags) __asm__("rs_epoll_create1");
int epoll_ctl(int ep, int op, int fd, struct epoll_event *event) __asm__("rs_epoll_ctl");
int epoll_wait(int ep, struct epoll_event *events, int max,
               int timeout_ms) __asm__("rs_epoll_wait");

#endif
