/*
 * Options from one table: name, limits, default, meaning.
 */
#include "apps/httpd/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct option {
    const char *name;
    size_t offset;
    uint32_t min;
    uint32_t max;
    uint32_t initial;
    const char *help;
} options[] = {
    {"--port", offsetof(struct options, port), 1, 65535, 80, "TCP port to listen on"},
    {"--max-connections", offsetof(struct options, max_connections), 16, 65536, 4096,
     "connections at once; halved until it fits the memory"},
    {"--buffers", offsetof(struct options, buffers), 0, 65536, 0,
     "buffers of 32 KiB for bytes that wait; 0: one for eight connections, or fewer"},
    {"--idle-timeout", offsetof(struct options, idle_timeout_s), 1, 86400, 60,
     "seconds a connection may wait between requests"},
    {"--header-timeout", offsetof(struct options, head_timeout_s), 1, 3600, 10,
     "seconds a request's head may take"},
    {"--body-timeout", offsetof(struct options, body_timeout_s), 1, 3600, 30,
     "seconds without a byte of a body coming or going"},
};

enum {
    OPTION_COUNT = sizeof(options) / sizeof(options[0]),
};

static void print_usage(FILE *to)
{
    fprintf(to, "httpd: an HTTP/1.1 server; its options, as --name N or --name=N:\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        fprintf(to, "  %s N   %s (%u to %u, default %u)\n", o->name, o->help, (unsigned)o->min,
                (unsigned)o->max, (unsigned)o->initial);
    }
}

/* On the metal this is the console, and what it says ends there with the machine's halt. */
static enum options_result refuse(void)
{
    print_usage(stderr);
    return OPTIONS_BAD;
}

/* arg is "--name" or "--name=..."; *value is then what follows "=", else NULL. */
static const struct option *option_find(const char *arg, const char **value)
{
    const char *equals = strchr(arg, '=');
    size_t len = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0) {
            *value = equals != NULL ? equals + 1 : NULL;
            return &options[i];
        }
    }
    return NULL;
}

/* Digits and nothing else; stops before it could overflow. */
static bool parse_number(const char *s, uint32_t max, uint32_t *out)
{
    uint64_t n = 0;
    const char *c = s;
    for (; *c >= '0' && *c <= '9' && n <= max; c++) {
        n = n * 10 + (uint64_t)(*c - '0');
    }
    *out = (uint32_t)n;
    return c != s && *c == '\0' && n <= max;
}

/* Says what was given and what is allowed when that does not fit. */
static bool option_set(struct options *out, const struct option *o, const char *value)
{
    uint32_t n = 0;
    if (value == NULL || !parse_number(value, o->max, &n) || n < o->min) {
        fprintf(stderr, "httpd: %s %s: a whole number from %u to %u is wanted\n", o->name,
                value != NULL ? value : "(nothing)", (unsigned)o->min, (unsigned)o->max);
        return false;
    }
    memcpy((char *)out + o->offset, &n, sizeof(n));
    return true;
}

enum options_result options_parse(struct options *out, int argc, char **argv)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        memcpy((char *)out + options[i].offset, &options[i].initial, sizeof(uint32_t));
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_usage(stdout);
            return OPTIONS_HELP;
        }
        const char *value = NULL;
        const struct option *o = option_find(argv[i], &value);
        if (o == NULL) {
            fprintf(stderr, "httpd: %s: no such option\n", argv[i]);
            return refuse();
        }
        if (value == NULL && i + 1 < argc) {
            value = argv[++i];
        }
        if (!option_set(out, o, value)) {
            return refuse();
        }
    }
    return OPTIONS_OK;
}
