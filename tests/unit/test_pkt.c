/*
 * kernel/pkt.h: the buffer's invariant, references, the pool's books, queues.
 */
// LINK: tests/unit/fake_platform.c kernel/pkt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/pkt.h"
#include "tests/unit/fake_platform.h"

enum {
    COUNT = 8,
    BUS_OFFSET = 0x10000000,
};

static uint8_t memory[(COUNT + 2) * PKT_BUF_BYTES] __attribute__((aligned(4096)));

static uint64_t bus_of(const void *virt)
{
    return (uint64_t)((const uint8_t *)virt - memory) + BUS_OFFSET;
}

static void make(struct pkt_pool *pool)
{
    struct arena a;
    arena_init(&a, memory, sizeof(memory));
    assert_int_equal(pkt_pool_init(pool, &a, "test", COUNT, bus_of), STATUS_OK);
}

static void buffers_are_aligned_and_apart(void **state)
{
    struct pkt_pool pool;
    make(&pool);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct pkt *p = pkt_alloc(&pool, 0);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p->head % PKT_BUF_BYTES, 0);
        assert_int_equal(p->bus, bus_of(p->head));
        assert_true((const uint8_t *)p < p->head || (const uint8_t *)p >= pkt_end(p));
        seen |= 1u << ((p->head - memory) / PKT_BUF_BYTES);
        memset(pkt_append(p, PKT_BUF_BYTES), 0xff, PKT_BUF_BYTES);
    }
    assert_int_equal(__builtin_popcount(seen), COUNT);
    assert_null(pkt_alloc(&pool, 0));
    assert_int_equal(pool.refused, 1);
    assert_int_equal(pkt_pool_left(&pool), 0);
}

static void measuring_says_what_carving_takes(void **state)
{
    struct arena measure;
    struct arena real;
    struct pkt_pool pool;
    arena_init(&measure, NULL, 0);
    assert_int_equal(pkt_pool_init(&pool, &measure, "test", COUNT, NULL), STATUS_OK);
    arena_init(&real, memory, measure.used_bytes);
    assert_int_equal(pkt_pool_init(&pool, &real, "test", COUNT, NULL), STATUS_OK);
    assert_int_equal(real.used_bytes, measure.used_bytes);
    arena_init(&real, memory, measure.used_bytes - 1);
    assert_int_equal(pkt_pool_init(&pool, &real, "test", COUNT, NULL), STATUS_NO_MEMORY);
    assert_null(pkt_alloc(&pool, 0));
}

static void a_packet_comes_fresh(void **state)
{
    struct pkt_pool pool;
    make(&pool);
    for (int i = 0; i < 2 * COUNT; i++) {
        struct pkt *p = pkt_alloc(&pool, PKT_HEADROOM);
        assert_int_equal(pkt_headroom(p), PKT_HEADROOM);
        assert_int_equal(pkt_len(p), 0);
        assert_int_equal(pkt_tailroom(p), PKT_BUF_BYTES - PKT_HEADROOM);
        assert_int_equal(p->refs, 1);
        assert_int_equal(p->rx_flags, 0);
        assert_null(p->next);
        for (int word = 0; word < PKT_CB_WORDS; word++) {
            assert_int_equal(p->cb[word], 0);
            p->cb[word] = UINT64_MAX;
        }
        assert_int_equal(p->tx.l4 | p->tx.mss, 0);
        p->rx_flags = PKT_RX_L2_BROADCAST;
        p->tx = (struct pkt_tx){.l4 = 34, .mss = 1448};
        pkt_put(p);
    }
    assert_int_equal(pool.high, 1);
}

static void push_pull_append_trim(void **state)
{
    struct pkt_pool pool;
    make(&pool);
    struct pkt *p = pkt_alloc(&pool, PKT_HEADROOM);
    memcpy(pkt_append(p, 5), "hello", 5);
    memcpy(pkt_push(p, 3), "abc", 3);
    assert_int_equal(pkt_len(p), 8);
    assert_memory_equal(p->data, "abchello", 8);
    assert_memory_equal(pkt_pull(p, 4), "ello", 4);
    pkt_trim(p, 2);
    assert_int_equal(pkt_len(p), 2);
    assert_memory_equal(p->data, "el", 2);
    pkt_put(p);
}

static void the_last_reference_frees(void **state)
{
    struct pkt_pool pool;
    make(&pool);
    struct pkt *p = pkt_alloc(&pool, 0);
    assert_ptr_equal(pkt_get(p), p);
    assert_true(pkt_shared(p));
    pkt_put(p);
    assert_false(pkt_shared(p));
    assert_int_equal(pool.used, 1);
    pkt_put(p);
    assert_int_equal(pool.used, 0);
    pkt_put(NULL);
}

static void a_chain_goes_back_as_one(void **state)
{
    struct pkt_pool pool;
    make(&pool);
    struct pkt *head = pkt_alloc(&pool, PKT_HEADROOM);
    struct pkt *kept = pkt_alloc(&pool, 0);
    struct pkt *last = pkt_alloc(&pool, 0);
    pkt_append(head, 20);
    pkt_append(kept, 100);
    pkt_append(last, 3);
    head->frag = pkt_get(kept);
    kept->frag = last;
    assert_int_equal(pkt_total(head), 123);
    (void)pkt_get(head);
    pkt_put(head);
    assert_int_equal(pool.used, 3); /* as long as anybody has the first */
    pkt_put(head);
    assert_int_equal(pool.used, 1);
    assert_null(kept->frag); /* and what is retained belongs to no packet */
    assert_false(pkt_shared(kept));
    pkt_put(kept);
    assert_int_equal(pool.used, 0);
}

