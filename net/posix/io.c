/*
 * Sending and receiving in POSIX terms: the flags, waiting, and the whole of what was asked for
 * where a stream owes it. Vectors and messages are msg.c's.
 */
#include <errno.h>

#include "kernel/log.h"
#include "net/include/unistd.h"
#include "net/posix/io.h"

enum {
    /* MSG_NOSIGNAL needs no doing: there are no signals. */
    RECV_FLAGS = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL,
    SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE,
};

bool posix_is_stream(struct posix_env *env, int fd)
{
    int64_t type = 0;
    return sock_get_opt(env->net, fd, SOCK_OPT_TYPE, &type) == 0 && type == SOCK_TYPE_TCP;
}

static uint32_t recv_core_flags(int flags)
{
    return (flags & MSG_PEEK ? (uint32_t)SOCK_MSG_PEEK : 0) |
           (flags & MSG_TRUNC ? (uint32_t)SOCK_MSG_TRUNC : 0);
}

/* One receive, after waiting for something to be there. */
static ptrdiff_t recv_once(struct posix_op *op, void *buf, size_t len, uint32_t flags,
                           struct sock_recv_info *info)
{
    for (;;) {
        ptrdiff_t r = sock_recv(op->env->net, op->fd, buf, len, flags, info, op->env->now_ns());
        if (r != -EAGAIN) {
            return r;
        }
        int err = posix_block(op);
        if (err != 0) {
            return err;
        }
    }
}

/* MSG_WAITALL on a stream: until len is full, the stream ends, or an error; what had come by then
 * is the answer, the error stays for the next call or is gone with the descriptor. */
static ptrdiff_t recv_all(struct posix_op *op, void *buf, size_t len, struct sock_recv_info *info)
{
    size_t done = 0;
    while (done < len) {
        ptrdiff_t r = recv_once(op, (char *)buf + done, len - done, 0, info);
        if (r <= 0) {
            return done > 0 ? (ptrdiff_t)done : r;
        }
        done += (size_t)r;
    }
    return (ptrdiff_t)done;
}

/* After a first look in vain, or for MSG_WAITALL before it. */
static __attribute__((noinline)) ptrdiff_t recv_waiting(int fd, void *buf, size_t len, int flags,
                                                        struct sock_recv_info *info, bool in_vain)
{
    struct posix_op op = posix_op_recv(fd, flags);
    int err = in_vain ? posix_block(&op) : 0;
    if (err != 0) {
        return err;
    }
    /* MSG_PEEK wins: a second look would see the same bytes again. */
    bool all = (flags & MSG_WAITALL) && !(flags & (MSG_PEEK | MSG_TRUNC));
    if (all && len > 0 && posix_is_stream(op.env, fd)) {
        return recv_all(&op, buf, len, info);
    }
    return recv_once(&op, buf, len, recv_core_flags(flags), info);
}

/*
 * Receiving takes the time of the loop's turn, at which what is received came in: of the time only
 * an acknowledgment that opens the window has any use. Sending is timed: what goes out may have
 * been computed for long.
 */
ptrdiff_t posix_recv(int fd, void *buf, size_t len, int flags, struct sock_recv_info *info)
{
    struct posix_env *env = posix_env_get();
    if (flags & ~RECV_FLAGS) {
        return -EOPNOTSUPP;
    }
    if (buf == NULL && len > 0) {
        return -EFAULT;
    }
    posix_count_call(env, POSIX_CALL_WEIGHT);
    len = min_size(len, PTRDIFF_MAX);
    if (flags & MSG_WAITALL) {
        return recv_waiting(fd, buf, len, flags, info, false);
    }
    ptrdiff_t r = sock_recv(env->net, fd, buf, len, recv_core_flags(flags), info, SOCK_SAME_TIME);
    return likely(r != -EAGAIN) ? r : recv_waiting(fd, buf, len, flags, info, true);
}

