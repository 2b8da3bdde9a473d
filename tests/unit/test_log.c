/*
 * kernel/log.h and kernel/stats.h: the form of an entry, the ring, the console level; counters.
 */
// LINK: tests/unit/fake_platform.c kernel/log.c kernel/stats.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/log.h"
#include "kernel/stats.h"
#include "tests/unit/fake_platform.h"

static char buf[2 * LOG_RING_BYTES];

static const char *read_all(size_t size)
{
    size_t len = log_read(buf, size);
    assert_true(len <= size);
    buf[len] = '\0';
    return buf;
}

static void setup_world(void)
{
    fake_reset(4096);
    log_set_level(LOG_INFO);
}

static void an_entry_has_its_time(void **state)
{
    setup_world();
    fake.now_ns = 12345999;
    log_info("e1000: link up, %d Mb/s", 1000);
    assert_string_equal(fake_console(), "[    0.012345] e1000: link up, 1000 Mb/s\n");
    fake.now_ns = 123456 * NS_PER_S + 1000;
    log_error("late");
    assert_string_equal(fake_console(), "[123456.000001] late\n");
    assert_int_equal(fake.irq_depth, 0);
}

static void the_console_level_holds_back_only_from_the_console(void **state)
{
    setup_world();
    log_debug("hidden %s", "line");
    assert_string_equal(fake_console(), "");
    assert_non_null(strstr(read_all(sizeof(buf) - 1), "hidden line\n"));
    log_set_level(LOG_ERROR);
    log_warn("held back");
    log_error("said");
    assert_string_equal(fake_console(), "[    0.000000] said\n");
    log_set_level(LOG_DEBUG);
    log_debug("shown");
    assert_string_equal(fake_console(), "[    0.000000] shown\n");
}

static void a_long_line_is_cut(void **state)
{
    char text[2 * LOG_LINE_MAX];
    setup_world();
    memset(text, 'x', sizeof(text));
    for (size_t len = LOG_LINE_MAX - 20; len < LOG_LINE_MAX + 3; len++) {
        log_info("%.*s", (int)len, text);
        const char *line = fake_console();
        size_t whole = 15 + len; /* with the time in front */
        assert_int_equal(strlen(line), (whole > LOG_LINE_MAX ? LOG_LINE_MAX : whole) + 1);
        assert_int_equal(line[strlen(line) - 1], '\n');
        bool cut = strstr(line, "x...\n") != NULL;
        assert_int_equal(cut, whole > LOG_LINE_MAX);
    }
}

static void an_entry_stays_one_line(void **state)
{
    setup_world();
    log_info("word \"%s\"", "a\nb\r\x1b[2J\x7f");
    assert_string_equal(fake_console(), "[    0.000000] word \"a?b??[2J?\"\n");
}

static void the_ring_keeps_the_newest_whole_lines(void **state)
{
    setup_world();
    for (int i = 0; i < 3000; i++) {
        log_debug("line %d %.*s", i, i % 60,
                  "the quick brown fox jumps over the lazy dog, twice over");
    }
    const char *text = read_all(sizeof(buf) - 1);
    assert_true(strlen(text) <= LOG_RING_BYTES);
    assert_true(strlen(text) > LOG_RING_BYTES - LOG_LINE_MAX);
    int expected = -1;
    int number = 0;
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        assert_int_equal(sscanf(at, "[ 0.000000] line %d", &number), 1);
        assert_true(expected == -1 || number == expected);
        expected = number + 1;
    }
    assert_int_equal(number, 2999);
}

static void a_small_buffer_gets_the_newest_that_fit(void **state)
{
    setup_world();
    log_debug("one");
    log_debug("two");
    assert_string_equal(read_all(40), "[    0.000000] one\n[    0.000000] two\n");
    assert_string_equal(read_all(38), "[    0.000000] one\n[    0.000000] two\n");
    assert_string_equal(read_all(37), "[    0.000000] two\n");
    assert_string_equal(read_all(18), "");
    assert_string_equal(read_all(0), "");
}

static uint32_t interrupts;

static void log_from_interrupt(void)
{
    if (interrupts > 0) {
        interrupts--;
        log_info("interrupt %u", interrupts);
        log_debug("not for the console");
    }
}

