/*
 * The POSIX layer's face: what each call says to wrong arguments, options, datagrams, vectors and
 * messages, the console. Waiting is test_posix.c's.
 */
// clang-format off
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/pair.c tests/sim/link.c tests/sim/carve.c
// LINK: tests/unit/posix_world.c @net net/posix/*.c kernel/pkt.c
// LINK: kernel/pool.c kernel/timer.c kernel/task.c kernel/sleep.c arch/host/context.c
// LINK: arch/context/*.[cS]
// clang-format on

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "net/include/fcntl.h"
#include "net/include/netinet/tcp.h"
#include "net/include/poll.h"
#include "net/include/sys/epoll.h"
#include "net/include/sys/ioctl.h"
#include "net/include/unistd.h"
#include "net/net.h"
#include "tests/unit/posix_world.h"

#undef assert
#define assert(x) ((x) ? (void)0 : assert_fail(#x, __FILE__, __LINE__, __func__))

enum {
    PORT = 80,
    STALE = 30,
};

/* Runs one task on side 1 to its end. */
static void run_alone(void (*fn)(void *arg))
{
    world_spawn(1, fn, NULL);
    world_run();
}

static void socket_task(void *arg)
{
    (void)arg;
    static const struct {
        int domain, type, protocol, error;
    } bad[] = {
        {AF_INET6, SOCK_STREAM, 0, EAFNOSUPPORT},
        {AF_UNIX, SOCK_STREAM, 0, EAFNOSUPPORT},
        {-1, SOCK_STREAM, 0, EAFNOSUPPORT},
        {AF_INET, SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT},
        {AF_INET, SOCK_DGRAM, IPPROTO_TCP, EPROTONOSUPPORT},
        {AF_INET, SOCK_RAW, IPPROTO_ICMP, EPROTONOSUPPORT},
        {AF_INET, 0, 0, EPROTONOSUPPORT},
        {AF_INET, 77, 0, EINVAL},
        {AF_INET, -1, 0, EINVAL},
        {AF_INET, SOCK_STREAM | 0x10000, 0, EINVAL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_error(socket(bad[i].domain, bad[i].type, bad[i].protocol), bad[i].error);
    }
    int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    int b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP);
    assert(a == 3 && b == 4);
    assert(fcntl(a, F_GETFL) == O_RDWR);
    assert(fcntl(b, F_GETFL) == (O_RDWR | O_NONBLOCK));
    int fd;
    while ((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0 ||
           (errno == ENOBUFS && (fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0)) {
        assert(fd < 3 + 32);
    }
    assert(errno == EMFILE);
    for (fd = 3; fd < 3 + 32; fd++) {
        assert(close(fd) == 0);
        expect_error(close(fd), EBADF);
    }
}

static void test_socket(void **state)
{
    (void)state;
    run_alone(socket_task);
}

static void address_task(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = addr_of(0, PORT);
    struct sockaddr_in v6 = a;
    v6.sin_family = AF_INET6;
    expect_error(bind(fd, NULL, sizeof(a)), EFAULT);
    expect_error(bind(fd, as_addr(&a), sizeof(a) - 1), EINVAL);
    expect_error(bind(fd, as_addr(&a), 0), EINVAL);
    expect_error(bind(fd, as_addr(&v6), sizeof(v6)), EAFNOSUPPORT);
    expect_error(bind(STALE, NULL, 0), EBADF); /* comes before what is wrong with the address */
    expect_error(bind(1, as_addr(&a), 3), ENOTSOCK);
    expect_error(connect(fd, NULL, sizeof(a)), EFAULT);
    expect_error(connect(fd, as_addr(&a), 8), EINVAL);
    expect_error(connect(fd, as_addr(&v6), sizeof(v6)), EAFNOSUPPORT);
    a.sin_family = AF_UNSPEC;
    expect_error(connect(fd, as_addr(&a), sizeof(a)), EINVAL);
    a = addr_of(PAIR_HOST_0, PORT);
    expect_error(bind(fd, as_addr(&a), sizeof(a)), EADDRNOTAVAIL);
    struct sockaddr_storage big = {0};
    a = addr_of(PAIR_HOST_1, PORT);
    memcpy(&big, &a, sizeof(a));
    assert(bind(fd, (struct sockaddr *)&big, sizeof(big)) == 0); /* longer is allowed */
    struct sockaddr_in got;
    socklen_t len = sizeof(got);
    assert(getsockname(fd, (struct sockaddr *)&got, &len) == 0);
    assert(len == sizeof(got) && memcmp(&got, &a, sizeof(a)) == 0);
    len = 0;
    assert(getsockname(fd, (struct sockaddr *)&got, &len) == 0 && len == sizeof(got));
    expect_error(getsockname(fd, NULL, &len), EFAULT);
    expect_error(getsockname(fd, (struct sockaddr *)&got, NULL), EFAULT);
    expect_error(getpeername(fd, (struct sockaddr *)&got, &len), ENOTCONN);
    expect_error(getpeername(STALE, NULL, NULL), EBADF);
    expect_error(accept(fd, (struct sockaddr *)&got, NULL), EFAULT);
    expect_error(accept4(fd, NULL, NULL, 1), EINVAL);
    expect_error(accept(fd, NULL, NULL), EINVAL);
    expect_error(listen(STALE, 1), EBADF);
    expect_error(shutdown(fd, 9), EINVAL);
    assert(close(fd) == 0);
}

static void test_addresses(void **state)
{
    (void)state;
    run_alone(address_task);
}

static void io_task(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    char buf[4];
    expect_error(recv(STALE, buf, 4, 0), EBADF);
    expect_error(send(STALE, buf, 4, 0), EBADF);
    expect_error(recv(1, buf, 4, 0), ENOTSOCK);
    expect_error(send(ep, buf, 4, 0), ENOTSOCK);
    expect_error(read(ep, buf, 4), EINVAL);
    expect_error(write(ep, buf, 4), EINVAL);
    expect_error(recv(fd, NULL, 4, 0), EFAULT);
    expect_error(send(fd, NULL, 4, 0), EFAULT);
    expect_error(recv(fd, buf, 4, MSG_OOB), EOPNOTSUPP);
    expect_error(recv(fd, buf, 4, MSG_TRUNC), EOPNOTSUPP);
    expect_error(send(fd, buf, 4, MSG_OOB), EOPNOTSUPP);
    expect_error(send(fd, buf, 4, MSG_DONTROUTE), EOPNOTSUPP);
    expect_error(send(fd, buf, 4, 0), ENOTCONN);
    expect_error(recv(fd, buf, 4, 0), ENOTCONN);
    expect_error(recvfrom(fd, buf, 4, 0, (struct sockaddr *)buf, NULL), EFAULT);
    expect_error(read(STALE, buf, 4), EBADF);
    expect_error(write(-1, buf, 4), EBADF);
    assert(close(fd) == 0 && close(ep) == 0);
}

static void test_io_errors(void **state)
{
    (void)state;
    run_alone(io_task);
}

static void console_task(void *arg)
{
    (void)arg;
    char c;
    struct iovec v[2] = {{"c", 1}, {"d\n", 2}};
    assert(write(1, "a", 1) == 1 && write(2, "b", 1) == 1);
    assert(writev(1, v, 2) == 3);
    assert(world.console_len == 5 && memcmp(world.console, "abcd\n", 5) == 0);
    assert(read(0, &c, 1) == 0 && readv(0, v, 2) == 0);
    expect_error(read(1, &c, 1), EBADF);
    expect_error(write(0, &c, 1), EBADF);
    expect_error(write(1, NULL, 1), EFAULT);
    assert(fcntl(1, F_GETFL) == O_RDWR && fcntl(1, F_SETFL, O_NONBLOCK) == 0);
    assert(close(1) == 0 && write(1, "e", 1) == 1); /* the console stays */
    int n = 0;
    expect_error(ioctl(1, FIONREAD, &n), ENOTTY);
}

static void test_console(void **state)
{
    (void)state;
    run_alone(console_task);
}

static void set_int(int fd, int level, int name, int value)
{
    assert(setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

static void expect_int(int fd, int level, int name, int want)
{
    int value = -777;
    socklen_t len = sizeof(value);
    assert(getsockopt(fd, level, name, &value, &len) == 0);
    assert(value == want && len == sizeof(value));
}

static void options_task(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    expect_int(fd, SOL_SOCKET, SO_TYPE, SOCK_STREAM);
    expect_int(udp, SOL_SOCKET, SO_TYPE, SOCK_DGRAM);
    expect_int(fd, SOL_SOCKET, SO_DOMAIN, AF_INET);
    expect_int(fd, SOL_SOCKET, SO_PROTOCOL, IPPROTO_TCP);
    expect_int(udp, SOL_SOCKET, SO_PROTOCOL, IPPROTO_UDP);
    expect_int(fd, SOL_SOCKET, SO_ERROR, 0);
    expect_int(fd, SOL_SOCKET, SO_ACCEPTCONN, 0);
    static const int bools[][2] = {{SOL_SOCKET, SO_REUSEADDR},
                                   {SOL_SOCKET, SO_BROADCAST},
                                   {SOL_SOCKET, SO_KEEPALIVE},
                                   {IPPROTO_TCP, TCP_NODELAY}};
    for (size_t i = 0; i < ARRAY_SIZE(bools); i++) {
        expect_int(fd, bools[i][0], bools[i][1], 0);
        set_int(fd, bools[i][0], bools[i][1], 42);
        expect_int(fd, bools[i][0], bools[i][1], 1);
        set_int(fd, bools[i][0], bools[i][1], 0);
        expect_int(fd, bools[i][0], bools[i][1], 0);
    }
    for (int i = 0; i < 2; i++) {
        int s = i == 0 ? fd : udp;
        expect_int(s, IPPROTO_IP, IP_TOS, 0);
        expect_int(s, IPPROTO_IP, IP_TTL, 64);
        set_int(s, IPPROTO_IP, IP_TOS, 0xff);
        set_int(s, IPPROTO_IP, IP_TTL, 255);
        expect_int(s, IPPROTO_IP, IP_TOS, i == 0 ? 0xfc : 0xff); /* TCP keeps the ECN bits */
        expect_int(s, IPPROTO_IP, IP_TTL, 255);
        set_int(s, IPPROTO_IP, IP_TTL, -1);
        expect_int(s, IPPROTO_IP, IP_TTL, 64);
    }
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 33);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 7);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
    expect_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 33);
    expect_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 7);
    expect_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
    set_int(fd, SOL_SOCKET, SO_REUSEPORT, 0);
    expect_int(fd, SOL_SOCKET, SO_REUSEPORT, 0);
    struct linger l = {.l_onoff = 1, .l_linger = 9};
    socklen_t len = sizeof(l);
    assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
    memset(&l, 0, sizeof(l));
    assert(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len) == 0);
    assert(len == sizeof(l) && l.l_onoff == 1 && l.l_linger == 9);
    struct timeval tv = {.tv_sec = 2, .tv_usec = 500000};
    assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
    memset(&tv, 0, sizeof(tv));
    len = sizeof(tv);
    assert(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len) == 0);
    assert(tv.tv_sec == 2 && tv.tv_usec == 500000);
    char byte = 0x7f;
    len = 1;
    assert(getsockopt(fd, SOL_SOCKET, SO_TYPE, &byte, &len) == 0 && byte == 1 && len == 1);
    assert(close(fd) == 0 && close(udp) == 0);
}

