/*
 * A segment for a connection in SYN-SENT (RFC 9293 3.10.7.3), in the RFC's order: ACK, RST, SYN.
 */
#include "net/tcp/int.h"

#include <errno.h>

/* The peer's SYN tells where it begins, what it takes and whether windows are scaled. */
static void learn_from_syn(struct tcp_cb *t, const struct tcp_segment *seg)
{
    t->rcv.irs = seg->seq;
    t->rcv.nxt = seg->seq + 1;
    t->rcv.acked = t->rcv.nxt;
    t->rcv.adv = t->rcv.nxt + tcp_syn_window(t->rcv.buf_bytes, t->rcv.wscale);
    tcp_ts_begin(t, &seg->options);
    t->sack_on = seg->options.has_sack_permitted && !(t->net->cfg.tcp_off & NET_TCP_OFF_SACK);
    tcp_set_mss(t, &seg->options, t->rcv.mss);
    if (seg->options.has_wscale && !(t->net->cfg.tcp_off & NET_TCP_OFF_WSCALE)) {
        tcp_snd_scale(t, seg->options.wscale);
    } else {
        tcp_snd_scale(t, 0); /* RFC 7323 2.2: both sides or neither */
        t->rcv.wscale = 0;
    }
    tcp_snd_take_window(t, seg->wnd, seg->seq, seg->ack);
}

/* Data and FIN that came with the SYN are taken as if they had come behind it. */
static enum tcp_verdict take_rest(struct tcp_cb *t, struct tcp_segment *seg)
{
    seg->flags &= (uint8_t)~TCP_SYN;
    seg->seq++;
    enum tcp_verdict v = tcp_take_text(t, seg);
    return v == TCP_GO_ON ? tcp_take_fin(t) : v;
}

static enum tcp_verdict syn_acknowledged(struct tcp_cb *t, struct tcp_segment *seg)
{
    learn_from_syn(t, seg);
    tcp_ecn_syn_ack(t, seg);
    tcp_snd_acked(t, seg->ack);
    tcp_established(t);
    t->rcv.ack_now = true;
    return take_rest(t, seg);
}

/* What came with a SYN that is not yet answered is queued until the connection is open. One packet,
 * within the window that our SYN has told of; when there is no room the peer sends it again. */
static void keep_early(struct tcp_cb *t, struct tcp_segment *seg)
{
    bool fin = (seg->flags & TCP_FIN) != 0;
    if (tcp_payload_len(seg) == 0 && !fin) {
        return;
    }
    assert(t->rcv.early == NULL);
    if (tcp_recvq_admits(t, seg->pkt, false)) {
        t->rcv.early = seg->pkt;
        t->rcv.early_fin = fin;
        seg->pkt = NULL;
    }
}

enum tcp_verdict tcp_take_early(struct tcp_cb *t)
{
    assert(t->rcv.early != NULL);
    assert(t->state == TCP_ESTABLISHED || t->state == TCP_FIN_WAIT_1);
    struct tcp_segment seg = {.pkt = t->rcv.early,
                              .id = t->node.id,
                              .seq = t->rcv.irs + 1,
                              .flags = t->rcv.early_fin ? TCP_FIN | TCP_ACK : TCP_ACK};
    t->rcv.early = NULL;
    enum tcp_verdict v = tcp_take_text(t, &seg); /* the FIN is the parent's eighth step */
    pkt_put(seg.pkt);
    return v == TCP_GONE ? TCP_GONE : TCP_GO_ON;
}

/* Simultaneous open: both SYNs crossed. */
static void syn_crossed(struct tcp_cb *t, struct tcp_segment *seg)
{
    learn_from_syn(t, seg);
    t->state = TCP_SYN_RECEIVED;
    keep_early(t, seg);
    tcp_timer_stop(t, TCP_TIMER_RTX);
    tcp_syn_send(t);
}

/*
 * First. The peer answers for an old connection of the same names: in TIME-WAIT, or with us before
 * we began anew. Our RST ends what he has, and as on Linux the SYN comes again behind it instead of
 * after its timeout. Once: a peer that goes on so is not worth a SYN each time.
 */
static void wrong_ack(struct tcp_cb *t, const struct tcp_segment *seg)
{
    NET_COUNT(t->net, tcp_rx_drop_syn_sent);
    tcp_emit_rst_for(t->net, seg, &t->opt);
    if (!(seg->flags & TCP_RST) && !t->snd.syn_untimed) {
        tcp_snd_syn_untimed(t);
        NET_COUNT(t->net, tcp_tx_retransmits);
        tcp_timer_stop(t, TCP_TIMER_RTX);
        tcp_syn_send(t);
    }
}

enum tcp_verdict tcp_arrives_syn_sent(struct tcp_cb *t, struct tcp_segment *seg)
{
    struct net *n = t->net;
    assert(t->state == TCP_SYN_SENT && t->snd.nxt == t->snd.iss + 1);
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
        NET_COUNT(n, tcp_resets_received);
        tcp_end(t, ECONNREFUSED);
        return TCP_GONE;
    }
    if (!(seg->flags & TCP_SYN)) { /* fifth */
        NET_COUNT(n, tcp_rx_drop_syn_sent);
        return TCP_DROP;
    }
    t->rcv.heard_ns = n->now_ns;
    if (acks) { /* fourth */
        return syn_acknowledged(t, seg);
    }
    syn_crossed(t, seg);
    return TCP_DROP;
}
