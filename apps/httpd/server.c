/*
 * The event loop, and the making and unmaking of what it runs on.
 */
#include "apps/httpd/server.h"

#include "apps/httpd/accept.h"
#include "apps/httpd/client.h"
#include "apps/httpd/evict.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SERVER_SLEEP_MAX_MS = 60 * 60 * 1000,
    /* A clock that shows less was never set; RFC 9110, 6.6.1: then no Date is to be sent. */
    CLOCK_PLAUSIBLE_S = 1700000000,
};

/* The wall clock is looked at when it may show another second. */
static void server_update_date(struct server *s)
{
    struct timespec t;
    s->date_due_ms = s->now_ms + 1000;
    if (clock_gettime(CLOCK_REALTIME, &t) != 0 || t.tv_sec < CLOCK_PLAUSIBLE_S) {
        exchange_set_date(&s->env, NULL);
        return;
    }
    s->date_due_ms -= (uint64_t)t.tv_nsec / 1000000;
    if ((int64_t)t.tv_sec != s->date_s || s->env.date == NULL) {
        s->date_s = (int64_t)t.tv_sec;
        date_format(s->date_s, s->date);
        exchange_set_date(&s->env, s->date);
    }
}

/* Once a turn: all that happens within it happens at the same time. */
static void server_update_time(struct server *s)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) == 0) {
        s->now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    }
    if (s->now_ms >= s->date_due_ms) {
        server_update_date(s);
    }
}

/* Few connections have bytes waiting at any moment: see client.c for when one takes a buffer. */
static size_t buffer_count(const struct options *o, size_t max_connections)
{
    size_t count = o->buffers != 0 ? o->buffers : max_connections / SERVER_CONNECTIONS_PER_BUFFER;
    return count < SERVER_MIN_BUFFERS ? SERVER_MIN_BUFFERS : count;
}

/* A table of so many connections, with a smaller share of buffers rather than with fewer than a
 * small server's connections; false when the memory has not even room for that. */
static bool server_alloc_table(struct server *s, const struct options *o, size_t max)
{
    size_t least = o->buffers == 0 && max <= SERVER_SMALL_CONNECTIONS
                       ? buffer_count(o, max / SERVER_SMALL_SHARE)
                       : buffer_count(o, max);
    for (size_t buffers = buffer_count(o, max); buffers >= least; buffers /= 2) {
        if (table_init(s, max, buffers)) {
            return true;
        }
    }
    return false;
}

/* As many connections as were asked for, or as the memory has room for. */
static bool server_alloc(struct server *s, const struct options *o)
{
    for (size_t max = o->max_connections; max >= SERVER_MIN_CONNECTIONS; max /= 2) {
        if (server_alloc_table(s, o, max)) {
            if (max < o->max_connections) {
                printf("httpd: memory for %u connections, not for %u\n", (unsigned)max,
                       (unsigned)o->max_connections);
            }
            return true;
        }
    }
    fprintf(stderr, "httpd: not even memory for %u connections\n",
            (unsigned)SERVER_MIN_CONNECTIONS);
    return false;
}

/* True, or says what failed. */
static bool listen_check(bool ok, const char *what, const struct options *o)
{
    if (!ok) {
        fprintf(stderr, "httpd: port %u: %s: %s\n", (unsigned)o->port, what, strerror(errno));
    }
    return ok;
}

static bool server_listen(struct server *s, const struct options *o)
{
    int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
    struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = NULL}};
    a.sin_addr.s_addr = htonl(INADDR_ANY);
    s->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (!listen_check(s->listen_fd >= 0, "socket", o)) {
        return false;
    }
    (void)setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    /* Every send is a whole response or a whole buffer: nothing is gained by waiting for more. Each
     * connection takes it from here, as on Linux. */
    (void)setsockopt(s->listen_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    /* The backlog is long: SYNs come faster than turns of the loop. */
    if (!listen_check(bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)) == 0, "bind", o) ||
        !listen_check(listen(s->listen_fd, SERVER_BACKLOG) == 0, "listen", o)) {
        return false;
    }
    int flags = fcntl(s->listen_fd, F_GETFL, 0);
    if (!listen_check(flags >= 0 && fcntl(s->listen_fd, F_SETFL, flags | O_NONBLOCK) == 0, "fcntl",
                      o)) {
        return false;
    }
    s->epoll_fd = epoll_create1(0);
    return listen_check(s->epoll_fd >= 0 &&
                            epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &e) == 0,
                        "epoll", o);
}

