/*
 * Options of a connection (tcp.h): setting and reading. Values out of range are refused, buffers
 * are clamped to the named bounds. What an option does is the business of the room that acts on it;
 * what a listener's connections inherit is block/choices.c's.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/cc/cc.h"
#include "net/tcp/life/life.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"

#include <errno.h>

static int set_bounded(uint32_t *field, int value, int least, int most)
{
    if (value < least || value > most) {
        return -EINVAL;
    }
    *field = (uint32_t)value;
    return 0;
}

/* A size the owner chose stays as it is from now on. */
static int set_buffer(struct tcp_cb *t, enum tcp_opt opt, int value)
{
    if (value < 0) {
        return -EINVAL;
    }
    uint32_t bytes = min_u32(max_u32((uint32_t)value, TCP_BUF_MIN_BYTES), TCP_BUF_MAX_BYTES);
    if (opt == TCP_OPT_RCVBUF) {
        tcp_set_rcvbuf(t, bytes);
        t->opt.rcvbuf_fixed = true;
    } else {
        tcp_snd_set_buffer(t, bytes);
        t->opt.sndbuf_fixed = true;
    }
    return 0;
}

static int set_keepalive(struct tcp_cb *t, enum tcp_opt opt, int value)
{
    struct tcp_keepalive *k = &t->keepalive;
    int err = 0;
    if (opt == TCP_OPT_KEEPALIVE) {
        k->on = value != 0;
    } else if (opt == TCP_OPT_KEEPIDLE_S) {
        err = set_bounded(&k->idle_s, value, 1, TCP_KEEP_MAX_S);
    } else if (opt == TCP_OPT_KEEPINTVL_S) {
        err = set_bounded(&k->interval_s, value, 1, TCP_KEEP_MAX_S);
    } else {
        uint32_t count = k->count;
        err = set_bounded(&count, value, 1, TCP_KEEPCNT_MAX);
        k->count = (uint8_t)count;
    }
    if (err == 0 && tcp_synchronized(t)) { /* holds at once, from when the peer was last heard */
        tcp_idle_timer_start(t);
    }
    return err;
}

/* What was held back goes now. */
static void push(struct tcp_cb *t)
{
    tcp_snd_more(t, false);
    if (t->state != TCP_LISTEN) {
        tcp_output(t);
    }
}

/* As on Linux, TCP_NODELAY pushes what a cork holds back; the cork stays for what follows. */
static void set_nodelay(struct tcp_cb *t, bool on)
{
    t->opt.nodelay = on;
    if (on) {
        bool cork = t->opt.cork;
        t->opt.cork = false;
        push(t);
        t->opt.cork = cork;
    }
}

static void set_cork(struct tcp_cb *t, bool on)
{
    t->opt.cork = on;
    if (!on) {
        push(t);
    }
}

/* An ACK that waits goes with the change. */
static void set_quickack(struct tcp_cb *t, bool on)
{
    t->opt.quickack = on;
    if (on && tcp_synchronized(t) && t->rcv.unacked_segments > 0) {
        (void)tcp_emit_ack(t);
    }
}

static int set_linger(struct tcp_cb *t, int value)
{
    if (value < -1) {
        return -EINVAL;
    }
    t->opt.linger_s = value;
    return 0;
}

/* Linux's ways: negative means no waiting, 0 the default, and there is a ceiling. */
static void set_linger2(struct tcp_cb *t, int value)
{
    t->opt.linger2_s = value < 0 ? -1 : (int32_t)min_u32((uint32_t)value, TCP_LINGER2_MAX_S);
}

/* Before the handshake: both for what we announce and for what we send. Later for what we send. */
static int set_maxseg(struct tcp_cb *t, int value)
{
    if (value != 0 && (value < TCP_MSS_FLOOR || value > TCP_MAXSEG_MAX)) {
        return -EINVAL;
    }
    t->opt.mss = (uint16_t)value;
    if (tcp_synchronized(t)) {
        tcp_pmtu_update_mss(t);
    }
    return 0;
}

/* 0 takes the bound away. The right edge does not move back: a smaller window comes with data. */
static int set_clamp(struct tcp_cb *t, int value)
{
    if (value < 0) {
        return -EINVAL;
    }
    t->opt.window_clamp = value == 0 ? 0 : max_u32((uint32_t)value, TCP_CLAMP_MIN_BYTES);
    return 0;
}

/* A new bound holds for the timers that run already. */
static int set_user_timeout(struct tcp_cb *t, int value)
{
    int err = set_bounded(&t->opt.user_timeout_ms, value, 0, INT32_MAX);
    if (err == 0 && tcp_timer_armed(t, TCP_TIMER_RTX)) {
        tcp_timer_stop(t, TCP_TIMER_RTX);
        (void)tcp_rtx_timer_update(t);
    }
    return err;
}

