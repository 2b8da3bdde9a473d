/*
 * Names of a packet script and what they stand for: errors, socket options, TCP states.
 */
#include <errno.h>
#include <string.h>

#include "tests/scripts/engine/script.h"

static const struct {
    const char *name;
    int value;
} errors[] = {
    {"EAGAIN", EAGAIN},
    {"EPIPE", EPIPE},
    {"ECONNRESET", ECONNRESET},
    {"ECONNREFUSED", ECONNREFUSED},
    {"ECONNABORTED", ECONNABORTED},
    {"ETIMEDOUT", ETIMEDOUT},
    {"ENOTCONN", ENOTCONN},
    {"EINPROGRESS", EINPROGRESS},
    {"EALREADY", EALREADY},
    {"EISCONN", EISCONN},
    {"EINVAL", EINVAL},
    {"EADDRINUSE", EADDRINUSE},
    {"EADDRNOTAVAIL", EADDRNOTAVAIL},
    {"EHOSTUNREACH", EHOSTUNREACH},
    {"ENETUNREACH", ENETUNREACH},
    {"EMSGSIZE", EMSGSIZE},
    {"EBADF", EBADF},
    {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},
    {"ENOBUFS", ENOBUFS},
    {"EOPNOTSUPP", EOPNOTSUPP},
    {"ENOPROTOOPT", ENOPROTOOPT},
    {"EPROTO", EPROTO},
    {"EDESTADDRREQ", EDESTADDRREQ},
};

static const char *const options[] = {
    "nodelay",         "keepalive",      "keepidle", "keepintvl", "keepcnt",
    "linger",          "rcvbuf",         "sndbuf",   "maxseg",    "error",
    "reuse",           "cork",           "quickack", "linger2",   "window_clamp",
    "user_timeout_ms", "defer_accept_s", "tos",      "ttl",
};

static const char *const states[] = {
    "CLOSED",     "LISTEN",     "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
    "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK",     "TIME_WAIT",
};

int ps_errno_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        if (strcmp(errors[i].name, name) == 0) {
            return errors[i].value;
        }
    }
    return -1;
}

const char *ps_errno_name(int err)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        if (errors[i].value == err) {
            return errors[i].name;
        }
    }
    return strerror(err);
}

static const char *word_of(const char *const *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], name) == 0) {
            return words[i];
        }
    }
    return NULL;
}

const char *ps_option_word(const char *name)
{
    return word_of(options, ARRAY_SIZE(options), name);
}

const char *ps_option_words(void)
{
    return "nodelay keepalive keepidle keepintvl keepcnt linger rcvbuf sndbuf maxseg error reuse "
           "cork quickack linger2 window_clamp user_timeout_ms defer_accept_s tos ttl";
}

const char *ps_state_word(const char *name)
{
    return word_of(states, ARRAY_SIZE(states), name);
}
