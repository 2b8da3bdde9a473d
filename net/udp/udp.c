/*
 * UDP sockets and their input and output (RFC 768, RFC 1122 4.1): see udp.h.
 *
 * A datagram goes to one socket: the one that matches it best, connected before bound to an address
 * before bound to any, and the newest of equals. That holds for broadcasts too.
 */
#include <errno.h>
#include <string.h>

#include "kernel/bytes.h"
#include "net/core/core.h"
#include "net/core/random.h"
#include "net/ip/icmp.h"
#include "net/ip/ipv4.h"
#include "net/link/iface.h"
#include "net/stack.h"
#include "net/udp/udp.h"

enum {
    UDP_EPHEMERAL_FIRST = 49152, /* RFC 6335 6 */
    UDP_EPHEMERAL_COUNT = 65536 - UDP_EPHEMERAL_FIRST,
    UDP_RX_POOL_SHARE = 8, /* queues leave this part of the receive buffers to the device */
};

static struct list *bucket_of(struct udp *udp, uint16_t port)
{
    static_assert((UDP_HASH_BUCKETS & (UDP_HASH_BUCKETS - 1)) == 0, "the mask works");
    return &udp->buckets[port & (UDP_HASH_BUCKETS - 1)];
}

enum status udp_init(struct net *n, struct arena *a)
{
    for (size_t i = 0; i < UDP_HASH_BUCKETS; i++) {
        list_init(&n->udp.buckets[i]);
    }
    return pool_init(&n->udp.pool, a, "udp_cb", sizeof(struct udp_cb), n->cfg.limits.udp_sockets);
}

struct udp_cb *udp_create(struct net *n, net_ready_fn *ready, void *owner)
{
    assert(ready != NULL);
    assert(n != NULL);
    struct udp_cb *u = pool_get(&n->udp.pool);
    if (u == NULL) {
        return NULL;
    }
    list_init(&u->node);
    u->net = n;
    u->ready = ready;
    u->owner = owner;
    return u;
}

/* What waits unread goes with the socket. */
void udp_close(struct udp_cb *u)
{
    struct udp *udp = &u->net->udp;
    list_remove(&u->node);
    pkt_queue_drain(&u->queue);
    pool_put(&udp->pool, u);
}

void udp_destroy(struct net *n)
{
    for (size_t i = 0; i < UDP_HASH_BUCKETS; i++) {
        struct list *it;
        list_for_each (it, &n->udp.buckets[i]) {
            pkt_queue_drain(&list_entry(it, struct udp_cb, node)->queue);
        }
    }
}

/* Whether another socket stands in the way of binding to addr and port. Two share it only when both
 * have asked for that; a socket bound to no address overlaps all. */
static bool port_taken(struct net *n, uint32_t addr, uint16_t port, bool reuse)
{
    struct list *it;
    list_for_each (it, bucket_of(&n->udp, port)) {
        const struct udp_cb *o = list_entry(it, struct udp_cb, node);
        bool overlap = addr == 0 || o->laddr == 0 || o->laddr == addr;
        if (o->lport == port && overlap && !(reuse && o->reuse)) {
            return true;
        }
    }
    return false;
}

/* RFC 6056 3.3.2: from a random start, the next that is free, so it looks at one more than there
 * are sockets at most. 0 when none is. */
static uint16_t ephemeral_port(struct net *n, uint32_t addr)
{
    uint32_t start = net_random_below(&n->random, UDP_EPHEMERAL_COUNT);
    for (uint32_t i = 0; i < UDP_EPHEMERAL_COUNT; i++) {
        uint32_t at = (start + i) % UDP_EPHEMERAL_COUNT;
        uint16_t port = (uint16_t)(UDP_EPHEMERAL_FIRST + at);
        if (!port_taken(n, addr, port, false)) {
            return port;
        }
    }
    return 0;
}

int udp_bind(struct udp_cb *u, uint32_t addr, uint16_t port, bool reuse)
{
    struct net *n = u->net;
    if (u->bound) {
        return -EINVAL;
    }
    /* A broadcast address may be bound: such a socket receives those alone. */
    if (addr != 0 && addr != n->iface.address && !iface_is_broadcast(n, addr)) {
        return -EADDRNOTAVAIL;
    }
    if (port == 0) {
        port = ephemeral_port(n, addr);
        if (port == 0) {
            return -EADDRINUSE;
        }
    } else if (port_taken(n, addr, port, reuse)) {
        return -EADDRINUSE;
    }
    u->laddr = addr;
    u->lport = port;
    u->reuse = reuse;
    u->bound = true;
    list_push_front(bucket_of(&n->udp, port), &u->node); /* the newest is found first */
    return 0;
}

