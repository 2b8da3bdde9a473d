/*
 * The adapter's calls that move bytes: every form of read and write comes down to one attempt over
 * a vector of buffers. Descriptors that are not ours (a pipe's) go to the C library.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "tests/packetdrill/so/adapter.h"

#include "net/sock/sock.h"

struct transfer {
    int fd;
    const struct iovec *iov;
    int count;
    uint32_t flags; /* enum sock_msg_flag */
    bool all;       /* MSG_WAITALL, or a blocking write: to the last byte */
    size_t done;    /* bytes */
    struct sock_addr peer;
};

/* The part of the vector that begins at byte `at`; false behind its end. */
static bool piece_at(const struct transfer *t, size_t at, uint8_t **base, size_t *len, bool *last)
{
    for (int i = 0; i < t->count; i++) {
        if (at < t->iov[i].iov_len) {
            *base = (uint8_t *)t->iov[i].iov_base + at;
            *len = t->iov[i].iov_len - at;
            *last = i == t->count - 1;
            return true;
        }
        at -= t->iov[i].iov_len;
    }
    return false;
}

/* What a transfer that can go no further says. */
static ssize_t outcome(const struct transfer *t, ssize_t err)
{
    if (err == -EAGAIN && (t->done == 0 || t->all)) {
        return -EAGAIN;
    }
    return t->done > 0 ? (ssize_t)t->done : err;
}

static ssize_t try_recv(struct pd *pd, void *args)
{
    struct transfer *t = args;
    struct sock_recv_info info = {0};
    uint8_t *base = NULL;
    size_t len = 0;
    bool last;
    bool peek = (t->flags & SOCK_MSG_PEEK) != 0;
    int sock = pd_sock(pd, t->fd);
    if (!piece_at(t, t->done, &base, &len, &last)) {
        return t->done > 0 ? (ssize_t)t->done
                           : sock_recv(pd->net, sock, "", 0, 0, NULL, pd->now_ns);
    }
    do {
        ssize_t n = sock_recv(pd->net, sock, base, len, t->flags, &info, pd->now_ns);
        if (n <= 0) {
            return outcome(t, n);
        }
        t->done += (size_t)n;
        t->peer = info.from;
    } while (!peek && piece_at(t, t->done, &base, &len, &last));
    return (ssize_t)t->done;
}

static ssize_t try_send(struct pd *pd, void *args)
{
    struct transfer *t = args;
    uint8_t *base = NULL;
    size_t len = 0;
    bool last;
    int sock = pd_sock(pd, t->fd);
    if (!piece_at(t, t->done, &base, &len, &last)) {
        return t->done > 0 ? (ssize_t)t->done
                           : sock_send(pd->net, sock, "", 0, 0, NULL, pd->now_ns);
    }
    do {
        /* One write is one thing to send: a vector's parts are not sent one by one. */
        uint32_t flags = t->flags | (last ? 0 : SOCK_MSG_MORE);
        ssize_t n = sock_send(pd->net, sock, base, len, flags, NULL, pd->now_ns);
        if (n < 0) {
            return outcome(t, n);
        }
        t->done += (size_t)n;
    } while (piece_at(t, t->done, &base, &len, &last));
    return (ssize_t)t->done;
}

/* The C library's calls look at the buffer only in the kernel, which says EFAULT. */
static bool buffers_good(const struct transfer *t)
{
    for (int i = 0; i < t->count; i++) {
        if (t->iov[i].iov_base == NULL && t->iov[i].iov_len > 0) {
            errno = EFAULT;
            return false;
        }
    }
    return true;
}

static ssize_t receive(struct pd *pd, struct transfer *t, int flags)
{
    if (!buffers_good(t)) {
        return -1;
    }
    if (flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_WAITALL | MSG_TRUNC)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    t->flags = (flags & MSG_PEEK) ? SOCK_MSG_PEEK : 0;
    t->all = (flags & MSG_WAITALL) != 0;
    bool block = pd_sock(pd, t->fd) >= 0 && !pd->fds[t->fd].nonblock && !(flags & MSG_DONTWAIT);
    return pd_run(pd, try_recv, t, block, UINT64_MAX);
}

