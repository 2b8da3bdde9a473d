/*
 * The lines of the chunked coding: each branch of the grammar, in one piece and in every cut, and
 * that llhttp, whatever its release, is shown the plainest form of it.
 */
// LINK: apps/httpd/chunk_lines.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apps/httpd/chunk_lines.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum {
    PLAIN_MAX = 512,
};

struct reading {
    struct chunk_lines lines;
    enum chunk_result result;
    size_t used;
    size_t plain_len;
    char plain[PLAIN_MAX]; /* what llhttp gets */
};

static void read_on(struct reading *r, const char *at, size_t len)
{
    while (len > 0 && r->result == CHUNK_MORE) {
        struct span run;
        size_t used = 0;
        r->result = chunk_lines_take(&r->lines, at, len, &used, &run);
        assert_true(used > 0 && used <= len);
        if (r->result == CHUNK_BAD) {
            return;
        }
        assert_true(run.at >= at && run.at + run.len <= at + used);
        assert_true(r->plain_len + run.len < PLAIN_MAX);
        memcpy(r->plain + r->plain_len, run.at, run.len);
        r->plain_len += run.len;
        r->used += used;
        at += used;
        len -= used;
    }
}

/* In one piece, in two at every cut, and byte by byte: always the same. */
static void check(const char *body, enum chunk_result result, const char *plain)
{
    size_t len = strlen(body);
    for (size_t cut = 0; cut <= len + 1; cut++) {
        struct reading r = {.result = CHUNK_MORE};
        if (cut <= len) {
            read_on(&r, body, cut);
            read_on(&r, body + cut, len - cut);
        } else {
            for (size_t i = 0; i < len; i++) {
                read_on(&r, body + i, 1);
            }
        }
        r.plain[r.plain_len] = '\0';
        if (r.result != result || (plain != NULL && strcmp(r.plain, plain) != 0)) {
            fail_msg("%s: cut %zu: %d, llhttp gets %s", body, cut, r.result, r.plain);
        }
        assert_true(result != CHUNK_DONE || r.used == len);
    }
}

#define LAST "0\r\n\r\n"

static void test_extensions_do_not_reach_llhttp(void **state)
{
    static const char *const lines[] = {
        "5",
        "5;a",
        "5;a=b",
        "5;a=b;c",
        "5;a;b=c",
        "5 ;a",
        "5\t; a",
        "5 \t ;\t a \t=\t b",
        "5;a = b ; c",
        "5;a=\"\"",
        "5;a=\"b;\tc\\\"\\\\d\"",
        "5;a=\"\x80\";b",
        "5 ; a = \"x\" ; b",
        "5;!#$%&'*+-.^_`|~=1",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        char text[128];
        snprintf(text, sizeof(text), "%s\r\nhello\r\n" LAST, lines[i]);
        check(text, CHUNK_DONE, "5\r\nhello\r\n" LAST);
    }
    check("0;a=\"b\"\r\n\r\n", CHUNK_DONE, LAST);
}

static void test_what_is_no_size_or_extension(void **state)
{
    static const char *const lines[] = {
        "",
        " 5",
        "\t5",
        "5 ",
        "5\t",
        "g",
        "-5",
        "+5",
        "0x5",
        "5x",
        "5h",
        "5,",
        "5;",
        "5; ",
        "5;;a",
        "5;=b",
        "5;a=",
        "5;a= ",
        "5;a=;b",
        "5;a b",
        "5;a =",
        "5;a ",
        "5;a=b ",
        "5;a=b c",
        "5;a=\"",
        "5;a=\"b",
        "5;a=\"b\"c",
        "5;a=\"b\" ",
        "5;\"a\"",
        "5;a=\"b\\\x01\"",
        "5;a=\"\x01\"",
        "5;a\x80",
        "5;a=\x80",
        "5;a=b=c",
        "5;a\n",
        "5\n",
        "5;a=\"\n\"",
        "00000000000000005",
        "fffffffffffffffff",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        char text[128];
        snprintf(text, sizeof(text), "%s\r\nhello\r\n" LAST, lines[i]);
        check(text, CHUNK_BAD, NULL);
    }
    check("5\rhello\r\n" LAST, CHUNK_BAD, NULL);
    check("5\r\nhello" LAST, CHUNK_BAD, NULL);
    check("5\r\nhello\n" LAST, CHUNK_BAD, NULL);
    check("5\r\nhello\rx" LAST, CHUNK_BAD, NULL);
    check("5\r\nhello!\r\n" LAST, CHUNK_BAD, NULL);
    check("0\r\n\n", CHUNK_BAD, NULL);
    check("0\r\n\rx", CHUNK_BAD, NULL);
}

static void test_sizes(void **state)
{
    check("0000000000000001\r\nx\r\n000\r\n\r\n", CHUNK_DONE, NULL);
    check("a\r\n0123456789\r\nA\r\n0123456789\r\n" LAST, CHUNK_DONE, NULL);
    struct reading r = {.result = CHUNK_MORE};
    read_on(&r, "ffffffffffffffff\r\nx", 19);
    assert_int_equal(r.result, CHUNK_MORE);
    assert_true(r.lines.left == UINT64_MAX - 1);
}

static void test_trailers_do_not_reach_llhttp(void **state)
{
    static const char *const good[] = {
        "A: b\r\n",
        "A:\r\nB:\tc \r\n",
        "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
        "A: \x80\r\n",
    };
    static const char *const bad[] = {
        "A b\r\n",         ": b\r\n",     "A : b\r\n",   "A: b\n", " A: b\r\n", "A: b\r\n c\r\n",
        "A: b\r\n\tc\r\n", "A: b\rc\r\n", "A: \x01\r\n", "A\r\n",  "A(: b\r\n", "\x80: b\r\n",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        char text[128];
        snprintf(text, sizeof(text), "0\r\n%s\r\n", good[i]);
        check(text, CHUNK_DONE, LAST);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        char text[128];
        snprintf(text, sizeof(text), "0\r\n%s\r\n", bad[i]);
        check(text, CHUNK_BAD, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extensions_do_not_reach_llhttp),
        cmocka_unit_test(test_what_is_no_size_or_extension),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_trailers_do_not_reach_llhttp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
