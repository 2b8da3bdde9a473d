/*
 * Options in POSIX terms: setsockopt, getsockopt, fcntl, ioctl. A table says which option of which
 * level is which of the socket layer's, and how its value looks; what is not in it is ENOPROTOOPT.
 */
#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "net/include/fcntl.h"
#include "net/include/netinet/in.h"
#include "net/include/netinet/tcp.h"
#include "net/include/sys/ioctl.h"
#include "net/posix/opt_tcp.h"

enum opt_form {
    FORM_BOOL,
    FORM_INT,
    FORM_LINGER,
    FORM_TIME,
};

struct opt_entry {
    int level;
    int name;
    enum sock_opt opt;
    enum opt_form form;
};

static const struct opt_entry OPTIONS[] = {
    {SOL_SOCKET, SO_REUSEADDR, SOCK_OPT_REUSEADDR, FORM_BOOL},
    {SOL_SOCKET, SO_TYPE, SOCK_OPT_TYPE, FORM_INT},
    {SOL_SOCKET, SO_ERROR, SOCK_OPT_ERROR, FORM_INT},
    {SOL_SOCKET, SO_BROADCAST, SOCK_OPT_BROADCAST, FORM_BOOL},
    {SOL_SOCKET, SO_SNDBUF, SOCK_OPT_SNDBUF, FORM_INT},
    {SOL_SOCKET, SO_RCVBUF, SOCK_OPT_RCVBUF, FORM_INT},
    {SOL_SOCKET, SO_KEEPALIVE, SOCK_OPT_KEEPALIVE, FORM_BOOL},
    {SOL_SOCKET, SO_LINGER, SOCK_OPT_LINGER_S, FORM_LINGER},
    {SOL_SOCKET, SO_RCVTIMEO, SOCK_OPT_RECV_TIMEOUT_NS, FORM_TIME},
    {SOL_SOCKET, SO_SNDTIMEO, SOCK_OPT_SEND_TIMEOUT_NS, FORM_TIME},
    {SOL_SOCKET, SO_ACCEPTCONN, SOCK_OPT_LISTENING, FORM_INT},
    {IPPROTO_IP, IP_TOS, SOCK_OPT_TOS, FORM_INT},
    {IPPROTO_IP, IP_TTL, SOCK_OPT_TTL, FORM_INT},
    {IPPROTO_TCP, TCP_NODELAY, SOCK_OPT_NODELAY, FORM_BOOL},
    {IPPROTO_TCP, TCP_MAXSEG, SOCK_OPT_MAXSEG, FORM_INT},
    {IPPROTO_TCP, TCP_KEEPIDLE, SOCK_OPT_KEEPIDLE_S, FORM_INT},
    {IPPROTO_TCP, TCP_KEEPINTVL, SOCK_OPT_KEEPINTVL_S, FORM_INT},
    {IPPROTO_TCP, TCP_KEEPCNT, SOCK_OPT_KEEPCNT, FORM_INT},
    {IPPROTO_TCP, TCP_CORK, SOCK_OPT_CORK, FORM_BOOL},
    {IPPROTO_TCP, TCP_LINGER2, SOCK_OPT_LINGER2_S, FORM_INT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, SOCK_OPT_DEFER_ACCEPT_S, FORM_INT},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, SOCK_OPT_WINDOW_CLAMP, FORM_INT},
    {IPPROTO_TCP, TCP_QUICKACK, SOCK_OPT_QUICKACK, FORM_BOOL},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, SOCK_OPT_USER_TIMEOUT_MS, FORM_INT},
};

static const struct opt_entry *find_option(int level, int name)
{
    for (size_t i = 0; i < ARRAY_SIZE(OPTIONS); i++) {
        if (OPTIONS[i].level == level && OPTIONS[i].name == name) {
            return &OPTIONS[i];
        }
    }
    return NULL;
}

static size_t form_bytes(enum opt_form form)
{
    switch (form) {
    case FORM_LINGER:
        return sizeof(struct linger);
    case FORM_TIME:
        return sizeof(struct timeval);
    case FORM_BOOL:
    case FORM_INT:
        break;
    }
    return sizeof(int);
}

