/*
 * The HTTP state machine without a socket: requests as bytes in, responses as bytes out, in one
 * piece and in every cut; framing attacks; bodies through /echo; what ends a connection.
 */
// LINK: apps/httpd/conn.c apps/httpd/echo.c apps/httpd/resources.c apps/httpd/stats_page.c
// LINK: apps/httpd/response.c apps/httpd/outbuf.c apps/httpd/head.c apps/httpd/http_parse.c
// LINK: apps/httpd/counters.c apps/httpd/bytes_page.c apps/httpd/fields.c apps/httpd/target.c
// LINK: apps/httpd/chunk_lines.c apps/httpd/exchange.c tests/unit/http_peer.c @llhttp
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/http_peer.h"

static void test_requests_and_their_statuses(void **state)
{
    static const struct {
        const char *text;
        int status;
        enum conn_end end;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", 200, CONN_OPEN},
        {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 200, CONN_OPEN},
        {"GET http://a/healthz?x=%00 HTTP/1.1\r\n" HOST "\r\n", 200, CONN_OPEN},
        {"GET HTTP://a HTTP/1.1\r\n" HOST "\r\n", 200, CONN_OPEN},
        {"GET http://a?x HTTP/1.1\r\n" HOST "\r\n", 200, CONN_OPEN},
        {"GET /%65cho HTTP/1.1\r\n" HOST "\r\n", 404, CONN_OPEN},
        {"GET /healthz/ HTTP/1.1\r\n" HOST "\r\n", 404, CONN_OPEN},
        {"GET /../healthz HTTP/1.1\r\n" HOST "\r\n", 404, CONN_OPEN},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, CONN_CLOSE},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, close\r\n\r\n", 200, CONN_CLOSE},
        {"GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.0\r\n\r\n", 200, CONN_CLOSE},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", 200, CONN_CLOSE},
        {"GET /stats HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, CONN_CLOSE},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204, CONN_OPEN},
        {"OPTIONS /echo HTTP/1.1\r\n" HOST "\r\n", 204, CONN_OPEN},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 400, CONN_OPEN},
        {"DELETE /echo HTTP/1.1\r\n" HOST "\r\n", 405, CONN_OPEN},
        {"POST /healthz HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab", 405, CONN_OPEN},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", 501, CONN_LINGER},
        {"GET / HTTP/1.1\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, CONN_LINGER},
        {"GET a HTTP/1.1\r\n" HOST "\r\n", 400, CONN_LINGER},
        {"GET /#a HTTP/1.1\r\n" HOST "\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\n" HOST "Expect: pancakes\r\n\r\n", 417, CONN_LINGER},
        {"GET / HTTP/1.0\r\nExpect: pancakes\r\n\r\n", 200, CONN_CLOSE},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", 413, CONN_LINGER},
        {"DELETE / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", 405, CONN_LINGER},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 200,
         CONN_LINGER},
        {"DELETE / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 405,
         CONN_LINGER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_request(cases[i].text, cases[i].status, cases[i].end);
    }
}

/* RFC 9112, 11.2: whatever could be framed in two ways is refused, and nothing behind it is read.
 */
