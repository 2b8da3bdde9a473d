/*
 * The target's <time.h>, with nanosleep on our tasks: it parks the caller, and the others go on.
 */
#include_next <time.h>

#ifndef RINGSIDE_TIME_H
#define RINGSIDE_TIME_H

/* To the next millisecond, never early. EINVAL for a negative time. left is not written: a task's
 * sleep is never interrupted. */
int nanosleep(const struct timespec *request, struct timespec *left) __asm__("rs_nanosleep");

#endif
