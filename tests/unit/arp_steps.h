/*
 * What tests of ARP do and expect, a step each: datagrams of ours, the neighbours' ARP packets.
 * Each expectation takes the next frame out.
 */
#ifndef TESTS_UNIT_ARP_STEPS_H
#define TESTS_UNIT_ARP_STEPS_H

#include "tests/unit/net_fixture.h"

#include "net/link/arp.h"

/* Sends a small datagram of ours to dst, tagged; what becomes of it the test sees. */
enum status arp_send_to(struct net_fixture *f, uint32_t dst, uint8_t tag);

/* An ARP packet to the station eth_dst; decoded into a. */
void arp_expect(struct net_fixture *f, struct arp_packet *a, const uint8_t *eth_dst);

/* The datagram of that tag, to the station mac. */
void arp_expect_data(struct net_fixture *f, const uint8_t *mac, uint8_t tag);

void arp_inject(struct net_fixture *f, const struct frame_arp *a);

/* mac answers us that it has ip. */
void arp_inject_reply(struct net_fixture *f, uint32_t ip, const uint8_t *mac);

#endif
