/*
 * ARP: the decoder, who gets into the table and who out of it, asking, waiting and giving up.
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
#include "net/stack.h"
#include "net/tcp/tcp.h"

static void test_decoder(void **state)
{
    (void)state;
    struct frame fr;
    struct arp_packet a;
    frame_arp(&fr, &(struct frame_arp){1, fixture_peer, FIXTURE_PEER, NULL, FIXTURE_ADDR, NULL});
    const uint8_t *good = fr.bytes + 14;
    assert_true(arp_decode(&a, good, 28));
    assert_int_equal(a.op, ARP_OP_REQUEST);
    assert_int_equal(a.sender_ip, FIXTURE_PEER);
    assert_int_equal(a.target_ip, FIXTURE_ADDR);
    assert_memory_equal(a.sender_mac, fixture_peer, 6);
    uint8_t bytes[28];
    arp_encode(bytes, &a);
    assert_memory_equal(bytes, good, 28);
    for (size_t len = 0; len < 28; len++) {
        assert_false(arp_decode(&a, good, len));
    }
    /* Any other value in the first eight bytes is refused, but for the two operations. */
    for (size_t at = 0; at < 8; at++) {
        for (uint32_t v = 0; v < 256; v++) {
            memcpy(bytes, good, 28);
            bytes[at] = (uint8_t)v;
            bool same = bytes[at] == good[at];
            bool is_op = at == 7 && (v == 1 || v == 2);
            assert_int_equal(arp_decode(&a, bytes, 28), same || is_op);
        }
    }
}

static void test_answers_requests(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    arp_inject(f, &(struct frame_arp){1, fixture_peer, FIXTURE_PEER, NULL, FIXTURE_ADDR, NULL});
    arp_expect(f, &a, fixture_peer);
    assert_int_equal(a.op, ARP_OP_REPLY);
    assert_int_equal(a.sender_ip, FIXTURE_ADDR);
    assert_memory_equal(a.sender_mac, fixture_mac, 6);
    assert_int_equal(a.target_ip, FIXTURE_PEER);
    assert_memory_equal(a.target_mac, fixture_peer, 6);
    /* The asker is known from now on. */
    arp_send_to(f, FIXTURE_PEER, 7);
    arp_expect_data(f, fixture_peer, 7);
    /* Not a word about others' addresses. */
    arp_inject(f, &(struct frame_arp){1, fixture_peer, FIXTURE_PEER, NULL, 0x0a000009, NULL});
    assert_int_equal(f->out.count, 0);
}

/* ARP is answered when no buffer is left at all. */
static void test_answers_without_buffers(void **state)
{
    struct net_fixture *f = *state;
    f->tx.fail_at = f->tx.get_count + 1;
    struct arp_packet a;
    arp_inject(f, &(struct frame_arp){1, fixture_peer, FIXTURE_PEER, NULL, FIXTURE_ADDR, NULL});
    arp_expect(f, &a, fixture_peer);
    assert_int_equal(a.op, ARP_OP_REPLY);
}

/* A probe (RFC 5227) is answered, and nobody is learnt from it. */
static void test_answers_probes(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    arp_inject(f, &(struct frame_arp){1, fixture_peer, 0, NULL, FIXTURE_ADDR, NULL});
    arp_expect(f, &a, fixture_peer);
    assert_int_equal(a.op, ARP_OP_REPLY);
    assert_int_equal(f->net->arp.used, 0);
}

