/*
 * Packets to send and events: see core.h.
 */
#include "net/core/core.h"

#include "net/stack.h"

/* The reserve is what lets an ACK, an ARP request or a RST leave while data fills the pool. */
struct pkt *net_alloc_tx(struct net *n, bool control)
{
    struct pkt_pool *pool = n->cfg.tx_pool;
    if (!control && pkt_pool_left(pool) <= n->cfg.tx_reserve) {
        return NULL;
    }
    return pkt_alloc(pool, PKT_HEADROOM);
}

void net_tell(const struct net *n, const struct net_event *e)
{
    if (n->cfg.event != NULL) {
        n->cfg.event(n->cfg.arg, e);
    }
}
