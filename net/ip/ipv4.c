/*
 * IPv4: the address in use, and what follows from it. Input and output are in in.c and out.c.
 */
#include <string.h>

#include "net/ip/ipv4.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"

bool ipv4_is_broadcast(const struct net *n, uint32_t addr)
{
    return addr == UINT32_MAX || (addr == n->ip.broadcast && n->ip.address != 0);
}

/* A host's, and neither our subnet's broadcast address nor its network address (the broadcast
 * address of 4.2BSD, RFC 1122 3.3.6). */
bool ipv4_is_unicast_source(const struct net *n, uint32_t addr)
{
    return ipv4_is_host(addr) &&
           (n->ip.address == 0 || (addr != n->ip.broadcast && addr != n->ip.network));
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
