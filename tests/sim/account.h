/*
 * Conservation of packet buffers: every buffer that is out of a stack's pools is in one of its
 * queues, and the queues hold nothing else; and what was acknowledged. The only file of the
 * simulator that looks inside.
 */
#ifndef TESTS_SIM_ACCOUNT_H
#define TESTS_SIM_ACCOUNT_H

#include "kernel/pkt.h"
#include "net/net.h"

struct account {
    uint32_t send;       /* retained by connections for sending */
    uint32_t receive;    /* in order and out of order */
    uint32_t neighbours; /* waiting for ARP */
    uint32_t reassembly;
    uint32_t datagrams;
};

/* What the stack's queues hold, counted one by one. */
void account_of(struct account *a, const struct net *n);

/* Bytes that peers have acknowledged, of all connections that the stack still has. */
uint64_t account_acked_bytes(const struct net *n);

static inline uint32_t account_sum(const struct account *a)
{
    return a->send + a->receive + a->neighbours + a->reassembly + a->datagrams;
}

/* A number for the state of a stack: every byte of its connections, and its counters but for those
 * that tell which way segments went (tcp_fast_*, tcp_tx_runs). Equal only for stacks in the same
 * memory. */
uint64_t account_digest(const struct net *n);

/* Packets that wait for a neighbour's address. */
uint32_t account_waiting(const struct net *n);

#endif
