/*
 * epoll without blocking: level and edge triggering, one-shot, interests that come and go, order,
 * limits. Most runs on datagram sockets, whose readiness a test can make and take at will.
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

enum {
    SOCKETS = 8,
    FIRST_PORT = 1000,
};

struct bench {
    struct pair pair;
    struct net *n; /* side 1, where the instance is */
    int ep;
    int fd[SOCKETS]; /* bound to FIRST_PORT + i */
    int sender;      /* on side 0 */
};

static int setup(void **state)
{
    static struct bench b;
    struct net_limits l = pair_limits();
    pair_init(&b.pair, &l);
    b.n = b.pair.net[1];
    b.ep = epoll_open(b.n, b.pair.now_ns);
    assert_true(b.ep >= 0);
    for (int i = 0; i < SOCKETS; i++) {
        struct sock_addr a = {.addr = 0, .port = (uint16_t)(FIRST_PORT + i)};
        b.fd[i] = sock_open(b.n, SOCK_TYPE_UDP, b.pair.now_ns);
        assert_int_equal(sock_bind(b.n, b.fd[i], &a, b.pair.now_ns), 0);
    }
    b.sender = sock_open(b.pair.net[0], SOCK_TYPE_UDP, b.pair.now_ns);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    pair_destroy(&b->pair);
    return 0;
}

static int control(struct bench *b, enum epoll_op op, int i, uint32_t events)
{
    struct epoll_report want = {.events = events, .data = 100 + (uint64_t)i};
    return epoll_control(b->n, b->ep, op, b->fd[i], &want);
}

static void add(struct bench *b, int i, uint32_t events)
{
    assert_int_equal(control(b, EPOLL_OP_ADD, i, events), 0);
}

/* A datagram to socket i: makes it readable. */
static void poke(struct bench *b, int i)
{
    struct sock_addr to = {.addr = PAIR_HOST_1, .port = (uint16_t)(FIRST_PORT + i)};
    ptrdiff_t r = sock_send(b->pair.net[0], b->sender, "x", 1, 0, &to, b->pair.now_ns);
    assert_int_equal(r, 1);
    pair_run(&b->pair);
}

static void drain(struct bench *b, int i)
{
    char c;
    assert_int_equal(sock_recv(b->n, b->fd[i], &c, 1, 0, NULL, b->pair.now_ns), 1);
}

static int collect(struct bench *b, struct epoll_report *out, int max)
{
    return epoll_collect(b->n, b->ep, out, max);
}

/* Exactly one event, of socket i with these bits. */
static void expect_one(struct bench *b, int i, uint32_t bits)
{
    struct epoll_report out[4];
    assert_int_equal(collect(b, out, 4), 1);
    assert_int_equal(out[0].data, 100 + i);
    assert_int_equal(out[0].events, bits);
}

static void expect_none(struct bench *b)
{
    struct epoll_report out[4];
    assert_int_equal(collect(b, out, 4), 0);
}

static void test_level(void **state)
{
    struct bench *b = *state;
    add(b, 0, NET_READY_IN);
    expect_none(b);
    poke(b, 0);
    expect_one(b, 0, NET_READY_IN);
    expect_one(b, 0, NET_READY_IN); /* as long as it lasts */
    drain(b, 0);
    expect_none(b);
    poke(b, 0);
    poke(b, 0);
    expect_one(b, 0, NET_READY_IN);
    drain(b, 0);
    expect_one(b, 0, NET_READY_IN);
    drain(b, 0);
    expect_none(b);
}

static void test_edge(void **state)
{
    struct bench *b = *state;
    add(b, 0, NET_READY_IN | EPOLL_FLAG_ET);
    expect_none(b);
    poke(b, 0);
    expect_one(b, 0, NET_READY_IN);
    expect_none(b); /* still readable, but told already */
    poke(b, 0);
    expect_one(b, 0, NET_READY_IN); /* new data is a new edge, though the old was not read */
    expect_none(b);
    poke(b, 0);
    poke(b, 0);
    expect_one(b, 0, NET_READY_IN); /* two edges between two collections are one event */
    expect_none(b);
    poke(b, 0);
    for (int i = 0; i < 5; i++) {
        drain(b, 0);
    }
    expect_none(b); /* the edge came, but there is nothing to read any more */
}

