/*
 * kernel/task.h, kernel/loop.h, kernel/sleep.h and our <pthread.h>, on the hosted target's stack
 * switch and a clock of the test's: waiting, waking, time-outs, reuse of stacks; when it sleeps.
 */
// LINK: tests/unit/fake_platform.c kernel/task.c kernel/loop.c kernel/lull.c kernel/softirq.c
// LINK: kernel/timer.c kernel/pthread.c kernel/sleep.c arch/host/context.c arch/context/*.[cS]
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/include/pthread.h"
#include "kernel/include/sched.h"
#include "kernel/loop.h"
#include "kernel/sleep.h"
#include "kernel/softirq.h"
#include "kernel/task.h"
#include "tests/unit/fake_platform.h"

enum {
    MAX = 8,
    ARENA_BYTES = 4 << 20,
};

static char journal[512];

static void note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t used = strlen(journal);
    (void)vsnprintf(journal + used, sizeof(journal) - used, fmt, ap);
    va_end(ap);
}

static void begin(void)
{
    /* The clock goes on: the loop's timer wheel lives as long as the program. */
    uint64_t now = fake.now_ns;
    fake_reset(ARENA_BYTES);
    fake.now_ns = now + 10 * NS_PER_S;
    memset(journal, 0, sizeof(journal));
    task_init(MAX, loop_timers());
}

static void run_until_quiet(void)
{
    for (int i = 0; i < 1000 && task_any_ready(); i++) {
        task_run_ready();
        assert_null(task_current());
    }
    assert_false(task_any_ready());
}

static void create(void (*fn)(void *), void *arg)
{
    assert_int_equal(task_create("test", fn, arg), STATUS_OK);
}

static void say(void *arg)
{
    note("%s", (const char *)arg);
}

static void say_thrice(void *arg)
{
    for (int i = 0; i < 3; i++) {
        note("%s%d ", (const char *)arg, i);
        task_yield();
    }
}

static void tasks_take_turns(void **state)
{
    begin();
    create(say_thrice, "a");
    create(say_thrice, "b");
    assert_string_equal(journal, "");
    task_run_ready();
    assert_string_equal(journal, "a0 b0 ");
    run_until_quiet();
    assert_string_equal(journal, "a0 b0 a1 b1 a2 b2 ");
    assert_int_equal(task_stats()->count, 0);
    assert_int_equal(task_stats()->high, 2);
}

static void too_many_are_refused(void **state)
{
    begin();
    for (int i = 0; i < MAX; i++) {
        create(say, "x");
    }
    assert_int_equal(task_create("test", say, NULL), STATUS_NO_MEMORY);
    assert_int_equal(task_stats()->refused, 1);
    run_until_quiet();
    create(say, "y");
    run_until_quiet();
    assert_string_equal(journal, "xxxxxxxxy");
}

static void stacks_are_reused(void **state)
{
    begin();
    fake.stacks_max = 2;
    for (int i = 0; i < 50; i++) {
        create(say, "1");
        create(say, "2");
        assert_int_equal(task_create("test", say, NULL), STATUS_NO_MEMORY);
        run_until_quiet();
    }
    assert_int_equal(fake.stacks, 2);
    assert_int_equal(task_stats()->created, 100);
}

static void a_small_memory_makes_few_tasks(void **state)
{
    fake_reset(4096);
    task_init(1000, loop_timers());
    assert_true(task_stats()->max > 0 && task_stats()->max < 20);
}

static struct wait_queue queue;

static void wait_and_tell(void *arg)
{
    bool woken = wait_on(&queue, *(uint64_t *)arg);
    note("%s ", woken ? "woken" : "late");
}

static void one_wakes_one_all_wake_all(void **state)
{
    static uint64_t never = DEADLINE_NONE;
    begin();
    wait_queue_init(&queue);
    wake_one(&queue);
    wake_all(&queue);
    for (int i = 0; i < 4; i++) {
        create(wait_and_tell, &never);
    }
    run_until_quiet();
    assert_string_equal(journal, "");
    wake_one(&queue);
    run_until_quiet();
    assert_string_equal(journal, "woken ");
    wake_all(&queue);
    wake_all(&queue);
    run_until_quiet();
    assert_string_equal(journal, "woken woken woken woken ");
    assert_int_equal(task_stats()->count, 0);
}

