/*
 * Datagrams larger than the MTU, up to the largest there are (RFC 791, RFC 768): sent in fragments,
 * all of them or none, received over many buffers, answered when they are echo requests. How
 * fragments become a datagram is test_reass.c's.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/net_fixture.h"

#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/wire/csum.h"

enum {
    MF = 0x2000,
    PORT = 7,
    ABSENT = 0x0a000063,
    LARGEST_FRAGMENTS = 45, /* of the largest datagram, at an MTU of 1500 */
};

static uint8_t text[UDP_PAYLOAD_MAX_BYTES + 1];

static void make_text(void)
{
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)(i * 7 + (i >> 8) * 31);
    }
}

static struct udp_cb *bound(struct net_fixture *f)
{
    struct udp_cb *u = udp_create(f->net, ignore_ready, NULL);
    assert_non_null(u);
    assert_int_equal(udp_bind(u, 0, PORT, false), 0);
    make_text();
    return u;
}

static void restart(struct net_fixture *f, const struct net_config *cfg)
{
    fixture_stop(f);
    fixture_start(f, cfg);
    fixture_up(f);
    fixture_know(f, FIXTURE_PEER, fixture_peer);
}

/* The frames sent are one datagram's fragments, in order, the payload in out; how long that is. */
static size_t take_fragments(struct net_fixture *f, uint8_t *out, size_t *frames)
{
    struct frame fr;
    size_t have = 0;
    uint16_t id = 0;
    bool more = true;
    for (*frames = 0; more; ++*frames) {
        assert_true(fixture_pop(f, &fr));
        const uint8_t *h = frame_ip_at(&fr);
        size_t len = load_be16(h + 2) - 20u;
        assert_int_equal(load_be16(fr.bytes + 12), ETH_TYPE_IPV4);
        assert_true(load_be16(h + 2) <= f->cfg.mtu && fr.len == 14 + 20 + len);
        assert_int_equal(csum_finish(csum_add(0, h, 20)), 0);
        more = (load_be16(h + 6) & MF) != 0;
        assert_int_equal(load_be16(h + 6), have / 8 | (more ? MF : 0));
        assert_true(!more || (len % 8 == 0 && len + 8 > f->cfg.mtu - 20u));
        assert_true(*frames == 0 || load_be16(h + 4) == id);
        id = load_be16(h + 4);
        memcpy(out + have, h + 20, len);
        have += len;
    }
    return have;
}

/* What was sent is the first len bytes of text in a sound datagram. */
static size_t expect_sent(struct net_fixture *f, uint32_t dst, size_t len)
{
    static uint8_t d[IPV4_PAYLOAD_MAX_BYTES + 1500];
    size_t frames;
    assert_int_equal(take_fragments(f, d, &frames), len + 8);
    assert_int_equal(load_be16(d + 4), len + 8);
    uint32_t sum = csum_pseudo(FIXTURE_ADDR, dst, IP_PROTO_UDP, (uint16_t)(len + 8));
    assert_int_equal(csum_finish(csum_add(sum, d, len + 8)), 0);
    assert_memory_equal(d + 8, text, len);
    return frames;
}

static void test_sizes_and_mtus(void **state)
{
    struct net_fixture *f = *state;
    static const uint16_t mtus[] = {1500, 1499, 1280, 576};
    static const uint32_t sizes[] = {0, 548, 1472, 1473, 1480, 2952, 2953, 9000, 65506, 65507};
    for (size_t m = 0; m < ARRAY_SIZE(mtus); m++) {
        struct net_config cfg;
        fixture_config(&cfg);
        cfg.mtu = mtus[m];
        restart(f, &cfg);
        struct udp_cb *u = bound(f);
        udp_allow_broadcast(u, true);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            size_t len = sizes[i];
            assert_int_equal(udp_send(u, text, len, FIXTURE_PEER, PORT), len);
            (void)expect_sent(f, FIXTURE_PEER, len);
            assert_int_equal(udp_send(u, text, len, UINT32_MAX, PORT), len);
            (void)expect_sent(f, UINT32_MAX, len);
        }
        assert_int_equal(f->out.count, 0);
        assert_int_equal(f->tx.used, 0);
        assert_int_equal(udp_send(u, text, sizeof(text), FIXTURE_PEER, PORT), -EMSGSIZE);
        udp_close(u);
    }
}

