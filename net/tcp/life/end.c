/*
 * The end of a connection. Each way to end goes through tcp_detach, which takes the connection off
 * the wire, or through tcp_cb_free, which does the same and more, so that nothing can be forgotten.
 */
#include "net/tcp/life/life.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

#include <errno.h>

static void leave_pressure(struct tcp_cb *t)
{
    if (list_linked(&t->press.waiting)) {
        list_remove(&t->press.waiting);
    }
    if (list_linked(&t->press.sending)) {
        list_remove(&t->press.sending);
    }
}

/* Off the wire: no segment reaches it, no timer fires, nothing waits to be sent. What the owner
 * has not read stays. */
void tcp_detach(struct tcp_cb *t)
{
    assert(t->state != TCP_LISTEN);
    tcp_table_leave(t);
    leave_pressure(t);
    tcp_timers_cancel(t);
    tcp_sendq_drop(t);
    tcp_recv_stop(t);
}

void tcp_end(struct tcp_cb *t, int error)
{
    assert(t->state != TCP_LISTEN);
    if (t->orphan || t->parent != NULL) {
        tcp_cb_free(t); /* nobody knows it */
        return;
    }
    tcp_detach(t);
    tcp_set_state(t, TCP_CLOSED);
    t->error = error;
    uint32_t bits = NET_READY_IN | NET_READY_OUT | NET_READY_HUP | NET_READY_RDHUP;
    tcp_notify(t, error != 0 ? bits | NET_READY_ERR : bits);
}

void tcp_abort(struct tcp_cb *t, int error)
{
    NET_COUNT(t->net, tcp_aborts);
    /* RFC 9293 3.10.5: the states in which the peer knows of us get a RST. */
    if (t->state == TCP_SYN_RECEIVED || tcp_synchronized(t)) {
        tcp_emit_rst(t);
    }
    tcp_end(t, error);
}

/* RFC 9293 3.10.7.4 second: what the owner reads. */
static int reset_error(const struct tcp_cb *t)
{
    switch ((enum tcp_state)t->state) {
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED: /* simultaneous open */
        return ECONNREFUSED;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return 0; /* both sides had ended it */
    default:
        return ECONNRESET;
    }
}

void tcp_reset_by_peer(struct tcp_cb *t)
{
    NET_COUNT(t->net, tcp_resets_received);
    tcp_end(t, reset_error(t));
}
