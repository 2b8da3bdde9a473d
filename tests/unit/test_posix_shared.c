/*
 * What a call was told is what it goes by, whatever another task does while it sleeps: to the
 * caller's arrays (poll's, vectors, message headers) and to the descriptors it waits for. As Linux,
 * which copies them at the entry.
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

#include <cmocka.h>

#include "kernel/task.h"
#include "net/include/poll.h"
#include "net/include/unistd.h"
#include "net/stack.h"
#include "tests/unit/posix_world.h"

#undef assert
#define assert(x) ((x) ? (void)0 : assert_fail(#x, __FILE__, __LINE__, __func__))

enum {
    PORT = 80,
    SETTLE_US = 20 * 1000, /* until the others sleep in their calls */
    BLOCK_BYTES = 200 * 1000,
};

/* Whether anybody is still linked into a descriptor of side 1. */
static bool is_watched(int fd)
{
    return world.pair.net[1]->socks.by_fd[fd - SOCK_FD_FIRST]->watches != NULL;
}

static int open_datagram(uint16_t port)
{
    struct sockaddr_in a = addr_of(INADDR_ANY, port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert(fd >= 0 && bind(fd, as_addr(&a), sizeof(a)) == 0);
    return fd;
}

static void send_datagram(uint16_t port, const char *text)
{
    struct sockaddr_in to = addr_of(PAIR_HOST_1, port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert(sendto(fd, text, strlen(text), 0, as_addr(&to), sizeof(to)) == (ssize_t)strlen(text));
    assert(close(fd) == 0);
}

static void datagram_to_7(void *arg)
{
    (void)arg;
    usleep(3 * SETTLE_US);
    send_datagram(7, "seven");
}

/* --- poll --------------------------------------------------------------------------------- */

static struct {
    struct pollfd fds[4];
    int fd[3];
    int result;
} shared;

static void poll_shared(void *arg)
{
    (void)arg;
    shared.result = poll(shared.fds, 3, -1);
}

static void open_shared(void)
{
    memset(&shared, 0, sizeof(shared));
    for (int i = 0; i < 3; i++) {
        shared.fd[i] = open_datagram((uint16_t)(7 + i));
        shared.fds[i] = (struct pollfd){.fd = shared.fd[i], .events = POLLIN};
    }
}

static void close_shared(void)
{
    for (int i = 0; i < 3; i++) {
        assert(!is_watched(shared.fd[i])); /* the sleeper's stack is somebody else's by now */
        assert(close(shared.fd[i]) == 0);
    }
}

/* Each entry becomes another one, as when the array's owner makes it anew. */
static void replace_array(void *arg)
{
    (void)arg;
    open_shared();
    world_spawn(1, poll_shared, NULL);
    usleep(SETTLE_US);
    shared.fds[0].fd = shared.fd[1];
    shared.fds[1].fd = -1;
    shared.fds[2] = (struct pollfd){.fd = 1, .events = POLLOUT};
    usleep(4 * SETTLE_US);
    /* The datagram was for what stood in the first entry. */
    assert(shared.result == 1);
    assert(shared.fds[0].revents == POLLIN);
    assert(shared.fds[1].revents == 0 && shared.fds[2].revents == 0);
    close_shared();
}

static void test_poll_array_replaced(void **state)
{
    (void)state;
    world_spawn(1, replace_array, NULL);
    world_spawn(0, datagram_to_7, NULL);
    world_run();
}

/* The memory is reused: nothing in it is a pollfd any more. */
static void reuse_array(void *arg)
{
    (void)arg;
    open_shared();
    world_spawn(1, poll_shared, NULL);
    usleep(SETTLE_US);
    memset(shared.fds, 0x7f, sizeof(shared.fds));
    usleep(4 * SETTLE_US);
    assert(shared.result == 1 && shared.fds[0].revents == POLLIN);
    assert(shared.fds[0].fd == 0x7f7f7f7f); /* of an entry only revents is written */
    close_shared();
}

static void test_poll_array_reused(void **state)
{
    (void)state;
    world_spawn(1, reuse_array, NULL);
    world_spawn(0, datagram_to_7, NULL);
    world_run();
}

/* Closed under the sleeper, its number given away at once: the other descriptor is not meant. */
static void close_and_reuse(void *arg)
{
    (void)arg;
    open_shared();
    world_spawn(1, poll_shared, NULL);
    usleep(SETTLE_US);
    assert(close(shared.fd[1]) == 0);
    assert(open_datagram(17) == shared.fd[1]);
    usleep(SETTLE_US);
    assert(shared.result == 1 && shared.fds[1].revents == POLLNVAL);
    close_shared();
}

static void test_poll_number_reused(void **state)
{
    (void)state;
    world_spawn(1, close_and_reuse, NULL);
    world_run();
}

/* The same in the turn that poll lets others have before it looks for the first time. */
static void close_and_reuse_at_once(void *arg)
{
    (void)arg;
    open_shared();
    world_spawn(1, poll_shared, NULL);
    task_yield();
    assert(close(shared.fd[1]) == 0);
    assert(open_datagram(17) == shared.fd[1]);
    usleep(SETTLE_US);
    assert(shared.result == 1 && shared.fds[1].revents == POLLNVAL);
    close_shared();
}

static void test_poll_number_reused_at_once(void **state)
{
    (void)state;
    world_spawn(1, close_and_reuse_at_once, NULL);
    world_run();
}

/* One descriptor in several entries, several tasks at one descriptor: all hear of it. */
static void poll_twice(void *arg)
{
    int fd = *(int *)arg;
    struct pollfd p[3] = {{fd, POLLIN, 0}, {fd, POLLIN, 0}, {fd, 0, 0}};
    assert(poll(p, 3, -1) == 2 && p[0].revents == POLLIN && p[1].revents == POLLIN);
    shared.result++;
}

static void same_descriptor(void *arg)
{
    (void)arg;
    open_shared();
    world_spawn(1, poll_twice, &shared.fd[0]);
    world_spawn(1, poll_twice, &shared.fd[0]);
    usleep(5 * SETTLE_US);
    assert(shared.result == 2);
    close_shared();
}

static void test_poll_same_descriptor(void **state)
{
    (void)state;
    world_spawn(1, same_descriptor, NULL);
    world_spawn(0, datagram_to_7, NULL);
    world_run();
}

/* --- vectors and messages ----------------------------------------------------------------- */

static struct {
    char a[4], b[4], other[64];
    struct iovec iov[2];
    struct sockaddr_in from;
    struct msghdr msg;
    ssize_t result;
    int fd;
} vec;

static void vec_init(void)
{
    memset(&vec, 0, sizeof(vec));
    vec.iov[0] = (struct iovec){vec.a, sizeof(vec.a)};
    vec.iov[1] = (struct iovec){vec.b, sizeof(vec.b)};
    vec.msg = (struct msghdr){
        .msg_name = &vec.from,
        .msg_namelen = sizeof(vec.from),
        .msg_iov = vec.iov,
        .msg_iovlen = 2,
    };
}

static void vec_spoil(void)
{
    vec.iov[0] = (struct iovec){NULL, 1000};
    vec.iov[1] = (struct iovec){vec.other, sizeof(vec.other)};
    vec.msg = (struct msghdr){.msg_name = vec.other, .msg_iov = NULL, .msg_iovlen = 1};
}

static void recv_vector(void *arg)
{
    (void)arg;
    vec.result = readv(vec.fd, vec.iov, 2);
}

static void recv_message(void *arg)
{
    (void)arg;
    vec.result = recvmsg(vec.fd, &vec.msg, 0);
}

static void check_vec_received(const char *text)
{
    size_t len = strlen(text);
    assert(vec.result == (ssize_t)len && len > sizeof(vec.a));
    assert(memcmp(vec.a, text, sizeof(vec.a)) == 0);
    assert(memcmp(vec.b, text + sizeof(vec.a), len - sizeof(vec.a)) == 0);
    static const char untouched[sizeof(vec.other)];
    assert(memcmp(vec.other, untouched, sizeof(untouched)) == 0);
}

static void change_datagram_vectors(void *arg)
{
    (void)arg;
    vec_init();
    vec.fd = open_datagram(7);
    world_spawn(1, recv_vector, NULL);
    usleep(SETTLE_US);
    vec_spoil();
    usleep(4 * SETTLE_US);
    check_vec_received("seven");
    assert(close(vec.fd) == 0);

    vec_init();
    vec.fd = open_datagram(8);
    world_spawn(1, recv_message, NULL);
    usleep(SETTLE_US);
    vec_spoil();
    usleep(4 * SETTLE_US);
    check_vec_received("eight");
    assert(ntohl(vec.from.sin_addr.s_addr) == PAIR_HOST_0);
    assert(vec.msg.msg_namelen == sizeof(vec.from) && vec.msg.msg_flags == 0);
    assert(close(vec.fd) == 0);
}

static void datagrams_apart(void *arg)
{
    (void)arg;
    usleep(3 * SETTLE_US);
    send_datagram(7, "seven");
    usleep(5 * SETTLE_US);
    send_datagram(8, "eight");
}

static void test_datagram_vectors_changed(void **state)
{
    (void)state;
    world_spawn(1, change_datagram_vectors, NULL);
    world_spawn(0, datagrams_apart, NULL);
    world_run();
}

static char block[BLOCK_BYTES];

/* Ten parts: more than are kept on the stack. */
static struct iovec parts[10];

static void send_parts(void *arg)
{
    (void)arg;
    vec.result = writev(vec.fd, parts, ARRAY_SIZE(parts));
}

static void change_stream_vector(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    vec.fd = accept(listener, NULL, NULL);
    assert(vec.fd >= 0);
    memset(block, 'x', sizeof(block));
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        parts[i] = (struct iovec){block + i * (BLOCK_BYTES / 10), BLOCK_BYTES / 10};
    }
    world_spawn(1, send_parts, NULL); /* the peer does not read yet: it sleeps in the call */
    usleep(SETTLE_US);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        parts[i] = (struct iovec){NULL, 1};
    }
    usleep(100 * SETTLE_US);
    assert(vec.result == BLOCK_BYTES);
    assert(close(vec.fd) == 0 && close(listener) == 0);
}

static void late_reader(void *arg)
{
    (void)arg;
    static char buf[5000];
    size_t got = 0;
    ssize_t r;
    int fd = open_connection(PORT);
    usleep(5 * SETTLE_US);
    while ((r = read(fd, buf, sizeof(buf))) > 0) {
        got += (size_t)r;
    }
    assert(r == 0 && got == BLOCK_BYTES);
    assert(close(fd) == 0);
}

static void test_stream_vector_changed(void **state)
{
    (void)state;
    world_spawn(1, change_stream_vector, NULL);
    world_spawn(0, late_reader, NULL);
    world_run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_poll_array_replaced, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_poll_array_reused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_poll_number_reused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_poll_number_reused_at_once, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_poll_same_descriptor, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_datagram_vectors_changed, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_stream_vector_changed, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("posix_shared", tests, NULL, NULL);
}
