/*
 * Connections that are there and ask nothing, for `make bench`: opens them, asks once on each, says
 * "open N" and the seconds that it took, keeps them until its standard input ends, closes them, and
 * says "closed".
 *
 *     idle ADDRESS PORT COUNT SECONDS       SECONDS: in which all must be open
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum {
    AT_ONCE = 64, /* handshakes under way */
    EVENTS_MAX = 64,
    ANSWER_MAX_BYTES = 1024,
};

static const char request[] = "GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n";

static struct sockaddr_in to;

static int begin(int epoll)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};
    if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
        die("idle: connect");
    }
    return fd;
}

/* True when it has been answered. */
static bool turn(int epoll, const struct epoll_event *e)
{
    int fd = e->data.fd;
    if (e->events & EPOLLIN) {
        char answer[ANSWER_MAX_BYTES];
        ssize_t n = recv(fd, answer, sizeof(answer), 0);
        if (n < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0) {
            fprintf(stderr, "idle: a connection was not answered with 200\n");
            exit(1);
        }
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
        return true;
    }
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
        die("idle: send");
    }
    struct epoll_event next = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &next);
    return false;
}

static void open_all(int *fds, uint32_t count, uint64_t end_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int epoll = epoll_create1(0);
    uint32_t begun = 0, opened = 0;
    while (opened < count) {
        while (begun < count && begun - opened < AT_ONCE) {
            fds[begun++] = begin(epoll);
        }
        int n = epoll_wait(epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < n; i++) {
            opened += turn(epoll, &events[i]);
        }
        if (now_ns() > end_ns) {
            fprintf(stderr, "idle: waited for %u connections; %u are open\n", count, opened);
            exit(1);
        }
    }
    close(epoll);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: idle ADDRESS PORT COUNT SECONDS\n");
        return 2;
    }
    to = address_or_die("idle", argv[1], argv[2]);
    uint32_t count = (uint32_t)number_or_die("idle", argv[3], 1, 60000);
    uint64_t start_ns = now_ns();
    int *fds = calloc(count, sizeof(*fds));
    if (fds == NULL) {
        die("idle: no memory");
    }
    open_all(fds, count, start_ns + number_or_die("idle", argv[4], 1, 3600) * NS_PER_S);
    printf("open %u %.3f\n", count, (double)(now_ns() - start_ns) / (double)NS_PER_S);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    for (uint32_t i = 0; i < count; i++) {
        close(fds[i]);
    }
    printf("closed\n");
    return 0;
}