static void an_interrupts_line_comes_behind_the_one_being_written(void **state)
{
    setup_world();
    fake.on_console = log_from_interrupt;
    interrupts = 2;
    log_info("begun and ended");
    assert_string_equal(fake_console(), "[    0.000000] begun and ended\n"
                                        "[    0.000000] interrupt 1\n"
                                        "[    0.000000] interrupt 0\n");
    log_info("next");
    assert_string_equal(fake_console(), "[    0.000000] next\n");
    assert_int_equal(fake.irq_depth, 0);
    const char *text = read_all(sizeof(buf) - 1);
    assert_true(strstr(text, "begun") < strstr(text, "interrupt 1\n"));
}

static void log_many_from_interrupt(void)
{
    for (; interrupts > 0; interrupts--) {
        log_info("interrupt %u", interrupts);
    }
}

/* More lines than can be noted: the first of them are shown and the rest counted; the ring has all.
 */
static void a_burst_of_interrupts_is_cut_on_the_console_alone(void **state)
{
    setup_world();
    fake.on_console = log_many_from_interrupt;
    interrupts = 20;
    log_info("written");
    const char *shown = fake_console();
    assert_non_null(strstr(shown, "interrupt 20\n"));
    assert_non_null(strstr(shown, "interrupt 13\n"));
    assert_null(strstr(shown, "interrupt 12\n"));
    assert_non_null(strstr(shown, "interrupt 13\nlog: 12 more lines by interrupts\n"));
    assert_int_equal(fake.console_nested, 0);
    fake.on_console = NULL;
    log_info("next"); /* they are counted once */
    assert_string_equal(fake_console(), "[    0.000000] next\n");
    assert_non_null(strstr(read_all(sizeof(buf) - 1), "interrupt 1\n"));
}

static void log_always_from_interrupt(void)
{
    log_info("again");
}

/* Each line written is interrupted by another: the first writer still comes to an end. */
static void no_writer_is_kept_for_ever(void **state)
{
    setup_world();
    fake.on_console = log_always_from_interrupt;
    log_info("first");
    fake.on_console = NULL;
    (void)fake_console();
    log_info("second");
    assert_string_equal(fake_console(), "[    0.000000] second\n[    0.000000] again\n");
}

/* The queued line may have left the ring before its turn. */
static void log_a_ringful_from_interrupt(void)
{
    log_many_from_interrupt();
    for (size_t i = 0; i < LOG_RING_BYTES / 16; i++) {
        log_debug("filler");
    }
    fake.on_console = NULL;
}

static void a_line_that_left_the_ring_is_not_written(void **state)
{
    setup_world();
    fake.on_console = log_a_ringful_from_interrupt;
    interrupts = 3;
    log_info("written");
    assert_string_equal(fake_console(), "[    0.000000] written\n");
}

/* --- what an application writes ----------------------------------------------------------- */

static void an_applications_text_goes_out_as_it_is(void **state)
{
    setup_world();
    size_t before = log_read(buf, sizeof(buf));
    log_console_write("", 0);
    log_console_write("a\tb\n\nc\x01", 7);
    assert_string_equal(fake_console(), "a\tb\n\nc\x01");
    assert_int_equal(log_read(buf, sizeof(buf)), before); /* it is no entry of the log */
    log_console_write("\n", 1);
}

static void an_interrupts_line_waits_for_an_applications_text(void **state)
{
    setup_world();
    fake.on_console = log_from_interrupt;
    interrupts = 1;
    log_console_write("the first line\nthe second\n", 26);
    assert_string_equal(fake_console(), "the first line\nthe second\n"
                                        "[    0.000000] interrupt 0\n");
    assert_int_equal(fake.console_nested, 0);
    assert_int_equal(fake.irq_depth, 0);
}

static void a_line_of_the_log_begins_a_line(void **state)
{
    setup_world();
    fake.on_console = log_from_interrupt;
    interrupts = 1;
    log_console_write("no end", 6);
    assert_string_equal(fake_console(), "no end\n[    0.000000] interrupt 0\n");
    log_console_write("again", 5);
    log_info("the log");
    log_info("goes on");
    assert_string_equal(fake_console(), "again\n[    0.000000] the log\n[    0.000000] goes on\n");
}

/* However much it is: interrupts wait for a piece of it, and no line of either is cut in two. */
static void a_long_text_lets_interrupts_lines_between_its_own(void **state)
{
    static char text[20 * 100];
    setup_world();
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 100 == 99 ? '\n' : (char)('a' + i / 100);
    }
    fake.on_console = log_from_interrupt;
    interrupts = 5;
    log_console_write(text, sizeof(text));
    const char *at = fake_console();
    int own = 0;
    int others = 0;
    while (*at != '\0') {
        const char *end = strchr(at, '\n');
        if (*at == '[') {
            others++;
        } else {
            assert_int_equal(end - at, 99);
            assert_memory_equal(at, text + own * 100, 100);
            own++;
        }
        at = end + 1;
    }
    assert_int_equal(own, 20);
    assert_int_equal(others, 5);
    assert_int_equal(fake.console_nested, 0);
}

