/*
 * UDP sockets: binding, matching, queues, errors, and datagrams that are wrong.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/unit/net_fixture.h"

#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/udp/udp.h"
#include "net/wire/csum.h"

static const struct frame_ip plain;

struct owner {
    uint32_t calls;
    uint32_t bits;
};

static void on_ready(void *owner, uint32_t bits)
{
    struct owner *o = owner;
    if (o != NULL) {
        o->calls++;
        o->bits |= bits;
    }
}

static struct udp_cb *bound(struct net_fixture *f, uint32_t addr, uint16_t port)
{
    struct udp_cb *u = udp_create(f->net, on_ready, NULL);
    assert_non_null(u);
    assert_int_equal(udp_bind(u, addr, port, false), 0);
    return u;
}

static void input_text(struct net_fixture *f, const struct frame_ip *ip, uint16_t sport,
                       uint16_t dport, const char *text)
{
    struct frame fr;
    frame_udp(&fr, ip, sport, dport, text, strlen(text));
    fixture_input(f, &fr);
}

/* The next datagram on u has this text; with its source port. */
static void expect_text(struct udp_cb *u, const char *text, uint16_t port)
{
    char buf[64];
    uint32_t addr;
    uint16_t rport;
    size_t full;
    ptrdiff_t n = udp_recv(u, buf, sizeof(buf), false, &addr, &rport, &full);
    assert_int_equal(n, strlen(text));
    assert_int_equal(full, n);
    assert_memory_equal(buf, text, (size_t)n);
    assert_int_equal(addr, FIXTURE_PEER);
    assert_int_equal(rport, port);
}

static void expect_empty(struct udp_cb *u)
{
    char c;
    uint32_t addr;
    uint16_t port;
    size_t full;
    assert_int_equal(udp_recv(u, &c, 1, false, &addr, &port, &full), -EAGAIN);
}

static void test_receive(void **state)
{
    struct net_fixture *f = *state;
    struct owner o = {0};
    struct udp_cb *u = udp_create(f->net, on_ready, &o);
    assert_int_equal(udp_bind(u, 0, 7, false), 0);
    expect_empty(u);
    assert_int_equal(udp_ready(u), NET_READY_OUT);
    input_text(f, &plain, 1234, 7, "one");
    input_text(f, &plain, 1235, 7, "");
    input_text(f, &plain, 1236, 7, "three");
    assert_int_equal(o.calls, 3);
    assert_int_equal(o.bits, NET_READY_IN);
    assert_int_equal(udp_ready(u), NET_READY_IN | NET_READY_OUT);
    assert_int_equal(udp_readable_bytes(u), 3);
    char c[2];
    uint32_t addr;
    uint16_t port;
    size_t full;
    assert_int_equal(udp_recv(u, c, 2, true, &addr, &port, &full), 2);
    assert_int_equal(full, 3);
    expect_text(u, "one", 1234);
    expect_text(u, "", 1235);
    assert_int_equal(udp_recv(u, c, 2, false, &addr, &port, &full), 2);
    assert_int_equal(full, 5); /* the rest of it is lost */
    expect_empty(u);
    udp_close(u);
}

static void test_bad_datagrams(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 7);
    struct frame fr;
    for (uint16_t len = 0; len < 8; len++) {
        frame_ip(&fr, &(struct frame_ip){.protocol = 17}, "\0\1\0\7\0\10\0\0", len);
        fixture_input(f, &fr);
    }
    static const uint16_t lengths[] = {0, 7, 12, 0xffff};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        frame_udp(&fr, &plain, 1, 7, "abc", 3);
        store_be16(fr.bytes + 14 + 20 + 4, lengths[i]);
        fixture_input(f, &fr);
    }
    assert_int_equal(fixture_counter(f, "udp_rx_bad_length"), 12);
    frame_udp(&fr, &plain, 1, 7, "abc", 3);
    fr.bytes[fr.len - 1] ^= 0x80;
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "udp_rx_bad_checksum"), 1);
    frame_udp(&fr, &plain, 1, 0, "abc", 3);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "udp_rx_bad_port"), 1);
    expect_empty(u);
    assert_int_equal(f->out.count, 0);
    udp_close(u);
}

static void test_checksum_zero_and_trailing(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 7);
    struct frame fr;
    frame_udp(&fr, &plain, 1, 7, "abc", 3);
    store_be16(fr.bytes + 14 + 20 + 6, 0); /* none made: accepted */
    fixture_input(f, &fr);
    expect_text(u, "abc", 1);
    /* IP payload longer than the datagram: the rest is not delivered. */
    frame_udp(&fr, &plain, 1, 7, "abc", 3);
    uint8_t d[20];
    memcpy(d, frame_payload_at(&fr), 11);
    memset(d + 11, 'z', 9);
    frame_ip(&fr, &(struct frame_ip){.protocol = 17}, d, sizeof(d));
    fixture_input(f, &fr);
    expect_text(u, "abc", 1);
    udp_close(u);
}

