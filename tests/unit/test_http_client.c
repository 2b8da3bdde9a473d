/*
 * apps/httpd/client.c over sockets of the test machine, with the time in the test's hand: who holds
 * a buffer, and who gives up what he holds, and when, once there is no more.
 */
// LINK: apps/httpd/[!m]*.c @llhttp
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "apps/httpd/accept.h"
#include "apps/httpd/client.h"
#include "apps/httpd/evict.h"
#include "apps/httpd/server.h"

enum {
    CLIENTS = 64,
    SOCKET_BYTES = 4096, /* less than most answers here */
    ANSWER_MAX_BYTES = 2 * 1000 * 1000,
};

#define ECHO    "POST /echo HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED ECHO "Transfer-Encoding: chunked\r\n\r\n"

static const char healthz[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
static const char download[] = "GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n";
static const char part_of_head[] = "GET / HTTP/1.1\r\nHost:";
static const char part_of_echo[] = ECHO "Content-Length: 10\r\n\r\nabc";
static const char part_of_unwanted[] = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
/* More than a socket takes, of what cannot be made again. */
#define PAGE    "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define PAGES_8 PAGE PAGE PAGE PAGE PAGE PAGE PAGE PAGE
static const char pages[] = PAGES_8 PAGES_8 PAGES_8 PAGES_8;

/* The tests say "2 s" in their names: a download over a wide area network stands still for a round
 * trip time and again, and for a second when a segment is lost. */
static_assert((int)EVICT_BUFFER_MS == 2000 && (int)EVICT_PLACE_MS == 1000,
              "as docs/http.md has them");

static struct {
    struct server s;
    struct client *client[CLIENTS];
    int peer[CLIENTS];
    size_t count;
    char answer[ANSWER_MAX_BYTES + 1];
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
    assert_int_equal(world.s.env.counters.connections, 0);
    for (size_t i = 0; i < world.count; i++) {
        close(world.peer[i]);
    }
}

static const struct counters *counters(void)
{
    return &world.s.env.counters;
}

static size_t buffers_out(void)
{
    return SERVER_MIN_BUFFERS - world.s.buffers.free_count;
}

static void peer_says(size_t idx, const char *text)
{
    assert_int_equal(write(world.peer[idx], text, strlen(text)), strlen(text));
    client_turn(&world.s, world.client[idx], EPOLLIN);
}

/* A client that has sent text, after its turn. */
static struct client *client_with(const char *text)
{
    int fds[2];
    int bytes = SOCKET_BYTES;
    assert_true(world.count < CLIENTS);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
    struct client *c = client_alloc(&world.s, false);
    assert_non_null(c);
    world.client[world.count] = c;
    world.peer[world.count++] = fds[1];
    assert_true(client_open(&world.s, c, fds[0]));
    peer_says(world.count - 1, text);
    return c;
}

/* What there is to read for the last client, as text. */
static const char *answer(void)
{
    ssize_t n = read(world.peer[world.count - 1], world.answer, ANSWER_MAX_BYTES);
    world.answer[n > 0 ? n : 0] = '\0';
    return world.answer;
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
        assert_non_null(client_with(pages)->out);
    }
    assert_int_equal(world.s.buffers.free_count, 0);
    return start_ms;
}

/* Fifteen clients with a good chunk and a bad one, who then stay: an honest echo still goes. */
static void an_echo_that_failed_holds_nothing(void **state)
{
    begin();
    for (uint32_t i = 0; i < SERVER_MIN_BUFFERS; i++) {
        struct client *c = client_with(CHUNKED "3\r\nabc\r\n");
        assert_non_null(c->out);
        peer_says(i, "oops\r\n");
        assert_int_equal(c->timeout.kind, TIMEOUT_LINGER);
        assert_true(c->out == NULL && c->in == NULL);
        peer_says(i, "more of it");
        assert_true(c->fd >= 0);
    }
    assert_int_equal(buffers_out(), 0);
    client_with(CHUNKED "3\r\nabc\r\n");
    peer_says(world.count - 1, "0\r\n\r\n");
    assert_non_null(strstr(answer(), "\r\n\r\n0003\r\nabc\r\n0\r\n\r\n"));
    assert_int_equal(counters()->refused_buffers, 0);
    end();
}