/* A line longer than a piece is cut by nothing but what interrupts it. */
static void a_text_without_ends_of_lines_goes_out_whole(void **state)
{
    static char text[3 * LOG_LINE_MAX + 7];
    setup_world();
    memset(text, 'x', sizeof(text) - 1);
    log_console_write(text, sizeof(text) - 1);
    assert_string_equal(fake_console(), text);
}

static size_t gets; /* calls of a source, for whatever */

static bool get_two(const void *arg, size_t idx, struct stats_entry *out)
{
    gets++;
    if (idx == 0) {
        stats_entry_set(out, "alpha", "the first", *(const uint64_t *)arg);
    } else if (idx == 1) {
        stats_entry_set(out, "beta", "the second", 2);
    }
    return idx < 2;
}

static bool get_none(const void *arg, size_t idx, struct stats_entry *out)
{
    gets++;
    return false;
}

static bool get_pool(const void *arg, size_t idx, struct stats_entry *out)
{
    gets++;
    if (idx < STATS_POOL_COUNTERS) {
        stats_entry_pool(out, arg, idx);
    }
    return idx < STATS_POOL_COUNTERS;
}

static bool get_pkt_pool(const void *arg, size_t idx, struct stats_entry *out)
{
    gets++;
    if (idx < STATS_POOL_COUNTERS) {
        stats_entry_pkt_pool(out, arg, idx);
    }
    return idx < STATS_POOL_COUNTERS;
}

/* A walk may stop anywhere and go on later; it asks each source once for each counter, and once for
 * its end: as much as there are counters, however many there are. */
static void counters_are_walked_in_order(void **state)
{
    static uint64_t alpha = 7;
    static struct pool pool = {.name = "tcp_cb", .used = 1, .high = 3, .count = 5, .refused = 9};
    static struct pkt_pool pkts = {.name = "rx", .used = 2};
    static struct stats_source sources[] = {{.arg = &alpha, .get = get_two},
                                            {.get = get_none},
                                            {.arg = &pool, .get = get_pool},
                                            {.arg = &pkts, .get = get_pkt_pool}};
    static const char *const names[] = {
        "alpha",          "beta",    "tcp_cb_used", "tcp_cb_high", "tcp_cb_count",
        "tcp_cb_refused", "rx_used", "rx_high",     "rx_count",    "rx_refused"};
    static const uint64_t values[] = {8, 2, 1, 3, 5, 9, 2, 0, 0, 0};
    struct stats_iter it = {0};
    struct stats_entry e;
    assert_false(stats_next(&it, &e));
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        stats_register(&sources[i]);
    }
    alpha = 8;
    gets = 0;
    struct stats_iter half = {0};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        half = i == 4 ? it : half;
        assert_true(stats_next(&it, &e));
        assert_string_equal(e.name, names[i]);
        assert_int_equal(e.value, values[i]);
        assert_true(strlen(e.help) > 0);
    }
    assert_false(stats_next(&it, &e));
    assert_int_equal(gets, ARRAY_SIZE(names) + ARRAY_SIZE(sources));
    assert_false(stats_next(&it, &e));
    assert_true(stats_next(&half, &e));
    assert_string_equal(e.name, names[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_has_its_time),
        cmocka_unit_test(the_console_level_holds_back_only_from_the_console),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(an_entry_stays_one_line),
        cmocka_unit_test(the_ring_keeps_the_newest_whole_lines),
        cmocka_unit_test(a_small_buffer_gets_the_newest_that_fit),
        cmocka_unit_test(an_interrupts_line_comes_behind_the_one_being_written),
        cmocka_unit_test(a_burst_of_interrupts_is_cut_on_the_console_alone),
        cmocka_unit_test(no_writer_is_kept_for_ever),
        cmocka_unit_test(a_line_that_left_the_ring_is_not_written),
        cmocka_unit_test(an_applications_text_goes_out_as_it_is),
        cmocka_unit_test(an_interrupts_line_waits_for_an_applications_text),
        cmocka_unit_test(a_line_of_the_log_begins_a_line),
        cmocka_unit_test(a_long_text_lets_interrupts_lines_between_its_own),
        cmocka_unit_test(a_text_without_ends_of_lines_goes_out_whole),
        cmocka_unit_test(counters_are_walked_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
