/*
 * Packets that wait for a neighbour's address: how many may, and that the sender of one hears what
 * became of it (RFC 1122 2.3.2.2).
 */
// LINK: tests/unit/net_fixture.c tests/unit/arp_steps.c kernel/p[ko]*.c kernel/timer.c
// LINK: @net
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/arp_steps.h"

#include "kernel/bytes.h"
#include "tests/unit/tcp_see.h"

enum {
    CONNECTS = 100,
    ABSENT = 0x0a000063,
    RESOLVING_MS = 3000,                /* what it takes to find out that nobody is there */
    LATE_MS = 300,                      /* for those who found no room at first */
    PLACES = ARP_PENDING_TOTAL_MIN / 2, /* for one neighbour, in a pool of this size */
    LEAST_LEFT = FIXTURE_TX_COUNT / ARP_PENDING_POOL_SHARE, /* buffers that nobody waits in */
};

static struct tcp_cb *connections[CONNECTS];
static int errors[CONNECTS];

static int setup(void **state)
{
    struct net_fixture *f = malloc(sizeof(*f));
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.limits.tcp_connections = CONNECTS;
    fixture_start(f, &cfg);
    fixture_up(f);
    memset(errors, 0, sizeof(errors));
    *state = f;
    return 0;
}

static void take_error(void *owner, uint32_t bits)
{
    uint32_t *idx = owner;
    if (bits & NET_READY_ERR) {
        errors[*idx] = tcp_take_error(connections[*idx]);
    }
}

/* All begin to connect at once, to dst + step * i. */
static void connect_all(struct net_fixture *f, uint32_t dst, uint32_t step)
{
    static uint32_t indices[CONNECTS];
    for (uint32_t i = 0; i < CONNECTS; i++) {
        indices[i] = i;
        connections[i] = tcp_create(f->net, take_error, &indices[i]);
        assert_non_null(connections[i]);
        assert_int_equal(tcp_connect(connections[i], dst + step * i, 80), -EINPROGRESS);
    }
}

static void close_all(void)
{
    for (uint32_t i = 0; i < CONNECTS; i++) {
        tcp_close(connections[i]);
    }
}

static uint32_t count_errors(int error)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < CONNECTS; i++) {
        count += errors[i] == error;
    }
    return count;
}

/* Of the frames sent since: SYNs to the station mac, each port once. */
static uint32_t count_syns(struct net_fixture *f, const uint8_t *mac)
{
    static bool seen[UINT16_MAX + 1];
    struct frame fr;
    uint32_t count = 0;
    memset(seen, 0, sizeof(seen));
    while (fixture_pop(f, &fr)) {
        if (load_be16(fr.bytes + 12) == ETH_TYPE_IPV4 && memcmp(fr.bytes, mac, 6) == 0) {
            uint16_t port = load_be16(frame_payload_at(&fr));
            assert_false(seen[port]);
            seen[port] = true;
            count++;
        }
    }
    return count;
}

/* The neighbour is absent: each connection hears so when it is known, whether its SYN found room or
 * not. */
static void all_hear_that_nobody_is_there(void **state)
{
    struct net_fixture *f = *state;
    connect_all(f, ABSENT, 0);
    assert_int_equal(f->net->arp.pending, PLACES);
    fixture_advance_ms(f, RESOLVING_MS - 10);
    assert_int_equal(count_errors(0), CONNECTS);
    fixture_advance_ms(f, 10 + LATE_MS);
    assert_int_equal(count_errors(EHOSTUNREACH), CONNECTS);
    assert_int_equal(fixture_counter(f, "arp_tx_request"), ARP_TRIES_MAX);
    close_all();
    assert_int_equal(f->tx.used, 0);
}

/* More neighbours than the table takes: they hear in turns, none by TCP's own time-out. */
static void absent_neighbours_without_an_entry(void **state)
{
    struct net_fixture *f = *state;
    connect_all(f, 0x0a000020, 1);
    assert_int_equal(f->net->arp.incomplete, f->net->arp.count / 2);
    uint32_t turns = CONNECTS / (f->net->arp.count / 2) + 1;
    fixture_advance_ms(f, turns * (RESOLVING_MS + LATE_MS) + ARP_HOLDOFF_NS / NS_PER_MS);
    assert_int_equal(count_errors(EHOSTUNREACH), CONNECTS);
    close_all();
}

/* First contact: the neighbour answers after a moment, and every SYN goes, none by a timeout. */
static void first_contact_loses_nothing(void **state)
{
    struct net_fixture *f = *state;
    connect_all(f, FIXTURE_PEER, 0);
    fixture_advance_ms(f, 5);
    (void)fixture_forget(f);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    assert_int_equal(count_syns(f, fixture_peer), PLACES);
    fixture_advance_ms(f, LATE_MS);
    assert_int_equal(count_syns(f, fixture_peer), CONNECTS - PLACES);
    assert_int_equal(fixture_counter(f, "tcp_timeouts"), 0);
    assert_int_equal(fixture_counter(f, "tcp_tx_retransmits"), 0);
    close_all();
}

