/*
 * A neighbour whose address another station claims: when the claim is believed, how soon, and what
 * claims can make us do (RFC 826, RFC 5227 2.3, RFC 1122 2.3.2.1).
 */
// LINK: tests/unit/net_fixture.c tests/unit/arp_steps.c kernel/p[ko]*.c kernel/timer.c
// LINK: @net
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/arp_steps.h"

#include "kernel/bytes.h"
#include "net/wire/csum.h"
#include "tests/unit/tcp_see.h"

enum {
    LINK_LOCAL_PEER = 0xa9fe0102, /* 169.254.1.2 */
    SWITCH_MS = 300,              /* from the claim to data at the new place */
};

/* The ways to say that an address is mac's: announcements of both operations (RFC 5227 3), a reply
 * to us, a request for us. */
enum claim {
    CLAIM_REQUEST_ANNOUNCED,
    CLAIM_REPLY_ANNOUNCED,
    CLAIM_REPLY,
    CLAIM_REQUEST,
    CLAIM_COUNT,
};

static void claim(struct net_fixture *f, enum claim kind, uint32_t ip, const uint8_t *mac)
{
    bool announced = kind == CLAIM_REQUEST_ANNOUNCED || kind == CLAIM_REPLY_ANNOUNCED;
    bool request = kind == CLAIM_REQUEST_ANNOUNCED || kind == CLAIM_REQUEST;
    struct frame_arp a = {.op = request ? ARP_OP_REQUEST : ARP_OP_REPLY,
                          .sender_mac = mac,
                          .sender_ip = ip,
                          .target_ip = announced ? ip : FIXTURE_ADDR};
    arp_inject(f, &a);
}

/* An announcement, what the tests below use where the kind does not matter. */
static void announce(struct net_fixture *f, uint32_t ip, const uint8_t *mac)
{
    claim(f, CLAIM_REQUEST_ANNOUNCED, ip, mac);
}

/* The neighbour at ip is known by our own asking, and was sent to. */
static void know(struct net_fixture *f, uint32_t ip, const uint8_t *mac)
{
    struct arp_packet a;
    assert_int_equal(arp_send_to(f, ip, 0), STATUS_OK);
    arp_expect(f, &a, fixture_all);
    arp_inject_reply(f, ip, mac);
    arp_expect_data(f, mac, 0);
    fixture_advance_ms(f, 5000);
}

/* The old one is gone. What goes to it during the doubt comes to the new one as well, in time,
 * however the claim is made, for a neighbour, the gateway, and a link-local neighbour. */
static void silent_owner_is_replaced(void **state)
{
    static const uint32_t addresses[] = {FIXTURE_PEER, FIXTURE_GATEWAY, LINK_LOCAL_PEER};
    struct net_fixture *f = *state;
    struct arp_packet a;
    for (uint32_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        uint32_t ip = addresses[i];
        know(f, ip, fixture_peer);
        for (int kind = 0; kind < CLAIM_COUNT; kind++) {
            const uint8_t *old = kind % 2 == 0 ? fixture_peer : fixture_other;
            const uint8_t *new = kind % 2 == 0 ? fixture_other : fixture_peer;
            uint64_t begin_ns = f->now_ns;
            claim(f, (enum claim)kind, ip, new);
            arp_expect(f, &a, old);
            assert_int_equal(a.op, ARP_OP_REQUEST);
            assert_int_equal(a.target_ip, ip);
            if (kind == CLAIM_REQUEST) {
                arp_expect(f, &a, new); /* our reply */
            }
            (void)arp_send_to(f, ip, 1);
            (void)arp_send_to(f, ip, 2);
            arp_expect_data(f, old, 1);
            arp_expect_data(f, old, 2);
            fixture_advance_ms(f, 199);
            assert_int_equal(f->out.count, 0);
            fixture_advance_ms(f, 2);
            arp_expect(f, &a, fixture_all);
            (void)arp_send_to(f, ip, 3); /* waits behind it */
            assert_int_equal(f->out.count, 0);
            arp_inject_reply(f, ip, new);
            arp_expect_data(f, new, 2);
            arp_expect_data(f, new, 3);
            assert_true(f->now_ns - begin_ns < SWITCH_MS * (uint64_t)NS_PER_MS);
            fixture_advance_ms(f, 5000);
            assert_int_equal(f->out.count, 0);
        }
    }
    assert_int_equal(fixture_counter(f, "arp_fell_silent"), ARRAY_SIZE(addresses) * CLAIM_COUNT);
}