static void a_deadline_ends_a_wait(void **state)
{
    begin();
    wait_queue_init(&queue);
    uint64_t deadline = fake.now_ns + 10 * NS_PER_MS;
    create(wait_and_tell, &deadline);
    create(wait_and_tell, &deadline);
    run_until_quiet();
    assert_true(timer_next(loop_timers()) <= deadline);
    wake_one(&queue);
    (void)timer_run(loop_timers(), deadline);
    (void)timer_run(loop_timers(), deadline + NS_PER_S);
    run_until_quiet();
    assert_string_equal(journal, "woken late ");
    assert_true(list_empty(&queue.waiters));
    assert_int_equal(loop_timers()->armed, 0);
}

static void wait_twice(void *arg)
{
    const uint64_t *deadlines = arg;
    for (int i = 0; i < 2; i++) {
        bool woken = wait_on(&queue, deadlines[i]);
        note("%s ", woken ? "woken" : "late");
    }
}

/* The timer of a wait that was over before hangs on, and is the next one's, sooner or later. */
static void a_deadline_of_an_earlier_wait_is_forgotten(void **state)
{
    for (int later = 0; later < 2; later++) {
        begin();
        wait_queue_init(&queue);
        uint64_t first = fake.now_ns + 100 * NS_PER_MS;
        uint64_t deadlines[] = {first, later ? first + 100 * NS_PER_MS : first - 50 * NS_PER_MS};
        create(wait_twice, deadlines);
        run_until_quiet();
        wake_one(&queue);
        run_until_quiet();
        (void)timer_run(loop_timers(), deadlines[1] - NS_PER_MS);
        run_until_quiet();
        assert_string_equal(journal, "woken ");
        assert_true(timer_next(loop_timers()) <= deadlines[1]);
        (void)timer_run(loop_timers(), deadlines[1] + NS_PER_MS);
        run_until_quiet();
        assert_string_equal(journal, "woken late ");
        assert_int_equal(loop_timers()->armed, 0); /* an ended task leaves none behind */
    }
}

/* The deadline comes, and the wake-up right after it, before the task could run. */
static void a_wake_up_after_the_deadline_finds_nobody(void **state)
{
    begin();
    wait_queue_init(&queue);
    uint64_t deadline = fake.now_ns + NS_PER_MS;
    create(wait_and_tell, &deadline);
    run_until_quiet();
    (void)timer_run(loop_timers(), deadline + NS_PER_MS);
    wake_all(&queue);
    run_until_quiet();
    assert_string_equal(journal, "late ");
}

static void set_errno_and_env(void *arg)
{
    note("%s%d ", (const char *)task_env(), *task_errno());
    *task_errno() = (int)(intptr_t)arg;
    task_set_env(arg != NULL ? "own" : "other");
    task_yield();
    note("%s%d ", (const char *)task_env(), *task_errno());
    if (arg != NULL) {
        create(set_errno_and_env, NULL);
    }
}

static void errno_and_environment_are_the_tasks(void **state)
{
    begin();
    task_set_env("loop");
    *task_errno() = 99;
    create(set_errno_and_env, (void *)5);
    run_until_quiet();
    assert_string_equal(journal, "loop0 own5 own0 other0 ");
    assert_int_equal(*task_errno(), 99);
    assert_string_equal(task_env(), "loop");
    task_set_env(NULL);
}

static void tell_name(void *arg)
{
    note("%s/%d ", task_name(task_current()), (int)task_id(task_current()));
}

static void tasks_have_names_and_numbers(void **state)
{
    begin();
    assert_int_equal(task_create("short", tell_name, NULL), STATUS_OK);
    assert_int_equal(task_create("a name that is too long", tell_name, NULL), STATUS_OK);
    run_until_quiet();
    assert_string_equal(journal, "short/1 a name that is /2 ");
}

static void smash_stack(void *arg)
{
    memset(fake.memory + fake.arena.used_bytes - 4 * (size_t)TASK_STACK_BYTES, 0, 16);
}