static void test_ready_when_added(void **state)
{
    struct bench *b = *state;
    poke(b, 0);
    poke(b, 1);
    add(b, 0, NET_READY_IN);
    add(b, 1, NET_READY_IN | EPOLL_FLAG_ET);
    struct epoll_report out[4];
    assert_int_equal(collect(b, out, 4), 2);
    expect_one(b, 0, NET_READY_IN);
    /* Arming anew is an edge, too. */
    assert_int_equal(control(b, EPOLL_OP_MOD, 1, NET_READY_IN | EPOLL_FLAG_ET), 0);
    assert_int_equal(collect(b, out, 4), 2);
    assert_int_equal(collect(b, out, 4), 1);
}

static void test_oneshot(void **state)
{
    struct bench *b = *state;
    add(b, 0, NET_READY_IN | EPOLL_FLAG_ONESHOT);
    poke(b, 0);
    expect_one(b, 0, NET_READY_IN);
    expect_none(b);
    poke(b, 0);
    expect_none(b); /* disarmed */
    assert_int_equal(control(b, EPOLL_OP_MOD, 0, NET_READY_IN | EPOLL_FLAG_ONESHOT), 0);
    expect_one(b, 0, NET_READY_IN);
    expect_none(b);
    assert_int_equal(control(b, EPOLL_OP_ADD, 0, NET_READY_IN), -EEXIST);
    assert_int_equal(control(b, EPOLL_OP_DEL, 0, 0), 0);
}

static void test_mod_changes_interest(void **state)
{
    struct bench *b = *state;
    add(b, 0, NET_READY_IN);
    poke(b, 0);
    assert_int_equal(control(b, EPOLL_OP_MOD, 0, NET_READY_OUT), 0);
    expect_one(b, 0, NET_READY_OUT);
    assert_int_equal(control(b, EPOLL_OP_MOD, 0, NET_READY_IN | NET_READY_OUT), 0);
    expect_one(b, 0, NET_READY_IN | NET_READY_OUT);
    assert_int_equal(control(b, EPOLL_OP_MOD, 0, 0), 0);
    expect_none(b);
    struct epoll_report other = {.events = NET_READY_IN, .data = UINT64_MAX};
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_MOD, b->fd[0], &other), 0);
    struct epoll_report out[1];
    assert_int_equal(collect(b, out, 1), 1);
    assert_true(out[0].data == UINT64_MAX); /* the whole of it comes back */
}

static void test_aliases(void **state)
{
    struct bench *b = *state;
    add(b, 0, EPOLL_FLAG_RDNORM);
    poke(b, 0);
    expect_one(b, 0, EPOLL_FLAG_RDNORM);
    assert_int_equal(control(b, EPOLL_OP_MOD, 0, EPOLL_FLAG_WRNORM | NET_READY_IN), 0);
    expect_one(b, 0, EPOLL_FLAG_WRNORM | NET_READY_IN);
}

static void test_del(void **state)
{
    struct bench *b = *state;
    add(b, 0, NET_READY_IN);
    add(b, 1, NET_READY_IN);
    poke(b, 0);
    poke(b, 1);
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_DEL, b->fd[0], NULL), 0);
    expect_one(b, 1, NET_READY_IN);
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_DEL, b->fd[0], NULL), -ENOENT);
    assert_int_equal(control(b, EPOLL_OP_MOD, 0, NET_READY_IN), -ENOENT);
    assert_int_equal(b->n->socks.epoll_items.used, 1);
}

static void test_closed_while_watched(void **state)
{
    struct bench *b = *state;
    add(b, 0, NET_READY_IN);
    add(b, 1, NET_READY_IN);
    poke(b, 0);
    poke(b, 1);
    assert_int_equal(sock_close(b->n, b->fd[0], b->pair.now_ns), 0);
    expect_one(b, 1, NET_READY_IN);
    assert_int_equal(control(b, EPOLL_OP_DEL, 0, 0), -EBADF);
    /* The same number, another socket: the old interest does not come back to life. */
    assert_int_equal(sock_open(b->n, SOCK_TYPE_UDP, b->pair.now_ns), b->fd[0]);
    expect_one(b, 1, NET_READY_IN);
    assert_int_equal(control(b, EPOLL_OP_MOD, 0, NET_READY_IN), -ENOENT);
    add(b, 0, NET_READY_OUT);
    struct epoll_report out[4];
    assert_int_equal(collect(b, out, 4), 2);
}

