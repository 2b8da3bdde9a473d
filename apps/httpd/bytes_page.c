/*
 * The body of /bytes/N: N bytes of text, made as there is room, so that a download of any size
 * costs no memory. A line is 64 bytes and says nothing; what is where follows from the offset
 * alone.
 */
#include "apps/httpd/resources.h"

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

/* Whole lines but for the last one, so that each piece begins with a line. */
bool bytes_page_continue(struct conn *c)
{
    while (c->bytes_left > 0) {
        size_t n = c->bytes_left < LINE_BYTES ? (size_t)c->bytes_left : LINE_BYTES;
        if (outbuf_room(c->out) < n) {
            return false;
        }
        outbuf_append(c->out, line, n);
        c->bytes_left -= n;
    }
    return true;
}
