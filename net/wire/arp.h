/*
 * ARP packets for IPv4 over Ethernet as bytes and as a struct (RFC 826, "Packet format").
 */
#ifndef NET_WIRE_ARP_H
#define NET_WIRE_ARP_H

#include "kernel/base.h"
#include "net/wire/eth.h"

enum {
    ARP_PACKET_BYTES = 28,
    ARP_OP_REQUEST = 1,
    ARP_OP_REPLY = 2,
};

/* An ARP packet for IPv4 over Ethernet, decoded. */
struct arp_packet {
    uint16_t op;
    uint8_t sender_mac[ETH_ADDR_BYTES];
    uint8_t target_mac[ETH_ADDR_BYTES];
    uint32_t sender_ip;
    uint32_t target_ip;
};

/* False when the bytes are not an Ethernet/IPv4 request or reply. A pure function. */
bool arp_decode(struct arp_packet *a, const uint8_t *bytes, size_t len);
/* Writes ARP_PACKET_BYTES. */
void arp_encode(uint8_t *bytes, const struct arp_packet *a);

#endif
