/*
 * Packet scripts: socket calls and what is expected of them. See tests/scripts/README.md.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/scripts/engine/lex.h"

static const char *const verbs[] = {
    [PS_SOCKET] = "socket", [PS_BIND] = "bind",         [PS_LISTEN] = "listen",
    [PS_ACCEPT] = "accept", [PS_CONNECT] = "connect",   [PS_SEND] = "send",
    [PS_RECV] = "recv",     [PS_SHUTDOWN] = "shutdown", [PS_CLOSE] = "close",
    [PS_SETOPT] = "setopt", [PS_GETOPT] = "getopt",     [PS_READY] = "ready",
    [PS_STATE] = "state",
};

bool ps_is_verb(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (strcmp(verbs[i], word) == 0) {
            return true;
        }
    }
    return false;
}

int ps_sock_named(struct ps_lexer *x, const char *name, bool fresh)
{
    struct ps_script *s = x->script;
    for (size_t i = 0; i < s->sock_count; i++) {
        if (strcmp(s->sock_names[i], name) == 0) {
            return (int)i;
        }
    }
    if (!fresh) {
        ps_error(x, "socket '%s' is not known; socket, accept, listening and established make one",
                 name);
        return -1;
    }
    if (s->sock_count == PS_NAMES_MAX) {
        ps_error(x, "more than %d sockets", PS_NAMES_MAX);
        return -1;
    }
    memcpy(s->sock_names[s->sock_count], name, PS_NAME_BYTES);
    return (int)s->sock_count++;
}

static bool read_sock(struct ps_lexer *x, bool fresh, int *out)
{
    char name[PS_NAME_BYTES] = {0};
    if (!ps_read_name(x, "socket", name)) {
        return false;
    }
    *out = ps_sock_named(x, name, fresh);
    return *out >= 0;
}

/* [conn NAME] */
static bool parse_connect(struct ps_lexer *x, struct ps_call *c)
{
    char name[PS_NAME_BYTES] = {0};
    c->conn = PS_CONN_OUT;
    if (!ps_take(x, "conn")) {
        return true;
    }
    if (!ps_read_name(x, "connection", name)) {
        return false;
    }
    c->conn = ps_conn_named(x, name);
    return c->conn >= 0;
}

static bool parse_send(struct ps_lexer *x, struct ps_call *c)
{
    int64_t len = 0;
    bool good;
    if (ps_take(x, "len")) {
        good = ps_read_int(x, "len", 0, PS_DATA_MAX, &len);
        c->len = (size_t)len;
    } else {
        good = ps_read_string(x, &c->data, &c->len);
    }
    if (good && ps_take(x, "more")) {
        c->flags |= PS_MSG_MORE;
    }
    return good;
}

static bool parse_recv(struct ps_lexer *x, struct ps_call *c)
{
    int64_t len = 0;
    bool good = ps_read_int(x, "how much to receive", 0, PS_DATA_MAX, &len);
    c->len = (size_t)len;
    if (good && ps_take(x, "peek")) {
        c->flags |= PS_MSG_PEEK;
    }
    return good;
}

static bool parse_shutdown(struct ps_lexer *x, struct ps_call *c)
{
    static const char *const hows[] = {"rd", "wr", "rdwr"};
    for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
        if (ps_take(x, hows[i])) {
            c->number = (int64_t)i;
            return true;
        }
    }
    return ps_error(x, "shutdown: '%s'; allowed are rd, wr, rdwr", ps_peek(x)->text);
}

static bool parse_option_name(struct ps_lexer *x, struct ps_call *c)
{
    const struct ps_token *t = ps_next(x);
    c->word = ps_option_word(t->text);
    if (c->word == NULL) {
        return ps_error(x, "'%s' is no socket option; allowed are %s", t->text, ps_option_words());
    }
    return c->verb == PS_GETOPT || ps_read_int(x, c->word, INT32_MIN, INT32_MAX, &c->number);
}

