/*
 * ICMP: echo, errors sent and received, what is ignored.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "tests/unit/net_fixture.h"

#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/udp/udp.h"
#include "net/wire/csum.h"

static const struct frame_ip plain;

static uint32_t ready_bits;

static void on_ready(void *owner, uint32_t bits)
{
    (void)owner;
    ready_bits |= bits;
}

static void test_echo(void **state)
{
    struct net_fixture *f = *state;
    uint8_t payload[1472];
    memset(payload, 0xa5, sizeof(payload));
    for (size_t len = 0; len <= sizeof(payload); len += len < 20 ? 1 : 121) {
        struct frame fr;
        struct frame out;
        frame_icmp(&fr, &plain, 0x0800, 0x12345678, payload, len);
        fixture_input(f, &fr);
        assert_true(fixture_pop(f, &out));
        assert_int_equal(out.len, fr.len);
        const uint8_t *m = frame_payload_at(&out);
        assert_int_equal(load_be16(m), 0);
        assert_int_equal(load_be32(m + 4), 0x12345678);
        assert_memory_equal(m + 8, payload, len);
        assert_int_equal(csum_finish(csum_add(0, m, 8 + len)), 0);
        assert_int_equal(load_be32(frame_ip_at(&out) + 12), FIXTURE_ADDR);
        assert_int_equal(load_be32(frame_ip_at(&out) + 16), FIXTURE_PEER);
    }
}

/* The answer keeps the DSCP (RFC 1349 5.1) and says for itself that it knows nothing of ECN: a mark
 * that a router set on the way here is no news of the way back (RFC 3168 5). */
static void test_echo_ecn(void **state)
{
    struct net_fixture *f = *state;
    for (unsigned ecn = 0; ecn < 4; ecn++) {
        struct frame fr;
        struct frame out;
        struct frame_ip ip = {.tos = (uint8_t)(0xb8 | ecn)};
        frame_icmp(&fr, &ip, 0x0800, 1, "ping", 4);
        fixture_input(f, &fr);
        assert_true(fixture_pop(f, &out));
        assert_int_equal(frame_ip_at(&out)[1], 0xb8);
    }
}

/* A ping larger than the MTU comes in fragments, and so does its answer (RFC 791 3.2). */
static void test_echo_in_fragments(void **state)
{
    enum { BYTES = 1900, FIRST = 1480 };
    struct net_fixture *f = *state;
    uint8_t message[8 + BYTES] = {8, 0};
    uint8_t answer[8 + BYTES];
    for (size_t i = 8; i < sizeof(message); i++) {
        message[i] = (uint8_t)(i * 7);
    }
    store_be16(message + 2, csum_finish(csum_add(0, message, sizeof(message))));
    struct frame fr;
    struct frame_ip ip = plain;
    ip.protocol = IP_PROTO_ICMP;
    ip.id = 77;
    ip.frag = 0x2000;
    frame_ip(&fr, &ip, message, FIRST);
    fixture_input(f, &fr);
    ip.frag = FIRST / 8;
    frame_ip(&fr, &ip, message + FIRST, sizeof(message) - FIRST);
    fixture_input(f, &fr);
    size_t have = 0;
    uint16_t id = 0;
    for (int i = 0; i < 2; i++) {
        assert_true(fixture_pop(f, &fr));
        const uint8_t *h = frame_ip_at(&fr);
        assert_true(load_be16(h + 2) <= 1500);
        assert_int_equal(csum_finish(csum_add(0, h, 20)), 0);
        assert_int_equal(load_be16(h + 6), have / 8 + (i == 0 ? 0x2000 : 0));
        assert_true(i == 0 || load_be16(h + 4) == id);
        id = load_be16(h + 4);
        memcpy(answer + have, h + 20, load_be16(h + 2) - 20);
        have += load_be16(h + 2) - 20u;
    }
    assert_false(fixture_pop(f, &fr));
    assert_int_equal(have, sizeof(message));
    assert_int_equal(answer[0], 0);
    assert_int_equal(csum_finish(csum_add(0, answer, have)), 0);
    assert_memory_equal(answer + 8, message + 8, BYTES);
    assert_int_equal(fixture_counter(f, "ip_tx_fragments"), 2);
}

