/*
 * Reading, processing, writing, in rounds of at most a buffer each. Nothing is read while output
 * waits: a client that does not take its responses fills its own socket, not our memory. A client
 * works in the server's two spare buffers and takes one of its own only when bytes must be kept.
 */
#include "apps/httpd/client.h"

#include "apps/httpd/evict.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static_assert((int)BUFFER_BYTES >= (int)CONN_OUT_MIN_BYTES,
              "a buffer must hold a head with its response");

enum step {
    STEP_ON,       /* go on */
    STEP_WAIT_IN,  /* for the client to send */
    STEP_WAIT_OUT, /* for the client to read, or for our own next turn */
    STEP_CLOSED,   /* c is free */
};

/* Where c's input is gathered: in its own buffer, if it holds one. */
static struct buffer *client_in(struct server *s, struct client *c)
{
    return c->in != NULL ? c->in : s->spare_in;
}

static struct buffer *client_out(struct server *s, struct client *c)
{
    return c->out != NULL ? c->out : s->spare_out;
}

/* What another client left in the spare buffers is none of this one's. */
static void spares_reset(struct server *s)
{
    s->spare_in->end = 0;
    s->spare_out->start = 0;
    s->spare_out->end = 0;
}

static enum step client_fail(struct server *s, struct client *c)
{
    s->env.counters.socket_errors++;
    client_close(s, c);
    return STEP_CLOSED;
}

/* An interrupted call is tried again when epoll reports the socket once more, as it will. */
static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* What the socket did not take waits, but for what can be made again once it is wanted. */
static enum step client_wait_out(struct client *c, struct buffer *out)
{
    out->end -= (uint32_t)conn_take_back(&c->conn, out->end - out->start);
    if (out->start == out->end) {
        out->start = 0;
        out->end = 0;
    }
    return STEP_WAIT_OUT;
}

/* Sends what waits, in one call: what the socket does not take now, it takes when epoll says so. */
static enum step client_flush(struct server *s, struct client *c)
{
    struct buffer *out = client_out(s, c);
    if (out->start == out->end) {
        return STEP_ON;
    }
    ssize_t n = send(c->fd, out->bytes + out->start, out->end - out->start, MSG_NOSIGNAL);
    if (n < 0) {
        return would_block(errno) ? client_wait_out(c, out) : client_fail(s, c);
    }
    s->moved_bytes += (size_t)n;
    out->start += (uint32_t)n;
    assert(out->start <= out->end);
    if (out->start < out->end) {
        return client_wait_out(c, out);
    }
    out->start = 0;
    out->end = 0;
    return STEP_ON;
}

/* All output is sent and the connection is to end. */
static enum step client_finish(struct server *s, struct client *c)
{
    assert(c->conn.end != CONN_OPEN);
    /* RFC 9112, 9.6: closing a socket with unread input makes a RST, which can overtake the FIN. */
    if (c->conn.end == CONN_CLOSE || shutdown(c->fd, SHUT_WR) != 0) {
        client_close(s, c);
        return STEP_CLOSED;
    }
    c->is_lingering = true;
    return STEP_WAIT_IN;
}

/* Appends to c's input. STEP_ON: some came, or the end did. */
static enum step client_read(struct server *s, struct client *c, bool *was_short, bool *eof)
{
    struct buffer *in = client_in(s, c);
    size_t room = conn_read_max(&c->conn, BUFFER_BYTES) - in->end;
    assert(room > 0 && room <= BUFFER_BYTES);
    ssize_t n = recv(c->fd, in->bytes + in->end, room, 0);
    if (n < 0) {
        return would_block(errno) ? STEP_WAIT_IN : client_fail(s, c);
    }
    s->moved_bytes += (size_t)n;
    in->end += (uint32_t)n;
    *was_short = (size_t)n < room;
    *eof = n == 0;
    return STEP_ON;
}

