/*
 * Hosts and request targets: the grammar by examples of each of its branches, and IPv6 addresses
 * against the C library's own reading.
 */
// LINK: apps/httpd/target.c
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apps/httpd/target.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* From malloc, so that a byte too far is seen. */
static bool is_host(const char *text)
{
    size_t len = strlen(text);
    char *at = malloc(len > 0 ? len : 1);
    assert_non_null(at);
    memcpy(at, text, len);
    bool valid = host_is_valid((struct span){at, len});
    free(at);
    return valid;
}

static void test_hosts(void **state)
{
    static const char *const good[] = {
        "",
        ":",
        ":80",
        "a",
        "a:",
        "a:80",
        "A.EXAMPLE:8080",
        "127.0.0.1",
        "127.0.0.1:80",
        "a_b",
        "a-b.c",
        "a.",
        "%61",
        "%c3%a9.example",
        "a!$&'()*+,;=",
        "~",
        "999.0.0.1",
        "a:99999",
        "[::1]",
        "[::1]:",
        "[::1]:80",
        "[::]",
        "[1:2:3:4:5:6:7:8]",
        "[::FFFF:1.2.3.4]",
        "[fe80::1%25eth0]:80",
        "[fe80::1%25e%20t]",
        "[v1.a:b]",
        "[V7F.~!]",
        "xn--bcher-kva.de",
    };
    static const char *const bad[] = {
        "a:b",         "a:80:80",     "::",     "a:-1",    "a:+1",        "a:80 ",      "a:8 0",
        "a b",         "a/b",         "a?b",    "a#b",     "a\\b",        "a@b",        "u:p@a",
        "<a>",         "\"a\"",       "a^b",    "a`b",     "a|b",         "{a}",        "a\x80",
        "%",           "a%",          "%6",     "%zz",     "%6g",         "[",          "]",
        "[]",          "[::1",        "::1]",   "a[b]",    "[a]b",        "[a]",        "[::1]80",
        "[::1]:x",     "[[::1]]",     "[::1]]", "[zz::1]", "[127.0.0.1]", "[::1%eth0]", "[::1%25]",
        "[::1%25a:b]", "[::1%25%zz]", "[%25a]", "[v.a]",   "[v1.]",       "[v1]",       "[vg.a]",
        "[v1.a/b]",    "[1.2.3.4::]",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!is_host(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (is_host(bad[i])) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

/* Two readers of RFC 4291's text form that know nothing of each other. */
static void test_ipv6_is_what_inet_pton_takes(void **state)
{
    enum { ROUNDS = 400000, PIECES_MAX = 12 };
    static const char *const pieces[] = {":", ":",       ":",     "::",       "0",
                                         "1", "ab",      "FFFF",  "12345",    "g",
                                         ".", "1.2.3.4", "1.2.3", "01.2.3.4", "256.1.1.1"};
    unsigned seed = 26;
    unsigned valid = 0;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < ROUNDS; round++) {
        char text[128] = "";
        size_t len = 0;
        size_t groups = (size_t)rand() % PIECES_MAX;
        for (size_t i = 0; i < groups; i++) {
            /* Mostly in turn, or hardly any would be good. */
            size_t piece = rand() % 8 != 0 ? (i % 2 != 0 ? 0 : 4 + (size_t)rand() % 4)
                                           : (size_t)rand() % COUNT(pieces);
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", pieces[piece]);
        }
        char host[160];
        struct in6_addr parsed;
        snprintf(host, sizeof(host), "[%s]", text);
        bool expected = inet_pton(AF_INET6, text, &parsed) == 1;
        valid += expected;
        if (is_host(host) != expected) {
            fail_msg("%s: %s", host, expected ? "refused" : "taken");
        }
    }
    assert_true(valid > 1000);
}

static void test_targets(void **state)
{
    static const struct {
        const char *target;
        const char *path; /* NULL: refused */
    } cases[] = {
        {"/", "/"},
        {"/a/b?c/d?e", "/a/b"},
        {"/?", "/"},
        {"//a/b", "//a/b"},
        {"/%zz", "/%zz"},
        {"*", "*"},
        {"http://a", "/"},
        {"http://a/", "/"},
        {"HtTp://A:80/b", "/b"},
        {"http://a?b", "/"},
        {"http://a:?b/c", "/"},
        {"http://[::1]:8080/x", "/x"},
        {"http://a//b", "//b"},
        {"**", NULL},
        {"*?a", NULL},
        {"a", NULL},
        {"a:80", NULL},
        {"?a", NULL},
        {"/a#b", NULL},
        {"http://a#b", NULL},
        {"http:", NULL},
        {"http:/a", NULL},
        {"http://", NULL},
        {"http:///a", NULL},
        {"http://?a", NULL},
        {"http://:80/", NULL},
        {"http://@a/", NULL},
        {"http://u@a/", NULL},
        {"http://u:p@a/", NULL},
        {"http://a:b/", NULL},
        {"http://a:80:80/", NULL},
        {"http://[::1/", NULL},
        {"http://[]/", NULL},
        {"http://a%zz/", NULL},
        {"http://a\\b/", NULL},
        {"https://a/", NULL},
        {"ftp://a/", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span path = {NULL, 0};
        bool ok = target_path((struct span){cases[i].target, strlen(cases[i].target)}, &path);
        const char *want = cases[i].path;
        if (ok != (want != NULL) ||
            (ok && (path.len != strlen(want) || memcmp(path.at, want, path.len) != 0))) {
            fail_msg("%s: %d %.*s", cases[i].target, ok, (int)path.len, path.at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_ipv6_is_what_inet_pton_takes),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