static void test_options(void **state)
{
    (void)state;
    run_alone(options_task);
}

static void option_errors_task(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    int one = 1;
    socklen_t len = sizeof(one);
    expect_error(setsockopt(STALE, SOL_SOCKET, SO_REUSEADDR, &one, len), EBADF);
    expect_error(getsockopt(STALE, SOL_SOCKET, SO_REUSEADDR, &one, &len), EBADF);
    expect_error(setsockopt(2, SOL_SOCKET, SO_REUSEADDR, &one, len), ENOTSOCK);
    expect_error(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, NULL, len), EFAULT);
    expect_error(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, 3), EINVAL);
    expect_error(setsockopt(fd, SOL_SOCKET, SO_LINGER, &one, 4), EINVAL);
    expect_error(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &one, 4), EINVAL);
    expect_error(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, len), ENOPROTOOPT);
    expect_error(setsockopt(fd, SOL_SOCKET, SO_TYPE, &one, len), ENOPROTOOPT);
    expect_error(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, len), ENOPROTOOPT);
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &one, len), ENOPROTOOPT);
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &one, len), EINVAL);
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_INFO, &one, len), ENOPROTOOPT);
    expect_error(setsockopt(fd, IPPROTO_IP, 1000, &one, len), ENOPROTOOPT);
    const int fds[] = {fd, udp};
    static const int ip[][2] = {{IP_TOS, -1}, {IP_TOS, 256}, {IP_TTL, 0}, {IP_TTL, 256}};
    for (size_t i = 0; i < ARRAY_SIZE(fds) * ARRAY_SIZE(ip); i++) {
        const int *bad = ip[i / 2];
        expect_error(setsockopt(fds[i % 2], SOL_IP, bad[0], &bad[1], len), EINVAL);
    }
    expect_error(setsockopt(fd, 12345, 1, &one, len), ENOPROTOOPT);
    expect_error(setsockopt(udp, IPPROTO_TCP, TCP_NODELAY, &one, len), ENOPROTOOPT);
    expect_error(getsockopt(udp, IPPROTO_TCP, TCP_NODELAY, &one, &len), ENOPROTOOPT);
    expect_error(getsockopt(fd, SOL_SOCKET, SO_DEBUG, &one, &len), ENOPROTOOPT);
    expect_error(getsockopt(fd, IPPROTO_IP, SO_DOMAIN, &one, &len), ENOPROTOOPT);
    expect_error(getsockopt(fd, SOL_SOCKET, SO_TYPE, NULL, &len), EFAULT);
    expect_error(getsockopt(fd, SOL_SOCKET, SO_TYPE, &one, NULL), EFAULT);
    struct timeval tv = {.tv_sec = 1, .tv_usec = 1000000};
    expect_error(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM);
    tv = (struct timeval){.tv_sec = -1, .tv_usec = 0};
    expect_error(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), EDOM);
    tv = (struct timeval){.tv_sec = INT64_MAX, .tv_usec = 999999}; /* as good as for ever */
    assert(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
    assert(close(fd) == 0 && close(udp) == 0);
}