static bool parse_arguments(struct ps_lexer *x, struct ps_call *c)
{
    switch (c->verb) {
    case PS_BIND:
        return ps_read_int(x, "port", 0, 65535, &c->number);
    case PS_LISTEN:
        return ps_read_int(x, "backlog", -1, 100000, &c->number);
    case PS_ACCEPT:
        return read_sock(x, true, &c->other);
    case PS_CONNECT:
        return parse_connect(x, c);
    case PS_SEND:
        return parse_send(x, c);
    case PS_RECV:
        return parse_recv(x, c);
    case PS_SHUTDOWN:
        return parse_shutdown(x, c);
    case PS_SETOPT:
    case PS_GETOPT:
        return parse_option_name(x, c);
    default:
        return true;
    }
}

static bool parse_ready(struct ps_lexer *x, struct ps_call *c)
{
    static const struct {
        const char *name;
        int bit;
    } bits[] = {{"in", PS_READY_IN},   {"out", PS_READY_OUT},     {"err", PS_READY_ERR},
                {"hup", PS_READY_HUP}, {"rdhup", PS_READY_RDHUP}, {"none", 0}};
    c->want = PS_WANT_NUMBER;
    while (!ps_at_end(x)) {
        size_t i = 0;
        while (i < ARRAY_SIZE(bits) && !ps_take(x, bits[i].name)) {
            i++;
        }
        if (i == ARRAY_SIZE(bits)) {
            return ps_error(x, "ready: '%s'; allowed are in out err hup rdhup none",
                            ps_peek(x)->text);
        }
        c->want_number |= bits[i].bit;
    }
    return true;
}

/* Behind the = sign. */
static bool parse_result(struct ps_lexer *x, struct ps_call *c)
{
    int64_t len = 0;
    if (c->verb == PS_READY) {
        return parse_ready(x, c);
    }
    if (ps_peek(x)->kind == PS_TOKEN_STRING) {
        c->want = PS_WANT_BYTES;
        return ps_read_string(x, &c->want_data, &c->want_len);
    }
    if (ps_take(x, "len")) {
        c->want = PS_WANT_BYTES;
        bool good = ps_read_int(x, "len", 1, PS_DATA_MAX, &len);
        c->want_len = (size_t)len;
        return good;
    }
    if (ps_take(x, "*")) {
        c->want = PS_WANT_ANY;
        return true;
    }
    const struct ps_token *t = ps_peek(x);
    int err = ps_errno_of(t->text);
    if (err >= 0) {
        ps_next(x);
        c->want = c->verb == PS_GETOPT ? PS_WANT_NUMBER : PS_WANT_ERRNO;
        c->want_number = err;
        return true;
    }
    if (t->text[0] == 'E') {
        return ps_error(x, "'%s' is no errno that scripts know (tables.c lists them)", t->text);
    }
    c->want = PS_WANT_NUMBER;
    return ps_read_int(x, "result", INT32_MIN, INT32_MAX, &c->want_number);
}

static bool parse_state(struct ps_lexer *x, struct ps_call *c)
{
    const struct ps_token *t = ps_take(x, "=") ? ps_next(x) : NULL;
    c->word = t != NULL ? ps_state_word(t->text) : NULL;
    return c->word != NULL || ps_error(x, "state S = STATE, as ESTABLISHED or CLOSE_WAIT");
}

bool ps_parse_call(struct ps_lexer *x, struct ps_call *c)
{
    const char *word = ps_next(x)->text;
    *c = (struct ps_call){.verb = PS_SOCKET};
    while (strcmp(verbs[c->verb], word) != 0) {
        c->verb++;
    }
    if (!read_sock(x, c->verb == PS_SOCKET, &c->sock) || !parse_arguments(x, c)) {
        return false;
    }
    if (c->verb == PS_STATE) {
        return parse_state(x, c);
    }
    bool needs = c->verb == PS_RECV || c->verb == PS_GETOPT || c->verb == PS_READY;
    if (ps_take(x, "=")) {
        return parse_result(x, c);
    }
    return !needs || ps_error(x, "%s: `= RESULT` is wanted", word);
}
