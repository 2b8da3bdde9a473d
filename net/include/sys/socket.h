/*
 * Sockets as POSIX.1-2017 has them, on our own stack; numbers and layouts are those of Linux on
 * x86-64. docs/sockets.md says what each call supports.
 *
 * Each function's symbol carries the prefix rs_ (the __asm__ labels), so that a program that runs
 * our stack as a Linux process leaves libc its own names. On plain Linux this file is not used.
 */
#ifndef RS_SYS_SOCKET_H
#define RS_SYS_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "uio.h"

typedef uint32_t socklen_t;
typedef uint16_t sa_family_t;

#define AF_UNSPEC 0
#define AF_UNIX   1 /* socket(): EAFNOSUPPORT */
#define AF_INET   2
#define AF_INET6  10 /* socket(): EAFNOSUPPORT */
#define PF_UNSPEC AF_UNSPEC
#define PF_INET   AF_INET
#define PF_INET6  AF_INET6

#define SOCK_STREAM   1
#define SOCK_DGRAM    2
#define SOCK_RAW      3 /* socket(): EPROTONOSUPPORT */
#define SOCK_NONBLOCK 0x800
#define SOCK_CLOEXEC  0x80000 /* accepted; there is no exec */

#define SOMAXCONN 4096 /* the stack's limit of half-open connections clamps it */

#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2

#define MSG_OOB       0x1 /* not supported */
#define MSG_PEEK      0x2
#define MSG_DONTROUTE 0x4 /* not supported */
#define MSG_CTRUNC    0x8
#define MSG_TRUNC     0x20
#define MSG_DONTWAIT  0x40
#define MSG_EOR       0x80 /* not supported */
#define MSG_WAITALL   0x100
#define MSG_NOSIGNAL  0x4000 /* no signals exist: EPIPE is all there ever is */
#define MSG_MORE      0x8000

#define SOL_SOCKET    1
#define SO_DEBUG      1
#define SO_REUSEADDR  2
#define SO_TYPE       3
#define SO_ERROR      4
#define SO_DONTROUTE  5
#define SO_BROADCAST  6
#define SO_SNDBUF     7
#define SO_RCVBUF     8
#define SO_KEEPALIVE  9
#define SO_OOBINLINE  10
#define SO_LINGER     13
#define SO_REUSEPORT  15
#define SO_RCVLOWAT   18
#define SO_SNDLOWAT   19
#define SO_RCVTIMEO   20
#define SO_SNDTIMEO   21
#define SO_ACCEPTCONN 30
#define SO_PROTOCOL   38
#define SO_DOMAIN     39

struct sockaddr {
    sa_family_t sa_family;
    char sa_data[14];
};

struct sockaddr_storage {
    sa_family_t ss_family;
    char ss_padding[118];
    unsigned long ss_align;
};

struct linger {
    int l_onoff;
    int l_linger; /* seconds */
};

struct msghdr {
    void *msg_name;
    socklen_t msg_namelen;
    struct iovec *msg_iov;
    size_t msg_iovlen;
    void *msg_control; /* no ancillary data exists: sendmsg says EINVAL, recvmsg gives none */
    size_t msg_controllen;
    int msg_flags;
};

int socket(int domain, int type, int protocol) __asm__("rs_socket");
int bind(int fd, const struct sockaddr *addr, socklen_t len) __asm__("rs_bind");
int listen(int fd, int backlog) __asm__("rs_listen");
int accept(int fd, struct sockaddr *addr, socklen_t *len) __asm__("rs_accept");
int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags) __asm__("rs_accept4");
int connect(int fd, const struct sockaddr *addr, socklen_t len) __asm__("rs_connect");
int shutdown(int fd, int how) __asm__("rs_shutdown");
int getsockname(int fd, struct sockaddr *addr, socklen_t *len) __asm__("rs_getsockname");
int getpeername(int fd, struct sockaddr *addr, socklen_t *len) __asm__("rs_getpeername");

ssize_t recv(int fd, void *buf, size_t len, int flags) __asm__("rs_recv");
ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from,
                 socklen_t *from_len) __asm__("rs_recvfrom");
ssize_t recvmsg(int fd, struct msghdr *msg, int flags) __asm__("rs_recvmsg");
ssize_t send(int fd, const void *buf, size_t len, int flags) __asm__("rs_send");
ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len) __asm__("rs_sendto");
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags) __asm__("rs_sendmsg");

int setsockopt(int fd, int level, int name, const void *value,
               socklen_t len) __asm__("rs_setsockopt");
int getsockopt(int fd, int level, int name, void *value, socklen_t *len) __asm__("rs_getsockopt");

#endif
