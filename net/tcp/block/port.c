/*
 * Ports and initial sequence numbers: who is bound to what, ephemeral ports (RFC 6056), ISS (RFC
 * 6528). Only blocks with a port of their own (bind, listen) are in the lists of the bound;
 * connections of a listener share its port and are not. How many have a port, of whatever kind, is
 * counted, so that whether one is in use is known without a search.
 */
#include "net/tcp/int.h"

enum {
    PORT_TRIES = 16,   /* before a port that is free, but for TIME-WAIT, is free enough */
    PORT_LOOKS = 1024, /* in one search, most of the time: 20 us */
};
#define PORT_SEARCH_NS (UINT64_C(100) * NS_PER_MS)

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
    tcp_port_hold(t->net, t->node.id.lport);
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

/* An ephemeral port that has no users at all: the next from a random one on, word by word. 0: each
 * has some. */
static uint16_t unused_port(struct net *n)
{
    uint32_t start = net_random_below(&n->random, TCP_EPHEMERAL_COUNT);
    uint32_t turn = start % 64;
    for (uint32_t i = 0; i < TCP_EPHEMERAL_WORDS; i++) {
        uint32_t at = (start / 64 + i) % TCP_EPHEMERAL_WORDS;
        uint64_t unused = ~n->tcp.ports.busy[at];
        if (unused != 0) {
            uint64_t turned = (unused >> turn) | (unused << ((64 - turn) % 64));
            uint32_t bit = ((uint32_t)__builtin_ctzll(turned) + turn) % 64;
            return (uint16_t)(TCP_EPHEMERAL_FIRST + at * 64 + bit);
        }
    }
    return 0;
}

/* What a port is worth to a connection that is to be. */
enum port_use {
    PORT_FREE,
    PORT_YIELDS, /* its tuple is in TIME-WAIT, and may be used again (RFC 6191) */
    PORT_TAKEN,
};

/* id->raddr 0: the port must do without a tuple. */
static enum port_use port_use_of(struct net *n, const struct tcp_tuple *id)
{
    NET_COUNT(n, tcp_port_looks);
    if (n->tcp.ports.users[id->lport] == 0) {
        return PORT_FREE;
    }
    if (port_bound(n, id->lport)) {
        return PORT_TAKEN;
    }
    const struct tcp_node *node = id->raddr != 0 ? tcp_lookup(n, id) : NULL;
    if (node == NULL) {
        return PORT_FREE;
    }
    return tcp_time_wait_yields(n, node) ? PORT_YIELDS : PORT_TAKEN;
}

/*
 * RFC 6056 3.3.3, algorithm 3: a keyed offset for each peer, and one counter for all. The first
 * PORT_TRIES find a free port unless nearly all towards this peer are taken. Then a port that
 * nobody uses will do, and then one in TIME-WAIT. Only where there is neither does the search go
 * on: to the end once in PORT_SEARCH_NS, else for PORT_LOOKS, so that whoever tries again and again
 * while there is none does not stop the rest; the counter makes sure that the next search goes on
 * from there.
 */
uint16_t tcp_pick_port(struct net *n, const struct tcp_tuple *id)
{
    struct tcp_ports *ports = &n->tcp.ports;
    uint32_t offset =
        (uint32_t)net_hash_tuple(&n->random, NET_HASH_PORT, id->laddr, 0, id->raddr, id->rport);
    struct tcp_tuple try = *id;
    uint16_t second_choice = 0;
    uint32_t limit = n->now_ns >= ports->search_ns ? TCP_EPHEMERAL_COUNT : PORT_LOOKS;
    for (uint32_t i = 1; i <= limit; i++) {
        uint32_t idx = (offset + ports->next++) % TCP_EPHEMERAL_COUNT;
        try.lport = (uint16_t)(TCP_EPHEMERAL_FIRST + idx);
        enum port_use use = port_use_of(n, &try);
        if (use == PORT_FREE) {
            return try.lport;
        }
        if (use == PORT_YIELDS && second_choice == 0) {
            second_choice = try.lport;
        }
        uint16_t unused = i == PORT_TRIES ? unused_port(n) : 0;
        if (unused != 0 || (i >= PORT_TRIES && second_choice != 0)) {
            return unused != 0 ? unused : second_choice;
        }
        if (i > PORT_LOOKS) {
            ports->search_ns = n->now_ns + PORT_SEARCH_NS;
        }
    }
    return second_choice;
}

/* As on Linux a port that anybody uses is not given away by bind(); with SO_REUSEADDR, where there
 * is no other, one that nobody is bound to is. */
uint16_t tcp_pick_port_to_bind(struct net *n, bool reuse)
{
    struct tcp_tuple id = {.lport = unused_port(n)};
    for (uint32_t i = 0; id.lport == 0 && reuse && i < PORT_LOOKS; i++) {
        id.lport = (uint16_t)(TCP_EPHEMERAL_FIRST + n->tcp.ports.next++ % TCP_EPHEMERAL_COUNT);
        id.lport = port_use_of(n, &id) == PORT_FREE ? id.lport : 0;
    }
    return id.lport;
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
