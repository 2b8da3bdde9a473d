/*
 * ARP packets for IPv4 over Ethernet as bytes (RFC 826, "Packet format"). Pure functions.
 */
#include "net/wire/arp.h"

#include <string.h>

#include "kernel/bytes.h"

enum { /* field offsets and the only values of the first four that are spoken */
       ARP_HTYPE_AT = 0,
       ARP_PTYPE_AT = 2,
       ARP_HLEN_AT = 4,
       ARP_PLEN_AT = 5,
       ARP_OP_AT = 6,
       ARP_SHA_AT = 8,
       ARP_SPA_AT = 14,
       ARP_THA_AT = 18,
       ARP_TPA_AT = 24,
       ARP_HTYPE_ETHERNET = 1,
       ARP_PLEN_IPV4 = 4,
};
static_assert(ARP_TPA_AT + ARP_PLEN_IPV4 == ARP_PACKET_BYTES, "the last field ends the packet");

bool arp_decode(struct arp_packet *a, const uint8_t *bytes, size_t len)
{
    if (len < ARP_PACKET_BYTES || load_be16(bytes + ARP_HTYPE_AT) != ARP_HTYPE_ETHERNET ||
        load_be16(bytes + ARP_PTYPE_AT) != ETH_TYPE_IPV4 || bytes[ARP_HLEN_AT] != ETH_ADDR_BYTES ||
        bytes[ARP_PLEN_AT] != ARP_PLEN_IPV4) {
        return false;
    }
    a->op = load_be16(bytes + ARP_OP_AT);
    memcpy(a->sender_mac, bytes + ARP_SHA_AT, ETH_ADDR_BYTES);
    memcpy(a->target_mac, bytes + ARP_THA_AT, ETH_ADDR_BYTES);
    a->sender_ip = load_be32(bytes + ARP_SPA_AT);
    a->target_ip = load_be32(bytes + ARP_TPA_AT);
    return a->op == ARP_OP_REQUEST || a->op == ARP_OP_REPLY;
}

void arp_encode(uint8_t *bytes, const struct arp_packet *a)
{
    assert(a->op == ARP_OP_REQUEST || a->op == ARP_OP_REPLY);
    store_be16(bytes + ARP_HTYPE_AT, ARP_HTYPE_ETHERNET);
    store_be16(bytes + ARP_PTYPE_AT, ETH_TYPE_IPV4);
    bytes[ARP_HLEN_AT] = ETH_ADDR_BYTES;
    bytes[ARP_PLEN_AT] = ARP_PLEN_IPV4;
    store_be16(bytes + ARP_OP_AT, a->op);
    memcpy(bytes + ARP_SHA_AT, a->sender_mac, ETH_ADDR_BYTES);
    store_be32(bytes + ARP_SPA_AT, a->sender_ip);
    memcpy(bytes + ARP_THA_AT, a->target_mac, ETH_ADDR_BYTES);
    store_be32(bytes + ARP_TPA_AT, a->target_ip);
}