/* The device has summed it up already: it is not summed up again, unless it is a fragment. */
static void test_checksum_by_the_device(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 7);
    struct frame fr;
    frame_udp(&fr, &plain, 1, 7, "abc", 3);
    fr.bytes[14 + 20 + 6] ^= 1;
    struct pkt *p = pkt_alloc(&f->rx, 0);
    memcpy(pkt_append(p, fr.len), fr.bytes, fr.len);
    p->rx_flags = PKT_RX_CSUM_GOOD;
    net_input(f->net, p, f->now_ns);
    expect_text(u, "abc", 1);
    uint8_t d[16] = {0, 1, 0, 7, 0, 16, 0xba, 0xad};
    for (uint16_t i = 0; i < 2; i++) {
        struct frame_ip ip = {.protocol = 17, .id = 1, .frag = i == 0 ? 0x2000 : 1};
        frame_ip(&fr, &ip, d + 8 * i, 8);
        p = pkt_alloc(&f->rx, 0);
        memcpy(pkt_append(p, fr.len), fr.bytes, fr.len);
        p->rx_flags = PKT_RX_CSUM_GOOD;
        net_input(f->net, p, f->now_ns);
    }
    assert_int_equal(fixture_counter(f, "udp_rx_bad_checksum"), 1);
    expect_empty(u);
    udp_close(u);
}

static void test_send(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = udp_create(f->net, on_ready, NULL);
    struct frame fr;
    assert_int_equal(udp_send(u, "x", 1, 0, 0), -EDESTADDRREQ);
    assert_int_equal(udp_send(u, "hello", 5, FIXTURE_PEER, 9), 5);
    assert_true(fixture_pop(f, &fr));
    const uint8_t *d = frame_payload_at(&fr);
    assert_true(load_be16(d) >= 49152); /* an ephemeral port was bound */
    assert_int_equal(load_be16(d), u->lport);
    assert_int_equal(load_be16(d + 2), 9);
    assert_int_equal(load_be16(d + 4), 13);
    uint32_t sum = csum_pseudo(FIXTURE_ADDR, FIXTURE_PEER, 17, 13);
    assert_int_equal(csum_finish(csum_add(sum, d, 13)), 0);
    assert_memory_equal(d + 8, "hello", 5);
    assert_int_equal(udp_send(u, "", 0, FIXTURE_PEER, 9), 0);
    assert_true(fixture_pop(f, &fr));
    static uint8_t big[UDP_PAYLOAD_MAX_BYTES + 1];
    assert_int_equal(udp_send(u, big, sizeof(big), FIXTURE_PEER, 9), -EMSGSIZE);
    assert_int_equal(udp_send(u, big, sizeof(big) - 1, FIXTURE_PEER, 9), sizeof(big) - 1);
    assert_int_equal(udp_send(u, big, 1, FIXTURE_PEER, 0), -EINVAL);
    assert_int_equal(udp_send(u, big, 1, 0xe0000001, 9), -ENETUNREACH);
    f->tx.fail_at = f->tx.get_count + 1;
    assert_int_equal(udp_send(u, big, 1, FIXTURE_PEER, 9), -ENOBUFS);
    udp_close(u);
}

/* RFC 1122 4.1.4: the program chooses TOS and TTL of what it sends. */
static void test_tos_and_ttl(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 5000);
    struct frame fr;
    static const struct {
        int tos, ttl;
        uint8_t want_ttl;
    } sets[] = {{0, -1, 64}, {0xbb, 1, 1}, {0, 255, 255}};
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        assert_int_equal(udp_set_tos(u, sets[i].tos), 0);
        assert_int_equal(udp_set_ttl(u, sets[i].ttl), 0);
        assert_int_equal(udp_send(u, "x", 1, FIXTURE_PEER, 7), 1);
        assert_true(fixture_pop(f, &fr));
        assert_int_equal(frame_ip_at(&fr)[1], sets[i].tos);
        assert_int_equal(frame_ip_at(&fr)[8], sets[i].want_ttl);
    }
    assert_int_equal(udp_set_tos(u, 256), -EINVAL);
    assert_int_equal(udp_set_ttl(u, 0), -EINVAL);
    udp_close(u);
}

/* A checksum that comes out 0 goes out as 0xffff (RFC 768). */
static void test_checksum_never_zero(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 7);
    bool seen = false;
    for (uint32_t v = 0; v < 65536; v++) {
        uint8_t payload[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        struct frame fr;
        assert_int_equal(udp_send(u, payload, 2, FIXTURE_PEER, 9), 2);
        assert_true(fixture_pop(f, &fr));
        uint16_t checksum = load_be16(frame_payload_at(&fr) + 6);
        assert_int_not_equal(checksum, 0);
        seen |= checksum == 0xffff;
    }
    assert_true(seen);
    udp_close(u);
}

