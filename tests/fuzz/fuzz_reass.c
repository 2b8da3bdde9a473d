/*
 * Fragments of a few datagrams, cut anyhow. Beside the stack a plain model keeps, for each of them,
 * what its fragments said; what the stack delivers must be what the model has, byte for byte.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include "kernel/bytes.h"
#include "net/stack.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/net_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    SOURCES = 3,
    FRAGMENT_MAX_BYTES = 1480,
    DATAGRAM_MAX_BYTES = 65535,
    PIECES_MAX = 60, /* of one that comes whole: more are refused, and take time */
};

/* Each byte of every datagram is a function of its source and place: a piece put anywhere else, or
 * into another datagram, is seen. */
static uint8_t pattern(uint32_t source, size_t at)
{
    if (at < 8) { /* a UDP header without checksum, of any length */
        static const uint8_t head[8] = {0, 1, 0, 9};
        return head[at];
    }
    return (uint8_t)(at * 7 + (at >> 8) * 31 + source * 101);
}

/* len bytes of the pattern of what's source, at offset (in units of 8), with offset's flag. */
static void input_piece(struct net_fixture *f, uint8_t what, uint16_t offset, size_t len,
                        uint16_t udp_bytes)
{
    uint8_t bytes[FRAGMENT_MAX_BYTES];
    uint32_t source = what % SOURCES;
    size_t at = (size_t)(offset & 0x1fff) * 8;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern(source, at + i);
    }
    if (at == 0 && len >= 8) {
        store_be16(bytes + 4, udp_bytes);
    }
    struct frame fr;
    struct frame_ip ip = {
        .src = FIXTURE_PEER + source,
        .protocol = IP_PROTO_UDP,
        .id = (uint16_t)(what >> 4 & 3),
        .frag = (uint16_t)(offset & 0x3fff),
    };
    frame_ip(&fr, &ip, bytes, len);
    fixture_input(f, &fr);
}

static void input_fragment(struct net_fixture *f, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    uint16_t offset = fuzz_u16(in);
    size_t len = (size_t)fuzz_u8(in) * 8 + ((what & 0x80) != 0 ? 3 : 0);
    bool first = (offset & 0x1fff) == 0 && len >= 8;
    uint16_t udp_bytes = first ? (uint16_t)(8 + fuzz_u16(in) % 2000) : 0;
    input_piece(f, what, offset, min_size(len, FRAGMENT_MAX_BYTES), udp_bytes);
}

/* A whole datagram of any length in pieces of one size, in order or from its end on, but for one
 * that may be left out. */
static void input_datagram(struct net_fixture *f, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    size_t total = min_size(8u + fuzz_u16(in), IPV4_PAYLOAD_MAX_BYTES);
    size_t piece = min_size(8 * (1u + fuzz_u8(in)), FRAGMENT_MAX_BYTES);
    total = min_size(total, PIECES_MAX * piece);
    size_t count = (total + piece - 1) / piece;
    size_t missing = fuzz_u8(in);
    for (size_t i = 0; i < count; i++) {
        size_t at = ((what & 0x80) != 0 ? count - 1 - i : i) * piece;
        size_t len = min_size(piece, total - at);
        uint16_t more = at + len < total ? 0x2000 : 0;
        if (at != missing * piece) {
            input_piece(f, what, (uint16_t)(at / 8 | more), len, (uint16_t)total);
        }
    }
}

/* What arrived on the socket is the pattern of its source. */
static void check_delivered(struct udp_cb *u)
{
    static uint8_t buf[DATAGRAM_MAX_BYTES];
    uint32_t addr;
    uint16_t port;
    size_t full;
    ptrdiff_t n = udp_recv(u, buf, sizeof(buf), false, &addr, &port, &full);
    while (n >= 0) {
        for (size_t i = 0; i < (size_t)n; i++) {
            assert(buf[i] == pattern(addr - FIXTURE_PEER, 8 + i));
        }
        n = udp_recv(u, buf, sizeof(buf), false, &addr, &port, &full);
    }
}

static void check_bounds(const struct net_fixture *f)
{
    const struct reass *r = &f->net->reass;
    assert(r->fragments <= f->cfg.limits.reass_packets);
    assert(r->fragments <= FIXTURE_RX_COUNT / REASS_POOL_SHARE);
    assert(f->rx.used == r->fragments + f->out.count);
}

static void on_ready(void *owner, uint32_t bits)
{
    (void)owner;
    (void)bits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct net_fixture f;
    struct net_config cfg;
    fixture_config(&cfg);
    cfg.limits.reass_datagrams = 4;
    cfg.limits.reass_packets = 60;
    fixture_start(&f, &cfg);
    net_set_link(f.net, true, f.now_ns);
    struct udp_cb *u = udp_create(f.net, on_ready, NULL);
    assert(u != NULL && udp_bind(u, 0, 9, false) == 0);
    while (in.size > 0) {
        uint8_t step = fuzz_u8(&in);
        if (step < 200) {
            input_fragment(&f, &in);
        } else if (step < 240) {
            input_datagram(&f, &in);
        } else {
            fixture_advance_ms(&f, fuzz_u8(&in) * 100u);
        }
        check_delivered(u);
        check_bounds(&f);
        (void)fixture_forget(&f);
    }
    udp_close(u);
    fixture_stop(&f);
    return 0;
}
