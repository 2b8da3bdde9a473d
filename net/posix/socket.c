/*
 * The life of a descriptor in POSIX terms: socket, bind, listen, accept, connect, shutdown, names,
 * close. Checks what the user handed in, waits where POSIX waits; the rest is net/sock/call.c's.
 */
#include "net/include/sys/socket.h"

#include <errno.h>

#include "net/include/netinet/in.h"
#include "net/include/unistd.h"
#include "net/posix/call.h"

enum {
    SOCKET_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC,
};

static void set_nonblock(struct posix_env *env, int fd)
{
    int err = sock_set_opt(env->net, fd, SOCK_OPT_NONBLOCK, 1, env->now_ns());
    assert(err == 0);
}

/* The kind of a socket() call, or a negative errno. */
static int socket_kind(int domain, int type, int protocol)
{
    if (domain != AF_INET) {
        return -EAFNOSUPPORT;
    }
    if (type < 0 || type > SOCK_RAW) {
        return -EINVAL;
    }
    if (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP)) {
        return SOCK_TYPE_TCP;
    }
    if (type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP)) {
        return SOCK_TYPE_UDP;
    }
    return -EPROTONOSUPPORT;
}

int socket(int domain, int type, int protocol)
{
    struct posix_env *env = posix_env_get();
    int kind = socket_kind(domain, type & ~SOCKET_FLAGS, protocol);
    if (kind < 0) {
        return (int)posix_result(kind);
    }
    int fd = sock_open(env->net, (enum sock_type)kind, env->now_ns());
    if (fd >= 0 && (type & SOCK_NONBLOCK)) {
        set_nonblock(env, fd);
    }
    return (int)posix_result(fd);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct posix_env *env = posix_env_get();
    struct sock_addr a;
    int err = posix_addr_in(env, fd, addr, len, &a);
    return (int)posix_result(err != 0 ? err : sock_bind(env->net, fd, &a, env->now_ns()));
}

int listen(int fd, int backlog)
{
    struct posix_env *env = posix_env_get();
    return (int)posix_result(sock_listen(env->net, fd, backlog, env->now_ns()));
}

static int accept_wait(int fd, struct sock_addr *peer)
{
    struct posix_op op = posix_op_recv(fd, 0);
    posix_count_call(op.env, POSIX_CALL_WEIGHT);
    for (;;) {
        int r = sock_accept(op.env->net, fd, peer, op.env->now_ns());
        if (r != -EAGAIN) {
            return r;
        }
        int err = posix_block(&op);
        if (err != 0) {
            return err;
        }
    }
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    if (flags & ~SOCKET_FLAGS) {
        return (int)posix_result(-EINVAL);
    }
    /* Before the wait: a connection that was taken and cannot be handed over would be lost. */
    int err = posix_addr_check(addr, len);
    if (err != 0) {
        return (int)posix_result(err);
    }
    struct sock_addr peer = {0};
    int r = accept_wait(fd, &peer);
    if (r >= 0) {
        posix_addr_out(&peer, addr, len);
        if (flags & SOCK_NONBLOCK) {
            set_nonblock(posix_env_get(), r);
        }
    }
    return (int)posix_result(r);
}

int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return accept4(fd, addr, len, 0);
}

/* The handshake's end as an errno value: 0 connected, -EAGAIN still under way. */
static int connect_outcome(struct posix_env *env, int fd)
{
    int ready = sock_ready(env->net, fd);
    if (ready < 0) {
        return ready;
    }
    if (!(ready & (NET_READY_OUT | NET_READY_ERR | NET_READY_HUP))) {
        return -EAGAIN;
    }
    int64_t error = 0;
    int err = sock_get_opt(env->net, fd, SOCK_OPT_ERROR, &error);
    return err != 0 ? err : (int)-error;
}

static int connect_wait(int fd)
{
    struct posix_op op = posix_op_send(fd, 0);
    for (;;) {
        int err = posix_block(&op);
        if (err != 0) {
            return err == -EAGAIN ? -EINPROGRESS : err;
        }
        int r = connect_outcome(op.env, fd);
        if (r != -EAGAIN) {
            return r;
        }
    }
}

/* AF_UNSPEC dissolves a datagram socket's association (POSIX). */
static bool dissolves(const struct sockaddr *addr, socklen_t len)
{
    return addr != NULL && len >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC;
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct posix_env *env = posix_env_get();
    if (dissolves(addr, len)) {
        return (int)posix_result(sock_connect(env->net, fd, NULL, env->now_ns()));
    }
    struct sock_addr a;
    int err = posix_addr_in(env, fd, addr, len, &a);
    if (err == 0) {
        err = sock_connect(env->net, fd, &a, env->now_ns());
    }
    return (int)posix_result(err == -EINPROGRESS ? connect_wait(fd) : err);
}

int shutdown(int fd, int how)
{
    struct posix_env *env = posix_env_get();
    return (int)posix_result(sock_shutdown(env->net, fd, how, env->now_ns()));
}

typedef int name_fn(struct net *n, int fd, struct sock_addr *out);

static int get_name(int fd, struct sockaddr *addr, socklen_t *len, name_fn *get)
{
    struct posix_env *env = posix_env_get();
    struct sock_addr a;
    int err = get(env->net, fd, &a);
    if (err == 0 && (addr == NULL || len == NULL)) {
        err = -EFAULT;
    }
    if (err == 0) {
        posix_addr_out(&a, addr, len);
    }
    return (int)posix_result(err);
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    return get_name(fd, addr, len, sock_name);
}

int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    return get_name(fd, addr, len, sock_peer);
}

/* SO_LINGER with seconds: waits until the peer has everything, in slices, for TCP tells of room and
 * data but not of the last acknowledgment. */
static void close_wait(struct posix_env *env, int fd, int seconds)
{
    uint64_t deadline_ns = env->now_ns() + (uint64_t)seconds * NS_PER_S;
    while (!sock_close_drained(env->net, fd) && env->now_ns() < deadline_ns) {
        uint64_t slice_ns = env->now_ns() + POSIX_LINGER_SLICE_MS * (uint64_t)NS_PER_MS;
        task_sleep_until(min_u64(slice_ns, deadline_ns));
    }
    sock_close_end(env->net, fd, env->now_ns());
}

int close(int fd)
{
    struct posix_env *env = posix_env_get();
    if (fd >= 0 && fd < SOCK_FD_FIRST) {
        return 0; /* the console stays */
    }
    int r = sock_close_begin(env->net, fd, env->now_ns());
    if (r > 0) {
        close_wait(env, fd, r);
        r = 0;
    }
    return (int)posix_result(r);
}