static void overflow(void *arg)
{
    create(smash_stack, NULL);
    task_run_ready();
}

static void an_overflowed_stack_is_noticed(void **state)
{
    begin();
    assert_true(fake_aborts(overflow, NULL));
}

static void *thread_body(void *arg)
{
    note("%s%d ", (const char *)arg, (int)pthread_self());
    return arg;
}

static void *sleeper(void *arg)
{
    struct timespec request = {.tv_sec = 1, .tv_nsec = 500000000};
    struct timespec wrong = {.tv_nsec = 1000000000};
    uint64_t start = fake.now_ns;
    assert_int_equal(rs_nanosleep(&request, NULL), 0);
    assert_true(fake.now_ns - start >= 1500 * (uint64_t)NS_PER_MS);
    assert_true(fake.now_ns - start <= 1502 * (uint64_t)NS_PER_MS);
    assert_int_equal(rs_nanosleep(&wrong, NULL), -1);
    assert_int_equal(errno, EINVAL);
    start = fake.now_ns;
    assert_int_equal(rs_usleep(2500), 0);
    assert_true(fake.now_ns - start >= 2500 * (uint64_t)NS_PER_US);
    assert_int_equal(rs_sleep(3), 0);
    assert_true(fake.now_ns - start >= 3 * NS_PER_S);
    loop_stop(42);
    return NULL;
}

static void threads_are_tasks(void **state)
{
    begin();
    pthread_t a = 0;
    pthread_t b = 0;
    assert_int_equal(pthread_create(&a, NULL, thread_body, "a"), 0);
    assert_int_equal(pthread_create(&b, NULL, thread_body, "b"), 0);
    assert_int_equal(pthread_detach(a), 0);
    run_until_quiet();
    assert_string_equal(journal, "a1 b2 ");
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
    assert_int_equal(pthread_self(), 0);
    for (int i = 0; i < MAX; i++) {
        assert_int_equal(pthread_create(NULL, NULL, thread_body, ""), 0);
    }
    assert_int_equal(pthread_create(NULL, NULL, thread_body, ""), EAGAIN);
    run_until_quiet();
}

static uint32_t mxcsr(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}

/* Rounds its way over a turn of the others; arg: MXCSR. */
static void *round_so(void *arg)
{
    uint32_t mine = (uint32_t)(uintptr_t)arg;
    note("%x ", mxcsr());
    __asm__ volatile("ldmxcsr %0" : : "m"(mine));
    assert_int_equal(sched_yield(), 0);
    note("%x ", mxcsr());
    return NULL;
}

/* The rest of it in test_context.c, of the metal's switch. */
static void threads_have_rounding_modes_of_their_own(void **state)
{
    begin();
    assert_int_equal(pthread_create(NULL, NULL, round_so, (void *)(uintptr_t)0x3f80), 0);
    assert_int_equal(pthread_create(NULL, NULL, round_so, (void *)(uintptr_t)0x5f80), 0);
    run_until_quiet();
    assert_string_equal(journal, "1f80 1f80 3f80 5f80 ");
    assert_int_equal(mxcsr() & 0xffc0, 0x1f80);
}

static void the_loop_wakes_sleepers_in_time(void **state)
{
    begin();
    assert_int_equal(pthread_create(NULL, NULL, sleeper, NULL), 0);
    uint64_t waits = loop_stats()->waits;
    assert_int_equal(loop_run(), 42);
    assert_true(loop_stats()->waits - waits >= 3);
    assert_true(loop_stats()->waits - waits < 100); /* it slept, it did not spin */
}

/* A source with a deadline, and one that makes the first one's deadline earlier when polled. */
static struct {
    uint64_t due_ns;     /* of the first source */
    uint64_t pull_in_ns; /* when the second source moves it */
    uint64_t delay_ns;   /* to so much later */
    uint32_t backlog;    /* pieces of work of the second, which does one when it is polled */
    bool go_on;          /* the first source's firing does not stop the loop */
    uint64_t fired_ns;
    uint32_t unflushed;
    uint64_t flushed;
} scene;

