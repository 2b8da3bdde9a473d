/*
 * A server that computes: pictures of the Mandelbrot set, in doubles, as PNG files that zlib
 * compresses. Shows what an application may use beyond this tree: floating point and a static
 * library of the distribution's (app.mk). In the blocking style: a thread a client.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "apps/mandel/client.h"

enum {
    PORT_DEFAULT = 80,
    BACKLOG = 64,
    IDLE_S = 30, /* a client that sends nothing, or reads nothing, so long */
    EXIT_BAD_OPTIONS = 2,
};

static void *client_thread(void *arg)
{
    client_serve((int)(intptr_t)arg);
    return NULL;
}

static void start_client(int fd)
{
    struct timeval limit = {.tv_sec = IDLE_S};
    pthread_t thread;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (pthread_create(&thread, NULL, client_thread, (void *)(intptr_t)fd) != 0) {
        close(fd);
        return;
    }
    pthread_detach(thread);
}

static int listen_at(uint16_t port)
{
    int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_ANY);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, BACKLOG) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* "--port NUMBER" or nothing. */
static bool parse_port(int argc, char **argv, uint16_t *port)
{
    char *end;
    if (argc == 1) {
        return true;
    }
    if (argc != 3 || strcmp(argv[1], "--port") != 0 || argv[2][0] < '0' || argv[2][0] > '9') {
        return false;
    }
    unsigned long n = strtoul(argv[2], &end, 10);
    *port = (uint16_t)n;
    return *end == '\0' && n >= 1 && n <= 65535;
}

int main(int argc, char **argv)
{
    uint16_t port = PORT_DEFAULT;
    if (!parse_port(argc, argv, &port)) {
        fprintf(stderr, "mandel: --port and a whole number from 1 to 65535 are wanted\n");
        return EXIT_BAD_OPTIONS;
    }
    int listen_fd = listen_at(port);
    if (listen_fd < 0) {
        perror("mandel: listen");
        return 1;
    }
    printf("mandel: listening on port %d\n", port);
    (void)fflush(stdout);
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        if (fd >= 0) {
            start_client(fd);
        } else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
            perror("mandel: accept");
            return 1;
        } else {
            sleep(1); /* out of descriptors, perhaps: not for long */
        }
    }
}
