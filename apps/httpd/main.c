/*
 * An HTTP/1.1 server: one source for the metal, for our stack as a Linux process, and for plain
 * Linux. docs/write-a-server.md says what such a source may use.
 */
#include <stdio.h>
#include <string.h>

#include <errno.h>

#include "apps/httpd/server.h"

enum {
    EXIT_BAD_OPTIONS = 2,
};

int main(int argc, char **argv)
{
    static struct server server; /* too big for a task's stack */
    struct options options;
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_HELP:
        return 0;
    case OPTIONS_BAD:
        return EXIT_BAD_OPTIONS;
    case OPTIONS_OK:
        break;
    }
    if (!server_init(&server, &options)) {
        return 1;
    }
    while (server_turn(&server)) {
    }
    fprintf(stderr, "httpd: epoll_wait: %s\n", strerror(errno));
    server_destroy(&server);
    return 1;
}
