/*
 * RFC 9110 and RFC 9112 as a server's client sees them: a request, the status it deserves, and what
 * becomes of the connection. What each field or chunk means alone is in test_http_fields.c and
 * test_http_chunks.c, what no request line is in test_http_head.c.
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

#define COUNT(a)           (sizeof(a) / sizeof((a)[0]))
#define GET(fields)        "GET /healthz HTTP/1.1\r\n" HOST fields "\r\n"
#define ECHO(fields, body) "POST /echo HTTP/1.1\r\n" HOST fields "\r\n" body
#define CHUNKED            "Transfer-Encoding: chunked\r\n"

struct rule {
    const char *text;
    int status;
    enum conn_end end;
};

static void check_rules(const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_request(rules[i].text, rules[i].status, rules[i].end);
    }
}

/* RFC 9112, 3.2 and 3.2.2: whoever the request is for, it says so in a form that can be read. */
static void test_host(void **state)
{
    static const struct rule rules[] = {
        {"GET / HTTP/1.1\r\nHost:\t[::1]:80\t\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.1\r\nhost: :\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: a[b]\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: %zz\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.0\r\nHost: a:b\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"GET / HTTP/1.2\r\n\r\n", 400, CONN_LINGER},
        /* 3.2.2: the target's host is the one that counts, but both must be hosts. */
        {"GET http://b/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200, CONN_OPEN},
        {"GET http://b/healthz HTTP/1.1\r\n\r\n", 400, CONN_LINGER},
        {"GET http://b/healthz HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, CONN_LINGER},
        {"GET http:///healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"GET http://:80/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"GET http://u@a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"GET http://[::/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"GET https://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, CONN_LINGER},
        {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, CONN_LINGER},
        {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", 204, CONN_OPEN},
        {"HEAD * HTTP/1.1\r\nHost: a\r\n\r\n", 400, CONN_OPEN},
    };
    check_rules(rules, COUNT(rules));
}

/* RFC 9110, 5.6.1 and 5.6.3. */
static void test_white_space_and_lists(void **state)
{
    static const struct rule rules[] = {
        {GET("Connection: close\t\r\n"), 200, CONN_CLOSE},
        {GET("Connection:\tclose\r\n"), 200, CONN_CLOSE},
        {GET("Connection: x\t,\tclose ,\r\n"), 200, CONN_CLOSE},
        {GET("Connection: ,close,\r\n"), 200, CONN_CLOSE},
        {GET("Connection: close\r\nConnection: keep-alive\r\n"), 200, CONN_CLOSE},
        {GET("Connection: \"close\"\r\n"), 200, CONN_OPEN},
        {GET("Proxy-Connection: close\r\n"), 200, CONN_OPEN},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\t\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.0\r\nConnection: ,\tkeep-alive\r\n\r\n", 200, CONN_OPEN},
        {"GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", 200, CONN_CLOSE},
        {ECHO("Content-Length: 2\t\r\n", "hi"), 200, CONN_OPEN},
        {ECHO("Content-Length:\t2\r\n", "hi"), 200, CONN_OPEN},
        {ECHO("Transfer-Encoding:\tchunked\t\r\n", "2\r\nhi\r\n0\r\n\r\n"), 200, CONN_OPEN},
        {ECHO("Transfer-Encoding: ,chunked ,\r\n", "2\r\nhi\r\n0\r\n\r\n"), 200, CONN_OPEN},
        {ECHO("Content-Length: 2\r\nExpect: 100-continue,\r\n", "hi"), 200, CONN_OPEN},
        {ECHO("Content-Length: 2\r\nExpect:\r\n", "hi"), 200, CONN_OPEN},
        {ECHO("Content-Length: 2\r\nExpect: 100-continue, x\r\n", "hi"), 417, CONN_LINGER},
        {GET("Connection : close\r\n"), 400, CONN_LINGER},
        {GET("Connection\t: close\r\n"), 400, CONN_LINGER},
        {GET("A: b\r\n\tc\r\n"), 400, CONN_LINGER},
        {"GET / HTTP/1.1\r\n " HOST "\r\n", 400, CONN_LINGER},
    };
    check_rules(rules, COUNT(rules));
}

/* RFC 9112, 6: what could be framed in two ways is not framed at all. */
static void test_framing(void **state)
{
    static const struct rule rules[] = {
        {ECHO("Content-Length: 2, 2\r\n", "hi"), 400, CONN_LINGER},
        {ECHO("Content-Length: ,2\r\n", "hi"), 400, CONN_LINGER},
        {ECHO("Content-Length: 2\r\nTransfer-Encoding:\tchunked\r\n", "0\r\n\r\n"), 400,
         CONN_LINGER},
        {ECHO(CHUNKED CHUNKED, "0\r\n\r\n"), 400, CONN_LINGER},
        {ECHO("Transfer-Encoding:\r\n" CHUNKED, "0\r\n\r\n"), 400, CONN_LINGER},
        {ECHO("Transfer-Encoding: ,\r\n", "0\r\n\r\n"), 400, CONN_LINGER},
        {ECHO("Transfer-Encoding: trailers, chunked\r\n", "0\r\n\r\n"), 501, CONN_LINGER},
        {ECHO(CHUNKED, "2 ; a = \"\\\";\"; b\r\nhi\r\n0\r\n\r\n"), 200, CONN_OPEN},
        {ECHO(CHUNKED, "2;a=b;c\r\nhi\r\n0\r\nT: v\r\n\r\n"), 200, CONN_OPEN},
        {ECHO(CHUNKED, "0000000000000002\r\nhi\r\n00\r\n\r\n"), 200, CONN_OPEN},
        {ECHO(CHUNKED, "00000000000000002\r\nhi\r\n0\r\n\r\n"), 400, CONN_LINGER},
        {ECHO(CHUNKED, "2 \r\nhi\r\n0\r\n\r\n"), 400, CONN_LINGER},
        {ECHO(CHUNKED, "2;\r\nhi\r\n0\r\n\r\n"), 400, CONN_LINGER},
        {ECHO(CHUNKED, "2\r\nhi\r\n0\r\nA: b\r\n c\r\n\r\n"), 400, CONN_LINGER},
        {ECHO(CHUNKED, "2\r\nhi\r\n0\r\nA : b\r\n\r\n"), 400, CONN_LINGER},
        {"POST /echo HTTP/1.2\r\n" HOST CHUNKED "\r\n2\r\nhi\r\n0\r\n\r\n", 200, CONN_OPEN},
        {"POST /echo HTTP/1.0\r\n" CHUNKED "Content-Length: 2\r\n\r\nhi", 400, CONN_LINGER},
        {"POST /echo HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi", 200,
         CONN_CLOSE},
        {"PUT / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi", 405, CONN_CLOSE},
        {"GET /healthz HTTP/1.2\r\n" HOST "\r\n", 200, CONN_OPEN},
        {"GET /healthz HTTP/1.9\r\n" HOST "Connection: close\r\n\r\n", 200, CONN_CLOSE},
    };
    check_rules(rules, COUNT(rules));
}

/* RFC 9110, 10.1.1: a 1.0 client would not understand an interim response. */
static void test_nothing_is_said_to_1_0_before_its_body(void **state)
{
    struct peer *p = peer_new();
    peer_send(p, "POST /echo HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(p->all_len, 0);
    peer_send(p, "hi");
    assert_int_equal(first_status(p), 200);
    free(p);
}

/* RFC 9112, 2.2: some, for the sake of clients that end a body with one; not for ever. */
static void test_empty_lines_first(void **state)
{
    char text[256];
    for (size_t lines = 0; lines <= HEAD_EMPTY_LINES_MAX + 1; lines++) {
        size_t len = 0;
        for (size_t i = 0; i < lines; i++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
        }
        snprintf(text + len, sizeof(text) - len, "%s", GET(""));
        bool ok = lines <= HEAD_EMPTY_LINES_MAX;
        check_request(text, ok ? 200 : 400, ok ? CONN_OPEN : CONN_LINGER);
    }
    /* Between requests they are counted anew. */
    struct peer *p = peer_new();
    for (size_t i = 0; i < 3; i++) {
        peer_send(p, "\r\n\r\n\r\n\r\n\r\n" GET(""));
    }
    assert_int_equal(count_of(p->all, "200 OK"), 3);
    free(p);
}

/* A client that does not speak HTTP hears so at its first byte, not after a time-out. */
static void test_binary_is_answered_at_once(void **state)
{
    static const struct {
        const char *at;
        size_t len;
    } cases[] = {{"\x16", 1}, {"\0", 1}, {"\x80\x9e", 2}, {"SSH-2.0-x\r", 10}, {"GET /\r", 6}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer *p = peer_new();
        peer_send_bytes(p, cases[i].at, cases[i].len);
        assert_int_equal(first_status(p), 400);
        assert_int_equal(p->conn.end, CONN_LINGER);
        free(p);
    }
}

/* The head of a response, without its date, which there is none of here. */
static void head_of(const struct peer *p, char *to, size_t size)
{
    size_t body_len = 0;
    size_t len = (size_t)(first_body(p, &body_len) - p->all);
    assert_true(len < size);
    memcpy(to, p->all, len);
    to[len] = '\0';
}

/* RFC 9110, 9.3.2: the same fields as to a GET, and nothing behind them, whatever the status. */
static void test_head_is_get_without_a_body(void **state)
{
    static const char *const requests[] = {
        " / HTTP/1.1\r\n" HOST "\r\n",
        " /echo HTTP/1.1\r\n" HOST "\r\n",
        " /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
        " /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        " /stats HTTP/1.1\r\n" HOST "\r\n",
        " /stats HTTP/1.0\r\n\r\n",
        " /bytes/100000 HTTP/1.1\r\n" HOST "\r\n",
        " /none HTTP/1.1\r\n" HOST "\r\n",
        " * HTTP/1.1\r\n" HOST "\r\n",
        " / HTTP/1.1\r\n\r\n",
        " / HTTP/1.1\r\nHost: a b\r\n",
        " / HTTP/2.0\r\n",
        " / HTTP/x",
        " /\x01",
        "  /",
        " / HTTP/1.1\r\n" HOST "A\x01: b\r\n",
        " / HTTP/1.1\r\n" HOST "Expect: x\r\n\r\n",
        " / HTTP/1.1\r\n" HOST "Content-Length: 99999\r\n\r\n",
        " / HTTP/1.1\r\n" HOST CHUNKED "\r\n1\r\nxy",
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        char heads[2][1024];
        for (size_t is_head = 0; is_head < 2; is_head++) {
            char text[256];
            snprintf(text, sizeof(text), "%s%s", is_head ? "HEAD" : "GET", requests[i]);
            struct peer *p = peer_new();
            peer_send(p, text);
            head_of(p, heads[is_head], sizeof(heads[0]));
            size_t body_len = 0;
            (void)first_body(p, &body_len);
            if (is_head && body_len != 0) {
                fail_msg("a body: %s%s", text, p->all);
            }
            free(p);
        }
        assert_string_equal(heads[0], heads[1]);
    }
}

/* Of all connections only one that begins a long echo asks for room (others may lose theirs). */
static void test_only_an_echo_asks_for_buffers(void **state)
{
    struct peer *p = peer_new();
    p->buffers_free = 0;
    peer_send(p,
              GET("") "GET /stats HTTP/1.1\r\n" HOST "\r\n"
                      "GET /bytes/100000 HTTP/1.1\r\n" HOST "\r\n"
                      "POST /stats HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab" ECHO(
                          "Content-Length: 2\r\n", "hi") "GET /headers HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(p->rooms_asked, 0);
    assert_int_equal(p->conn.end, CONN_OPEN);
    peer_send(p, ECHO("Content-Length: 3\r\n", "hi"));
    assert_int_equal(p->rooms_asked, 1);
    assert_int_equal(p->conn.end, CONN_LINGER);
    free(p);
}

/* An echo that is over, be it by an error, has no claim to a buffer any more. */
static void test_a_failed_echo_holds_no_buffer(void **state)
{
    struct peer *p = peer_new();
    peer_send(p, ECHO(CHUNKED, "3\r\nabc\r\n"));
    assert_true(conn_holds_buffer(&p->conn));
    peer_send(p, "x");
    assert_int_equal(p->conn.end, CONN_LINGER);
    assert_false(conn_holds_buffer(&p->conn));
    free(p);
}

/* What a client does not take of /bytes need not be kept: it comes again, in any pieces. */
static void test_bytes_can_be_taken_back(void **state)
{
    enum { LENGTH = 200 * 1000 };
    unsigned seed = 5;
    print_message("seed %u\n", seed);
    srand(seed);
    struct peer *whole = peer_new();
    peer_send(whole, "GET /bytes/200000 HTTP/1.1\r\n" HOST "\r\n");
    struct peer *p = peer_new();
    const char *request = "GET /bytes/200000 HTTP/1.1\r\n" HOST "\r\n";
    size_t in_len = strlen(request);
    size_t kept_most = 0;
    do {
        struct outbuf o = {p->out, 0, sizeof(p->out)};
        assert_int_equal(conn_input(&p->conn, request, in_len, &o), in_len);
        in_len = 0;
        size_t unsent = (size_t)rand() % (o.len + 1);
        size_t back = conn_take_back(&p->conn, unsent);
        assert_true(back <= unsent && conn_take_back(&p->conn, 0) == 0);
        bool is_last = p->conn.state == CONN_HEAD;
        kept_most = !is_last && unsent - back > kept_most ? unsent - back : kept_most;
        o.len -= back; /* the rest is kept and sent */
        peer_take(p, &o);
    } while (p->conn.state != CONN_HEAD);
    assert_int_equal(p->all_len, whole->all_len);
    assert_memory_equal(p->all, whole->all, whole->all_len);
    assert_true(kept_most < RESPONSE_ROOM_BYTES); /* nothing but the head, once */
    free(p);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_white_space_and_lists),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_nothing_is_said_to_1_0_before_its_body),
        cmocka_unit_test(test_empty_lines_first),
        cmocka_unit_test(test_binary_is_answered_at_once),
        cmocka_unit_test(test_head_is_get_without_a_body),
        cmocka_unit_test(test_only_an_echo_asks_for_buffers),
        cmocka_unit_test(test_a_failed_echo_holds_no_buffer),
        cmocka_unit_test(test_bytes_can_be_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
