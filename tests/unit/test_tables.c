/*
 * The tables by which a stack calls up: types of frames, transports, receivers of datagrams, those
 * who follow the address. Each is bounded, refuses what is taken, and hands over what it was asked
 * to and nothing else.
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

enum {
    OUR_TYPE = 0x88b5,  /* IEEE 802: for experiments */
    OUR_PROTOCOL = 253, /* RFC 3692: the same */
    OUR_PORT = 5000,
};

/* What the functions registered here have seen. */
static struct seen {
    uint32_t input, error, absent;
    uint32_t first, second; /* listeners: at which call */
    uint32_t calls;
    size_t len;
    struct icmp_error e;
} seen;

static int setup(void **state)
{
    struct net_fixture *f = malloc(sizeof(*f));
    memset(&seen, 0, sizeof(seen));
    fixture_start(f, NULL);
    fixture_up(f);
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static void take_frame(struct net *n, struct pkt *p)
{
    (void)n;
    seen.input++;
    seen.len = pkt_len(p);
    pkt_put(p);
}

static void types_of_frames(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    frame_eth(&fr, fixture_mac, fixture_peer, OUR_TYPE);
    frame_put(&fr, "four", 4);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "eth_rx_unknown_type"), 1);

    assert_false(eth_add_type(f->net, ETH_TYPE_IPV4, take_frame));
    assert_false(eth_add_type(f->net, ETH_TYPE_ARP, take_frame));
    assert_true(eth_add_type(f->net, OUR_TYPE, take_frame));
    for (uint16_t i = 0; f->net->eth.type_count < ETH_TYPES_MAX; i++) {
        assert_true(eth_add_type(f->net, (uint16_t)(OUR_TYPE + 1 + i), take_frame));
    }
    assert_false(eth_add_type(f->net, OUR_TYPE + ETH_TYPES_MAX, take_frame));

    fixture_input(f, &fr);
    assert_int_equal(seen.input, 1);
    assert_int_equal(seen.len, 4);
    assert_int_equal(fixture_counter(f, "eth_rx_unknown_type"), 1);
}

static void take_datagram(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    (void)n;
    assert_int_equal(h->protocol, OUR_PROTOCOL);
    seen.input++;
    seen.len = pkt_len(p);
    pkt_put(p);
}

static bool take_error(struct net *n, const struct icmp_error *e)
{
    (void)n;
    seen.error++;
    seen.e = *e;
    return e->code != ICMP_UNREACHABLE_PORT;
}

static void take_absent(struct net *n, const struct icmp_error *e)
{
    (void)n;
    seen.absent++;
    seen.e = *e;
}

static const struct ip_protocol ours = {
    .number = OUR_PROTOCOL,
    .input = take_datagram,
    .error = take_error,
    .absent = take_absent,
};

/* A datagram of our protocol. */
static void send_ours(struct net_fixture *f, uint32_t dst, const uint8_t *eth_dst)
{
    struct frame fr;
    struct frame_ip ip = {.protocol = OUR_PROTOCOL, .dst = dst, .eth_dst = eth_dst};
    frame_ip(&fr, &ip, "12345678", 8);
    fixture_input(f, &fr);
}

static void transports(void **state)
{
    struct net_fixture *f = *state;
    send_ours(f, 0, NULL);
    assert_int_equal(fixture_counter(f, "ip_rx_unknown_protocol"), 1);
    assert_int_equal(fixture_forget(f), 1); /* protocol unreachable */

    struct ip_protocol p = ours;
    const uint8_t taken[] = {IP_PROTO_ICMP, IP_PROTO_TCP, IP_PROTO_UDP};
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        p.number = taken[i];
        assert_false(ipv4_add_protocol(f->net, &p));
    }
    assert_true(ipv4_add_protocol(f->net, &ours));
    for (p.number = 100; f->net->ip.protocol_count < IP_PROTOCOLS_MAX; p.number++) {
        assert_true(ipv4_add_protocol(f->net, &p));
    }
    assert_false(ipv4_add_protocol(f->net, &p));

    send_ours(f, 0, NULL);
    send_ours(f, 0x0a0000ff, fixture_all); /* to everybody */
    assert_int_equal(seen.input, 2);
    assert_int_equal(seen.len, 8);
    assert_int_equal(fixture_counter(f, "ip_rx_unknown_protocol"), 1);
    assert_int_equal(fixture_forget(f), 0);
}

