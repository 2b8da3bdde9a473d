/*
 * IPv4: the header's decoder, what kinds of addresses there are, and the address in use. Input and
 * output are in in.c and out.c.
 */
#include <string.h>

#include "kernel/bytes.h"
#include "net/ip/ipv4.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"

enum { /* option types, RFC 791 3.1 */
       IPV4_OPT_END = 0,
       IPV4_OPT_NOP = 1,
       IPV4_OPT_LSRR = 131,
       IPV4_OPT_SSRR = 137,
};

enum { /* the fragment field */
       IPV4_FLAG_DF = 0x4000,
       IPV4_FLAG_MF = 0x2000,
       IPV4_OFFSET_MASK = 0x1fff,
};

/* Options are stepped over within their bounds and otherwise ignored; source routes are refused, as
 * RFC 7126 4.3 and 4.4 advise. */
static enum ipv4_bad ipv4_check_options(const uint8_t *opt, size_t len)
{
    size_t at = 0;
    while (at < len && opt[at] != IPV4_OPT_END) {
        if (opt[at] == IPV4_OPT_NOP) {
            at++;
            continue;
        }
        if (len - at < 2 || opt[at + 1] < 2 || opt[at + 1] > len - at) {
            return IPV4_BAD_OPTION;
        }
        if (opt[at] == IPV4_OPT_LSRR || opt[at] == IPV4_OPT_SSRR) {
            return IPV4_BAD_SOURCE_ROUTE;
        }
        at += opt[at + 1];
    }
    return IPV4_GOOD;
}

/* RFC 1122 3.2.1.1 to 3.2.1.2, in the order that keeps every read within what was checked. */
enum ipv4_bad ipv4_decode(struct ipv4_header *h, const uint8_t *bytes, size_t len)
{
    if (len < IPV4_HEADER_BYTES) {
        return IPV4_BAD_SHORT;
    }
    if (bytes[0] >> 4 != 4) {
        return IPV4_BAD_VERSION;
    }
    size_t header_bytes = (size_t)(bytes[0] & 15) * 4;
    if (header_bytes < IPV4_HEADER_BYTES || header_bytes > len) {
        return IPV4_BAD_HEADER_LEN;
    }
    uint16_t total_bytes = load_be16(bytes + 2);
    if (total_bytes < header_bytes || total_bytes > len) {
        return IPV4_BAD_TOTAL_LEN;
    }
    if (csum_finish(csum_add(0, bytes, header_bytes)) != 0) {
        return IPV4_BAD_CHECKSUM;
    }
    uint16_t frag = load_be16(bytes + 6);
    *h = (struct ipv4_header){
        .src = load_be32(bytes + 12),
        .dst = load_be32(bytes + 16),
        .total_bytes = total_bytes,
        .id = load_be16(bytes + 4),
        .frag_offset = (uint16_t)((frag & IPV4_OFFSET_MASK) * 8),
        .more_fragments = (frag & IPV4_FLAG_MF) != 0,
        .dont_fragment = (frag & IPV4_FLAG_DF) != 0,
        .header_bytes = (uint8_t)header_bytes,
        .protocol = bytes[9],
        .ttl = bytes[8],
        .tos = bytes[1],
    };
    return ipv4_check_options(bytes + IPV4_HEADER_BYTES, header_bytes - IPV4_HEADER_BYTES);
}

bool ipv4_is_broadcast(const struct net *n, uint32_t addr)
{
    return addr == UINT32_MAX || (addr == n->ip.broadcast && n->ip.address != 0);
}

bool ipv4_is_multicast(uint32_t addr)
{
    return addr >> 28 == 0xe;
}

bool ipv4_is_host(uint32_t addr)
{
    uint32_t net = addr >> 24;
    return net != 0 && net != 127 && net < 224;
}

/* A host's, and neither our subnet's broadcast address nor its network address (the broadcast
 * address of 4.2BSD, RFC 1122 3.3.6). */
bool ipv4_is_unicast_source(const struct net *n, uint32_t addr)
{
    return ipv4_is_host(addr) &&
           (n->ip.address == 0 || (addr != n->ip.broadcast && addr != n->ip.network));
}

uint32_t ipv4_mask(uint8_t prefix_bits)
{
    assert(prefix_bits <= 32);
    return prefix_bits == 0 ? 0 : UINT32_MAX << (32 - prefix_bits);
}

/* RFC 3927 2.6.2: from a link-local address everything stays on the link. A gateway that is the
 * address itself says the same: somebody there answers ARP for the rest of the world. */
static bool all_on_link(const struct net_event *e)
{
    return ipv4_is_link_local(e->address) || e->gateway == e->address;
}

/* Returns whether anything of it is new. */
static bool set_routes(struct ipv4 *ip, const struct net_event *e, bool lost)
{
    uint32_t count = lost ? 0 : e->route_count;
    uint32_t gateway = lost ? 0 : e->gateway;
    size_t bytes = count * sizeof(ip->routes[0]);
    assert(count <= NET_ROUTES_MAX);
    bool same = count == ip->route_count && gateway == ip->gateway &&
                memcmp(ip->routes, e->routes, bytes) == 0;
    ip->gateway = gateway;
    ip->route_count = count;
    memcpy(ip->routes, e->routes, bytes);
    return !same;
}

/* All ones and all zeros in the host part are nobody's; a /31 has neither (RFC 3021), nor has a
 * /32. A server that leases one of them has told a mask too narrow: then neither is known. */
static void set_subnet(struct ipv4 *ip, uint32_t address, uint32_t netmask)
{
    uint32_t host = address & ~netmask;
    bool has_both = ~netmask > 1 && host != 0 && host != ~netmask;
    ip->address = address;
    ip->netmask = netmask;
    ip->broadcast = has_both ? address | ~netmask : UINT32_MAX;
    ip->network = has_both ? address & netmask : 0;
}

void ipv4_set_address(struct net *n, const struct net_event *e)
{
    assert(e->kind == NET_EVENT_ADDRESS || e->kind == NET_EVENT_ADDRESS_LOST);
    bool lost = e->kind == NET_EVENT_ADDRESS_LOST;
    assert(lost || e->address != 0);
    uint32_t address = lost ? 0 : e->address;
    uint32_t netmask = lost ? 0 : ipv4_mask(e->prefix_bits);
    bool moved = address != n->ip.address || netmask != n->ip.netmask;
    bool rerouted = set_routes(&n->ip, e, lost);
    bool same = !moved && !rerouted && e->origin == n->ip.origin;
    set_subnet(&n->ip, address, netmask);
    n->ip.link_mask = all_on_link(e) ? 0 : netmask;
    n->ip.origin = e->origin;
    if (moved) {
        /* Neighbours of the old subnet are not to be believed on the new one. */
        arp_flush(n);
        tcp_address_changed(n);
    }
    if (!same) {
        net_tell(n, e);
    }
}
