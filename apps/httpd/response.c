/*
 * Writes response heads field by field.
 */
#include "apps/httpd/response.h"

/* "200 OK" and its kin; the number is part of the text so that a head is one copy less. */
static const char *status_text(unsigned status)
{
    static const struct {
        uint16_t status;
        const char *text;
    } texts[] = {
        {200, "200 OK"},
        {204, "204 No Content"},
        {400, "400 Bad Request"},
        {404, "404 Not Found"},
        {405, "405 Method Not Allowed"},
        {408, "408 Request Timeout"},
        {413, "413 Content Too Large"},
        {414, "414 URI Too Long"},
        {417, "417 Expectation Failed"},
        {431, "431 Request Header Fields Too Large"},
        {501, "501 Not Implemented"},
        {503, "503 Service Unavailable"},
        {505, "505 HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    assert(false);
    return "500 Internal Server Error";
}

/* The names stand in the order of the bits of enum method. */
static void append_allow(struct outbuf *o, unsigned methods)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "OPTIONS"};
    const char *separator = "Allow: ";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((methods >> i & 1) != 0) {
            outbuf_append_str(o, separator);
            outbuf_append_str(o, names[i]);
            separator = ", ";
        }
    }
    outbuf_append_str(o, "\r\n");
}

/* A body that ends with the connection needs no field: Connection: close says it. */
static void append_framing(struct outbuf *o, const struct response *r)
{
    switch ((enum response_framing)r->framing) {
    case RESPONSE_SIZED:
        outbuf_append_str(o, "Content-Length: ");
        outbuf_append_u64(o, r->length);
        outbuf_append_str(o, "\r\n");
        break;
    case RESPONSE_CHUNKED:
        outbuf_append_str(o, "Transfer-Encoding: chunked\r\n");
        break;
    case RESPONSE_UNTIL_CLOSE:
    case RESPONSE_NO_BODY:
        break;
    }
}

void response_head(struct outbuf *o, const struct response *r)
{
    assert(outbuf_room(o) >= RESPONSE_ROOM_BYTES + r->content_type.len);
    assert(r->framing != RESPONSE_UNTIL_CLOSE || !r->keep_alive);
    outbuf_append_str(o, "HTTP/1.1 ");
    outbuf_append_str(o, status_text(r->status));
    outbuf_append_str(o, "\r\nServer: ringside\r\n");
    if (r->date != NULL) {
        outbuf_append_str(o, "Date: ");
        outbuf_append_str(o, r->date);
        outbuf_append_str(o, "\r\n");
    }
    if (r->content_type.len > 0) {
        outbuf_append_str(o, "Content-Type: ");
        outbuf_append(o, r->content_type.at, r->content_type.len);
        outbuf_append_str(o, "\r\n");
    }
    append_framing(o, r);
    if (r->allow != 0) {
        append_allow(o, r->allow);
    }
    /* RFC 9110, 10.2.3. A moment is enough: it takes no more for somebody to leave. */
    if (r->status == 503) {
        outbuf_append_str(o, "Retry-After: 1\r\n");
    }
    if (!r->keep_alive) {
        outbuf_append_str(o, "Connection: close\r\n");
    } else if (r->http10) {
        outbuf_append_str(o, "Connection: keep-alive\r\n");
    }
    outbuf_append_str(o, "\r\n");
}

void response_error(struct outbuf *o, const struct response *r, bool head_only)
{
    static const char type[] = "text/plain; charset=utf-8";
    const char *text = status_text(r->status);
    struct response head = *r;
    head.framing = RESPONSE_SIZED;
    head.length = strlen(text) + 1;
    head.content_type = (struct span){type, sizeof(type) - 1};
    response_head(o, &head);
    if (!head_only) {
        outbuf_append_str(o, text);
        outbuf_append_str(o, "\n");
    }
}
