/*
 * The end of the road: a message, a backtrace and the newest log lines to every console, then what
 * `panic=` on the command line says: reboot (after a pause) or halt.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "kernel/base.h"

enum panic_action {
    PANIC_HALT,
    PANIC_REBOOT,
};

/* Default is PANIC_REBOOT: a box in a rack comes back. */
void panic_set_action(enum panic_action action);

/* Any context. A panic inside a panic halts at once. */
noreturn_fn void panic(const char *fmt, ...) printf_like(1, 2);

/* The last part of a panic, for the fault handler, which prints registers of its own first. */
noreturn_fn void panic_finish(void);

#endif