static ssize_t transmit(struct pd *pd, struct transfer *t, int flags)
{
    if (!buffers_good(t)) {
        return -1;
    }
    if (flags & ~(MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    t->flags = (flags & MSG_MORE) ? SOCK_MSG_MORE : 0;
    bool block = pd_sock(pd, t->fd) >= 0 && !pd->fds[t->fd].nonblock && !(flags & MSG_DONTWAIT);
    bool is_main = pthread_equal(pthread_self(), pd->main_thread) != 0;
    t->all = block && !is_main;
    return pd_run(pd, try_send, t, block, UINT64_MAX);
}

static ssize_t pd_recv(void *u, int fd, void *buf, size_t len, int flags)
{
    struct iovec iov = {buf, len};
    struct transfer t = {.fd = fd, .iov = &iov, .count = 1};
    return receive(u, &t, flags);
}

static ssize_t pd_read(void *u, int fd, void *buf, size_t len)
{
    return pd_sock(u, fd) < 0 ? read(fd, buf, len) : pd_recv(u, fd, buf, len, 0);
}

static ssize_t pd_readv(void *u, int fd, const struct iovec *iov, int count)
{
    struct transfer t = {.fd = fd, .iov = iov, .count = count};
    return receive(u, &t, 0);
}

static ssize_t pd_recvfrom(void *u, int fd, void *buf, size_t len, int flags, struct sockaddr *a,
                           socklen_t *alen)
{
    struct iovec iov = {buf, len};
    struct transfer t = {.fd = fd, .iov = &iov, .count = 1};
    ssize_t n = receive(u, &t, flags);
    if (n >= 0 && a != NULL && alen != NULL) {
        struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_port = htons(t.peer.port),
                                 .sin_addr.s_addr = htonl(t.peer.addr)};
        memcpy(a, &in, min_size(*alen, sizeof(in)));
        *alen = sizeof(in);
    }
    return n;
}

static ssize_t pd_recvmsg(void *u, int fd, struct msghdr *m, int flags)
{
    struct transfer t = {.fd = fd, .iov = m->msg_iov, .count = (int)m->msg_iovlen};
    ssize_t n = receive(u, &t, flags);
    m->msg_controllen = 0;
    m->msg_flags = 0;
    return n;
}

static ssize_t pd_send(void *u, int fd, const void *buf, size_t len, int flags)
{
    struct iovec iov = {(void *)(uintptr_t)buf, len};
    struct transfer t = {.fd = fd, .iov = &iov, .count = 1};
    return transmit(u, &t, flags);
}

static ssize_t pd_write(void *u, int fd, const void *buf, size_t len)
{
    return pd_sock(u, fd) < 0 ? write(fd, buf, len) : pd_send(u, fd, buf, len, 0);
}

static ssize_t pd_writev(void *u, int fd, const struct iovec *iov, int count)
{
    struct transfer t = {.fd = fd, .iov = iov, .count = count};
    return transmit(u, &t, 0);
}

static ssize_t pd_sendto(void *u, int fd, const void *buf, size_t len, int flags,
                         const struct sockaddr *a, socklen_t alen)
{
    return pd_send(u, fd, buf, len, flags); /* TCP: the address is ignored (POSIX) */
}

static ssize_t pd_sendmsg(void *u, int fd, const struct msghdr *m, int flags)
{
    struct transfer t = {.fd = fd, .iov = m->msg_iov, .count = (int)m->msg_iovlen};
    return transmit(u, &t, flags);
}

void pd_fill_io(struct pd_table *t)
{
    t->read = pd_read;
    t->readv = pd_readv;
    t->recv = pd_recv;
    t->recvfrom = pd_recvfrom;
    t->recvmsg = pd_recvmsg;
    t->write = pd_write;
    t->writev = pd_writev;
    t->send = pd_send;
    t->sendto = pd_sendto;
    t->sendmsg = pd_sendmsg;
}
