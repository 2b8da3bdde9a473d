/*
 * The lines of a report, and the verdict under them.
 */
#include "apps/root/report.h"

#include <stdio.h>
#include <string.h>

#include "kernel/log.h"

static const char *const marks[] = {
    [REPORT_NOTE] = "  -   ", [REPORT_PASSED] = "  ok  ", [REPORT_FAILED] = "FAILED"};

void report_add(struct report *r, enum report_verdict verdict, const char *fmt, ...)
{
    r->passed += verdict == REPORT_PASSED ? 1 : 0;
    r->total += verdict != REPORT_NOTE ? 1 : 0;
    if (r->count == REPORT_LINES_MAX) {
        return;
    }
    char *line = r->lines[r->count++];
    int mark = snprintf(line, REPORT_COLUMNS + 1, "%s ", marks[verdict]);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + mark, REPORT_COLUMNS + 1 - (size_t)mark, fmt, ap);
    va_end(ap);
}

static void print_line(const char *text)
{
    char line[REPORT_COLUMNS + 2];
    int len = snprintf(line, sizeof(line), "%.*s\n", REPORT_COLUMNS, text);
    log_console_write(line, min_size((size_t)len, sizeof(line) - 1));
}

void report_print(const struct report *r, const char *title, const char *name)
{
    char dashes[REPORT_COLUMNS + 1];
    char verdict[REPORT_COLUMNS + 1];
    memset(dashes, '-', REPORT_COLUMNS);
    dashes[REPORT_COLUMNS] = '\0';
    print_line(dashes);
    print_line(title);
    for (uint32_t i = 0; i < r->count; i++) {
        print_line(r->lines[i]);
    }
    snprintf(verdict, sizeof(verdict), "%s: %u of %u passed", name, r->passed, r->total);
    print_line(verdict);
    print_line(dashes);
}
