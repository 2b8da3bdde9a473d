/*
 * The form of a report: what a person copies, or photographs from a screen of 80 columns.
 */
// LINK: tests/unit/fake_platform.c kernel/log.c apps/root/report.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apps/root/report.h"
#include "tests/unit/fake_platform.h"

#define DASHES "------------------------------------------------------------------------------\n"

static struct report r;

static int begin(void **state)
{
    fake_reset(4096);
    memset(&r, 0, sizeof(r));
    return 0;
}

static void test_lines_and_verdict(void **state)
{
    report_add(&r, REPORT_NOTE, "bus: %s", "PCI");
    report_add(&r, REPORT_PASSED, "mac: fine");
    report_add(&r, REPORT_FAILED, "link: none in %u ms", 5000u);
    report_print(&r, "Ringside: title", "nic");
    assert_string_equal(fake_console(), DASHES "Ringside: title\n"
                                               "  -    bus: PCI\n"
                                               "  ok   mac: fine\n"
                                               "FAILED link: none in 5000 ms\n"
                                               "nic: 1 of 2 passed\n" DASHES);
}

/* No line is broken by a terminal, and a report that overflows still says what became of all. */
static void test_bounds(void **state)
{
    char text[200];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (uint32_t i = 0; i < 3 * REPORT_LINES_MAX; i++) {
        report_add(&r, i % 2 == 0 ? REPORT_PASSED : REPORT_FAILED, "%s", text);
    }
    report_print(&r, text, "nic");
    uint32_t lines = 0;
    const char *at = fake_console();
    const char *verdict = strstr(at, "\nnic: 84 of 168 passed\n");
    assert_non_null(verdict);
    for (const char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        assert_true(end - at <= 80);
        lines++;
    }
    assert_int_equal(lines, REPORT_LINES_MAX + 4);
    assert_true(lines <= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines_and_verdict, begin),
        cmocka_unit_test_setup(test_bounds, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
