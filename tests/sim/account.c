/*
 * Conservation of packet buffers: see account.h. Walks the queues of every connection, so it knows
 * the layout of struct tcp_cb itself, where other tests ask tests/unit/tcp_see.h.
 */
#include "tests/sim/account.h"

#include <string.h>

#include "net/stack.h"
#include "tests/sim/trail.h"

static void count_connection(struct account *a, const struct tcp_cb *t)
{
    for (const struct pkt *p = t->snd.queue.first; p != NULL;
         p = ((const struct tcp_tx_note *)(const void *)p->cb)->next) {
        a->send++;
    }
    for (const struct pkt *p = t->rcv.queue.in_order.first; p != NULL; p = p->next) {
        a->receive++;
    }
    const struct pkt *range = t->rcv.queue.ranges;
    while (range != NULL) {
        const struct tcp_rx_note *note = (const struct tcp_rx_note *)(const void *)range->cb;
        a->receive++;
        for (const struct pkt *p = range; p != note->last; p = p->next) {
            a->receive++;
        }
        range = note->next_range;
    }
}

void account_of(struct account *a, const struct net *n)
{
    const struct list *it;
    memset(a, 0, sizeof(*a));
    list_for_each (it, &n->tcp.all) {
        count_connection(a, list_entry(it, struct tcp_cb, all));
    }
    for (size_t i = 0; i < UDP_HASH_BUCKETS; i++) {
        list_for_each (it, &n->udp.buckets[i]) {
            a->datagrams += list_entry(it, struct udp_cb, node)->queue_buffers;
        }
    }
    for (uint32_t i = 0; i < n->arp.count; i++) {
        const struct pkt *p = n->arp.entries[i].pending.first;
        for (; p != NULL; p = p->next) {
            a->neighbours += pkt_shared(p) ? 0 : 1; /* else TCP has it as well: counted there */
        }
    }
    list_for_each (it, &n->reass.active) {
        a->reassembly += list_entry(it, struct reass_datagram, node)->fragments;
    }
}

uint64_t account_acked_bytes(const struct net *n)
{
    const struct list *it;
    uint64_t bytes = 0;
    list_for_each (it, &n->tcp.all) {
        bytes += list_entry(it, struct tcp_cb, all)->snd.bytes_acked;
    }
    return bytes;
}

static uint64_t digest_connection(uint64_t sum, const struct tcp_cb *t)
{
    sum = trail_mix(sum, t, sizeof(*t));
    for (const struct pkt *p = t->snd.queue.first; p != NULL;
         p = ((const struct tcp_tx_note *)(const void *)p->cb)->next) {
        sum = trail_mix(sum, p->cb, sizeof(struct tcp_tx_note));
    }
    return sum;
}

uint64_t account_digest(const struct net *n)
{
    struct net_counters counters = n->counters;
    size_t first = offsetof(struct net_counters, tcp_fast_hits);
    size_t end = offsetof(struct net_counters, tcp_fast_miss_room) + sizeof(uint64_t);
    memset((uint8_t *)&counters + first, 0, end - first);
    counters.tcp_tx_runs = 0;
    counters.gro_runs = counters.gro_segments = 0;
    uint64_t sum = trail_mix(0, &counters, sizeof(counters));
    const struct list *it;
    list_for_each (it, &n->tcp.all) {
        sum = digest_connection(sum, list_entry(it, struct tcp_cb, all));
    }
    return sum;
}

uint32_t account_waiting(const struct net *n)
{
    return n->arp.pending;
}