/* What a send that took less than len, or said -EAGAIN, leaves to do: a blocking stream sends all
 * of it. */
static __attribute__((noinline)) ptrdiff_t send_waiting(int fd, const char *buf, size_t len,
                                                        int flags, uint32_t core_flags,
                                                        const struct sock_addr *to, ptrdiff_t r)
{
    struct posix_op op = posix_op_send(fd, flags);
    size_t done = 0;
    for (;;) {
        if (r == -EAGAIN) {
            r = posix_block(&op);
        }
        if (r < 0) {
            return done > 0 ? (ptrdiff_t)done : r;
        }
        done += (size_t)r;
        if (done >= len) {
            return (ptrdiff_t)done;
        }
        r = sock_send(op.env->net, fd, buf + done, len - done, core_flags, to, op.env->now_ns());
    }
}

ptrdiff_t posix_send(int fd, const void *buf, size_t len, int flags, const struct sock_addr *to)
{
    struct posix_env *env = posix_env_get();
    if (flags & ~SEND_FLAGS) {
        return -EOPNOTSUPP;
    }
    if (buf == NULL && len > 0) {
        return -EFAULT;
    }
    posix_count_call(env, POSIX_CALL_WEIGHT);
    len = min_size(len, PTRDIFF_MAX);
    uint32_t core_flags = flags & MSG_MORE ? (uint32_t)SOCK_MSG_MORE : 0;
    ptrdiff_t r = sock_send(env->net, fd, buf, len, core_flags, to, env->now_ns());
    if (likely(r == (ptrdiff_t)len) || (r < 0 && r != -EAGAIN)) {
        return r;
    }
    return send_waiting(fd, buf, len, flags, core_flags, to, r);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    return posix_result(posix_recv(fd, buf, len, flags, NULL));
}

ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from,
                 socklen_t *from_len)
{
    struct sock_recv_info info = {0};
    ptrdiff_t r = posix_addr_check(from, from_len);
    if (r == 0) {
        r = posix_recv(fd, buf, len, flags, &info);
    }
    if (r >= 0) {
        posix_addr_out(&info.from, from, from_len);
    }
    return posix_result(r);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    return posix_result(posix_send(fd, buf, len, flags, NULL));
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len)
{
    struct sock_addr a;
    if (to == NULL) {
        return send(fd, buf, len, flags);
    }
    int err = posix_addr_in(posix_env_get(), fd, to, to_len, &a);
    return posix_result(err != 0 ? err : posix_send(fd, buf, len, flags, &a));
}

ssize_t read(int fd, void *buf, size_t len)
{
    if (fd == STDIN_FILENO) {
        return 0; /* nobody types at a server */
    }
    if (fd == STDOUT_FILENO || fd == STDERR_FILENO) {
        return posix_result(-EBADF);
    }
    ptrdiff_t r = posix_recv(fd, buf, len, 0, NULL);
    return posix_result(r == -ENOTSOCK ? -EINVAL : r); /* an epoll instance cannot be read */
}

/* Also for constructors, which run before there is a task, and cannot wait. */
static void count_console(size_t len)
{
    if (task_current() != NULL) {
        size_t weight = POSIX_CALL_WEIGHT + len / POSIX_CONSOLE_BYTES;
        posix_count_call(posix_env_get(), (uint32_t)min_size(weight, POSIX_TURN_WEIGHT));
    }
}

ssize_t write(int fd, const void *buf, size_t len)
{
    if (fd == STDIN_FILENO) {
        return posix_result(-EBADF);
    }
    if (fd == STDOUT_FILENO || fd == STDERR_FILENO) {
        if (buf == NULL && len > 0) {
            return posix_result(-EFAULT);
        }
        log_console_write(buf, len);
        count_console(len);
        return (ssize_t)len;
    }
    ptrdiff_t r = posix_send(fd, buf, len, 0, NULL);
    return posix_result(r == -ENOTSOCK ? -EINVAL : r);
}
