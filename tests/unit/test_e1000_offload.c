/*
 * Packets in several buffers, checksums and segments through the driver, against the strict models
 * of every generation: what leaves is compared with frames that are built one by one.
 */
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
// LINK: tests/unit/tso_packet.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "tests/unit/e1000_world.h"
#include "tests/unit/tso_packet.h"

#undef assert
#include <cmocka.h>

enum {
    WAITING_MAX = 512, /* packets under way */
    L3 = 14,
    L4 = 34,
};

/* One of each kind of ring, context and workaround. */
static const uint16_t devices[] = {0x1004, 0x100c, 0x100e, 0x1076, 0x105e, 0x108b, 0x10d3, 0x104a,
                                   0x10ea, 0x1502, 0x153a, 0x15b7, 0x10a7, 0x10c9, 0x1521, 0x1533};

static struct world w;

static struct wire {
    struct tso_plan plans[WAITING_MAX];
    uint32_t first, end; /* packets whose frames are to come, in order */
    uint32_t frame;      /* of the first of them */
    uint64_t frames;
} wire;

static void on_wire(void *arg, const uint8_t *frame, size_t len)
{
    uint8_t wanted[TSO_FRAME_MAX];
    assert_true(wire.first != wire.end);
    const struct tso_plan *plan = &wire.plans[wire.first % WAITING_MAX];
    size_t wanted_len = tso_frame(plan, wire.frame, wanted);
    assert_int_equal(len, wanted_len);
    assert_memory_equal(frame, wanted, len);
    wire.frames++;
    if (++wire.frame == tso_frames(plan)) {
        wire.frame = 0;
        wire.first++;
    }
}

static void start_with(uint16_t device, enum nic_offload offload)
{
    world_power_on(&w, device, WORLD_PACKETS);
    memset(&wire, 0, sizeof(wire));
    w.chip.sent = on_wire;
    w.offload = offload;
    world_start(&w);
}

static void start(uint16_t device)
{
    start_with(device, NIC_OFFLOAD_ALL);
}

static bool send(const struct tso_plan *plan)
{
    struct pkt *p = tso_packet(&w.pool, plan);
    assert_non_null(p);
    if (w.nic->ops->tx(w.nic, &p, 1) != 1) {
        pkt_put(p);
        return false;
    }
    assert_true(wire.end - wire.first < WAITING_MAX);
    wire.plans[wire.end++ % WAITING_MAX] = *plan;
    return true;
}

static void flush(void)
{
    w.nic->ops->tx_flush(w.nic);
}

static void end(void)
{
    flush();
    (void)chip_tx_work(&w.chip, UINT32_MAX);
    assert_false(w.nic->ops->tx_reclaim(w.nic));
    assert_int_equal(wire.first, wire.end);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    world_end(&w);
}

static struct tso_plan plain(uint32_t number, size_t bytes)
{
    return (struct tso_plan){
        .number = number, .bytes = bytes, .plain = true, .first_bytes = SIZE_MAX};
}

static struct tso_plan super(uint32_t number, size_t bytes)
{
    return (struct tso_plan){
        .number = number, .bytes = bytes, .mss = 1448, .frag_bytes = 1448, .frag_headroom = 96};
}

/* --- chains ------------------------------------------------------------------------------- */

/* Of every length, in buffers of every size, at every place of the ring. */
static void test_chains(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start_with(devices[d], NIC_OFFLOAD_OFF); /* gathering is none */
        assert_int_equal(w.nic->features, NIC_FEATURE_TX_FRAGS);
        for (uint32_t n = 0; n < 1500; n++) {
            struct tso_plan p = {.number = n, .bytes = 1 + n % 1448, .plain = true};
            p.first_bytes = n % 3 * 20;
            p.frag_bytes = p.bytes / (1 + n % (NIC_TX_FRAGS_MAX - 1)) + 1;
            p.frag_headroom = n % 100;
            assert_true(send(&p));
            if (n % 3 != 0) {
                flush();
                assert_false(w.nic->ops->tx_reclaim(w.nic));
            }
        }
        assert_int_equal(w.nic->stats.tx_contexts, 0);
        end();
    }
}

