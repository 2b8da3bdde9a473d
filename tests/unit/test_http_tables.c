/*
 * The server's small parts: time-out lists, buffer pool, output buffer, dates, options, counters.
 */
// LINK: apps/httpd/timeouts.c apps/httpd/buffers.c apps/httpd/outbuf.c apps/httpd/date.c
// LINK: apps/httpd/options.c apps/httpd/counters.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apps/httpd/buffers.h"
#include "apps/httpd/counters.h"
#include "apps/httpd/date.h"
#include "apps/httpd/options.h"
#include "apps/httpd/outbuf.h"
#include "apps/httpd/timeouts.h"

static void test_timeouts_come_due_in_order(void **state)
{
    struct timeouts t = {0};
    struct timeout x[3] = {{.kind = TIMEOUT_NONE}, {.kind = TIMEOUT_NONE}, {.kind = TIMEOUT_NONE}};
    t.lists[TIMEOUT_IDLE].duration_ms = 100;
    t.lists[TIMEOUT_HEAD].duration_ms = 10;
    assert_true(timeouts_next_ms(&t) == TIMEOUTS_NEVER);
    timeouts_arm(&t, &x[0], TIMEOUT_IDLE, 1000);
    timeouts_arm(&t, &x[1], TIMEOUT_IDLE, 1005);
    timeouts_arm(&t, &x[2], TIMEOUT_HEAD, 1006);
    assert_int_equal(timeouts_next_ms(&t), 1016);
    assert_null(timeouts_due(&t, 1015));
    assert_ptr_equal(timeouts_due(&t, 1016), &x[2]);
    timeouts_disarm(&t, &x[2]);
    timeouts_disarm(&t, &x[2]);
    assert_int_equal(timeouts_next_ms(&t), 1100);
    /* Armed anew, the first becomes the last. */
    timeouts_arm(&t, &x[0], TIMEOUT_IDLE, 1010);
    assert_ptr_equal(timeouts_oldest(&t, TIMEOUT_IDLE), &x[1]);
    assert_int_equal(timeouts_next_ms(&t), 1105);
    timeouts_disarm(&t, &x[1]);
    assert_ptr_equal(timeouts_due(&t, 1110), &x[0]);
    timeouts_disarm(&t, &x[0]);
    assert_true(timeouts_next_ms(&t) == TIMEOUTS_NEVER);
    assert_null(timeouts_oldest(&t, TIMEOUT_IDLE));
}

/* Who came last is known within a millisecond, too. */
static void test_timeouts_of_one_millisecond(void **state)
{
    struct timeouts t = {0};
    struct timeout x[3] = {{.kind = TIMEOUT_NONE}, {.kind = TIMEOUT_NONE}, {.kind = TIMEOUT_NONE}};
    t.lists[TIMEOUT_IDLE].duration_ms = 1000;
    timeouts_arm(&t, &x[0], TIMEOUT_IDLE, 100);
    timeouts_arm(&t, &x[1], TIMEOUT_IDLE, 100);
    timeouts_arm(&t, &x[0], TIMEOUT_IDLE, 100);
    assert_ptr_equal(timeouts_oldest(&t, TIMEOUT_IDLE), &x[1]);
    timeouts_arm(&t, &x[2], TIMEOUT_IDLE, 101);
    timeouts_arm(&t, &x[1], TIMEOUT_IDLE, 101);
    timeouts_arm(&t, &x[0], TIMEOUT_IDLE, 101);
    assert_ptr_equal(timeouts_oldest(&t, TIMEOUT_IDLE), &x[2]);
    assert_ptr_equal(timeouts_oldest_but(&t, TIMEOUT_IDLE, &x[2]), &x[1]);
    timeouts_arm(&t, &x[2], TIMEOUT_IDLE, 101);
    assert_ptr_equal(timeouts_oldest(&t, TIMEOUT_IDLE), &x[1]);
}