static void test_bad_senders(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t zero[6];
    static const uint8_t group[6] = {3, 0, 0, 0, 0, 1};
    static const uint32_t bad_ips[] = {0x7f000001, 0xe0000001, 0xffffffff, 0x0a0000ff, 0x00000005};
    static const uint8_t *const bad_macs[] = {zero, group, fixture_all, fixture_mac};
    for (size_t i = 0; i < ARRAY_SIZE(bad_macs); i++) {
        struct frame fr;
        frame_arp(&fr, &(struct frame_arp){1, bad_macs[i], FIXTURE_PEER, NULL, FIXTURE_ADDR, NULL});
        memcpy(fr.bytes + 6, fixture_peer, 6); /* the frame itself is good */
        fixture_input(f, &fr);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad_ips); i++) {
        arp_inject(f, &(struct frame_arp){1, fixture_peer, bad_ips[i], NULL, FIXTURE_ADDR, NULL});
    }
    arp_inject(f, &(struct frame_arp){2, fixture_peer, 0, NULL, FIXTURE_ADDR, NULL});
    assert_int_equal(fixture_counter(f, "arp_rx_bad_sender"), 10);
    assert_int_equal(f->net->arp.used, 0);
    assert_int_equal(f->out.count, 0);
    struct frame fr;
    frame_eth(&fr, fixture_mac, fixture_peer, ETH_TYPE_ARP);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "arp_rx_malformed"), 1);
}

static void test_nothing_learnt_unasked(void **state)
{
    struct net_fixture *f = *state;
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    assert_int_equal(fixture_counter(f, "arp_rx_unsolicited"), 1);
    /* A flood of announcements and of requests among others. */
    for (uint32_t i = 0; i < 5000; i++) {
        uint8_t mac[6] = {2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        uint32_t ip = 0x0a000000 + 2 + i % 250;
        arp_inject(f, &(struct frame_arp){1, mac, ip, NULL, ip, NULL});
        arp_inject(f, &(struct frame_arp){1, mac, ip, NULL, FIXTURE_GATEWAY, NULL});
        arp_inject(f, &(struct frame_arp){2, mac, ip, mac, FIXTURE_GATEWAY, NULL});
    }
    assert_int_equal(f->net->arp.used, 0);
    /* A request for us from another subnet is answered, and no entry made. */
    (void)fixture_forget(f);
    arp_inject(f, &(struct frame_arp){1, fixture_peer, 0x0b000001, NULL, FIXTURE_ADDR, NULL});
    assert_int_equal(fixture_forget(f), 1);
    assert_int_equal(f->net->arp.used, 0);
}

/* An announcement, a reply and a request from another one: the neighbour heard lately is asked, and
 * while it answers nothing changes. */
static void test_impostor_is_not_believed(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    const struct frame_arp claims[] = {
        {1, fixture_other, FIXTURE_PEER, NULL, FIXTURE_PEER, NULL},
        {2, fixture_other, FIXTURE_PEER, NULL, FIXTURE_ADDR, NULL},
        {1, fixture_other, FIXTURE_PEER, NULL, FIXTURE_ADDR, NULL},
    };
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    for (uint8_t i = 0; i < ARRAY_SIZE(claims); i++) {
        arp_inject(f, &claims[i]);
        arp_expect(f, &a, fixture_peer); /* the one that is known is asked */
        assert_int_equal(a.op, ARP_OP_REQUEST);
        arp_inject(f, &claims[i]); /* and is not asked more for more claims */
        (void)fixture_forget(f);   /* answers to the request that the last claim is */
        arp_send_to(f, FIXTURE_PEER, i);
        arp_expect_data(f, fixture_peer, i);
        arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
        fixture_advance_ms(f, 5000);
        assert_int_equal(f->out.count, 0);
    }
    assert_int_equal(fixture_counter(f, "arp_rx_doubted"), 2 * ARRAY_SIZE(claims));
}

/* One that was not heard for long is not asked: a claim is as good as what is known. */
static void test_announcement_updates(void **state)
{
    struct net_fixture *f = *state;
    fixture_know(f, FIXTURE_PEER, fixture_other);
    fixture_advance_ms(f, 61000);
    arp_inject(f, &(struct frame_arp){1, fixture_peer, FIXTURE_PEER, NULL, FIXTURE_PEER, NULL});
    arp_send_to(f, FIXTURE_PEER, 2);
    arp_expect_data(f, fixture_peer, 2);
}

static void test_resolution(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    for (uint8_t tag = 0; tag < 5; tag++) {
        arp_send_to(f, FIXTURE_PEER, tag);
    }
    arp_expect(f, &a, fixture_all);
    assert_int_equal(a.op, ARP_OP_REQUEST);
    assert_int_equal(a.sender_ip, FIXTURE_ADDR);
    assert_int_equal(a.target_ip, FIXTURE_PEER);
    assert_int_equal(f->out.count, 0); /* one request, however many wait */
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    for (uint8_t tag = 0; tag < 5; tag++) {
        arp_expect_data(f, fixture_peer, tag);
    }
    assert_int_equal(f->net->arp.pending, 0);
    assert_int_equal(f->net->arp.incomplete, 0);
}

static void test_gives_up(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    arp_send_to(f, FIXTURE_PEER, 1);
    for (int i = 0; i < ARP_TRIES_MAX; i++) {
        arp_expect(f, &a, fixture_all);
        assert_int_equal(f->out.count, 0);
        fixture_advance_ms(f, 1000); /* one a second */
    }
    fixture_advance_ms(f, 10);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "arp_unresolved"), 1);
    assert_int_equal(fixture_counter(f, "arp_drop_unresolved"), 1);
    /* Held off, then asked again. */
    arp_send_to(f, FIXTURE_PEER, 2);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "arp_drop_unresolved"), 2);
    fixture_advance_ms(f, ARP_HOLDOFF_NS / NS_PER_MS);
    arp_send_to(f, FIXTURE_PEER, 3);
    arp_expect(f, &a, fixture_all);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    arp_expect_data(f, fixture_peer, 3);
}

