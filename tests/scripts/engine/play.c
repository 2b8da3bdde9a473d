/*
 * Plays a packet script against a back-end: keeps the time, makes the calls, injects, and compares.
 *
 * Strict by default: whatever the stack sends must be expected by the next lines. A segment nobody
 * asked for is a failure at the line that was waited for when it came, or at the script's end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scripts/engine/backend.h"

struct player {
    const struct ps_script *script;
    const struct ps_backend *back;
    void *b;
    struct ps_flow flows[PS_CONNS_MAX];
    uint32_t sent[PS_NAMES_MAX]; /* the stream's next byte to write and to read, by socket */
    uint32_t received[PS_NAMES_MAX];
    uint64_t start_ns;
    uint64_t last_ns; /* when the last event happened */
    struct ps_bytes bytes;
    uint8_t *buf; /* of calls: PS_DATA_MAX */
    const struct ps_event *event;
    char *why;
};

static bool failed(struct player *p, const char *fmt, ...) printf_like(2, 3);

static bool failed(struct player *p, const char *fmt, ...)
{
    char text[PS_TEXT_MAX * 3];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    uint64_t us = (p->back->now(p->b) - p->start_ns) / NS_PER_US;
    snprintf(p->why, PS_TEXT_MAX * 4, "%s:%d: at %llu.%03llu ms: %s", p->script->path,
             p->event != NULL ? p->event->line : 0, (unsigned long long)us / 1000,
             (unsigned long long)us % 1000, text);
    return false;
}

/* What came, in the script's words. */
static void describe(struct player *p, char *out, size_t size)
{
    struct ps_packet got;
    char text[PS_TEXT_MAX];
    char why[PS_TEXT_MAX];
    if (!ps_decode(&p->bytes, &got, why)) {
        snprintf(out, size, "a bad packet of %zu bytes: %s", p->bytes.len, why);
        return;
    }
    int conn = ps_flow_of(&got, p->flows, p->script->conn_count);
    if (conn >= 0) {
        ps_make_relative(&got, &p->flows[conn]);
    }
    ps_format(&got, text, sizeof(text));
    if (conn == PS_CONN_IN || got.kind != PS_PACKET_TCP) {
        snprintf(out, size, "> %s", text);
    } else {
        snprintf(out, size, "> [%s] %s", conn < 0 ? "unknown" : p->script->conns[conn].name, text);
    }
}

static bool unexpected(struct player *p)
{
    char got[PS_TEXT_MAX];
    describe(p, got, sizeof(got));
    return failed(p, "not expected: %s", got);
}

/* Time of the line: the earliest moment it may happen at, and the latest. */
static void window_of(const struct player *p, uint64_t *from_ns, uint64_t *to_ns)
{
    const struct ps_time *t = &p->event->time;
    uint64_t base_ns = t->absolute ? p->start_ns : p->last_ns;
    uint64_t slack_ns = t->tolerance_ns >= 0 ? (uint64_t)t->tolerance_ns : p->back->tolerance_ns;
    if (t->tolerance_ns < 0 && p->back->tolerance_part > 0) {
        slack_ns += t->until_ns / p->back->tolerance_part;
    }
    *from_ns = base_ns + t->ns;
    *to_ns = base_ns + t->until_ns;
    if (p->event->kind == PS_EVENT_OUT) {
        *from_ns -= min_u64(slack_ns, t->ns);
        *to_ns += slack_ns;
    }
}

/* Waits for the line's time; nothing may come meanwhile, unless the line says so. */
static bool wait_for_line(struct player *p)
{
    uint64_t from_ns, to_ns, at_ns;
    window_of(p, &from_ns, &to_ns);
    while (p->back->receive(p->b, from_ns, &p->bytes, &at_ns)) {
        if (p->event->kind != PS_EVENT_IGNORE) {
            return unexpected(p);
        }
    }
    return true;
}

static bool play_in(struct player *p)
{
    const struct ps_packet *packet = &p->event->packet;
    ps_encode(packet, &p->flows[packet->conn], &p->bytes);
    p->back->inject(p->b, &p->bytes);
    return true;
}

