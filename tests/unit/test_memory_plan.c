/*
 * From a firmware's memory map to the ranges that are handed out: boot/info/memory_map.c and
 * arch/x86_64/mm/plan.c. Maps of several sorts of machine, good and broken ones, then random
 * ones against the rules.
 */
// LINK: boot/info/memory_map.c arch/x86_64/mm/plan.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/mm/plan.h"
#include "boot/info/decode.h"

#define KIB      UINT64_C(1024)
#define MIB      (KIB * KIB)
#define GIB      (KIB * MIB)
#define FLOOR    (3 * MIB + 123) /* behind an image that ends anywhere */
#define FLOOR_UP (3 * MIB + 4 * KIB)
#define PHYS_40  (UINT64_C(1) << 40)

enum {
    RUNS = 5000,
    SEED = 20260402,
};

struct entry {
    uint64_t base, length;
    uint32_t type;
};

static void decode(struct boot_info *info, const struct entry *e, size_t count)
{
    memset(info, 0, sizeof(*info));
    for (int pass = BOOT_MAP_ADD; pass <= BOOT_MAP_REMOVE; pass++) {
        for (size_t i = 0; i < count; i++) {
            boot_memory_entry(info, (enum boot_map_pass)pass, e[i].base, e[i].length, e[i].type);
        }
    }
}

/* What holds of any plan. */
static void check_rules(const struct memory_plan *p, uint64_t floor, uint64_t physical_end)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct boot_memory *r = &p->ranges[i];
        assert_true(r->start < r->end && r->start >= floor && r->end <= physical_end);
        assert_int_equal(r->start % 4096, 0);
        assert_int_equal(r->end % 4096, 0);
        assert_true(r->end <= MEMORY_LOW_END || r->start >= MEMORY_LOW_END);
        assert_true(i == 0 || p->ranges[i - 1].end <= r->start);
        sum += r->end - r->start;
    }
    assert_int_equal(sum, p->used_bytes);
    assert_true(sum <= MEMORY_MAX_BYTES);
}

static void plan(struct memory_plan *p, const struct entry *e, size_t count)
{
    struct boot_info info;
    decode(&info, e, count);
    memory_plan(p, &info, FLOOR, PHYS_40);
    check_rules(p, FLOOR, PHYS_40);
}

static void expect(const struct memory_plan *p, const struct boot_memory *ranges, uint32_t count)
{
    assert_int_equal(p->count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(p->ranges[i].start, ranges[i].start);
        assert_int_equal(p->ranges[i].end, ranges[i].end);
    }
}

/* QEMU's two boards with 8 GiB: the hole below 4 GiB is not of one size. */
static void pcs_of_8_gib_are_used_whole(void **state)
{
    const struct entry pc[] = {{0, 0x9fc00, 1},          {0x9fc00, 0x400, 2},
                               {0xf0000, 0x10000, 2},    {MIB, 0xbfee0000, 1},
                               {0xbffe0000, 0x20000, 2}, {0xfffc0000, 0x40000, 2},
                               {4 * GIB, 5 * GIB, 1},    {0xfd00000000, 0x300000000, 2}};
    const struct entry q35[] = {{0, 0x9fc00, 1},
                                {MIB, 0x7fedf000, 1},
                                {0x7ffdf000, 0x21000, 2},
                                {0xb0000000, 0x10000000, 2},
                                {4 * GIB, 6 * GIB, 1}};
    struct memory_plan p;
    plan(&p, pc, ARRAY_SIZE(pc));
    expect(&p, (const struct boot_memory[]){{FLOOR_UP, 0xbffe0000}, {4 * GIB, 9 * GIB}}, 2);
    plan(&p, q35, ARRAY_SIZE(q35));
    expect(&p, (const struct boot_memory[]){{FLOOR_UP, 0x7ffdf000}, {4 * GIB, 10 * GIB}}, 2);
    assert_int_equal(p.left_bytes, 0);
}