/* Whatever was answered whole, or refused, or waits for nothing of its own, needs no buffer. */
static void who_waits_for_nothing_holds_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        healthz,
        download,
        "GET /stats HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\nleft behind",
        "GET / HTTP/2.0\r\nleft behind",
        "\x16\x03\x01",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nleft behind",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\nleft behind",
        part_of_unwanted,
        CHUNKED "x",
        CHUNKED "1\r\na\r\n0\r\n\r\n",
    };
    begin();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct client *c = client_with(texts[i]);
        if (strstr(texts[i], "/stats") != NULL) {
            for (int turns = 0; c->out != NULL && turns < 100; turns++) {
                peer_reads(world.count - 1);
            }
        }
        if (c->fd < 0 || c->in != NULL || c->out != NULL) {
            fail_msg("holds a buffer, or is gone: %s", texts[i]);
        }
    }
    assert_int_equal(buffers_out(), 0);
    end();
}

/* Not taken, then taken in pieces: every byte comes, in order. */
static void a_download_that_stands_still_holds_nothing_and_goes_on(void **state)
{
    begin();
    struct client *c = client_with(download);
    static const char lines[] = "ringside 0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcde\n";
    size_t len = 0;
    const size_t head_max = 512;
    for (int turns = 0; turns < 10000 && c->timeout.kind != TIMEOUT_IDLE; turns++) {
        bool is_last_piece = c->conn.state == CONN_HEAD; /* 32 KiB of it at most */
        assert_true(is_last_piece || (c->in == NULL && c->out == NULL));
        size_t want = 1 + (size_t)turns * 37 % 6000;
        ssize_t n = read(world.peer[0], world.answer + len, want);
        len += n > 0 ? (size_t)n : 0;
        client_turn(&world.s, c, EPOLLOUT);
    }
    ssize_t n;
    while ((n = read(world.peer[0], world.answer + len, SOCKET_BYTES)) > 0) {
        len += (size_t)n;
    }
    world.answer[len] = '\0';
    const char *body = strstr(world.answer, "\r\n\r\n");
    assert_true(body != NULL && (size_t)(body - world.answer) < head_max);
    body += 4;
    assert_int_equal(len - (size_t)(body - world.answer), 1000000);
    for (size_t i = 0; i < 1000000; i++) {
        assert_int_equal(body[i], lines[i % 64]);
    }
    assert_int_equal(buffers_out(), 0);
    end();
}

