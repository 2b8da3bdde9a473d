/*
 * ARP packets of our own: questions, probes and announcements. Answers are arp.c's.
 */
#include <string.h>

#include "net/core/core.h"
#include "net/link/eth.h"
#include "net/link/int.h"
#include "net/stack.h"

bool arp_send(struct net *n, const struct arp_packet *a, const uint8_t *dst)
{
    struct pkt *p = net_alloc_tx(n, true);
    if (p == NULL) {
        NET_COUNT(n, arp_tx_no_buffer);
        return false;
    }
    arp_encode(pkt_append(p, ARP_PACKET_BYTES), a);
    eth_output(n, p, dst, ETH_TYPE_ARP);
    return true;
}

/* The target's hardware address stays zero: it is what is asked for (RFC 826). */
static struct arp_packet request_for(const struct net *n, uint32_t sender_ip, uint32_t target_ip)
{
    struct arp_packet a = {
        .op = ARP_OP_REQUEST,
        .sender_ip = sender_ip,
        .target_ip = target_ip,
    };
    memcpy(a.sender_mac, n->cfg.mac, ETH_ADDR_BYTES);
    return a;
}

/* RFC 5227 2.1.1: the sender address is 0, so that nobody's cache takes harm. */
void arp_send_probe(struct net *n, uint32_t address)
{
    struct arp_packet a = request_for(n, 0, address);
    NET_COUNT(n, arp_tx_probe);
    (void)arp_send(n, &a, eth_broadcast); /* one of several, sent whatever becomes of it */
}

/* RFC 5227 2.3: a request with both addresses ours. */
void arp_send_announcement(struct net *n, uint32_t address)
{
    struct arp_packet a = request_for(n, address, address);
    NET_COUNT(n, arp_tx_announcement);
    (void)arp_send(n, &a, eth_broadcast); /* one of several, sent whatever becomes of it */
}

bool arp_send_request(struct net *n, uint32_t address, const uint8_t *dst)
{
    struct arp_packet a = request_for(n, n->iface.address, address);
    if (!arp_send(n, &a, dst)) {
        return false;
    }
    NET_COUNT(n, arp_tx_request);
    return true;
}
