/*
 * The life of a socket: open, bind, listen, accept, connect, shut down, close, names, readiness.
 * Each call finds the object, checks what only the socket layer knows (is it a socket, of which
 * kind, does it listen) and hands the rest to TCP or UDP, whose errors it passes on.
 * Errors follow POSIX.1-2017; where Linux differs docs/sockets.md says which was taken.
 */
#include "net/sock/sock.h"

#include <errno.h>

#include "net/core/core.h"
#include "net/sock/int.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

/* sock_find_inet, and it must be a stream: -EOPNOTSUPP. */
static struct sock *find_tcp(struct net *n, int fd, int *err)
{
    struct sock *s = sock_find_inet(n, fd, err);
    if (s != NULL && s->kind != SOCK_KIND_TCP) {
        *err = -EOPNOTSUPP;
        return NULL;
    }
    return s;
}

static bool open_transport(struct sock *s)
{
    if (s->kind == SOCK_KIND_TCP) {
        s->tcp = tcp_create(s->net, sock_notify, s);
        return s->tcp != NULL;
    }
    s->udp = udp_create(s->net, sock_notify, s);
    return s->udp != NULL;
}

int sock_open(struct net *n, enum sock_type type, uint64_t now_ns)
{
    net_enter(n, now_ns);
    assert(type == SOCK_TYPE_TCP || type == SOCK_TYPE_UDP);
    int err = 0;
    struct sock *s = sock_alloc(n, type == SOCK_TYPE_TCP ? SOCK_KIND_TCP : SOCK_KIND_UDP, &err);
    if (s == NULL) {
        return err;
    }
    if (!open_transport(s)) {
        NET_COUNT(n, sock_no_transport);
        sock_free(s);
        return -ENOBUFS;
    }
    NET_COUNT(n, sock_opened);
    return s->fd;
}

/* Tells the program around the stack that a service is there. */
static void tell_serving(struct net *n, const struct sock *s)
{
    struct net_event e = {.kind = NET_EVENT_SERVING, .is_tcp = s->kind == SOCK_KIND_TCP};
    if (e.is_tcp) {
        tcp_local(s->tcp, &e.address, &e.port);
    } else {
        udp_local(s->udp, &e.address, &e.port);
    }
    net_tell(n, &e);
}