/* Whatever the code says, the answer is the same (a known probe sends 0x41). */
static void test_echo_code(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    for (uint32_t code = 0; code < 256; code++) {
        frame_icmp(&fr, &plain, (uint16_t)(0x0800 | code), 0, "x", 1);
        fixture_input(f, &fr);
        assert_true(fixture_pop(f, &fr));
        assert_int_equal(load_be16(frame_payload_at(&fr)), 0);
    }
}

/* The detectors' probes of 4 and 1 bytes, bad checksums, the truncated timestamp. */
static void test_malformed(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t timestamp[8] = {0x0d, 0, 0xf2, 0xff, 0, 0, 0, 0};
    struct frame fr;
    for (size_t len = 0; len < 8; len++) {
        frame_ip(&fr, &(struct frame_ip){.protocol = 1}, "\x08\0\xf7\xff\0\0\0\0", len);
        fixture_input(f, &fr);
    }
    assert_int_equal(fixture_counter(f, "icmp_rx_short"), 8);
    frame_icmp(&fr, &plain, 0x0800, 0, "abc", 3);
    fr.bytes[fr.len - 1] ^= 1;
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "icmp_rx_bad_checksum"), 1);
    frame_ip(&fr, &(struct frame_ip){.protocol = 1}, timestamp, sizeof(timestamp));
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "icmp_rx_ignored"), 1);
    assert_int_equal(f->out.count, 0);
}

static void test_ignored_types(void **state)
{
    struct net_fixture *f = *state;
    uint8_t payload[64] = {0};
    struct frame fr;
    for (uint32_t type = 0; type < 256; type++) {
        if (type != ICMP_ECHO_REQUEST) {
            frame_icmp(&fr, &plain, (uint16_t)(type << 8), 0, payload, sizeof(payload));
            fixture_input(f, &fr);
        }
    }
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "icmp_rx_redirect"), 1);
    assert_int_equal(fixture_counter(f, "icmp_rx_source_quench"), 1);
    assert_int_equal(fixture_counter(f, "icmp_rx_bad_quote"), 3);
    assert_int_equal(fixture_counter(f, "icmp_rx_ignored"), 256 - 6);
    assert_int_equal(f->net->iface.netmask, 0xffffff00); /* no mask reply changes it */
    assert_int_equal(f->net->iface.gateway, FIXTURE_GATEWAY);
}

static void test_port_unreachable(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t options[4] = {1, 1, 1, 0};
    uint8_t payload[1000];
    struct frame fr;
    struct frame out;
    memset(payload, 7, sizeof(payload));
    frame_udp(&fr, &(struct frame_ip){.options = options, .options_len = 4, .tos = 8}, 1111, 2222,
              payload, sizeof(payload));
    fixture_input(f, &fr);
    assert_true(fixture_pop(f, &out));
    const uint8_t *m = frame_payload_at(&out);
    assert_int_equal(frame_ip_at(&out)[1], 0); /* its TOS is not that of what it is about */
    assert_int_equal(load_be16(m), 0x0303);
    assert_int_equal(load_be32(m + 4), 0);
    size_t quoted = out.len - 14 - 20 - 8;
    assert_int_equal(quoted, ICMP_QUOTE_MAX_BYTES);
    assert_memory_equal(m + 8, fr.bytes + 14, quoted);
    assert_int_equal(csum_finish(csum_add(0, m, 8 + quoted)), 0);
    assert_int_equal(fixture_counter(f, "icmp_tx_error"), 1);
}

