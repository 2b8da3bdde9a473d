/*
 * The arrival of a segment (RFC 9293 3.10.7): checks, finding whom it is for, and the parent of the
 * steps for a live connection, which keeps the RFC's order. The steps themselves are in recv/ and
 * ack.c.
 */
#include "net/tcp/int.h"
#include "net/wire/csum.h"

/* Nothing is answered but what one host sent to us alone (RFC 9293 3.9.2.3, MUST-57). IP has let no
 * source in that is not a single host (ip/in.c). */
static bool addresses_good(struct net *n, const struct ipv4_header *h)
{
    return !h->to_broadcast && h->dst == n->iface.address;
}

static bool checksum_good(const struct pkt *p, const struct ipv4_header *h)
{
    size_t len = pkt_len(p);
    assert(len <= UINT16_MAX);
    uint32_t sum = csum_pseudo(h->src, h->dst, IP_PROTO_TCP, (uint16_t)len);
    return csum_finish(csum_add(sum, p->data, len)) == 0; /* RFC 9293 3.1, MUST-3 */
}

/* Decodes seg->pkt; afterwards that packet is the payload alone. False: counted, to be dropped. */
static bool decode(struct net *n, struct tcp_segment *seg, const struct ipv4_header *h)
{
    struct pkt *p = seg->pkt;
    size_t header_bytes = 0;
    bool options_ok = true;
    if (!addresses_good(n, h)) {
        NET_COUNT(n, tcp_rx_drop_address);
        return false;
    }
    enum tcp_bad bad = tcp_decode(seg, p->data, pkt_len(p), &header_bytes, &options_ok);
    if (bad == TCP_BAD_SHORT) {
        NET_COUNT(n, tcp_rx_drop_short);
        return false;
    }
    if (bad == TCP_BAD_OFFSET) {
        NET_COUNT(n, tcp_rx_drop_offset);
        return false;
    }
    if (!checksum_good(p, h)) {
        NET_COUNT(n, tcp_rx_drop_checksum);
        return false;
    }
    if (seg->id.lport == 0 || seg->id.rport == 0) {
        NET_COUNT(n, tcp_rx_drop_port_zero);
        return false;
    }
    if (!options_ok) {
        NET_COUNT(n, tcp_rx_bad_option);
    }
    seg->id.laddr = h->dst;
    seg->id.raddr = h->src;
    pkt_pull(p, header_bytes);
    return true;
}

/* To nobody's tuple: a listener's, or nobody's at all (RFC 9293 3.10.7.1). */
static void arrives_unknown(struct net *n, struct tcp_segment *seg)
{
    struct tcp_cb *l = tcp_find_listener(n, seg->id.laddr, seg->id.lport);
    if (l != NULL) {
        tcp_arrives_listen(l, seg);
        return;
    }
    NET_COUNT(n, tcp_rx_drop_closed);
    tcp_emit_rst_for(n, seg, NULL);
}

static void demultiplex(struct net *n, struct tcp_segment *seg)
{
    struct tcp_node *node = tcp_lookup(n, &seg->id);
    if (node == NULL) {
        arrives_unknown(n, seg);
        return;
    }
    switch ((enum tcp_node_kind)node->kind) {
    case TCP_NODE_CB:
        (void)tcp_arrives(container_of(node, struct tcp_cb, node), seg);
        break;
    case TCP_NODE_HALF:
        tcp_arrives_half(n, container_of(node, struct tcp_half, node), seg);
        break;
    case TCP_NODE_TIME_WAIT:
        tcp_arrives_time_wait(n, container_of(node, struct tcp_time_wait, node), seg);
        break;
    }
}

void tcp_input(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    assert(!pkt_shared(p));
    struct tcp_segment seg = {.pkt = p, .ecn = h->tos & IP_ECN_MASK};
    if (decode(n, &seg, h)) {
        NET_COUNT(n, tcp_rx_segments);
        demultiplex(n, &seg);
    }
    pkt_put(seg.pkt); /* NULL when somebody took it */
}

/* RFC 9293 3.10.7.4, the steps in its order. Security (third) and the urgent pointer (sixth, RFC
 * 6093) have nothing to do here. */
static enum tcp_verdict arrives_otherwise(struct tcp_cb *t, struct tcp_segment *seg)
{
    enum tcp_verdict v = tcp_check_sequence(t, seg); /* first */
    if (v == TCP_GO_ON) {
        v = tcp_check_rst(t, seg); /* second */
    }
    if (v == TCP_GO_ON) {
        v = tcp_check_syn(t, seg); /* fourth */
    }
    if (v == TCP_GO_ON) {
        v = tcp_check_ack(t, seg); /* fifth */
    }
    if (v == TCP_GO_ON) {
        /* Not before: a blind segment's TSval would have PAWS drop all that the peer sends. */
        tcp_ts_take(t, seg);
        tcp_ecn_on_data(t, seg);
        v = tcp_take_text(t, seg); /* seventh */
    }
    if (v == TCP_GO_ON) {
        v = tcp_take_fin(t); /* eighth */
    }
    return v;
}

enum tcp_verdict tcp_arrives(struct tcp_cb *t, struct tcp_segment *seg)
{
    assert(t->state != TCP_CLOSED && t->state != TCP_LISTEN && t->state != TCP_TIME_WAIT);
    /* RFC 7323 2.3: the window of a segment with SYN is not scaled. */
    seg->wnd = (seg->flags & TCP_SYN) ? seg->window : (uint32_t)seg->window << t->snd.wscale;
    t->rcv.segs_in++;
    enum tcp_verdict v =
        t->state == TCP_SYN_SENT ? tcp_arrives_syn_sent(t, seg) : arrives_otherwise(t, seg);
    if (v != TCP_GONE) {
        tcp_output(t);
    }
    return v;
}