static void test_smuggling_is_refused(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400},
        {"Content-Length: 3\r\nContent-Length: 4\r\n", 400},
        {"Content-Length: 3\r\nContent-Length: 3\r\n", 400},
        {"Content-Length: 3, 3\r\n", 400},
        {"Content-Length: 3 3\r\n", 400},
        {"Content-Length: -3\r\n", 400},
        {"Content-Length: +3\r\n", 400},
        {"Content-Length: 0x3\r\n", 400},
        {"Content-Length: \r\n", 400},
        {"Content-Length: 99999999999999999999\r\n", 400},
        {"Content-Length: 18446744073709551616\r\n", 400},
        {"Content-Length : 3\r\n", 400},
        {"Content-Length: 3\r\n 4\r\n", 400},
        {"Content-Length: 3\nX: y\r\n", 400},
        {"Content-Length: 3\rX: y\r\n", 400},
        {"Transfer-Encoding: identity\r\n", 400},
        {"Transfer-Encoding: xchunked\r\n", 400},
        {"Transfer-Encoding: chunked, identity\r\n", 400},
        {"Transfer-Encoding: chunked, chunked\r\n", 400},
        {"Transfer-Encoding: \x0b"
         "chunked\r\n",
         400},
        {"Transfer-Encoding: \"chunked\"\r\n", 400},
        {"Transfer-Encoding: chunked;a=b\r\n", 400},
        {"Transfer-Encoding: \r\n", 400},
        {"Transfer-Encoding : chunked\r\n", 400},
        {"Transfer-Encoding:\r\n chunked\r\n", 400},
        {"Transfer_Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
        {"Transfer-Encoding: gzip, chunked\r\n", 501},
        {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "POST /echo HTTP/1.1\r\n" HOST "%s\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n" HOST
                 "\r\n",
                 cases[i].fields);
        struct peer *p = peer_new();
        peer_send(p, text);
        if (first_status(p) != cases[i].status || p->conn.end != CONN_LINGER ||
            count_of(p->all, "HTTP/1.1 ") != 1) {
            fail_msg("%s-> %s", cases[i].fields, p->all);
        }
        free(p);
    }
    check_request("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
                  CONN_LINGER);
}

static void test_bad_chunks_are_refused(void **state)
{
    static const char *const bodies[] = {
        "g\r\n",
        "-1\r\n",
        "+1\r\na\r\n",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        "1 \r\na\r\n",
        "\r\n",
        "1\na\r\n0\r\n\r\n",
        "1\rXa\r\n",
        "1\r\nab\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\naXX0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "0\r\n\n",
        "0\r\nA: b\n\r\n",
        "0\r\nA b\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%s", bodies[i]);
        check_request(text, 400, CONN_LINGER);
    }
}

/* Once a part of the echo is out, there is no status left to say it with: the end is missing. */
static void test_late_bad_chunk_cuts_the_echo_off(void **state)
{
    struct peer *p = peer_new();
    peer_send(p, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_int_equal(first_status(p), 200);
    assert_true(conn_holds_buffer(&p->conn));
    peer_send(p, "oops\r\n");
    assert_int_equal(p->conn.end, CONN_LINGER);
    assert_int_equal(count_of(p->all, "HTTP/1.1 "), 1);
    assert_null(strstr(p->all, "0\r\n\r\n"));
    free(p);
}

static const char pipeline[] =
    "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
    "HEAD / HTTP/1.1\r\n" HOST "\r\n"
    "\r\nPOST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Type: a/b;c=d\r\n\r\nhello"
    "PUT /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
    "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n"
    "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody"
    "POST /nope HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n"
    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"
    "GET /headers HTTP/1.1\r\n" HOST "Content-Length: 1\r\nx-y:  z \r\n\r\n!"
    "GET /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";

/* However the bytes are cut, every response is there, whole and in order. */
static void check_pipeline(const struct peer *p)
{
    static const char *const in_order[] = {
        "200 OK",
        "\r\n\r\nok\n",
        "200 OK",
        "Content-Type: text/html",
        "200 OK",
        "Content-Type: a/b;c=d\r\nContent-Length: 5\r\n\r\nhello",
        "200 OK",
        "Transfer-Encoding: chunked\r\n\r\n",
        "405 Method Not Allowed",
        "Allow: GET, HEAD, OPTIONS\r\n",
        "404 Not Found",
        "200 OK",
        "Content-Length: 0\r\n\r\n",
        "200 OK",
        "GET /headers HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nx-y:  z \r\n\r\n",
        "200 OK",
        "Connection: close\r\n\r\nok\n",
    };
    const char *at = p->all;
    for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++) {
        at = strstr(at, in_order[i]);
        if (at == NULL) {
            fail_msg("%zu: no \"%s\" in:\n%s", i, in_order[i], p->all);
        }
        at += strlen(in_order[i]);
    }
    assert_int_equal(*at, '\0');
    assert_int_equal(count_of(p->all, "HTTP/1.1 "), 9);
    assert_null(strstr(p->all, "<html")); /* HEAD has no body */
    assert_int_equal(p->conn.end, CONN_CLOSE);
    assert_int_equal(p->env.counters.requests, 9);
    assert_int_equal(p->env.counters.echo_bytes, 10);
}

