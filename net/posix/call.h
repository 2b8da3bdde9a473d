/*
 * What the files of the POSIX layer share: from a task to its environment, from a negative errno to
 * -1, and waiting. Not for applications.
 */
#ifndef NET_POSIX_CALL_H
#define NET_POSIX_CALL_H

#include "kernel/base.h"
#include "kernel/task.h"
#include "net/include/sys/socket.h"
#include "net/posix/env.h"
#include "net/sock/sock.h"

enum {
    /*
     * Tasks are cooperative, and the network moves only between their turns. So that a task that
     * never has to wait does not stop the network, its calls add up, and at this weight the task
     * yields once. A call that would have blocked weighs more: it hints at a spinning loop; one to
     * the console by its bytes, of which a serial line takes 11 in a millisecond.
     */
    POSIX_TURN_WEIGHT = 256,
    POSIX_CALL_WEIGHT = 1,
    POSIX_CONSOLE_BYTES = 8, /* weigh as much as a call */
    POSIX_EAGAIN_WEIGHT = 8,
    POSIX_LINGER_SLICE_MS = 10, /* how often a lingering close looks */
    POSIX_POLL_MAX_FDS = 128,   /* of one poll(): its watches live on the task's stack */
};

/* The running task's environment. Asserts that there is a task and that it has one. */
struct posix_env *posix_env_get(void);

/* errno, and -1. */
ptrdiff_t posix_error(ptrdiff_t negative_errno);

/* A count or 0 goes through; a negative errno value becomes errno and -1. */
static inline ptrdiff_t posix_result(ptrdiff_t r)
{
    return likely(r >= 0) ? r : posix_error(r);
}

/* One turn of the loop for the network and the other tasks. */
void posix_give_turn(struct posix_env *env);

/* Adds to the weight of calls that did not wait; lets the loop have a turn when it is due. */
static inline void posix_count_call(struct posix_env *env, uint32_t weight)
{
    env->unyielded += weight;
    if (unlikely(env->unyielded >= POSIX_TURN_WEIGHT)) {
        posix_give_turn(env);
    }
}

/* now + ms, or never for negative ms. */
uint64_t posix_deadline(const struct posix_env *env, int timeout_ms);

/*
 * Parks the task until one of bits (or an error or a hang-up) comes to fd. 0: look again; -EBADF:
 * the descriptor was or is closed; -EAGAIN: deadline_ns came.
 */
int posix_wait_fd(struct posix_env *env, int fd, uint32_t bits, uint64_t deadline_ns);

/* A call that may block: what it waits for, and under which conditions it does. */
struct posix_op {
    struct posix_env *env;
    int fd;
    uint32_t bits;             /* enum net_ready */
    enum sock_opt timeout_opt; /* SOCK_OPT_RECV_TIMEOUT_NS or SOCK_OPT_SEND_TIMEOUT_NS */
    bool dontwait;             /* MSG_DONTWAIT */
    uint64_t deadline_ns;      /* 0: not known yet */
};

struct posix_op posix_op_recv(int fd, int msg_flags);
struct posix_op posix_op_send(int fd, int msg_flags);

/*
 * After a -EAGAIN: waits as the descriptor and the flags allow. 0: try again; else the error to
 * return (-EAGAIN: non-blocking, or the time-out came; -EBADF: closed meanwhile).
 */
int posix_block(struct posix_op *op);

/*
 * A user's address to ours. -EFAULT, -EINVAL (too short), -EAFNOSUPPORT. Only when the descriptor
 * is a socket, else its error: a stale descriptor comes first.
 */
int posix_addr_in(struct posix_env *env, int fd, const struct sockaddr *addr, socklen_t len,
                  struct sock_addr *out);

/* -EFAULT unless both are there or addr is NULL: asked before anything is done. */
int posix_addr_check(const struct sockaddr *addr, const socklen_t *len);

/* Ours to a user's, cut to *len, which becomes the real length. addr may be NULL. */
void posix_addr_out(const struct sock_addr *a, struct sockaddr *addr, socklen_t *len);

#endif
