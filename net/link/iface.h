/*
 * The interface: the address in use on it with its subnet and routes, and what follows from them:
 * which addresses are broadcasts, which ones are on the link, which neighbour a packet goes to
 * (RFC 1122 3.3.1). Who keeps something that hangs on the address is told when it changes.
 */
#ifndef NET_LINK_IFACE_H
#define NET_LINK_IFACE_H

#include "kernel/base.h"
#include "net/core/config.h"

struct net;

enum {
    IFACE_LISTENERS_MAX = 4,
};

typedef void iface_changed_fn(struct net *n);

struct iface {
    uint32_t address; /* 0: none in use */
    uint32_t netmask;
    uint32_t link_mask; /* who agrees with address under it is on the link; 0: everybody */
    uint32_t gateway;   /* 0: none */
    uint32_t broadcast; /* of the subnet; UINT32_MAX when it has none of its own */
    uint32_t network;   /* the subnet's own number, which no host has; 0 when there is none */
    enum net_address_origin origin;
    uint16_t open_port;   /* UDP; 0: none */
    uint32_t generation;  /* another one when the address, its subnet or routes have changed */
    uint32_t route_count; /* of routes */
    struct net_route routes[NET_ROUTES_MAX];
    uint32_t listener_count;
    iface_changed_fn *listeners[IFACE_LISTENERS_MAX];
};

/* fn is called, after those added before it, when the address or its subnet has become another one
 * or none; from input, timers and net_set_link. False when there are IFACE_LISTENERS_MAX. */
bool iface_add_listener(struct net *n, iface_changed_fn *fn) must_check;

/* Sets or removes the address in use with its routes; tells the listeners, then the program. */
void iface_set_address(struct net *n, const struct net_event *e);

/*
 * Whole UDP datagrams to this port are taken whatever host they are to, but for groups, and
 * whatever they are from: a server answers a host that has no address yet by unicast to the one it
 * offers (RFC 2131 4.1), and may have no address of its own yet, or a wrong one. 0: none.
 */
void iface_set_open_port(struct net *n, uint16_t port);

/* The on-link address a packet to dst goes to, or 0 when there is no way. */
uint32_t iface_next_hop(const struct net *n, uint32_t dst);

/* True when packets to addr go to addr itself: the subnet's hosts, routers wherever their addresses
 * are, link-local ones. False without an address in use. */
bool iface_is_on_link(const struct net *n, uint32_t addr);

bool iface_is_broadcast(const struct net *n, uint32_t addr);

/* May stand as the source of a packet that wants an answer (RFC 1122 3.2.1.3). */
bool iface_is_unicast_source(const struct net *n, uint32_t addr);

/* A datagram with these addresses is from another host to the address in use, as nearly all are. */
bool iface_is_to_us(const struct net *n, uint32_t src, uint32_t dst);

#endif
