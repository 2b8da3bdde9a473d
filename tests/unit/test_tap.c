/*
 * Taps and captures: what a tap sees of a stack's frames, why they were dropped, the ring of a
 * capture, and pcapng, read back block by block.
 */
// LINK: tests/unit/net_fixture.c kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/tap/capture.h"
#include "tests/unit/net_fixture.h"

enum {
    RING_BYTES = 16384,
    OUT_BYTES = 4096,
    BLOCK_PACKET = 6,
    OPT_COMMENT = 1,
    EPB_FLAGS = 2,
    EPB_DROPCOUNT = 4,
};

struct world {
    struct net_fixture f;
    struct net_taps taps;
    struct capture c;
    uint64_t ring[RING_BYTES / 8];
    void (*output)(void *arg, struct pkt *p);
};

static const struct bpf_insn everything[] = {{.code = BPF_RET | BPF_K, .k = UINT32_MAX}};
static const struct bpf_insn nothing[] = {{.code = BPF_RET | BPF_K}};

static struct world
    *world; /* of the test that runs: the stack's output has the fixture's argument */

static void tapped_output(void *arg, struct pkt *p)
{
    net_taps_output(&world->taps, p, world->f.now_ns);
    world->output(arg, p);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    fixture_start(&w->f, NULL);
    fixture_up(&w->f);
    fixture_know(&w->f, FIXTURE_PEER, fixture_peer);
    net_taps_init(&w->taps, w->f.net);
    w->output = w->f.net->cfg.output;
    w->f.net->cfg.output = tapped_output;
    world = w;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fixture_stop(&w->f);
    free(w);
    return 0;
}

static void start(struct world *w, const struct bpf_insn *program, uint32_t snaplen)
{
    struct capture_config g = {.program = program, .snaplen = snaplen, .unix_offset_ns = 1000};
    capture_init(&w->c, &g, w->ring, sizeof(w->ring), w->f.now_ns);
    assert_true(net_taps_add(&w->taps, &w->c.tap));
}

static void give(struct world *w, const struct frame *fr)
{
    struct pkt *p = pkt_alloc(&w->f.rx, 0);
    assert_non_null(p);
    memcpy(pkt_append(p, fr->len), fr->bytes, fr->len);
    net_taps_input(&w->taps, &p, 1, w->f.now_ns);
}

static void ping(struct frame *fr, const struct frame_ip *ip)
{
    frame_icmp(fr, ip, 0x0800, 0x00010002, "0123456789", 10);
}

/* ---- pcapng, read back ---- */

