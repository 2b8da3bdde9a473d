/*
 * What a simulated world says: traces, breaches, sums. Contracts in world.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/sim/world.h"

enum {
    LINE_BYTES = 320,
};

void world_fail(struct world *w, const char *fmt, ...)
{
    if (w->failed) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->text, sizeof(w->text), fmt, ap);
    va_end(ap);
    w->failed = true;
}

void world_mark(struct world *w, const char *what, uint64_t mark)
{
    if (w->plan->trail != NULL && !trail_note(w->plan->trail, mark)) {
        world_fail(w, "%s: not as in the first run", what);
    }
}

void world_trace(const struct world *w, const char *fmt, ...)
{
    if (!w->verbose) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%12.6f ", (double)w->now_ns / 1e9);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

void world_trace_frame(const struct world *w, int from, const uint8_t *bytes, size_t len,
                       const char *how)
{
    char line[LINE_BYTES];
    if (w->verbose) {
        wire_describe(&w->wire, from, bytes, len, line, sizeof(line));
        world_trace(w, "%s%s", line, how);
    }
}

const char *world_fate(enum link_fate fate)
{
    static const char *const fates[] = {
        [LINK_SENT] = "",
        [LINK_SENT_TWICE] = " [twice]",
        [LINK_SENT_LATE] = " [late]",
        [LINK_SENT_CORRUPT] = " [corrupted]",
        [LINK_LOST] = " [lost]",
        [LINK_LOST_BURST] = " [lost in a burst]",
        [LINK_LOST_OUTAGE] = " [outage]",
        [LINK_LOST_QUEUE] = " [queue full]",
        [LINK_LOST_PARTITION] = " [partition]",
        [LINK_LOST_TOO_LARGE] = " [too large]",
    };
    static_assert(ARRAY_SIZE(fates) == LINK_FATES, "a name for each");
    return fates[fate];
}

double world_wall_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void world_report(const char *what, const struct world_totals *t, double wall_s)
{
    printf(
        "sim: %s: %llu worlds, %llu failed; %llu hosts, %.0f s virtual, %.1f MB and %llu "
        "datagrams read, %llu echoes, %llu segments, %llu runs sent, %llu received in runs, %llu "
        "retransmitted, %llu SACK blocks, %llu frames lost, %llu corrupted, %llu ends reset, %llu "
        "given up, %llu excused for it; %.1f "
        "s\n",
        what, (unsigned long long)t->worlds, (unsigned long long)t->failures,
        (unsigned long long)t->hosts, (double)t->virtual_ns / 1e9, (double)t->stream_bytes / 1e6,
        (unsigned long long)t->datagrams, (unsigned long long)t->echoes,
        (unsigned long long)t->segments, (unsigned long long)t->runs,
        (unsigned long long)t->in_runs, (unsigned long long)t->retransmissions,
        (unsigned long long)t->sack_blocks, (unsigned long long)t->frames_lost,
        (unsigned long long)t->frames_corrupted, (unsigned long long)t->resets,
        (unsigned long long)t->give_ups, (unsigned long long)t->excused, wall_s);
    fflush(stdout);
}

bool world_both(void)
{
    const char *both = getenv("RINGSIDE_SIM_BOTH");
    return both != NULL && strtoull(both, NULL, 0) != 0;
}

bool world_seeds(uint64_t *first, uint64_t *count)
{
    const char *one = getenv("RINGSIDE_SIM_SEED");
    const char *many = getenv("RINGSIDE_SIM_SEEDS");
    const char *from = getenv("RINGSIDE_SIM_FIRST");
    *first = from != NULL ? strtoull(from, NULL, 0) : *first;
    *count = many != NULL ? strtoull(many, NULL, 0) : *count;
    if (one != NULL) {
        *first = strtoull(one, NULL, 0);
        *count = 1;
    }
    return one != NULL;
}
