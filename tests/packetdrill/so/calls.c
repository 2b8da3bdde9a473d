/*
 * The adapter's calls that make, name and end sockets, and those that wait for them. A descriptor
 * is an eventfd of the kernel: packetdrill closes what a script leaves open with the C library.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/packetdrill/so/adapter.h"

#include "net/sock/epoll.h"
#include "net/sock/sock.h"

static ssize_t fail_with(int err)
{
    errno = err;
    return -1;
}

/* A token for a descriptor of the stack's, which may be an error. */
static int token(struct pd *pd, int sock, bool nonblock)
{
    if (sock < 0) {
        return sock;
    }
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0 || fd >= PD_FDS_MAX) {
        return -EMFILE;
    }
    pd->fds[fd].sock = sock;
    pd->fds[fd].nonblock = nonblock;
    if (pd->flags.quickack) {
        (void)sock_set_opt(pd->net, sock, SOCK_OPT_QUICKACK, 1,
                           pd->now_ns); /* epoll, UDP: not theirs */
    }
    return fd;
}

static struct sock_addr address_of(const struct sockaddr *a)
{
    struct sockaddr_in in;
    memcpy(&in, a, sizeof(in));
    return (struct sock_addr){.addr = ntohl(in.sin_addr.s_addr), .port = ntohs(in.sin_port)};
}

static void store_address(const struct sock_addr *from, struct sockaddr *a, socklen_t *len)
{
    if (a != NULL && len != NULL) {
        struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_port = htons(from->port),
                                 .sin_addr.s_addr = htonl(from->addr)};
        memcpy(a, &in, min_size(*len, sizeof(in)));
        *len = sizeof(in);
    }
}

struct call {
    int fd, number, type;
    struct sock_addr address;
    bool started;
};

static ssize_t try_socket(struct pd *pd, void *args)
{
    struct call *c = args;
    bool udp = (c->type & 0xf) == SOCK_DGRAM;
    int sock = sock_open(pd->net, udp ? SOCK_TYPE_UDP : SOCK_TYPE_TCP, pd->now_ns);
    return token(pd, sock, (c->type & SOCK_NONBLOCK) != 0);
}

static int pd_socket(void *u, int domain, int type, int protocol)
{
    struct call c = {.type = type};
    bool known = (type & 0xf) == SOCK_STREAM || (type & 0xf) == SOCK_DGRAM;
    if (domain != AF_INET || !known) {
        return (int)fail_with(domain != AF_INET ? EAFNOSUPPORT : EPROTONOSUPPORT);
    }
    return (int)pd_run(u, try_socket, &c, false, UINT64_MAX);
}

static ssize_t try_bind(struct pd *pd, void *args)
{
    struct call *c = args;
    return sock_bind(pd->net, pd_sock(pd, c->fd), &c->address, pd->now_ns);
}

static int pd_bind(void *u, int fd, const struct sockaddr *a, socklen_t len)
{
    if (len < sizeof(struct sockaddr_in)) {
        return (int)fail_with(EINVAL);
    }
    struct call c = {.fd = fd, .address = address_of(a)};
    return (int)pd_run(u, try_bind, &c, false, UINT64_MAX);
}

static ssize_t try_listen(struct pd *pd, void *args)
{
    struct call *c = args;
    return sock_listen(pd->net, pd_sock(pd, c->fd), c->number, pd->now_ns);
}

static int pd_listen(void *u, int fd, int backlog)
{
    struct call c = {.fd = fd, .number = backlog};
    return (int)pd_run(u, try_listen, &c, false, UINT64_MAX);
}

static ssize_t try_accept(struct pd *pd, void *args)
{
    struct call *c = args;
    return token(pd, sock_accept(pd->net, pd_sock(pd, c->fd), &c->address, pd->now_ns), false);
}

static bool blocks(const struct pd *pd, int fd)
{
    return pd_sock(pd, fd) >= 0 && !pd->fds[fd].nonblock;
}

static int pd_accept(void *u, int fd, struct sockaddr *a, socklen_t *len)
{
    struct call c = {.fd = fd};
    int made = (int)pd_run(u, try_accept, &c, blocks(u, fd), UINT64_MAX);
    if (made >= 0) {
        store_address(&c.address, a, len);
    }
    return made;
}

/* The first attempt sends the SYN; those after it look how it went. */
static ssize_t try_connect(struct pd *pd, void *args)
{
    struct call *c = args;
    int64_t error = 0;
    int sock = pd_sock(pd, c->fd);
    if (!c->started) {
        c->started = true;
        int err = sock_connect(pd->net, sock, &c->address, pd->now_ns);
        return err == -EINPROGRESS && blocks(pd, c->fd) ? -EAGAIN : err;
    }
    int ready = sock_ready(pd->net, sock);
    if (ready >= 0 && !(ready & (NET_READY_OUT | NET_READY_ERR | NET_READY_HUP))) {
        return -EAGAIN;
    }
    int err = sock_get_opt(pd->net, sock, SOCK_OPT_ERROR, &error);
    return err < 0 ? err : -error;
}

static int pd_connect(void *u, int fd, const struct sockaddr *a, socklen_t len)
{
    if (len < sizeof(struct sockaddr_in)) {
        return (int)fail_with(EINVAL);
    }
    struct call c = {.fd = fd, .address = address_of(a)};
    return (int)pd_run(u, try_connect, &c, blocks(u, fd), UINT64_MAX);
}

static ssize_t try_close(struct pd *pd, void *args)
{
    struct call *c = args;
    int sock = pd_sock(pd, c->fd);
    pd->fds[c->fd].sock = -1;
    close(c->fd);
    return sock_close(pd->net, sock, pd->now_ns);
}

