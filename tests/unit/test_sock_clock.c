/*
 * Time at the entries of a stack. A program may compute for a second before it calls: whatever
 * sends, sets a timer or tells of time takes the clock's reading along (net.h, sock.h,
 * sock/epoll.h), so that nothing is stamped with an old one and sent again at the next poll. What
 * takes no reading neither sends nor sets a timer. `make check` fails when an entry of those
 * headers is not here.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/pair.c tests/sim/link.c tests/sim/carve.c
// LINK: @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/sock/epoll.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"
#include "tests/sim/pair.h"

#include <errno.h>

enum {
    PORT = 80,
    OTHER_PORT = 81,
};

/* Side 0 has something of every kind under way that a late call could send or time. */
struct busy {
    struct pair p;
    struct net *n; /* side 0 */
    int fd;        /* connected: corked text waits, and text came that is not acknowledged */
    int listener;  /* with a connection to accept */
    int fresh;     /* a stream, not bound */
    int bound;     /* a stream, bound */
    int udp;       /* a datagram socket */
    int closing;   /* connected, with text that is out and a linger time */
    int ep;
    int peer[2];           /* side 1's ends of fd and closing */
    int other;             /* side 1's end of what is to be accepted */
    struct sock_addr away; /* nobody listens there */
};

static int connected(struct busy *b, int *peer, int listener)
{
    struct sock_addr to = {.addr = PAIR_HOST_1, .port = PORT};
    int fd = sock_open(b->n, SOCK_TYPE_TCP, b->p.now_ns);
    assert_int_equal(sock_connect(b->n, fd, &to, b->p.now_ns), -EINPROGRESS);
    (void)pair_run(&b->p);
    *peer = sock_accept(b->p.net[1], listener, NULL, b->p.now_ns);
    assert_true(*peer >= 0);
    return fd;
}

static int listening(struct busy *b, int side, uint16_t port)
{
    struct sock_addr any = {.port = port};
    int fd = sock_open(b->p.net[side], SOCK_TYPE_TCP, b->p.now_ns);
    assert_int_equal(sock_bind(b->p.net[side], fd, &any, b->p.now_ns), 0);
    assert_int_equal(sock_listen(b->p.net[side], fd, 4, b->p.now_ns), 0);
    return fd;
}

static void begin(struct busy *b)
{
    static const char text[100];
    struct net_limits l = pair_limits();
    memset(b, 0, sizeof(*b));
    pair_init(&b->p, &l);
    b->n = b->p.net[0];
    b->away = (struct sock_addr){.addr = PAIR_HOST_1, .port = 9};
    int there = listening(b, 1, PORT);
    b->fd = connected(b, &b->peer[0], there);
    b->closing = connected(b, &b->peer[1], there);
    b->listener = listening(b, 0, OTHER_PORT);
    struct sock_addr here = {.addr = PAIR_HOST_0, .port = OTHER_PORT};
    b->other = sock_open(b->p.net[1], SOCK_TYPE_TCP, b->p.now_ns);
    assert_int_equal(sock_connect(b->p.net[1], b->other, &here, b->p.now_ns), -EINPROGRESS);
    (void)pair_run(&b->p);
    b->fresh = sock_open(b->n, SOCK_TYPE_TCP, b->p.now_ns);
    b->bound = sock_open(b->n, SOCK_TYPE_TCP, b->p.now_ns);
    struct sock_addr any = {.port = 1234};
    assert_int_equal(sock_bind(b->n, b->bound, &any, b->p.now_ns), 0);
    b->udp = sock_open(b->n, SOCK_TYPE_UDP, b->p.now_ns);
    b->ep = epoll_open(b->n, b->p.now_ns);
    assert_int_equal(sock_set_opt(b->n, b->closing, SOCK_OPT_LINGER_S, 5, b->p.now_ns), 0);
    assert_int_equal(sock_set_opt(b->n, b->fd, SOCK_OPT_CORK, 1, b->p.now_ns), 0);
    assert_int_equal(sock_send(b->n, b->fd, text, 100, 0, NULL, b->p.now_ns), 100);
    assert_int_equal(sock_send(b->p.net[1], b->peer[0], text, 100, 0, NULL, b->p.now_ns), 100);
    (void)pair_run(&b->p);
    assert_int_equal(sock_readable(b->n, b->fd), 100);
}

/* The program computes; the stack hears nothing of it. */
static void compute(struct busy *b)
{
    b->p.now_ns += NS_PER_S;
    assert_true(b->n->now_ns < b->p.now_ns);
}

static uint64_t sent_again(const struct net *n)
{
    return n->counters.tcp_tx_retransmits + n->counters.tcp_timeouts +
           n->counters.tcp_tx_tail_probes;
}

/* ---- entries that take the time: what each does on a busy side 0 ---- */

static void do_open(struct busy *b)
{
    assert_true(sock_open(b->n, SOCK_TYPE_TCP, b->p.now_ns) >= 0);
}

