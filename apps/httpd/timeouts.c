/*
 * Lists in the order of their deadlines, or nearly.
 */
#include "apps/httpd/timeouts.h"

#include <assert.h>

void timeouts_disarm(struct timeouts *t, struct timeout *x)
{
    if (x->kind == TIMEOUT_NONE) {
        return;
    }
    assert(x->kind < TIMEOUT_KIND_COUNT);
    if (x->prev != NULL) {
        x->prev->next = x->next;
    } else {
        assert(t->lists[x->kind].first == x);
        t->lists[x->kind].first = x->next;
    }
    if (x->next != NULL) {
        x->next->prev = x->prev;
    } else {
        assert(t->lists[x->kind].last == x);
        t->lists[x->kind].last = x->prev;
    }
    x->kind = TIMEOUT_NONE;
}

void timeouts_place(struct timeouts *t, struct timeout *x, enum timeout_kind kind, uint64_t now_ms)
{
    assert(kind < TIMEOUT_KIND_COUNT);
    timeouts_disarm(t, x);
    struct timeout *last = t->lists[kind].last;
    x->kind = kind;
    x->placed_ms = now_ms;
    x->placed = x->armed = ++t->arms;
    x->deadline_ms = now_ms + t->lists[kind].duration_ms;
    x->prev = last;
    x->next = NULL;
    assert(last == NULL || last->placed_ms <= now_ms);
    if (last != NULL) {
        last->next = x;
    } else {
        t->lists[kind].first = x;
    }
    t->lists[kind].last = x;
    if (x->deadline_ms < t->none_before_ms) {
        t->none_before_ms = x->deadline_ms;
    }
}

struct timeout *timeouts_oldest_but(const struct timeouts *t, enum timeout_kind kind,
                                    const struct timeout *except)
{
    assert(kind < TIMEOUT_KIND_COUNT);
    struct timeout *oldest = NULL;
    for (struct timeout *x = t->lists[kind].first; x != NULL; x = x->next) {
        if (oldest != NULL && x->placed > oldest->armed) {
            break; /* nobody from here on can have been armed before */
        }
        if (x != except && (oldest == NULL || x->armed < oldest->armed)) {
            oldest = x;
        }
    }
    return oldest;
}

struct timeout *timeouts_oldest(const struct timeouts *t, enum timeout_kind kind)
{
    return timeouts_oldest_but(t, kind, NULL);
}

uint64_t timeouts_armed_ms(const struct timeouts *t, const struct timeout *x)
{
    assert(x->kind < TIMEOUT_KIND_COUNT);
    return x->deadline_ms - t->lists[x->kind].duration_ms;
}

/* Of all kinds the one that is due first, or NULL. */
static struct timeout *soonest(const struct timeouts *t)
{
    struct timeout *soonest = NULL;
    for (size_t i = 0; i < TIMEOUT_KIND_COUNT; i++) {
        if (t->lists[i].first == NULL) {
            continue;
        }
        struct timeout *oldest = timeouts_oldest(t, (enum timeout_kind)i);
        if (soonest == NULL || oldest->deadline_ms < soonest->deadline_ms) {
            soonest = oldest;
        }
    }
    return soonest;
}

struct timeout *timeouts_due(struct timeouts *t, uint64_t now_ms)
{
    if (now_ms < t->none_before_ms) {
        return NULL;
    }
    struct timeout *first = soonest(t);
    t->none_before_ms = first != NULL ? first->deadline_ms : TIMEOUTS_NEVER;
    return t->none_before_ms <= now_ms ? first : NULL;
}

uint64_t timeouts_next_ms(const struct timeouts *t)
{
    const struct timeout *first = soonest(t);
    return first != NULL ? first->deadline_ms : TIMEOUTS_NEVER;
}
