/*
 * What every hosted unit test and fuzz target links instead of the kernel's own panic and log: a
 * failed assertion aborts with its place, the log is silent unless RINGSIDE_TEST_LOG is set.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/base.h"
#include "kernel/log.h"

noreturn_fn void assert_fail(const char *expr, const char *file, int line, const char *func)
{
    fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, func != NULL ? func : "",
            expr);
    abort();
}

__attribute__((weak)) void log_write(enum log_level level, const char *fmt, ...)
{
    if (getenv("RINGSIDE_TEST_LOG") == NULL) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "log %d: ", level);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}
