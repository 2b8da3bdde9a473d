/*
 * UDP (RFC 768, RFC 1122 4.1). Same conventions as tcp/tcp.h: negative errno, nothing blocks.
 */
#ifndef NET_UDP_UDP_H
#define NET_UDP_UDP_H

#include "kernel/list.h"
#include "kernel/pool.h"
#include "net/core/ready.h"
#include "net/wire/udp.h"

struct net;

enum {
    UDP_QUEUE_MAX = 64, /* datagrams waiting on one socket; then the newest is dropped */
    /* And so many buffers, five of the largest datagrams, but no more than a quarter of the pool.
     */
    UDP_QUEUE_BUFFERS_MAX = 256,
    UDP_QUEUE_POOL_SHARE = 4,
    UDP_HASH_BUCKETS = 64,
    UDP_RECEIVERS_MAX = 2,
    UDP_PAYLOAD_MAX_BYTES = 65507, /* RFC 768, of IPv4's 65,535 bytes; more: -EMSGSIZE */
    UDP_RCVBUF_BYTES = UDP_QUEUE_BUFFERS_MAX * 1472, /* of full frames' payloads, for SO_RCVBUF */
};

struct udp_cb {
    struct list node; /* in its port's bucket once bound */
    struct net *net;
    net_ready_fn *ready;
    void *owner;
    uint32_t laddr, raddr;
    uint16_t lport, rport;
    bool bound, connected, shut_rd, broadcast_allowed, reuse;
    bool laddr_by_route;    /* laddr was chosen by connect and goes when that is dissolved */
    uint8_t tos;            /* IP_TOS */
    uint8_t ttl;            /* IP_TTL; 0: IPV4_TTL */
    int error;              /* pending, positive errno */
    uint32_t queue_buffers; /* of the datagrams in queue */
    struct pkt_queue queue; /* each packet's data is at the payload; cb[0] source addr<<16|port */
};

/* Takes a datagram to a port of the stack's own, data at the payload. */
typedef void udp_receiver_fn(struct net *n, struct pkt *p, const struct udp_ends *in);

struct udp {
    struct pool pool;
    struct list buckets[UDP_HASH_BUCKETS];
    uint32_t receiver_count;
    struct udp_receiver {
        uint16_t port;
        udp_receiver_fn *input;
    } receivers[UDP_RECEIVERS_MAX];
};

enum status udp_init(struct net *n, struct arena *a) must_check;
void udp_attach(struct net *n); /* registers with IP */

/* Datagrams to the port go to input from now on, whatever sockets are bound to it. False when there
 * are UDP_RECEIVERS_MAX, or the port is another one's. */
bool udp_add_receiver(struct net *n, uint16_t port, udp_receiver_fn *input) must_check;

struct udp_cb *udp_create(struct net *n, net_ready_fn *ready, void *owner) must_check;
int udp_bind(struct udp_cb *u, uint32_t addr, uint16_t port, bool reuse);
int udp_connect(struct udp_cb *u, uint32_t raddr, uint16_t rport); /* raddr 0: dissolves */
/* raddr 0: the connected peer (-EDESTADDRREQ without one). Whole datagram or an error. What exceeds
 * the MTU leaves in fragments; -ENOBUFS: not enough buffers, or no room to wait for a neighbour. */
ptrdiff_t udp_send(struct udp_cb *u, const void *buf, size_t len, uint32_t raddr, uint16_t rport);
/* The oldest datagram; what does not fit in len is lost and *full_len tells its real length. */
ptrdiff_t udp_recv(struct udp_cb *u, void *buf, size_t len, bool peek, uint32_t *raddr,
                   uint16_t *rport, size_t *full_len);
/* Of the IP headers from now on (RFC 1122 4.1.4): 0..255, and 1..255 or -1 for the default.
 * -EINVAL.
 */
int udp_set_tos(struct udp_cb *u, int64_t tos);
int udp_set_ttl(struct udp_cb *u, int64_t ttl);
void udp_allow_broadcast(struct udp_cb *u, bool allowed);
void udp_shutdown_read(struct udp_cb *u); /* what comes from now on is dropped */
/* Its own end; the connected peer's, or -ENOTCONN. */
void udp_local(const struct udp_cb *u, uint32_t *addr, uint16_t *port);
int udp_peer(const struct udp_cb *u, uint32_t *addr, uint16_t *port);
uint32_t udp_ready(const struct udp_cb *u);
int udp_take_error(struct udp_cb *u);
void udp_close(struct udp_cb *u);
size_t udp_readable_bytes(const struct udp_cb *u); /* the oldest datagram's payload */

void udp_destroy(struct net *n); /* frees every held packet */

#endif
