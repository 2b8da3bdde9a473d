/*
 * The receiver's beginning (what our SYN says, what the peer's said) and its end.
 */
#include "net/tcp/recv/int.h"

void tcp_recv_init(struct tcp_cb *t)
{
    t->rcv.buf_bytes = t->net->cfg.limits.tcp_rcvbuf_bytes;
    t->rcv.mss = TCP_MSS_DEFAULT;
}

/* What the SYN offers is settled before it is built: a SYN sent again must offer the same. */
void tcp_recv_offer(struct tcp_cb *t, uint16_t mss)
{
    t->rcv.mss = mss;
    t->rcv.wscale = tcp_pick_wscale(t);
    t->ts.offset = tcp_ts_offset(t->net, t->node.id.laddr, t->node.id.raddr);
}

/* The peer's SYN has the number irs; ours told of the window, and of later ones by this shift (RFC
 * 7323 2.2: 0 unless both sides offered one). */
void tcp_recv_begin(struct tcp_cb *t, uint32_t irs, uint32_t window, uint8_t wscale)
{
    t->rcv.irs = irs;
    t->rcv.nxt = irs + 1;
    t->rcv.acked = t->rcv.nxt;
    t->rcv.adv = t->rcv.nxt + window;
    t->rcv.wscale = wscale;
}

void tcp_recv_shut(struct tcp_cb *t)
{
    t->rcv.shut = true;
    tcp_recv_drop(t);
}

void tcp_recv_stop(struct tcp_cb *t)
{
    pkt_put(t->rcv_cold.early); /* mostly NULL */
    t->rcv_cold.early = NULL;
    tcp_ooo_drop(t);
    t->rcv.ack_now = false;
}

void tcp_recv_drop(struct tcp_cb *t)
{
    pkt_queue_drain(&t->rcv.queue.in_order);
    t->rcv.queue.bytes = 0;
    tcp_ooo_drop(t);
}