/* RFC 1122 3.2.2: the cases in which no error may be sent. */
static void test_no_errors_about(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    frame_udp(&fr, &(struct frame_ip){.dst = 0x0a0000ff, .eth_dst = fixture_all}, 1, 2, "x", 1);
    fixture_input(f, &fr);
    frame_udp(&fr, &(struct frame_ip){.dst = 0xffffffff, .eth_dst = fixture_all}, 1, 2, "x", 1);
    fixture_input(f, &fr);
    frame_udp(&fr, &(struct frame_ip){.dst = 0x0a0000ff}, 1, 2, "x", 1);
    fixture_input(f, &fr);
    assert_int_equal(fixture_counter(f, "udp_rx_no_socket"), 3);
    struct ipv4_header h = {.src = FIXTURE_PEER, .protocol = 1, .header_bytes = 20};
    struct pkt *p = net_alloc_tx(f->net, true);
    memset(pkt_append(p, 8), 0, 8);
    p->data[0] = ICMP_UNREACHABLE;
    icmp_send_error(f->net, p, &h, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PORT);
    h.protocol = 17;
    h.frag_offset = 8;
    icmp_send_error(f->net, p, &h, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PORT);
    pkt_put(p);
    assert_int_equal(f->out.count, 0);
}

static void test_rate_limit(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    frame_udp(&fr, &plain, 1, 2, "x", 1);
    for (int i = 0; i < 1000; i++) {
        fixture_input(f, &fr);
    }
    assert_int_equal(fixture_forget(f), ICMP_ERRORS_BURST);
    assert_int_equal(fixture_counter(f, "icmp_tx_limited"), 1000 - ICMP_ERRORS_BURST);
    for (int i = 0; i < 1000; i++) { /* for a second */
        fixture_advance_ms(f, 1);
        fixture_input(f, &fr);
    }
    assert_in_range(fixture_forget(f), ICMP_ERRORS_PER_S - 1, ICMP_ERRORS_PER_S + 1);
}

/* With no buffer for it the error is not sent; everything else goes on. */
static void test_no_buffer(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    frame_udp(&fr, &plain, 1, 2, "x", 1);
    f->tx.fail_at = f->tx.get_count + 1;
    fixture_input(f, &fr);
    assert_int_equal(f->out.count, 0);
    assert_int_equal(fixture_counter(f, "icmp_tx_no_buffer"), 1);
    fixture_input(f, &fr);
    assert_int_equal(f->out.count, 1);
}

/* The bytes of an error that quotes a datagram of ours from port 5000 to the peer's 6000. */
static size_t quote_ours(uint8_t *q, uint32_t src, uint8_t protocol)
{
    struct frame fr;
    frame_ip(&fr, &(struct frame_ip){.src = src, .dst = FIXTURE_PEER, .protocol = protocol},
             "\x13\x88\x17\x70\x00\x09\x00\x00", 8);
    memcpy(q, fr.bytes + 14, fr.len - 14);
    return fr.len - 14;
}

static struct udp_cb *connected_socket(struct net_fixture *f)
{
    struct udp_cb *u = udp_create(f->net, on_ready, NULL);
    assert_int_equal(udp_bind(u, 0, 5000, false), 0);
    assert_int_equal(udp_connect(u, FIXTURE_PEER, 6000), 0);
    ready_bits = 0;
    return u;
}

static void test_errors_reach_sockets(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = connected_socket(f);
    uint8_t q[64];
    struct frame fr;
    size_t len = quote_ours(q, FIXTURE_ADDR, 17);
    frame_icmp(&fr, &plain, 0x0303, 0, q, len);
    fixture_input(f, &fr);
    assert_int_equal(ready_bits, NET_READY_ERR);
    assert_true((udp_ready(u) & NET_READY_ERR) != 0);
    assert_int_equal(udp_take_error(u), ECONNREFUSED);
    assert_int_equal(udp_take_error(u), 0);
    static const uint16_t others[] = {0x0b00, 0x0b01,
                                      0x0c00}; /* time exceeded, parameter problem */
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct frame other;
        frame_icmp(&other, &plain, others[i], 0, q, len);
        fixture_input(f, &other);
        assert_int_not_equal(udp_take_error(u), 0);
    }
    /* The same about a socket that is not connected: it hears nothing. */
    assert_int_equal(udp_connect(u, 0, 0), 0);
    fixture_input(f, &fr);
    assert_int_equal(udp_take_error(u), 0);
    udp_close(u);
}