static int pd_close(void *u, int fd)
{
    struct call c = {.fd = fd};
    return pd_sock(u, fd) < 0 ? close(fd) : (int)pd_run(u, try_close, &c, false, UINT64_MAX);
}

static ssize_t try_shutdown(struct pd *pd, void *args)
{
    struct call *c = args;
    return sock_shutdown(pd->net, pd_sock(pd, c->fd), c->number, pd->now_ns);
}

static int pd_shutdown(void *u, int fd, int how)
{
    struct call c = {.fd = fd, .number = how};
    return (int)pd_run(u, try_shutdown, &c, false, UINT64_MAX);
}

static int pd_fcntl(void *u, int fd, int command, ...)
{
    struct pd *pd = u;
    va_list ap;
    va_start(ap, command);
    int arg = va_arg(ap, int);
    va_end(ap);
    if (pd_sock(pd, fd) < 0) {
        return fcntl(fd, command, arg);
    }
    if (command == F_GETFL) {
        return O_RDWR | (pd->fds[fd].nonblock ? O_NONBLOCK : 0);
    }
    if (command != F_SETFL) {
        return (int)fail_with(EINVAL);
    }
    pd->fds[fd].nonblock = (arg & O_NONBLOCK) != 0;
    return 0;
}

static ssize_t try_readable(struct pd *pd, void *args)
{
    struct call *c = args;
    return sock_readable(pd->net, pd_sock(pd, c->fd));
}

static int pd_ioctl(void *u, int fd, unsigned long request, ...)
{
    struct pd *pd = u;
    struct call c = {.fd = fd};
    va_list ap;
    va_start(ap, request);
    int *out = va_arg(ap, int *);
    va_end(ap);
    if (pd_sock(pd, fd) < 0 || (request != FIONREAD && request != FIONBIO)) {
        return (int)fail_with(pd_sock(pd, fd) < 0 ? EBADF : EINVAL);
    }
    if (request == FIONBIO) {
        pd->fds[fd].nonblock = *out != 0;
        return 0;
    }
    ssize_t count = pd_run(pd, try_readable, &c, false, UINT64_MAX);
    if (count < 0) {
        return -1;
    }
    *out = (int)count;
    return 0;
}

struct poll_call {
    struct pollfd *fds;
    nfds_t count;
};

static ssize_t try_poll(struct pd *pd, void *args)
{
    struct poll_call *c = args;
    ssize_t ready = 0;
    for (nfds_t i = 0; i < c->count; i++) {
        struct pollfd *p = &c->fds[i];
        int bits = sock_ready(pd->net, pd_sock(pd, p->fd));
        p->revents = (short)(bits < 0 ? POLLNVAL : bits & (p->events | POLLERR | POLLHUP));
        ready += p->revents != 0;
    }
    return ready > 0 ? ready : -EAGAIN;
}

static uint64_t timeout_of(int ms)
{
    return ms < 0 ? UINT64_MAX : (uint64_t)ms * NS_PER_MS;
}

static int pd_poll(void *u, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct poll_call c = {fds, count};
    return (int)pd_run(u, try_poll, &c, true, timeout_of(timeout_ms));
}

static ssize_t try_epoll_create(struct pd *pd, void *args)
{
    return token(pd, epoll_open(pd->net, pd->now_ns), false);
}

static int pd_epoll_create(void *u, int size)
{
    return (int)pd_run(u, try_epoll_create, NULL, false, UINT64_MAX);
}

static int pd_epoll_ctl(void *u, int ep, int op, int fd, struct epoll_event *event)
{
    struct pd *pd = u;
    struct epoll_report want = {0};
    if (event != NULL) {
        want.events = event->events;
        want.data = event->data.u64;
    }
    pthread_mutex_lock(&pd->lock);
    int err = epoll_control(pd->net, pd_sock(pd, ep), (enum epoll_op)op, pd_sock(pd, fd),
                            event != NULL ? &want : NULL);
    pthread_mutex_unlock(&pd->lock);
    return err < 0 ? (int)fail_with(-err) : 0;
}

struct epoll_call {
    int ep, max;
    struct epoll_report *out;
};

static ssize_t try_epoll_wait(struct pd *pd, void *args)
{
    struct epoll_call *c = args;
    int count = epoll_collect(pd->net, pd_sock(pd, c->ep), c->out, c->max);
    return count == 0 ? -EAGAIN : count;
}

/* struct epoll_report has the layout of Linux's struct epoll_event on x86-64 (net/sock/epoll.h). */
static_assert(sizeof(struct epoll_report) == sizeof(struct epoll_event), "one layout");

static int pd_epoll_wait(void *u, int ep, struct epoll_event *events, int max, int timeout_ms)
{
    struct epoll_call c = {ep, max, (struct epoll_report *)(void *)events};
    return (int)pd_run(u, try_epoll_wait, &c, true, timeout_of(timeout_ms));
}

static int pd_pipe(void *u, int fds[2])
{
    return pipe(fds);
}

static int pd_splice(void *u, int in, loff_t *in_at, int out, loff_t *out_at, size_t len,
                     unsigned int flags)
{
    return (int)fail_with(EINVAL); /* sockets of ours cannot be spliced */
}

void pd_fill_calls(struct pd_table *t)
{
    t->socket = pd_socket;
    t->bind = pd_bind;
    t->listen = pd_listen;
    t->accept = pd_accept;
    t->connect = pd_connect;
    t->close = pd_close;
    t->shutdown = pd_shutdown;
    t->fcntl = pd_fcntl;
    t->ioctl = pd_ioctl;
    t->poll = pd_poll;
    t->epoll_create = pd_epoll_create;
    t->epoll_ctl = pd_epoll_ctl;
    t->epoll_wait = pd_epoll_wait;
    t->pipe = pd_pipe;
    t->splice = pd_splice;
}
