/*
 * A DHCP client in virtual time: see dhcp_world.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dhcp_world.h"

#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/wire/csum.h"
#include "net/wire/dhcp.h"

int dhcp_setup(void **state)
{
    struct net_fixture *f = malloc(sizeof(*f));
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.ip.mode = NET_ADDRESS_DHCP;
    fixture_start(f, &cfg);
    net_set_link(f->net, true, f->now_ns);
    *state = f;
    return 0;
}

static const uint8_t *find_option(const uint8_t *m, uint8_t code)
{
    const uint8_t *o = m + DHCP_FIXED_BYTES;
    while (*o != 255) {
        if (*o == code) {
            return o + 2;
        }
        o += 2 + o[1];
    }
    return NULL;
}

bool next_said(struct net_fixture *f, struct said *s)
{
    struct frame fr;
    while (fixture_pop(f, &fr)) {
        const uint8_t *d = frame_payload_at(&fr);
        if (load_be16(fr.bytes + 12) != ETH_TYPE_IPV4 || load_be16(d + 2) != 67) {
            continue;
        }
        assert_int_equal(load_be16(d), 68);
        uint32_t sum = csum_pseudo(load_be32(frame_ip_at(&fr) + 12),
                                   load_be32(frame_ip_at(&fr) + 16), 17, load_be16(d + 4));
        assert_int_equal(csum_finish(csum_add(sum, d, load_be16(d + 4))), 0);
        const uint8_t *m = d + 8;
        assert_int_equal(load_be16(d + 4), 8 + DHCP_MESSAGE_BYTES);
        assert_int_equal(m[0], 1);
        assert_int_equal(load_be16(m + 10), 0); /* no broadcast flag */
        assert_memory_equal(m + 28, fixture_mac, 6);
        assert_memory_equal(find_option(m, 61), "\1\2\0\0\0\0\1", 7);
        const uint8_t *requested = find_option(m, 50);
        const uint8_t *server = find_option(m, 54);
        *s = (struct said){
            .type = find_option(m, 53)[0],
            .xid = load_be32(m + 4),
            .ciaddr = load_be32(m + 12),
            .requested = requested != NULL ? load_be32(requested) : 0,
            .server = server != NULL ? load_be32(server) : 0,
            .ip_src = load_be32(frame_ip_at(&fr) + 12),
            .ip_dst = load_be32(frame_ip_at(&fr) + 16),
            .secs = load_be16(m + 8),
        };
        memcpy(s->eth_dst, fr.bytes, 6);
        return true;
    }
    return false;
}

void expect_said(struct net_fixture *f, struct said *s, uint8_t type)
{
    assert_true(next_said(f, s));
    assert_int_equal(s->type, type);
}

struct reply reply_to(const struct said *s, uint8_t type)
{
    return (struct reply){
        .type = type,
        .xid = s->xid,
        .address = OFFERED,
        .server = SERVER,
        .netmask = 0xffffff00,
        .router = FIXTURE_GATEWAY,
        .lease_s = 3600,
    };
}

static uint8_t *put_u32(uint8_t *at, uint8_t code, uint32_t value)
{
    at[0] = code;
    at[1] = 4;
    store_be32(at + 2, value);
    return value != 0 ? at + 6 : at;
}

size_t encode_reply(uint8_t *m, const struct reply *r)
{
    memset(m, 0, 400);
    memcpy(m, "\2\1\6", 3);
    store_be32(m + 4, r->xid);
    store_be32(m + 16, r->address);
    memcpy(m + 28, r->mac != NULL ? r->mac : fixture_mac, 6);
    store_be32(m + 236, 0x63825363);
    uint8_t *o = m + DHCP_FIXED_BYTES;
    memcpy(o, "\65\1", 2);
    o[2] = r->type;
    o = put_u32(o + 3, 54, r->server);
    o = put_u32(o, 1, r->netmask);
    o = put_u32(o, 3, r->router);
    if (!r->no_lease) {
        memcpy(o, "\63\4", 2);
        store_be32(o + 2, r->lease_s);
        o += 6;
    }
    o = put_u32(o, 58, r->renew_s);
    o = put_u32(o, 59, r->rebind_s);
    *o++ = 255;
    return (size_t)(o - m);
}

void input_message(struct net_fixture *f, const uint8_t *m, size_t len, bool broadcast)
{
    struct frame fr;
    struct frame_ip ip = {.src = SERVER, .dst = broadcast ? 0xffffffffu : OFFERED};
    ip.eth_dst = broadcast ? fixture_all : fixture_mac;
    frame_udp(&fr, &ip, 67, 68, m, len);
    fixture_input(f, &fr);
}

void input_reply(struct net_fixture *f, const struct reply *r)
{
    uint8_t m[512];
    size_t len = encode_reply(m, r);
    input_message(f, m, len, r->broadcast);
}

void bind_lease(struct net_fixture *f, uint32_t lease_s)
{
    struct said s;
    expect_said(f, &s, DHCP_DISCOVER);
    struct reply r = reply_to(&s, DHCP_OFFER);
    r.lease_s = lease_s;
    input_reply(f, &r);
    expect_said(f, &s, DHCP_REQUEST);
    r.type = DHCP_ACK;
    input_reply(f, &r);
    assert_int_equal(net_address(f->net), OFFERED);
    assert_int_equal(f->net->dhcp.state, DHCP_BOUND);
}

void bind_and_settle(struct net_fixture *f, uint32_t lease_s)
{
    bind_lease(f, lease_s);
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 5000);
    (void)fixture_forget(f);
}

void bind_and_renew(struct net_fixture *f, struct said *s)
{
    bind_and_settle(f, 3600);
    fixture_advance_ms(f, 1794000);
    fixture_know(f, SERVER, fixture_peer);
    fixture_advance_ms(f, 2000);
    expect_said(f, s, DHCP_REQUEST);
}
