/*
 * The orderly end of all connections at once, before the machine is switched off: what each owner
 * would have done by closing (RFC 9293 3.6), while the owners are still there.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/open/open.h"

static struct tcp_cb *any_listener(struct net *n)
{
    struct list *it;
    list_for_each (it, &n->tcp.all) {
        struct tcp_cb *t = list_entry(it, struct tcp_cb, all);
        if (t->state == TCP_LISTEN) {
            return t;
        }
    }
    return NULL;
}

/*
 * What waits to be accepted is taken out of the queue, and then is one of all: a close by an owner
 * would reset it where its request waits with it. The listener's own owner keeps the block.
 */
static void stop_listening(struct tcp_cb *l)
{
    while (tcp_accept(l, NULL, NULL) != NULL) {
        /* nobody owns it from here on */
    }
    tcp_listener_close(l);
}

void tcp_finish(struct net *n)
{
    struct tcp_cb *l;
    while ((l = any_listener(n)) != NULL) {
        stop_listening(l);
    }
    struct list *it;
    struct list *tmp;
    list_for_each_safe (it, tmp, &n->tcp.all) {
        struct tcp_cb *t = list_entry(it, struct tcp_cb, all);
        if (!t->orphan) {
            (void)tcp_shutdown(t, TCP_SHUT_WR); /* -ENOTCONN: the peer knows of nothing */
        }
    }
}

uint32_t tcp_unfinished(const struct net *n)
{
    uint32_t count = 0;
    struct list *it;
    list_for_each (it, &n->tcp.all) {
        const struct tcp_cb *t = list_entry(it, struct tcp_cb, all);
        count += tcp_synchronized(t) && !tcp_drained(t);
    }
    return count;
}
