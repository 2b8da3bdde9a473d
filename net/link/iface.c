/*
 * The address in use, and what follows from it: see iface.h.
 */
#include "net/link/iface.h"

#include <string.h>

#include "net/core/core.h"
#include "net/stack.h"
#include "net/wire/ipv4.h"

enum {
    IPV4_LINK_LOCAL_BITS = 16, /* of 169.254/16 */
};

bool iface_is_broadcast(const struct net *n, uint32_t addr)
{
    return addr == UINT32_MAX || (addr == n->iface.broadcast && n->iface.address != 0);
}

/* A host's, and neither our subnet's broadcast address nor its network address (the broadcast
 * address of 4.2BSD, RFC 1122 3.3.6). */
bool iface_is_unicast_source(const struct net *n, uint32_t addr)
{
    return ipv4_is_host(addr) &&
           (n->iface.address == 0 || (addr != n->iface.broadcast && addr != n->iface.network));
}

bool iface_is_to_us(const struct net *n, uint32_t src, uint32_t dst)
{
    uint32_t ours = n->iface.address;
    return dst == ours && dst != 0 && src != ours && iface_is_unicast_source(n, src);
}

/* Where routes beside the gateway are: the longest prefix that fits decides (RFC 1812 5.2.4.3). A
 * router itself is on the link, whatever its address (RFC 3442, "Local Subnet Routes"). Link-local
 * hosts are, but for those that a route of their own is told to: clouds put a router in front of
 * 169.254.169.254, and to Linux such a route is one like any. */
static uint32_t routed_hop(const struct iface *iface, uint32_t dst)
{
    bool near = ((dst ^ iface->address) & iface->netmask) == 0;
    bool link_local = ipv4_is_link_local(dst);
    uint32_t best = near ? iface->netmask : link_local ? ipv4_mask(IPV4_LINK_LOCAL_BITS) : 0;
    uint32_t hop = near || link_local || iface->link_mask == 0 ? dst : iface->gateway;
    for (uint32_t i = 0; i < iface->route_count; i++) {
        const struct net_route *r = &iface->routes[i];
        uint32_t mask = ipv4_mask(r->prefix_bits);
        if (dst == r->router || dst == iface->gateway) {
            return dst;
        }
        if (((dst ^ r->network) & mask) == 0 && mask > best) {
            best = mask;
            hop = r->router != 0 ? r->router : dst;
        }
    }
    return hop;
}

uint32_t iface_next_hop(const struct net *n, uint32_t dst)
{
    const struct iface *iface = &n->iface;
    if (iface->address == 0 || dst == iface->address || ipv4_is_multicast(dst) || dst >> 24 == 0 ||
        dst >> 24 == 127) {
        return 0;
    }
    if (n->cfg.link == NET_LINK_IP || iface_is_broadcast(n, dst)) {
        return dst;
    }
    if (unlikely(iface->route_count != 0)) {
        return routed_hop(iface, dst);
    }
    /* RFC 3927 2.6.2, 2.7: to link-local addresses everything stays on the link. */
    if (ipv4_is_link_local(dst)) {
        return dst;
    }
    return ((dst ^ iface->address) & iface->link_mask) == 0 ? dst : iface->gateway;
}

bool iface_is_on_link(const struct net *n, uint32_t addr)
{
    return addr != 0 && iface_next_hop(n, addr) == addr;
}

bool iface_add_listener(struct net *n, iface_changed_fn *fn)
{
    struct iface *iface = &n->iface;
    if (iface->listener_count == IFACE_LISTENERS_MAX) {
        return false;
    }
    iface->listeners[iface->listener_count++] = fn;
    return true;
}

void iface_set_open_port(struct net *n, uint16_t port)
{
    n->iface.open_port = port;
}

/* RFC 3927 2.6.2: from a link-local address everything stays on the link. A gateway that is the
 * address itself says the same: somebody there answers ARP for the rest of the world. */
static bool all_on_link(const struct net_event *e)
{
    return ipv4_is_link_local(e->address) || e->gateway == e->address;
}

/* Returns whether anything of it is new. */
static bool set_routes(struct iface *iface, const struct net_event *e, bool lost)
{
    uint32_t count = lost ? 0 : e->route_count;
    uint32_t gateway = lost ? 0 : e->gateway;
    size_t bytes = count * sizeof(iface->routes[0]);
    assert(count <= NET_ROUTES_MAX);
    bool same = count == iface->route_count && gateway == iface->gateway &&
                memcmp(iface->routes, e->routes, bytes) == 0;
    iface->gateway = gateway;
    iface->route_count = count;
    memcpy(iface->routes, e->routes, bytes);
    return !same;
}

/* All ones and all zeros in the host part are nobody's; a /31 has neither (RFC 3021), nor has a
 * /32. A server that leases one of them has told a mask too narrow: then neither is known. */
static void set_subnet(struct iface *iface, uint32_t address, uint32_t netmask)
{
    uint32_t host = address & ~netmask;
    bool has_both = ~netmask > 1 && host != 0 && host != ~netmask;
    iface->address = address;
    iface->netmask = netmask;
    iface->broadcast = has_both ? address | ~netmask : UINT32_MAX;
    iface->network = has_both ? address & netmask : 0;
}

void iface_set_address(struct net *n, const struct net_event *e)
{
    assert(e->kind == NET_EVENT_ADDRESS || e->kind == NET_EVENT_ADDRESS_LOST);
    bool lost = e->kind == NET_EVENT_ADDRESS_LOST;
    assert(lost || e->address != 0);
    uint32_t address = lost ? 0 : e->address;
    uint32_t netmask = lost ? 0 : ipv4_mask(e->prefix_bits);
    bool moved = address != n->iface.address || netmask != n->iface.netmask;
    bool rerouted = set_routes(&n->iface, e, lost);
    bool same = !moved && !rerouted && e->origin == n->iface.origin;
    set_subnet(&n->iface, address, netmask);
    n->iface.link_mask = all_on_link(e) ? 0 : netmask;
    n->iface.origin = e->origin;
    n->iface.generation += moved || rerouted;
    for (uint32_t i = 0; moved && i < n->iface.listener_count; i++) {
        n->iface.listeners[i](n);
    }
    if (!same) {
        net_tell(n, e);
    }
}
