/*
 * Waiting for many descriptors: poll and epoll. Each call lets the loop have one turn, so that a
 * server that always finds something ready still has the network moving, and what it wrote since
 * the last call goes out in one burst.
 */
#include "net/include/poll.h"

#include <errno.h>

#include "net/include/sys/epoll.h"
#include "net/posix/call.h"
#include "net/sock/epoll.h"

static_assert(sizeof(struct epoll_event) == sizeof(struct epoll_report), "filled in place");
static_assert(offsetof(struct epoll_event, data) == offsetof(struct epoll_report, data), "same");
static_assert((int)POLLIN == NET_READY_IN && (int)POLLRDHUP == NET_READY_RDHUP, "poll(2)'s values");
static_assert((int)EPOLLOUT == NET_READY_OUT && (int)EPOLLHUP == NET_READY_HUP,
              "epoll(7)'s values");

/*
 * A poll's wait: one queue, and for each entry a copy and a watch, on the task's stack, from before
 * others first have a turn. They may write to the caller's array or give its memory away
 * meanwhile: after the copy nothing is read from there, as in Linux, and each watch is taken off
 * what it was put on.
 */
struct poll_wait {
    struct posix_env *env;
    struct wait_queue queue;
    size_t count;
    struct poll_slot {
        struct sock_watch watch;
        struct poll_wait *wait;
        int fd;
        short events;
        short revents;
        bool closed; /* the number is free, or by now another descriptor's */
    } slots[POSIX_POLL_MAX_FDS];
};

static void poll_wait_fn(struct sock_watch *w, uint32_t bits)
{
    struct poll_slot *slot = container_of(w, struct poll_slot, watch);
    if (bits & SOCK_WATCH_CLOSED) {
        slot->closed = true;
    }
    wake_all(&slot->wait->queue);
}

static void poll_copy(struct poll_wait *wait, const struct pollfd *fds, size_t count)
{
    assert(count <= ARRAY_SIZE(wait->slots));
    wait_queue_init(&wait->queue);
    wait->count = count;
    for (size_t i = 0; i < count; i++) {
        wait->slots[i] = (struct poll_slot){
            .watch.fn = poll_wait_fn,
            .wait = wait,
            .fd = fds[i].fd,
            .events = fds[i].events,
        };
    }
}

static bool is_console(int fd)
{
    return fd >= 0 && fd < SOCK_FD_FIRST;
}

/* What is ready at one entry, in poll's terms, asked for or not. */
static int poll_bits(const struct poll_wait *wait, const struct poll_slot *slot)
{
    if (is_console(slot->fd)) {
        return POLLOUT | POLLWRNORM;
    }
    int bits = slot->closed ? -EBADF : sock_ready(wait->env->net, slot->fd);
    if (bits < 0) {
        return POLLNVAL;
    }
    return bits | (bits & POLLIN ? POLLRDNORM : 0) | (bits & POLLOUT ? POLLWRNORM : 0);
}

/* How many entries have something to report. */
static int poll_scan(struct poll_wait *wait)
{
    int found = 0;
    for (size_t i = 0; i < wait->count; i++) {
        struct poll_slot *slot = &wait->slots[i];
        int wanted = slot->events | POLLERR | POLLHUP | POLLNVAL;
        slot->revents = slot->fd < 0 ? 0 : (short)(poll_bits(wait, slot) & wanted);
        found += slot->revents != 0;
    }
    return found;
}

static void poll_watch(struct poll_wait *wait)
{
    for (size_t i = 0; i < wait->count; i++) {
        struct poll_slot *slot = &wait->slots[i];
        if (slot->fd >= SOCK_FD_FIRST) {
            slot->closed = sock_watch_add(wait->env->net, slot->fd, &slot->watch) != 0;
        }
    }
}

static void poll_unwatch(struct poll_wait *wait)
{
    for (size_t i = 0; i < wait->count; i++) {
        sock_watch_remove(wait->env->net, wait->slots[i].fd, &wait->slots[i].watch);
    }
}

/* Until there is something to report, or the deadline came. */
static int poll_wait(struct poll_wait *wait, bool waiting, uint64_t deadline_ns)
{
    int found = poll_scan(wait);
    while (found == 0 && waiting) {
        waiting = wait_on(&wait->queue, deadline_ns);
        found = poll_scan(wait);
    }
    return found;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct poll_wait wait;
    wait.env = posix_env_get();
    if (count > POSIX_POLL_MAX_FDS) {
        return (int)posix_result(-EINVAL);
    }
    if (fds == NULL && count > 0) {
        return (int)posix_result(-EFAULT);
    }
    uint64_t deadline_ns = posix_deadline(wait.env, timeout_ms);
    poll_copy(&wait, fds, count);
    poll_watch(&wait);
    posix_give_turn(wait.env);
    int found = poll_wait(&wait, timeout_ms != 0, deadline_ns);
    poll_unwatch(&wait);
    for (size_t i = 0; i < count; i++) {
        fds[i].revents = wait.slots[i].revents;
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

/*
 * The turn that each call lets the loop have is its wait, when there is nothing to report yet: then
 * one switch to the loop and back does for both. When there is something, or no time to wait, it
 * yields; a server that always finds something ready so has the network moving all the same.
 */
int epoll_wait(int ep, struct epoll_event *events, int max, int timeout_ms)
{
    struct posix_env *env = posix_env_get();
    if (events == NULL) {
        return (int)posix_result(-EFAULT);
    }
    uint64_t deadline_ns = posix_deadline(env, timeout_ms);
    bool waits = timeout_ms != 0 && max > 0 && sock_ready(env->net, ep) == 0;
    if (!waits) {
        posix_give_turn(env);
    }
    for (;;) {
        int r = waits ? 0 : epoll_collect(env->net, ep, (struct epoll_report *)events, max);
        if (r != 0 || timeout_ms == 0) {
            return (int)posix_result(r);
        }
        int err = posix_wait_fd(env, ep, NET_READY_IN, deadline_ns);
        waits = false;
        if (err == -EAGAIN) {
            timeout_ms = 0; /* one last look */
        } else if (err != 0) {
            return (int)posix_result(err);
        }
    }
}
