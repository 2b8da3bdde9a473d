/*
 * Ethernet and IPv4 input and output, routes, and the stack as a whole, by frames.
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
#include "net/wire/csum.h"

static const struct frame_ip plain; /* from FIXTURE_PEER to FIXTURE_ADDR */

/* Rewrites the header checksum after a test has changed the header. */
static void fix_checksum(struct frame *fr)
{
    uint8_t *h = fr->bytes + 14;
    size_t len = (size_t)(h[0] & 15) * 4;
    store_be16(h + 10, 0);
    store_be16(h + 10, csum_finish(csum_add(0, h, len)));
}

static void ping(struct frame *fr, const struct frame_ip *ip)
{
    frame_icmp(fr, ip, 0x0800, 0x00010002, "0123456789", 10);
}

/* The stack still answers an echo request. */
static void check_alive(struct net_fixture *f)
{
    struct frame fr;
    (void)fixture_forget(f);
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    ping(&fr, &plain);
    fixture_input(f, &fr);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(frame_payload_at(&fr)[0], ICMP_ECHO_REPLY);
}

/* The frame is dropped without an answer, under the counter's name. */
static void check_dropped(struct net_fixture *f, const struct frame *fr, const char *counter)
{
    uint64_t before = fixture_counter(f, counter);
    (void)fixture_forget(f);
    fixture_input(f, fr);
    if (fixture_counter(f, counter) != before + 1) {
        fail_msg("%s did not count", counter);
    }
    assert_int_equal(fixture_forget(f), 0);
}

static int setup(void **state)
{
    (void)fixture_setup_met(state);
    fixture_know(*state, FIXTURE_GATEWAY, fixture_other);
    return 0;
}

static int teardown(void **state)
{
    check_alive(*state);
    return fixture_teardown(state);
}

static void test_ethernet_drops(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    static const uint8_t zero[6];
    struct frame fr;
    for (size_t len = 0; len < 14; len++) {
        ping(&fr, &plain);
        fr.len = len;
        check_dropped(f, &fr, "eth_rx_short");
    }
    ping(&fr, &(struct frame_ip){.eth_dst = fixture_other});
    check_dropped(f, &fr, "eth_rx_other_host");
    ping(&fr, &(struct frame_ip){.eth_dst = group});
    check_dropped(f, &fr, "eth_rx_multicast");
    ping(&fr, &(struct frame_ip){.eth_src = group});
    check_dropped(f, &fr, "eth_rx_bad_source");
    ping(&fr, &(struct frame_ip){.eth_src = zero});
    check_dropped(f, &fr, "eth_rx_bad_source");
    ping(&fr, &(struct frame_ip){.eth_src = fixture_mac});
    check_dropped(f, &fr, "eth_rx_bad_source");
    ping(&fr, &plain);
    store_be16(fr.bytes + 12, 46);
    check_dropped(f, &fr, "eth_rx_length_frame");
    store_be16(fr.bytes + 12, 0x86dd);
    check_dropped(f, &fr, "eth_rx_unknown_type");
}

static void test_header_drops(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    for (size_t len = 0; len < 20; len++) {
        ping(&fr, &plain);
        fr.len = 14 + len;
        check_dropped(f, &fr, "ip_rx_short");
    }
    ping(&fr, &plain);
    fr.bytes[14] = 0x65;
    check_dropped(f, &fr, "ip_rx_bad_version");
    for (uint8_t ihl = 0; ihl < 5; ihl++) {
        fr.bytes[14] = 0x40 | ihl;
        check_dropped(f, &fr, "ip_rx_bad_header_len");
    }
    fr.bytes[14] = 0x4f; /* 60 bytes of header in a packet of 38 */
    check_dropped(f, &fr, "ip_rx_bad_header_len");
    ping(&fr, &plain);
    store_be16(fr.bytes + 16, 19);
    check_dropped(f, &fr, "ip_rx_bad_total_len");
    store_be16(fr.bytes + 16, (uint16_t)(fr.len - 14 + 1));
    check_dropped(f, &fr, "ip_rx_bad_total_len");
    store_be16(fr.bytes + 16, 0xffff);
    check_dropped(f, &fr, "ip_rx_bad_total_len");
    ping(&fr, &plain);
    fr.bytes[14 + 8] ^= 1;
    check_dropped(f, &fr, "ip_rx_bad_checksum");
}

