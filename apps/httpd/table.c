/*
 * The table's slots, and what leaves with a client. Memory that was never needed is never touched.
 */
#include "apps/httpd/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SPARE_BUFFER_COUNT = 2,
};

bool table_init(struct server *s, size_t max, size_t buffers)
{
    size_t slots = max + TABLE_OVERFLOW_COUNT;
    s->clients =
        slots <= SIZE_MAX / sizeof(*s->clients) ? malloc(slots * sizeof(*s->clients)) : NULL;
    if (s->clients == NULL || !buffers_init(&s->buffers, buffers + SPARE_BUFFER_COUNT)) {
        free(s->clients);
        s->clients = NULL;
        return false;
    }
    s->free_clients = NULL;
    s->fresh = 0;
    s->spare_in = buffers_take(&s->buffers);
    s->spare_out = buffers_take(&s->buffers);
    s->max_connections = max;
    s->env.counters.connections_max = max;
    s->env.counters.buffers_max = buffers;
    return true;
}

void table_destroy(struct server *s)
{
    for (size_t i = 0; i < s->fresh; i++) {
        if (s->clients[i].fd >= 0) {
            client_close(s, &s->clients[i]);
        }
    }
    free(s->clients);
    buffers_destroy(&s->buffers);
    s->clients = NULL;
}

/* One that was used before, else the next that never was: memory is touched when it is needed. */
static struct client *take_slot(struct server *s)
{
    struct client *c = s->free_clients;
    if (c != NULL) {
        s->free_clients = c->next_free;
        return c;
    }
    assert(s->fresh < s->max_connections + TABLE_OVERFLOW_COUNT);
    c = &s->clients[s->fresh++];
    memset(c, 0, sizeof(*c));
    c->fd = -1;
    c->timeout.kind = TIMEOUT_NONE;
    return c;
}

struct client *client_alloc(struct server *s, bool may_overflow)
{
    struct counters *n = &s->env.counters;
    bool is_full = n->connections - s->overflow_used >= s->max_connections;
    if (is_full && (!may_overflow || s->overflow_used == TABLE_OVERFLOW_COUNT)) {
        return NULL;
    }
    struct client *c = take_slot(s);
    c->is_overflow = is_full;
    s->overflow_used += is_full;
    n->connections++;
    return c;
}

static void client_free(struct server *s, struct client *c)
{
    assert(c->fd < 0 && c->in == NULL && c->out == NULL);
    assert(s->env.counters.connections > 0);
    s->overflow_used -= c->is_overflow;
    s->env.counters.connections--;
    c->next_free = s->free_clients;
    s->free_clients = c;
}

/* Buffers go back before the slot does, so that a free slot never owns any. */
static void client_release_buffers(struct server *s, struct client *c)
{
    if (c->in != NULL) {
        buffers_give(&s->buffers, c->in);
        c->in = NULL;
    }
    if (c->out != NULL) {
        buffers_give(&s->buffers, c->out);
        c->out = NULL;
    }
}

void client_close(struct server *s, struct client *c)
{
    assert(c->fd >= 0);
    client_release_buffers(s, c);
    timeouts_disarm(&s->timeouts, &c->timeout);
    close(c->fd); /* takes it out of the epoll set, too */
    c->fd = -1;
    client_free(s, c);
}

void client_abort(struct server *s, struct client *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    client_close(s, c);
}
