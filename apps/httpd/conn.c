/*
 * The order of things on a connection: head, body, response, next head. Output of pipelined
 * requests gathers in one buffer; a request is begun only when its response is sure to fit.
 */
#include "apps/httpd/conn.h"

#include "apps/httpd/echo.h"
#include "apps/httpd/resources.h"

static_assert((int)ECHO_OVERHEAD_BYTES <= (int)CONN_BODY_OVERHEAD_BYTES,
              "what an echo's feed costs must fit its allowance");

void conn_init(struct conn *c, struct conn_env *env)
{
    memset(c, 0, sizeof(*c));
    c->x.env = env;
    c->state = CONN_HEAD;
    c->end = CONN_OPEN;
}

/* Answers with an error and gives the connection up: nothing behind this point can be trusted. */
static void conn_fail(struct conn *c, unsigned status)
{
    if (c->began && c->mark_valid) {
        c->x.out->len = c->response_mark;   /* nothing of it was sent yet: the error replaces it */
        c->x.env->counters.responses_2xx--; /* others end as soon as they are begun */
        c->began = false;
    }
    if (!c->began) {
        c->x.keep_alive = false;
        struct response r = exchange_response(&c->x, status);
        response_error(c->x.out, &r, c->x.head_only);
    }
    c->end = CONN_LINGER;
}

/* A response that does not end its connection, or does so after the body. True: it is all out. */
static bool conn_respond(struct conn *c, unsigned status, struct span head)
{
    c->response_mark = c->x.out->len;
    c->mark_valid = true;
    c->began = true;
    bool is_whole = resource_respond(&c->x, status, head);
    if (!is_whole) {
        c->state = CONN_PAGE;
    }
    return is_whole;
}

/* The request is dealt with to its last byte. */
static void conn_finish_request(struct conn *c)
{
    memset(&c->scan, 0, sizeof(c->scan));
    c->state = CONN_HEAD;
    c->began = false;
    c->mark_valid = false;
    c->is_echo = false;
    c->x.head_only = false;
    c->x.http10 = false;
    c->x.allow = 0;
    if (!c->x.keep_alive) {
        c->end = CONN_CLOSE;
    }
}

/* Called for the content of every body. */
static void conn_body_bytes(void *ctx, const char *at, size_t len)
{
    struct conn *c = ctx;
    if (c->is_echo) {
        echo_body(&c->x, at, len);
    } else {
        c->x.discarded += len;
    }
}

static void conn_begin_body(struct conn *c)
{
    c->state = CONN_BODY;
    c->x.discarded = 0;
    c->parser.body = conn_body_bytes;
    c->parser.body_ctx = c;
}

/* A body is echoed only once its first byte is here: till then an error can still be said. */
static void conn_begin_echo(struct conn *c, const struct request *r, size_t body_at_hand)
{
    bool is_whole = !r->chunked && r->length <= body_at_hand;
    if (r->has_body && !is_whole && !c->x.env->make_room(c->x.env, CONN_ECHO_BUFFERS)) {
        c->x.env->counters.refused_buffers++;
        conn_fail(c, 503);
        return;
    }
    c->response_mark = c->x.out->len;
    c->mark_valid = true;
    c->began = true;
    c->is_echo = true;
    echo_begin(&c->x, r);
    if (r->has_body) {
        conn_begin_body(c);
    } else {
        conn_finish_request(c);
    }
}

/* The body will not be read, so where the next request begins is not known: answer and leave. */
static void conn_begin_unread(struct conn *c, const struct request *r, unsigned status,
                              struct span head)
{
    if (status >= 400 || r->length > CONN_DISCARD_MAX_BYTES) {
        conn_fail(c, status >= 400 ? status : 413);
        return;
    }
    c->x.keep_alive = false;
    if (conn_respond(c, status, head)) {
        conn_finish_request(c);
        c->end = CONN_LINGER;
    }
}

