/*
 * The decoder and encoder of DHCP messages, against bytes that no server should send.
 */
// LINK: net/wire/dhcp.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "net/wire/dhcp.h"

/* A server's message with no options but its type and the server; returns its length. */
static size_t make_reply(uint8_t *m, uint8_t type)
{
    static const uint8_t options[] = {53, 1, 0, 54, 4, 10, 0, 0, 2, 255};
    memset(m, 0, DHCP_FIXED_BYTES + sizeof(options));
    memcpy(m, "\2\1\6", 3);
    store_be32(m + 4, 0x12345678);
    store_be32(m + 16, 0x0a00000f);
    memcpy(m + 28, "\2\0\0\0\0\1", 6);
    store_be32(m + 236, 0x63825363);
    memcpy(m + DHCP_FIXED_BYTES, options, sizeof(options));
    m[DHCP_FIXED_BYTES + 2] = type;
    return DHCP_FIXED_BYTES + sizeof(options);
}

/* From memory of just that size, so that reading beyond is seen. */
static enum dhcp_verdict decode(struct dhcp_reply *r, const uint8_t *m, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    memcpy(exact, m, len);
    enum dhcp_verdict verdict = dhcp_decode(r, exact, len);
    free(exact);
    return verdict;
}

static size_t put(uint8_t *m, size_t len, const void *bytes, size_t count)
{
    memcpy(m + len, bytes, count);
    return len + count;
}

