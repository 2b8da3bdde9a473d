/*
 * The blocking POSIX layer on real tasks: whole transfers, waiting, time-outs, closing under
 * somebody's feet, lingering, poll and epoll_wait. Errors and options are test_posix_api.c's.
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

#include "kernel/task.h"
#include "net/include/fcntl.h"
#include "net/include/poll.h"
#include "net/include/sys/epoll.h"
#include "net/include/unistd.h"
#include "tests/unit/posix_world.h"

#undef assert
#define assert(x) ((x) ? (void)0 : assert_fail(#x, __FILE__, __LINE__, __func__))

enum {
    PORT = 80,
    BULK_BYTES = 300 * 1000,
};

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7);
}

/* One connection, echoed until its end. */
static void echo_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    int fd = accept(listener, NULL, NULL);
    assert(fd >= 0);
    char buf[5000];
    ssize_t r;
    while ((r = recv(fd, buf, sizeof(buf), 0)) > 0) {
        ssize_t s = send(fd, buf, (size_t)r, 0);
        assert(s == r); /* a blocking send sends everything */
    }
    assert(r == 0);
    assert(close(fd) == 0);
    assert(close(listener) == 0);
}

static void bulk_receiver(void *arg)
{
    int fd = *(int *)arg;
    static uint8_t buf[7000];
    size_t at = 0;
    ssize_t r;
    while ((r = read(fd, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < r; i++) {
            assert(buf[i] == pattern(at++));
        }
    }
    assert(r == 0 && at == BULK_BYTES);
    assert(close(fd) == 0);
}

static void bulk_sender(void *arg)
{
    static int fd;
    static uint8_t data[BULK_BYTES];
    (void)arg;
    fd = open_connection(PORT);
    world_spawn(0, bulk_receiver, &fd); /* the other direction at the same time */
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = pattern(i);
    }
    ssize_t s = send(fd, data, sizeof(data), MSG_NOSIGNAL);
    assert(s == BULK_BYTES);
    assert(shutdown(fd, SHUT_WR) == 0);
}

static void test_bulk_echo(void **state)
{
    (void)state;
    world_spawn(1, echo_server, NULL);
    world_spawn(0, bulk_sender, NULL);
    world_run();
}

static void waitall_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    int fd = accept(listener, (struct sockaddr *)&peer, &len);
    assert(fd >= 0 && len == sizeof(peer) && ntohl(peer.sin_addr.s_addr) == PAIR_HOST_0);
    char buf[16];
    assert(recv(fd, buf, 2, MSG_PEEK) == 2); /* waits, too */
    assert(recv(fd, buf, 10, MSG_WAITALL) == 10);
    assert(memcmp(buf, "0123456789", 10) == 0);
    assert(recv(fd, buf, 10, MSG_WAITALL) == 3); /* the end of the stream cuts it */
    assert(recv(fd, buf, 10, MSG_WAITALL) == 0);
    assert(close(fd) == 0 && close(listener) == 0);
}

static void slow_client(void *arg)
{
    (void)arg;
    int fd = open_connection(PORT);
    const char *parts[] = {"012", "345", "6789", "abc"};
    for (int i = 0; i < 4; i++) {
        assert(write(fd, parts[i], strlen(parts[i])) == (ssize_t)strlen(parts[i]));
        usleep(20000);
    }
    assert(close(fd) == 0);
}

static void test_waitall(void **state)
{
    (void)state;
    world_spawn(1, waitall_server, NULL);
    world_spawn(0, slow_client, NULL);
    world_run();
}

static void set_timeout(int fd, int option, int ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    assert(setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)) == 0);
}

/* That long, up to a timer's tick more. */
static void expect_elapsed(uint64_t since_ms, uint64_t ms)
{
    uint64_t passed = world_now_ms() - since_ms;
    assert(passed >= ms && passed <= ms + 2);
}

