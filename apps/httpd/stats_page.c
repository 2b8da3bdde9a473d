/*
 * The body of /stats: every counter of the server and of the program as a line of help and a line
 * of name and value, given out as there is room, never cut.
 */
#include "apps/httpd/pages.h"

enum {
    HELP_MAX_BYTES = 256,
    /* "# HELP " name " " help "\n" name " " value "\n" */
    STATS_LINES_MAX_BYTES = 7 + 64 + 1 + HELP_MAX_BYTES + 1 + 64 + 1 + 20 + 1,
    STATS_CHUNK_OVERHEAD_BYTES =
        OUTBUF_CHUNK_HEAD_BYTES + OUTBUF_CHUNK_TAIL_BYTES + OUTBUF_CHUNK_LAST_BYTES,
};

/* The server's own first, then the program's. */
static bool stats_entry_next(struct exchange *x, struct stats_entry *e)
{
    if (counters_get(&x->env->counters, x->stats_own, e)) {
        x->stats_own++;
        return true;
    }
    return x->env->stats(&x->stats, e);
}

/* The lines that Prometheus reads: help, then name and value. */
static void append_entry(struct outbuf *o, const struct stats_entry *e)
{
    const char *help = e->help != NULL ? e->help : "";
    size_t help_len = strlen(help);
    outbuf_append_str(o, "# HELP ");
    outbuf_append_str(o, e->name);
    outbuf_append_str(o, " ");
    outbuf_append(o, help, help_len < HELP_MAX_BYTES ? help_len : HELP_MAX_BYTES);
    outbuf_append_str(o, "\n");
    outbuf_append_str(o, e->name);
    outbuf_append_str(o, " ");
    outbuf_append_u64(o, e->value);
    outbuf_append_str(o, "\n");
}

bool stats_page_continue(struct exchange *x)
{
    struct outbuf *o = x->out;
    bool is_chunked = !x->http10;
    if (outbuf_room(o) < STATS_LINES_MAX_BYTES + STATS_CHUNK_OVERHEAD_BYTES) {
        return false;
    }
    size_t start = is_chunked ? outbuf_chunk_begin(o) : 0;
    bool is_last = false;
    while (!is_last && outbuf_room(o) >= STATS_LINES_MAX_BYTES + STATS_CHUNK_OVERHEAD_BYTES) {
        struct stats_entry e;
        is_last = !stats_entry_next(x, &e);
        if (!is_last) {
            append_entry(o, &e);
        }
    }
    if (is_chunked) {
        outbuf_chunk_end(o, start);
        if (is_last) {
            outbuf_chunk_last(o);
        }
    }
    return is_last;
}