static void test_padding_is_trimmed(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    uint8_t padding[40];
    memset(padding, 0xee, sizeof(padding));
    ping(&fr, &plain);
    size_t len = fr.len;
    frame_put(&fr, padding, sizeof(padding));
    fixture_input(f, &fr);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(fr.len, len);
    assert_memory_equal(frame_payload_at(&fr) + 8, "0123456789", 10);
}

static void test_options(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    static const uint8_t good[8] = {1, 1, 148, 4, 0, 0, 0, 99}; /* NOPs, router alert, end, junk */
    ping(&fr, &(struct frame_ip){.options = good, .options_len = 8});
    fixture_input(f, &fr);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(frame_ip_at(&fr)[0], 0x45); /* the answer has none */
    /* Every length of an unknown option that it cannot have. */
    for (uint32_t len = 0; len < 256; len++) {
        uint8_t opt[8] = {7, (uint8_t)len, 1, 1, 1, 1, 1, 1};
        ping(&fr, &(struct frame_ip){.options = opt, .options_len = 8});
        if (len < 2 || len > 8) {
            check_dropped(f, &fr, "ip_rx_bad_option");
        } else {
            fixture_input(f, &fr);
            assert_int_equal(fixture_forget(f), 1);
        }
    }
    static const uint8_t cut[4] = {1, 1, 1, 7}; /* no room for a length */
    ping(&fr, &(struct frame_ip){.options = cut, .options_len = 4});
    check_dropped(f, &fr, "ip_rx_bad_option");
    static const uint8_t routes[2] = {131, 137};
    for (size_t i = 0; i < 2; i++) {
        uint8_t opt[8] = {routes[i], 7, 4, 10, 0, 0, 9, 0};
        ping(&fr, &(struct frame_ip){.options = opt, .options_len = 8});
        check_dropped(f, &fr, "ip_rx_source_route");
    }
}

static void test_martian_sources(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    static const uint32_t bad[] = {0x00000001, 0x7f000001, 0xe0000001, 0xf0000001,
                                   0xffffffff, 0x0a0000ff, 0x0a000000};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ping(&fr, &(struct frame_ip){.src = bad[i]});
        check_dropped(f, &fr, "ip_rx_bad_source");
    }
    ping(&fr, &plain);
    store_be32(fr.bytes + 14 + 12, 0);
    fix_checksum(&fr);
    check_dropped(f, &fr, "ip_rx_bad_source");
    ping(&fr, &(struct frame_ip){.src = FIXTURE_ADDR}); /* LAND */
    check_dropped(f, &fr, "ip_rx_own_source");
}

static void test_destinations(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    ping(&fr, &(struct frame_ip){.dst = 0x0a000003});
    check_dropped(f, &fr, "ip_rx_other_host");
    ping(&fr, &(struct frame_ip){.dst = 0x7f000001});
    check_dropped(f, &fr, "ip_rx_other_host");
    ping(&fr, &(struct frame_ip){.dst = 0xe0000001});
    check_dropped(f, &fr, "ip_rx_multicast");
    ping(&fr, &(struct frame_ip){.eth_dst = fixture_all});
    check_dropped(f, &fr, "ip_rx_link_broadcast");
    ping(&fr, &(struct frame_ip){.dst = 0x0a0000ff, .eth_dst = fixture_all});
    check_dropped(f, &fr, "icmp_rx_broadcast");
    ping(&fr, &(struct frame_ip){.dst = 0xffffffff});
    check_dropped(f, &fr, "icmp_rx_broadcast");
    /* TCP to a broadcast, by either layer's address, is not even looked at. */
    frame_ip(&fr, &(struct frame_ip){.dst = 0x0a0000ff, .protocol = 6}, "0123456789abcdef0123", 20);
    check_dropped(f, &fr, "ip_rx_tcp_broadcast");
}

static void test_unknown_protocols(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    struct frame inner;
    ping(&inner, &plain);
    /* IP in IP: reported, never looked into. */
    frame_ip(&fr, &(struct frame_ip){.protocol = 4}, inner.bytes + 14, inner.len - 14);
    size_t len = fr.len;
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "ip_rx_unknown_protocol"), 1);
    struct frame out;
    assert_true(fixture_pop(f, &out));
    assert_int_equal(load_be16(frame_payload_at(&out)), 0x0302);
    assert_memory_equal(frame_payload_at(&out) + 8, fr.bytes + 14, len - 14);
    frame_ip(&fr, &(struct frame_ip){.protocol = 0}, "", 0);
    fixture_input(f, &fr);
    assert_int_equal(fixture_forget(f), 1);
}

