/*
 * Which ephemeral port a connection or a bind() is given: an unpredictable one (RFC 6056) that is
 * free, or, where those are used up towards a peer, one whose old connection is in TIME-WAIT and
 * may be followed (RFC 6191).
 */
#include "net/tcp/block/block.h"

enum {
    PORT_TRIES = 16,   /* before a port that is free, but for TIME-WAIT, is free enough */
    PORT_LOOKS = 1024, /* in one search, most of the time: 20 us */
};
#define PORT_SEARCH_NS (UINT64_C(100) * NS_PER_MS)

/* RFC 6191 for connections of our own: our clock has gone on since, so that the peer can tell the
 * new SYN from the old connection's segments. Not without timestamps, nor for another record. */
bool tcp_time_wait_yields(const struct net *n, const struct tcp_node *node)
{
    if (node->kind != TCP_NODE_TIME_WAIT || !node->timestamps ||
        (n->cfg.tcp_off & NET_TCP_OFF_TIMESTAMPS)) {
        return false;
    }
    const struct tcp_time_wait *w = container_of(node, const struct tcp_time_wait, node);
    uint64_t left_ns = tcp_time_wait_left_ns(w, n->now_ns);
    return left_ns + tcp_ms(TCP_TIME_WAIT_REUSE_MS) <= tcp_time_wait_ns(n);
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
    if (tcp_port_bound(n, id->lport)) { /* a listener's, first of all, is never given away */
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
 * on: to the end once in PORT_SEARCH_NS, else for PORT_LOOKS, so that a program that tries again
 * and again while there is none does not stop the rest; the counter makes sure that the next search
 * goes on from there.
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
