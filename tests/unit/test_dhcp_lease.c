/*
 * What the DHCP client makes of leases: times, addresses, masks, routers; and what it refuses.
 */
// LINK: tests/unit/dhcp_world.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dhcp_world.h"

#include "kernel/bytes.h"
#include "net/dhcp/lease.h"
#include "net/stack.h"
#include "net/wire/dhcp.h"

/* Who never said who it is cannot be written to: the renewal is asked for by broadcast. */
static void test_renewal_without_identifier(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    r.server = 0;
    input_reply(f, &r);
    expect_said(f, &s, DHCP_REQUEST);
    assert_int_equal(s.server, 0);
    assert_int_equal(s.requested, OFFERED);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), OFFERED);
    assert_int_equal(fixture_event(f, NET_EVENT_ADDRESS)->server, 0);
    fixture_advance_ms(f, 1000);
    (void)fixture_forget(f);
    fixture_advance_ms(f, 1800000);
    expect_said(f, &s, DHCP_REQUEST);
    assert_int_equal(s.ip_dst, 0xffffffff);
    assert_int_equal(s.ip_src, OFFERED);
    assert_int_equal(s.ciaddr, OFFERED);
    r = reply_to(&s, DHCP_ACK);
    r.server = 0;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
}

/* A server that renumbers its hosts, by the way of a renewal. */
static void test_renewal_of_another_address(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    bind_and_renew(f, &s);
    struct reply r = reply_to(&s, DHCP_ACK);
    r.address = 0;
    input_reply(f, &r); /* neither yiaddr nor ciaddr */
    assert_int_equal(f->net->dhcp.state, DHCP_RENEWING);
    assert_int_equal(net_address(f->net), OFFERED);
    r.address = 0x0a000055;
    r.server = 0x0a000077; /* and the server's own number is another one */
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    assert_int_equal(net_address(f->net), 0x0a000055);
    assert_int_equal(fixture_event(f, NET_EVENT_ADDRESS)->address, 0x0a000055);
    assert_int_equal(f->net->dhcp.server, 0x0a000077);
}

/* None, and one that never ends: an hour, and no further word. */
static void test_lease_edges(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    r.no_lease = true;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_REQUESTING);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    assert_int_equal(fixture_event(f, NET_EVENT_ADDRESS)->value, DHCP_LEASE_DEFAULT_S);
    fixture_advance_ms(f, 1799000);
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 2000);
    expect_said(f, &s, DHCP_REQUEST);
    r = reply_to(&s, DHCP_ACK);
    r.lease_s = DHCP_LEASE_INFINITE_S;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    fixture_advance_ms(f, 5000);
    (void)fixture_forget(f);
    fixture_advance(f, 400000 * NS_PER_S);
    assert_false(next_said(f, &s));
    assert_int_equal(net_address(f->net), OFFERED);
}

/* Leases of no time or hardly any: the address is not lost before it could be asked for again. */
static void test_shortest_leases(void **state)
{
    struct net_fixture *f = *state;
    for (uint32_t lease_s = 0; lease_s <= 1; lease_s++) {
        struct said s;
        bind_lease(f, lease_s);
        (void)fixture_forget(f);
        fixture_advance_ms(f, 9990);
        while (next_said(f, &s)) {
            fail_msg("asked again after less than half of %u s", DHCP_LEASE_MIN_S);
        }
        uint32_t said = 0;
        fixture_advance_ms(f, 10000);
        while (next_said(f, &s)) {
            said++;
        }
        assert_in_range(said, 1, 3);
        assert_int_equal(net_address(f->net), OFFERED);
        fixture_advance_ms(f, 20);
        assert_int_equal(net_address(f->net), 0);
    }
}

