/*
 * Which neighbour a packet is sent to: routers outside of the subnet, routes that a server told,
 * and which hosts may make themselves known by ARP.
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

#define ROUTER 0xac1f0101u /* 172.31.1.1, as clouds have it */
#define WORLD  0x08080808u

/* A static address of the prefix length, with the gateway. */
static void start(struct net_fixture *f, uint8_t prefix_bits, uint32_t gateway)
{
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.ip.prefix_bits = prefix_bits;
    cfg.ip.gateway = gateway;
    fixture_start(f, &cfg);
    fixture_up(f);
}

/* The address that is asked for by ARP when something is sent to dst; 0: there is no way. */
static uint32_t asked_for(struct net_fixture *f, uint32_t dst)
{
    struct frame fr;
    struct pkt *p = net_alloc_tx(f->net, false);
    arp_flush(f->net);
    pkt_append(p, 8);
    if (ipv4_output(f->net, p, &(struct ipv4_tx){.dst = dst, .protocol = 99}) != STATUS_OK) {
        return 0;
    }
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(load_be16(fr.bytes + 12), ETH_TYPE_ARP);
    return load_be32(fr.bytes + 14 + 24);
}

static void check_route(struct net_fixture *f, uint32_t dst, uint32_t next_hop)
{
    assert_int_equal(asked_for(f, dst), next_hop);
    assert_int_equal(iface_is_on_link(f->net, dst), next_hop == dst && next_hop != 0);
}

/* As DHCP's would be told. */
static void set_routes(struct net_fixture *f, uint32_t gateway, const struct net_route *routes,
                       uint8_t count)
{
    struct net_event e = {
        .kind = NET_EVENT_ADDRESS,
        .origin = NET_ORIGIN_DHCP,
        .address = FIXTURE_ADDR,
        .prefix_bits = 24,
        .gateway = gateway,
        .route_count = count,
    };
    for (uint8_t i = 0; i < count; i++) {
        e.routes[i] = routes[i];
    }
    iface_set_address(f->net, &e);
}

static void ask_us(struct net_fixture *f, uint32_t from, const uint8_t *mac)
{
    struct frame fr;
    struct frame_arp a = {.op = 1, .sender_mac = mac, .sender_ip = from, .target_ip = FIXTURE_ADDR};
    frame_arp(&fr, &a);
    fixture_input(f, &fr);
    assert_true(fixture_pop(f, &fr)); /* every request gets its answer */
    assert_int_equal(load_be16(fr.bytes + 20), ARP_OP_REPLY);
    assert_memory_equal(fr.bytes, mac, 6);
}

/* A /32: there is nobody in the subnet, all goes to the router, which is on the link. */
static void test_router_outside_of_a_host_prefix(void **state)
{
    (void)state;
    struct net_fixture f;
    struct frame fr;
    start(&f, 32, ROUTER);
    check_route(&f, WORLD, ROUTER);
    check_route(&f, ROUTER, ROUTER);
    check_route(&f, FIXTURE_PEER, ROUTER); /* what would be a neighbour in a /24 */
    arp_flush(f.net);
    ask_us(&f, ROUTER, fixture_other);
    assert_non_null(arp_lookup(f.net, ROUTER));
    ask_us(&f, FIXTURE_PEER, fixture_peer); /* answered, and of no use to remember */
    assert_null(arp_lookup(f.net, FIXTURE_PEER));
    frame_icmp(&fr, &(struct frame_ip){.src = WORLD}, 0x0800, 1, "x", 1);
    fixture_input(&f, &fr);
    assert_true(fixture_pop(&f, &fr)); /* at once: the router is known */
    assert_memory_equal(fr.bytes, fixture_other, 6);
    assert_int_equal(load_be32(frame_ip_at(&fr) + 16), WORLD);
    fixture_stop(&f);
}

static void test_longest_prefix_decides(void **state)
{
    (void)state;
    struct net_fixture f;
    static const struct net_route routes[] = {
        {0x14000000, 0x0a000005, 8},  /* 20/8 by a neighbour */
        {0x14010000, 0xc0a80001, 16}, /* 20.1/16 by a router outside of the subnet */
        {0x14010200, 0, 24},          /* 20.1.2/24 on the link */
        {0x14010203, 0x0a000006, 32}, /* and a host in it not */
        {0x0a000040, 0x0a000007, 26}, /* a part of our own subnet */
        {0x0a000000, 0x0a000009, 8},  /* and what is around it */
        {0x00000000, 0x0a000008, 1},  /* half of the world */
    };
    static const uint32_t cases[][2] = {
        {0x14ffffff, 0x0a000005}, {0x1401ff01, 0xc0a80001}, {0x14010202, 0x14010202},
        {0x14010203, 0x0a000006}, {0x0a000041, 0x0a000007}, {0x0a000081, 0x0a000081},
        {0x0a010101, 0x0a000009}, {0x7e000001, 0x0a000008}, {0x80000001, FIXTURE_GATEWAY},
        {0xc0a80001, 0xc0a80001}, {0x0a000007, 0x0a000007}, {FIXTURE_GATEWAY, FIXTURE_GATEWAY},
        {0xa9fe0101, 0xa9fe0101},
    };
    start(&f, 24, FIXTURE_GATEWAY);
    for (size_t order = 0; order < ARRAY_SIZE(routes); order++) { /* theirs does not matter */
        struct net_route turned[ARRAY_SIZE(routes)];
        for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
            turned[i] = routes[(i + order) % ARRAY_SIZE(routes)];
        }
        set_routes(&f, FIXTURE_GATEWAY, turned, ARRAY_SIZE(routes));
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            check_route(&f, cases[i][0], cases[i][1]);
        }
        assert_int_equal(asked_for(&f, FIXTURE_ADDR), 0);
        assert_int_equal(asked_for(&f, 0xe0000001), 0);
    }
    set_routes(&f, 0, routes, 1); /* no gateway: nothing beyond the routes */
    check_route(&f, 0x14ffffff, 0x0a000005);
    check_route(&f, WORLD, 0);
    fixture_stop(&f);
}

