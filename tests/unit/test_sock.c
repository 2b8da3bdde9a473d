/*
 * The non-blocking socket layer: descriptors, every error, streams and datagrams between two
 * stacks, readiness and watches. Links the whole stack.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/pair.c tests/sim/link.c tests/sim/carve.c
// LINK: @net kernel/pkt.c kernel/pool.c kernel/timer.c

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/sock/epoll.h"
#include "net/stack.h"
#include "tests/sim/pair.h"

static int setup(void **state)
{
    static struct pair pair;
    struct net_limits l = pair_limits();
    pair_init(&pair, &l);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    pair_destroy(*state);
    return 0;
}

static int open_tcp(struct pair *p, int side)
{
    return sock_open(p->net[side], SOCK_TYPE_TCP, p->now_ns);
}

static int open_udp(struct pair *p, int side)
{
    return sock_open(p->net[side], SOCK_TYPE_UDP, p->now_ns);
}

static int bind_to(struct pair *p, int side, int fd, uint32_t addr, uint16_t port)
{
    struct sock_addr a = {.addr = addr, .port = port};
    return sock_bind(p->net[side], fd, &a, p->now_ns);
}

static int connect_to(struct pair *p, int side, int fd, uint32_t addr, uint16_t port)
{
    struct sock_addr a = {.addr = addr, .port = port};
    return sock_connect(p->net[side], fd, &a, p->now_ns);
}

static ptrdiff_t put(struct pair *p, int side, int fd, const char *text)
{
    return sock_send(p->net[side], fd, text, strlen(text), 0, NULL, p->now_ns);
}

static ptrdiff_t get(struct pair *p, int side, int fd, char *buf, size_t len)
{
    return sock_recv(p->net[side], fd, buf, len, 0, NULL, p->now_ns);
}

struct counting_watch {
    struct sock_watch watch;
    uint32_t bits;
    int calls;
};

static void count_call(struct sock_watch *w, uint32_t bits)
{
    struct counting_watch *c = container_of(w, struct counting_watch, watch);
    c->bits |= bits;
    c->calls++;
}

static void test_lowest_number_first(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    assert_int_equal(open_tcp(p, 0), 3);
    assert_int_equal(open_udp(p, 0), 4);
    assert_int_equal(epoll_open(n, p->now_ns), 5);
    assert_int_equal(open_tcp(p, 0), 6);
    assert_int_equal(sock_close(n, 4, p->now_ns), 0);
    assert_int_equal(sock_close(n, 3, p->now_ns), 0);
    assert_int_equal(open_udp(p, 0), 3);
    assert_int_equal(open_udp(p, 0), 4);
    assert_int_equal(open_udp(p, 0), 7);
    assert_int_equal(n->counters.sock_opened, 6);
    assert_int_equal(n->counters.sock_closed, 2);
}

static void test_stale_descriptors(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    int fd = open_tcp(p, 0);
    assert_int_equal(sock_close(n, fd, p->now_ns), 0);
    const int stale[] = {fd, -1, INT32_MIN, 3 + 32, 100000, INT32_MAX};
    struct sock_addr a = {.addr = PAIR_HOST_1, .port = 1};
    struct sock_watch w = {0};
    char c = 0;
    int64_t v = 0;
    for (size_t i = 0; i < ARRAY_SIZE(stale); i++) {
        int s = stale[i];
        assert_int_equal(sock_close(n, s, 0), -EBADF);
        assert_int_equal(sock_close_begin(n, s, 0), -EBADF);
        assert_int_equal(sock_bind(n, s, &a, 0), -EBADF);
        assert_int_equal(sock_listen(n, s, 1, 0), -EBADF);
        assert_int_equal(sock_accept(n, s, &a, 0), -EBADF);
        assert_int_equal(sock_connect(n, s, &a, 0), -EBADF);
        assert_int_equal(sock_send(n, s, &c, 1, 0, NULL, 0), -EBADF);
        assert_int_equal(sock_recv(n, s, &c, 1, 0, NULL, 0), -EBADF);
        assert_int_equal(sock_shutdown(n, s, 0, 0), -EBADF);
        assert_int_equal(sock_name(n, s, &a), -EBADF);
        assert_int_equal(sock_peer(n, s, &a), -EBADF);
        assert_int_equal(sock_readable(n, s), -EBADF);
        assert_int_equal(sock_ready(n, s), -EBADF);
        assert_int_equal(sock_set_opt(n, s, SOCK_OPT_NONBLOCK, 1, p->now_ns), -EBADF);
        assert_int_equal(sock_get_opt(n, s, SOCK_OPT_NONBLOCK, &v), -EBADF);
        assert_int_equal(sock_watch_add(n, s, &w), -EBADF);
        sock_watch_remove(n, s, &w);
    }
    assert_true(n->counters.sock_stale_fd >= 16 * ARRAY_SIZE(stale));
}

static void test_not_a_socket(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    int ep = epoll_open(n, p->now_ns);
    const int others[] = {0, 1, 2, ep};
    struct sock_addr a = {.addr = PAIR_HOST_1, .port = 1};
    int64_t v = 0;
    char c = 0;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        int fd = others[i];
        assert_int_equal(sock_bind(n, fd, &a, 0), -ENOTSOCK);
        assert_int_equal(sock_listen(n, fd, 1, 0), -ENOTSOCK);
        assert_int_equal(sock_accept(n, fd, NULL, 0), -ENOTSOCK);
        assert_int_equal(sock_connect(n, fd, &a, 0), -ENOTSOCK);
        assert_int_equal(sock_send(n, fd, &c, 1, 0, NULL, 0), -ENOTSOCK);
        assert_int_equal(sock_recv(n, fd, &c, 1, 0, NULL, 0), -ENOTSOCK);
        assert_int_equal(sock_shutdown(n, fd, 0, 0), -ENOTSOCK);
        assert_int_equal(sock_peer(n, fd, &a), -ENOTSOCK);
        assert_int_equal(sock_get_opt(n, fd, SOCK_OPT_ERROR, &v), -ENOTSOCK);
        assert_int_equal(sock_set_opt(n, fd, SOCK_OPT_REUSEADDR, 1, p->now_ns), -ENOTSOCK);
    }
    assert_int_equal(sock_set_opt(n, ep, SOCK_OPT_NONBLOCK, 1, p->now_ns), 0);
    assert_int_equal(sock_get_opt(n, ep, SOCK_OPT_NONBLOCK, &v), 0);
    assert_int_equal(v, 1);
}

static void test_table_full(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    int fd[32];
    for (int i = 0; i < 32; i++) {
        fd[i] = i % 2 == 0 ? open_tcp(p, 0) : epoll_open(n, p->now_ns);
        if (fd[i] == -EMFILE) { /* the four instances are gone */
            fd[i] = open_tcp(p, 0);
        }
        assert_int_equal(fd[i], 3 + i);
    }
    assert_int_equal(open_tcp(p, 0), -EMFILE);
    assert_int_equal(open_udp(p, 0), -EMFILE);
    assert_int_equal(epoll_open(n, p->now_ns), -EMFILE);
    assert_int_equal(n->counters.sock_table_full, 3);
    assert_int_equal(sock_close(n, fd[17], p->now_ns), 0);
    assert_int_equal(open_udp(p, 0), fd[17]);
    assert_int_equal(n->socks.socks.high, 32);
}

