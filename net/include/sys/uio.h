/*
 * Scattered buffers, as POSIX has them. Functions carry a symbol prefix (see sys/socket.h).
 */
#ifndef RS_SYS_UIO_H
#define RS_SYS_UIO_H

#include <stddef.h>
#include <sys/types.h>

#define IOV_MAX 1024

struct iovec {
    void *iov_base;
    size_t iov_len;
};

ssize_t readv(int fd, const struct iovec *iov, int count) __asm__("rs_readv");
ssize_t writev(int fd, const struct iovec *iov, int count) __asm__("rs_writev");

#endif
