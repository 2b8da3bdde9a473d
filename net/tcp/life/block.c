/*
 * The memory of a connection: a block is made, inherits its listener's choices, waits to be
 * accepted, and is freed with all it holds.
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/life/life.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

static void pressure_init(struct tcp_cb *t)
{
    list_init(&t->press.waiting);
    list_init(&t->press.sending);
}

/* The pool hands out zeroed blocks; here is what is not zero at the start of a life. */
static void cb_init(struct net *n, struct tcp_cb *t)
{
    t->net = n;
    list_init(&t->place);
    pressure_init(t);
    tcp_timers_init(t);
    tcp_set_state(t, TCP_CLOSED);
    tcp_recv_init(t);
    tcp_choices_init(t);
    tcp_cc_init(t);
    tcp_loss_init(t);
    tcp_snd_init(t);
}

struct tcp_cb *tcp_cb_new(struct net *n)
{
    struct tcp_cb *t = pool_get(&n->tcp.cbs);
    if (t != NULL) {
        cb_init(n, t);
        tcp_cb_link(n, t);
    }
    return t;
}

/* But for what only a listener has. */
void tcp_cb_inherit(struct tcp_cb *t, const struct tcp_cb *l)
{
    tcp_choices_inherit(t, l);
    tcp_cc_inherit(t, l);
    tcp_snd_set_buffer(t, l->snd.buf_bytes);
    tcp_set_rcvbuf(t, l->rcv.buf_bytes);
}

/* A block is in some of the lists below, which ones depends on how far it got. */
static void unlink_if_linked(struct list *node)
{
    if (list_linked(node)) {
        list_remove(node);
    }
}

/* Only at the end of the whole stack does a listener go in front of its children. */
static void forget_children(struct tcp_cb *l)
{
    struct list *it;
    list_for_each (it, &l->listener.accept) {
        list_entry(it, struct tcp_cb, place)->parent = NULL;
    }
    unlink_if_linked(&l->listener.accept);
}

void tcp_cb_free(struct tcp_cb *t)
{
    struct net *n = t->net;
    tcp_timers_cancel(t);
    tcp_cb_unlink(t);
    if (t->state == TCP_LISTEN) {
        forget_children(t);
    } else {
        unlink_if_linked(&t->press.waiting);
        unlink_if_linked(&t->press.sending);
    }
    if (t->orphan) {
        assert(n->tcp.orphan_count > 0);
        n->tcp.orphan_count--;
    }
    if (t->parent != NULL) {
        assert(t->parent->listener.accept_count > 0);
        t->parent->listener.accept_count--;
    }
    unlink_if_linked(&t->place);
    tcp_sendq_drop(t);
    tcp_recv_stop(t);
    tcp_recv_drop(t);
    pool_put(&n->tcp.cbs, t);
}

void tcp_become_listener(struct tcp_cb *t)
{
    assert(t->state == TCP_CLOSED);
    assert(!list_linked(&t->press.waiting) && !list_linked(&t->press.sending));
    list_init(&t->listener.accept);
    t->listener.accept_count = 0;
    tcp_set_state(t, TCP_LISTEN);
}

void tcp_cease_to_listen(struct tcp_cb *t)
{
    assert(t->state == TCP_LISTEN);
    assert(t->listener.half_count == 0 && t->listener.accept_count == 0);
    pressure_init(t);
    tcp_set_state(t, TCP_CLOSED);
}

void tcp_accept_push(struct tcp_cb *l, struct tcp_cb *t)
{
    t->parent = l;
    list_push_back(&l->listener.accept, &t->place);
    l->listener.accept_count++;
}

struct tcp_cb *tcp_accept_pop(struct tcp_cb *l)
{
    struct list *node = list_pop_front(&l->listener.accept);
    if (node == NULL) {
        return NULL;
    }
    struct tcp_cb *t = list_entry(node, struct tcp_cb, place);
    assert(t->parent == l && l->listener.accept_count > 0);
    l->listener.accept_count--;
    t->parent = NULL;
    return t;
}