static void test_errors(void **state)
{
    struct bench *b = *state;
    struct epoll_report w = {.events = NET_READY_IN, .data = 0};
    struct epoll_report out[1];
    struct net *n = b->n;
    int ep2 = epoll_open(n, b->pair.now_ns);
    assert_int_equal(epoll_control(n, 99, EPOLL_OP_ADD, b->fd[0], &w), -EBADF);
    assert_int_equal(epoll_control(n, b->ep, EPOLL_OP_ADD, 99, &w), -EBADF);
    assert_int_equal(epoll_control(n, b->fd[1], EPOLL_OP_ADD, 99, &w), -EBADF);
    assert_int_equal(epoll_control(n, 99, EPOLL_OP_ADD, 98, &w), -EBADF);
    assert_int_equal(epoll_control(n, b->fd[1], EPOLL_OP_ADD, b->fd[0], &w), -EINVAL);
    assert_int_equal(epoll_control(n, 1, EPOLL_OP_ADD, b->fd[0], &w), -EINVAL);
    assert_int_equal(epoll_control(n, b->ep, EPOLL_OP_ADD, b->ep, &w), -EINVAL);
    assert_int_equal(epoll_control(n, b->ep, EPOLL_OP_ADD, ep2, &w), -ELOOP);
    assert_int_equal(epoll_control(n, b->ep, EPOLL_OP_ADD, 1, &w), -EPERM);
    assert_int_equal(epoll_control(n, b->ep, (enum epoll_op)4, b->fd[0], &w), -EINVAL);
    assert_int_equal(epoll_control(n, b->ep, (enum epoll_op)0, b->fd[0], &w), -EINVAL);
    w.events = NET_READY_IN | EPOLL_FLAG_EXCLUSIVE;
    assert_int_equal(epoll_control(n, b->ep, EPOLL_OP_ADD, b->fd[0], &w), -EINVAL);
    assert_int_equal(epoll_collect(n, b->ep, out, 0), -EINVAL);
    assert_int_equal(epoll_collect(n, b->ep, out, -1), -EINVAL);
    assert_int_equal(epoll_collect(n, b->fd[0], out, 1), -EINVAL);
    assert_int_equal(epoll_collect(n, 99, out, 1), -EBADF);
    assert_int_equal(epoll_collect(n, 1, out, 1), -EINVAL);
    assert_int_equal(n->socks.epoll_items.used, 0);
}

static void test_limits(void **state)
{
    struct bench *b = *state;
    int ep[3];
    for (int i = 0; i < 3; i++) {
        ep[i] = epoll_open(b->n, b->pair.now_ns);
        assert_true(ep[i] >= 0);
    }
    uint32_t fds = b->n->socks.socks.used;
    assert_int_equal(epoll_open(b->n, b->pair.now_ns), -EMFILE);
    assert_int_equal(b->n->counters.epoll_table_full, 1);
    assert_int_equal(b->n->socks.socks.used, fds); /* the descriptor came back */
    b->n->socks.epoll_items.fail_at = b->n->socks.epoll_items.get_count + 1;
    assert_int_equal(control(b, EPOLL_OP_ADD, 0, NET_READY_IN), -ENOSPC);
    assert_int_equal(b->n->counters.epoll_items_full, 1);
    add(b, 0, NET_READY_IN);
    assert_int_equal(sock_close(b->n, ep[1], b->pair.now_ns), 0);
    assert_int_equal(epoll_open(b->n, b->pair.now_ns), ep[1]);
}

/* With room for one event at a time each descriptor gets its turn, and in the order of readiness.
 */
static void test_fair_order(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < SOCKETS; i++) {
        add(b, i, NET_READY_IN);
    }
    for (int i = SOCKETS - 1; i >= 0; i--) {
        poke(b, i);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = SOCKETS - 1; i >= 0; i--) {
            struct epoll_report out[1];
            assert_int_equal(collect(b, out, 1), 1);
            assert_int_equal(out[0].data, 100 + i);
        }
    }
    struct epoll_report all[SOCKETS * 2];
    assert_int_equal(collect(b, all, SOCKETS * 2), SOCKETS); /* each once, whatever the room */
}

static void test_two_instances(void **state)
{
    struct bench *b = *state;
    int ep2 = epoll_open(b->n, b->pair.now_ns);
    struct epoll_report w = {.events = NET_READY_IN | EPOLL_FLAG_ET, .data = 7};
    struct epoll_report out[2];
    add(b, 0, NET_READY_IN);
    assert_int_equal(epoll_control(b->n, ep2, EPOLL_OP_ADD, b->fd[0], &w), 0);
    poke(b, 0);
    expect_one(b, 0, NET_READY_IN);
    assert_int_equal(epoll_collect(b->n, ep2, out, 2), 1);
    assert_int_equal(out[0].data, 7);
    assert_int_equal(epoll_collect(b->n, ep2, out, 2), 0);
    assert_int_equal(sock_close(b->n, ep2, b->pair.now_ns), 0);
    expect_one(b, 0, NET_READY_IN);
    assert_int_equal(b->n->socks.epoll_items.used, 1);
}