/* Renewing is a store, and who is looked for first is so to the millisecond all the same. */
static void test_timeouts_renewed_keep_their_place(void **state)
{
    struct timeouts t = {0};
    struct timeout x[3] = {{.kind = TIMEOUT_NONE}, {.kind = TIMEOUT_NONE}, {.kind = TIMEOUT_NONE}};
    t.lists[TIMEOUT_IDLE].duration_ms = 1000;
    for (size_t i = 0; i < 3; i++) {
        timeouts_arm(&t, &x[i], TIMEOUT_IDLE, 100 + i);
    }
    timeouts_arm(&t, &x[0], TIMEOUT_IDLE, 150);
    assert_null(x[0].prev); /* not moved, */
    assert_ptr_equal(timeouts_oldest(&t, TIMEOUT_IDLE), &x[1]);
    assert_ptr_equal(timeouts_oldest_but(&t, TIMEOUT_IDLE, &x[1]), &x[2]);
    assert_int_equal(timeouts_armed_ms(&t, &x[0]), 150);
    assert_int_equal(timeouts_next_ms(&t), 1101);
    timeouts_disarm(&t, &x[1]);
    timeouts_disarm(&t, &x[2]);
    assert_null(timeouts_due(&t, 1149)); /* nor due before its time. */
    assert_ptr_equal(timeouts_due(&t, 1150), &x[0]);
    timeouts_arm(&t, &x[1], TIMEOUT_IDLE, 150);
    timeouts_arm(&t, &x[0], TIMEOUT_IDLE, 100 + TIMEOUT_SLACK_MAX_MS); /* behind the slack it is */
    assert_ptr_equal(x[1].next, &x[0]);
    t.lists[TIMEOUT_HEAD].duration_ms = 8 * TIMEOUT_SLACK_DIVISOR;
    timeouts_arm(&t, &x[0], TIMEOUT_HEAD, 200);
    timeouts_arm(&t, &x[1], TIMEOUT_HEAD, 200);
    timeouts_arm(&t, &x[0], TIMEOUT_HEAD, 207);
    assert_null(x[0].prev);
    timeouts_arm(&t, &x[0], TIMEOUT_HEAD, 208);
    assert_ptr_equal(x[0].prev, &x[1]);
}

/* Against a plain array as the model. */
static void test_timeouts_random(void **state)
{
    enum { COUNT = 40 };
    unsigned seed = 7;
    print_message("seed %u\n", seed);
    srand(seed);
    struct timeouts t = {0};
    struct timeout x[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        x[i].kind = TIMEOUT_NONE;
    }
    for (size_t k = 0; k < TIMEOUT_KIND_COUNT; k++) {
        t.lists[k].duration_ms = (uint32_t)(k + 1) * 10;
    }
    for (uint64_t now = 1; now < 20000; now += (uint64_t)rand() % 3) {
        struct timeout *one = &x[rand() % COUNT];
        if (rand() % 3 == 0) {
            timeouts_disarm(&t, one);
        } else {
            timeouts_arm(&t, one, (enum timeout_kind)(rand() % TIMEOUT_KIND_COUNT), now);
        }
        uint64_t next = TIMEOUTS_NEVER;
        for (size_t i = 0; i < COUNT; i++) {
            if (x[i].kind != TIMEOUT_NONE && x[i].deadline_ms < next) {
                next = x[i].deadline_ms;
            }
        }
        assert_true(timeouts_next_ms(&t) == next);
        for (struct timeout *due; (due = timeouts_due(&t, now)) != NULL;) {
            assert_true(due->deadline_ms <= now);
            timeouts_disarm(&t, due);
        }
    }
}

static void test_buffers_run_out_and_come_back(void **state)
{
    struct buffers b;
    struct buffer *taken[3];
    assert_true(buffers_init(&b, 3));
    for (size_t i = 0; i < 3; i++) {
        taken[i] = buffers_take(&b);
        assert_non_null(taken[i]);
        taken[i]->end = 9;
    }
    assert_null(buffers_take(&b));
    assert_int_equal(b.free_count, 0);
    buffers_give(&b, taken[1]);
    assert_ptr_equal(buffers_take(&b), taken[1]);
    assert_int_equal(taken[1]->end, 0);
    buffers_destroy(&b);
    assert_false(buffers_init(&b, SIZE_MAX / 2));
}

