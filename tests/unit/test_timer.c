/*
 * kernel/timer.h against a naive model: never early, in tick order, at most one tick late when run
 * at the time timer_next names, whatever is armed, cancelled and jumped over.
 */
// LINK: tests/unit/fake_platform.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/timer.h"
#include "tests/unit/fake_platform.h"

enum {
    TIMERS = 64,
};
#define SPAN_TICKS (UINT64_C(1) << 24)
#define TICKS(n)   ((uint64_t)(n)*TIMER_TICK_NS)
#define HOUR_NS    (3600 * NS_PER_S)

struct probe {
    struct timer t;
    bool armed;           /* the model's opinion */
    uint64_t deadline_ns; /* the model's */
    uint64_t due_tick;    /* when it may fire first: the past is due at once */
    uint64_t fired_ns;    /* the time handed to the callback, 0 not fired */
    uint32_t fired;
    uint64_t rearm_ns; /* not 0: how far behind now the callback arms it again */
};

static struct {
    struct timer_wheel w;
    struct probe probes[TIMERS];
    uint64_t last_tick; /* due tick of the timer fired last in this run */
    bool ordered;
} world;

static uint64_t tick_up(uint64_t ns)
{
    return ns / TIMER_TICK_NS + (ns % TIMER_TICK_NS != 0);
}

static void arm(struct probe *p, uint64_t deadline_ns)
{
    p->armed = true;
    p->deadline_ns = deadline_ns;
    p->due_tick = max_u64(tick_up(deadline_ns), world.w.now_tick);
    timer_arm(&world.w, &p->t, deadline_ns);
}

static void fired(struct timer *t, uint64_t now_ns)
{
    struct probe *p = container_of(t, struct probe, t);
    assert_true(p->armed);
    assert_false(timer_armed(t));
    assert_true(p->deadline_ns <= now_ns);
    world.ordered = world.ordered && p->due_tick >= world.last_tick;
    world.last_tick = p->due_tick;
    p->armed = false;
    p->fired++;
    p->fired_ns = now_ns;
    if (p->rearm_ns != 0) {
        arm(p, now_ns + p->rearm_ns);
    }
}

static void make(uint64_t now_ns)
{
    memset(&world, 0, sizeof(world));
    timer_wheel_init(&world.w, now_ns);
    for (int i = 0; i < TIMERS; i++) {
        timer_init(&world.probes[i].t, fired);
    }
}

static uint32_t run(uint64_t now_ns)
{
    world.last_tick = 0;
    world.ordered = true;
    return timer_run(&world.w, now_ns);
}

static uint32_t model_armed(void)
{
    uint32_t count = 0;
    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(world.probes[i].armed, timer_armed(&world.probes[i].t));
        count += world.probes[i].armed ? 1 : 0;
    }
    return count;
}

/* The earliest tick at which the model wants to be run, as ns. */
static uint64_t model_next(void)
{
    uint64_t next = DEADLINE_NONE;
    for (int i = 0; i < TIMERS; i++) {
        if (world.probes[i].armed) {
            next = min_u64(next, TICKS(tick_up(world.probes[i].deadline_ns)));
        }
    }
    return next;
}

/* No timer of the model should have fired by now and did not. */
static void check_none_overdue(uint64_t now_ns)
{
    for (int i = 0; i < TIMERS; i++) {
        if (world.probes[i].armed) {
            assert_true(tick_up(world.probes[i].deadline_ns) > now_ns / TIMER_TICK_NS);
        }
    }
}

static void an_empty_wheel_wants_nothing(void **state)
{
    make(12345);
    assert_int_equal(timer_next(&world.w), DEADLINE_NONE);
    assert_int_equal(run(100 * HOUR_NS), 0);
}

static void fires_at_its_tick_and_not_before(void **state)
{
    static const uint64_t distances[] = {1,
                                         62,
                                         63,
                                         64,
                                         65,
                                         127,
                                         128,
                                         4095,
                                         4096,
                                         4097,
                                         262143,
                                         262144,
                                         262145,
                                         SPAN_TICKS - 1,
                                         SPAN_TICKS,
                                         SPAN_TICKS + 1,
                                         3 * SPAN_TICKS + 7};
    static const uint64_t starts[] = {0, 1, 63, 64, 4095, 4096, 262143, SPAN_TICKS - 1, 987654321};
    for (size_t s = 0; s < ARRAY_SIZE(starts); s++) {
        for (size_t d = 0; d < ARRAY_SIZE(distances); d++) {
            make(TICKS(starts[s]));
            uint64_t deadline = TICKS(starts[s] + distances[d]);
            arm(&world.probes[0], deadline);
            assert_true(timer_next(&world.w) <= deadline);
            assert_int_equal(run(deadline - 1), 0);
            assert_true(timer_next(&world.w) <= deadline);
            assert_int_equal(run(deadline), 1);
            assert_int_equal(timer_next(&world.w), DEADLINE_NONE);
        }
    }
}

