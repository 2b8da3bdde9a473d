/*
 * The hierarchical timer wheel. Level 0 has a slot for each of the next 63 ticks, level 1 one for
 * each of the next 64 groups of 64 ticks, and so on. When the wheel comes to the first tick of a
 * group, the group's timers are hung anew, now finer (a cascade). Bit maps of occupied slots let
 * the wheel jump over empty time, so that hours cost no more than milliseconds.
 *
 * The level 0 slot of the current tick is empty by that rule; it takes the timers that were armed
 * for the past, which the next run fires first, in the order they were armed. After a run that was
 * broken off, the wheel stands where it stopped and that slot holds the rest of its tick, in front.
 */
#include "kernel/timer.h"

enum {
    SLOT_BITS = 6,
    SLOT_MASK = TIMER_SLOTS - 1,
};
static_assert(TIMER_SLOTS == 1 << SLOT_BITS, "a slot index is SLOT_BITS wide");
static_assert(TIMER_SLOTS == 64, "a level's occupancy is one uint64_t");
#define SPAN_TICKS (UINT64_C(1) << (SLOT_BITS * TIMER_LEVELS))

static uint64_t slot_bit(uint32_t slot)
{
    return UINT64_C(1) << slot;
}

/* Rounded up: a timer hung at this tick cannot fire before its deadline. */
static uint64_t deadline_tick(uint64_t deadline_ns)
{
    return deadline_ns / TIMER_TICK_NS + (deadline_ns % TIMER_TICK_NS != 0);
}

/* Appends all of from to the end of to; from is empty then. */
static void list_move_all(struct list *to, struct list *from)
{
    if (list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Empties a slot into out. */
static void slot_take(struct timer_wheel *w, uint32_t level, uint32_t slot, struct list *out)
{
    list_init(out);
    list_move_all(out, &w->slots[level][slot]);
    w->occupied[level] &= ~slot_bit(slot);
}

/* Puts t where its deadline, seen from the current tick, belongs; not before earliest_tick. */
static void hang(struct timer_wheel *w, struct timer *t, uint64_t earliest_tick)
{
    assert(earliest_tick >= w->now_tick);
    uint64_t due = max_u64(deadline_tick(t->deadline_ns), earliest_tick);
    due = min_u64(due, w->now_tick + SPAN_TICKS - 1);
    uint64_t distance = due - w->now_tick;
    uint32_t level = (63 - (uint32_t)__builtin_clzll(distance | 1)) / SLOT_BITS;
    assert(level < TIMER_LEVELS);
    t->hung_ns = t->deadline_ns;
    uint32_t slot = (uint32_t)(due >> (SLOT_BITS * level)) & SLOT_MASK;
    t->level = (uint8_t)level;
    t->slot = (uint8_t)slot;
    list_push_back(&w->slots[level][slot], &t->node);
    w->occupied[level] |= slot_bit(slot);
    w->soonest_tick = min_u64(w->soonest_tick, due >> (SLOT_BITS * level) << (SLOT_BITS * level));
}

/* The same for one that came off a slot: when it was stopped meanwhile it stays off. */
static void hang_again(struct timer_wheel *w, struct timer *t, uint64_t earliest_tick)
{
    assert(w->armed > 0);
    if (t->deadline_ns == DEADLINE_NONE) {
        w->armed--;
    } else {
        hang(w, t, earliest_tick);
    }
}

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ns)
{
    w->now_tick = now_ns / TIMER_TICK_NS;
    w->soonest_tick = UINT64_MAX;
    w->armed = 0;
    for (uint32_t level = 0; level < TIMER_LEVELS; level++) {
        w->occupied[level] = 0;
        for (uint32_t slot = 0; slot < TIMER_SLOTS; slot++) {
            list_init(&w->slots[level][slot]);
        }
    }
}

void timer_init(struct timer *t, timer_fn *fn)
{
    assert(fn != NULL);
    list_init(&t->node);
    t->deadline_ns = DEADLINE_NONE;
    t->hung_ns = DEADLINE_NONE;
    t->fn = fn;
    t->level = 0;
    t->slot = 0;
}

void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t deadline_ns)
{
    assert(t->fn != NULL);
    if (list_linked(&t->node) && deadline_ns >= t->hung_ns) {
        t->deadline_ns = deadline_ns; /* it is hung anew when its slot's time comes */
        return;
    }
    timer_cancel(w, t);
    t->deadline_ns = deadline_ns;
    hang(w, t, w->now_tick);
    w->armed++;
}

void timer_cancel(struct timer_wheel *w, struct timer *t)
{
    t->deadline_ns = DEADLINE_NONE;
    if (!list_linked(&t->node)) {
        return;
    }
    assert(w->armed > 0);
    list_remove(&t->node);
    w->armed--;
    w->soonest_tick = w->armed == 0 ? UINT64_MAX : w->soonest_tick;
    /* While its slot is being fired, t hangs in a list of its own and the bit is off already. */
    if (list_empty(&w->slots[t->level][t->slot])) {
        w->occupied[t->level] &= ~slot_bit(t->slot);
    }
}

