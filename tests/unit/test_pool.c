/*
 * kernel/pool.h and kernel/arena.h: limits, counters, and the mistakes that must be noticed.
 */
// LINK: tests/unit/fake_platform.c kernel/pool.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/pool.h"
#include "tests/unit/fake_platform.h"

enum {
    COUNT = 10,
    SIZE = 40,
};

static uint8_t memory[4096] __attribute__((aligned(4096)));

static void make(struct pool *p)
{
    struct arena a;
    arena_init(&a, memory, sizeof(memory));
    assert_int_equal(pool_init(p, &a, "test", SIZE, COUNT), STATUS_OK);
}

static void measuring_says_what_carving_takes(void **state)
{
    struct arena measure;
    struct arena real;
    struct pool p;
    arena_init(&measure, NULL, 0);
    arena_init(&real, memory, sizeof(memory));
    assert_int_equal(pool_init(&p, &measure, "test", SIZE, COUNT), STATUS_OK);
    assert_int_equal(pool_init(&p, &real, "test", SIZE, COUNT), STATUS_OK);
    assert_int_equal(measure.used_bytes, real.used_bytes);
    arena_init(&real, memory, measure.used_bytes);
    assert_int_equal(pool_init(&p, &real, "test", SIZE, COUNT), STATUS_OK);
    arena_init(&real, memory, measure.used_bytes - 1);
    assert_int_equal(pool_init(&p, &real, "test", SIZE, COUNT), STATUS_NO_MEMORY);
    assert_null(pool_get(&p));
}

/* Whatever was carved before: whole lines of the cache begin at one, others need not. */
static void whole_lines_begin_at_a_line(void **state)
{
    struct arena a;
    struct pool p;
    arena_init(&a, memory, sizeof(memory));
    assert_non_null(arena_alloc(&a, 16, 16));
    assert_int_equal(pool_init(&p, &a, "lines", 128, 2), STATUS_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal((uintptr_t)pool_at(&p, i) % 64, 0);
    }
}

static void every_object_once_then_none(void **state)
{
    struct pool p;
    void *objects[COUNT];
    make(&p);
    for (uint32_t i = 0; i < COUNT; i++) {
        objects[i] = pool_get(&p);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        assert_int_equal(pool_index(&p, objects[i]), i);
        assert_ptr_equal(pool_at(&p, i), objects[i]);
        memset(objects[i], 0xff, SIZE);
    }
    assert_null(pool_get(&p));
    assert_int_equal(p.used, COUNT);
    assert_int_equal(p.refused, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        pool_put(&p, objects[i]);
    }
    assert_int_equal(p.used, 0);
    assert_int_equal(p.high, COUNT);
    assert_int_equal(p.get_count, COUNT + 1);
}

static void objects_come_zeroed(void **state)
{
    static const uint8_t zeros[SIZE];
    struct pool p;
    make(&p);
    for (int i = 0; i < 3 * COUNT; i++) {
        void *object = pool_get(&p);
        assert_memory_equal(object, zeros, SIZE);
        memset(object, 0xa5, SIZE);
        pool_put(&p, object);
    }
}

static void the_chosen_request_fails(void **state)
{
    struct pool p;
    make(&p);
    p.fail_at = 3;
    assert_non_null(pool_get(&p));
    assert_non_null(pool_get(&p));
    assert_null(pool_get(&p));
    assert_non_null(pool_get(&p));
    assert_int_equal(p.refused, 1);
    assert_int_equal(p.used, 3);
}

static void put_twice(void *arg)
{
    struct pool *p = arg;
    void *object = pool_get(p);
    (void)!pool_get(p); /* the count alone would not tell */
    pool_put(p, object);
    pool_put(p, object);
}

static void put_foreign(void *arg)
{
    static uint8_t foreign[SIZE];
    pool_put(arg, foreign);
}

static void put_inside(void *arg)
{
    uint8_t *object = pool_get(arg);
    pool_put(arg, object + 8);
}

static void write_after_put(void *arg)
{
    struct pool *p = arg;
    void *object = pool_get(p);
    pool_put(p, object);
    memset(object, 0, SIZE);
    (void)!pool_get(p);
}

static void mistakes_are_noticed(void **state)
{
    struct pool p;
    make(&p);
    assert_true(fake_aborts(put_twice, &p));
    assert_true(fake_aborts(put_foreign, &p));
    assert_true(fake_aborts(put_inside, &p));
    assert_true(fake_aborts(write_after_put, &p));
}

/* An object in use may hold the very bytes that mark a free one: it is no mistake to put it. */
static void a_look_alike_of_a_free_object_is_put(void **state)
{
    struct pool p;
    make(&p);
    void *object = pool_get(&p);
    uint8_t bytes[SIZE];
    pool_put(&p, object);
    memcpy(bytes, object, SIZE);
    assert_ptr_equal(pool_get(&p), object);
    memcpy(object, bytes, SIZE);
    pool_put(&p, object);
    assert_int_equal(p.used, 0);
}

static void random_use_keeps_the_books(void **state)
{
    uint64_t seed = fake_seed();
    struct pool p;
    void *out[COUNT] = {NULL};
    uint32_t used = 0;
    make(&p);
    for (int i = 0; i < 20000; i++) {
        uint32_t idx = (uint32_t)(fake_random(&seed) % COUNT);
        if (out[idx] == NULL) {
            out[idx] = pool_get(&p);
            assert_non_null(out[idx]);
            used++;
        } else {
            pool_put(&p, out[idx]);
            out[idx] = NULL;
            used--;
        }
        assert_int_equal(p.used, used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measuring_says_what_carving_takes),
        cmocka_unit_test(whole_lines_begin_at_a_line),
        cmocka_unit_test(every_object_once_then_none),
        cmocka_unit_test(objects_come_zeroed),
        cmocka_unit_test(the_chosen_request_fails),
        cmocka_unit_test(mistakes_are_noticed),
        cmocka_unit_test(a_look_alike_of_a_free_object_is_put),
        cmocka_unit_test(random_use_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
