/*
 * The pool of the buffers that connections hold while bytes of theirs wait. Made once; a connection
 * that waits for nothing holds none.
 */
#ifndef HTTPD_BUFFERS_H
#define HTTPD_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUFFER_BYTES = 32 * 1024, /* holds the biggest head and its echo by /headers */
};

/* bytes[start..end) is filled. */
struct buffer {
    struct buffer *next; /* while free */
    uint32_t start;
    uint32_t end;
    char bytes[BUFFER_BYTES];
};

struct buffers {
    struct buffer *slab; /* owned */
    struct buffer *free;
    size_t count;
    size_t fresh; /* buffers from here on were never out */
    size_t free_count;
};

/* False when there is no memory for count buffers. */
bool buffers_init(struct buffers *b, size_t count);
void buffers_destroy(struct buffers *b);

/* An empty buffer, or NULL. */
struct buffer *buffers_take(struct buffers *b);
void buffers_give(struct buffers *b, struct buffer *buffer);

#endif