static void test_output_header(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    struct pkt *p = net_alloc_tx(f->net, false);
    memcpy(pkt_append(p, 4), "data", 4);
    struct ipv4_tx tx = {.dst = FIXTURE_PEER, .protocol = 99, .tos = 8};
    assert_int_equal(ipv4_output(f->net, p, &tx), STATUS_OK);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(fr.len, 14 + 20 + 4);
    assert_memory_equal(fr.bytes, fixture_peer, 6);
    assert_memory_equal(fr.bytes + 6, fixture_mac, 6);
    assert_int_equal(load_be16(fr.bytes + 12), 0x0800);
    struct ipv4_header h;
    assert_int_equal(ipv4_decode(&h, fr.bytes + 14, fr.len - 14), IPV4_GOOD);
    assert_int_equal(h.src, FIXTURE_ADDR);
    assert_int_equal(h.dst, FIXTURE_PEER);
    assert_int_equal(h.protocol, 99);
    assert_int_equal(h.tos, 8);
    assert_int_equal(h.ttl, 64);
    assert_int_equal(h.id, 0);
    assert_true(h.dont_fragment);
    /* RFC 1122 3.2.1.4: what fits the link goes whole, though it might be cut. */
    p = net_alloc_tx(f->net, false);
    memset(pkt_append(p, 1480), 7, 1480);
    tx.may_fragment = true;
    assert_int_equal(ipv4_output(f->net, p, &tx), STATUS_OK);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(fr.len, 14 + 1500);
    assert_int_equal(load_be16(fr.bytes + 14 + 6), 0);
    assert_false(fixture_pop(f, &fr));
}

/* Where a packet to dst goes: the MAC of the frame, or NULL with the status. */
static const uint8_t *route_of(struct net_fixture *f, uint32_t dst, enum status *st)
{
    static struct frame fr;
    struct pkt *p = net_alloc_tx(f->net, false);
    struct ipv4_tx tx = {.dst = dst, .protocol = 99, .may_fragment = true};
    *st = ipv4_output(f->net, p, &tx);
    return fixture_pop(f, &fr) ? fr.bytes : NULL;
}

static void test_routes(void **state)
{
    struct net_fixture *f = *state;
    enum status st;
    assert_memory_equal(route_of(f, FIXTURE_PEER, &st), fixture_peer, 6);
    assert_memory_equal(route_of(f, 0x08080808, &st), fixture_other, 6);
    assert_memory_equal(route_of(f, 0x0a0000ff, &st), fixture_all, 6);
    assert_memory_equal(route_of(f, 0xffffffff, &st), fixture_all, 6);
    static const uint32_t none[] = {FIXTURE_ADDR, 0x7f000001, 0, 0xe0000001};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        assert_null(route_of(f, none[i], &st));
        assert_int_equal(st, STATUS_NOT_FOUND);
    }
    /* Link-local destinations are neighbours whatever the subnet: an ARP request goes out. */
    const uint8_t *mac = route_of(f, 0xa9fe0505, &st);
    assert_memory_equal(mac, fixture_all, 6);
    assert_int_equal(load_be16(mac + 12), ETH_TYPE_ARP);
    uint32_t src;
    uint16_t mtu;
    assert_int_equal(ipv4_route(f->net, 0x08080808, &src, &mtu), STATUS_OK);
    assert_int_equal(src, FIXTURE_ADDR);
    assert_int_equal(mtu, 1500);
}

static void test_output_refusals(void **state)
{
    struct net_fixture *f = *state;
    struct pkt *p = net_alloc_tx(f->net, false);
    pkt_append(p, 1481);
    struct ipv4_tx tx = {.dst = FIXTURE_PEER, .protocol = 99};
    assert_int_equal(ipv4_output(f->net, p, &tx), STATUS_BAD_INPUT);
    p = net_alloc_tx(f->net, false);
    tx.src = 0x0a000063; /* not ours */
    assert_int_equal(ipv4_output(f->net, p, &tx), STATUS_NOT_FOUND);
    net_set_link(f->net, false, f->now_ns);
    assert_int_equal(f->out.count, 0);
    net_set_link(f->net, true, f->now_ns);
    fixture_advance_ms(f, 10000);
}

static void test_ids_do_not_count_up(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    uint16_t ids[64];
    uint32_t steps_of_one = 0;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        ping(&fr, &plain);
        fixture_input(f, &fr);
        assert_true(fixture_pop(f, &fr));
        ids[i] = load_be16(frame_ip_at(&fr) + 4);
        steps_of_one += i > 0 && (uint16_t)(ids[i] - ids[i - 1]) <= 16;
    }
    assert_true(steps_of_one <= 2);
}

