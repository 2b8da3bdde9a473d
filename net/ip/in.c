/*
 * IPv4 input: which datagrams are for this host, and to which transport they go. Nothing is
 * forwarded. The header is decoded in ipv4.c, fragments are gathered in reass.c.
 */
#include "kernel/bytes.h"
#include "net/ip/ipv4.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"

/* Each reason of the decoder under its own name. */
static void count_bad_header(struct net *n, enum ipv4_bad why)
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

/* A server answers a client that has no address yet by unicast to the one it offers (RFC 2131
 * 4.1). Whole datagrams only; p's data is at the transport header. */
static bool is_dhcp_reply(const struct net *n, const struct pkt *p, const struct ipv4_header *h)
{
    return dhcp_wants(n) && h->protocol == IP_PROTO_UDP && h->frag_offset == 0 &&
           !h->more_fragments && pkt_len(p) >= UDP_HEADER_BYTES &&
           load_be16(p->data + 2) == DHCP_CLIENT_PORT && !ipv4_is_multicast(h->dst);
}

/* RFC 1122 3.2.1.3: an address that no host can have sends nothing; our own sends nothing to us
 * (the LAND attack). A DHCP server may have no address of its own yet, or a wrong one. */
static bool source_good(struct net *n, const struct pkt *p, const struct ipv4_header *h)
{
    if (!ipv4_is_unicast_source(n, h->src)) {
        bool from_server = is_dhcp_reply(n, p, h);
        if (!from_server) {
            NET_COUNT(n, ip_rx_bad_source);
        }
        return from_server;
    }
    if (h->src == n->ip.address) {
        NET_COUNT(n, ip_rx_own_source);
        return false;
    }
    return true;
}

/* What is not to this host alone, or not to its address. */
static bool destination_good_else(struct net *n, const struct pkt *p, struct ipv4_header *h)
{
    bool link_broadcast = (p->rx_flags & PKT_RX_L2_BROADCAST) != 0;
    bool ip_broadcast = ipv4_is_broadcast(n, h->dst);
    h->to_broadcast = link_broadcast || ip_broadcast;
    if (ip_broadcast || is_dhcp_reply(n, p, h)) {
        return true;
    }
    if (ipv4_is_multicast(h->dst)) {
        NET_COUNT(n, ip_rx_multicast);
        return false;
    }
    if (h->dst != n->ip.address || n->ip.address == 0) {
        NET_COUNT(n, ip_rx_other_host);
        return false;
    }
    assert(link_broadcast);
    NET_COUNT(n, ip_rx_link_broadcast);
    return false;
}

/* RFC 1122 3.2.1.3, 3.3.6. Marks in h what was sent to more than this host. */
static bool destination_good(struct net *n, const struct pkt *p, struct ipv4_header *h)
{
    bool to_us = h->dst == n->ip.address && h->dst != 0;
    if (likely(to_us && (p->rx_flags & PKT_RX_L2_BROADCAST) == 0)) {
        return true;
    }
    return destination_good_else(n, p, h);
}

/* Header, then source, then destination; fragments go round by reassembly. */
void ipv4_input(struct net *n, struct pkt *p)
{
    NET_COUNT(n, ip_rx);
    struct ipv4_header h;
    enum ipv4_bad why = ipv4_decode(&h, p->data, pkt_len(p));
    if (why != IPV4_GOOD) {
        count_bad_header(n, why);
        pkt_put(p);
        return;
    }
    pkt_trim(p, h.total_bytes); /* the padding of short frames is not payload */
    pkt_pull(p, h.header_bytes);
    if (!source_good(n, p, &h) || !destination_good(n, p, &h)) {
        pkt_put(p);
        return;
    }
    if (h.frag_offset != 0 || h.more_fragments) {
        reass_input(n, p, &h);
        return;
    }
    ipv4_deliver(n, p, &h);
}

static void deliver_tcp(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    if (h->to_broadcast) { /* RFC 9293 3.10.4, RFC 1122 4.2.3.10 */
        NET_COUNT(n, ip_rx_tcp_broadcast);
        pkt_put(p);
        return;
    }
    tcp_input(n, p, h);
}

void ipv4_deliver(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    assert(pkt_headroom(p) >= h->header_bytes); /* icmp_send_error quotes the header from there */
    assert(h->header_bytes >= IPV4_HEADER_BYTES);
    NET_COUNT(n, ip_delivered);
    switch (h->protocol) {
    case IP_PROTO_TCP:
        deliver_tcp(n, p, h);
        return;
    case IP_PROTO_UDP:
        udp_input(n, p, h);
        return;
    case IP_PROTO_ICMP:
        icmp_input(n, p, h);
        return;
    default: /* RFC 1122 3.2.2.1: protocol unreachable */
        NET_COUNT(n, ip_rx_unknown_protocol);
        icmp_send_error(n, p, h, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PROTOCOL);
        pkt_put(p);
    }
}
