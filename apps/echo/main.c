/*
 * The echo service of RFC 862, over TCP and UDP, in the blocking style: a thread a connection, one
 * for UDP. On our stack a thread is a cooperative task, on plain Linux a real one: the source is
 * the same, and shares nothing between threads but one counter, which is therefore atomic.
 */
#include "apps/echo/echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option {
    const char *name;
    unsigned offset;
    unsigned min;
    unsigned max;
    unsigned initial;
} options_list[] = {
    {"--port", offsetof(struct echo_options, port), 1, 65535, 7},
    {"--max-connections", offsetof(struct echo_options, max_connections), 1, 4096, 64},
    {"--idle-timeout", offsetof(struct echo_options, idle_timeout_s), 1, 86400, 60},
};

enum {
    OPTION_COUNT = sizeof(options_list) / sizeof(options_list[0]),
    EXIT_BAD_OPTIONS = 2,
};

/* A decimal number from min to max and nothing behind it. */
static bool parse_number(const char *s, const struct option *o, unsigned *out)
{
    char *end = NULL;
    if (s == NULL || s[0] < '0' || s[0] > '9') {
        return false;
    }
    unsigned long n = strtoul(s, &end, 10);
    *out = (unsigned)n;
    return *end == '\0' && n >= o->min && n <= o->max;
}

/* Says what was given and what is allowed when that does not fit. */
static bool set_option(struct echo_options *out, const char *name, const char *value)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options_list[i];
        unsigned n = 0;
        if (strcmp(o->name, name) != 0) {
            continue;
        }
        if (!parse_number(value, o, &n)) {
            fprintf(stderr, "echo: %s %s: a whole number from %u to %u is wanted\n", name,
                    value != NULL ? value : "(nothing)", o->min, o->max);
            return false;
        }
        memcpy((char *)out + o->offset, &n, sizeof(n));
        return true;
    }
    fprintf(stderr,
            "echo: %s: no such option; there are --port, --max-connections and "
            "--idle-timeout\n",
            name);
    return false;
}

/* Options come in pairs of a name and a number. */
static bool parse_options(struct echo_options *out, int argc, char **argv)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        memcpy((char *)out + options_list[i].offset, &options_list[i].initial, sizeof(unsigned));
    }
    for (int i = 1; i < argc; i += 2) {
        if (!set_option(out, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct echo_options options;
    if (!parse_options(&options, argc, argv)) {
        return EXIT_BAD_OPTIONS;
    }
    /* UDP has its thread; TCP's accept() keeps this one. */
    if (!echo_udp_start(&options)) {
        return 1;
    }
    return echo_tcp_run(&options) ? 0 : 1;
}