/* Fewer bytes than a frame has, in up to five buffers: zeros behind them, and nothing else. */
static void test_short_chains(void **state)
{
    static const uint16_t two[] = {0x100e, 0x10c9};
    for (size_t d = 0; d < ARRAY_SIZE(two); d++) {
        start(two[d]);
        for (uint32_t n = 0; n < 100; n++) {
            struct tso_plan p = {.number = n, .bytes = n % 18, .udp = true, .plain = n % 3 == 0};
            p.frag_bytes = 1 + n % 7;
            p.frag_headroom = PKT_BUF_BYTES - p.frag_bytes; /* no room behind */
            assert_true(send(&p));
            flush();
            assert_false(w.nic->ops->tx_reclaim(w.nic));
        }
        assert_int_equal(w.chip.contexts, 0); /* the driver did it itself */
        end();
    }
}

/* Whole or not at all, and those that were refused stay their owner's. */
static void test_all_or_nothing(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        w.chip.tx_manual = true;
        uint32_t n = 0;
        while (true) {
            struct tso_plan p = super(n, 40000);
            if (!send(&p)) {
                break;
            }
            n++;
        }
        assert_true(n >= 3 && n <= 8);
        uint32_t used = w.e.tx.next - w.e.tx.clean;
        assert_true(used < E1000_RING_COUNT);
        assert_int_equal(w.nic->stats.tx_ring_full, 1);
        assert_int_equal(w.pool.used, E1000_RING_COUNT + n * 29);
        end();
    }
}

/* A report in the midst of a packet is not looked at: nobody asked for it. */
static void test_done_within_a_chain(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        w.chip.tx_manual = true;
        struct tso_plan p = super(1, 20000);
        assert_true(send(&p));
        flush();
        uint64_t given[E1000_RING_COUNT];
        uint32_t last = w.e.tx.next - 1;
        for (uint32_t i = 0; i < last; i++) {
            given[i] = w.e.tx.ring[i].word;
            w.e.tx.ring[i].word |= w.e.format.tx_done;
        }
        assert_true(w.nic->ops->tx_reclaim(w.nic));
        assert_int_equal(w.pool.used, E1000_RING_COUNT + 15);
        for (uint32_t i = 0; i < last; i++) {
            w.e.tx.ring[i].word = given[i];
        }
        end();
    }
}

/* A buffer that somebody retains outlasts the packet, and so it does when nothing is sent. */
static void test_retained_buffers(void **state)
{
    for (int how = 0; how < 3; how++) {
        start(0x100e);
        w.chip.tx_manual = true;
        struct tso_plan plan = super(7, 3000);
        struct pkt *p = tso_packet(&w.pool, &plan), *kept = pkt_get(p->frag);
        if (how == 2) {
            chip_set_link(&w.chip, false, 0, false);
            world_watchdog_tick(&w);
        }
        assert_int_equal(w.nic->ops->tx(w.nic, &p, 1), 1);
        assert_int_equal(pkt_shared(kept), how != 2);
        if (how == 0) {
            wire.plans[wire.end++] = plan;
            flush();
            (void)chip_tx_work(&w.chip, UINT32_MAX);
            assert_false(w.nic->ops->tx_reclaim(w.nic));
        } else {
            e1000_close(&w.e);
        }
        assert_false(pkt_shared(kept));
        assert_null(kept->frag);
        assert_int_equal(pkt_len(kept), 1448);
        pkt_put(kept);
        world_end(&w);
    }
}

/* --- checksums ---------------------------------------------------------------------------- */

static void test_checksums(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start_with(devices[d], NIC_OFFLOAD_CSUM);
        for (uint32_t n = 0; n < 1000; n++) {
            struct tso_plan p = {.number = n,
                                 .bytes = n * 7 % 1440,
                                 .udp = n / 8 % 2 != 0,
                                 .first_bytes = n % 5 == 0 ? 9 : SIZE_MAX,
                                 .frag_bytes = 700};
            assert_true(send(&p));
            if (n % 13 == 0) {
                flush();
                assert_false(w.nic->ops->tx_reclaim(w.nic));
            }
        }
        flush();
        assert_int_equal(w.nic->stats.tx_csum, 1000);
        assert_int_equal(w.nic->stats.tx_contexts, 125); /* each time the protocol changes */
        assert_int_equal(w.chip.contexts, 125);
        end();
    }
}

