/*
 * Time as it is told: the TSC, turned into ns by one multiplication, at the pace that calibrate.c
 * has found; or a counter of the board, once watch.c has found that the TSC does not keep it.
 */
#include "arch/x86_64/time/clock.h"

#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/time/guard.h"
#include "arch/x86_64/time/internal.h"
#include "kernel/platform.h"
#include "kernel/time.h"

enum {
    DELAY_MAX_US = 100000,
};

static struct {
    bool started;
    bool left;        /* it did not keep its pace: time is by counter */
    bool watched;     /* it may go back */
    uint64_t hz;      /* as measured */
    uint64_t told_ns; /* then: the latest time told */
    struct clock_line line;
    struct clock_ref ref; /* once it is left */
    struct clock_counter counter;
} tsc;

/* May be called at any time: a reading and what it is added to belong together. */
static uint64_t counter_now_ns(void)
{
    uint64_t saved = platform_irq_save();
    uint64_t ns = clock_counter_ns(&tsc.counter, tsc.ref.read(&tsc.ref));
    platform_irq_restore(saved);
    return ns;
}

uint64_t platform_now_ns(void)
{
    if (tsc.left) {
        return counter_now_ns();
    }
    uint64_t ns = clock_line_ns(&tsc.line, rdtsc()); /* 0 before clock_start() */
    if (tsc.watched) {
        ns = max_u64(ns, tsc.told_ns);
        tsc.told_ns = ns;
    }
    return ns;
}

uint64_t time_now_ns(void)
{
    return platform_now_ns();
}

void time_delay_us(uint32_t us)
{
    assert(us <= DELAY_MAX_US && tsc.started);
    uint64_t end_ns = platform_now_ns() + (uint64_t)us * NS_PER_US;
    while (platform_now_ns() < end_ns) {
        cpu_pause();
    }
}

void clock_begin(uint64_t entry_tsc, uint64_t hz)
{
    assert(!tsc.started);
    tsc.line.tsc = entry_tsc;
    clock_line_bend(&tsc.line, entry_tsc, hz);
    tsc.started = true;
}

void clock_set_pace(uint64_t hz)
{
    assert(tsc.started);
    tsc.hz = hz;
    clock_line_bend(&tsc.line, rdtsc(), hz);
}

const struct clock_line *clock_tsc_line(void)
{
    return &tsc.line;
}

void clock_keep_told(void)
{
    tsc.watched = true;
}

bool clock_spoil_tsc(void)
{
    if (tsc.watched) {
        clock_line_bend(&tsc.line, rdtsc(), tsc.hz / 2);
    }
    return tsc.watched;
}

uint64_t clock_told_ns(void)
{
    return max_u64(tsc.told_ns, platform_now_ns());
}

void clock_leave_tsc(const struct clock_ref *r, const struct clock_counter *c)
{
    assert(!tsc.left);
    tsc.ref = *r;
    tsc.counter = *c;
    tsc.left = true;
}