/* RFC 1122 2.3.2.1: however many packets wait, one request a second. */
static void test_asks_once_a_second(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    for (int second = 0; second < 2; second++) {
        for (uint8_t i = 0; i < 10; i++) {
            arp_send_to(f, FIXTURE_PEER, i);
            fixture_advance_ms(f, 10);
        }
        arp_expect(f, &a, fixture_all);
        assert_int_equal(f->out.count, 0);
        fixture_advance_ms(f, 900);
    }
    assert_int_equal(fixture_counter(f, "arp_tx_request"), 3);
}

/* A neighbour in use is asked again by unicast; one that is gone is asked for by broadcast. */
static void test_ageing(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    fixture_advance_ms(f, 59000);
    arp_send_to(f, FIXTURE_PEER, 1);
    arp_expect_data(f, fixture_peer, 1);
    fixture_advance_ms(f, 2000);
    arp_send_to(f, FIXTURE_PEER, 2);
    arp_expect(f, &a, fixture_peer);
    arp_expect_data(f, fixture_peer, 2); /* nothing waits meanwhile */
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    fixture_advance_ms(f, 5000);
    assert_int_equal(f->out.count, 0);
    fixture_advance_ms(f, 60000);
    arp_send_to(f, FIXTURE_PEER, 3);
    fixture_advance_ms(f, 4000);
    arp_expect(f, &a, fixture_peer);
    arp_expect_data(f, fixture_peer, 3);
    arp_expect(f, &a, fixture_peer);
    arp_expect(f, &a, fixture_peer);
    assert_null(arp_lookup(f->net, FIXTURE_PEER));
    arp_send_to(f, FIXTURE_PEER, 4);
    arp_expect(f, &a, fixture_all);
    (void)fixture_forget(f);
    /* One not used for long is not sent to before it is resolved anew. */
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    arp_expect_data(f, fixture_peer, 4);
    fixture_advance_ms(f, 601000);
    arp_send_to(f, FIXTURE_PEER, 5);
    arp_expect(f, &a, fixture_all);
    assert_int_equal(f->out.count, 0);
}

/* RFC 1122 3.3.1.4: a transport's doubt asks the neighbour itself, the gateway for those behind it;
 * once a second at most; one that is silent is forgotten, and the next packet asks everybody. */
