/*
 * arch/x86_64/mm/page_table.h: what the processor would find, read by a walk of the test's own. The
 * tables are real ones, reached at their addresses in this process.
 */
// LINK: tests/unit/fake_platform.c arch/x86_64/mm/page_table.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/mm/page_table.h"
#include "kernel/platform.h"
#include "tests/unit/fake_platform.h"

#define KIB   UINT64_C(1024)
#define MIB   (KIB * KIB)
#define GIB   (KIB * MIB)
#define RAM   (PTE_PRESENT | PTE_WRITE | PTE_NX)
#define DEV   (PTE_PRESENT | PTE_WRITE | PTE_UNCACHED | PTE_NX)
#define WC    (PTE_PRESENT | PTE_WRITE | PTE_COMBINING | PTE_NX)
#define UPPER (UINT64_C(1) << 46)

enum {
    ARENA_BYTES = 4 << 20,
    PAGE = 4096,
};

static struct page_tables paging;

static int setup(void **state)
{
    fake_reset(ARENA_BYTES);
    paging.spare = platform_arena();
    paging.root = arena_alloc(paging.spare, PAGE, PAGE);
    memset(paging.root, 0, PAGE);
    return 0;
}

struct found {
    bool present;
    uint64_t phys;
    uint64_t flags; /* of the last entry, PTE_LARGE apart */
    bool large;
};

/* SDM volume 3, section 4.5.4: what virt is translated to. */
static struct found translate(uint64_t virt)
{
    const uint64_t *table = paging.root;
    for (int shift = 39; shift >= 12; shift -= 9) {
        uint64_t entry = table[virt >> shift & 511];
        if ((entry & PTE_PRESENT) == 0) {
            return (struct found){0};
        }
        bool large = shift == 21 && (entry & PTE_LARGE) != 0;
        if (shift == 12 || large) {
            uint64_t offset = virt & ((UINT64_C(1) << shift) - 1);
            uint64_t base = entry & PTE_ADDRESS_MASK;
            assert_int_equal(base & ((UINT64_C(1) << shift) - 1), 0);
            return (struct found){true, base + offset,
                                  entry & ~PTE_ADDRESS_MASK & ~(large ? PTE_LARGE : 0), large};
        }
        assert_int_equal(entry & (PTE_WRITE | PTE_NX), PTE_WRITE); /* the pages say what holds */
        table = (const uint64_t *)(uintptr_t)(entry & PTE_ADDRESS_MASK);
    }
    return (struct found){0};
}

static void expect_page(uint64_t virt, uint64_t phys, uint64_t flags, bool large)
{
    struct found f = translate(virt);
    assert_true(f.present);
    assert_int_equal(f.phys, phys);
    assert_int_equal(f.flags, flags);
    assert_int_equal(f.large, large);
}

/* RAM that begins and ends where no large page does: small pages there, and nothing beside it. */
static void ragged_ends_are_small_pages_and_nothing_more(void **state)
{
    uint64_t start = 4 * GIB + 3 * PAGE;
    uint64_t end = 6 * GIB + 5 * PAGE;
    assert_true(page_table_map(&paging, start, start, end - start, RAM));
    assert_false(translate(start - 1).present);
    assert_false(translate(end).present);
    expect_page(start, start, RAM, false);
    expect_page(4 * GIB + 2 * MIB - 1, 4 * GIB + 2 * MIB - 1, RAM, false);
    expect_page(4 * GIB + 2 * MIB, 4 * GIB + 2 * MIB, RAM, true);
    expect_page(6 * GIB - 1, 6 * GIB - 1, RAM, true);
    expect_page(6 * GIB, 6 * GIB, RAM, false);
    expect_page(end - 1, end - 1, RAM, false);
}

/* Everything that is mapped is what was asked for, page by page, across a PML4 entry, too. */
static void each_page_goes_where_it_was_asked_to(void **state)
{
    uint64_t virt = 512 * GIB - 4 * MIB + PAGE;
    uint64_t phys = 8 * GIB + 6 * MIB + PAGE;
    uint64_t len = 9 * MIB;
    assert_true(page_table_map(&paging, virt, phys, len, RAM));
    for (uint64_t at = 0; at < len; at += PAGE) {
        struct found f = translate(virt + at);
        assert_true(f.present && f.phys == phys + at && f.flags == RAM);
    }
    assert_false(translate(virt - PAGE).present);
    assert_false(translate(virt + len).present);
}

