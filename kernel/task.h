/*
 * Cooperative tasks with guarded stacks. A task runs until it waits, yields or ends; nothing
 * preempts it, so data shared between tasks needs no lock between two waits. Not for irq context.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include "kernel/base.h"
#include "kernel/list.h"
#include "kernel/timer.h"

enum {
    TASK_STACK_BYTES = 32 * 1024,
    TASK_NAME_MAX = 16,
};

struct task;

struct wait_queue {
    struct list waiters;
};

/*
 * max tasks may exist at once, and wait for deadlines on timers, which is borrowed for ever; stacks
 * are made on first use and reused. From the loop's core.
 */
void task_init(uint32_t max, struct timer_wheel *timers);

/*
 * Starts fn(arg) on a stack of its own; it first runs on a later turn of the loop. The task ends
 * when fn returns. The name is copied and cut. The new task inherits the creator's environment.
 * STATUS_NO_MEMORY when there are max tasks or no memory for a stack.
 */
enum status task_create(const char *name, void (*fn)(void *arg), void *arg) must_check;

/* The running task, or NULL on the loop itself. */
struct task *task_current(void);
const char *task_name(const struct task *t);

/*
 * A number of its own for every task ever created, from 1; equals task_stats()->created just after
 * its creation.
 */
uint64_t task_id(const struct task *t);

/* One pointer a task carries for the program above (the sockets' process); inherited. */
void *task_env(void);
void *task_running_env(void); /* NULL on the loop itself */
void task_set_env(void *env);

/* The running task's errno. On the loop itself a spare one. */
int *task_errno(void);

/* Lets every other runnable task and the softirqs run first. */
void task_yield(void);

/* Sleeps until deadline_ns. */
void task_sleep_until(uint64_t deadline_ns);

void wait_queue_init(struct wait_queue *q);

/*
 * Parks the running task on q until woken or until deadline_ns (DEADLINE_NONE: for ever). True when
 * woken, false when the deadline came. Wake-ups are hints: the caller checks its condition again.
 */
bool wait_on(struct wait_queue *q, uint64_t deadline_ns);

/* From tasks, softirqs and timers; not from irq context. */
void wake_one(struct wait_queue *q);
void wake_all(struct wait_queue *q);

/* Runs every task that was runnable at the call, once each. The loop calls it. */
void task_run_ready(void);
bool task_any_ready(void);

struct task_stats {
    uint32_t count;
    uint32_t high;
    uint32_t max;
    uint64_t created;
    uint64_t refused;
    uint64_t switches;
};
const struct task_stats *task_stats(void);

#endif
