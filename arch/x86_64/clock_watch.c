/*
 * The watch over a TSC that is not known to be invariant: twice a second it is compared with a
 * counter of the board; when they disagree, time goes on by that counter, for ever and without
 * going back. Slower to read, which is why it is not taken at once.
 * Intel SDM volume 3, 18.17.1 (invariant TSC); AMD APM volume 3, CPUID 8000_0007h.
 */
#include "arch/x86_64/arch.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/clock_guard.h"
#include "arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/platform.h"

enum {
    WATCH_PERIOD_MS = 500,
    WATCH_READS = 4, /* of which the one that took the least time counts */
};

static struct {
    struct clock_ref ref;
    const struct clock_line *line;
    struct clock_guard guard;
    struct clock_counter counter; /* once the TSC is given up */
    bool gave_up;
    struct timer timer;
} watch;

/* May be called at any time: a reading and what it is added to belong together. */
uint64_t clock_watch_now_ns(void)
{
    assert(watch.gave_up);
    uint64_t saved = platform_irq_save();
    uint64_t ns = clock_counter_ns(&watch.counter, watch.ref.read(&watch.ref));
    platform_irq_restore(saved);
    return ns;
}

static void give_up(void)
{
    uint64_t saved = platform_irq_save();
    struct clock_reading now = clock_read_narrow(&watch.ref, WATCH_READS);
    clock_counter_take_over(&watch.counter, &watch.guard, watch.line, &now);
    watch.gave_up = true;
    clock_leave_tsc();
    platform_irq_restore(saved);
}

/* Goes on when the TSC is given up: the counter must be read before it wraps. */
static void on_timer(struct timer *t, uint64_t now_ns)
{
    timer_arm(loop_timers(), t, now_ns + WATCH_PERIOD_MS * (uint64_t)NS_PER_MS);
    if (watch.gave_up) {
        (void)clock_watch_now_ns();
        return;
    }
    struct clock_reading now = clock_read_narrow(&watch.ref, WATCH_READS);
    if (clock_guard_check(&watch.guard, watch.line, &now) != CLOCK_UNSTEADY) {
        return;
    }
    uint64_t tsc_us = watch.guard.tsc_ns / NS_PER_US;
    uint64_t ref_us = watch.guard.ref_ns / NS_PER_US;
    give_up();
    log_warn("clock: the TSC does not keep its pace: %llu us by it, %llu by the %s, which tells "
             "the time from now on",
             (unsigned long long)tsc_us, (unsigned long long)ref_us, watch.ref.name);
}

bool clock_tsc_is_invariant(void)
{
    return (cpuid(CPUID_POWER, 0).edx & CPUID_POWER_EDX_INVARIANT_TSC) != 0;
}

void clock_watch_start(const struct clock_ref *r, const struct clock_line *line)
{
    if (r == NULL) {
        log_warn("clock: the TSC is not known to be invariant, and nothing is there to watch it: "
                 "should it change its pace, so does the clock");
        return;
    }
    assert(clock_guard_suits(r->hz, r->mask));
    watch.ref = *r;
    watch.line = line;
    struct clock_reading now = clock_read_narrow(&watch.ref, WATCH_READS);
    clock_guard_start(&watch.guard, r->hz, r->mask, &now);
    timer_init(&watch.timer, on_timer);
    timer_arm(loop_timers(), &watch.timer,
              platform_now_ns() + WATCH_PERIOD_MS * (uint64_t)NS_PER_MS);
    log_info("clock: the TSC is not known to be invariant: watched by the %s", r->name);
}

bool clock_give_up_tsc(void)
{
    if (watch.line == NULL || watch.gave_up) {
        return false;
    }
    give_up();
    return true;
}