/* What asks for nothing in between, and segments of one size where the context has no length. */
static void test_contexts_are_few(void **state)
{
    start(0x10c9);
    for (uint32_t n = 0; n < 60; n++) {
        struct tso_plan p = n % 2 == 0 ? super(n, 5000 + n) : plain(n, 100);
        assert_true(send(&p));
        flush();
        assert_false(w.nic->ops->tx_reclaim(w.nic));
    }
    assert_int_equal(w.nic->stats.tx_contexts, 1);
    end();
    start(0x100e);
    for (uint32_t n = 0; n < 60; n++) {
        struct tso_plan p = super(n, 5000 + n / 20);
        assert_true(send(&p));
        flush();
        assert_false(w.nic->ops->tx_reclaim(w.nic));
    }
    assert_int_equal(w.nic->stats.tx_contexts, 3);
    end();
}

/* --- segments ----------------------------------------------------------------------------- */

/* Few and many buffers, payload beside the headers or not, a mix with what asks for less. */
static struct tso_plan draw(uint64_t *seed, uint32_t number)
{
    static const uint16_t sizes[] = {512, 536, 1000, 1208, 1420, 1448};
    uint64_t r = world_random(seed);
    if (r % 4 == 0) {
        struct tso_plan p = plain(number, 18 + (r >> 8) % 1430);
        p.udp = (r >> 20) % 2 != 0;
        p.plain = (r >> 21) % 2 != 0;
        p.first_bytes = (r >> 22) % 2 != 0 ? SIZE_MAX : 3;
        p.frag_bytes = 300 + (r >> 24) % 1000;
        return p;
    }
    struct tso_plan p = {.number = number, .mss = sizes[(r >> 8) % ARRAY_SIZE(sizes)]};
    p.bytes = p.mss + 1 + (r >> 16) % (r % 8 == 1 ? 64000u : 6000u);
    p.frag_bytes = max_u64(1 + (r >> 40) % 1900, p.bytes / (NIC_TX_FRAGS_MAX - 2) + 1);
    p.first_bytes = (r >> 52) % 3 * ((r >> 54) % 900);
    p.frag_headroom = (r >> 60) * 8;
    return p;
}

static void segments_of(uint16_t device, uint64_t seed)
{
    uint32_t number = 0;
    start(device);
    w.chip.tx_manual = true;
    while (number < 400) {
        struct tso_plan p = draw(&seed, number);
        if (send(&p)) {
            number++;
        }
        uint64_t r = world_random(&seed);
        if (r % 3 == 0) {
            flush();
        }
        if (r % 5 == 0) {
            w.chip.tx_hold_dd = (r >> 32) % 3 == 0;
            (void)chip_tx_work(&w.chip, (uint32_t)(r >> 8) % 200);
        }
    }
    w.chip.tx_hold_dd = false;
    assert_true(w.nic->stats.tx_tso > 100);
    assert_int_equal(w.e.format.tx_context_bytes, w.chip.part < CHIP_82575);
    flush();
    (void)chip_tx_work(&w.chip, UINT32_MAX);
    assert_int_equal(w.nic->stats.tx_packets, wire.frames);
    end();
}

static void test_segments(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            segments_of(devices[d], seed * 77 + d);
        }
    }
}

/* As much as IPv4 lets a packet have. */
static void test_largest(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        for (uint32_t n = 0; n < 20; n++) {
            struct tso_plan p = super(n, 65535 - (TSO_TCP_HEADERS - 14));
            assert_true(send(&p));
            flush();
            assert_false(w.nic->ops->tx_reclaim(w.nic));
        }
        assert_int_equal(wire.frames, 20 * 46);
        end();
    }
}

/* --- resets ------------------------------------------------------------------------------- */

/* The hardware forgets its context, and what was under way is dropped whole. */
static void test_reset_forgets_the_context(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        struct tso_plan p = super(1, 9000);
        assert_true(send(&p));
        flush();
        assert_int_equal(w.nic->stats.tx_contexts, 1);
        w.chip.tx_hang = true;
        assert_true(send(&p));
        flush();
        for (int i = 0; i < 5 && w.nic->stats.tx_hangs == 0; i++) {
            world_watchdog_tick(&w);
        }
        assert_int_equal(w.nic->stats.tx_hangs, 1);
        assert_int_equal(w.pool.used, E1000_RING_COUNT);
        wire.first = wire.end;
        uint64_t contexts = w.nic->stats.tx_contexts;
        assert_true(send(&p));
        assert_int_equal(w.nic->stats.tx_contexts, contexts + 1);
        end();
    }
}

/* --- receive ------------------------------------------------------------------------------ */