/*
 * The tick at which the level next needs attention: level 0 fires there, the others cascade. A bit
 * at the current position means a full turn ahead (level 0: does not occur, for that slot has
 * been fired).
 */
static uint64_t level_event(const struct timer_wheel *w, uint32_t level)
{
    uint64_t bits = w->occupied[level];
    if (bits == 0) {
        return UINT64_MAX;
    }
    uint64_t after = (w->now_tick >> (SLOT_BITS * level)) + 1;
    uint32_t from = (uint32_t)after & SLOT_MASK;
    uint64_t rotated = (bits >> from) | (bits << ((TIMER_SLOTS - from) & SLOT_MASK));
    return (after + (uint32_t)__builtin_ctzll(rotated)) << (SLOT_BITS * level);
}

static uint64_t next_event(const struct timer_wheel *w)
{
    uint64_t event = UINT64_MAX;
    for (uint32_t level = 0; level < TIMER_LEVELS; level++) {
        event = min_u64(event, level_event(w, level));
    }
    return event;
}

/* The current tick begins groups: hang their timers anew. */
static void cascade(struct timer_wheel *w)
{
    for (uint32_t level = TIMER_LEVELS - 1; level > 0; level--) {
        uint32_t shift = SLOT_BITS * level;
        if ((w->now_tick & ((UINT64_C(1) << shift) - 1)) != 0) {
            continue;
        }
        struct list group;
        slot_take(w, level, (uint32_t)(w->now_tick >> shift) & SLOT_MASK, &group);
        struct list *node;
        while ((node = list_pop_front(&group)) != NULL) {
            hang_again(w, list_entry(node, struct timer, node), w->now_tick);
        }
    }
}

/* One that came off the slot of the current tick. True when it fired. */
static bool fire(struct timer_wheel *w, struct timer *t, uint64_t now_ns)
{
    if (t->deadline_ns != DEADLINE_NONE && deadline_tick(t->deadline_ns) > w->now_tick) {
        hang(w, t, w->now_tick); /* was put off meanwhile */
        return false;
    }
    assert(w->armed > 0);
    w->armed--;
    if (t->deadline_ns == DEADLINE_NONE) {
        return false; /* was stopped meanwhile */
    }
    assert(t->deadline_ns <= now_ns);
    t->fn(t, now_ns); /* t may be gone now */
    return true;
}

/* One run of the wheel. */
struct run {
    uint64_t now_ns;
    uint32_t left; /* timers it may still look at */
    uint32_t fired;
    struct list late; /* what the callbacks armed for the past */
};

/*
 * Fires the slot of the current tick, and leaves there what the run may not look at any more; true
 * when nothing was left. What the callbacks arm for the past goes to late, for the next run: a
 * timer that always re-arms itself so must not keep us here.
 */
static bool fire_current(struct timer_wheel *w, struct run *r)
{
    uint32_t slot = (uint32_t)w->now_tick & SLOT_MASK;
    struct list due, armed_late;
    slot_take(w, 0, slot, &due);
    struct list *node;
    while (r->left > 0 && (node = list_pop_front(&due)) != NULL) {
        r->left--;
        r->fired += fire(w, list_entry(node, struct timer, node), r->now_ns);
    }
    slot_take(w, 0, slot, &armed_late);
    list_move_all(&r->late, &armed_late);
    if (list_empty(&due)) {
        return true;
    }
    list_move_all(&w->slots[0][slot], &due);
    w->occupied[0] |= slot_bit(slot);
    return false;
}

/* Goes from tick to tick until target, or until the run may look at no more. */
static void advance(struct timer_wheel *w, uint64_t target, struct run *r)
{
    while (fire_current(w, r)) {
        uint64_t event = next_event(w);
        if (event > target) {
            w->now_tick = target;
            w->soonest_tick = event;
            return;
        }
        assert(event > w->now_tick);
        w->now_tick = event;
        cascade(w);
    }
    w->soonest_tick = w->now_tick; /* the rest of this tick is for the next run */
}

uint32_t timer_run_due(struct timer_wheel *w, uint64_t now_ns, uint32_t most)
{
    assert(most > 0);
    uint64_t target = now_ns / TIMER_TICK_NS;
    assert(target >= w->now_tick && target >= w->soonest_tick);
    struct run r = {.now_ns = now_ns, .left = most};
    list_init(&r.late);
    advance(w, target, &r);
    struct list *node;
    while ((node = list_pop_front(&r.late)) != NULL) {
        /* Behind all that was due before: however many arm themselves so, the others come. */
        hang_again(w, list_entry(node, struct timer, node), target);
    }
    return r.fired;
}

uint32_t timer_run(struct timer_wheel *w, uint64_t now_ns)
{
    return timer_run_some(w, now_ns, UINT32_MAX);
}
