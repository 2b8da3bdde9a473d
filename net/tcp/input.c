/*
 * The arrival of a segment (RFC 9293 3.10.7): checks, finding whom it is for, and the parent of the
 * steps for a live connection, which keeps the RFC's order. The steps themselves are in recv/ and
 * ack.c.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/cc/ecn.h"
#include "net/tcp/life/life.h"
#include "net/tcp/open/open.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"
#include "net/wire/csum.h"

#include <errno.h>

/* Nothing is answered but what one host sent to us alone (RFC 9293 3.9.2.3, MUST-57). IP has let no
 * source in that is not a single host (ip/in.c). */
static bool addresses_good(struct net *n, const struct ipv4_header *h)
{
    return likely(!h->to_broadcast && h->dst == n->iface.address);
}

static bool checksum_good(const struct pkt *p, const struct ipv4_header *h)
{
    if (p->rx_flags & PKT_RX_CSUM_GOOD) {
        return true; /* the device has looked */
    }
    size_t len = pkt_len(p);
    assert(len <= UINT16_MAX);
    /* RFC 9293 3.1, MUST-3. The pseudo header's in words of 32 bits (RFC 1071 2 (C)). */
    uint64_t pseudo = (uint64_t)h->src + h->dst + IP_PROTO_TCP + len;
    return csum_reduce(pseudo + csum_add(0, p->data, len)) == UINT16_MAX;
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
    if (unlikely(p->frag != NULL)) {
        seg->len = (uint32_t)pkt_total(p);
    }
    return true;
}

/* What the receiver found, and does not do itself. */
static enum tcp_verdict act_on(struct tcp_cb *t, enum tcp_verdict v)
{
    switch (v) {
    case TCP_RESET_BY_PEER:
        tcp_reset_by_peer(t);
        return TCP_GONE;
    case TCP_NO_READER:
        tcp_abort(t, ECONNRESET);
        return TCP_GONE;
    case TCP_ANSWER_SYN:
        (void)tcp_emit_syn(t);
        return TCP_DROP;
    default:
        return v;
    }
}

/* Seventh and eighth: data, and the FIN once all in front of it is here. */
static enum tcp_verdict take_stream(struct tcp_cb *t, struct tcp_segment *seg)
{
    enum tcp_verdict v = tcp_take_data(t, seg);
    return v == TCP_GO_ON && tcp_take_fin(t) ? tcp_fin_received(t) : v;
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
        v = take_stream(t, seg);
    }
    return v;
}

/* RFC 9293 3.10.7.3. */
static enum tcp_verdict arrives_syn_sent(struct tcp_cb *t, struct tcp_segment *seg)
{
    enum tcp_verdict v = tcp_arrives_syn_sent(t, seg);
    return v == TCP_GO_ON ? take_stream(t, seg) : v;
}

/* What the short way does not take. May end t. */
apart_fn static void arrives_generally(struct tcp_cb *t, struct tcp_segment *seg)
{
    assert(t->state != TCP_CLOSED && t->state != TCP_LISTEN && t->state != TCP_TIME_WAIT);
    enum tcp_verdict v =
        t->state == TCP_SYN_SENT ? arrives_syn_sent(t, seg) : arrives_otherwise(t, seg);
    if (act_on(t, v) != TCP_GONE) {
        tcp_output(t);
    }
}

/* May end t. */
static void arrives(struct tcp_cb *t, struct tcp_segment *seg)
{
    /* RFC 7323 2.3: the window of a segment with SYN is not scaled. */
    seg->wnd = (seg->flags & TCP_SYN) ? seg->window : (uint32_t)seg->window << t->snd.wscale;
    tcp_segment_came(t);
    if (!likely(tcp_fast_arrives(t, seg))) {
        arrives_generally(t, seg);
    }
}

/* To nobody's tuple: a listener's, or nobody's at all (RFC 9293 3.10.7.1). */
static struct tcp_cb *arrives_unknown(struct net *n, const struct tcp_segment *seg)
{
    struct tcp_cb *l = tcp_find_listener(n, seg->id.laddr, seg->id.lport);
    if (l != NULL) {
        return tcp_arrives_listen(l, seg);
    }
    NET_COUNT(n, tcp_rx_drop_closed);
    tcp_emit_rst_for(n, seg, NULL);
    return NULL;
}

/* RFC 9293 3.10.7.4 for TIME-WAIT, RFC 6191: a later SYN may open a new connection, if there is a
 * listener; everything else the record answers. */
static void arrives_time_wait(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    struct tcp_cb *l = tcp_time_wait_reopens(n, w, seg)
                           ? tcp_find_listener(n, seg->id.laddr, seg->id.lport)
                           : NULL;
    if (l == NULL) {
        tcp_arrives_time_wait(n, w, seg);
    } else if (tcp_listen_syn(l, seg, w)) {
        NET_COUNT(n, tcp_time_wait_reopened);
    }
}

/* To anything but a connection. One that completes a handshake makes one, to which it goes on: its
 * ACK, and what comes with it. */
apart_fn static struct tcp_cb *arrives_elsewhere(struct net *n, struct tcp_node *node,
                                                 struct tcp_segment *seg)
{
    if (node == NULL) {
        return arrives_unknown(n, seg);
    }
    if (node->kind == TCP_NODE_HALF) {
        return tcp_arrives_half(n, container_of(node, struct tcp_half, node), seg);
    }
    arrives_time_wait(n, container_of(node, struct tcp_time_wait, node), seg);
    return NULL;
}

static void demultiplex(struct net *n, struct tcp_segment *seg)
{
    struct tcp_node *node = tcp_lookup(n, &seg->id);
    struct tcp_cb *t = likely(node != NULL && node->kind == TCP_NODE_CB)
                           ? container_of(node, struct tcp_cb, node)
                           : arrives_elsewhere(n, node, seg);
    if (t != NULL) {
        arrives(t, seg);
    }
}

void tcp_input(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    assert(!pkt_shared(p));
    if (unlikely(p->frag != NULL)) {
        tcp_run_cut(n, p, h);
    }
    struct tcp_segment seg; /* decode fills in the rest */
    seg.pkt = p;
    seg.ecn = h->tos & IP_ECN_MASK;
    if (decode(n, &seg, h)) {
        NET_COUNT(n, tcp_rx_segments);
        demultiplex(n, &seg);
    }
    pkt_put(seg.pkt); /* NULL when somebody took it */
}
