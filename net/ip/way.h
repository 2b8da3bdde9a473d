/*
 * Ways (net/core/way.h): what ipv4_output() finds out for each packet, found out once. A way holds
 * while nothing it depends on has changed: the address in use, routes, the neighbour's address and
 * state, the link. Only a neighbour that is known and need not be asked again lies on one; whatever
 * else becomes of a packet, ipv4_output() knows. Inline: nearly each packet of TCP passes it.
 */
#ifndef NET_IP_WAY_H
#define NET_IP_WAY_H

#include "kernel/pkt.h"
#include "net/core/way.h"
#include "net/stack.h"

/* Looks for the way of packets like tx, which leave whole and without an identification (RFC 6864);
 * w->neighbour is NULL when there is none just now. */
void ipv4_way_find(struct net *n, struct net_way *w, const struct ipv4_tx *tx);

/* So that the next packet looks anew. */
static inline void ipv4_way_forget(struct net_way *w)
{
    w->neighbour = NULL;
}

/* May what is sent now follow w? */
static inline bool ipv4_way_holds(const struct net *n, const struct net_way *w)
{
    const struct arp_entry *e = w->neighbour;
    return e != NULL && e->generation + n->iface.generation == w->generation &&
           n->now_ns - e->confirmed_ns <= ARP_REACHABLE_NS;
}

/* Writes NET_WAY_BYTES in front of an IPv4 payload of so many bytes; w holds. The first w->skip of
 * them belong to no frame. */
static inline void ipv4_way_write(const struct net_way *w, uint8_t *h, size_t payload_bytes)
{
    uint32_t total = (uint32_t)payload_bytes + IPV4_HEADER_BYTES;
    memcpy(h, w->header, NET_WAY_BYTES);
    store_be16(h + ETH_HEADER_BYTES + 2, (uint16_t)total);
    store_be16(h + ETH_HEADER_BYTES + 10, csum_finish(w->sum + total));
}

/* The same for a packet that the device cuts: length and checksum are each piece's (kernel/pkt.h).
 */
static inline void ipv4_way_write_uncut(const struct net_way *w, uint8_t *h)
{
    memcpy(h, w->header, NET_WAY_BYTES);
    store_be16(h + ETH_HEADER_BYTES + 2, 0);
    store_be16(h + ETH_HEADER_BYTES + 10, 0);
}

/* Takes p, with NET_WAY_BYTES in front of its payload, which makes so many packets: it leaves by w,
 * which holds. */
static inline void ipv4_way_send_uncut(struct net *n, const struct net_way *w, struct pkt *p,
                                       uint32_t packets)
{
    w->neighbour->used_ns = n->now_ns;
    p->data += w->skip;
    n->counters.ip_tx += packets;
    n->counters.eth_tx += w->skip == 0 ? packets : 0;
    n->cfg.output(n->cfg.arg, p);
}

/* The same for what is one packet. */
static inline void ipv4_way_send(struct net *n, const struct net_way *w, struct pkt *p)
{
    ipv4_way_send_uncut(n, w, p, 1);
}

#endif