/* Numbers over several words of the map, against the rule "lowest free first". */
static void test_many_numbers(void **state)
{
    (void)state;
    static struct pair pair;
    struct net_limits l = pair_limits();
    l.sockets = 200; /* not a multiple of 64 */
    l.udp_sockets = 250;
    pair_init(&pair, &l);
    struct net *n = pair.net[0];
    bool open[200] = {false};
    uint32_t seed = 12345;
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1664525u + 1013904223u;
        int at = (int)(seed >> 8) % 200;
        if ((seed >> 28) < 6 && open[at]) {
            assert_int_equal(sock_close(n, at + 3, pair.now_ns), 0);
            open[at] = false;
            continue;
        }
        int lowest = 0;
        while (lowest < 200 && open[lowest]) {
            lowest++;
        }
        int fd = open_udp(&pair, 0);
        assert_int_equal(fd, lowest == 200 ? -EMFILE : lowest + 3);
        if (fd >= 0) {
            open[lowest] = true;
        }
    }
    assert_true(n->counters.sock_table_full > 0);
    pair_destroy(&pair);
}

static void test_pools_refuse(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    n->socks.socks.fail_at = n->socks.socks.get_count + 1;
    assert_int_equal(open_tcp(p, 0), -ENFILE);
    n->socks.socks.fail_at = n->socks.socks.get_count + 1;
    assert_int_equal(epoll_open(n, p->now_ns), -ENFILE);
    n->udp.pool.fail_at = n->udp.pool.get_count + 1;
    assert_int_equal(open_udp(p, 0), -ENOBUFS);
    assert_int_equal(n->counters.sock_no_transport, 1);
    assert_int_equal(n->socks.socks.used, 0);
    assert_int_equal(open_udp(p, 0), 3); /* the number came back each time */
}

