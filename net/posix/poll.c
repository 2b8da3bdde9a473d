/*
 * Waiting for many descriptors: poll and epoll. Each call first lets the loop have one turn, so
 * that a server that always finds something ready still has the network moving, and what it wrote
 * since the last call goes out in one burst.
 */
#include "net/include/poll.h"

#include <errno.h>

#include "net/epoll.h"
#include "net/include/sys/epoll.h"
#include "net/posix/call.h"

static_assert(sizeof(struct epoll_event) == sizeof(struct epoll_report), "filled in place");
static_assert(offsetof(struct epoll_event, data) == offsetof(struct epoll_report, data), "same");
static_assert((int)POLLIN == NET_READY_IN && (int)POLLRDHUP == NET_READY_RDHUP, "poll(2)'s values");
static_assert((int)EPOLLOUT == NET_READY_OUT && (int)EPOLLHUP == NET_READY_HUP,
              "epoll(7)'s values");

/* One turn of the loop for everybody else. */
static void give_turn(struct posix_env *env)
{
    env->unyielded = 0;
    task_yield();
}

/* A poll's wait: one queue, one watch a descriptor. On the task's stack while it waits. */
struct poll_wait {
    struct wait_queue queue;
    struct poll_slot {
        struct sock_watch watch;
        struct poll_wait *wait;
    } slots[POSIX_POLL_MAX_FDS];
};

static void poll_wait_fn(struct sock_watch *w, uint32_t bits)
{
    wake_all(&container_of(w, struct poll_slot, watch)->wait->queue);
}

static bool is_console(int fd)
{
    return fd >= 0 && fd < SOCK_FD_FIRST;
}

/* What is ready at one entry, in poll's terms, asked for or not. */
static int poll_bits(struct posix_env *env, int fd)
{
    if (is_console(fd)) {
        return POLLOUT | POLLWRNORM;
    }
    int bits = sock_ready(env->net, fd);
    if (bits < 0) {
        return POLLNVAL;
    }
    return bits | (bits & POLLIN ? POLLRDNORM : 0) | (bits & POLLOUT ? POLLWRNORM : 0);
}

static int poll_scan(struct posix_env *env, struct pollfd *fds, size_t count)
{
    int found = 0;
    for (size_t i = 0; i < count; i++) {
        int wanted = fds[i].events | POLLERR | POLLHUP | POLLNVAL;
        fds[i].revents = fds[i].fd < 0 ? 0 : (short)(poll_bits(env, fds[i].fd) & wanted);
        found += fds[i].revents != 0;
    }
    return found;
}

/* Parks the task until anything happens to one of them. False: the deadline came. */
static bool poll_park(struct posix_env *env, const struct pollfd *fds, size_t count,
                      uint64_t deadline_ns)
{
    struct poll_wait wait;
    assert(count <= ARRAY_SIZE(wait.slots));
    wait_queue_init(&wait.queue);
    for (size_t i = 0; i < count; i++) {
        struct poll_slot *slot = &wait.slots[i];
        slot->watch = (struct sock_watch){.fn = poll_wait_fn};
        slot->wait = &wait;
        if (fds[i].fd >= SOCK_FD_FIRST) {
            int err = sock_watch_add(env->net, fds[i].fd, &slot->watch);
            assert(err == 0); /* just scanned: a stale one would have been POLLNVAL */
        }
    }
    bool woken = wait_on(&wait.queue, deadline_ns);
    for (size_t i = 0; i < count; i++) {
        sock_watch_remove(env->net, fds[i].fd, &wait.slots[i].watch);
    }
    return woken;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct posix_env *env = posix_env_get();
    if (count > POSIX_POLL_MAX_FDS) {
        return (int)posix_result(-EINVAL);
    }
    if (fds == NULL && count > 0) {
        return (int)posix_result(-EFAULT);
    }
    uint64_t deadline_ns = posix_deadline(env, timeout_ms);
    give_turn(env);
    int found = poll_scan(env, fds, count);
    bool waiting = timeout_ms != 0;
    while (found == 0 && waiting) {
        waiting = poll_park(env, fds, count, deadline_ns);
        found = poll_scan(env, fds, count);
    }
    return found;
}

int epoll_create1(int flags)
{
    struct posix_env *env = posix_env_get();
    if (flags & ~EPOLL_CLOEXEC) {
        return (int)posix_result(-EINVAL);
    }
    return (int)posix_result(epoll_open(env->net, env->now_ns()));
}

int epoll_create(int size)
{
    return size <= 0 ? (int)posix_result(-EINVAL) : epoll_create1(0);
}

int epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
    struct posix_env *env = posix_env_get();
    struct epoll_report want = {0};
    if (event == NULL && op != EPOLL_CTL_DEL) {
        return (int)posix_result(-EFAULT);
    }
    if (event != NULL) {
        want.events = event->events;
        want.data = event->data.u64;
    }
    return (int)posix_result(epoll_control(env->net, ep, (enum epoll_op)op, fd, &want));
}

int epoll_wait(int ep, struct epoll_event *events, int max, int timeout_ms)
{
    struct posix_env *env = posix_env_get();
    if (events == NULL) {
        return (int)posix_result(-EFAULT);
    }
    uint64_t deadline_ns = posix_deadline(env, timeout_ms);
    give_turn(env);
    for (;;) {
        int r = epoll_collect(env->net, ep, (struct epoll_report *)events, max);
        if (r != 0 || timeout_ms == 0) {
            return (int)posix_result(r);
        }
        int err = posix_wait_fd(env, ep, NET_READY_IN, deadline_ns);
        if (err == -EAGAIN) {
            timeout_ms = 0; /* one last look */
        } else if (err != 0) {
            return (int)posix_result(err);
        }
    }
}