static void timeouts_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    set_timeout(listener, SO_RCVTIMEO, 30);
    uint64_t start = world_now_ms();
    expect_error(accept(listener, NULL, NULL), EAGAIN);
    expect_elapsed(start, 30);
    set_timeout(listener, SO_RCVTIMEO, 0); /* none */
    int fd = accept(listener, NULL, NULL);
    assert(fd >= 0);
    char c;
    set_timeout(fd, SO_RCVTIMEO, 1500);
    start = world_now_ms();
    expect_error(recv(fd, &c, 1, 0), EAGAIN);
    expect_elapsed(start, 1500);
    start = world_now_ms();
    expect_error(recv(fd, &c, 1, MSG_DONTWAIT), EAGAIN);
    expect_elapsed(start, 0);
    static char block[64 * 1024];
    set_timeout(fd, SO_SNDTIMEO, 40);
    ssize_t s;
    do { /* the peer does not read: a part goes while there is room, then time is up */
        start = world_now_ms();
        s = send(fd, block, sizeof(block), 0);
        if (s < (ssize_t)sizeof(block)) {
            expect_elapsed(start, 40);
        }
    } while (s > 0);
    expect_error(s, EAGAIN);
    assert(close(fd) == 0 && close(listener) == 0);
}

static void timeouts_client(void *arg)
{
    (void)arg;
    usleep(100 * 1000);
    int fd = open_connection(PORT);
    usleep(4000 * 1000);
    assert(close(fd) == 0);
    /* Nobody answers there: the wire carries it to side 1, which is not meant. */
    struct sockaddr_in nobody = addr_of(0x0a000009, PORT);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    set_timeout(fd, SO_SNDTIMEO, 200);
    uint64_t start = world_now_ms();
    expect_error(connect(fd, as_addr(&nobody), sizeof(nobody)), EINPROGRESS);
    expect_elapsed(start, 200);
    expect_error(connect(fd, as_addr(&nobody), sizeof(nobody)), EALREADY);
    assert(close(fd) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    expect_error(connect(fd, as_addr(&nobody), sizeof(nobody)), ETIMEDOUT);
    assert(close(fd) == 0);
}

static void test_timeouts(void **state)
{
    (void)state;
    world_spawn(1, timeouts_server, NULL);
    world_spawn(0, timeouts_client, NULL);
    world_run();
}

static void connector(void *arg)
{
    (void)arg;
    struct sockaddr_in to = addr_of(PAIR_HOST_1, PORT + 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    expect_error(connect(fd, as_addr(&to), sizeof(to)), ECONNREFUSED);
    assert(close(fd) == 0);

    to = addr_of(PAIR_HOST_1, PORT);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect_error(connect(fd, as_addr(&to), sizeof(to)), EINPROGRESS);
    expect_error(connect(fd, as_addr(&to), sizeof(to)), EALREADY);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    assert(poll(&p, 1, 1000) == 1 && p.revents == POLLOUT);
    int error = -1;
    socklen_t len = sizeof(error);
    assert(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
    expect_error(connect(fd, as_addr(&to), sizeof(to)), EISCONN);
    assert(close(fd) == 0);
}

static void accept_one(void *arg)
{
    int listener = *(int *)arg;
    int fd = accept(listener, NULL, NULL);
    assert(fd >= 0);
    char c;
    assert(recv(fd, &c, 1, 0) == 0);
    assert(close(fd) == 0);
}

static void two_acceptors(void *arg)
{
    static int listener;
    (void)arg;
    listener = open_listener(PORT);
    world_spawn(1, accept_one, &listener);
    accept_one(&listener);
    usleep(1000 * 1000);
    assert(close(listener) == 0);
}

static void test_connects_and_two_acceptors(void **state)
{
    (void)state;
    world_spawn(1, two_acceptors, NULL);
    world_spawn(0, connector, NULL);
    world_spawn(0, connector, NULL);
    world_run();
}

/* Each waits on a descriptor that another task closes. */
static void wait_in_accept(void *arg)
{
    expect_error(accept(*(int *)arg, NULL, NULL), EBADF);
}

static void wait_in_recv(void *arg)
{
    char c;
    expect_error(recv(*(int *)arg, &c, 1, 0), EBADF);
}

static void wait_in_epoll(void *arg)
{
    struct epoll_event e;
    expect_error(epoll_wait(*(int *)arg, &e, 1, -1), EBADF);
}

static void wait_in_poll(void *arg)
{
    struct pollfd p[2] = {{.fd = *(int *)arg, .events = POLLIN}, {.fd = -1}};
    assert(poll(p, 2, -1) == 1 && p[0].revents == POLLNVAL);
}

static void closer(void *arg)
{
    static int fd[4];
    (void)arg;
    fd[0] = open_listener(PORT);
    fd[1] = socket(AF_INET, SOCK_DGRAM, 0);
    fd[2] = epoll_create1(0);
    fd[3] = open_listener(PORT + 1);
    struct sockaddr_in any = addr_of(0, 7);
    assert(bind(fd[1], as_addr(&any), sizeof(any)) == 0);
    void (*const waiters[])(void *) = {wait_in_accept, wait_in_recv, wait_in_epoll, wait_in_poll};
    for (int i = 0; i < 4; i++) {
        world_spawn(1, waiters[i], &fd[i]);
    }
    usleep(50 * 1000);
    int reused[4];
    for (int i = 0; i < 3; i++) { /* close, and give the number to somebody else at once */
        assert(close(fd[i]) == 0);
        reused[i] = socket(AF_INET, SOCK_DGRAM, 0);
        assert(reused[i] == fd[i]);
    }
    assert(close(fd[3]) == 0);
    usleep(50 * 1000);
    for (int i = 0; i < 3; i++) {
        assert(close(reused[i]) == 0);
    }
}

static void test_close_under_a_waiter(void **state)
{
    (void)state;
    world_spawn(1, closer, NULL);
    world_run();
}

static void wait_for_end(void *arg)
{
    char c;
    assert(recv(*(int *)arg, &c, 1, 0) == 0);
}

static void half_closer(void *arg)
{
    static int fd;
    (void)arg;
    fd = open_connection(PORT);
    world_spawn(0, wait_for_end, &fd);
    usleep(1000);
    assert(shutdown(fd, SHUT_RD) == 0);
    usleep(1000);
    char c;
    assert(recv(fd, &c, 1, 0) == 0);
    assert(send(fd, "x", 1, 0) == 1);
    assert(shutdown(fd, SHUT_WR) == 0);
    expect_error(send(fd, "x", 1, 0), EPIPE);
    assert(close(fd) == 0);
}

static void sink_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    int fd = accept(listener, NULL, NULL);
    assert(fd >= 0);
    static char buf[4096];
    while (recv(fd, buf, sizeof(buf), 0) > 0) {
    }
    assert(close(fd) == 0 && close(listener) == 0);
}

static void test_shutdown_wakes(void **state)
{
    (void)state;
    world_spawn(1, sink_server, NULL);
    world_spawn(0, half_closer, NULL);
    world_run();
}

static void lingerer(void *arg)
{
    (void)arg;
    int fd = open_connection(PORT);
    static char data[100000];
    struct linger l = {.l_onoff = 1, .l_linger = 3};
    assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
    assert(fcntl(fd, F_SETFL, O_NONBLOCK) == 0); /* makes no difference to a lingering close */
    ssize_t s = send(fd, data, sizeof(data), 0);
    assert(s > 0);
    uint64_t start = world_now_ms();
    assert(close(fd) == 0);
    uint64_t passed = world_now_ms() - start;
    if (arg == NULL) {
        assert(passed >= 400 && passed < 3000); /* the other side begins to read after 0.5 s */
    } else {
        expect_elapsed(start, 3000); /* it never reads */
    }
}

static void late_reader(void *arg)
{
    int listener = open_listener(PORT);
    int small = 4096;
    assert(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
    int fd = accept(listener, NULL, NULL);
    assert(fd >= 0);
    usleep(arg == NULL ? 500 * 1000 : 5000 * 1000);
    static char buf[4096];
    ssize_t r;
    while (arg == NULL && (r = recv(fd, buf, sizeof(buf), 0)) > 0) {
    }
    assert(close(fd) == 0 && close(listener) == 0);
}

static void test_lingering_close(void **state)
{
    (void)state;
    world_spawn(1, late_reader, NULL);
    world_spawn(0, lingerer, NULL);
    world_run();
}

static void test_lingering_close_times_out(void **state)
{
    (void)state;
    static int never;
    world_spawn(1, late_reader, &never);
    world_spawn(0, lingerer, &never);
    world_run();
}

static void poller(void *arg)
{
    (void)arg;
    int a = socket(AF_INET, SOCK_DGRAM, 0);
    int b = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any = addr_of(0, 7);
    assert(bind(b, as_addr(&any), sizeof(any)) == 0);
    struct pollfd p[5] = {
        {.fd = a, .events = POLLIN},
        {.fd = b, .events = POLLIN | POLLRDNORM},
        {.fd = -7, .events = POLLIN, .revents = 99},
        {.fd = 1, .events = POLLIN},
        {.fd = a, .events = 0},
    };
    uint64_t start = world_now_ms();
    assert(poll(p, 5, 0) == 0 && p[2].revents == 0);
    assert(poll(p, 5, 20) == 0);
    expect_elapsed(start, 20);
    assert(poll(p, 5, -1) == 1); /* the other side sends after 100 ms */
    expect_elapsed(start, 100);
    assert(p[1].revents == (POLLIN | POLLRDNORM) && p[0].revents == 0);
    p[3].events = POLLOUT;
    p[0].fd = 31;
    assert(poll(p, 5, -1) == 3);
    assert(p[0].revents == POLLNVAL && p[1].revents != 0 && p[3].revents == POLLOUT);
    assert(poll(NULL, 0, 10) == 0); /* just sleeps */
    assert(close(a) == 0 && close(b) == 0);
}

static void late_datagram(void *arg)
{
    (void)arg;
    usleep(100 * 1000);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = addr_of(PAIR_HOST_1, 7);
    assert(sendto(fd, "x", 1, 0, as_addr(&to), sizeof(to)) == 1);
    assert(close(fd) == 0);
}

/* Woken for a datagram that another task took: the time-out still counts from the start. */
static void loser(void *arg)
{
    char c;
    set_timeout(*(int *)arg, SO_RCVTIMEO, 150);
    uint64_t start = world_now_ms();
    expect_error(recv(*(int *)arg, &c, 1, 0), EAGAIN);
    expect_elapsed(start, 150);
}

static void winner(void *arg)
{
    static int fd;
    (void)arg;
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any = addr_of(0, 7);
    assert(bind(fd, as_addr(&any), sizeof(any)) == 0);
    world_spawn(1, loser, &fd);
    task_yield();
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;
    do { /* the loser waits first, but is never fast enough */
        assert(poll(&p, 1, 1) >= 0);
    } while (recv(fd, &c, 1, MSG_DONTWAIT) != 1);
    usleep(200000);
    assert(close(fd) == 0);
}

static void test_timeout_after_wakeup(void **state)
{
    (void)state;
    world_spawn(1, winner, NULL);
    world_spawn(0, late_datagram, NULL);
    world_run();
}

static void test_poll(void **state)
{
    (void)state;
    world_spawn(1, poller, NULL);
    world_spawn(0, late_datagram, NULL);
    world_run();
}

static void epoll_waiter(void *arg)
{
    (void)arg;
    int ep = epoll_create(1);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any = addr_of(0, 7);
    assert(bind(fd, as_addr(&any), sizeof(any)) == 0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &any};
    assert(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    struct epoll_event got[4];
    uint64_t start = world_now_ms();
    assert(epoll_wait(ep, got, 4, 0) == 0);
    assert(epoll_wait(ep, got, 4, 20) == 0);
    expect_elapsed(start, 20);
    assert(epoll_wait(ep, got, 4, -1) == 1);
    expect_elapsed(start, 100);
    assert(got[0].events == EPOLLIN && got[0].data.ptr == &any);
    assert(epoll_wait(ep, got, 4, -1) == 1);
    struct pollfd p = {.fd = ep, .events = POLLIN};
    assert(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
    assert(close(fd) == 0);
    assert(epoll_wait(ep, got, 4, 30) == 0);
    assert(close(ep) == 0);
}

/* One switch to the loop and back a call: it waits when there is nothing, and yields otherwise. */
static void epoll_switcher(void *arg)
{
    (void)arg;
    int ep = epoll_create1(0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};
    assert(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    const uint64_t *switches = &task_stats()->switches;
    uint64_t before = *switches;
    assert(epoll_wait(ep, &e, 1, -1) == 1 && *switches == before + 1);
    e.events = EPOLLIN;
    assert(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e) == 0);
    assert(epoll_wait(ep, &e, 1, 5) == 0 && *switches == before + 2);
    assert(epoll_wait(ep, &e, 1, 0) == 0 && *switches == before + 3);
    assert(close(fd) == 0 && close(ep) == 0);
}

static void test_epoll_wait_switches_once(void **state)
{
    (void)state;
    world_spawn(1, epoll_switcher, NULL);
    world_run();
}

static void test_epoll_wait(void **state)
{
    (void)state;
    world_spawn(1, epoll_waiter, NULL);
    world_spawn(0, late_datagram, NULL);
    world_run();
}

/* Tasks that never wait: without turns of the loop in between the datagram would never come. */
static void spinner(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in any = addr_of(0, 7);
    assert(bind(fd, as_addr(&any), sizeof(any)) == 0);
    char c;
    ssize_t r;
    while ((r = recv(fd, &c, 1, 0)) < 0) {
        assert(errno == EAGAIN);
    }
    assert(r == 1);
    assert(close(fd) == 0);
}

static void always_ready(void *arg)
{
    int waiting = *(int *)arg;
    int ep = epoll_create1(0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};
    assert(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    uint64_t turns = world.turns;
    for (int i = 0; i < 100; i++) {
        assert(epoll_wait(ep, &e, 1, waiting) == 1);
    }
    assert(world.turns - turns >= 100); /* one turn a batch */
    assert(close(fd) == 0 && close(ep) == 0);
}

static void datagram_now(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = addr_of(PAIR_HOST_1, 7);
    assert(sendto(fd, "x", 1, 0, as_addr(&to), sizeof(to)) == 1);
    assert(close(fd) == 0);
}

/* The console counts by the byte: a serial line takes 87 us for one. */
static void writer(void *arg)
{
    static const char line[] =
        "seventy-nine characters and a newline are what a line of a screen holds at most";
    struct iovec two[] = {{.iov_base = (void *)(uintptr_t)line, .iov_len = 79},
                          {.iov_base = "\n", .iov_len = 1}};
    uint64_t turns = world.turns;
    for (int i = 0; i < 200; i++) {
        assert(write(1, line, 79) == 79 && write(2, "\n", 1) == 1);
        assert(writev(1, two, 2) == 80);
    }
    assert(world.turns - turns >= 10);
}

static void test_nobody_starves_the_network(void **state)
{
    (void)state;
    static int timeouts[] = {0, -1};
    world_spawn(1, spinner, NULL);
    world_spawn(0, datagram_now, NULL);
    world_spawn(1, always_ready, &timeouts[0]);
    world_spawn(1, always_ready, &timeouts[1]);
    world_spawn(1, writer, NULL);
    world_run();
}

static void flags_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    int on = 1;
    assert(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
    expect_error(accept(listener, NULL, NULL), EAGAIN);
    struct pollfd p = {.fd = listener, .events = POLLIN};
    assert(poll(&p, 1, -1) == 1);
    int fd = accept(listener, NULL, NULL);
    assert(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0); /* not inherited */
    assert(close(fd) == 0);
    assert(poll(&p, 1, -1) == 1);
    struct sockaddr_storage peer;
    socklen_t len = 4; /* cut to four bytes, the whole length told */
    fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert(len == sizeof(struct sockaddr_in) && peer.ss_family == AF_INET);
    expect_error(recv(fd, &on, 1, 0), EAGAIN);
    assert(close(fd) == 0 && close(listener) == 0);
}

static void two_connections(void *arg)
{
    (void)arg;
    usleep(10000);
    int a = open_connection(PORT);
    int b = open_connection(PORT);
    usleep(1000 * 1000);
    assert(close(a) == 0 && close(b) == 0);
}

static void test_accept_flags(void **state)
{
    (void)state;
    world_spawn(1, flags_server, NULL);
    world_spawn(0, two_connections, NULL);
    world_run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bulk_echo, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_waitall, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_timeouts, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_connects_and_two_acceptors, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_close_under_a_waiter, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_shutdown_wakes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_lingering_close, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_lingering_close_times_out, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_poll, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_timeout_after_wakeup, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_epoll_wait, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_epoll_wait_switches_once, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_starves_the_network, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_accept_flags, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("posix", tests, NULL, NULL);
}