static bool compare(struct player *p, uint64_t from_ns, uint64_t at_ns)
{
    const struct ps_packet *want = &p->event->packet;
    struct ps_packet got;
    char why[PS_TEXT_MAX], want_text[PS_TEXT_MAX], got_text[PS_TEXT_MAX];
    if (!ps_decode(&p->bytes, &got, why)) {
        return failed(p, "a bad packet of %zu bytes: %s", p->bytes.len, why);
    }
    int64_t mtu = p->script->config[PS_CONFIG_MTU];
    if (p->bytes.len > (size_t)(mtu >= 0 ? mtu : 1500)) {
        return failed(p, "a packet of %zu bytes: more than the MTU", p->bytes.len);
    }
    int conn = ps_flow_of(&got, p->flows, p->script->conn_count);
    if (conn >= 0) {
        got.fresh = want->fresh;
        ps_make_relative(&got, &p->flows[conn]);
    }
    ps_format(want, want_text, sizeof(want_text));
    ps_format(&got, got_text, sizeof(got_text));
    if (want->kind == PS_PACKET_TCP && conn != want->conn) {
        return failed(p, "connection differs\n  want > [%s] %s\n  got  > [%s] %s",
                      p->script->conns[want->conn].name, want_text,
                      conn < 0 ? "unknown" : p->script->conns[conn].name, got_text);
    }
    if (!ps_matches(want, &got, p->back->ts_slack, why)) {
        return failed(p, "%s\n  want > %s\n  got  > %s", why, want_text, got_text);
    }
    if (at_ns < from_ns) {
        return failed(p, "too early, by %llu us: %s",
                      (unsigned long long)(from_ns - at_ns) / NS_PER_US, got_text);
    }
    return true;
}

static bool play_out(struct player *p)
{
    uint64_t from_ns, to_ns, at_ns;
    char want[PS_TEXT_MAX];
    window_of(p, &from_ns, &to_ns);
    if (!p->back->receive(p->b, to_ns, &p->bytes, &at_ns)) {
        ps_format(&p->event->packet, want, sizeof(want));
        return failed(p, "nothing came; want > %s", want);
    }
    p->last_ns = at_ns;
    return compare(p, from_ns, at_ns);
}

static bool play_count(struct player *p)
{
    const struct ps_event *e = p->event;
    int64_t value = 0;
    bool known = true;
    if (!p->back->counter(p->b, e->counter, &value, &known)) {
        return failed(p, "no counter '%s'; allowed are those of net/counters*.h", e->counter);
    }
    if (known && (e->at_least ? value < e->count : value != e->count)) {
        return failed(p, "count %s is %lld, want %s%lld", e->counter, (long long)value,
                      e->at_least ? ">= " : "", (long long)e->count);
    }
    return true;
}

static void fill(uint8_t *out, uint32_t seq, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = ps_pattern(seq + (uint32_t)i);
    }
}

static void say_result(char *out, size_t size, int64_t result)
{
    if (result < 0) {
        snprintf(out, size, "%s", ps_errno_name((int)-result));
    } else {
        snprintf(out, size, "%lld", (long long)result);
    }
}

/* Received bytes against what was wanted. */
static bool bytes_match(struct player *p, int64_t result)
{
    const struct ps_call *c = &p->event->call;
    uint32_t at = p->received[c->sock];
    if (result != (int64_t)c->want_len) {
        char got[64];
        say_result(got, sizeof(got), result);
        return failed(p, "want %zu bytes, got %s", c->want_len, got);
    }
    for (size_t i = 0; i < c->want_len; i++) {
        uint8_t want = c->want_data != NULL ? c->want_data[i] : ps_pattern(at + (uint32_t)i);
        if (p->buf[i] != want) {
            return failed(p, "byte %zu is 0x%02x, want 0x%02x", i, p->buf[i], want);
        }
    }
    return true;
}

