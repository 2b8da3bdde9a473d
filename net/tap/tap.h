/*
 * Taps: who sees each frame that enters or leaves a stack, as it is on the wire, and hears what
 * became of those that came in. A tap stands in front of the stack and behind it: the program
 * around hands frames to net_taps_input() and net_taps_output() while there is one, and to the
 * stack itself else, so that a stack which nobody looks at does not know of them.
 */
#ifndef NET_TAP_TAP_H
#define NET_TAP_TAP_H

#include "kernel/list.h"
#include "kernel/pkt.h"

struct net;

enum net_tap_dir {
    NET_TAP_IN,
    NET_TAP_OUT,
};

enum {
    NET_TAPS_MAX = 16,       /* at once */
    NET_TAP_DROPS_MAX = 256, /* counters of reasons to drop */
};

struct net_tap {
    struct list link;
    void *arg;
    /* Borrows p, a frame (or what it will be cut into by the device) in one buffer or several.
     * Returns what it keeps of it, for dropped; NULL: nothing. From the loop; must not call back
     * into the stack. */
    void *(*see)(void *arg, const struct pkt *p, enum net_tap_dir dir, uint64_t now_ns);
    /* What see returned, of a frame that came in, was dropped, and this is the counter of why, with
     * its help. Within the same call of net_taps_input; not called for what was not dropped. */
    void (*dropped)(void *arg, void *seen, const char *counter, const char *help);
};

struct net_taps {
    struct net *net;
    struct list taps;
    uint32_t count;
    uint32_t drop_count;
    uint16_t drops[NET_TAP_DROPS_MAX]; /* which of the stack's counters tell of a dropped frame */
};

void net_taps_init(struct net_taps *t, struct net *n);

/* tap is the caller's, and linked until it is removed. False when there are NET_TAPS_MAX. */
bool net_taps_add(struct net_taps *t, struct net_tap *tap) must_check;
void net_taps_remove(struct net_taps *t, struct net_tap *tap);

static inline bool net_taps_any(const struct net_taps *t)
{
    return t->count > 0;
}

/* In the place of net_input_batch(): takes the batch. Each frame goes alone, so that its fate is
 * its own; the outcome on the wire is that of gro_off. */
void net_taps_input(struct net_taps *t, struct pkt *const *batch, size_t count, uint64_t now_ns);

/* Borrows p, which the device gets next. */
void net_taps_output(struct net_taps *t, const struct pkt *p, uint64_t now_ns);

#endif