/* What a sender gives down in buffers that are no fragments is cut anew, odd pieces and all. */
static void test_any_cut_is_sent(void **state)
{
    struct net_fixture *f = *state;
    static uint8_t d[IPV4_PAYLOAD_MAX_BYTES];
    make_text();
    for (size_t piece = 997; piece < 1900; piece += 333) {
        struct pkt *first = NULL;
        struct pkt **at = &first;
        size_t total = 0;
        for (size_t i = 0; i < 20; i++, at = &(*at)->frag) {
            *at = net_alloc_tx(f->net, false);
            memcpy(pkt_append(*at, piece), text + total, piece);
            total += piece;
        }
        struct ipv4_tx tx = {.dst = FIXTURE_PEER, .protocol = 99, .may_fragment = true};
        assert_int_equal(ipv4_output(f->net, first, &tx), STATUS_OK);
        size_t frames;
        assert_int_equal(take_fragments(f, d, &frames), total);
        assert_memory_equal(d, text, total);
        assert_int_equal(f->tx.used, 0);
    }
}

/* Whichever buffer is not to be had: the sender is told, nothing leaves, nothing is kept. */
static void test_all_or_nothing(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f);
    for (uint32_t nth = 1; nth <= LARGEST_FRAGMENTS; nth++) {
        f->tx.fail_at = f->tx.get_count + nth;
        assert_int_equal(udp_send(u, text, UDP_PAYLOAD_MAX_BYTES, FIXTURE_PEER, PORT), -ENOBUFS);
        assert_int_equal(f->out.count, 0);
        assert_int_equal(f->tx.used, 0);
    }
    assert_int_equal(fixture_counter(f, "udp_tx_no_buffer"), LARGEST_FRAGMENTS);
    /* The reserve of control packets is none of a datagram's. */
    struct pkt_queue taken = {0};
    while (pkt_pool_left(&f->tx) > f->cfg.tx_reserve + LARGEST_FRAGMENTS - 1) {
        pkt_queue_push(&taken, pkt_alloc(&f->tx, 0));
    }
    assert_int_equal(udp_send(u, text, UDP_PAYLOAD_MAX_BYTES, FIXTURE_PEER, PORT), -ENOBUFS);
    pkt_put(pkt_queue_pop(&taken));
    assert_int_equal(udp_send(u, text, UDP_PAYLOAD_MAX_BYTES, FIXTURE_PEER, PORT),
                     UDP_PAYLOAD_MAX_BYTES);
    assert_int_equal(expect_sent(f, FIXTURE_PEER, UDP_PAYLOAD_MAX_BYTES), LARGEST_FRAGMENTS);
    pkt_queue_drain(&taken);
    udp_close(u);
}

static void answer_arp(struct net_fixture *f, uint32_t address)
{
    struct frame fr;
    struct frame_arp a = {.op = ARP_OP_REPLY,
                          .sender_mac = fixture_other,
                          .sender_ip = address,
                          .target_mac = fixture_mac,
                          .target_ip = FIXTURE_ADDR,
                          .eth_dst = fixture_mac};
    frame_arp(&fr, &a);
    fixture_input(f, &fr);
}

/* A neighbour that is being asked for: all of a datagram's fragments wait for its answer, or the
 * sender hears that they may not; none is given up for one that comes later. */
static void test_waiting_for_a_neighbour(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f);
    size_t largest = UDP_PAYLOAD_MAX_BYTES;
    assert_int_equal(udp_send(u, text, largest, ABSENT, PORT), largest);
    assert_int_equal(f->net->arp.pending, LARGEST_FRAGMENTS);
    assert_int_equal(udp_send(u, text, largest, ABSENT, PORT), -ENOBUFS);
    assert_int_equal(f->net->arp.pending, LARGEST_FRAGMENTS);
    assert_int_equal(fixture_counter(f, "arp_drop_pending"), 1);
    assert_int_equal(fixture_forget(f), 1); /* the question */
    answer_arp(f, ABSENT);
    (void)expect_sent(f, ABSENT, largest);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(udp_send(u, text, largest, ABSENT, PORT), largest);
    (void)expect_sent(f, ABSENT, largest);
    udp_close(u);
}

/* More fragments than may ever wait: the neighbour is asked for all the same, and when it is known
 * they go. Nobody there: the sender hears that, too. */
static void test_more_than_may_wait(void **state)
{
    struct net_fixture *f = *state;
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.mtu = 576;
    restart(f, &cfg);
    struct udp_cb *u = bound(f);
    size_t largest = UDP_PAYLOAD_MAX_BYTES;
    assert_int_equal(udp_send(u, text, largest, ABSENT, PORT), -ENOBUFS);
    assert_int_equal(fixture_forget(f), 1);
    assert_int_equal(f->tx.used, 0);
    answer_arp(f, ABSENT);
    assert_int_equal(udp_send(u, text, largest, ABSENT, PORT), largest);
    (void)expect_sent(f, ABSENT, largest);
    assert_int_equal(udp_connect(u, ABSENT + 1, PORT), 0);
    assert_int_equal(udp_send(u, text, largest, 0, 0), -ENOBUFS);
    fixture_advance_ms(f, 3100);
    (void)fixture_forget(f);
    assert_int_equal(udp_send(u, text, largest, 0, 0), -EHOSTUNREACH);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(f->tx.used, 0);
    udp_close(u);
}

