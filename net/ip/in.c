/*
 * IPv4 input: which datagrams are for this host, and to which transport they go. Nothing is
 * forwarded. The header is decoded in wire/ipv4.c, fragments are gathered in reass.c.
 */
#include "kernel/bytes.h"
#include "net/ip/int.h"
#include "net/link/eth.h"
#include "net/link/iface.h"
#include "net/stack.h"
#include "net/wire/udp.h"

/* Each reason of the decoder under its own name. */
cold_fn static void count_bad_header(struct net *n, enum ipv4_bad why)
{
    switch (why) {
    case IPV4_BAD_SHORT:
        NET_COUNT(n, ip_rx_short);
        break;
    case IPV4_BAD_VERSION:
        NET_COUNT(n, ip_rx_bad_version);
        break;
    case IPV4_BAD_HEADER_LEN:
        NET_COUNT(n, ip_rx_bad_header_len);
        break;
    case IPV4_BAD_TOTAL_LEN:
        NET_COUNT(n, ip_rx_bad_total_len);
        break;
    case IPV4_BAD_CHECKSUM:
        NET_COUNT(n, ip_rx_bad_checksum);
        break;
    case IPV4_BAD_SOURCE_ROUTE:
        NET_COUNT(n, ip_rx_source_route);
        break;
    case IPV4_BAD_OPTION:
        NET_COUNT(n, ip_rx_bad_option);
        break;
    case IPV4_GOOD:
        assert(false);
    }
}

/* To the port that is open while the host is configured, whatever host the datagram is to
 * (iface.h). p's data is at the transport header. */
static bool is_to_open_port(const struct net *n, const struct pkt *p, const struct ipv4_header *h)
{
    return n->iface.open_port != 0 && h->protocol == IP_PROTO_UDP && h->frag_offset == 0 &&
           !h->more_fragments && pkt_len(p) >= UDP_HEADER_BYTES &&
           load_be16(p->data + 2) == n->iface.open_port && !ipv4_is_multicast(h->dst);
}

/* RFC 1122 3.2.1.3: an address that no host can have sends nothing; our own sends nothing to us
 * (the LAND attack). */
static bool source_good(struct net *n, const struct pkt *p, const struct ipv4_header *h)
{
    if (!iface_is_unicast_source(n, h->src)) {
        bool to_open = is_to_open_port(n, p, h);
        if (!to_open) {
            NET_COUNT(n, ip_rx_bad_source);
        }
        return to_open;
    }
    if (h->src == n->iface.address) {
        NET_COUNT(n, ip_rx_own_source);
        return false;
    }
    return true;
}

/* RFC 1122 3.2.1.3, 3.3.6. Marks in h what was sent to more than this host. */
static bool destination_good(struct net *n, const struct pkt *p, struct ipv4_header *h)
{
    bool link_broadcast = (p->rx_flags & PKT_RX_L2_BROADCAST) != 0;
    bool ip_broadcast = iface_is_broadcast(n, h->dst);
    bool to_us = h->dst == n->iface.address && h->dst != 0;
    h->to_broadcast = link_broadcast || ip_broadcast;
    if (ip_broadcast || (to_us && !link_broadcast) || is_to_open_port(n, p, h)) {
        return true;
    }
    if (ipv4_is_multicast(h->dst)) {
        NET_COUNT(n, ip_rx_multicast);
    } else if (!to_us) {
        NET_COUNT(n, ip_rx_other_host);
    } else {
        NET_COUNT(n, ip_rx_link_broadcast);
    }
    return false;
}

/* What the two above would find nothing in: from another host to our address, and to us alone. */
static inline bool addresses_ordinary(const struct net *n, const struct pkt *p,
                                      const struct ipv4_header *h)
{
    return (p->rx_flags & PKT_RX_L2_BROADCAST) == 0 && iface_is_to_us(n, h->src, h->dst);
}

cold_fn static bool addresses_good(struct net *n, const struct pkt *p, struct ipv4_header *h)
{
    return source_good(n, p, h) && destination_good(n, p, h);
}

/* Takes p, a (reassembled or whole) datagram, data at the transport header, its length exactly the
 * payload's. */
static void ipv4_deliver(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    assert(pkt_headroom(p) >= h->header_bytes); /* icmp_send_error quotes the header from there */
    assert(h->header_bytes >= IPV4_HEADER_BYTES);
    NET_COUNT(n, ip_delivered);
    const struct ip_protocol *to = ipv4_find_protocol(n, h->protocol);
    if (to == NULL) { /* RFC 1122 3.2.2.1: protocol unreachable */
        NET_COUNT(n, ip_rx_unknown_protocol);
        icmp_send_error(n, p, h, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PROTOCOL);
        pkt_put(p);
    } else if (h->to_broadcast && to->hosts_only) { /* TCP: RFC 9293 3.10.4, RFC 1122 4.2.3.10 */
        NET_COUNT(n, ip_rx_tcp_broadcast);
        pkt_put(p);
    } else {
        to->input(n, p, h);
    }
}

/* Header, then source, then destination; fragments go round by reassembly. */
void ipv4_input(struct net *n, struct pkt *p)
{
    NET_COUNT(n, ip_rx);
    struct ipv4_header h;
    enum ipv4_bad why = ipv4_decode(&h, p->data, pkt_len(p));
    if (unlikely(why != IPV4_GOOD)) {
        count_bad_header(n, why);
        pkt_put(p);
        return;
    }
    pkt_trim(p, h.total_bytes); /* the padding of short frames is not payload */
    pkt_pull(p, h.header_bytes);
    if (unlikely(!addresses_ordinary(n, p, &h)) && !addresses_good(n, p, &h)) {
        pkt_put(p);
        return;
    }
    if (unlikely(h.frag_offset != 0 || h.more_fragments)) {
        p = reass_input(n, p, &h);
    }
    if (p != NULL) {
        ipv4_deliver(n, p, &h);
    }
}

void ipv4_attach(struct net *n)
{
    bool added = eth_add_type(n, ETH_TYPE_IPV4, ipv4_input);
    assert(added);
}