/* Nothing was sent during the doubt: nobody is asked for until there is something to send, and that
 * waits for the answer. */
static void silent_and_unused(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    know(f, FIXTURE_PEER, fixture_peer);
    announce(f, FIXTURE_PEER, fixture_other);
    arp_expect(f, &a, fixture_peer);
    fixture_advance_ms(f, 250);
    assert_int_equal(f->out.count, 0);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect(f, &a, fixture_all);
    assert_int_equal(f->out.count, 0);
    arp_inject_reply(f, FIXTURE_PEER, fixture_other);
    arp_expect_data(f, fixture_other, 1);
    /* The same again, and the entry goes when nobody wants it. */
    fixture_advance_ms(f, 2000);
    announce(f, FIXTURE_PEER, fixture_peer);
    fixture_advance_ms(f, 2000);
    assert_null(arp_lookup(f->net, FIXTURE_PEER));
}

/* keepalived announces five times in a burst: asked once, replaced as soon. */
static void burst_of_claims(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    know(f, FIXTURE_PEER, fixture_peer);
    for (int i = 0; i < 5; i++) {
        announce(f, FIXTURE_PEER, fixture_other);
    }
    arp_expect(f, &a, fixture_peer);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "arp_rx_doubted"), 5);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect_data(f, fixture_peer, 1);
    fixture_advance_ms(f, 201);
    arp_expect(f, &a, fixture_all);
    announce(f, FIXTURE_PEER, fixture_other); /* as good as an answer now */
    arp_expect_data(f, fixture_other, 1);
}

/* It answers late, but it does: nothing changes, and nothing is sent twice. */
static void living_owner_stays(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    know(f, FIXTURE_PEER, fixture_peer);
    announce(f, FIXTURE_PEER, fixture_other);
    arp_expect(f, &a, fixture_peer);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect_data(f, fixture_peer, 1);
    fixture_advance_ms(f, 198);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    assert_int_equal(f->net->arp.pending, 0);
    (void)arp_send_to(f, FIXTURE_PEER, 2);
    arp_expect_data(f, fixture_peer, 2);
    fixture_advance_ms(f, 10000);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "arp_fell_silent"), 0);
    /* Its own announcement is an answer, too. */
    announce(f, FIXTURE_PEER, fixture_other);
    arp_expect(f, &a, fixture_peer);
    announce(f, FIXTURE_PEER, fixture_peer);
    fixture_advance_ms(f, 10000);
    assert_int_equal(f->out.count, 0);
}

/* A flood of forged claims: the owner, who answers each time, is asked once a second, everybody
 * never, and traffic stays where it is. */
static void claims_do_not_multiply(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    know(f, FIXTURE_PEER, fixture_peer);
    uint64_t before = fixture_counter(f, "arp_tx_request");
    for (uint32_t ms = 0; ms < 5000; ms++) {
        for (uint8_t i = 0; i < 10; i++) {
            uint8_t mac[6] = {2, 9, 0, 0, (uint8_t)ms, i};
            announce(f, FIXTURE_PEER, mac);
        }
        while (fixture_pop(f, &fr)) {
            assert_memory_equal(fr.bytes, fixture_peer, 6);
            arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
        }
        if (ms % 100 == 0) {
            (void)arp_send_to(f, FIXTURE_PEER, 5);
            arp_expect_data(f, fixture_peer, 5);
        }
        fixture_advance_ms(f, 1);
    }
    uint64_t asked = fixture_counter(f, "arp_tx_request") - before;
    assert_in_range(asked, 4, 6);
    assert_int_equal(fixture_counter(f, "arp_rx_doubted"), 50000);
}

/* A true change that comes right after a forged claim is not forgotten: it is looked into when the
 * second is over. */
