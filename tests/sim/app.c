/*
 * The applications of a simulated world: see app.h.
 */
#include "tests/sim/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/link/arp.h"
#include "net/sock/epoll.h"
#include "net/sock/sock.h"
#include "tests/sim/world.h"

enum {
    EVENTS_AT_ONCE = 8,
    TAG_SHARED = 1000, /* epoll data: an end is conn * 2 + side, its own listener + TAG_OWN */
    TAG_OWN = 2000,
    BACKLOG = 16,
    KEEPIDLE_S = 30,
    KEEPINTVL_S = 5,
    KEEPCNT = 20,
};

static struct net *net_of(struct world *w, const struct end *e)
{
    return w->host[e->host].net;
}

static void watch(struct world *w, int host, int fd, uint32_t tag)
{
    struct epoll_report want = {.events = NET_READY_IN | NET_READY_OUT | NET_READY_RDHUP,
                                .data = tag};
    if (w->plan->edge_triggered) {
        want.events |= EPOLL_FLAG_ET;
    }
    int err = epoll_control(w->host[host].net, w->app.epoll[host], EPOLL_OP_ADD, fd, &want);
    if (err != 0) {
        world_fail(w, "epoll_control: %d", err);
    }
}

static int open_listener(struct world *w, int host, uint16_t port, uint32_t tag)
{
    struct net *n = w->host[host].net;
    struct sock_addr any = {.port = port};
    int fd = sock_open(n, SOCK_TYPE_TCP, w->now_ns);
    int err = fd < 0 ? fd : sock_bind(n, fd, &any, w->now_ns);
    err = err < 0 ? err : sock_listen(n, fd, BACKLOG, w->now_ns);
    if (err < 0) {
        world_fail(w, "no listener: %d", err);
        return -1;
    }
    watch(w, host, fd, tag);
    return fd;
}

void app_init(struct world *w, const struct app_plan *plan)
{
    struct app *a = &w->app;
    memset(a, 0, sizeof(*a));
    a->plan = plan;
    a->draw.state = mix_u64(w->plan->seed ^ 0xa99);
    a->begin_ns = w->now_ns;
    assert(plan->conn_count <= CONNS_MAX);
    for (uint32_t i = 0; i < plan->conn_count; i++) {
        a->conn[i].plan = &plan->conn[i];
        a->own_listener[i] = -1;
        for (int side = 0; side < 2; side++) {
            struct end *e = &a->conn[i].end[side];
            e->plan = &plan->conn[i].end[side];
            e->side = side;
            e->host = plan->conn[i].host[side];
            e->fd = -1;
        }
    }
}

void app_host_up(struct world *w, int host)
{
    struct app *a = &w->app;
    a->epoll[host] = epoll_open(w->host[host].net, w->now_ns);
    if (a->epoll[host] < 0) {
        world_fail(w, "no epoll: %d", a->epoll[host]);
        return;
    }
    a->listener[host] = open_listener(w, host, APP_PORT_SHARED, TAG_SHARED);
    for (uint32_t i = 0; i < a->plan->conn_count; i++) {
        const struct conn_plan *p = &a->plan->conn[i];
        if (p->own_port && !p->simultaneous && p->host[1 - p->client] == host) {
            uint16_t port = (uint16_t)(APP_PORT_OWN + i);
            a->own_listener[i] = open_listener(w, host, port, TAG_OWN + i);
        }
    }
}

void app_host_down(struct world *w, int host)
{
    for (uint32_t i = 0; i < w->app.plan->conn_count; i++) {
        struct conn *c = &w->app.conn[i];
        for (int side = 0; side < 2 && !c->plan->after_restart; side++) {
            struct end *e = &c->end[side];
            if (e->host != host) {
                continue;
            }
            c->crashed = true;
            if (e->state != END_CLOSED) {
                e->state = END_LOST;
                e->fd = -1;
            }
        }
    }
    w->progress_ns = w->now_ns;
}

