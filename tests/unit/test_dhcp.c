/*
 * The DHCP client against a scripted server, in virtual time.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c net/*.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/net_fixture.h"

#include "kernel/bytes.h"
#include "net/dhcp_wire.h"
#include "net/stack.h"

#define SERVER  FIXTURE_PEER
#define OFFERED 0x0a00000fu /* 10.0.0.15 */

static int setup(void **state)
{
    struct net_fixture *f = malloc(sizeof(*f));
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.ip.mode = NET_ADDRESS_DHCP;
    fixture_start(f, &cfg);
    net_set_link(f->net, true, f->now_ns);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

/* What the client said, of what matters. */
struct said {
    uint8_t type;
    uint32_t xid, ciaddr, requested, server;
    uint32_t ip_src, ip_dst;
    uint8_t eth_dst[6];
    uint16_t secs;
};

static const uint8_t *find_option(const uint8_t *m, uint8_t code)
{
    const uint8_t *o = m + DHCP_FIXED_BYTES;
    while (*o != 255) {
        if (*o == code) {
            return o + 2;
        }
        o += 2 + o[1];
    }
    return NULL;
}

/* The client's next message; false when it has said nothing. Other frames are passed over. */
static bool next_said(struct net_fixture *f, struct said *s)
{
    struct frame fr;
    while (fixture_pop(f, &fr)) {
        const uint8_t *d = frame_payload_at(&fr);
        if (load_be16(fr.bytes + 12) != ETH_TYPE_IPV4 || load_be16(d + 2) != 67) {
            continue;
        }
        assert_int_equal(load_be16(d), 68);
        uint32_t sum = csum_pseudo(load_be32(frame_ip_at(&fr) + 12),
                                   load_be32(frame_ip_at(&fr) + 16), 17, load_be16(d + 4));
        assert_int_equal(csum_finish(csum_add(sum, d, load_be16(d + 4))), 0);
        const uint8_t *m = d + 8;
        assert_int_equal(load_be16(d + 4), 8 + DHCP_MESSAGE_BYTES);
        assert_int_equal(m[0], 1);
        assert_int_equal(load_be16(m + 10), 0); /* no broadcast flag */
        assert_memory_equal(m + 28, fixture_mac, 6);
        assert_memory_equal(find_option(m, 61), "\1\2\0\0\0\0\1", 7);
        const uint8_t *requested = find_option(m, 50);
        const uint8_t *server = find_option(m, 54);
        *s = (struct said){
            .type = find_option(m, 53)[0],
            .xid = load_be32(m + 4),
            .ciaddr = load_be32(m + 12),
            .requested = requested != NULL ? load_be32(requested) : 0,
            .server = server != NULL ? load_be32(server) : 0,
            .ip_src = load_be32(frame_ip_at(&fr) + 12),
            .ip_dst = load_be32(frame_ip_at(&fr) + 16),
            .secs = load_be16(m + 8),
        };
        memcpy(s->eth_dst, fr.bytes, 6);
        return true;
    }
    return false;
}

static void expect_said(struct net_fixture *f, struct said *s, uint8_t type)
{
    assert_true(next_said(f, s));
    assert_int_equal(s->type, type);
}

/* A server's message, to be changed before it is sent. */
struct reply {
    uint8_t type;
    uint32_t xid;
    uint32_t address;
    uint32_t server;
    uint32_t netmask;
    uint32_t router;
    uint32_t lease_s;
    uint32_t renew_s, rebind_s;
    bool no_lease;
    const uint8_t *mac; /* NULL: ours */
    bool broadcast;
};

static struct reply reply_to(const struct said *s, uint8_t type)
{
    return (struct reply){
        .type = type,
        .xid = s->xid,
        .address = OFFERED,
        .server = SERVER,
        .netmask = 0xffffff00,
        .router = FIXTURE_GATEWAY,
        .lease_s = 3600,
    };
}

static uint8_t *put_u32(uint8_t *at, uint8_t code, uint32_t value)
{
    at[0] = code;
    at[1] = 4;
    store_be32(at + 2, value);
    return value != 0 ? at + 6 : at;
}

static size_t encode_reply(uint8_t *m, const struct reply *r)
{
    memset(m, 0, 400);
    memcpy(m, "\2\1\6", 3);
    store_be32(m + 4, r->xid);
    store_be32(m + 16, r->address);
    memcpy(m + 28, r->mac != NULL ? r->mac : fixture_mac, 6);
    store_be32(m + 236, 0x63825363);
    uint8_t *o = m + DHCP_FIXED_BYTES;
    memcpy(o, "\65\1", 2);
    o[2] = r->type;
    o = put_u32(o + 3, 54, r->server);
    o = put_u32(o, 1, r->netmask);
    o = put_u32(o, 3, r->router);
    if (!r->no_lease) {
        memcpy(o, "\63\4", 2);
        store_be32(o + 2, r->lease_s);
        o += 6;
    }
    o = put_u32(o, 58, r->renew_s);
    o = put_u32(o, 59, r->rebind_s);
    *o++ = 255;
    return (size_t)(o - m);
}

static void input_message(struct net_fixture *f, const uint8_t *m, size_t len, bool broadcast)
{
    struct frame fr;
    struct frame_ip ip = {.src = SERVER, .dst = broadcast ? 0xffffffffu : OFFERED};
    ip.eth_dst = broadcast ? fixture_all : fixture_mac;
    frame_udp(&fr, &ip, 67, 68, m, len);
    fixture_input(f, &fr);
}

static void input_reply(struct net_fixture *f, const struct reply *r)
{
    uint8_t m[512];
    size_t len = encode_reply(m, r);
    input_message(f, m, len, r->broadcast);
}

/* DISCOVER, OFFER, REQUEST, ACK. */
static void bind_lease(struct net_fixture *f, uint32_t lease_s)
{
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    r.lease_s = lease_s;
    input_reply(f, &r);
    expect_said(f, &s, DHCP_REQUEST);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), OFFERED);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
}