static void test_fixed_part(void **state)
{
    (void)state;
    uint8_t m[512];
    struct dhcp_reply r;
    size_t len = make_reply(m, DHCP_OFFER);
    for (size_t cut = 0; cut < DHCP_FIXED_BYTES; cut++) {
        assert_int_equal(decode(&r, m, cut), DHCP_MALFORMED);
    }
    static const struct {
        size_t at;
        enum dhcp_verdict verdict;
    } cases[] = {{0, DHCP_MALFORMED},    {1, DHCP_GOOD}, /* whatever hardware it names */
                 {2, DHCP_MALFORMED},    {236, DHCP_BAD_COOKIE}, {237, DHCP_BAD_COOKIE},
                 {238, DHCP_BAD_COOKIE}, {239, DHCP_BAD_COOKIE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        m[cases[i].at] ^= 4;
        assert_int_equal(decode(&r, m, len), cases[i].verdict);
        m[cases[i].at] ^= 4;
        if (cases[i].verdict == DHCP_BAD_COOKIE) { /* who it is for is known all the same */
            assert_int_equal(r.xid, 0x12345678);
            assert_int_equal(r.address, 0x0a00000f);
            assert_int_equal(r.type, 0);
        }
    }
    store_be32(m + 12, 0x0a000010); /* ciaddr counts where yiaddr is none */
    assert_int_equal(decode(&r, m, len), DHCP_GOOD);
    assert_int_equal(r.address, 0x0a00000f);
    store_be32(m + 16, 0);
    assert_int_equal(decode(&r, m, len), DHCP_GOOD);
    assert_int_equal(r.address, 0x0a000010);
}

/* Cut anywhere among the options: what came whole counts. */
static void test_options_cut_short(void **state)
{
    (void)state;
    uint8_t m[512];
    struct dhcp_reply r;
    size_t len = make_reply(m, DHCP_OFFER);
    for (size_t cut = DHCP_FIXED_BYTES; cut <= len; cut++) {
        assert_int_equal(decode(&r, m, cut), DHCP_GOOD);
        assert_int_equal(r.type, cut >= DHCP_FIXED_BYTES + 3 ? DHCP_OFFER : 0);
        assert_int_equal(r.server, cut >= DHCP_FIXED_BYTES + 9 ? 0x0a000002 : 0);
    }
}

/* Every length of every option that is read: a wrong one costs that option and no other. */
static void test_option_lengths(void **state)
{
    (void)state;
    static const uint8_t codes[] = {1, 3, 51, 58, 59, 121, 249, 200};
    static const uint8_t behind[] = {12, 1, 'a', 255};
    for (size_t i = 0; i < sizeof(codes); i++) {
        for (uint32_t option_len = 0; option_len < 256; option_len++) {
            uint8_t m[600];
            struct dhcp_reply r;
            size_t len = make_reply(m, DHCP_ACK) - 1;
            m[len] = codes[i];
            m[len + 1] = (uint8_t)option_len;
            memset(m + len + 2, 5, option_len);
            len = put(m, len + 2 + option_len, behind, sizeof(behind));
            assert_int_equal(decode(&r, m, len), DHCP_GOOD);
            assert_int_equal(r.type, DHCP_ACK);
            assert_int_equal(r.server, 0x0a000002);
            bool good = option_len >= 4 && option_len % 4 == 0;
            assert_int_equal(r.netmask, codes[i] == 1 && good ? 0x05050505 : 0);
            assert_int_equal(r.has_lease, codes[i] == 51 && good);
            assert_int_equal(r.renew_s, codes[i] == 58 && good ? 0x05050505 : 0);
            assert_int_equal(r.rebind_s, codes[i] == 59 && good ? 0x05050505 : 0);
            size_t routers = min_size(option_len / 4, DHCP_ROUTERS_MAX);
            assert_int_equal(r.router_count, codes[i] == 3 ? routers : 0);
            size_t routes = min_size(option_len / 6, DHCP_ROUTES_MAX); /* of 5 bits: 6 bytes each */
            assert_int_equal(r.route_count, codes[i] == 121 || codes[i] == 249 ? routes : 0);
        }
    }
}

/* An option that reaches beyond its field ends it; what stood in front of it counts. */
static void test_option_beyond_the_field(void **state)
{
    (void)state;
    static const uint8_t lease[] = {51, 4, 0, 0, 1, 0};
    for (uint32_t option_len = 1; option_len < 256; option_len++) {
        uint8_t m[600];
        struct dhcp_reply r;
        size_t len = make_reply(m, DHCP_ACK) - 1;
        len = put(m, len, lease, sizeof(lease));
        m[len] = 3;
        m[len + 1] = (uint8_t)option_len;
        memset(m + len + 2, 1, option_len - 1); /* one byte less */
        assert_int_equal(decode(&r, m, len + 1 + option_len), DHCP_GOOD);
        assert_int_equal(r.lease_s, 256);
        assert_int_equal(r.router_count, 0);
    }
}

/* RFC 2131 4.1: options in file and sname, and overloads that point at themselves. */
static void test_overload(void **state)
{
    (void)state;
    uint8_t m[512];
    struct dhcp_reply d;
    size_t len = make_reply(m, DHCP_ACK) - 1;
    len = put(m, len, "\64\1\3\377", 4);
    memcpy(m + 108, "\63\4\0\0\1\0\64\1\3\377", 10);
    memcpy(m + 44, "\1\4\377\377\377\0\64\1\3\377", 10);
    assert_int_equal(decode(&d, m, len), DHCP_GOOD);
    assert_int_equal(d.lease_s, 256);
    assert_int_equal(d.netmask, 0xffffff00);
    m[len - 2] = 1; /* file only */
    assert_int_equal(decode(&d, m, len), DHCP_GOOD);
    assert_int_equal(d.lease_s, 256);
    assert_int_equal(d.netmask, 0);
    m[len - 2] = 2; /* sname only */
    assert_int_equal(decode(&d, m, len), DHCP_GOOD);
    assert_int_equal(d.lease_s, 0);
    assert_int_equal(d.netmask, 0xffffff00);
    m[44 + 62] = 3; /* an option across the field's end */
    m[44 + 63] = 4;
    m[44 + 9] = 0; /* and no end mark in front of it */
    assert_int_equal(decode(&d, m, len), DHCP_GOOD);
    assert_int_equal(d.netmask, 0xffffff00);
    assert_int_equal(d.router_count, 0);
}

/* RFC 3396: the parts of an option are one, in the order options, file, sname. */
static void test_parts_are_joined(void **state)
{
    (void)state;
    uint8_t m[512];
    struct dhcp_reply d;
    size_t len = make_reply(m, DHCP_ACK) - 1;
    static const uint8_t options[] = {52, 1, 3, 3, 1, 10, 51, 2, 0, 0, 3, 3, 0, 0, 1, 255};
    static const uint8_t file[] = {3, 2, 10, 0, 51, 2, 14, 16, 255};
    static const uint8_t sname[] = {3, 2, 0, 2, 255};
    len = put(m, len, options, sizeof(options));
    memcpy(m + 108, file, sizeof(file));
    memcpy(m + 44, sname, sizeof(sname));
    assert_int_equal(decode(&d, m, len), DHCP_GOOD);
    assert_int_equal(d.router_count, 2);
    assert_int_equal(d.routers[0], 0x0a000001);
    assert_int_equal(d.routers[1], 0x0a000002);
    assert_int_equal(d.lease_s, 3600);
}

/* Of one that comes twice, and is to be one, the first counts. */
static void test_twice(void **state)
{
    (void)state;
    uint8_t m[512];
    struct dhcp_reply d;
    size_t len = make_reply(m, DHCP_ACK) - 1;
    static const uint8_t more[] = {53, 1, 6, 54, 4,  10, 0, 0, 9, 51, 4,
                                   0,  0, 0, 7,  51, 4,  0, 0, 0, 9,  255};
    len = put(m, len, more, sizeof(more));
    assert_int_equal(decode(&d, m, len), DHCP_GOOD);
    assert_int_equal(d.type, DHCP_ACK);
    assert_int_equal(d.server, 0x0a000002);
    assert_int_equal(d.lease_s, 7);
}

/* RFC 3442: each prefix length, with just the bytes that it reaches into. */
static void test_routes(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 256; bits++) {
        uint8_t m[512];
        struct dhcp_reply d;
        size_t network = bits <= 32 ? (bits + 7) / 8 : 4;
        size_t len = make_reply(m, DHCP_ACK) - 1;
        m[len] = 121;
        m[len + 1] = (uint8_t)(5 + network + 5);
        m[len + 2] = (uint8_t)bits;
        memset(m + len + 3, 0xff, network);
        store_be32(m + len + 3 + network, 0x0a000002);
        memcpy(m + len + 7 + network, "\0\12\0\0\3\377", 6); /* a default route behind it */
        len += 13 + network;
        assert_int_equal(decode(&d, m, len), DHCP_GOOD);
        assert_int_equal(d.route_count, bits <= 32 ? 2 : 0);
        if (bits <= 32) {
            assert_int_equal(d.routes[0].prefix_bits, bits);
            assert_int_equal(d.routes[0].network, bits == 0 ? 0 : UINT32_MAX << (32 - bits));
            assert_int_equal(d.routes[0].router, 0x0a000002);
            assert_int_equal(d.routes[1].prefix_bits, 0);
            assert_int_equal(d.routes[1].router, 0x0a000003);
        }
    }
    uint8_t m[1500]; /* more than are looked at, in as many options as they take */
    struct dhcp_reply d;
    size_t len = make_reply(m, DHCP_ACK) - 1;
    for (uint32_t i = 0; i < 100; i++) {
        static const uint8_t route[] = {121, 9, 32, 10, 1, 0, 0, 10, 0, 0, 2};
        len = put(m, len, route, sizeof(route));
        m[len - 5] = (uint8_t)i;
    }
    assert_int_equal(decode(&d, m, len), DHCP_GOOD);
    assert_int_equal(d.route_count, DHCP_ROUTES_MAX);
    assert_int_equal(d.routes[DHCP_ROUTES_MAX - 1].network, 0x0a010000 + DHCP_ROUTES_MAX - 1);
}