struct flag_watch {
    struct sock_watch watch;
    uint32_t bits;
};

static void flag_call(struct sock_watch *w, uint32_t bits)
{
    container_of(w, struct flag_watch, watch)->bits |= bits;
}

/* The instance itself can be waited for and polled. */
static void test_instance_readiness(void **state)
{
    struct bench *b = *state;
    struct flag_watch w = {.watch.fn = flag_call};
    assert_int_equal(sock_watch_add(b->n, b->ep, &w.watch), 0);
    add(b, 0, NET_READY_IN);
    assert_int_equal(sock_ready(b->n, b->ep), 0);
    assert_int_equal(w.bits, 0);
    poke(b, 1); /* not watched */
    assert_int_equal(w.bits, 0);
    poke(b, 0);
    assert_int_equal(w.bits, NET_READY_IN);
    assert_int_equal(sock_ready(b->n, b->ep), NET_READY_IN);
    drain(b, 0);
    assert_int_equal(sock_ready(b->n, b->ep), 0);
    /* It is in the ready list still, without being ready: the next edge must be told all the same.
     */
    w.bits = 0;
    poke(b, 0);
    assert_int_equal(w.bits, NET_READY_IN);
    w.bits = 0;
    assert_int_equal(sock_close(b->n, b->ep, b->pair.now_ns), 0);
    assert_int_equal(w.bits, SOCK_WATCH_CLOSED);
    assert_int_equal(b->n->socks.epoll_items.used, 0);
    assert_int_equal(b->n->socks.epolls.used, 0);
    poke(b, 0); /* nobody listens: nothing may be touched */
}

struct count_watch {
    struct sock_watch watch;
    int calls;
};

static void count_call(struct sock_watch *w, uint32_t bits)
{
    container_of(w, struct count_watch, watch)->calls++;
}

/* Who waits for an instance is woken once for all that comes until somebody finds nothing there:
 * by asking, by collecting, or by beginning to wait. */
static void test_woken_once(void **state)
{
    struct bench *b = *state;
    struct count_watch w = {.watch.fn = count_call};
    struct count_watch late = {.watch.fn = count_call};
    struct epoll_report out[4];
    add(b, 0, NET_READY_IN);
    add(b, 1, NET_READY_IN);
    poke(b, 0); /* nobody waits yet */
    assert_int_equal(sock_watch_add(b->n, b->ep, &w.watch), 0);
    poke(b, 1);
    poke(b, 0);
    assert_int_equal(w.calls, 1);
    assert_int_equal(collect(b, out, 4), 2);
    poke(b, 0);
    assert_int_equal(w.calls, 1);
    assert_int_equal(sock_watch_add(b->n, b->ep, &late.watch), 0);
    poke(b, 0);
    assert_int_equal(late.calls, 1);
    for (int i = 0; i < 4; i++) {
        drain(b, 0);
    }
    drain(b, 1);
    expect_none(b);
    int calls = w.calls;
    poke(b, 0);
    assert_int_equal(w.calls, calls + 1);
    drain(b, 0);
    assert_int_equal(sock_ready(b->n, b->ep), 0);
    poke(b, 0);
    assert_int_equal(w.calls, calls + 2);
    sock_watch_remove(b->n, b->ep, &w.watch);
    sock_watch_remove(b->n, b->ep, &late.watch);
}

static uint32_t in_line(struct bench *b)
{
    return b->n->socks.by_fd[b->ep - SOCK_FD_FIRST]->epoll->ready_count;
}

static ptrdiff_t read_some(struct bench *b, int fd, size_t len, uint32_t flags)
{
    char bytes[16];
    return sock_recv(b->n, fd, bytes, len, flags, NULL, SOCK_SAME_TIME);
}

