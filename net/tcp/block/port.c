/*
 * Ports: who is bound to what, and how many have each. Only blocks with a port of their own (bind,
 * listen) are in the lists of the bound; connections of a listener share its port and are not. How
 * many have a port, of whatever kind, is counted, so that whether one is in use is known without a
 * search. Choosing one is ephemeral.c's.
 */
#include "net/tcp/block/block.h"

#include "kernel/arena.h"

#include <string.h>

enum status tcp_ports_init(struct net *n, struct arena *a)
{
    struct tcp *tcp = &n->tcp;
    size_t bytes = TCP_PORTS * sizeof(tcp->ports.users[0]);
    tcp->ports.users = arena_alloc(a, bytes, sizeof(tcp->ports.users[0]));
    if (arena_measuring(a)) {
        return STATUS_OK; /* hands out nothing: only the memory that a stack needs is sized */
    }
    if (tcp->ports.users == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(tcp->ports.users, 0, bytes);
    for (uint32_t i = 0; i < TCP_BOUND_BUCKETS; i++) {
        list_init(&tcp->bound[i]);
    }
    return STATUS_OK;
}

static struct list *bound_bucket(struct net *n, uint16_t port)
{
    return &n->tcp.bound[port % TCP_BOUND_BUCKETS];
}

struct tcp_cb *tcp_find_listener(struct net *n, uint32_t addr, uint16_t port)
{
    struct tcp_cb *any = NULL;
    struct list *it;
    list_for_each (it, bound_bucket(n, port)) {
        struct tcp_cb *t = list_entry(it, struct tcp_cb, bound);
        if (t->state != TCP_LISTEN || t->node.id.lport != port) {
            continue;
        }
        if (t->node.id.laddr == addr) {
            return t; /* RFC 9293 3.9.1.1: the specific one goes first */
        }
        if (t->node.id.laddr == 0) {
            any = t;
        }
    }
    return any;
}

void tcp_bound_insert(struct tcp_cb *t, uint32_t addr, uint16_t port)
{
    assert(port != 0 && !list_linked(&t->bound) && !list_linked(&t->node.bucket));
    t->node.id.laddr = addr;
    t->node.id.lport = port;
    list_push_back(bound_bucket(t->net, port), &t->bound);
    tcp_port_hold(t->net, port);
}

void tcp_bound_remove(struct tcp_cb *t)
{
    if (list_linked(&t->bound)) {
        list_remove(&t->bound);
        tcp_port_release(t->net, t->node.id.lport);
    }
}

void tcp_port_set_busy(struct net *n, uint16_t port, bool busy)
{
    static_assert(TCP_EPHEMERAL_WORDS * 64 == TCP_EPHEMERAL_COUNT, "a bit for each port");
    static_assert(TCP_EPHEMERAL_FIRST + TCP_EPHEMERAL_COUNT == TCP_PORTS, "up to the last one");
    if (port < TCP_EPHEMERAL_FIRST) {
        return;
    }
    uint32_t idx = port - TCP_EPHEMERAL_FIRST;
    uint64_t bit = UINT64_C(1) << (idx % 64);
    uint64_t *word = &n->tcp.ports.busy[idx / 64];
    *word = busy ? *word | bit : *word & ~bit;
}

static bool addresses_clash(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 || a == b;
}

bool tcp_port_taken(struct net *n, uint32_t addr, uint16_t port, bool reuse)
{
    uint32_t bound = 0;
    struct list *it;
    list_for_each (it, bound_bucket(n, port)) {
        const struct tcp_cb *t = list_entry(it, struct tcp_cb, bound);
        if (t->node.id.lport != port) {
            continue;
        }
        bound++;
        bool clash = addresses_clash(t->node.id.laddr, addr);
        if (clash && (t->state == TCP_LISTEN || !reuse || !t->opt.reuse)) {
            return true;
        }
    }
    /* Its other users are in the table of 4-tuples, all with the one address that we have. */
    assert(n->tcp.ports.users[port] >= bound);
    return !reuse && n->tcp.ports.users[port] > bound;
}

bool tcp_port_bound(struct net *n, uint16_t port)
{
    struct list *it;
    list_for_each (it, bound_bucket(n, port)) {
        if (list_entry(it, struct tcp_cb, bound)->node.id.lport == port) {
            return true;
        }
    }
    return false;
}