static void test_option_errors(void **state)
{
    (void)state;
    run_alone(option_errors_task);
}

static void fcntl_task(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int ep = epoll_create1(0);
    int on = 1;
    int bytes = -1;
    assert(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    assert(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    assert(fcntl(fd, F_SETFL, 0) == 0 && fcntl(fd, F_GETFL) == O_RDWR);
    assert(fcntl(ep, F_SETFL, O_NONBLOCK) == 0 && fcntl(ep, F_GETFD) == 0);
    assert(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(0, F_GETFD) == 0);
    expect_error(fcntl(fd, 0, 5), EINVAL); /* F_DUPFD */
    expect_error(fcntl(STALE, F_GETFL), EBADF);
    expect_error(fcntl(STALE, F_GETFD), EBADF);
    assert(ioctl(fd, FIONBIO, &on) == 0 && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    assert(ioctl(fd, FIONREAD, &bytes) == 0 && bytes == 0);
    expect_error(ioctl(fd, FIONREAD, NULL), EFAULT);
    expect_error(ioctl(fd, 0x1234, &on), ENOTTY);
    expect_error(ioctl(ep, FIONREAD, &bytes), ENOTTY);
    expect_error(ioctl(STALE, FIONREAD, &bytes), EBADF);
    int listener = open_listener(PORT);
    expect_error(ioctl(listener, FIONREAD, &bytes), EINVAL);
    assert(close(fd) == 0 && close(ep) == 0 && close(listener) == 0);
}

static void test_fcntl_and_ioctl(void **state)
{
    (void)state;
    run_alone(fcntl_task);
}

static void poll_errors_task(void *arg)
{
    (void)arg;
    int ep = epoll_create1(0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    static struct pollfd many[129];
    struct epoll_event e = {.events = EPOLLIN};
    expect_error(poll(many, 129, 0), EINVAL);
    expect_error(poll(NULL, 1, 0), EFAULT);
    memset(many, 0xff, sizeof(many)); /* -1 each */
    assert(poll(many, 128, 1) == 0);
    expect_error(epoll_create(0), EINVAL);
    expect_error(epoll_create1(1), EINVAL);
    expect_error(epoll_ctl(ep, EPOLL_CTL_ADD, fd, NULL), EFAULT);
    expect_error(epoll_ctl(ep, 9, fd, &e), EINVAL);
    expect_error(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), ENOENT);
    expect_error(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), ENOENT);
    expect_error(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
    expect_error(epoll_ctl(ep, EPOLL_CTL_ADD, 0, &e), EPERM);
    e.events = EPOLLIN | EPOLLEXCLUSIVE;
    expect_error(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EINVAL);
    expect_error(epoll_wait(ep, &e, 0, 0), EINVAL);
    expect_error(epoll_wait(ep, NULL, 1, 0), EFAULT);
    expect_error(epoll_wait(fd, &e, 1, 0), EINVAL);
    expect_error(epoll_wait(STALE, &e, 1, 0), EBADF);
    e.events = EPOLLIN;
    assert(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    expect_error(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EEXIST);
    assert(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL) == 0);
    assert(close(ep) == 0 && close(fd) == 0);
}

static void test_poll_errors(void **state)
{
    (void)state;
    run_alone(poll_errors_task);
}

static void datagram_server(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = addr_of(0, 7);
    char buf[32];
    assert(bind(fd, as_addr(&a), sizeof(a)) == 0);
    socklen_t len = sizeof(a);
    assert(recvfrom(fd, buf, 4, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&a, &len) == 9);
    assert(ntohl(a.sin_addr.s_addr) == PAIR_HOST_0 && len == sizeof(a));
    assert(recv(fd, buf, 4, 0) == 4 && memcmp(buf, "gath", 4) == 0);
    char x[2];
    char y[16];
    struct iovec v[2] = {{x, 2}, {y, 16}};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = v, .msg_iovlen = 2};
    m.msg_controllen = 3;
    assert(recvmsg(fd, &m, 0) == 9 && m.msg_flags == 0 && m.msg_controllen == 0);
    assert(memcmp(x, "ga", 2) == 0 && memcmp(y, "thered!", 7) == 0);
    assert(m.msg_namelen == sizeof(a) && ntohl(a.sin_addr.s_addr) == PAIR_HOST_0);
    v[1].iov_len = 3;
    assert(recvmsg(fd, &m, 0) == 5 && m.msg_flags == MSG_TRUNC);
    assert(memcmp(y, "the", 3) == 0);
    assert(recv(fd, buf, 4, 0) == 0); /* an empty datagram is no end */
    assert(sendto(fd, "answer", 6, 0, as_addr(&a), sizeof(a)) == 6);
    assert(close(fd) == 0);
}

static void datagram_client(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = addr_of(PAIR_HOST_1, 7);
    struct iovec v[3] = {{"gath", 4}, {NULL, 0}, {"ered!", 5}};
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = v, .msg_iovlen = 3};
    expect_error(send(fd, "x", 1, 0), EDESTADDRREQ);
    for (int i = 0; i < 3; i++) {
        assert(sendmsg(fd, &m, 0) == 9);
    }
    assert(connect(fd, as_addr(&to), sizeof(to)) == 0);
    m.msg_name = NULL;
    m.msg_iovlen = 0;
    assert(sendmsg(fd, &m, 0) == 0);
    static char big[65536];
    v[0] = (struct iovec){big, 65000};
    v[1] = (struct iovec){big, 508};
    m.msg_iovlen = 2;
    expect_error(sendmsg(fd, &m, 0), EMSGSIZE);
    m.msg_controllen = 16;
    expect_error(sendmsg(fd, &m, 0), EINVAL);
    expect_error(sendmsg(fd, NULL, 0), EFAULT);
    expect_error(recvmsg(fd, NULL, 0), EFAULT);
    expect_error(sendto(fd, "x", 1, 0, as_addr(&to), 7), EINVAL);
    expect_error(send(fd, "x", 1, MSG_MORE), EOPNOTSUPP);
    char buf[16];
    assert(recv(fd, buf, sizeof(buf), 0) == 6);
    to.sin_family = AF_UNSPEC;
    assert(connect(fd, as_addr(&to), sizeof(to)) == 0);
    expect_error(send(fd, "x", 1, 0), EDESTADDRREQ);
    assert(close(fd) == 0);
}

static void test_datagrams(void **state)
{
    (void)state;
    world_spawn(1, datagram_server, NULL);
    world_spawn(0, datagram_client, NULL);
    world_run();
}

static void vector_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    int fd = accept(listener, NULL, NULL);
    char a[3];
    char b[4];
    char c[100];
    struct iovec v[3] = {{a, 3}, {b, 4}, {c, 100}};
    usleep(100000);
    assert(readv(fd, v, 3) == 12); /* what is there; no waiting for more */
    assert(memcmp(a, "hea", 3) == 0 && memcmp(b, "d|bo", 4) == 0 && memcmp(c, "dy|en", 5) == 0);
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    assert(recvmsg(fd, &m, MSG_WAITALL) == 7);
    assert(memcmp(a, "012", 3) == 0 && memcmp(b, "3456", 4) == 0);
    usleep(100000);
    uint64_t start = world_now_ms();
    assert(readv(fd, v, 3) == 7); /* two buffers are full, and the third does not wait */
    assert(world_now_ms() - start < 10);
    assert(readv(fd, v, 3) == 0);
    assert(close(fd) == 0 && close(listener) == 0);
}