/* For a request that would hold buffers: see struct conn_env. */
static bool server_make_room(struct conn_env *env, size_t buffers)
{
    struct server *s = (struct server *)(void *)((char *)env - offsetof(struct server, env));
    return evict_for_buffers(s, s->busy, buffers);
}

bool server_init(struct server *s, const struct options *o)
{
    memset(s, 0, sizeof(*s));
    s->epoll_fd = -1;
    s->listen_fd = -1;
    s->env.stats = stats_next;
    s->env.make_room = server_make_room;
    s->timeouts.lists[TIMEOUT_IDLE].duration_ms = o->idle_timeout_s * 1000;
    s->timeouts.lists[TIMEOUT_HEAD].duration_ms = o->head_timeout_s * 1000;
    s->timeouts.lists[TIMEOUT_BODY].duration_ms = o->body_timeout_s * 1000;
    s->timeouts.lists[TIMEOUT_WRITE].duration_ms = o->body_timeout_s * 1000;
    s->timeouts.lists[TIMEOUT_BODY_HELD].duration_ms = o->body_timeout_s * 1000;
    s->timeouts.lists[TIMEOUT_WRITE_HELD].duration_ms = o->body_timeout_s * 1000;
    s->timeouts.lists[TIMEOUT_LINGER].duration_ms = SERVER_LINGER_TIMEOUT_MS;
    server_update_time(s);
    if (!server_alloc(s, o) || !server_listen(s, o)) {
        server_destroy(s);
        return false;
    }
    printf("httpd: listening on port %u, %u connections, %u buffers\n", (unsigned)o->port,
           (unsigned)s->max_connections, (unsigned)s->env.counters.buffers_max);
    fflush(stdout);
    return true;
}

void server_destroy(struct server *s)
{
    table_destroy(s);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (s->epoll_fd >= 0) {
        close(s->epoll_fd);
    }
}

/* As long as nothing can be due: a server that has no clients does not wake up. */
static int server_sleep_ms(const struct server *s)
{
    uint64_t next = timeouts_call_ms(&s->timeouts);
    if (s->accept_resume_ms != 0 && s->accept_resume_ms < next) {
        next = s->accept_resume_ms;
    }
    if (next == TIMEOUTS_NEVER) {
        return -1;
    }
    uint64_t wait = next > s->now_ms ? next - s->now_ms : 0;
    return wait < SERVER_SLEEP_MAX_MS ? (int)wait : SERVER_SLEEP_MAX_MS;
}

/* Bounded; what is left is still due on the next turn, whose sleep is then 0. */
static void server_expire(struct server *s)
{
    for (int i = 0; i < SERVER_EXPIRES_PER_TURN; i++) {
        struct timeout *due = timeouts_due(&s->timeouts, s->now_ms);
        if (due == NULL) {
            break;
        }
        client_expire(s, (struct client *)(void *)due);
    }
    if (s->accept_resume_ms != 0 && s->accept_resume_ms <= s->now_ms) {
        struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = NULL}};
        s->accept_resume_ms = 0;
        (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &e);
    }
}

bool server_turn(struct server *s)
{
    struct epoll_event events[SERVER_EVENTS_PER_TURN];
    int n = epoll_wait(s->epoll_fd, events, SERVER_EVENTS_PER_TURN, server_sleep_ms(s));
    if (n < 0 && errno != EINTR) {
        return false;
    }
    server_update_time(s);
    bool may_accept = false;
    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;
        if (c == NULL) {
            may_accept = true;
        } else {
            client_turn(s, c, events[i].events);
        }
    }
    /* Last, so that no slot is taken anew while an event of its former client is still to come. */
    if (may_accept) {
        accept_clients(s);
    }
    server_expire(s);
    return true;
}
