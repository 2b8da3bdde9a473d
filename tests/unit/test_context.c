/*
 * The metal's contexts (arch/x86_64/cpu/context.c, arch/context/), switched between in a Linux
 * process: what of the floating-point units belongs to a task, as the System V ABI has it (3.2.3),
 * and how a new one begins.
 */
// LINK: arch/x86_64/cpu/context.c arch/context/*.[cS]
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/platform.h"

enum {
    STACK_BYTES = 64 * 1024,
    MXCSR_DEFAULT = 0x1f80,
    MXCSR_UP = 0x5f80, /* rounding up */
    MXCSR_DIVIDED = 0x04,
    X87_DEFAULT = 0x37f,
    X87_UP_SINGLE = 0x87f,       /* rounding up, 24 bits */
    X87_DIVIDE_UNMASKED = 0x37b, /* a division by 0 is an exception */
    X87_DIVIDED = 0x04,
};

static struct {
    struct platform_context main;
    struct platform_context task[2];
    _Alignas(16) uint8_t stack[2][STACK_BYTES];
    uint32_t mxcsr[2]; /* as each task found them */
    uint16_t x87[2];
    uintptr_t frame;
    int turns;
} world;

static uint32_t mxcsr(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}

static uint16_t x87_control(void)
{
    uint16_t v;
    __asm__ volatile("fnstcw %0" : "=m"(v));
    return v;
}

static uint16_t x87_status(void)
{
    uint16_t v;
    __asm__ volatile("fnstsw %0" : "=m"(v));
    return v;
}

static void set_modes(uint32_t m, uint16_t x)
{
    __asm__ volatile("fnclex\n\tfldcw %1\n\tldmxcsr %0" : : "m"(m), "m"(x));
}

static void divide_by_zero(void)
{
    __asm__ volatile("fld1\n\tfldz\n\tfdivrp\n\tfstp %st(0)");
}

static int reset(void **state)
{
    set_modes(MXCSR_DEFAULT, X87_DEFAULT);
    world.turns = 0;
    return 0;
}

static void start(int n, noreturn_fn void (*entry)(void *arg))
{
    platform_context_init(&world.task[n], world.stack[n], world.stack[n] + STACK_BYTES, entry,
                          (void *)(uintptr_t)n);
}

static void leave(int n)
{
    platform_context_switch(&world.task[n], &world.main);
}

static void enter(int n)
{
    platform_context_switch(&world.main, &world.task[n]);
}

/* Notes what it finds at each turn. The first sets modes of its own, the second never does. */
static noreturn_fn void note_modes(void *arg)
{
    int n = (int)(uintptr_t)arg;
    world.frame = (uintptr_t)__builtin_frame_address(0);
    for (;;) {
        world.mxcsr[n] = mxcsr();
        world.x87[n] = x87_control();
        if (n == 0 && world.turns++ == 0) {
            set_modes(MXCSR_UP | MXCSR_DIVIDED, X87_UP_SINGLE);
        }
        leave(n);
    }
}

static void modes_belong_to_their_task(void **state)
{
    start(0, note_modes);
    start(1, note_modes);
    for (int i = 0; i < 2; i++) {
        enter(0);
        assert_int_equal(mxcsr(), MXCSR_DEFAULT);
        assert_int_equal(x87_control(), X87_DEFAULT);
        enter(1);
        assert_int_equal(world.mxcsr[1], MXCSR_DEFAULT);
        assert_int_equal(world.x87[1], X87_DEFAULT);
    }
    assert_int_equal(world.mxcsr[0], MXCSR_UP | MXCSR_DIVIDED); /* the second turn's */
    assert_int_equal(world.x87[0], X87_UP_SINGLE);
}

/* POSIX pthread_create: the creator's environment. Its flags tell of its own past. */
static void a_new_task_has_its_creators_modes(void **state)
{
    set_modes(MXCSR_UP | MXCSR_DIVIDED, X87_UP_SINGLE);
    start(1, note_modes);
    set_modes(MXCSR_DEFAULT, X87_DEFAULT);
    enter(1);
    assert_int_equal(world.mxcsr[1], MXCSR_UP);
    assert_int_equal(world.x87[1], X87_UP_SINGLE);
}

/* Code with SSE stores to its stack in words of 16 bytes, and faults when that is not aligned. */
static void a_stack_begins_aligned(void **state)
{
    start(1, note_modes);
    enter(1);
    assert_int_equal(world.frame % 16, 0); /* behind the return address and rbp: 16 bytes */
}

static noreturn_fn void unmask_division(void *arg)
{
    int n = (int)(uintptr_t)arg;
    set_modes(MXCSR_DEFAULT, X87_DIVIDE_UNMASKED);
    for (;;) {
        leave(n);
        world.turns++;
        __asm__ volatile("fld1\n\tfstp %st(0)"); /* here it would come */
    }
}

/* A SIGFPE would end this program. */
static void a_flag_of_one_task_is_no_exception_of_the_other(void **state)
{
    start(0, unmask_division);
    enter(0);
    divide_by_zero();
    assert_int_equal(x87_status() & X87_DIVIDED, X87_DIVIDED);
    enter(0);
    assert_int_equal(world.turns, 1);
}

/* Between tasks that see exceptions alike the flags stay: a program may look at them later. */
static void flags_outlive_a_switch_between_equals(void **state)
{
    start(1, note_modes);
    divide_by_zero();
    enter(1);
    assert_int_equal(x87_status() & X87_DIVIDED, X87_DIVIDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(modes_belong_to_their_task, reset, reset),
        cmocka_unit_test_setup_teardown(a_new_task_has_its_creators_modes, reset, reset),
        cmocka_unit_test_setup_teardown(a_stack_begins_aligned, reset, reset),
        cmocka_unit_test_setup_teardown(a_flag_of_one_task_is_no_exception_of_the_other, reset,
                                        reset),
        cmocka_unit_test_setup_teardown(flags_outlive_a_switch_between_equals, reset, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
