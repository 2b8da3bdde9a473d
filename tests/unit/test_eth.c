/*
 * Ethernet frames with 802.1Q tags: one that tells but a priority is as none, one of a VLAN is not
 * for us. Frames without: test_ipv4.c.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
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

/* Puts a tag behind the addresses, in front of what is there. */
static void add_tag(struct frame *fr, uint16_t type, uint16_t control)
{
    memmove(fr->bytes + 16, fr->bytes + 12, fr->len - 12);
    store_be16(fr->bytes + 12, type);
    store_be16(fr->bytes + 14, control);
    fr->len += 4;
}

static void ping(struct frame *fr, size_t len)
{
    static const uint8_t payload[1472];
    frame_icmp(fr, &(struct frame_ip){0}, 0x0800, 0x00010002, payload, len);
}

/* The echo reply, without a tag and as long as the untagged request. */
static void check_answered(struct net_fixture *f, const struct frame *fr, size_t len)
{
    struct frame out;
    fixture_input(f, fr);
    assert_true(fixture_pop(f, &out));
    assert_int_equal(load_be16(out.bytes + 12), ETH_TYPE_IPV4);
    assert_int_equal(frame_payload_at(&out)[0], ICMP_ECHO_REPLY);
    assert_int_equal(out.len, len);
    assert_int_equal(f->out.count, 0);
}

static void check_dropped(struct net_fixture *f, const struct frame *fr, const char *counter)
{
    uint64_t before = fixture_counter(f, counter);
    fixture_input(f, fr);
    assert_int_equal(fixture_counter(f, counter), before + 1);
    assert_int_equal(fixture_forget(f), 0);
}

/* Every priority, with and without the mark that it may be dropped, as either kind of tag. */
static void test_priority_tag_is_none(void **state)
{
    struct net_fixture *f = *state;
    static const uint16_t types[] = {0x8100, 0x88a8};
    struct frame fr;
    for (uint16_t i = 0; i < 32; i++) {
        ping(&fr, 10);
        size_t len = fr.len;
        add_tag(&fr, types[i & 1], (uint16_t)(i >> 1 << 12));
        check_answered(f, &fr, len);
    }
    ping(&fr, 1472); /* a full packet: the frame is four bytes longer than an untagged one may be */
    add_tag(&fr, 0x8100, 0x6000);
    assert_int_equal(fr.len, 1518);
    check_answered(f, &fr, 1514);
    assert_int_equal(fixture_counter(f, "eth_rx_vlan"), 0);
}

/* A priority inside a priority, as a provider's bridge makes it; not without end. */
static void test_tags_in_tags(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    ping(&fr, 10);
    size_t len = fr.len;
    add_tag(&fr, 0x8100, 0xe000);
    add_tag(&fr, 0x88a8, 0x2000);
    check_answered(f, &fr, len);
    add_tag(&fr, 0x88a8, 0);
    check_dropped(f, &fr, "eth_rx_vlan");
    ping(&fr, 10); /* the inner one of a VLAN */
    add_tag(&fr, 0x8100, 7);
    add_tag(&fr, 0x8100, 0);
    check_dropped(f, &fr, "eth_rx_vlan");
}

/* The padding of a tagged frame may make it 64 bytes with its tag or without. */
static void test_padding_behind_a_tag(void **state)
{
    struct net_fixture *f = *state;
    static const uint8_t padding[64];
    struct frame fr;
    for (size_t least = 60; least <= 64; least += 4) {
        ping(&fr, 1);
        size_t len = fr.len;
        add_tag(&fr, 0x8100, 0);
        frame_put(&fr, padding, least - fr.len);
        check_answered(f, &fr, len);
    }
}

static void test_arp_in_a_tag(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    struct frame_arp a = {
        .op = ARP_OP_REQUEST,
        .sender_mac = fixture_other,
        .sender_ip = 0x0a000007,
        .target_ip = FIXTURE_ADDR,
    };
    frame_arp(&fr, &a);
    add_tag(&fr, 0x8100, 0x6000);
    fixture_input(f, &fr);
    assert_true(fixture_pop(f, &fr));
    assert_int_equal(load_be16(fr.bytes + 12), ETH_TYPE_ARP);
    assert_int_equal(load_be16(fr.bytes + 20), ARP_OP_REPLY);
    assert_memory_equal(fr.bytes, fixture_other, 6);
    assert_non_null(arp_lookup(f->net, 0x0a000007));
}

/* Fragments: what is put together lies elsewhere in its buffer than in an untagged frame. */
static void test_fragments_in_tags(void **state)
{
    struct net_fixture *f = *state;
    uint8_t m[72] = {8};
    struct frame fr;
    store_be16(m + 2, csum_finish(csum_add(0, m, sizeof(m))));
    for (uint16_t at = 0; at < 72; at += 24) {
        struct frame_ip ip = {.protocol = IP_PROTO_ICMP, .id = 9};
        ip.frag = (uint16_t)(at / 8 | (at < 48 ? 0x2000 : 0));
        frame_ip(&fr, &ip, m + at, 24);
        add_tag(&fr, 0x8100, 0);
        if (at < 48) {
            fixture_input(f, &fr);
        }
    }
    check_answered(f, &fr, 14 + 20 + 72);
}

static void test_vlans_are_dropped(void **state)
{
    struct net_fixture *f = *state;
    struct frame fr;
    for (uint32_t vid = 1; vid < 4096; vid++) {
        ping(&fr, 10);
        add_tag(&fr, (vid & 1) != 0 ? 0x8100 : 0x88a8, (uint16_t)(vid | vid << 13));
        check_dropped(f, &fr, "eth_rx_vlan");
    }
    frame_eth(&fr, fixture_mac, fixture_peer, 0x8100);
    for (size_t cut = 0; cut < 4; cut++) { /* a tag cut short */
        fr.len = 14 + cut;
        check_dropped(f, &fr, "eth_rx_short");
    }
    ping(&fr, 10);
    store_be16(fr.bytes + 12, 46);
    add_tag(&fr, 0x8100, 0);
    check_dropped(f, &fr, "eth_rx_length_frame");
    store_be16(fr.bytes + 16, 0x86dd);
    check_dropped(f, &fr, "eth_rx_unknown_type");
    ping(&fr, 10); /* a stack of tags and nothing else */
    for (uint32_t i = 0; i < 300; i++) {
        add_tag(&fr, 0x8100, 0);
    }
    check_dropped(f, &fr, "eth_rx_vlan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test_met(test_priority_tag_is_none), fixture_test_met(test_tags_in_tags),
        fixture_test_met(test_padding_behind_a_tag), fixture_test_met(test_arp_in_a_tag),
        fixture_test_met(test_fragments_in_tags),    fixture_test_met(test_vlans_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
