/*
 * What the POSIX calls of a task stand on: the stack they work with and its clock. The program
 * around (the composition root) owns one, initialises it and hangs it on its first task with
 * task_set_env(); tasks made by that one inherit it. Several environments, each with a stack of
 * its own, may exist in one program.
 */
#ifndef NET_POSIX_ENV_H
#define NET_POSIX_ENV_H

#include "kernel/base.h"

struct net;

struct posix_env {
    struct net *net;          /* [I] */
    uint64_t (*now_ns)(void); /* [I] the clock net is driven by, and the tasks' deadlines */
    uint32_t unyielded;       /* weight of the calls since the loop last had its turn */
};

/* net and now_ns must live as long as env. */
void posix_env_init(struct posix_env *env, struct net *net, uint64_t (*now_ns)(void));

#endif