int sock_bind(struct net *n, int fd, const struct sock_addr *a, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = sock_find_inet(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (s->kind == SOCK_KIND_TCP) {
        return tcp_bind(s->tcp, a->addr, a->port, s->reuse);
    }
    err = udp_bind(s->udp, a->addr, a->port, s->reuse);
    if (err == 0 && a->port != 0) { /* a port of its own choice is a client's */
        tell_serving(n, s);
    }
    return err;
}

int sock_listen(struct net *n, int fd, int backlog, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = find_tcp(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    /* As on Linux a negative backlog means as much as possible: TCP clamps it. */
    err = tcp_listen(s->tcp, (uint32_t)backlog);
    if (err == 0 && !s->listening) {
        s->listening = true;
        tell_serving(n, s);
    }
    return err;
}

static void peer_of(const struct tcp_cb *t, struct sock_addr *peer)
{
    if (peer != NULL && tcp_peer(t, &peer->addr, &peer->port) != 0) {
        peer->addr = 0; /* reset before it was accepted: POSIX leaves the address open */
        peer->port = 0;
    }
}

int sock_accept(struct net *n, int fd, struct sock_addr *peer, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *listener = find_tcp(n, fd, &err);
    if (listener == NULL) {
        return err;
    }
    if (!listener->listening) {
        return -EINVAL;
    }
    if (!(tcp_ready(listener->tcp) & NET_READY_IN)) {
        return -EAGAIN;
    }
    /* The descriptor first: a connection taken off the queue could not be put back. */
    struct sock *s = sock_alloc(n, SOCK_KIND_TCP, &err);
    if (s == NULL) {
        return err;
    }
    s->tcp = tcp_accept(listener->tcp, sock_notify, s);
    if (s->tcp == NULL) {
        sock_free(s);
        return -EAGAIN;
    }
    peer_of(s->tcp, peer);
    NET_COUNT(n, sock_accepted);
    return s->fd;
}

int sock_connect(struct net *n, int fd, const struct sock_addr *a, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = sock_find_inet(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (s->kind == SOCK_KIND_UDP) {
        return a == NULL ? udp_connect(s->udp, 0, 0) : udp_connect(s->udp, a->addr, a->port);
    }
    if (s->listening) {
        return -EISCONN;
    }
    if (a == NULL) {
        return -EINVAL; /* a stream's association cannot be dissolved */
    }
    return a->port == 0 ? -EADDRNOTAVAIL : tcp_connect(s->tcp, a->addr, a->port);
}

/* UDP keeps no direction but ours: reading ends once the queue is empty, sending is EPIPE. */
static int shutdown_udp(struct sock *s, uint32_t bits)
{
    struct sock_addr peer;
    int err = udp_peer(s->udp, &peer.addr, &peer.port);
    if (err < 0) {
        return err;
    }
    s->shut |= (uint8_t)bits;
    if (bits & TCP_SHUT_RD) {
        udp_shutdown_read(s->udp);
    }
    return 0;
}

int sock_shutdown(struct net *n, int fd, int how, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = sock_find_inet(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (how < 0 || how > 2) {
        return -EINVAL;
    }
    /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 are one less than the bits they mean. */
    uint32_t bits = (uint32_t)how + 1;
    static_assert(TCP_SHUT_RD == 1 && TCP_SHUT_WR == 2, "how + 1 is the set of directions");
    err = s->kind == SOCK_KIND_TCP ? tcp_shutdown(s->tcp, bits) : shutdown_udp(s, bits);
    if (err == 0) {
        sock_notify(s, sock_bits(s)); /* another task may wait in recv: that is over now */
    }
    return err;
}

/* Frees the object; the transport's pointer is dead afterwards. */
static void close_object(struct sock *s)
{
    NET_COUNT(s->net, sock_closed);
    switch (s->kind) {
    case SOCK_KIND_TCP:
        tcp_close(s->tcp);
        break;
    case SOCK_KIND_UDP:
        udp_close(s->udp);
        break;
    case SOCK_KIND_EPOLL:
        epoll_destroy(s->epoll);
        break;
    }
    sock_free(s);
}

int sock_close(struct net *n, int fd, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = sock_find(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    close_object(s);
    return 0;
}

/* Seconds a close must wait at most: SO_LINGER is on, and there is something that the peer has not
 * acknowledged. Unread data means a reset at once (RFC 2525 2.17), so nothing to wait for. */
static int linger_s(const struct sock *s)
{
    int seconds = 0;
    if (s->kind != SOCK_KIND_TCP || s->listening || tcp_readable_bytes(s->tcp) != 0 ||
        tcp_get_opt(s->tcp, TCP_OPT_LINGER_S, &seconds) != 0 || seconds <= 0) {
        return 0;
    }
    uint32_t addr;
    uint16_t port;
    return tcp_peer(s->tcp, &addr, &port) == 0 ? seconds : 0;
}

static bool drained(const struct sock *s)
{
    return tcp_drained(s->tcp) || (tcp_ready(s->tcp) & NET_READY_ERR) != 0;
}

int sock_close_begin(struct net *n, int fd, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = sock_find(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    int seconds = linger_s(s);
    if (seconds == 0 || tcp_shutdown(s->tcp, TCP_SHUT_WR) != 0 || drained(s)) {
        close_object(s);
        return 0;
    }
    sock_detach(s);
    s->closing = true;
    return seconds;
}

/* The object between sock_close_begin and sock_close_end: only that caller knows it still. */
static struct sock *find_closing(struct net *n, int fd)
{
    assert(fd >= SOCK_FD_FIRST && (uint32_t)(fd - SOCK_FD_FIRST) < n->socks.fd_count);
    struct sock *s = n->socks.by_fd[fd - SOCK_FD_FIRST];
    assert(s != NULL && s->closing);
    return s;
}

bool sock_close_drained(struct net *n, int fd)
{
    return drained(find_closing(n, fd));
}

void sock_close_end(struct net *n, int fd, uint64_t now_ns)
{
    net_enter(n, now_ns);
    close_object(find_closing(n, fd));
}

int sock_name(struct net *n, int fd, struct sock_addr *out)
{
    int err = 0;
    struct sock *s = sock_find_inet(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (s->kind == SOCK_KIND_TCP) {
        tcp_local(s->tcp, &out->addr, &out->port);
        return 0;
    }
    udp_local(s->udp, &out->addr, &out->port);
    return 0;
}

int sock_peer(struct net *n, int fd, struct sock_addr *out)
{
    int err = 0;
    struct sock *s = sock_find_inet(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (s->kind == SOCK_KIND_TCP) {
        return tcp_peer(s->tcp, &out->addr, &out->port);
    }
    return udp_peer(s->udp, &out->addr, &out->port);
}

int sock_ready(struct net *n, int fd)
{
    int err = 0;
    struct sock *s = sock_find(n, fd, &err);
    return s == NULL ? -EBADF : (int)sock_bits(s);
}