static void test_bad_quotes(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = connected_socket(f);
    uint8_t q[64];
    struct frame fr;
    size_t len = quote_ours(q, FIXTURE_ADDR, 17);
    for (size_t cut = 0; cut < len; cut++) { /* cut short */
        frame_icmp(&fr, &plain, 0x0303, 0, q, cut);
        fixture_input(f, &fr);
    }
    for (uint8_t first = 0; first < 255;
         first++) { /* version, or a header length beyond the quote */
        if (first != 0x45) {
            q[0] = first;
            frame_icmp(&fr, &plain, 0x0303, 0, q, len);
            fixture_input(f, &fr);
        }
    }
    len = quote_ours(q, 0x0a000009, 17); /* not sent by us */
    frame_icmp(&fr, &plain, 0x0303, 0, q, len);
    fixture_input(f, &fr);
    len = quote_ours(q, FIXTURE_ADDR, 17);
    store_be16(q + 6, 3); /* a later fragment: those are no ports */
    frame_icmp(&fr, &plain, 0x0303, 0, q, len);
    fixture_input(f, &fr);
    len = quote_ours(q, FIXTURE_ADDR, 99);
    frame_icmp(&fr, &plain, 0x0303, 0, q, len);
    fixture_input(f, &fr);
    assert_int_equal(udp_take_error(u), 0);
    assert_int_equal(ready_bits, 0);
    assert_int_equal(fixture_counter(f, "icmp_rx_error"), 0);
    udp_close(u);
}

static void test_decode_error(void **state)
{
    (void)state;
    uint8_t m[8 + 28] = {3, 4, 0, 0, 0, 0, 0x05, 0x78};
    struct icmp_error e;
    size_t len = quote_ours(m + 8, FIXTURE_ADDR, 6);
    assert_true(icmp_decode_error(&e, m, 8 + len));
    assert_int_equal(e.mtu, 1400);
    assert_int_equal(e.quoted_src, FIXTURE_ADDR);
    assert_int_equal(e.quoted_dst, FIXTURE_PEER);
    assert_int_equal(e.quoted_protocol, 6);
    assert_int_equal(load_be16(e.quoted), 5000);
    m[1] = 3;
    assert_true(icmp_decode_error(&e, m, 8 + len));
    assert_int_equal(e.mtu, 0);
}

/* A neighbour that does not answer is as good as a router saying so. */
static void test_absent_neighbour(void **state)
{
    struct net_fixture *f = *state;
    struct udp_cb *u = udp_create(f->net, on_ready, NULL);
    assert_int_equal(udp_connect(u, 0x0a000063, 6000), 0);
    assert_int_equal(udp_send(u, "x", 1, 0, 0), 1);
    fixture_advance_ms(f, 3100);
    assert_int_equal(udp_take_error(u), EHOSTUNREACH);
    udp_close(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test_met(test_echo),
        fixture_test_met(test_echo_ecn),
        fixture_test_met(test_echo_code),
        fixture_test_met(test_echo_in_fragments),
        fixture_test_met(test_malformed),
        fixture_test_met(test_ignored_types),
        fixture_test_met(test_port_unreachable),
        fixture_test_met(test_no_errors_about),
        fixture_test_met(test_rate_limit),
        fixture_test_met(test_no_buffer),
        fixture_test_met(test_errors_reach_sockets),
        fixture_test_met(test_bad_quotes),
        cmocka_unit_test(test_decode_error),
        fixture_test_met(test_absent_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