static void end_close(struct world *w, struct end *e)
{
    if (e->fd >= 0) {
        int err = sock_close(net_of(w, e), e->fd, w->now_ns);
        if (err != 0) {
            world_fail(w, "sock_close: %d", err);
        }
    }
    e->fd = -1;
    e->state = END_CLOSED;
    w->progress_ns = w->now_ns;
    world_trace(w, "host %d closed after %llu written, %llu read", e->host,
                (unsigned long long)e->sent, (unsigned long long)e->received);
}

static void end_failed(struct world *w, struct end *e, int error)
{
    if (e->error == 0) {
        e->error = error;
    }
    world_trace(w, "host %d got %s", e->host, strerror(-error));
    end_close(w, e);
}

static void end_opened(struct world *w, struct conn *c, struct end *e)
{
    struct net *n = net_of(w, e);
    e->state = END_OPEN;
    struct wire_port me = {e->host, c->port[e->side]};
    struct wire_port peer = {c->end[1 - e->side].host, c->port[1 - e->side]};
    e->key_out = wire_stream_key(w->plan->seed, me, peer);
    e->key_in = wire_stream_key(w->plan->seed, peer, me);
    int err = sock_set_opt(n, e->fd, SOCK_OPT_NODELAY, e->plan->nodelay, w->now_ns);
    if (err == 0 && e->plan->keepalive) {
        err = sock_set_opt(n, e->fd, SOCK_OPT_KEEPIDLE_S, KEEPIDLE_S, w->now_ns);
        err = err != 0 ? err : sock_set_opt(n, e->fd, SOCK_OPT_KEEPINTVL_S, KEEPINTVL_S, w->now_ns);
        err = err != 0 ? err : sock_set_opt(n, e->fd, SOCK_OPT_KEEPCNT, KEEPCNT, w->now_ns);
        err = err != 0 ? err : sock_set_opt(n, e->fd, SOCK_OPT_KEEPALIVE, 1, w->now_ns);
    }
    if (err != 0) {
        world_fail(w, "sock_set_opt: %d", err);
    }
    w->progress_ns = w->now_ns;
}

static uint16_t server_port(const struct conn_plan *p, uint32_t number, int side)
{
    if (p->simultaneous) {
        return (uint16_t)(APP_PORT_SIMULTANEOUS + number + 100 * (uint32_t)side);
    }
    return p->own_port ? (uint16_t)(APP_PORT_OWN + number) : APP_PORT_SHARED;
}

/* connect(), and learn the port that it chose. */
static void end_connect(struct world *w, uint32_t number, struct end *e)
{
    struct conn *c = &w->app.conn[number];
    struct net *n = net_of(w, e);
    struct sock_addr to = {.addr = LAN_ADDRESS + (uint32_t)c->end[1 - e->side].host,
                           .port = server_port(c->plan, number, 1 - e->side)};
    struct sock_addr self = {.port = server_port(c->plan, number, e->side)};
    e->fd = sock_open(n, SOCK_TYPE_TCP, w->now_ns);
    int err = e->fd < 0 ? e->fd : 0;
    if (err == 0 && c->plan->simultaneous) {
        err = sock_bind(n, e->fd, &self, w->now_ns);
    }
    if (err == 0) {
        watch(w, e->host, e->fd, number * 2 + (uint32_t)e->side);
        err = sock_connect(n, e->fd, &to, w->now_ns);
    }
    if (err == -EHOSTUNREACH) { /* the peer was down until now; it is not asked for again at once */
        (void)sock_close(n, e->fd, w->now_ns);
        e->fd = -1;
        e->connect_after_ns = w->now_ns + ARP_HOLDOFF_NS;
        return;
    }
    if (err != -EINPROGRESS || sock_name(n, e->fd, &self) != 0) {
        world_fail(w, "sock_connect: %d", err);
        return;
    }
    e->state = END_CONNECTING;
    c->port[e->side] = self.port;
    c->port[1 - e->side] = to.port;
    w->progress_ns = w->now_ns;
}

