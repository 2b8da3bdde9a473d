/*
 * The DHCP client's states against a scripted server, in virtual time.
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
#include "net/stack.h"
#include "net/wire/dhcp.h"

static void test_four_messages(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    struct said s2;
    expect_said(f, &s, DHCP_DISCOVER);
    assert_int_equal(s.ip_src, 0);
    assert_int_equal(s.ip_dst, 0xffffffff);
    assert_memory_equal(s.eth_dst, fixture_all, 6);
    struct reply r = reply_to(&s, DHCP_OFFER);
    input_reply(f, &r); /* by unicast, to an address that is not ours yet */
    expect_said(f, &s2, DHCP_REQUEST);
    assert_int_equal(s2.xid, s.xid);
    assert_int_equal(s2.requested, OFFERED);
    assert_int_equal(s2.server, SERVER);
    assert_int_equal(s2.ciaddr, 0);
    assert_int_equal(s2.ip_src, 0);
    assert_int_equal(net_address(f->net), 0);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), OFFERED); /* in no time */
    const struct net_event *e = fixture_event(f, NET_EVENT_ADDRESS);
    assert_int_equal(e->origin, NET_ORIGIN_DHCP);
    assert_int_equal(e->prefix_bits, 24);
    assert_int_equal(e->gateway, FIXTURE_GATEWAY);
    assert_int_equal(e->server, SERVER);
    assert_int_equal(e->value, 3600);
    assert_int_equal(f->net->iface.gateway, FIXTURE_GATEWAY);
}

static void test_broadcast_answers(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    r.broadcast = true;
    input_reply(f, &r);
    expect_said(f, &s, DHCP_REQUEST);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), OFFERED);
}

/* Behind a switch that tags everything with a priority: broadcast and unicast to who has no address
 * yet are told apart as without. */
static void test_answers_in_priority_tags(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t types[] = {DHCP_OFFER, DHCP_ACK};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct said s;
        struct frame fr;
        uint8_t m[512];
        expect_said(f, &s, i == 0 ? DHCP_DISCOVER : DHCP_REQUEST);
        struct reply r = reply_to(&s, types[i]);
        struct frame_ip ip = {.src = SERVER, .dst = i == 0 ? UINT32_MAX : OFFERED};
        ip.eth_dst = i == 0 ? fixture_all : fixture_mac;
        frame_udp(&fr, &ip, 67, 68, m, encode_reply(m, &r));
        memmove(fr.bytes + 16, fr.bytes + 12, fr.len - 12);
        memcpy(fr.bytes + 12, "\x81\x00\xe0\x00", 4);
        fr.len += 4;
        fixture_input(f, &fr);
    }
    assert_int_equal(net_address(f->net), OFFERED);
}

/* Asks for ever, at growing distances; the same exchange, so that a late answer is good. */
static void test_back_off(void **state)
{
    struct net_fixture *f = *state;
    static const uint32_t pause_s[] = {3, 8, 16, 32, 64, 64, 64};
    struct said s;
    struct said first;
    expect_said(f, &first, DHCP_DISCOVER);
    for (size_t i = 0; i < ARRAY_SIZE(pause_s); i++) {
        uint64_t before_ns = f->now_ns;
        while (!next_said(f, &s)) {
            fixture_advance_ms(f, 20);
            assert_true(f->now_ns - before_ns < 66 * NS_PER_S);
        }
        assert_int_equal(s.type, DHCP_DISCOVER);
        assert_int_equal(s.xid, first.xid);
        uint64_t paused_ms = (f->now_ns - before_ns) / NS_PER_MS;
        assert_in_range(paused_ms, pause_s[i] * 1000 - 1000, pause_s[i] * 1000 + 1030);
        assert_int_equal(fixture_event(f, NET_EVENT_DHCP_TIMEOUT)->value, i + 1);
    }
    assert_true(s.secs > 180);
    assert_in_range(net_address(f->net), 0xa9fe0100, 0xa9fefeff); /* meanwhile link-local */
    struct reply r = reply_to(&first, DHCP_OFFER);
    input_reply(f, &r);
    expect_said(f, &s, DHCP_REQUEST);
    assert_int_equal(s.ip_src, 0);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), OFFERED);
    fixture_advance_ms(f, 20000);
    assert_int_equal(net_address(f->net), OFFERED);
}

static void test_link_local_after_silence(void **state)
{
    struct net_fixture *f = *state;
    fixture_advance_ms(f, 9900);
    assert_int_equal(f->net->acd.state, ACD_IDLE);
    fixture_advance_ms(f, 8000);
    assert_in_range(net_address(f->net), 0xa9fe0100, 0xa9fefeff);
}

static void test_request_unanswered(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    input_reply(f, &r);
    for (int i = 0; i < DHCP_REQUEST_TRIES; i++) {
        while (!next_said(f, &s)) {
            fixture_advance_ms(f, 100);
        }
        assert_int_equal(s.type, DHCP_REQUEST);
    }
    uint32_t xid = s.xid;
    while (!next_said(f, &s)) {
        fixture_advance_ms(f, 100);
    }
    assert_int_equal(s.type, DHCP_DISCOVER);
    assert_int_not_equal(s.xid, xid);
}