static void test_wrong_kind_or_state(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    int tcp = open_tcp(p, 0);
    int udp = open_udp(p, 0);
    char buf[8];
    assert_int_equal(sock_listen(n, udp, 1, p->now_ns), -EOPNOTSUPP);
    assert_int_equal(sock_accept(n, udp, NULL, p->now_ns), -EOPNOTSUPP);
    assert_int_equal(sock_accept(n, tcp, NULL, p->now_ns), -EINVAL);
    assert_int_equal(put(p, 0, tcp, "x"), -ENOTCONN);
    assert_int_equal(get(p, 0, tcp, buf, 8), -ENOTCONN);
    assert_int_equal(sock_shutdown(n, tcp, 1, p->now_ns), -ENOTCONN);
    assert_int_equal(sock_shutdown(n, udp, 1, p->now_ns), -ENOTCONN);
    assert_int_equal(sock_shutdown(n, tcp, 3, p->now_ns), -EINVAL);
    assert_int_equal(sock_shutdown(n, tcp, -1, p->now_ns), -EINVAL);
    struct sock_addr a;
    assert_int_equal(sock_peer(n, tcp, &a), -ENOTCONN);
    assert_int_equal(sock_peer(n, udp, &a), -ENOTCONN);
    assert_int_equal(sock_connect(n, tcp, NULL, p->now_ns), -EINVAL);
    assert_int_equal(connect_to(p, 0, tcp, PAIR_HOST_1, 0), -EADDRNOTAVAIL);
    assert_int_equal(sock_send(n, tcp, "x", 1, SOCK_MSG_PEEK, NULL, p->now_ns), -EOPNOTSUPP);
    assert_int_equal(sock_recv(n, tcp, buf, 1, SOCK_MSG_TRUNC, NULL, p->now_ns), -EOPNOTSUPP);
    assert_int_equal(sock_send(n, udp, "x", 1, SOCK_MSG_MORE, NULL, p->now_ns), -EOPNOTSUPP);
    assert_int_equal(sock_recv(n, udp, buf, 1, SOCK_MSG_MORE, NULL, p->now_ns), -EOPNOTSUPP);
}

static void test_listener_states(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    int fd = open_tcp(p, 0);
    char buf[8];
    assert_int_equal(bind_to(p, 0, fd, 0, 80), 0);
    assert_int_equal(sock_listen(n, fd, 5, p->now_ns), 0);
    assert_int_equal(sock_listen(n, fd, -1, p->now_ns), 0); /* changes the backlog */
    assert_int_equal(sock_accept(n, fd, NULL, p->now_ns), -EAGAIN);
    assert_int_equal(connect_to(p, 0, fd, PAIR_HOST_1, 1), -EISCONN);
    assert_int_equal(get(p, 0, fd, buf, 8), -ENOTCONN);
    assert_int_equal(sock_readable(n, fd), -EINVAL);
    int64_t v = 0;
    assert_int_equal(sock_get_opt(n, fd, SOCK_OPT_LISTENING, &v), 0);
    assert_int_equal(v, 1);
    struct sock_addr a;
    assert_int_equal(sock_name(n, fd, &a), 0);
    assert_int_equal(a.addr, 0);
    assert_int_equal(a.port, 80);
}

static void test_bind_errors(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    const enum sock_type types[] = {SOCK_TYPE_TCP, SOCK_TYPE_UDP};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        int a = sock_open(n, types[i], p->now_ns);
        int b = sock_open(n, types[i], p->now_ns);
        assert_int_equal(bind_to(p, 0, a, PAIR_HOST_1, 53), -EADDRNOTAVAIL);
        assert_int_equal(bind_to(p, 0, a, PAIR_HOST_0, 53), 0);
        assert_int_equal(bind_to(p, 0, a, PAIR_HOST_0, 54), -EINVAL);
        if (types[i] == SOCK_TYPE_TCP) {
            assert_int_equal(sock_listen(n, a, 1, p->now_ns), 0);
        }
        assert_int_equal(bind_to(p, 0, b, 0, 53), -EADDRINUSE);
        assert_int_equal(bind_to(p, 0, b, 0, 0), 0);
        struct sock_addr name;
        assert_int_equal(sock_name(n, b, &name), 0);
        assert_true(name.port >= 1024);
        assert_int_equal(sock_close(n, a, p->now_ns), 0);
        int c = sock_open(n, types[i], p->now_ns);
        assert_int_equal(bind_to(p, 0, c, 0, 53), 0);
    }
}

static void test_stream(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    char buf[64];
    pair_connect(p, fd, &listener, 80);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), -EAGAIN);
    assert_int_equal(put(p, 0, fd[0], "hello, world"), 12);
    pair_run(p);
    assert_int_equal(sock_readable(p->net[1], fd[1]), 12);
    struct sock_recv_info info;
    assert_int_equal(sock_recv(p->net[1], fd[1], buf, 5, SOCK_MSG_PEEK, &info, p->now_ns), 5);
    assert_int_equal(info.from.addr, PAIR_HOST_0);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(get(p, 1, fd[1], buf, 7), 7);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), 5);
    assert_memory_equal(buf, "world", 5);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), -EAGAIN);
    /* The address of the destination is ignored on a stream (POSIX). */
    struct sock_addr nowhere = {.addr = 1, .port = 1};
    assert_int_equal(sock_send(p->net[1], fd[1], "ok", 2, 0, &nowhere, p->now_ns), 2);
    pair_run(p);
    assert_int_equal(get(p, 0, fd[0], buf, sizeof(buf)), 2);
    assert_int_equal(connect_to(p, 0, fd[0], PAIR_HOST_1, 80), -EISCONN);
    assert_int_equal(bind_to(p, 0, fd[0], 0, 99), -EINVAL);
}