/*
 * One call of the state machine. Its output goes into an empty buffer, for nothing is processed
 * while earlier output waits; what it leaves of the input moves to the front, where the next read
 * goes on.
 */
static void client_process(struct server *s, struct client *c, bool eof)
{
    struct buffer *in = client_in(s, c);
    struct buffer *out = client_out(s, c);
    assert(out->start == 0 && out->end == 0);
    struct outbuf o = {out->bytes, 0, BUFFER_BYTES};
    s->busy = c;
    s->env.counters.buffers_used = s->env.counters.buffers_max - s->buffers.free_count;
    if (eof) {
        conn_eof(&c->conn, in->end, &o);
    } else {
        size_t used = conn_input(&c->conn, in->bytes, in->end, &o);
        in->end -= (uint32_t)used;
        if (used > 0 && in->end > 0) {
            memmove(in->bytes, in->bytes + used, in->end);
        }
    }
    out->end = (uint32_t)o.len;
    if (c->conn.end == CONN_CLOSE && in->end > 0) {
        c->conn.end = CONN_LINGER; /* the client has sent more than we will read */
    }
}

/* Reads once, works it off, sends the results. */
static enum step client_round(struct server *s, struct client *c)
{
    bool was_short = false;
    bool eof = false;
    bool was_stalled = c->conn.stalled;
    if (!was_stalled) {
        enum step step = client_read(s, c, &was_short, &eof);
        if (step != STEP_ON) {
            return step;
        }
    }
    client_process(s, c, eof);
    enum step step = client_flush(s, c);
    if (step != STEP_ON) {
        return step;
    }
    if (c->conn.end != CONN_OPEN) {
        return client_finish(s, c);
    }
    return was_short && !c->conn.stalled ? STEP_WAIT_IN : STEP_ON;
}

/* A buffer of c's own in place of a spare one. False when there is none left. */
static bool client_keep(struct server *s, struct client *c, struct buffer **own,
                        struct buffer **spare)
{
    assert(*own == NULL);
    struct buffer *fresh = evict_for_buffers(s, c, 1) ? buffers_take(&s->buffers) : NULL;
    if (fresh == NULL) {
        s->env.counters.refused_buffers++;
        return false;
    }
    *own = *spare;
    *spare = fresh;
    return true;
}

/* Keeps what output there is beyond this turn. False when that cannot be. */
static bool client_keep_out(struct server *s, struct client *c)
{
    bool is_needed = client_out(s, c)->end > 0 || conn_holds_buffer(&c->conn);
    if (is_needed && c->out == NULL) {
        return client_keep(s, c, &c->out, &s->spare_out);
    }
    if (!is_needed && c->out != NULL) {
        buffers_give(&s->buffers, c->out);
        c->out = NULL;
    }
    return true;
}

/* Likewise for input. */
static bool client_keep_in(struct server *s, struct client *c)
{
    bool is_needed = client_in(s, c)->end > 0 && c->conn.end == CONN_OPEN;
    if (is_needed && c->in == NULL) {
        return client_keep(s, c, &c->in, &s->spare_in);
    }
    if (!is_needed && c->in != NULL) {
        buffers_give(&s->buffers, c->in);
        c->in = NULL;
    }
    return true;
}

/* What c waits for decides how long it may. */
static enum timeout_kind client_timeout_kind(const struct client *c, enum step step)
{
    bool holds = c->in != NULL || c->out != NULL;
    if (c->is_lingering) {
        return TIMEOUT_LINGER;
    }
    if (step == STEP_WAIT_OUT) {
        return holds ? TIMEOUT_WRITE_HELD : TIMEOUT_WRITE;
    }
    switch (conn_phase(&c->conn, c->in != NULL ? c->in->end : 0)) {
    case CONN_PHASE_IDLE:
        return TIMEOUT_IDLE;
    case CONN_PHASE_HEAD:
        return TIMEOUT_HEAD;
    case CONN_PHASE_BODY:
        break;
    }
    return holds ? TIMEOUT_BODY_HELD : TIMEOUT_BODY;
}

