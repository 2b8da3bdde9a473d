/*
 * The parser of the kernel command line: pure, over text that the user or the loader wrote and
 * that is therefore checked, never asserted. No quoting: a word ends at a blank.
 */
#include "kernel/cmdline.h"

#include <string.h>

struct reader {
    const char *at; /* the rest of the text */
    size_t used;    /* bytes of cmdline.text that are taken */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Copies the next word, NUL-terminated, into c->text. NULL at the end of the text, and also when
 * the word does not fit any more: then r->at is left on it.
 */
static char *next_word(struct cmdline *c, struct reader *r)
{
    while (is_blank(*r->at)) {
        r->at++;
    }
    size_t len = 0;
    while (r->at[len] != '\0' && !is_blank(r->at[len])) {
        len++;
    }
    if (len == 0 || len >= sizeof(c->text) - r->used) {
        return NULL;
    }
    char *word = c->text + r->used;
    memcpy(word, r->at, len);
    word[len] = '\0';
    r->at += len;
    r->used += len + 1;
    assert(r->used <= sizeof(c->text));
    return word;
}

/* The key in front of the word's '=', or NULL. A word without '=' is a key with an empty value. */
static const struct cmdline_key *find_key(const struct cmdline_key *keys, size_t count,
                                          const char *word)
{
    size_t len = strcspn(word, "=");
    for (size_t i = 0; i < count; i++) {
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, word, len) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static const char *value_of(const char *word)
{
    const char *value = word + strcspn(word, "=");
    return *value == '=' ? value + 1 : value;
}

void cmdline_parse(struct cmdline *c, const char *text, const char *app_name,
                   const struct cmdline_key *keys, size_t key_count, void *out, cmdline_bad_fn *bad,
                   void *bad_ctx)
{
    memset(c, 0, sizeof(*c));
    struct reader r = {.at = app_name, .used = 0};
    c->argv[0] = next_word(c, &r);
    assert(c->argv[0] != NULL && *r.at == '\0'); /* the build's own word */
    c->argc = 1;
    r.at = text;
    bool to_app = false;
    char *word;
    while ((word = next_word(c, &r)) != NULL) {
        if (to_app) {
            if (c->argc < CMDLINE_ARGS_MAX) {
                c->argv[c->argc++] = word;
            } else {
                bad(word, NULL, bad_ctx);
            }
        } else if (strcmp(word, "--") == 0) {
            to_app = true;
        } else {
            const struct cmdline_key *key = find_key(keys, key_count, word);
            if (key == NULL || !key->parse(value_of(word), out)) {
                bad(word, key, bad_ctx);
            }
        }
    }
    if (*r.at != '\0') {
        bad(r.at, NULL, bad_ctx); /* the text from the first word that did not fit */
    }
    c->argv[c->argc] = NULL;
}
