/*
 * How memory is divided, from the smallest machine to 64 GiB: by measuring, for the arenas here are
 * addresses without memory behind them, which says too that nothing is written at start.
 */
// LINK: tests/unit/fake_platform.c apps/root/divide.c kernel/log.c
// LINK: kernel/pkt.c kernel/pool.c kernel/timer.c @net
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "apps/root/divide.h"
#include "net/net.h"
#include "tests/unit/fake_platform.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)

struct divided {
    struct pkt_pool rx;
    struct pkt_pool tx;
    struct net_limits limits;
    size_t tables_bytes; /* as the stack carves them */
    size_t heap_least;
    size_t left; /* for the heap and what comes later */
};

static uint64_t bus_of(const void *virt)
{
    return (uintptr_t)virt;
}

/* The stack's own carving, on an arena that measures. */
static size_t net_bytes(struct net_config *cfg)
{
    struct arena m;
    struct net *n;
    arena_init(&m, NULL, 0);
    assert_int_equal(net_create(&n, &m, cfg, 0), STATUS_OK);
    return m.used_bytes;
}

static void output(void *arg, struct pkt *p)
{
}

static void divide(struct arena *a, struct divided *d)
{
    assert_int_equal(divide_packets(a, &d->rx, &d->tx, bus_of), STATUS_OK);
    struct net_config cfg = {
        .link = NET_LINK_IP,
        .mtu = 1500,
        .ip = {.mode = NET_ADDRESS_STATIC, .address = 0x0a000001, .prefix_bits = 24},
        .tx_pool = &d->tx,
        .output = output,
    };
    size_t budget = divide_tables_bytes(a);
    net_limits_default(&cfg.limits, budget);
    d->limits = cfg.limits;
    d->tables_bytes = net_bytes(&cfg);
    assert_true(d->tables_bytes <= budget);
    assert_non_null(arena_alloc(a, d->tables_bytes, 4096));
    d->heap_least = divide_heap_least_bytes(a);
    d->left = arena_left(a);
    assert_true(d->left > d->heap_least);
    /* Of many pieces the heap is joined. */
    assert_true(a->count > 2 || arena_alloc(a, d->heap_least, 4096) != NULL);
}

/* A PC: up to low bytes below 4 GiB, the rest above. */
static void make_pc(struct arena *a, size_t bytes, size_t low)
{
    arena_init(a, NULL, 0);
    arena_add(a, (void *)(2 * MIB), min_size(bytes, low) - 2 * MIB);
    if (bytes > low) {
        arena_add(a, (void *)(4 * GIB), bytes - low);
    }
}

static void more_memory_never_gives_less(void **state)
{
    struct divided last = {.heap_least = 0};
    for (size_t mib = 16; mib <= 64 * KIB; mib += mib / 4) {
        struct arena a;
        struct divided d;
        make_pc(&a, mib * MIB, 2 * GIB);
        divide(&a, &d);
        assert_true(d.rx.count >= last.rx.count && d.tx.count >= last.tx.count);
        assert_true(d.limits.tcp_connections >= last.limits.tcp_connections);
        assert_true(d.heap_least >= last.heap_least);
        last = d;
    }
}

/* The numbers of docs/hardware.md, but for the image and the firmware's part. */
static void a_machine_of_64_gib_has_the_most_of_each(void **state)
{
    struct arena a;
    struct divided d;
    make_pc(&a, 64 * GIB, 2 * GIB);
    divide(&a, &d);
    assert_int_equal(d.rx.count, 262144);
    assert_int_equal(d.tx.count, 262144);
    assert_int_equal(d.limits.tcp_connections, 65536);
    assert_true(d.tables_bytes < 200 * MIB);
    assert_true(d.left - divide_heap_keep_bytes() > 62 * GIB);
}

static bool all_low(const struct pkt_pool *p)
{
    return (uintptr_t)p->bytes + (size_t)p->count * PKT_BUF_BYTES <= 4 * GIB;
}

/* Every packet lies where any NIC's DMA reaches, though there be fewer; unless it were too few. */
static void packets_lie_low(void **state)
{
    const size_t lows[] = {64 * MIB, 128 * MIB, 512 * MIB, GIB, GIB + GIB / 8, 2 * GIB, 3 * GIB};
    for (size_t gib = 1; gib <= 64; gib *= 2) {
        for (size_t i = 0; i < ARRAY_SIZE(lows); i++) {
            struct arena a;
            struct divided d;
            make_pc(&a, gib * GIB, lows[i]);
            struct arena rings = a;
            divide(&a, &d);
            assert_true(all_low(&d.rx) && all_low(&d.tx));
            /* And the driver's rings, which are made next. */
            assert_int_equal(divide_packets(&rings, &d.rx, &d.tx, bus_of), STATUS_OK);
            assert_true((uintptr_t)arena_alloc(&rings, 64 * KIB, 4096) < 4 * GIB);
            assert_true(d.rx.count + d.tx.count >= 16000);
        }
    }
    struct arena a;
    struct divided d;
    make_pc(&a, 2 * GIB, 32 * MIB);
    divide(&a, &d);
    assert_true(!all_low(&d.rx) && !all_low(&d.tx) && d.rx.count > 100000);
}

/* Holes: no pool is larger than what there is in one piece, and all of it finds a place. */
static void memory_in_pieces_is_divided_too(void **state)
{
    struct arena a;
    struct divided d;
    arena_init(&a, NULL, 0);
    for (size_t i = 0; i < 8; i++) {
        arena_add(&a, (void *)((i + 1) * 64 * MIB), 16 * MIB);
    }
    divide(&a, &d);
    assert_true(d.rx.count > 5000 && d.tx.count > 5000);
    assert_true((size_t)d.rx.count * PKT_BUF_BYTES <= 16 * MIB);
}

static void too_little_is_said(void **state)
{
    struct arena a;
    struct pkt_pool rx;
    struct pkt_pool tx;
    arena_init(&a, (void *)(2 * MIB), 2 * MIB);
    assert_int_equal(divide_packets(&a, &rx, &tx, bus_of), STATUS_NO_MEMORY);
    assert_int_equal(a.used_bytes, 0);
    arena_init(&a, (void *)(2 * MIB), 0);
    assert_int_equal(divide_packets(&a, &rx, &tx, bus_of), STATUS_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_memory_never_gives_less),
        cmocka_unit_test(a_machine_of_64_gib_has_the_most_of_each),
        cmocka_unit_test(packets_lie_low),
        cmocka_unit_test(memory_in_pieces_is_divided_too),
        cmocka_unit_test(too_little_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
