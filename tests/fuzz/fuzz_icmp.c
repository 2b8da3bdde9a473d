/*
 * ICMP: the decoder of errors, then messages with a good checksum into a stack that has something
 * for errors to be about, and datagrams that make it send errors of its own.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/wire/csum.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/net_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_ready(void *owner, uint32_t bits)
{
    (void)owner;
    (void)bits;
}

/* The message's bytes are the input's, or quote a datagram of ours and then the input's. */
static void input_message(struct net_fixture *f, struct fuzz_input *in)
{
    uint8_t m[1200];
    struct frame quoted;
    size_t quoted_len = 0;
    uint8_t kind = fuzz_u8(in);
    uint16_t type_code = fuzz_u16(in);
    size_t len = fuzz_u16(in) % 1000;
    if ((kind & 1) != 0) {
        struct frame_ip ours = {.src = FIXTURE_ADDR, .dst = FIXTURE_PEER};
        frame_udp(&quoted, &ours, 5000, 6000, "x", 1);
        quoted_len = quoted.len - 14;
        memcpy(m, quoted.bytes + 14, quoted_len);
        m[fuzz_u8(in) % quoted_len] ^= fuzz_u8(in);
        len %= 64;
    }
    len = fuzz_take(in, m + quoted_len, len);
    struct frame fr;
    struct frame_ip ip = {.dst = (kind & 2) != 0 ? 0x0a0000ffu : FIXTURE_ADDR};
    frame_icmp(&fr, &ip, type_code, fuzz_u16(in), m, quoted_len + len);
    if ((kind & 4) != 0) {
        fr.len -= fuzz_u8(in) % 30;
        store_be16(fr.bytes + 16, (uint16_t)(fr.len - 14));
    }
    fixture_input(f, &fr);
}

/* Any transport, any bytes: often ends in an error sent back. */
static void input_datagram(struct net_fixture *f, struct fuzz_input *in)
{
    uint8_t d[600];
    struct frame fr;
    struct frame_ip ip = {.protocol = fuzz_u8(in), .frag = fuzz_u8(in) == 0 ? 0x2000 : 0};
    size_t len = fuzz_take(in, d, fuzz_u16(in) % sizeof(d));
    frame_ip(&fr, &ip, d, len);
    fixture_input(f, &fr);
}

/* An error that we send is whole, quotes an IP header, and is not about an ICMP error. */
static void check_output(struct net_fixture *f)
{
    struct frame fr;
    while (fixture_pop(f, &fr)) {
        if (load_be16(fr.bytes + 12) != ETH_TYPE_IPV4 || frame_ip_at(&fr)[9] != IP_PROTO_ICMP) {
            continue;
        }
        const uint8_t *m = frame_payload_at(&fr);
        size_t len = (size_t)(fr.bytes + fr.len - m);
        assert(csum_finish(csum_add(0, m, len)) == 0);
        assert(m[0] == ICMP_ECHO_REPLY || m[0] == ICMP_UNREACHABLE || m[0] == ICMP_TIME_EXCEEDED);
        if (m[0] != ICMP_ECHO_REPLY) {
            assert(len >= 8 + 20 && m[8] >> 4 == 4 && fr.len <= 14 + 576);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct net_fixture f;
    struct icmp_error e;
    (void)icmp_decode_error(&e, data, size);
    fixture_start(&f, NULL);
    net_set_link(f.net, true, f.now_ns);
    struct udp_cb *u = udp_create(f.net, on_ready, NULL);
    assert(u != NULL && udp_bind(u, 0, 5000, false) == 0);
    assert(udp_connect(u, FIXTURE_PEER, 6000) == 0);
    while (in.size > 0) {
        if (fuzz_u8(&in) < 160) {
            input_message(&f, &in);
        } else {
            input_datagram(&f, &in);
        }
        fixture_advance_ms(&f, fuzz_u8(&in));
        check_output(&f);
    }
    udp_close(u);
    fixture_stop(&f);
    return 0;
}
