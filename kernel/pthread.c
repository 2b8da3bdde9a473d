/*
 * POSIX threads over tasks: see kernel/include/pthread.h and sched.h for what is promised.
 */
#include "kernel/include/pthread.h"
#include "kernel/include/sched.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/base.h"
#include "kernel/task.h"

struct start {
    void *(*routine)(void *);
    void *arg;
};

/* A task's function returns nothing, a thread's returns a result that nobody asks for. */
static void thread_main(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    (void)start.routine(start.arg);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *arg)
{
    (void)attributes;
    assert(start != NULL);
    struct start *record = malloc(sizeof(*record));
    if (record == NULL) {
        return EAGAIN;
    }
    *record = (struct start){.routine = start, .arg = arg};
    if (task_create("thread", thread_main, record) != STATUS_OK) {
        free(record);
        return EAGAIN;
    }
    if (thread != NULL) {
        *thread = (pthread_t)task_stats()->created; /* the number of the newest task */
    }
    return 0;
}

int pthread_detach(pthread_t thread)
{
    (void)thread;
    return 0;
}

pthread_t pthread_self(void)
{
    struct task *t = task_current();
    return t != NULL ? (pthread_t)task_id(t) : 0;
}

int sched_yield(void)
{
    task_yield();
    return 0;
}