static void test_suspected(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    fixture_know(f, FIXTURE_GATEWAY, fixture_other);
    fixture_advance_ms(f, 2000);
    ipv4_suspect(f->net, 0x08080808);
    ipv4_suspect(f->net, 0x08080909);   /* it is being asked already */
    ipv4_suspect(f->net, FIXTURE_PEER); /* not known */
    arp_expect(f, &a, fixture_other);
    assert_int_equal(a.target_ip, FIXTURE_GATEWAY);
    assert_int_equal(f->out.count, 0);
    arp_inject_reply(f, FIXTURE_GATEWAY, fixture_other);
    ipv4_suspect(f->net, 0x08080808); /* it has just answered */
    assert_int_equal(f->out.count, 0);
    fixture_advance_ms(f, 2000);
    ipv4_suspect(f->net, 0x08080808);
    fixture_advance_ms(f, 4000);
    assert_int_equal(fixture_forget(f), 3);
    assert_null(arp_lookup(f->net, FIXTURE_GATEWAY));
    assert_int_equal(fixture_counter(f, "arp_suspected"), 2);
}

/* RFC 9293 3.8.3 R1 (MUST-20): a connection that hears nothing has its gateway asked, with the
 * third retransmission and not before. */
static void test_suspected_by_tcp(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    fixture_know(f, FIXTURE_GATEWAY, fixture_other);
    struct tcp_cb *t = tcp_create(f->net, ignore_ready, NULL);
    assert_non_null(t);
    assert_int_equal(tcp_connect(t, 0x08080808, 80), -EINPROGRESS);
    fixture_advance_ms(f, 3500); /* SYNs at 0, 1 and 3 s */
    assert_int_equal(fixture_forget(f), 3);
    fixture_advance_ms(f, 3600); /* and at 7 s */
    arp_expect(f, &a, fixture_other);
    assert_int_equal(a.target_ip, FIXTURE_GATEWAY);
    assert_int_equal(fixture_forget(f), 1);
    tcp_close(t);
}

/* 10^5 neighbours that ask for us do not displace those we talk to. */
static void test_flood_keeps_used(void **state)
{
    struct net_fixture *f = *state;
    fixture_know(f, FIXTURE_GATEWAY, fixture_other);
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    arp_send_to(f, FIXTURE_PEER, 1);
    (void)fixture_forget(f);
    f->net->iface.netmask = 0xff000000; /* a subnet with room for the flood */
    f->net->iface.link_mask = 0xff000000;
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t mac[6] = {2, 1, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        arp_inject(f, &(struct frame_arp){1, mac, 0x0a010001 + i, NULL, FIXTURE_ADDR, NULL});
        (void)fixture_forget(f);
    }
    assert_int_equal(f->net->arp.used, f->net->arp.count);
    arp_send_to(f, FIXTURE_PEER, 2);
    arp_expect_data(f, fixture_peer, 2);
    arp_send_to(f, 0x08080808, 3);
    arp_expect_data(f, fixture_other, 3);
    assert_true(fixture_counter(f, "arp_evicted") > 90000);
}

/* Sending to hosts that are not there fills half the table and no more; who is known stays. */
static void test_unresolved_are_bounded(void **state)
{
    struct net_fixture *f = *state;
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    fixture_know(f, FIXTURE_GATEWAY, fixture_other);
    for (uint32_t i = 0; i < 200; i++) {
        arp_send_to(f, 0x0a00000a + i, 1);
    }
    assert_int_equal(f->net->arp.incomplete, f->net->arp.count / 2);
    assert_true(f->net->arp.pending <= f->tx.count / 8);
    assert_true(fixture_counter(f, "arp_table_full") > 0);
    (void)fixture_forget(f);
    arp_send_to(f, FIXTURE_PEER, 9);
    arp_expect_data(f, fixture_peer, 9);
    fixture_advance_ms(f, 10000);
    assert_int_equal(f->net->arp.incomplete, 0);
    assert_int_equal(f->net->arp.pending, 0);
    assert_int_equal(f->tx.used, 0);
}

