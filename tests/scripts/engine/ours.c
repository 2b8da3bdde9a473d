/*
 * The stack under test as a script's back-end: a struct net over bare IP, in virtual time. At the
 * end every table of the stack must be empty and every packet in its pool.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scripts/engine/backend.h"

#include "net/sock/int.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/tcp_see.h"

enum {
    /* Longest life of what nobody owns: an orphan that retransmits (100 s), a closed window
     * (120 s), then TIME-WAIT. */
    DRAIN_S = 400,
    CONNECTIONS = 64,
};

static_assert(1u << PS_OFF_TUNING == NET_TCP_OFF_TUNING && 1u << PS_OFF_FRTO == NET_TCP_OFF_FRTO &&
                  1u << PS_OFF_SACK == NET_TCP_OFF_SACK,
              "bits of config off are the stack's");

struct ours {
    struct net_fixture f;
    uint64_t start_ns;
    int fds[PS_NAMES_MAX]; /* -1: not open */
};

static int64_t config_or(const struct ps_script *s, enum ps_config_item item, int64_t usual)
{
    return s->config[item] >= 0 ? s->config[item] : usual;
}

static void configure(const struct ps_script *s, const struct ps_run *run, struct net_config *cfg)
{
    struct net_limits *l = &cfg->limits;
    fixture_config(cfg);
    cfg->link = NET_LINK_IP;
    cfg->ip.address = PS_OUR_ADDRESS;
    cfg->tcp_isn_fixed = true;
    cfg->tcp_isn = run->iss;
    /* Timestamps count from the fixture's first second on: a script's first is near ts_ours. */
    cfg->tcp_ts_fixed = true;
    cfg->tcp_ts_start = run->ts_ours - MS_PER_S;
    cfg->tcp_off = s->off;
    cfg->tcp_ecn = config_or(s, PS_CONFIG_ECN, 0) != 0;
    cfg->tcp_congestion = s->congestion[0] != '\0' ? s->congestion : NULL;
    cfg->mtu = (uint16_t)config_or(s, PS_CONFIG_MTU, 1500);
    cfg->tcp_initial_window = (uint32_t)config_or(s, PS_CONFIG_IW, 0);
    cfg->tcp_msl_ms = (uint32_t)config_or(s, PS_CONFIG_MSL, 0);
    l->tcp_rcvbuf_bytes = (uint32_t)config_or(s, PS_CONFIG_RCVBUF, l->tcp_rcvbuf_bytes);
    l->tcp_sndbuf_bytes = (uint32_t)config_or(s, PS_CONFIG_SNDBUF, l->tcp_sndbuf_bytes);
    l->tcp_connections = (uint32_t)config_or(s, PS_CONFIG_CONNECTIONS, CONNECTIONS);
    l->tcp_half_open = (uint32_t)config_or(s, PS_CONFIG_HALF_OPEN, CONNECTIONS);
    l->tcp_time_wait = (uint32_t)config_or(s, PS_CONFIG_TIME_WAIT, CONNECTIONS);
}

static void *ours_begin(const struct ps_script *s, const struct ps_run *run, char why[PS_TEXT_MAX])
{
    struct net_config cfg;
    struct ours *o = calloc(1, sizeof(*o));
    assert(o != NULL);
    configure(s, run, &cfg);
    fixture_start(&o->f, &cfg);
    fixture_up(&o->f);
    for (size_t i = 0; i < PS_NAMES_MAX; i++) {
        o->fds[i] = -1;
    }
    return o;
}

static uint64_t ours_now(void *b)
{
    struct ours *o = b;
    return o->f.now_ns;
}

static void ours_inject(void *b, const struct ps_bytes *packet)
{
    struct ours *o = b;
    struct frame fr;
    assert(packet->len <= sizeof(fr.bytes));
    memcpy(fr.bytes, packet->at, packet->len);
    fr.len = packet->len;
    fixture_input(&o->f, &fr);
}

