/*
 * The adapter's socket options: Linux's levels, numbers and structures to the socket layer's names.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "tests/packetdrill/so/adapter.h"

#include "net/sock/sock.h"

/* net/posix/opt_tcp.c: TCP_INFO and TCP_CONGESTION. Declared here, for its header brings the
 * stack's own <sys/socket.h>. */
int posix_get_opt_tcp(struct net *n, int fd, int name, void *value, socklen_t *len,
                      uint64_t now_ns);
int posix_set_opt_tcp(struct net *n, int fd, int name, const void *value, socklen_t len,
                      uint64_t now_ns);

static const struct {
    int level, name;
    enum sock_opt opt;
} options[] = {
    {SOL_SOCKET, SO_REUSEADDR, SOCK_OPT_REUSEADDR},
    {SOL_SOCKET, SO_ERROR, SOCK_OPT_ERROR},
    {SOL_SOCKET, SO_SNDBUF, SOCK_OPT_SNDBUF},
    {SOL_SOCKET, SO_RCVBUF, SOCK_OPT_RCVBUF},
    {SOL_SOCKET, SO_KEEPALIVE, SOCK_OPT_KEEPALIVE},
    {IPPROTO_IP, IP_TOS, SOCK_OPT_TOS},
    {IPPROTO_IP, IP_TTL, SOCK_OPT_TTL},
    {IPPROTO_TCP, TCP_NODELAY, SOCK_OPT_NODELAY},
    {IPPROTO_TCP, TCP_MAXSEG, SOCK_OPT_MAXSEG},
    {IPPROTO_TCP, TCP_KEEPIDLE, SOCK_OPT_KEEPIDLE_S},
    {IPPROTO_TCP, TCP_KEEPINTVL, SOCK_OPT_KEEPINTVL_S},
    {IPPROTO_TCP, TCP_KEEPCNT, SOCK_OPT_KEEPCNT},
    {IPPROTO_TCP, TCP_CORK, SOCK_OPT_CORK},
    {IPPROTO_TCP, TCP_LINGER2, SOCK_OPT_LINGER2_S},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, SOCK_OPT_DEFER_ACCEPT_S},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, SOCK_OPT_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_QUICKACK, SOCK_OPT_QUICKACK},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, SOCK_OPT_USER_TIMEOUT_MS},
};

struct option_call {
    int fd, level, name;
    void *value;
    socklen_t *len;
};

static int find(const struct option_call *c)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (options[i].level == c->level && options[i].name == c->name) {
            return (int)i;
        }
    }
    return -1;
}

/* IP_MTU_DISCOVER: DF is always set here, and nobody compares it. */
static bool is_ignored(const struct option_call *c)
{
    return c->level == IPPROTO_IP && c->name == IP_MTU_DISCOVER;
}

/* How often SO_SNDBUF and SO_RCVBUF count what is given. */
static int factor(const struct pd *pd, int at)
{
    enum sock_opt opt = options[at].opt;
    bool buffer = opt == SOCK_OPT_SNDBUF || opt == SOCK_OPT_RCVBUF;
    return buffer && pd->flags.double_buffers ? 2 : 1;
}

/* A number; at the level of IP Linux takes one byte as well. */
static int value_of(const struct option_call *c, int *out)
{
    uint8_t byte;
    if (*c->len >= sizeof(*out)) {
        memcpy(out, c->value, sizeof(*out));
        return 0;
    }
    if (c->level != IPPROTO_IP || *c->len < sizeof(byte)) {
        return -EINVAL;
    }
    memcpy(&byte, c->value, sizeof(byte));
    *out = byte;
    return 0;
}

static bool is_linger(const struct option_call *c)
{
    return c->level == SOL_SOCKET && c->name == SO_LINGER;
}

static ssize_t try_set(struct pd *pd, void *args)
{
    struct option_call *c = args;
    int sock = pd_sock(pd, c->fd);
    int value = 0;
    if (is_linger(c) && *c->len >= sizeof(struct linger)) {
        struct linger l;
        memcpy(&l, c->value, sizeof(l));
        return sock_set_opt(pd->net, sock, SOCK_OPT_LINGER_S, l.l_onoff ? l.l_linger : -1,
                            pd->now_ns);
    }
    int at = find(c);
    if (at < 0 && c->level == IPPROTO_TCP) {
        return posix_set_opt_tcp(pd->net, sock, c->name, c->value, *c->len, pd->now_ns);
    }
    if (at < 0) {
        return is_ignored(c) ? 0 : -ENOPROTOOPT;
    }
    int err = value_of(c, &value);
    return err < 0 ? err
                   : sock_set_opt(pd->net, sock, options[at].opt, (int64_t)value * factor(pd, at),
                                  pd->now_ns);
}

static int pd_setsockopt(void *u, int fd, int level, int name, const void *value, socklen_t len)
{
    struct option_call c = {fd, level, name, (void *)(uintptr_t)value, &len};
    return (int)pd_run(u, try_set, &c, false, UINT64_MAX);
}

static ssize_t try_get(struct pd *pd, void *args)
{
    struct option_call *c = args;
    int sock = pd_sock(pd, c->fd);
    int64_t value = 0;
    if (is_linger(c) && *c->len >= sizeof(struct linger)) {
        int err = sock_get_opt(pd->net, sock, SOCK_OPT_LINGER_S, &value);
        struct linger l = {value >= 0, (int)(value >= 0 ? value : 0)};
        memcpy(c->value, &l, sizeof(l));
        return err;
    }
    int at = find(c);
    if (at < 0) {
        return c->level == IPPROTO_TCP
                   ? posix_get_opt_tcp(pd->net, sock, c->name, c->value, c->len, pd->now_ns)
                   : -ENOPROTOOPT;
    }
    int err = sock_get_opt(pd->net, sock, options[at].opt, &value);
    if (err == 0) {
        int out = (int)value;
        *c->len = (socklen_t)min_size(*c->len, sizeof(out));
        memcpy(c->value, &out, *c->len);
    }
    return err;
}

static int pd_getsockopt(void *u, int fd, int level, int name, void *value, socklen_t *len)
{
    struct option_call c = {fd, level, name, value, len};
    return (int)pd_run(u, try_get, &c, false, UINT64_MAX);
}

void pd_fill_options(struct pd_table *t)
{
    t->setsockopt = pd_setsockopt;
    t->getsockopt = pd_getsockopt;
}
