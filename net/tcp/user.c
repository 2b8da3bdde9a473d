/*
 * The calls that make connections: create, bind, listen, accept, connect, and names (RFC 9293
 * 3.9.1, 3.10.1). Contract in tcp.h.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/life/life.h"
#include "net/tcp/open/open.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

#include <errno.h>

struct tcp_cb *tcp_create(struct net *n, net_ready_fn *ready, void *owner)
{
    struct tcp_cb *t = tcp_pressure_new(n);
    if (t == NULL) {
        NET_COUNT(n, tcp_create_full);
        return NULL;
    }
    tcp_set_owner(t, ready, owner);
    return t;
}

void tcp_set_owner(struct tcp_cb *t, net_ready_fn *ready, void *owner)
{
    assert(!t->orphan); /* whose owner has closed: nobody may come back to it */
    tcp_give_owner(t, ready, owner);
}

int tcp_bind(struct tcp_cb *t, uint32_t addr, uint16_t port, bool reuse)
{
    struct net *n = t->net;
    if (t->state != TCP_CLOSED || t->node.id.lport != 0 || t->node.id.raddr != 0) {
        return -EINVAL;
    }
    if (addr != 0 && addr != n->iface.address) {
        return -EADDRNOTAVAIL;
    }
    if (port == 0) {
        port = tcp_pick_port_to_bind(n, reuse); /* no peer yet: it must suit any */
        if (port == 0) {
            return -EADDRINUSE;
        }
    } else if (tcp_port_taken(n, addr, port, reuse)) {
        return -EADDRINUSE;
    }
    t->opt.reuse = reuse;
    tcp_bound_insert(t, addr, port);
    return 0;
}

/* Two blocks may share a port for the sake of its old connections, but one listens at most. */
static bool other_listens(struct tcp_cb *t)
{
    uint32_t addr = t->node.id.laddr;
    struct tcp_cb *l = tcp_find_listener(t->net, addr, t->node.id.lport);
    return l != NULL && l != t && l->node.id.laddr == addr;
}

int tcp_listen(struct tcp_cb *t, uint32_t backlog)
{
    if (t->state != TCP_CLOSED && t->state != TCP_LISTEN) {
        return -EINVAL;
    }
    if (t->node.id.raddr != 0) {
        return -EINVAL; /* was connected once */
    }
    if (t->node.id.lport == 0) {
        int err = tcp_bind(t, t->node.id.laddr, 0, false);
        if (err != 0) {
            return err;
        }
    }
    if (other_listens(t)) {
        return -EADDRINUSE;
    }
    if (t->state != TCP_LISTEN) {
        tcp_listener_begin(t);
    }
    tcp_listener_set_backlog(t, backlog);
    return 0;
}

struct tcp_cb *tcp_accept(struct tcp_cb *l, net_ready_fn *ready, void *owner)
{
    struct tcp_cb *t = l->state == TCP_LISTEN ? tcp_accept_pop(l) : NULL;
    if (t != NULL) {
        tcp_set_owner(t, ready, owner);
    }
    return t;
}

static int connect_state_error(struct tcp_cb *t)
{
    switch ((enum tcp_state)t->state) {
    case TCP_CLOSED: /* a block serves one connection: that one failed, or is over */
        if (t->node.id.raddr == 0) {
            return 0;
        }
        return t->error != 0 ? -tcp_take_error(t) : -ECONNABORTED;
    case TCP_LISTEN:
        return -EINVAL;
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
        return -EALREADY;
    default:
        return -EISCONN;
    }
}

/* Finds our side's names: address by route, port by RFC 6056 unless bound. id has the peer's. */
static int choose_names(struct net *n, struct tcp_tuple *id, uint16_t *mtu)
{
    uint32_t src = 0;
    if (ipv4_route(n, id->raddr, &src, mtu) != STATUS_OK || src == 0) {
        return -ENETUNREACH;
    }
    /* There is no loopback: a packet to ourselves would go out and be thrown away (RFC 1122). */
    if (id->raddr == src) {
        return -ENETUNREACH;
    }
    id->laddr = id->laddr != 0 ? id->laddr : src;
    if (id->laddr != src) {
        return -EADDRNOTAVAIL; /* the address it was bound to is no longer ours */
    }
    if (id->lport == 0) {
        id->lport = tcp_pick_port(n, id);
    }
    /* A bound port may meet its own old connection: a TIME-WAIT record that RFC 6191 lets us follow
     * is no obstacle, anything else is. */
    const struct tcp_node *old = tcp_lookup(n, id);
    if (id->lport == 0 || (old != NULL && !tcp_time_wait_yields(n, old))) {
        return -EADDRNOTAVAIL;
    }
    return 0;
}

static void begin_connect(struct tcp_cb *t, const struct tcp_tuple *id, uint16_t mtu)
{
    struct net *n = t->net;
    struct tcp_node *old = tcp_lookup(n, id);
    uint32_t iss = 0;
    if (old == NULL) {
        iss = tcp_new_iss(n, id);
    } else {
        assert(tcp_time_wait_yields(n, old)); /* RFC 6191: choose_names made sure */
        NET_COUNT(n, tcp_time_wait_reused);
        iss = tcp_time_wait_succeed(n, container_of(old, struct tcp_time_wait, node));
    }
    tcp_table_join(t, id);
    tcp_set_state(t, TCP_SYN_SENT);
    tcp_snd_begin(t, iss);
    tcp_recv_offer(t, tcp_announced_mss(t, mtu));
    NET_COUNT(n, tcp_active_opens);
    tcp_syn_send(t);
}

int tcp_connect(struct tcp_cb *t, uint32_t raddr, uint16_t rport)
{
    struct net *n = t->net;
    uint16_t mtu = 0;
    int err = connect_state_error(t);
    if (err != 0) {
        return err;
    }
    if (rport == 0 || raddr == 0) {
        return -EINVAL;
    }
    if (ipv4_is_multicast(raddr) || iface_is_broadcast(n, raddr)) {
        return -ENETUNREACH; /* RFC 9293 3.9.2.3 */
    }
    /* ARP has just asked in vain: told now, not after it has asked again. */
    if (ipv4_is_absent(n, raddr)) {
        return -EHOSTUNREACH;
    }
    struct tcp_tuple id = {
        .laddr = t->node.id.laddr, .raddr = raddr, .lport = t->node.id.lport, .rport = rport};
    err = choose_names(n, &id, &mtu);
    if (err != 0) {
        return err;
    }
    begin_connect(t, &id, mtu);
    return -EINPROGRESS;
}

void tcp_local(const struct tcp_cb *t, uint32_t *addr, uint16_t *port)
{
    *addr = t->node.id.laddr;
    *port = t->node.id.lport;
}

int tcp_peer(const struct tcp_cb *t, uint32_t *addr, uint16_t *port)
{
    /* TIME-WAIT has its names still: who reads the rest of a finished connection may ask. */
    bool connected = tcp_synchronized(t) || t->state == TCP_TIME_WAIT;
    if (!connected) {
        return -ENOTCONN;
    }
    *addr = t->node.id.raddr;
    *port = t->node.id.rport;
    return 0;
}
