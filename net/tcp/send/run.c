/*
 * Runs: new data that fills more than one segment leaves as one packet, which the device cuts
 * (TSO). It is headers in a buffer of their own and the packets of the send queue behind it, by
 * reference: what is on the wire is what the same packets make one by one, but for the
 * identification, which counts up and which nobody may look at in what is not fragmented (RFC
 * 6864 4.1). Retransmissions always go one by one.
 *
 * How long a run may be is the device's limit. There is none of TCP's own: windows and Nagle let
 * the same bytes go at the same time, one by one or as one, and no byte waits for a run to grow. So
 * bursts are no larger than without, and ACKs clock as they did.
 */
#include "net/ip/way.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/int.h"

/* The template's way is valid: nothing waits for ARP, no mark of RFC 3168 is due. Segments below
 * the link's size are too rare to be worth one. */
bool tcp_run_serves(const struct tcp_cb *t)
{
    const struct net_config *cfg = &t->net->cfg;
    return (cfg->offload & NET_OFFLOAD_TSO) != 0 && t->snd.mss >= NET_TSO_MSS_MIN &&
           t->path.mtu == cfg->mtu && !t->path.may_fragment && tcp_template_serves(t);
}

uint32_t tcp_run_packets_max(const struct tcp_cb *t)
{
    uint32_t headers = IPV4_HEADER_BYTES + TCP_HEADER_BYTES + TCP_TIMESTAMP_BYTES;
    return min_u32(NET_TSO_BUFFERS_MAX - 1, (NET_TSO_BYTES_MAX - headers) / t->snd.mss);
}

/* Puts the payloads behind p. While they are on their way data and tail are the payload's; the
 * queue keeps its references. */
static void chain(struct pkt *p, const struct tcp_run *r)
{
    struct pkt *q = r->first;
    for (uint32_t i = 0; i < r->packets; i++) {
        const struct tcp_tx_note *note = tx_note(q);
        assert(!pkt_shared(q) && q->frag == NULL && note->sent_count == 0);
        q->data = q->head + note->offset;
        q->tail = q->data + note->len;
        p->frag = pkt_get(q);
        p = q;
        q = note->next;
    }
    assert(p == r->last);
}

/* False when there is no buffer for the headers: they are not worth one of the reserve. */
bool tcp_emit_run(struct tcp_cb *t, const struct tcp_run *r)
{
    struct pkt *p = net_alloc_tx(t->net, false);
    if (p == NULL) {
        return false;
    }
    assert(r->packets > 1 && r->packets <= tcp_run_packets_max(t));
    chain(p, r);
    tcp_template_send_run(t, p, r, tcp_data_flags(t, r->last, false));
    NET_COUNT(t->net, tcp_tx_runs);
    tcp_went(t, r->packets, false);
    t->snd.data_segs_out += r->packets;
    return true;
}
