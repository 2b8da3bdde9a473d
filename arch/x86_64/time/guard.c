/*
 * The judgement and the arithmetic of guard.h. No hardware, no state.
 */
#include "arch/x86_64/time/guard.h"

enum {
    WRAP_MIN_MS = 2000,   /* of a reference: four of the half seconds between two readings */
    WIDTH_MAX_US = 200,   /* a longer reading was interrupted: it does not say when it was */
    SLACK_US = 100,       /* for what reading a counter takes */
    TOLERANCE_PARTS = 32, /* 3 %: a processor that changes its pace does so by more */
};

bool clock_guard_suits(uint64_t ref_hz, uint64_t mask)
{
    return ref_hz != 0 && (mask + 1) / ref_hz >= WRAP_MIN_MS / MS_PER_S;
}

static uint64_t middle(const struct clock_reading *r)
{
    return r->before + (r->after - r->before) / 2;
}

static uint64_t ref_to_ns(const struct clock_guard *g, uint64_t ticks)
{
    return clock_scale_apply(clock_scale_make(NS_PER_S, g->ref_hz), ticks);
}

/* By the pace of the line, whatever its begin. */
static uint64_t width_ns(const struct clock_line *line, const struct clock_reading *r)
{
    return clock_scale_apply(line->to_ns, r->after - r->before);
}

void clock_guard_start(struct clock_guard *g, uint64_t ref_hz, uint64_t mask,
                       const struct clock_reading *now)
{
    assert(clock_guard_suits(ref_hz, mask) && is_power_of_two(mask + 1));
    *g = (struct clock_guard){.ref_hz = ref_hz, .mask = mask, .last = *now};
}

static uint64_t allowed_ns(const struct clock_guard *g, uint64_t widths_ns)
{
    return g->ref_ns / TOLERANCE_PARTS + widths_ns + SLACK_US * (uint64_t)NS_PER_US;
}

enum clock_finding clock_guard_check(struct clock_guard *g, const struct clock_line *line,
                                     const struct clock_reading *now)
{
    g->ref_ns = ref_to_ns(g, clock_ticks_between(g->last.ticks, now->ticks, g->mask));
    g->tsc_ns = 0;
    if (now->before < g->last.after || now->after < now->before) {
        return CLOCK_UNSTEADY; /* it went back */
    }
    if (width_ns(line, now) > WIDTH_MAX_US * (uint64_t)NS_PER_US) {
        return CLOCK_UNSURE;
    }
    g->tsc_ns = clock_scale_apply(line->to_ns, middle(now) - middle(&g->last));
    if (g->tsc_ns > ref_to_ns(g, g->mask / 2)) {
        g->last = *now; /* the reference may have wrapped unseen */
        return CLOCK_UNSURE;
    }
    uint64_t apart_ns = max_u64(g->tsc_ns, g->ref_ns) - min_u64(g->tsc_ns, g->ref_ns);
    if (apart_ns > allowed_ns(g, width_ns(line, now) + width_ns(line, &g->last))) {
        return CLOCK_UNSTEADY;
    }
    g->last = *now;
    return CLOCK_STEADY;
}

void clock_counter_take_over(struct clock_counter *c, const struct clock_guard *g,
                             const struct clock_line *line, const struct clock_reading *now,
                             uint64_t told_ns)
{
    uint64_t ref_ns = ref_to_ns(g, clock_ticks_between(g->last.ticks, now->ticks, g->mask));
    uint64_t by_ref_ns = clock_line_ns(line, middle(&g->last)) + ref_ns;
    *c = (struct clock_counter){
        .mask = g->mask,
        .last = now->ticks,
        .ns = max_u64(by_ref_ns, told_ns),
        .to_ns = clock_scale_make(NS_PER_S, g->ref_hz),
    };
}

uint64_t clock_counter_ns(struct clock_counter *c, uint64_t value)
{
    c->ticks += clock_ticks_between(c->last, value, c->mask);
    c->last = value & c->mask;
    return c->ns + clock_scale_apply(c->to_ns, c->ticks);
}
