/*
 * Sized in, sized out; chunked in, chunked out. All body bytes of one feed leave as one chunk,
 * however the client cut them, so out never grows by more than a frame beyond what came in.
 */
#include "apps/httpd/echo.h"

static_assert(OUTBUF_CHUNK_HEAD_BYTES + OUTBUF_CHUNK_TAIL_BYTES + OUTBUF_CHUNK_LAST_BYTES <=
                  CONN_BODY_OVERHEAD_BYTES,
              "a feed's frame must fit its allowance");

void echo_begin(struct conn *c, const struct request *r)
{
    /* RFC 9110, 8.3: a body without a type is just bytes. */
    assert(c->out != NULL);
    static const char default_type[] = "application/octet-stream";
    struct response out = conn_response(c, 200);
    out.framing = r->chunked ? RESPONSE_CHUNKED : RESPONSE_SIZED;
    out.length = r->length;
    out.content_type = r->content_type;
    if (out.content_type.at == NULL) {
        out.content_type = (struct span){default_type, sizeof(default_type) - 1};
    }
    response_head(c->out, &out);
}

void echo_feed_begin(struct conn *c)
{
    if (c->is_chunked) {
        c->chunk_start = outbuf_chunk_begin(c->out);
    }
}

void echo_body(struct conn *c, const char *at, size_t len)
{
    assert(c->is_echo);
    c->env->counters.echo_bytes += len;
    outbuf_append(c->out, at, len);
}

void echo_feed_end(struct conn *c, bool is_last)
{
    if (!c->is_chunked) {
        return;
    }
    outbuf_chunk_end(c->out, c->chunk_start);
    if (is_last) {
        outbuf_chunk_last(c->out);
    }
}
