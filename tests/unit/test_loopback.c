/*
 * The loopback test is tested: a device that loses, doubles, spoils, cuts, is slow or silent is
 * found out, and one that does none of it passes.
 */
// LINK: apps/root/loopback.c kernel/pkt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "apps/root/loopback.h"
#include "kernel/time.h"

#undef assert
#include <cmocka.h>

enum {
    PACKETS = 256,
    RING = 64,
};

static struct wire {
    struct nic nic;
    struct pkt_pool pool;
    struct pkt *ring[RING];
    uint32_t first, end, flushed;
    uint64_t now_ns;
    uint64_t silent_ns; /* nothing comes back before */
    uint32_t sent;      /* frames so far, first ones among them */
    bool sizes[NIC_FRAME_MAX_BYTES + 1];
    uint32_t at; /* the frame that is spoilt, counted from 1; 0: none */
    enum spoil { LOSE, DOUBLE, FLIP, CUT, RENUMBER, STRANGER } how;
    uint32_t flip_at;
    uint32_t from; /* every frame from here on is lost; 0: none */
    bool dead;     /* takes no frame */
} wire;

uint64_t time_now_ns(void)
{
    return wire.now_ns;
}

void time_delay_us(uint32_t us)
{
    wire.now_ns += us * (uint64_t)NS_PER_US;
}

static void put_back(struct pkt *p)
{
    assert_true(wire.end - wire.first < RING);
    wire.ring[wire.end++ % RING] = p;
}

static struct pkt *copy_of(const struct pkt *p)
{
    struct pkt *copy = pkt_alloc(&wire.pool, 0);
    assert_non_null(copy);
    memcpy(pkt_append(copy, pkt_len(p)), p->data, pkt_len(p));
    return copy;
}

static void spoil(struct pkt *p)
{
    switch (wire.how) {
    case LOSE:
        pkt_put(p);
        return;
    case DOUBLE:
        put_back(copy_of(p));
        break;
    case FLIP:
        p->data[wire.flip_at == UINT32_MAX ? pkt_len(p) - 1 : wire.flip_at] ^= 0x10;
        break;
    case CUT:
        pkt_trim(p, pkt_len(p) - 1);
        break;
    case RENUMBER:
        p->data[14] = 0x7f;
        break;
    case STRANGER: {
        struct pkt *other = copy_of(p);
        other->data[6] ^= 2;
        put_back(other);
        break;
    }
    }
    put_back(p);
}

static size_t tx(struct nic *nic, struct pkt **batch, size_t count)
{
    if (wire.dead) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        wire.sent++;
        wire.sizes[pkt_len(batch[i])] = true;
        if (wire.from != 0 && wire.sent >= wire.from) {
            pkt_put(batch[i]);
        } else if (wire.sent == wire.at) {
            spoil(batch[i]);
        } else {
            put_back(batch[i]);
        }
    }
    return count;
}

static void tx_flush(struct nic *nic)
{
    wire.flushed = wire.end;
}

static bool tx_reclaim(struct nic *nic)
{
    return false;
}

static size_t rx(struct nic *nic, struct pkt **batch, size_t max)
{
    size_t count = 0;
    while (wire.now_ns >= wire.silent_ns && count < max && wire.first != wire.flushed) {
        batch[count++] = wire.ring[wire.first++ % RING];
    }
    return count;
}

static const struct nic_ops ops = {
    .rx = rx, .tx = tx, .tx_flush = tx_flush, .tx_reclaim = tx_reclaim};

static uint8_t memory[(PACKETS + 2) * (PKT_BUF_BYTES + sizeof(struct pkt))]
    __attribute__((aligned(4096)));

static int begin(void **state)
{
    struct arena a;
    memset(&wire, 0, sizeof(wire));
    arena_init(&a, memory, sizeof(memory));
    assert_int_equal(pkt_pool_init(&wire.pool, &a, "test", PACKETS, NULL), STATUS_OK);
    wire.nic.ops = &ops;
    memcpy(wire.nic.mac, "\x52\x54\x00\x12\x34\x56", 6);
    return 0;
}

