/*
 * Sleeping, under the names that our <time.h> and <unistd.h> give nanosleep, sleep and usleep in
 * the object files. Task context only; the time is rounded up to the timers' tick.
 */
#ifndef KERNEL_SLEEP_H
#define KERNEL_SLEEP_H

#include <time.h>

/* 0, or -1 with errno EINVAL when the request is no valid time. left is never written. */
int rs_nanosleep(const struct timespec *request, struct timespec *left);
unsigned int rs_sleep(unsigned int seconds);
int rs_usleep(unsigned int microseconds);

#endif
