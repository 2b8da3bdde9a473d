/*
 * The watch over a TSC that is not known to be invariant: twice a second it is compared with a
 * counter of the board; when they disagree, time goes on by that counter, for ever and without
 * going back. Slower to read, which is why it is not taken at once.
 * Intel SDM volume 3, 18.17.1 (invariant TSC); AMD APM volume 3, CPUID 8000_0007h.
 */
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/time/guard.h"
#include "arch/x86_64/time/internal.h"
#include "arch/x86_64/time/ref.h"
#include "arch/x86_64/time/timer.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/platform.h"

enum {
    WATCH_READS = 4, /* of which the one that took the least time counts */
};
#define WATCH_PERIOD_NS (500 * (uint64_t)NS_PER_MS)

static struct {
    struct clock_ref ref;
    struct clock_guard guard;
    bool gave_up;
    uint64_t checked_ns;         /* when it was last compared... */
    uint64_t checked_expired_ns; /* ...and by the local APIC's timer */
    struct loop_source source;
} watch;

static void give_up(void)
{
    uint64_t saved = platform_irq_save();
    struct clock_reading now = clock_read_narrow(&watch.ref, WATCH_READS);
    struct clock_counter counter;
    clock_counter_take_over(&counter, &watch.guard, clock_tsc_line(), &now, clock_told_ns());
    watch.gave_up = true;
    clock_leave_tsc(&watch.ref, &counter);
    platform_irq_restore(saved);
}

static void check(void)
{
    struct clock_reading now = clock_read_narrow(&watch.ref, WATCH_READS);
    if (clock_guard_check(&watch.guard, clock_tsc_line(), &now) != CLOCK_UNSTEADY) {
        return;
    }
    uint64_t tsc_us = watch.guard.tsc_ns / NS_PER_US;
    uint64_t ref_us = watch.guard.ref_ns / NS_PER_US;
    give_up();
    log_warn("clock: the TSC does not keep its pace: %llu us by it, %llu by the %s, which tells "
             "the time from now on",
             (unsigned long long)tsc_us, (unsigned long long)ref_us, watch.ref.name);
}

/*
 * A TSC that stands still while the processor halts, or went back, does not say when half a second
 * is over: the local APIC's timer does. Once the TSC is given up, the turns alone see to it that
 * the counter is read before it wraps.
 */
static uint64_t poll_watch(void *arg, uint64_t now_ns)
{
    (void)arg;
    uint64_t expired_ns = apic_timer_expired_ns();
    bool due = now_ns - watch.checked_ns >= WATCH_PERIOD_NS ||
               expired_ns - watch.checked_expired_ns >= 2 * WATCH_PERIOD_NS;
    if (due) {
        watch.checked_ns = now_ns;
        watch.checked_expired_ns = expired_ns;
        if (!watch.gave_up) {
            check();
        }
    }
    return watch.checked_ns + WATCH_PERIOD_NS;
}

bool clock_tsc_is_invariant(void)
{
    return (cpuid(CPUID_POWER, 0).edx & CPUID_POWER_EDX_INVARIANT_TSC) != 0;
}

bool clock_watch_start(const struct clock_ref *r)
{
    if (r == NULL) {
        log_warn("clock: the TSC is not known to be invariant, and nothing is there to watch it: "
                 "should it change its pace, so does the clock");
        return false;
    }
    assert(clock_guard_suits(r->hz, r->mask));
    watch.ref = *r;
    struct clock_reading now = clock_read_narrow(&watch.ref, WATCH_READS);
    clock_guard_start(&watch.guard, r->hz, r->mask, &now);
    watch.checked_ns = platform_now_ns();
    watch.source = (struct loop_source){.poll = poll_watch};
    loop_add_source(&watch.source);
    log_info("clock: the TSC is not known to be invariant: watched by the %s", r->name);
    return true;
}
