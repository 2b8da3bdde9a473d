/*
 * DHCP: the decoder, then a server that says anything at any time, with the exchange's own
 * identification put in (or nothing would ever be looked at), and time passing.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/wire/dhcp.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/net_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MESSAGE_MAX_BYTES = 600,
};

/* A message of the input's bytes behind a head that fits. */
static size_t take_message(struct net_fixture *f, struct fuzz_input *in, uint8_t *m)
{
    uint8_t kind = fuzz_u8(in);
    size_t len = DHCP_FIXED_BYTES + fuzz_u16(in) % (MESSAGE_MAX_BYTES - DHCP_FIXED_BYTES);
    memset(m, 0, DHCP_FIXED_BYTES);
    m[0] = 2;
    m[1] = 1;
    m[2] = 6;
    store_be32(m + 4, f->net->dhcp.xid);
    store_be32(m + 16, (kind & 1) != 0 ? fuzz_u16(in) * 65537u : 0x0a00000fu);
    memcpy(m + 28, fixture_mac, 6);
    store_be32(m + 236, 0x63825363);
    if ((kind & 2) != 0) { /* sname and file, for overload */
        (void)fuzz_take(in, m + 44, 192);
    }
    (void)fuzz_take(in, m + DHCP_FIXED_BYTES, len - DHCP_FIXED_BYTES);
    if ((kind & 4) != 0) { /* what makes the likeliest good one */
        static const uint8_t good[] = {53, 1, 0, 54, 4, 10, 0, 0, 2, 51, 4, 0, 0};
        memcpy(m + DHCP_FIXED_BYTES, good, sizeof(good));
        m[DHCP_FIXED_BYTES + 2] = (uint8_t)(kind >> 4);
    }
    if ((kind & 8) != 0 && len > DHCP_FIXED_BYTES + 16) { /* and what follows are routes */
        m[DHCP_FIXED_BYTES + 15] = (kind & 1) != 0 ? 121 : 249;
    }
    return len;
}

static void input_message(struct net_fixture *f, struct fuzz_input *in)
{
    uint8_t m[MESSAGE_MAX_BYTES];
    struct frame fr;
    size_t len = take_message(f, in, m);
    struct frame_ip ip = {.dst = 0xffffffff, .eth_dst = fixture_all};
    frame_udp(&fr, &ip, 67, 68, m, len);
    fixture_input(f, &fr);
}

static void check_address(const struct net_fixture *f)
{
    uint32_t address = net_address(f->net);
    uint32_t gateway = f->net->iface.gateway;
    assert(address == 0 || ipv4_is_host(address));
    assert(gateway == 0 || gateway == address ||
           (ipv4_is_host(gateway) && iface_is_on_link(f->net, gateway)));
    assert(f->net->iface.route_count <= NET_ROUTES_MAX);
    for (uint32_t i = 0; i < f->net->iface.route_count; i++) {
        const struct net_route *r = &f->net->iface.routes[i];
        assert(r->prefix_bits >= 1 && r->prefix_bits <= 32);
        assert((r->network & ~ipv4_mask((uint8_t)r->prefix_bits)) == 0);
        assert(r->router == 0 || iface_is_on_link(f->net, r->router));
    }
    assert(f->net->dhcp.state != DHCP_OFF);
    assert(timer_armed(&f->net->dhcp.timer) || f->net->dhcp.state == DHCP_BOUND);
}

/* Once its timers have run, no lease is used beyond its end, but for what a tick takes. */
static void check_lease(const struct net_fixture *f)
{
    uint64_t expire_ns = f->net->dhcp.expire_ns;
    bool leased = net_address(f->net) != 0 && f->net->iface.origin == NET_ORIGIN_DHCP;
    assert(!leased || expire_ns == DEADLINE_NONE || f->now_ns <= expire_ns + 10 * NS_PER_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct net_fixture f;
    struct net_config cfg;
    struct dhcp_reply r;
    (void)dhcp_decode(&r, data, size);
    fixture_config(&cfg);
    cfg.ip.mode = NET_ADDRESS_DHCP;
    cfg.ip.strict_acd = (fuzz_u8(&in) & 1) != 0;
    fixture_start(&f, &cfg);
    net_set_link(f.net, true, f.now_ns);
    while (in.size > 0) {
        uint8_t step = fuzz_u8(&in);
        if (step < 180) {
            input_message(&f, &in);
        } else if (step < 250) {
            fixture_advance_ms(&f, fuzz_u16(&in) * 8u);
            check_lease(&f);
        } else {
            net_set_link(f.net, (step & 1) != 0, f.now_ns);
        }
        check_address(&f);
        (void)fixture_forget(&f);
    }
    fixture_stop(&f);
    return 0;
}