static uint64_t poll_first(void *arg, uint64_t now_ns)
{
    if (now_ns >= scene.due_ns) {
        scene.due_ns = DEADLINE_NONE;
        scene.fired_ns = now_ns;
        scene.unflushed++;
        if (!scene.go_on) {
            loop_stop(7);
        }
    }
    return scene.due_ns;
}

static uint64_t poll_second(void *arg, uint64_t now_ns)
{
    if (scene.backlog > 0) {
        scene.backlog--;
        scene.due_ns = scene.backlog == 0 ? now_ns + scene.delay_ns : scene.due_ns;
        return scene.backlog > 0 ? now_ns : DEADLINE_NONE;
    }
    if (now_ns >= scene.pull_in_ns) {
        scene.pull_in_ns = DEADLINE_NONE;
        scene.due_ns = now_ns + scene.delay_ns;
    }
    return scene.pull_in_ns;
}

static void flush_first(void *arg, uint64_t now_ns)
{
    scene.flushed += scene.unflushed;
    scene.unflushed = 0;
}

static void add_sources(void)
{
    static struct loop_source first = {.poll = poll_first, .flush = flush_first};
    static struct loop_source second = {.poll = poll_second};
    static bool added;
    memset(&scene, 0, sizeof(scene));
    scene.due_ns = DEADLINE_NONE;
    scene.pull_in_ns = DEADLINE_NONE;
    scene.delay_ns = 5 * NS_PER_MS;
    if (!added) {
        loop_add_source(&first);
        loop_add_source(&second);
        added = true;
    }
}

static void a_deadline_moved_by_a_later_source_is_kept(void **state)
{
    begin();
    add_sources();
    scene.pull_in_ns = fake.now_ns + NS_PER_S;
    scene.due_ns = fake.now_ns + 1000 * NS_PER_S;
    uint64_t expected = scene.pull_in_ns + 5 * NS_PER_MS;
    assert_int_equal(loop_run(), 7);
    assert_int_equal(scene.fired_ns, expected);
    assert_int_equal(scene.unflushed, 0);
    assert_int_equal(scene.flushed, 1);
}

static void move_deadline(void *arg)
{
    scene.due_ns = fake.now_ns + 3 * NS_PER_MS;
}

static void a_deadline_moved_by_a_task_is_kept(void **state)
{
    begin();
    add_sources();
    uint64_t expected = fake.now_ns + 3 * NS_PER_MS;
    create(move_deadline, NULL);
    assert_int_equal(loop_run(), 7);
    assert_int_equal(scene.fired_ns, expected);
}

static void make_second_due(void *arg)
{
    scene.pull_in_ns = 0;
}

/* The second source, made due by a task, moves the first one's deadline when it is polled. */
static void a_deadline_moved_in_the_last_poll_is_kept(void **state)
{
    begin();
    add_sources();
    uint64_t expected = fake.now_ns + scene.delay_ns;
    create(make_second_due, NULL);
    assert_int_equal(loop_run(), 7);
    assert_int_equal(scene.fired_ns, expected);
}

static void what_is_overdue_is_not_slept_over(void **state)
{
    begin();
    add_sources();
    scene.backlog = 10;
    uint64_t expected = fake.now_ns + scene.delay_ns;
    assert_int_equal(loop_run(), 7);
    assert_int_equal(scene.fired_ns, expected);
    assert_int_equal(fake.waits, 1); /* for that */
}

static void expect_flushed(uint64_t deadline_ns)
{
    assert_int_equal(scene.unflushed, 0);
    assert_int_equal(scene.flushed, 1);
    loop_stop(8);
}

static void what_the_last_poll_sent_is_flushed_before_sleep(void **state)
{
    begin();
    add_sources();
    scene.go_on = true;
    scene.delay_ns = 0;
    scene.pull_in_ns = fake.now_ns;
    fake.on_wait = expect_flushed;
    assert_int_equal(loop_run(), 8);
}

/* Packets that come 10 us apart: the loop begins to look before it sleeps, and ends when they do.
 */
static struct {
    struct napi napi;
    uint32_t left;
    uint64_t next_ns; /* when the next packet is in memory */
    uint32_t interrupts;
} traffic;