/* The numbers from 0 on, in buffers of the lengths given. */
static struct pkt *numbers(struct pkt_pool *pool, const size_t *lengths, size_t count)
{
    struct pkt *first = NULL;
    struct pkt **at = &first;
    uint8_t next = 0;
    for (size_t i = 0; i < count; i++) {
        *at = pkt_alloc(pool, 10);
        for (size_t k = 0; k < lengths[i]; k++) {
            *pkt_append(*at, 1) = next++;
        }
        at = &(*at)->frag;
    }
    return first;
}

static void expect_numbers(const struct pkt *p, size_t total)
{
    uint8_t out[200];
    assert_int_equal(pkt_total(p), total);
    for (size_t from = 0; from <= total; from++) {
        for (size_t len = 0; len <= total + 3 - from; len++) {
            size_t n = pkt_copy(p, from, out, len);
            assert_int_equal(n, min_size(len, total - from));
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(out[i], from + i);
            }
        }
    }
}

static void a_chain_is_copied_cut_and_pulled_up(void **state)
{
    static const size_t lengths[] = {3, 20, 0, 1, 26};
    enum { TOTAL = 50 };
    struct pkt_pool pool;
    make(&pool);
    for (size_t len = 0; len <= TOTAL; len++) {
        struct pkt *p = numbers(&pool, lengths, ARRAY_SIZE(lengths));
        assert_int_equal(pkt_buffers(p), ARRAY_SIZE(lengths));
        pkt_pull_up(p, len);
        assert_true(pkt_len(p) >= len);
        expect_numbers(p, TOTAL);
        pkt_trim_total(p, len);
        expect_numbers(p, len);
        assert_int_equal(pool.used, pkt_buffers(p));
        pkt_put(p);
        p = numbers(&pool, lengths, ARRAY_SIZE(lengths));
        pkt_trim_total(p, len);
        expect_numbers(p, len);
        assert_int_equal(pool.used, pkt_buffers(p));
        assert_true(len > 3 || pkt_buffers(p) == 1);
        pkt_put(p);
        assert_int_equal(pool.used, 0);
    }
}

static void the_chosen_allocation_fails(void **state)
{
    struct pkt_pool pool;
    make(&pool);
    pool.fail_at = 2;
    assert_non_null(pkt_alloc(&pool, 0));
    assert_null(pkt_alloc(&pool, 0));
    assert_non_null(pkt_alloc(&pool, 0));
    assert_int_equal(pool.used, 2);
}

static void queues_keep_order(void **state)
{
    struct pkt_pool pool;
    struct pkt_queue q = {0};
    struct pkt *sent[COUNT];
    make(&pool);
    assert_null(pkt_queue_pop(&q));
    for (uint32_t i = 0; i < COUNT; i++) {
        sent[i] = pkt_alloc(&pool, 0);
        pkt_queue_push(&q, sent[i]);
    }
    for (uint32_t i = 0; i < COUNT / 2; i++) {
        struct pkt *p = pkt_queue_pop(&q);
        assert_ptr_equal(p, sent[i]);
        assert_null(p->next);
        pkt_put(p);
    }
    assert_int_equal(q.count, COUNT / 2);
    pkt_queue_drain(&q);
    assert_null(q.first);
    assert_null(q.last);
    assert_int_equal(pool.used, 0);
}

static void put_twice(void *arg)
{
    struct pkt *p = pkt_alloc(arg, 0);
    pkt_put(p);
    pkt_put(p);
}

static void push_too_far(void *arg)
{
    pkt_push(pkt_alloc(arg, 4), 5);
}

static void pull_too_far(void *arg)
{
    pkt_pull(pkt_alloc(arg, 4), 1);
}

static void append_too_far(void *arg)
{
    pkt_append(pkt_alloc(arg, 1), PKT_BUF_BYTES);
}

static void broken_order(void *arg)
{
    struct pkt *p = pkt_alloc(arg, 4);
    p->tail = p->data - 1;
    pkt_put(p);
}

static void mistakes_are_noticed(void **state)
{
    struct pkt_pool pool;
    make(&pool);
    assert_true(fake_aborts(put_twice, &pool));
    assert_true(fake_aborts(push_too_far, &pool));
    assert_true(fake_aborts(pull_too_far, &pool));
    assert_true(fake_aborts(append_too_far, &pool));
    assert_true(fake_aborts(broken_order, &pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_aligned_and_apart),
        cmocka_unit_test(measuring_says_what_carving_takes),
        cmocka_unit_test(a_packet_comes_fresh),
        cmocka_unit_test(push_pull_append_trim),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(a_chain_goes_back_as_one),
        cmocka_unit_test(a_chain_is_copied_cut_and_pulled_up),
        cmocka_unit_test(the_chosen_allocation_fails),
        cmocka_unit_test(queues_keep_order),
        cmocka_unit_test(mistakes_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
