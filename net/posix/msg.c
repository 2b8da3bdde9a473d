/*
 * Vectors and messages: readv, writev, recvmsg, sendmsg. On a stream each buffer is a call of its
 * own with "more follows"; a datagram is gathered in, or scattered from, one buffer: on the stack,
 * or by malloc when it is large.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/include/unistd.h"
#include "net/posix/io.h"
#include "net/udp/udp.h"

enum {
    VECTOR_FEW = 8,            /* so many are kept on the stack, more by malloc, as Linux has it */
    DATAGRAM_FEW_BYTES = 2048, /* likewise: a task's stack is small */
};

/* A datagram in one piece. Between whole_take and whole_drop. */
struct whole {
    uint8_t *bytes;
    uint8_t *many; /* owned, or NULL */
    uint8_t few[DATAGRAM_FEW_BYTES];
};

/* 0, or -ENOMEM; then there is nothing to drop. */
static int whole_take(struct whole *w, size_t len)
{
    w->many = len > sizeof(w->few) ? malloc(len) : NULL;
    w->bytes = w->many != NULL ? w->many : w->few;
    return len > sizeof(w->few) && w->many == NULL ? -ENOMEM : 0;
}

static void whole_drop(struct whole *w)
{
    free(w->many);
}

/*
 * A copy of the caller's vector: while the call sleeps another task may change that. Between
 * vector_take and vector_drop.
 */
struct vector {
    const struct iovec *iov;
    size_t count;
    size_t bytes;
    struct iovec few[VECTOR_FEW];
    struct iovec *many; /* owned, or NULL */
};

/* 0, or -EINVAL (count or sum out of range), -EFAULT, -ENOMEM; then there is nothing to drop. */
static int vector_take(struct vector *v, const struct iovec *iov, size_t count)
{
    if (count > IOV_MAX) {
        return -EINVAL;
    }
    if (iov == NULL && count > 0) {
        return -EFAULT;
    }
    v->bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > PTRDIFF_MAX - v->bytes) {
            return -EINVAL;
        }
        if (iov[i].iov_base == NULL && iov[i].iov_len > 0) {
            return -EFAULT;
        }
        v->bytes += iov[i].iov_len;
    }
    v->many = count > VECTOR_FEW ? malloc(count * sizeof(*iov)) : NULL;
    if (count > VECTOR_FEW && v->many == NULL) {
        return -ENOMEM;
    }
    struct iovec *copy = v->many != NULL ? v->many : v->few;
    if (count > 0) {
        memcpy(copy, iov, count * sizeof(*iov));
    }
    v->iov = copy;
    v->count = count;
    return 0;
}

static void vector_drop(struct vector *v)
{
    free(v->many);
}

/* Everything, or the count up to the buffer that went in only in part or not at all. */
static ptrdiff_t send_stream(int fd, const struct vector *v, int flags)
{
    const struct iovec *iov = v->iov;
    size_t count = v->count;
    size_t done = 0;
    while (count > 0 && iov[count - 1].iov_len == 0) {
        count--; /* nothing follows the last one that holds something */
    }
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len == 0) {
            continue;
        }
        int more = i + 1 < count ? MSG_MORE : 0;
        ptrdiff_t r = posix_send(fd, iov[i].iov_base, iov[i].iov_len, flags | more, NULL);
        if (r < 0) {
            return done > 0 ? (ptrdiff_t)done : r;
        }
        done += (size_t)r;
        if ((size_t)r < iov[i].iov_len) {
            break;
        }
    }
    return (ptrdiff_t)done;
}

static ptrdiff_t send_datagram(int fd, const struct vector *v, int flags,
                               const struct sock_addr *to)
{
    struct whole whole;
    if (v->bytes > UDP_PAYLOAD_MAX_BYTES) {
        return -EMSGSIZE;
    }
    int err = whole_take(&whole, v->bytes);
    if (err != 0) {
        return err;
    }
    size_t len = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (v->iov[i].iov_len > 0) {
            memcpy(whole.bytes + len, v->iov[i].iov_base, v->iov[i].iov_len);
        }
        len += v->iov[i].iov_len;
    }
    assert(len == v->bytes);
    ptrdiff_t r = posix_send(fd, whole.bytes, len, flags, to);
    whole_drop(&whole);
    return r;
}

static ptrdiff_t send_vector(int fd, const struct iovec *iov, size_t count, int flags,
                             const struct sock_addr *to)
{
    struct vector v;
    ptrdiff_t r = vector_take(&v, iov, count);
    if (r < 0) {
        return r;
    }
    if (count == 1) {
        r = posix_send(fd, v.few[0].iov_base, v.few[0].iov_len, flags, to);
    } else if (v.bytes > 0 && posix_is_stream(posix_env_get(), fd)) {
        r = send_stream(fd, &v, flags);
    } else {
        r = send_datagram(fd, &v, flags, to);
    }
    vector_drop(&v);
    return r;
}