/* Gives the stack the len bytes at d in fragments. */
static void input_datagram(struct net_fixture *f, uint8_t protocol, uint16_t id, const uint8_t *d,
                           size_t len)
{
    for (size_t at = 0; at < len; at += 1480) {
        struct frame fr;
        size_t part = min_size(1480, len - at);
        struct frame_ip ip = {.protocol = protocol,
                              .id = id,
                              .frag = (uint16_t)(at / 8 | (at + part < len ? MF : 0))};
        frame_ip(&fr, &ip, d + at, part);
        fixture_input(f, &fr);
    }
}

/* `ping -s`, up to the largest: each is answered, with its own bytes, in the buffers it came in. */
static void test_echo(void **state)
{
    struct net_fixture *f = *state;
    static uint8_t m[IPV4_PAYLOAD_MAX_BYTES];
    static uint8_t answer[IPV4_PAYLOAD_MAX_BYTES + 1500];
    static const uint32_t sizes[] = {1480, 1481, 2014, 2015, 4008, 9001, 65514, 65515};
    for (uint16_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        size_t len = sizes[i];
        for (size_t k = 0; k < len; k++) {
            m[k] = (uint8_t)(k * 13 + (k >> 8) + i);
        }
        store_be32(m, 0x08000000);
        store_be16(m + 2, csum_finish(csum_add(0, m, len)));
        uint64_t allocations = f->tx.get_count;
        input_datagram(f, IP_PROTO_ICMP, i, m, len);
        size_t frames;
        assert_int_equal(take_fragments(f, answer, &frames), len);
        assert_int_equal(frames, (len + 1479) / 1480);
        assert_int_equal(answer[0], ICMP_ECHO_REPLY);
        assert_int_equal(csum_finish(csum_add(0, answer, len)), 0);
        assert_memory_equal(answer + 4, m + 4, len - 4);
        assert_true(len <= 2014 || f->tx.get_count == allocations);
        assert_int_equal(f->rx.used, 0);
        assert_int_equal(f->tx.used, 0);
        m[len - 1] ^= 1;
        input_datagram(f, IP_PROTO_ICMP, i, m, len);
        assert_int_equal(fixture_counter(f, "icmp_rx_bad_checksum"), i + 1u);
        assert_int_equal(f->out.count, 0);
    }
}

/* A UDP datagram of text's first len bytes. */
static void input_text(struct net_fixture *f, uint16_t id, size_t len)
{
    static uint8_t d[IPV4_PAYLOAD_MAX_BYTES];
    store_be16(d, 1000);
    store_be16(d + 2, PORT);
    store_be16(d + 4, (uint16_t)(len + 8));
    store_be16(d + 6, 0);
    memcpy(d + 8, text, len);
    uint32_t sum = csum_pseudo(FIXTURE_PEER, FIXTURE_ADDR, IP_PROTO_UDP, (uint16_t)(len + 8));
    store_be16(d + 6, csum_finish(csum_add(sum, d, len + 8)));
    input_datagram(f, IP_PROTO_UDP, id, d, len + 8);
}

/* Read into buffers of any length, looked at first; what does not fit is lost. */
static void test_receive(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f);
    static const uint32_t rooms[] = {0, 1, 1471, 1472, 1473, 30000, 65506, 65507, 65508};
    static uint8_t got[70000];
    uint32_t addr;
    uint16_t port;
    size_t full;
    for (uint16_t i = 0; i < ARRAY_SIZE(rooms); i++) {
        input_text(f, i, UDP_PAYLOAD_MAX_BYTES);
        assert_int_equal(udp_readable_bytes(u), UDP_PAYLOAD_MAX_BYTES);
        for (int peek = 1; peek >= 0; peek--) {
            size_t want = min_size(rooms[i], UDP_PAYLOAD_MAX_BYTES);
            memset(got, 0xee, sizeof(got));
            assert_int_equal(udp_recv(u, got, rooms[i], peek == 1, &addr, &port, &full), want);
            assert_int_equal(full, UDP_PAYLOAD_MAX_BYTES);
            assert_memory_equal(got, text, want);
            assert_int_equal(got[want], 0xee);
            assert_int_equal(port, 1000);
        }
        assert_int_equal(udp_recv(u, got, 1, false, &addr, &port, &full), -EAGAIN);
        assert_int_equal(f->rx.used, 0);
    }
    udp_close(u);
}

