/*
 * Shutting down and closing (RFC 9293 3.6, 3.10.4, 3.10.5). After tcp_close the block is TCP's own:
 * an orphan, finished in the background within named limits.
 */
#include "net/tcp/int.h"

#include <errno.h>

static void shut_read(struct tcp_cb *t)
{
    if (t->rcv.shut) {
        return;
    }
    t->rcv.shut = true;
    tcp_recvq_drop(t);
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
        tcp_notify(t, NET_READY_OUT); /* whoever waits for room learns that there will be none */
    }
    return 0;
}

/*
 * At most a part of the table may be orphans: those who have gone must not keep out those who come.
 * The oldest makes room. Those whose peers keep the window shut are fewer still (RFC 6429 4): each
 * costs a probe and its answer again and again, and a crowd of them the time of all others.
 */
static void limit_orphans(struct net *n)
{
    uint32_t connections = n->cfg.limits.tcp_connections;
    if (n->tcp.orphan_count >
        max_u32(connections / TCP_SHUT_ORPHAN_FRACTION, TCP_SHUT_ORPHANS_MIN)) {
        (void)tcp_reclaim(n); /* one for each that comes is enough */
    }
    uint32_t limit = max_u32(connections / TCP_ORPHAN_FRACTION, 1);
    while (n->tcp.orphan_count > limit && tcp_evict_orphan(n)) {
        /* each turn ends one */
    }
}

/* The orderly way: our FIN goes behind what is queued, and the peer may take his time for his. */
static void close_orderly(struct tcp_cb *t)
{
    struct net *n = t->net;
    t->orphan = true;
    t->orphan_ns = n->now_ns;
    t->rcv.shut = true;
    n->tcp.orphan_count++;
    list_push_back(&n->tcp.orphans, &t->place);
    tcp_queue_fin(t);
    tcp_output(t);
    tcp_idle_timer_start(t);
    limit_orphans(n);
}

void tcp_close(struct tcp_cb *t)
{
    assert(!t->orphan && t->parent == NULL && !list_linked(&t->place));
    t->ready = NULL;
    t->owner = NULL;
    if (t->state == TCP_LISTEN) {
        tcp_listener_close(t);
        tcp_cb_free(t);
    } else if (t->state == TCP_SYN_RECEIVED || tcp_synchronized(t)) {
        /* RFC 2525 2.17: unread data means that the peer's bytes were lost, and he must know. */
        if (t->rcv.queue.bytes > 0 || t->rcv.queue.ooo_bytes > 0 || t->opt.linger_s == 0) {
            t->orphan = true;
            t->net->tcp.orphan_count++;
            tcp_abort(t, 0);
        } else {
            close_orderly(t);
        }
    } else {
        tcp_cb_free(t); /* CLOSED, SYN-SENT, TIME-WAIT: nothing the peer has to hear */
    }
}
