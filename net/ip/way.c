/*
 * Finding a way: see way.h. The same steps as ipv4_output() and what it calls take, without a
 * packet.
 */
#include "net/ip/way.h"

#include "net/wire/eth.h"

/* The neighbour that packets like tx go to at once, or NULL. */
static struct arp_entry *neighbour_for(struct net *n, const struct ipv4_tx *tx)
{
    if (!n->link_up || tx->may_fragment || tx->src == 0 || tx->src != n->iface.address) {
        return NULL;
    }
    uint32_t next_hop = iface_next_hop(n, tx->dst);
    if (next_hop == 0 || (n->cfg.link == NET_LINK_ETHERNET && iface_is_broadcast(n, next_hop))) {
        return NULL;
    }
    return arp_reachable(n, next_hop);
}

void ipv4_way_find(struct net *n, struct net_way *w, const struct ipv4_tx *tx)
{
    struct arp_entry *e = neighbour_for(n, tx);
    w->neighbour = e;
    if (e == NULL) {
        return;
    }
    w->skip = n->cfg.link == NET_LINK_ETHERNET ? 0 : ETH_HEADER_BYTES;
    w->generation = e->generation + n->iface.generation;
    eth_encode(w->header, e->mac, n->cfg.mac, ETH_TYPE_IPV4);
    struct ipv4_out out = {
        .src = tx->src,
        .dst = tx->dst,
        .fragment = IPV4_FLAG_DF,
        .protocol = tx->protocol,
        .ttl = tx->ttl != 0 ? tx->ttl : IPV4_TTL,
        .tos = tx->tos,
    };
    uint8_t *h = w->header + ETH_HEADER_BYTES;
    static_assert(NET_WAY_BYTES == ETH_HEADER_BYTES + IPV4_HEADER_BYTES, "both headers");
    ipv4_encode(h, &out); /* of a packet without length: each writes its own, and its sum */
    w->sum = (uint16_t)~load_be16(h + 10);
    assert(ipv4_way_holds(n, w));
}