static uint32_t word_at(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static uint16_t half_at(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

/* The block's option of that code, its length in *len, or NULL. from: where its options begin. */
static const uint8_t *option(const uint8_t *block, size_t from, uint16_t code, uint16_t *len)
{
    for (size_t at = from; half_at(block + at) != 0;) {
        *len = half_at(block + at + 2);
        if (half_at(block + at) == code) {
            return block + at + 4;
        }
        at += 4 + align_up(*len, 4);
    }
    return NULL;
}

/* The next packet's block: both of its lengths are right. */
static size_t next_block(struct world *w, uint8_t *out)
{
    size_t len = capture_read(&w->c, out, OUT_BYTES);
    if (len > 0) {
        assert_int_equal(word_at(out), BLOCK_PACKET);
        assert_int_equal(word_at(out + 4), len);
        assert_int_equal(word_at(out + len - 4), len);
    }
    return len;
}

static size_t options_at(const uint8_t *block)
{
    return 28 + align_up(word_at(block + 20), 4);
}

static void test_both_directions(void **state)
{
    struct world *w = *state;
    struct frame fr;
    uint8_t out[OUT_BYTES];
    uint16_t len;
    start(w, everything, CAPTURE_SNAPLEN_MAX);
    ping(&fr, &(struct frame_ip){0});
    give(w, &fr);
    assert_true(next_block(w, out) > 0);
    assert_int_equal(word_at(out + 20), fr.len);
    assert_int_equal(word_at(out + 24), fr.len);
    assert_memory_equal(out + 28, fr.bytes, fr.len);
    uint64_t ns = (uint64_t)word_at(out + 12) << 32 | word_at(out + 16);
    assert_int_equal(ns, w->f.now_ns + 1000);
    assert_int_equal(word_at(option(out, options_at(out), EPB_FLAGS, &len)), 1 | 1 << 2);
    assert_null(option(out, options_at(out), OPT_COMMENT, &len));
    assert_true(next_block(w, out) > 0);
    assert_int_equal(word_at(option(out, options_at(out), EPB_FLAGS, &len)), 2 | 1 << 2);
    assert_true(fixture_pop(&w->f, &fr)); /* and the answer went */
    assert_memory_equal(out + 28, fr.bytes, fr.len);
    assert_int_equal(next_block(w, out), 0);
}

/* What was dropped says why; what was not says nothing. */
static void test_reasons(void **state)
{
    struct world *w = *state;
    static const struct {
        struct frame_ip ip;
        const char *comment;
    } rows[] = {
        {{.eth_dst = fixture_other}, "dropped: frame for another station (eth_rx_other_host)"},
        {{.dst = FIXTURE_ADDR + 7}, "dropped: IP destination is not us (ip_rx_other_host)"},
        {{.src = 0x7f000001}, "dropped: IP source cannot be a host's (ip_rx_bad_source)"},
    };
    struct frame fr;
    uint8_t out[OUT_BYTES];
    start(w, everything, 64);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint16_t len = 0;
        ping(&fr, &rows[i].ip);
        give(w, &fr);
        assert_true(next_block(w, out) > 0);
        const uint8_t *comment = option(out, options_at(out), OPT_COMMENT, &len);
        assert_non_null(comment);
        assert_int_equal(len, strlen(rows[i].comment));
        assert_memory_equal(comment, rows[i].comment, len);
    }
    frame_udp(&fr, &(struct frame_ip){0}, 1000, 2000, "x", 1);
    fr.bytes[40] ^= 1; /* the checksum */
    give(w, &fr);
    assert_true(next_block(w, out) > 0);
    uint16_t len = 0;
    const uint8_t *comment = option(out, options_at(out), OPT_COMMENT, &len);
    assert_non_null(comment);
    assert_memory_equal(comment, "dropped: UDP checksum wrong", 27);
}

/* What could not be answered was not dropped itself. */
static void test_what_fails_behind_it_is_no_reason(void **state)
{
    struct world *w = *state;
    struct frame fr;
    uint8_t out[OUT_BYTES];
    uint16_t len;
    start(w, everything, 64);
    net_set_link(w->f.net, false, w->f.now_ns);
    uint64_t before = fixture_counter(&w->f, "link_tx_down");
    ping(&fr, &(struct frame_ip){0});
    give(w, &fr);
    assert_true(fixture_counter(&w->f, "link_tx_down") > before);
    assert_int_equal(fixture_counter(&w->f, "icmp_rx_echo"), 1);
    assert_true(next_block(w, out) > 0);
    assert_null(option(out, options_at(out), OPT_COMMENT, &len));
}

static void test_filter_and_snaplen(void **state)
{
    struct world *w = *state;
    struct frame fr;
    uint8_t out[OUT_BYTES];
    start(w, nothing, 64);
    ping(&fr, &(struct frame_ip){0});
    give(w, &fr);
    assert_int_equal(next_block(w, out), 0);
    assert_int_equal(w->c.received, 2);
    assert_int_equal(w->c.accepted, 0);
    net_taps_remove(&w->taps, &w->c.tap);
    assert_false(net_taps_any(&w->taps));
    start(w, everything, 20);
    give(w, &fr);
    assert_true(next_block(w, out) > 0);
    assert_int_equal(word_at(out + 20), 20);
    assert_int_equal(word_at(out + 24), fr.len);
}

/* The connection by which it is read, both ways. */
static void test_reader_is_left_out(void **state)
{
    struct world *w = *state;
    struct frame fr;
    start(w, everything, 64);
    w->c.config.reader_address = FIXTURE_PEER;
    w->c.config.reader_port = 4000;
    w->c.config.own_port = 9100;
    uint8_t ports[20] = {4000 >> 8, 4000 & 0xff, 9100 >> 8, 9100 & 0xff, [12] = 0x50};
    frame_ip(&fr, &(struct frame_ip){.protocol = IP_PROTO_TCP}, ports, sizeof(ports));
    give(w, &fr);
    assert_int_equal(w->c.received, 0);
    ports[1]++;
    frame_ip(&fr, &(struct frame_ip){.protocol = IP_PROTO_TCP}, ports, sizeof(ports));
    give(w, &fr);
    assert_int_equal(w->c.received, 1);
}

/* With a ring that is filled and read in all measures, frames come out as they went in and in their
 * order, and those that found no room are counted between the others. */
static void test_ring(void **state)
{
    struct world *w = *state;
    uint8_t out[OUT_BYTES];
    uint64_t next_in = 0;
    uint64_t next_out = 0;
    uint32_t random = 1;
    start(w, everything, 1000);
    for (int round = 0; round < 20000; round++) {
        random = random * 1103515245 + 12345;
        if ((random >> 16) % 2 == 0) {
            struct frame fr;
            uint8_t body[1200] = {0};
            memcpy(body, &next_in, sizeof(next_in));
            next_in++;
            frame_ip(&fr, &(struct frame_ip){.dst = FIXTURE_ADDR + 9, .protocol = 200}, body,
                     8 + (random >> 18) % 1100);
            give(w, &fr);
            continue;
        }
        if (next_block(w, out) > 0) {
            uint64_t number;
            uint16_t len;
            memcpy(&number, out + 28 + 34, sizeof(number));
            const uint8_t *lost = option(out, options_at(out), EPB_DROPCOUNT, &len);
            uint64_t skipped = 0;
            if (lost != NULL) {
                memcpy(&skipped, lost, sizeof(skipped));
            }
            assert_int_equal(number, next_out + skipped);
            next_out = number + 1;
        }
    }
    assert_true(w->c.lost > 100 && w->c.accepted == next_in);
    (void)fixture_forget(&w->f);
}

static void test_packets_max(void **state)
{
    struct world *w = *state;
    struct frame fr;
    start(w, everything, 64);
    w->c.config.packets_max = 3;
    ping(&fr, &(struct frame_ip){0});
    give(w, &fr);
    assert_false(capture_over(&w->c));
    give(w, &fr);
    assert_true(capture_over(&w->c));
    give(w, &fr);
    assert_int_equal(w->c.accepted, 3);
}

static void test_head_and_end(void **state)
{
    struct world *w = *state;
    uint8_t out[PCAPNG_HEAD_MAX_BYTES];
    struct pcapng_interface i = {.name = "eth0",
                                 .filter = "tcp port 80",
                                 .snaplen = 64,
                                 .address = FIXTURE_ADDR,
                                 .prefix_bits = 24,
                                 .speed_bps = 1000000000};
    size_t len = pcapng_begin(out, sizeof(out), "ringside", &i);
    assert_true(len > 0 && len % 4 == 0);
    assert_int_equal(word_at(out), 0x0a0d0d0a);
    assert_int_equal(word_at(out + 8), 0x1a2b3c4d);
    uint32_t first = word_at(out + 4);
    assert_int_equal(word_at(out + first), 1);
    assert_int_equal(first + word_at(out + first + 4), len);
    for (size_t max = 0; max < len; max++) {
        assert_int_equal(pcapng_begin(out, max, "ringside", &i), 0);
    }
    start(w, everything, 64);
    w->c.received = 5;
    assert_true(capture_end(&w->c, out, sizeof(out), w->f.now_ns) > 0);
    assert_int_equal(word_at(out), 5);
}

int main(void)
{
#define tap_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        tap_test(test_both_directions),
        tap_test(test_reasons),
        tap_test(test_what_fails_behind_it_is_no_reason),
        tap_test(test_filter_and_snaplen),
        tap_test(test_reader_is_left_out),
        tap_test(test_ring),
        tap_test(test_packets_max),
        tap_test(test_head_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
