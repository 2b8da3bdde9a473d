/*
 * kernel/panic.h: what is said, in which order, and that every way out is bounded. The kernel's
 * assert_fail is compiled under another name here, for the test's own assertions have one too.
 */
// LINK: tests/unit/fake_platform.c kernel/log.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define assert_fail kernel_assert_fail
#include "kernel/panic.c"
#undef assert_fail

#include "tests/unit/fake_platform.h"

static jmp_buf ended;

static void setup_world(void)
{
    fake_reset(4096);
    fake.on_end = &ended;
    panics.stage = PANIC_NONE;
    panic_set_action(PANIC_REBOOT);
}

static void say_and_panic(void)
{
    if (setjmp(ended) == 0) {
        panic("pool %s: %d lost", "rx", 3);
    }
}

static void reboots_after_a_pause(void **state)
{
    setup_world();
    fake.step_ns = NS_PER_MS;
    log_info("before");
    (void)fake_console();
    say_and_panic();
    assert_int_equal(fake.end, FAKE_REBOOTED);
    assert_true(fake.now_ns >= PANIC_PAUSE_S * NS_PER_S);
    assert_true(fake.now_ns < (PANIC_PAUSE_S + 1) * NS_PER_S);
    assert_int_equal(fake.backtraces, 1);
    assert_true(fake.irq_depth > 0);
    const char *text = fake_console();
    const char *message = strstr(text, "panic: pool rx: 3 lost\n");
    const char *log = strstr(text, "before\n");
    const char *last = strstr(text, "rebooting in 5 s\n");
    assert_true(message != NULL && log > message && last > log);
}

static void halts_when_told_so(void **state)
{
    setup_world();
    panic_set_action(PANIC_HALT);
    say_and_panic();
    assert_int_equal(fake.end, FAKE_HALTED);
    assert_int_equal(fake.halt_code, 1);
    assert_non_null(strstr(fake_console(), "halted\n"));
}

static void a_failed_assertion_names_its_place(void **state)
{
    setup_world();
    panic_set_action(PANIC_HALT);
    if (setjmp(ended) == 0) {
        kernel_assert_fail("x > 0", "net/tcp.c", 12, "tcp_input");
    }
    assert_non_null(
        strstr(fake_console(), "panic: net/tcp.c:12: tcp_input: assertion failed: x > 0\n"));
}

static void an_assertion_of_our_own_needs_no_function(void **state)
{
    setup_world();
    panic_set_action(PANIC_HALT);
    if (setjmp(ended) == 0) {
        kernel_assert_fail("x > 0", "net/tcp.c", 12, NULL);
    }
    assert_non_null(strstr(fake_console(), "panic: net/tcp.c:12: assertion failed: x > 0\n"));
}

static void a_panic_inside_a_panic_halts_at_once(void **state)
{
    setup_world();
    panics.stage = PANIC_MESSAGE;
    say_and_panic();
    assert_int_equal(fake.end, FAKE_HALTED);
    assert_int_equal(fake.clock_reads, 0);
    assert_string_equal(fake_console(), "");
}

static void a_fault_while_finishing_halts_at_once(void **state)
{
    setup_world();
    panics.stage = PANIC_FINISH;
    if (setjmp(ended) == 0) {
        panic_finish();
    }
    assert_int_equal(fake.end, FAKE_HALTED);
    assert_int_equal(fake.backtraces, 0);
}

static void the_fault_handler_finishes_without_a_message(void **state)
{
    setup_world();
    panic_set_action(PANIC_HALT);
    if (setjmp(ended) == 0) {
        panic_finish();
    }
    assert_int_equal(fake.end, FAKE_HALTED);
    assert_int_equal(fake.backtraces, 1);
    assert_null(strstr(fake_console(), "panic:"));
}

static void panic_from_interrupt(void)
{
    fake.on_console = NULL;
    panic("in the middle");
}

/* The writer that was interrupted never comes back: its turn at the consoles is not waited for. */
static void a_panic_in_the_middle_of_a_write_is_told(void **state)
{
    setup_world();
    panic_set_action(PANIC_HALT);
    fake.on_console = panic_from_interrupt;
    if (setjmp(ended) == 0) {
        log_console_write("some text of an application\n", 28);
    }
    assert_int_equal(fake.end, FAKE_HALTED);
    const char *text = fake_console();
    assert_non_null(strstr(text, "some text of a\npanic: in the middle\n"));
    assert_non_null(strstr(text, "halted\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reboots_after_a_pause),
        cmocka_unit_test(halts_when_told_so),
        cmocka_unit_test(a_failed_assertion_names_its_place),
        cmocka_unit_test(an_assertion_of_our_own_needs_no_function),
        cmocka_unit_test(a_panic_inside_a_panic_halts_at_once),
        cmocka_unit_test(a_fault_while_finishing_halts_at_once),
        cmocka_unit_test(the_fault_handler_finishes_without_a_message),
        cmocka_unit_test(a_panic_in_the_middle_of_a_write_is_told), /* the log is stuck after it */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
