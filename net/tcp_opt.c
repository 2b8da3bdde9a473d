/*
 * Options of a connection (tcp.h). Values out of range are refused, buffers are clamped to the
 * named bounds.
 */
#include "net/tcp_int.h"

#include <errno.h>

static int set_bounded(uint32_t *field, int value, int max)
{
    if (value < 1 || value > max) {
        return -EINVAL;
    }
    *field = (uint32_t)value;
    return 0;
}

static int set_buffer(uint32_t *field, int value)
{
    if (value < 0) {
        return -EINVAL;
    }
    *field = min_u32(max_u32((uint32_t)value, TCP_BUF_MIN_BYTES), TCP_BUF_MAX_BYTES);
    return 0;
}

static int set_keepalive(struct tcp_cb *t, enum tcp_opt opt, int value)
{
    struct tcp_keepalive *k = &t->keepalive;
    int err = 0;
    if (opt == TCP_OPT_KEEPALIVE) {
        k->on = value != 0;
    } else if (opt == TCP_OPT_KEEPIDLE_S) {
        err = set_bounded(&k->idle_s, value, TCP_KEEP_MAX_S);
    } else if (opt == TCP_OPT_KEEPINTVL_S) {
        err = set_bounded(&k->interval_s, value, TCP_KEEP_MAX_S);
    } else {
        uint32_t count = k->count;
        err = set_bounded(&count, value, TCP_KEEPCNT_MAX);
        k->count = (uint8_t)count;
    }
    if (err == 0 && tcp_synchronized(t)) {
        tcp_idle_timer_start(t);
    }
    return err;
}

static void set_nodelay(struct tcp_cb *t, bool on)
{
    t->nodelay = on;
    if (on) {
        t->more = false; /* what was held back goes now */
        if (t->state != TCP_LISTEN) {
            tcp_output(t);
        }
    }
}

int tcp_set_opt(struct tcp_cb *t, enum tcp_opt opt, int value)
{
    assert(!t->orphan);
    switch (opt) {
    case TCP_OPT_NODELAY:
        set_nodelay(t, value != 0);
        return 0;
    case TCP_OPT_KEEPALIVE:
    case TCP_OPT_KEEPIDLE_S:
    case TCP_OPT_KEEPINTVL_S:
    case TCP_OPT_KEEPCNT:
        return set_keepalive(t, opt, value);
    case TCP_OPT_LINGER_S:
        if (value < -1) {
            return -EINVAL;
        }
        t->linger_s = value;
        return 0;
    case TCP_OPT_RCVBUF:
        return set_buffer(&t->rcvbuf_bytes, value);
    case TCP_OPT_SNDBUF:
        return set_buffer(&t->sndbuf_bytes, value);
    case TCP_OPT_MAXSEG:
        break;
    }
    return -ENOPROTOOPT;
}

int tcp_get_opt(const struct tcp_cb *t, enum tcp_opt opt, int *value)
{
    switch (opt) {
    case TCP_OPT_NODELAY:
        *value = t->nodelay;
        return 0;
    case TCP_OPT_KEEPALIVE:
        *value = t->keepalive.on;
        return 0;
    case TCP_OPT_KEEPIDLE_S:
        *value = (int)t->keepalive.idle_s;
        return 0;
    case TCP_OPT_KEEPINTVL_S:
        *value = (int)t->keepalive.interval_s;
        return 0;
    case TCP_OPT_KEEPCNT:
        *value = t->keepalive.count;
        return 0;
    case TCP_OPT_LINGER_S:
        *value = t->linger_s;
        return 0;
    case TCP_OPT_RCVBUF:
        *value = (int)t->rcvbuf_bytes;
        return 0;
    case TCP_OPT_SNDBUF:
        *value = (int)t->sndbuf_bytes;
        return 0;
    case TCP_OPT_MAXSEG:
        *value = t->snd_mss;
        return 0;
    }
    return -ENOPROTOOPT;
}