/* Receives the frame; whether it was found good. */
static bool found_good(const uint8_t *frame, size_t len)
{
    struct pkt *p;
    assert_true(chip_receive(&w.chip, frame, len, 0));
    assert_int_equal(w.nic->ops->rx(w.nic, &p, 1), 1);
    assert_int_equal(pkt_len(p), len);
    assert_memory_equal(p->data, frame, len);
    bool good = (p->rx_flags & PKT_RX_CSUM_GOOD) != 0;
    pkt_put(p);
    return good;
}

static size_t from_wire(uint8_t *frame, uint32_t number, size_t bytes, bool udp)
{
    struct tso_plan p = {.number = number, .bytes = bytes, .udp = udp};
    memcpy(p.dest, w.chip.eeprom_mac, sizeof(p.dest));
    return tso_frame(&p, 0, frame);
}

static void fix_ip(uint8_t *frame)
{
    store_be16(frame + L3 + 10, 0);
    store_be16(frame + L3 + 10, (uint16_t)~segment_sum(0, frame + L3, 20));
}

static void check_received(void)
{
    uint8_t frame[TSO_FRAME_MAX];
    for (uint32_t n = 0; n < 200; n++) {
        size_t len = from_wire(frame, n, n * 7, n % 2 != 0); /* some are padded */
        assert_true(found_good(frame, len));
        size_t at = L4 + n % 20; /* header or payload */
        frame[at] ^= 0x40;
        assert_false(found_good(frame, len));
        frame[at] ^= 0x40;
        frame[L3 + 8]--; /* the checksum of IPv4 is wrong */
        assert_false(found_good(frame, len));
        fix_ip(frame);
        assert_true(found_good(frame, len));
        store_be16(frame + L3 + 6, 0x2000); /* a fragment */
        fix_ip(frame);
        assert_false(found_good(frame, len));
    }
    size_t len = from_wire(frame, 3, 100, true);
    store_be16(frame + L4 + 6, 0); /* UDP without a checksum */
    assert_false(found_good(frame, len));
    len = from_wire(frame, 3, 100, false);
    frame[L3 + 9] = 1; /* ICMP */
    fix_ip(frame);
    assert_false(found_good(frame, len));
    store_be16(frame + 12, 0x0806);
    assert_false(found_good(frame, len));
}

static void test_received_checksums(void **state)
{
    uint8_t frame[TSO_FRAME_MAX];
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        start(devices[d]);
        check_received();
        assert_int_equal(w.nic->stats.rx_csum, 400);
        assert_int_equal(w.nic->stats.rx_errors, 0);
        w.chip.rx_no_csum = true; /* QEMU's 82540 */
        assert_false(found_good(frame, from_wire(frame, 3, 100, false)));
        world_end(&w);
        start_with(devices[d], NIC_OFFLOAD_OFF);
        assert_false(found_good(frame, from_wire(frame, 3, 100, false)));
        world_end(&w);
    }
}

/* Every byte of marks that a device may write: the frame is the same, good only when all say so. */
static void test_marks_of_a_liar(void **state)
{
    static const uint16_t two[] = {0x100e, 0x10c9};
    for (size_t d = 0; d < ARRAY_SIZE(two); d++) {
        start(two[d]);
        bool advanced = w.chip.part >= CHIP_82575;
        uint32_t good = 0;
        for (uint32_t marks = 0; marks < 0x10000; marks++) {
            uint64_t status = (marks & 0xff) | 3, errors = marks >> 8 & 0x60;
            uint64_t word = advanced ? status | errors << 24 | UINT64_C(100) << 32
                                     : 100 | status << 32 | errors << 40;
            struct pkt *p;
            w.e.rx.ring[w.e.rx.next % E1000_RING_COUNT].word = word;
            assert_int_equal(w.nic->ops->rx(w.nic, &p, 1), 1);
            bool says = (status & 0x64) == 0x60 && errors == 0;
            assert_int_equal((p->rx_flags & PKT_RX_CSUM_GOOD) != 0, says);
            good += says;
            pkt_put(p);
        }
        assert_true(good > 0);
        assert_int_equal(w.nic->stats.rx_csum, good);
        e1000_close(&w.e);
        chip_power_off(&w.chip);
    }
}

/* --- which parts offer what --------------------------------------------------------------- */

static uint32_t offered(uint16_t device, enum nic_offload offload, uint32_t mbps)
{
    world_power_on(&w, device, WORLD_PACKETS);
    chip_set_link(&w.chip, true, mbps, true);
    w.offload = offload;
    world_start(&w);
    uint32_t features = w.nic->features;
    uint32_t rxcsum = chip_reg(&w.chip, 0x5000);
    assert_int_equal(rxcsum, (features & NIC_FEATURE_RX_CSUM) != 0 ? 0x300 : 0);
    world_end(&w);
    return features;
}

