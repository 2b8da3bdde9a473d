/*
 * Bytes through sockets: sending and receiving on streams and datagrams. Copying is the
 * transport's; here are the flags and the differences between the two kinds.
 */
#include "net/sock/sock.h"

#include <errno.h>

#include "net/sock/int.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

static ptrdiff_t send_tcp(struct sock *s, const void *buf, size_t len, uint32_t flags)
{
    if (flags & ~(uint32_t)SOCK_MSG_MORE) {
        return -EOPNOTSUPP;
    }
    return tcp_send(s->tcp, buf, len, flags & SOCK_MSG_MORE ? TCP_SEND_MORE : 0);
}

static ptrdiff_t send_udp(struct sock *s, const void *buf, size_t len, uint32_t flags,
                          const struct sock_addr *to)
{
    if (flags != 0) {
        return -EOPNOTSUPP;
    }
    if (s->shut & TCP_SHUT_WR) {
        return -EPIPE;
    }
    if (to == NULL) {
        return udp_send(s->udp, buf, len, 0, 0);
    }
    if (to->port == 0) {
        return -EINVAL; /* RFC 768: port 0 is nobody's */
    }
    /* Address 0 would mean "the connected peer" to UDP; nobody can be reached at it. */
    return to->addr == 0 ? -ENETUNREACH : udp_send(s->udp, buf, len, to->addr, to->port);
}

ptrdiff_t sock_send(struct net *n, int fd, const void *buf, size_t len, uint32_t flags,
                    const struct sock_addr *to, uint64_t now_ns)
{
    net_enter(n, now_ns);
    struct sock *s = sock_find_stream(&n->socks, fd);
    if (likely(s != NULL)) {
        return send_tcp(s, buf, len, flags);
    }
    int err = 0;
    s = sock_find_inet(n, fd, &err);
    return s == NULL ? err : send_udp(s, buf, len, flags, to);
}

static ptrdiff_t recv_tcp(struct sock *s, void *buf, size_t len, uint32_t flags,
                          struct sock_recv_info *info)
{
    /* Linux discards a stream's bytes for MSG_TRUNC (tcp(7)): refused here, not ignored. */
    if (flags & ~(uint32_t)SOCK_MSG_PEEK) {
        return -EOPNOTSUPP;
    }
    if (s->listening) {
        return -ENOTCONN;
    }
    static_assert((int)SOCK_MSG_PEEK == (int)TCP_RECV_PEEK, "passed on as it is");
    ptrdiff_t got = tcp_recv(s->tcp, buf, len, flags);
    if (got > 0 && tcp_ready_to_read(s->tcp) == 0) {
        epoll_read_dry(s);
    }
    if (info != NULL && tcp_peer(s->tcp, &info->from.addr, &info->from.port) != 0) {
        info->from = (struct sock_addr){0};
    }
    return got;
}

static ptrdiff_t recv_udp(struct sock *s, void *buf, size_t len, uint32_t flags,
                          struct sock_recv_info *info)
{
    if (flags & ~(uint32_t)(SOCK_MSG_PEEK | SOCK_MSG_TRUNC)) {
        return -EOPNOTSUPP;
    }
    struct sock_addr from = {0};
    size_t full = 0;
    ptrdiff_t got =
        udp_recv(s->udp, buf, len, (flags & SOCK_MSG_PEEK) != 0, &from.addr, &from.port, &full);
    if (got < 0) {
        return got;
    }
    assert((size_t)got <= len && (size_t)got <= full);
    if (info != NULL) {
        info->from = from;
        info->cut = (size_t)got < full;
    }
    /* recv(2): MSG_TRUNC asks for the datagram's length, however little of it was copied. */
    return flags & SOCK_MSG_TRUNC ? (ptrdiff_t)full : got;
}

ptrdiff_t sock_recv(struct net *n, int fd, void *buf, size_t len, uint32_t flags,
                    struct sock_recv_info *info, uint64_t now_ns)
{
    net_enter(n, now_ns);
    if (info != NULL) {
        *info = (struct sock_recv_info){0};
    }
    struct sock *s = sock_find_stream(&n->socks, fd);
    if (likely(s != NULL)) {
        return recv_tcp(s, buf, len, flags, info);
    }
    int err = 0;
    s = sock_find_inet(n, fd, &err);
    return s == NULL ? err : recv_udp(s, buf, len, flags, info);
}

int sock_readable(struct net *n, int fd)
{
    int err = 0;
    struct sock *s = sock_find_inet(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (s->listening) {
        return -EINVAL;
    }
    /* FIONREAD tells of the next datagram alone (udp(7)), of a stream as a whole. */
    size_t bytes =
        s->kind == SOCK_KIND_TCP ? tcp_readable_bytes(s->tcp) : udp_readable_bytes(s->udp);
    return (int)min_size(bytes, INT32_MAX);
}