/* Everything but an echo. The response waits for the end of the body, to be able to become 413. */
static void conn_begin_other(struct conn *c, const struct request *r, unsigned status,
                             struct span head)
{
    if (r->has_body && !c->x.swallows &&
        (r->expects_continue || r->length > CONN_DISCARD_MAX_BYTES)) {
        conn_begin_unread(c, r, status, head);
    } else if (!r->has_body) {
        if (conn_respond(c, status, head)) {
            conn_finish_request(c);
        }
    } else {
        c->x.status = (uint16_t)status;
        if (c->x.resource == RESOURCE_HEADERS && status == 200) {
            (void)conn_respond(c, status, head); /* at once, while the head is here */
            c->x.status = 0;
        }
        conn_begin_body(c);
    }
}

/* True when the head must stay where it is until the body's first byte comes. */
static bool conn_await_body(struct conn *c, const struct request *r, size_t body_at_hand)
{
    if (!r->has_body || body_at_hand > 0) {
        return false;
    }
    if (r->expects_continue) {
        outbuf_append_str(c->x.out, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    c->awaiting_body = true;
    return true;
}

/*
 * A whole head is in. *waits is set when the head is to stay in the input, and the request to be
 * begun again when more has come: it is then parsed a second time, which is cheaper than keeping
 * its parts.
 */
static void conn_begin_request(struct conn *c, const char *head, size_t body_at_hand, bool *waits)
{
    struct request r;
    c->x.allow = 0;
    c->is_echo = false;
    c->x.head_only = c->scan.method == METHOD_HEAD;
    c->x.http10 = c->scan.http10;
    int error = http_parse_head(&c->parser, &c->scan, head, &r);
    if (error != 0) {
        conn_fail(c, (unsigned)error);
        return;
    }
    c->x.keep_alive = r.keep_alive;
    c->x.is_chunked = r.chunked;
    unsigned status = resource_route(&c->x, &r);
    bool wants_body = status == 200 && (r.method == METHOD_POST || r.method == METHOD_PUT);
    bool is_echo = wants_body && c->x.resource == RESOURCE_ECHO;
    c->x.swallows = wants_body && c->x.resource == RESOURCE_DISCARD;
    c->x.discarded = 0;
    if ((is_echo || c->x.swallows) && conn_await_body(c, &r, body_at_hand)) {
        *waits = true;
        return;
    }
    c->x.env->counters.requests++;
    if (is_echo) {
        conn_begin_echo(c, &r, body_at_hand);
    } else {
        conn_begin_other(c, &r, status, (struct span){head, c->scan.pos});
    }
}

/* Each step returns the bytes it used; *more is set when another step makes sense. */
static size_t conn_step_head(struct conn *c, const char *in, size_t len, bool *more)
{
    struct head_scan *h = &c->scan;
    if (len == 0 || (c->awaiting_body && len == h->pos)) {
        return 0;
    }
    /* RFC 9112, 2.2: empty lines before a request line are skipped, but they are no request. */
    if (in[0] == '\r') {
        if (len == 1) {
            return 0;
        }
        if (h->pos == 0 && in[1] == '\n' && h->empty_lines < HEAD_EMPTY_LINES_MAX) {
            h->empty_lines++;
            *more = true;
            return 2;
        }
    }
    if (outbuf_room(c->x.out) < RESOURCE_ROOM_BYTES) {
        c->stalled = true;
        return 0;
    }
    int result = head_scan(h, in, len);
    if (result == HEAD_MORE) {
        return 0;
    }
    if (result != HEAD_DONE) {
        c->x.head_only = h->method == METHOD_HEAD;
        conn_fail(c, (unsigned)result);
        return len;
    }
    size_t head_len = h->pos;
    if (outbuf_room(c->x.out) < head_len + 2 * RESPONSE_ROOM_BYTES) {
        assert(c->x.out->len > 0);
        c->stalled = true;
        return 0;
    }
    bool waits = false;
    c->awaiting_body = false;
    conn_begin_request(c, in, len - head_len, &waits);
    assert(!waits || c->awaiting_body);
    *more = !waits;
    return waits ? 0 : head_len;
}

/* The message is complete: now the response that waited for it. */
static void conn_finish_body(struct conn *c)
{
    if (c->x.status == 0) {
        conn_finish_request(c);
        return;
    }
    unsigned status = c->x.status;
    c->x.status = 0;
    c->state = CONN_HEAD;
    if (conn_respond(c, status, (struct span){NULL, 0})) {
        conn_finish_request(c);
    }
}

/* As much of the body as is sure to fit the output, even if all of it is echoed. */
static size_t conn_step_body(struct conn *c, const char *in, size_t len, bool *more)
{
    size_t room = outbuf_room(c->x.out);
    if (room < RESOURCE_ROOM_BYTES) {
        c->stalled = len > 0;
        return 0;
    }
    if (len == 0) {
        return 0;
    }
    if (len > room - CONN_BODY_OVERHEAD_BYTES) {
        len = room - CONN_BODY_OVERHEAD_BYTES;
    }
    if (c->is_echo) {
        echo_feed_begin(&c->x);
    }
    size_t used = 0;
    enum http_body_result result = http_parse_body(&c->parser, in, len, &used);
    if (c->is_echo) {
        echo_feed_end(&c->x, result == HTTP_BODY_DONE);
    }
    if (result == HTTP_BODY_BAD) {
        conn_fail(c, 400);
        return used;
    }
    if (result == HTTP_BODY_TOO_LONG ||
        (!c->x.swallows && c->x.discarded > CONN_DISCARD_MAX_BYTES)) {
        conn_fail(c, 413);
        return used;
    }
    if (result == HTTP_BODY_DONE) {
        conn_finish_body(c);
    }
    *more = true;
    return used;
}

/* A response that is made while it is sent: as much as there is room for. */
static void conn_step_page(struct conn *c, bool *more)
{
    if (!resource_continue(&c->x)) {
        c->stalled = true;
        return;
    }
    conn_finish_request(c);
    *more = true;
}

/* Around every call from outside: out is known during it only. */
static void conn_enter(struct conn *c, struct outbuf *out)
{
    assert(out->cap >= CONN_OUT_MIN_BYTES && c->end == CONN_OPEN);
    c->x.out = out;
    c->mark_valid = false; /* what an earlier call appended is sent, or as good as */
    c->x.page_bytes = 0;
    c->stalled = false;
}

size_t conn_input(struct conn *c, const char *in, size_t len, struct outbuf *out)
{
    conn_enter(c, out);
    size_t used = 0;
    bool more;
    do {
        more = false;
        if (c->state == CONN_HEAD) {
            used += conn_step_head(c, in + used, len - used, &more);
            more = more && (used < len || c->state != CONN_HEAD); /* no head without a byte of it */
        } else if (c->state == CONN_BODY) {
            used += conn_step_body(c, in + used, len - used, &more);
        } else {
            conn_step_page(c, &more);
        }
        assert(used <= len);
    } while (more && c->end == CONN_OPEN);
    c->x.out = NULL;
    return used;
}

size_t conn_take_back(struct conn *c, size_t unsent)
{
    size_t n = resource_take_back(&c->x, unsent);
    assert(n == 0 || c->state == CONN_PAGE);
    return n;
}

/* Says status if there is a request to answer, else just closes. */
static void conn_abort(struct conn *c, size_t unused, unsigned status, struct outbuf *out)
{
    conn_enter(c, out);
    if (conn_phase(c, unused) == CONN_PHASE_IDLE || outbuf_room(out) < RESPONSE_ROOM_BYTES) {
        c->end = CONN_CLOSE;
    } else {
        c->x.head_only = c->x.head_only || c->scan.method == METHOD_HEAD;
        conn_fail(c, status);
    }
    c->x.out = NULL;
}

void conn_eof(struct conn *c, size_t unused, struct outbuf *out)
{
    conn_abort(c, unused, 400, out);
    c->end = CONN_CLOSE; /* nothing can come that would have to be drained */
}

void conn_timeout(struct conn *c, size_t unused, struct outbuf *out)
{
    conn_abort(c, unused, 408, out);
}

void conn_refuse(struct conn *c, struct outbuf *out)
{
    conn_abort(c, 1, 503, out);
}
