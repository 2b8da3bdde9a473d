/*
 * apps/root/config.c: what the command line's keys accept, what they refuse, and that a refused
 * word is named with what is allowed while its default stands.
 */
// LINK: apps/root/config.c kernel/cmdline.c
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apps/root/config.h"

static char messages[4096]; /* every complaint since parse() */

static void complain(const char *text)
{
    size_t used = strlen(messages);
    snprintf(messages + used, sizeof(messages) - used, "%s\n", text);
}

static struct root_config parse(const char *text)
{
    static struct cmdline line;
    struct root_config cfg;
    messages[0] = '\0';
    config_parse(&cfg, &line, text, "app", complain);
    return cfg;
}

static void test_defaults(void **state)
{
    struct root_config c = parse("");
    assert_int_equal(c.ip.mode, NET_ADDRESS_DHCP);
    assert_int_equal(c.log, LOG_INFO);
    assert_int_equal(c.panic, PANIC_REBOOT);
    assert_int_equal(c.selftest, SELFTEST_NONE);
    assert_string_equal(messages, "");
}

static void test_static_address(void **state)
{
    struct root_config c = parse("ip=192.0.2.10/24 gw=192.0.2.1 acd=strict");
    assert_int_equal(c.ip.mode, NET_ADDRESS_STATIC);
    assert_int_equal(c.ip.address, 0xc000020a);
    assert_int_equal(c.ip.prefix_bits, 24);
    assert_int_equal(c.ip.gateway, 0xc0000201);
    assert_true(c.ip.strict_acd);
    assert_string_equal(messages, "");
}

static void test_address_of_the_boot(void **state)
{
    struct root_config c = parse("ip=boot");
    assert_int_equal(c.ip.mode, NET_ADDRESS_DHCP);
    assert_true(c.ip_boot);
    assert_string_equal(messages, "");
    assert_false(parse("ip=boot ip=dhcp").ip_boot); /* a menu's word, and the person's behind it */
    assert_false(parse("ip=boot ip=192.0.2.10/24").ip_boot);
    assert_false(parse("").ip_boot);
}

/* A BOOTP message as GRUB hands it over: who it was for stands at byte 28 (RFC 2131, 2). */
static void test_nic_of_the_boot(void **state)
{
    static const uint8_t mac[] = {0x52, 0x54, 0, 0xaa, 0xbb, 0xcc};
    uint8_t ack[300] = {2, 1, 6};
    memcpy(ack + 28, mac, sizeof(mac));
    struct root_config c = parse("ip=boot");
    config_take_lease(&c, ack, sizeof(ack));
    assert_ptr_equal(c.ip.dhcp_ack, ack);
    assert_int_equal(c.ip.dhcp_ack_bytes, sizeof(ack));
    assert_int_equal(c.nic.by, ROOT_NIC_BOOT);
    assert_memory_equal(c.nic.mac, mac, sizeof(mac));

    c = parse("ip=boot nic=3:0.0"); /* a person's word counts for more */
    config_take_lease(&c, ack, sizeof(ack));
    assert_int_equal(c.nic.by, ROOT_NIC_PCI);
    c = parse("ip=boot");
    config_take_lease(&c, ack, 28 + sizeof(mac) - 1);
    assert_int_equal(c.nic.by, ROOT_NIC_ANY);
    ack[2] = 16; /* no Ethernet */
    config_take_lease(&c, ack, sizeof(ack));
    assert_int_equal(c.nic.by, ROOT_NIC_ANY);
}

static void test_everything_else(void **state)
{
    struct root_config c = parse("log=debug console=vga irq=poll panic=halt selftest=fault");
    assert_int_equal(c.log, LOG_DEBUG);
    assert_int_equal(c.consoles, ROOT_CONSOLE_VGA);
    assert_int_equal(c.irq, IRQ_POLL);
    assert_int_equal(c.panic, PANIC_HALT);
    assert_int_equal(c.selftest, SELFTEST_FAULT);
    assert_false(c.ecn || c.gro_off);
    assert_null(c.congestion);
    assert_string_equal(messages, "");
    assert_int_equal(parse("selftest=nic").selftest, SELFTEST_NIC);
    c = parse("ecn=on congestion=newreno selftest=wrap gro=off");
    assert_true(c.ecn && c.gro_off);
    assert_string_equal(c.congestion, "newreno");
    assert_int_equal(c.selftest, SELFTEST_WRAP);
    assert_string_equal(messages, "");
    assert_int_equal(parse("").offload, NIC_OFFLOAD_AUTO);
    assert_int_equal(parse("offload=off").offload, NIC_OFFLOAD_OFF);
    assert_int_equal(parse("offload=csum").offload, NIC_OFFLOAD_CSUM);
    assert_int_equal(parse("offload=all").offload, NIC_OFFLOAD_ALL);
    assert_string_equal(messages, "");
    assert_int_equal(parse("offload=tso").offload, NIC_OFFLOAD_AUTO);
    assert_non_null(strstr(messages, "'offload=tso' is not valid: offload= takes auto, off, csum"));
    (void)parse("congestion=vegas");
    assert_non_null(strstr(messages, "cubic or newreno"));
}