/* From the server that was asked, or from one that does not say who it is. */
static void test_nak_begins_anew(void **state)
{
    struct net_fixture *f = *state;
    static const uint32_t servers[] = {SERVER, 0};
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        struct said s;
        expect_said(f, &s, DHCP_DISCOVER);
        struct reply r = reply_to(&s, DHCP_OFFER);
        input_reply(f, &r);
        expect_said(f, &s, DHCP_REQUEST);
        r.type = DHCP_NAK;
        r.server = 0x0a000077; /* another server's word counts for nothing */
        input_reply(f, &r);
        assert_int_equal(f->net->dhcp.state, DHCP_REQUESTING);
        r.server = servers[i];
        input_reply(f, &r);
        assert_int_equal(fixture_counter(f, "dhcp_nak"), i + 1);
        assert_non_null(fixture_event(f, NET_EVENT_DHCP_NAK));
        assert_false(next_said(f, &s));
        fixture_advance_ms(f, 1001);
    }
    bind_lease(f, 3600);
}

static void test_renewal(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    bind_and_settle(f, 3600);
    size_t events = f->event_count;
    fixture_advance_ms(f, 1794000);
    assert_false(next_said(f, &s));
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 2000);
    expect_said(f, &s, DHCP_REQUEST);
    assert_int_equal(s.ciaddr, OFFERED);
    assert_int_equal(s.requested, 0);
    assert_int_equal(s.server, 0);
    assert_int_equal(s.ip_src, OFFERED);
    assert_int_equal(s.ip_dst, SERVER);
    assert_memory_equal(s.eth_dst, fixture_peer, 6);
    struct reply r = reply_to(&s, DHCP_ACK);
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    assert_int_equal(f->event_count, events); /* nothing new */
    assert_true(f->net->dhcp.expire_ns >= f->now_ns + 3590 * NS_PER_S);
    /* A new router with the renewal is told. */
    fixture_advance_ms(f, 1797000);
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 3000);
    expect_said(f, &s, DHCP_REQUEST);
    r.xid = s.xid;
    r.router = 0x0a0000fd;
    input_reply(f, &r);
    assert_int_equal(f->net->iface.gateway, 0x0a0000fd);
    assert_int_equal(f->event_count, events + 1);
}

/* The first offer is taken; what the other server says changes nothing. */
static void test_two_servers(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    struct reply other = r;
    other.address = 0x0a000056;
    other.server = 0x0a000077;
    input_reply(f, &r);
    expect_said(f, &s, DHCP_REQUEST);
    input_reply(f, &other);
    other.type = DHCP_NAK;
    input_reply(f, &other);
    assert_false(next_said(f, &s));
    assert_int_equal(fixture_counter(f, "dhcp_rx_unexpected"), 2);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), OFFERED);
    input_reply(f, &other); /* too late */
    assert_int_equal(net_address(f->net), OFFERED);
}

/* Renewing by unicast, rebinding by broadcast, the end of the lease, and from the start. */
static void test_rebinding_and_expiry(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    uint32_t renewals = 0;
    uint32_t rebindings = 0;
    bind_and_settle(f, 3600);
    uint64_t expire_ns = f->net->dhcp.expire_ns;
    while (net_address(f->net) != 0) {
        fixture_advance_ms(f, 500);
        fixture_know(f, SERVER, fixture_peer);
        if (f->net->dhcp.state == DHCP_RENEWING) {
            renewals = f->net->dhcp.tries;
        } else if (f->net->dhcp.state == DHCP_REBINDING) {
            rebindings = f->net->dhcp.tries;
        }
        assert_true(f->now_ns <= expire_ns + NS_PER_S);
        if (f->now_ns + 2 * NS_PER_S > expire_ns) {
            break;
        }
    }
    assert_in_range(renewals, 4, 8);
    assert_in_range(rebindings, 3, 8);
    (void)fixture_forget(f);
    fixture_advance_ms(f, 3000);
    assert_int_equal(net_address(f->net), 0);
    assert_int_equal(fixture_event(f, NET_EVENT_ADDRESS_LOST)->address, OFFERED);
    assert_int_equal(fixture_counter(f, "dhcp_expired"), 1);
    expect_said(f, &s, DHCP_DISCOVER);
}

/* While rebinding any server may extend the lease. */
static void test_rebinding_answered(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    bind_and_settle(f, 3600);
    fixture_advance_ms(f, 3600000 / 8 * 7);
    while (next_said(f, &s)) {
        assert_int_equal(s.type, DHCP_REQUEST);
    }
    assert_int_equal(s.ip_dst, 0xffffffff);
    assert_int_equal(s.ip_src, OFFERED);
    assert_int_equal(s.ciaddr, OFFERED);
    struct reply r = reply_to(&s, DHCP_ACK);
    r.server = 0x0a000044;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    assert_int_equal(f->net->dhcp.server, 0x0a000044);
}

