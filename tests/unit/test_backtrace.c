/*
 * arch/x86_64/trap/backtrace.c over chains of frames made here: what is printed of recursion, of
 * deep chains, and of chains that lead nowhere. Symbols, page tables and consoles are stand-ins.
 */
// LINK: arch/x86_64/trap/backtrace.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/console/console.h"
#include "arch/x86_64/console/framebuffer.h"
#include "arch/x86_64/cpu/gdt.h"
#include "arch/x86_64/mm/paging.h"
#include "arch/x86_64/trap/backtrace.h"
#include "arch/x86_64/trap/trap.h"
#include "kernel/platform.h"

enum {
    FRAMES = 400,
    CODE_START = 0x100000,
    CODE_END = 0x200000,
};

static struct {
    uint64_t frames[FRAMES][2];
    struct trap_frame fault;
    uint64_t entry_frame; /* of the interrupt in service; 0: none */
    char text[1 << 16];
    size_t len;
} world;

/* So that the frame of the interrupt in service is where an interrupt's is. */
uint64_t gdt_stack_top(enum gdt_ist stack)
{
    assert_int_equal(stack, IST_INTERRUPT);
    return world.entry_frame + sizeof(struct trap_frame) + 2 * sizeof(uint64_t);
}

const char *symbol_find(uint64_t address, uint64_t *offset)
{
    *offset = address % 0x1000;
    return address >= CODE_START && address < CODE_END ? "f" : NULL;
}

bool paging_is_readable(uint64_t address, size_t len)
{
    uint64_t start = (uintptr_t)world.frames;
    return address >= start && address + len <= start + sizeof(world.frames);
}

void framebuffer_reach(void)
{
}

void console_text(const char *text)
{
    size_t len = strlen(text);
    assert_true(len < sizeof(world.text) - world.len);
    memcpy(world.text + world.len, text, len + 1);
    world.len += len;
}

void console_hex(uint64_t value, unsigned digits)
{
    char text[32];
    snprintf(text, sizeof(text), "0x%0*llx", (int)digits, (unsigned long long)value);
    console_text(text);
}

void console_decimal(uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    console_text(text);
}

/* count frames, the i-th with a return address that is told apart by i / equal. */
static void make_chain(size_t count, size_t equal)
{
    memset(&world, 0, sizeof(world));
    for (size_t i = 0; i < count; i++) {
        world.frames[i][0] = i + 1 < count ? (uintptr_t)world.frames[i + 1] : 0;
        world.frames[i][1] = CODE_START + 0x101 + 0x10 * (i / equal);
    }
    backtrace_start_at(&world.fault);
    world.fault.rip = CODE_START + 0x42;
    world.fault.rbp = (uintptr_t)world.frames[0];
}

