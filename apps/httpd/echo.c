/*
 * Sized in, sized out; chunked in, chunked out. All body bytes of one feed leave as one chunk,
 * however the client cut them, so out never grows by more than a frame beyond what came in.
 */
#include "apps/httpd/echo.h"

void echo_begin(struct exchange *x, const struct request *r)
{
    /* RFC 9110, 8.3: a body without a type is just bytes. */
    assert(x->out != NULL);
    static const char default_type[] = "application/octet-stream";
    struct response out = exchange_response(x, 200);
    out.framing = r->chunked ? RESPONSE_CHUNKED : RESPONSE_SIZED;
    out.length = r->length;
    out.content_type = r->content_type;
    if (out.content_type.at == NULL) {
        out.content_type = (struct span){default_type, sizeof(default_type) - 1};
    }
    response_head(x->out, &out);
}

void echo_feed_begin(struct exchange *x)
{
    if (x->is_chunked) {
        x->chunk_start = outbuf_chunk_begin(x->out);
    }
}

void echo_body(struct exchange *x, const char *at, size_t len)
{
    assert(x->out != NULL);
    x->env->counters.echo_bytes += len;
    outbuf_append(x->out, at, len);
}

void echo_feed_end(struct exchange *x, bool is_last)
{
    if (!x->is_chunked) {
        return;
    }
    outbuf_chunk_end(x->out, x->chunk_start);
    if (is_last) {
        outbuf_chunk_last(x->out);
    }
}
