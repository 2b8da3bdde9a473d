/*
 * The loop, one a core, run to completion:
 *
 *     raise what is due by time -> softirqs (TIMER, NET_TX, NET_RX) within a budget -> tasks that
 *     can run -> flush the sources -> nothing pending? sleep until the earliest deadline
 *
 * A source has deadlines or output of its own: a network stack, a device.
 */
#ifndef KERNEL_LOOP_H
#define KERNEL_LOOP_H

#include "kernel/base.h"
#include "kernel/timer.h"

struct loop_source {
    struct loop_source *next;
    void *arg;
    /* Does what is due at now_ns, within bounds; returns when it wants to be called next: a time
     * not after now_ns when it left something over, for the next turn. May be NULL. */
    uint64_t (*poll)(void *arg, uint64_t now_ns);
    /* Pushes out what was gathered in this turn of the loop (a device's tail write). May be NULL.
     */
    void (*flush)(void *arg, uint64_t now_ns);
    /* The loop is about to sleep: from here on an interrupt must wake it. What is there already is
     * raised (napi_schedule), and the loop stays awake. May be NULL. */
    void (*listen)(void *arg);
};

/* Sources are polled and flushed in the order they were added. */
void loop_add_source(struct loop_source *s);

/* The kernel's own timers: sleeping tasks, watchdogs. */
struct timer_wheel *loop_timers(void);

/* Never returns, except when loop_stop was called (hosted programs): then returns its code. */
int loop_run(void);
void loop_stop(int exit_code);

struct loop_stats {
    uint64_t turns;
    uint64_t waits;      /* times it slept */
    uint64_t busy_polls; /* times the busy poll found work and saved an interrupt */
    uint64_t vain_polls; /* times it found none */
};
/* No task runs from the next turn on, for ever: the sources finish alone. From a source's poll. */
void loop_hold_tasks(void);

const struct loop_stats *loop_stats(void);

#endif
