/*
 * Shutting down and closing (RFC 9293 3.6, 3.10.4, 3.10.5). After tcp_close the block is TCP's own:
 * an orphan, finished in the background within named limits.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/life/life.h"
#include "net/tcp/open/open.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"

#include <errno.h>

static void shut_read(struct tcp_cb *t)
{
    if (t->rcv.shut) {
        return;
    }
    tcp_recv_shut(t);
    if (tcp_synchronized(t) && tcp_window_update_due(t)) {
        (void)tcp_emit_ack(t);
    }
    tcp_notify(t, NET_READY_IN | NET_READY_RDHUP);
}

int tcp_shutdown(struct tcp_cb *t, uint32_t how)
{
    assert(!t->orphan);
    if (!tcp_synchronized(t) && t->state != TCP_SYN_RECEIVED && t->state != TCP_TIME_WAIT) {
        return -ENOTCONN;
    }
    if (how & TCP_SHUT_RD) {
        shut_read(t);
    }
    if ((how & TCP_SHUT_WR) && t->state != TCP_TIME_WAIT) {
        tcp_queue_fin(t);
        tcp_output(t);
        tcp_notify(t, NET_READY_OUT); /* a writer that waits for room learns that there is none */
    }
    return 0;
}

/* The orderly way: our FIN goes behind what is queued, and the peer may take its time for its own.
 */
static void close_orderly(struct tcp_cb *t)
{
    struct net *n = t->net;
    tcp_orphan(t);
    tcp_recv_shut(t);
    tcp_queue_fin(t);
    tcp_output(t);
    tcp_idle_timer_start(t);
    tcp_pressure_limit_orphans(n);
}

void tcp_close(struct tcp_cb *t)
{
    assert(!t->orphan && t->parent == NULL && !list_linked(&t->place));
    tcp_give_owner(t, NULL, NULL);
    if (t->state == TCP_LISTEN) {
        tcp_listener_close(t);
        tcp_cb_free(t);
    } else if (t->state == TCP_SYN_RECEIVED || tcp_synchronized(t)) {
        /* RFC 2525 2.17: unread data means that the peer's bytes were lost, and it must know. */
        if (t->rcv.queue.bytes > 0 || t->rcv.queue.ooo_bytes > 0 || t->opt.linger_s == 0) {
            tcp_orphan(t);
            tcp_abort(t, 0);
        } else {
            close_orderly(t);
        }
    } else {
        tcp_cb_free(t); /* CLOSED, SYN-SENT, TIME-WAIT: nothing the peer has to hear */
    }
}
