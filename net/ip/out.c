/*
 * IPv4 output: identification, fragments, the header, and to which neighbour. Nothing is sent to
 * this host itself: there is no loopback.
 */
#include "net/core/random.h"
#include "net/ip/int.h"
#include "net/link/arp.h"
#include "net/link/eth.h"
#include "net/link/iface.h"
#include "net/stack.h"
#include "net/wire/eth.h"

enum status ipv4_route(const struct net *n, uint32_t dst, uint32_t *src, uint16_t *mtu)
{
    if (iface_next_hop(n, dst) == 0) {
        return STATUS_NOT_FOUND;
    }
    *src = n->iface.address;
    *mtu = n->cfg.mtu;
    return STATUS_OK;
}

void ipv4_suspect(struct net *n, uint32_t dst)
{
    uint32_t next_hop = iface_next_hop(n, dst);
    if (next_hop != 0 && n->cfg.link == NET_LINK_ETHERNET) {
        arp_suspect(n, next_hop);
    }
}

bool ipv4_is_absent(struct net *n, uint32_t dst)
{
    uint32_t next_hop = iface_next_hop(n, dst);
    return next_hop != 0 && n->cfg.link == NET_LINK_ETHERNET && !iface_is_broadcast(n, next_hop) &&
           arp_is_absent(n, next_hop);
}

/*
 * RFC 6864: a datagram that cannot be fragmented needs no identification; 0 tells nothing about
 * us. One that can gets a keyed hash of its destination and a counter: not guessable, and what one
 * peer sees tells nothing about the traffic of others (the idle scan).
 */
static uint16_t next_id(struct net *n, const struct ipv4_tx *tx)
{
    uint32_t counter = n->ip.id_counter++;
    return (uint16_t)net_hash_tuple(&n->random, NET_HASH_IP_ID, counter, tx->protocol, tx->dst, 0);
}

/* The identification and fragment words of a datagram that goes out whole, in host order. */
static uint32_t whole_words(struct net *n, const struct ipv4_tx *tx)
{
    return tx->may_fragment ? (uint32_t)next_id(n, tx) << 16 : IPV4_FLAG_DF;
}

/* words: identification, flags and fragment offset. */
static void push_header(struct net *n, struct pkt *p, const struct ipv4_tx *tx, uint32_t words)
{
    uint8_t *h = pkt_push(p, IPV4_HEADER_BYTES);
    assert(pkt_len(p) <= n->cfg.mtu);
    struct ipv4_out out = {
        .src = tx->src,
        .dst = tx->dst,
        .fragment = words,
        .total_bytes = (uint16_t)pkt_len(p),
        .protocol = tx->protocol,
        .ttl = tx->ttl != 0 ? tx->ttl : IPV4_TTL,
        .tos = tx->tos,
    };
    ipv4_encode(h, &out);
}

/* The link: bare IP goes out as it is, Ethernet wants the neighbour's address. */
static enum status link_output(struct net *n, struct pkt *p, uint32_t next_hop)
{
    NET_COUNT(n, ip_tx);
    if (n->cfg.link == NET_LINK_ETHERNET) {
        if (!iface_is_broadcast(n, next_hop)) {
            return arp_output(n, p, next_hop);
        }
        eth_output(n, p, eth_broadcast, ETH_TYPE_IPV4);
    } else if (n->link_up) {
        n->cfg.output(n->cfg.arg, p);
    } else {
        NET_COUNT(n, link_tx_down);
        pkt_put(p);
    }
    return STATUS_OK;
}

/* May each buffer of p go to next_hop as a packet, or wait for it? */
static bool link_admits(struct net *n, const struct pkt *p, uint32_t next_hop)
{
    return n->cfg.link != NET_LINK_ETHERNET || iface_is_broadcast(n, next_hop) ||
           arp_admits(n, next_hop, p);
}

/* Takes p, cut for it. What goes wrong with the first fragment would with all: no other is tried.
 */
static enum status send_each(struct net *n, struct pkt *p, const struct ipv4_tx *tx,
                             uint32_t next_hop)
{
    uint32_t words = (uint32_t)next_id(n, tx) << 16;
    enum status st = STATUS_OK;
    while (p != NULL && st == STATUS_OK) {
        struct pkt *rest = p->frag;
        uint32_t units = (uint32_t)pkt_len(p) / IPV4_FRAGMENT_UNIT_BYTES;
        p->frag = NULL;
        push_header(n, p, tx, words | (rest != NULL ? IPV4_FLAG_MF : 0));
        NET_COUNT(n, ip_tx_fragments);
        st = link_output(n, p, next_hop);
        words += units;
        p = rest;
    }
    pkt_put(p);
    return st;
}

