/*
 * Segments by template: headers that were built once for the connection, of which a segment changes
 * six fields. For those with timestamps or no options, on a way that holds (net/ip/way.h); all
 * others, and the first of a connection that we opened, are built anew (emit.c). Either gives the
 * same bytes.
 */
#include "net/tcp/send/int.h"

void tcp_template_find(struct tcp_cb *t)
{
    const struct tcp_tuple *id = &t->node.id;
    if (t->ecn.on || ipv4_way_holds(t->net, &t->tmpl.way) ||
        (t->net->cfg.tcp_off & NET_TCP_OFF_TEMPLATE)) {
        return;
    }
    struct ipv4_tx tx = {.src = id->laddr,
                         .dst = id->raddr,
                         .protocol = IP_PROTO_TCP,
                         .ttl = t->opt.ttl,
                         .tos = t->opt.tos};
    ipv4_way_find(t->net, &t->tmpl.way, &tx);
    t->tmpl.ports = (uint32_t)id->lport << 16 | id->rport;
    t->tmpl.pseudo = csum_pseudo(id->laddr, id->raddr, IP_PROTO_TCP, 0);
}

void tcp_template_send_run(struct tcp_cb *t, struct pkt *p, const struct tcp_run *r, uint8_t flags)
{
    struct net *n = t->net;
    const struct tcp_template *m = &t->tmpl;
    struct tcp_fields f;
    size_t header_bytes = tcp_template_fields(t, tx_note(r->first)->seq, flags, &f);
    uint8_t *h = pkt_push(p, NET_WAY_BYTES + header_bytes);
    uint8_t *tcp = h + NET_WAY_BYTES;
    assert(pkt_total(p) <= NET_TSO_BYTES_MAX);
    (void)tcp_encode_fields(tcp, &f);
    tcp_encode_csum(tcp, tcp_template_ask_device(p, tcp, header_bytes, m->pseudo));
    p->tx.mss = t->snd.mss;
    ipv4_way_write_uncut(&m->way, h);
    n->counters.tcp_tx_segments += r->packets;
    ipv4_way_send_uncut(n, &m->way, p, r->packets);
}
