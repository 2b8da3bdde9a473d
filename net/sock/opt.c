/*
 * Socket options, by the socket layer's own names; the POSIX levels, numbers and structures are
 * net/posix/opt.c's. An option lives where it is acted on: TCP's in its control block, the
 * time-outs and O_NONBLOCK here, where only the blocking layer reads them.
 */
#include "net/sock/sock.h"

#include <errno.h>

#include "net/sock/int.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

/* The TCP option behind one of ours, or -1. */
static int tcp_opt_of(enum sock_opt opt)
{
    static const struct {
        enum sock_opt opt;
        enum tcp_opt tcp;
    } pairs[] = {
        {SOCK_OPT_RCVBUF, TCP_OPT_RCVBUF},
        {SOCK_OPT_SNDBUF, TCP_OPT_SNDBUF},
        {SOCK_OPT_KEEPALIVE, TCP_OPT_KEEPALIVE},
        {SOCK_OPT_LINGER_S, TCP_OPT_LINGER_S},
        {SOCK_OPT_NODELAY, TCP_OPT_NODELAY},
        {SOCK_OPT_KEEPIDLE_S, TCP_OPT_KEEPIDLE_S},
        {SOCK_OPT_KEEPINTVL_S, TCP_OPT_KEEPINTVL_S},
        {SOCK_OPT_KEEPCNT, TCP_OPT_KEEPCNT},
        {SOCK_OPT_MAXSEG, TCP_OPT_MAXSEG},
        {SOCK_OPT_CORK, TCP_OPT_CORK},
        {SOCK_OPT_QUICKACK, TCP_OPT_QUICKACK},
        {SOCK_OPT_USER_TIMEOUT_MS, TCP_OPT_USER_TIMEOUT_MS},
        {SOCK_OPT_DEFER_ACCEPT_S, TCP_OPT_DEFER_ACCEPT_S},
        {SOCK_OPT_LINGER2_S, TCP_OPT_LINGER2_S},
        {SOCK_OPT_WINDOW_CLAMP, TCP_OPT_WINDOW_CLAMP},
        {SOCK_OPT_TOS, TCP_OPT_TOS},
        {SOCK_OPT_TTL, TCP_OPT_TTL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        if (pairs[i].opt == opt) {
            return (int)pairs[i].tcp;
        }
    }
    return -1;
}

/* What a datagram socket accepts for the sake of programs that set it on every socket. */
static bool udp_accepts(enum sock_opt opt)
{
    return opt == SOCK_OPT_RCVBUF || opt == SOCK_OPT_SNDBUF || opt == SOCK_OPT_KEEPALIVE ||
           opt == SOCK_OPT_LINGER_S;
}

static int set_udp(struct udp_cb *u, enum sock_opt opt, int64_t value)
{
    switch (opt) {
    case SOCK_OPT_TOS:
        return udp_set_tos(u, value);
    case SOCK_OPT_TTL:
        return udp_set_ttl(u, value);
    default:
        return udp_accepts(opt) ? 0 : -ENOPROTOOPT;
    }
}

static int set_transport(struct sock *s, enum sock_opt opt, int64_t value)
{
    int topt = tcp_opt_of(opt);
    if (topt < 0) {
        return -ENOPROTOOPT;
    }
    if (s->kind == SOCK_KIND_UDP) {
        return set_udp(s->udp, opt, value);
    }
    return value < INT32_MIN || value > INT32_MAX
               ? -EINVAL
               : tcp_set_opt(s->tcp, (enum tcp_opt)topt, (int)value);
}

/* A time-out lasts 0 (none) or more; what passes the end of the clock is for ever. */
static int set_timeout(uint64_t *at, int64_t value)
{
    if (value < 0) {
        return -EDOM; /* as Linux */
    }
    *at = (uint64_t)value;
    return 0;
}

int sock_set_opt(struct net *n, int fd, enum sock_opt opt, int64_t value, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = sock_find(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (opt == SOCK_OPT_NONBLOCK) {
        s->nonblock = value != 0; /* the one option that an epoll has, too */
        return 0;
    }
    if (s->kind == SOCK_KIND_EPOLL) {
        return -ENOTSOCK;
    }
    switch (opt) {
    case SOCK_OPT_REUSEADDR:
        s->reuse = value != 0;
        return 0;
    case SOCK_OPT_BROADCAST:
        s->broadcast = value != 0; /* a stream only remembers it, for getsockopt */
        if (s->kind == SOCK_KIND_UDP) {
            udp_allow_broadcast(s->udp, s->broadcast);
        }
        return 0;
    case SOCK_OPT_RECV_TIMEOUT_NS:
        return set_timeout(&s->recv_timeout_ns, value);
    case SOCK_OPT_SEND_TIMEOUT_NS:
        return set_timeout(&s->send_timeout_ns, value);
    default:
        return set_transport(s, opt, value);
    }
}

/* What a datagram socket answers: its queue is fixed, sending needs no buffer but one datagram's
 * packets. */
static int get_udp(const struct udp_cb *u, enum sock_opt opt, int64_t *value)
{
    switch (opt) {
    case SOCK_OPT_RCVBUF:
        *value = UDP_RCVBUF_BYTES;
        return 0;
    case SOCK_OPT_SNDBUF:
        *value = UDP_PAYLOAD_MAX_BYTES;
        return 0;
    case SOCK_OPT_KEEPALIVE:
        *value = 0;
        return 0;
    case SOCK_OPT_LINGER_S:
        *value = -1;
        return 0;
    case SOCK_OPT_TOS:
        *value = u->tos;
        return 0;
    case SOCK_OPT_TTL:
        *value = u->ttl != 0 ? u->ttl : IPV4_TTL;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int get_transport(struct sock *s, enum sock_opt opt, int64_t *value)
{
    if (s->kind == SOCK_KIND_UDP) {
        return get_udp(s->udp, opt, value);
    }
    int topt = tcp_opt_of(opt);
    int small = 0;
    int err = topt < 0 ? -ENOPROTOOPT : tcp_get_opt(s->tcp, (enum tcp_opt)topt, &small);
    *value = small;
    return err;
}

int sock_get_opt(struct net *n, int fd, enum sock_opt opt, int64_t *value)
{
    int err = 0;
    struct sock *s = sock_find(n, fd, &err);
    if (s == NULL) {
        return err;
    }
    *value = 0;
    if (opt == SOCK_OPT_NONBLOCK) {
        *value = s->nonblock;
        return 0;
    }
    if (s->kind == SOCK_KIND_EPOLL) {
        return -ENOTSOCK;
    }
    switch (opt) {
    case SOCK_OPT_REUSEADDR:
        *value = s->reuse;
        return 0;
    case SOCK_OPT_BROADCAST:
        *value = s->broadcast;
        return 0;
    case SOCK_OPT_ERROR:
        /* POSIX: to read it is to clear it. */
        *value = s->kind == SOCK_KIND_TCP ? tcp_take_error(s->tcp) : udp_take_error(s->udp);
        return 0;
    case SOCK_OPT_TYPE:
        *value = s->kind == SOCK_KIND_TCP ? SOCK_TYPE_TCP : SOCK_TYPE_UDP;
        return 0;
    case SOCK_OPT_LISTENING:
        *value = s->listening;
        return 0;
    case SOCK_OPT_RECV_TIMEOUT_NS:
        *value = (int64_t)s->recv_timeout_ns;
        return 0;
    case SOCK_OPT_SEND_TIMEOUT_NS:
        *value = (int64_t)s->send_timeout_ns;
        return 0;
    default:
        return get_transport(s, opt, value);
    }
}

/* A stream's control block, or NULL with *err. */
static struct tcp_cb *find_stream(struct net *n, int fd, int *err)
{
    struct sock *s = sock_find_inet(n, fd, err);
    if (s != NULL && s->kind != SOCK_KIND_TCP) {
        *err = -ENOPROTOOPT;
        return NULL;
    }
    return s != NULL ? s->tcp : NULL;
}

int sock_set_congestion(struct net *n, int fd, const char *name, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct tcp_cb *t = find_stream(n, fd, &err);
    return t != NULL ? tcp_set_congestion(t, name) : err;
}

int sock_get_congestion(struct net *n, int fd, const char **name)
{
    int err = 0;
    const struct tcp_cb *t = find_stream(n, fd, &err);
    if (t != NULL) {
        *name = tcp_congestion(t);
    }
    return err;
}

int sock_get_report(struct net *n, int fd, struct tcp_report *out, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    const struct tcp_cb *t = find_stream(n, fd, &err);
    if (t != NULL) {
        tcp_get_report(t, out);
    }
    return err;
}