static void do_bind(struct busy *b)
{
    assert_int_equal(sock_bind(b->n, b->fresh, &(struct sock_addr){0}, b->p.now_ns), 0);
}

static void do_listen(struct busy *b)
{
    assert_int_equal(sock_listen(b->n, b->bound, 4, b->p.now_ns), 0);
}

static void do_accept(struct busy *b)
{
    assert_true(sock_accept(b->n, b->listener, NULL, b->p.now_ns) >= 0);
}

static void do_connect(struct busy *b)
{
    assert_int_equal(sock_connect(b->n, b->fresh, &b->away, b->p.now_ns), -EINPROGRESS);
}

static void do_send(struct busy *b)
{
    static const char text[4000];
    assert_int_equal(sock_send(b->n, b->fd, text, sizeof(text), 0, NULL, b->p.now_ns), 4000);
}

static void do_send_datagram(struct busy *b)
{
    assert_int_equal(sock_send(b->n, b->udp, "x", 1, 0, &b->away, b->p.now_ns), 1);
}

static void do_recv(struct busy *b)
{
    char buf[200];
    assert_int_equal(sock_recv(b->n, b->fd, buf, sizeof(buf), 0, NULL, b->p.now_ns), 100);
}

static void do_shutdown(struct busy *b)
{
    assert_int_equal(sock_shutdown(b->n, b->fd, 1, b->p.now_ns), 0);
}

static void do_close(struct busy *b)
{
    char buf[200];
    assert_int_equal(sock_recv(b->n, b->fd, buf, sizeof(buf), 0, NULL, b->n->now_ns), 100);
    assert_int_equal(sock_close(b->n, b->fd, b->p.now_ns), 0);
}

static void do_close_begin(struct busy *b)
{
    assert_int_equal(sock_close_begin(b->n, b->closing, b->p.now_ns), 5);
}

static void do_close_end(struct busy *b)
{
    assert_int_equal(sock_close_begin(b->n, b->closing, b->p.now_ns), 5);
    pair_advance(&b->p, NS_PER_S); /* all that is out is acknowledged */
    compute(b);
    sock_close_end(b->n, b->closing, b->p.now_ns);
}

static void do_set_congestion(struct busy *b)
{
    assert_int_equal(sock_set_congestion(b->n, b->fd, "newreno", b->p.now_ns), 0);
}

static void do_get_report(struct busy *b)
{
    struct tcp_report r;
    assert_int_equal(sock_get_report(b->n, b->fd, &r, b->p.now_ns), 0);
    assert_true(r.heard_ago_ns >= NS_PER_S && r.data_ago_ns >= NS_PER_S);
}

static void do_epoll_open(struct busy *b)
{
    assert_true(epoll_open(b->n, b->p.now_ns) >= 0);
}

/* net_set_offload asks for no time: it sends nothing. */
static void do_link(struct busy *b)
{
    net_set_link(b->n, false, b->p.now_ns);
    net_set_offload(b->n, 0);
    net_set_link(b->n, true, 0);
}

/* net_input is the same with an Ethernet header in front. */
static void do_input(struct busy *b)
{
    struct pkt *p = pkt_alloc(&b->p.side[0].rx, 0);
    assert_non_null(p);
    memset(pkt_append(p, 20), 0, 20);
    net_input_ip(b->n, p, b->p.now_ns);
}

static void do_batch(struct busy *b)
{
    struct pkt *p = pkt_alloc(&b->p.side[0].rx, 0);
    assert_non_null(p);
    memset(pkt_append(p, 20), 0, 20);
    net_input_batch(b->n, &p, 1, b->p.now_ns);
}

static void do_poll(struct busy *b)
{
    (void)net_poll(b->n, b->p.now_ns);
}

static void do_finish(struct busy *b)
{
    net_finish(b->n, b->p.now_ns);
    assert_true(net_unfinished(b->n) > 0);
}

/* sock_set_opt, an option each: those that send or time something, and the others. */
static enum sock_opt option_now;
static int64_t value_now;

static void do_set_opt(struct busy *b)
{
    assert_int_equal(sock_set_opt(b->n, b->fd, option_now, value_now, b->p.now_ns), 0);
}

static void late(void (*call)(struct busy *))
{
    static struct busy b;
    begin(&b);
    compute(&b);
    call(&b);
    assert_int_equal(b.n->now_ns, b.p.now_ns);
    (void)net_poll(b.n, b.p.now_ns);
    assert_int_equal(sent_again(b.n), 0);
    (void)pair_run(&b.p);
    assert_int_equal(sent_again(b.n), 0);
    pair_destroy(&b.p);
}

static void late_calls_are_timed(void **state)
{
    static void (*const calls[])(struct busy *) = {
        do_open,          do_bind,       do_listen,         do_accept,     do_connect,
        do_send,          do_recv,       do_shutdown,       do_close,      do_close_begin,
        do_close_end,     do_get_report, do_set_congestion, do_epoll_open, do_link,
        do_send_datagram, do_input,      do_batch,          do_poll,       do_finish,
    };
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        late(calls[i]);
    }
}

