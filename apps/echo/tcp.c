/*
 * Echo over TCP (RFC 862): what comes in goes out, until the client closes. Straight-line code:
 * each connection has a thread, and recv() and send() wait.
 */
#include "apps/echo/echo.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    BACKLOG = 64,
    COPY_BYTES = 8 * 1024, /* on the thread's stack, which has 32 KiB on our stack */
    ACCEPT_RETRY_S = 1,
};

/* How many connections run. Threads end on their own, so the count is changed atomically. */
static struct {
    unsigned count;
} connections;

/* Returns the new count. The order of other memory does not matter: nothing hangs on it. */
static unsigned connections_add(int delta)
{
    return __atomic_add_fetch(&connections.count, (unsigned)delta, __ATOMIC_RELAXED);
}

/* send() may take less than it was given. False when the client is gone or stopped reading. */
static bool send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        assert((size_t)n <= len);
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* The life of a connection, from top to bottom. The descriptor is this thread's alone. */
static void *connection_thread(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char bytes[COPY_BYTES];
    assert(fd >= 0);
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || !send_all(fd, bytes, (size_t)n)) {
            break; /* 0: all was echoed and the client is done; below: an error or the time-out */
        }
    }
    close(fd);
    connections_add(-1);
    return NULL;
}

/* The time-outs make the thread's waits end, and so the thread, when the client is silent. */
static void connection_start(const struct echo_options *o, int fd)
{
    struct timeval limit = {.tv_sec = (time_t)o->idle_timeout_s};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    pthread_t thread;
    if (connections_add(1) > o->max_connections ||
        pthread_create(&thread, NULL, connection_thread, (void *)(intptr_t)fd) != 0) {
        connections_add(-1);
        close(fd);
        return;
    }
    pthread_detach(thread);
}

static int tcp_listen(const struct echo_options *o)
{
    int one = 1;
    struct sockaddr_in a = echo_address(o);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) {
        echo_fail("TCP socket");
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, BACKLOG) != 0) {
        echo_fail("TCP bind");
        close(fd);
        return -1;
    }
    return fd;
}

/* True when accept() failed for a reason that a later try may not meet. */
static bool accept_may_recover(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        sleep(ACCEPT_RETRY_S); /* until connections end; without it this would spin */
        return true;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return false;
    default:
        return true; /* the error of one connection, which is gone */
    }
}

bool echo_tcp_run(const struct echo_options *o)
{
    int listen_fd = tcp_listen(o);
    if (listen_fd < 0) {
        return false;
    }
    printf("echo: listening on port %u, TCP and UDP, %u connections\n", o->port,
           o->max_connections);
    fflush(stdout);
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        if (fd >= 0) {
            connection_start(o, fd);
        } else if (!accept_may_recover(errno)) {
            echo_fail("accept");
            close(listen_fd);
            return false;
        }
    }
}