/* Link-local hosts are neighbours, but for those that a route is told to: clouds have their
 * metadata service at 169.254.169.254 behind a router, by option 121. */
static void test_link_local_host_behind_a_router(void **state)
{
    (void)state;
    struct net_fixture f;
    static const struct net_route routes[] = {
        {0xa9fea9fe, 0x0a000002, 32}, /* 169.254.169.254 by a neighbour */
        {0xa9000000, 0x0a000005, 8},  /* what is around all of them says nothing of them */
    };
    start(&f, 24, FIXTURE_GATEWAY);
    set_routes(&f, FIXTURE_GATEWAY, routes, ARRAY_SIZE(routes));
    check_route(&f, 0xa9fea9fe, 0x0a000002);
    check_route(&f, 0xa9fea9fd, 0xa9fea9fd);
    check_route(&f, 0xa9010101, 0x0a000005);
    set_routes(&f, FIXTURE_GATEWAY, NULL, 0);
    check_route(&f, 0xa9fea9fe, 0xa9fea9fe);
    fixture_stop(&f);
}

/* A gateway that is the address itself: the whole world is asked for by ARP. */
static void test_everything_on_the_link(void **state)
{
    (void)state;
    struct net_fixture f;
    static const struct net_route route = {0x14000000, 0x0a000005, 8};
    start(&f, 24, FIXTURE_GATEWAY);
    set_routes(&f, FIXTURE_ADDR, NULL, 0);
    check_route(&f, WORLD, WORLD);
    check_route(&f, FIXTURE_PEER, FIXTURE_PEER);
    arp_flush(f.net);
    ask_us(&f, WORLD, fixture_other);
    assert_non_null(arp_lookup(f.net, WORLD));
    set_routes(&f, FIXTURE_ADDR, &route, 1);
    check_route(&f, WORLD, WORLD);
    check_route(&f, 0x14000001, 0x0a000005);
    set_routes(&f, FIXTURE_GATEWAY, NULL, 0);
    check_route(&f, WORLD, FIXTURE_GATEWAY);
    fixture_stop(&f);
}

/* New routes are told once, and the neighbours stay known. */
static void test_routes_change_under_the_address(void **state)
{
    (void)state;
    struct net_fixture f;
    static const struct net_route routes[] = {{0x14000000, 0x0a000005, 8}, {0x15000000, 0, 8}};
    start(&f, 24, FIXTURE_GATEWAY);
    set_routes(&f, FIXTURE_GATEWAY, routes, 1);
    fixture_know(&f, FIXTURE_PEER, fixture_peer);
    size_t events = f.event_count;
    set_routes(&f, FIXTURE_GATEWAY, routes, 1);
    assert_int_equal(f.event_count, events);
    set_routes(&f, FIXTURE_GATEWAY, routes, 2);
    set_routes(&f, FIXTURE_GATEWAY, routes + 1, 1);
    assert_int_equal(f.event_count, events + 2);
    assert_non_null(arp_lookup(f.net, FIXTURE_PEER));
    struct net_event lost = {.kind = NET_EVENT_ADDRESS_LOST, .address = FIXTURE_ADDR};
    iface_set_address(f.net, &lost);
    assert_int_equal(f.net->iface.route_count, 0);
    assert_false(iface_is_on_link(f.net, FIXTURE_PEER));
    fixture_stop(&f);
}

/* An address that the mask makes the broadcast address or the network's own number. */
static void test_address_at_the_edge_of_its_subnet(void **state)
{
    (void)state;
    static const uint32_t edges[] = {0x0a0000ff, 0x0a000000};
    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        struct net_fixture f;
        struct net_event e = {.kind = NET_EVENT_ADDRESS, .prefix_bits = 24};
        start(&f, 24, 0);
        e.address = edges[i];
        iface_set_address(f.net, &e);
        assert_false(iface_is_broadcast(f.net, edges[i]));
        assert_true(iface_is_broadcast(f.net, UINT32_MAX));
        check_route(&f, edges[1 - i], edges[1 - i]); /* the other edge is a host, for all we know */
        check_route(&f, FIXTURE_PEER, FIXTURE_PEER);
        fixture_stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router_outside_of_a_host_prefix),
        cmocka_unit_test(test_longest_prefix_decides),
        cmocka_unit_test(test_link_local_host_behind_a_router),
        cmocka_unit_test(test_everything_on_the_link),
        cmocka_unit_test(test_routes_change_under_the_address),
        cmocka_unit_test(test_address_at_the_edge_of_its_subnet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