static void a_fraction_of_a_tick_rounds_up(void **state)
{
    make(0);
    arm(&world.probes[0], TICKS(5) + 1);
    assert_int_equal(run(TICKS(5)), 0);
    assert_int_equal(run(TICKS(5) + 500), 0);
    assert_int_equal(timer_next(&world.w), TICKS(6));
    assert_int_equal(run(TICKS(6)), 1);
}

static void the_past_fires_at_the_next_run(void **state)
{
    make(TICKS(1000));
    arm(&world.probes[0], TICKS(10));
    arm(&world.probes[1], TICKS(1000));
    assert_true(timer_next(&world.w) <= TICKS(1000));
    assert_int_equal(run(TICKS(1000)), 2);
    arm(&world.probes[0], 0);
    assert_int_equal(run(TICKS(1000) + 17), 1);
    assert_int_equal(timer_next(&world.w), DEADLINE_NONE);
}

/* A timer that arms itself for the past in its callback must not keep timer_run busy for ever. */
static void rearm_in_the_past(struct timer *t, uint64_t now_ns)
{
    struct probe *p = container_of(t, struct probe, t);
    p->fired++;
    timer_arm(&world.w, t, p->fired < 10 ? TICKS(2) : DEADLINE_NONE);
}

static void rearming_in_the_past_waits_for_the_next_run(void **state)
{
    make(0);
    struct probe *p = &world.probes[0];
    timer_init(&p->t, rearm_in_the_past);
    timer_arm(&world.w, &p->t, TICKS(5));
    arm(&world.probes[1], TICKS(900));
    for (uint32_t runs = 1; runs <= 9; runs++) {
        (void)timer_run(&world.w, TICKS(1000) + runs * 300000);
        assert_int_equal(p->fired, runs);
        assert_true(timer_armed(&p->t));
        assert_true(timer_next(&world.w) <= TICKS(1003));
    }
    assert_int_equal(world.probes[1].fired, 1);
    timer_cancel(&world.w, &p->t);
    assert_int_equal(timer_next(&world.w), DEADLINE_NONE);
    assert_int_equal(world.w.armed, 0);
}

/* Many timers of one tick, which note the order in which they fire. */
enum {
    CROWD = 1000,
};
static struct {
    struct timer t[CROWD];
    uint32_t fired;
    uint32_t order[CROWD];
} crowd;

static void note_order(struct timer *t, uint64_t now_ns)
{
    assert_true(crowd.fired < CROWD);
    crowd.order[crowd.fired++] = (uint32_t)(t - crowd.t);
}

static void make_crowd(uint64_t deadline_ns)
{
    memset(&crowd, 0, sizeof(crowd));
    for (int i = 0; i < CROWD; i++) {
        timer_init(&crowd.t[i], note_order);
        timer_arm(&world.w, &crowd.t[i], deadline_ns);
    }
}

static void a_run_looks_at_no_more_than_it_may(void **state)
{
    make(0);
    make_crowd(TICKS(5));
    arm(&world.probes[0], TICKS(6));
    for (uint32_t round = 1; round <= CROWD / 100; round++) {
        assert_int_equal(timer_run_some(&world.w, TICKS(7), 100), 100);
        assert_int_equal(crowd.fired, 100 * round);
        assert_int_equal(world.probes[0].fired, 0);
        assert_true(timer_next(&world.w) <= TICKS(7));
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        assert_int_equal(crowd.order[i], i);
    }
    assert_int_equal(timer_run_some(&world.w, TICKS(7), 100), 1);
    assert_int_equal(timer_next(&world.w), DEADLINE_NONE);
}

