/*
 * The packets that wait until their neighbour's address is known (RFC 1122 2.3.2.2): how many may,
 * and what becomes of them. They are bounded for each neighbour and all together, so that absent
 * ones cannot use up what others need to send; and the last buffers of a pool wait for nobody.
 *
 * Nothing is dropped untold. Who sends a packet that may not wait hears so at once, and who sent
 * one that waited in vain hears that the neighbour is not there.
 */
#include "net/core/core.h"
#include "net/link/eth.h"
#include "net/link/int.h"
#include "net/stack.h"
#include "net/wire/ipv4.h"

#include <string.h>

enum {
    IP_PROTOCOL_AT = 9, /* RFC 791 3.1 */
};

static uint32_t total_max(const struct net *n)
{
    return max_u32(ARP_PENDING_TOTAL_MIN, n->cfg.tx_pool->count / ARP_PENDING_POOL_SHARE);
}

static bool pool_has_room(const struct pkt_pool *pool)
{
    return pkt_pool_left(pool) >= pool->count / ARP_PENDING_POOL_SHARE;
}

/* Is there room for count packets beside what waits? For each neighbour half of it all at most. */
static bool has_places(const struct arp_entry *e, uint32_t count)
{
    const struct net *n = e->net;
    uint32_t total = total_max(n);
    return e->pending.count + count <= min_u32(ARP_PENDING_MAX, total / 2) &&
           n->arp.pending + count <= total;
}

static bool has_room(const struct arp_entry *e, const struct pkt *p)
{
    return has_places(e, 1) && pool_has_room(p->pool);
}

bool arp_pending_admits(const struct arp_entry *e, const struct pkt *p)
{
    return has_places(e, pkt_buffers(p)) && pool_has_room(p->pool);
}

static struct pkt *take_oldest(struct arp_entry *e)
{
    struct pkt *p = pkt_queue_pop(&e->pending);
    if (p != NULL) {
        assert(e->net->arp.pending > 0);
        e->net->arp.pending--;
    }
    return p;
}

static void push(struct arp_entry *e, struct pkt *p)
{
    pkt_queue_push(&e->pending, p);
    e->net->arp.pending++;
}

static bool is_tcp(const struct pkt *p)
{
    return p->data[IP_PROTOCOL_AT] == IP_PROTO_TCP;
}

/*
 * Without room the latest is kept for the oldest (RFC 1122 2.3.2.2), but not at the cost of another
 * neighbour, nor for TCP, which hears that its segment was not taken and sends it again, nor of
 * TCP: a handshake that has waited for long must not lose its place to what comes after it.
 */
enum status arp_pending_add(struct arp_entry *e, struct pkt *p)
{
    assert(e->state == ARP_INCOMPLETE);
    if (!has_room(e, p)) {
        NET_COUNT(e->net, arp_drop_pending);
        if (e->pending.first == NULL || is_tcp(e->pending.first) || is_tcp(p)) {
            pkt_put(p);
            return STATUS_BUSY;
        }
        pkt_put(take_oldest(e));
    }
    push(e, p);
    return STATUS_OK;
}

void arp_pending_copy(struct arp_entry *e, const struct pkt *p)
{
    struct net *n = e->net;
    assert(e->state == ARP_DOUBTED && e->pending.count <= 1);
    pkt_put(take_oldest(e));
    struct pkt *copy = has_room(e, p) ? net_alloc_tx(n, false) : NULL;
    if (copy == NULL || pkt_len(p) > pkt_tailroom(copy)) {
        pkt_put(copy); /* its sender will have to send it again */
        return;
    }
    size_t before = pkt_headroom(p);
    size_t now = pkt_headroom(copy);
    memcpy(pkt_append(copy, pkt_len(p)), p->data, pkt_len(p));
    if (p->tx.l4 != 0) { /* what the device is asked to do lies elsewhere in the copy */
        copy->tx = p->tx;
        copy->tx.l3 = (uint16_t)(p->tx.l3 - before + now);
        copy->tx.l4 = (uint16_t)(p->tx.l4 - before + now);
    }
    push(e, copy);
}

void arp_pending_send(struct arp_entry *e)
{
    assert(e->state == ARP_REACHABLE);
    for (struct pkt *p = take_oldest(e); p != NULL; p = take_oldest(e)) {
        eth_output(e->net, p, e->mac, ETH_TYPE_IPV4);
    }
}

void arp_pending_give_up(struct arp_entry *e)
{
    struct net *n = e->net;
    struct pkt_queue waiting = e->pending;
    e->pending = (struct pkt_queue){0};
    assert(n->arp.pending >= waiting.count);
    n->arp.pending -= waiting.count;
    for (struct pkt *p = pkt_queue_pop(&waiting); p != NULL; p = pkt_queue_pop(&waiting)) {
        NET_COUNT(n, arp_drop_unresolved);
        if (n->arp.unresolved != NULL) {
            n->arp.unresolved(n, p);
        }
        pkt_put(p);
    }
}

void arp_pending_drop(struct arp_entry *e)
{
    assert(e->net->arp.pending >= e->pending.count);
    e->net->arp.pending -= e->pending.count;
    pkt_queue_drain(&e->pending);
    assert(e->pending.count == 0);
}
