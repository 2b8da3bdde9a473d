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

/* Of IPv4, from another station to this one alone? */
static inline bool ethernet_ordinary(const struct net *n, const uint8_t *frame)
{
    return load_be16(frame + 2 * (size_t)ETH_ADDR_BYTES) == ETH_TYPE_IPV4 &&
           eth_is_ordinary(frame, n->cfg.mac);
}

/* An IPv4 datagram from another station and host to us, and to us alone? Then it is remembered, the
 * whole of it: half a judgement would let through what fits the other half of none. */
static inline bool comes_to_us(struct net *n, const uint8_t *frame, const struct ipv4_header *h)
{
    struct ipv4_judged *j = &n->ip.judged;
    uint64_t eth[] = {csum_load64(frame), csum_load64(frame + ETH_HEADER_BYTES - sizeof(*eth))};
    uint64_t addresses = (uint64_t)h->src << 32 | h->dst;
    bool same = ((eth[0] ^ j->eth[0]) | (eth[1] ^ j->eth[1]) |
                 (uint64_t)(n->iface.generation ^ j->generation)) == 0;
    if (likely(same && addresses == j->addresses)) {
        return true;
    }
    if ((!same && !ethernet_ordinary(n, frame)) || !iface_is_to_us(n, h->src, h->dst)) {
        return false;
    }
    *j = (struct ipv4_judged){{eth[0], eth[1]}, addresses, n->iface.generation};
    return true;
}

/* Would Ethernet and IP find nothing in the frame but what *h says? Whatever differs leaves a bit,
 * so that it costs one branch where there is nothing. */
static inline bool frame_ordinary(struct net *n, const struct pkt *p, struct ipv4_header *h)
{
    const uint8_t *frame = p->data;
    const uint8_t *ip = frame + ETH_HEADER_BYTES;
    if (pkt_len(p) < ETH_HEADER_BYTES + IPV4_HEADER_BYTES) {
        return false;
    }
    ipv4_decode_fields(h, ip);
    uint32_t any = (uint32_t)ip[0] ^ IPV4_VERSION_IHL;
    any |= load_be16(ip + 6) & (uint32_t)(IPV4_FLAG_MF | IPV4_OFFSET_MASK);
    any |= ((uint32_t)h->total_bytes - IPV4_HEADER_BYTES) >> 16; /* less than a header */
    return any == 0 && (size_t)h->total_bytes + ETH_HEADER_BYTES <= pkt_len(p) &&
           ipv4_checksum_good(ip) && comes_to_us(n, frame, h);
}

/* The counters are those of eth_input(), ipv4_input() and ipv4_deliver(). */
void ipv4_frame_input(struct net *n, struct pkt *p)
{
    struct ipv4_header h;
    if (unlikely(!frame_ordinary(n, p, &h))) {
        eth_input(n, p);
        return;
    }
    NET_COUNT(n, eth_rx);
    NET_COUNT(n, ip_rx);
    p->rx_flags &= ~(uint32_t)PKT_RX_L2_BROADCAST;
    pkt_pull(p, ETH_HEADER_BYTES + IPV4_HEADER_BYTES);
    pkt_trim(p, (size_t)h.total_bytes - IPV4_HEADER_BYTES);
    ipv4_deliver(n, p, &h);
}

void ipv4_attach(struct net *n)
{
    bool added = eth_add_type(n, ETH_TYPE_IPV4, ipv4_input);
    assert(added);
    n->ip.judged.eth[0] = UINT64_MAX; /* no frame's: the two words differ where they overlap */
}
