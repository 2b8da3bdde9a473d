/*
 * One list a kind of time-out. All in a list wait equally long, so appending keeps it in order of
 * the deadlines: arming, disarming and finding the next due are O(1).
 *
 * What is renewed at each request is not moved at each: one that is near the end of its list keeps
 * its place, and only its deadline moves. The order is therefore one of places, and a deadline is
 * later than its place says by less than the slack. Who looks for the first looks through so much
 * of the list, which nearly always is one, and answers to the millisecond. Pure.
 */
#ifndef HTTPD_TIMEOUTS_H
#define HTTPD_TIMEOUTS_H

#include <stddef.h>
#include <stdint.h>

enum timeout_kind {
    TIMEOUT_IDLE,      /* between requests */
    TIMEOUT_HEAD,      /* from the first byte of a head to its last: no progress renews it */
    TIMEOUT_BODY,      /* since the last byte of a body */
    TIMEOUT_WRITE,     /* since the client last took a byte */
    TIMEOUT_BODY_HELD, /* as these two, and holds a buffer that others may need */
    TIMEOUT_WRITE_HELD,
    TIMEOUT_LINGER, /* since our FIN */
    TIMEOUT_KIND_COUNT,
    TIMEOUT_NONE = TIMEOUT_KIND_COUNT, /* not armed */
};

/* A link in whatever can time out. Starts with kind TIMEOUT_NONE. */
struct timeout {
    struct timeout *prev;
    struct timeout *next;
    uint64_t deadline_ms;
    uint64_t placed_ms; /* when it was put to the end of its list */
    uint64_t placed;    /* which arming of all that was, ... */
    uint64_t armed;     /* ... and which was its last: of one list, the order of the deadlines */
    enum timeout_kind kind;
};

enum {
    TIMEOUT_SLACK_DIVISOR = 8, /* of the duration, */
    TIMEOUT_SLACK_MAX_MS = 64, /* but so much at most: it bounds what is looked through */
};

struct timeouts {
    struct {
        struct timeout *first;
        struct timeout *last;
        uint32_t duration_ms;
    } lists[TIMEOUT_KIND_COUNT];
    uint64_t arms; /* how many there were */
    uint64_t
        none_before_ms; /* nothing is due before: as timeouts_due() last saw, or placed since */
};

#define TIMEOUTS_NEVER UINT64_MAX

/* Arms at the end of the list, wherever it was. */
void timeouts_place(struct timeouts *t, struct timeout *x, enum timeout_kind kind, uint64_t now_ms);

/* Arms, or arms anew. now_ms never runs backwards. */
static inline void timeouts_arm(struct timeouts *t, struct timeout *x, enum timeout_kind kind,
                                uint64_t now_ms)
{
    uint32_t duration_ms = t->lists[kind].duration_ms;
    uint64_t since_ms = now_ms - x->placed_ms;
    if (x->kind == kind && since_ms < TIMEOUT_SLACK_MAX_MS &&
        since_ms < duration_ms / TIMEOUT_SLACK_DIVISOR) {
        x->armed = ++t->arms;
        x->deadline_ms = now_ms + duration_ms;
    } else {
        timeouts_place(t, x, kind, now_ms);
    }
}

/* Without effect when not armed. */
void timeouts_disarm(struct timeouts *t, struct timeout *x);

/* The longest armed of a kind, or NULL. Stays armed. The other: of those that are not except. */
struct timeout *timeouts_oldest(const struct timeouts *t, enum timeout_kind kind);
struct timeout *timeouts_oldest_but(const struct timeouts *t, enum timeout_kind kind,
                                    const struct timeout *except);

/* When x, which is armed, was last armed. */
uint64_t timeouts_armed_ms(const struct timeouts *t, const struct timeout *x);

/* One that is due, or NULL. Stays armed: the caller disarms it, or arms it as another kind. */
struct timeout *timeouts_due(struct timeouts *t, uint64_t now_ms);

/* When timeouts_due() will next find something, or TIMEOUTS_NEVER. */
uint64_t timeouts_next_ms(const struct timeouts *t);

/* Not later than that, and at hand: when it is to be called next. After a call that found nothing
 * this is in the future. */
static inline uint64_t timeouts_call_ms(const struct timeouts *t)
{
    return t->none_before_ms;
}

#endif