static void test_names(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    pair_connect(p, fd, &listener, 8080);
    struct sock_addr here;
    struct sock_addr there;
    assert_int_equal(sock_name(p->net[0], fd[0], &here), 0);
    assert_int_equal(sock_peer(p->net[1], fd[1], &there), 0);
    assert_int_equal(here.addr, PAIR_HOST_0);
    assert_int_equal(there.addr, PAIR_HOST_0);
    assert_int_equal(here.port, there.port);
    assert_int_equal(sock_name(p->net[1], fd[1], &here), 0);
    assert_int_equal(sock_peer(p->net[0], fd[0], &there), 0);
    assert_int_equal(here.addr, PAIR_HOST_1);
    assert_int_equal(here.port, 8080);
    assert_int_equal(there.port, 8080);
}

static void test_half_close(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    char buf[8];
    pair_connect(p, fd, &listener, 80);
    assert_int_equal(put(p, 0, fd[0], "last"), 4);
    assert_int_equal(sock_shutdown(p->net[0], fd[0], 1, p->now_ns), 0);
    assert_int_equal(put(p, 0, fd[0], "more"), -EPIPE);
    pair_run(p);
    assert_true(sock_ready(p->net[1], fd[1]) & NET_READY_RDHUP);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), 4);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), 0);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), 0);
    /* The other direction lives on. */
    assert_int_equal(put(p, 1, fd[1], "reply"), 5);
    pair_run(p);
    assert_int_equal(get(p, 0, fd[0], buf, sizeof(buf)), 5);
    assert_false(sock_ready(p->net[0], fd[0]) & NET_READY_HUP);
    assert_int_equal(sock_close(p->net[1], fd[1], p->now_ns), 0);
    pair_run(p);
    assert_int_equal(get(p, 0, fd[0], buf, sizeof(buf)), 0);
    assert_true(sock_ready(p->net[0], fd[0]) & NET_READY_HUP);
}

static void test_refused(void **state)
{
    struct pair *p = *state;
    int fd = open_tcp(p, 0);
    assert_int_equal(connect_to(p, 0, fd, PAIR_HOST_1, 81), -EINPROGRESS);
    assert_int_equal(connect_to(p, 0, fd, PAIR_HOST_1, 81), -EALREADY);
    assert_false(sock_ready(p->net[0], fd) & (NET_READY_OUT | NET_READY_ERR));
    pair_run(p);
    assert_true(sock_ready(p->net[0], fd) & NET_READY_ERR);
    int64_t v = 0;
    assert_int_equal(sock_get_opt(p->net[0], fd, SOCK_OPT_ERROR, &v), 0);
    assert_int_equal(v, ECONNREFUSED);
    assert_int_equal(sock_get_opt(p->net[0], fd, SOCK_OPT_ERROR, &v), 0);
    assert_int_equal(v, 0);
}

static void test_unreachable(void **state)
{
    struct pair *p = *state;
    int tcp = open_tcp(p, 0);
    int udp = open_udp(p, 0);
    assert_int_equal(connect_to(p, 0, tcp, 0x0a0000ff, 53), -ENETUNREACH);  /* broadcast */
    assert_int_equal(connect_to(p, 0, tcp, PAIR_HOST_0, 53), -ENETUNREACH); /* no loopback */
    struct sock_addr nobody = {.addr = 0, .port = 53};
    assert_int_equal(sock_send(p->net[0], udp, "x", 1, 0, &nobody, p->now_ns), -ENETUNREACH);
    assert_int_equal(connect_to(p, 0, tcp, PAIR_HOST_1, 53), -EINPROGRESS);
}

static void test_reset(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    char buf[8];
    pair_connect(p, fd, &listener, 80);
    assert_int_equal(sock_set_opt(p->net[0], fd[0], SOCK_OPT_LINGER_S, 0, p->now_ns), 0);
    assert_int_equal(sock_close(p->net[0], fd[0], p->now_ns), 0);
    pair_run(p);
    int ready = sock_ready(p->net[1], fd[1]);
    assert_true(ready & NET_READY_ERR);
    assert_true(ready & NET_READY_HUP);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), -ECONNRESET);
    assert_int_equal(get(p, 1, fd[1], buf, sizeof(buf)), 0);
    assert_int_equal(put(p, 1, fd[1], "x"), -EPIPE);
}