/* Pieces put together: aligned alike they are large pages; a shift that is no 2 MiB makes small. */
static void physical_need_not_be_virtual(void **state)
{
    assert_true(page_table_map(&paging, UPPER, 5 * GIB, 4 * MIB, RAM));
    assert_true(page_table_map(&paging, UPPER + 4 * MIB, GIB, 2 * MIB, RAM));
    assert_true(page_table_map(&paging, UPPER + 6 * MIB, GIB + PAGE, 2 * MIB, RAM));
    expect_page(UPPER + 4 * MIB - 1, 5 * GIB + 4 * MIB - 1, RAM, true);
    expect_page(UPPER + 4 * MIB, GIB, RAM, true);
    expect_page(UPPER + 6 * MIB, GIB + PAGE, RAM, false);
    expect_page(UPPER + 8 * MIB - 1, GIB + PAGE + 2 * MIB - 1, RAM, false);
}

/* A framebuffer of 3 MiB beside registers in the same 2 MiB: neither gets the other's type. */
static void memory_types_do_not_spill(void **state)
{
    uint64_t fb = 0xfd000000;
    assert_true(page_table_map(&paging, fb, fb, 4 * MIB, DEV)); /* as at the start: uncached */
    assert_true(page_table_map(&paging, fb, fb, 2 * MIB, WC));
    assert_true(page_table_map(&paging, fb + 2 * MIB, fb + 2 * MIB, MIB, WC));
    expect_page(fb, fb, WC, true);
    expect_page(fb + 3 * MIB - 1, fb + 3 * MIB - 1, WC, false);
    expect_page(fb + 3 * MIB, fb + 3 * MIB, DEV, false);
}

static void a_divided_page_keeps_its_rights_around_a_guard(void **state)
{
    uint64_t at = 7 * GIB;
    assert_true(page_table_map(&paging, at, at, 2 * MIB, RAM));
    assert_false(page_table_is_small(&paging, at));
    uint64_t *guard = page_table_small(&paging, at + MIB);
    assert_non_null(guard);
    *guard = PTE_GUARD;
    assert_true(page_table_is_small(&paging, at));
    assert_false(translate(at + MIB).present);
    assert_int_equal(page_table_look_up(&paging, at + MIB + 17), PTE_GUARD);
    expect_page(at + MIB - 1, at + MIB - 1, RAM, false);
    expect_page(at + MIB + PAGE, at + MIB + PAGE, RAM, false);
    assert_int_equal(page_table_look_up(&paging, 8 * GIB), 0);
    assert_int_equal(page_table_look_up(&paging, LOWER_HALF_BYTES), 0);
    assert_int_equal(page_table_look_up(&paging, UINT64_MAX), 0);
}

/* 64 GiB cost a table for each GiB and one above: the PML4 is there. */
static void large_memory_takes_few_tables(void **state)
{
    size_t before = platform_arena()->used_bytes;
    assert_true(page_table_map(&paging, 4 * GIB, 4 * GIB, 64 * GIB, RAM));
    assert_int_equal(platform_arena()->used_bytes - before, 65 * PAGE);
    expect_page(68 * GIB - 1, 68 * GIB - 1, RAM, true);
}

/* Before there is memory to hand out: what has its tables is mapped, nothing else. */
static void without_an_arena_there_are_no_tables(void **state)
{
    assert_true(page_table_map(&paging, 4 * GIB, 4 * GIB, 2 * MIB, RAM));
    paging.spare = NULL;
    assert_true(page_table_map(&paging, 4 * GIB + 2 * MIB, 4 * GIB, 2 * MIB, RAM));
    assert_false(page_table_map(&paging, 8 * GIB, 8 * GIB, 2 * MIB, RAM));
    assert_null(page_table_small(&paging, 4 * GIB));
}

/* Each table that may be missing in turn. */
static void no_memory_for_a_table_is_said(void **state)
{
    for (size_t tables = 0; tables < 4; tables++) {
        setup(state);
        struct arena *a = platform_arena();
        size_t rest = arena_left(a) - tables * PAGE;
        assert_non_null(arena_alloc(a, rest, 1));
        assert_int_equal(page_table_map(&paging, 4 * GIB, 4 * GIB, 2 * MIB + PAGE, RAM),
                         tables == 3);
        assert_int_equal(page_table_small(&paging, 4 * GIB + 2 * MIB) != NULL, tables == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ragged_ends_are_small_pages_and_nothing_more, setup),
        cmocka_unit_test_setup(each_page_goes_where_it_was_asked_to, setup),
        cmocka_unit_test_setup(physical_need_not_be_virtual, setup),
        cmocka_unit_test_setup(memory_types_do_not_spill, setup),
        cmocka_unit_test_setup(a_divided_page_keeps_its_rights_around_a_guard, setup),
        cmocka_unit_test_setup(large_memory_takes_few_tables, setup),
        cmocka_unit_test_setup(without_an_arena_there_are_no_tables, setup),
        cmocka_unit_test_setup(no_memory_for_a_table_is_said, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
