/*
 * ARP: the decoder, then a dialogue of packets with addresses from a small set (so that they meet),
 * datagrams to send, and time, with an address that is static, probed strictly or link-local.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include "kernel/bytes.h"
#include "net/stack.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/net_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoder(const uint8_t *data, size_t size)
{
    struct arp_packet a;
    uint8_t bytes[ARP_PACKET_BYTES];
    if (arp_decode(&a, data, size)) {
        arp_encode(bytes, &a);
        assert(memcmp(bytes, data, sizeof(bytes)) == 0);
    }
}

/* One of a few addresses: ours, what is being claimed, neighbours, and some that are none. */
static uint32_t pick_address(struct net_fixture *f, uint8_t v)
{
    const uint32_t some[] = {
        FIXTURE_ADDR,    f->net->acd.claim.address,
        FIXTURE_GATEWAY, 0,
        0xffffffff,      0x0a0000ff,
        0x0b000001,      0xe0000001,
    };
    return v < ARRAY_SIZE(some) ? some[v] : 0x0a000000 + v;
}

static void input_arp(struct net_fixture *f, struct fuzz_input *in)
{
    static const uint8_t *const macs[] = {fixture_peer, fixture_other, fixture_mac, fixture_all};
    uint8_t kind = fuzz_u8(in);
    struct frame fr;
    struct frame_arp a = {
        .op = (uint16_t)((kind & 1) != 0 ? ARP_OP_REPLY : ARP_OP_REQUEST),
        .sender_mac = macs[kind >> 1 & 3],
        .sender_ip = pick_address(f, fuzz_u8(in)),
        .target_ip = pick_address(f, fuzz_u8(in)),
        .eth_dst = (kind & 8) != 0 ? fixture_mac : fixture_all,
    };
    frame_arp(&fr, &a);
    memcpy(fr.bytes + 6, fixture_peer, 6);
    if ((kind & 0xf0) == 0xf0) {
        fr.bytes[14 + fuzz_u8(in) % ARP_PACKET_BYTES] = fuzz_u8(in);
        fr.len -= fuzz_u8(in) % 30;
    }
    fixture_input(f, &fr);
}

static void send_one(struct net_fixture *f, uint32_t dst)
{
    struct pkt *p = net_alloc_tx(f->net, false);
    if (p != NULL) {
        memset(pkt_append(p, 8), 0, 8);
        struct ipv4_tx tx = {.dst = dst, .protocol = IP_PROTO_UDP};
        (void)ipv4_output(f->net, p, &tx);
    }
}

static void check_table(const struct net_fixture *f)
{
    const struct arp *arp = &f->net->arp;
    assert(arp->used <= arp->count && arp->incomplete <= arp->used);
    assert(arp->pending <= ARP_PENDING_TOTAL_MIN); /* the fixture's pool is small */
    assert(net_address(f->net) == 0 || arp_lookup(f->net, net_address(f->net)) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct net_fixture f;
    struct net_config cfg;
    check_decoder(data, size);
    fixture_config(&cfg);
    uint8_t mode = fuzz_u8(&in);
    cfg.ip.strict_acd = (mode & 1) != 0;
    cfg.ip.mode = (mode & 2) != 0 ? NET_ADDRESS_DHCP : NET_ADDRESS_STATIC;
    cfg.limits.arp_entries = 8;
    fixture_start(&f, &cfg);
    net_set_link(f.net, true, f.now_ns);
    while (in.size > 0) {
        uint8_t step = fuzz_u8(&in);
        if (step < 160) {
            input_arp(&f, &in);
        } else if (step < 200) {
            send_one(&f, pick_address(&f, fuzz_u8(&in)));
        } else if (step < 250) {
            fixture_advance_ms(&f, fuzz_u16(&in));
        } else {
            net_set_link(f.net, (step & 1) != 0, f.now_ns);
        }
        check_table(&f);
        (void)fixture_forget(&f);
    }
    fixture_stop(&f);
    return 0;
}
