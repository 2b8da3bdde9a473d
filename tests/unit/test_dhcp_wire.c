/*
 * The decoder and encoder of DHCP messages, against bytes that no server should send.
 */
// LINK: net/dhcp_wire.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "net/dhcp_wire.h"

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

static bool decodes(const uint8_t *m, size_t len)
{
    /* From memory of just that size, so that reading beyond is seen. */
    uint8_t *copy = malloc(len + 1);
    struct dhcp_reply r;
    memcpy(copy, m, len);
    uint8_t *exact = realloc(copy, len > 0 ? len : 1);
    bool good = dhcp_decode(&r, exact, len);
    free(exact);
    return good;
}

static void test_decoder(void **state)
{
    (void)state;
    uint8_t m[512];
    size_t len = make_reply(m, DHCP_OFFER);
    assert_true(decodes(m, len));
    for (size_t cut = 0; cut < len; cut++) { /* the end mark is always lost */
        assert_false(decodes(m, cut));
    }
    static const uint8_t fixed[] = {0, 1, 2, 236, 237, 238, 239};
    for (size_t i = 0; i < sizeof(fixed); i++) {
        m[fixed[i]] ^= 4;
        assert_false(decodes(m, len));
        m[fixed[i]] ^= 4;
    }
    for (uint32_t type = 0; type < 256; type++) {
        m[DHCP_FIXED_BYTES + 2] = (uint8_t)type;
        assert_int_equal(decodes(m, len), type == 2 || type == 5 || type == 6);
    }
}

/* Every length of every option that is read, at the end of the message. */
static void test_option_lengths(void **state)
{
    (void)state;
    static const uint8_t codes[] = {1, 3, 51, 52, 53, 54, 58, 59, 200};
    for (size_t i = 0; i < sizeof(codes); i++) {
        for (uint32_t option_len = 0; option_len < 256; option_len++) {
            uint8_t m[600];
            size_t len = make_reply(m, DHCP_ACK) - 1;
            memset(m + len, 255, 40);
            m[len] = codes[i];
            m[len + 1] = (uint8_t)option_len;
            memset(m + len + 2, 5, 8); /* 5: of overload, file and no sname */
            m[108] = 255;              /* and file is empty */
            bool fits = option_len <= 32;
            bool good = option_len == 4;
            if (codes[i] == 3) {
                good = option_len >= 4 && option_len % 4 == 0;
            } else if (codes[i] == 52 || codes[i] == 53) {
                good = option_len == 1;
            } else if (codes[i] == 200) {
                good = true;
            }
            if (option_len < 8 && good) {
                m[len + 2 + option_len] = 255;
            }
            assert_int_equal(decodes(m, len + 35), good && fits);
        }
        uint8_t m[600]; /* and one that the end of the message cuts short */
        size_t len = make_reply(m, DHCP_ACK) - 1;
        uint8_t whole = codes[i] == 52 || codes[i] == 53 ? 1 : 4;
        memset(m + len, 5, 8);
        m[len] = codes[i];
        m[len + 1] = whole;
        for (size_t cut = 0; cut < whole; cut++) {
            assert_false(decodes(m, len + 2 + cut));
        }
    }
}

/* RFC 2131 4.1: options in file and sname, and overloads that point at themselves. */
static void test_overload(void **state)
{
    (void)state;
    uint8_t m[512];
    struct dhcp_reply d;
    size_t len = make_reply(m, DHCP_ACK) - 1;
    memcpy(m + len, "\64\1\3\377", 4);
    len += 4;
    assert_true(dhcp_decode(&d, m, len) == false); /* file and sname without an end */
    memcpy(m + 108, "\63\4\0\0\1\0\64\1\3\377", 10);
    memcpy(m + 44, "\1\4\377\377\377\0\64\1\3\377", 10);
    assert_true(dhcp_decode(&d, m, len));
    assert_int_equal(d.lease_s, 256);
    assert_int_equal(d.netmask, 0xffffff00);
    memset(m + 44, 0, 64); /* nothing but padding */
    assert_false(dhcp_decode(&d, m, len));
    m[44 + 62] = 200; /* an option across the field's end */
    m[44 + 63] = 1;
    assert_false(dhcp_decode(&d, m, len));
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
    assert_true(dhcp_decode(&d, m, len + sizeof(more)));
    assert_int_equal(d.type, DHCP_OFFER);
    assert_int_equal(d.xid, 0x12345678);
    assert_int_equal(d.address, 0x0a00000f);
    assert_int_equal(d.server, 0x0a000002);
    assert_int_equal(d.netmask, 0xffff0000);
    assert_int_equal(d.router, 0x0a0000fe);
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
    assert_false(dhcp_decode(&d, m, sizeof(m))); /* a client's message is no server's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder),  cmocka_unit_test(test_option_lengths),
        cmocka_unit_test(test_overload), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_encoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