static void test_nak_while_renewing(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    bind_and_renew(f, &s);
    struct reply r = reply_to(&s, DHCP_NAK);
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), 0);
    fixture_advance_ms(f, 1100);
    bind_lease(f, 3600);
}

static void test_link_comes_back(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    bind_and_settle(f, 3600);
    net_set_link(f->net, false, f->now_ns);
    fixture_advance_ms(f, 5000);
    assert_int_equal(net_address(f->net), OFFERED);
    net_set_link(f->net, true, f->now_ns);
    expect_said(f, &s, DHCP_REQUEST); /* as INIT-REBOOT has it */
    assert_int_equal(s.requested, OFFERED);
    assert_int_equal(s.server, 0);
    assert_int_equal(s.ciaddr, 0);
    assert_int_equal(s.ip_src, 0);
    /* Nobody answers: the lease stands, with its times. */
    uint64_t renew_ns = f->net->dhcp.renew_ns;
    fixture_advance_ms(f, 120000);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    assert_true(f->net->dhcp.renew_ns == renew_ns);
    assert_int_equal(net_address(f->net), OFFERED);
    /* Another network says no. */
    (void)fixture_forget(f);
    net_set_link(f->net, false, f->now_ns);
    net_set_link(f->net, true, f->now_ns);
    expect_said(f, &s, DHCP_REQUEST);
    struct reply r = reply_to(&s, DHCP_NAK);
    r.server = 0x0b000001;
    r.broadcast = true;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), 0);
}

static void test_conflict_declines(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    struct frame fr;
    bind_lease(f, 3600);
    fixture_advance_ms(f, 100);
    (void)fixture_forget(f);
    frame_arp(&fr, &(struct frame_arp){2, fixture_other, OFFERED, fixture_mac, 0, fixture_mac});
    fixture_input(f, &fr); /* somebody answers our probe */
    assert_int_equal(net_address(f->net), 0);
    assert_non_null(fixture_event(f, NET_EVENT_CONFLICT));
    expect_said(f, &s, DHCP_DECLINE);
    assert_int_equal(s.requested, OFFERED);
    assert_int_equal(s.server, SERVER);
    assert_int_equal(s.ip_src, 0);
    fixture_advance_ms(f, 9900);
    assert_false(next_said(f, &s));
    fixture_advance_ms(f, 200);
    bind_lease(f, 3600);
}

static void test_no_buffers(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    f->tx.fail_at = f->tx.get_count + 1;
    fixture_advance_ms(f, 4100);
    assert_int_equal(fixture_counter(f, "dhcp_tx_no_buffer"), 1);
    assert_false(next_said(f, &s));
    fixture_advance_ms(f, 9100);
    bind_lease(f, 3600);
}

/* Random damage to good messages never stops the client: in the end it gets its lease. */
static void test_damaged_messages(void **state)
{
    struct net_fixture *f = *state;
    struct net_random rnd;
    static const uint8_t seed[32] = {3};
    print_message("seed 3\n");
    net_random_init(&rnd, seed);
    for (int i = 0; i < 20000; i++) {
        uint8_t m[512];
        struct said s = {.xid = f->net->dhcp.xid};
        struct reply r = reply_to(&s, (uint8_t)(2 + 3 * net_random_below(&rnd, 2)));
        size_t len = encode_reply(m, &r);
        uint32_t changes = 1 + net_random_below(&rnd, 6);
        for (uint32_t c = 0; c < changes; c++) {
            uint32_t at =
                net_random_below(&rnd, 4) == 0
                    ? net_random_below(&rnd, (uint32_t)len)
                    : DHCP_FIXED_BYTES + net_random_below(&rnd, (uint32_t)len - DHCP_FIXED_BYTES);
            m[at] = (uint8_t)net_random_u32(&rnd);
        }
        input_message(f, m, len, net_random_below(&rnd, 2) == 0);
        fixture_advance_ms(f, net_random_below(&rnd, 2000));
        (void)fixture_forget(f);
    }
    assert_int_equal(fixture_counter(f, "dhcp_rx"), 20000);
    fixture_advance_ms(f, 100000);
    if (net_address(f->net) == 0) { /* the last lease is over: a good server is what it takes */
        (void)fixture_forget(f);
        fixture_advance_ms(f, 70000);
        bind_lease(f, 3600);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        dhcp_test(test_four_messages),
        dhcp_test(test_broadcast_answers),
        dhcp_test(test_answers_in_priority_tags),
        dhcp_test(test_back_off),
        dhcp_test(test_link_local_after_silence),
        dhcp_test(test_request_unanswered),
        dhcp_test(test_nak_begins_anew),
        dhcp_test(test_renewal),
        dhcp_test(test_two_servers),
        dhcp_test(test_rebinding_and_expiry),
        dhcp_test(test_rebinding_answered),
        dhcp_test(test_nak_while_renewing),
        dhcp_test(test_link_comes_back),
        dhcp_test(test_conflict_declines),
        dhcp_test(test_no_buffers),
        dhcp_test(test_damaged_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