/* For a moment the answer is known: connect has it at once, and the block is as good as new. Then
 * the neighbour is asked for anew. */
static void connect_is_refused_at_once(void **state)
{
    struct net_fixture *f = *state;
    struct arp_packet a;
    (void)arp_send_to(f, ABSENT, 1);
    fixture_advance_ms(f, RESOLVING_MS + 10);
    (void)fixture_forget(f);
    struct tcp_cb *t = tcp_create(f->net, NULL, NULL);
    assert_int_equal(tcp_connect(t, ABSENT, 80), -EHOSTUNREACH);
    assert_int_equal(tcp_connect(t, ABSENT, 80), -EHOSTUNREACH);
    assert_int_equal(f->out.count, 0);
    fixture_advance_ms(f, ARP_HOLDOFF_NS / NS_PER_MS);
    assert_int_equal(tcp_connect(t, ABSENT, 80), -EINPROGRESS);
    arp_expect(f, &a, fixture_all);
    tcp_close(t);
    /* One that shows itself meanwhile is no longer absent. */
    fixture_advance_ms(f, RESOLVING_MS + 10);
    fixture_know(f, ABSENT, fixture_peer);
    t = tcp_create(f->net, NULL, NULL);
    assert_int_equal(tcp_connect(t, ABSENT, 80), -EINPROGRESS);
    assert_int_equal(count_syns(f, fixture_peer), 1);
    tcp_close(t);
}

/* A SYN that finds no buffer is no SYN that was lost: it goes as soon as there is one. */
static void syn_without_a_buffer(void **state)
{
    struct net_fixture *f = *state;
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    struct tcp_cb *t = tcp_create(f->net, NULL, NULL);
    f->tx.fail_at = f->tx.get_count + 1;
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, 80), -EINPROGRESS);
    assert_int_equal(f->out.count, 0);
    fixture_advance_ms(f, LATE_MS);
    assert_int_equal(count_syns(f, fixture_peer), 1);
    assert_int_equal(fixture_counter(f, "tcp_timeouts"), 0);
    tcp_close(t);
}

/* And when there never is one, it ends like one that is never answered; sooner when the owner says
 * so (RFC 5482). */
static void syn_that_never_leaves(void **state)
{
    struct net_fixture *f = *state;
    for (int limited = 0; limited < 2; limited++) {
        struct tcp_cb *t = tcp_create(f->net, NULL, NULL);
        int patience_ms = limited ? 2000 : 127000;
        if (limited) {
            assert_int_equal(tcp_set_opt(t, TCP_OPT_USER_TIMEOUT_MS, patience_ms), 0);
        }
        f->tx.fail_at = f->tx.get_count + 1;
        assert_int_equal(tcp_connect(t, FIXTURE_PEER, 80), -EINPROGRESS);
        uint64_t begin_ns = f->now_ns;
        while (state_of(t) == TCP_SYN_SENT) {
            assert_true(f->now_ns - begin_ns <= (uint64_t)patience_ms * NS_PER_MS + NS_PER_S);
            f->tx.fail_at = f->tx.get_count + 1;
            fixture_advance_ms(f, 50);
        }
        assert_true(f->now_ns - begin_ns >= (uint64_t)patience_ms * NS_PER_MS);
        assert_int_equal(tcp_take_error(t), ETIMEDOUT);
        tcp_close(t);
    }
    assert_int_equal(f->out.count, 0);
}

/* One absent neighbour does not take the places of another. */
static void shares_are_kept(void **state)
{
    struct net_fixture *f = *state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(arp_send_to(f, ABSENT, (uint8_t)i), STATUS_OK);
    }
    for (uint8_t i = 0; i < PLACES; i++) {
        assert_int_equal(arp_send_to(f, FIXTURE_PEER, i), STATUS_OK);
    }
    /* All places are taken: a third neighbour's packet has to go, and its sender is told. */
    assert_int_equal(arp_send_to(f, ABSENT + 1, 1), STATUS_BUSY);
    (void)fixture_forget(f);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    for (uint8_t i = 0; i < PLACES; i++) {
        arp_expect_data(f, fixture_peer, i);
    }
    /* Of the 1,000 the latest are kept, in their order. */
    arp_inject_reply(f, ABSENT, fixture_other);
    for (uint32_t i = 1000 - PLACES; i < 1000; i++) {
        arp_expect_data(f, fixture_other, (uint8_t)i);
    }
    assert_int_equal(fixture_counter(f, "arp_drop_pending"), 1000 - PLACES + 1);
}

/* Datagrams without end take the places of datagrams alone: of the handshakes that wait none is
 * dropped untold, and who sends a datagram for which there is no place hears so. */