/* UEFI firmware: out of order, with types nobody has heard of, and small pieces between. */
static void uefi_maps_lose_what_is_not_usable(void **state)
{
    const struct entry e[] = {
        {4 * GIB, 4 * GIB, 1},     {0, 0x87000, 1},
        {0x87000, 0x1000, 2},      {0x88000, 0x18000, 1},
        {MIB, 0x706000, 1},        {0x806000, 0x1000, 4},
        {0x807000, 0x1000, 1},     {0x808000, 0x3000, 4},
        {0x80b000, 0x5000, 1},     {0x810000, 0xf0000, 4},
        {0x900000, 0x7e4ef000, 1}, {0x7edef000, 0x300000, 20},
        {0x7f0ef000, 0x80000, 2},  {0x7f16f000, 0x10000, 3},
        {0x7f17f000, 0x80000, 4},  {0x7f1ff000, 0xcb1000, 1},
        {0x7feb0000, 0x150000, 2}, {0xffc00000, 0x400000, 2},
        {5 * GIB, 64 * KIB, 14},   {6 * GIB + 1, 1, 0},
        {7 * GIB, 0, 2},           {0xe0000000, 0x10000000, 0xffffffff},
    };
    struct memory_plan p;
    plan(&p, e, ARRAY_SIZE(e));
    expect(&p,
           (const struct boot_memory[]){{FLOOR_UP, 0x806000},
                                        {0x807000, 0x808000},
                                        {0x80b000, 0x810000},
                                        {0x900000, 0x7edef000},
                                        {0x7f1ff000, 0x7feb0000},
                                        {4 * GIB, 5 * GIB},
                                        {5 * GIB + 64 * KIB, 6 * GIB},
                                        {6 * GIB + 4 * KIB, 8 * GIB}},
           8);
}

/* Entries that end within a page, that say the same twice, and one across 4 GiB. */
static void pages_are_whole_and_4_gib_is_an_edge(void **state)
{
    const struct entry e[] = {{4 * MIB + 1, 8 * KIB, 1},   /* one whole page */
                              {5 * MIB + 100, 4096, 1},    /* none */
                              {6 * MIB, 4095, 1},          /* none */
                              {3 * GIB, 2 * GIB, 1},       /* across */
                              {3 * GIB + MIB, 2 * GIB, 1}, /* and on */
                              {GIB, 0, 1},
                              {UINT64_MAX, UINT64_MAX, 1},
                              {UINT64_MAX - 4096, 4096, 1}};
    struct memory_plan p;
    plan(&p, e, ARRAY_SIZE(e));
    expect(&p,
           (const struct boot_memory[]){
               {4 * MIB + 4096, 4 * MIB + 8192}, {3 * GIB, 4 * GIB}, {4 * GIB, 5 * GIB + MIB}},
           3);
}

/* 96 GiB, the last of it above 1 TiB, where some boards put it: 64 are used, and what is not is
 * known. The processor of 40 bits has no addresses for the rest. */
static void more_than_64_gib_is_left_alone(void **state)
{
    const struct entry e[] = {{MIB, 3 * GIB - MIB, 1},
                              {4 * GIB, 40 * GIB, 1},
                              {100 * GIB, 40 * GIB, 1},
                              {PHYS_40 - GIB, 14 * GIB, 1}};
    struct memory_plan p;
    plan(&p, e, ARRAY_SIZE(e));
    assert_int_equal(p.used_bytes, MEMORY_MAX_BYTES);
    assert_int_equal(p.count, 3);
    uint64_t all = 3 * GIB - FLOOR_UP + 40 * GIB + 40 * GIB + 14 * GIB;
    assert_int_equal(p.used_bytes + p.left_bytes, all);
    assert_int_equal(p.ranges[2].start, 100 * GIB);

    plan(&p, &e[3], 1);
    expect(&p, (const struct boot_memory[]){{PHYS_40 - GIB, PHYS_40}}, 1);
    assert_int_equal(p.left_bytes, 13 * GIB);
}

/* More pieces than the table has room for: the biggest are kept, all of them above the small. */
static void two_hundred_pieces_keep_the_biggest(void **state)
{
    struct entry e[200];
    for (uint32_t i = 0; i < ARRAY_SIZE(e); i++) {
        uint32_t at = i * 77 % ARRAY_SIZE(e); /* in no order */
        e[i] = (struct entry){4 * GIB + at * 16 * MIB, (at + 1) * 4096, 1};
    }
    struct boot_info info;
    struct memory_plan p;
    decode(&info, e, ARRAY_SIZE(e));
    assert_int_equal(info.memory_dropped, ARRAY_SIZE(e) - BOOT_MEMORY_MAX);
    memory_plan(&p, &info, FLOOR, PHYS_40);
    check_rules(&p, FLOOR, PHYS_40);
    assert_int_equal(p.count, BOOT_MEMORY_MAX);
    assert_int_equal(p.ranges[0].start, 4 * GIB + (200 - BOOT_MEMORY_MAX) * 16 * MIB);
}