static void soon_after_another(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    know(f, FIXTURE_PEER, fixture_peer);
    announce(f, FIXTURE_PEER, fixture_other);
    arp_expect(f, &a, fixture_peer);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    fixture_advance_ms(f, 300);
    announce(f, FIXTURE_PEER, fixture_other);
    assert_int_equal(f->out.count, 0);
    fixture_advance_ms(f, 702);
    arp_expect(f, &a, fixture_peer);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect_data(f, fixture_peer, 1);
    fixture_advance_ms(f, 201);
    arp_expect(f, &a, fixture_all);
    arp_inject_reply(f, FIXTURE_PEER, fixture_other);
    arp_expect_data(f, fixture_other, 1);
}

/* The first answer is believed, and the others are claims like any. The link is
 * asked once a second at most, whatever they do. */
static void several_claimants(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    static const uint8_t third[6] = {2, 0, 0, 0, 0, 9};
    know(f, FIXTURE_PEER, fixture_peer);
    announce(f, FIXTURE_PEER, fixture_other);
    announce(f, FIXTURE_PEER, third);
    arp_expect(f, &a, fixture_peer);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect_data(f, fixture_peer, 1);
    fixture_advance_ms(f, 201);
    arp_expect(f, &a, fixture_all);
    arp_inject_reply(f, FIXTURE_PEER, third);
    arp_inject_reply(f, FIXTURE_PEER, fixture_other);
    arp_expect_data(f, third, 1);
    assert_int_equal(f->out.count, 0);
    uint64_t broadcasts = 0;
    for (int ms = 0; ms < 10000; ms++) { /* none of them answers when it is asked itself */
        struct frame fr;
        announce(f, FIXTURE_PEER, ms % 2 == 0 ? third : fixture_other);
        if (ms % 10 == 0) {
            (void)arp_send_to(f, FIXTURE_PEER, 2);
        }
        fixture_advance_ms(f, 1);
        while (fixture_pop(f, &fr)) {
            broadcasts += memcmp(fr.bytes, fixture_all, 6) == 0;
        }
    }
    assert_in_range(broadcasts, 0, 10);
}

/* One that is just being asked because it was not heard for long, and does not answer: a claim does
 * not have to wait until it is given up. */
static void claim_while_it_is_asked(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    know(f, FIXTURE_PEER, fixture_peer);
    fixture_advance_ms(f, 61000);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect(f, &a, fixture_peer);
    arp_expect_data(f, fixture_peer, 1);
    fixture_advance_ms(f, 1500);
    arp_expect(f, &a, fixture_peer);
    announce(f, FIXTURE_PEER, fixture_other);
    arp_expect(f, &a, fixture_peer);
    (void)arp_send_to(f, FIXTURE_PEER, 2);
    arp_expect_data(f, fixture_peer, 2);
    fixture_advance_ms(f, 201);
    arp_expect(f, &a, fixture_all);
    arp_inject_reply(f, FIXTURE_PEER, fixture_other);
    arp_expect_data(f, fixture_other, 2);
}

/* The question could not be sent for want of a buffer: silence is no answer then. It is asked as
 * soon as it can be, and so is everybody at first contact. */
static void unasked_is_not_silent(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    know(f, FIXTURE_PEER, fixture_peer);
    f->tx.fail_at = f->tx.get_count + 1;
    announce(f, FIXTURE_PEER, fixture_other);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "arp_tx_no_buffer"), 1);
    fixture_advance_ms(f, 60);
    arp_expect(f, &a, fixture_peer);
    fixture_advance_ms(f, 150);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect_data(f, fixture_peer, 1);
    assert_int_equal(fixture_counter(f, "arp_fell_silent"), 0);
    f->tx.fail_at = f->tx.get_count + 2; /* the packet has one, the request has not */
    (void)arp_send_to(f, LINK_LOCAL_PEER, 2);
    assert_int_equal(f->out.count, 0);
    fixture_advance_ms(f, 60);
    arp_expect(f, &a, fixture_all);
    arp_inject_reply(f, LINK_LOCAL_PEER, fixture_other);
    arp_expect_data(f, fixture_other, 2);
}

