/*
 * The C library for the metal: struct timeval, which socket time-outs are given in.
 */
#ifndef LIBC_SYS_TIME_H
#define LIBC_SYS_TIME_H

#include "kernel/libc/sys/types.h"

struct timeval {
    time_t tv_sec;
    suseconds_t tv_usec;
};

int gettimeofday(struct timeval *restrict out, void *restrict zone); /* zone is not used */

#endif