static void what_a_run_leaves_may_be_cancelled_and_rearmed(void **state)
{
    make(0);
    make_crowd(TICKS(5));
    assert_int_equal(timer_run_some(&world.w, TICKS(7), 997), 997);
    timer_cancel(&world.w, &crowd.t[997]);
    timer_arm(&world.w, &crowd.t[998], TICKS(9));
    arm(&world.probes[0], TICKS(1));
    assert_int_equal(world.w.armed, 3);
    assert_int_equal(run(TICKS(8)), 2);
    assert_int_equal(crowd.fired, 998);
    assert_int_equal(crowd.order[997], 999);
    assert_int_equal(world.probes[0].fired, 1);
    assert_int_equal(timer_next(&world.w), TICKS(9));
    assert_int_equal(run(TICKS(9)), 1);
    assert_int_equal(world.w.armed, 0);
    make_crowd(TICKS(20));
    assert_int_equal(timer_run_some(&world.w, TICKS(20), 999), 999);
    timer_cancel(&world.w, &crowd.t[999]);
    assert_int_equal(timer_next(&world.w), DEADLINE_NONE);
    assert_int_equal(run(TICKS(30)), 0);
}

/* More that always re-arm themselves for the past than a run may look at: the others come all the
 * same. */
static void the_past_does_not_keep_the_present_waiting(void **state)
{
    make(0);
    for (int i = 0; i < 5; i++) {
        timer_init(&world.probes[i].t, rearm_in_the_past);
        timer_arm(&world.w, &world.probes[i].t, TICKS(5));
    }
    arm(&world.probes[5], TICKS(6));
    (void)timer_run_some(&world.w, TICKS(10), 3);
    (void)timer_run_some(&world.w, TICKS(10), 3);
    assert_int_equal(world.probes[5].fired, 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(world.probes[i].fired, 1);
    }
}

/* A far deadline re-hangs at the horizon as often as needed. */
static void never_is_far_away(void **state)
{
    make(0);
    arm(&world.probes[0], DEADLINE_NONE - 1);
    arm(&world.probes[1], 20 * HOUR_NS);
    uint64_t now = 0;
    int wakes = 0;
    while (world.probes[1].fired == 0) {
        now = timer_next(&world.w);
        assert_true(now <= 20 * HOUR_NS);
        (void)run(now);
        assert_true(++wakes < 100);
    }
    assert_int_equal(now, 20 * HOUR_NS);
    assert_int_equal(run(1000 * HOUR_NS), 0);
    assert_true(timer_armed(&world.probes[0].t));
}

/* One callback cancels and re-arms the others, due in the same tick. */
static void meddle(struct timer *t, uint64_t now_ns)
{
    timer_cancel(&world.w, &world.probes[1].t);
    world.probes[1].armed = false;
    arm(&world.probes[2], now_ns + TICKS(3));
}

static void a_callback_may_cancel_and_rearm_others(void **state)
{
    make(0);
    timer_init(&world.probes[0].t, meddle);
    timer_arm(&world.w, &world.probes[0].t, TICKS(7));
    arm(&world.probes[1], TICKS(7));
    arm(&world.probes[2], TICKS(7));
    arm(&world.probes[3], TICKS(7));
    assert_int_equal(run(TICKS(7)), 2);
    assert_int_equal(world.probes[1].fired, 0);
    assert_int_equal(world.probes[2].fired, 0);
    assert_int_equal(world.probes[3].fired, 1);
    assert_int_equal(timer_next(&world.w), TICKS(10));
    assert_int_equal(run(TICKS(10)), 1);
    assert_int_equal(world.w.armed, 0);
}

static void a_clock_that_steps_back_fires_nothing(void **state)
{
    make(TICKS(100));
    arm(&world.probes[0], TICKS(50));
    assert_int_equal(run(TICKS(40)), 0);
    assert_int_equal(run(TICKS(100)), 1);
}

static uint64_t random_distance(uint64_t *seed)
{
    static const uint64_t ranges_ns[] = {TIMER_TICK_NS, TICKS(64),         TICKS(4096),
                                         TICKS(262144), TICKS(SPAN_TICKS), TICKS(4 * SPAN_TICKS)};
    return fake_random(seed) % ranges_ns[fake_random(seed) % ARRAY_SIZE(ranges_ns)];
}

