/*
 * Addresses as text: inet_pton, inet_ntop, inet_aton, inet_addr, byte order.
 */
// LINK: net/posix/inet.c

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base.h"
#include "net/include/arpa/inet.h"

static void test_byte_order(void **state)
{
    (void)state;
    uint8_t bytes[4];
    uint16_t s = htons(0x1234);
    uint32_t l = htonl(0x01020304);
    memcpy(bytes, &s, 2);
    assert_memory_equal(bytes, "\x12\x34", 2);
    memcpy(bytes, &l, 4);
    assert_memory_equal(bytes, "\x01\x02\x03\x04", 4);
    assert_int_equal(ntohs(s), 0x1234);
    assert_int_equal(ntohl(l), 0x01020304);
}

static void test_pton(void **state)
{
    (void)state;
    static const char *const good[] = {"0.0.0.0", "255.255.255.255", "10.0.2.15", "192.168.100.9"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct in_addr a;
        char text[INET_ADDRSTRLEN];
        assert_int_equal(inet_pton(AF_INET, good[i], &a), 1);
        assert_ptr_equal(inet_ntop(AF_INET, &a, text, sizeof(text)), text);
        assert_string_equal(text, good[i]);
    }
    static const char *const bad[] = {
        "",          "1",         "1.2.3",      "1.2.3.",    "1.2.3.4.", "1.2.3.4.5", ".1.2.3.4",
        "256.1.1.1", "1.1.1.256", "1.1.1.1000", "01.2.3.4",  "1.2.3.00", "1..2.3",    " 1.2.3.4",
        "1.2.3.4 ",  "+1.2.3.4",  "-1.2.3.4",   "0x1.2.3.4", "1.2.3.4x", "a.b.c.d",   "1,2,3,4",
        "1.2.3.4\n", "::1",       "1.2.3.4/24", "999.0.0.0",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct in_addr a = {.s_addr = 0x55555555};
        assert_int_equal(inet_pton(AF_INET, bad[i], &a), 0);
        assert_int_equal(a.s_addr, 0x55555555); /* untouched */
    }
}

static void test_families(void **state)
{
    (void)state;
    uint8_t addr[16] = {0};
    char text[INET6_ADDRSTRLEN];
    errno = 0;
    assert_int_equal(inet_pton(AF_INET6, "::1", addr), -1);
    assert_int_equal(errno, EAFNOSUPPORT);
    errno = 0;
    assert_null(inet_ntop(AF_INET6, addr, text, sizeof(text)));
    assert_int_equal(errno, EAFNOSUPPORT);
}

static void test_ntop_room(void **state)
{
    (void)state;
    struct in_addr a = {.s_addr = htonl(0x01020304)};
    char text[8] = "zzzzzzz";
    errno = 0;
    assert_null(inet_ntop(AF_INET, &a, text, 7));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(text[0], 'z');
    assert_non_null(inet_ntop(AF_INET, &a, text, 8));
    assert_string_equal(text, "1.2.3.4");
}

static void test_every_octet(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 256; i++) {
        struct in_addr a = {.s_addr = htonl(i << 24 | (255 - i))};
        struct in_addr back;
        char text[INET_ADDRSTRLEN];
        char want[32];
        assert_non_null(inet_ntop(AF_INET, &a, text, sizeof(text)));
        snprintf(want, sizeof(want), "%u.0.0.%u", i, 255 - i);
        assert_string_equal(text, want);
        assert_int_equal(inet_pton(AF_INET, text, &back), 1);
        assert_int_equal(back.s_addr, a.s_addr);
    }
}

static void test_aton(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t value;
    } good[] = {
        {"1.2.3.4", 0x01020304},    {"1.2.772", 0x01020304},
        {"1.131844", 0x01020304},   {"16909060", 0x01020304},
        {"0x1020304", 0x01020304},  {"0x7f.1", 0x7f000001},
        {"0177.0.0.1", 0x7f000001}, {"0", 0},
        {"4294967295", 0xffffffff}, {"1.2.3.4 rest", 0x01020304},
        {"0XfF.0.0.0", 0xff000000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct in_addr a;
        assert_int_equal(inet_aton(good[i].text, &a), 1);
        assert_int_equal(ntohl(a.s_addr), good[i].value);
        assert_int_equal(inet_addr(good[i].text), a.s_addr);
    }
    static const char *const bad[] = {
        "",           "x",          "1.2.3.4.5",
        "256.1.1.1",  "1.2.3.256",  "1.2.65536",
        "1.16777216", "4294967296", "99999999999999999999",
        "08.1.1.1",   "1.2.3.4x",   "1..2",
        "1.2.3.",     "0x",         "0xg",
        "-1",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct in_addr a = {.s_addr = 0x55555555};
        assert_int_equal(inet_aton(bad[i], &a), 0);
        assert_int_equal(a.s_addr, 0x55555555);
        assert_int_equal(inet_addr(bad[i]), INADDR_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_order),  cmocka_unit_test(test_pton),
        cmocka_unit_test(test_families),    cmocka_unit_test(test_ntop_room),
        cmocka_unit_test(test_every_octet), cmocka_unit_test(test_aton),
    };
    return cmocka_run_group_tests_name("inet", tests, NULL, NULL);
}
