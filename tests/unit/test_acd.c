/*
 * Address conflict detection and link-local addresses, second by second.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/net_fixture.h"

#include "kernel/bytes.h"
#include "net/stack.h"

/* Counts probes and announcements among what was sent, and forgets it. */
static void count_arp(struct net_fixture *f, uint32_t *probes, uint32_t *announcements)
{
    struct frame fr;
    *probes = 0;
    *announcements = 0;
    while (fixture_pop(f, &fr)) {
        struct arp_packet a;
        if (load_be16(fr.bytes + 12) != ETH_TYPE_ARP) {
            continue;
        }
        assert_true(arp_decode(&a, fr.bytes + 14, fr.len - 14));
        *probes += a.op == ARP_OP_REQUEST && a.sender_ip == 0;
        *announcements += a.op == ARP_OP_REQUEST && a.sender_ip == a.target_ip;
    }
}

/* Another station claims the address by ARP. */
static void claim_by_other(struct net_fixture *f, uint32_t address)
{
    struct frame fr;
    frame_arp(&fr, &(struct frame_arp){1, fixture_other, address, NULL, address, NULL});
    fixture_input(f, &fr);
}

static void start_static(struct net_fixture *f, bool strict)
{
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.ip.strict_acd = strict;
    fixture_start(f, &cfg);
    net_set_link(f->net, true, f->now_ns);
}

/* DHCP with nobody answering: the way to a link-local address. */
static void start_link_local(struct net_fixture *f)
{
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.ip.mode = NET_ADDRESS_DHCP;
    fixture_start(f, &cfg);
    net_set_link(f->net, true, f->now_ns);
    fixture_advance(f, DHCP_FALLBACK_NS + NS_PER_MS);
    assert_int_equal(f->net->acd.state, ACD_PROBING);
    (void)fixture_forget(f);
}

static void test_static_is_used_at_once(void **state)
{
    (void)state;
    struct net_fixture f;
    uint32_t probes, announcements;
    start_static(&f, false);
    assert_int_equal(net_address(f.net), FIXTURE_ADDR);
    const struct net_event *e = fixture_event(&f, NET_EVENT_ADDRESS);
    assert_int_equal(e->address, FIXTURE_ADDR);
    assert_int_equal(e->prefix_bits, 24);
    assert_int_equal(e->gateway, FIXTURE_GATEWAY);
    fixture_advance_ms(&f, 300);
    count_arp(&f, &probes, &announcements);
    assert_int_equal(probes, 1);
    assert_int_equal(announcements, 1);
    fixture_advance_ms(&f, 5000);
    count_arp(&f, &probes, &announcements);
    assert_int_equal(probes, 0);
    assert_int_equal(announcements, 1);
    fixture_advance_ms(&f, 100000);
    assert_int_equal(f.out.count, 0);
    assert_int_equal(f.event_count, 1);
    fixture_stop(&f);
}

static void test_strict_probes_first(void **state)
{
    (void)state;
    struct net_fixture f;
    uint32_t probes, announcements;
    start_static(&f, true);
    assert_int_equal(net_address(f.net), 0);
    fixture_advance_ms(&f, 3900); /* 2 s of probes at least, and 2 s of listening */
    assert_int_equal(net_address(f.net), 0);
    fixture_advance_ms(&f, 3200); /* 1 + 2*2 + 2 s at most */
    assert_int_equal(net_address(f.net), FIXTURE_ADDR);
    count_arp(&f, &probes, &announcements);
    assert_int_equal(probes, 3);
    assert_in_range(announcements, 1, 2);
    fixture_stop(&f);
}

static void test_strict_conflict(void **state)
{
    (void)state;
    struct net_fixture f;
    start_static(&f, true);
    fixture_advance_ms(&f, 1500);
    claim_by_other(&f, FIXTURE_ADDR);
    const struct net_event *e = fixture_event(&f, NET_EVENT_CONFLICT);
    assert_non_null(e);
    assert_memory_equal(e->mac, fixture_other, 6);
    fixture_advance_ms(&f, 9900);
    assert_int_equal(net_address(f.net), 0);
    fixture_advance_ms(&f, 7200); /* probed again, now nobody objects */
    assert_int_equal(net_address(f.net), FIXTURE_ADDR);
    fixture_stop(&f);
}

/* Kept, announced and told at most every ten seconds, and never learnt. */
static void test_static_defends(void **state)
{
    (void)state;
    struct net_fixture f;
    uint32_t probes, announcements;
    start_static(&f, false);
    fixture_advance_ms(&f, 10000);
    (void)fixture_forget(&f);
    size_t events = f.event_count;
    for (int i = 0; i < 95; i++) {
        claim_by_other(&f, FIXTURE_ADDR);
        fixture_advance_ms(&f, 100);
    }
    count_arp(&f, &probes, &announcements);
    assert_int_equal(announcements, 1);
    assert_int_equal(f.event_count, events + 1);
    assert_int_equal(fixture_counter(&f, "acd_conflicts"), 95);
    fixture_advance_ms(&f, 1000);
    claim_by_other(&f, FIXTURE_ADDR);
    count_arp(&f, &probes, &announcements);
    assert_int_equal(announcements, 1);
    assert_int_equal(net_address(f.net), FIXTURE_ADDR);
    assert_null(arp_lookup(f.net, FIXTURE_ADDR));
    fixture_stop(&f);
}