/* A datagram that does not fit the vector is cut; one longer than the longest cannot come. */
static ptrdiff_t recv_datagram(int fd, const struct vector *v, int flags,
                               struct sock_recv_info *info)
{
    struct whole whole;
    size_t room = min_size(v->bytes, UDP_PAYLOAD_MAX_BYTES);
    int err = whole_take(&whole, room);
    if (err != 0) {
        return err;
    }
    ptrdiff_t r = posix_recv(fd, whole.bytes, room, flags, info);
    size_t left = r > 0 ? min_size((size_t)r, room) : 0;
    const uint8_t *at = whole.bytes;
    for (size_t i = 0; i < v->count && left > 0; i++) {
        size_t part = min_size(v->iov[i].iov_len, left);
        memcpy(v->iov[i].iov_base, at, part);
        at += part;
        left -= part;
    }
    whole_drop(&whole);
    return r;
}

/* The first buffer waits for data; the others take what is there (all of it with MSG_WAITALL). */
static ptrdiff_t recv_stream(int fd, const struct vector *v, int flags, struct sock_recv_info *info)
{
    const struct iovec *iov = v->iov;
    size_t done = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (iov[i].iov_len == 0) {
            continue;
        }
        int wait = done > 0 && !(flags & MSG_WAITALL) ? MSG_DONTWAIT : 0;
        ptrdiff_t r = posix_recv(fd, iov[i].iov_base, iov[i].iov_len, flags | wait, info);
        if (r < 0) {
            return done > 0 ? (ptrdiff_t)done : r;
        }
        done += (size_t)r;
        if ((size_t)r < iov[i].iov_len || (flags & MSG_PEEK)) {
            break; /* a second peek would see the same bytes again */
        }
    }
    return (ptrdiff_t)done;
}

static ptrdiff_t recv_vector(int fd, const struct iovec *iov, size_t count, int flags,
                             struct sock_recv_info *info)
{
    struct vector v;
    ptrdiff_t r = vector_take(&v, iov, count);
    if (r < 0) {
        return r;
    }
    if (count == 1) {
        r = posix_recv(fd, v.few[0].iov_base, v.few[0].iov_len, flags, info);
    } else if (v.bytes > 0 && posix_is_stream(posix_env_get(), fd)) {
        r = recv_stream(fd, &v, flags, info);
    } else {
        r = recv_datagram(fd, &v, flags, info);
    }
    vector_drop(&v);
    return r;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    if (msg == NULL) {
        return posix_result(-EFAULT);
    }
    if (msg->msg_controllen != 0) {
        return posix_result(-EINVAL);
    }
    if (msg->msg_name == NULL) {
        return posix_result(send_vector(fd, msg->msg_iov, msg->msg_iovlen, flags, NULL));
    }
    struct sock_addr to;
    int err = posix_addr_in(posix_env_get(), fd, msg->msg_name, msg->msg_namelen, &to);
    return posix_result(err != 0 ? err
                                 : send_vector(fd, msg->msg_iov, msg->msg_iovlen, flags, &to));
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    if (msg == NULL) {
        return posix_result(-EFAULT);
    }
    struct msghdr asked = *msg; /* what it says when the call has slept is not what was asked */
    struct sock_recv_info info = {0};
    ptrdiff_t r = recv_vector(fd, asked.msg_iov, asked.msg_iovlen, flags, &info);
    if (r < 0) {
        return posix_result(r);
    }
    posix_addr_out(&info.from, asked.msg_name, &asked.msg_namelen);
    msg->msg_namelen = asked.msg_namelen;
    msg->msg_controllen = 0;
    msg->msg_flags = info.cut ? MSG_TRUNC : 0;
    return r;
}

/* The console takes vectors, too: a buffer at a time. */
static ssize_t write_console(int fd, const struct iovec *iov, size_t count)
{
    struct vector v;
    int err = vector_take(&v, iov, count);
    if (err != 0) {
        return posix_result(err);
    }
    ssize_t done = 0;
    for (size_t i = 0; i < v.count; i++) {
        ssize_t r = write(fd, v.iov[i].iov_base, v.iov[i].iov_len);
        if (r < 0) {
            done = done > 0 ? done : r;
            break;
        }
        done += r;
    }
    vector_drop(&v);
    return done;
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    if (count < 0) {
        return posix_result(-EINVAL);
    }
    if (fd >= 0 && fd < SOCK_FD_FIRST) {
        return write_console(fd, iov, (size_t)count);
    }
    ptrdiff_t r = send_vector(fd, iov, (size_t)count, 0, NULL);
    return posix_result(r == -ENOTSOCK ? -EINVAL : r);
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
    if (count < 0) {
        return posix_result(-EINVAL);
    }
    if (fd >= 0 && fd < SOCK_FD_FIRST) {
        return read(fd, NULL, 0);
    }
    ptrdiff_t r = recv_vector(fd, iov, (size_t)count, 0, NULL);
    return posix_result(r == -ENOTSOCK ? -EINVAL : r);
}
