/*
 * A hierarchical timer wheel: arming, cancelling and firing cost O(1). A tick is 1 ms; a timer
 * never fires before its deadline and, when timer_run is called at the time timer_next named, at
 * most one tick after it. All times are ns on the caller's monotonic clock; time is an argument.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/base.h"
#include "kernel/list.h"

enum {
    TIMER_TICK_NS = NS_PER_MS,
    TIMER_LEVELS = 4,
    TIMER_SLOTS = 64, /* 64^4 ticks = 4.6 h; what lies beyond waits in the last slot and re-arms */
};

struct timer;
typedef void timer_fn(struct timer *t, uint64_t now_ns);

struct timer {
    struct list node;
    uint64_t deadline_ns; /* DEADLINE_NONE: stopped, though it may still hang */
    uint64_t hung_ns;     /* the deadline it was hung for; the real one is never earlier */
    timer_fn *fn;  /* [I] called once per arming; may arm the same or other timers, or free it */
    uint8_t level; /* where it hangs, so that cancelling keeps the occupancy bits right */
    uint8_t slot;
};

struct timer_wheel {
    uint64_t now_tick;     /* every timer due before this tick has fired */
    uint64_t soonest_tick; /* nothing is to be done before; UINT64_MAX: nothing hangs */
    uint64_t occupied[TIMER_LEVELS];
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
    uint32_t armed;
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ns);
void timer_init(struct timer *t, timer_fn *fn);

/* Arms, or re-arms, t for deadline_ns (a past one fires at the next run). */
void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t deadline_ns);

/*
 * Disarms t without taking it off the wheel: the cheap way for a timer that is armed again and
 * again and seldom fires. t must stay in place until timer_cancel or its slot's time; timer_next
 * counts it as if it were armed.
 */
static inline void timer_stop(struct timer *t)
{
    t->deadline_ns = DEADLINE_NONE;
}

/* Disarms t and takes it off the wheel; harmless when it is not armed. */
void timer_cancel(struct timer_wheel *w, struct timer *t);

static inline bool timer_armed(const struct timer *t)
{
    return list_linked(&t->node) && t->deadline_ns != DEADLINE_NONE;
}

/* For timer_run_some alone: there is something to look at. */
uint32_t timer_run_due(struct timer_wheel *w, uint64_t now_ns, uint32_t most);

/* Fires everything due at now_ns, in tick order. Returns how many fired. */
uint32_t timer_run(struct timer_wheel *w, uint64_t now_ns);

/*
 * The same, but looks at no more than most timers (at least 1; those that were put off or stopped
 * count too). The rest keeps its order and is the next run's; timer_next then names a time that has
 * passed.
 */
static inline uint32_t timer_run_some(struct timer_wheel *w, uint64_t now_ns, uint32_t most)
{
    uint64_t tick = now_ns / TIMER_TICK_NS;
    if (tick < w->now_tick) {
        return 0; /* never early, should a clock ever step back */
    }
    if (likely(tick < w->soonest_tick)) {
        w->now_tick = tick;
        return 0;
    }
    return timer_run_due(w, now_ns, most);
}

/* When timer_run must next be called, or DEADLINE_NONE. May be early (a cascade), never late. */
static inline uint64_t timer_next(const struct timer_wheel *w)
{
    return w->soonest_tick == UINT64_MAX ? DEADLINE_NONE : w->soonest_tick * TIMER_TICK_NS;
}

#endif
