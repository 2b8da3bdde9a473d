/*
 * What the models of devices make of packets that are to be segmented, or have a checksum filled
 * in, against frames that are built one by one.
 */
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c tests/unit/tso_packet.c kernel/pkt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "tests/unit/segment_packet.h"
#include "tests/unit/tso_packet.h"

#undef assert
#include <cmocka.h>

enum { PACKETS = 64 };

static struct pkt_pool pool;
static uint8_t memory[(PACKETS + 2) * (PKT_BUF_BYTES + 192)] __attribute__((aligned(4096)));
static const struct tso_plan *plan;
static uint32_t came;

static int set_up(void **state)
{
    struct arena a;
    arena_init(&a, memory, sizeof(memory));
    return pkt_pool_init(&pool, &a, "test", PACKETS, NULL) == STATUS_OK ? 0 : -1;
}

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    uint8_t wanted[TSO_FRAME_MAX];
    size_t wanted_len = tso_frame(plan, came++, wanted);
    assert_int_equal(len, wanted_len);
    assert_memory_equal(frame, wanted, len);
}

static void check(const struct tso_plan *p)
{
    struct pkt *packet = tso_packet(&pool, p);
    assert_non_null(packet);
    plan = p;
    came = 0;
    assert_int_equal(segment_packet(packet, on_frame, NULL), tso_frames(p));
    assert_int_equal(came, tso_frames(p));
    pkt_put(packet);
    assert_int_equal(pool.used, 0);
}

static void test_segments(void **state)
{
    static const size_t bytes[] = {1449, 2895, 2896, 2897, 10000, 65463};
    for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
        for (uint32_t number = 0; number < 40; number++) {
            struct tso_plan p = {
                .number = number, .bytes = bytes[i], .mss = 1448, .frag_bytes = 2000};
            check(&p);
            p.mss = (uint16_t)(536 + number * 7);
            p.first_bytes = number * 17;
            check(&p);
        }
    }
}

/* Odd lengths, sums that come out as nothing, both protocols. */
static void test_checksums(void **state)
{
    for (uint32_t number = 0; number < 3000; number++) {
        struct tso_plan p = {.number = number,
                             .bytes = 18 + number % 1430,
                             .udp = number % 2 != 0,
                             .first_bytes = number % 7 * 100,
                             .frag_bytes = 1 + number % 900};
        p.frag_bytes = max_u64(p.frag_bytes, 50);
        check(&p);
        p.plain = true;
        check(&p);
    }
}

static void test_senseless_jobs_send_nothing(void **state)
{
    static uint8_t whole[4000];
    static const struct segment_job jobs[] = {
        {.l3 = 14, .l4 = 34, .csum = 50, .payload = 66, .mss = 1453}, /* above a frame */
        {.l3 = 14, .l4 = 34, .csum = 50, .payload = 4000, .mss = 1000},
        {.l3 = 14, .l4 = 30, .csum = 50, .payload = 66, .mss = 1000},
        {.l3 = 14, .l4 = 34, .csum = 50, .payload = 50, .mss = 1000},
        {.l3 = 14, .l4 = 34, .csum = 50, .payload = 66}, /* 4000 bytes as one */
        {.l3 = 14, .l4 = 4000, .csum = 4016},
        {.l3 = 14, .l4 = 3990, .csum = 3999, .mss = 1000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        assert_int_equal(segment_send(whole, sizeof(whole), &jobs[i], on_frame, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_senseless_jobs_send_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
