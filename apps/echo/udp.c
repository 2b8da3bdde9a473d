/*
 * Echo over UDP (RFC 862): every datagram goes back whence it came.
 */
#include "apps/echo/echo.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX_BYTES = 65507, /* 65535 less the IPv4 and the UDP header */
    PORT_MIN_REPLY = 1024,
};

struct sockaddr_in echo_address(const struct echo_options *o)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
    a.sin_addr.s_addr = htonl(INADDR_ANY);
    return a;
}

bool echo_fail(const char *what)
{
    fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
    return false;
}

/*
 * Two echo services told to answer each other would never stop (CERT CA-1996-01): a datagram from a
 * port below 1024, where such services live, is not answered.
 */
static bool deserves_reply(const struct sockaddr_in *from)
{
    return ntohs(from->sin_port) >= PORT_MIN_REPLY;
}

/* Ends only when the socket is no more: a datagram's error concerns that one alone. */
static void *udp_thread(void *arg)
{
    static char datagram[DATAGRAM_MAX_BYTES]; /* one such thread: too big for its stack */
    int fd = (int)(intptr_t)arg;
    assert(fd >= 0);
    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        ssize_t n =
            recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &from_len);
        if (n >= 0 && deserves_reply(&from)) {
            /* Lost is lost: UDP promises no more, and the next datagram should not wait. */
            (void)sendto(fd, datagram, (size_t)n, 0, (struct sockaddr *)&from, from_len);
        } else if (n < 0 && (errno == EBADF || errno == ENOTSOCK || errno == EINVAL)) {
            echo_fail("recvfrom");
            return NULL;
        }
    }
}

bool echo_udp_start(const struct echo_options *o)
{
    struct sockaddr_in a = echo_address(o);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) {
        return echo_fail("UDP socket");
    }
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        echo_fail("UDP bind");
        close(fd);
        return false;
    }
    pthread_t thread;
    int error = pthread_create(&thread, NULL, udp_thread, (void *)(intptr_t)fd);
    if (error != 0) {
        errno = error;
        echo_fail("UDP thread");
        close(fd);
        return false;
    }
    pthread_detach(thread);
    return true;
}