/* All in use and recent: a request from somebody new makes no entry, our own sending does. */
static void test_eviction_order(void **state)
{
    struct net_fixture *f = *state;
    uint32_t count = f->net->arp.count;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t mac[6] = {2, 1, 0, 0, 0, (uint8_t)i};
        fixture_know(f, 0x0a000010 + i, mac);
        arp_send_to(f, 0x0a000010 + i, 1);
        fixture_advance_ms(f, 2);
    }
    (void)fixture_forget(f);
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    assert_null(arp_lookup(f->net, FIXTURE_PEER));
    assert_int_equal(fixture_counter(f, "arp_table_full"), 1);
    arp_send_to(f, FIXTURE_PEER, 2);
    assert_non_null(arp_lookup(f->net, FIXTURE_PEER));
    assert_null(arp_lookup(f->net, 0x0a000010)); /* the least recently used one */
    assert_non_null(arp_lookup(f->net, 0x0a000011));
}

/* However large the table, a stranger's request does not have all of it searched; and where there
 * are entries worth nothing the first of them will do. */
static void test_eviction_is_bounded(void **state)
{
    struct net_fixture f;
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.limits.arp_entries = 1024;
    cfg.ip.prefix_bits = 16;
    fixture_start(&f, &cfg);
    fixture_up(&f);
    struct arp *arp = &f.net->arp;
    for (uint32_t i = 0; i < arp->count; i++) {
        fixture_know(&f, 0x0a000110 + i, fixture_peer);
        (void)arp_send_to(&f, 0x0a000110 + i, 1);
        (void)fixture_forget(&f);
    }
    uint32_t before = arp->hand;
    fixture_know(&f, FIXTURE_PEER, fixture_peer);
    assert_null(arp_lookup(f.net, FIXTURE_PEER));
    assert_int_equal(arp->hand - before, ARP_EVICT_LOOKS);
    for (uint32_t i = 0; i < arp->count; i++) {
        arp->entries[i].used_ns = 0;
    }
    before = arp->hand;
    fixture_know(&f, FIXTURE_PEER, fixture_peer);
    assert_non_null(arp_lookup(f.net, FIXTURE_PEER));
    assert_int_equal(arp->hand - before, 1);
    fixture_stop(&f);
}

static void test_waiting_packets_are_freed(void **state)
{
    struct net_fixture *f = *state;
    arp_send_to(f, FIXTURE_PEER, 1);
    arp_send_to(f, 0x0a000005, 1);
    assert_int_equal(f->net->arp.pending, 2);
    net_set_link(f->net, false, f->now_ns);
    assert_int_equal(f->net->arp.pending, 0);
    assert_int_equal(fixture_counter(f, "arp_drop_flushed"), 2);
    net_set_link(f->net, true, f->now_ns);
    arp_send_to(f, FIXTURE_PEER, 1); /* teardown checks that net_destroy frees this one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder),
        fixture_test(test_answers_requests),
        fixture_test(test_answers_without_buffers),
        fixture_test(test_answers_probes),
        fixture_test(test_bad_senders),
        fixture_test(test_nothing_learnt_unasked),
        fixture_test(test_impostor_is_not_believed),
        fixture_test(test_announcement_updates),
        fixture_test(test_resolution),
        fixture_test(test_gives_up),
        fixture_test(test_asks_once_a_second),
        fixture_test(test_ageing),
        fixture_test(test_suspected),
        fixture_test(test_suspected_by_tcp),
        fixture_test(test_flood_keeps_used),
        fixture_test(test_unresolved_are_bounded),
        fixture_test(test_eviction_order),
        cmocka_unit_test(test_eviction_is_bounded),
        fixture_test(test_waiting_packets_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
