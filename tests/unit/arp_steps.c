/*
 * Steps of the tests of ARP: see arp_steps.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/arp_steps.h"

#include "kernel/bytes.h"
#include "net/core/core.h"
#include "net/ip/ipv4.h"

enum status arp_send_to(struct net_fixture *f, uint32_t dst, uint8_t tag)
{
    struct pkt *p = net_alloc_tx(f->net, false);
    assert_non_null(p);
    *pkt_append(p, 1) = tag;
    struct ipv4_tx tx = {.dst = dst, .protocol = 99};
    return ipv4_output(f->net, p, &tx);
}

void arp_expect(struct net_fixture *f, struct arp_packet *a, const uint8_t *eth_dst)
{
    struct frame fr;
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(load_be16(fr.bytes + 12), ETH_TYPE_ARP);
    assert_memory_equal(fr.bytes, eth_dst, 6);
    assert_memory_equal(fr.bytes + 6, fixture_mac, 6);
    assert_true(arp_decode(a, fr.bytes + 14, fr.len - 14));
}

void arp_expect_data(struct net_fixture *f, const uint8_t *mac, uint8_t tag)
{
    struct frame fr;
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(load_be16(fr.bytes + 12), ETH_TYPE_IPV4);
    assert_memory_equal(fr.bytes, mac, 6);
    assert_int_equal(frame_payload_at(&fr)[0], tag);
}

void arp_inject(struct net_fixture *f, const struct frame_arp *a)
{
    struct frame fr;
    frame_arp(&fr, a);
    fixture_input(f, &fr);
}

void arp_inject_reply(struct net_fixture *f, uint32_t ip, const uint8_t *mac)
{
    arp_inject(f,
               &(struct frame_arp){ARP_OP_REPLY, mac, ip, fixture_mac, FIXTURE_ADDR, fixture_mac});
}
