/*
 * kernel/softirq.h: order, re-raising, the NAPI poll list, the packet and the time budget.
 */
// LINK: tests/unit/fake_platform.c kernel/softirq.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/softirq.h"
#include "tests/unit/fake_platform.h"

/* A device with a backlog of packets. */
struct device {
    struct napi napi;
    uint32_t backlog;
    uint32_t polls;
    uint32_t done;
    uint64_t cost_ns;    /* of one packet */
    uint64_t told_ns;    /* the time it was polled with */
    bool irq_in_poll;    /* its interrupt comes while it is being polled, after the unmasking */
    uint32_t irq_brings; /* with that many packets */
};

static char journal[256]; /* what ran, in order */
static bool raise_again;  /* the TIMER handler raises itself */
static bool raise_tx;     /* the TIMER handler raises NET_TX */
static uint64_t timer_takes_ns;

static void note(const char *what)
{
    assert_true(strlen(journal) + strlen(what) < sizeof(journal));
    strncat(journal, what, sizeof(journal) - strlen(journal) - 1);
}

static void on_timer(void *arg, uint64_t now_ns)
{
    assert_string_equal(arg, "timer");
    assert_int_equal(fake.irq_depth, 0);
    note("T");
    fake.now_ns += timer_takes_ns;
    if (raise_again) {
        softirq_raise(SOFTIRQ_TIMER);
    }
    if (raise_tx) {
        softirq_raise(SOFTIRQ_NET_TX);
    }
}

static void on_tx(void *arg, uint64_t now_ns)
{
    note("X");
}

static uint32_t poll_device(struct napi *n, uint32_t budget, uint64_t now_ns)
{
    struct device *d = container_of(n, struct device, napi);
    assert_true(budget > 0 && budget <= NAPI_WEIGHT);
    assert_int_equal(fake.irq_depth, 0);
    uint32_t done = min_u32(budget, d->backlog);
    d->backlog -= done;
    d->done += done;
    d->polls++;
    d->told_ns = now_ns;
    fake.now_ns += done * d->cost_ns;
    note("R");
    if (done < budget && d->irq_in_poll) {
        d->irq_in_poll = false;
        d->backlog = d->irq_brings;
        napi_schedule(n);
    }
    return done;
}

static void begin(void)
{
    fake_reset(4096);
    memset(journal, 0, sizeof(journal));
    raise_again = false;
    raise_tx = false;
    for (int i = 0; i < 100 && softirq_pending(); i++) {
        softirq_run();
    }
    assert_false(softirq_pending());
    memset(journal, 0, sizeof(journal));
}

static int register_handlers(void **state)
{
    softirq_register(SOFTIRQ_TIMER, on_timer, (void *)(uintptr_t) "timer");
    softirq_register(SOFTIRQ_NET_TX, on_tx, NULL);
    return 0;
}

static void fixed_order_once_each(void **state)
{
    struct device d = {.napi = {.poll = poll_device}, .backlog = 3};
    begin();
    softirq_run();
    assert_string_equal(journal, "");
    napi_schedule(&d.napi);
    softirq_raise(SOFTIRQ_NET_TX);
    softirq_raise(SOFTIRQ_TIMER);
    softirq_raise(SOFTIRQ_TIMER);
    assert_true(softirq_pending());
    softirq_run();
    assert_string_equal(journal, "TXR");
    assert_false(softirq_pending());
    assert_int_equal(fake.irq_depth, 0);
}

/* What arrives together has one time; it is asked anew only for a device behind another. */
static void a_pass_has_one_time(void **state)
{
    struct device first = {.napi = {.poll = poll_device}, .backlog = 3, .cost_ns = 100};
    struct device second = {.napi = {.poll = poll_device}, .backlog = 1};
    begin();
    uint64_t start_ns = fake.now_ns;
    timer_takes_ns = 1000;
    softirq_raise(SOFTIRQ_TIMER);
    napi_schedule(&first.napi);
    napi_schedule(&second.napi);
    softirq_run();
    timer_takes_ns = 0;
    assert_int_equal(first.told_ns, start_ns);
    assert_int_equal(second.told_ns, start_ns + 1000 + 3 * 100);
}

static void raising_oneself_does_not_keep_the_loop(void **state)
{
    begin();
    raise_again = true;
    raise_tx = true;
    softirq_raise(SOFTIRQ_TIMER);
    softirq_run();
    assert_string_equal(journal, "TX");
    assert_true(softirq_pending());
    softirq_run();
    assert_string_equal(journal, "TXTX");
    raise_again = false;
}