static struct end *find_accepted(struct world *w, int host, const struct sock_addr *peer,
                                 uint16_t own_port)
{
    for (uint32_t i = 0; i < w->app.plan->conn_count; i++) {
        struct conn *c = &w->app.conn[i];
        int client = c->plan->client;
        struct end *e = &c->end[1 - client];
        if (e->host == host && LAN_ADDRESS + (uint32_t)c->end[client].host == peer->addr &&
            c->port[client] == peer->port && c->port[1 - client] == own_port && !c->crashed &&
            e->state == END_IDLE) {
            return e;
        }
    }
    return NULL;
}

static void accept_all(struct world *w, int host, int listener)
{
    struct net *n = w->host[host].net;
    for (;;) {
        struct sock_addr peer, self;
        int fd = sock_accept(n, listener, &peer, w->now_ns);
        if (fd < 0) {
            if (fd != -EAGAIN) {
                world_fail(w, "sock_accept: %d", fd);
            }
            return;
        }
        int err = sock_name(n, fd, &self);
        struct end *e = err == 0 ? find_accepted(w, host, &peer, self.port) : NULL;
        if (e == NULL) {
            if (w->plan->restart_count == 0 && !w->plan->host[host].isn_fixed) {
                world_fail(w, "accepted a stranger from port %u (%d)", peer.port, err);
            }
            /* An old SYN for the restarted host, or a SYN and its ACK that came again after the end
             * and met the same initial number. It must not look like an end in order. */
            (void)sock_set_opt(n, fd, SOCK_OPT_LINGER_S, 0, w->now_ns);
            (void)sock_close(n, fd, w->now_ns);
            continue;
        }
        struct conn *c = container_of(e, struct conn, end[e->side]);
        e->fd = fd;
        e->can_read = e->can_write = true;
        watch(w, host, fd, (uint32_t)(c - w->app.conn) * 2 + (uint32_t)e->side);
        end_opened(w, c, e);
    }
}

static bool take_events(struct world *w, int host)
{
    struct app *a = &w->app;
    struct epoll_report got[EVENTS_AT_ONCE];
    int count = epoll_collect(w->host[host].net, a->epoll[host], got, EVENTS_AT_ONCE);
    if (count < 0) {
        world_fail(w, "epoll_collect: %d", count);
        return false;
    }
    for (int i = 0; i < count; i++) {
        uint64_t tag = got[i].data;
        if (tag >= TAG_SHARED) {
            accept_all(w, host,
                       tag >= TAG_OWN ? a->own_listener[tag - TAG_OWN] : a->listener[host]);
            continue;
        }
        struct end *e = &a->conn[tag / 2].end[tag % 2];
        uint32_t ended = NET_READY_ERR | NET_READY_HUP;
        e->can_read = e->can_read || (got[i].events & (NET_READY_IN | NET_READY_RDHUP | ended));
        e->can_write = e->can_write || (got[i].events & (NET_READY_OUT | ended));
    }
    return count == EVENTS_AT_ONCE;
}

static void end_connected(struct world *w, struct conn *c, struct end *e)
{
    int64_t error = 0;
    int err = sock_get_opt(net_of(w, e), e->fd, SOCK_OPT_ERROR, &error);
    if (err != 0) {
        world_fail(w, "sock_get_opt: %d", err);
    } else if (error != 0) {
        end_failed(w, e, (int)-error);
    } else {
        end_opened(w, c, e);
    }
}

static void rest_after_write(struct world *w, struct end *e)
{
    if (draw_chance(&w->app.draw, e->plan->pause_ppm)) {
        e->write_after_ns = w->now_ns + draw_between(&w->app.draw, 1, e->plan->pause_ns);
    }
}

