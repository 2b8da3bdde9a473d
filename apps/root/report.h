/*
 * A report that a person copies from a console, or photographs: plain ASCII, each line with its
 * verdict in front, between two lines of dashes.
 */
#ifndef APPS_ROOT_REPORT_H
#define APPS_ROOT_REPORT_H

#include "kernel/base.h"

enum {
    REPORT_LINES_MAX = 56, /* beside the dashes, the title and the verdict */
    REPORT_COLUMNS = 78,
};

enum report_verdict {
    REPORT_NOTE, /* neither passed nor failed */
    REPORT_PASSED,
    REPORT_FAILED,
};

struct report {
    char lines[REPORT_LINES_MAX][REPORT_COLUMNS + 1];
    uint32_t count;
    uint32_t passed, total;
};

/* Adds a line; what is too long is cut. Lines beyond the last count in the verdict alone. */
void report_add(struct report *r, enum report_verdict verdict, const char *fmt, ...)
    printf_like(3, 4);

/* Writes it to the consoles: title, lines, "name: N of M passed". Not from irq context. */
void report_print(const struct report *r, const char *title, const char *name);

#endif