static void test_binding(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *a = bound(f, FIXTURE_ADDR, 7);
    struct udp_cb *b = udp_create(f->net, on_ready, NULL);
    assert_int_equal(udp_bind(b, 0, 7, false), -EADDRINUSE);
    assert_int_equal(udp_bind(b, FIXTURE_ADDR, 7, true), -EADDRINUSE); /* a did not agree */
    assert_int_equal(udp_bind(b, 0x0a000009, 7, false), -EADDRNOTAVAIL);
    assert_int_equal(udp_bind(b, 0, 7 + UDP_HASH_BUCKETS, false), 0); /* the same bucket */
    assert_int_equal(udp_bind(b, 0, 8, false), -EINVAL);
    udp_close(a);
    udp_close(b);
    a = udp_create(f->net, on_ready, NULL);
    b = udp_create(f->net, on_ready, NULL);
    assert_int_equal(udp_bind(a, 0, 7, true), 0);
    assert_int_equal(udp_bind(b, 0, 7, true), 0);
    input_text(f, &plain, 1, 7, "new"); /* to the newer of the two */
    expect_text(b, "new", 1);
    expect_empty(a);
    udp_close(a);
    udp_close(b);
}

static void test_ephemeral_ports_differ(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u[8];
    uint32_t in_a_row = 0;
    for (size_t i = 0; i < 8; i++) {
        u[i] = bound(f, 0, 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(u[i]->lport, u[j]->lport);
        }
        in_a_row += i > 0 && u[i]->lport == u[i - 1]->lport + 1;
    }
    assert_int_equal(in_a_row, 0);
    for (size_t i = 0; i < 8; i++) {
        udp_close(u[i]);
    }
}

static void test_table_is_bounded(void **state)
{
    struct net_fixture *f = *state;
    uint32_t max = f->cfg.limits.udp_sockets;
    struct udp_cb *u[64];
    for (uint32_t i = 0; i < max; i++) {
        u[i] = bound(f, 0, (uint16_t)(100 + i));
    }
    assert_null(udp_create(f->net, on_ready, NULL));
    for (uint32_t i = 0; i < max; i++) {
        udp_close(u[i]);
    }
    assert_int_equal(f->net->udp.pool.used, 0);
}

static void test_matching(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *any = udp_create(f->net, on_ready, NULL);
    struct udp_cb *addr = udp_create(f->net, on_ready, NULL);
    struct udp_cb *conn = udp_create(f->net, on_ready, NULL);
    assert_int_equal(udp_bind(conn, 0, 7, true), 0);
    assert_int_equal(udp_bind(addr, FIXTURE_ADDR, 7, true), 0);
    assert_int_equal(udp_bind(any, 0, 7, true), 0);
    assert_int_equal(udp_connect(conn, FIXTURE_PEER, 1000), 0);
    input_text(f, &plain, 1000, 7, "conn");
    input_text(f, &plain, 1001, 7, "addr");
    input_text(f, &(struct frame_ip){.dst = 0xffffffff, .eth_dst = fixture_all}, 1001, 7, "any");
    expect_text(conn, "conn", 1000);
    expect_text(addr, "addr", 1001);
    expect_text(any, "any", 1001);
    expect_empty(conn);
    expect_empty(addr);
    expect_empty(any);
    udp_close(any);
    udp_close(addr);
    udp_close(conn);
}

static void test_connect(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = udp_create(f->net, on_ready, NULL);
    struct frame fr;
    assert_int_equal(udp_connect(u, FIXTURE_PEER, 0), -EINVAL);
    assert_int_equal(udp_connect(u, 0xe0000001, 9), -ENETUNREACH);
    assert_int_equal(udp_connect(u, FIXTURE_PEER, 9), 0);
    assert_int_equal(u->laddr, FIXTURE_ADDR);
    assert_int_equal(udp_send(u, "x", 1, 0, 0), 1);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(load_be16(frame_payload_at(&fr) + 2), 9);
    input_text(f, &plain, 10, u->lport, "stranger"); /* ends in a port unreachable */
    expect_empty(u);
    assert_int_equal(fixture_forget(f), 1);
    assert_int_equal(udp_connect(u, 0, 0), 0);
    assert_int_equal(u->laddr, 0);
    input_text(f, &plain, 10, u->lport, "welcome");
    expect_text(u, "welcome", 10);
    udp_close(u);
}

