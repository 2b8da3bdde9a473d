/*
 * Numbers and chunks in an output buffer. No formatting library: a response is a handful of copies.
 */
#include "apps/httpd/outbuf.h"

void outbuf_append_u64(struct outbuf *o, uint64_t value)
{
    char digits[20];
    size_t i = sizeof(digits);
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    outbuf_append(o, digits + i, sizeof(digits) - i);
}

size_t outbuf_chunk_begin(struct outbuf *o)
{
    size_t start = o->len;
    outbuf_append(o, "0000\r\n", OUTBUF_CHUNK_HEAD_BYTES);
    return start;
}

void outbuf_chunk_end(struct outbuf *o, size_t start)
{
    assert(start + OUTBUF_CHUNK_HEAD_BYTES <= o->len);
    size_t size = o->len - start - OUTBUF_CHUNK_HEAD_BYTES;
    assert(size <= OUTBUF_CHUNK_MAX_BYTES);
    if (size == 0) {
        o->len = start; /* a chunk of size 0 would end the body */
        return;
    }
    for (size_t i = 4; i-- > 0; size >>= 4) {
        o->data[start + i] = "0123456789abcdef"[size & 15];
    }
    outbuf_append(o, "\r\n", OUTBUF_CHUNK_TAIL_BYTES);
}

void outbuf_chunk_last(struct outbuf *o)
{
    outbuf_append(o, "0\r\n\r\n", OUTBUF_CHUNK_LAST_BYTES);
}