/* After it the neighbours are known, so that unicasts leave at once. */
static void bind_and_settle(struct net_fixture *f, uint32_t lease_s)
{
    bind_lease(f, lease_s);
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 5000);
    (void)fixture_forget(f);
}

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
    assert_int_equal(f->net->ip.gateway, FIXTURE_GATEWAY);
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

static void test_nak_begins_anew(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    input_reply(f, &r);
    expect_said(f, &s, DHCP_REQUEST);
    r.type = DHCP_NAK;
    r.server = 0x0a000077; /* another server's word counts for nothing */
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_REQUESTING);
    r.server = SERVER;
    input_reply(f, &r);
    assert_non_null(fixture_event(f, NET_EVENT_DHCP_NAK));
    assert_false(next_said(f, &s));
    fixture_advance_ms(f, 1001);
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
    assert_int_equal(f->net->ip.gateway, 0x0a0000fd);
    assert_int_equal(f->event_count, events + 1);
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
    bind_and_settle(f, 3600);
    fixture_advance_ms(f, 1794000);
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 2000);
    expect_said(f, &s, DHCP_REQUEST);
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

static void test_lease_edges(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    r.lease_s = 0;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_SELECTING);
    r.no_lease = true; /* an OFFER may leave it out, an ACK may not */
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_REQUESTING);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    r.no_lease = false;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_REQUESTING);
    assert_int_equal(fixture_counter(f, "dhcp_rx_bad_lease"), 3);
    r.lease_s = DHCP_LEASE_INFINITE_S;
    input_reply(f, &r);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
    fixture_advance_ms(f, 5000);
    (void)fixture_forget(f);
    fixture_advance(f, 400000 * NS_PER_S);
    assert_false(next_said(f, &s));
    assert_int_equal(net_address(f->net), OFFERED);
}

static void test_one_second_lease(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    bind_lease(f, 1);
    uint32_t said = 0;
    fixture_advance_ms(f, 990);
    while (next_said(f, &s)) {
        said++;
    }
    assert_in_range(said, 1, 3);
    fixture_advance_ms(f, 20);
    assert_int_equal(net_address(f->net), 0);
    bind_lease(f, 60);
}

static void test_renewal_times(void **state)
{
    struct net_fixture *f = *state;
    static const uint32_t cases[][4] = {
        /* T1, T2 told; T1, T2 taken, of a lease of 800 s */
        {100, 200, 100, 200}, {0, 0, 400, 700},     {500, 400, 400, 700},
        {400, 800, 400, 700}, {400, 900, 400, 700}, {700, 0, 400, 700},
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

static void test_bad_offers(void **state)
{
    struct net_fixture *f = *state;
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    static const uint32_t bad[] = {0,          0xffffffff, 0xe0000001, 0x7f000001,
                                   0x0a0000ff, 0x0a000000, 0xf0000001, 0x00000005};
    struct reply r;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        r = reply_to(&s, DHCP_OFFER);
        r.address = bad[i];
        input_reply(f, &r);
    }
    r = reply_to(&s, DHCP_OFFER);
    r.server = 0;
    input_reply(f, &r);
    assert_int_equal(fixture_counter(f, "dhcp_rx_bad_lease"), ARRAY_SIZE(bad) + 1);
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
        {OFFERED, 0xffffff00, 0x0b000001, 24, 0},                   /* elsewhere */
        {OFFERED, 0xffffff00, OFFERED, 24, 0},                      /* ourselves */
        {OFFERED, 0xffffff00, 0x0a0000ff, 24, 0},                   /* the broadcast address */
        {OFFERED, 0xffffffff, FIXTURE_GATEWAY, 32, 0},
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
    assert_int_equal(fixture_counter(f, "dhcp_bad_router"), 4);
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
    assert_true(fixture_counter(f, "dhcp_rx_malformed") > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_four_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broadcast_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_back_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_link_local_after_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_unanswered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nak_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renewal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rebinding_and_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rebinding_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nak_while_renewing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_link_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conflict_declines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lease_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_second_lease, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renewal_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_offers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_masks_and_routers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_buffers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_messages, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