/* How a turn went, for what it means to the time-out. */
struct progress {
    uint64_t moved_bytes;
    uint64_t requests;
};

static struct progress progress_now(const struct server *s)
{
    return (struct progress){s->moved_bytes, s->env.counters.requests};
}

/*
 * A byte in or out renews every time-out but two: that of a head, or a client could keep a
 * connection for ever with a byte now and then, and that of the lingering close.
 */
static void client_rearm(struct server *s, struct client *c, enum step step,
                         const struct progress *before)
{
    enum timeout_kind kind = client_timeout_kind(c, step);
    bool renews = s->moved_bytes != before->moved_bytes && kind != TIMEOUT_LINGER &&
                  (kind != TIMEOUT_HEAD || s->env.counters.requests != before->requests);
    if (kind != c->timeout.kind || renews) {
        timeouts_arm(&s->timeouts, &c->timeout, kind, s->now_ms);
    }
}

/* Level-triggered, one kind of event at a time: a request that is answered at once changes nothing.
 */
static bool client_set_interest(struct server *s, struct client *c, uint32_t events)
{
    if (c->interest == events) {
        return true;
    }
    struct epoll_event e = {.events = events, .data = {.ptr = c}};
    if (epoll_ctl(s->epoll_fd, c->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &e) != 0) {
        return false;
    }
    c->interest = events;
    return true;
}

/* No buffer for what came in: says so if the client will hear it now, and gives up. */
static enum step client_give_up(struct server *s, struct client *c)
{
    struct buffer *out = client_out(s, c);
    if (out->end > 0) {
        client_abort(s, c); /* in the middle of an answer */
        return STEP_CLOSED;
    }
    struct outbuf o = {out->bytes, 0, BUFFER_BYTES};
    conn_refuse(&c->conn, &o);
    out->end = (uint32_t)o.len;
    enum step step = client_flush(s, c);
    if (step == STEP_ON) {
        return client_finish(s, c);
    }
    if (step != STEP_CLOSED) {
        client_close(s, c);
    }
    return STEP_CLOSED;
}

/* Has c keep what it must, and nothing else. False: it had to go. */
static bool client_keep_bytes(struct server *s, struct client *c, enum step *step)
{
    if (!client_keep_in(s, c)) {
        *step = client_give_up(s, c);
    }
    if (*step == STEP_CLOSED) {
        return false;
    }
    if (!client_keep_out(s, c)) {
        client_abort(s, c); /* in the middle of an answer, too */
        return false;
    }
    return true;
}

/* True after most turns: it held nothing and left nothing. */
static bool client_keeps_nothing(const struct server *s, const struct client *c)
{
    return c->in == NULL && c->out == NULL && s->spare_in->end == 0 && s->spare_out->end == 0 &&
           !conn_holds_buffer(&c->conn);
}

/* Leaves c in order until its next event: buffers, time-out, interest. */
static void client_settle(struct server *s, struct client *c, enum step step,
                          const struct progress *before)
{
    if (step == STEP_CLOSED) {
        return;
    }
    if (!client_keeps_nothing(s, c) && !client_keep_bytes(s, c, &step)) {
        return;
    }
    /* Rounds used up with input at hand: being writable, it is reported again at once. */
    bool wants_out = step == STEP_WAIT_OUT || (step == STEP_ON && c->conn.stalled);
    client_rearm(s, c, step, before);
    if (!client_set_interest(s, c, wants_out ? EPOLLOUT : EPOLLIN)) {
        client_fail(s, c);
    }
}

/* Throws away what comes behind the end, within bounds, so that our last words are not lost. */
static void client_drain(struct server *s, struct client *c)
{
    ssize_t n = recv(c->fd, s->spare_in->bytes, BUFFER_BYTES, 0);
    if (n > 0) {
        c->lingered_bytes += (uint32_t)n;
    }
    bool goes_on =
        n > 0 ? c->lingered_bytes <= CLIENT_LINGER_MAX_BYTES : n < 0 && would_block(errno);
    if (!goes_on) {
        client_close(s, c);
    }
}

