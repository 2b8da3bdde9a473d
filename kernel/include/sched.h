/*
 * POSIX <sched.h>, the one call of it that a server which computes for long needs: on our stack
 * nothing else runs until a task waits, or says that others may.
 */
#ifndef RINGSIDE_SCHED_H
#define RINGSIDE_SCHED_H

/* Every other task that can run, and the network, run first. 0. From a task. */
int sched_yield(void) __asm__("rs_sched_yield");

#endif