static void test_outbuf(void **state)
{
    char bytes[64];
    struct outbuf o = {bytes, 0, sizeof(bytes)};
    outbuf_append_u64(&o, 0);
    outbuf_append_str(&o, " ");
    outbuf_append_u64(&o, UINT64_MAX);
    assert_int_equal(o.len, 22);
    assert_memory_equal(bytes, "0 18446744073709551615", 22);
    o.len = 0;
    outbuf_chunk_end(&o, outbuf_chunk_begin(&o));
    assert_int_equal(o.len, 0);
    size_t start = outbuf_chunk_begin(&o);
    outbuf_append_str(&o, "0123456789abcdefX");
    outbuf_chunk_end(&o, start);
    outbuf_chunk_last(&o);
    assert_int_equal(o.len, 30);
    assert_memory_equal(bytes, "0011\r\n0123456789abcdefX\r\n0\r\n\r\n", 30);
}

static void test_dates(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } cases[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110, 5.6.7 */
        {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {1767225599, "Wed, 31 Dec 2025 23:59:59 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[DATE_BYTES];
        date_format(cases[i].s, text);
        assert_string_equal(text, cases[i].text);
    }
}

static enum options_result parse(struct options *o, const char *a, const char *b)
{
    char *argv[] = {"httpd", (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL};
    int argc = a == NULL ? 1 : b == NULL ? 2 : 3;
    return options_parse(o, argc, argv);
}

static void test_options(void **state)
{
    struct options o;
    assert_int_equal(parse(&o, NULL, NULL), OPTIONS_OK);
    assert_int_equal(o.port, 80);
    assert_int_equal(o.max_connections, 4096);
    assert_int_equal(parse(&o, "--port", "65535"), OPTIONS_OK);
    assert_int_equal(o.port, 65535);
    assert_int_equal(parse(&o, "--max-connections=16", "--idle-timeout=1"), OPTIONS_OK);
    assert_int_equal(o.max_connections, 16);
    assert_int_equal(o.idle_timeout_s, 1);
    static const char *const bad[] = {
        "0", "65536", "-1", "+1", "", " 1", "1 ", "0x1", "1e3", "99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&o, "--port", bad[i]), OPTIONS_BAD);
    }
    assert_int_equal(parse(&o, "--port", NULL), OPTIONS_BAD);
    assert_int_equal(parse(&o, "--port=", NULL), OPTIONS_BAD);
    assert_int_equal(parse(&o, "--porter", "1"), OPTIONS_BAD);
    assert_int_equal(parse(&o, "80", NULL), OPTIONS_BAD);
}

static void test_counters_have_unique_names(void **state)
{
    struct counters c;
    memset(&c, 0, sizeof(c));
    c.echo_bytes = 42;
    struct stats_entry a;
    struct stats_entry b;
    size_t n = 0;
    bool seen = false;
    for (; counters_get(&c, n, &a); n++) {
        seen = seen || (strcmp(a.name, "httpd_echo_bytes") == 0 && a.value == 42);
        assert_true(strlen(a.help) > 0 && strchr(a.help, '\n') == NULL);
        for (size_t i = 0; i < n; i++) {
            assert_true(counters_get(&c, i, &b));
            assert_string_not_equal(a.name, b.name);
        }
    }
    assert_true(seen);
    assert_int_equal(n, sizeof(c) / sizeof(uint64_t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeouts_come_due_in_order),
        cmocka_unit_test(test_timeouts_renewed_keep_their_place),
        cmocka_unit_test(test_timeouts_of_one_millisecond),
        cmocka_unit_test(test_timeouts_random),
        cmocka_unit_test(test_buffers_run_out_and_come_back),
        cmocka_unit_test(test_outbuf),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_counters_have_unique_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