static void late_options_are_timed(void **state)
{
    static const struct {
        enum sock_opt opt;
        int64_t value;
    } sets[] = {
        {SOCK_OPT_CORK, 0},         {SOCK_OPT_NODELAY, 1},
        {SOCK_OPT_QUICKACK, 1},     {SOCK_OPT_USER_TIMEOUT_MS, 5000},
        {SOCK_OPT_KEEPALIVE, 1},    {SOCK_OPT_KEEPIDLE_S, 10},
        {SOCK_OPT_KEEPINTVL_S, 10}, {SOCK_OPT_KEEPCNT, 3},
        {SOCK_OPT_LINGER_S, 3},     {SOCK_OPT_LINGER2_S, 3},
        {SOCK_OPT_RCVBUF, 100000},  {SOCK_OPT_SNDBUF, 100000},
        {SOCK_OPT_MAXSEG, 536},     {SOCK_OPT_WINDOW_CLAMP, 3000},
        {SOCK_OPT_TOS, 4},          {SOCK_OPT_TTL, 9},
        {SOCK_OPT_NONBLOCK, 1},     {SOCK_OPT_DEFER_ACCEPT_S, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        option_now = sets[i].opt;
        value_now = sets[i].value;
        late(do_set_opt);
    }
}

/* A cork taken off after a second of computing: the text goes, once, and the timeout counts from
 * then on. */
static void the_cork_is_off_late(void **state)
{
    static struct busy b;
    begin(&b);
    compute(&b);
    uint64_t segments = b.n->counters.tcp_tx_segments;
    assert_int_equal(sock_set_opt(b.n, b.fd, SOCK_OPT_CORK, 0, b.p.now_ns), 0);
    assert_int_equal(b.n->counters.tcp_tx_segments, segments + 1);
    uint64_t next_ns = net_poll(b.n, b.p.now_ns);
    assert_true(next_ns > b.p.now_ns);
    assert_int_equal(b.n->counters.tcp_tx_segments, segments + 1);
    pair_destroy(&b.p);
}

/* ---- entries that take no time ---- */

static void no_wake(struct sock_watch *w, uint32_t bits)
{
}

static void look_at_all(struct busy *b)
{
    struct sock_addr a;
    struct sock_watch w = {.fn = no_wake};
    struct epoll_report want = {.events = NET_READY_IN | NET_READY_OUT};
    struct epoll_report got[8];
    int64_t v;
    const char *name;
    const int fds[] = {b->fd, b->listener, b->fresh, b->bound, b->udp, b->closing};
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        (void)sock_name(b->n, fds[i], &a);
        (void)sock_peer(b->n, fds[i], &a);
        (void)sock_readable(b->n, fds[i]);
        (void)sock_ready(b->n, fds[i]);
        (void)sock_get_congestion(b->n, fds[i], &name);
        for (int opt = SOCK_OPT_NONBLOCK; opt <= SOCK_OPT_WINDOW_CLAMP; opt++) {
            (void)sock_get_opt(b->n, fds[i], (enum sock_opt)opt, &v);
        }
        assert_int_equal(sock_watch_add(b->n, fds[i], &w), 0);
        sock_watch_remove(b->n, fds[i], &w);
        assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_ADD, fds[i], &want), 0);
        assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_MOD, fds[i], &want), 0);
    }
    assert_true(epoll_collect(b->n, b->ep, got, 8) > 0);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        assert_int_equal(epoll_control(b->n, b->ep, EPOLL_OP_DEL, fds[i], NULL), 0);
    }
}

static void what_takes_no_time_sends_nothing(void **state)
{
    static struct busy b;
    begin(&b);
    uint64_t deadline_ns = timer_next(&b.n->wheel);
    uint32_t packets = b.p.side[0].tx.used;
    uint64_t segments = b.n->counters.tcp_tx_segments;
    compute(&b);
    look_at_all(&b);
    assert_int_equal(timer_next(&b.n->wheel), deadline_ns);
    assert_int_equal(b.p.side[0].tx.used, packets);
    assert_int_equal(b.n->counters.tcp_tx_segments, segments);
    do_close_begin(&b);
    segments = b.n->counters.tcp_tx_segments;
    deadline_ns = timer_next(&b.n->wheel);
    (void)sock_close_drained(b.n, b.closing);
    assert_int_equal(timer_next(&b.n->wheel), deadline_ns);
    assert_int_equal(b.n->counters.tcp_tx_segments, segments);
    sock_close_end(b.n, b.closing, b.p.now_ns);
    pair_destroy(&b.p); /* net_destroy: without a word, too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_calls_are_timed),
        cmocka_unit_test(late_options_are_timed),
        cmocka_unit_test(the_cork_is_off_late),
        cmocka_unit_test(what_takes_no_time_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
