/*
 * From a server's options to a lease: see lease.h. Pure functions.
 */
#include "net/dhcp/lease.h"
#include "net/wire/ipv4.h"

/* RFC 2131 4.4.5: T1 and T2 as told where they are in order, else 1/2 and 7/8 of the lease. */
struct dhcp_times dhcp_lease_times(const struct dhcp_reply *r)
{
    struct dhcp_times t = {.lease_s = r->lease_s};
    if (!r->has_lease) { /* RFC 1534 3: what a BOOTP server gives has no end */
        t.lease_s = r->type == 0 ? DHCP_LEASE_INFINITE_S : DHCP_LEASE_DEFAULT_S;
    }
    if (t.lease_s == DHCP_LEASE_INFINITE_S) {
        t.renew_s = DHCP_LEASE_INFINITE_S;
        t.rebind_s = DHCP_LEASE_INFINITE_S;
        return t;
    }
    t.lease_s = max_u32(t.lease_s, DHCP_LEASE_MIN_S);
    uint32_t half = t.lease_s / 2;
    bool rebind_good = r->rebind_s > DHCP_RENEW_MIN_S && r->rebind_s < t.lease_s;
    t.rebind_s = rebind_good ? r->rebind_s : t.lease_s - t.lease_s / 8;
    bool renew_good = r->renew_s >= DHCP_RENEW_MIN_S && r->renew_s < t.rebind_s;
    t.renew_s = renew_good ? r->renew_s : half < t.rebind_s ? half : t.rebind_s / 2;
    return t;
}

/* The prefix length of a contiguous mask. One that is none is treated as if it had not come: the
 * class of the address decides (RFC 2132 3.3, RFC 950). */
static uint8_t prefix_bits_of(uint32_t netmask, uint32_t address)
{
    uint32_t host = ~netmask;
    if (netmask == 0 || (host & (host + 1)) != 0) {
        netmask = address >> 31 == 0 ? 0xff000000u : address >> 30 == 2 ? 0xffff0000u : 0xffffff00u;
    }
    uint8_t bits = 0;
    while (bits < 32 && (netmask << bits & 0x80000000u) != 0) {
        bits++;
    }
    return bits;
}

/* A router is a neighbour, inside the subnet or not: a server that leases a /32 has no other way to
 * tell one. Inside it is not the network's own or the broadcast address. */
static bool router_usable(const struct net_event *e, uint32_t router)
{
    uint32_t mask = ipv4_mask(e->prefix_bits);
    uint32_t host = router & ~mask;
    bool near = ((router ^ e->address) & mask) == 0;
    bool edge = e->prefix_bits <= 30 && (host == 0 || host == ~mask);
    return ipv4_is_host(router) && !(near && edge && router != e->address);
}

/* The first router that can be one. */
static uint32_t take_router(const struct dhcp_reply *r, struct net_event *e)
{
    uint32_t left_out = 0;
    for (uint32_t i = 0; i < r->router_count && e->gateway == 0; i++) {
        if (router_usable(e, r->routers[i])) {
            e->gateway = r->routers[i];
        } else {
            left_out++;
        }
    }
    return left_out;
}

/* The default route is the gateway. That a router itself is on the link needs no route of its own:
 * each is taken to be. */
static bool take_route(struct net_event *e, const struct dhcp_route *route)
{
    bool to_us = route->router == 0 || route->router == e->address; /* on the link */
    if (!to_us && !router_usable(e, route->router)) {
        return false;
    }
    if (route->prefix_bits == 0) {
        if (e->gateway == 0) {
            e->gateway = to_us ? e->address : route->router;
        }
        return true;
    }
    bool unicast = route->network >> 24 != 127 && route->network >> 24 < 224;
    if (!unicast || e->route_count == NET_ROUTES_MAX) {
        return false;
    }
    e->routes[e->route_count++] = (struct net_route){
        .network = route->network,
        .router = to_us ? 0 : route->router,
        .prefix_bits = route->prefix_bits,
    };
    return true;
}

/* Takes out the routes to hosts on the link that are routers: they say what goes without saying,
 * and without any route the next hop is found in fewer steps. */
static void drop_routes_to_routers(struct net_event *e)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < e->route_count; i++) {
        struct net_route r = e->routes[i];
        bool router = r.network == e->gateway;
        for (uint8_t k = 0; k < e->route_count; k++) {
            router = router || r.network == e->routes[k].router;
        }
        if (!(router && r.prefix_bits == 32 && r.router == 0)) {
            e->routes[kept++] = r;
        }
    }
    e->route_count = kept;
}

uint32_t dhcp_lease_addresses(const struct dhcp_reply *r, struct net_event *e)
{
    uint32_t left_out = 0;
    e->address = r->address;
    e->prefix_bits = prefix_bits_of(r->netmask, r->address);
    e->gateway = 0;
    e->route_count = 0;
    if (r->route_count == 0) {
        return take_router(r, e);
    }
    /* RFC 3442 "DHCP Client Behavior": where there are routes, the router option is ignored. */
    for (uint32_t i = 0; i < r->route_count; i++) {
        left_out += !take_route(e, &r->routes[i]);
    }
    drop_routes_to_routers(e);
    return left_out;
}