static void test_fields(void **state)
{
    (void)state;
    uint8_t m[512];
    struct dhcp_reply d;
    size_t len = make_reply(m, DHCP_OFFER) - 1;
    static const uint8_t more[] = {0,   0,  1, 4,  255, 255, 0, 0, 3, 8,  10, 0,  0,
                                   254, 10, 0, 0,  25,  51,  4, 0, 0, 14, 16, 58, 4,
                                   0,   0,  0, 60, 59,  4,   0, 0, 0, 90, 255};
    memcpy(m + len, more, sizeof(more));
    assert_int_equal(decode(&d, m, len + sizeof(more)), DHCP_GOOD);
    assert_int_equal(d.type, DHCP_OFFER);
    assert_int_equal(d.xid, 0x12345678);
    assert_int_equal(d.address, 0x0a00000f);
    assert_int_equal(d.server, 0x0a000002);
    assert_int_equal(d.netmask, 0xffff0000);
    assert_int_equal(d.router_count, 2);
    assert_int_equal(d.routers[0], 0x0a0000fe);
    assert_int_equal(d.routers[1], 0x0a000019);
    assert_true(d.has_lease);
    assert_int_equal(d.lease_s, 3600);
    assert_int_equal(d.renew_s, 60);
    assert_int_equal(d.rebind_s, 90);
    assert_memory_equal(d.chaddr, "\2\0\0\0\0\1", 6);
}

/* RFC 2131 table 5: a DECLINE names the address and the server and asks for nothing. */
static void test_encoder(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    uint8_t m[DHCP_MESSAGE_BYTES];
    struct dhcp_request q = {.type = DHCP_DECLINE,
                             .xid = 7,
                             .secs = 9,
                             .requested = 0x0a00000f,
                             .server = 0x0a000002,
                             .mac = mac};
    dhcp_encode(m, &q);
    static const uint8_t options[] = {53, 1,  4, 61, 7,  1,  2, 0,  0, 0, 0, 9,  50,
                                      4,  10, 0, 0,  15, 54, 4, 10, 0, 0, 2, 255};
    assert_memory_equal(m + DHCP_FIXED_BYTES, options, sizeof(options));
    assert_int_equal(load_be32(m + 4), 7);
    assert_int_equal(load_be16(m + 8), 9);
    q.type = DHCP_REQUEST;
    q.ciaddr = 0x0a000010;
    dhcp_encode(m, &q);
    assert_int_equal(load_be32(m + 12), 0x0a000010);
    struct dhcp_reply d;
    assert_int_equal(decode(&d, m, sizeof(m)), DHCP_MALFORMED); /* it is no server's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_part),     cmocka_unit_test(test_options_cut_short),
        cmocka_unit_test(test_option_lengths), cmocka_unit_test(test_option_beyond_the_field),
        cmocka_unit_test(test_overload),       cmocka_unit_test(test_parts_are_joined),
        cmocka_unit_test(test_twice),          cmocka_unit_test(test_routes),
        cmocka_unit_test(test_fields),         cmocka_unit_test(test_encoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
