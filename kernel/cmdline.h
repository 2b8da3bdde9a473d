/*
 * The kernel command line: key=value words, then after a word "--" the application's arguments.
 * A pure parser over text; the keys and what they allow are given by a table. An unknown or
 * malformed word is named on the console with what is allowed, and the default stands.
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include "kernel/base.h"

enum {
    CMDLINE_MAX_BYTES = 1024,
    CMDLINE_ARGS_MAX = 32,
};

struct cmdline_key {
    const char *name;    /* "ip" */
    const char *allowed; /* what a wrong value is told: "dhcp or ADDRESS/LENGTH" */
    /* Parses value into out (the caller's configuration). False: malformed, out unchanged. */
    bool (*parse)(const char *value, void *out);
};

struct cmdline {
    char text[CMDLINE_MAX_BYTES]; /* the words, NUL-separated; argv points into it */
    int argc;                     /* the application's arguments, argv[0] its name */
    char *argv[CMDLINE_ARGS_MAX + 1];
};

/* What to do with a word that is unknown or malformed: key (or NULL) and the word. */
typedef void cmdline_bad_fn(const char *word, const struct cmdline_key *key, void *ctx);

/*
 * Splits text and parses each word before "--" with the table. out is handed to the parsers. Bad
 * words go to bad. argv[0] is app_name. Too long a text is cut at a word and reported as bad.
 */
void cmdline_parse(struct cmdline *c, const char *text, const char *app_name,
                   const struct cmdline_key *keys, size_t key_count, void *out, cmdline_bad_fn *bad,
                   void *bad_ctx);

#endif