/* A struct timeval in ns: -EDOM for microseconds out of range (as Linux), saturating. */
static int64_t time_decode(const struct timeval *tv)
{
    if (tv->tv_usec < 0 || tv->tv_usec >= 1000 * 1000) {
        return -EDOM;
    }
    if (tv->tv_sec < 0) {
        return -EDOM;
    }
    /* A second less than would fit, so that the microseconds do, too. */
    int64_t most_s = INT64_MAX / (int64_t)NS_PER_S - 1;
    int64_t s = tv->tv_sec > most_s ? most_s : tv->tv_sec;
    return s * (int64_t)NS_PER_S + tv->tv_usec * (int64_t)NS_PER_US;
}

static int64_t linger_decode(const struct linger *l)
{
    if (!l->l_onoff) {
        return -1;
    }
    return l->l_linger < 0 ? INT32_MAX : l->l_linger; /* Linux takes it as unsigned */
}

static int value_decode(enum opt_form form, const void *value, int64_t *out)
{
    struct linger l;
    struct timeval tv;
    int small;
    switch (form) {
    case FORM_LINGER:
        memcpy(&l, value, sizeof(l));
        *out = linger_decode(&l);
        return 0;
    case FORM_TIME:
        memcpy(&tv, value, sizeof(tv));
        *out = time_decode(&tv);
        return *out < 0 ? (int)*out : 0;
    case FORM_BOOL:
    case FORM_INT:
        break;
    }
    memcpy(&small, value, sizeof(small));
    *out = form == FORM_BOOL ? small != 0 : small;
    return 0;
}

/* SO_REUSEPORT: several listeners on one port do not exist here. Asking for "off" is granted. */
static int set_other(int level, int name, const void *value, socklen_t len)
{
    int small = 1;
    if (level == SOL_SOCKET && name == SO_REUSEPORT && value != NULL && len >= sizeof(small)) {
        memcpy(&small, value, sizeof(small));
    }
    return small == 0 ? 0 : -ENOPROTOOPT;
}

static int set_option(struct posix_env *env, int fd, const struct opt_entry *o, const void *value,
                      socklen_t len)
{
    if (value == NULL) {
        return -EFAULT;
    }
    if (len < form_bytes(o->form)) {
        return -EINVAL;
    }
    int64_t v;
    int err = value_decode(o->form, value, &v);
    return err != 0 ? err : sock_set_opt(env->net, fd, o->opt, v, env->now_ns());
}

/* 0 when fd is a socket, else -EBADF or -ENOTSOCK: comes before what is wrong with an option. */
static int check_socket(struct posix_env *env, int fd)
{
    struct sock_addr unused;
    return sock_name(env->net, fd, &unused);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    struct posix_env *env = posix_env_get();
    int err = check_socket(env, fd);
    if (err == 0) {
        const struct opt_entry *o = find_option(level, name);
        if (o != NULL) {
            err = set_option(env, fd, o, value, len);
        } else if (level == IPPROTO_TCP) {
            err = posix_set_opt_tcp(env->net, fd, name, value, len, env->now_ns());
        } else {
            err = set_other(level, name, value, len);
        }
    }
    return (int)posix_result(err);
}