static void test_send_until_full(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    static char block[4096];
    pair_connect(p, fd, &listener, 80);
    size_t sent = 0;
    ptrdiff_t r;
    while ((r = sock_send(p->net[0], fd[0], block, sizeof(block), 0, NULL, p->now_ns)) > 0) {
        sent += (size_t)r;
        assert_true(sent < 64 * 1024 * 1024);
        pair_run(p);
    }
    assert_int_equal(r, -EAGAIN);
    assert_false(sock_ready(p->net[0], fd[0]) & NET_READY_OUT);
    size_t got = 0;
    for (int idle = 0; got < sent && idle < 100;) {
        r = get(p, 1, fd[1], block, sizeof(block));
        if (r > 0) {
            got += (size_t)r;
            continue;
        }
        assert_int_equal(r, -EAGAIN);
        pair_advance(p, 10 * NS_PER_MS);
        idle++;
    }
    assert_int_equal(got, sent);
    pair_run(p);
    assert_true(sock_ready(p->net[0], fd[0]) & NET_READY_OUT);
}

static void test_accept_with_full_table(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[1];
    int listener = open_tcp(p, 1);
    assert_int_equal(bind_to(p, 1, listener, 0, 80), 0);
    assert_int_equal(sock_listen(n, listener, 4, p->now_ns), 0);
    int client = open_tcp(p, 0);
    assert_int_equal(connect_to(p, 0, client, PAIR_HOST_1, 80), -EINPROGRESS);
    int last = listener;
    for (int fd = listener; fd >= 0;
         fd = n->socks.socks.used % 2 ? open_udp(p, 1) : open_tcp(p, 1)) {
        last = fd;
    }
    while (n->socks.socks.used < n->socks.fd_count) {
        last = open_tcp(p, 1) >= 0 ? last : open_udp(p, 1);
    }
    assert_int_equal(sock_accept(n, listener, NULL, p->now_ns), -EAGAIN);
    pair_run(p);
    assert_int_equal(sock_accept(n, listener, NULL, p->now_ns), -EMFILE);
    assert_true(sock_ready(n, listener) & NET_READY_IN);
    assert_int_equal(sock_close(n, last, p->now_ns), 0);
    struct sock_addr peer;
    assert_int_equal(sock_accept(n, listener, &peer, p->now_ns), last);
    assert_int_equal(peer.addr, PAIR_HOST_0);
    assert_int_equal(sock_accept(n, listener, NULL, p->now_ns), -EAGAIN);
}

static void test_datagrams(void **state)
{
    struct pair *p = *state;
    int a = open_udp(p, 0);
    int b = open_udp(p, 1);
    char buf[16];
    struct sock_recv_info info;
    assert_int_equal(bind_to(p, 1, b, 0, 7), 0);
    assert_int_equal(put(p, 0, a, "x"), -EDESTADDRREQ);
    struct sock_addr to = {.addr = PAIR_HOST_1, .port = 7};
    assert_int_equal(get(p, 1, b, buf, sizeof(buf)), -EAGAIN);
    assert_int_equal(sock_send(p->net[0], a, "datagram", 8, 0, &to, p->now_ns), 8);
    assert_int_equal(sock_send(p->net[0], a, NULL, 0, 0, &to, p->now_ns), 0);
    assert_int_equal(sock_send(p->net[0], a, "second", 6, 0, &to, p->now_ns), 6);
    pair_run(p);
    assert_int_equal(sock_readable(p->net[1], b), 8);
    uint32_t peek = SOCK_MSG_PEEK | SOCK_MSG_TRUNC;
    assert_int_equal(sock_recv(p->net[1], b, buf, 3, peek, &info, p->now_ns), 8);
    assert_true(info.cut);
    assert_int_equal(info.from.addr, PAIR_HOST_0);
    assert_int_equal(sock_recv(p->net[1], b, buf, 4, 0, &info, p->now_ns), 4);
    assert_memory_equal(buf, "data", 4);
    assert_true(info.cut); /* the rest is lost */
    assert_int_equal(sock_recv(p->net[1], b, buf, 16, 0, &info, p->now_ns), 0);
    assert_int_equal(sock_recv(p->net[1], b, buf, 16, SOCK_MSG_TRUNC, &info, p->now_ns), 6);
    assert_false(info.cut);
    assert_int_equal(get(p, 1, b, buf, sizeof(buf)), -EAGAIN);
    /* The answer finds the port that was chosen at the first send. */
    assert_int_equal(sock_send(p->net[1], b, "re", 2, 0, &info.from, p->now_ns), 2);
    pair_run(p);
    assert_int_equal(get(p, 0, a, buf, sizeof(buf)), 2);
}

