/*
 * Vectors and messages: readv, writev, recvmsg, sendmsg. On a stream each buffer is a call of its
 * own with "more follows"; a datagram is gathered in, or scattered from, one buffer on the stack.
 */
#include <errno.h>
#include <string.h>

#include "net/include/unistd.h"
#include "net/posix/io.h"
#include "net/udp.h"

/* The bytes of a vector, or -EINVAL (count or sum out of range), -EFAULT. */
static ptrdiff_t vector_bytes(const struct iovec *iov, size_t count)
{
    if (count > IOV_MAX) {
        return -EINVAL;
    }
    if (iov == NULL && count > 0) {
        return -EFAULT;
    }
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > PTRDIFF_MAX - sum) {
            return -EINVAL;
        }
        if (iov[i].iov_base == NULL && iov[i].iov_len > 0) {
            return -EFAULT;
        }
        sum += iov[i].iov_len;
    }
    return (ptrdiff_t)sum;
}

/* Everything, or the count up to the buffer that went in only in part or not at all. */
static ptrdiff_t send_stream(int fd, const struct iovec *iov, size_t count, int flags)
{
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

static ptrdiff_t send_datagram(int fd, const struct iovec *iov, size_t count, int flags,
                               const struct sock_addr *to)
{
    uint8_t whole[UDP_PAYLOAD_MAX_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > sizeof(whole) - len) {
            return -EMSGSIZE;
        }
        if (iov[i].iov_len > 0) {
            memcpy(whole + len, iov[i].iov_base, iov[i].iov_len);
        }
        len += iov[i].iov_len;
    }
    return posix_send(fd, whole, len, flags, to);
}

static ptrdiff_t send_vector(int fd, const struct iovec *iov, size_t count, int flags,
                             const struct sock_addr *to)
{
    ptrdiff_t len = vector_bytes(iov, count);
    if (len < 0) {
        return len;
    }
    if (count == 1) {
        return posix_send(fd, iov[0].iov_base, iov[0].iov_len, flags, to);
    }
    return len > 0 && posix_is_stream(posix_env_get(), fd)
               ? send_stream(fd, iov, count, flags)
               : send_datagram(fd, iov, count, flags, to);
}

/* A datagram that does not fit the vector is cut; one longer than a packet cannot come. */
static ptrdiff_t recv_datagram(int fd, const struct iovec *iov, size_t count, int flags,
                               struct sock_recv_info *info)
{
    uint8_t whole[UDP_PAYLOAD_MAX_BYTES];
    size_t room = min_size((size_t)vector_bytes(iov, count), sizeof(whole));
    ptrdiff_t r = posix_recv(fd, whole, room, flags, info);
    size_t left = r > 0 ? min_size((size_t)r, room) : 0;
    const uint8_t *at = whole;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t part = min_size(iov[i].iov_len, left);
        memcpy(iov[i].iov_base, at, part);
        at += part;
        left -= part;
    }
    return r;
}

/* The first buffer waits for data; the others take what is there (all of it with MSG_WAITALL). */
static ptrdiff_t recv_stream(int fd, const struct iovec *iov, size_t count, int flags,
                             struct sock_recv_info *info)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
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
    ptrdiff_t len = vector_bytes(iov, count);
    if (len < 0) {
        return len;
    }
    if (count == 1) {
        return posix_recv(fd, iov[0].iov_base, iov[0].iov_len, flags, info);
    }
    return len > 0 && posix_is_stream(posix_env_get(), fd)
               ? recv_stream(fd, iov, count, flags, info)
               : recv_datagram(fd, iov, count, flags, info);
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
    struct sock_recv_info info = {0};
    ptrdiff_t r = recv_vector(fd, msg->msg_iov, msg->msg_iovlen, flags, &info);
    if (r < 0) {
        return posix_result(r);
    }
    posix_addr_out(&info.from, msg->msg_name, &msg->msg_namelen);
    msg->msg_controllen = 0;
    msg->msg_flags = info.cut ? MSG_TRUNC : 0;
    return r;
}

/* The console takes vectors, too: a buffer at a time. */
static ssize_t write_console(int fd, const struct iovec *iov, size_t count)
{
    ssize_t done = 0;
    for (size_t i = 0; i < count; i++) {
        ssize_t r = write(fd, iov[i].iov_base, iov[i].iov_len);
        if (r < 0) {
            return done > 0 ? done : r;
        }
        done += r;
    }
    return done;
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    ptrdiff_t len = count < 0 ? -EINVAL : vector_bytes(iov, (size_t)count);
    if (len < 0) {
        return posix_result(len);
    }
    if (fd >= 0 && fd < SOCK_FD_FIRST) {
        return write_console(fd, iov, (size_t)count);
    }
    ptrdiff_t r = send_vector(fd, iov, (size_t)count, 0, NULL);
    return posix_result(r == -ENOTSOCK ? -EINVAL : r);
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
    ptrdiff_t len = count < 0 ? -EINVAL : vector_bytes(iov, (size_t)count);
    if (len < 0) {
        return posix_result(len);
    }
    if (fd >= 0 && fd < SOCK_FD_FIRST) {
        return read(fd, NULL, 0);
    }
    ptrdiff_t r = recv_vector(fd, iov, (size_t)count, 0, NULL);
    return posix_result(r == -ENOTSOCK ? -EINVAL : r);
}