static void vector_client(void *arg)
{
    (void)arg;
    int fd = open_connection(PORT);
    struct iovec v[4] = {{"head|", 5}, {NULL, 0}, {"body|", 5}, {"en", 2}};
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    uint64_t packets = world.pair.side[0].way.frames;
    assert(writev(fd, v, 4) == 12);
    assert(world.pair.side[0].way.frames == packets + 1); /* in one segment */
    usleep(200000);
    assert(send(fd, "012", 3, 0) == 3);
    usleep(50000);
    assert(send(fd, "3456", 4, 0) == 4);
    usleep(20000);
    assert(send(fd, "exactly", 7, 0) == 7);
    usleep(300000);
    expect_error(writev(fd, v, -1), EINVAL);
    expect_error(writev(fd, v, IOV_MAX + 1), EINVAL);
    expect_error(writev(fd, NULL, 1), EFAULT);
    v[1].iov_len = 1;
    expect_error(writev(fd, v, 2), EFAULT);
    v[1] = (struct iovec){v, SIZE_MAX - 2};
    expect_error(writev(fd, v, 2), EINVAL);
    expect_error(readv(STALE, v, 1), EBADF);
    assert(shutdown(fd, SHUT_WR) == 0);
    char c;
    assert(recv(fd, &c, 1, 0) == 0);
    assert(close(fd) == 0);
}

