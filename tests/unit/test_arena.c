/*
 * kernel/arena.h over several ranges: which one memory comes from, what is left, and that measuring
 * says what one range takes. The ranges are addresses only: an arena touches nothing.
 */
// LINK: tests/unit/fake_platform.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/arena.h"
#include "tests/unit/fake_platform.h"

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

enum {
    RUNS = 2000,
    SEED = 20260401,
};

/* As a PC with 8 GiB has it. */
static void make_pc(struct arena *a)
{
    arena_init(a, NULL, 0);
    arena_add(a, (void *)(2 * MIB), GIB - 2 * MIB);
    arena_add(a, (void *)(4 * GIB), 7 * GIB);
}

static void the_first_range_with_room_is_taken(void **state)
{
    struct arena a;
    make_pc(&a);
    assert_false(arena_measuring(&a));
    assert_int_equal(a.size_bytes, 8 * GIB - 2 * MIB);
    assert_ptr_equal(arena_alloc(&a, 100, 16), 2 * MIB);
    assert_ptr_equal(arena_alloc(&a, 2 * GIB, 4096), 4 * GIB);
    assert_ptr_equal(arena_alloc(&a, 100, 4096), 2 * MIB + 4096); /* low as long as it fits */
    assert_ptr_equal(arena_alloc(&a, GIB, 4096), 6 * GIB);
    assert_int_equal(arena_largest(&a), 4 * GIB);
    assert_null(arena_alloc(&a, 4 * GIB + 1, 1));
    assert_ptr_equal(arena_alloc(&a, 4 * GIB, 4096), 7 * GIB);
    assert_int_equal(arena_largest(&a), GIB - 2 * MIB - 4196);
    assert_int_equal(arena_left(&a), arena_largest(&a));
}

/* Neither a sum of ranges nor a size that wraps the address is in any of them. */
static void what_no_range_has_is_refused(void **state)
{
    struct arena a;
    make_pc(&a);
    assert_null(arena_alloc(&a, 7 * GIB + 1, 1));
    assert_null(arena_alloc(&a, SIZE_MAX, 1));
    assert_null(arena_alloc(&a, SIZE_MAX - 4096, 4096));
    assert_null(arena_alloc(&a, 16, (size_t)1 << 40)); /* no range has such a multiple */
    assert_int_equal(a.used_bytes, 0);
    assert_int_equal(arena_left(&a), a.size_bytes);
}

static void an_arena_is_full_of_ranges_and_still_counts(void **state)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    assert_true(arena_measuring(&a));
    assert_int_equal(arena_largest(&a), 0);
    for (size_t i = 0; i < ARENA_RANGES_MAX; i++) {
        arena_add(&a, (void *)((i + 1) * MIB), 4096 * (i + 1));
    }
    assert_int_equal(a.size_bytes, 4096 * ARENA_RANGES_MAX * (ARENA_RANGES_MAX + 1) / 2);
    assert_int_equal(arena_largest(&a), 4096 * ARENA_RANGES_MAX);
    while (arena_alloc(&a, 4096, 4096) != NULL) {
    }
    assert_int_equal(arena_left(&a), 0);
}

/* No two pieces share a byte, each is aligned and within a range, and the sum is what is used. */
static void pieces_are_disjoint_and_counted(void **state)
{
    static uint8_t *pieces[RUNS];
    static size_t sizes[RUNS];
    struct arena a;
    make_pc(&a);
    print_message("seed %u\n", (unsigned)SEED);
    srand(SEED);
    size_t given = 0;
    size_t count = 0;
    for (int run = 0; run < RUNS; run++) {
        size_t size = (size_t)rand() % (8 * MIB);
        size_t align = (size_t)1 << rand() % 22;
        uint8_t *p = arena_alloc(&a, size, align);
        if (p == NULL) {
            continue;
        }
        uintptr_t at = (uintptr_t)p;
        assert_int_equal(at % align, 0);
        assert_true((at >= 2 * MIB && at + size <= GIB) ||
                    (at >= 4 * GIB && at + size <= 11 * GIB));
        for (size_t i = 0; i < count; i++) {
            assert_true(p + size <= pieces[i] || p >= pieces[i] + sizes[i]);
        }
        pieces[count] = p;
        sizes[count++] = size;
        given += size;
    }
    assert_true(count > RUNS / 2 && given <= a.used_bytes && a.used_bytes <= a.size_bytes);
    size_t sum = 0;
    for (uint32_t i = 0; i < a.count; i++) {
        sum += a.ranges[i].used_bytes;
    }
    assert_int_equal(sum, a.used_bytes);
}

static void measuring_is_one_range(void **state)
{
    struct arena m;
    struct arena real;
    arena_init(&m, NULL, 0);
    arena_init(&real, (void *)(4 * GIB), 64 * GIB);
    for (size_t i = 0; i < 40; i++) {
        size_t size = (GIB + 12345) * (i % 3) / 2 + i;
        assert_null(arena_alloc(&m, size, (size_t)1 << i % 13));
        assert_non_null(arena_alloc(&real, size, (size_t)1 << i % 13));
    }
    assert_int_equal(m.used_bytes, real.used_bytes);
    assert_true(m.used_bytes > 16 * GIB); /* beyond what 32 bits count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_range_with_room_is_taken),
        cmocka_unit_test(what_no_range_has_is_refused),
        cmocka_unit_test(an_arena_is_full_of_ranges_and_still_counts),
        cmocka_unit_test(pieces_are_disjoint_and_counted),
        cmocka_unit_test(measuring_is_one_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
