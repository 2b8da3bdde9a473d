/*
 * The lists of time-outs are in the order in which their members last got anywhere, so the one to
 * go is the first of a list. Nobody goes who holds nothing of what is wanted.
 */
#include "apps/httpd/evict.h"

/* Who has been in a list for at least so long may go. */
struct rule {
    enum timeout_kind kind;
    uint32_t ms;
};

static bool evict_by(struct server *s, const struct rule *rule, const struct client *except)
{
    struct counters *n = &s->env.counters;
    uint64_t *const counts[TIMEOUT_KIND_COUNT] = {
        [TIMEOUT_IDLE] = &n->evicted_idle,        [TIMEOUT_HEAD] = &n->evicted_head,
        [TIMEOUT_BODY] = &n->evicted_silent,      [TIMEOUT_WRITE] = &n->evicted_silent,
        [TIMEOUT_BODY_HELD] = &n->evicted_silent, [TIMEOUT_WRITE_HELD] = &n->evicted_silent,
        [TIMEOUT_LINGER] = &n->evicted_linger,
    };
    struct timeout *t =
        timeouts_oldest_but(&s->timeouts, rule->kind, except != NULL ? &except->timeout : NULL);
    if (t == NULL || s->now_ms - timeouts_armed_ms(&s->timeouts, t) < rule->ms) {
        return false;
    }
    (*counts[rule->kind])++;
    if (counts[rule->kind] == &n->evicted_silent) {
        client_abort(s, (struct client *)(void *)t);
    } else {
        client_close(s, (struct client *)(void *)t);
    }
    return true;
}

bool evict_for_place(struct server *s)
{
    static const struct rule rules[] = {
        {TIMEOUT_IDLE, EVICT_PLACE_MS},
        {TIMEOUT_LINGER, EVICT_LINGER_MS},
        {TIMEOUT_BODY_HELD, EVICT_PLACE_MS},
        {TIMEOUT_WRITE_HELD, EVICT_PLACE_MS},
        {TIMEOUT_BODY, EVICT_PLACE_MS},
        {TIMEOUT_WRITE, EVICT_PLACE_MS},
        /* Few, for each holds a buffer; but a small table has no more places than buffers. */
        {TIMEOUT_HEAD, EVICT_PLACE_MS},
        /* Last, for a new client is idle, too, until its request is here, or all of it. */
        {TIMEOUT_IDLE, 0},
        {TIMEOUT_HEAD, 0},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (evict_by(s, &rules[i], NULL)) {
            return true;
        }
    }
    return false;
}

/* Each of these holds a buffer, so each that goes is one won. */
static bool evict_holder(struct server *s, const struct client *except)
{
    static const struct rule rules[] = {
        {TIMEOUT_HEAD, 0}, /* no head is worth waiting for that somebody else's could be read in */
        {TIMEOUT_BODY_HELD, EVICT_BUFFER_MS},
        {TIMEOUT_WRITE_HELD, EVICT_BUFFER_MS},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (evict_by(s, &rules[i], except)) {
            return true;
        }
    }
    return false;
}

bool evict_for_buffers(struct server *s, const struct client *except, size_t buffers)
{
    for (int i = 0; i < EVICTIONS_MAX && s->buffers.free_count < buffers; i++) {
        if (!evict_holder(s, except)) {
            break;
        }
    }
    return s->buffers.free_count >= buffers;
}