static void test_datagram_errors(void **state)
{
    struct pair *p = *state;
    int a = open_udp(p, 0);
    static char big[70000];
    struct sock_addr to = {.addr = PAIR_HOST_1, .port = 9};
    assert_int_equal(sock_send(p->net[0], a, big, 65508, 0, &to, p->now_ns), -EMSGSIZE);
    assert_int_equal(sock_send(p->net[0], a, big, sizeof(big), 0, &to, p->now_ns), -EMSGSIZE);
    assert_int_equal(sock_send(p->net[0], a, big, 1472, 0, &to, p->now_ns), 1472);
    struct sock_addr port0 = {.addr = PAIR_HOST_1, .port = 0};
    assert_int_equal(sock_send(p->net[0], a, "x", 1, 0, &port0, p->now_ns), -EINVAL);
    struct sock_addr all = {.addr = 0x0a0000ff, .port = 9};
    assert_int_equal(sock_send(p->net[0], a, "x", 1, 0, &all, p->now_ns), -EACCES);
    assert_int_equal(sock_set_opt(p->net[0], a, SOCK_OPT_BROADCAST, 1, p->now_ns), 0);
    assert_int_equal(sock_send(p->net[0], a, "x", 1, 0, &all, p->now_ns), 1);
    p->side[0].tx.fail_at = p->side[0].tx.get_count + 1;
    assert_int_equal(sock_send(p->net[0], a, "x", 1, 0, &to, p->now_ns), -ENOBUFS);
}

static void test_connected_datagrams(void **state)
{
    struct pair *p = *state;
    int a = open_udp(p, 0);
    int b = open_udp(p, 1);
    int other = open_udp(p, 1);
    char buf[16];
    assert_int_equal(bind_to(p, 1, b, 0, 7), 0);
    assert_int_equal(connect_to(p, 0, a, PAIR_HOST_1, 7), 0);
    struct sock_addr here;
    struct sock_addr peer;
    assert_int_equal(sock_name(p->net[0], a, &here), 0);
    assert_int_equal(here.addr, PAIR_HOST_0);
    assert_int_equal(sock_peer(p->net[0], a, &peer), 0);
    assert_int_equal(peer.port, 7);
    assert_int_equal(put(p, 0, a, "hi"), 2);
    /* Only the peer is heard. */
    assert_int_equal(sock_send(p->net[1], other, "no", 2, 0, &here, p->now_ns), 2);
    pair_run(p);
    assert_int_equal(get(p, 0, a, buf, sizeof(buf)), -EAGAIN);
    assert_int_equal(get(p, 1, b, buf, sizeof(buf)), 2);
    /* Nobody listens any more: an ICMP error comes back, once, as an error of the socket. */
    assert_int_equal(sock_close(p->net[1], b, p->now_ns), 0);
    assert_int_equal(put(p, 0, a, "hi"), 2);
    pair_run(p);
    assert_true(sock_ready(p->net[0], a) & NET_READY_ERR);
    assert_int_equal(get(p, 0, a, buf, sizeof(buf)), -ECONNREFUSED);
    assert_int_equal(get(p, 0, a, buf, sizeof(buf)), -EAGAIN);
    assert_int_equal(sock_connect(p->net[0], a, NULL, p->now_ns), 0);
    assert_int_equal(sock_peer(p->net[0], a, &peer), -ENOTCONN);
}

static void test_datagram_shutdown(void **state)
{
    struct pair *p = *state;
    int a = open_udp(p, 0);
    char buf[4];
    assert_int_equal(connect_to(p, 0, a, PAIR_HOST_1, 7), 0);
    assert_int_equal(sock_shutdown(p->net[0], a, 1, p->now_ns), 0);
    assert_int_equal(put(p, 0, a, "x"), -EPIPE);
    assert_int_equal(get(p, 0, a, buf, 4), -EAGAIN);
    struct counting_watch w = {.watch.fn = count_call};
    assert_int_equal(sock_watch_add(p->net[0], a, &w.watch), 0);
    assert_int_equal(sock_shutdown(p->net[0], a, 0, p->now_ns), 0);
    assert_true(w.bits & NET_READY_IN);
    sock_watch_remove(p->net[0], a, &w.watch);
    assert_int_equal(get(p, 0, a, buf, 4), 0);
    int ready = sock_ready(p->net[0], a);
    assert_true((ready & NET_READY_IN) && (ready & NET_READY_RDHUP) && (ready & NET_READY_HUP));
}

