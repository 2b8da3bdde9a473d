/*
 * For the files of this room alone: segments by template (template.c), sent. Inline: nearly each
 * segment passes it.
 */
#ifndef NET_TCP_SEND_INT_H
#define NET_TCP_SEND_INT_H

#include "net/ip/way.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

/* RFC 2018's blocks, and the marks of RFC 3168, are not for a template. */
static inline bool tcp_template_serves(const struct tcp_cb *t)
{
    return ipv4_way_holds(t->net, &t->tmpl.way) && !tcp_sack_due(t) && !t->ecn.on;
}

/* The device puts the sum of what follows the pseudo-header's into the field (kernel/pkt.h). */
static inline uint16_t tcp_template_ask_device(struct pkt *p, const uint8_t *tcp,
                                               size_t header_bytes, uint32_t pseudo)
{
    tcp_ask_csum(p, tcp, header_bytes);
    return (uint16_t)csum_reduce(pseudo);
}

/* What the header says, and how long it is. */
static hot_fn size_t tcp_template_fields(struct tcp_cb *t, uint32_t seq, uint8_t flags,
                                         struct tcp_fields *f)
{
    *f = (struct tcp_fields){.ports = t->tmpl.ports,
                             .seq = seq,
                             .ack = t->rcv.nxt,
                             .window = tcp_window_field(t),
                             .flags = flags,
                             .timestamps = t->ts.on};
    if (!f->timestamps) {
        return TCP_HEADER_BYTES;
    }
    f->ts_val = tcp_ts_at(t->net->now_ns, t->ts.offset);
    f->ts_ecr = t->ts.recent;
    return TCP_HEADER_BYTES + TCP_TIMESTAMP_BYTES;
}

/* Sends p, which has the payload, of that sum, or none; takes it. The template serves. */
static hot_fn void tcp_template_send(struct tcp_cb *t, struct pkt *p, uint32_t seq, uint8_t flags,
                                     uint32_t sum)
{
    struct net *n = t->net;
    const struct tcp_template *m = &t->tmpl;
    struct tcp_fields f;
    size_t header_bytes = tcp_template_fields(t, seq, flags, &f);
    size_t tcp_bytes = pkt_len(p) + header_bytes;
    uint8_t *h = pkt_push(p, NET_WAY_BYTES + header_bytes);
    assert(tcp_bytes + IPV4_HEADER_BYTES <= n->cfg.mtu);
    uint32_t pseudo = m->pseudo + (uint32_t)tcp_bytes;
    uint8_t *tcp = h + NET_WAY_BYTES;
    uint64_t header = tcp_encode_fields(tcp, &f);
    if (unlikely(n->cfg.offload & NET_OFFLOAD_TX_CSUM)) {
        tcp_encode_csum(tcp, tcp_template_ask_device(p, tcp, header_bytes, pseudo));
    } else {
        tcp_encode_csum(tcp, (uint16_t)~csum_reduce(header + pseudo + sum));
    }
    ipv4_way_write(&m->way, h, tcp_bytes);
    NET_COUNT(n, tcp_tx_segments);
    ipv4_way_send(n, &m->way, p);
}

#endif
