/*
 * The HTTP state machine against any bytes, in any cut, with any end. Holds it to what the server
 * relies on: it never uses more than it was given, never writes more than there is room, gets
 * forward whenever it says it could, and says nothing after its end.
 */
// LINK: apps/httpd/conn.c apps/httpd/echo.c apps/httpd/resources.c apps/httpd/stats_page.c
// LINK: apps/httpd/response.c apps/httpd/outbuf.c apps/httpd/head.c apps/httpd/http_parse.c
// LINK: apps/httpd/counters.c apps/httpd/bytes_page.c apps/httpd/fields.c apps/httpd/target.c
// LINK: apps/httpd/chunk_lines.c apps/httpd/exchange.c @llhttp
#include <stdlib.h>
#include <string.h>

#include "apps/httpd/conn.h"
#include "apps/httpd/resources.h"

enum {
    BUFFER_BYTES = 32 * 1024,
    BYTES_LEFT_MAX = 100 * 1000,
    CUTS_BYTES = 8, /* of the input say how the rest is cut */
};

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static bool few_stats(struct stats_iter *it, struct stats_entry *out)
{
    memcpy(out->name, "x", 2);
    out->help = "y";
    out->value = it->idx;
    return it->idx++ < 3;
}

struct fuzz {
    struct conn_env env;
    size_t buffers_free;
    struct conn conn;
    size_t in_len;
    char *in;
    char *out;
};

static bool some_room(struct conn_env *env, size_t buffers)
{
    struct fuzz *f = (struct fuzz *)(void *)((char *)env - offsetof(struct fuzz, env));
    return f->buffers_free >= buffers;
}

/* As if the socket had taken all but a bit: what is taken back is made again. Not a terabyte of it,
 * which is for those who have the time. */
static void take_back(struct fuzz *f, size_t out_len)
{
    struct conn *c = &f->conn;
    size_t unsent = out_len / 8;
    size_t n = conn_take_back(c, unsent);
    struct exchange *x = &c->x;
    bool is_bytes = c->state == CONN_PAGE && x->resource == RESOURCE_BYTES;
    check(n <= unsent && (n == 0 || is_bytes));
    if (is_bytes && x->bytes_end - x->bytes_at > BYTES_LEFT_MAX) {
        x->bytes_end = x->bytes_at + BYTES_LEFT_MAX;
    }
}

static void run(struct fuzz *f)
{
    do {
        struct outbuf o = {f->out, 0, BUFFER_BYTES};
        size_t used = conn_input(&f->conn, f->in, f->in_len, &o);
        check(used <= f->in_len && o.len <= o.cap);
        check(!f->conn.stalled || used > 0 || o.len > 0);
        check(f->conn.end == CONN_OPEN || !f->conn.stalled || f->conn.state == CONN_PAGE);
        take_back(f, o.len);
        memmove(f->in, f->in + used, f->in_len - used);
        f->in_len -= used;
    } while (f->conn.end == CONN_OPEN && f->conn.stalled);
}

static void feed(struct fuzz *f, const char *at, size_t len)
{
    while (len > 0 && f->conn.end == CONN_OPEN) {
        size_t room = conn_read_max(&f->conn, BUFFER_BYTES) - f->in_len;
        size_t n = len < room ? len : room;
        check(n > 0); /* else the server would read nothing for ever */
        memcpy(f->in + f->in_len, at, n);
        f->in_len += n;
        run(f);
        at += n;
        len -= n;
    }
}

/* A byte from WORDS_FROM on stands for one of these: letter by letter a request line is never
 * found. The rest of the bytes, and what follows the last word, are themselves. */
enum {
    WORDS_FROM = 0xc0,
    TEXT_MAX_BYTES = 64 * 1024,
};

static const char *const words[] = {
    "GET ",
    "HEAD ",
    "POST ",
    "PUT ",
    "OPTIONS ",
    "/ ",
    "/echo ",
    "/discard ",
    "/headers ",
    "/healthz ",
    "/stats ",
    "/bytes/",
    "http://a",
    "* ",
    "GET http://[",
    "Host: [::1]",
    " HTTP/1.1\r\nHost: a\r\n",
    " HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /stats HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /bytes/70000 HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.",
    "HTTP/1.1\r\n",
    "HTTP/1.0\r\n",
    "Host: ",
    "Host: a\r\n",
    "Connection: ",
    "close",
    "keep-alive",
    "Content-Length: ",
    "Transfer-Encoding: ",
    "chunked",
    "Expect: 100-continue",
    "Content-Type: ",
    "\r\n",
    "\r\n\r\n",
    "0\r\n",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
    "[::",
    "%25",
    "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
};

/* What data stands for, as far as there is room; its length. */
static size_t spell(char *text, const uint8_t *data, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used < TEXT_MAX_BYTES; i++) {
        size_t word = (size_t)data[i] - WORDS_FROM;
        bool is_word = data[i] >= WORDS_FROM && word < sizeof(words) / sizeof(words[0]);
        const char *at = is_word ? words[word] : (const char *)&data[i];
        size_t n = is_word ? strlen(at) : 1;
        n = n < TEXT_MAX_BYTES - used ? n : TEXT_MAX_BYTES - used;
        memcpy(text + used, at, n);
        used += n;
    }
    return used;
}

/* cut[i] is the length of the next piece; the largest stands for all that is left. */
static void feed_in_pieces(struct fuzz *f, const uint8_t *cut, const char *at, size_t len)
{
    for (size_t i = 0; len > 0; i++) {
        size_t n = cut[i % CUTS_BYTES];
        n = n == UINT8_MAX || n > len ? len : n + 1 > len ? len : n + 1;
        feed(f, at, n);
        at += n;
        len -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len <= CUTS_BYTES) {
        return 0;
    }
    struct fuzz f = {.env = {.stats = few_stats, .make_room = some_room}};
    f.buffers_free = data[0] & 3;
    /* From malloc, so that a byte too far is seen. */
    f.in = malloc(BUFFER_BYTES);
    f.out = malloc(BUFFER_BYTES);
    check(f.in != NULL && f.out != NULL);
    conn_init(&f.conn, &f.env);
    char *text = malloc(TEXT_MAX_BYTES);
    check(text != NULL);
    feed_in_pieces(&f, data, text, spell(text, data + CUTS_BYTES, len - CUTS_BYTES));
    free(text);
    if (f.conn.end == CONN_OPEN) {
        struct outbuf o = {f.out, 0, BUFFER_BYTES};
        if ((data[1] & 1) != 0) {
            conn_eof(&f.conn, f.in_len, &o);
        } else {
            conn_timeout(&f.conn, f.in_len, &o);
        }
        check(f.conn.end != CONN_OPEN && o.len <= o.cap);
    }
    free(f.in);
    free(f.out);
    return 0;
}