static void test_link_local_sequence(void **state)
{
    (void)state;
    struct net_fixture f;
    uint32_t probes, announcements;
    start_link_local(&f);
    assert_int_equal(net_address(f.net), 0);
    fixture_advance_ms(&f, 7500);
    uint32_t address = net_address(f.net);
    assert_in_range(address, 0xa9fe0100, 0xa9fefeff);
    count_arp(&f, &probes, &announcements);
    assert_int_equal(probes, 3);
    const struct net_event *e = fixture_event(&f, NET_EVENT_ADDRESS);
    assert_int_equal(e->origin, NET_ORIGIN_LINK_LOCAL);
    assert_int_equal(e->prefix_bits, 16);
    assert_int_equal(e->gateway, 0);
    /* Everything is on the link now (RFC 3927 2.6.2): a far host is asked for by ARP. */
    fixture_advance_ms(&f, 3000);
    (void)fixture_forget(&f);
    struct pkt *p = net_alloc_tx(f.net, false);
    struct ipv4_tx tx = {.dst = 0x08080808, .protocol = 99};
    assert_int_equal(ipv4_output(f.net, p, &tx), STATUS_OK);
    struct frame fr;
    assert_true(fixture_pop(&f, &fr));
    assert_int_equal(load_be32(fr.bytes + 14 + 24), 0x08080808);
    fixture_stop(&f);
}

/* The first conflict is answered, a second one soon after means another address. */
static void test_link_local_gives_way(void **state)
{
    (void)state;
    struct net_fixture f;
    uint32_t probes, announcements;
    start_link_local(&f);
    fixture_advance_ms(&f, 12000);
    uint32_t first = net_address(f.net);
    assert_int_not_equal(first, 0);
    (void)fixture_forget(&f);
    claim_by_other(&f, first);
    count_arp(&f, &probes, &announcements);
    assert_int_equal(announcements, 1);
    assert_int_equal(net_address(f.net), first);
    fixture_advance_ms(&f, 11000);
    claim_by_other(&f, first);
    assert_int_equal(net_address(f.net), first);
    claim_by_other(&f, first);
    assert_int_equal(net_address(f.net), 0);
    assert_int_equal(fixture_event(&f, NET_EVENT_ADDRESS_LOST)->address, first);
    fixture_advance_ms(&f, 7500);
    assert_int_not_equal(net_address(f.net), 0);
    assert_int_not_equal(net_address(f.net), first);
    fixture_stop(&f);
}

/* A rival's probe for the address being probed is a conflict; after ten of them the pace slows. */
static void test_link_local_rate_limit(void **state)
{
    (void)state;
    struct net_fixture f;
    uint32_t before = 0;
    start_link_local(&f);
    for (int i = 0; i < ACD_CONFLICTS_MAX; i++) {
        uint32_t address = f.net->acd.claim.address;
        assert_int_not_equal(address, before);
        before = address;
        struct frame fr;
        frame_arp(&fr, &(struct frame_arp){1, fixture_other, 0, NULL, address, NULL});
        fixture_input(&f, &fr);
    }
    assert_int_equal(f.net->acd.state, ACD_WAITING);
    (void)fixture_forget(&f);
    fixture_advance_ms(&f, 59000);
    uint32_t probes, announcements;
    count_arp(&f, &probes, &announcements);
    assert_int_equal(probes, 0);
    fixture_advance_ms(&f, 9000);
    assert_int_not_equal(net_address(f.net), 0);
    fixture_stop(&f);
}

static void test_link_comes_back(void **state)
{
    (void)state;
    struct net_fixture f;
    uint32_t probes, announcements;
    start_static(&f, false);
    fixture_advance_ms(&f, 10000);
    net_set_link(f.net, false, f.now_ns);
    fixture_advance_ms(&f, 10000);
    (void)fixture_forget(&f);
    net_set_link(f.net, true, f.now_ns);
    fixture_advance_ms(&f, 5000);
    count_arp(&f, &probes, &announcements);
    assert_int_equal(probes, 1);
    assert_int_equal(announcements, 2);
    assert_int_equal(f.event_count, 1);
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_is_used_at_once), cmocka_unit_test(test_strict_probes_first),
        cmocka_unit_test(test_strict_conflict),        cmocka_unit_test(test_static_defends),
        cmocka_unit_test(test_link_local_sequence),    cmocka_unit_test(test_link_local_gives_way),
        cmocka_unit_test(test_link_local_rate_limit),  cmocka_unit_test(test_link_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