/* Back to receiving from any peer; the port stays bound. */
static void udp_disconnect(struct udp_cb *u)
{
    u->connected = false;
    u->raddr = 0;
    u->rport = 0;
    if (u->laddr_by_route) {
        u->laddr_by_route = false;
        u->laddr = 0;
    }
}

int udp_connect(struct udp_cb *u, uint32_t raddr, uint16_t rport)
{
    struct net *n = u->net;
    if (raddr == 0) {
        udp_disconnect(u);
        return 0;
    }
    if (rport == 0) {
        return -EINVAL;
    }
    if (iface_is_broadcast(n, raddr) && !u->broadcast_allowed) {
        return -EACCES;
    }
    uint32_t src;
    uint16_t mtu;
    if (ipv4_route(n, raddr, &src, &mtu) != STATUS_OK) {
        return -ENETUNREACH;
    }
    int r = u->bound ? 0 : udp_bind(u, 0, 0, false);
    if (r < 0) {
        return r;
    }
    udp_disconnect(u); /* an address that an earlier route chose does not outlive that route */
    if (u->laddr == 0) {
        u->laddr = src;
        u->laddr_by_route = true;
    }
    u->raddr = raddr;
    u->rport = rport;
    u->connected = true;
    return 0;
}

/* May this be sent, and from where? */
static int check_send(struct udp_cb *u, struct udp_ends *ends)
{
    struct net *n = u->net;
    uint16_t mtu;
    if (ends->dst == 0) {
        return -EDESTADDRREQ;
    }
    if (ends->dport == 0) {
        return -EINVAL;
    }
    if (iface_is_broadcast(n, ends->dst) && !u->broadcast_allowed) {
        return -EACCES;
    }
    if (ipv4_route(n, ends->dst, &ends->src, &mtu) != STATUS_OK) {
        return -ENETUNREACH;
    }
    /* Bound to an address that is gone since: nothing is sent in its name. One that connect chose
     * follows the address in use. */
    if (u->laddr_by_route) {
        u->laddr = ends->src;
    }
    if (u->laddr != 0 && u->laddr != ends->src && !iface_is_broadcast(n, u->laddr)) {
        return -EADDRNOTAVAIL;
    }
    return u->bound ? 0 : udp_bind(u, 0, 0, false);
}

int udp_set_tos(struct udp_cb *u, int64_t tos)
{
    if (tos < 0 || tos > UINT8_MAX) {
        return -EINVAL;
    }
    u->tos = (uint8_t)tos;
    return 0;
}

int udp_set_ttl(struct udp_cb *u, int64_t ttl)
{
    if (ttl < -1 || ttl == 0 || ttl > UINT8_MAX) {
        return -EINVAL;
    }
    u->ttl = (uint8_t)(ttl < 0 ? 0 : ttl);
    return 0;
}

void udp_allow_broadcast(struct udp_cb *u, bool allowed)
{
    u->broadcast_allowed = allowed;
}

void udp_shutdown_read(struct udp_cb *u)
{
    u->shut_rd = true;
}

void udp_local(const struct udp_cb *u, uint32_t *addr, uint16_t *port)
{
    *addr = u->laddr;
    *port = u->lport;
}

int udp_peer(const struct udp_cb *u, uint32_t *addr, uint16_t *port)
{
    if (!u->connected) {
        return -ENOTCONN;
    }
    *addr = u->raddr;
    *port = u->rport;
    return 0;
}

/* What a sender is told of how its datagram fared. That the neighbour is not there, only a
 * connected socket hears, as of every error about the path (RFC 1122 4.1.3.3). */
static int errno_of_output(const struct udp_cb *u, enum status st)
{
    switch (st) {
    case STATUS_OK:
        return 0;
    case STATUS_BUSY:
    case STATUS_NO_MEMORY:
        return -ENOBUFS;
    case STATUS_TIMEOUT:
        return u->connected ? -EHOSTUNREACH : 0;
    default:
        return -ENETUNREACH;
    }
}

/* The payload in buffers that can each become a fragment as they are, with room in the
 * first for the header. NULL: there are too few. */
static struct pkt *make_payload(struct net *n, const uint8_t *buf, size_t len)
{
    struct pkt *first = net_alloc_tx(n, false);
    struct pkt *p = first;
    size_t part = ipv4_fragment_bytes(n, len + UDP_HEADER_BYTES) - UDP_HEADER_BYTES;
    for (size_t done = 0; p != NULL; p = p->frag) {
        if (part > 0) {
            memcpy(pkt_append(p, part), buf + done, part);
        }
        done += part;
        if (done == len) {
            return first;
        }
        part = ipv4_fragment_bytes(n, len - done);
        p->frag = net_alloc_tx(n, false);
    }
    pkt_put(first);
    return NULL;
}

