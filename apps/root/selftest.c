/*
 * The in-image self-test. `selftest=all` checks, on the machine it boots on, what the hosted tests
 * cannot see: that the clock runs and agrees with itself, that memory is protected as promised,
 * that packet pools and timers work with this build. `selftest=fault`, `stack` and `assert` end in
 * a crash on purpose, to show what one looks like.
 */
#include <stdio.h>
#include <string.h>

#include "apps/root/selftest.h"
#include "arch/x86_64/mm/selfcheck.h"
#include "arch/x86_64/time/clock.h"
#include "kernel/arena.h"
#include "kernel/pkt.h"
#include "kernel/platform.h"
#include "kernel/time.h"
#include "kernel/timer.h"

enum {
    FRAME_BYTES = 20000, /* of a function that steps over a guard page */
};

struct result {
    uint32_t passed;
    uint32_t failed;
};

static void expect(struct result *r, bool ok, const char *what)
{
    if (ok) {
        r->passed++;
        log_info("selftest: ok: %s", what);
    } else {
        r->failed++;
        log_error("selftest: FAILED: %s", what);
    }
}

static void test_clock(struct result *r)
{
    uint64_t before = platform_now_ns();
    time_delay_us(2000);
    uint64_t took = platform_now_ns() - before;
    expect(r, took >= 2 * NS_PER_MS && took < NS_PER_S, "2 ms last at least 2 ms");
    bool monotonic = true;
    uint64_t last = platform_now_ns();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = platform_now_ns();
        monotonic = monotonic && now >= last;
        last = now;
    }
    expect(r, monotonic, "the clock does not go back in 10000 readings");
}

static void test_entropy(struct result *r)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    platform_entropy(a, sizeof(a));
    platform_entropy(b, sizeof(b));
    expect(r, memcmp(a, b, sizeof(a)) != 0, "two draws of entropy differ");
}

static void test_protection(struct result *r)
{
    struct arch_protection p;
    arch_check_protection(&p);
    expect(r, p.page_zero_unmapped, "page 0 is not mapped");
    expect(r, p.write_xor_execute, "no page is writable and executable");
    expect(r, p.text_read_only, "the image's code and constants are not writable");
    expect(r, p.stacks_guarded, "the stacks of boot, interrupts and faults have guard pages");
}

struct test_timer {
    struct timer timer;
    uint64_t fired_ns;
};

static void note_time(struct timer *t, uint64_t now_ns)
{
    container_of(t, struct test_timer, timer)->fired_ns = now_ns;
}

static void test_timers(struct result *r)
{
    static struct timer_wheel wheel;
    struct test_timer t = {.fired_ns = 0};
    uint64_t now = platform_now_ns();
    timer_wheel_init(&wheel, now);
    timer_init(&t.timer, note_time);
    timer_arm(&wheel, &t.timer, now + 3 * NS_PER_MS);
    timer_run(&wheel, now + 2 * NS_PER_MS);
    bool early = t.fired_ns != 0;
    timer_run(&wheel, now + 5 * NS_PER_MS);
    expect(r, !early && t.fired_ns != 0, "a timer fires after its deadline, not before");
}

static void test_packets(struct result *r)
{
    enum { COUNT = 4 };
    static uint8_t memory[(COUNT + 2) * PKT_BUF_BYTES] __attribute__((aligned(4096)));
    struct arena a;
    struct pkt_pool pool;
    struct pkt *p[COUNT];
    arena_init(&a, memory, sizeof(memory));
    bool ok = pkt_pool_init(&pool, &a, "selftest", COUNT, NULL) == STATUS_OK;
    for (int i = 0; ok && i < COUNT; i++) {
        p[i] = pkt_alloc(&pool, PKT_HEADROOM);
        ok = p[i] != NULL;
    }
    ok = ok && pkt_alloc(&pool, 0) == NULL;
    for (int i = 0; ok && i < COUNT; i++) {
        pkt_put(p[i]);
    }
    expect(r, ok && pool.used == 0 && pool.refused == 1, "a packet pool gives out what it has");
}

static void run_all(void)
{
    struct result r = {0};
    test_clock(&r);
    test_entropy(&r);
    test_protection(&r);
    test_timers(&r);
    test_packets(&r);
    log_info("selftest: %u passed, %u failed", r.passed, r.failed);
    if (clock_spoil_tsc()) {
        log_info("selftest: the TSC is made to hurry, on purpose: its watch will find out");
    }
}

/* Three functions deep, so that the backtrace has names to show. Volatile: must not be folded. */
static __attribute__((noinline)) void selftest_fault_inner(volatile uint32_t *at)
{
    *at = 1;
    __asm__ volatile("");
}

static __attribute__((noinline)) void selftest_fault(void)
{
    log_info("selftest: writing to address 0x10, on purpose");
    uintptr_t address = 0x10;
    __asm__("" : "+r"(address)); /* the compiler must not see that this is wrong */
    selftest_fault_inner((volatile uint32_t *)address);
    __asm__ volatile("");
}

/*
 * Eats stack until the guard page stops it, in frames larger than that: the compiler touches each
 * page on the way (-fstack-clash-protection). The volatile frame keeps it from becoming a loop.
 */
static __attribute__((noinline)) uint32_t selftest_stack_overflow(uint32_t depth)
{
    volatile uint8_t frame[FRAME_BYTES];
    frame[0] = (uint8_t)depth;
    if (depth == UINT32_MAX) {
        return 0;
    }
    return selftest_stack_overflow(depth + 1) + frame[0];
}

void selftest_run(enum root_selftest what)
{
    switch (what) {
    case SELFTEST_NONE:
    case SELFTEST_WRAP: /* the network stack's business */
    case SELFTEST_NIC:  /* nic_test.c's */
        break;
    case SELFTEST_ALL:
        run_all();
        break;
    case SELFTEST_FAULT:
        selftest_fault();
        break;
    case SELFTEST_STACK:
        log_info("selftest: overflowing the stack, on purpose");
        selftest_stack_overflow(0);
        break;
    case SELFTEST_ASSERT:
        log_info("selftest: asserting what does not hold, on purpose");
        assert(what == SELFTEST_NONE);
        break;
    }
}