static void test_watches(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    pair_connect(p, fd, &listener, 80);
    struct counting_watch w[3];
    memset(w, 0, sizeof(w));
    for (int i = 0; i < 3; i++) {
        w[i].watch.fn = count_call;
        assert_int_equal(sock_watch_add(p->net[1], fd[1], &w[i].watch), 0);
    }
    assert_int_equal(w[0].calls, 0); /* adding says nothing: the caller has just looked */
    assert_int_equal(put(p, 0, fd[0], "x"), 1);
    pair_run(p);
    for (int i = 0; i < 3; i++) {
        assert_true(w[i].bits & NET_READY_IN);
    }
    sock_watch_remove(p->net[1], fd[1], &w[1].watch);
    sock_watch_remove(p->net[1], fd[1], &w[1].watch);
    int calls = w[1].calls;
    assert_int_equal(put(p, 0, fd[0], "y"), 1);
    pair_run(p);
    assert_int_equal(w[1].calls, calls);
    assert_true(w[2].calls > 0);
    assert_int_equal(sock_close(p->net[1], fd[1], p->now_ns), 0);
    assert_true(w[0].bits & SOCK_WATCH_CLOSED);
    assert_true(w[2].bits & SOCK_WATCH_CLOSED);
    assert_false(w[1].bits & SOCK_WATCH_CLOSED);
    /* The number is somebody else's now: removing the old watch must not harm it. */
    assert_int_equal(open_udp(p, 1), fd[1]);
    sock_watch_remove(p->net[1], fd[1], &w[0].watch);
}

static void test_shutdown_tells_watches(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    pair_connect(p, fd, &listener, 80);
    struct counting_watch w = {.watch.fn = count_call};
    assert_int_equal(sock_watch_add(p->net[1], fd[1], &w.watch), 0);
    assert_int_equal(sock_shutdown(p->net[1], fd[1], 0, p->now_ns), 0);
    assert_true(w.bits & NET_READY_IN); /* a task in recv gets the end of the stream */
    sock_watch_remove(p->net[1], fd[1], &w.watch);
}

static void test_lingering_close(void **state)
{
    struct pair *p = *state;
    int fd[2];
    int listener;
    pair_connect(p, fd, &listener, 80);
    struct net *n = p->net[0];
    assert_int_equal(sock_set_opt(n, fd[0], SOCK_OPT_LINGER_S, 7, p->now_ns), 0);
    assert_int_equal(put(p, 0, fd[0], "bye"), 3);
    struct counting_watch w = {.watch.fn = count_call};
    assert_int_equal(sock_watch_add(n, fd[0], &w.watch), 0);
    assert_int_equal(sock_close_begin(n, fd[0], p->now_ns), 7);
    assert_true(w.bits & SOCK_WATCH_CLOSED);
    assert_false(sock_close_drained(n, fd[0]));
    assert_int_equal(put(p, 0, fd[0], "x"), -EBADF);
    assert_int_equal(sock_close(n, fd[0], p->now_ns), -EBADF);
    assert_int_equal(open_udp(p, 0), fd[0] + 1); /* the number is not free yet */
    pair_run(p);
    pair_advance(p, NS_PER_S);
    assert_true(sock_close_drained(n, fd[0]));
    sock_close_end(n, fd[0], p->now_ns);
    assert_int_equal(open_udp(p, 0), fd[0]);
    /* Without anything under way a close is a close. */
    assert_int_equal(sock_close_begin(n, fd[0], p->now_ns), 0);
    assert_int_equal(sock_close_begin(n, fd[0], p->now_ns), -EBADF);
}

static void expect_opt(struct net *n, int fd, enum sock_opt opt, int64_t value)
{
    int64_t v = -12345;
    assert_int_equal(sock_get_opt(n, fd, opt, &v), 0);
    assert_int_equal(v, value);
}

