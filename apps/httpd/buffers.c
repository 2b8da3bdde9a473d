/*
 * A free list, last in first out: the next user finds the buffer still in the cache. Memory that
 * was never needed is never touched.
 */
#include "apps/httpd/buffers.h"

#include <assert.h>
#include <stdlib.h>

bool buffers_init(struct buffers *b, size_t count)
{
    assert(count > 0);
    *b = (struct buffers){.count = count, .free_count = count};
    if (count > SIZE_MAX / sizeof(struct buffer)) {
        return false;
    }
    b->slab = malloc(count * sizeof(struct buffer));
    return b->slab != NULL;
}

void buffers_destroy(struct buffers *b)
{
    free(b->slab);
    *b = (struct buffers){0};
}

struct buffer *buffers_take(struct buffers *b)
{
    struct buffer *buffer = b->free;
    if (buffer != NULL) {
        b->free = buffer->next;
    } else if (b->fresh < b->count) {
        buffer = &b->slab[b->fresh++];
    } else {
        return NULL;
    }
    assert(b->free_count > 0);
    b->free_count--;
    buffer->start = 0;
    buffer->end = 0;
    return buffer;
}

void buffers_give(struct buffers *b, struct buffer *buffer)
{
    assert(buffer >= b->slab && buffer < b->slab + b->count && b->free_count < b->count);
    buffer->next = b->free;
    b->free = buffer;
    b->free_count++;
}