/* RFC 791 3.2. All fragments of a datagram leave or none: a part of one is of use to nobody, and
 * costs its receiver memory. Takes p. */
static enum status send_fragments(struct net *n, struct pkt *p, const struct ipv4_tx *tx,
                                  uint32_t next_hop)
{
    assert(tx->may_fragment);
    p = ipv4_cut(n, p);
    if (p == NULL) {
        NET_COUNT(n, ip_tx_no_buffer);
        return STATUS_NO_MEMORY;
    }
    if (!link_admits(n, p, next_hop)) {
        pkt_put(p);
        return STATUS_BUSY;
    }
    return send_each(n, p, tx, next_hop);
}

/* Where all that tx says is known to be good but the size, and the neighbour may have to be asked.
 */
static enum status output_otherwise(struct net *n, struct pkt *p, const struct ipv4_tx *tx,
                                    uint32_t next_hop)
{
    if (pkt_total(p) + IPV4_HEADER_BYTES > n->cfg.mtu) {
        if (tx->may_fragment) {
            return send_fragments(n, p, tx, next_hop);
        }
        NET_COUNT(n, ip_tx_too_big);
        pkt_put(p);
        return STATUS_BAD_INPUT;
    }
    push_header(n, p, tx, whole_words(n, tx));
    return link_output(n, p, next_hop);
}

/* The neighbour of a packet that leaves as it is and at once, or NULL: nearly all of them do. */
static inline struct arp_entry *straight_to(struct net *n, const struct pkt *p,
                                            const struct ipv4_tx *tx, uint32_t next_hop)
{
    if (unlikely(p->frag != NULL || tx->may_fragment || !n->link_up ||
                 pkt_len(p) + IPV4_HEADER_BYTES > n->cfg.mtu || n->cfg.link != NET_LINK_ETHERNET ||
                 iface_is_broadcast(n, next_hop))) {
        return NULL;
    }
    return arp_reachable(n, next_hop);
}

/* Takes p: what push_header, arp_output and eth_output would come to, both headers at once. */
static void send_straight(struct net *n, struct pkt *p, const struct ipv4_tx *tx,
                          struct arp_entry *e)
{
    uint8_t *h = pkt_push(p, ETH_HEADER_BYTES + IPV4_HEADER_BYTES);
    eth_encode(h, e->mac, n->cfg.mac, ETH_TYPE_IPV4);
    struct ipv4_out out = {
        .src = n->iface.address,
        .dst = tx->dst,
        .fragment = IPV4_FLAG_DF,
        .total_bytes = (uint16_t)(pkt_len(p) - ETH_HEADER_BYTES),
        .protocol = tx->protocol,
        .ttl = tx->ttl != 0 ? tx->ttl : IPV4_TTL,
        .tos = tx->tos,
    };
    ipv4_encode(h + ETH_HEADER_BYTES, &out);
    arp_used(e);
    NET_COUNT(n, ip_tx);
    NET_COUNT(n, eth_tx);
    n->cfg.output(n->cfg.arg, p);
}

enum status ipv4_output(struct net *n, struct pkt *p, const struct ipv4_tx *tx)
{
    assert(pkt_headroom(p) >= IPV4_HEADER_BYTES);
    uint32_t next_hop = iface_next_hop(n, tx->dst);
    /* An address given up is never sent from, whatever a transport still holds. */
    if (next_hop == 0 || (tx->src != 0 && tx->src != n->iface.address)) {
        NET_COUNT(n, ip_tx_no_route);
        pkt_put(p);
        return STATUS_NOT_FOUND;
    }
    struct arp_entry *e = straight_to(n, p, tx, next_hop);
    if (unlikely(e == NULL)) {
        struct ipv4_tx t = *tx;
        t.src = n->iface.address;
        return output_otherwise(n, p, &t, next_hop);
    }
    send_straight(n, p, tx, e);
    return STATUS_OK;
}

void ipv4_output_unconfigured(struct net *n, struct pkt *p, uint8_t protocol)
{
    assert(n->cfg.link == NET_LINK_ETHERNET);
    assert(pkt_len(p) + IPV4_HEADER_BYTES <= n->cfg.mtu);
    struct ipv4_tx tx = {.src = 0, .dst = UINT32_MAX, .protocol = protocol};
    push_header(n, p, &tx, IPV4_FLAG_DF);
    (void)link_output(n, p, UINT32_MAX);
}