static void test_broadcast(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 7);
    struct frame fr;
    assert_int_equal(udp_send(u, "x", 1, 0xffffffff, 9), -EACCES);
    assert_int_equal(udp_connect(u, 0x0a0000ff, 9), -EACCES);
    u->broadcast_allowed = true;
    assert_int_equal(udp_send(u, "x", 1, 0xffffffff, 9), 1);
    assert_true(fixture_pop(f, &fr));
    assert_memory_equal(fr.bytes, fixture_all, 6);
    assert_int_equal(udp_send(u, "x", 1, 0x0a0000ff, 9), 1);
    assert_true(fixture_pop(f, &fr));
    assert_memory_equal(fr.bytes, fixture_all, 6);
    input_text(f, &(struct frame_ip){.dst = 0x0a0000ff, .eth_dst = fixture_all}, 1, 7, "all");
    expect_text(u, "all", 1);
    udp_close(u);
}

static void test_queue_is_bounded(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 7);
    for (int i = 0; i < UDP_QUEUE_MAX + 10; i++) {
        input_text(f, &plain, (uint16_t)(1 + i), 7, "x");
    }
    assert_int_equal(u->queue.count, UDP_QUEUE_MAX);
    assert_int_equal(fixture_counter(f, "udp_rx_queue_full"), 10);
    expect_text(u, "x", 1); /* the newest were dropped */
    udp_close(u);
    assert_int_equal(f->rx.used, 0);
}

/* However many sockets do not read, the device keeps an eighth of the receive buffers. */
static void test_queues_leave_buffers(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u[16];
    for (uint16_t i = 0; i < 16; i++) {
        u[i] = bound(f, 0, (uint16_t)(10 + i));
        for (int k = 0; k < UDP_QUEUE_MAX; k++) {
            input_text(f, &plain, 1, (uint16_t)(10 + i), "x");
        }
    }
    assert_true(fixture_counter(f, "udp_rx_no_buffer") > 0);
    assert_true(pkt_pool_left(&f->rx) >= FIXTURE_RX_COUNT / 8 - 1);
    for (size_t i = 0; i < 8; i++) {
        udp_close(u[i]); /* the others are net_destroy's */
    }
}

static void test_shut_for_reading(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, 0, 7);
    char c;
    uint32_t addr;
    uint16_t port;
    size_t full;
    input_text(f, &plain, 1, 7, "last");
    u->shut_rd = true;
    input_text(f, &plain, 1, 7, "late");
    expect_text(u, "last", 1);
    assert_int_equal(udp_recv(u, &c, 1, false, &addr, &port, &full), 0);
    assert_true((udp_ready(u) & NET_READY_IN) != 0);
    udp_close(u);
}

/* A socket bound to an address that is gone sends nothing in its name. */
static void test_address_lost(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = bound(f, FIXTURE_ADDR, 7);
    struct udp_cb *c = udp_create(f->net, on_ready, NULL);
    assert_int_equal(udp_connect(c, FIXTURE_PEER, 9), 0);
    struct net_event e = {.kind = NET_EVENT_ADDRESS, .address = 0x0a000021, .prefix_bits = 24};
    iface_set_address(f->net, &e);
    assert_int_equal(udp_send(u, "x", 1, FIXTURE_PEER, 9), -EADDRNOTAVAIL);
    assert_int_equal(udp_send(c, "x", 1, 0, 0), 1); /* whose address was the route's choice */
    assert_int_equal(c->laddr, 0x0a000021);
    e.kind = NET_EVENT_ADDRESS_LOST;
    iface_set_address(f->net, &e);
    assert_int_equal(udp_send(c, "x", 1, 0, 0), -ENETUNREACH);
    udp_close(u);
    udp_close(c);
}

static void listener(void *ctx, bool is_tcp, uint32_t address, uint16_t port)
{
    uint32_t *sum = ctx;
    if (!is_tcp) {
        *sum += port;
        assert_int_equal(address, 0);
    }
}

static void test_listeners(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *a = bound(f, 0, 7);
    struct udp_cb *b = bound(f, 0, 100);
    uint32_t sum = 0;
    net_walk_listeners(f->net, listener, &sum);
    assert_int_equal(sum, 107);
    udp_close(a);
    udp_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test_met(test_receive),
        fixture_test_met(test_bad_datagrams),
        fixture_test_met(test_checksum_zero_and_trailing),
        fixture_test_met(test_checksum_by_the_device),
        fixture_test_met(test_send),
        fixture_test_met(test_tos_and_ttl),
        fixture_test_met(test_checksum_never_zero),
        fixture_test_met(test_binding),
        fixture_test_met(test_ephemeral_ports_differ),
        fixture_test_met(test_table_is_bounded),
        fixture_test_met(test_matching),
        fixture_test_met(test_connect),
        fixture_test_met(test_broadcast),
        fixture_test_met(test_queue_is_bounded),
        fixture_test_met(test_queues_leave_buffers),
        fixture_test_met(test_shut_for_reading),
        fixture_test_met(test_address_lost),
        fixture_test_met(test_listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