static void test_a_nic_is_named_by_address_or_mac(void **state)
{
    static const char *const addresses[] = {"nic=1f:1c.7", "nic=1F:1c.7", "nic=0000:1f:1c.7"};
    static const uint8_t mac[] = {0x52, 0x54, 0x00, 0x12, 0xab, 0x0f};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct root_nic_choice nic = parse(addresses[i]).nic;
        assert_int_equal(nic.by, ROOT_NIC_PCI);
        assert_int_equal(nic.bus, 0x1f);
        assert_int_equal(nic.slot, 0x1c);
        assert_int_equal(nic.func, 7);
        assert_string_equal(messages, "");
    }
    struct root_nic_choice nic = parse("nic=52:54:0:12:AB:0f").nic;
    assert_int_equal(nic.by, ROOT_NIC_MAC);
    assert_memory_equal(nic.mac, mac, sizeof(mac));
    assert_int_equal(parse("").nic.by, ROOT_NIC_ANY);
}

static void test_malformed_nics_are_named(void **state)
{
    static const char *const bad[] = {
        "nic=",           "nic=eth0",      "nic=0:3",           "nic=0:20.0",
        "nic=0:3.8",      "nic=100:3.0",   "nic=0001:0:3.0",    "nic=0:3.0x",
        "nic=52:54:0:12", "nic=1:2:3:4:5", "nic=1:2:3:4:5:6:7", "nic=1:2:3:4:5:100",
        "nic=:::::",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(parse(bad[i]).nic.by, ROOT_NIC_ANY);
        assert_non_null(strstr(messages, bad[i]));
        assert_non_null(strstr(messages, "a PCI address"));
    }
}

static void test_consoles(void **state)
{
    const uint32_t all = ROOT_CONSOLE_SERIAL | ROOT_CONSOLE_VGA | ROOT_CONSOLE_FRAMEBUFFER;
    const struct {
        const char *word;
        uint32_t consoles;
    } good[] = {{"console=serial", ROOT_CONSOLE_SERIAL},
                {"console=fb", ROOT_CONSOLE_FRAMEBUFFER},
                {"console=vga,serial", ROOT_CONSOLE_SERIAL | ROOT_CONSOLE_VGA},
                {"console=fb,vga,serial", all},
                {"", all}};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(parse(good[i].word).consoles, good[i].consoles);
        assert_string_equal(messages, "");
    }
    static const char *const bad[] = {"console=",      "console=,",   "console=fb,",
                                      "console=,fb",   "console=fbb", "console=seria",
                                      "console=fb;vga"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(parse(bad[i]).consoles, all);
        assert_non_null(strstr(messages, bad[i]));
    }
}

static void test_malformed_addresses_are_named(void **state)
{
    static const char *const bad[] = {
        "ip=",
        "ip=1.2.3/8",
        "ip=1.2.3.4",
        "ip=1.2.3.4/33",
        "ip=1.2.3.4/0",
        "ip=256.1.1.1/8",
        "ip=1.2.3.4/8x",
        "ip=127.0.0.1/8",
        "ip=224.0.0.1/4",
        "ip=0.1.2.3/8",
        "ip=1.2.3.99999999/8",
        "ip=1.2.3.-4/8",
        "ip=DHCP",
        "ip=1..2.3/8",
        "ip=192.0.2.0/24",
        "ip=192.0.2.255/24",
        "ip=192.0.2.11/30",
        "ip=10.0.0.0/8",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct root_config c = parse(bad[i]);
        assert_int_equal(c.ip.mode, NET_ADDRESS_DHCP);
        assert_non_null(strstr(messages, bad[i]));
        assert_non_null(strstr(messages, "ADDRESS/LENGTH"));
    }
}

/* The two addresses of a /31 are hosts (RFC 3021), and so is that of a /32. */
static void test_small_networks_have_no_edges(void **state)
{
    static const char *const good[] = {"ip=192.0.2.10/31", "ip=192.0.2.11/31", "ip=192.0.2.0/32",
                                       "ip=192.0.2.10/30", "ip=192.0.2.255/23"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(parse(good[i]).ip.mode, NET_ADDRESS_STATIC);
        assert_string_equal(messages, "");
    }
}

