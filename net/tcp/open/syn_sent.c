/*
 * A segment for a connection in SYN-SENT (RFC 9293 3.10.7.3), in the RFC's order: ACK, RST, SYN.
 */
#include "net/tcp/cc/ecn.h"
#include "net/tcp/life/life.h"
#include "net/tcp/open/int.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

/* The peer's SYN tells where it begins, what it takes and whether windows are scaled. */
static void learn_from_syn(struct tcp_cb *t, const struct tcp_segment *seg)
{
    const struct tcp_options *o = &seg->options;
    uint32_t off = t->net->cfg.tcp_off;
    /* RFC 7323 2.2: both sides or neither; the window of our SYN was whole units of its own scale.
     */
    bool scaled = o->has_wscale && !(off & NET_TCP_OFF_WSCALE);
    uint32_t window = tcp_syn_window(t->rcv.buf_bytes, t->rcv.wscale);
    tcp_recv_begin(t, seg->seq, window, scaled ? t->rcv.wscale : 0);
    tcp_ts_begin(t, o, t->ts.offset); /* what our SYN offered */
    tcp_agree_sack(t, o->has_sack_permitted && !(off & NET_TCP_OFF_SACK));
    tcp_set_mss(t, o, t->rcv.mss);
    tcp_snd_scale(t, scaled ? o->wscale : 0);
    tcp_snd_take_window(t, seg->wnd, seg->seq, seg->ack);
}

/* Data and FIN that came with the SYN are taken by the parent, as if they had come behind it. */
static enum tcp_verdict syn_acknowledged(struct tcp_cb *t, struct tcp_segment *seg)
{
    learn_from_syn(t, seg);
    tcp_ecn_syn_ack(t, seg);
    tcp_snd_acked(t, seg->ack);
    tcp_established(t);
    tcp_ack_soon(t);
    seg->flags &= (uint8_t)~TCP_SYN;
    seg->seq++;
    return TCP_GO_ON;
}

/* Simultaneous open: both SYNs crossed. */
static void syn_crossed(struct tcp_cb *t, struct tcp_segment *seg)
{
    learn_from_syn(t, seg);
    tcp_set_state(t, TCP_SYN_RECEIVED);
    tcp_keep_early(t, seg);
    tcp_timer_stop(t, TCP_TIMER_RTX);
    tcp_syn_send(t);
}

/*
 * First. The peer answers for an old connection of the same names: in TIME-WAIT, or with us before
 * we began anew. Our RST ends what it has, and as on Linux the SYN comes again behind it instead of
 * after its timeout. Once: a peer that goes on so is not worth a SYN each time.
 */
static void wrong_ack(struct tcp_cb *t, const struct tcp_segment *seg)
{
    NET_COUNT(t->net, tcp_rx_drop_syn_sent);
    tcp_emit_rst_for(t->net, seg, &t->opt);
    if (!(seg->flags & TCP_RST) && !t->snd_cold.syn_untimed) {
        tcp_snd_syn_untimed(t);
        NET_COUNT(t->net, tcp_tx_retransmits);
        tcp_timer_stop(t, TCP_TIMER_RTX);
        tcp_syn_send(t);
    }
}

/* TCP_GO_ON: the connection is open, and seg is what came with its SYN. */
enum tcp_verdict tcp_arrives_syn_sent(struct tcp_cb *t, struct tcp_segment *seg)
{
    struct net *n = t->net;
    assert(t->state == TCP_SYN_SENT && t->snd.nxt == t->snd_cold.iss + 1);
    bool acks = (seg->flags & TCP_ACK) != 0;
    if (acks && seg->ack != t->snd.nxt) { /* only our SYN is out */
        wrong_ack(t, seg);
        return TCP_DROP;
    }
    if (seg->flags & TCP_RST) { /* second; without an acceptable ACK it could be anybody's */
        if (!acks) {
            NET_COUNT(n, tcp_rx_drop_syn_sent);
            return TCP_DROP;
        }
        return TCP_RESET_BY_PEER;
    }
    if (!(seg->flags & TCP_SYN)) { /* fifth */
        NET_COUNT(n, tcp_rx_drop_syn_sent);
        return TCP_DROP;
    }
    tcp_heard(t);
    if (acks) { /* fourth */
        return syn_acknowledged(t, seg);
    }
    syn_crossed(t, seg);
    return TCP_DROP;
}