/* A stream that was read empty is not looked at once more, unless there is more to it than data. */
static void test_read_empty_leaves_the_line(void **state)
{
    struct bench *b = *state;
    struct pair *p = &b->pair;
    struct epoll_report w = {.events = NET_READY_IN | NET_READY_RDHUP, .data = 1};
    struct epoll_report out[4];
    int fd[2];
    int listener;
    pair_connect(p, fd, &listener, 80);
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_ADD, fd[1], &w), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sock_send(p->net[0], fd[0], "four", 4, 0, NULL, p->now_ns), 4);
        pair_run(p);
        assert_int_equal(collect(b, out, 4), 1);
        assert_int_equal(read_some(b, fd[1], 4, SOCK_MSG_PEEK), 4);
        assert_int_equal(read_some(b, fd[1], 3, 0), 3);
        assert_int_equal(in_line(b), 1);
        assert_int_equal(collect(b, out, 4), 1);
        assert_int_equal(read_some(b, fd[1], 16, 0), 1);
        assert_int_equal(in_line(b), 0);
        pair_advance(p, NS_PER_S); /* what was sent is acknowledged: the next goes at once */
    }
    /* Room to write is another matter, */
    w.events = NET_READY_IN | NET_READY_OUT;
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_MOD, fd[1], &w), 0);
    assert_int_equal(sock_send(p->net[0], fd[0], "four", 4, 0, NULL, p->now_ns), 4);
    pair_run(p);
    assert_int_equal(read_some(b, fd[1], 16, 0), 4);
    assert_int_equal(collect(b, out, 4), 1);
    assert_int_equal(out[0].events, NET_READY_OUT);
    pair_advance(p, NS_PER_S);
    /* and so is the end behind the data. */
    w.events = NET_READY_IN;
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_MOD, fd[1], &w), 0);
    assert_int_equal(sock_send(p->net[0], fd[0], "four", 4, 0, NULL, p->now_ns), 4);
    assert_int_equal(sock_shutdown(p->net[0], fd[0], 1, p->now_ns), 0);
    pair_run(p);
    assert_int_equal(read_some(b, fd[1], 16, 0), 4);
    assert_int_equal(collect(b, out, 4), 1);
    assert_int_equal(out[0].events, NET_READY_IN);
    assert_int_equal(read_some(b, fd[1], 16, 0), 0);
}

static void test_stream_events(void **state)
{
    struct bench *b = *state;
    struct pair *p = &b->pair;
    int fd[2];
    int listener;
    pair_connect(p, fd, &listener, 80);
    struct epoll_report w = {.events = NET_READY_IN | NET_READY_RDHUP | EPOLL_FLAG_ET, .data = 1};
    struct epoll_report out[4];
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_ADD, fd[1], &w), 0);
    assert_int_equal(collect(b, out, 4), 0);
    for (int i = 0; i < 3; i++) { /* unread data does not keep a new edge from coming */
        assert_int_equal(sock_send(p->net[0], fd[0], "x", 1, 0, NULL, p->now_ns), 1);
        pair_run(p);
        assert_int_equal(collect(b, out, 4), 1);
        assert_int_equal(out[0].events, NET_READY_IN);
        assert_int_equal(collect(b, out, 4), 0);
        pair_advance(p, NS_PER_S);
    }
    assert_int_equal(sock_shutdown(p->net[0], fd[0], 1, p->now_ns), 0);
    pair_run(p);
    assert_int_equal(collect(b, out, 4), 1);
    assert_int_equal(out[0].events, NET_READY_IN | NET_READY_RDHUP);
    /* HUP and ERR are told without having been asked for. */
    w.events = 0;
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_MOD, fd[1], &w), 0);
    assert_int_equal(collect(b, out, 4), 0);
    assert_int_equal(sock_set_opt(p->net[0], fd[0], SOCK_OPT_LINGER_S, 0, p->now_ns), 0);
    assert_int_equal(sock_close(p->net[0], fd[0], p->now_ns), 0);
    pair_run(p);
    assert_int_equal(collect(b, out, 4), 1);
    assert_true(out[0].events & NET_READY_HUP);
    assert_false(out[0].events & ~(uint32_t)(NET_READY_HUP | NET_READY_ERR));
}