/* One socket that is not read keeps a quarter of the buffers at most; what goes makes room. */
static void test_queue_is_bounded_in_buffers(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f);
    uint32_t most = FIXTURE_RX_COUNT / UDP_QUEUE_POOL_SHARE;
    uint32_t fit = most / LARGEST_FRAGMENTS;
    for (uint16_t i = 0; i < 10; i++) {
        input_text(f, i, UDP_PAYLOAD_MAX_BYTES);
        assert_true(f->rx.used <= most);
    }
    assert_int_equal(u->queue.count, fit);
    assert_int_equal(fixture_counter(f, "udp_rx_queue_full"), 10 - fit);
    for (uint16_t i = 0; i < 100; i++) {
        input_text(f, 100 + i, 100);
    }
    assert_int_equal(f->rx.used, min_u32(most, fit * LARGEST_FRAGMENTS + UDP_QUEUE_MAX - fit));
    char c;
    uint32_t addr;
    uint16_t port;
    size_t full;
    while (udp_recv(u, &c, 1, false, &addr, &port, &full) >= 0) {
    }
    assert_int_equal(f->rx.used, 0);
    assert_int_equal(u->queue_buffers, 0);
    input_text(f, 300, UDP_PAYLOAD_MAX_BYTES);
    assert_int_equal(u->queue.count, 1);
    udp_close(u); /* and with it what waits */
    assert_int_equal(f->rx.used, 0);
}

/* From one stack to another, whose frames come in any order, twice, or not at all: what is
 * delivered is what was sent, and what is lost leaves nothing behind. */
static void test_between_two_stacks(void **state)
{
    struct net_fixture *a = *state;
    struct net_fixture b;
    struct net_config cfg;
    struct net_random r;
    static const uint8_t seed[32] = {11};
    static struct frame frames[2 * LARGEST_FRAGMENTS];
    static uint8_t got[UDP_PAYLOAD_MAX_BYTES];
    net_random_init(&r, seed);
    fixture_config(&cfg);
    memcpy(cfg.mac, fixture_peer, sizeof(cfg.mac));
    cfg.ip.address = FIXTURE_PEER;
    fixture_start(&b, &cfg);
    fixture_up(&b);
    struct udp_cb *from = bound(a);
    struct udp_cb *to = bound(&b);
    uint32_t delivered = 0, lost = 0;
    for (int round = 0; round < 300; round++) {
        size_t len = 1473 + net_random_below(&r, UDP_PAYLOAD_MAX_BYTES - 1472);
        assert_int_equal(udp_send(from, text, len, FIXTURE_PEER, PORT), len);
        size_t count = 0;
        bool complete = true;
        struct frame fr;
        while (fixture_pop(a, &fr)) {
            uint32_t copies = net_random_below(&r, 8);
            bool lose = copies == 0 && round % 3 == 0;
            complete = complete && !lose;
            for (uint32_t i = 0; i < (lose ? 0 : copies == 1 ? 2u : 1u); i++) {
                size_t at = net_random_below(&r, (uint32_t)count + 1);
                frames[count++] = frames[at];
                frames[at] = fr;
            }
        }
        for (size_t i = 0; i < count; i++) {
            fixture_input(&b, &frames[i]);
        }
        uint32_t addr;
        uint16_t port;
        size_t full;
        ptrdiff_t n = udp_recv(to, got, sizeof(got), false, &addr, &port, &full);
        assert_int_equal(n, complete ? (ptrdiff_t)len : -EAGAIN);
        assert_true(!complete || memcmp(got, text, len) == 0);
        delivered += complete;
        lost += !complete;
        fixture_advance_ms(a, 100);
        fixture_advance_ms(&b, 100);
    }
    assert_true(delivered >= 200 && lost > 50);
    fixture_advance(&b, REASS_TIMEOUT_NS + NS_PER_S);
    (void)fixture_forget(&b);
    assert_int_equal(b.rx.used, 0);
    udp_close(from);
    udp_close(to);
    fixture_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test_met(test_sizes_and_mtus),
        fixture_test_met(test_any_cut_is_sent),
        fixture_test_met(test_all_or_nothing),
        fixture_test_met(test_waiting_for_a_neighbour),
        fixture_test_met(test_more_than_may_wait),
        fixture_test_met(test_echo),
        fixture_test_met(test_receive),
        fixture_test_met(test_queue_is_bounded_in_buffers),
        fixture_test_met(test_between_two_stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