/* A claim, and then nobody at all: the ordinary end of asking for one that is not there. */
static void nobody_is_left(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    know(f, FIXTURE_PEER, fixture_peer);
    announce(f, FIXTURE_PEER, fixture_other);
    arp_expect(f, &a, fixture_peer);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect_data(f, fixture_peer, 1);
    fixture_advance_ms(f, 4000);
    for (int i = 0; i < ARP_TRIES_MAX; i++) {
        arp_expect(f, &a, fixture_all);
    }
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "arp_unresolved"), 1);
    assert_int_equal(f->tx.used, 0);
}

/* With half of the table unresolved no more entries get so: the doubted one is left silent. */
static void not_among_too_many_unresolved(void **state)
{
    struct net_fixture *f = *state;
    know(f, FIXTURE_PEER, fixture_peer);
    for (uint32_t i = 0; i < f->net->arp.count; i++) {
        (void)arp_send_to(f, 0x0a000040 + i, 1);
    }
    announce(f, FIXTURE_PEER, fixture_other);
    (void)arp_send_to(f, FIXTURE_PEER, 1);
    (void)fixture_forget(f);
    fixture_advance_ms(f, 250);
    assert_int_equal(f->net->arp.incomplete, f->net->arp.count / 2);
    assert_int_equal(arp_lookup(f->net, FIXTURE_PEER)->state, ARP_SILENT);
}

/* A connection to the peer's port 80 is open, and it is the peer at fixture_peer that we know. */
static struct tcp_cb *connected(struct net_fixture *f)
{
    struct frame fr;
    struct tcp_cb *t = tcp_create(f->net, ignore_ready, NULL);
    assert_non_null(t);
    know(f, FIXTURE_PEER, fixture_peer);
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, 80), -EINPROGRESS);
    assert_true(fixture_pop(f, &fr));
    uint8_t h[20] = {0};
    store_be16(h, 80);
    memcpy(h + 2, frame_payload_at(&fr), 2); /* to the port the SYN came from */
    store_be32(h + 8, load_be32(frame_payload_at(&fr) + 4) + 1);
    h[12] = 0x50;
    h[13] = TCP_SYN | TCP_ACK;
    store_be16(h + 14, 65535);
    uint32_t sum = csum_pseudo(FIXTURE_PEER, FIXTURE_ADDR, IP_PROTO_TCP, sizeof(h));
    store_be16(h + 16, csum_finish(csum_add(sum, h, sizeof(h))));
    frame_ip(&fr, &(struct frame_ip){.protocol = IP_PROTO_TCP}, h, sizeof(h));
    fixture_input(f, &fr);
    assert_int_equal(state_of(t), TCP_ESTABLISHED);
    (void)fixture_forget(f);
    return t;
}

/* What an open connection writes right after the failover is with the new router within SWITCH_MS,
 * without waiting for timeouts that double. */
static void connection_survives_failover(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    struct tcp_cb *t = connected(f);
    announce(f, FIXTURE_PEER, fixture_other);
    assert_int_equal(tcp_send(t, "hello", 5, 0), 5);
    bool arrived = false;
    for (int ms = 0; ms < SWITCH_MS && !arrived; ms++) {
        while (fixture_pop(f, &fr)) {
            bool arp = load_be16(fr.bytes + 12) == ETH_TYPE_ARP;
            if (arp && memcmp(fr.bytes, fixture_peer, 6) != 0) { /* only the new one hears */
                arp_inject_reply(f, FIXTURE_PEER, fixture_other);
            }
            arrived = arrived || (!arp && memcmp(fr.bytes, fixture_other, 6) == 0);
        }
        fixture_advance_ms(f, 1);
    }
    assert_true(arrived);
    tcp_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(silent_owner_is_replaced),
        fixture_test(silent_and_unused),
        fixture_test(burst_of_claims),
        fixture_test(living_owner_stays),
        fixture_test(claims_do_not_multiply),
        fixture_test(soon_after_another),
        fixture_test(several_claimants),
        fixture_test(claim_while_it_is_asked),
        fixture_test(unasked_is_not_silent),
        fixture_test(nobody_is_left),
        fixture_test(not_among_too_many_unresolved),
        fixture_test(connection_survives_failover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
