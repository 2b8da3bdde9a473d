/*
 * The HTTP state machine against any bytes, in any cut, with any end. Holds it to what the server
 * relies on: it never uses more than it was given, never writes more than there is room, gets
 * forward whenever it says it could, and says nothing after its end.
 */
// LINK: apps/httpd/conn.c apps/httpd/echo.c apps/httpd/resources.c apps/httpd/stats_page.c
// LINK: apps/httpd/response.c apps/httpd/outbuf.c apps/httpd/head.c apps/httpd/http_parse.c
// LINK: apps/httpd/counters.c apps/httpd/bytes_page.c @llhttp
#include <stdlib.h>
#include <string.h>

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
    struct conn conn;
    size_t in_len;
    char *in;
    char *out;
};

static void run(struct fuzz *f)
{
    do {
        struct outbuf o = {f->out, 0, BUFFER_BYTES};
        size_t used = conn_input(&f->conn, f->in, f->in_len, &o);
        check(used <= f->in_len && o.len <= o.cap);
        check(!f->conn.stalled || used > 0 || o.len > 0);
        check(f->conn.end == CONN_OPEN || !f->conn.stalled || f->conn.state >= CONN_STATS);
        if (f->conn.bytes_left > BYTES_LEFT_MAX) {
            f->conn.bytes_left = BYTES_LEFT_MAX; /* a terabyte is for those who have the time */
        }
        memmove(f->in, f->in + used, f->in_len - used);
        f->in_len -= used;
    } while (f->conn.end == CONN_OPEN && f->conn.stalled);
}

static void feed(struct fuzz *f, const uint8_t *at, size_t len)
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

/* cut[i] is the length of the next piece; the largest stands for all that is left. */
static void feed_in_pieces(struct fuzz *f, const uint8_t *cut, const uint8_t *at, size_t len)
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
    struct fuzz f = {.env = {.stats = few_stats, .buffers_free = data[0] & 3}};
    /* From malloc, so that a byte too far is seen. */
    f.in = malloc(BUFFER_BYTES);
    f.out = malloc(BUFFER_BYTES);
    check(f.in != NULL && f.out != NULL);
    conn_init(&f.conn, &f.env);
    feed_in_pieces(&f, data, data + CUTS_BYTES, len - CUTS_BYTES);
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