static struct loopback_result run(void)
{
    struct loopback_result r;
    loopback_run(&wire.nic, &wire.pool, &r);
    while (wire.first != wire.end) {
        pkt_put(wire.ring[wire.first++ % RING]);
    }
    assert_int_equal(wire.pool.used, 0);
    return r;
}

static void test_a_good_device_passes(void **state)
{
    struct loopback_result r = run();
    assert_true(loopback_passed(&r));
    assert_int_equal(r.sent, LOOPBACK_FRAMES);
    assert_int_equal(r.good, LOOPBACK_FRAMES);
    for (size_t len = 0; len <= NIC_FRAME_MAX_BYTES; len++) {
        assert_int_equal(wire.sizes[len], len >= NIC_FRAME_MIN_BYTES);
    }
}

/* What one frame out of 10,000 does to the result; its last byte counts as any other. */
static void test_one_spoilt_frame_fails(void **state)
{
    static const struct {
        enum spoil how;
        uint32_t flip_at;
        uint32_t good, lost, repeated, corrupt, foreign;
    } cases[] = {
        {LOSE, 0, LOOPBACK_FRAMES - 1, 1, 0, 0, 0},
        {DOUBLE, 0, LOOPBACK_FRAMES, 0, 1, 0, 0},
        {FLIP, 0, LOOPBACK_FRAMES - 1, 0, 0, 1, 0},
        {FLIP, 18, LOOPBACK_FRAMES - 1, 0, 0, 1, 0},
        {FLIP, UINT32_MAX, LOOPBACK_FRAMES - 1, 0, 0, 1, 0},
        {FLIP, 12, LOOPBACK_FRAMES - 1, 1, 0, 0, 1},
        {CUT, 0, LOOPBACK_FRAMES - 1, 0, 0, 1, 0},
        {RENUMBER, 0, LOOPBACK_FRAMES - 1, 1, 0, 1, 0},
        {STRANGER, 0, LOOPBACK_FRAMES, 0, 0, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (uint32_t at = 2; at <= LOOPBACK_FRAMES + 1; at += LOOPBACK_FRAMES - 1) {
            begin(state);
            wire.at = at; /* the first and the last behind the one that asks */
            wire.how = cases[i].how;
            wire.flip_at = cases[i].flip_at;
            struct loopback_result r = run();
            assert_true(r.answered);
            assert_int_equal(r.good, cases[i].good);
            assert_int_equal(r.lost, cases[i].lost);
            assert_int_equal(r.repeated, cases[i].repeated);
            assert_int_equal(r.corrupt, cases[i].corrupt);
            assert_int_equal(r.foreign, cases[i].foreign);
            assert_int_equal(loopback_passed(&r), cases[i].how == STRANGER);
        }
    }
}

static void test_one_that_settles_late(void **state)
{
    wire.silent_ns = 1500 * (uint64_t)NS_PER_MS; /* several first frames come at once */
    struct loopback_result r = run();
    assert_true(loopback_passed(&r));
}

static void test_bounds_in_time(void **state)
{
    wire.silent_ns = UINT64_MAX;
    struct loopback_result r = run();
    assert_false(r.answered);
    assert_false(loopback_passed(&r));
    assert_true(wire.now_ns <= (LOOPBACK_SETTLE_MS + 200) * (uint64_t)NS_PER_MS);

    begin(state);
    wire.dead = true;
    r = run();
    assert_false(r.answered);

    begin(state);
    wire.from = 100; /* falls silent in the middle */
    r = run();
    assert_false(loopback_passed(&r));
    assert_int_equal(r.good, 98);
    assert_int_equal(r.lost, r.sent - 98);
    assert_true(wire.now_ns <= (LOOPBACK_MAX_MS + 500) * (uint64_t)NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_good_device_passes, begin),
        cmocka_unit_test_setup(test_one_spoilt_frame_fails, begin),
        cmocka_unit_test_setup(test_one_that_settles_late, begin),
        cmocka_unit_test_setup(test_bounds_in_time, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
