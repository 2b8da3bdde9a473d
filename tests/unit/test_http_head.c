/*
 * The byte rules of a request head: good heads, each rule broken once, limits at their edge, and
 * the same result however the bytes are cut.
 */
// LINK: apps/httpd/head.c apps/httpd/fields.c apps/httpd/target.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apps/httpd/head.h"

static int scan(const char *text, struct head_scan *h)
{
    memset(h, 0, sizeof(*h));
    return head_scan(h, text, strlen(text));
}

static int scan_bytes(const char *at, size_t len)
{
    struct head_scan h = {0};
    return head_scan(&h, at, len);
}

static void test_good_head_is_decoded(void **state)
{
    struct head_scan h;
    const char *text = "GET /a?b HTTP/1.1\r\nHost: x\r\nA:\r\nB: \t y\x80 \r\n\r\nrest";
    assert_int_equal(scan(text, &h), HEAD_DONE);
    assert_int_equal(h.pos, strlen(text) - 4);
    assert_int_equal(h.method, METHOD_GET);
    assert_false(h.http10);
    assert_int_equal(h.field_count, 3);
    assert_memory_equal(text + h.target_offset, "/a?b", h.target_len);
    assert_int_equal(h.target_len, 4);
    /* Asked again, it says the same. */
    assert_int_equal(head_scan(&h, text, strlen(text)), HEAD_DONE);
    assert_int_equal(scan("PUT * HTTP/1.0\r\n\r\n", &h), HEAD_DONE);
    assert_true(h.http10);
    assert_int_equal(h.method, METHOD_PUT);
}

static void test_each_broken_rule_has_its_status(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\n", 400},
        {"GET / HTTP/1.1\r\nA: b\n", 400},
        {"GET / HTTP/1.1\r\nA: b\rc\r\n", 400},
        {"GET / HTTP/1.1\r\nA: \x01\r\n", 400},
        {"GET / HTTP/1.1\r\nA: \x7f\r\n", 400},
        {"GET / HTTP/1.1\r\n A: b\r\n", 400},
        {"GET / HTTP/1.1\r\nA : b\r\n", 400},
        {"GET / HTTP/1.1\r\nA b\r\n", 400},
        {"GET / HTTP/1.1\r\n: b\r\n", 400},
        {"GET / HTTP/1.1\r\nA\x80: b\r\n", 400},
        {"GET  / HTTP/1.1\r\n", 400},
        {"GET /  HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1 \r\n", 400},
        {" GET / HTTP/1.1\r\n", 400},
        {"GET /\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n", 400},
        {"GET /\t HTTP/1.1\r\n", 400},
        {"G@T / HTTP/1.1\r\n", 400},
        {"GET / http/1.1\r\n", 400},
        {"GET / HTTP/11\r\n", 400},
        {"GET / HTTP/1.10\r\n", 400},
        {"GET / XTTP/1.1\r\n", 400},
        {"\r\n", 400},
        {"GET / HTTP/2.0\r\n", 505},
        {"GET / HTTP/0.9\r\n", 505},
        {"BREW / HTTP/1.1\r\n", 501},
        {"get / HTTP/1.1\r\n", 501},
        {"CONNECT a:1 HTTP/1.1\r\n", 501},
        {"PRI * HTTP/2.0\r\n", 505},
        {"GET / HTTP/3.1\r\n", 505},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct head_scan h;
        int status = scan(cases[i].text, &h);
        if (status != cases[i].status) {
            fail_msg("case %zu: %d, not %d: %s", i, status, cases[i].status, cases[i].text);
        }
    }
    assert_int_equal(scan_bytes("GET / HTTP/1.1\r\nA: \0\r\n", 23), 400);
    assert_int_equal(scan_bytes("GET /\0 HTTP/1.1\r\n", 17), 400);
}

/* RFC 9110, 6.2: a minor version beyond ours is ours. */
static void test_versions(void **state)
{
    struct head_scan h;
    assert_int_equal(scan("GET / HTTP/1.0\r\n\r\n", &h), HEAD_DONE);
    assert_true(h.http10);
    for (char minor = '1'; minor <= '9'; minor++) {
        char text[] = "GET / HTTP/1.x\r\n\r\n";
        text[13] = minor;
        assert_int_equal(scan(text, &h), HEAD_DONE);
        assert_false(h.http10);
    }
}

