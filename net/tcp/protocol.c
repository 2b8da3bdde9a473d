/*
 * How TCP hangs on the rooms below: IP hands it segments and what is told of them, the interface a
 * change of the address.
 */
#include "net/stack.h"
#include "net/tcp/tcp.h"

static bool hear_error(struct net *n, const struct icmp_error *e)
{
    tcp_icmp_error(n, e);
    return true; /* what is not believed is counted there */
}

void tcp_attach(struct net *n)
{
    static const struct ip_protocol tcp = {
        .number = IP_PROTO_TCP,
        .hosts_only = true, /* RFC 9293 3.9.2.3 (MUST-57) */
        .input = tcp_input,
        .error = hear_error,
        .absent = tcp_neighbour_absent,
    };
    bool all = ipv4_add_protocol(n, &tcp) && iface_add_listener(n, tcp_address_changed);
    assert(all);
}
