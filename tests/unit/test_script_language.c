/*
 * The packet-script engine (tests/scripts/engine): a line that means nothing is refused with its
 * place and what is allowed, and a script whose expectation is wrong fails, at that line.
 */
// LINK: tests/scripts/engine/[lopt]*.c tests/unit/net_fixture.c @net kernel/[pt][kio]*.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "tests/scripts/engine/backend.h"

/* Reads the text, and plays it when it can be read. The message, empty when all went well. */
static void run_text(const char *text, char why[PS_TEXT_MAX * 4])
{
    static const struct ps_run run = {1000, 5000, 100, 700};
    char path[] = "/tmp/script-XXXXXX";
    struct ps_script s;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    why[0] = '\0';
    if (!ps_script_read(&s, path)) {
        snprintf(why, PS_TEXT_MAX * 4, "%s", s.error);
    } else if (!ps_play(&s, &ps_backend_ours, &run, why)) {
        assert_true(why[0] != '\0');
    }
    ps_script_free(&s);
    unlink(path);
}

struct wrong {
    const char *text;
    const char *message; /* a part of what must be said */
};

static void says(const struct wrong *cases, size_t count)
{
    char why[PS_TEXT_MAX * 4];
    for (size_t i = 0; i < count; i++) {
        run_text(cases[i].text, why);
        if (strstr(why, cases[i].message) == NULL) {
            fail_msg("script:\n%s\nwant: %s\ngot: %s", cases[i].text, cases[i].message, why);
        }
    }
}

static void lines_without_meaning_are_refused(void **state)
{
    static const struct wrong cases[] = {
        {"# t\nfoo", ":2: 'foo'; allowed are"},
        {"# t\n", "a script without an event"},
        {"socket C", "without a comment"},
        {"# t\n+4 socket C", "'4' is no time; allowed is a number with us, ms or s"},
        {"# t\n+4ms..2ms socket C", "ends before it begins"},
        {"# t\n< Q seq 0", "'Q' are no TCP flags; allowed are"},
        {"# t\n< S", "a segment without seq"},
        {"# t\n< . seq 1", "without ack"},
        {"# t\n< S seq 0 <mss 70000>", "mss is 70000; allowed is 0 to 65535"},
        {"# t\n< S seq 0 <sack 5>", "'5' is no SACK block"},
        {"# t\n< S seq 0 <foo>", "'foo' is no TCP option; allowed are"},
        {"# t\n< S seq 0 wins 4", "'wins' is no part of a segment; allowed are"},
        {"# t\n< [9] S seq 0", "connection '9' is not known"},
        {"# t\nsend C \"x\"", "socket 'C' is not known"},
        {"# t\nsocket C\nrecv C 5", ":3: recv: `= RESULT` is wanted"},
        {"# t\nsocket C\nrecv C 5 = EFOO", "'EFOO' is no errno"},
        {"# t\nsocket C\nsend C \"x\\q\"", "unknown escape"},
        {"# t\nsocket C\nsend C \"x", "without its closing quote"},
        {"# t\nsocket C\nsetopt C color 1", "'color' is no socket option; allowed are"},
        {"# t\nsocket C\nstate C = OPEN", "state S = STATE"},
        {"# t\nconfig color 1", "config 'color'; allowed are"},
        {"# t\nconfig mtu 99", "mtu is 99; allowed is 576 to 1500"},
        {"# t\nconfig off color", "config off 'color'; allowed are"},
        {"# t\nsocket C extra", "'extra' behind the end"},
    };
    says(cases, ARRAY_SIZE(cases));
}

static void wrong_expectations_fail(void **state)
{
    static const struct wrong cases[] = {
        {"# t\nestablished C\nsend C \"x\"", "not expected: > P. seq 1 ack 1 len 1"},
        {"# t\nestablished C\nsend C \"x\"\n> P. seq 2 ack 1 data \"x\"", ":4: at 0.000 ms: seq "},
        {"# t\nestablished C\nsend C \"x\"\n> P. seq 1 ack 2 data \"x\"", "ack differs"},
        {"# t\nestablished C\nsend C \"x\"\n> P. seq 1 ack 1 data \"y\"", "payload bytes differs"},
        {"# t\nestablished C\nsend C \"x\"\n> P. seq 1 ack 1 len 2", "len differs"},
        {"# t\nestablished C\nsend C \"x\"\n> F. seq 1 ack 1 data \"x\"", "flags differs"},
        {"# t\nestablished C\nsend C \"x\"\n> . seq 1 ack 1 data \"x\" win 7", "win differs"},
        {"# t\nestablished C\nsend C \"x\"\n> . seq 1 ack 1 data \"x\" <nop>", "options differs"},
        {"# t\nestablished C\nsend C \"x\"\n> . seq 1 ack 1 data \"x\" ttl 9", "ttl differs"},
        {"# t\nestablished C\nsend C \"x\"\n+9ms > . seq 1 ack 1 data \"x\"", "too early"},
        {"# t\nestablished C\n> . seq 1 ack 1", "nothing came"},
        {"# t\nestablished C\n< P. seq 1 ack 1 data \"a\"\n+1s nothing", "not expected"},
        {"# t\nestablished C\nrecv C 5 = \"a\"", "want 1 bytes, got EAGAIN"},
        {"# t\nestablished C\nsend C \"x\" = 7", "result is 1, want 7"},
        {"# t\nestablished C\nstate C = CLOSED", "want 0"},
        {"# t\nestablished C\ncount tcp_tx_rst = 1", "count tcp_tx_rst is 0, want 1"},
        {"# t\nestablished C\ncount nonsense = 1", "no counter 'nonsense'"},
        {"# t\nconn 2\nlistening L\n< [2] S seq 0\n> S. seq 0 ack 1 <...>", "connection differs"},
    };
    says(cases, ARRAY_SIZE(cases));
}

static void right_ones_pass(void **state)
{
    char why[PS_TEXT_MAX * 4];
    run_text("# t\nestablished C\nsend C \"x\"\n> P. seq 1 ack 1 data \"x\" ttl 64\n"
             "< . seq 1 ack 2\nours: state C = ESTABLISHED\nlinux: state C = CLOSED\n",
             why);
    assert_string_equal(why, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_without_meaning_are_refused),
        cmocka_unit_test(wrong_expectations_fail),
        cmocka_unit_test(right_ones_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
