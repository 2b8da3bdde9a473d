/*
 * Ethernet II framing: see eth.h.
 */
#include "net/link/eth.h"
#include "kernel/bytes.h"
#include "net/stack.h"

/* Of those that are not ordinary only what is to all stations is for this one; counts why not. */
cold_fn static bool eth_accept(struct net *n, const struct pkt *p)
{
    const uint8_t *dst = p->data;
    if (pkt_len(p) < ETH_HEADER_BYTES) {
        NET_COUNT(n, eth_rx_short);
        return false;
    }
    if (!eth_equal(dst, eth_broadcast) && !eth_equal(dst, n->cfg.mac)) {
        if (eth_is_group(dst)) {
            NET_COUNT(n, eth_rx_multicast);
        } else {
            NET_COUNT(n, eth_rx_other_host);
        }
        return false;
    }
    if (!eth_source_good(dst + ETH_ADDR_BYTES, n->cfg.mac)) {
        NET_COUNT(n, eth_rx_bad_source);
        return false;
    }
    return true;
}

bool eth_add_type(struct net *n, uint16_t type, eth_input_fn *input)
{
    struct eth *eth = &n->eth;
    for (uint32_t i = 0; i < eth->type_count; i++) {
        if (eth->types[i].type == type) {
            return false;
        }
    }
    if (eth->type_count == ETH_TYPES_MAX) {
        return false;
    }
    eth->types[eth->type_count++] = (struct eth_type){.type = type, .input = input};
    return true;
}

/* Takes p, data behind the headers, when its type is one that is served. */
static bool eth_deliver(struct net *n, struct pkt *p, uint16_t type)
{
    const struct eth *eth = &n->eth;
    for (uint32_t i = 0; i < eth->type_count; i++) {
        if (likely(eth->types[i].type == type)) {
            eth->types[i].input(n, p);
            return true;
        }
    }
    return false;
}

/*
 * Pulls the tags off: the identifier 0 means a priority and no VLAN, so that such a frame is as an
 * untagged one (IEEE 802.1Q-2018 6.9.1). This station is in no VLAN; a frame of one is not for it.
 * *type gets what follows. False when the frame is to be dropped, which is counted.
 */
static bool eth_untag(struct net *n, struct pkt *p, uint16_t *type)
{
    for (uint32_t i = 0; *type == ETH_TYPE_VLAN || *type == ETH_TYPE_SERVICE_VLAN; i++) {
        if (pkt_len(p) < ETH_TAG_BYTES) {
            NET_COUNT(n, eth_rx_short);
            return false;
        }
        if (i == ETH_TAGS_MAX || (load_be16(p->data) & ETH_TAG_VID_MASK) != 0) {
            NET_COUNT(n, eth_rx_vlan);
            return false;
        }
        *type = load_be16(p->data + 2);
        pkt_pull(p, ETH_TAG_BYTES);
    }
    return true;
}

/* What no protocol is registered for at the first look. Takes p. */
cold_fn static void eth_deliver_other(struct net *n, struct pkt *p, uint16_t type)
{
    if (!eth_untag(n, p, &type)) {
        pkt_put(p);
        return;
    }
    if (eth_deliver(n, p, type)) {
        return;
    }
    if (type < ETH_TYPE_MIN) {
        NET_COUNT(n, eth_rx_length_frame);
    } else {
        NET_COUNT(n, eth_rx_unknown_type);
    }
    pkt_put(p);
}

void eth_input(struct net *n, struct pkt *p)
{
    NET_COUNT(n, eth_rx);
    /* Said here anew: not every device or test sets it. IP must know (RFC 1122 3.3.6). */
    p->rx_flags &= ~(uint32_t)PKT_RX_L2_BROADCAST;
    if (unlikely(pkt_len(p) < ETH_HEADER_BYTES || !eth_is_ordinary(p->data, n->cfg.mac))) {
        if (!eth_accept(n, p)) {
            pkt_put(p);
            return;
        }
        p->rx_flags |= PKT_RX_L2_BROADCAST;
    }
    uint16_t type = load_be16(p->data + 2 * ETH_ADDR_BYTES);
    pkt_pull(p, ETH_HEADER_BYTES);
    if (unlikely(!eth_deliver(n, p, type))) {
        eth_deliver_other(n, p, type);
    }
}

void eth_output(struct net *n, struct pkt *p, const uint8_t *dst, uint16_t type)
{
    assert(n->cfg.link == NET_LINK_ETHERNET);
    if (!n->link_up) {
        NET_COUNT(n, link_tx_down);
        pkt_put(p);
        return;
    }
    eth_encode(pkt_push(p, ETH_HEADER_BYTES), dst, n->cfg.mac, type);
    NET_COUNT(n, eth_tx);
    n->cfg.output(n->cfg.arg, p);
}
