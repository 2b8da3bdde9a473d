/*
 * Bytes on their way out: appended at the end, bounded by the room there is. The caller that
 * appends has asked for the room before; appending without room is a bug, never a short write.
 */
#ifndef HTTPD_OUTBUF_H
#define HTTPD_OUTBUF_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrows data[0..cap); data[0..len) is filled. */
struct outbuf {
    char *data;
    size_t len;
    size_t cap;
};

static inline size_t outbuf_room(const struct outbuf *o)
{
    assert(o->len <= o->cap);
    return o->cap - o->len;
}

static inline void outbuf_append(struct outbuf *o, const char *at, size_t len)
{
    assert(len <= outbuf_room(o));
    memcpy(o->data + o->len, at, len);
    o->len += len;
}

static inline void outbuf_append_str(struct outbuf *o, const char *s)
{
    outbuf_append(o, s, strlen(s));
}

/* In decimal, without sign or leading zeros. */
void outbuf_append_u64(struct outbuf *o, uint64_t value);

enum {
    OUTBUF_CHUNK_HEAD_BYTES = 6, /* four hexadecimal digits and CRLF */
    OUTBUF_CHUNK_MAX_BYTES = 0xffff,
    OUTBUF_CHUNK_TAIL_BYTES = 2,
    OUTBUF_CHUNK_LAST_BYTES = 5, /* "0\r\n\r\n" */
};

/*
 * A chunk of the chunked coding (RFC 9112, 7.1) whose size is known only when it is finished:
 * begin, append, end. end() takes what begin() returned; a chunk of no bytes is taken back.
 */
size_t outbuf_chunk_begin(struct outbuf *o);
void outbuf_chunk_end(struct outbuf *o, size_t start);
void outbuf_chunk_last(struct outbuf *o);

#endif