/* Only who needs a buffer costs others theirs, and only those who have been silent for seconds. */
static void who_needs_no_buffer_costs_nobody_his(void **state)
{
    begin();
    uint64_t start_ms = take_all_buffers();
    world.s.now_ms = start_ms + 100 * EVICT_BUFFER_MS;
    client_with(healthz);
    assert_non_null(strstr(answer(), "\r\n\r\nok\n"));
    client_with(ECHO "Content-Length: 2\r\n\r\nhi");
    assert_non_null(strstr(answer(), "\r\n\r\nhi"));
    client_with(download);
    client_with("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    client_with(part_of_unwanted);
    assert_int_equal(counters()->evicted_silent, 0);
    assert_int_equal(buffers_out(), SERVER_MIN_BUFFERS);
    end();
}

static void who_does_not_read_keeps_his_buffer_for_2_s(void **state)
{
    begin();
    uint64_t start_ms = take_all_buffers();
    world.s.now_ms = start_ms + EVICT_BUFFER_MS - 1;
    assert_int_equal(client_with(pages)->fd, -1);
    client_with(part_of_echo);
    assert_non_null(strstr(answer(), "503 Service Unavailable"));
    assert_int_equal(counters()->refused_buffers, 2);
    assert_int_equal(counters()->evicted_silent, 0);
    world.s.now_ms = start_ms + EVICT_BUFFER_MS;
    struct client *next = client_with(pages);
    assert_true(next->fd >= 0 && next->out != NULL);
    assert_int_equal(counters()->evicted_silent, 1);
    assert_int_equal(world.client[0]->fd, -1);
    assert_true(world.client[1]->fd >= 0);
    end();
}

static void who_reads_slowly_keeps_it(void **state)
{
    begin();
    uint64_t start_ms = take_all_buffers();
    peer_reads(0);
    world.s.now_ms = start_ms + EVICT_BUFFER_MS + 1;
    assert_non_null(client_with(pages)->out);
    assert_true(world.client[0]->fd >= 0);
    assert_int_equal(world.client[1]->fd, -1);
    assert_int_equal(counters()->evicted_silent, 1);
    end();
}

/* Being asked is no progress: a byte that moves is. */
static void a_turn_without_a_byte_renews_nothing(void **state)
{
    begin();
    struct client *c = client_with(pages);
    uint64_t deadline_ms = c->timeout.deadline_ms;
    world.s.now_ms += 100;
    client_turn(&world.s, c, EPOLLOUT);
    assert_int_equal(c->timeout.deadline_ms, deadline_ms);
    peer_reads(0);
    assert_int_equal(c->timeout.deadline_ms, deadline_ms + 100);
    end();
}

/* Without need nobody gives up anything before the time-out. */
static void nobody_goes_while_there_are_buffers(void **state)
{
    begin();
    struct client *stuck = client_with(pages);
    world.s.now_ms += 100 * EVICT_BUFFER_MS;
    assert_non_null(client_with(pages)->out);
    assert_true(stuck->fd >= 0);
    assert_int_equal(counters()->evicted_silent, 0);
    end();
}

/* Closing who holds none would help nobody. */
static void who_holds_nothing_is_not_closed_for_a_buffer(void **state)
{
    begin();
    struct client *unwanted = client_with(part_of_unwanted);
    struct client *stands = client_with(download);
    assert_int_equal(unwanted->timeout.kind, TIMEOUT_BODY);
    assert_int_equal(stands->timeout.kind, TIMEOUT_WRITE);
    world.s.now_ms += EVICT_BUFFER_MS;
    take_all_buffers();
    assert_false(evict_for_buffers(&world.s, NULL, 1));
    assert_true(unwanted->fd >= 0 && stands->fd >= 0);
    end();
}

/* Heads that are dribbled in give way to an echo at once, the longest at it first. */
static void heads_that_are_not_complete_go_first(void **state)
{
    begin();
    for (uint32_t i = 0; i < SERVER_MIN_BUFFERS; i++, world.s.now_ms++) {
        assert_int_equal(client_with(part_of_head)->timeout.kind, TIMEOUT_HEAD);
    }
    assert_non_null(client_with(part_of_echo)->out);
    assert_int_equal(counters()->evicted_head, CONN_ECHO_BUFFERS);
    assert_int_equal(world.client[0]->fd, -1);
    assert_int_equal(world.client[1]->fd, -1);
    assert_true(world.client[2]->fd >= 0);
    end();
}

static void a_silent_body_goes_after_2_s(void **state)
{
    begin();
    struct client *c = client_with(part_of_echo);
    assert_int_equal(c->timeout.kind, TIMEOUT_BODY_HELD);
    world.s.now_ms += EVICT_BUFFER_MS - 1;
    assert_false(evict_for_buffers(&world.s, NULL, SERVER_MIN_BUFFERS));
    world.s.now_ms++;
    assert_false(evict_for_buffers(&world.s, c, SERVER_MIN_BUFFERS));
    assert_true(evict_for_buffers(&world.s, NULL, SERVER_MIN_BUFFERS));
    assert_int_equal(c->fd, -1);
    assert_int_equal(buffers_out(), 0);
    end();
}

/* Somebody who has just come has not asked yet, and is not the one to go while others stand still.
 */
static void a_newcomer_is_not_taken_for_idle(void **state)
{
    begin();
    struct client *silent = client_with(download);
    struct client *idle = client_with(healthz);
    world.s.now_ms += EVICT_PLACE_MS;
    struct client *newcomer = client_with("");
    assert_true(evict_for_place(&world.s) && idle->fd < 0);
    assert_true(evict_for_place(&world.s) && silent->fd < 0);
    assert_true(newcomer->fd >= 0);
    assert_true(evict_for_place(&world.s) && newcomer->fd < 0);
    end();
}

/* Connects over TCP and sends text; returns the client's end. */
static int caller_with(const char *text)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    assert_int_equal(getsockname(world.s.listen_fd, (struct sockaddr *)&a, &len), 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int bytes = SOCKET_BYTES;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

/* Nor has he to wait for his turn while others come: what he asked with his first packet is
 * answered as he is let in, however little place there is. */
static void who_has_asked_is_answered_as_he_comes(void **state)
{
    begin();
    for (size_t i = 0; i < CLIENTS / 2; i++) {
        world.peer[world.count++] = caller_with(healthz);
    }
    accept_clients(&world.s);
    assert_int_equal(counters()->accepted, CLIENTS / 2);
    assert_int_equal(counters()->responses_2xx, CLIENTS / 2);
    assert_non_null(strstr(answer(), "\r\n\r\nok\n"));
    end();
}

/* Reads all there is for the client at fd: 0, or the error that it ended with. */
static int how_it_ends(int fd)
{
    ssize_t n;
    while ((n = read(fd, world.answer, ANSWER_MAX_BYTES)) > 0) {
    }
    return n < 0 ? errno : 0;
}

/* No buffer to keep the rest of an answer in: a part of it must not look like the whole. */
static void an_answer_that_cannot_be_kept_ends_in_a_reset(void **state)
{
    static const char *const texts[] = {PAGES_8, pages}; /* without and with input that is left */
    int bytes = SOCKET_BYTES;
    begin();
    assert_int_equal(setsockopt(world.s.listen_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)),
                     0);
    take_all_buffers();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int fd = caller_with(texts[i]);
        accept_clients(&world.s);
        assert_int_equal(counters()->refused_buffers, i + 1);
        assert_int_equal(how_it_ends(fd), ECONNRESET);
        close(fd);
    }
    end();
}