static uint64_t random_address(unsigned *seed)
{
    static const uint64_t around[] = {0,       MIB,      FLOOR,   3 * GIB,
                                      4 * GIB, 70 * GIB, PHYS_40, UINT64_MAX};
    uint64_t near = (uint64_t)rand_r(seed) << rand_r(seed) % 20;
    uint64_t base = around[(unsigned)rand_r(seed) % ARRAY_SIZE(around)];
    return rand_r(seed) % 2 == 0 ? base - near : base + near; /* over either end, too */
}

/* Any map: each planned page is RAM by the map, and taken by no entry; sums are right. */
static void any_map_gives_only_its_own_ram(void **state)
{
    unsigned seed = SEED;
    print_message("seed %u\n", seed);
    for (int run = 0; run < RUNS; run++) {
        struct entry e[40];
        size_t count = 1 + (size_t)rand_r(&seed) % ARRAY_SIZE(e);
        for (size_t i = 0; i < count; i++) {
            e[i] = (struct entry){random_address(&seed), random_address(&seed),
                                  rand_r(&seed) % 2 == 0 ? 1 : (uint32_t)rand_r(&seed) % 22};
        }
        struct boot_info info;
        struct memory_plan p;
        uint64_t end = UINT64_C(1) << (36 + rand_r(&seed) % 17);
        decode(&info, e, count);
        memory_plan(&p, &info, FLOOR, end);
        check_rules(&p, FLOOR, end);
        for (uint32_t r = 0; r < p.count; r++) {
            bool in_ram = false;
            for (uint32_t i = 0; i < info.memory_count; i++) {
                in_ram = in_ram || (info.memory[i].start <= p.ranges[r].start &&
                                    p.ranges[r].end <= info.memory[i].end);
            }
            assert_true(in_ram);
            for (size_t i = 0; i < count; i++) {
                bool taken = e[i].type != 1 && e[i].length != 0;
                bool wraps = e[i].length > UINT64_MAX - e[i].base;
                uint64_t last = wraps ? UINT64_MAX : e[i].base + e[i].length - 1;
                assert_false(taken && e[i].base < p.ranges[r].end && last >= p.ranges[r].start);
            }
        }
    }
}

/* Pieces of a heap: whole large pages, none twice, from the top, and never more than wanted. */
static void pieces_come_from_the_top(void **state)
{
    struct arena a;
    struct boot_memory p[ARENA_RANGES_MAX];
    arena_init(&a, NULL, 0);
    arena_add(&a, (void *)(uintptr_t)(3 * MIB), 7 * MIB);            /* 3 of them aligned */
    arena_add(&a, (void *)(uintptr_t)(32 * MIB + 4 * KIB), 3 * MIB); /* none: 34 to 35 MiB */
    arena_add(&a, (void *)(uintptr_t)(4 * GIB), 5 * GIB);
    assert_non_null(arena_alloc(&a, 5 * MIB - 100, 16)); /* of the first: ends at 8 MiB - 100 */
    assert_int_equal(memory_take_pieces(&a, 4 * MIB, p), 1);
    assert_int_equal(p[0].start, 4 * GIB);
    assert_int_equal(p[0].end, 4 * GIB + 4 * MIB);
    assert_int_equal(memory_take_pieces(&a, 6 * GIB, p), 2);
    assert_int_equal(p[0].start, 4 * GIB + 4 * MIB);
    assert_int_equal(p[0].end, 9 * GIB);
    assert_int_equal(p[1].start, 8 * MIB);
    assert_int_equal(p[1].end, 10 * MIB);
    assert_int_equal(arena_left(&a), 3 * MIB);
    assert_int_equal(arena_largest(&a), 3 * MIB);
    assert_int_equal(memory_take_pieces(&a, 2 * MIB, p), 0);
    assert_int_equal(arena_left(&a), 3 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcs_of_8_gib_are_used_whole),
        cmocka_unit_test(uefi_maps_lose_what_is_not_usable),
        cmocka_unit_test(pages_are_whole_and_4_gib_is_an_edge),
        cmocka_unit_test(more_than_64_gib_is_left_alone),
        cmocka_unit_test(two_hundred_pieces_keep_the_biggest),
        cmocka_unit_test(any_map_gives_only_its_own_ram),
        cmocka_unit_test(pieces_come_from_the_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
