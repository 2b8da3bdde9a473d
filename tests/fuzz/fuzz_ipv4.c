/*
 * Frames into a whole stack: its decoder alone first, then a sequence of frames as they are or with
 * their IPv4 header checksum put right, with time passing in between. Whatever comes: no assertion,
 * every buffer home in the end, and nothing sent that exceeds the MTU.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include "kernel/bytes.h"
#include "net/link/eth.h"
#include "net/stack.h"
#include "net/wire/csum.h"
#include "net/wire/ipv4.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/net_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoder(const uint8_t *data, size_t size)
{
    struct ipv4_header h;
    if (ipv4_decode(&h, data, size) == IPV4_GOOD) {
        assert(h.header_bytes >= IPV4_HEADER_BYTES && h.header_bytes <= 60);
        assert(h.total_bytes >= h.header_bytes && h.total_bytes <= size);
    }
}

static void fix_header_checksum(struct frame *fr)
{
    uint8_t *h = fr->bytes + ETH_HEADER_BYTES;
    size_t len = (size_t)(h[0] & 15) * 4;
    if (fr->len >= ETH_HEADER_BYTES + max_u64(len, IPV4_HEADER_BYTES)) {
        store_be16(h + 10, 0);
        store_be16(h + 10, csum_finish(csum_add(0, h, len)));
    }
}

/* A frame is: how it starts, its length, its bytes. */
static void take_frame(struct fuzz_input *in, struct frame *fr)
{
    uint8_t kind = fuzz_u8(in);
    size_t len = fuzz_u16(in) % 1515;
    frame_eth(fr, (kind & 1) != 0 ? fixture_all : fixture_mac, fixture_peer,
              (kind & 2) != 0 ? ETH_TYPE_ARP : ETH_TYPE_IPV4);
    if ((kind & 4) != 0) {
        fr->len = 0; /* the header comes from the input, too */
    }
    len = min_size(len, sizeof(fr->bytes) - fr->len);
    fr->len += fuzz_take(in, fr->bytes + fr->len, len);
    if ((kind & 8) == 0) {
        fix_header_checksum(fr);
    }
}

static void on_ready(void *owner, uint32_t bits)
{
    (void)owner;
    (void)bits;
}

/* What came for the port goes back, twice as long: so it leaves in fragments as well. */
static void answer(struct udp_cb *u)
{
    static uint8_t buf[2 * UDP_PAYLOAD_MAX_BYTES];
    uint32_t addr;
    uint16_t port;
    size_t full;
    ptrdiff_t n = udp_recv(u, buf, UDP_PAYLOAD_MAX_BYTES, false, &addr, &port, &full);
    if (n >= 0) {
        (void)udp_send(u, buf, 2 * (size_t)n, addr, port);
    }
}

static void check_output(struct net_fixture *f)
{
    struct frame fr;
    while (fixture_pop(f, &fr)) {
        assert(fr.len >= ETH_HEADER_BYTES && fr.len <= ETH_HEADER_BYTES + 1500u);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct net_fixture f;
    struct frame fr;
    check_decoder(data, size);
    fixture_start(&f, NULL);
    net_set_link(f.net, true, f.now_ns);
    struct udp_cb *u = udp_create(f.net, on_ready, NULL);
    assert(u != NULL && udp_bind(u, 0, 0x0101, false) == 0);
    while (in.size > 0) {
        take_frame(&in, &fr);
        fixture_input(&f, &fr);
        answer(u);
        fixture_advance_ms(&f, fuzz_u8(&in) * 16);
        check_output(&f);
    }
    udp_close(u);
    fixture_stop(&f);
    return 0;
}
