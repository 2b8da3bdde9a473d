/*
 * The blocking half of the POSIX layer: how a task waits for a descriptor. The socket layer below
 * never waits; it says -EAGAIN and tells a watch when to look again. Sleeping is kernel/sleep.h's.
 *
 * No wake-up is lost between the look and the wait: tasks are cooperative, and nothing of the
 * network runs in between.
 */
#include <errno.h>

#include "net/posix/call.h"

void posix_env_init(struct posix_env *env, struct net *net, uint64_t (*now_ns)(void))
{
    assert(net != NULL && now_ns != NULL);
    env->net = net;
    env->now_ns = now_ns;
    env->unyielded = 0;
}

struct posix_env *posix_env_get(void)
{
    struct posix_env *env = task_running_env();
    assert(env != NULL && env->net != NULL);
    return env;
}

ptrdiff_t posix_error(ptrdiff_t negative_errno)
{
    assert(negative_errno < 0 && negative_errno > -4096);
    errno = (int)-negative_errno;
    return -1;
}

void posix_give_turn(struct posix_env *env)
{
    env->unyielded = 0;
    task_yield();
}

uint64_t posix_deadline(const struct posix_env *env, int timeout_ms)
{
    return timeout_ms < 0 ? DEADLINE_NONE : env->now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

/* One task's wait for one descriptor; lives on the task's stack while it waits. */
struct fd_wait {
    struct sock_watch watch;
    struct wait_queue queue;
    uint32_t bits;
    bool closed;
};

static void fd_wait_fn(struct sock_watch *w, uint32_t bits)
{
    struct fd_wait *wait = container_of(w, struct fd_wait, watch);
    if (bits & SOCK_WATCH_CLOSED) {
        wait->closed = true;
    }
    if (bits & wait->bits) {
        wake_all(&wait->queue);
    }
}

int posix_wait_fd(struct posix_env *env, int fd, uint32_t bits, uint64_t deadline_ns)
{
    struct fd_wait wait = {
        .watch.fn = fd_wait_fn,
        .bits = bits | NET_READY_ERR | NET_READY_HUP | SOCK_WATCH_CLOSED,
    };
    wait_queue_init(&wait.queue);
    int err = sock_watch_add(env->net, fd, &wait.watch);
    if (err != 0) {
        return err;
    }
    env->unyielded = 0; /* the wait is a turn for all others */
    bool woken = wait_on(&wait.queue, deadline_ns);
    if (wait.closed) {
        return -EBADF; /* the watch is off already, and the number may be another socket's by now */
    }
    sock_watch_remove(env->net, fd, &wait.watch);
    return woken ? 0 : -EAGAIN;
}

struct posix_op posix_op_recv(int fd, int msg_flags)
{
    return (struct posix_op){
        .env = posix_env_get(),
        .fd = fd,
        .bits = NET_READY_IN | NET_READY_RDHUP,
        .timeout_opt = SOCK_OPT_RECV_TIMEOUT_NS,
        .dontwait = (msg_flags & MSG_DONTWAIT) != 0,
    };
}

struct posix_op posix_op_send(int fd, int msg_flags)
{
    return (struct posix_op){
        .env = posix_env_get(),
        .fd = fd,
        .bits = NET_READY_OUT,
        .timeout_opt = SOCK_OPT_SEND_TIMEOUT_NS,
        .dontwait = (msg_flags & MSG_DONTWAIT) != 0,
    };
}

/* The end of the wait counts from its start, however often the task is woken in between. */
static uint64_t op_deadline(struct posix_op *op)
{
    if (op->deadline_ns == 0) {
        int64_t timeout_ns = 0;
        int err = sock_get_opt(op->env->net, op->fd, op->timeout_opt, &timeout_ns);
        op->deadline_ns =
            err != 0 || timeout_ns == 0 ? DEADLINE_NONE : op->env->now_ns() + (uint64_t)timeout_ns;
    }
    return op->deadline_ns;
}

int posix_block(struct posix_op *op)
{
    int64_t nonblock = 0;
    int err = sock_get_opt(op->env->net, op->fd, SOCK_OPT_NONBLOCK, &nonblock);
    if (err != 0) {
        return err;
    }
    if (op->dontwait || nonblock) {
        posix_count_call(op->env, POSIX_EAGAIN_WEIGHT);
        return -EAGAIN;
    }
    return posix_wait_fd(op->env, op->fd, op->bits, op_deadline(op));
}