static uint32_t poll_traffic(struct napi *n, uint32_t budget, uint64_t now_ns)
{
    if (traffic.left == 0 || now_ns < traffic.next_ns) {
        return 0;
    }
    traffic.left--;
    traffic.next_ns = now_ns + 10 * NS_PER_US;
    if (traffic.left == 0) {
        scene.due_ns = now_ns + 50 * NS_PER_MS; /* and then a pause, then the end */
    }
    return 1;
}

static uint64_t look_at_ring(void *arg, uint64_t now_ns)
{
    if (traffic.left > 0 && now_ns >= traffic.next_ns) {
        napi_schedule(&traffic.napi);
    }
    return DEADLINE_NONE;
}

static void wait_for_interrupt(uint64_t deadline_ns)
{
    if (traffic.left > 0 && traffic.next_ns < deadline_ns) {
        fake.now_ns = max_u64(fake.now_ns, traffic.next_ns);
        traffic.interrupts++;
        napi_schedule(&traffic.napi);
    } else {
        fake.now_ns = max_u64(fake.now_ns, deadline_ns);
    }
}

static void dense_traffic_is_polled_and_silence_is_slept(void **state)
{
    static struct loop_source ring = {.poll = look_at_ring};
    begin();
    add_sources();
    loop_add_source(&ring);
    fake.step_ns = 100;
    fake.on_wait = wait_for_interrupt;
    traffic.napi.poll = poll_traffic;
    traffic.left = 1000;
    traffic.next_ns = fake.now_ns;
    uint64_t polls = loop_stats()->busy_polls;
    assert_int_equal(loop_run(), 7);
    assert_true(loop_stats()->busy_polls - polls > 900);
    assert_true(traffic.interrupts < 100);
    /* Silence: one look at the clock a wait, not thousands of them. */
    uint64_t reads = fake.clock_reads;
    uint32_t waits = fake.waits;
    scene.due_ns = fake.now_ns + 10 * NS_PER_S;
    assert_int_equal(loop_run(), 7);
    assert_true(fake.clock_reads - reads < 1000);
    assert_true(fake.waits - waits < 20);
}

static void note_and_end(void *arg)
{
    note("ran ");
}

static void stop_when_asleep(uint64_t deadline_ns)
{
    loop_stop(9);
}

/* As before the power goes: what could run stays where it is, and the loop sleeps all the same. */
static void held_tasks_do_not_run(void **state)
{
    begin();
    create(note_and_end, NULL);
    loop_hold_tasks();
    fake.on_wait = stop_when_asleep;
    assert_int_equal(loop_run(), 9);
    assert_string_equal(journal, "");
    assert_true(task_any_ready());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_take_turns),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(stacks_are_reused),
        cmocka_unit_test(a_small_memory_makes_few_tasks),
        cmocka_unit_test(one_wakes_one_all_wake_all),
        cmocka_unit_test(a_deadline_ends_a_wait),
        cmocka_unit_test(a_deadline_of_an_earlier_wait_is_forgotten),
        cmocka_unit_test(a_wake_up_after_the_deadline_finds_nobody),
        cmocka_unit_test(errno_and_environment_are_the_tasks),
        cmocka_unit_test(tasks_have_names_and_numbers),
        cmocka_unit_test(an_overflowed_stack_is_noticed),
        cmocka_unit_test(threads_are_tasks),
        cmocka_unit_test(threads_have_rounding_modes_of_their_own),
        cmocka_unit_test(the_loop_wakes_sleepers_in_time),
        cmocka_unit_test(a_deadline_moved_by_a_later_source_is_kept),
        cmocka_unit_test(a_deadline_moved_by_a_task_is_kept),
        cmocka_unit_test(a_deadline_moved_in_the_last_poll_is_kept),
        cmocka_unit_test(what_is_overdue_is_not_slept_over),
        cmocka_unit_test(what_the_last_poll_sent_is_flushed_before_sleep),
        cmocka_unit_test(dense_traffic_is_polled_and_silence_is_slept),
        cmocka_unit_test(held_tasks_do_not_run), /* and never again: the last */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
