/*
 * apps/httpd/client.c over sockets of the test machine, with the time in the test's hand: who gives
 * up his buffer, and when, once there are no more.
 */
// LINK: apps/httpd/accept.c apps/httpd/buffers.c apps/httpd/bytes_page.c apps/httpd/client.c
// LINK: apps/httpd/chunk_lines.c apps/httpd/fields.c apps/httpd/target.c
// LINK: apps/httpd/conn.c apps/httpd/counters.c apps/httpd/date.c apps/httpd/echo.c
// LINK: apps/httpd/head.c apps/httpd/http_parse.c apps/httpd/linux_stats.c apps/httpd/options.c
// LINK: apps/httpd/outbuf.c apps/httpd/resources.c apps/httpd/response.c apps/httpd/server.c
// LINK: apps/httpd/stats_page.c apps/httpd/timeouts.c @llhttp
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "apps/httpd/client.h"

enum {
    CLIENTS = 32,
    SOCKET_BYTES = 4096, /* less than an answer of /bytes */
};

static const char ask_much[] = "GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n";

static struct {
    struct server s;
    struct client *client[CLIENTS];
    int peer[CLIENTS];
    size_t count;
} world;

static void begin(void)
{
    struct options o;
    char *argv[] = {"httpd", NULL};
    memset(&world, 0, sizeof(world));
    assert_int_equal(options_parse(&o, 1, argv), OPTIONS_OK);
    o.port = 0; /* any: nobody calls there */
    o.max_connections = CLIENTS;
    o.buffers = SERVER_MIN_BUFFERS;
    assert_true(server_init(&world.s, &o));
    assert_int_equal(world.s.buffers.free_count, SERVER_MIN_BUFFERS);
}

static void end(void)
{
    server_destroy(&world.s);
    for (size_t i = 0; i < world.count; i++) {
        close(world.peer[i]);
    }
}

/* A client that has sent text, after its turn. */
static struct client *client_with(const char *text)
{
    int fds[2];
    int bytes = SOCKET_BYTES;
    assert_true(world.count < CLIENTS);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
    struct client *c = server_client_alloc(&world.s, false);
    assert_non_null(c);
    world.client[world.count] = c;
    world.peer[world.count++] = fds[1];
    assert_true(client_open(&world.s, c, fds[0]));
    assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
    client_turn(&world.s, c, EPOLLIN);
    return c;
}

/* The peer takes what there is, and the client is told that it may go on. */
static void peer_reads(size_t idx)
{
    char bytes[SOCKET_BYTES];
    while (read(world.peer[idx], bytes, sizeof(bytes)) > 0) {
    }
    client_turn(&world.s, world.client[idx], EPOLLOUT);
}

/* As many as there are buffers ask for much and do not read, one after the other by a ms. */
static uint64_t take_all_buffers(void)
{
    uint64_t start_ms = world.s.now_ms;
    for (uint32_t i = 0; i < SERVER_MIN_BUFFERS; i++, world.s.now_ms++) {
        assert_non_null(client_with(ask_much)->out);
    }
    assert_int_equal(world.s.buffers.free_count, 0);
    return start_ms;
}

static void who_does_not_read_keeps_his_buffer_for_20_ms(void **state)
{
    begin();
    const struct counters *n = &world.s.env.counters;
    uint64_t start_ms = take_all_buffers();
    world.s.now_ms = start_ms + CLIENT_STUCK_MS - 1;
    assert_int_equal(client_with(ask_much)->fd, -1);
    assert_int_equal(n->refused_buffers, 1);
    assert_int_equal(n->evicted_silent, 0);
    world.s.now_ms = start_ms + CLIENT_STUCK_MS;
    struct client *next = client_with(ask_much);
    assert_true(next->fd >= 0 && next->out != NULL);
    assert_int_equal(n->evicted_silent, 1);
    assert_int_equal(world.client[0]->fd, -1);
    assert_true(world.client[1]->fd >= 0);
    end();
}

static void who_reads_slowly_keeps_it(void **state)
{
    begin();
    uint64_t start_ms = take_all_buffers();
    peer_reads(0);
    world.s.now_ms = start_ms + CLIENT_STUCK_MS + 1;
    assert_non_null(client_with(ask_much)->out);
    assert_true(world.client[0]->fd >= 0);
    assert_int_equal(world.client[1]->fd, -1);
    assert_int_equal(world.s.env.counters.evicted_silent, 1);
    end();
}

/* Without need nobody gives up anything before the time-out. */
static void nobody_goes_while_there_are_buffers(void **state)
{
    begin();
    struct client *stuck = client_with(ask_much);
    world.s.now_ms += 100 * CLIENT_STUCK_MS;
    assert_non_null(client_with(ask_much)->out);
    assert_true(stuck->fd >= 0);
    assert_int_equal(world.s.env.counters.evicted_silent, 0);
    end();
}

static void a_silent_body_goes_after_2_s(void **state)
{
    begin();
    struct client *c =
        client_with("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    assert_int_equal(c->timeout.kind, TIMEOUT_BODY);
    world.s.now_ms += CLIENT_SILENT_MS - 1;
    assert_false(client_evict_silent(&world.s, NULL));
    world.s.now_ms++;
    assert_false(client_evict_silent(&world.s, c));
    assert_true(client_evict_silent(&world.s, NULL));
    assert_int_equal(c->fd, -1);
    assert_int_equal(world.s.buffers.free_count, SERVER_MIN_BUFFERS);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_read_keeps_his_buffer_for_20_ms),
        cmocka_unit_test(who_reads_slowly_keeps_it),
        cmocka_unit_test(nobody_goes_while_there_are_buffers),
        cmocka_unit_test(a_silent_body_goes_after_2_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
