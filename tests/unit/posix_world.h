/*
 * A small machine for the tests of the POSIX layer: the two joined stacks of pair.h, real
 * tasks, and a virtual clock that goes from deadline to deadline. Side 1 is where servers run.
 *
 * Checks inside tasks use assert of kernel/base.h, which aborts: a failed cmocka check would jump
 * off the task's stack.
 */
#ifndef TESTS_UNIT_POSIX_WORLD_H
#define TESTS_UNIT_POSIX_WORLD_H

#include "net/include/arpa/inet.h"
#include "net/include/netinet/in.h"
#include "net/include/sys/socket.h"
#include "net/posix/env.h"
#include "tests/sim/pair.h"

struct world {
    struct pair pair;
    struct posix_env env[2];
    char console[256]; /* what was written to it, cut */
    size_t console_len;
    uint64_t turns; /* of the loop */
};

extern struct world world;

/* cmocka's setup and teardown; the second checks that all is closed and every packet is home. */
int world_setup(void **state);
int world_teardown(void **state);

/* A task on a side; it first runs in world_run. */
void world_spawn(int side, void (*fn)(void *arg), void *arg);

/* Turns the loop until every task has ended. Aborts when all wait and nothing will ever come. */
void world_run(void);

uint64_t world_now_ms(void);

/* The last call said -1 with this errno. */
void expect_error(ptrdiff_t result, int want_errno);

/* 10.0.0.2 (side 1) or, for any, 0.0.0.0. */
struct sockaddr_in addr_of(uint32_t host, uint16_t port);
const struct sockaddr *as_addr(const struct sockaddr_in *in);

/* A listener on the running task's side; a blocking connection to side 1. */
int open_listener(uint16_t port);
int open_connection(uint16_t port);

#endif