static bool result_matches(struct player *p, int64_t result)
{
    const struct ps_call *c = &p->event->call;
    int64_t want = c->want_number;
    char got[64], wanted[64];
    switch (c->want) {
    case PS_WANT_ANY:
        return true;
    case PS_WANT_BYTES:
        return bytes_match(p, result);
    case PS_WANT_ERRNO:
        want = -want;
        break;
    case PS_WANT_OK:
        want = c->verb == PS_SEND ? (int64_t)c->len : 0;
        break;
    default:
        break;
    }
    if (result == want) {
        return true;
    }
    say_result(got, sizeof(got), result);
    say_result(wanted, sizeof(wanted), want);
    return failed(p, "the call's result is %s, want %s", got, wanted);
}

static bool play_call(struct player *p)
{
    const struct ps_call *c = &p->event->call;
    if (c->verb == PS_SEND) {
        if (c->data != NULL) {
            memcpy(p->buf, c->data, c->len);
        } else {
            fill(p->buf, p->sent[c->sock], c->len);
        }
    }
    int64_t result = p->back->call(p->b, c, &p->flows[c->conn], p->buf);
    bool good = result_matches(p, result);
    if (c->verb == PS_ACCEPT || c->verb == PS_SOCKET) {
        int made = c->verb == PS_ACCEPT ? c->other : c->sock;
        p->sent[made] = 1;
        p->received[made] = 1;
    }
    if (result > 0 && c->verb == PS_SEND) {
        p->sent[c->sock] += (uint32_t)result;
    }
    if (result > 0 && c->verb == PS_RECV && !(c->flags & PS_MSG_PEEK)) {
        p->received[c->sock] += (uint32_t)result;
    }
    return good;
}

static bool play_event(struct player *p)
{
    if (p->event->kind == PS_EVENT_OUT) {
        return play_out(p);
    }
    if (!wait_for_line(p)) {
        return false;
    }
    bool good = true;
    switch (p->event->kind) {
    case PS_EVENT_IN:
        good = play_in(p);
        break;
    case PS_EVENT_CALL:
        good = play_call(p);
        break;
    case PS_EVENT_COUNT:
        good = play_count(p);
        break;
    default:
        break;
    }
    /* In real time a late call moves what follows: the lines say how far apart things are. */
    p->last_ns = p->back->now(p->b);
    return good;
}

static bool play_all(struct player *p)
{
    uint64_t at_ns;
    for (size_t i = 0; i < p->script->event_count; i++) {
        p->event = &p->script->events[i];
        bool here =
            p->event->where == PS_EVERYWHERE || (p->event->where == PS_LINUX) == p->back->real_time;
        if (here && !play_event(p)) {
            return false;
        }
    }
    if (p->back->receive(p->b, p->back->now(p->b), &p->bytes, &at_ns)) {
        return unexpected(p);
    }
    return true;
}

static void set_flows(struct player *p, const struct ps_run *run)
{
    for (size_t i = 0; i < p->script->conn_count; i++) {
        const struct ps_conn *c = &p->script->conns[i];
        p->flows[i] = (struct ps_flow){.peer = c->peer,
                                       .lport = c->lport,
                                       .rport = c->rport,
                                       .iss = run->iss,
                                       .irs = run->irs,
                                       .ts_ours = run->ts_ours,
                                       .ts_peer = run->ts_peer};
    }
}

bool ps_play(const struct ps_script *s, const struct ps_backend *back, const struct ps_run *run,
             char why[PS_TEXT_MAX * 4])
{
    char end_why[PS_TEXT_MAX] = "";
    struct player *p = calloc(1, sizeof(*p));
    assert(p != NULL);
    *p = (struct player){.script = s, .back = back, .why = why};
    p->b = back->begin(s, run, end_why);
    if (p->b == NULL) {
        snprintf(why, PS_TEXT_MAX * 4, "%s: %s", s->path, end_why);
        free(p);
        return false;
    }
    p->buf = malloc(PS_DATA_MAX);
    assert(p->buf != NULL);
    set_flows(p, run);
    p->start_ns = back->now(p->b);
    p->last_ns = p->start_ns;
    bool good = play_all(p);
    bool ended = back->end(p->b, end_why);
    if (good && !ended) {
        snprintf(why, PS_TEXT_MAX * 4, "%s: at the end: %s", s->path, end_why);
    }
    free(p->buf);
    free(p);
    return good && ended;
}