/* How far this end writes before it leaves. */
static uint64_t write_goal(const struct end *e)
{
    const struct end_plan *p = e->plan;
    return p->mode == END_ABORT ? min_u32(p->bytes, p->quit_at) : p->bytes;
}

/* True when it did something. Stops at -EAGAIN, at a rest, and when all is written. */
static bool end_write(struct world *w, struct end *e)
{
    static uint8_t chunk[APP_CHUNK_MAX_BYTES];
    uint64_t before = e->sent;
    while (e->state == END_OPEN && e->can_write && !e->shut && e->sent < write_goal(e) &&
           w->now_ns >= e->write_after_ns) {
        size_t len = draw_between(&w->app.draw, 1, e->plan->write_bytes);
        len = min_u64(len, write_goal(e) - e->sent);
        stream_fill(e->key_out, e->sent, chunk, len);
        bool last = e->sent + len == e->plan->bytes;
        uint32_t flags = e->plan->more && !last ? SOCK_MSG_MORE : 0;
        ptrdiff_t took = sock_send(net_of(w, e), e->fd, chunk, len, flags, NULL, w->now_ns);
        if (took == -EAGAIN) {
            e->can_write = false;
        } else if (took < 0) {
            end_failed(w, e, (int)took);
        } else if (took == 0 || (size_t)took > len) {
            world_fail(w, "sock_send took %td of %zu", took, len);
            e->can_write = false;
        } else {
            e->sent += (uint64_t)took;
            rest_after_write(w, e);
        }
    }
    return e->sent != before || e->state == END_CLOSED;
}

static void took_in(struct world *w, struct end *e, const uint8_t *bytes, size_t len)
{
    size_t good = stream_compare(e->key_in, e->received, bytes, len);
    if (good != len) {
        world_fail(w, "host %d read a wrong byte at %llu", e->host,
                   (unsigned long long)(e->received + good));
    }
    e->received += len;
    if (!e->stalled && e->received >= e->plan->stall_at && e->plan->stall_ns > 0) {
        e->stalled = true;
        e->read_after_ns = w->now_ns + e->plan->stall_ns;
    }
}

static bool end_read(struct world *w, struct end *e)
{
    static uint8_t chunk[APP_CHUNK_MAX_BYTES];
    uint64_t before = e->received;
    bool ended = e->ended;
    while (e->state == END_OPEN && e->can_read && !e->ended && w->now_ns >= e->read_after_ns) {
        size_t len = draw_between(&w->app.draw, 1, e->plan->read_bytes);
        if (e->plan->mode == END_UNREAD) {
            len = min_u64(len, e->plan->quit_at - min_u64(e->received, e->plan->quit_at));
            if (len == 0 && sock_readable(net_of(w, e), e->fd) > 0) {
                break; /* the rest stays where it is */
            }
            len = len == 0 ? 1 : len; /* nothing there: perhaps the end of the stream */
        }
        ptrdiff_t got = sock_recv(net_of(w, e), e->fd, chunk, len, 0, NULL, w->now_ns);
        if (got == -EAGAIN) {
            e->can_read = false;
        } else if (got < 0) {
            end_failed(w, e, (int)got);
        } else if ((size_t)got > len) {
            world_fail(w, "sock_recv gave %td for %zu", got, len);
        } else if (got == 0) {
            e->ended = true;
        } else {
            took_in(w, e, chunk, (size_t)got);
        }
    }
    return e->received != before || e->ended != ended || e->state == END_CLOSED;
}

/* Is it time to take leave, by this end's manner? */
static bool wants_close(struct world *w, const struct conn *c, const struct end *e)
{
    const struct end_plan *p = e->plan;
    bool written = e->sent == write_goal(e);
    bool counted = e->received == c->end[1 - e->side].plan->bytes;
    if (w->now_ns < w->app.begin_ns + p->close_not_before_ns) {
        return false;
    }
    switch (p->mode) {
    case END_HALF_CLOSE:
    case END_WAIT:
        return written && e->ended;
    case END_COUNT:
    case END_SHUT_BOTH:
        return written && (counted || e->ended);
    case END_UNREAD:
        return e->ended || counted ||
               (e->received == p->quit_at && sock_readable(net_of(w, e), e->fd) > 0);
    default:
        return written;
    }
}

