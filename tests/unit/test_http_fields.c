/*
 * The fields the server acts on, one line at a time: lists with empty elements, white space of both
 * kinds, names in any case, and what a second line of the same name means.
 */
// LINK: apps/httpd/fields.c apps/httpd/target.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apps/httpd/fields.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool take(struct fields *f, const char *name, const char *value)
{
    struct span n = {name, strlen(name)};
    return fields_take(f, n, span_trim(value, strlen(value)), 0);
}

/* The elements, each in angle brackets. */
static void split(const char *text, char *out, size_t size)
{
    struct span rest = {text, strlen(text)};
    struct span element;
    size_t len = 0;
    out[0] = '\0';
    while (list_next(&rest, &element)) {
        len += (size_t)snprintf(out + len, size - len, "<%.*s>", (int)element.len, element.at);
        assert_true(len < size);
    }
}

static void test_lists(void **state)
{
    static const struct {
        const char *text;
        const char *elements;
    } cases[] = {
        {"", ""},
        {" \t", ""},
        {",", ""},
        {",\t, ,", ""},
        {"a", "<a>"},
        {"a,b", "<a><b>"},
        {" a\t,\tb ,", "<a><b>"},
        {",,a,,b,,", "<a><b>"},
        {"a b,c", "<a b><c>"},
        {"\"a,b\",c", "<\"a,b\"><c>"},
        {"\"a\\\",b\",c", "<\"a\\\",b\"><c>"},
        {"a;q=\"x,\\\\\",b", "<a;q=\"x,\\\\\"><b>"},
        {"\"a,b", "<\"a,b>"},
        {"\"a\\", "<\"a\\>"},
        {"a\\,b", "<a\\><b>"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char got[128];
        split(cases[i].text, got, sizeof(got));
        assert_string_equal(got, cases[i].elements);
    }
}

static void test_connection(void **state)
{
    static const struct {
        const char *value;
        bool close;
        bool keep_alive;
    } cases[] = {
        {"", false, false},          {"close", true, false},
        {"CLOSE\t", true, false},    {"\tclose", true, false},
        {",close,", true, false},    {"keep-alive\t,\tclose", true, true},
        {"Keep-Alive", false, true}, {"upgrade, x", false, false},
        {"closed", false, false},    {"clos", false, false},
        {"\"close\"", false, false}, {"close x", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields f = {0};
        assert_true(take(&f, "ConnectioN", cases[i].value));
        assert_int_equal(f.close, cases[i].close);
        assert_int_equal(f.keep_alive, cases[i].keep_alive);
    }
    struct fields f = {0};
    assert_true(take(&f, "Connection", "close"));
    assert_true(take(&f, "Connection", "keep-alive"));
    assert_true(f.close && f.keep_alive);
    f = (struct fields){0};
    assert_true(take(&f, "Proxy-Connection", "close")); /* no field of HTTP (RFC 9112, C.2.2) */
    assert_true(take(&f, "Connectiox", "close"));
    assert_false(f.close);
}

static void test_length(void **state)
{
    static const struct {
        const char *value;
        uint64_t length;
    } good[] = {
        {"0", 0},
        {"5", 5},
        {"5\t", 5},
        {" \t5", 5},
        {"0000000000000000000000000000005", 5},
        {"18446744073709551615", UINT64_MAX},
    };
    static const char *const bad[] = {
        "",
        " ",
        "-1",
        "+1",
        "0x1",
        "1.0",
        "1e3",
        "5 5",
        "5,5",
        "5, 5",
        ",5",
        "5,",
        "1_0",
        "\"5\"",
        "5;",
        "18446744073709551616",
        "18446744073709551620",
        "99999999999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct fields f = {0};
        assert_true(take(&f, "content-LENGTH", good[i].value));
        assert_true(f.has_length && f.length == good[i].length);
        assert_false(take(&f, "Content-Length", good[i].value)); /* the same again is too many */
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fields f = {0};
        assert_false(take(&f, "Content-Length", bad[i]));
    }
}

static void test_encoding(void **state)
{
    static const struct {
        const char *lines[2];
        int encoding; /* -1: refused at once */
    } cases[] = {
        {{"chunked"}, ENCODING_CHUNKED},
        {{"Chunked\t"}, ENCODING_CHUNKED},
        {{",chunked"}, ENCODING_CHUNKED},
        {{" , chunked ,\t"}, ENCODING_CHUNKED},
        {{"gzip, chunked"}, ENCODING_OTHER_CHUNKED},
        {{"gzip", "chunked"}, ENCODING_OTHER_CHUNKED},
        {{"gzip;a=\"b,chunked\",chunked"}, ENCODING_OTHER_CHUNKED},
        {{"gzip;a=\"b,chunked\""}, ENCODING_OTHER},
        {{"gzip"}, ENCODING_OTHER},
        {{"identity"}, ENCODING_OTHER},
        {{"xchunked"}, ENCODING_OTHER},
        {{"chunkedx"}, ENCODING_OTHER},
        {{"chunked;a=b"}, ENCODING_OTHER},
        {{"\"chunked\""}, ENCODING_OTHER},
        {{"chunked, identity"}, -1},
        {{"chunked, chunked"}, -1},
        {{"chunked", "chunked"}, -1},
        {{"chunked", "gzip"}, -1},
        {{"gzip, chunked", "chunked"}, -1},
        {{""}, -1},
        {{",\t,"}, -1},
        {{"", "chunked"}, -1},
        {{"chunked", ","}, -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields f = {0};
        bool ok = take(&f, "transfer-encoding", cases[i].lines[0]);
        if (ok && cases[i].lines[1] != NULL) {
            ok = take(&f, "Transfer-Encoding", cases[i].lines[1]);
        }
        int got = ok ? f.encoding : -1;
        if (got != cases[i].encoding) {
            fail_msg("%s: %d", cases[i].lines[0], got);
        }
    }
}

static void test_expect(void **state)
{
    static const struct {
        const char *value;
        bool is_continue;
        bool other;
    } cases[] = {
        {"100-continue", true, false},
        {"100-Continue\t", true, false},
        {"100-continue,", true, false},
        {",\t100-continue ,", true, false},
        {"", false, false},
        {",", false, false},
        {"100-continue, more", true, true},
        {"more", false, true},
        {"100-continue;a=b", false, true},
        {"100", false, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields f = {0};
        assert_true(take(&f, "EXPECT", cases[i].value));
        assert_int_equal(f.expects_continue, cases[i].is_continue);
        assert_int_equal(f.expects_other, cases[i].other);
    }
}

static void test_host_and_type(void **state)
{
    struct fields f = {0};
    assert_true(take(&f, "hOST", "\ta.example:80\t"));
    assert_true(f.has_host);
    assert_false(take(&f, "Host", "a.example:80"));
    f = (struct fields){0};
    assert_false(take(&f, "Host", "a b"));
    f = (struct fields){0};
    assert_true(take(&f, "Host", "") && f.has_host);
    struct span name = {"Content-Type", 12};
    assert_true(fields_take(&f, name, (struct span){"a/b", 3}, 99));
    assert_true(f.has_type && f.type_at == 99 && f.type_len == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),  cmocka_unit_test(test_connection),
        cmocka_unit_test(test_length), cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_expect), cmocka_unit_test(test_host_and_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