ptrdiff_t udp_send(struct udp_cb *u, const void *buf, size_t len, uint32_t raddr, uint16_t rport)
{
    struct net *n = u->net;
    int err = udp_take_error(u); /* of an earlier datagram, told now (RFC 1122 4.1.3.3) */
    if (err != 0) {
        return -err;
    }
    if (len > UDP_PAYLOAD_MAX_BYTES) {
        return -EMSGSIZE;
    }
    struct udp_ends ends = {.dst = raddr, .dport = rport};
    if (raddr == 0 && u->connected) {
        ends.dst = u->raddr;
        ends.dport = u->rport;
    }
    int r = check_send(u, &ends);
    if (r < 0) {
        return r;
    }
    struct pkt *p = make_payload(n, buf, len);
    if (p == NULL) {
        NET_COUNT(n, udp_tx_no_buffer);
        return -ENOBUFS;
    }
    ends.sport = u->lport;
    udp_encode(p, &ends);
    struct ipv4_tx tx = {.dst = ends.dst,
                         .protocol = IP_PROTO_UDP,
                         .ttl = u->ttl,
                         .tos = u->tos,
                         .may_fragment = true}; /* no path MTU is kept for datagrams */
    NET_COUNT(n, udp_tx);
    r = errno_of_output(u, ipv4_output(n, p, &tx));
    return r < 0 ? r : (ptrdiff_t)len;
}

ptrdiff_t udp_recv(struct udp_cb *u, void *buf, size_t len, bool peek, uint32_t *raddr,
                   uint16_t *rport, size_t *full_len)
{
    int err = udp_take_error(u);
    if (err != 0) {
        return -err;
    }
    struct pkt *p = u->queue.first;
    if (p == NULL) {
        return u->shut_rd ? 0 : -EAGAIN;
    }
    assert(u->queue.count > 0);
    size_t full = pkt_total(p);
    size_t n = pkt_copy(p, 0, buf, len);
    *raddr = (uint32_t)(p->cb[0] >> 16);
    *rport = (uint16_t)p->cb[0];
    *full_len = full;
    if (!peek) {
        u->queue_buffers -= pkt_buffers(p);
        pkt_put(pkt_queue_pop(&u->queue));
    }
    return (ptrdiff_t)n;
}

uint32_t udp_ready(const struct udp_cb *u)
{
    uint32_t bits = NET_READY_OUT;
    if (u->queue.first != NULL || u->shut_rd) {
        bits |= NET_READY_IN;
    }
    if (u->error != 0) {
        bits |= NET_READY_ERR;
    }
    return bits;
}

int udp_take_error(struct udp_cb *u)
{
    int err = u->error;
    u->error = 0;
    return err;
}

size_t udp_readable_bytes(const struct udp_cb *u)
{
    return u->queue.first != NULL ? pkt_total(u->queue.first) : 0;
}

/* How well a socket matches a datagram: 0 not at all. A connection outweighs an address, which a
 * connected socket has as well. */
static int match_score(const struct udp_cb *u, const struct udp_ends *in)
{
    if (u->lport != in->dport || (u->laddr != 0 && u->laddr != in->dst)) {
        return 0;
    }
    if (u->connected && (u->raddr != in->src || u->rport != in->sport)) {
        return 0;
    }
    return 1 + (u->laddr != 0) + 2 * u->connected;
}

/* The best match of the port's bucket; of equals the first, which is the newest. */
static struct udp_cb *udp_find(struct net *n, const struct udp_ends *in)
{
    struct udp_cb *best = NULL;
    int best_score = 0;
    struct list *it;
    list_for_each (it, bucket_of(&n->udp, in->dport)) {
        struct udp_cb *u = list_entry(it, struct udp_cb, node);
        int score = match_score(u, in);
        if (score > best_score) {
            best = u;
            best_score = score;
        }
    }
    return best;
}

/* Each reason of the decoder under its own name. */
static void count_bad(struct net *n, enum udp_bad why)
{
    switch (why) {
    case UDP_BAD_LENGTH:
        NET_COUNT(n, udp_rx_bad_length);
        break;
    case UDP_BAD_CHECKSUM:
        NET_COUNT(n, udp_rx_bad_checksum);
        break;
    case UDP_BAD_PORT:
        NET_COUNT(n, udp_rx_bad_port);
        break;
    case UDP_GOOD:
        assert(false);
    }
}

/* Has u places for one more datagram of so many buffers of the pool? */
static bool queue_admits(const struct udp_cb *u, const struct pkt_pool *pool, uint32_t buffers)
{
    uint32_t most = min_u32(UDP_QUEUE_BUFFERS_MAX, pool->count / UDP_QUEUE_POOL_SHARE);
    return u->queue.count < UDP_QUEUE_MAX && u->queue_buffers + buffers <= most;
}