static void datagrams_leave_handshakes_alone(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = udp_create(f->net, ignore_ready, NULL);
    connect_all(f, FIXTURE_PEER, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(udp_send(u, "x", 1, FIXTURE_PEER, 7), -ENOBUFS);
    }
    (void)fixture_forget(f);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    assert_int_equal(count_syns(f, fixture_peer), PLACES);
    close_all();
    udp_close(u);
}

/* What waited in vain is no ICMP message that was received, whatever protocol sent it. */
static void absence_is_no_message(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    struct udp_cb *u = udp_create(f->net, ignore_ready, NULL);
    assert_int_equal(udp_connect(u, ABSENT, 7), 0);
    assert_int_equal(udp_send(u, "x", 1, 0, 0), 1);
    assert_int_equal(arp_send_to(f, ABSENT, 1), STATUS_OK);
    frame_icmp(&fr, &(struct frame_ip){.src = ABSENT}, 0x0800, 1, "x", 1);
    fixture_input(f, &fr);
    fixture_advance_ms(f, RESOLVING_MS + 10);
    assert_int_equal(udp_take_error(u), EHOSTUNREACH);
    assert_int_equal(fixture_counter(f, "arp_drop_unresolved"), 3);
    assert_int_equal(fixture_counter(f, "icmp_rx_error"), 0);
    assert_int_equal(fixture_counter(f, "icmp_rx_bad_quote"), 0);
    udp_close(u);
}

/* The last buffers wait for no neighbour: ARP, RSTs and ACKs find them, whichever is absent. */
static void last_buffers_do_not_wait(void **state)
{
    struct net_fixture *f = *state;
    struct pkt_queue taken = {0};
    struct arp_packet a;
    while (pkt_pool_left(&f->tx) > LEAST_LEFT + 10) {
        pkt_queue_push(&taken, pkt_alloc(&f->tx, 0));
    }
    connect_all(f, FIXTURE_PEER, 0);
    assert_int_equal(pkt_pool_left(&f->tx), LEAST_LEFT);
    arp_expect(f, &a, fixture_all);
    arp_inject_reply(f, FIXTURE_PEER, fixture_peer);
    fixture_advance_ms(f, LATE_MS);
    assert_int_equal(count_syns(f, fixture_peer), CONNECTS);
    close_all();
    pkt_queue_drain(&taken);
}

/* UDP: the connected socket is told, in the end and then at once; the other one is not, for it may
 * send to many, and Linux does not tell it either. */
static void datagrams_to_nobody(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *connected = udp_create(f->net, ignore_ready, NULL);
    struct udp_cb *free_one = udp_create(f->net, ignore_ready, NULL);
    assert_int_equal(udp_connect(connected, ABSENT, 7), 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(udp_send(connected, "x", 1, 0, 0), 1);
    }
    assert_int_equal(udp_send(free_one, "x", 1, ABSENT, 7), 1);
    fixture_advance_ms(f, RESOLVING_MS + 10);
    assert_int_equal(udp_send(connected, "x", 1, 0, 0), -EHOSTUNREACH);
    assert_int_equal(udp_send(connected, "x", 1, 0, 0), -EHOSTUNREACH);
    assert_int_equal(udp_send(free_one, "x", 1, ABSENT, 7), 1);
    fixture_advance_ms(f, ARP_HOLDOFF_NS / NS_PER_MS);
    assert_int_equal(udp_send(connected, "x", 1, 0, 0), 1);
    assert_int_equal(udp_take_error(free_one), 0);
    udp_close(connected);
    udp_close(free_one);
}

/* An open connection outlives its neighbour's absence, and is told of it only if it gives up. */
static void open_connection_goes_on(void **state)
{
    struct net_fixture *f = *state;
    struct tcp_cb *t = tcp_create(f->net, NULL, NULL);
    fixture_know(f, FIXTURE_PEER, fixture_peer);
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, 80), -EINPROGRESS);
    set_established(t, 1000); /* it might as well be */
    tcp_cc_start(t);
    net_set_link(f->net, false, f->now_ns); /* forgets the neighbours */
    net_set_link(f->net, true, f->now_ns);
    assert_int_equal(tcp_send(t, "hello", 5, 0), 5);
    fixture_advance_ms(f, 2 * RESOLVING_MS);
    assert_int_equal(state_of(t), TCP_ESTABLISHED);
    assert_int_equal(soft_error_of(t), EHOSTUNREACH);
    assert_int_equal(pending_error(t), 0);
    tcp_abort(t, 0);
    tcp_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_hear_that_nobody_is_there, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(absent_neighbours_without_an_entry, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(first_contact_loses_nothing, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(connect_is_refused_at_once, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(syn_without_a_buffer, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(syn_that_never_leaves, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(shares_are_kept, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(datagrams_leave_handshakes_alone, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(absence_is_no_message, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(last_buffers_do_not_wait, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(datagrams_to_nobody, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(open_connection_goes_on, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