static void test_options(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    int tcp = open_tcp(p, 0);
    static const struct {
        enum sock_opt opt;
        int64_t value;
    } sets[] = {
        {SOCK_OPT_NONBLOCK, 1},
        {SOCK_OPT_REUSEADDR, 1},
        {SOCK_OPT_BROADCAST, 1},
        {SOCK_OPT_KEEPALIVE, 1},
        {SOCK_OPT_LINGER_S, 5},
        {SOCK_OPT_LINGER_S, -1},
        {SOCK_OPT_NODELAY, 1},
        {SOCK_OPT_NODELAY, 0},
        {SOCK_OPT_KEEPIDLE_S, 30},
        {SOCK_OPT_KEEPINTVL_S, 5},
        {SOCK_OPT_KEEPCNT, 3},
        {SOCK_OPT_TOS, 184},
        {SOCK_OPT_TTL, 3},
        {SOCK_OPT_RECV_TIMEOUT_NS, 12345},
        {SOCK_OPT_SEND_TIMEOUT_NS, INT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        assert_int_equal(sock_set_opt(n, tcp, sets[i].opt, sets[i].value, p->now_ns), 0);
        expect_opt(n, tcp, sets[i].opt, sets[i].value);
    }
    expect_opt(n, tcp, SOCK_OPT_TYPE, SOCK_TYPE_TCP);
    expect_opt(n, tcp, SOCK_OPT_LISTENING, 0);
    expect_opt(n, tcp, SOCK_OPT_ERROR, 0);
    assert_int_equal(sock_set_opt(n, tcp, SOCK_OPT_RECV_TIMEOUT_NS, -1, p->now_ns), -EDOM);
    assert_int_equal(sock_set_opt(n, tcp, SOCK_OPT_KEEPCNT, INT64_MAX, p->now_ns), -EINVAL);
    assert_int_equal(sock_set_opt(n, tcp, SOCK_OPT_KEEPIDLE_S, 0, p->now_ns), -EINVAL);
    assert_int_equal(sock_set_opt(n, tcp, SOCK_OPT_TYPE, 0, p->now_ns), -ENOPROTOOPT);
    assert_int_equal(sock_set_opt(n, tcp, SOCK_OPT_MAXSEG, 32768, p->now_ns), -EINVAL);
    assert_int_equal(sock_set_opt(n, tcp, SOCK_OPT_CORK, 1, p->now_ns), 0);
    expect_opt(n, tcp, SOCK_OPT_CORK, 1);
}

static void test_datagram_options(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[0];
    int udp = open_udp(p, 0);
    int64_t v = 0;
    expect_opt(n, udp, SOCK_OPT_TYPE, SOCK_TYPE_UDP);
    assert_int_equal(sock_set_opt(n, udp, SOCK_OPT_RCVBUF, 1, p->now_ns), 0);
    expect_opt(n, udp, SOCK_OPT_RCVBUF, UDP_RCVBUF_BYTES);
    expect_opt(n, udp, SOCK_OPT_SNDBUF, UDP_PAYLOAD_MAX_BYTES);
    expect_opt(n, udp, SOCK_OPT_LINGER_S, -1);
    expect_opt(n, udp, SOCK_OPT_KEEPALIVE, 0);
    assert_int_equal(sock_set_opt(n, udp, SOCK_OPT_NODELAY, 1, p->now_ns), -ENOPROTOOPT);
    assert_int_equal(sock_get_opt(n, udp, SOCK_OPT_NODELAY, &v), -ENOPROTOOPT);
    assert_int_equal(sock_get_opt(n, udp, SOCK_OPT_MAXSEG, &v), -ENOPROTOOPT);
}

/* What an accepted connection takes from its listener: TCP's options, not O_NONBLOCK. */
static void test_inheritance(void **state)
{
    struct pair *p = *state;
    struct net *n = p->net[1];
    int listener = open_tcp(p, 1);
    assert_int_equal(bind_to(p, 1, listener, 0, 80), 0);
    assert_int_equal(sock_set_opt(n, listener, SOCK_OPT_NODELAY, 1, p->now_ns), 0);
    assert_int_equal(sock_set_opt(n, listener, SOCK_OPT_NONBLOCK, 1, p->now_ns), 0);
    assert_int_equal(sock_listen(n, listener, 4, p->now_ns), 0);
    int client = open_tcp(p, 0);
    assert_int_equal(connect_to(p, 0, client, PAIR_HOST_1, 80), -EINPROGRESS);
    pair_run(p);
    int fd = sock_accept(n, listener, NULL, p->now_ns);
    assert_true(fd >= 0);
    expect_opt(n, fd, SOCK_OPT_NODELAY, 1);
    expect_opt(n, fd, SOCK_OPT_NONBLOCK, 0);
}

/* Everything open at the end: nothing leaks, and every waiter is told. */
static void test_destroy_while_open(void **state)
{
    (void)state;
    static struct pair pair;
    struct net_limits l = pair_limits();
    pair_init(&pair, &l);
    int fd[2];
    int listener;
    pair_connect(&pair, fd, &listener, 80);
    assert_int_equal(put(&pair, 0, fd[0], "unread"), 6);
    pair_run(&pair);
    struct counting_watch w = {.watch.fn = count_call};
    assert_int_equal(sock_watch_add(pair.net[1], fd[1], &w.watch), 0);
    int ep = epoll_open(pair.net[1], pair.now_ns);
    struct epoll_report want = {.events = NET_READY_IN, .data = 1};
    assert_int_equal(epoll_control(pair.net[1], ep, EPOLL_OP_ADD, fd[1], &want), 0);
    pair_destroy(&pair);
    assert_true(w.bits & SOCK_WATCH_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lowest_number_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_a_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table_full, setup, teardown),
        cmocka_unit_test(test_many_numbers),
        cmocka_unit_test_setup_teardown(test_pools_refuse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_kind_or_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listener_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bind_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreachable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_send_until_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accept_with_full_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_datagrams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_datagram_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connected_datagrams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_datagram_shutdown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shutdown_tells_watches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lingering_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_datagram_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inheritance, setup, teardown),
        cmocka_unit_test(test_destroy_while_open),
    };
    return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