static void end_leave(struct world *w, struct conn *c, struct end *e)
{
    struct net *n = net_of(w, e);
    if (e->plan->mode == END_HALF_CLOSE && !e->shut && e->sent == e->plan->bytes &&
        w->now_ns >= w->app.begin_ns + e->plan->close_not_before_ns) {
        e->shut = true;
        w->progress_ns = w->now_ns;
        int err = sock_shutdown(n, e->fd, 1, w->now_ns);
        if (err == -ENOTCONN) {
            end_failed(w, e, err); /* a RST came first */
            return;
        }
    }
    if (!wants_close(w, c, e)) {
        return;
    }
    if (e->plan->mode == END_SHUT_BOTH) {
        (void)sock_shutdown(n, e->fd, 2, w->now_ns); /* -ENOTCONN after a RST */
    }
    if (e->plan->mode == END_ABORT &&
        sock_set_opt(n, e->fd, SOCK_OPT_LINGER_S, 0, w->now_ns) != 0) {
        world_fail(w, "no SO_LINGER");
    }
    end_close(w, e);
}

static bool end_run(struct world *w, uint32_t number, struct end *e)
{
    struct conn *c = &w->app.conn[number];
    const struct conn_plan *p = c->plan;
    if (e->state == END_IDLE && (p->simultaneous || p->client == e->side) &&
        w->now_ns >= w->app.begin_ns + p->start_ns && w->now_ns >= e->connect_after_ns &&
        (!p->after_restart || world_restarts_over(w)) && w->host[c->end[1 - e->side].host].up) {
        end_connect(w, number, e);
        return true;
    }
    if (e->state == END_CONNECTING && e->can_write) {
        end_connected(w, c, e);
    }
    if (e->state != END_OPEN) {
        return false;
    }
    bool did = end_write(w, e);
    did = end_read(w, e) || did;
    if (did) {
        w->progress_ns = w->now_ns;
    }
    bool shut = e->shut;
    if (e->state == END_OPEN) {
        end_leave(w, c, e);
    }
    /* A shutdown alone is something done, too: the stack's next deadline is another one now. */
    return did || e->shut != shut || e->state == END_CLOSED;
}

bool app_run(struct world *w)
{
    bool did = false;
    for (int h = 0; h < w->plan->host_count; h++) {
        if (!w->host[h].up || net_address(w->host[h].net) == 0) {
            continue;
        }
        for (int round = 0; take_events(w, h) && round < CONNS_MAX; round++) {
        }
        for (uint32_t i = 0; i < 2 * w->app.plan->conn_count; i++) {
            struct end *e = &w->app.conn[i / 2].end[i % 2];
            if (e->host == h && e->state != END_CLOSED && e->state != END_LOST) {
                did = end_run(w, i / 2, e) || did;
            }
        }
    }
    return did;
}

static uint64_t later_than(uint64_t at_ns, uint64_t now_ns)
{
    return at_ns > now_ns ? at_ns : DEADLINE_NONE;
}

uint64_t app_next_ns(const struct world *w)
{
    uint64_t next_ns = DEADLINE_NONE;
    uint64_t now_ns = w->now_ns;
    for (uint32_t i = 0; i < w->app.plan->conn_count; i++) {
        const struct conn *c = &w->app.conn[i];
        for (int h = 0; h < 2; h++) {
            const struct end *e = &c->end[h];
            uint64_t close_ns = w->app.begin_ns + e->plan->close_not_before_ns;
            if (e->state == END_IDLE) {
                next_ns = min_u64(next_ns, later_than(w->app.begin_ns + c->plan->start_ns, now_ns));
                next_ns = min_u64(next_ns, later_than(e->connect_after_ns, now_ns));
            } else if (e->state == END_OPEN) {
                next_ns = min_u64(next_ns, later_than(e->read_after_ns, now_ns));
                next_ns = min_u64(next_ns, later_than(e->write_after_ns, now_ns));
                next_ns = min_u64(next_ns, later_than(close_ns, now_ns));
            }
        }
    }
    return next_ns;
}

