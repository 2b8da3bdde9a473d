/*
 * Ports and initial sequence numbers: who is bound to what, ephemeral ports (RFC 6056), ISS (RFC
 * 6528). Only blocks with a port of their own (bind, listen) are in the port table; connections of
 * a listener share its port and are not.
 */
#include "net/tcp_int.h"

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

void tcp_bound_insert(struct tcp_cb *t)
{
    assert(t->node.id.lport != 0 && !list_linked(&t->bound));
    list_push_back(bound_bucket(t->net, t->node.id.lport), &t->bound);
}

static bool addresses_clash(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 || a == b;
}

/* Is anything in the table of 4-tuples on the port? Walks it all: for bind() only. */
static bool port_in_table(struct net *n, uint32_t addr, uint16_t port)
{
    for (uint32_t i = 0; i < n->tcp.bucket_count; i++) {
        struct list *it;
        list_for_each (it, &n->tcp.buckets[i]) {
            const struct tcp_node *node = list_entry(it, struct tcp_node, bucket);
            if (node->id.lport == port && addresses_clash(node->id.laddr, addr)) {
                return true;
            }
        }
    }
    return false;
}

bool tcp_port_taken(struct net *n, uint32_t addr, uint16_t port, bool reuse)
{
    struct list *it;
    list_for_each (it, bound_bucket(n, port)) {
        const struct tcp_cb *t = list_entry(it, struct tcp_cb, bound);
        if (t->node.id.lport != port || !addresses_clash(t->node.id.laddr, addr)) {
            continue;
        }
        if (t->state == TCP_LISTEN || !reuse || !t->reuse) {
            return true;
        }
    }
    return !reuse && port_in_table(n, addr, port);
}

/* A port of somebody's own, a listener's first of all, is never given away. */
static bool port_bound(struct net *n, uint16_t port)
{
    struct list *it;
    list_for_each (it, bound_bucket(n, port)) {
        if (list_entry(it, struct tcp_cb, bound)->node.id.lport == port) {
            return true;
        }
    }
    return false;
}

/*
 * RFC 6056 3.3.3, algorithm 3: a keyed offset for each peer, and one counter for all. A tuple in
 * TIME-WAIT that may be used again (RFC 6191) is the second choice.
 */
uint16_t tcp_pick_port(struct net *n, const struct tcp_tuple *id)
{
    uint32_t offset =
        (uint32_t)net_hash_tuple(&n->random, NET_HASH_PORT, id->laddr, 0, id->raddr, id->rport);
    struct tcp_tuple try = *id;
    uint16_t second_choice = 0;
    for (uint32_t i = 0; i < TCP_EPHEMERAL_COUNT; i++) {
        uint32_t idx = (offset + n->tcp.next_ephemeral++) % TCP_EPHEMERAL_COUNT;
        try.lport = (uint16_t)(TCP_EPHEMERAL_FIRST + idx);
        if (port_bound(n, try.lport)) {
            continue;
        }
        const struct tcp_node *node = id->raddr != 0 ? tcp_lookup(n, &try) : NULL;
        if (node == NULL) {
            return try.lport;
        }
        if (second_choice == 0 && tcp_time_wait_yields(n, node)) {
            second_choice = try.lport;
        }
    }
    return second_choice;
}

/* F of RFC 6528 3: where the numbers of one tuple start, known to nobody else. */
uint32_t tcp_iss_secret(const struct net *n, const struct tcp_tuple *id)
{
    if (n->cfg.tcp_isn_fixed) {
        return n->cfg.tcp_isn;
    }
    return (uint32_t)net_hash_tuple(&n->random, NET_HASH_ISN, id->laddr, id->lport, id->raddr,
                                    id->rport);
}

/* RFC 6528 3: ISN = M + F(tuple, secret), M a 4 us clock. */
uint32_t tcp_new_iss(const struct net *n, const struct tcp_tuple *id)
{
    uint32_t clock = n->cfg.tcp_isn_fixed ? 0 : (uint32_t)(n->now_ns / TCP_ISS_TICK_NS);
    return clock + tcp_iss_secret(n, id);
}
