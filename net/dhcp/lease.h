/*
 * What a client makes of the options in a server's answer: an address with its prefix, gateway and
 * routes, and the times of the lease. Which of them servers leave out or get wrong, and what is
 * done then, is told in docs/networks.md.
 */
#ifndef NET_DHCP_LEASE_H
#define NET_DHCP_LEASE_H

#include "net/core/config.h"
#include "net/wire/dhcp.h"

#define DHCP_LEASE_INFINITE_S UINT32_MAX
enum {
    DHCP_LEASE_DEFAULT_S = 3600,             /* of a server that names none */
    DHCP_LEASE_MIN_S = 20,                   /* shorter ones are taken for so long, as by dhcpcd */
    DHCP_RENEW_MIN_S = DHCP_LEASE_MIN_S / 2, /* an earlier T1 or T2 is taken for a mistake */
};

/* Seconds from the request; of a lease without end all are DHCP_LEASE_INFINITE_S. */
struct dhcp_times {
    uint32_t lease_s;
    uint32_t renew_s;  /* T1 */
    uint32_t rebind_s; /* T2, T1 < T2 < the lease */
};

struct dhcp_times dhcp_lease_times(const struct dhcp_reply *r);

/* Fills in the address, its prefix, gateway and routes. Returns how many routers and routes had to
 * be left out. */
uint32_t dhcp_lease_addresses(const struct dhcp_reply *r, struct net_event *e);

#endif