static void broadcasts_may_be_refused(void **state)
{
    struct net_fixture *f = *state;
    struct ip_protocol p = ours;
    p.hosts_only = true;
    assert_true(ipv4_add_protocol(f->net, &p));
    send_ours(f, 0x0a0000ff, fixture_all);
    send_ours(f, FIXTURE_ADDR, NULL);
    assert_int_equal(seen.input, 1);
    assert_int_equal(fixture_counter(f, "ip_rx_tcp_broadcast"), 1);
}

/* An ICMP error of the peer's about a packet of ours with the protocol. */
static void send_error(struct net_fixture *f, uint8_t protocol, uint16_t type_code)
{
    struct frame quoted;
    struct frame fr;
    struct frame_ip q = {.protocol = protocol, .src = FIXTURE_ADDR, .dst = FIXTURE_PEER};
    frame_ip(&quoted, &q, "abcdefgh", 8);
    frame_icmp(&fr, &(struct frame_ip){0}, type_code, 0, quoted.bytes + 14, quoted.len - 14);
    fixture_input(f, &fr);
}

static void errors_reach_who_is_quoted(void **state)
{
    struct net_fixture *f = *state;
    send_error(f, OUR_PROTOCOL, 0x0301);
    assert_int_equal(fixture_counter(f, "icmp_rx_bad_quote"), 1);

    assert_true(ipv4_add_protocol(f->net, &ours));
    send_error(f, OUR_PROTOCOL, 0x0301);
    assert_int_equal(seen.error, 1);
    assert_memory_equal(seen.e.quoted, "abcdefgh", 8);
    assert_int_equal(seen.e.from, FIXTURE_PEER);
    assert_int_equal(fixture_counter(f, "icmp_rx_error"), 1);
    send_error(f, OUR_PROTOCOL, 0x0303); /* nobody there that it could be told */
    assert_int_equal(seen.error, 2);
    assert_int_equal(fixture_counter(f, "icmp_rx_error"), 1);
    send_error(f, IP_PROTO_ICMP, 0x0301); /* ICMP wants to hear of none */
    assert_int_equal(fixture_counter(f, "icmp_rx_bad_quote"), 3);
}

static void absent_neighbours_are_told(void **state)
{
    struct net_fixture *f = *state;
    assert_true(ipv4_add_protocol(f->net, &ours));
    const uint8_t protocols[] = {OUR_PROTOCOL, IP_PROTO_ICMP, 99};
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        struct pkt *p = net_alloc_tx(f->net, false);
        memcpy(pkt_append(p, 8), "abcdefgh", 8);
        struct ipv4_tx tx = {.dst = 0x0a000077, .protocol = protocols[i]};
        assert_int_equal(ipv4_output(f->net, p, &tx), STATUS_OK);
    }
    fixture_advance(f, ARP_TRIES_MAX * ARP_RETRY_NS);
    assert_int_equal(fixture_counter(f, "arp_drop_unresolved"), 3);
    assert_int_equal(seen.absent, 1);
    assert_int_equal(seen.e.quoted_dst, 0x0a000077);
    assert_int_equal(seen.error, 0);
    (void)fixture_forget(f);
}

static void take_message(struct net *n, struct pkt *p, const struct udp_ends *in)
{
    (void)n;
    assert_int_equal(in->dport, OUR_PORT);
    seen.input++;
    seen.len = pkt_len(p);
    pkt_put(p);
}