static bool mode_orderly(const struct end *e, const struct end *peer)
{
    /* Closing without having read what comes is only orderly when nothing comes. */
    return e->plan->mode < END_FIRE || (e->plan->mode == END_FIRE && peer->plan->bytes == 0);
}

static bool orderly(const struct conn *c)
{
    return !c->crashed && mode_orderly(&c->end[0], &c->end[1]) &&
           mode_orderly(&c->end[1], &c->end[0]);
}

bool app_done(const struct world *w)
{
    for (uint32_t i = 0; i < w->app.plan->conn_count; i++) {
        const struct conn *c = &w->app.conn[i];
        for (int h = 0; h < 2; h++) {
            const struct end *e = &c->end[h];
            const struct end *peer = &c->end[1 - h];
            bool gone = peer->state == END_CLOSED || peer->state == END_LOST;
            bool never = e->state == END_IDLE && !c->plan->simultaneous && c->plan->client != h &&
                         gone && (!orderly(c) || peer->error != 0);
            if (e->state != END_CLOSED && e->state != END_LOST && !never) {
                return false;
            }
        }
    }
    return true;
}

static bool abandoned(const struct end *e, const struct end *peer, const uint64_t give_ups[])
{
    bool waits = e->state == END_OPEN || e->state == END_IDLE; /* or was never accepted */
    return waits && peer->state == END_CLOSED && give_ups[e->host] + give_ups[peer->host] > 0;
}

bool app_drop_abandoned(struct world *w, const uint64_t give_ups[])
{
    bool any = false;
    for (uint32_t i = 0; i < 2 * w->app.plan->conn_count; i++) {
        struct conn *c = &w->app.conn[i / 2];
        struct end *e = &c->end[i % 2];
        if (abandoned(e, &c->end[1 - i % 2], give_ups)) {
            if (e->fd >= 0) {
                (void)sock_set_opt(net_of(w, e), e->fd, SOCK_OPT_LINGER_S, 0, w->now_ns);
            }
            end_failed(w, e, -ETIMEDOUT);
            any = true;
        }
    }
    return any && app_done(w);
}

static void check_orderly(struct world *w, uint32_t number, const struct end *e,
                          const struct end *peer)
{
    if (e->error != 0) {
        world_fail(w, "conn %u host %d: %s in an orderly connection", number, e->host,
                   strerror(-e->error));
    }
    if (e->sent != e->plan->bytes) {
        world_fail(w, "conn %u host %d: wrote %llu of %u", number, e->host,
                   (unsigned long long)e->sent, e->plan->bytes);
    }
    if (e->received != peer->plan->bytes) {
        world_fail(w, "conn %u host %d: read %llu of %u", number, e->host,
                   (unsigned long long)e->received, peer->plan->bytes);
    }
}

/* What may come of a connection that was not left in order. */
static void check_broken(struct world *w, uint32_t number, int side, bool gave_up)
{
    const struct conn *c = &w->app.conn[number];
    const struct end *e = &c->end[side];
    const struct end *peer = &c->end[1 - side];
    bool known = e->error == 0 || e->error == -ECONNRESET || e->error == -EPIPE ||
                 e->error == -ETIMEDOUT || e->error == -ENOTCONN || e->error == -ECONNREFUSED ||
                 (e->error == -EHOSTUNREACH && (c->crashed || gave_up)); /* no neighbour */
    if (!known) {
        world_fail(w, "conn %u host %d: a strange end: %s", number, e->host, strerror(-e->error));
    }
    if (e->received > peer->sent) {
        world_fail(w, "conn %u host %d: read more than was written", number, e->host);
    }
    /* A stream that ended in order is whole: a RST must never look like an end. */
    if (e->ended && (peer->plan->mode == END_ABORT || e->received != peer->sent)) {
        world_fail(w, "conn %u host %d: the stream ended at %llu of %llu", number, e->host,
                   (unsigned long long)e->received, (unsigned long long)peer->sent);
    }
}

