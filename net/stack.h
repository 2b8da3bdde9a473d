/*
 * The inside of struct net, for the stack's own files only. Each part belongs to the file of its
 * name; the others go through that file's header.
 */
#ifndef NET_STACK_H
#define NET_STACK_H

#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/core/config.h"
#include "net/core/core.h"
#include "net/core/counters.h"
#include "net/core/random.h"
#include "net/dhcp/dhcp.h"
#include "net/ip/icmp.h"
#include "net/ip/ipv4.h"
#include "net/ip/pmtu.h"
#include "net/ip/reass.h"
#include "net/link/acd.h"
#include "net/link/arp.h"
#include "net/link/eth.h"
#include "net/link/iface.h"
#include "net/parts.h"
#include "net/sock/table.h"
#include "net/tcp/block/cb.h"
#include "net/udp/udp.h"

struct net {
    uint64_t now_ns; /* set at each entry from outside; what the inside calls "now" */
    struct timer_wheel wheel;
    struct net_config cfg; /* [I] but for NET_OFFLOAD_TSO (net_set_offload) */
    bool link_up;
    struct net_counters counters;
    struct pkt *run_rest;     /* of a run on its way up, what was not taken: gro/ sends it after */
    struct net_random random; /* keyed generator and hash, seeded from cfg.seed */
    NET_PART(link, struct eth eth);          /* types of frames */
    NET_PART(link, struct iface iface);      /* the address in use, routes */
    NET_PART(ip, struct ipv4 ip);            /* transports, identification */
    NET_PART(link, struct arp arp);          /* neighbours */
    NET_PART(link, struct acd acd);          /* address conflict detection, link-local addresses */
    NET_PART(dhcp, struct dhcp dhcp);        /* client */
    NET_PART(ip, struct pmtu pmtu);          /* path MTUs */
    NET_PART(ip, struct reass reass);        /* fragments */
    NET_PART(ip, struct icmp icmp);          /* rate limits */
    NET_PART(udp, struct udp udp);           /* sockets and receivers by port */
    NET_PART(tcp, struct tcp tcp);           /* connections, listeners, TIME-WAIT */
    NET_PART(sock, struct sock_table socks); /* descriptors and epoll */
};

/* Every entry from outside brings the time along. A reading older than the last one, taken by a
 * caller that was interrupted, must not turn time back. Inline: each packet and call passes it. */
static inline void net_enter(struct net *n, uint64_t now_ns)
{
    n->now_ns = max_u64(n->now_ns, now_ns);
}

#endif
