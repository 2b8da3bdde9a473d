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
    struct frame_ip ip = {.protocol = fuzz_u8(in)};
    uint8_t frag = fuzz_u8(in); /* 0: the first fragment; above 0xc0 a later one */
    ip.frag = frag == 0 ? 0x2000 : frag > 0xc0 ? frag & 0x203f : 0;
    size_t len = fuzz_take(in, d, fuzz_u16(in) % sizeof(d));
    frame_ip(&fr, &ip, d, len);
    fixture_input(f, &fr);
}

/* An echo request of any size in fragments of one size; some of its bytes are the input's. */
static void input_echo(struct net_fixture *f, struct fuzz_input *in)
{
    static uint8_t m[IPV4_PAYLOAD_MAX_BYTES];
    size_t total = min_size(ICMP_HEADER_BYTES + fuzz_u16(in), sizeof(m));
    size_t piece = min_size(8 * (1u + fuzz_u8(in)), 1480);
    total = min_size(total, 60 * piece); /* more pieces are refused, and take time */
    memset(m, fuzz_u8(in), total);
    store_be32(m, 0x08000000);
    (void)fuzz_take(in, m + ICMP_HEADER_BYTES, min_size(total - ICMP_HEADER_BYTES, 16));
    store_be16(m + 2, csum_finish(csum_add(0, m, total)));
    for (size_t at = 0; at < total; at += piece) {
        struct frame fr;
        size_t len = min_size(piece, total - at);
        uint16_t more = at + len < total ? 0x2000 : 0;
        struct frame_ip ip = {.protocol = IP_PROTO_ICMP, .frag = (uint16_t)(at / 8 | more)};
        frame_ip(&fr, &ip, m + at, len);
        fixture_input(f, &fr);
    }
}

/* A fragment of a reply: they come in order, and the whole is sound. */
static void check_fragment(const struct frame *fr)
{
    static uint8_t whole[IPV4_PAYLOAD_MAX_BYTES + 1500];
    static size_t have;
    uint16_t frag = load_be16(frame_ip_at(fr) + 6);
    size_t at = (size_t)(frag & 0x1fff) * 8;
    size_t len = (size_t)(fr->bytes + fr->len - frame_payload_at(fr));
    assert(fr->len <= 14 + 1500 && at == (at == 0 ? 0 : have));
    memcpy(whole + at, frame_payload_at(fr), len);
    have = at + len;
    if ((frag & 0x2000) == 0) {
        assert(whole[0] == ICMP_ECHO_REPLY && csum_finish(csum_add(0, whole, have)) == 0);
    }
}

/* An error that we send is whole, quotes an IP header, and is not about an ICMP error. */
static void check_output(struct net_fixture *f)
{
    struct frame fr;
    while (fixture_pop(f, &fr)) {
        if (load_be16(fr.bytes + 12) != ETH_TYPE_IPV4 || frame_ip_at(&fr)[9] != IP_PROTO_ICMP) {
            continue;
        }
        if ((load_be16(frame_ip_at(&fr) + 6) & 0x3fff) != 0) {
            check_fragment(&fr);
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
        uint8_t step = fuzz_u8(&in);
        if (step < 160) {
            input_message(&f, &in);
        } else if (step < 180) {
            input_echo(&f, &in);
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
