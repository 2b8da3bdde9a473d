/*
 * How short a pool of packets is: the one measure by which received data is admitted
 * (recv/admit.c), buffers grow and connections may queue (send/), and connections are ended
 * (life/pressure.c). The thresholds are a group of limits.h; what follows from each is a table in
 * docs/tcp.md.
 */
#ifndef NET_TCP_BLOCK_PRESSURE_H
#define NET_TCP_BLOCK_PRESSURE_H

#include "net/stack.h"
#include "net/tcp/block/limits.h"

/* Is less than 1/fraction left of what is for data? reserve: packets of the pool that are not. */
static inline bool tcp_pool_below(const struct pkt_pool *pool, uint32_t reserve, uint32_t fraction)
{
    return pkt_pool_left(pool) < reserve + (pool->count - reserve) / fraction;
}

/* So little is left of the packets to send that even connections go without that have next to
 * nothing queued: those with more were stopped long before (send/queue.c). */
static inline bool tcp_tx_pool_exhausted(const struct net *n)
{
    const struct pkt_pool *pool = n->cfg.tx_pool;
    return pkt_pool_left(pool) < n->cfg.tx_reserve + pool->count / TCP_FLOOR_FRACTION;
}

/* The most a connection may hold of a pool, in bytes of payload: so that the packets it is allowed
 * are a fraction of those there are (TCP_PACKET_SHARE_BYTES, TCP_PACKETS_EXTRA). */
static inline uint32_t tcp_pool_share_bytes(const struct pkt_pool *pool)
{
    uint32_t packets = pool->count / TCP_POOL_SHARE;
    uint32_t over = packets > TCP_PACKETS_EXTRA ? packets - TCP_PACKETS_EXTRA : 0;
    return (uint32_t)min_u64((uint64_t)over * TCP_PACKET_SHARE_BYTES, TCP_BUF_MAX_BYTES);
}

#endif