static void random_step(uint64_t *seed, uint64_t now)
{
    struct probe *p = &world.probes[fake_random(seed) % TIMERS];
    uint64_t dice = fake_random(seed) % 10;
    if (dice < 6) {
        arm(p, now + random_distance(seed));
        p->rearm_ns = fake_random(seed) % 4 == 0 ? TIMER_TICK_NS + random_distance(seed) : 0;
    } else if (dice < 7) {
        arm(p, now - min_u64(now, random_distance(seed)));
    } else {
        timer_cancel(&world.w, &p->t);
        p->armed = false;
    }
}

/* Time jumps at random: exactly what the model says is due fires, in order. */
static void random_jumps_agree_with_the_model(void **state)
{
    uint64_t seed = fake_seed();
    uint64_t now = random_distance(&seed);
    make(now);
    for (int i = 0; i < 200000; i++) {
        random_step(&seed, now);
        assert_true(timer_next(&world.w) <= max_u64(model_next(), TICKS(now / TIMER_TICK_NS)));
        if (fake_random(&seed) % 3 == 0) {
            now += random_distance(&seed);
            (void)run(now);
            assert_true(world.ordered);
            check_none_overdue(now);
        }
        if (i % 64 == 0) {
            assert_int_equal(world.w.armed, model_armed());
        }
    }
}

/* The same in runs that are broken off again and again, with arming and cancelling in between. */
static void broken_off_runs_agree_with_the_model(void **state)
{
    uint64_t seed = fake_seed();
    uint64_t now = random_distance(&seed);
    uint32_t broken_off = 0;
    make(now);
    for (int i = 0; i < 200000; i++) {
        random_step(&seed, now);
        if (fake_random(&seed) % 3 != 0) {
            continue;
        }
        uint32_t most = 1 + (uint32_t)(fake_random(&seed) % 8);
        bool more = timer_next(&world.w) <= now; /* of the last run: first that */
        now += more ? 0 : random_distance(&seed);
        world.last_tick = more ? world.last_tick : 0;
        world.ordered = true;
        assert_true(timer_run_some(&world.w, now, most) <= most);
        assert_true(world.ordered);
        broken_off += timer_next(&world.w) <= now;
        if (timer_next(&world.w) > now) {
            check_none_overdue(now);
        }
        if (i % 64 == 0) {
            assert_int_equal(world.w.armed, model_armed());
        }
    }
    printf("broken off: %u\n", broken_off);
    assert_true(broken_off > 1000);
}

/* Run only when timer_next says so: at most one tick late, and few useless wake-ups. */
static void at_most_one_tick_late_at_timer_next(void **state)
{
    uint64_t seed = fake_seed();
    uint64_t now = 0;
    uint64_t useless = 0;
    make(now);
    for (int i = 0; i < 50000; i++) {
        struct probe *p = &world.probes[fake_random(&seed) % TIMERS];
        arm(p, now + random_distance(&seed));
        uint64_t next = timer_next(&world.w);
        if (fake_random(&seed) % 2 == 0 || next == DEADLINE_NONE) {
            continue;
        }
        now = max_u64(now, next);
        useless += run(now) == 0 ? 1 : 0;
        for (int k = 0; k < TIMERS; k++) {
            struct probe *q = &world.probes[k];
            if (q->fired_ns == now) {
                assert_true(now - q->deadline_ns < 2 * (uint64_t)TIMER_TICK_NS);
                assert_true(TICKS(tick_up(q->deadline_ns)) >= now - TIMER_TICK_NS);
            }
        }
        check_none_overdue(now);
    }
    printf("useless wake-ups: %llu\n", (unsigned long long)useless);
    assert_true(useless < 25000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_wheel_wants_nothing),
        cmocka_unit_test(fires_at_its_tick_and_not_before),
        cmocka_unit_test(a_fraction_of_a_tick_rounds_up),
        cmocka_unit_test(the_past_fires_at_the_next_run),
        cmocka_unit_test(rearming_in_the_past_waits_for_the_next_run),
        cmocka_unit_test(a_run_looks_at_no_more_than_it_may),
        cmocka_unit_test(what_a_run_leaves_may_be_cancelled_and_rearmed),
        cmocka_unit_test(the_past_does_not_keep_the_present_waiting),
        cmocka_unit_test(never_is_far_away),
        cmocka_unit_test(a_callback_may_cancel_and_rearm_others),
        cmocka_unit_test(a_clock_that_steps_back_fires_nothing),
        cmocka_unit_test(random_jumps_agree_with_the_model),
        cmocka_unit_test(broken_off_runs_agree_with_the_model),
        cmocka_unit_test(at_most_one_tick_late_at_timer_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