/* The shortest beginning that no request line has, and the one byte less that one may have. */
static void test_what_is_no_request_line_is_refused_at_once(void **state)
{
    static const struct {
        const char *at;
        size_t len;
        int status;
    } cases[] = {
        {"\x16\x03\x01\x02", 1, 400}, /* TLS */
        {"\x80\x2e\x01", 1, 400},     /* SSL 2 */
        {"\x00", 1, 400},
        {"\n", 1, 400},
        {" GET", 1, 400},
        {"\"x", 1, 400},
        {"{}", 1, 400},
        {"SSH-2.0-OpenSSH_9.2\r\n", 20, 400},
        {"G\x01", 2, 400},
        {"GET\t/", 4, 400},
        {"GET\r", 4, 400},
        {"GET  /", 5, 400},
        {"GET /\r\n", 6, 400},
        {"GET /\x80", 6, 400},
        {"GET /\x7f", 6, 400},
        {"GET / h", 7, 400},
        {"GET / HTTP/x", 12, 400},
        {"GET / HTTP/11", 13, 400},
        {"GET / HTTP/1.10", 15, 400},
        {"GET / HTTP/1.1 ", 15, 400},
        {"GET / HTTP/1.1\n", 15, 400},
        {"GET / HTTP/1.1\rx", 16, 400},
        {"abcdefghijabcdefghijabcdefghijabc", 33, 501}, /* no method is as long */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(scan_bytes(cases[i].at, cases[i].len - 1), HEAD_MORE);
        if (scan_bytes(cases[i].at, cases[i].len) != cases[i].status) {
            fail_msg("case %zu: %s", i, cases[i].at);
        }
    }
}

/* A request line of exactly len bytes with its CRLF. */
static size_t long_line(char *at, size_t len)
{
    memset(at, 'a', len);
    memcpy(at, "GET /", 5);
    memcpy(at + len - 11, " HTTP/1.1\r\n", 11);
    return len;
}

static void test_line_limit(void **state)
{
    static char text[HEAD_MAX_BYTES];
    size_t len = long_line(text, HEAD_LINE_MAX_BYTES);
    assert_int_equal(scan_bytes(text, len), HEAD_MORE);
    len = long_line(text, HEAD_LINE_MAX_BYTES + 1);
    assert_int_equal(scan_bytes(text, len), 414);
    /* Without its end it is as long. */
    assert_int_equal(scan_bytes(text, HEAD_LINE_MAX_BYTES), HEAD_MORE);
    assert_int_equal(scan_bytes(text, HEAD_LINE_MAX_BYTES + 1), 414);
}

static void test_fields_limits(void **state)
{
    static char text[HEAD_MAX_BYTES + 1024];
    static const char line[] = "GET / HTTP/1.1\r\n";
    size_t start = sizeof(line) - 1;
    memset(text, 'v', sizeof(text));
    memcpy(text, line, start);
    memcpy(text + start, "A:", 2);
    size_t end = start + HEAD_FIELDS_MAX_BYTES;
    memcpy(text + end - 2, "\r\n\r\n", 4);
    assert_int_equal(scan_bytes(text, end + 2), HEAD_DONE);
    memset(text + end - 2, 'v', 4);
    memcpy(text + end - 1, "\r\n\r\n", 4);
    assert_int_equal(scan_bytes(text, end + 3), 431);
    memset(text + end - 2, 'v', 8);
    assert_int_equal(scan_bytes(text, end + 3), 431);

    size_t len = start;
    for (int i = 0; i < HEAD_FIELDS_MAX_COUNT; i++, len += 4) {
        memcpy(text + len, "a:\r\n", 4);
    }
    memcpy(text + len, "\r\n", 2);
    assert_int_equal(scan_bytes(text, len + 2), HEAD_DONE);
    memcpy(text + len, "a:\r\n", 4);
    assert_int_equal(scan_bytes(text, len + 4), 431);
}

static void test_every_cut_gives_the_same(void **state)
{
    static const char *const texts[] = {
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nB : c\r\n\r\n",
        "GET / HTTP/3.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.2\r\nHost:\ta\t\r\nConnection: x,\t close\r\n\r\n",
        "GETS / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1,1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    };
    for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        struct head_scan whole;
        int expected = scan(texts[t], &whole);
        for (size_t cut = 0; cut <= strlen(texts[t]); cut++) {
            struct head_scan h;
            memset(&h, 0, sizeof(h));
            int status = head_scan(&h, texts[t], cut);
            if (status == HEAD_MORE) {
                status = head_scan(&h, texts[t], strlen(texts[t]));
            }
            assert_int_equal(status, expected);
            assert_memory_equal(&h, &whole, sizeof(h));
        }
    }
}

/* Whatever the bytes are: no crash, never done beyond what was given. */
static void test_random_bytes(void **state)
{
    unsigned seed = 20240607;
    print_message("seed %u\n", seed);
    srand(seed);
    static const char alphabet[] = "GET /HTP1.\r\n\r\n: a\t";
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t len = (size_t)rand() % sizeof(text);
        for (size_t i = 0; i < len; i++) {
            text[i] = alphabet[(size_t)rand() % sizeof(alphabet)]; /* the NUL, too */
        }
        struct head_scan h = {0};
        int status = head_scan(&h, text, len);
        assert_true(status == HEAD_MORE || status == HEAD_DONE || status >= 400);
        assert_true(h.pos <= len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_head_is_decoded),
        cmocka_unit_test(test_each_broken_rule_has_its_status),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_what_is_no_request_line_is_refused_at_once),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_fields_limits),
        cmocka_unit_test(test_every_cut_gives_the_same),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