/* Options that say what the socket is, beside the table. */
static int get_other(struct posix_env *env, int fd, int level, int name, int64_t *v)
{
    int64_t type = 0;
    int err = sock_get_opt(env->net, fd, SOCK_OPT_TYPE, &type);
    if (err != 0 || level != SOL_SOCKET) {
        return err != 0 ? err : -ENOPROTOOPT;
    }
    switch (name) {
    case SO_DOMAIN:
        *v = AF_INET;
        return 0;
    case SO_PROTOCOL:
        *v = type == SOCK_TYPE_TCP ? IPPROTO_TCP : IPPROTO_UDP;
        return 0;
    case SO_REUSEPORT:
        *v = 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* POSIX getsockopt: where there is less room than the value has, it is cut, and *len says so. */
static void value_encode(enum opt_form form, int64_t v, void *value, socklen_t *len)
{
    struct linger l = {.l_onoff = v >= 0, .l_linger = v >= 0 ? (int)v : 0};
    struct timeval tv = {
        .tv_sec = v / (int64_t)NS_PER_S,
        .tv_usec = v % (int64_t)NS_PER_S / (int64_t)NS_PER_US,
    };
    int small = (int)v;
    const void *from = form == FORM_LINGER ? (void *)&l : form == FORM_TIME ? (void *)&tv : &small;
    *len = (socklen_t)min_size(*len, form_bytes(form));
    memcpy(value, from, *len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    struct posix_env *env = posix_env_get();
    int err = check_socket(env, fd);
    if (err == 0 && (value == NULL || len == NULL)) {
        err = -EFAULT;
    }
    if (err != 0) {
        return (int)posix_result(err);
    }
    const struct opt_entry *o = find_option(level, name);
    int64_t v = 0;
    if (o == NULL && level == IPPROTO_TCP) {
        return (int)posix_result(posix_get_opt_tcp(env->net, fd, name, value, len, env->now_ns()));
    }
    err = o != NULL ? sock_get_opt(env->net, fd, o->opt, &v) : get_other(env, fd, level, name, &v);
    if (err != 0) {
        return (int)posix_result(err);
    }
    if (o != NULL && o->opt == SOCK_OPT_TYPE) {
        v = v == SOCK_TYPE_TCP ? SOCK_STREAM : SOCK_DGRAM;
    }
    value_encode(o != NULL ? o->form : FORM_INT, v, value, len);
    return 0;
}

/* The status flags: O_NONBLOCK is the one that can be set. */
static int fcntl_flags(struct posix_env *env, int fd, int cmd, int arg)
{
    int64_t nonblock = 0;
    int err = sock_get_opt(env->net, fd, SOCK_OPT_NONBLOCK, &nonblock);
    if (err != 0 && err != -ENOTSOCK) {
        return err;
    }
    if (cmd == F_GETFL) {
        return O_RDWR | (nonblock ? O_NONBLOCK : 0);
    }
    /* The console never blocks: for it there is nothing to keep. */
    return err != 0 ? 0
                    : sock_set_opt(env->net, fd, SOCK_OPT_NONBLOCK, (arg & O_NONBLOCK) != 0,
                                   env->now_ns());
}

/* The descriptor flags: FD_CLOEXEC means nothing where there is no exec. */
static int fcntl_descriptor(struct posix_env *env, int fd)
{
    int r = fd >= 0 && fd < SOCK_FD_FIRST ? 0 : sock_ready(env->net, fd);
    return r < 0 ? r : 0;
}

int fcntl(int fd, int cmd, ...)
{
    struct posix_env *env = posix_env_get();
    va_list ap;
    va_start(ap, cmd);
    /* Read only where the command has one: there may be none to read (C11 7.16.1.1). */
    int arg = cmd == F_SETFL ? va_arg(ap, int) : 0;
    va_end(ap);
    switch (cmd) {
    case F_GETFL:
    case F_SETFL:
        return (int)posix_result(fcntl_flags(env, fd, cmd, arg));
    case F_GETFD:
    case F_SETFD:
        return (int)posix_result(fcntl_descriptor(env, fd));
    default:
        return (int)posix_result(-EINVAL);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    struct posix_env *env = posix_env_get();
    va_list ap;
    va_start(ap, request);
    int *arg = request == FIONREAD || request == FIONBIO ? va_arg(ap, int *) : NULL;
    va_end(ap);
    int err = check_socket(env, fd);
    /* POSIX: a request that does not apply to the descriptor, the console's too, is ENOTTY. */
    if (err == -ENOTSOCK || (err == 0 && request != FIONREAD && request != FIONBIO)) {
        err = -ENOTTY;
    }
    if (err == 0 && arg == NULL) {
        err = -EFAULT;
    }
    if (err == 0 && request == FIONBIO) {
        err = sock_set_opt(env->net, fd, SOCK_OPT_NONBLOCK, *arg != 0, env->now_ns());
    } else if (err == 0) {
        err = sock_readable(env->net, fd);
        *arg = err < 0 ? *arg : err;
        err = err < 0 ? err : 0;
    }
    return (int)posix_result(err);
}