static void test_pipeline_in_every_cut(void **state)
{
    size_t len = sizeof(pipeline) - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        struct peer *p = peer_new();
        peer_send_bytes(p, pipeline, cut);
        peer_send_bytes(p, pipeline + cut, len - cut);
        check_pipeline(p);
        free(p);
    }
    struct peer *p = peer_new();
    for (size_t i = 0; i < len; i++) {
        peer_send_bytes(p, pipeline + i, 1);
    }
    check_pipeline(p);
    free(p);
}

static void test_many_pipelined_requests_fill_the_output(void **state)
{
    enum { COUNT = 2000 };
    struct peer *p = peer_new();
    for (int i = 0; i < COUNT; i++) {
        static const char request[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
        size_t room = sizeof(p->in) - p->in_len;
        if (room < sizeof(request)) {
            peer_run(p);
        }
        memcpy(p->in + p->in_len, request, sizeof(request) - 1);
        p->in_len += sizeof(request) - 1;
    }
    peer_run(p);
    assert_int_equal(count_of(p->all, "HTTP/1.1 200 OK"), COUNT);
    assert_int_equal(count_of(p->all, "</html>"), COUNT);
    assert_int_equal(p->in_len, 0);
    free(p);
}

static void test_biggest_head_comes_back_exact(void **state)
{
    static char text[HEAD_MAX_BYTES + 1];
    memset(text, 'a', sizeof(text));
    memcpy(text, "GET /headers?", 13);
    memcpy(text + HEAD_LINE_MAX_BYTES - 11, " HTTP/1.1\r\n", 11);
    memcpy(text + HEAD_LINE_MAX_BYTES, "Host: a\r\nLong:", 14);
    memcpy(text + HEAD_MAX_BYTES - 4, "\r\n\r\n", 5);
    for (size_t cut = 1; cut < HEAD_MAX_BYTES; cut += 997) {
        struct peer *p = peer_new();
        peer_send(p, "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
        size_t before = p->all_len;
        peer_send_bytes(p, text, cut);
        peer_send_bytes(p, text + cut, HEAD_MAX_BYTES - cut);
        assert_int_equal(p->conn.end, CONN_OPEN);
        assert_true(p->all_len > before + HEAD_MAX_BYTES);
        assert_memory_equal(p->all + p->all_len - HEAD_MAX_BYTES, text, HEAD_MAX_BYTES);
        free(p);
    }
}

static void fill_random(char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (char)rand();
    }
}

/* Undoes the chunked coding in place; the length of the content, or SIZE_MAX when it is not whole.
 */
static size_t unchunk(char *at, size_t len)
{
    size_t in = 0;
    size_t out = 0;
    while (in + 4 <= len) {
        char *end = NULL;
        size_t size = strtoul(at + in, &end, 16);
        if (end == at + in || end[0] != '\r' || end[1] != '\n') {
            return SIZE_MAX;
        }
        in = (size_t)(end - at) + 2;
        if (in + size + 2 > len || at[in + size] != '\r' || at[in + size + 1] != '\n') {
            return SIZE_MAX;
        }
        memmove(at + out, at + in, size);
        out += size;
        in += size + 2;
        if (size == 0) {
            return in == len ? out : SIZE_MAX;
        }
    }
    return SIZE_MAX;
}

/* Appends text, which must fit room. */
static size_t put(char *to, size_t room, const char *text)
{
    size_t len = strlen(text);
    assert_true(len < room);
    memcpy(to, text, len);
    return len;
}

/* The body as chunks of random sizes, with an extension now and then. */
static size_t chunk(char *to, size_t room, const char *body, size_t len)
{
    size_t at = 0;
    for (size_t n; len > 0; body += n, len -= n) {
        n = 1 + (size_t)rand() % (rand() % 4 == 0 ? 40000 : 20);
        n = n < len ? n : len;
        at +=
            (size_t)snprintf(to + at, room - at, "%zx%s\r\n", n, rand() % 3 == 0 ? ";a=\"b\"" : "");
        memcpy(to + at, body, n);
        at += n;
        at += put(to + at, room - at, "\r\n");
    }
    return at + put(to + at, room - at, "0\r\n\r\n");
}

static void test_random_bodies_are_echoed(void **state)
{
    enum { BODY_MAX = 300 * 1000, WIRE_MAX = BODY_MAX * 16 };
    unsigned seed = 99;
    print_message("seed %u\n", seed);
    srand(seed);
    char *body = malloc(BODY_MAX);
    char *wire = malloc(WIRE_MAX);
    assert_non_null(body);
    assert_non_null(wire);
    for (int round = 0; round < 60; round++) {
        bool chunked = round % 2 == 0;
        size_t len = 1 + (size_t)rand() % BODY_MAX;
        fill_random(body, len);
        size_t wire_len = put(wire, WIRE_MAX, "POST /echo HTTP/1.1\r\n" HOST);
        if (chunked) {
            wire_len +=
                put(wire + wire_len, WIRE_MAX - wire_len, "Transfer-Encoding: chunked\r\n\r\n");
            wire_len += chunk(wire + wire_len, WIRE_MAX - wire_len, body, len);
        } else {
            wire_len += (size_t)snprintf(wire + wire_len, WIRE_MAX - wire_len,
                                         "Content-Length: %zu\r\n\r\n", len);
            memcpy(wire + wire_len, body, len);
            wire_len += len;
        }
        struct peer *p = peer_new();
        for (size_t at = 0; at < wire_len;) {
            size_t n = 1 + (size_t)rand() % 50000;
            n = n < wire_len - at ? n : wire_len - at;
            peer_send_bytes(p, wire + at, n);
            at += n;
        }
        assert_int_equal(p->conn.end, CONN_OPEN);
        size_t got = 0;
        char *content = (char *)(uintptr_t)first_body(p, &got);
        got = chunked ? unchunk(content, got) : got;
        assert_int_equal(got, len);
        assert_memory_equal(content, body, len);
        assert_int_equal(conn_phase(&p->conn, p->in_len), CONN_PHASE_IDLE);
        free(p);
    }
    free(wire);
    free(body);
}

/* More than a buffer, so in pieces; each counter is asked for once, however many pieces there are.
 */
static void test_stats_are_whole(void **state)
{
    struct peer *p = peer_new();
    peer_stats_asked = 0;
    peer_send(p, "GET /stats HTTP/1.1\r\n" HOST "\r\nGET /healthz HTTP/1.1\r\n" HOST "\r\n");
    char *next = strstr(p->all, "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert_non_null(next); /* the second response follows the last chunk */
    size_t len = 0;
    char *body = (char *)(uintptr_t)first_body(p, &len);
    len = unchunk(body, (size_t)(next + 7 - body));
    assert_true(len != SIZE_MAX);
    body[len] = '\0';
    assert_int_equal(count_of(body, "\nnet_counter_"), PROGRAM_COUNTERS);
    assert_non_null(strstr(body, "\nnet_counter_299 299\n"));
    assert_non_null(strstr(body, "\nhttpd_requests 1\n"));
    assert_true(len > IN_BYTES);
    assert_int_equal(peer_stats_asked, PROGRAM_COUNTERS + 1);
    free(p);

    p = peer_new();
    peer_send(p, "GET /stats HTTP/1.0\r\n\r\n");
    assert_null(strstr(p->all, "chunked"));
    assert_int_equal(count_of(p->all, "\nnet_counter_"), PROGRAM_COUNTERS);
    assert_int_equal(p->conn.end, CONN_CLOSE);
    free(p);
}

/* The response to a GET of /bytes/count: its length and that a request behind it is answered. */
static void check_bytes(size_t count)
{
    struct peer *p = peer_new();
    char text[128];
    snprintf(text, sizeof(text),
             "GET /bytes/%zu HTTP/1.1\r\n" HOST "\r\nGET /no HTTP/1.1\r\n" HOST "\r\n", count);
    peer_send(p, text);
    char field[64];
    snprintf(field, sizeof(field), "\r\nContent-Length: %zu\r\n", count);
    assert_int_equal(first_status(p), 200);
    assert_non_null(strstr(p->all, field));
    size_t len = 0;
    const char *body = first_body(p, &len);
    assert_true(len > count);
    for (size_t i = 63; i < count; i += 64) {
        assert_int_equal(body[i], '\n');
    }
    assert_memory_equal(body + count, "HTTP/1.1 404", 12);
    free(p);
}

static void test_bytes_are_as_many_as_asked_for(void **state)
{
    static const size_t counts[] = {0, 1, 63, 64, 65, 32 * 1024 - 1, 100 * 1000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        check_bytes(counts[i]);
    }
    static const char *const wrong[] = {"",
                                        "x",
                                        "-1",
                                        "1x",
                                        "1/",
                                        "+1",
                                        "%31",
                                        "1099511627777",
                                        "99999999999999999999",
                                        "18446744073709551617"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "GET /bytes/%s HTTP/1.1\r\n" HOST "\r\n", wrong[i]);
        check_request(text, 404, CONN_OPEN);
    }
    check_request("POST /bytes/1 HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405, CONN_OPEN);
    struct peer *p = peer_new();
    peer_send(p, "HEAD /bytes/1099511627776 HTTP/1.1\r\n" HOST "\r\n");
    size_t len = 1;
    first_body(p, &len);
    assert_int_equal(len, 0);
    assert_non_null(strstr(p->all, "\r\nContent-Length: 1099511627776\r\n"));
    free(p);
}

static void test_continue_is_said_once_and_only_when_waited_for(void **state)
{
    static const char head[] = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n"
                               "Expect: 100-Continue\r\n\r\n";
    struct peer *p = peer_new();
    peer_send(p, head);
    assert_string_equal(p->all, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(conn_phase(&p->conn, p->in_len), CONN_PHASE_BODY);
    peer_run(p); /* woken for nothing: nothing is said again */
    peer_send(p, "h");
    peer_send(p, "i");
    assert_int_equal(count_of(p->all, "100 Continue"), 1);
    assert_int_equal(count_of(p->all, "200 OK"), 1);
    assert_string_equal(p->all + p->all_len - 6, "\r\n\r\nhi");
    free(p);

    p = peer_new();
    char text[256];
    snprintf(text, sizeof(text), "%shi", head);
    peer_send(p, text);
    assert_int_equal(first_status(p), 200);
    free(p);
}

/* What is counted is what the client gets: an error that takes the place of a response that was not
 * sent yet is one, not two. */
static void test_a_replaced_response_is_not_counted(void **state)
{
    static const char *const pieces[][2] = {
        {"3\r\nabc\r\nx", ""}, {"3\r\nabc\r\n", "x"}, {"3\r\nabc\r\n0\r\n\r\n", ""}};
    static const uint64_t counts[][2] = {{0, 1}, {1, 0}, {1, 0}};
    for (size_t i = 0; i < 3; i++) {
        struct peer *p = peer_new();
        char text[128];
        snprintf(text, sizeof(text), "PUT /echo HTTP/1.1\r\n" HOST "%s\r\n\r\n%s",
                 "Transfer-Encoding: chunked", pieces[i][0]);
        peer_send(p, text);
        peer_send(p, pieces[i][1]);
        assert_int_equal(count_of(p->all, "HTTP/1.1 200"), counts[i][0]);
        assert_int_equal(count_of(p->all, "HTTP/1.1 400"), counts[i][1]);
        assert_int_equal(p->env.counters.responses_2xx, counts[i][0]);
        assert_int_equal(p->env.counters.responses_4xx, counts[i][1]);
        free(p);
    }
}

/* 16 KiB of extension are taken and more are not, however the network cuts them: the data may come
 * in the same piece. */
static void test_extensions_are_bounded_in_any_cut(void **state)
{
    static const size_t cuts[] = {1000, 20000};
    for (size_t i = 0; i < 4; i++) {
        bool is_good = i < 2;
        /* "1;", and the CRLF */
        int ext_len = CHUNK_LINES_MAX_BYTES - 4 + (is_good ? 0 : 1);
        static char text[IN_BYTES];
        int len = snprintf(text, sizeof(text), "1;%0*d\r\nx\r\n0\r\n\r\n", ext_len, 0);
        struct peer *p = peer_new();
        peer_send(p, "PUT /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < (size_t)len && p->conn.end == CONN_OPEN; at += cuts[i % 2]) {
            size_t rest = (size_t)len - at;
            peer_send_bytes(p, text + at, rest < cuts[i % 2] ? rest : cuts[i % 2]);
        }
        assert_int_equal(p->conn.end, is_good ? CONN_OPEN : CONN_LINGER);
        assert_int_equal(strstr(p->all, "0001\r\nx\r\n0\r\n\r\n") != NULL, is_good);
        free(p);
    }
}

static void test_bodies_nobody_wants_are_bounded(void **state)
{
    struct peer *p = peer_new();
    peer_send(p, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100 && p->conn.end == CONN_OPEN; i++) {
        char text[1100];
        memset(text, 'x', sizeof(text));
        memcpy(text, "400\r\n", 5);
        memcpy(text + 5 + 1024, "\r\n", 2);
        peer_send_bytes(p, text, 5 + 1024 + 2);
    }
    assert_int_equal(first_status(p), 413);
    assert_int_equal(p->conn.end, CONN_LINGER);
    free(p);

    /* A chunk extension, or trailers, without end. */
    static const char *const starts[] = {"1;", "0\r\nA:"};
    for (size_t s = 0; s < 2; s++) {
        p = peer_new();
        peer_send(p, "PUT /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        peer_send(p, starts[s]);
        int sent = 0;
        for (; sent < 100 && p->conn.end == CONN_OPEN; sent++) {
            char text[1001];
            memset(text, 'e', sizeof(text));
            peer_send_bytes(p, text, sizeof(text));
        }
        assert_in_range(sent, 15, 18);
        free(p);
    }
}

/* /discard takes what no other resource would, and tells how much it was; the connection stays. */
static void test_discard_counts_a_body_of_any_size(void **state)
{
    enum { PIECES = 200, PIECE_BYTES = 1000 };
    static_assert(PIECES * PIECE_BYTES > 2 * CONN_DISCARD_MAX_BYTES, "others would say 413");
    static char piece[5 + PIECE_BYTES + 2];
    for (int chunked = 0; chunked < 2; chunked++) {
        struct peer *p = peer_new();
        peer_send(p, chunked ? "PUT /discard HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                             : "POST /discard HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
        memset(piece, 'x', sizeof(piece));
        memcpy(piece, "3e8\r\n", 5);
        memcpy(piece + 5 + PIECE_BYTES, "\r\n", 2);
        for (int i = 0; i < PIECES; i++) {
            assert_false(conn_holds_buffer(&p->conn));
            peer_send_bytes(p, piece + (chunked ? 0 : 5), PIECE_BYTES + (chunked ? 7 : 0));
        }
        peer_send(p, chunked ? "0\r\n\r\n" : "");
        assert_int_equal(first_status(p), 200);
        assert_string_equal(p->all + p->all_len - 11, "\r\n\r\n200000\n");
        peer_send(p, "POST /discard HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
        assert_string_equal(p->all + p->all_len - 6, "\r\n\r\n2\n");
        peer_send(p, "POST /discard HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
        assert_string_equal(p->all + p->all_len - 6, "\r\n\r\n0\n");
        assert_int_equal(p->conn.end, CONN_OPEN);
        free(p);
    }
}

/* What /discard allows, the request behind it does not inherit. */
static void test_discard_is_for_its_own_body_alone(void **state)
{
    struct peer *p = peer_new();
    peer_send(p, "POST /discard HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    peer_send(p, "GET /discard HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n");
    assert_int_equal(count_of(p->all, "HTTP/1.1 413"), 1);
    assert_int_equal(p->conn.end, CONN_LINGER);
    free(p);

    p = peer_new();
    peer_send(p, "GET /discard HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(first_status(p), 200);
    assert_non_null(strstr(p->all, "count of bytes"));
    peer_send(p, "POST /discard HTTP/1.1\r\n" HOST
                 "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(count_of(p->all, "100 Continue"), 1);
    peer_send(p, "hi");
    assert_string_equal(p->all + p->all_len - 6, "\r\n\r\n2\n");
    free(p);
}

static void test_without_buffers_only_long_echoes_are_refused(void **state)
{
    struct peer *p = peer_new();
    p->buffers_free = 1;
    peer_send(p, "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    peer_send(p, "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(count_of(p->all, "200 OK"), 2);
    peer_send(p, "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nhi");
    assert_non_null(strstr(p->all, "503 Service Unavailable"));
    assert_non_null(strstr(p->all, "Retry-After: 1\r\n"));
    assert_int_equal(p->conn.end, CONN_LINGER);
    free(p);
}

enum ending {
    ENDING_EOF,
    ENDING_TIMEOUT,
};

static void check_ending(enum ending how, const char *text, int status, enum conn_end end)
{
    struct peer *p = peer_new();
    peer_send(p, text);
    p->all_len = 0;
    p->all[0] = '\0';
    struct outbuf o = {p->out, 0, sizeof(p->out)};
    if (how == ENDING_EOF) {
        conn_eof(&p->conn, p->in_len, &o);
    } else {
        conn_timeout(&p->conn, p->in_len, &o);
    }
    peer_take(p, &o);
    if (first_status(p) != status || p->conn.end != end) {
        fail_msg("%d %d after %s", first_status(p), p->conn.end, text);
    }
    free(p);
}

static void test_ends_of_input(void **state)
{
    static const char part_of_echo[] = "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhi";
    static const char no_body_yet[] = "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n";
    static const char unwanted[] = "PUT / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhi";
    check_ending(ENDING_EOF, "", 0, CONN_CLOSE);
    check_ending(ENDING_EOF, "GET / HTTP/1.1\r\n" HOST "\r\n", 0, CONN_CLOSE);
    check_ending(ENDING_EOF, "GET / HTTP/1.1\r\n", 400, CONN_CLOSE);
    check_ending(ENDING_EOF, no_body_yet, 400, CONN_CLOSE);
    check_ending(ENDING_EOF, unwanted, 400, CONN_CLOSE);
    check_ending(ENDING_EOF, part_of_echo, 0, CONN_CLOSE);
    check_ending(ENDING_TIMEOUT, "", 0, CONN_CLOSE);
    check_ending(ENDING_TIMEOUT, "GET / HTTP/1.1\r\n", 408, CONN_LINGER);
    check_ending(ENDING_TIMEOUT, no_body_yet, 408, CONN_LINGER);
    check_ending(ENDING_TIMEOUT, unwanted, 408, CONN_LINGER);
    check_ending(ENDING_TIMEOUT, part_of_echo, 0, CONN_LINGER);
}

/* What the peer is told next; taken from what it was ever told. */
static const char *said_to(struct peer *p, const char *request)
{
    p->all_len = 0;
    peer_send(p, request);
    return p->all;
}

/* Responses are kept from one request to the next: as they are written, with the date of now, and
 * only for those to whom just these bytes are due. */
static void test_kept_responses_are_the_written_ones(void **state)
{
    static const char get[] = "GET /healthz HTTP/1.1\r\n" HOST "\r\n";
    static const char head[] = "HEAD /healthz HTTP/1.1\r\n" HOST "\r\n";
    struct peer *p = peer_new();
    char written[512];
    char date[] = "Thu, 01 Jan 2026 00:00:01 GMT";
    exchange_set_date(&p->env, date);
    assert_null(strstr(said_to(p, head), "ok\n")); /* the first one is none to keep */
    snprintf(written, sizeof(written), "%s", said_to(p, get));
    assert_string_equal(written, "HTTP/1.1 200 OK\r\nServer: ringside\r\n"
                                 "Date: Thu, 01 Jan 2026 00:00:01 GMT\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 3\r\n\r\nok\n");
    assert_string_equal(said_to(p, get), written);
    size_t head_len = strlen(written) - strlen("ok\n");
    assert_int_equal(strlen(said_to(p, head)), head_len);
    assert_memory_equal(p->all, written, head_len);
    for (int i = 0; i < 2; i++) { /* a body that is not kept with its head */
        const char *root = said_to(p, "GET / HTTP/1.1\r\n" HOST "\r\n");
        assert_non_null(strstr(root, "Content-Type: text/html"));
        assert_non_null(strstr(root, "</html>\n"));
    }
    memcpy(date + strlen("Thu, 01 Jan 2026 00:00:0"), "2", 1);
    exchange_set_date(&p->env, date);
    assert_non_null(strstr(said_to(p, get), "00:00:02 GMT"));
    assert_int_equal(strlen(p->all), strlen(written));
    exchange_set_date(&p->env, NULL);
    assert_null(strstr(said_to(p, get), "Date:"));
    assert_null(strstr(said_to(p, get), "Date:"));
    assert_int_equal(p->env.counters.responses_2xx, 9);
    said_to(p, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_non_null(strstr(p->all, "Connection: keep-alive\r\n"));
    said_to(p, "GET /healthz HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n");
    assert_non_null(strstr(p->all, "Connection: close\r\n"));
    assert_int_equal(p->conn.end, CONN_CLOSE);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_responses_are_the_written_ones),
        cmocka_unit_test(test_requests_and_their_statuses),
        cmocka_unit_test(test_smuggling_is_refused),
        cmocka_unit_test(test_bad_chunks_are_refused),
        cmocka_unit_test(test_late_bad_chunk_cuts_the_echo_off),
        cmocka_unit_test(test_pipeline_in_every_cut),
        cmocka_unit_test(test_many_pipelined_requests_fill_the_output),
        cmocka_unit_test(test_biggest_head_comes_back_exact),
        cmocka_unit_test(test_random_bodies_are_echoed),
        cmocka_unit_test(test_stats_are_whole),
        cmocka_unit_test(test_bytes_are_as_many_as_asked_for),
        cmocka_unit_test(test_continue_is_said_once_and_only_when_waited_for),
        cmocka_unit_test(test_a_replaced_response_is_not_counted),
        cmocka_unit_test(test_extensions_are_bounded_in_any_cut),
        cmocka_unit_test(test_bodies_nobody_wants_are_bounded),
        cmocka_unit_test(test_discard_counts_a_body_of_any_size),
        cmocka_unit_test(test_discard_is_for_its_own_body_alone),
        cmocka_unit_test(test_without_buffers_only_long_echoes_are_refused),
        cmocka_unit_test(test_ends_of_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