/* A connection that one of its stacks may have given up on: an end was told so, or was reset. */
static bool given_up(const struct conn *c, const uint64_t give_ups[])
{
    bool told = c->end[0].error != 0 || c->end[1].error != 0;
    return told && give_ups[c->end[0].host] + give_ups[c->end[1].host] > 0;
}

void app_check(struct world *w, const uint64_t give_ups[])
{
    uint64_t allowed = 0, excused = 0;
    for (int h = 0; h < w->plan->host_count; h++) {
        allowed += give_ups[h];
    }
    for (uint32_t i = 0; i < w->app.plan->conn_count; i++) {
        const struct conn *c = &w->app.conn[i];
        bool gave_up = given_up(c, give_ups);
        excused += orderly(c) && gave_up;
        w->excused_late += orderly(c) && gave_up && c->end[0].received + c->end[1].received > 0;
        for (int side = 0; side < 2; side++) {
            if (orderly(c) && !gave_up) {
                check_orderly(w, i, &c->end[side], &c->end[1 - side]);
            } else {
                check_broken(w, i, side, gave_up);
            }
        }
    }
    w->excused = excused;
    /* Behind a device that fails many may wait for one neighbour, and few find room to. */
    if (excused > allowed && w->plan->device == NULL) {
        world_fail(w, "%llu connections ended early, the stacks gave up on %llu",
                   (unsigned long long)excused, (unsigned long long)allowed);
    }
}

void app_close(struct world *w)
{
    for (int h = 0; h < w->plan->host_count; h++) {
        struct net *n = w->host[h].net;
        int err = sock_close(n, w->app.listener[h], w->now_ns);
        for (uint32_t i = 0; i < w->app.plan->conn_count && err == 0; i++) {
            const struct conn_plan *p = w->app.conn[i].plan;
            if (p->own_port && !p->simultaneous && p->host[1 - p->client] == h) {
                err = sock_close(n, w->app.own_listener[i], w->now_ns);
            }
        }
        err = err != 0 ? err : sock_close(n, w->app.epoll[h], w->now_ns);
        if (err != 0) {
            world_fail(w, "closing listeners: %d", err);
        }
    }
}

void app_print(const struct world *w)
{
    static const char *const states[] = {"idle", "connecting", "open", "closed", "lost"};
    for (uint32_t i = 0; i < w->app.plan->conn_count; i++) {
        const struct conn *c = &w->app.conn[i];
        for (int h = 0; h < 2; h++) {
            const struct end *e = &c->end[h];
            int ready =
                e->fd >= 0 && w->host[e->host].up ? sock_ready(w->host[e->host].net, e->fd) : 0;
            fprintf(
                stderr,
                "  conn %u host %d port %u: %s (ready 0x%x), mode %d, wrote %llu of %u, read %llu "
                "of %u%s%s%s%s%s%s%s\n",
                i, e->host, c->port[h], states[e->state], ready, e->plan->mode,
                (unsigned long long)e->sent, e->plan->bytes, (unsigned long long)e->received,
                c->end[1 - h].plan->bytes, c->plan->client == h ? ", client" : "",
                e->ended ? ", ended" : "", e->shut ? ", shut" : "", e->can_read ? ", readable" : "",
                e->can_write ? ", writable" : "", e->error != 0 ? ", " : "",
                e->error != 0 ? strerror(-e->error) : "");
        }
    }
}