static void a_scheduled_device_is_listed_once(void **state)
{
    struct device d = {.napi = {.poll = poll_device}, .backlog = 10};
    begin();
    napi_schedule(&d.napi);
    napi_schedule(&d.napi);
    napi_schedule(&d.napi);
    softirq_run();
    assert_int_equal(d.polls, 1);
    assert_int_equal(d.done, 10);
    assert_false(d.napi.scheduled);
    softirq_run();
    assert_int_equal(d.polls, 1);
    napi_schedule(&d.napi);
    assert_true(softirq_pending());
    softirq_run();
    assert_int_equal(d.polls, 2);
}

static void a_full_weight_goes_behind_the_others(void **state)
{
    struct device a = {.napi = {.poll = poll_device}, .backlog = NAPI_WEIGHT + 1};
    struct device b = {.napi = {.poll = poll_device}, .backlog = 5};
    begin();
    napi_schedule(&a.napi);
    napi_schedule(&b.napi);
    softirq_run();
    assert_int_equal(a.polls, 2);
    assert_int_equal(b.polls, 1);
    assert_int_equal(a.done, NAPI_WEIGHT + 1);
    assert_false(softirq_pending());
}

static void the_packet_budget_ends_a_flood(void **state)
{
    struct device d = {.napi = {.poll = poll_device}, .backlog = 1000};
    begin();
    uint64_t squeezed = softirq_stats()->squeezed;
    uint64_t packets = softirq_stats()->packets;
    napi_schedule(&d.napi);
    softirq_run();
    assert_int_equal(d.done, SOFTIRQ_BUDGET_PACKETS);
    assert_int_equal(softirq_stats()->squeezed, squeezed + 1);
    assert_int_equal(softirq_stats()->packets, packets + SOFTIRQ_BUDGET_PACKETS);
    assert_true(softirq_pending());
    for (int i = 0; i < 3; i++) {
        softirq_run();
    }
    assert_int_equal(d.done, 1000);
    assert_false(softirq_pending());
    assert_int_equal(softirq_stats()->squeezed, squeezed + 3);
}

static void the_time_budget_ends_slow_work(void **state)
{
    struct device d = {.napi = {.poll = poll_device}, .backlog = 300, .cost_ns = 20 * NS_PER_US};
    begin();
    uint64_t squeezed = softirq_stats()->squeezed;
    napi_schedule(&d.napi);
    softirq_run();
    assert_int_equal(d.done, 2 * NAPI_WEIGHT); /* 64 packets take 1.28 ms */
    assert_int_equal(softirq_stats()->squeezed, squeezed + 1);
    assert_true(softirq_pending());
    d.cost_ns = 0;
    softirq_run();
    assert_int_equal(d.done, 300);
    assert_false(softirq_pending());
}

/* The interrupt right after the unmasking must not get lost, though the poll still runs. */
static void an_interrupt_during_the_poll_is_kept(void **state)
{
    struct device d = {
        .napi = {.poll = poll_device}, .backlog = 2, .irq_in_poll = true, .irq_brings = 4};
    begin();
    napi_schedule(&d.napi);
    softirq_run();
    assert_int_equal(d.done, 6);
    assert_false(d.napi.scheduled);
    assert_false(softirq_pending());
}

static uint32_t poll_too_much(struct napi *n, uint32_t budget, uint64_t now_ns)
{
    return budget + 1;
}

static void overdraw(void *arg)
{
    struct napi n = {.poll = poll_too_much};
    napi_schedule(&n);
    softirq_run();
}

static void register_twice(void *arg)
{
    softirq_register(SOFTIRQ_TIMER, on_timer, NULL);
}

static void register_net_rx(void *arg)
{
    softirq_register(SOFTIRQ_NET_RX, on_timer, NULL);
}

static void mistakes_are_noticed(void **state)
{
    begin();
    assert_true(fake_aborts(overdraw, NULL));
    assert_true(fake_aborts(register_twice, NULL));
    assert_true(fake_aborts(register_net_rx, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_order_once_each),
        cmocka_unit_test(a_pass_has_one_time),
        cmocka_unit_test(raising_oneself_does_not_keep_the_loop),
        cmocka_unit_test(a_scheduled_device_is_listed_once),
        cmocka_unit_test(a_full_weight_goes_behind_the_others),
        cmocka_unit_test(the_packet_budget_ends_a_flood),
        cmocka_unit_test(the_time_budget_ends_slow_work),
        cmocka_unit_test(an_interrupt_during_the_poll_is_kept),
        cmocka_unit_test(mistakes_are_noticed),
    };
    return cmocka_run_group_tests(tests, register_handlers, NULL);
}
