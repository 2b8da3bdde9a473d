/*
 * The table of resources, and those of them that are answered at once.
 */
#include "apps/httpd/resources.h"

#include <inttypes.h>
#include <stdio.h>

#include "apps/httpd/pages.h"

/* Their large frames are not to be set up by those who need none. */
#define rarely __attribute__((noinline, cold))

enum {
    METHODS_READ = METHOD_GET | METHOD_HEAD | METHOD_OPTIONS,
    METHODS_ALL = METHODS_READ | METHOD_POST | METHOD_PUT,
    DISCARD_TEXT_BYTES = 24, /* 64 bits in decimal, a new line, a terminator */
};

static const char page_text[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head><meta charset=\"utf-8\"><title>Ringside</title></head>\n"
    "<body>\n"
    "<h1>Ringside</h1>\n"
    "<p>This page came from a network operating system that is one program: its own boot code,\n"
    "network driver, TCP/IP and sockets, with this web server linked in. The same source of the\n"
    "server also runs on plain Linux, so it may be that, too: <a href=\"/stats\">/stats</a>\n"
    "tells.</p>\n"
    "<ul>\n"
    "<li><a href=\"/echo\">/echo</a> returns the body of a POST or PUT, of any size</li>\n"
    "<li><a href=\"/bytes/1000000\">/bytes/N</a> returns N bytes of text</li>\n"
    "<li><a href=\"/headers\">/headers</a> returns the request line and the header fields</li>\n"
    "<li><a href=\"/healthz\">/healthz</a> says ok</li>\n"
    "<li><a href=\"/stats\">/stats</a> shows the counters</li>\n"
    "</ul>\n"
    "</body>\n"
    "</html>\n";

static const char echo_help_text[] =
    "POST or PUT a body to this address and it comes back, with its content type.\n"
    "It is sent back while it still comes in: read while you write.\n";

static const char discard_help_text[] = "POST or PUT a body to this address: it is thrown away, "
                                        "and the answer is its count of bytes.\n";

static const char healthz_text[] = "ok\n";

static const char type_html[] = "text/html; charset=utf-8";
static const char type_text[] = "text/plain; charset=utf-8";

static_assert((int)RESOURCE_COUNT <= (int)EXCHANGE_KEPT_COUNT, "each resource can keep one");
static_assert(sizeof(page_text) + RESPONSE_ROOM_BYTES + sizeof(type_html) <= RESOURCE_ROOM_BYTES,
              "the page must fit the room a request is promised");

#define PATH_ROOT    "/"
#define PATH_ECHO    "/echo"
#define PATH_DISCARD "/discard"
#define PATH_HEADERS "/headers"
#define PATH_HEALTHZ "/healthz"
#define PATH_STATS   "/stats"
#define PATH_BYTES   "/bytes/" /* the beginning of many */

/* In the order of enum resource_id. text: the whole body, where it is always the same. */
static const struct resource {
    struct span text;
    struct span type;
    uint8_t methods;
} resources[RESOURCE_COUNT] = {
#define SPAN(s)          \
    {                    \
        s, sizeof(s) - 1 \
    }
    [RESOURCE_ROOT] = {SPAN(page_text), SPAN(type_html), METHODS_READ},
    [RESOURCE_ECHO] = {SPAN(echo_help_text), SPAN(type_text), METHODS_ALL},
    [RESOURCE_DISCARD] = {SPAN(discard_help_text), SPAN(type_text), METHODS_ALL},
    [RESOURCE_HEADERS] = {{NULL, 0}, SPAN(type_text), METHODS_READ},
    [RESOURCE_HEALTHZ] = {SPAN(healthz_text), SPAN(type_text), METHODS_READ},
    [RESOURCE_STATS] = {{NULL, 0}, SPAN(type_text), METHODS_READ},
    [RESOURCE_BYTES] = {{NULL, 0}, SPAN(type_text), METHODS_READ},
#undef SPAN
};

#define PATH_IS(path, constant) \
    ((path).len == sizeof(constant) - 1 && span_begins((path).at, constant))

/* Byte for byte: "/%65cho" is another resource, which there is not. Nothing is ever decoded. */
static enum resource_id resource_find(struct exchange *x, struct span path)
{
    if (PATH_IS(path, PATH_HEALTHZ)) {
        return RESOURCE_HEALTHZ;
    }
    if (PATH_IS(path, PATH_ROOT)) {
        return RESOURCE_ROOT;
    }
    size_t prefix_len = sizeof(PATH_BYTES) - 1;
    if (path.len > prefix_len && span_begins(path.at, PATH_BYTES)) {
        struct span digits = {path.at + prefix_len, path.len - prefix_len};
        return bytes_page_count(digits, &x->bytes_end) ? RESOURCE_BYTES : RESOURCE_NONE;
    }
    if (PATH_IS(path, PATH_ECHO)) {
        return RESOURCE_ECHO;
    }
    if (PATH_IS(path, PATH_STATS)) {
        return RESOURCE_STATS;
    }
    if (PATH_IS(path, PATH_DISCARD)) {
        return RESOURCE_DISCARD;
    }
    return PATH_IS(path, PATH_HEADERS) ? RESOURCE_HEADERS : RESOURCE_NONE;
}

unsigned resource_route(struct exchange *x, const struct request *r)
{
    x->resource = RESOURCE_NONE;
    x->allow = 0;
    if (r->path.len == 1 && r->path.at[0] == '*') {
        /* RFC 9112, 3.2.4: only OPTIONS may be about the server as a whole. */
        x->allow = METHODS_ALL;
        return r->method == METHOD_OPTIONS ? 204 : 400;
    }
    enum resource_id id = resource_find(x, r->path);
    if (id == RESOURCE_NONE) {
        return 404;
    }
    x->resource = (uint8_t)id;
    if ((resources[id].methods & r->method) == 0) {
        x->allow = resources[id].methods;
        return 405;
    }
    if (r->method == METHOD_OPTIONS) {
        x->allow = resources[id].methods;
        return 204;
    }
    return 200;
}

/* Room for it was promised: see resource_respond(). */
static rarely bool respond_text(struct exchange *x, struct span body)
{
    struct response r = exchange_response(x, 200);
    r.content_type = resources[x->resource].type;
    r.length = body.len;
    response_head(x->out, &r);
    if (!x->head_only) {
        outbuf_append(x->out, body.at, body.len);
    }
    return true;
}

/* Responds, and keeps what it was for those who ask next. */
static rarely bool respond_first(struct exchange *x, struct span body, struct kept_response *kept)
{
    size_t start = x->out->len;
    (void)respond_text(x, body);
    size_t len = x->out->len - start;
    kept->body_apart = len > sizeof(kept->text);
    if (kept->body_apart) {
        len -= body.len;
    }
    if (len <= sizeof(kept->text)) {
        memcpy(kept->text, x->out->data + start, len);
        kept->len = (uint16_t)len;
    }
    return true;
}

/* A body that never changes, for a client that stays, is answered as the last one was. */
static bool respond_constant(struct exchange *x, struct span body)
{
    struct kept_response *kept = &x->env->kept[x->resource];
    if (!x->keep_alive || x->http10 || x->head_only) {
        return respond_text(x, body);
    }
    if (kept->len == 0) {
        return respond_first(x, body, kept);
    }
    x->env->counters.responses_2xx++;
    outbuf_append(x->out, kept->text, kept->len);
    if (kept->body_apart) {
        outbuf_append(x->out, body.at, body.len);
    }
    return true;
}

/* The length of /stats is known only at its end: chunked, or for 1.0 until the close. */
static rarely bool respond_stats(struct exchange *x)
{
    struct response r = exchange_response(x, 200);
    r.content_type = resources[RESOURCE_STATS].type;
    r.framing = RESPONSE_CHUNKED;
    if (x->http10) {
        r.framing = RESPONSE_UNTIL_CLOSE;
        r.keep_alive = false;
        x->keep_alive = false;
    }
    response_head(x->out, &r);
    x->stats_own = 0;
    x->stats = (struct stats_iter){0};
    return x->head_only;
}

/* Sized: the count is in the path. */
static rarely bool respond_bytes(struct exchange *x)
{
    struct response r = exchange_response(x, 200);
    r.content_type = resources[RESOURCE_BYTES].type;
    r.length = x->bytes_end;
    response_head(x->out, &r);
    x->bytes_at = 0;
    return x->head_only;
}

/* Nothing, or what the status says. */
static rarely bool respond_status(struct exchange *x, unsigned status)
{
    struct response r = exchange_response(x, status);
    if (status == 204) {
        r.framing = RESPONSE_NO_BODY;
        response_head(x->out, &r);
    } else {
        response_error(x->out, &r, x->head_only);
    }
    return true;
}

/* The count of the body that was thrown away; without a body, what the resource is for. */
static rarely bool respond_discard(struct exchange *x)
{
    char text[DISCARD_TEXT_BYTES];
    int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", x->discarded);
    assert(len > 0 && len < DISCARD_TEXT_BYTES);
    return respond_text(x, (struct span){text, (size_t)len});
}

bool resource_respond(struct exchange *x, unsigned status, struct span head)
{
    assert(x->resource < RESOURCE_COUNT || status != 200);
    if (status != 200) {
        return respond_status(x, status);
    }
    switch (x->resource) {
    case RESOURCE_STATS:
        return respond_stats(x);
    case RESOURCE_BYTES:
        return respond_bytes(x);
    case RESOURCE_HEADERS:
        return respond_text(x, head);
    case RESOURCE_DISCARD:
        return x->swallows ? respond_discard(x) : respond_constant(x, resources[x->resource].text);
    default:
        return respond_constant(x, resources[x->resource].text);
    }
}

bool resource_continue(struct exchange *x)
{
    assert(x->resource == RESOURCE_STATS || x->resource == RESOURCE_BYTES);
    return x->resource == RESOURCE_STATS ? stats_page_continue(x) : bytes_page_continue(x);
}

size_t resource_take_back(struct exchange *x, size_t unsent)
{
    size_t n = unsent < x->page_bytes ? unsent : x->page_bytes;
    assert(n == 0 || x->resource == RESOURCE_BYTES);
    x->page_bytes -= (uint32_t)n;
    x->bytes_at -= n;
    return n;
}
