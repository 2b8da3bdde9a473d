/*
 * One list a kind of time-out. All in a list wait equally long, so appending keeps it in order of
 * the deadlines: arming, disarming and finding the next due are O(1). Pure.
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
    enum timeout_kind kind;
};

struct timeouts {
    struct {
        struct timeout *first;
        struct timeout *last;
        uint32_t duration_ms;
    } lists[TIMEOUT_KIND_COUNT];
};

#define TIMEOUTS_NEVER UINT64_MAX

/* Arms, or arms anew. now_ms never runs backwards. */
void timeouts_arm(struct timeouts *t, struct timeout *x, enum timeout_kind kind, uint64_t now_ms);

/* Without effect when not armed. */
void timeouts_disarm(struct timeouts *t, struct timeout *x);

/* The longest armed of a kind, or NULL. Stays armed. x->next is the next longest. */
struct timeout *timeouts_oldest(const struct timeouts *t, enum timeout_kind kind);

/* When x, which is armed, was last armed. */
uint64_t timeouts_armed_ms(const struct timeouts *t, const struct timeout *x);

/* One that is due, or NULL. Stays armed: the caller disarms it, or arms it as another kind. */
struct timeout *timeouts_due(const struct timeouts *t, uint64_t now_ms);

/* When timeouts_due() will next find something, or TIMEOUTS_NEVER. */
uint64_t timeouts_next_ms(const struct timeouts *t);

#endif