void client_turn(struct server *s, struct client *c, uint32_t events)
{
    if (c->fd < 0) {
        return; /* closed by another's turn after epoll had reported it */
    }
    spares_reset(s);
    /* EPOLLHUP needs no care: recv() or send() then says what there is to know. */
    if ((events & EPOLLERR) != 0) {
        client_fail(s, c);
        return;
    }
    if (c->is_lingering) {
        client_drain(s, c);
        return;
    }
    assert(c->out == NULL || c->out->start <= c->out->end);
    struct progress before = progress_now(s);
    enum step step = STEP_ON;
    if (c->out != NULL) { /* else nothing waits: the spare buffer was just emptied */
        step = client_flush(s, c);
    }
    if (step == STEP_ON && c->conn.end != CONN_OPEN) {
        step = client_finish(s, c);
    }
    for (int i = 0; step == STEP_ON && i < CLIENT_ROUNDS_PER_TURN; i++) {
        step = client_round(s, c);
    }
    client_settle(s, c, step, &before);
}

/* Sends the last words that conn_timeout() or conn_refuse() left in out. */
static void client_say_last(struct server *s, struct client *c, const struct outbuf *o)
{
    struct progress before = progress_now(s);
    client_out(s, c)->end = (uint32_t)o->len;
    enum step step = client_flush(s, c);
    if (step == STEP_ON) {
        step = client_finish(s, c);
    }
    client_settle(s, c, step, &before);
}

void client_expire(struct server *s, struct client *c)
{
    uint64_t *const counts[TIMEOUT_KIND_COUNT] = {
        [TIMEOUT_IDLE] = &s->env.counters.timeouts_idle,
        [TIMEOUT_HEAD] = &s->env.counters.timeouts_head,
        [TIMEOUT_BODY] = &s->env.counters.timeouts_body,
        [TIMEOUT_WRITE] = &s->env.counters.timeouts_write,
        [TIMEOUT_BODY_HELD] = &s->env.counters.timeouts_body,
        [TIMEOUT_WRITE_HELD] = &s->env.counters.timeouts_write,
        [TIMEOUT_LINGER] = &s->env.counters.timeouts_linger,
    };
    enum timeout_kind kind = c->timeout.kind;
    assert(kind < TIMEOUT_KIND_COUNT && c->fd >= 0);
    (*counts[kind])++;
    if (kind == TIMEOUT_WRITE || kind == TIMEOUT_WRITE_HELD) {
        client_abort(s, c);
        return;
    }
    if (kind == TIMEOUT_IDLE || kind == TIMEOUT_LINGER) {
        client_close(s, c);
        return;
    }
    spares_reset(s);
    struct outbuf o = {client_out(s, c)->bytes, client_out(s, c)->end, BUFFER_BYTES};
    conn_timeout(&c->conn, c->in != NULL ? c->in->end : 0, &o);
    client_say_last(s, c, &o);
}

bool client_open(struct server *s, struct client *c, int fd)
{
    c->fd = fd;
    c->in = NULL;
    c->out = NULL;
    c->interest = 0;
    c->lingered_bytes = 0;
    c->is_lingering = false;
    c->timeout.kind = TIMEOUT_NONE;
    conn_init(&c->conn, &s->env);
    timeouts_arm(&s->timeouts, &c->timeout, TIMEOUT_IDLE, s->now_ms);
    if (client_set_interest(s, c, EPOLLIN)) {
        return true;
    }
    client_close(s, c);
    return false;
}

void client_refuse(struct server *s, struct client *c)
{
    spares_reset(s);
    struct outbuf o = {s->spare_out->bytes, 0, BUFFER_BYTES};
    conn_refuse(&c->conn, &o);
    client_say_last(s, c, &o);
}