/* A cloud's address: the gateway is where no prefix reaches, and on the link all the same. */
static void test_gateway_of_a_host_prefix(void **state)
{
    struct root_config c = parse("ip=192.0.2.10/32 gw=172.31.1.1");
    assert_int_equal(c.ip.address, 0xc000020a);
    assert_int_equal(c.ip.prefix_bits, 32);
    assert_int_equal(c.ip.gateway, 0xac1f0101);
    assert_string_equal(messages, "");
    assert_int_equal(parse("gw=192.0.2.11 ip=192.0.2.10/32").ip.gateway, 0xc000020b);
    assert_int_equal(parse("ip=192.0.2.10/31 gw=192.0.2.11").ip.gateway, 0xc000020b);
    assert_string_equal(messages, "");
}

static void test_gateway_must_be_reachable(void **state)
{
    static const char *const bad[] = {
        "ip=192.0.2.10/24 gw=192.0.3.1",  "ip=192.0.2.10/24 gw=192.0.2.10",
        "ip=192.0.2.10/32 gw=192.0.2.10", "ip=192.0.2.10/31 gw=192.0.2.12",
        "ip=192.0.2.10/1 gw=64.0.2.1",    "gw=192.0.2.1",
        "ip=192.0.2.10/24 gw=300.0.2.1",  "ip=192.0.2.10/24 gw=192.0.2.255",
        "ip=192.0.2.10/24 gw=192.0.2.0",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(parse(bad[i]).ip.gateway, 0);
        assert_non_null(strstr(messages, "gw"));
    }
}

static void test_unknown_words_are_named(void **state)
{
    struct root_config c = parse("colour=red log=loud quiet");
    assert_int_equal(c.log, LOG_INFO);
    assert_non_null(strstr(messages, "colour=red"));
    assert_non_null(strstr(messages, "log=loud"));
    assert_non_null(strstr(messages, "error, warn, info or debug"));
    assert_non_null(strstr(messages, "quiet"));
}

/* Each wrong word is a complaint of its own, which is what the hosted program ends on. */
static void test_every_wrong_word_is_told(void **state)
{
    static const char *const wrong[] = {
        "--help", "ip", "IP=dhcp", "ip =dhcp", "mem=64K", "mem=4097M", "tap=", "log=", "-", "---",
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        (void)parse(wrong[i]);
        assert_string_not_equal(messages, "");
    }
    (void)parse("colour=red ecn=maybe gw=192.0.2.1");
    size_t lines = 0;
    for (const char *c = messages; *c != '\0'; c++) {
        lines += *c == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 3);
}

/* What a usage lists: every key with what it takes. */
static void test_keys_are_listed(void **state)
{
    size_t count;
    const struct cmdline_key *keys = config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        char word[64];
        snprintf(word, sizeof(word), "%s=\x01", keys[i].name);
        (void)parse(word);
        if (strcmp(keys[i].name, "tap") != 0) { /* any name may be a device's */
            assert_non_null(strstr(messages, keys[i].allowed));
        }
    }
}

static void test_hosted_keys(void **state)
{
    struct root_config c = parse("tap=rs0 mem=128M");
    assert_string_equal(c.tap, "rs0");
    assert_int_equal(c.memory_mib, 128);
    assert_int_equal(parse("mem=8M").memory_mib, 64);
    assert_int_equal(parse("mem=64").memory_mib, 64);
    assert_string_equal(parse("tap=0123456789abcdef").tap, "tap0");
}

static void test_arguments_of_the_server(void **state)
{
    struct root_config c;
    struct cmdline line;
    messages[0] = '\0';
    config_parse(&c, &line, "log=warn -- --port 81 log=error", "httpd", complain);
    assert_int_equal(c.log, LOG_WARN);
    assert_int_equal(line.argc, 4);
    assert_string_equal(line.argv[0], "httpd");
    assert_string_equal(line.argv[3], "log=error");
    assert_null(line.argv[4]);
    assert_string_equal(messages, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_static_address),
        cmocka_unit_test(test_address_of_the_boot),
        cmocka_unit_test(test_nic_of_the_boot),
        cmocka_unit_test(test_everything_else),
        cmocka_unit_test(test_consoles),
        cmocka_unit_test(test_malformed_addresses_are_named),
        cmocka_unit_test(test_a_nic_is_named_by_address_or_mac),
        cmocka_unit_test(test_malformed_nics_are_named),
        cmocka_unit_test(test_small_networks_have_no_edges),
        cmocka_unit_test(test_gateway_of_a_host_prefix),
        cmocka_unit_test(test_gateway_must_be_reachable),
        cmocka_unit_test(test_unknown_words_are_named),
        cmocka_unit_test(test_every_wrong_word_is_told),
        cmocka_unit_test(test_keys_are_listed),
        cmocka_unit_test(test_hosted_keys),
        cmocka_unit_test(test_arguments_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
