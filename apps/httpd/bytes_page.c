/*
 * The body of /bytes/N: N bytes of text, made as there is room, so that a download of any size
 * costs no memory. A line is 64 bytes and says nothing; what is where follows from the offset
 * alone.
 */
#include "apps/httpd/pages.h"

static const char line[] = "ringside 0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcde\n";

enum {
    LINE_BYTES = sizeof(line) - 1,
};

static_assert(LINE_BYTES == 64, "the last byte of a line is the 64th");

bool bytes_page_count(struct span digits, uint64_t *count)
{
    uint64_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9' || n > BYTES_PAGE_MAX) {
            return false;
        }
        n = n * 10 + (uint64_t)(digits.at[i] - '0');
    }
    *count = n;
    return digits.len > 0 && n <= BYTES_PAGE_MAX;
}

/* size bytes from the offset at on: a line, and then what is there already, twice as much each
 * time.
 */
static void fill(char *to, size_t size, uint64_t at)
{
    size_t phase = (size_t)(at % LINE_BYTES);
    size_t have = size < LINE_BYTES ? size : LINE_BYTES;
    size_t first = have < LINE_BYTES - phase ? have : LINE_BYTES - phase;
    memcpy(to, line + phase, first);
    memcpy(to + first, line, have - first);
    while (have < size) {
        size_t n = have < size - have ? have : size - have;
        memcpy(to + have, to, n);
        have += n;
    }
}

bool bytes_page_continue(struct exchange *x)
{
    struct outbuf *o = x->out;
    uint64_t left = x->bytes_end - x->bytes_at;
    size_t n = left < outbuf_room(o) ? (size_t)left : outbuf_room(o);
    fill(o->data + o->len, n, x->bytes_at);
    o->len += n;
    x->bytes_at += n;
    if (n < left) {
        x->page_bytes = (uint32_t)n;
        return false;
    }
    return true;
}