/* Time stands still at the deadline at which something was sent. */
static bool ours_receive(void *b, uint64_t until_ns, struct ps_bytes *out, uint64_t *at_ns)
{
    struct ours *o = b;
    struct frame fr;
    uint64_t next_ns = net_poll(o->f.net, o->f.now_ns);
    while (o->f.out.count == 0 && o->f.now_ns < until_ns) {
        o->f.now_ns = max_u64(o->f.now_ns, min_u64(next_ns, until_ns));
        next_ns = net_poll(o->f.net, o->f.now_ns);
    }
    *at_ns = o->f.now_ns;
    if (!fixture_pop(&o->f, &fr)) {
        return false;
    }
    memcpy(out->at, fr.bytes, fr.len);
    out->len = fr.len;
    return true;
}

static const struct {
    const char *word;
    enum sock_opt opt;
} opts[] = {
    {"nodelay", SOCK_OPT_NODELAY},
    {"keepalive", SOCK_OPT_KEEPALIVE},
    {"keepidle", SOCK_OPT_KEEPIDLE_S},
    {"keepintvl", SOCK_OPT_KEEPINTVL_S},
    {"keepcnt", SOCK_OPT_KEEPCNT},
    {"linger", SOCK_OPT_LINGER_S},
    {"rcvbuf", SOCK_OPT_RCVBUF},
    {"sndbuf", SOCK_OPT_SNDBUF},
    {"maxseg", SOCK_OPT_MAXSEG},
    {"error", SOCK_OPT_ERROR},
    {"reuse", SOCK_OPT_REUSEADDR},
    {"cork", SOCK_OPT_CORK},
    {"quickack", SOCK_OPT_QUICKACK},
    {"linger2", SOCK_OPT_LINGER2_S},
    {"window_clamp", SOCK_OPT_WINDOW_CLAMP},
    {"user_timeout_ms", SOCK_OPT_USER_TIMEOUT_MS},
    {"defer_accept_s", SOCK_OPT_DEFER_ACCEPT_S},
    {"tos", SOCK_OPT_TOS},
    {"ttl", SOCK_OPT_TTL},
};

static int64_t option_call(struct ours *o, const struct ps_call *c, int fd)
{
    int64_t value = 0;
    size_t i = 0;
    while (strcmp(opts[i].word, c->word) != 0) {
        i++;
        assert(i < ARRAY_SIZE(opts));
    }
    if (c->verb == PS_SETOPT) {
        return sock_set_opt(o->f.net, fd, opts[i].opt, c->number, o->f.now_ns);
    }
    int err = sock_get_opt(o->f.net, fd, opts[i].opt, &value);
    return err < 0 ? err : value;
}

/* 0 when the connection is in the state named, else -EPROTO and a word on stderr. */
static int64_t state_call(struct ours *o, const struct ps_call *c, int fd)
{
    static const char *const names[] = {
        [TCP_CLOSED] = "CLOSED",           [TCP_LISTEN] = "LISTEN",
        [TCP_SYN_SENT] = "SYN_SENT",       [TCP_SYN_RECEIVED] = "SYN_RECEIVED",
        [TCP_ESTABLISHED] = "ESTABLISHED", [TCP_FIN_WAIT_1] = "FIN_WAIT_1",
        [TCP_FIN_WAIT_2] = "FIN_WAIT_2",   [TCP_CLOSE_WAIT] = "CLOSE_WAIT",
        [TCP_CLOSING] = "CLOSING",         [TCP_LAST_ACK] = "LAST_ACK",
        [TCP_TIME_WAIT] = "TIME_WAIT",
    };
    int err = 0;
    struct sock *s = sock_find(o->f.net, fd, &err);
    if (s == NULL) {
        return err;
    }
    if (strcmp(names[state_of(s->tcp)], c->word) != 0) {
        fprintf(stderr, "state is %s, want %s\n", names[state_of(s->tcp)], c->word);
        return -EPROTO;
    }
    return 0;
}

static int64_t made(struct ours *o, int sock, int fd)
{
    if (fd < 0) {
        return fd;
    }
    o->fds[sock] = fd;
    return 0;
}

