/*
 * The part of POSIX threads that a task-per-connection server uses, over our cooperative tasks.
 * Differences from a system's threads, which such a server does not notice: nothing preempts a
 * thread until it waits, so data shared between two waits needs no lock; a thread ends when its
 * start routine returns, its result is not kept, and the stack is TASK_STACK_BYTES, whatever the
 * attributes say.
 *
 * Our functions carry names of their own in the object files: a hosted program's C library keeps
 * its threads.
 */
#ifndef RINGSIDE_PTHREAD_H
#define RINGSIDE_PTHREAD_H

#include <sys/types.h>

/* As the hosted C library may have declared them already. */
typedef unsigned long pthread_t;
typedef union pthread_attr_t pthread_attr_t;

/*
 * Starts start(arg) as a task; *thread, unless NULL, gets its number. The attributes are not
 * looked at. EAGAIN when there are too many tasks or too little memory. Returns the error number.
 */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *arg) __asm__("rs_pthread_create");

/* Every thread is born detached: 0. */
int pthread_detach(pthread_t thread) __asm__("rs_pthread_detach");

/* The running task's number; 0 on the loop itself. */
pthread_t pthread_self(void) __asm__("rs_pthread_self");

#endif