/* Takes p, data at the payload. The newest is dropped when the queue is full, or when queued
 * datagrams would leave the device without buffers. */
static void udp_enqueue(struct udp_cb *u, struct pkt *p, const struct udp_ends *in)
{
    struct net *n = u->net;
    uint32_t buffers = pkt_buffers(p);
    if (u->shut_rd || !queue_admits(u, p->pool, buffers)) {
        NET_COUNT(n, udp_rx_queue_full);
        pkt_put(p);
        return;
    }
    if (pkt_pool_left(p->pool) < p->pool->count / UDP_RX_POOL_SHARE) {
        NET_COUNT(n, udp_rx_no_buffer);
        pkt_put(p);
        return;
    }
    assert(u->bound && in->dport == u->lport);
    /* The headers are behind us: the source travels in the packet's notes, for udp_recv. */
    p->cb[0] = (uint64_t)in->src << 16 | in->sport;
    pkt_queue_push(&u->queue, p);
    u->queue_buffers += buffers;
    u->ready(u->owner, NET_READY_IN);
}

static udp_receiver_fn *find_receiver(const struct net *n, uint16_t port)
{
    for (uint32_t i = 0; i < n->udp.receiver_count; i++) {
        if (n->udp.receivers[i].port == port) {
            return n->udp.receivers[i].input;
        }
    }
    return NULL;
}

bool udp_add_receiver(struct net *n, uint16_t port, udp_receiver_fn *input)
{
    struct udp *udp = &n->udp;
    assert(port != 0 && input != NULL);
    if (udp->receiver_count == UDP_RECEIVERS_MAX || find_receiver(n, port) != NULL) {
        return false;
    }
    udp->receivers[udp->receiver_count++] = (struct udp_receiver){.port = port, .input = input};
    return true;
}

static void udp_input(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    NET_COUNT(n, udp_rx);
    struct udp_ends in = {.src = h->src, .dst = h->dst};
    enum udp_bad why = udp_decode(&in, p);
    if (why != UDP_GOOD) {
        count_bad(n, why);
        pkt_put(p);
        return;
    }
    /* Before the sockets: a program bound to DHCP's port cannot take what is the stack's own. */
    udp_receiver_fn *own = find_receiver(n, in.dport);
    if (own != NULL) {
        pkt_pull(p, UDP_HEADER_BYTES);
        own(n, p, &in);
        return;
    }
    struct udp_cb *u = udp_find(n, &in);
    if (u == NULL) { /* RFC 1122 4.1.3.1 */
        NET_COUNT(n, udp_rx_no_socket);
        icmp_send_error(n, p, h, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PORT);
        pkt_put(p);
        return;
    }
    pkt_pull(p, UDP_HEADER_BYTES);
    udp_enqueue(u, p, &in);
}

/* RFC 1122 4.2.3.9's table, as POSIX names it. */
static int errno_of(const struct icmp_error *e)
{
    if (e->type != ICMP_UNREACHABLE) {
        return EHOSTUNREACH;
    }
    switch (e->code) {
    case ICMP_UNREACHABLE_NET:
        return ENETUNREACH;
    case ICMP_UNREACHABLE_PROTOCOL:
    case ICMP_UNREACHABLE_PORT:
        return ECONNREFUSED;
    case ICMP_UNREACHABLE_FRAG_NEEDED:
        return EMSGSIZE;
    default:
        return EHOSTUNREACH;
    }
}

/* Only a connected socket hears of errors (RFC 1122 4.1.3.3): for another one the quoted ports
 * would be all it takes to forge one. */
static bool udp_icmp_error(struct net *n, const struct icmp_error *e)
{
    struct udp_ends in = {
        .src = e->quoted_dst,
        .dst = e->quoted_src,
        .sport = load_be16(e->quoted + 2),
        .dport = load_be16(e->quoted),
    };
    struct udp_cb *u = udp_find(n, &in);
    if (u == NULL || !u->connected) {
        return false;
    }
    u->error = errno_of(e);
    u->ready(u->owner, NET_READY_ERR);
    return true;
}

/* As if a router had said so: no owner hears it when the socket is none or unconnected. */
static void udp_absent(struct net *n, const struct icmp_error *e)
{
    (void)udp_icmp_error(n, e);
}

void udp_attach(struct net *n)
{
    static const struct ip_protocol udp = {
        .number = IP_PROTO_UDP,
        .takes_chains = true,
        .input = udp_input,
        .error = udp_icmp_error,
        .absent = udp_absent,
    };
    bool added = ipv4_add_protocol(n, &udp);
    assert(added);
}