static void test_vectors(void **state)
{
    (void)state;
    world_spawn(1, vector_server, NULL);
    world_spawn(0, vector_client, NULL);
    world_run();
}

static void hollow_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    int fd = accept(listener, NULL, NULL);
    char a[4];
    assert(recv(fd, a, 4, 0) == 4);
    assert(recv(fd, a, 4, 0) == 0);
    assert(close(fd) == 0 && close(listener) == 0);
}

static void hollow_client(void *arg)
{
    (void)arg;
    int fd = open_connection(PORT);
    struct iovec v[3] = {{"text", 4}, {NULL, 0}, {NULL, 0}};
    uint64_t packets = world.pair.side[0].way.frames;
    assert(writev(fd, v, 3) == 4);
    usleep(20000);
    assert(world.pair.side[0].way.frames == packets + 1); /* gone: nothing follows it */
    assert(close(fd) == 0);
}

/* A vector that ends in empty buffers says no "more follows" with what is in front of them. */
static void test_hollow_vector(void **state)
{
    (void)state;
    world_spawn(1, hollow_server, NULL);
    world_spawn(0, hollow_client, NULL);
    world_run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_socket, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_addresses, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_io_errors, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_console, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_options, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_option_errors, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_fcntl_and_ioctl, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_poll_errors, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_datagrams, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_vectors, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hollow_vector, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("posix api", tests, NULL, NULL);
}