/* The extra slots of those who were told 503 are no places: who lingers there goes, and so does
 * somebody silent who has one. */
static void a_newcomer_gets_a_place_while_refused_ones_linger(void **state)
{
    int refused[TABLE_OVERFLOW_COUNT];
    begin();
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_with(part_of_unwanted)->timeout.kind, TIMEOUT_BODY);
    }
    for (size_t i = 0; i < TABLE_OVERFLOW_COUNT; i++) {
        refused[i] = caller_with(healthz);
        accept_clients(&world.s);
    }
    assert_int_equal(counters()->refused_full, TABLE_OVERFLOW_COUNT);
    world.s.now_ms += EVICT_PLACE_MS;
    int newcomer = caller_with(healthz);
    accept_clients(&world.s);
    assert_int_equal(counters()->refused_full, TABLE_OVERFLOW_COUNT);
    assert_int_equal(counters()->responses_2xx, 1);
    assert_int_equal(counters()->evicted_silent, 1);
    close(newcomer);
    for (size_t i = 0; i < TABLE_OVERFLOW_COUNT; i++) {
        close(refused[i]);
    }
    end();
}

/* For a place: who is idle at once, who has his answer soon, who is silent after 1 s, and only then
 * who has been at a head for so long: he, too, before somebody who has just come. */
static void who_goes_for_a_place(void **state)
{
    begin();
    struct client *silent = client_with(download);
    struct client *answered = client_with("GET / HTTP/1.1\r\n\r\n");
    struct client *idle = client_with(healthz);
    assert_int_equal(answered->timeout.kind, TIMEOUT_LINGER);
    assert_true(evict_for_place(&world.s) && idle->fd < 0);
    world.s.now_ms += EVICT_LINGER_MS - 1;
    assert_false(evict_for_place(&world.s));
    world.s.now_ms++;
    assert_true(evict_for_place(&world.s) && answered->fd < 0);
    assert_false(evict_for_place(&world.s));
    world.s.now_ms += EVICT_PLACE_MS - EVICT_LINGER_MS - 1;
    assert_false(evict_for_place(&world.s));
    struct client *head = client_with(part_of_head);
    world.s.now_ms++;
    assert_true(evict_for_place(&world.s) && silent->fd < 0);
    world.s.now_ms += EVICT_PLACE_MS - 1;
    struct client *newcomer = client_with("");
    assert_true(head->fd >= 0);
    assert_true(evict_for_place(&world.s) && head->fd < 0);
    struct client *second_head = client_with(part_of_head);
    assert_true(evict_for_place(&world.s) && newcomer->fd < 0);
    assert_true(evict_for_place(&world.s) && second_head->fd < 0);
    assert_int_equal(buffers_out(), 0);
    assert_int_equal(counters()->evicted_head, 2);
    assert_int_equal(counters()->evicted_idle, 2);
    assert_int_equal(counters()->evicted_linger, 1);
    assert_int_equal(counters()->evicted_silent, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_echo_that_failed_holds_nothing),
        cmocka_unit_test(who_waits_for_nothing_holds_nothing),
        cmocka_unit_test(a_download_that_stands_still_holds_nothing_and_goes_on),
        cmocka_unit_test(who_needs_no_buffer_costs_nobody_his),
        cmocka_unit_test(who_does_not_read_keeps_his_buffer_for_2_s),
        cmocka_unit_test(who_reads_slowly_keeps_it),
        cmocka_unit_test(a_turn_without_a_byte_renews_nothing),
        cmocka_unit_test(nobody_goes_while_there_are_buffers),
        cmocka_unit_test(who_holds_nothing_is_not_closed_for_a_buffer),
        cmocka_unit_test(heads_that_are_not_complete_go_first),
        cmocka_unit_test(a_silent_body_goes_after_2_s),
        cmocka_unit_test(a_newcomer_is_not_taken_for_idle),
        cmocka_unit_test(who_has_asked_is_answered_as_he_comes),
        cmocka_unit_test(an_answer_that_cannot_be_kept_ends_in_a_reset),
        cmocka_unit_test(a_newcomer_gets_a_place_while_refused_ones_linger),
        cmocka_unit_test(who_goes_for_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