/* A server that was away until the second request to renew, and leases for less than that took. */
static void test_lease_begins_with_the_request_answered(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    bind_and_settle(f, 86400);
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 43200 * 1000);
    (void)fixture_forget(f); /* the first, which nobody answers */
    assert_int_equal(f->net->dhcp.state, DHCP_RENEWING);
    while (!next_said(f, &s)) {
        fixture_know(f, SERVER, fixture_peer);
        fixture_advance_ms(f, 10000);
    }
    struct reply r = reply_to(&s, DHCP_ACK);
    r.lease_s = 3600;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    fixture_advance_ms(f, 1700 * 1000);
    assert_int_equal(net_address(f->net), OFFERED);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
}

/* The carrier went and came, and nobody confirms: the lease's end stays what it was. */
static void test_lease_ends_unconfirmed(void **state)
{
    struct net_fixture *f = *state;
    static const uint32_t lease_s[] = {DHCP_LEASE_MIN_S, 3600};
    for (size_t i = 0; i < ARRAY_SIZE(lease_s); i++) {
        bind_lease(f, lease_s[i]);
        fixture_advance_ms(f, lease_s[i] * 1000 - 5000);
        net_set_link(f->net, false, f->now_ns);
        net_set_link(f->net, true, f->now_ns);
        assert_int_equal(f->net->dhcp.state, DHCP_REBOOTING);
        fixture_advance_ms(f, 4990);
        assert_int_equal(net_address(f->net), OFFERED);
        (void)fixture_forget(f);
        fixture_advance_ms(f, 20);
        assert_int_equal(net_address(f->net), 0);
        assert_int_equal(fixture_counter(f, "dhcp_expired"), i + 1);
    }
}

static void test_renewal_times(void **state)
{
    struct net_fixture *f = *state;
    static const uint32_t cases[][4] = {
        /* T1, T2 told; T1, T2 taken, of a lease of 800 s */
        {100, 200, 100, 200},
        {0, 0, 400, 700},
        {500, 400, 200, 400},
        {300, 800, 300, 700},
        {400, 900, 400, 700},
        {700, 0, 400, 700},
        {100, 0, 100, 700},
        {0, 600, 400, 600},
        {0, 1, 400, 700},
        {1, 0, 400, 700},
        {UINT32_MAX, UINT32_MAX, 400, 700},
    };
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (i > 0) {
            net_set_link(f->net, false, f->now_ns);
            net_set_link(f->net, true, f->now_ns);
            expect_said(f, &s, DHCP_REQUEST);
        }
        struct reply r = reply_to(&s, DHCP_OFFER);
        r.lease_s = 800;
        r.renew_s = cases[i][0];
        r.rebind_s = cases[i][1];
        if (i == 0) {
            input_reply(f, &r);
        }
        r.type = DHCP_ACK;
        input_reply(f, &r);
        assert_int_equal((f->net->dhcp.renew_ns - f->now_ns) / NS_PER_S, cases[i][2]);
        assert_int_equal((f->net->dhcp.rebind_ns - f->now_ns) / NS_PER_S, cases[i][3]);
        (void)fixture_forget(f);
    }
}

/* What no host can be is refused, and said once. */
static void test_bad_offers(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    static const uint32_t bad[] = {0, 0xffffffff, 0xe0000001, 0x7f000001, 0xf0000001, 0x00000005};
    struct reply r;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        r = reply_to(&s, DHCP_OFFER);
        r.address = bad[i];
        input_reply(f, &r);
    }
    assert_int_equal(fixture_counter(f, "dhcp_rx_bad_lease"), ARRAY_SIZE(bad));
    assert_int_equal(f->event_count, 1);
    const struct net_event *e = fixture_event(f, NET_EVENT_DHCP_REFUSED);
    assert_int_equal(e->refusal, NET_DHCP_REFUSED_ADDRESS);
    assert_int_equal(e->address, bad[0]);
    assert_int_equal(e->server, SERVER);
    r = reply_to(&s, DHCP_OFFER);
    r.xid ^= 1;
    input_reply(f, &r);
    r = reply_to(&s, DHCP_OFFER);
    r.mac = fixture_other;
    input_reply(f, &r);
    assert_int_equal(fixture_counter(f, "dhcp_rx_not_for_us"), 2);
    r = reply_to(&s, DHCP_ACK);
    input_reply(f, &r);
    assert_int_equal(fixture_counter(f, "dhcp_rx_unexpected"), 1);
    uint8_t m[512];
    r = reply_to(&s, DHCP_OFFER);
    size_t len = encode_reply(m, &r);
    m[236] ^= 1;
    input_message(f, m, len, false);
    input_message(f, m, len, false);
    assert_int_equal(f->event_count, 2);
    assert_int_equal(fixture_event(f, NET_EVENT_DHCP_REFUSED)->refusal, NET_DHCP_REFUSED_COOKIE);
    assert_int_equal(f->net->dhcp.state, DHCP_SELECTING);
    assert_false(next_said(f, &s));
}