static void test_features(void **state)
{
    static const uint16_t without[] = {0x1004, 0x1008, 0x100c, 0x1019, 0x1075, 0x104a, 0x10cd,
                                       0x10ea, 0x1502, 0x153a, 0x155a, 0x15b7, 0x15fb};
    static const uint16_t gigabit[] = {0x105e, 0x107d, 0x108b, 0x10d3, 0x150c};
    static const uint16_t with[] = {0x100e, 0x100f, 0x1076, 0x10a7, 0x10c9, 0x150e, 0x1521, 0x1533};
    const uint32_t frags = NIC_FEATURE_TX_FRAGS;
    const uint32_t csum = frags | NIC_FEATURE_RX_CSUM | NIC_FEATURE_TX_CSUM;
    const uint32_t all = csum | NIC_FEATURE_TSO;
    for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
        assert_int_equal(offered(without[i], NIC_OFFLOAD_AUTO, 1000), csum);
        assert_int_equal(offered(without[i], NIC_OFFLOAD_ALL, 1000), all);
        assert_int_equal(offered(without[i], NIC_OFFLOAD_CSUM, 1000), csum);
        assert_int_equal(offered(without[i], NIC_OFFLOAD_OFF, 1000), frags);
    }
    for (size_t i = 0; i < ARRAY_SIZE(with); i++) {
        assert_int_equal(offered(with[i], NIC_OFFLOAD_AUTO, 100), all);
        assert_int_equal(offered(with[i], NIC_OFFLOAD_CSUM, 100), csum);
        assert_int_equal(offered(with[i], NIC_OFFLOAD_OFF, 1000), frags);
    }
    for (size_t i = 0; i < ARRAY_SIZE(gigabit); i++) {
        assert_int_equal(offered(gigabit[i], NIC_OFFLOAD_AUTO, 1000), all);
        assert_int_equal(offered(gigabit[i], NIC_OFFLOAD_AUTO, 100), csum);
        assert_int_equal(offered(gigabit[i], NIC_OFFLOAD_ALL, 10), csum);
    }
}

static uint32_t offered_by_qemu(uint16_t device, enum nic_offload offload)
{
    world_power_on(&w, device, WORLD_PACKETS);
    w.dev.subsystem_vendor = 0x1af4;
    w.offload = offload;
    world_start(&w);
    uint32_t features = w.nic->features;
    world_end(&w);
    return features;
}

/* What an emulator does no faster than we is not asked of it, but when the user wants it. */
static void test_features_of_an_emulator(void **state)
{
    assert_int_equal(offered_by_qemu(0x100e, NIC_OFFLOAD_AUTO), NIC_FEATURE_TX_FRAGS);
    assert_int_equal(offered_by_qemu(0x100f, NIC_OFFLOAD_AUTO), NIC_FEATURE_TX_FRAGS);
    assert_true((offered_by_qemu(0x100e, NIC_OFFLOAD_ALL) & NIC_FEATURE_TSO) != 0);
    assert_true((offered_by_qemu(0x10d3, NIC_OFFLOAD_AUTO) & NIC_FEATURE_TSO) != 0);
}

/* The link gets slow and fast again; what was on its way when it did is segmented all the same. */
static void test_features_follow_the_link(void **state)
{
    struct nic_link link;
    start_with(0x10d3, NIC_OFFLOAD_AUTO);
    assert_true((w.nic->features & NIC_FEATURE_TSO) != 0);
    chip_set_link(&w.chip, true, 100, true);
    w.nic->ops->link(w.nic, &link);
    assert_true((w.nic->features & NIC_FEATURE_TSO) == 0);
    struct tso_plan p = super(1, 9000);
    assert_true(send(&p));
    chip_set_link(&w.chip, true, 1000, true);
    w.nic->ops->link(w.nic, &link);
    assert_true((w.nic->features & NIC_FEATURE_TSO) != 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_short_chains),
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_done_within_a_chain),
        cmocka_unit_test(test_retained_buffers),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_contexts_are_few),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_reset_forgets_the_context),
        cmocka_unit_test(test_received_checksums),
        cmocka_unit_test(test_marks_of_a_liar),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_features_of_an_emulator),
        cmocka_unit_test(test_features_follow_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