static void test_listener_and_connect_events(void **state)
{
    struct bench *b = *state;
    struct pair *p = &b->pair;
    struct sock_addr a = {.addr = 0, .port = 80};
    int listener = sock_open(b->n, SOCK_TYPE_TCP, p->now_ns);
    assert_int_equal(sock_bind(b->n, listener, &a, p->now_ns), 0);
    assert_int_equal(sock_listen(b->n, listener, 4, p->now_ns), 0);
    struct epoll_report w = {.events = NET_READY_IN, .data = 5};
    struct epoll_report out[4];
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_ADD, listener, &w), 0);

    struct net *c = p->net[0];
    int ep = epoll_open(c, p->now_ns);
    int fd = sock_open(c, SOCK_TYPE_TCP, p->now_ns);
    a.addr = PAIR_HOST_1;
    assert_int_equal(sock_connect(c, fd, &a, p->now_ns), -EINPROGRESS);
    w.events = NET_READY_OUT;
    assert_int_equal(epoll_control(c, ep, EPOLL_OP_ADD, fd, &w), 0);
    assert_int_equal(epoll_collect(c, ep, out, 4), 0);
    pair_run(p);
    assert_int_equal(epoll_collect(c, ep, out, 4), 1);
    assert_int_equal(out[0].events, NET_READY_OUT);
    assert_int_equal(collect(b, out, 4), 1);
    assert_int_equal(out[0].data, 5);
    assert_true(sock_accept(b->n, listener, NULL, p->now_ns) >= 0);
    assert_int_equal(collect(b, out, 4), 0);
}

/* A sender that waits for room, edge-triggered: exactly the edge it needs comes. */
static void test_room_edge(void **state)
{
    struct bench *b = *state;
    struct pair *p = &b->pair;
    static char block[8192];
    int fd[2];
    int listener;
    pair_connect(p, fd, &listener, 80);
    struct epoll_report w = {.events = NET_READY_OUT | EPOLL_FLAG_ET, .data = 1};
    struct epoll_report out[4];
    assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_ADD, fd[1], &w), 0);
    assert_int_equal(collect(b, out, 4), 1);
    ptrdiff_t r;
    do {
        r = sock_send(b->n, fd[1], block, sizeof(block), 0, NULL, p->now_ns);
        pair_run(p);
    } while (r > 0);
    assert_int_equal(r, -EAGAIN);
    (void)collect(b, out, 4);
    assert_int_equal(collect(b, out, 4), 0);
    size_t got = 0;
    for (int i = 0; i < 200 && collect(b, out, 4) == 0; i++) {
        r = sock_recv(p->net[0], fd[0], block, sizeof(block), 0, NULL, p->now_ns);
        got += r > 0 ? (size_t)r : 0;
        pair_advance(p, NS_PER_MS);
    }
    assert_true(got > 0);
    assert_true(sock_send(b->n, fd[1], block, sizeof(block), 0, NULL, p->now_ns) > 0);
}

/* Random sockets become ready, are read, added, changed and removed; a model says what a
 * level-triggered collection must return. */
static void test_against_model(void **state)
{
    struct bench *b = *state;
    bool in[SOCKETS] = {false};
    int queued[SOCKETS] = {0};
    uint32_t seed = 42;
    for (int step = 0; step < 5000; step++) {
        seed = seed * 1664525u + 1013904223u;
        int i = (int)(seed >> 12) % SOCKETS;
        switch (seed >> 29) {
        case 0:
        case 1:
        case 2:
            if (queued[i] < 20) {
                poke(b, i);
                queued[i]++;
            }
            break;
        case 3:
        case 4:
            if (queued[i] > 0) {
                drain(b, i);
                queued[i]--;
            }
            break;
        case 5:
            assert_int_equal(control(b, EPOLL_OP_ADD, i, NET_READY_IN), in[i] ? -EEXIST : 0);
            in[i] = true;
            break;
        case 6:
            assert_int_equal(control(b, EPOLL_OP_DEL, i, 0), in[i] ? 0 : -ENOENT);
            in[i] = false;
            break;
        default:
            break;
        }
        struct epoll_report out[SOCKETS];
        int want = 0;
        for (int k = 0; k < SOCKETS; k++) {
            want += in[k] && queued[k] > 0;
        }
        assert_int_equal(sock_ready(b->n, b->ep), want > 0 ? NET_READY_IN : 0);
        assert_int_equal(collect(b, out, SOCKETS), want);
        for (int k = 0; k < want; k++) {
            int at = (int)out[k].data - 100;
            assert_true(in[at] && queued[at] > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ready_when_added, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oneshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mod_changes_interest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aliases, setup, teardown),
        cmocka_unit_test_setup_teardown(test_del, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_while_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fair_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_instances, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instance_readiness, setup, teardown),
        cmocka_unit_test_setup_teardown(test_woken_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_empty_leaves_the_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listener_and_connect_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_against_model, setup, teardown),
    };
    return cmocka_run_group_tests_name("epoll", tests, NULL, NULL);
}