static void test_masks_and_routers(void **state)
{
    struct net_fixture *f = *state;
    static const struct {
        uint32_t address, netmask, router;
        uint8_t prefix_bits;
        uint32_t gateway;
    } cases[] = {
        {OFFERED, 0, FIXTURE_GATEWAY, 8, FIXTURE_GATEWAY},          /* none: class A */
        {OFFERED, 0xff00ff00, FIXTURE_GATEWAY, 8, FIXTURE_GATEWAY}, /* not contiguous */
        {0xac100005, 0x0000ffff, 0xac1000fe, 16, 0xac1000fe},       /* class B */
        {0xc0a80005, 0xff0000ff, 0xc0a80001, 24, 0xc0a80001},       /* class C */
        {OFFERED, 0xffffff00, 0x0b000001, 24, 0x0b000001},          /* elsewhere */
        {OFFERED, 0xffffff00, OFFERED, 24, OFFERED},                /* ourselves: proxy ARP */
        {OFFERED, 0xffffff00, 0x0a0000ff, 24, 0},                   /* the broadcast address */
        {OFFERED, 0xffffff00, 0xe0000001, 24, 0},                   /* a group */
        {OFFERED, 0xffffffff, FIXTURE_GATEWAY, 32, FIXTURE_GATEWAY},
        {0x0a0000ff, 0xffffff00, FIXTURE_GATEWAY, 24, FIXTURE_GATEWAY}, /* edge of its subnet */
        {OFFERED, 0xfffffffe, 0x0a00000e, 31, 0x0a00000e},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct said s;
        expect_said(f, &s, DHCP_DISCOVER);
        struct reply r = reply_to(&s, DHCP_OFFER);
        r.address = cases[i].address;
        r.netmask = cases[i].netmask;
        r.router = cases[i].router;
        input_reply(f, &r);
        r.type = DHCP_ACK;
        input_reply(f, &r);
        assert_int_equal(net_address(f->net), cases[i].address);
        const struct net_event *e = fixture_event(f, NET_EVENT_ADDRESS);
        assert_int_equal(e->prefix_bits, cases[i].prefix_bits);
        assert_int_equal(e->gateway, cases[i].gateway);
        /* Out of the lease again: a NAK at the carrier's return. */
        net_set_link(f->net, false, f->now_ns);
        net_set_link(f->net, true, f->now_ns);
        (void)fixture_forget(f);
        r.xid = f->net->dhcp.xid;
        r.type = DHCP_NAK;
        input_reply(f, &r);
        fixture_advance_ms(f, 1100);
    }
    assert_int_equal(fixture_counter(f, "dhcp_bad_router"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        dhcp_test(test_renewal_without_identifier),
        dhcp_test(test_renewal_of_another_address),
        dhcp_test(test_lease_edges),
        dhcp_test(test_shortest_leases),
        dhcp_test(test_lease_begins_with_the_request_answered),
        dhcp_test(test_lease_ends_unconfirmed),
        dhcp_test(test_renewal_times),
        dhcp_test(test_bad_offers),
        dhcp_test(test_masks_and_routers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
