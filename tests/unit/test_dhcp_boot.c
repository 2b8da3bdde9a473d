/*
 * A lease that a boot loader was given for this machine (ip=boot): taken over, confirmed, renewed;
 * and what is no such lease.
 */
// LINK: tests/unit/dhcp_world.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dhcp_world.h"

#include "net/stack.h"
#include "net/wire/dhcp.h"

enum { LEASE_S = 3600 };

struct booted {
    struct net_fixture f;
    uint8_t ack[1472]; /* as UEFI keeps it: a frame's worth, zeros behind the message */
};

/* A stack whose loader left the message r, of len bytes (0: all there are). */
static struct booted *boot_with(const struct reply *r, size_t len)
{
    struct booted *b = calloc(1, sizeof(*b));
    (void)encode_reply(b->ack, r);
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.ip.mode = NET_ADDRESS_DHCP;
    cfg.ip.dhcp_ack = b->ack;
    cfg.ip.dhcp_ack_bytes = len != 0 ? len : sizeof(b->ack);
    fixture_start(&b->f, &cfg);
    net_set_link(b->f.net, true, b->f.now_ns);
    return b;
}

static void end(struct booted *b)
{
    fixture_stop(&b->f);
    free(b);
}

static struct reply good_ack(void)
{
    struct said of_the_loader = {.xid = 0x12345678};
    return reply_to(&of_the_loader, DHCP_ACK);
}

/* The confirmation that is asked for: RFC 2131 4.3.2, INIT-REBOOT. */
static void expect_confirmation(struct booted *b, struct said *s)
{
    expect_said(&b->f, s, DHCP_REQUEST);
    assert_int_equal(s->requested, OFFERED);
    assert_int_equal(s->server, 0);
    assert_int_equal(s->ciaddr, 0);
    assert_int_equal(s->ip_src, 0);
    assert_int_equal(s->ip_dst, 0xffffffff);
}

static void test_used_at_once_and_confirmed(void **state)
{
    struct reply r = good_ack();
    struct booted *b = boot_with(&r, 0);
    assert_int_equal(net_address(b->f.net), OFFERED);
    const struct net_event *e = fixture_event(&b->f, NET_EVENT_ADDRESS);
    assert_int_equal(e->origin, NET_ORIGIN_DHCP);
    assert_int_equal(e->prefix_bits, 24);
    assert_int_equal(e->gateway, FIXTURE_GATEWAY);
    assert_int_equal(e->server, SERVER);
    struct said s;
    expect_confirmation(b, &s);
    r = reply_to(&s, DHCP_ACK);
    r.lease_s = LEASE_S;
    input_reply(&b->f, &r);
    assert_int_equal(b->f.net->dhcp.state, DHCP_BOUND);
    assert_int_equal(net_address(b->f.net), OFFERED);
    fixture_advance_ms(&b->f, LEASE_S / 2 * 1000 + 1000); /* T1: renewed as any lease is */
    assert_int_equal(b->f.net->dhcp.state, DHCP_RENEWING);
    end(b);
}

static void test_refused_by_the_server(void **state)
{
    struct reply r = good_ack();
    struct booted *b = boot_with(&r, 0);
    struct said s;
    expect_confirmation(b, &s);
    r = reply_to(&s, DHCP_NAK);
    input_reply(&b->f, &r);
    assert_int_equal(net_address(b->f.net), 0);
    fixture_advance_ms(&b->f, 1100);
    expect_said(&b->f, &s, DHCP_DISCOVER);
    net_set_link(b->f.net, false, b->f.now_ns); /* not taken up again when the carrier returns */
    net_set_link(b->f.net, true, b->f.now_ns);
    expect_said(&b->f, &s, DHCP_DISCOVER);
    assert_int_equal(net_address(b->f.net), 0);
    end(b);
}

/* RFC 2131 3.2 (4): nobody answers, the lease stands, and ends when it ends. */
static void test_unanswered(void **state)
{
    struct reply r = good_ack();
    struct booted *b = boot_with(&r, 0);
    fixture_advance_ms(&b->f, LEASE_S / 4 * 1000);
    assert_int_equal(b->f.net->dhcp.state, DHCP_BOUND);
    assert_int_equal(net_address(b->f.net), OFFERED);
    fixture_advance_ms(&b->f, LEASE_S * 1000);
    assert_int_not_equal(net_address(b->f.net), OFFERED);
    assert_int_equal(fixture_counter(&b->f, "dhcp_expired"), 1);
    end(b);
}

static void test_what_is_no_lease_of_ours(void **state)
{
    static const uint8_t other_mac[6] = {2, 9, 9, 9, 9, 9};
    const struct {
        uint8_t type;
        uint32_t address;
        const uint8_t *mac;
        size_t len;
    } cases[] = {
        {DHCP_ACK, OFFERED, other_mac, 0}, {DHCP_OFFER, OFFERED, NULL, 0},
        {DHCP_NAK, OFFERED, NULL, 0},      {DHCP_ACK, 0, NULL, 0},
        {DHCP_ACK, 0x7f000001, NULL, 0},   {DHCP_ACK, OFFERED, NULL, 1},
        {DHCP_ACK, OFFERED, NULL, 239},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct reply r = good_ack();
        r.type = cases[i].type;
        r.address = cases[i].address;
        r.mac = cases[i].mac;
        struct booted *b = boot_with(&r, cases[i].len);
        assert_int_equal(net_address(b->f.net), 0);
        const struct net_event *e = fixture_event(&b->f, NET_EVENT_DHCP_REFUSED);
        assert_int_equal(e->refusal, NET_DHCP_REFUSED_BOOT);
        struct said s;
        expect_said(&b->f, &s, DHCP_DISCOVER); /* as if there had been none */
        end(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_used_at_once_and_confirmed),
        cmocka_unit_test(test_refused_by_the_server),
        cmocka_unit_test(test_unanswered),
        cmocka_unit_test(test_what_is_no_lease_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