static int64_t close_call(struct ours *o, const struct ps_call *c)
{
    int err = sock_close(o->f.net, o->fds[c->sock], o->f.now_ns);
    o->fds[c->sock] = -1;
    return err;
}

static int64_t ours_call(void *b, const struct ps_call *c, const struct ps_flow *flow, uint8_t *buf)
{
    struct ours *o = b;
    struct net *n = o->f.net;
    uint64_t now_ns = o->f.now_ns;
    int fd = o->fds[c->sock];
    struct sock_addr bound = {.port = (uint16_t)c->number};
    struct sock_addr peer = {.addr = flow->peer, .port = flow->rport};
    switch (c->verb) {
    case PS_SOCKET:
        return made(o, c->sock, sock_open(n, SOCK_TYPE_TCP, now_ns));
    case PS_BIND:
        return sock_bind(n, fd, &bound, now_ns);
    case PS_LISTEN:
        return sock_listen(n, fd, (int)c->number, now_ns);
    case PS_ACCEPT:
        return made(o, c->other, sock_accept(n, fd, NULL, now_ns));
    case PS_CONNECT:
        return sock_connect(n, fd, &peer, now_ns);
    case PS_SEND:
        return sock_send(n, fd, buf, c->len, (c->flags & PS_MSG_MORE) ? SOCK_MSG_MORE : 0, NULL,
                         now_ns);
    case PS_RECV:
        return sock_recv(n, fd, buf, c->len, (c->flags & PS_MSG_PEEK) ? SOCK_MSG_PEEK : 0, NULL,
                         now_ns);
    case PS_SHUTDOWN:
        return sock_shutdown(n, fd, (int)c->number, now_ns);
    case PS_CLOSE:
        return close_call(o, c);
    case PS_READY:
        return sock_ready(n, fd);
    case PS_STATE:
        return state_call(o, c, fd);
    default:
        return option_call(o, c, fd);
    }
}

static bool ours_counter(void *b, const char *name, int64_t *value, bool *known)
{
    struct ours *o = b;
    const char *have;
    const char *help;
    uint64_t v;
    *known = true;
    for (size_t i = 0; net_counter(o->f.net, i, &have, &help, &v); i++) {
        if (strcmp(have, name) == 0) {
            *value = (int64_t)v;
            return true;
        }
    }
    return false;
}

static bool ours_end(void *b, char why[PS_TEXT_MAX])
{
    struct ours *o = b;
    bool good = true;
    for (size_t i = 0; i < PS_NAMES_MAX; i++) {
        if (o->fds[i] >= 0) {
            (void)sock_close(o->f.net, o->fds[i], o->f.now_ns);
        }
    }
    /* In steps: what is sent meanwhile would fill the pool of a wire nobody reads. */
    for (int s = 0; s < DRAIN_S; s++) {
        fixture_advance(&o->f, NS_PER_S);
        (void)fixture_forget(&o->f);
    }
    const struct pool *pool;
    for (size_t i = 0; (pool = net_pool(o->f.net, i)) != NULL; i++) {
        if (pool->used != 0) {
            snprintf(why, PS_TEXT_MAX, "%u of table %s still used %d s after the last close",
                     pool->used, pool->name, DRAIN_S);
            good = false;
        }
    }
    if (o->f.rx.used != 0 || o->f.tx.used != 0) {
        snprintf(why, PS_TEXT_MAX, "%u received and %u sent packets are not back in their pool",
                 o->f.rx.used, o->f.tx.used);
        good = false;
    }
    fixture_stop(&o->f);
    free(o);
    return good;
}

const struct ps_backend ps_backend_ours = {
    .name = "ours",
    .tolerance_ns = NS_PER_MS, /* the timer wheel's tick */
    .ts_slack = 1,
    .begin = ours_begin,
    .now = ours_now,
    .inject = ours_inject,
    .receive = ours_receive,
    .call = ours_call,
    .counter = ours_counter,
    .end = ours_end,
};