static void send_datagram(struct net_fixture *f, uint32_t dst, uint16_t port)
{
    struct frame fr;
    frame_udp(&fr, &(struct frame_ip){.dst = dst}, 1000, port, "hello", 5);
    fixture_input(f, &fr);
}

static void receivers_of_datagrams(void **state)
{
    struct net_fixture *f = *state;
    send_datagram(f, FIXTURE_ADDR, OUR_PORT);
    assert_int_equal(fixture_counter(f, "udp_rx_no_socket"), 1);

    assert_true(udp_add_receiver(f->net, OUR_PORT, take_message));
    assert_false(udp_add_receiver(f->net, OUR_PORT, take_message));
    for (uint16_t i = 1; f->net->udp.receiver_count < UDP_RECEIVERS_MAX; i++) {
        assert_true(udp_add_receiver(f->net, (uint16_t)(OUR_PORT + i), take_message));
    }
    assert_false(udp_add_receiver(f->net, OUR_PORT + UDP_RECEIVERS_MAX, take_message));

    send_datagram(f, FIXTURE_ADDR, OUR_PORT);
    assert_int_equal(seen.input, 1);
    assert_int_equal(seen.len, 5);
    (void)fixture_forget(f);
}

static void an_open_port_takes_whatever_it_is_to(void **state)
{
    struct net_fixture *f = *state;
    const uint32_t elsewhere = 0x0a000063;
    assert_true(udp_add_receiver(f->net, OUR_PORT, take_message));
    send_datagram(f, elsewhere, OUR_PORT);
    assert_int_equal(fixture_counter(f, "ip_rx_other_host"), 1);
    iface_set_open_port(f->net, OUR_PORT);
    send_datagram(f, elsewhere, OUR_PORT);
    assert_int_equal(seen.input, 1);
    send_datagram(f, elsewhere, OUR_PORT + 1);
    assert_int_equal(fixture_counter(f, "ip_rx_other_host"), 2);
    send_datagram(f, 0xe0000001, OUR_PORT);
    assert_int_equal(fixture_counter(f, "ip_rx_multicast"), 1);
    iface_set_open_port(f->net, 0);
    send_datagram(f, elsewhere, OUR_PORT);
    assert_int_equal(seen.input, 1);
}

static void first_listener(struct net *n)
{
    (void)n;
    seen.first = ++seen.calls;
}

static void second_listener(struct net *n)
{
    (void)n;
    seen.second = ++seen.calls;
}

static void listeners_of_the_address(void **state)
{
    struct net_fixture *f = *state;
    assert_true(iface_add_listener(f->net, first_listener));
    assert_true(iface_add_listener(f->net, second_listener));
    while (f->net->iface.listener_count < IFACE_LISTENERS_MAX) {
        assert_true(iface_add_listener(f->net, second_listener));
    }
    assert_false(iface_add_listener(f->net, first_listener));

    struct net_event e = {
        .kind = NET_EVENT_ADDRESS,
        .origin = NET_ORIGIN_STATIC,
        .address = FIXTURE_ADDR,
        .prefix_bits = 24,
    };
    iface_set_address(f->net, &e); /* another gateway is no other address */
    assert_int_equal(seen.calls, 0);
    e.prefix_bits = 16;
    iface_set_address(f->net, &e);
    assert_int_equal(seen.first, 1);
    assert_int_equal(seen.second, 2);
    e.kind = NET_EVENT_ADDRESS_LOST;
    iface_set_address(f->net, &e);
    assert_int_equal(seen.calls, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types_of_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(transports, setup, teardown),
        cmocka_unit_test_setup_teardown(broadcasts_may_be_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_reach_who_is_quoted, setup, teardown),
        cmocka_unit_test_setup_teardown(absent_neighbours_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(receivers_of_datagrams, setup, teardown),
        cmocka_unit_test_setup_teardown(an_open_port_takes_whatever_it_is_to, setup, teardown),
        cmocka_unit_test_setup_teardown(listeners_of_the_address, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
