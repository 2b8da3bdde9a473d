/*
 * The command line of the server.
 */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H

#include <stdint.h>

struct options {
    uint32_t port;
    uint32_t max_connections;
    uint32_t buffers; /* 0: one for eight connections, or fewer: server.h */
    uint32_t idle_timeout_s;
    uint32_t head_timeout_s;
    uint32_t body_timeout_s;
};

enum options_result {
    OPTIONS_OK,
    OPTIONS_BAD,  /* said what and why on stderr, and what there is */
    OPTIONS_HELP, /* help was asked for and given on stdout */
};

/* Fills all of out: with what argv says, else with the defaults. "--name value" and "--name=value".
 */
enum options_result options_parse(struct options *out, int argc, char **argv);

#endif
