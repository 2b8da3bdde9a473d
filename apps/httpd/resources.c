/*
 * The table of resources, and those of them that are answered at once.
 */
#include "apps/httpd/resources.h"

#include "apps/httpd/pages.h"

enum {
    METHODS_READ = METHOD_GET | METHOD_HEAD | METHOD_OPTIONS,
    METHODS_ALL = METHODS_READ | METHOD_POST | METHOD_PUT,
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

static const char healthz_text[] = "ok\n";

static const char type_html[] = "text/html; charset=utf-8";
static const char type_text[] = "text/plain; charset=utf-8";

static_assert(sizeof(page_text) + RESPONSE_ROOM_BYTES + sizeof(type_html) <= RESOURCE_ROOM_BYTES,
              "the page must fit the room a request is promised");

/*
 * In the order of enum resource_id. text: the whole body, where it is always the same. A path that
 * ends in "/" but for the root is the beginning of many.
 */
static const struct resource {
    const char *path;
    size_t path_len;
    const char *text;
    size_t text_len;
    struct span type;
    uint8_t methods;
} resources[RESOURCE_COUNT] = {
#define PATH(s) s, sizeof(s) - 1
#define TEXT(s) s, sizeof(s) - 1
#define TYPE(s)          \
    {                    \
        s, sizeof(s) - 1 \
    }
    [RESOURCE_ROOT] = {PATH("/"), TEXT(page_text), TYPE(type_html), METHODS_READ},
    [RESOURCE_ECHO] = {PATH("/echo"), TEXT(echo_help_text), TYPE(type_text), METHODS_ALL},
    [RESOURCE_HEADERS] = {PATH("/headers"), NULL, 0, TYPE(type_text), METHODS_READ},
    [RESOURCE_HEALTHZ] = {PATH("/healthz"), TEXT(healthz_text), TYPE(type_text), METHODS_READ},
    [RESOURCE_STATS] = {PATH("/stats"), NULL, 0, TYPE(type_text), METHODS_READ},
    [RESOURCE_BYTES] = {PATH("/bytes/"), NULL, 0, TYPE(type_text), METHODS_READ},
#undef PATH
#undef TEXT
#undef TYPE
};

/* Byte for byte: "/%65cho" is another resource, which there is not. Nothing is ever decoded. */
static enum resource_id resource_find(struct exchange *x, struct span path)
{
    size_t prefix_len = resources[RESOURCE_BYTES].path_len;
    if (path.len > prefix_len && memcmp(path.at, resources[RESOURCE_BYTES].path, prefix_len) == 0) {
        struct span digits = {path.at + prefix_len, path.len - prefix_len};
        return bytes_page_count(digits, &x->bytes_end) ? RESOURCE_BYTES : RESOURCE_NONE;
    }
    for (size_t i = 0; i < RESOURCE_BYTES; i++) {
        if (resources[i].path_len == path.len &&
            memcmp(resources[i].path, path.at, path.len) == 0) {
            return (enum resource_id)i;
        }
    }
    return RESOURCE_NONE;
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
static bool respond_text(struct exchange *x, struct span body)
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

/* The length of /stats is known only at its end: chunked, or for 1.0 until the close. */
static bool respond_stats(struct exchange *x)
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
static bool respond_bytes(struct exchange *x)
{
    struct response r = exchange_response(x, 200);
    r.content_type = resources[RESOURCE_BYTES].type;
    r.length = x->bytes_end;
    response_head(x->out, &r);
    x->bytes_at = 0;
    return x->head_only;
}

bool resource_respond(struct exchange *x, unsigned status, struct span head)
{
    assert(x->resource < RESOURCE_COUNT || status != 200);
    if (status == 204) {
        struct response r = exchange_response(x, status);
        r.framing = RESPONSE_NO_BODY;
        response_head(x->out, &r);
        return true;
    }
    if (status != 200) {
        struct response r = exchange_response(x, status);
        response_error(x->out, &r, x->head_only);
        return true;
    }
    switch (x->resource) {
    case RESOURCE_STATS:
        return respond_stats(x);
    case RESOURCE_BYTES:
        return respond_bytes(x);
    case RESOURCE_HEADERS:
        return respond_text(x, head);
    default:
        break;
    }
    const struct resource *r = &resources[x->resource];
    assert(r->text != NULL);
    return respond_text(x, (struct span){r->text, r->text_len});
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
