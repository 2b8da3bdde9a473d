/*
 * Segments by template: headers that were built once for the connection, of which a segment changes
 * six fields. For those with timestamps or no options, on a way that holds (net/ip/way.h); all
 * others, and the first of a connection that we opened, are built anew (emit.c). Either gives the
 * same bytes.
 */
#include "net/ip/way.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

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