/* RFC 1122 3.2.1.3, 3.3.1.1: the mask, whatever its length, says who is a neighbour. */
static void test_masks(void **state)
{
    static const struct {
        uint8_t prefix;
        uint32_t dst;
        bool on_link;
    } cases[] = {{20, 0x0a000f09, true},  {20, 0x0a001001, false}, {24, 0x0a000009, true},
                 {24, 0x0a000109, false}, {25, 0x0a00007e, true},  {25, 0x0a000081, false},
                 {8, 0x0afffffe, true},   {8, 0x0b000001, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct net_fixture f;
        struct net_config cfg;
        enum status st;
        fixture_config(&cfg);
        cfg.ip.prefix_bits = cases[i].prefix;
        cfg.ip.gateway = 0x0a000005;
        fixture_start(&f, &cfg);
        fixture_up(&f);
        const uint8_t *arp = route_of(&f, cases[i].dst, &st);
        assert_non_null(arp);
        assert_int_equal(load_be32(arp + 14 + 24), cases[i].on_link ? cases[i].dst : 0x0a000005);
        fixture_stop(&f);
    }
}

static void test_small_subnets(void **state)
{
    static const struct {
        uint8_t prefix;
        uint32_t gateway;
        uint32_t on_link;
    } cases[] = {{31, 0x0a000000, 0x0a000000}, {32, FIXTURE_GATEWAY, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct net_fixture f;
        struct net_config cfg;
        enum status st;
        fixture_config(&cfg);
        cfg.ip.prefix_bits = cases[i].prefix;
        cfg.ip.gateway = cases[i].gateway;
        fixture_start(&f, &cfg);
        fixture_up(&f);
        assert_false(iface_is_broadcast(f.net, 0x0a000001));
        assert_false(iface_is_broadcast(f.net, 0x0a000000));
        assert_true(iface_is_unicast_source(f.net, 0x0a000000));
        const uint8_t *arp = route_of(&f, 0x08080808, &st); /* asks for the gateway */
        assert_int_equal(load_be32(arp + 14 + 24), cases[i].gateway);
        fixture_stop(&f);
    }
}

static void test_bare_ip_link(void **state)
{
    (void)state;
    struct net_fixture f;
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.link = NET_LINK_IP;
    fixture_start(&f, &cfg);
    fixture_up(&f);
    assert_int_equal(net_address(f.net), FIXTURE_ADDR);
    struct frame fr;
    ping(&fr, &(struct frame_ip){.bare = true, .src = 0xc0000201});
    fixture_input(&f, &fr);
    assert_true(fixture_pop(&f, &fr));
    struct ipv4_header h;
    assert_int_equal(ipv4_decode(&h, fr.bytes, fr.len), IPV4_GOOD);
    assert_int_equal(h.dst, 0xc0000201);
    net_set_link(f.net, false, f.now_ns);
    ping(&fr, &(struct frame_ip){.bare = true});
    fixture_input(&f, &fr);
    assert_int_equal(f.out.count, 0);
    assert_int_equal(fixture_counter(&f, "link_tx_down"), 1);
    fixture_stop(&f);
}

static void test_bad_configurations(void **state)
{
    (void)state;
    static uint8_t memory[4096];
    struct pkt_pool pool = {.count = 64};
    struct net_config base;
    struct net_config c;
    struct arena a;
    struct net *n;
    fixture_config(&base);
    base.tx_pool = &pool;
    base.output = (void (*)(void *, struct pkt *))abort;
#define CHECK_REFUSED(change)                                          \
    do {                                                               \
        c = base;                                                      \
        change;                                                        \
        arena_init(&a, memory, sizeof(memory));                        \
        assert_int_equal(net_create(&n, &a, &c, 0), STATUS_BAD_INPUT); \
        assert_null(n);                                                \
    } while (0)
    CHECK_REFUSED(c.mtu = 575);
    CHECK_REFUSED(c.mtu = 1501);
    CHECK_REFUSED(c.ip.prefix_bits = 0);
    CHECK_REFUSED(c.ip.prefix_bits = 33);
    CHECK_REFUSED(c.ip.address = 0);
    CHECK_REFUSED(c.ip.address = 0x7f000001);
    CHECK_REFUSED(c.ip.address = 0xe0000001);
    CHECK_REFUSED(c.ip.address = 0x0a0000ff);
    CHECK_REFUSED(c.ip.address = 0x0a000000);
    CHECK_REFUSED(c.ip.gateway = 0x0b000001);
    CHECK_REFUSED(c.ip.gateway = FIXTURE_ADDR);
    CHECK_REFUSED(memset(c.mac, 0, 6));
    CHECK_REFUSED(c.mac[0] = 1);
    CHECK_REFUSED(c.tx_reserve = 64);
    CHECK_REFUSED(c.limits.arp_entries = 0);
    CHECK_REFUSED(c.limits.tcp_challenge_ms = 0);
    CHECK_REFUSED(c.link = NET_LINK_IP; c.ip.mode = NET_ADDRESS_DHCP);
    /* And a good one in an arena that cannot hold it, at every size up to the struct itself. */
    arena_init(&a, memory, sizeof(memory));
    assert_int_equal(net_create(&n, &a, &base, 0), STATUS_NO_MEMORY);
#undef CHECK_REFUSED
}

/* What is measured is what is used, and default limits stay within their budget. */
static void test_measure(void **state)
{
    (void)state;
    struct pkt_pool pool = {.count = 64};
    for (size_t budget = 1 << 20; budget <= (size_t)64 << 20; budget *= 4) {
        struct net_config cfg;
        struct arena a;
        struct net *n;
        fixture_config(&cfg);
        cfg.tx_pool = &pool;
        cfg.output = (void (*)(void *, struct pkt *))abort;
        net_limits_default(&cfg.limits, budget);
        arena_init(&a, NULL, 0);
        assert_int_equal(net_create(&n, &a, &cfg, 0), STATUS_OK);
        assert_null(n);
        assert_in_range(a.used_bytes, budget / 2, budget);
        size_t need = a.used_bytes;
        void *memory = aligned_alloc(4096, (need + 4095) / 4096 * 4096);
        arena_init(&a, memory, need);
        assert_int_equal(net_create(&n, &a, &cfg, 0), STATUS_OK);
        assert_non_null(n);
        assert_int_equal(a.used_bytes, need);
        net_destroy(n);
        for (size_t less = 1; less < need; less += need / 37) {
            arena_init(&a, memory, need - less);
            assert_int_equal(net_create(&n, &a, &cfg, 0), STATUS_NO_MEMORY);
        }
        free(memory);
    }
}

static void test_statistics(void **state)
{
    struct net_fixture *f = *state;
    const char *name;
    const char *help;
    uint64_t value;
    size_t count = 0;
    while (net_counter(f->net, count, &name, &help, &value)) {
        assert_true(strlen(name) > 0 && strlen(help) > 0);
        count++;
    }
    assert_int_equal(count, sizeof(struct net_counters) / sizeof(uint64_t));
    assert_true(fixture_counter(f, "eth_rx") > 0);
    size_t pools = 0;
    while (net_pool(f->net, pools) != NULL) {
        pools++;
    }
    assert_true(pools >= 8);
}

/* ---- one look at an ordinary frame (ipv4_frame_input) ---- */

/* Two stacks alike: one is given each frame by Ethernet, the other by the one look. */
struct pair {
    struct net_fixture by_ethernet;
    struct net_fixture by_look;
};

static void give_both(struct pair *two, const struct frame *fr)
{
    struct pkt *p = pkt_alloc(&two->by_ethernet.rx, 0);
    assert_non_null(p);
    memcpy(pkt_append(p, fr->len), fr->bytes, fr->len);
    eth_input(two->by_ethernet.net, p);
    fixture_input(&two->by_look, fr);
    assert_memory_equal(&two->by_ethernet.net->counters, &two->by_look.net->counters,
                        sizeof(struct net_counters));
    assert_int_equal(fixture_forget(&two->by_ethernet), fixture_forget(&two->by_look));
}

static void advance_both(struct pair *two, uint64_t ms)
{
    fixture_advance_ms(&two->by_ethernet, ms);
    fixture_advance_ms(&two->by_look, ms);
}

static void start_both(struct pair *two)
{
    struct net_fixture *each[] = {&two->by_ethernet, &two->by_look};
    for (size_t i = 0; i < ARRAY_SIZE(each); i++) {
        fixture_start(each[i], NULL);
        fixture_up(each[i]);
        fixture_know(each[i], FIXTURE_PEER, fixture_peer);
        fixture_know(each[i], FIXTURE_GATEWAY, fixture_other);
    }
}

static void stop_both(struct pair *two)
{
    fixture_stop(&two->by_ethernet);
    fixture_stop(&two->by_look);
}

/* Each bit of both headers, changed behind a frame that was an ordinary one: what comes of it is
 * what Ethernet and IP say one after the other. */
static void test_one_look_is_as_good_as_two(void **state)
{
    struct pair two;
    struct frame fr;
    start_both(&two);
    for (size_t bit = 0; bit < 34 * (size_t)8; bit++) {
        for (int fixed = 0; fixed <= 1; fixed++) {
            ping(&fr, &plain);
            give_both(&two, &fr);
            fr.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (fixed && (fr.bytes[14] & 15) == 5) {
                fix_checksum(&fr);
            }
            give_both(&two, &fr);
            fr.len = 33;
            give_both(&two, &fr);
            advance_both(&two, 10);
        }
    }
    assert_true(fixture_counter(&two.by_look, "ip_delivered") > 500);
    stop_both(&two);
}

/* What was judged under one address is judged anew under another one. */
static void test_one_look_forgets_with_the_address(void **state)
{
    struct pair two;
    struct frame fr;
    start_both(&two);
    ping(&fr, &plain);
    give_both(&two, &fr);
    struct net_event e = {.kind = NET_EVENT_ADDRESS,
                          .origin = NET_ORIGIN_STATIC,
                          .address = FIXTURE_ADDR + 8,
                          .prefix_bits = 24};
    iface_set_address(two.by_ethernet.net, &e);
    iface_set_address(two.by_look.net, &e);
    uint64_t before = fixture_counter(&two.by_look, "ip_rx_other_host");
    give_both(&two, &fr);
    assert_int_equal(fixture_counter(&two.by_look, "ip_rx_other_host"), before + 1);
    stop_both(&two);
}

/* A frame that only Ethernet finds ordinary leaves no addresses behind, not even those of nobody.
 */
static void test_one_look_knows_no_addresses_of_nobody(void **state)
{
    struct pair two;
    struct frame fr;
    start_both(&two);
    ping(&fr, &plain);
    fr.bytes[33] ^= 64; /* to another host */
    fix_checksum(&fr);
    give_both(&two, &fr);
    memset(fr.bytes + 26, 0, 8);
    fix_checksum(&fr);
    give_both(&two, &fr);
    stop_both(&two);
    fixture_start(&two.by_ethernet, NULL);
    fixture_start(&two.by_look, NULL);
    memset(fr.bytes, 0, 14); /* nor does a stack that has judged none */
    give_both(&two, &fr);
    stop_both(&two);
}

/* A million random and mutated frames: tools/ has the long runs, this is the quick look. */
static void test_random_frames(void **state)
{
    struct net_fixture *f = *state;
    uint32_t seed = 12345;
    print_message("seed %u\n", seed);
    struct net_random r;
    uint8_t key[32] = {(uint8_t)seed, (uint8_t)(seed >> 8)};
    net_random_init(&r, key);
    for (uint32_t i = 0; i < 20000; i++) {
        struct frame fr;
        ping(&fr, &plain);
        fr.len = net_random_below(&r, 120);
        uint32_t changes = 1 + net_random_below(&r, 8);
        for (uint32_t c = 0; c < changes && fr.len > 0; c++) {
            fr.bytes[net_random_below(&r, (uint32_t)fr.len)] = (uint8_t)net_random_u32(&r);
        }
        if (fr.len >= 34 && net_random_below(&r, 2) == 0 && (fr.bytes[14] & 15) == 5) {
            fix_checksum(&fr);
        }
        fixture_input(f, &fr);
        fixture_advance_ms(f, net_random_below(&r, 100));
        (void)fixture_forget(f);
    }
    fixture_advance_ms(f, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ethernet_drops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_drops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_padding_is_trimmed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_martian_sources, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destinations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_protocols, setup, teardown),
        cmocka_unit_test_setup_teardown(test_output_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_output_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids_do_not_count_up, setup, teardown),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_small_subnets),
        cmocka_unit_test(test_bare_ip_link),
        cmocka_unit_test(test_bad_configurations),
        cmocka_unit_test(test_measure),
        cmocka_unit_test_setup_teardown(test_statistics, setup, teardown),
        cmocka_unit_test(test_one_look_is_as_good_as_two),
        cmocka_unit_test(test_one_look_forgets_with_the_address),
        cmocka_unit_test(test_one_look_knows_no_addresses_of_nobody),
        cmocka_unit_test_setup_teardown(test_random_frames, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