static size_t count_of(const char *what)
{
    size_t count = 0;
    for (const char *at = world.text; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

static void a_short_chain_is_printed_whole(void **state)
{
    make_chain(3, 1);
    platform_backtrace();
    assert_string_equal(world.text, "backtrace, innermost first:\n"
                                    "  #0 0x0000000000100042 f+0x0042\n"
                                    "  #1 0x0000000000100100 f+0x0100\n"
                                    "  #2 0x0000000000100110 f+0x0110\n"
                                    "  #3 0x0000000000100120 f+0x0120\n");
}

static void recursion_takes_two_lines(void **state)
{
    make_chain(303, 300);
    platform_backtrace();
    assert_string_equal(world.text, "backtrace, innermost first:\n"
                                    "  #0 0x0000000000100042 f+0x0042\n"
                                    "  #1 0x0000000000100100 f+0x0100\n"
                                    "      ... repeated 299 times\n"
                                    " #301 0x0000000000100110 f+0x0110\n"
                                    "      ... repeated 2 times\n");
}

static void a_deep_chain_keeps_its_ends(void **state)
{
    make_chain(100, 1);
    platform_backtrace();
    assert_int_equal(count_of("#"), 24 + 8);
    assert_non_null(strstr(world.text, " #23 "));
    assert_null(strstr(world.text, " #24 "));
    assert_non_null(strstr(world.text, "      ... 69 frames\n #93 "));
    assert_non_null(strstr(world.text, " #100 0x0000000000100730 f+0x0730\n"));
}

/* Pairs of equal frames, more of them than there are lines: every frame is accounted for. */
static void repeats_in_a_deep_chain_are_counted(void **state)
{
    make_chain(400, 2);
    platform_backtrace();
    assert_int_equal(count_of("repeated 1 time\n"), 23 + 4);
    assert_int_equal(count_of("#"), 24 + 4);
    assert_non_null(strstr(world.text, "      ... 346 frames\n #393 "));
}

static void a_broken_chain_says_so(void **state)
{
    make_chain(3, 1);
    world.frames[1][0] = (uintptr_t)world.frames[FRAMES - 1] + sizeof(world.frames[0]);
    platform_backtrace();
    assert_int_equal(count_of("#"), 3);
    assert_int_equal(count_of("the chain breaks here: no frame at 0x"), 1);
    make_chain(3, 1);
    world.fault.rbp = 7;
    platform_backtrace();
    assert_int_equal(count_of("#"), 1);
    assert_int_equal(count_of("no frame at 0x0000000000000007\n"), 1);
}

static void a_chain_that_leads_back_ends(void **state)
{
    make_chain(3, 1);
    world.frames[2][0] = (uintptr_t)world.frames[0];
    platform_backtrace();
    assert_int_equal(count_of("#"), 4);
    make_chain(3, 1);
    world.frames[1][1] = 0x1234; /* no code there */
    platform_backtrace();
    assert_int_equal(count_of("#"), 2);
}

/* An interrupt has a stack of its own, which may lie above the interrupted one, or far below. */
static void a_chain_goes_on_on_the_interrupted_stack(void **state)
{
    make_chain(3, 1);
    world.entry_frame = (uintptr_t)world.frames[202];
    for (size_t i = 200; i < 203; i++) {
        world.frames[i][0] = (uintptr_t)world.frames[i < 202 ? i + 1 : 0];
        world.frames[i][1] = CODE_START + 0x901 + 0x10 * (i - 200);
    }
    world.fault.rbp = (uintptr_t)world.frames[200];
    platform_backtrace();
    assert_int_equal(count_of("#"), 7);
    assert_non_null(strstr(world.text, "  #3 0x0000000000100920 f+0x0920\n"
                                       "  #4 0x0000000000100100 f+0x0100\n"));
    world.len = 0;
    world.frames[2][0] = (uintptr_t)world.frames[202]; /* in a circle: it ends all the same */
    platform_backtrace();
    assert_non_null(strstr(world.text, "frames\n"));
}

/* At a function's first instruction, and behind a wild call, the caller is on top of the stack. */
static void the_caller_of_a_function_just_entered_is_found(void **state)
{
    static const uint64_t at[] = {CODE_START + 0x3000, 0x1234};
    for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
        make_chain(2, 1);
        world.frames[10][0] = CODE_START + 0x777;
        world.fault.rsp = (uintptr_t)world.frames[10];
        world.fault.rip = at[i];
        platform_backtrace();
        assert_int_equal(count_of("#"), 4);
        assert_non_null(strstr(world.text, "  #1 0x0000000000100776 f+0x0776\n  #2 "));
    }
    make_chain(2, 1);
    world.fault.rsp = (uintptr_t)world.frames[10]; /* holds no code's address */
    world.fault.rip = CODE_START;
    platform_backtrace();
    assert_int_equal(count_of("#"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_chain_is_printed_whole),
        cmocka_unit_test(recursion_takes_two_lines),
        cmocka_unit_test(a_deep_chain_keeps_its_ends),
        cmocka_unit_test(repeats_in_a_deep_chain_are_counted),
        cmocka_unit_test(a_broken_chain_says_so),
        cmocka_unit_test(a_chain_that_leads_back_ends),
        cmocka_unit_test(a_chain_goes_on_on_the_interrupted_stack),
        cmocka_unit_test(the_caller_of_a_function_just_entered_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