/* RFC 3168 5: the field's lower two bits tell of congestion, and are not the owner's. */
static int set_tos(struct tcp_cb *t, int value)
{
    if (value < 0 || value > UINT8_MAX) {
        return -EINVAL;
    }
    t->opt.tos = (uint8_t)(value & ~IP_ECN_MASK);
    tcp_template_forget(t);
    return 0;
}

static int set_ttl(struct tcp_cb *t, int value)
{
    if (value < -1 || value == 0 || value > UINT8_MAX) {
        return -EINVAL; /* RFC 1122 3.2.1.7: no packet goes with 0 */
    }
    t->opt.ttl = (uint8_t)(value < 0 ? 0 : value);
    tcp_template_forget(t);
    return 0;
}

int tcp_set_opt(struct tcp_cb *t, enum tcp_opt opt, int value)
{
    assert(!t->orphan);
    switch (opt) {
    case TCP_OPT_NODELAY:
        set_nodelay(t, value != 0);
        return 0;
    case TCP_OPT_CORK:
        set_cork(t, value != 0);
        return 0;
    case TCP_OPT_QUICKACK:
        set_quickack(t, value != 0);
        return 0;
    case TCP_OPT_KEEPALIVE:
    case TCP_OPT_KEEPIDLE_S:
    case TCP_OPT_KEEPINTVL_S:
    case TCP_OPT_KEEPCNT:
        return set_keepalive(t, opt, value);
    case TCP_OPT_LINGER_S:
        return set_linger(t, value);
    case TCP_OPT_LINGER2_S:
        set_linger2(t, value);
        return 0;
    case TCP_OPT_RCVBUF:
    case TCP_OPT_SNDBUF:
        return set_buffer(t, opt, value);
    case TCP_OPT_MAXSEG:
        return set_maxseg(t, value);
    case TCP_OPT_WINDOW_CLAMP:
        return set_clamp(t, value);
    case TCP_OPT_USER_TIMEOUT_MS:
        return set_user_timeout(t, value);
    case TCP_OPT_DEFER_ACCEPT_S:
        t->opt.defer_accept_s = min_u32(value < 0 ? 0 : (uint32_t)value, TCP_DEFER_MAX_S);
        return 0;
    case TCP_OPT_TOS:
        return set_tos(t, value);
    case TCP_OPT_TTL:
        return set_ttl(t, value);
    }
    return -ENOPROTOOPT;
}

/* As on Linux: what was asked for while there is no connection, then what is in use. */
static int maxseg(const struct tcp_cb *t)
{
    bool open = t->state != TCP_CLOSED && t->state != TCP_LISTEN;
    return !open && t->opt.mss != 0 ? t->opt.mss : t->snd.mss;
}

int tcp_get_opt(const struct tcp_cb *t, enum tcp_opt opt, int *value)
{
    const struct tcp_keepalive *k = &t->keepalive;
    const struct tcp_choices *o = &t->opt;
    const int values[] = {
        [TCP_OPT_NODELAY] = t->opt.nodelay,
        [TCP_OPT_CORK] = o->cork,
        [TCP_OPT_QUICKACK] = o->quickack,
        [TCP_OPT_KEEPALIVE] = k->on,
        [TCP_OPT_KEEPIDLE_S] = (int)k->idle_s,
        [TCP_OPT_KEEPINTVL_S] = (int)k->interval_s,
        [TCP_OPT_KEEPCNT] = k->count,
        [TCP_OPT_LINGER_S] = t->opt.linger_s,
        [TCP_OPT_LINGER2_S] = o->linger2_s == 0 ? TCP_FIN_WAIT_2_MS / MS_PER_S : o->linger2_s,
        [TCP_OPT_RCVBUF] = (int)t->rcv.buf_bytes,
        [TCP_OPT_SNDBUF] = (int)t->snd.buf_bytes,
        [TCP_OPT_MAXSEG] = maxseg(t),
        [TCP_OPT_WINDOW_CLAMP] = (int)o->window_clamp,
        [TCP_OPT_USER_TIMEOUT_MS] = (int)o->user_timeout_ms,
        [TCP_OPT_DEFER_ACCEPT_S] = (int)o->defer_accept_s,
        [TCP_OPT_TOS] = o->tos,
        [TCP_OPT_TTL] = o->ttl != 0 ? o->ttl : IPV4_TTL,
    };
    if ((size_t)opt >= ARRAY_SIZE(values)) {
        return -ENOPROTOOPT;
    }
    *value = values[opt];
    return 0;
}

int tcp_set_congestion(struct tcp_cb *t, const char *name)
{
    const struct tcp_cc_ops *ops = tcp_cc_find(name);
    if (ops == NULL) {
        return -ENOENT; /* as Linux */
    }
    tcp_cc_set(t, ops);
    return 0;
}

const char *tcp_congestion(const struct tcp_cb *t)
{
    return t->cc.ops->name;
}
